"""The lines of a list's names, all at once: as the parser has the names, as `find` has the lines."""

from __future__ import annotations

import pytest

from blockctl.model.filterlist import CleanLines
from blockctl.model.rule import Effect, Scope
from blockctl.parsers import find, parse
from blockctl.parsers.lines_of import lines_of, speaks_of_hosts

BLOCK, ALLOW = Effect.BLOCK, Effect.ALLOW
EXACT, SUBTREE = Scope.EXACT, Scope.SUBTREE

LISTS = {
    "hosts": "# a list\n127.0.0.1 localhost\n0.0.0.0 a.org\n0.0.0.0 B.org c.org # two\n\n0.0.0.0 d.org\nnonsense\n",
    "domains": "a.org\n# b.org\n*.c.org\n.d.org\nbücher.example\nE.org\ncom\n",
    "wildcard": "*.a.org\n*.b.org\n*.c.org\n",
    "dnsmasq": "address=/a.org/\naddress=/b.org/c.org/0.0.0.0\nserver=/d.org/#\nserver=/e.org/\n",
    "unbound": 'server:\nlocal-zone: "a.org" always_nxdomain\nlocal-zone: "b.org" transparent\n',
    "adblock": "! list\n||a.org^\n@@||b.org^\n||c.org^$important\n||D.org^\n0.0.0.0 e.org\n||a.org/x^\n||f.org^|\n",
    "adblock-names": "||a.org^\nb.org\nC.org # why\nd.org #@#.ad\n@@||e.org^\n0.0.0.0 f.org\n",
    "rpz": "$TTL 60\n@ SOA . . 1 1 1 1 1\na.org CNAME .\n*.a.org CNAME .\nb.org CNAME .\nc.org CNAME rpz-passthru.\n",
}


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        pytest.param(
            "hosts", {(BLOCK, EXACT, "a.org", 3), (BLOCK, EXACT, "b.org", 4), (BLOCK, EXACT, "c.org", 4),
                      (BLOCK, EXACT, "d.org", 6)}, id="hosts",
        ),
        pytest.param(
            "domains", {(BLOCK, EXACT, "a.org", 1), (BLOCK, SUBTREE, "c.org", 3), (BLOCK, SUBTREE, "d.org", 4),
                        (BLOCK, EXACT, "xn--bcher-kva.example", 5), (BLOCK, EXACT, "e.org", 6)}, id="domains",
        ),
        pytest.param(
            "wildcard", {(BLOCK, SUBTREE, "a.org", 1), (BLOCK, SUBTREE, "b.org", 2), (BLOCK, SUBTREE, "c.org", 3)},
            id="wildcard",
        ),
        pytest.param(
            "dnsmasq", {(BLOCK, SUBTREE, "a.org", 1), (BLOCK, SUBTREE, "b.org", 2), (BLOCK, SUBTREE, "c.org", 2),
                        (ALLOW, SUBTREE, "d.org", 3), (BLOCK, SUBTREE, "e.org", 4)}, id="dnsmasq",
        ),
        pytest.param("unbound", {(BLOCK, SUBTREE, "a.org", 2), (ALLOW, SUBTREE, "b.org", 3)}, id="unbound"),
        pytest.param(
            "adblock", {(BLOCK, SUBTREE, "a.org", 2), (ALLOW, SUBTREE, "b.org", 3), (BLOCK, SUBTREE, "d.org", 5),
                        (BLOCK, EXACT, "e.org", 6), (BLOCK, SUBTREE, "f.org", 8)}, id="adblock",
        ),
        pytest.param(
            "adblock-names", {(BLOCK, SUBTREE, "a.org", 1), (BLOCK, EXACT, "b.org", 2), (BLOCK, EXACT, "c.org", 3),
                              (ALLOW, SUBTREE, "e.org", 5), (BLOCK, EXACT, "f.org", 6)}, id="bare names of adblock",
        ),
        pytest.param(
            "rpz", {(BLOCK, EXACT, "a.org", 3), (BLOCK, SUBTREE, "a.org", 4), (BLOCK, EXACT, "b.org", 5),
                    (ALLOW, EXACT, "c.org", 6)}, id="rpz",
        ),
    ],
)  # fmt: skip
def test_lines_of(format_: str, expected: set[tuple[Effect, Scope, str, int]]) -> None:
    assert numbered(LISTS[format_].encode(), format_) - {(BLOCK, EXACT, "com", 7)} == expected


@pytest.mark.parametrize("match", ["", "exact", "subtree"])
@pytest.mark.parametrize("format_", LISTS)
def test_every_name_of_the_columns_has_its_line(format_: str, match: str) -> None:
    data = LISTS[format_].encode()
    parsed = parse(data, "l", format_.removesuffix("-names"), match, dns_only=format_ == "adblock-names")
    found = numbered(data, parsed.format, match)
    columns = {(BLOCK, EXACT): "exact", (BLOCK, SUBTREE): "subtree", (ALLOW, EXACT): "allow_exact"}
    for (effect, scope), column in columns.items():
        for name in getattr(parsed, column):
            numbers = {line for *says, line in found if says == [effect, scope, name]}
            asked = name if scope is EXACT else f"x.{name}"
            spoken = find(data, "l", asked, format=parsed.format, match=match)
            assert numbers & {rule.origin.line for rule in spoken if rule.host == name}


def test_pieces_of_a_long_text_count_on(monkeypatch: pytest.MonkeyPatch) -> None:
    data = "".join(f"0.0.0.0 {at}.example\n#\n" for at in range(50)).encode()
    whole = numbered(data, "hosts")
    monkeypatch.setattr("blockctl.parsers.lines_of._PIECE", 40)
    assert numbered(data, "hosts") == whole
    assert {line for *_, line in whole} == set(range(1, 100, 2))


@pytest.mark.parametrize("match", ["", "exact", "subtree"])
@pytest.mark.parametrize("format_", LISTS)
def test_the_clean_lines_that_the_parser_found_are_those_that_are_found_again(format_: str, match: str) -> None:
    data = LISTS[format_].encode()
    parsed = parse(data, "l", format_.removesuffix("-names"), match, dns_only=format_ == "adblock-names")
    assert numbered(data, parsed.format, match, parsed.clean) == numbered(data, parsed.format, match)


def test_clean_lines_need_not_be_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"# a list\n0.0.0.0 a.org\n0.0.0.0 b.org\n0.0.0.0 c.org d.org\n0.0.0.0 e.org"
    clean = parse(data, "l").clean
    monkeypatch.setattr("blockctl.parsers.lines_of.find_clean", None)
    found = numbered(data, "hosts", "", clean)
    assert found == {(BLOCK, EXACT, f"{name}.org", line) for name, line in zip("abcde", (2, 3, 4, 4, 5), strict=True)}


def test_lines_in_branches_count_as_they_stand() -> None:
    data = b"||a.org^\n!#if env_firefox\n||b.org^\n!#endif\n||c.org^\n"
    assert numbered(data, "adblock") == {
        (BLOCK, SUBTREE, "a.org", 1),
        (BLOCK, SUBTREE, "b.org", 3),
        (BLOCK, SUBTREE, "c.org", 5),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("||a.org^\n||b*.org^\n", True, id="hosts and a pattern"),
        pytest.param("||a.org^\n192.0.2.0/24\n||192.0.2.7^\n[2001:db8::7]\n", True, id="addresses"),
        pytest.param("||a.org^\n/ads/*\n-banner-$image\na.org##.ad\n", False, id="addresses of files"),
    ],
)
def test_speaks_of_hosts(text: str, expected: bool) -> None:
    assert speaks_of_hosts(text.encode(), "adblock") is expected


def numbered(
    data: bytes, format_: str, match: str = "", clean: CleanLines | None = None
) -> set[tuple[Effect, Scope, str, int]]:
    return {
        (effect, scope, name, line)
        for effect, scope, names, numbers in lines_of(data, format_, match, clean)
        for name, line in zip(names, numbers, strict=True)
    }
