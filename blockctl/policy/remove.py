"""Taking entries out of the policy by their place: what else stands there keeps its characters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from blockctl.model.diagnostic import Origin
from blockctl.model.policy import HostEntry, Policy, Site
from blockctl.policy import tree
from blockctl.policy.edit import proved
from blockctl.policy.entries import commented
from blockctl.policy.splice import Splice
from blockctl.policy.tree import Node, Scalar

Place = tuple[int, int]  # line and column of a key or an item, from 1


def remove_at(text: str, places: Collection[Place]) -> str:
    """Take out the sites, keys of sites and hosts that begin at these places; a list or a site left empty goes too.

    Comments within what goes, go with it; where one stands in a list or a site that is left empty, that stays.
    Raises BlockctlError where the layout does not allow it.
    """
    gone = set(places)

    def take(splice: Splice, root: tree.Mapping) -> None:
        for key, value in root.entries:
            if key.text in ("sites", "hosts"):
                _take(splice, value, gone, whole=False)

    return proved(text, [take], lambda policy: without(policy, gone))


def _take(splice: Splice, node: Node, gone: set[Place], *, whole: bool) -> bool:
    """Take out of a node what begins at a place. Left empty, it is its holder's to take out if it may go `whole`."""
    if isinstance(node, tree.Mapping):
        which = [number for number, (key, value) in enumerate(node.entries) if _goes(splice, number, key, value, gone)]
        count = len(node.entries)
    elif isinstance(node, tree.Sequence):
        which = [number for number, item in enumerate(node.items) if (item.line, item.column) in gone]
        count = len(node.items)
    else:
        return False
    if whole and which and len(which) == count:
        return True
    if isinstance(node, tree.Mapping):
        splice.remove_entries(node, which)
    else:
        splice.remove_items(node, which)
    return False


def _goes(splice: Splice, number: int, key: Scalar, value: Node, gone: set[Place]) -> bool:
    if (key.line, key.column) in gone:
        return True
    return _take(splice, value, gone, whole=not commented(splice, (number, key, value)))


def without(policy: Policy, gone: Collection[Place]) -> Policy:
    """Return the policy without what is written at these places."""
    sites = {host: _site_without(site, gone) for host, site in policy.sites.items() if _place(site.origin) not in gone}
    hosts = {host: entry for host, entry in policy.hosts.items() if _place(entry.origin) not in gone}
    return replace(policy, sites=sites, hosts=hosts)


def _site_without(site: Site, gone: Collection[Place]) -> Site:
    keys = {key for key, origin in site.lines.items() if _place(origin) in gone}
    hosts: tuple[HostEntry, ...] = tuple(
        entry
        for entry in site.hosts
        if _place(entry.origin) not in gone and ("allow" if entry.allow else "deny") not in keys
    )
    return replace(
        site,
        hosts=hosts,
        javascript=None if "javascript" in keys else site.javascript,
        blocking=None if "blocking" in keys else site.blocking,
        unlock_scroll=None if "scroll" in keys else site.unlock_scroll,
    )


def _place(origin: Origin) -> Place:
    return origin.line, origin.column
