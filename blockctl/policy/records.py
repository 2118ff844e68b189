"""`resolver.records`: names that the resolver answers by itself, with addresses or with another name's answer."""

from __future__ import annotations

from blockctl.model.addresses import read_address, shortest
from blockctl.model.names import is_address, normalize_host, parents
from blockctl.policy import tree
from blockctl.policy.tree import Node, Scalar
from blockctl.policy.values import Reader

STAR = "*."
Records = dict[str, tuple[str, ...]]


def read_records(reader: Reader, node: Node) -> Records:
    """Return names (`*.NAME` is all below it), each with its addresses or with the one name it stands for."""
    records: Records = {}
    keys: dict[str, Scalar] = {}
    for key, value in reader.entries(node, "resolver.records"):
        name = _owner(reader, key)
        values = _values(reader, key, value)
        if name is None or not values:
            continue
        if name in records:
            hint = f"the first is in line {keys[name].line}; put all addresses into one list"
            reader.fault("P005", key, f"{key.text!r} is here twice", hint)
            continue
        records[name], keys[name] = values, key
    told: set[str] = set()
    for name, key in keys.items():
        if name not in told and (loop := _loop(records, name)):
            told.update(loop)
            reader.fault("P013", key, f"a record that ends in itself: {' -> '.join(loop)}", "one must have an address")
    return records


def _owner(reader: Reader, key: Scalar) -> str | None:
    star = STAR if key.text.startswith(STAR) else ""
    name = normalize_host(key.text.removeprefix(STAR))
    if name is not None:
        return star + name
    if is_address(key.text):
        reader.fault("P012", key, f"a record's name is a name, not the address {key.text[:60]}", "write NAME: ADDRESS")
        return None
    return reader.host(key, "records", everywhere=True)


def _values(reader: Reader, key: Scalar, node: Node) -> tuple[str, ...]:
    what = f"records.{key.text[:60]}"
    items = [node] if isinstance(node, Scalar) and not node.empty else reader.items(node, what)
    if not items and not isinstance(node, tree.Mapping):
        reader.fault("P003", node, f"{what} says nothing", "write addresses, or one other name")
    addresses: dict[str, None] = {}
    names: dict[str, None] = {}
    for item in items:
        text = reader.text(item, what)
        if text is None:
            continue
        if read_address(text) is not None and "%" not in text:
            addresses[shortest(text)] = None
        elif is_address(text):
            reader.fault("P017", item, f"no address: {text[:60]!r}", "as in 192.168.1.9 or fd00::9, without a zone")
        elif (name := reader.host(item, what, everywhere=True)) is not None:
            names[name] = None
    if names and (addresses or len(names) > 1):
        message = f"{what} holds a name and something else"
        reader.fault("P013", node, message, "a record has addresses, or it stands for one other name")
    return tuple(addresses or names)


def _loop(records: Records, name: str) -> list[str]:
    """Return the way from a record back to itself, nothing when it ends somewhere else."""
    way = [name]
    while True:
        values = records[way[-1]]
        if is_address(values[0]):
            return []
        entry = _entry(records, values[0])
        if entry == name:
            return [*way, values[0]]
        if entry is None or entry in way:
            return []
        way.append(entry)


def _entry(records: Records, name: str) -> str | None:
    """Return the record that speaks of a name: its own, or the nearest `*` above it."""
    if name in records:
        return name
    above = (STAR + parent for parent in parents(name) if parent != name)
    return next((star for star in above if star in records), None)
