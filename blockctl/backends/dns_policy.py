"""The policy as DNS can say it: a few names, the nearest wins, laid over what the lists say.

It follows the steps of `decide_name`: a pause, the hosts that a site allows, `hosts`, `protect`, the other yields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from blockctl.backends.output import Gaps
from blockctl.model.decide import is_site_allow
from blockctl.model.diagnostic import Origin
from blockctl.model.hostset import order
from blockctl.model.names import parents
from blockctl.model.policy import JavaScript, Policy
from blockctl.model.rule import Effect, Rule


@dataclass(slots=True)
class Overlay:
    """What the policy says of names. Where it speaks, lists do not."""

    entries: dict[str, Effect] = field(default_factory=dict)  # each with all below it; the nearest wins; sorted
    roots: list[str] = field(default_factory=list)  # the topmost entries
    repeated: list[str] = field(default_factory=list)  # denied by name below an entry that denies them already
    nested: dict[str, list[str]] = field(default_factory=dict)  # entry -> the entries directly below it
    lists_apply: bool = True
    paused: bool = False

    def above(self, name: str) -> str | None:
        """Return the nearest entry strictly above a name."""
        return next((parent for parent in list(parents(name))[1:] if parent in self.entries), None)

    def speaks_of(self, name: str) -> bool:
        """Whether a name is at or below an entry."""
        return not self.lists_apply or any(parent in self.entries for parent in parents(name))


def overlay(policy: Policy, yields: Mapping[str, Rule]) -> Overlay:
    """Return what the policy says of names, no entry repeating the one above it."""
    if policy.paused:
        return Overlay(lists_apply=False, paused=True)
    found = Overlay(lists_apply="" not in yields)
    names = sorted({*policy.hosts, *policy.protect, *(name for name in yields if name)}, key=order)
    for name in names:
        effect = _effect(policy, yields, name)
        above = found.above(name)
        if effect is None or (above is not None and found.entries[above] is effect):
            if effect is Effect.BLOCK:
                found.repeated.append(name)
            continue
        if above is None and not found.lists_apply and effect is Effect.ALLOW:
            continue
        if above is None:
            found.roots.append(name)
        else:
            found.nested.setdefault(above, []).append(name)
        found.entries[name] = effect
    return found


def _effect(policy: Policy, yields: Mapping[str, Rule], name: str) -> Effect | None:
    above = list(parents(name))
    given = [yields[parent] for parent in above if parent in yields]
    if any(is_site_allow(rule) for rule in given):
        return Effect.ALLOW
    entry = next((policy.hosts[parent] for parent in above if parent in policy.hosts), None)
    if entry is not None:
        return Effect.ALLOW if entry.allow else Effect.BLOCK
    if given or any(parent in policy.protect for parent in above):
        return Effect.ALLOW
    return None


def policy_gaps(policy: Policy) -> Gaps:
    """Return what the policy says that DNS cannot: whatever is about a page or what is in it."""
    gaps = Gaps()
    if policy.javascript is not JavaScript.ALLOW:
        origin = policy.defaults_lines.get("javascript", Origin(policy.file))
        gaps.add("javascript", origin, f"defaults: javascript: {policy.javascript.value}")
    for site in policy.sites.values():
        where = f"sites: {site.host}"
        if site.javascript not in (None, policy.javascript) or site.javascript is JavaScript.DENY:
            said = site.javascript.value if site.javascript else ""
            gaps.add("javascript", site.lines.get("javascript", site.origin), f"{where}: javascript: {said}")
        if site.blocking and not policy.blocking:
            gaps.add("page", site.lines.get("blocking", site.origin), f"{where}: blocking: on")
        for entry in site.hosts:
            if not entry.allow:
                gaps.add("page", entry.origin, f"{where}: deny: {entry.host}")
        if site.hide:
            gaps.add("cosmetic", site.lines.get("hide", site.origin), f"{where}: hide", len(site.hide))
        if site.unlock_scroll:
            gaps.add("cosmetic", site.lines.get("scroll", site.origin), f"{where}: scroll: unlock")
    return gaps


def yield_notes(yields: Mapping[str, Rule]) -> Iterable[str]:
    """Say where DNS lets a name through that only some pages need: the browsers' engines block it elsewhere."""
    for name, rule in sorted(yields.items()):
        yield f"DNS yields to the browser at {name or 'every name'}: {rule.text} ({rule.origin})"
