"""What one side did to an entry, done to the other side's spelling of it, where the two are not laid out alike.

The frame is text; its values are replaced, added and taken away by `Splice`. What the other side adds to it stands
in one line, as `blockctl set` and `allow` would write it.
"""

from __future__ import annotations

from collections.abc import Callable

from blockctl.policy import tree
from blockctl.policy.splice import Splice
from blockctl.policy.three_way_nodes import VERBS, Path, entries_of, flow_text, is_host_list, meaning, word_key
from blockctl.policy.tree import Node, Scalar, parse_tree

# Where an entry that one side deletes and the other adds to is no conflict: its keys speak for themselves.
Report = Callable[[Path, Node | None, Node | None], None]  # a conflict at this path: ours, theirs


def parts_speak(path: Path) -> bool:
    """Whether the entry at a path means no more than its own entries do, one by one."""
    if path[0] in ("sites", "hosts"):
        return len(path) <= (3 if path[0] == "sites" else 2) and path[-1] not in ("until", "note")
    if path[0] == "resolver":
        own = ("cache", "log", "records", "forward", "groups")
        return len(path) == 1 or (len(path) == 2 and path[1] in own) or is_host_list(path)
    return len(path) == 1


class Graft:
    """Does to the frame, which is ours, what theirs did to the base."""

    def __init__(self, frame: str, theirs: str, report: Report, settled: set[Path]) -> None:
        self._text, self._theirs, self._report, self._settled = frame, theirs, report, settled
        self._splice = Splice(frame)
        self._gone: dict[Path, list[str]] = {}

    def result(self, path: Path, base: Node | None, ours: Node, theirs: Node) -> str:
        """Return the frame with it done; the nodes are the value at `path`."""
        self._value(path, base, ours, theirs)
        text = self._splice.result() if self._splice.changed else self._text
        return without(text, path, self._gone) if self._gone else text

    def _value(self, path: Path, base: Node | None, ours: Node, theirs: Node) -> None:
        key = word_key(path)
        said, wanted = meaning(base, key), meaning(theirs, key)
        if path in self._settled or wanted in (said, meaning(ours, key)):
            return
        if is_host_list(path[:-1]) and all("host" in attributes(each) for each in (ours, theirs)):
            self._host(path, base, ours, theirs)
        elif isinstance(ours, tree.Mapping) and isinstance(theirs, tree.Mapping):
            self._entries(path, base if isinstance(base, tree.Mapping) else None, ours, theirs)
        elif isinstance(ours, tree.Sequence) and isinstance(theirs, tree.Sequence):
            self._entries(path, base if isinstance(base, tree.Sequence) else None, ours, theirs)
        elif meaning(ours, key) == said:
            self._put(ours, self._flow(theirs))
        elif path and parts_speak(path) and (_is_empty(ours) or _is_empty(theirs)):
            self._emptied(path, base, ours, theirs)
        else:
            self._report(path, ours, theirs)

    def _emptied(self, path: Path, base: Node | None, ours: Node, theirs: Node) -> None:
        """Settle a list or a mapping that one side left without a value: it deleted each of its entries."""
        if _is_empty(ours):
            if base is not None and (new := self._new(path, base, theirs)):
                self._put(ours, new)
            return
        here = entries_of(path, ours)
        for entry, (_, _, value) in entries_of(path, base).items():
            if entry in here:
                self._deleted((*path, entry), value, here[entry][2])

    def _entries(self, path: Path, base: Node | None, ours: Node, theirs: Node) -> None:
        before, here, there = (entries_of(path, node) for node in (base, ours, theirs))
        if is_host_list((*path, VERBS[0])):
            for host, verb, mine, _, other in clashes(path, base, ours, theirs):
                self._settled.update((*path, each, host) for each in VERBS)
                self._report((*path, verb, host), mine, other)
        fresh: list[tuple[Scalar | None, str]] = []
        for key, (_, name, value) in there.items():
            at = (*path, key)
            was = before[key][2] if key in before else None
            if key in here:
                self._value(at, was, here[key][2], value)
            elif key not in before:
                if at not in self._settled:
                    fresh.append((name, self._fresh(at, value)))
            elif new := self._new(at, was, value):
                fresh.append((name, new))
        for key in before:
            if key in here and key not in there:
                self._deleted((*path, key), before[key][2], here[key][2])
        if isinstance(ours, tree.Mapping) and fresh:
            texts = [(self._flow(name), text) for name, text in fresh if name is not None]
            self._splice.add_entries(ours, texts)
        elif isinstance(ours, tree.Sequence) and fresh:
            self._add_items(ours, [text for _, text in fresh])

    def _fresh(self, path: Path, value: Node) -> str:
        """Return a value that is new, without hosts about which ours stands."""
        if not is_host_list(path) or not isinstance(value, tree.Sequence):
            return self._flow(value)
        items = entries_of(path, value).items()
        return "[" + ", ".join(self._flow(item[2]) for key, item in items if (*path, key) not in self._settled) + "]"

    def _add_items(self, ours: tree.Sequence, items: list[str]) -> None:
        if ours.flow:
            self._splice.add_item(ours, ", ".join(items))
        else:
            for item in items:
                self._splice.add_item(ours, item)

    def _new(self, path: Path, was: Node | None, theirs: Node) -> str:
        """Return what theirs added to an entry that ours deleted, "" when that is nothing."""
        if path in self._settled or meaning(was, word_key(path)) == meaning(theirs, word_key(path)):
            return ""
        if meaning(was, word_key(path)) is None:
            return self._flow(theirs)  # nothing was deleted
        if not parts_speak(path) or isinstance(theirs, Scalar) or type(was) is not type(theirs):
            self._report(path, None, theirs)
            return ""
        before, found = entries_of(path, was), []
        for key, (_, name, value) in entries_of(path, theirs).items():
            new = self._new((*path, key), before[key][2], value) if key in before else self._flow(value)
            if new:
                found.append(f"{self._flow(name)}: {new}" if name is not None else new)
        joined = ", ".join(found)
        return (f"{{{joined}}}" if isinstance(theirs, tree.Mapping) else f"[{joined}]") if found else ""

    def _deleted(self, path: Path, was: Node, ours: Node) -> None:
        """Take away what theirs deleted, if ours did not change it."""
        if path in self._settled:
            return
        if meaning(was, word_key(path)) is None and meaning(ours, word_key(path)) is not None:
            return  # it said nothing
        if meaning(was, word_key(path)) == meaning(ours, word_key(path)):
            self._gone.setdefault(path[:-1], []).append(path[-1])
        elif parts_speak(path) and not isinstance(ours, Scalar):
            here = entries_of(path, ours)
            for key, (_, _, value) in entries_of(path, was).items():
                if key in here:
                    self._deleted((*path, key), value, here[key][2])
        else:
            self._report(path, ours, None)

    def _host(self, path: Path, base: Node | None, ours: Node, theirs: Node) -> None:
        """Settle the end and the note of a host, each by itself."""
        was, here, there = (attributes(node) for node in (base, ours, theirs))
        merged = dict(here)
        for key in ("until", "note"):
            old, mine, other = (meaning(each.get(key), key) for each in (was, here, there))
            if other in (old, mine):
                continue
            if mine != old:
                self._report((*path, key), here.get(key), there.get(key))
            elif key in there:
                merged[key] = there[key]
            else:
                del merged[key]
        parts = [
            f"{key}: {flow_text(node, self._theirs if node is there.get(key) else self._text)}"
            for key, node in merged.items()
        ]
        host = flow_text(here["host"], self._text)
        new = "{" + ", ".join(parts) + "}" if len(merged) > 1 else host
        if {key: meaning(node, key) for key, node in merged.items()} != {
            key: meaning(node, key) for key, node in here.items()
        }:
            self._splice.replace(ours, new)

    def _put(self, ours: Node, new: str) -> None:
        if isinstance(ours, Scalar) and ours.start == ours.end:
            self._splice.change(ours.start, ours.end, f" {new}")
        else:
            self._splice.replace(ours, new)

    def _flow(self, node: Node) -> str:
        return flow_text(node, self._theirs)


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.empty


def clashes(
    path: Path, base: Node | None, ours: Node | None, theirs: Node | None
) -> list[tuple[str, str, Node, str, Node]]:
    """Return the hosts that one side allows and the other denies, both anew: host, ours' verb and item, theirs'."""
    was, here, there = (_verbs(path, node) for node in (base, ours, theirs))
    found = []
    for host in here.keys() & there.keys():
        (verb, mine), (other_verb, other) = here[host], there[host]
        if verb != other_verb and _said(was.get(host)) not in (_said(here[host]), _said(there[host])):
            found.append((host, verb, mine, other_verb, other))
    return sorted(found, key=lambda each: each[0])


def _verbs(path: Path, node: Node | None) -> dict[str, tuple[str, Node]]:
    """Return each host of an entry's lists with its list and item."""
    lists = entries_of(path, node)
    return {
        host: (verb, item)
        for verb in VERBS
        if verb in lists
        for host, (_, _, item) in entries_of((*path, verb), lists[verb][2]).items()
    }


def _said(entry: tuple[str, Node] | None) -> object:
    return entry and (entry[0], meaning(entry[1], entry[0]))


def attributes(node: Node | None) -> dict[str, Node]:
    """Return what is said of a host in a list: `host`, and `until` and `note` where they are."""
    if isinstance(node, tree.Mapping):
        return {key.text: value for key, value in node.entries}
    return {"host": node} if node is not None else {}


def without(text: str, top: Path, gone: dict[Path, list[str]]) -> str:
    """Return the text of the entry at `top` without these entries of what stands at these paths."""
    root, _ = parse_tree(text, "")
    splice = Splice(text)
    for path, keys in gone.items():
        node: Node | None = value_of(root) if top else root
        for depth in range(len(top), len(path)):
            node = entries_of(path[:depth], node)[path[depth]][2]
        here = entries_of(path, node)
        which = [here[key][0] for key in keys]
        if isinstance(node, tree.Mapping):
            splice.remove_entries(node, which)
        elif isinstance(node, tree.Sequence):
            splice.remove_items(node, which)
    return splice.result() if splice.changed else text


def value_of(root: Node | None) -> Node | None:
    """Return the value of a text that is one entry or one item."""
    if isinstance(root, tree.Mapping) and root.entries:
        return root.entries[0][1]
    return root.items[0] if isinstance(root, tree.Sequence) and root.items else None
