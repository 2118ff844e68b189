"""The policy's text to the policy, and everything that is wrong with it, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from blockctl.model.diagnostic import Diagnostic, Origin, Severity
from blockctl.model.policy import MAX_CHARACTERS, HostEntry, JavaScript, Policy, Site
from blockctl.policy import tree, words
from blockctl.policy.host_lists import read_hosts
from blockctl.policy.sections import read_lists, read_targets
from blockctl.policy.tree import Node, Scalar, parse_kept, parse_tree
from blockctl.policy.values import Reader


def read_policy(text: str, file: str, *, again: bool = False) -> tuple[Policy, list[Diagnostic]]:
    """Read a policy; what has a fault is left out of it. One with an error in its diagnostics must not be used.

    The clock plays no part: `lapsed` tells which entries have ended, `Policy.at` leaves them out. `again`: somebody in
    this process reads this very text before or after, so its nodes are kept.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"the policy has {len(text) / 1e6:,.0f} MB; the limit is {MAX_CHARACTERS / 1e6:,.0f} MB"
        return Policy(file), [Diagnostic("P001", Origin(file), message, "long lists of hosts belong in `lists:`")]
    root, faults = (parse_kept if again else parse_tree)(text, file)
    policy, more = read_tree(root, file, broken=bool(faults))
    return policy, sorted([*faults, *more], key=lambda fault: fault.origin)


def read_tree(root: Node | None, file: str, *, broken: bool = False) -> tuple[Policy, list[Diagnostic]]:
    """Read a policy from its nodes. `broken` says that the text ends in a fault, so what is missing is no surprise."""
    reader = Reader(file)
    if root is None or (isinstance(root, Scalar) and root.empty):
        if not broken:
            hint = "begin with `version: 1`, or let `blockctl init` write one"
            reader.faults.append(Diagnostic("P003", Origin(file), "the policy is empty", hint))
        return Policy(file), reader.faults
    if not isinstance(root, tree.Mapping):
        reader.fault("P003", root, "a policy is `key: value` entries", "begin with `version: 1`")
        return Policy(file), reader.faults
    top = reader.mapping(root, "the policy", words.TOP)
    _read_version(reader, top, root, broken=broken)
    javascript, blocking, lines = _read_defaults(reader, top)
    policy = Policy(
        file,
        javascript=javascript,
        blocking=blocking,
        sites=_read_sites(reader, top["sites"][1]) if "sites" in top else {},
        hosts=_read_hosts(reader, top["hosts"][1]) if "hosts" in top else {},
        lists=read_lists(reader, top["lists"][1]) if "lists" in top else (),
        protect=_read_protect(reader, top["protect"][1]) if "protect" in top else {},
        popular=(reader.text(top["popular"][1], "popular") or "") if "popular" in top else "",
        targets=read_targets(reader, top["targets"][1]) if "targets" in top else {},
        defaults_lines=lines,
    )
    if "resolver" in top:
        from blockctl.policy.resolver import read_resolver  # late: addresses take 3 ms to load

        policy = replace(policy, resolver=read_resolver(reader, top["resolver"][1], policy.lists))
    if reader.untold:
        message = f"and {reader.untold:,} more faults"
        reader.faults.append(
            Diagnostic("P000", max(fault.origin for fault in reader.faults), message, "mend these first")
        )
    return policy, reader.faults


def lapsed(policy: Policy, now: datetime) -> list[Diagnostic]:
    """Return a warning for each entry whose time has passed; it counts as absent."""
    found = []
    hint = "`blockctl check --remove-lapsed` deletes it"

    def tell(origin: Origin, what: str, until: datetime) -> None:
        message = f"{what} lapsed at {until:%Y-%m-%d %H:%M} UTC and counts as absent"
        found.append(Diagnostic("P015", origin, message, hint, Severity.WARNING))

    for site in policy.sites.values():
        if site.until is not None and site.until <= now:
            tell(site.lines.get("until", site.origin), site.host, site.until)
            continue
        for entry in site.hosts:
            if entry.until is not None and entry.until <= now:
                tell(entry.origin, f"{entry.host} on {site.host}", entry.until)
    for entry in policy.hosts.values():
        if entry.until is not None and entry.until <= now:
            tell(entry.origin, entry.host, entry.until)
    for group in policy.resolver.groups.values():
        for entry in group.hosts.values():
            if entry.until is not None and entry.until <= now:
                tell(entry.origin, f"{entry.host} for the group {group.name}", entry.until)
    return sorted(found, key=lambda fault: fault.origin)


def _read_version(reader: Reader, top: Mapping[str, tuple[Scalar, Node]], root: tree.Mapping, *, broken: bool) -> None:
    if "version" not in top:
        if not broken:
            reader.fault("P008", root, "the policy has no version", "begin it with `version: 1`")
        return
    node = top["version"][1]
    version = reader.text(node, "version")
    if version is not None and version != words.VERSION:
        reader.fault(
            "P008", node, f"version {version!r} is unknown to this blockctl", f"write version: {words.VERSION}"
        )


def _read_defaults(
    reader: Reader, top: Mapping[str, tuple[Scalar, Node]]
) -> tuple[JavaScript, bool, dict[str, Origin]]:
    found = (
        reader.mapping(top["defaults"][1], "defaults", words.DEFAULTS, words.MEANT_BY_SITE_KEY)
        if "defaults" in top
        else {}
    )
    javascript, blocking = None, None
    if "javascript" in found:
        javascript = reader.word(found["javascript"][1], "javascript", words.JAVASCRIPT, words.MEANT_BY_JAVASCRIPT)
    if "blocking" in found:
        blocking = reader.word(found["blocking"][1], "blocking", words.SWITCH, words.MEANT_BY_SWITCH)
    lines = {key: reader.origin(place) for key, (place, _) in found.items()}
    return javascript or JavaScript.ALLOW, True if blocking is None else blocking, lines


def _read_sites(reader: Reader, node: Node) -> dict[str, Site]:
    sites: dict[str, Site] = {}
    for key, value in reader.entries(node, "sites"):
        host = reader.site(key)
        if host is None:
            read_site(reader, "", key, value)  # for its faults
        elif host in sites:
            first = sites[host].origin.line
            said = f"{key.text!r} is here twice" if key.text == host else f"{key.text!r} is {host}, which is here twice"
            reader.fault("P005", key, said, f"the first is in line {first}; put all into one entry")
        else:
            sites[host] = read_site(reader, host, key, value)
    return sites


def read_site(reader: Reader, host: str, key: Scalar, node: Node) -> Site:
    """Read what is said of one site."""
    what = key.text if len(key.text) <= 60 else "the site"
    found = reader.mapping(node, what, words.SITE, words.MEANT_BY_SITE_KEY)
    javascript = blocking = until = note = scroll = None
    hosts: dict[str, HostEntry] = {}
    hide: list[str] = []
    for name, (_, value) in found.items():
        if name == "javascript":
            javascript = reader.word(value, name, words.JAVASCRIPT, words.MEANT_BY_JAVASCRIPT)
        elif name == "blocking":
            blocking = reader.word(value, name, words.SWITCH, words.MEANT_BY_SWITCH)
        elif name == "scroll":
            scroll = reader.word(value, name, dict.fromkeys(words.SCROLL, True))
        elif name == "until":
            until = reader.moment(value)
        elif name == "note":
            note = reader.prose(value, name)
        elif name == "hide":
            hide += [text for item in reader.items(value, name) if (text := reader.selector(item)) is not None]
        else:
            read_hosts(reader, value, name, hosts, what, everywhere=False)
    lines = {name: reader.origin(place) for name, (place, _) in found.items()}
    return Site(
        host, reader.origin(key), javascript, blocking, tuple(hosts.values()), tuple(dict.fromkeys(hide)), scroll,
        until, note or "", lines,
    )  # fmt: skip


def _read_hosts(reader: Reader, node: Node) -> dict[str, HostEntry]:
    hosts: dict[str, HostEntry] = {}
    for name, (_, value) in reader.mapping(node, "hosts", words.HOSTS, words.MEANT_BY_SITE_KEY).items():
        read_hosts(reader, value, name, hosts, "hosts", everywhere=True)
    return hosts


def _read_protect(reader: Reader, node: Node) -> dict[str, Origin]:
    protect: dict[str, Origin] = {}
    for item in reader.items(node, "protect"):
        host = reader.host(item, "protect", everywhere=True)
        if host is not None:
            protect.setdefault(host, reader.origin(item))
    return protect


def has_errors(faults: Iterable[Diagnostic]) -> bool:
    """Whether a policy with these diagnostics must not be used."""
    return any(fault.severity is Severity.ERROR for fault in faults)
