import pytest

from blockctl.parsers import hosts


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("0.0.0.0 a.example b.example # two", ["a.example", "b.example"], id="names, comment"),
        pytest.param("127.0.0.1  ads.example", ["ads.example"], id="loopback sink"),
        pytest.param("::1 ads.example", ["ads.example"], id="IPv6 loopback"),
        pytest.param(":: ads.example", ["ads.example"], id="IPv6 unspecified"),
        pytest.param("0:0:0:0:0:0:0:0 ads.example", ["ads.example"], id="IPv6 unspecified, written out"),
        pytest.param("::ffff:0.0.0.0 ads.example", ["ads.example"], id="mapped sink"),
        pytest.param("0 ads.example", ["ads.example"], id="zero"),
        pytest.param("0.0.0.0\tads.example\t", ["ads.example"], id="tabs"),
        pytest.param("  0.0.0.0 ads.example  ", ["ads.example"], id="blanks around"),
        pytest.param("0.0.0.0\u00a0ads.example\u200b", ["ads.example"], id="no-break and zero-width blanks"),
        pytest.param("0.0.0.0 Ads.Example", ["ads.example"], id="upper case"),
        pytest.param("0.0.0.0 B\u00fccher.example", ["xn--bcher-kva.example"], id="international"),
        pytest.param("0.0.0.0 fa\u00df.example", ["xn--fa-hia.example"], id="sharp s is not ss"),
        pytest.param("0.0.0.0 xn--bcher-kva.example", ["xn--bcher-kva.example"], id="punycode"),
        pytest.param("0.0.0.0 ads.example.", ["ads.example"], id="trailing dot"),
        pytest.param("0.0.0.0 _x.ads.example", ["_x.ads.example"], id="underscore"),
        pytest.param("0.0.0.0 sia-.pool.example", ["sia-.pool.example"], id="hyphen at the edge"),
        pytest.param("0.0.0.0 0.0.0.0.creative.example", ["0.0.0.0.creative.example"], id="name like an address"),
        pytest.param("0.0.0.0 a.example#b.example", ["a.example"], id="comment without a blank"),
        pytest.param("0.0.0.0 a.example # was: b.example", ["a.example"], id="name in a comment"),
        pytest.param(
            "0.0.0.0 good.example bad..example", ["good.example"], id="a bad name does not sink its neighbour"
        ),
        pytest.param("#0.0.0.0 a.example", [], id="commented out"),
        pytest.param("; 0.0.0.0 a.example", [], id="semicolon"),
        pytest.param("127.0.0.1 localhost", [], id="localhost"),
        pytest.param("127.0.0.1 localhost.localdomain", [], id="localdomain"),
        pytest.param("255.255.255.255 broadcasthost", [], id="broadcasthost"),
        pytest.param("fe80::1%lo0 localhost", [], id="link-local localhost"),
        pytest.param("ff02::1 ip6-allnodes", [], id="ip6-allnodes"),
        pytest.param("0.0.0.0 0.0.0.0", [], id="sink named as itself"),
        pytest.param("192.168.1.5 nas.example", [], id="another address"),
        pytest.param("0.0.0.0 com", [], id="top level"),
        pytest.param("0.0.0.0 co.uk", [], id="public suffix"),
        pytest.param("0.0.0.0 www.ck", ["www.ck"], id="exception of the suffix list"),
        pytest.param("0.0.0.0 shop.ck", [], id="wildcard of the suffix list"),
        pytest.param("0.0.0.0 printer.local", [], id="special use"),
        pytest.param("0.0.0.0 203.0.113.7", [], id="address as a name"),
        pytest.param("0.0.0.0 " + "a" * 64 + ".example", [], id="label of 64"),
        pytest.param("0.0.0.0 " + "a" * 63 + ".example", ["a" * 63 + ".example"], id="label of 63"),
        pytest.param("0.0.0.0 " + "abcdefg." * 31 + "example", [], id="name of 255"),
        pytest.param("0.0.0.0 " + "abcdefg." * 30 + "example", ["abcdefg." * 30 + "example"], id="name of 247"),
        pytest.param("0.0.0.0", [], id="no name"),
        pytest.param("a.example", [], id="no address"),
        pytest.param("||a.example^", [], id="adblock"),
        pytest.param("a.example##.ad", [], id="cosmetic"),
        pytest.param("0.0.0.0 <b>a.example</b>", [], id="markup"),
    ],
)
def test_names(line: str, expected: list[str]) -> None:
    parsed = hosts.parse(line, "t")
    assert sorted(parsed.exact) == sorted(expected)
    assert not parsed.subtree
    counts = parsed.counts
    assert (counts.lines, counts.rules + counts.nothing + counts.refused) == (1, 1)
    assert counts.rules == bool(expected)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("192.168.1.5 nas.example", "L105", id="another address"),
        pytest.param("0.0.0.0 com", "L103", id="top level"),
        pytest.param("0.0.0.0 co.uk", "L103", id="public suffix"),
        pytest.param("0.0.0.0 printer.local", "L104", id="special use"),
        pytest.param("0.0.0.0 203.0.113.7", "L102", id="address as a name"),
        pytest.param("0.0.0.0 bad..example", "L101", id="empty label"),
        pytest.param("0.0.0.0 *.a.example", "L107", id="wildcard"),
        pytest.param("0.0.0.0 a.example/path", "L106", id="path"),
        pytest.param("0.0.0.0 a.example:443", "L106", id="port"),
        pytest.param("a.example", "L108", id="no address"),
        pytest.param("||a.example^", "L108", id="adblock"),
        pytest.param("0.0.0.0\u00a0ads.example", "L111", id="odd blank"),
        pytest.param("0.0.0.0 32.7.113.0.203.rpz.ip", "L110", id="trigger"),
        pytest.param("0.0.0.0 " + "a" * 70_000, "L112", id="long line"),
    ],
)
def test_every_refusal_has_its_code(line: str, code: str) -> None:
    (diagnostic,) = hosts.parse(f"# head\n{line}\n", "list.txt").diagnostics
    assert (diagnostic.code, diagnostic.origin.line) == (code, 2)
    assert len(str(diagnostic)) < 400


def test_the_com_line_takes_nothing_with_it() -> None:
    parsed = hosts.parse("0.0.0.0 a.com\n0.0.0.0 com\n0.0.0.0 b.com\n", "t")
    assert parsed.exact == {"a.com", "b.com"}
    assert [str(each.origin) for each in parsed.diagnostics] == ["t:2"]
