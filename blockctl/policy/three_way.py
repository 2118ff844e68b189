"""Three-way merge of a policy: two edits of one file, put together by site and key.

Text in, text out. Where only one side changed something its characters are taken as they are; where both changed the
same thing in two ways, ours stays in force and theirs stands above it as a comment, `# conflict: ...`: the file is one
that `serve` can read, at every moment. What the sections about the machinery say must fit together: where it does
not after the merge, ours are taken whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from blockctl.model.diagnostic import BlockctlError, Diagnostic, Severity
from blockctl.policy.read import has_errors, read_policy
from blockctl.policy.three_way_blocks import Blocks, Conflict
from blockctl.policy.three_way_graft import Graft
from blockctl.policy.three_way_nodes import flow_text
from blockctl.policy.three_way_parts import Block, cut
from blockctl.policy.three_way_text import comment_lines, joined, lost
from blockctl.policy.tree import BOM, Node, parse_tree

T = TypeVar("T")
SIDES = ("base", "ours", "theirs")
MACHINERY = ("lists", "resolver", "targets")
_PROLOG = re.compile(r"(?:[ \t]*(?:#[^\r\n]*)?\r?\n|%[^\r\n]*\r?\n)*---[ \t]*(?:#[^\r\n]*)?\r?\n")


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged text, and what both sides changed."""

    text: str
    conflicts: tuple[Conflict, ...]
    brief: str = ""  # the text without the sites that nobody touched: as right or wrong as the whole


def merge(base: str, ours: str, theirs: str, files: Sequence[str] = SIDES) -> Merged:
    """Merge two edits of a policy. An empty base: nothing is known of what they had in common.

    Raises BlockctlError with diagnostics when one of the texts is no policy; `files` is what these call them.
    """
    if theirs in (base, ours):
        return Merged(ours, ())
    if ours == base:
        _refuse_faulty(("", theirs), files[1:])  # half a file that a service left is no wish to delete the rest
        return Merged(theirs, ())
    merged = merge_texts(base, ours, theirs, files)
    if any(map(_is_cut_off, merged.conflicts)):
        _refuse_faulty((base, ours, theirs), files)
    if merged.brief and not has_errors(read_policy(merged.brief, files[1])[1]):
        return merged
    _, faults = read_policy(merged.text, files[1])
    if not has_errors(faults):
        return merged
    _refuse_faulty((base, ours, theirs), files)
    return _with_our_machinery(base, ours, theirs, faults)


def _is_cut_off(conflict: Conflict) -> bool:
    """Whether one side has a word where the other has entries: of a file cut off in the middle the rest is missing."""
    return "" not in (conflict.ours, conflict.theirs) and (conflict.ours[0] in "{[") != (conflict.theirs[0] in "{[")


def merge_texts(base: str, ours: str, theirs: str, files: Sequence[str] = SIDES) -> Merged:
    """Merge without a look at what comes out. Raises BlockctlError where a text is not YAML."""
    texts = [text.removeprefix(BOM) for text in (base, ours, theirs)]
    mark = _one_of(*(text[:1] == BOM for text in (base, ours, theirs)))
    end = _one_of(*map(_line_end, texts))
    if len(set(map(_line_end, texts))) > 1:
        texts = [text.replace("\r\n", "\n").replace("\n", end) for text in texts]
    found = [_PROLOG.match(text) for text in texts]
    prologs = [each[0] if each else "" for each in found]
    blocks = [_cut(text, prolog) for text, prolog in zip(texts, prologs, strict=True)]
    merger = Blocks()
    if blocks[1] is None or blocks[2] is None or (texts[0].strip() and blocks[0] is None):
        _refuse_faulty((base, ours, theirs), files)
        text, conflicts = _merge_nodes(texts)
    else:
        text = _one_of(*prologs) + merger.block((), *blocks)
        conflicts = merger.conflicts
        missing = lost(_one_of(*prologs), *prologs)
        text = comment_lines(missing, text) + text
    return Merged((BOM if mark else "") + text, tuple(conflicts), text.replace(*merger.sites, 1) if text else "")


def _cut(text: str, prolog: str) -> Block | None:
    return cut(text[len(prolog) :], prolog.count("\n") + 1, ())


def _one_of(base: T, ours: T, theirs: T) -> T:
    return theirs if ours == base else ours


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _merge_nodes(texts: Sequence[str]) -> tuple[str, list[Conflict]]:
    """Merge what is no block, as `{version: 1, sites: {}}` on one line."""
    base, ours, theirs = (parse_tree(text, "")[0] for text in texts)
    conflicts: list[Conflict] = []

    def report(path: tuple[str, ...], here: Node | None, there: Node | None) -> None:
        said = [flow_text(each, text) if each else "" for each, text in zip((here, there), texts[1:], strict=True)]
        lines = [each.line if each else 0 for each in (here, there)]
        conflicts.append(Conflict(path, said[0], said[1], lines[0], lines[1]))

    text = texts[1]
    if ours is not None and theirs is not None:
        text = Graft(text, texts[2], report, set()).result((), base, ours, theirs)
    told = [each.comment() for each in conflicts] + lost(text, *texts)
    return comment_lines(told, "\n") + text, conflicts


def _refuse_faulty(texts: Sequence[str], files: Sequence[str]) -> None:
    """Raise with what is wrong with the texts; the first may be empty, which is no base."""
    faults: list[Diagnostic] = []
    for number, (text, file) in enumerate(zip(texts, files, strict=True)):
        if number or text.strip():
            faults += [fault for fault in read_policy(text, file)[1] if fault.severity is Severity.ERROR]
    if faults:
        raise BlockctlError("what has errors cannot be merged; nothing was changed", diagnostics=tuple(faults))


def _with_our_machinery(base: str, ours: str, theirs: str, faults: Sequence[Diagnostic]) -> Merged:
    """Merge again, with the sections that do not fit together as ours has them."""
    again = merge_texts(_with_machinery(base, ours), ours, _with_machinery(theirs, ours))
    _, more = read_policy(again.text, "merged")
    if has_errors(more):
        raise BlockctlError("these two edits cannot be merged safely", "merge them by hand", tuple(more))
    why = next(fault.message for fault in faults if fault.severity is Severity.ERROR)
    conflict = Conflict(
        MACHINERY, "as they are here", f"other settings, which do not fit together with ours: {why}", 0, 0
    )
    return Merged(comment_lines([conflict.comment()], again.text[:1]) + again.text, (*again.conflicts, conflict))


def _with_machinery(text: str, ours: str) -> str:
    """Return a text with these sections as ours has them."""
    blocks = [cut(each.removeprefix(BOM), 1, ()) for each in (text, ours)]
    if blocks[0] is None or blocks[1] is None:
        return ours  # of an empty base, or of one line of brackets
    parts = [part for key, part in blocks[0].parts.items() if key not in MACHINERY]
    parts += [part for key, part in blocks[1].parts.items() if key in MACHINERY]
    return joined([*(part.lead + part.body for part in parts), blocks[0].tail])
