import pytest

from blockctl.model.rule import Effect, Rule, Scope
from blockctl.parsers import find, read_line


@pytest.mark.parametrize(
    ("format_", "text", "host", "expected"),
    [
        pytest.param(
            "hosts", "# x\r\n0.0.0.0 a.example b.example\r\n", "b.example", [(2, "b.example")], id="hosts, CRLF"
        ),
        pytest.param("hosts", "0.0.0.0 A.Example\n", "a.example", [(1, "a.example")], id="upper case"),
        pytest.param("hosts", "0.0.0.0 a.example\n", "x.a.example", [], id="hosts lines are exact"),
        pytest.param(
            "hosts", "0.0.0.0 xa.example\n0.0.0.0 a.example.org\n", "a.example", [], id="a part of other names"
        ),
        pytest.param("hosts", "# a.example\n0.0.0.0 b.example # a.example\n", "a.example", [], id="in comments"),
        pytest.param("hosts", "192.168.1.2 a.example\n", "a.example", [], id="not a block"),
        pytest.param("hosts", "0.0.0.0 co.uk\n", "a.co.uk", [], id="refused"),
        pytest.param(
            "domains",
            "b\u00fccher.example\n",
            "xn--bcher-kva.example",
            [(1, "xn--bcher-kva.example")],
            id="international",
        ),
        pytest.param("domains", "a.example\n*.a.example\n", "x.a.example", [(2, "a.example")], id="wildcard"),
        pytest.param("dnsmasq", "address=/b.example/a.example/#\n", "x.a.example", [(1, "a.example")], id="dnsmasq"),
        pytest.param("unbound", '\nlocal-zone: "a.example." static\n', "x.a.example", [(2, "a.example")], id="unbound"),
        pytest.param(
            "adblock", "||a.example^$third-party\n||a.example^\n", "x.a.example", [(2, "a.example")], id="adblock"
        ),
        pytest.param(
            "adblock",
            "0.0.0.0 a.example\n||b.a.example^\n",
            "a.example",
            [(1, "a.example")],
            id="hosts line in adblock",
        ),
        pytest.param(
            "adblock-names", "||b.example^\nA.example # why\n", "a.example", [(2, "a.example")], id="a bare name"
        ),
        pytest.param("adblock-names", "a.example\n", "x.a.example", [], id="bare names are exact"),
        pytest.param("adblock-names", "a.example #@#.ad\n", "a.example", [], id="no remark"),
        pytest.param("adblock", "||b.example^\na.example\n", "a.example", [], id="a part of an address"),
        pytest.param("", "||a.example^\n||b.example^\n", "b.example", [(2, "b.example")], id="recognised"),
        pytest.param("", "<!DOCTYPE html>a.example", "a.example", [], id="a web page"),
        pytest.param("hosts", "0.0.0.0 \n", "", [], id="no host"),
    ],
)
def test_find(format_: str, text: str, host: str, expected: list[tuple[int, str]]) -> None:
    found = find(text.encode(), "t", host, format=format_)
    assert [(rule.origin.line, rule.host) for rule in found] == expected
    assert all(rule.text == text.splitlines()[rule.origin.line - 1].strip() for rule in found)


def test_find_says_what_a_zone_says_below_and_beside() -> None:
    zone = (
        b"$TTL 1\na.example CNAME .\n*.a.example CNAME .\n"
        b"b.example A 1.2.3.4\n  A 0.0.0.0\nok.a.example CNAME rpz-passthru.\n"
    )
    found = find(zone, "t", "ok.a.example", format="rpz")
    assert [(rule.origin.line, rule.effect, rule.scope) for rule in found] == [
        (3, Effect.BLOCK, Scope.BELOW),
        (6, Effect.ALLOW, Scope.EXACT),
    ]
    assert [rule.origin.line for rule in find(zone, "t", "b.example", format="rpz")] == [5]


@pytest.mark.parametrize(("match", "count"), [("", 0), ("subtree", 1), ("exact", 0)])
def test_find_heeds_match(match: str, count: int) -> None:
    assert len(find(b"a.example\n", "t", "x.a.example", format="domains", match=match)) == count


def test_read_line_counts_lines_as_parse_does() -> None:
    text = "".join(f"||n{number}.example^\n" for number in range(1, 3000)).encode()
    for number in (1, 2, 700, 701, 2999):
        rule = read_line(text, "t", number)
        assert isinstance(rule, Rule)
        assert (rule.host, rule.origin.line) == (f"n{number}.example", number)
    assert read_line(b"# x\n0.0.0.0 a.example\n", "t", 1, format="hosts") is None


def test_read_line_knows_a_zone_as_a_whole() -> None:
    zone = b"$ORIGIN .\nz 1 IN SOA a. b. (1 1\n 1 1 1)\n$ORIGIN example.z.\n*.a CNAME .\n"
    rule = read_line(zone, "t", 5)
    assert isinstance(rule, Rule)
    assert (rule.host, rule.scope) == ("a.example", Scope.BELOW)
