"""The user's policy as rules for WebKit: what stands behind the lists' rules, and who may run scripts.

In one list the last rule that matches decides, so what speaks first in `decide()` stands last here, and what is nearer
stands behind what is farther. Scripts have a list of their own, which nothing in another can take back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from blockctl.backends.output import Gaps
from blockctl.backends.safari_css import hide
from blockctl.backends.safari_pattern import EVERYTHING
from blockctl.backends.safari_region import EXACT, covering, left_over
from blockctl.backends.safari_selector import is_sound
from blockctl.backends.safari_trigger import BLOCK, IGNORE, LOAD_TYPES, expressions, rule, types
from blockctl.model.names import parents, reversed_labels
from blockctl.model.policy import HostEntry, JavaScript, Policy, Site
from blockctl.model.request import Kind
from blockctl.model.rule import Party

SCRIPT = types(Kind.SCRIPT)
# Hides an element that no page has: a content blocker without rules is refused.
NOTHING = hide("blockctl-nothing", "")


def script_rules(policy: Policy, gaps: Gaps) -> list[str]:
    """Return the rules of the list that only says which scripts may be loaded."""
    said = {name: site.javascript for name, site in policy.sites.items() if site.javascript is not None}
    found = []
    for verdict, party in ((JavaScript.DENY, Party.ANY), (JavaScript.FIRST_PARTY, Party.THIRD)):
        condition = region(said, policy.javascript, verdict)
        if condition is not None:
            found.append(rule(EVERYTHING, BLOCK, SCRIPT, LOAD_TYPES[party][1:], condition))
    _inline_gaps(policy, gaps)
    return found


def _inline_gaps(policy: Policy, gaps: Gaps) -> None:
    if policy.javascript is JavaScript.DENY:
        origin = policy.defaults_lines.get("javascript")
        if origin is not None:
            gaps.add("inline", origin, "defaults: javascript: deny")
    for site in policy.sites.values():
        if site.javascript is JavaScript.DENY:
            gaps.add("inline", site.lines.get("javascript", site.origin), f"sites: {site.host}: javascript: deny")


def network_rules(policy: Policy) -> Iterator[str]:
    """Yield the rules that stand behind the lists' network rules, in each file."""
    for name in sorted(policy.protect, key=reversed_labels):
        yield rule(covering(name, EXACT), IGNORE)
    yield from blocking_off(policy)
    yield from _hosts(policy.hosts.values(), "")
    for site in sorted((site for site in policy.sites.values() if site.hosts), key=_by_depth):
        yield from _hosts(site.hosts, expressions("if-top-url", [covering(site.host, EXACT)]))


def _hosts(entries: Iterable[HostEntry], condition: str) -> Iterator[str]:
    for entry in sorted(entries, key=lambda entry: (entry.host.count("."), entry.allow, reversed_labels(entry.host))):
        yield rule(covering(entry.host, EXACT), IGNORE if entry.allow else BLOCK, condition)


def _by_depth(site: Site) -> tuple[int, str]:
    return site.host.count("."), reversed_labels(site.host)


def blocking_off(policy: Policy) -> Iterator[str]:
    """Yield the rule that takes back all that lists do, where `blocking` is off."""
    said = {name: site.blocking for name, site in policy.sites.items() if site.blocking is not None}
    condition = region(said, policy.blocking, False)
    if condition is not None:
        yield rule(EVERYTHING, IGNORE, condition)


def cosmetic_rules(policy: Policy, gaps: Gaps, has_supported: bool) -> Iterator[str]:
    """Yield the rules that stand behind the lists' selectors: the user's own are in force everywhere."""
    yield from blocking_off(policy)
    nearer: dict[str, list[str]] = {name: [] for name, site in policy.sites.items() if site.hide}
    for name in nearer:
        for up in parents(name):
            if up != name and up in nearer:
                nearer[up].append(name)
    for name in sorted(nearer, key=reversed_labels):
        site = policy.sites[name]
        origin = site.lines.get("hide", site.origin)
        where = expressions("if-top-url", _covering(name, nearer[name]))
        for selector in site.hide:
            if not is_sound(selector) or (not has_supported and ":has(" in selector):
                gaps.add("selector", origin, f"sites: {name}: hide: {selector}")
            else:
                yield hide(selector, where)
    for site in policy.sites.values():
        if site.unlock_scroll:
            gaps.add("scroll", site.lines.get("scroll", site.origin), f"sites: {site.host}: scroll: unlock")


def region(said: Mapping[str, object], default: object, wanted: object) -> str | None:
    """Return the condition for pages on which the nearest site says `wanted`; "" is every page, None none.

    Where the default is what is wanted, the condition names the pages that are left out.
    """
    inside = wanted != default  # whether the names to list are those with the wanted verdict
    listed: list[str] = []
    for name in sorted(said, key=reversed_labels):
        if (said[name] == wanted) is not inside:
            continue
        above = next((said[up] for up in parents(name) if up != name and up in said), default)
        if (above == wanted) is inside:
            continue  # a wider entry says the same
        listed.append(name)
    if not listed:
        return None if inside else ""
    others: dict[str, list[str]] = {name: [] for name in listed}
    for name, verdict in said.items():
        if (verdict == wanted) is not inside:
            nearest = next((up for up in parents(name) if up != name and up in others), None)
            if nearest is not None:
                others[nearest].append(name)
    found = [each for name in listed for each in _covering(name, others[name])]
    return expressions("if-top-url" if inside else "unless-top-url", found)


def _covering(name: str, nearer: list[str]) -> list[str]:
    return left_over(name, nearer, EXACT) if nearer else [covering(name, EXACT)]
