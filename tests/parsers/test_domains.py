import pytest

from blockctl.parsers import domains, parse


@pytest.mark.parametrize(
    ("line", "exact", "subtree"),
    [
        pytest.param("ads.example", "ads.example", "", id="bare"),
        pytest.param("*.ads.example", "", "ads.example", id="wildcard"),
        pytest.param(".ads.example", "", "ads.example", id="leading dot"),
        pytest.param("Ads.Example.", "ads.example", "", id="upper case, trailing dot"),
        pytest.param("*.Ads.Example", "", "ads.example", id="wildcard in upper case"),
        pytest.param("ads.example # why", "ads.example", "", id="comment"),
        pytest.param("ads.example#why", "ads.example", "", id="comment without a blank"),
        pytest.param("ads.example ; why", "ads.example", "", id="semicolon comment"),
        pytest.param("b\u00fccher.example", "xn--bcher-kva.example", "", id="international"),
        pytest.param("*.b\u00fccher.example", "", "xn--bcher-kva.example", id="international wildcard"),
        pytest.param("\u200bads.example\u00a0", "ads.example", "", id="odd blanks"),
        pytest.param("_dmarc.ads.example", "_dmarc.ads.example", "", id="underscore"),
        pytest.param("// decoy.example", "", "", id="slashes comment"),
        pytest.param("! decoy.example", "", "", id="exclamation comment"),
        pytest.param("#decoy.example", "", "", id="commented out"),
    ],
)
def test_names(line: str, exact: str, subtree: str) -> None:
    parsed = domains.parse(line, "t")
    assert parsed.exact == ({exact} if exact else set())
    assert parsed.subtree == ({subtree} if subtree else set())
    assert parsed.counts.refused == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("ads*.example", "L107", id="inner wildcard"),
        pytest.param("cas.*.example", "L107", id="wildcard label"),
        pytest.param("*.com", "L103", id="wildcard top level"),
        pytest.param(".co.uk", "L103", id="dotted suffix"),
        pytest.param("*.github.io", "L103", id="private suffix"),
        pytest.param("*.shop.ck", "L103", id="wildcard suffix"),
        pytest.param("x.ads.local", "L104", id="special use"),
        pytest.param("*.home.arpa", "L104", id="wildcard special use"),
        pytest.param("203.0.113.7", "L102", id="address"),
        pytest.param("2001:db8::1", "L102", id="IPv6 address"),
        pytest.param("10.0.0.0/8", "L102", id="network"),
        pytest.param("0x7f.1", "L102", id="address as browsers read it"),
        pytest.param("http://h.example/x", "L106", id="URL"),
        pytest.param("h.example:443", "L106", id="port"),
        pytest.param("/gate.php", "L106", id="path"),
        pytest.param("||ads.example^", "L108", id="adblock"),
        pytest.param("ads.example##.banner", "L108", id="cosmetic"),
        pytest.param("0.0.0.0 ads.example", "L108", id="hosts line"),
        pytest.param("=ads.example", "L109", id="dnscrypt"),
        pytest.param("+.ads.example", "L109", id="Clash"),
        pytest.param("two words", "L109", id="prose"),
        pytest.param("a..example", "L101", id="empty label"),
        pytest.param("a.example\ufffd", "L101", id="broken bytes"),
        pytest.param("localhost", "L104", id="localhost"),
    ],
)
def test_every_refusal_has_its_code(line: str, code: str) -> None:
    parsed = domains.parse(line, "t")
    assert [each.code for each in parsed.diagnostics] == [code]
    assert not (parsed.exact or parsed.subtree or parsed.rules)
    assert parsed.counts.refused == 1


def test_bare_and_wildcard_lines_mix() -> None:
    parsed = domains.parse("a.example\n*.b.example\n.c.example\nb.example\n", "t")
    assert parsed.exact == {"a.example", "b.example"}
    assert parsed.subtree == {"b.example", "c.example"}


@pytest.mark.parametrize(
    ("match", "exact", "subtree"),
    [
        pytest.param("", {"a.example"}, {"b.example"}, id="as the format means it"),
        pytest.param("subtree", set(), {"a.example", "b.example"}, id="subtree"),
        pytest.param("exact", {"a.example", "b.example"}, set(), id="exact"),
    ],
)
def test_match(match: str, exact: set[str], subtree: set[str]) -> None:
    parsed = parse(b"a.example\n*.b.example\n", "t", "domains", match)
    assert (parsed.exact, parsed.subtree) == (exact, subtree)
