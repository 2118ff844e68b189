"""Merging blocks entry by entry: what one side left alone is the other's, to the character."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from blockctl.policy import tree
from blockctl.policy.three_way_graft import Graft, clashes, parts_speak, value_of, without
from blockctl.policy.three_way_nodes import (
    VERBS,
    Path,
    entries_of,
    flow_text,
    is_host_list,
    meaning,
    word_key,
)
from blockctl.policy.three_way_parts import Block, Part, cut, opened
from blockctl.policy.three_way_text import comment_lines, in_order, joined, lost, merged_lead
from blockctl.policy.tree import Node, parse_tree


@dataclass(frozen=True, slots=True)
class Conflict:
    """One thing that both sides changed, each in another way. What ours says is kept."""

    path: Path
    ours: str  # as written, in one line; "" is deleted
    theirs: str
    ours_line: int  # 0: it is not there
    theirs_line: int

    @property
    def where(self) -> str:
        """Return the place as a person reads it."""
        return ": ".join(self.path)

    def comment(self) -> str:
        """Return what is written above the entry."""
        kept = "" if self.ours else ", which is deleted here"
        name = self.path[-1] if self.path else "the policy"
        said = "deleted it" if not self.theirs else f"said  {self.theirs}"
        return f"# conflict: {name}{kept}: theirs {said}"


class Blocks:
    """Merges the blocks of one policy, and keeps the conflicts."""

    def __init__(self) -> None:
        self.conflicts: list[Conflict] = []
        self.sites = ("", "")  # the merged sites, and those of them that somebody touched
        self._settled: set[Path] = set()

    def block(self, path: Path, base: Block | None, ours: Block | None, theirs: Block | None) -> str:
        """Return the merged inside of a block; at least one of ours and theirs is there."""
        frame = theirs if ours is None or (base and theirs and ours.column == base.column) else ours
        assert frame is not None, "somebody has it"
        base, ours, theirs = (each and each.at(frame.column) for each in (base, ours, theirs))
        before, here, there = (each.parts if each else {} for each in (base, ours, theirs))
        texts: list[str] = []
        touched: list[str] = []
        for key in in_order(list(before), list(here), list(there)):
            was, mine, other = before.get(key), here.get(key), there.get(key)
            if same(mine, other) or same(was, other):
                new = texts_of(mine)
            elif same(was, mine):
                new = texts_of(other)
            else:
                new = self._part((*path, key), was, mine, other)
            texts += new
            touched += new if not (same(was, mine) and same(was, other)) else []
        tails = [each.tail if each else "" for each in (base, ours, theirs)]
        text = joined([*texts, merged_lead(*tails)])
        if path == ("sites",):
            self.sites = (text, joined(touched))
        return text

    def _part(self, path: Path, base: Part | None, ours: Part | None, theirs: Part | None) -> list[str]:
        """Merge one entry that at least one side changed."""
        if path in self._settled:
            return texts_of(ours)
        if ours is None and theirs is None:
            return []
        if ours is None or theirs is None:
            there = ours or theirs
            if base is None or there is None:
                return texts_of(there)
            return self._deleted(path, base, there, by_ours=ours is None)
        if base is not None and base.body == theirs.body:
            body, told = ours.body, list[str]()
        elif (base is not None and base.body == ours.body) or ours.body == theirs.body:
            body, told = theirs.body, []
        else:
            body, told = self._body(path, base, ours, theirs)
        lead = merged_lead(base.lead if base else "", ours.lead, theirs.lead)
        return [lead, comment_lines(told, body), body]

    def _body(self, path: Path, base: Part | None, ours: Part, theirs: Part) -> tuple[str, list[str]]:
        """Merge an entry that both changed; return comments too that have to stand above it."""
        blocks = [self._opened(path, part) for part in (base, ours, theirs)]
        (_, below), (head, here), (other, there) = blocks
        if here and there and (below or base is None) and len({each.sequence for _, each in blocks if each}) == 1:
            settled, theirs = self._settle_verbs(path, base, ours, theirs)
            there = self._opened(path, theirs)[1] if settled else there
            heads = [blocks[0][0] or head, head, other]
            new_head = heads[2] if heads[0] == heads[1] else heads[1]
            told = [*settled, *lost(new_head, heads[0] if base else "", head, other)]
            return new_head + self.block(path, below, here, there), told
        return self._graft(path, base, ours, theirs)

    def _opened(self, path: Path, part: Part | None) -> tuple[str, Block | None]:
        found = opened(part.body, part.line) if part is not None else None
        if found is None:
            return "", None
        head, inner, line = found
        return head, cut(inner, line, path)

    def _graft(self, path: Path, base: Part | None, ours: Part, theirs: Part) -> tuple[str, list[str]]:
        roots = [parse_tree(part.body, "")[0] if part else None for part in (base, ours, theirs)]
        was, mine, other = (value_of(root) for root in roots)
        found: list[Conflict] = []

        def report(at: Path, here: Node | None, there: Node | None) -> None:
            found.append(_conflict(at, ours, here, theirs, there))

        body = ours.body
        if mine is not None and other is not None:
            body = Graft(ours.body, theirs.body, report, self._settled).result(path, was, mine, other)
        self.conflicts += found
        told = [each.comment() for each in found]
        return body, [*told, *lost(body, base.body if base else "", ours.body, theirs.body)]

    def _deleted(self, path: Path, base: Part, there: Part, *, by_ours: bool) -> list[str]:
        """Merge an entry that one side deleted and the other changed."""
        root, old = (parse_tree(part.body, "")[0] for part in (there, base))
        node, was = value_of(root), value_of(old)
        new = lost("", base.lead + base.body, base.lead + base.body, there.lead + there.body)
        if meaning(node, word_key(path)) == meaning(was, word_key(path)):
            return [comment_lines(new, there.body)]
        if meaning(was, word_key(path)) is None:
            return texts_of(there)  # what was deleted said nothing
        found: list[Conflict] = []

        def report(at: Path, value: Node) -> None:
            sides = (None, value) if by_ours else (value, None)
            found.append(_conflict(at, there, sides[0], there, sides[1]))

        body = there.body
        if parts_speak(path) and not isinstance(node, tree.Scalar):
            gone: dict[Path, list[str]] = {}
            _unchanged(path, was, node, gone, report, by_ours=by_ours)
            body = without(body, path, gone) if gone else body
        else:
            found.append(_conflict(path, there, None if by_ours else node, there, node if by_ours else None))
            body = "" if by_ours else body
        if meaning(value_of(parse_tree(body, "")[0]), word_key(path)) is None:
            body = ""
        self.conflicts += found
        told = [each.comment() for each in found]
        if body:
            return [there.lead, comment_lines([*told, *lost(body, base.body, base.body, there.body)], body), body]
        return [comment_lines([*told, *new], there.body)]

    def _settle_verbs(self, path: Path, base: Part | None, ours: Part, theirs: Part) -> tuple[list[str], Part]:
        """Where one side allows a host anew and the other denies it, take it out of theirs; return the comments."""
        if not is_host_list((*path, VERBS[0])):
            return [], theirs
        was, mine, other = (value_of(parse_tree(part.body if part else "", "")[0]) for part in (base, ours, theirs))
        found = []
        gone: dict[Path, list[str]] = {}
        for host, verb, here, their_verb, there in clashes(path, was, mine, other):
            self._settled.update((*path, each, host) for each in VERBS)
            gone.setdefault((*path, their_verb), []).append(host)
            found.append(_conflict((*path, verb, host), ours, here, theirs, there, f"{their_verb}: "))
        self.conflicts += found
        left = without(theirs.body, path, gone)
        return [*(each.comment() for each in found), *lost(left, "", "", theirs.body)], replace(theirs, body=left)


def _unchanged(
    path: Path,
    was: Node | None,
    node: Node | None,
    gone: dict[Path, list[str]],
    report: Callable[[Path, Node], None],
    *,
    by_ours: bool,
) -> None:
    """Find what an entry still says as the base did, which the other side deleted."""
    here = entries_of(path, node)
    for key, (_, _, value) in entries_of(path, was).items():
        at = (*path, key)
        if key not in here:
            continue
        now = here[key][2]
        if meaning(value, word_key(at)) == meaning(now, word_key(at)):
            gone.setdefault(path, []).append(key)
        elif meaning(value, word_key(at)) is None:
            continue  # what was deleted said nothing
        elif parts_speak(at) and type(value) is type(now) and not isinstance(now, tree.Scalar):
            _unchanged(at, value, now, gone, report, by_ours=by_ours)
        else:
            report(at, now)
            if by_ours:
                gone.setdefault(path, []).append(key)


def _conflict(path: Path, ours: Part, here: Node | None, theirs: Part, there: Node | None, as_: str = "") -> Conflict:
    """Return a conflict about nodes of these parts; None is deleted."""
    return Conflict(
        path,
        flow_text(here, ours.body) if here is not None else "",
        as_ + flow_text(there, theirs.body) if there is not None else "",
        ours.line + here.line - 1 if here is not None else 0,
        theirs.line + there.line - 1 if there is not None else 0,
    )


def same(one: Part | None, other: Part | None) -> bool:
    """Whether two parts have the same characters, or neither is there."""
    if one is None or other is None:
        return one is other
    return one.body == other.body and one.lead == other.lead


def texts_of(part: Part | None) -> list[str]:
    """Return the text of an entry, if there is one."""
    return [part.lead, part.body] if part is not None else []
