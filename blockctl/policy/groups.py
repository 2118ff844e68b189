"""`resolver.groups`: devices that the resolver treats in their own way, and when it denies them what."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping
from ipaddress import ip_network

from blockctl.model.addresses import read_address, read_network, shortest
from blockctl.model.diagnostic import Severity
from blockctl.model.policy import Group, HostEntry, ListSource, Schedule
from blockctl.policy import measures, words
from blockctl.policy.host_lists import read_hosts
from blockctl.policy.tree import Node, Scalar
from blockctl.policy.values import Reader

_NAME = re.compile(r"\w[\w-]{0,62}")
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # a label: it stands in a URL's path and in a host name
_MAC = re.compile(r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}", re.IGNORECASE)
EVERY_NAME = "all"


def read_groups(reader: Reader, node: Node, lists: Collection[ListSource]) -> dict[str, Group]:
    """Read the groups; a client is in one at most."""
    groups: dict[str, Group] = {}
    taken: dict[str, tuple[str, Node]] = {}  # client -> its group, and where that is said
    for key, value in reader.entries(node, "resolver.groups"):
        if key.text in groups:
            first = groups[key.text].origin.line
            reader.fault("P005", key, f"{key.text!r} is here twice", f"the first is in line {first}")
        elif not _NAME.fullmatch(key.text):
            message = f"a group cannot be called {key.text[:60]!r}"
            reader.fault("P010", key, message, "letters, digits and hyphens, as in kids or living-room")
        else:
            groups[key.text] = _read_group(reader, key, value, {each.name: each for each in lists}, taken)
    return groups


def _read_group(
    reader: Reader, key: Scalar, node: Node, lists: Mapping[str, ListSource], taken: dict[str, tuple[str, Node]]
) -> Group:
    what = f"groups.{key.text}"
    found = reader.mapping(node, what, words.GROUP, words.MEANT_BY_GROUP_KEY)
    hosts: dict[str, HostEntry] = {}
    clients: tuple[str, ...] = ()
    named: tuple[str, ...] | None = None
    blocking = safe_search = None
    schedules: tuple[Schedule, ...] = ()
    for name, (_, value) in found.items():
        if name == "clients":
            clients = _read_clients(reader, value, key.text, taken)
        elif name == "lists":
            named = _read_lists(reader, value, what, lists)
        elif name == "blocking":
            blocking = reader.word(value, name, words.SWITCH, words.MEANT_BY_SWITCH)
        elif name == "safe-search":
            safe_search = reader.word(value, name, words.SWITCH, words.MEANT_BY_SWITCH)
        elif name == "schedule":
            schedules = tuple(
                schedule for item in reader.items(value, f"{what}.schedule") if (schedule := _schedule(reader, item))
            )
        else:
            read_hosts(reader, value, name, hosts, what, everywhere=True)
    if "clients" not in found:
        hint = 'say who is in it: clients: ["192.168.1.20", "192.168.7.0/24", ipad]'
        reader.fault("P009", key, f"{what} has no clients", hint)
    on = True if blocking is None else blocking
    return Group(key.text, reader.origin(key), clients, named, hosts, on, safe_search, schedules)


def _read_clients(reader: Reader, node: Node, group: str, taken: dict[str, tuple[str, Node]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for item in reader.items(node, f"groups.{group}.clients"):
        text = reader.text(item, "clients")
        if text is None:
            continue
        client = _client(reader, item, text)
        if client is None:
            continue
        other, where = taken.setdefault(client, (group, item))
        if other != group:
            message = f"{client} is in two groups, {other} and {group}"
            reader.fault("P013", item, message, f"the other is in line {where.line}: delete one of them")
        elif client in found:
            message = f"{client} is here twice"
            reader.fault("P013", item, message, f"the first is in line {where.line}", Severity.WARNING)
        found[client] = None
    return tuple(found)


def _client(reader: Reader, node: Node, text: str) -> str | None:
    if "/" in text:
        network = read_network(text)
        if network is not None:
            return str(network)
        hint = "as in 192.168.7.0/24 or fd00:7::/64"
        with contextlib.suppress(ValueError):
            hint = f"write {ip_network(text, strict=False)}"
        reader.fault("P017", node, f"no network: {text[:60]!r}", hint)
        return None
    if read_address(text) is not None and "%" not in text:
        return shortest(text)
    if _ID.fullmatch(text.lower()) and not text.isdigit():
        return text.lower()
    hint = "an address, a network, or the id of a device (letters, digits, hyphens)"
    if _MAC.fullmatch(text):
        hint = "DNS sees no hardware addresses: give the device a fixed address in the router, and write that"
    reader.fault("P017", node, f"no client: {text[:60]!r}", hint)
    return None


def _read_lists(reader: Reader, node: Node, what: str, lists: Mapping[str, ListSource]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for item in reader.items(node, f"{what}.lists"):
        name = reader.text(item, "lists")
        if name is None:
            continue
        if name not in lists:
            hint = reader.advise(name, lists) if lists else "name it under `lists:` first"
            reader.fault("P007", item, f"there is no list {name[:60]!r}", hint)
        elif not lists[name].dns:
            message = f"the list {name} is not for DNS, so it does nothing here"
            reader.fault("P007", item, message, f"its `use` is [browser], in line {lists[name].origin.line}")
        else:
            found[name] = None
    return tuple(found)


def _schedule(reader: Reader, node: Node) -> Schedule | None:
    found = reader.mapping(node, "an entry of schedule", words.SCHEDULE, words.MEANT_BY_SCHEDULE_KEY)
    for key, other in (("from", "to"), ("to", "from")):
        if key in found and other not in found:
            reader.fault("P009", node, f"an entry of schedule has `{key}` but no `{other}`", f'add {other}: "07:00"')
    days = measures.days(reader, found["days"][1]) if "days" in found else frozenset(range(7))
    start = measures.minute(reader, found["from"][1], "from") if "from" in found else 0
    end = measures.minute(reader, found["to"][1], "to") if "to" in found else 0
    if "deny" not in found:
        reader.fault("P009", node, "an entry of schedule denies nothing", "add deny: [games.example], or deny: all")
        return None
    deny = _denied(reader, found["deny"][1])
    if deny is None or start is None or end is None or not days:
        return None
    return Schedule(days, start, end, deny, reader.origin(node))


def _denied(reader: Reader, node: Node) -> tuple[str, ...] | None:
    if isinstance(node, Scalar) and node.text == EVERY_NAME:
        return ()
    if isinstance(node, Scalar) and not node.empty:
        reader.fault("P003", node, f"deny cannot be {node.text[:60]!r}", f"write [{node.text[:60]}], or all")
        return None
    items = reader.items(node, "schedule.deny")
    found = [host for item in items if (host := reader.host(item, "schedule.deny", everywhere=True)) is not None]
    if not items:
        reader.fault("P003", node, "deny is empty", "name hosts, or write deny: all")
    return tuple(dict.fromkeys(found)) or None
