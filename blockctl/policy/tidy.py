"""Which entries of a policy are done with: lapsed, double, shadowed, idle, unvisited; and which come again and again.

An entry is told of only where taking it out changes no decision, as far as the names say; what depends on the past
(visits) tells how far back that reaches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from blockctl.model.diagnostic import Diagnostic, Origin, Severity
from blockctl.model.names import covers, parents
from blockctl.model.policy import HostEntry, Policy, Site
from blockctl.policy.tidy_findings import (
    AGAIN,
    DOUBLE,
    IDLE,
    KINDS,
    LAPSED,
    SHADOWED,
    UNVISITED,
    Finding,
    Temporary,
    Visits,
)

TWICE = "P013"  # how `host_lists` calls it
OFTEN = 3  # times within LATELY make a habit
LATELY = timedelta(days=30)
Entries = Mapping[str, HostEntry]


def tidy(
    policy: Policy,
    faults: Iterable[Diagnostic],
    now: datetime,
    past: Iterable[Temporary],
    visits: Visits,
    unvisited: timedelta,
    blocked: Callable[[str], bool] | None,
    back: Collection[str] = (),
) -> list[Finding]:
    """Return what can go, in the order of the file, and what comes again, last.

    `policy` and `faults` are as read. `unvisited` is for how long nobody must have asked for a site. `blocked` says
    whether any list blocks a name, what covers it, or what is below it; None: the lists are not at hand. `back` are
    lapsed sites of which an earlier entry returns.
    """
    standing = policy.at(now)
    found = [*_lapsed(policy, now, back), *_double(faults)]
    seen = {each.origin for each in found}
    more = [*_shadowed(standing), *(_idle(standing, blocked) if blocked else ()),
            *_unvisited(standing, now, visits, unvisited)]  # fmt: skip
    for each in sorted(more, key=lambda finding: KINDS.index(finding.kind)):
        if each.origin not in seen:
            seen.add(each.origin)
            found.append(each)
    return [*sorted(found, key=lambda each: each.origin), *_again(standing, now, past)]


def _double(faults: Iterable[Diagnostic]) -> Iterator[Finding]:
    """Yield the hosts that stand twice in one list, which reading has told already."""
    for fault in faults:
        if fault.code == TWICE and fault.severity is Severity.WARNING:
            yield Finding(DOUBLE, fault.origin, fault.message, fault.hint)


def _lapsed(policy: Policy, now: datetime, back: Collection[str]) -> Iterator[Finding]:
    for site in policy.sites.values():
        if site.until is not None and site.until <= now:
            returns = "; what it said before comes back" if site.host in back else ""
            yield Finding(LAPSED, site.origin, f"sites: {site.host}", _ended(site.until) + returns)
            continue
        yield from (_lapsed_host(entry, site) for entry in site.hosts if entry.until and entry.until <= now)
    yield from (_lapsed_host(entry) for entry in policy.hosts.values() if entry.until and entry.until <= now)
    for group in policy.resolver.groups.values():
        for entry in group.hosts.values():
            if entry.until and entry.until <= now:
                yield Finding(LAPSED, entry.origin, f"group {group.name}: {_word(entry)}", _ended(entry.until))


def _lapsed_host(entry: HostEntry, site: Site | None = None) -> Finding:
    assert entry.until is not None, "it has an end"
    return Finding(LAPSED, entry.origin, _called(entry, site), _ended(entry.until))


def _ended(until: datetime) -> str:
    return f"its time passed at {until:%Y-%m-%d %H:%M} UTC"


def _called(entry: HostEntry, site: Site | None = None) -> str:
    return f"{f'sites: {site.host}' if site else 'hosts'}: {_word(entry)}"


def _word(entry: HostEntry) -> str:
    return f"{'allow' if entry.allow else 'deny'}: {entry.host}"


def _shadowed(policy: Policy) -> Iterator[Finding]:
    """Yield what another entry says anyway."""
    for entry in policy.hosts.values():
        above = _nearest_above(policy.hosts, entry.host)
        if above is not None and _says_the_same(above, entry):
            yield Finding(SHADOWED, entry.origin, _called(entry), f"{above.host} in line {above.origin.line} covers it")
    for site in policy.sites.values():
        yield from _shadowed_keys(policy, site)
        own = {entry.host: entry for entry in site.hosts}
        for entry in site.hosts:
            above = _nearest_above(own, entry.host) or _from_outside(policy, site, entry)
            if above is not None and _says_the_same(above, replace(entry, until=_ends(entry, site))):
                reason = f"{above.host} in line {above.origin.line} covers it"
                yield Finding(SHADOWED, entry.origin, _called(entry, site), reason)


def _ends(entry: HostEntry, site: Site) -> datetime | None:
    return min((each for each in (entry.until, site.until) if each is not None), default=None)


def _nearest_above(entries: Entries, host: str) -> HostEntry | None:
    return next((entries[name] for name in parents(host) if name != host and name in entries), None)


def _from_outside(policy: Policy, site: Site, entry: HostEntry) -> HostEntry | None:
    """Return the entry that would speak of the host, and of all below it, if the site's did not.

    That may be one of a site above, or of `hosts`; none where entries below the host would then speak otherwise.
    """
    outer = [{each.host: each for each in above.hosts} for above in policy.sites_above(site.host) if above is not site]
    if any(above.until is not None for above in policy.sites_above(site.host) if above is not site):
        return None  # it may end before this one
    for entries in (*outer, policy.hosts):
        if any(covers(entry.host, host) and each.allow != entry.allow for host, each in entries.items()):
            return None
        found = next((entries[name] for name in parents(entry.host) if name in entries), None)
        if found is not None:
            return found
        if any(covers(entry.host, host) for host in entries):
            return None
    return None


def _says_the_same(above: HostEntry, entry: HostEntry) -> bool:
    """Whether an entry says the same for as long; one with a note was meant, and stays."""
    if above.allow != entry.allow or entry.note:
        return False
    return above.until is None or (entry.until is not None and entry.until <= above.until)


def _shadowed_keys(policy: Policy, site: Site) -> Iterator[Finding]:
    above = [each for each in policy.sites_above(site.host) if each is not site]
    if any(each.until is not None for each in above):
        return
    for key, default in (("javascript", policy.javascript), ("blocking", policy.blocking)):
        value = getattr(site, key)
        outer = next((each for each in above if getattr(each, key) is not None), None)
        if value is None or value != (getattr(outer, key) if outer else default):
            continue
        where = f"sites: {outer.host}, in line {outer.lines[key].line}," if outer else "the default"
        word = value.value if key == "javascript" else ("on" if value else "off")
        if not (outer is None and key == "blocking" and not value):  # DNS yields to a site's own `blocking: off`
            yield Finding(SHADOWED, site.lines[key], f"sites: {site.host}: {key}: {word}", f"{where} says the same")


def _idle(policy: Policy, blocked: Callable[[str], bool]) -> Iterator[Finding]:
    """Yield the allowed hosts that nothing blocks by name."""
    denied = [entry.host for entry in policy.hosts.values() if not entry.allow]
    denied += [entry.host for site in policy.sites.values() for entry in site.hosts if not entry.allow]
    for group in policy.resolver.groups.values():
        denied += [*group.hosts, *(host for schedule in group.schedules for host in schedule.deny)]

    def is_idle(entry: HostEntry) -> bool:
        against = any(covers(host, entry.host) or covers(entry.host, host) for host in denied)
        return entry.allow and not entry.note and not against and not blocked(entry.host)

    reason = "no list blocks it, or anything below it, by name any more"
    for entry in policy.hosts.values():
        if is_idle(entry):
            yield Finding(IDLE, entry.origin, _called(entry), reason)
    for site in policy.sites.values():
        for entry in site.hosts:
            if is_idle(entry):
                yield Finding(IDLE, entry.origin, _called(entry, site), reason)


def _unvisited(policy: Policy, now: datetime, visits: Visits, unvisited: timedelta) -> Iterator[Finding]:
    if visits.since is None or now - visits.since < unvisited:
        return
    for site in policy.sites.values():
        last = visits.last.get(site.host)
        if last is None or now - last >= unvisited:
            seen = f"last on {last:%Y-%m-%d}" if last else f"the log reaches back to {visits.since:%Y-%m-%d}"
            reason = f"nobody asked the resolver for it in {unvisited.days} days ({seen})"
            yield Finding(UNVISITED, site.origin, f"sites: {site.host}", reason)


def _again(policy: Policy, now: datetime, past: Iterable[Temporary]) -> Iterator[Finding]:
    """Yield the temporary entries that were made often, unless they stand for good by now."""
    times: Counter[str] = Counter()
    entries: dict[str, Temporary] = {}
    for each in past:
        if now - each.at <= LATELY:
            times[each.command] += 1
            entries[each.command] = each
    for command, count in times.most_common():
        entry = entries[command]
        if count >= OFTEN and not _stands(policy, entry):
            what = f"{entry.verb} {entry.host or ' '.join(entry.settings)}{f' on {entry.site}' if entry.site else ''}"
            reason = f"{count} times for a while in the last {LATELY.days} days"
            yield Finding(AGAIN, Origin(policy.file), what, reason, command)


def _stands(policy: Policy, entry: Temporary) -> bool:
    site = policy.sites.get(entry.site)
    if entry.verb == "set":
        return (
            site is not None
            and site.until is None
            and all(key.partition("=")[0] in site.lines for key in entry.settings)
        )
    hosts = site.hosts if site is not None and site.until is None else () if entry.site else policy.hosts.values()
    return any(
        each.host == entry.host and each.until is None and each.allow == (entry.verb == "allow") for each in hosts
    )
