"""A line that is left out is the line that was shown, whatever bytes it is written in."""

from __future__ import annotations

import pytest

from blockctl.parsers.left_out import leave_out, line_text, still_there


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"||bank.example^", id="plain"),
        pytest.param(b" 0.0.0.0 bank.example \t", id="spaces around it"),
        pytest.param(b"0.0.0.0 bank.example # caf\xe9", id="Latin-1"),
        pytest.param("0.0.0.0 bank.example # ä\u00a0".encode(), id="a space that is not ASCII"),
        pytest.param(b"0.0.0.0 bank.example\x1f", id="a separator"),
    ],
)
def test_the_line_that_was_shown_is_left_out(line: bytes) -> None:
    data = b"0.0.0.0 a.example\n" + line + b"\n0.0.0.0 b.example\n"
    shown = line_text(line)
    assert still_there(data, [shown, "||gone.example^"]) == (shown,)
    assert leave_out(data, [shown]) == b"0.0.0.0 a.example\n\n0.0.0.0 b.example\n"
