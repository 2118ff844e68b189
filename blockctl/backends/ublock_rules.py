"""uBlock Origin's "My rules": the `no-scripting` switch and, in advanced mode, its host rules.

Both see the page of the tab, inside frames too. The dashboard's import only adds lines, so `false` is written where
something is off again, for every site at the latest (`removed` names those that the policy no longer does).
A host rule is looked up by destination first and by page second; `decide()` asks the page first, so what a site
overrides is written again for that site. Never `SITE SITE * allow`: it lifts the sandbox and the switch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from blockctl.backends.output import Gaps, Output, Prepared
from blockctl.backends.ublock_regions import Hosts, Names, above, javascript_of
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.names import covers, normalize_host, parents, reversed_labels
from blockctl.model.policy import HostEntry, JavaScript, Policy

OPTIONS: dict[str, str] = {
    "advanced": 'yes: write host rules too, which uBO heeds only with "I am an advanced user" on',
    "removed": "sites that the policy named before, separated by spaces: their switch is written as it is now",
}


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:  # noqa: ARG001 - the interface
    """Lists have no place in My rules."""
    return Prepared()


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:  # noqa: ARG001 - the interface
    """Write the policy's switches and host rules."""
    output = Output({})
    lines = switches(policy, options.get("removed", "").split())
    if policy.paused:
        output.notes.append("paused: scripts are on everywhere")
    else:
        lines += [*host_rules(policy, is_advanced(options), output.gaps)]
        _carried_by_list(policy, output.gaps)
    output.files[""] = ["".join(f"{line}\n" for line in lines).encode()]
    output.rules_out = len(lines)
    output.rules_in = output.rules_out + len(output.gaps)
    output.notes.append("lists are not for My rules: the target `ublock` (option javascript: rules) carries them")
    return output


def is_advanced(options: dict[str, str]) -> bool:
    """Whether host rules are wanted."""
    return options.get("advanced", "") == "yes"


def switches(policy: Policy, removed: Sequence[str] = ()) -> list[str]:
    """Return the `no-scripting` lines: the default, then each site that differs from what is around it."""
    deny_all = policy.javascript is JavaScript.DENY and not policy.paused
    lines = [_switch("*", deny_all)]
    named = {host for host, site in policy.sites.items() if site.javascript is not None}
    gone = {host for name in removed if (host := normalize_host(name))}
    known: dict[str, bool] = {}
    for host in sorted(named | gone, key=reversed_labels):
        known[host] = javascript_of(policy, host) is JavaScript.DENY and not policy.paused
        around = next((known[up] for up in above(host) if up in known), deny_all)
        if known[host] != around or host in gone or policy.paused:
            lines.append(_switch(host, known[host]))
    return lines


def _switch(host: str, on: bool) -> str:
    return f"no-scripting: {host} {'true' if on else 'false'}"


def host_rules(policy: Policy, advanced: bool, gaps: Gaps) -> Iterator[str]:
    """Yield the rules for first-party scripts and for hosts; without advanced mode the filter list carries them."""
    if not advanced:
        for origin, text in _host_entries(policy):
            gaps.add("advanced", origin, text)
        return
    yield from _first_party(policy)
    hosts, scripts = Hosts(policy), _Scripts(policy)
    for entry in policy.hosts.values():
        said = "hosts: " + ("allow" if entry.allow else "deny") + f": {entry.host}"
        if not entry.allow:
            gaps.add("dynamic-document", entry.origin, said)
        yield _rule("*", entry.host, _action(scripts, "", entry, said, gaps))
    for site in sorted(hosts.by_site, key=reversed_labels):
        for entry in policy.sites[site].hosts:
            if entry.allow != hosts.by_site[site].verdicts[entry.host]:
                continue  # denied and allowed by the same site: allow
            said = f"sites: {site}: " + ("allow" if entry.allow else "deny") + f": {entry.host}"
            action = _action(scripts, site, entry, said, gaps)
            yield from (_rule(site, host, action) for host in (entry.host, *_overridden(hosts, site, entry.host)))


def _action(scripts: _Scripts, site: str, entry: HostEntry, said: str, gaps: Gaps) -> str:
    """Return what a host rule does. `noop` leaves an allowed host to the filter list, where `allow` says too much."""
    if not entry.allow:
        return "block"
    if scripts.leave(site, entry.host):
        return "allow"
    gaps.add("dynamic-allow", entry.origin, said)
    return "noop"


def _overridden(hosts: Hosts, site: str, host: str) -> list[str]:
    """Return the names below a site's own entry that outer entries speak of, and this site overrides."""
    own = hosts.by_site[site].verdicts
    below = {name for outer in hosts.layers(site)[1:] for name in outer.below(host)}
    nearest = {name: next(up for up in parents(name) if up in own) for name in below}
    return sorted((name for name in below if nearest[name] == host), key=reversed_labels)


def _rule(site: str, host: str, action: str) -> str:
    return f"{site} {host} * {action}"


class _Scripts:
    """Where scripts are not simply allowed, for there `allow` in My rules would say too much."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        said = {name: javascript_of(policy, name) for name in policy.sites}
        self._first_party = Names({name: True for name, each in said.items() if each is JavaScript.FIRST_PARTY})
        self._denied = Names({name: True for name, each in said.items() if each is JavaScript.DENY})

    def leave(self, site: str, host: str) -> bool:
        """Whether `allow` of a host on the pages of a site ("": of any) keeps its meaning.

        It lets a script pass that `first-party` blocks, and on the host's own pages it lifts the sandbox.
        """
        around = javascript_of(self._policy, site) if site else self._policy.javascript
        below = any(True for _ in self._first_party.below(site)) if site else bool(self._first_party.verdicts)
        if below or around is JavaScript.FIRST_PARTY:
            return False
        if around is JavaScript.DENY and (not site or covers(host, site) or covers(site, host)):
            return False
        return not self._denied.covers(host) and not any(True for _ in self._denied.below(host))


def _first_party(policy: Policy) -> Iterator[str]:
    """Yield the rules that block third-party scripts; here third-party is meant of the page, in frames too."""
    everywhere = policy.javascript is JavaScript.FIRST_PARTY
    if everywhere:
        yield "* * 3p-script block"
    known: dict[str, bool] = {}
    for host in sorted(policy.sites, key=reversed_labels):
        known[host] = javascript_of(policy, host) is JavaScript.FIRST_PARTY
        if known[host] != next((known[up] for up in above(host) if up in known), everywhere):
            yield f"{host} * 3p-script {'block' if known[host] else 'noop'}"


def _host_entries(policy: Policy) -> Iterator[tuple[Origin, str]]:
    for entry in policy.hosts.values():
        yield entry.origin, f"hosts: {'allow' if entry.allow else 'deny'}: {entry.host}"
    for name, site in policy.sites.items():
        for entry in site.hosts:
            yield entry.origin, f"sites: {name}: {'allow' if entry.allow else 'deny'}: {entry.host}"
        if site.javascript is JavaScript.FIRST_PARTY:
            yield site.lines.get("javascript", site.origin), f"sites: {name}: javascript: first-party"
    if policy.javascript is JavaScript.FIRST_PARTY:
        yield policy.defaults_lines.get("javascript", Origin(policy.file)), "defaults: javascript: first-party"


def _carried_by_list(policy: Policy, gaps: Gaps) -> None:
    for name, origin in policy.protect.items():
        gaps.add("list-carried", origin, f"protect: {name}")
    if not policy.blocking:
        gaps.add("list-carried", policy.defaults_lines.get("blocking", Origin(policy.file)), "defaults: blocking: off")
    for name, site in policy.sites.items():
        told = {"blocking": site.blocking is not None, "hide": bool(site.hide), "scroll": bool(site.unlock_scroll)}
        for key, said in told.items():
            if said:
                gaps.add("list-carried", site.lines.get(key, site.origin), f"sites: {name}: {key}")
