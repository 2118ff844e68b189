"""`allow` and `deny`: hosts, each with an end and a note where it has them."""

from __future__ import annotations

from blockctl.model.diagnostic import Severity
from blockctl.model.names import is_listed_suffix
from blockctl.model.policy import HostEntry
from blockctl.policy import tree, words
from blockctl.policy.tree import Node, Scalar
from blockctl.policy.values import Reader


def read_hosts(
    reader: Reader, node: Node, verb: str, hosts: dict[str, HostEntry], place: str, *, everywhere: bool
) -> None:
    """Read an `allow` or `deny` list into `hosts`; a host stands once in the two of one place.

    `place` is what messages call it; what holds `everywhere` is for DNS too, and so no address.
    """
    what = f"{place}.{verb}"
    for item in reader.items(node, what):
        entry = _read_entry(reader, item, what, allow=verb == "allow", everywhere=everywhere)
        if entry is None:
            continue
        before = hosts.get(entry.host)
        if before is None:
            hosts[entry.host] = entry
            if verb == "deny" and is_listed_suffix(entry.host):
                message = f"{entry.host} is a public suffix: this denies every site below it"
                reader.fault("P011", item, message, severity=Severity.WARNING)
        elif before.allow == entry.allow:
            message = f"{entry.host} is here twice"
            reader.fault("P013", item, message, f"the first is in line {before.origin.line}", Severity.WARNING)
        else:
            message = f"{entry.host} is both allowed and denied"
            reader.fault("P013", item, message, f"the other is in line {before.origin.line}: delete one of them")


def _read_entry(reader: Reader, node: Node, what: str, *, allow: bool, everywhere: bool) -> HostEntry | None:
    origin = reader.origin(node)
    if isinstance(node, Scalar):
        host = reader.host(node, what, everywhere=everywhere)
        return HostEntry(host, allow, origin) if host is not None else None
    if isinstance(node, tree.Sequence):
        reader.fault("P003", node, f"{what} holds a list within a list", "each item is a host")
        return None
    found = reader.mapping(node, f"an entry of {what}", words.HOST_ENTRY, words.MEANT_BY_SITE_KEY)
    until = reader.moment(found["until"][1]) if "until" in found else None
    note = reader.prose(found["note"][1], "note") if "note" in found else None
    if "host" not in found:
        reader.fault("P009", node, f"an entry of {what} has no host", "write the host, or {host: NAME, until: TIME}")
        return None
    host = reader.host(found["host"][1], what, everywhere=everywhere)
    return HostEntry(host, allow, origin, until, note or "") if host is not None else None
