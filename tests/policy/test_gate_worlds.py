"""The gate against the meaning itself: every name that matters is asked of `decide_name`, before and after."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.model.decide import decide_name, yields
from blockctl.model.index import Index
from blockctl.policy.gate import Known, Standing, Version, judge
from blockctl.policy.gate_nouns import Concern
from blockctl.policy.merge import settle_badfilters
from blockctl.policy.read import read_policy
from tests.policy.gate_cases import version

NAMES = ("a.example", "b.a.example", "c.b.a.example", "d.example", "example.org", "www.example.org", "x.d.example")
CONCERNS = (Concern.HOUSEHOLD, Concern.ESSENTIAL, Concern.POPULAR)

LINES = st.builds(
    str.format,
    st.sampled_from(
        (
            "||{}^",
            "@@||{}^",
            "||{}^$important",
            "0.0.0.0 {}",
            "||{}^$script",
            "||{}^$denyallow=b.a.example",
            "||{}^$badfilter",
            "@@||{}^$badfilter",
            "||{}^$important,badfilter",
        )
    ),
    st.sampled_from(NAMES),
)
TEXTS = st.lists(LINES, max_size=4)
ENTRIES = st.one_of(
    st.just(""),
    st.builds("hosts: {{{}: [{}]}}\n".format, st.sampled_from(("allow", "deny")), st.sampled_from(NAMES)),
    st.builds("sites: {{{}: {{blocking: off}}}}\n".format, st.sampled_from(NAMES)),
    st.builds("sites: {{{}: {{allow: [{}]}}}}\n".format, st.sampled_from(NAMES), st.sampled_from(NAMES)),
)


def is_blocked(policy: Any, versions: list[Version], name: str) -> bool:
    """Whether DNS blocks a name when these lists serve."""
    parsed = [each.parsed.copy() for each in versions]
    settle_badfilters(parsed, [rule for each in parsed for rule in each.badfilters])
    lists = Index.build(parsed)
    return decide_name(policy, lists, name, yields(policy, [])).blocked


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, st.lists(TEXTS, max_size=2), ENTRIES, st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
def test_newly_blocked_is_what_decide_says(
    old: list[str], new: list[str], others: list[list[str]], entries: str, matter: list[str]
) -> None:
    policy, faults = read_policy(f"version: 1\n{entries}", "policy.yaml")
    assert faults == []
    filler = ["||filler.example^"]
    before, after = version([*filler, *old], use="dns"), version([*filler, *new], use="dns")
    beside = [version([*filler, *text], name=f"other{at}", use="dns") for at, text in enumerate(others)]
    known = Known({concern: dict.fromkeys(matter[at::3], "") for at, concern in enumerate(CONCERNS)})
    holds = judge(before, after, known, Standing(policy, beside))
    told = {each.name for hold in holds for each in hold.blocked}
    expected = {
        name
        for name in matter
        if is_blocked(policy, [*beside, after], name) and not is_blocked(policy, [*beside, before], name)
    }
    sites = {name for name in expected if not (name.startswith("www.") and name[4:] in expected)}
    assert told == sites


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
def test_the_lines_named_are_those_to_blame(old: list[str], new: list[str], matter: list[str]) -> None:
    filler = ["||filler.example^"]
    before, after = version([*filler, *old], use="dns"), version([*filler, *new], use="dns")
    known = Known({Concern.HOUSEHOLD: dict.fromkeys(matter, "")})
    holds = judge(before, after, known, Standing(read_policy("version: 1\n", "p")[0]))
    for hold in holds:
        if hold.lines:
            without = {line.text for line in hold.lines}
            assert without <= set(new)
            mended = version([*filler, *(line for line in new if line not in without)], use="dns")
            left = judge(before, mended, known, Standing(read_policy("version: 1\n", "p")[0]))
            assert [each for each in left if each.kind is hold.kind] == []
