"""The policy over the lists: groups, schedules, pauses."""

from __future__ import annotations

import pytest

from blockctl.dns.overlay import Overlay, lay
from blockctl.model.decide import Step, yields
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import Group, HostEntry, Policy, Schedule
from tests.dns.ruleworlds import SOMEBODY, A, rules, wire
from tests.model.say import ORIGIN, entry, policy, site

BEDTIME = Origin("policy.yaml", 40)
SCHEDULE = Schedule(frozenset(range(7)), 1200, 420, ("games.org",), BEDTIME)
CURFEW = Schedule(frozenset(range(7)), 1200, 420, (), BEDTIME)
KIDS = Group(
    "kids",
    ORIGIN,
    ("192.0.2.20",),
    hosts={each.host: each for each in (entry("allow", "school.org"), entry("deny", "video.org"))},
    schedules=(SCHEDULE, CURFEW),
)
OFF = Group("guests", ORIGIN, ("192.0.2.30",), blocking=False)
LISTS = "||ads.org^\n||video.org^\n||school.org^\n||school.com^\n"


def said(overlay: Overlay, name: str) -> tuple[str, Step] | None:
    found = overlay.find(wire(name))
    return (found[1].effect.value, found[0]) if found else None


@pytest.mark.parametrize(
    ("made", "group", "denied", "name", "expected"),
    [
        pytest.param(policy(), None, (), "a.org", None, id="silent"),
        pytest.param(policy(), KIDS, (), "x.video.org", ("block", Step.HOST), id="the group denies"),
        pytest.param(policy(), KIDS, (), "school.org", ("allow", Step.HOST), id="the group allows"),
        pytest.param(
            policy(hosts=(entry("allow", "video.org"),)), KIDS, (), "video.org", ("block", Step.HOST),
            id="the group is before hosts",
        ),
        pytest.param(
            policy(site("b.org", entry("allow", "video.org"))), KIDS, (), "video.org", ("block", Step.HOST),
            id="the group is before sites",
        ),
        pytest.param(
            policy(protect={"video.org": ORIGIN}), KIDS, (), "video.org", ("block", Step.HOST),
            id="the group is before what is protected",
        ),
        pytest.param(policy(), KIDS, ("games.org",), "www.games.org", ("block", Step.HOST), id="schedule"),
        pytest.param(policy(), KIDS, ("school.org",), "school.org", ("block", Step.HOST), id="schedule over allow"),
        pytest.param(policy(), KIDS, ("",), "a.org", ("block", Step.HOST), id="every name denied"),
        pytest.param(policy(), KIDS, ("",), "www.school.org", ("allow", Step.HOST), id="but for what it allows"),
        pytest.param(
            policy(hosts=(entry("allow", "a.org"),)), KIDS, ("",), "a.org", ("block", Step.HOST), id="not for hosts"
        ),
        pytest.param(policy(), OFF, (), "a.org", ("allow", Step.BLOCKING_OFF), id="no lists"),
        pytest.param(
            policy(hosts=(entry("deny", "a.org"),)), OFF, (), "a.org", ("block", Step.HOST), id="no lists, but hosts"
        ),
        pytest.param(policy(paused=True), KIDS, ("",), "video.org", ("allow", Step.PAUSE), id="paused"),
        pytest.param(policy(blocking=False), None, (), "a.org", ("allow", Step.YIELD), id="blocking off"),
        pytest.param(
            policy(hosts=(entry("deny", "a.org"), entry("allow", "b.a.org"))), None, (), "c.b.a.org",
            ("allow", Step.HOST), id="the nearest name",
        ),
        pytest.param(
            policy(site("b.org", entry("allow", "a.org")), hosts=(entry("deny", "b.a.org"),)), None, (), "b.a.org",
            ("allow", Step.YIELD), id="what a site allows is before a nearer deny",
        ),
    ],
)  # fmt: skip
def test_what_the_policy_says(
    made: Policy, group: Group | None, denied: tuple[str, ...], name: str, expected: tuple[str, Step] | None
) -> None:
    assert said(lay(made, yields(made, []), group, denied), name) == expected


def test_a_pause_of_one_group() -> None:
    overlay = lay(policy(), {}, KIDS, ("",), paused=True)
    assert said(overlay, "video.org") == ("allow", Step.PAUSE)


@pytest.mark.parametrize(
    ("name", "denied", "line", "text"),
    [
        pytest.param("games.org", ("games.org",), 40, "resolver: groups: kids: schedule: deny: games.org", id="name"),
        pytest.param("a.org", ("",), 40, "resolver: groups: kids: schedule: deny: all", id="every name"),
        pytest.param("video.org", (), 3, "resolver: groups: kids: deny: video.org", id="the group's own"),
    ],
)
def test_reasons(name: str, denied: tuple[str, ...], line: int, text: str) -> None:
    found = lay(policy(), {}, KIDS, denied).find(wire(name))
    assert found is not None
    assert (found[1].origin.line, found[1].text) == (line, text)


def test_what_holds_for_a_group() -> None:
    found = rules(policy(), LISTS, group=KIDS, denied=("games.org",))
    blocked = {
        name: found.verdict(wire(name), A, SOMEBODY).blocked
        for name in ("ads.org", "video.org", "school.org", "school.com", "games.org", "a.org")
    }
    assert [name for name, is_blocked in blocked.items() if is_blocked] == [
        "ads.org", "video.org", "school.com", "games.org",
    ]  # fmt: skip
    assert found.overlay_names == set(map(wire, ("games.org", "school.org", "video.org")))


def test_a_group_without_lists_reaches_what_they_block() -> None:
    found = rules(policy(), LISTS, group=OFF)
    assert not found.verdict(wire("ads.org"), A, SOMEBODY).blocked
    assert b"\0" in found.overlay_names


def test_until_entries_are_gone_when_the_policy_says_so() -> None:
    """The overlay knows no clock: what is over is not in the policy as it stands."""
    said_once = policy(hosts=(HostEntry("a.org", False, ORIGIN),))
    assert said(lay(said_once, {}), "a.org") == ("block", Step.HOST)
    assert said(lay(policy(), {}), "a.org") is None
