import pytest

from blockctl.parsers import unbound


@pytest.mark.parametrize(
    "kind",
    [
        "always_nxdomain",
        "always_null",
        "always_nodata",
        "always_refuse",
        "always_deny",
        "static",
        "redirect",
        "refuse",
        "deny",
    ],
)
def test_zones_that_block(kind: str) -> None:
    parsed = unbound.parse(f'server:\n  local-zone: "ads.example." {kind}\n', "t")
    assert parsed.subtree == {"ads.example"}
    assert (parsed.counts.rules, parsed.counts.nothing) == (1, 1)


@pytest.mark.parametrize("kind", ["transparent", "typetransparent", "always_transparent", "inform"])
def test_zones_that_let_through(kind: str) -> None:
    parsed = unbound.parse(f'local-zone: "ok.example" {kind}', "t")
    assert parsed.allow_subtree == {"ok.example"}
    assert not parsed.subtree


@pytest.mark.parametrize(
    ("line", "exact", "subtree"),
    [
        pytest.param('local-zone: "ads.example" static', "", "ads.example", id="no dot"),
        pytest.param("local-zone: ads.example static", "", "ads.example", id="no quotes"),
        pytest.param("local-zone: 'ads.example' static", "", "ads.example", id="single quotes"),
        pytest.param('local-zone: "Ads.Example." always_null # why', "", "ads.example", id="upper case, comment"),
        pytest.param('local-zone: "b\u00fccher.example" always_null', "", "xn--bcher-kva.example", id="international"),
        pytest.param('local-data: "ads.example A 0.0.0.0"', "ads.example", "", id="data"),
        pytest.param('local-data: "ads.example. 3600 IN AAAA ::"', "ads.example", "", id="data with ttl and class"),
        pytest.param("local-data: 'ads.example A 127.0.0.1'", "ads.example", "", id="loopback data"),
        pytest.param('local-zone: "10.in-addr.arpa" nodefault', "", "", id="unbound's own zone"),
    ],
)
def test_lines(line: str, exact: str, subtree: str) -> None:
    parsed = unbound.parse(line, "t")
    assert parsed.exact == ({exact} if exact else set())
    assert parsed.subtree == ({subtree} if subtree else set())
    assert parsed.counts.refused == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param('local-data: "nas.example A 192.168.1.5"', "L105", id="real address"),
        pytest.param('local-data: "nas.example CNAME a.example"', "L105", id="another record"),
        pytest.param('local-data: "nas.example"', "L101", id="no record"),
        pytest.param('local-zone: "com." always_nxdomain', "L103", id="top level"),
        pytest.param('local-zone: "." always_nxdomain', "L101", id="root"),
        pytest.param('local-zone: "ads.local." always_nxdomain', "L104", id="special use"),
        pytest.param('local-zone: "ads.example" block_a', "L109", id="half a block"),
        pytest.param("do-ip6: no", "L109", id="another option"),
        pytest.param("ads.example", "L108", id="bare name"),
    ],
)
def test_refusals(line: str, code: str) -> None:
    parsed = unbound.parse(line, "t")
    assert [each.code for each in parsed.diagnostics] == [code]
    assert not (parsed.exact or parsed.subtree or parsed.allow_subtree)


@pytest.mark.parametrize(
    ("text", "subtree", "exact"),
    [
        pytest.param(
            'local-zone: "ads.example" redirect\nlocal-data: "ads.example A 0.0.0.0"\n',
            {"ads.example"}, {"ads.example"}, id="redirect to a sink blocks",
        ),
        pytest.param(
            'local-zone: "nas.example" redirect\nlocal-data: "nas.example A 192.168.1.9"\n',
            set(), set(), id="redirect to a machine is a rewrite",
        ),
        pytest.param(
            'local-zone: "home.example" static\nlocal-data: "tv.home.example A 10.0.0.4"\n'
            'local-zone: "ads.example" static\n',
            {"ads.example"}, set(), id="a network's own zone",
        ),
        pytest.param(
            'local-zone: "home.example" always_nxdomain\nlocal-data: "tv.home.example A 10.0.0.4"\n',
            {"home.example"}, set(), id="always_nxdomain ignores data",
        ),
    ],
)  # fmt: skip
def test_zones_with_data(text: str, subtree: set[str], exact: set[str]) -> None:
    parsed = unbound.parse(text, "t")
    assert (parsed.subtree, parsed.exact) == (subtree, exact)
    counts = parsed.counts
    assert counts.rules + counts.nothing + counts.refused == counts.lines
