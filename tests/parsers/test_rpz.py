import pytest

from blockctl.model.rule import Effect, Scope
from blockctl.parsers import rpz

HEAD = """$TTL 3600
$ORIGIN rpz.zone.
@ IN SOA ns.zone. hostmaster.zone. (
        1 ; serial (of today)
        3600 600 86400 60 )
  IN NS localhost.
"""


@pytest.mark.parametrize(
    ("record", "column", "name"),
    [
        pytest.param("ads.example CNAME .", "exact", "ads.example", id="nxdomain"),
        pytest.param("ads.example IN CNAME .", "exact", "ads.example", id="with class"),
        pytest.param("ads.example 60 IN CNAME .", "exact", "ads.example", id="with ttl"),
        pytest.param("ads.example IN 60 CNAME .", "exact", "ads.example", id="ttl after class"),
        pytest.param("ads.example cname *.", "exact", "ads.example", id="no data, lower case"),
        pytest.param("ads.example CNAME . ; why", "exact", "ads.example", id="comment"),
        pytest.param("ads.example.rpz.zone. CNAME .", "exact", "ads.example", id="absolute"),
        pytest.param("Ads.Example CNAME .", "exact", "ads.example", id="upper case"),
        pytest.param("ads.example A 0.0.0.0", "exact", "ads.example", id="sink"),
        pytest.param("ads.example IN AAAA ::", "exact", "ads.example", id="IPv6 sink"),
        pytest.param("ads.example CNAME rpz-drop.", "exact", "ads.example", id="drop"),
        pytest.param("ok.example CNAME rpz-passthru.", "allow_exact", "ok.example", id="passthru"),
        pytest.param("ok.example CNAME ok.example.", "allow_exact", "ok.example", id="passthru, the old way"),
        pytest.param("a.example CNAME .\n*.a.example CNAME .", "subtree", "a.example", id="name and wildcard"),
        pytest.param("*.a.example CNAME .\n; x\na.example A 0.0.0.0", "subtree", "a.example", id="both, mixed"),
        pytest.param(
            "a.example CNAME rpz-passthru.\n*.a.example CNAME rpz-passthru.",
            "allow_subtree", "a.example", id="let both through",
        ),
    ],
)  # fmt: skip
def test_records(record: str, column: str, name: str) -> None:
    parsed = rpz.parse(HEAD + record + "\n", "t")
    columns = {each: getattr(parsed, each) for each in ("exact", "subtree", "allow_exact", "allow_subtree")}
    assert {each: names for each, names in columns.items() if names} == {column: {name}}
    assert not parsed.rules
    assert parsed.counts.nothing == HEAD.count("\n") + record.count("; x")
    assert parsed.counts.refused == 0


@pytest.mark.parametrize(
    "record", ["*.a.example CNAME .", "*.a.example 60 IN CNAME . ; clean", "*.A.example A 0.0.0.0"]
)
def test_a_wildcard_alone_is_about_what_is_below(record: str) -> None:
    parsed = rpz.parse(HEAD + "b.example CNAME .\n" + record + "\n", "t")
    assert parsed.exact == {"b.example"}
    (rule,) = parsed.rules
    assert (rule.effect, rule.host, rule.scope) == (Effect.BLOCK, "a.example", Scope.BELOW)
    assert (rule.origin.line, rule.text) == (8, record)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        pytest.param("32.7.113.0.203.rpz-ip CNAME .", "L110", id="address trigger"),
        pytest.param("24.0.2.0.192.rpz-client-ip CNAME .", "L110", id="client trigger"),
        pytest.param("ns.example.rpz-nsdname CNAME .", "L110", id="name server trigger"),
        pytest.param("32.1.2.0.192.rpz-nsip CNAME .", "L110", id="name server address trigger"),
        pytest.param("48.2404:6800::.rpz.ip CNAME .", "L110", id="misspelled trigger"),
        pytest.param("ads.example CNAME walled.example.", "L105", id="rewrite"),
        pytest.param("ads.example A 192.0.2.1", "L105", id="rewrite to an address"),
        pytest.param('ads.example TXT "blocked; why"', "L105", id="text"),
        pytest.param("ads.example CNAME rpz-tcp-only.", "L105", id="tcp only"),
        pytest.param("t CNAME .", "L103", id="single label"),
        pytest.param("com CNAME .", "L103", id="top level"),
        pytest.param("* CNAME .", "L103", id="everything"),
        pytest.param("co.uk CNAME .", "L103", id="public suffix"),
        pytest.param("x.local CNAME .", "L104", id="special use"),
        pytest.param("ads.elsewhere. CNAME .", "L109", id="outside the zone"),
        pytest.param("$INCLUDE other.zone", "L109", id="include"),
        pytest.param("ads.example", "L108", id="bare name"),
        pytest.param("  A 192.0.2.1", "L105", id="owner of the record before"),
    ],
)
def test_refusals(record: str, code: str) -> None:
    parsed = rpz.parse(HEAD + "b.example CNAME .\n" + record + "\n", "t")
    assert [each.code for each in parsed.diagnostics] == [code]
    assert parsed.exact == {"b.example"}
    assert parsed.counts.refused == 1


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        pytest.param("a.example CNAME .\n", {"a.example"}, id="no head at all"),
        pytest.param("rpz.zone. IN SOA a. b. 1 1 1 1 1\na.example.rpz.zone. CNAME .\nb.example CNAME .\n",
                     {"a.example", "b.example"}, id="zone named by its SOA"),
        pytest.param("$ORIGIN .\nrpz.zone 300 IN SOA a. b. (\n 1 1 1 1 1 )\n$ORIGIN example.rpz.zone.\nads CNAME .\n"
                     "$ORIGIN rpz.zone.\nb.example CNAME .\n", {"ads.example", "b.example"}, id="as BIND dumps a zone"),
        pytest.param("@ SOA localhost. root.localhost. 1 1 1 1 1\na.example. CNAME .\n", {"a.example"},
                     id="absolute, zone unknown"),
        pytest.param("$ORIGIN .\na.example CNAME .\n", {"a.example"}, id="zone is the root"),
    ],
)  # fmt: skip
def test_what_names_are_relative_to(text: str, exact: set[str]) -> None:
    parsed = rpz.parse(text, "t")
    assert parsed.exact == exact
    assert parsed.counts.refused == 0
    counts = parsed.counts
    assert counts.rules + counts.nothing + counts.refused == counts.lines == text.count("\n")


def test_a_record_without_owner_belongs_to_the_record_before_even_among_clean_lines() -> None:
    parsed = rpz.parse(
        "a.example CNAME .\nb.example CNAME .\n; note\n\n  CNAME rpz-passthru.\nc.example CNAME .\n", "t"
    )
    assert parsed.exact == {"a.example", "b.example", "c.example"}
    assert parsed.allow_exact == {"b.example"}
