"""Which blocked names are a page's, told by when they were asked for and by whom."""

from __future__ import annotations

import pytest

from blockctl.dns.suspects import Asked, suspects

PAGE = "shop.example"


def asked(at: float, name: str, client: str = "laptop", *, blocked: bool = True, allow: str | None = None) -> Asked:
    return Asked(at, client, name, blocked, name if allow is None else allow)


def opened(at: float, client: str = "laptop") -> Asked:
    return asked(at, f"www.{PAGE}", client, blocked=False)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([opened(100), asked(101, "pay.example")], ["pay.example"], id="right after the page"),
        pytest.param([asked(99, "pay.example"), opened(100)], ["pay.example"], id="browsers ask ahead"),
        pytest.param([opened(100), asked(200, "pay.example")], [], id="long after"),
        pytest.param([opened(100), asked(101, "pay.example", "phone")], [], id="by another client"),
        pytest.param([opened(100), asked(101, "pay.example", blocked=False)], [], id="not blocked"),
        pytest.param([opened(100), asked(101, "pay.example", allow="")], [], id="no site can allow it"),
        pytest.param([asked(101, "pay.example")], [], id="the page was never opened"),
        pytest.param(
            [opened(100), asked(101, "tv.example"), asked(102, "pay.example"), asked(500, "tv.example")],
            ["pay.example", "tv.example"], id="what is asked for at other times too comes last",
        ),
        pytest.param(
            [opened(100), asked(101, "a.example"), asked(102, "b.example"), opened(300), asked(301, "b.example")],
            ["b.example", "a.example"], id="what every opening asks for comes first",
        ),
        pytest.param([opened(100), asked(101, "cdn.example", allow="led.example")], ["led.example"],
                     id="the name that has to be allowed"),
        pytest.param([asked(100, PAGE), asked(101, "pay.example")], ["pay.example", PAGE], id="the site's own name"),
    ],
)  # fmt: skip
def test_suspects(rows: list[Asked], expected: list[str]) -> None:
    assert [each.host for each in suspects(rows, PAGE)] == expected
