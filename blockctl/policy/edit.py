"""Text in, text out: one change to the policy that leaves every other character as it was.

Each change is proved before it is returned: the new text is read again and must say what the old one said, plus the
change. A layout that defeats the edit (explicit `? key` entries and the like) raises BlockctlError and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from blockctl.model.diagnostic import BlockctlError
from blockctl.model.policy import HostEntry, ListSource, Policy
from blockctl.policy import tree, wanted
from blockctl.policy.entries import (
    commented,
    find,
    find_items,
    find_site,
    group_entries,
    put_in_section,
    put_site,
    site_entries,
    take_hosts,
    take_sites,
)
from blockctl.policy.read import has_errors, read_policy, read_tree
from blockctl.policy.splice import Splice, render
from blockctl.policy.tree import BOM, Scalar, parse_kept
from blockctl.policy.values import host_name

Step = Callable[[Splice, tree.Mapping], None]


def set_site(text: str, host: str, changes: Mapping[str, str | None]) -> str:
    """Set keys of a site (javascript, blocking, scroll, until, note) to words; None takes a key away.

    `host` is in normal form and the words are right: the caller has had them read.
    """

    def put(splice: Splice, root: tree.Mapping) -> None:
        entry = find_site(root, host)
        new = {key: value for key, value in changes.items() if value is not None}
        if entry is None or not isinstance(entry[2], tree.Mapping):
            if new:
                inner = ", ".join(f"{key}: {_value(key, value)}" for key, value in new.items())
                put_site(splice, root, host, entry, f"{{{inner}}}")
            return
        fresh = []
        for key, value in new.items():
            old = find(entry[2], key)
            if old is None:
                fresh.append((key, _value(key, value)))
            elif isinstance(old[2], Scalar):
                splice.replace(old[2], _value(key, value, old[2].style))
        if fresh:
            splice.add_entries(entry[2], fresh)

    def take(splice: Splice, root: tree.Mapping) -> None:
        entry = find_site(root, host)
        if entry is not None and isinstance(entry[2], tree.Mapping):
            gone = [found[0] for key, value in changes.items() if value is None and (found := find(entry[2], key))]
            splice.remove_entries(entry[2], gone)

    return proved(text, [put, take], lambda policy: wanted.set_in_policy(policy, host, changes))


def drop_if_lapsed(text: str, site: str, now: datetime) -> str:
    """Take a site's entry away if its time has passed, so that what is added to it next does not lapse with it."""
    if "until" not in text:
        return text
    policy, faults = read_policy(text, "policy", again=True)
    entry = policy.sites.get(site)
    if has_errors(faults) or entry is None or entry.until is None or entry.until > now:
        return text
    return reset_site(text, site)


def reset_site(text: str, host: str) -> str:
    """Take a site's whole entry away."""

    def take(splice: Splice, root: tree.Mapping) -> None:
        entry = find_site(root, host)
        if entry is not None:
            take_sites(splice, root, [entry])

    def change(policy: Policy) -> Policy:
        return replace(policy, sites={name: site for name, site in policy.sites.items() if name != host})

    return proved(text, [take], change)


def add_host(
    text: str, verb: str, host: str, site: str | None = None, until: datetime | None = None, note: str | None = None
) -> str:
    """Allow or deny (`verb`) a host, everywhere or on one site; what was said of it there before is replaced."""
    item = _item(host, until, note)
    other = "deny" if verb == "allow" else "allow"

    def put(splice: Splice, root: tree.Mapping) -> None:
        scope = find_site(root, site) if site else find(root, "hosts")
        if scope is None or not isinstance(scope[2], tree.Mapping) or not (site or scope[2].entries):
            if site:
                put_site(splice, root, site, scope, f"{{{verb}: [{item}]}}")
            else:
                put_in_section(splice, root, "hosts", verb, f"[{item}]")
            return
        listed = find(scope[2], verb)
        if listed is None:
            splice.add_entries(scope[2], [(verb, f"[{item}]")])
        elif isinstance(listed[2], tree.Sequence):
            found = find_items(listed[2], {host})
            if found:
                splice.replace(listed[2].items[found[0]], item)
            else:
                splice.add_item(listed[2], item)
        elif isinstance(listed[2], Scalar):
            splice.fill(listed[1], listed[2], f"[{item}]")

    def take(splice: Splice, root: tree.Mapping) -> None:
        scope = find_site(root, site) if site else find(root, "hosts")
        if scope is not None and isinstance(scope[2], tree.Mapping):
            take_hosts(splice, scope[2], {host}, (other,))

    entry = HostEntry(host, verb == "allow", wanted.NOWHERE, until, (note or "").strip())
    return proved(text, [put, take], lambda policy: wanted.add_to_policy(policy, entry, site))


def forget_host(text: str, host: str, site: str | None = None) -> str:
    """Take a host out of the allow and deny lists, of one site or of `hosts`."""

    def take(splice: Splice, root: tree.Mapping) -> None:
        scope = find_site(root, site) if site else find(root, "hosts")
        if scope is None or not isinstance(scope[2], tree.Mapping):
            return
        if take_hosts(splice, scope[2], {host}) and site and not commented(splice, scope):
            take_sites(splice, root, [scope])

    return proved(text, [take], lambda policy: wanted.forget_in_policy(policy, host, site))


def add_list(text: str, source: ListSource) -> str:
    """Name one list more, after the others."""
    uses = [use for use, wanted_here in (("browser", source.browser), ("dns", source.dns)) if wanted_here]
    place = f"path: {render(source.path)}" if source.path else f"url: {render(source.url)}"
    use = f", use: [{uses[0]}]" if len(uses) == 1 else ""
    item = f"{{name: {render(source.name)}, {place}{use}}}"

    def put(splice: Splice, root: tree.Mapping) -> None:
        section = find(root, "lists")
        if section is None and root.flow:
            splice.add_entries(root, [("lists", f"[{item}]")])
        elif section is None:
            splice.add_section(root, "lists", f"- {item}")
        elif isinstance(section[2], tree.Sequence):
            splice.add_item(section[2], item)
        elif isinstance(section[2], Scalar):
            splice.fill(section[1], section[2], f"[{item}]")

    return proved(text, [put], lambda policy: wanted.add_list_to_policy(policy, source))


def remove_lapsed(text: str, now: datetime) -> str:
    """Take the entries away whose time has passed."""

    def take(splice: Splice, root: tree.Mapping) -> None:
        policy, _ = read_tree(root, "")
        standing = policy.at(now)
        hosts = find(root, "hosts")
        if hosts is not None and isinstance(hosts[2], tree.Mapping):
            take_hosts(splice, hosts[2], policy.hosts.keys() - standing.hosts.keys())
        gone = []
        for entry in site_entries(root):
            host = host_name(entry[1].text) or ""
            site, kept = policy.sites.get(host), standing.sites.get(host)
            if site is None or site is kept:
                continue
            if kept is None:
                gone.append(entry)
            elif isinstance(entry[2], tree.Mapping):
                lapsed = {each.host for each in site.hosts} - {each.host for each in kept.hosts}
                if take_hosts(splice, entry[2], lapsed) and not commented(splice, entry):
                    gone.append(entry)
        take_sites(splice, root, gone)
        for name, group in group_entries(root):
            kept_hosts = standing.resolver.groups[name].hosts if name in standing.resolver.groups else {}
            take_hosts(splice, group, policy.resolver.groups[name].hosts.keys() - kept_hosts.keys())

    return proved(text, [take], lambda policy: policy.at(now))


def proved(text: str, steps: list[Step], change: Callable[[Policy], Policy]) -> str:
    """Take the steps and prove that the text then says what the change means."""
    before = text.removeprefix(BOM)
    root, faults = parse_kept(before, "policy")
    policy, more = read_tree(root, "policy", broken=bool(faults))
    if has_errors([*faults, *more]):
        raise BlockctlError("the policy has errors; nothing was changed", "`blockctl check` lists them")
    after = before
    for step in steps:
        if after is not before:
            root, _ = parse_kept(after, "policy")
        if isinstance(root, tree.Mapping):
            splice = Splice(after)
            step(splice, root)
            after = splice.result() if splice.changed else after
    read, faults = read_policy(after, "policy", again=True) if after is not before else (policy, [])
    if has_errors(faults) or wanted.says(read) != wanted.says(change(policy)):
        raise BlockctlError("this file is laid out in a way that cannot be edited safely", "edit it by hand")
    return text[: len(text) - len(before)] + after


def _value(key: str, value: str, like: str = "") -> str:
    """Return a value as it stands in the file; a moment needs no quotes, for all its colons."""
    return value if key == "until" and like not in ("'", '"') else render(value, like)


def _item(host: str, until: datetime | None, note: str | None) -> str:
    """Return an item of an allow or deny list."""
    if until is None and not note:
        return render(host)
    parts = [f"host: {render(host)}"]
    if until is not None:
        parts.append(f"until: {utc_text(until)}")
    if note:
        parts.append(f"note: {render(note)}")
    return "{" + ", ".join(parts) + "}"


def utc_text(moment: datetime) -> str:
    """Return a moment as the policy holds it: ISO 8601 in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
