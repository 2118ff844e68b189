"""Finding entries of the policy in its nodes, and putting in or taking out whole ones."""

from __future__ import annotations

from collections.abc import Collection

from blockctl.policy import tree
from blockctl.policy.splice import Splice, end_of, render
from blockctl.policy.tree import Node, Scalar
from blockctl.policy.values import host_name

Entry = tuple[int, Scalar, Node]  # its number among its mapping's, its key, its value
VERBS = ("allow", "deny")


def find(mapping: tree.Mapping, name: str) -> Entry | None:
    """Return a mapping's entry of that key; `block` is a spelling of `deny`."""
    for number, (key, value) in enumerate(mapping.entries):
        if key.text == name or (name == "deny" and key.text == "block"):
            return number, key, value
    return None


def site_entries(root: tree.Mapping) -> list[Entry]:
    """Return the entries of all sites."""
    section = find(root, "sites")
    if section is None or not isinstance(section[2], tree.Mapping):
        return []
    return [(number, key, value) for number, (key, value) in enumerate(section[2].entries)]


def find_site(root: tree.Mapping, host: str) -> Entry | None:
    """Return a site's entry, however its name is spelled."""
    for entry in site_entries(root):
        if entry[1].text == host or host_name(entry[1].text) == host:
            return entry
    return None


def group_entries(root: tree.Mapping) -> list[tuple[str, tree.Mapping]]:
    """Return the resolver's groups that have entries."""
    node: Node = root
    for name in ("resolver", "groups"):
        found = find(node, name) if isinstance(node, tree.Mapping) else None
        if found is None:
            return []
        node = found[2]
    entries = node.entries if isinstance(node, tree.Mapping) else []
    return [(key.text, value) for key, value in entries if isinstance(value, tree.Mapping)]


def find_items(listed: tree.Sequence, hosts: Collection[str]) -> list[int]:
    """Return the numbers of the items that are about these hosts."""
    found = []
    for number, item in enumerate(listed.items):
        if isinstance(item, tree.Mapping):
            named = find(item, "host")
            item = named[2] if named else item
        if isinstance(item, Scalar) and host_name(item.text) in hosts:
            found.append(number)
    return found


def put_site(splice: Splice, root: tree.Mapping, host: str, entry: Entry | None, value: str) -> None:
    """Give a site that has no entry, or an empty one, this value."""
    if entry is not None and isinstance(entry[2], Scalar):
        splice.fill(entry[1], entry[2], value)
    else:
        put_in_section(splice, root, "sites", render(host), value)


def put_in_section(splice: Splice, root: tree.Mapping, name: str, key: str, value: str) -> None:
    """Add an entry to a section, which may be absent or empty."""
    section = find(root, name)
    if section is None:
        if root.flow:
            splice.add_entries(root, [(name, f"{{{key}: {value}}}")])
        else:
            splice.add_section(root, name, f"{key}: {value}")
        return
    node = section[2]
    hollow = not splice.text[node.start + 1 : node.end - 1].strip(" \t")  # `{}`, without a comment
    if not root.flow and (isinstance(node, Scalar) or hollow):
        splice.fill_section(root, section[1], node, f"{key}: {value}")
    elif isinstance(node, tree.Mapping):
        splice.add_entries(node, [(key, value)])
    elif isinstance(node, Scalar):
        splice.fill(section[1], node, f"{{{key}: {value}}}")


def take_hosts(splice: Splice, scope: tree.Mapping, hosts: Collection[str], verbs: Collection[str] = VERBS) -> bool:
    """Take hosts out of the lists of a site or of `hosts`; say whether that leaves nothing, not even a comment.

    A list that is then empty goes with them, unless there is a comment in it.
    """
    gone = []
    for number, (key, value) in enumerate(scope.entries):
        name = "deny" if key.text == "block" else key.text
        if name not in verbs or not isinstance(value, tree.Sequence):
            continue
        found = find_items(value, hosts)
        if found and len(found) == len(value.items) and not commented(splice, (number, key, value)):
            gone.append(number)
        else:
            splice.remove_items(value, found)
    splice.remove_entries(scope, gone)
    return bool(gone) and len(gone) == len(scope.entries)


def take_sites(splice: Splice, root: tree.Mapping, entries: Collection[Entry]) -> None:
    """Take sites out, with all that is in their entries."""
    section = find(root, "sites")
    if section is not None and isinstance(section[2], tree.Mapping):
        splice.remove_entries(section[2], [number for number, _, _ in entries])


def commented(splice: Splice, entry: Entry) -> bool:
    """Whether there may be a comment in an entry or at its end."""
    _, key, value = entry
    return "#" in splice.text[key.start : splice.line_end(end_of(splice.text, key, value))]
