"""What nodes of a policy mean, so that two spellings of one thing are no conflict; and comments, which mean nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from blockctl.policy import tree, words
from blockctl.policy.splice import render
from blockctl.policy.tree import Node, Scalar
from blockctl.policy.values import host_name

Path = tuple[str, ...]  # canonical keys from the top: ("sites", "a.example", "allow", "b.example")

VERBS = ("allow", "deny")
HOSTS = "allow"  # as whose items hosts are read, whatever their list is called
HOST_LISTS = (*VERBS, "protect")
SWITCHES = ("blocking", "safe-search", "rebinding", "public", "prefetch", "trust")
AGAIN = "\0"  # stands behind the key of an entry that is there again, with its number
_COMMENT = re.compile(r"(?:(?<=[\s,\[{}\]])|^)#[^\r\n\x85\u2028\u2029]*")
_USUAL = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


def canonical(path: Path, key: str) -> str:
    """Return the key of an entry of the mapping at that path, however it is spelled."""
    if path == ("sites",):
        return key if _USUAL.fullmatch(key) else host_name(key) or key
    return "deny" if key == "block" else key


def unique(keys: Iterable[str]) -> list[str]:
    """Return the keys; those that come again with their number, so that nothing is lost."""
    seen: Counter[str] = Counter()
    found = []
    for key in keys:
        found.append(key if not seen[key] else f"{key}{AGAIN}{seen[key]}")
        seen[key] += 1
    return found


def is_host_list(path: Path) -> bool:
    """Whether the items of the list at a path are hosts, each with an end and a note where it has them."""
    if path[:1] == ("sites",):
        return len(path) == 3 and path[2] in VERBS
    if path[:2] == ("resolver", "groups"):
        return len(path) == 4 and path[3] in VERBS
    return path == ("protect",) or (path[:1] == ("hosts",) and len(path) == 2)


def word_key(path: Path) -> str:
    """Return the key by whose words the value at a path is read; what is in a list is read as the list is."""
    if is_host_list(path[:-1]):
        return HOSTS
    return path[-1] if path else ""


def item_key(path: Path, item: Node) -> str:
    """Return what an item of a list is called: its host, its name, or what it says."""
    if isinstance(item, tree.Mapping):
        for key, value in item.entries:
            if key.text in ("host", "name") and isinstance(value, Scalar):
                return (host_name(value.text) or value.text) if key.text == "host" else value.text
        return repr(meaning(item, ""))
    if isinstance(item, Scalar):
        return (host_name(item.text) or item.text) if is_host_list(path) else item.text
    return repr(meaning(item, ""))


def entries_of(path: Path, node: Node | None) -> dict[str, tuple[int, Scalar | None, Node]]:
    """Return the entries or items of a node by canonical key: number, key and value. Of one value: none."""
    if isinstance(node, tree.Mapping):
        keys = unique(canonical(path, key.text) for key, _ in node.entries)
        return {key: (number, *pair) for number, (key, pair) in enumerate(zip(keys, node.entries, strict=True))}
    if isinstance(node, tree.Sequence):
        keys = unique(item_key(path, item) for item in node.items)
        return {key: (number, None, item) for number, (key, item) in enumerate(zip(keys, node.items, strict=True))}
    return {}


def meaning(node: Node | None, key: str) -> object:
    """Return what a value says, equal for every spelling; `key` is the one that it is the value of."""
    if node is None:
        return None
    if isinstance(node, Scalar):
        return None if node.empty else _word(node.text, key)
    if isinstance(node, tree.Mapping):
        keys = unique(canonical(("sites",) if key == "sites" else (), each.text) for each, _ in node.entries)
        said = {each: meaning(value, each) for each, (_, value) in zip(keys, node.entries, strict=True)}
        if key in HOST_LISTS and set(said) == {"host"}:
            return said["host"]
        return tuple(sorted(said.items(), key=repr)) or None
    return tuple(meaning(item, key) for item in node.items) or None


def _word(text: str, key: str) -> object:
    if key in (*HOST_LISTS, "host"):
        return host_name(text) or text
    if key == "javascript":
        return words.JAVASCRIPT.get(text, text)
    if key in SWITCHES:
        return words.SWITCH.get(text.lower(), text)
    if key == "until":
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
        return moment.astimezone(UTC) if moment.tzinfo else text
    return text.strip()


def flow_text(node: Node, text: str) -> str:
    """Return a node in one line, as it can stand within brackets too; its scalars as they are written if they can."""
    if isinstance(node, tree.Mapping):
        return "{" + ", ".join(f"{flow_text(key, text)}: {flow_text(value, text)}" for key, value in node.entries) + "}"
    if isinstance(node, tree.Sequence):
        return "[" + ", ".join(flow_text(item, text) for item in node.items) + "]"
    written = text[node.start : node.end]
    if node.empty and not written:
        return "~"
    if node.style in ("|", ">") or not written.isprintable():
        return render(node.text)
    if not node.style and any(sign in written for sign in ",[]{}"):
        return render(node.text)
    return written


def comments(text: str, node: Node | None) -> list[str]:
    """Return the comments of a text whose nodes these are."""
    kept, at = [], 0
    for scalar in _scalars(node):
        if scalar.end > scalar.start:
            kept += [text[at : scalar.start], "x" * (scalar.end - scalar.start)]
            at = scalar.end
    return [found.rstrip() for found in _COMMENT.findall("".join([*kept, text[at:]]))]


def _scalars(node: Node | None) -> Iterator[Scalar]:
    """Yield the scalars in the order of the text."""
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, tree.Mapping):
        for key, value in node.entries:
            yield key
            yield from _scalars(value)
    elif isinstance(node, tree.Sequence):
        for item in node.items:
            yield from _scalars(item)
