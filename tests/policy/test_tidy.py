"""What `tidy` finds can go without changing a decision; what stays keeps its characters and comments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.model.decide import decide, decide_name, yields
from blockctl.model.index import Index
from blockctl.model.policy import Policy
from blockctl.model.request import Kind, Request
from blockctl.policy import wanted
from blockctl.policy.edit import remove_lapsed
from blockctl.policy.read import has_errors, read_policy
from blockctl.policy.remove import remove_at
from blockctl.policy.tidy import tidy
from blockctl.policy.tidy_findings import AGAIN, DOUBLE, IDLE, LAPSED, SHADOWED, UNVISITED, Finding, Temporary, Visits
from tests.policy import policies

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NO_VISITS = Visits({}, None)
MONTHS = timedelta(days=60)


def found_in(text: str, **known: object) -> list[Finding]:
    policy, faults = read_policy(text, "p")
    assert not has_errors(faults), faults
    given: dict[str, object] = {"past": [], "visits": NO_VISITS, "unvisited": MONTHS, "blocked": None, **known}
    return tidy(policy, faults, NOW, **given)  # type: ignore[arg-type]


def told(text: str, **known: object) -> list[tuple[str, int]]:
    return [(each.kind, each.origin.line) for each in found_in(text, **known)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("sites:\n  a.example: {blocking: off, until: 2026-11-20T00:00:00Z}\n", [(LAPSED, 3)], id="a site"),
        pytest.param(
            "hosts:\n  allow:\n    - a.example\n    - {host: b.example, until: 2020-01-01T00:00:00Z}\n",
            [(LAPSED, 5)],
            id="a host",
        ),
        pytest.param("hosts:\n  allow:\n    - a.example\n    - A.example.\n", [(DOUBLE, 5)], id="written twice"),
        pytest.param("hosts:\n  deny:\n    - a.example\n    - x.a.example\n", [(SHADOWED, 5)], id="covered"),
        pytest.param(
            "hosts:\n  deny:\n    - a.example\n    - y.x.a.example\n  allow:\n    - x.a.example\n", [],
            id="not covered, for the nearer one says otherwise",
        ),
        pytest.param(
            "hosts:\n  deny:\n    - {host: a.example, until: 2027-01-01T00:00:00Z}\n    - x.a.example\n", [],
            id="what covers it ends earlier",
        ),
        pytest.param(
            "hosts:\n  deny:\n    - a.example\n    - {host: x.a.example, note: why}\n",
            [], id="one with a note was meant"
        ),
        pytest.param(
            "sites:\n  s.example:\n    allow:\n      - a.example\nhosts:\n  allow: [a.example]\n", [(SHADOWED, 5)],
            id="a site's host that is allowed everywhere",
        ),
        pytest.param(
            "sites:\n  s.example:\n    allow:\n      - a.example\nhosts:\n  allow: [a.example]\n"
            "  deny: [x.a.example]\n",
            [], id="not where something below is denied everywhere",
        ),
        pytest.param(
            "sites:\n  s.example: {allow: [a.example]}\n  x.s.example:\n    allow: [b.a.example]\n", [(SHADOWED, 5)],
            id="a site above says so",
        ),
        pytest.param("sites:\n  s.example:\n    javascript: allow\n    blocking: on\n", [(SHADOWED, 4), (SHADOWED, 5)],
                     id="what the defaults say"),
        pytest.param(
            "sites:\n  s.example: {javascript: deny}\n  x.s.example:\n    javascript: allow\n", [],
            id="not where a site above says otherwise",
        ),
        pytest.param(
            "defaults: {blocking: off}\nsites:\n  s.example: {blocking: off}\n", [], id="DNS yields to a site's own off"
        ),
    ],
)  # fmt: skip
def test_findings(body: str, expected: list[tuple[str, int]]) -> None:
    assert told("version: 1\n" + body) == expected


def test_allowed_hosts_that_nothing_blocks_are_idle() -> None:
    text = (
        "version: 1\nsites:\n  s.example:\n    allow:\n      - cdn.example\n      - ads.example\n"
        "hosts:\n  allow:\n    - old.example\n    - {host: meant.example, note: why}\n    - denied.example\n"
        "resolver: {groups: {kids: {clients: [10.0.0.1], deny: [x.denied.example]}}}\n"
    )
    assert told(text, blocked=lambda host: host == "ads.example") == [(IDLE, 5), (IDLE, 9)]


def test_sites_that_nobody_visited() -> None:
    text = "version: 1\nsites:\n  a.example: {javascript: deny}\n  b.example: {javascript: deny}\n"
    seen = {"a.example": NOW - timedelta(days=3), "b.example": NOW - timedelta(days=70)}
    assert told(text, visits=Visits(seen, NOW - timedelta(days=90))) == [(UNVISITED, 4)]
    assert told(text, visits=Visits({}, NOW - timedelta(days=90))) == [(UNVISITED, 3), (UNVISITED, 4)]
    assert not told(text, visits=Visits({}, NOW - timedelta(days=30))), "the log does not reach back that far"
    (finding,) = found_in(text, visits=Visits(seen, NOW - timedelta(days=90)))
    assert "in 60 days (last on 2026-09-12)" in finding.reason


def test_what_comes_again_and_again_is_suggested_for_good() -> None:
    past = [Temporary(NOW - timedelta(days=day), "allow", "s.example", "cdn.example") for day in (1, 9, 20, 40)]
    past += [Temporary(NOW - timedelta(days=day), "set", "t.example", "", ("blocking=off",)) for day in (1, 2, 3)]
    past += [Temporary(NOW, "deny", "", "once.example")]
    found = found_in("version: 1\n", past=past)
    assert {each.kind for each in found} == {AGAIN}
    assert [each.command for each in found] == [
        "blockctl allow cdn.example --site s.example",
        "blockctl set t.example blocking=off",
    ]
    assert found[0].reason == "3 times for a while in the last 30 days"
    assert not any(each.removable for each in found)
    stands = "version: 1\nsites:\n  s.example: {allow: [cdn.example]}\n  t.example: {blocking: off}\n"
    assert not found_in(stands, past=past)


def test_only_what_was_named_is_removed() -> None:
    text = (
        "version: 1\n# mine\nsites:\n  a.example: {javascript: allow}  # goes with it\n  # of b\n"
        "  b.example:\n    javascript: deny\n    allow:\n      - x.example   # goes\n      - y.example   # stays\n"
        "hosts: {allow: [h.example, g.example], deny: [d.example]}\n"
    )
    places = [(4, 3), (9, 9), (11, 17)]
    assert remove_at(text, places) == (
        "version: 1\n# mine\nsites:\n  # of b\n  b.example:\n    javascript: deny\n    allow:\n"
        "      - y.example   # stays\nhosts: {allow: [g.example], deny: [d.example]}\n"
    )


def test_what_is_left_empty_goes_too() -> None:
    text = "version: 1\nsites:\n  a.example:\n    allow: [x.example]\n  b.example: {}\n"
    assert remove_at(text, [(4, 13)]) == "version: 1\nsites:\n  b.example: {}\n"


HOSTS = st.sampled_from(("a.example", "x.a.example", "y.x.a.example", "b.example"))
PAGES = ("s.example", "w.s.example", "other.example")


@st.composite
def small(draw: st.DrawFn) -> str:
    """Return a policy over few names, so that entries cover one another."""

    def lists(indent: str) -> str:
        text = ""
        hosts = draw(st.lists(HOSTS, unique=True, max_size=4))
        cut = draw(st.integers(0, len(hosts)))
        for verb, names in (("allow", hosts[:cut]), ("deny", hosts[cut:])):
            if names:
                ends = [draw(st.sampled_from(("", "", ", until: 2036-01-01T00:00:00Z"))) for _ in names]
                items = "".join(f"{indent}  - {{host: {name}{end}}}\n" for name, end in zip(names, ends, strict=True))
                text += f"{indent}{verb}:\n{items}"
        return text

    text = f"version: 1\ndefaults: {{blocking: {draw(st.sampled_from(('on', 'off')))}}}\nsites:\n"
    for site in PAGES[:2]:
        text += f"  {site}:\n"
        for key, values in (("javascript", ("allow", "deny")), ("blocking", ("on", "off")),
                            ("until", ("2037-01-01T00:00:00Z",))):  # fmt: skip
            if draw(st.booleans()):
                text += f"    {key}: {draw(st.sampled_from(values))}\n"
        text += lists("    ")
    return text + "hosts:\n" + lists("  ")


def decisions(policy: Policy) -> list[tuple[bool, ...]]:
    """Return what is decided of every page, host and kind there is, and of every name in DNS."""
    empty = Index.build([])
    names = [f"{below}{host}" for host in ("a.example", "x.a.example", "y.x.a.example", "b.example", "c.example")
             for below in ("", "z.")]  # fmt: skip
    found = []
    for moment in (NOW, NOW + timedelta(days=3700)):
        now = policy.at(moment)
        found += [
            (decide(now, empty, Request.parse(name, page, kind)).blocked,)
            for page in PAGES for name in names for kind in (Kind.SCRIPT, Kind.IMAGE)
        ]  # fmt: skip
        found += [(decide_name(now, empty, name, yields(now, [])).blocked,) for name in names]
    return found


@given(small())
def test_without_what_is_shadowed_everything_is_decided_as_before(text: str) -> None:
    gone = [each for each in found_in(text) if each.kind == SHADOWED]
    after = remove_at(text, [(each.origin.line, each.origin.column) for each in gone])
    assert decisions(read_policy(after, "p")[0]) == decisions(read_policy(text, "p")[0])


@given(policies.texts())
def test_what_is_found_can_be_removed(text: str) -> None:
    gone = [each for each in found_in(text, blocked=lambda _: False) if each.removable]
    after = remove_at(text, [(each.origin.line, each.origin.column) for each in gone if each.kind != LAPSED])
    after = remove_lapsed(after, NOW)
    left = {(each.kind, each.entry) for each in found_in(after) if each.kind in (LAPSED, DOUBLE)}
    assert not left
    if not gone:
        assert after == text
    assert wanted.says(read_policy(after, "p")[0]) is not None
