"""What every command shares."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.cli.common import json_text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("Spaß im Büro, 広告 🙂", '"Spaß im Büro, 広告 🙂"', id="letters stay"),
        pytest.param("a\x9b31mb", '"a\\u009b31mb"', id="a terminal's command of one byte"),
        pytest.param("\x1b[0m\n", '"\\u001b[0m\\n"', id="what JSON escapes itself"),
        pytest.param("\x7f", '"\\u007f"', id="DEL"),
        pytest.param("moc.\u202eelpmaxe", '"moc.\\u202eelpmaxe"', id="right to left"),
        pytest.param("\ud800", '"\\ud800"', id="half a letter"),
        pytest.param("\U000e0001", '"\\udb40\\udc01"', id="a mark beyond 16 bits"),
    ],
)
def test_what_a_terminal_obeys_or_hides_is_escaped(value: str, expected: str) -> None:
    assert json_text(value) == expected
    assert json.loads(expected) == value


@given(st.text(), st.sampled_from([None, 2]))
def test_any_text_is_printable_and_means_the_same(text: str, indent: int | None) -> None:
    written = json_text({text: [text]}, indent)
    assert json.loads(written) == {text: [text]}
    assert all(each.isprintable() or (indent and each == "\n") for each in written)
