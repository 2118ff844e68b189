"""What an edit means for the policy it edits: the other half of the proof that an edit is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from blockctl.model.diagnostic import Origin
from blockctl.model.policy import HostEntry, ListSource, Policy, Resolver, Site
from blockctl.policy.words import JAVASCRIPT, SWITCH

NOWHERE = Origin("")


def set_in_policy(policy: Policy, host: str, changes: Mapping[str, str | None]) -> Policy:
    """Return the policy with these keys of a site set, and those that are None taken away."""
    site = policy.sites.get(host) or Site(host, NOWHERE)
    for key, word in changes.items():
        if key == "javascript":
            site = replace(site, javascript=JAVASCRIPT[word] if word else None)
        elif key == "blocking":
            site = replace(site, blocking=SWITCH[word] if word else None)
        elif key == "scroll":
            site = replace(site, unlock_scroll=True if word else None)
        elif key == "until":
            site = replace(site, until=datetime.fromisoformat(word) if word else None)
        else:
            site = replace(site, note=(word or "").strip())
    return replace(policy, sites=policy.sites | {host: site})


def add_to_policy(policy: Policy, entry: HostEntry, page: str | None) -> Policy:
    """Return the policy with a host allowed or denied, on one page or everywhere."""
    if not page:
        return replace(policy, hosts=policy.hosts | {entry.host: entry})
    site = policy.sites.get(page) or Site(page, NOWHERE)
    others = tuple(each for each in site.hosts if each.host != entry.host)
    return replace(policy, sites=policy.sites | {page: replace(site, hosts=(*others, entry))})


def forget_in_policy(policy: Policy, host: str, page: str | None) -> Policy:
    """Return the policy with a host in neither list, of one page or of `hosts`."""
    if not page:
        return replace(policy, hosts={name: entry for name, entry in policy.hosts.items() if name != host})
    site = policy.sites.get(page)
    if site is None:
        return policy
    others = tuple(each for each in site.hosts if each.host != host)
    return replace(policy, sites=policy.sites | {page: replace(site, hosts=others)})


def add_list_to_policy(policy: Policy, source: ListSource) -> Policy:
    """Return the policy with one list more."""
    return replace(policy, lists=(*policy.lists, source))


def says(policy: Policy) -> tuple[object, ...]:
    """Return what a policy says, without where it says it. A site of which nothing is said is as good as absent."""
    sites = {
        host: (site.javascript, site.blocking, _hosts(site.hosts), site.hide, site.unlock_scroll, site.until, site.note)
        for host, site in policy.sites.items()
    }
    nothing: tuple[object, ...] = (None, None, frozenset(), (), None, None, "")
    return (
        policy.javascript,
        policy.blocking,
        {host: said for host, said in sites.items() if said != nothing},
        _hosts(tuple(policy.hosts.values())),
        tuple(replace(source, origin=NOWHERE) for source in policy.lists),
        frozenset(policy.protect),
        policy.popular,
        _resolver(policy.resolver),
        {name: (each.backend, each.path, each.options) for name, each in policy.targets.items()},
    )


def _resolver(settings: Resolver) -> Resolver:
    """Return the settings without where they are written."""
    groups = {
        name: replace(
            group,
            origin=NOWHERE,
            hosts={host: replace(entry, origin=NOWHERE) for host, entry in group.hosts.items()},
            schedules=tuple(replace(schedule, origin=NOWHERE) for schedule in group.schedules),
        )
        for name, group in settings.groups.items()
    }
    return replace(settings, groups=groups, lines={})


def _hosts(entries: tuple[HostEntry, ...]) -> frozenset[tuple[object, ...]]:
    return frozenset((entry.host, entry.allow, entry.until, entry.note) for entry in entries)
