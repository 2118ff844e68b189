"""What the gate holds, as people and programs read it: `sync`, `plan`, `diff` and `doctor` say it alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blockctl.policy.gate import Hold
    from blockctl.policy.gate_nouns import Blocked, Line

MOST_NAMES = 10  # told of one hold; JSON has them all
LONGEST = 120  # characters of a line of a list


def accepting(holds: Sequence[Hold]) -> list[str]:
    """Return what would put a held version of a list in force, each with what it does; none for what is no list.

    `sync LIST --leave-out` takes the version without the lines that are to blame, `sync LIST --force` takes it whole.
    """
    from blockctl.policy.gate import HoldKind, acceptable_without

    if any(hold.kind is HoldKind.NO_LIST for hold in holds):
        return []
    name = holds[0].list
    whole = f"to accept it whole: blockctl sync {name} --force"
    if acceptable_without(holds) is None:
        return [whole]
    return [f"to accept all but these lines: blockctl sync {name} --leave-out", whole]


def hold_lines(holds: Sequence[Hold]) -> list[str]:
    """Return what is held of one list, line by line: why, which names and lines, and what to type."""
    found = []
    for hold in holds:
        found.append(f"held: {hold.message}")
        found += [f"  {_name(each)}" for each in hold.blocked[:MOST_NAMES]]
        found += [f"  {_place(line)}" for line in hold.at[:MOST_NAMES]]
        more = max(len(hold.blocked) + hold.more, len(hold.at)) - MOST_NAMES
        if more > 0:
            found.append(f"  and {more:,} more")
    return [*found, *(f"  {command}" for command in accepting(holds))]


def holds_json(holds: Iterable[Hold]) -> list[dict[str, Any]]:
    """Return holds for programs."""
    return [
        {
            "list": hold.list,
            "kind": hold.kind.value,
            "message": hold.message,
            "names": [
                {"name": each.name, "why": each.why, "lines": [_line_json(line) for line in each.lines]}
                for each in hold.blocked
            ],
            "more": hold.more,
            "lines": [_line_json(line) for line in hold.at],
        }
        for hold in holds
    ]


def _name(blocked: Blocked) -> str:
    why = f" ({blocked.why})" if blocked.why else ""
    by = ", ".join(_place(line) for line in blocked.lines[:2])
    more = f" and {len(blocked.lines) - 2} more lines" if len(blocked.lines) > 2 else ""
    return f"{blocked.name}{why}: {by}{more}" if by else f"{blocked.name}{why}: an exception is gone"


def _place(line: Line) -> str:
    text = "".join(char if char.isprintable() else "\ufffd" for char in line.text[:LONGEST])
    file = line.file.rpartition("/")[2] if "://" in line.file else line.file  # the list is named above
    return f"{file}:{line.number}  {text}{'…' if len(line.text) > LONGEST else ''}"


def _line_json(line: Line) -> dict[str, Any]:
    return {"file": line.file, "line": line.number, "text": line.text}
