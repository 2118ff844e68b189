"""What fuzzing found in the parsers, said in a line each; tests/corpus keeps the inputs themselves."""

from __future__ import annotations

import pytest

from blockctl.parsers import find, parse
from blockctl.parsers.adblock_directives import MAX_INCLUDES, evaluate
from blockctl.parsers.text import MAX_LINE

ZONE = "$ORIGIN rpz.example.\n@ IN SOA a. b. 1 2 3 4 5\n"


@pytest.mark.parametrize(
    ("format_", "text", "host", "lines"),
    [
        pytest.param("rpz", f"{ZONE}ads.example.net.rpz.example. CNAME .", "ads.example.net", [3], id="absolute owner"),
        pytest.param("rpz", f"{ZONE}*.example.net.rpz.example. CNAME .", "a.example.net", [3], id="absolute wildcard"),
        pytest.param("adblock", "! uBlock filters\nads.example.net\n||x.y^$script", "ads.example.net", [2], id="bare"),
        pytest.param("adblock", "||x.y^$dnstype=A\nads.example.net", "ads.example.net", [2], id="bare, for DNS"),
        pytest.param("adblock", "ads.example.net\n||x.y/z$script", "ads.example.net", [], id="a part of an address"),
    ],
)
def test_a_name_of_a_column_is_found(format_: str, text: str, host: str, lines: list[int]) -> None:
    data = text.encode()
    parsed = parse(data, "t", format_)
    below = {rule.host for rule in parsed.rules}
    assert [rule.origin.line for rule in find(data, "t", host, format=format_)] == lines
    assert bool({host, "example.net"} & (parsed.exact | parsed.subtree | below)) == bool(lines)


@pytest.mark.parametrize("name", ['"ads.example.net', 'ads.example.net"', '"ads.example.net. '])
def test_a_zone_whose_name_is_not_closed_blocks_nothing(name: str) -> None:
    parsed = parse(f"local-zone: {name} always_nxdomain\n".encode(), "t", "unbound")
    assert not parsed.subtree
    assert parsed.counts.refused == 1


def test_includes_are_bounded() -> None:
    parsed = parse(b"".join(b"!#include %d.txt\n" % number for number in range(MAX_INCLUDES + 5)), "t", "adblock")
    assert len(parsed.header["include"].split("\n")) == MAX_INCLUDES
    assert parsed.counts.refused == parsed.diagnostics.count["L212"] == 5


def test_a_directive_is_no_longer_than_any_line() -> None:
    parsed = parse(b"!#include " + b"a" * MAX_LINE + b"\n", "t", "adblock")
    assert "include" not in parsed.header
    assert parsed.counts.refused == parsed.diagnostics.count["L211"] == 1


def test_a_condition_with_blanks_is_read() -> None:
    assert evaluate(f"ext_ublock {' ' * 1000}&& {' ' * 1000}!env_mobile") is True
    assert evaluate(f"ext_ublock{' ' * 1000}true") is None
