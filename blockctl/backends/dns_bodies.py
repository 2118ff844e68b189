"""What the six DNS backends share: bodies of lines made once of the lists, and the policy laid over them.

A body holds one line for each name of a column of the HostSet, in its order, so all lines at and below a name
stand together. Where the policy speaks of a name they are found by halving and cut out; nothing else of a body is
looked at, so an edit of the policy costs nothing however long the lists are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from blockctl.backends.dns_policy import Overlay, overlay, policy_gaps, yield_notes
from blockctl.backends.output import Chunk, Output, Prepared
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.hostset import HostSet, order, order_after, position
from blockctl.model.names import parents
from blockctl.model.policy import Policy
from blockctl.model.rule import Rule

Span = tuple[int, int]
Extras = dict[str, str]  # name -> the lines about it that are unlike all others, so no body holds them


@dataclass(frozen=True, slots=True)
class Form:
    """How an engine writes each name of one column: the same text before and after all of them."""

    column: str
    before: str = ""
    after: str = ""

    def line(self, name: str) -> str:
        """Return the line for one name."""
        return f"{self.before}{name}{self.after}\n"

    def body(self, column: bytes) -> memoryview:
        """Return the lines for a column of a HostSet."""
        text = (b"\n" + column).replace(b"\n", f"{self.after}\n{self.before}".encode())
        return memoryview(text)[len(self.after) + 1 : len(text) - len(self.before)]  # empty without names

    def region(self, body: memoryview, name: str) -> Span:
        """Return where in a body the lines at and below a name begin and end."""
        low = position(body, order(name), len(self.before), len(self.after))
        return low, position(body, order_after(name), len(self.before), len(self.after), low)

    def alone(self, body: memoryview, name: str) -> Span | None:
        """Return where the line of this very name begins and ends, None where there is none."""
        low = position(body, order(name), len(self.before), len(self.after))
        line = self.line(name).encode()
        return (low, low + len(line)) if bytes(body[low : low + len(line)]) == line else None


NAMES = Form("")  # the columns themselves


def names_within(column: bytes | memoryview, name: str) -> list[str]:
    """Return the names of a column at and below a name."""
    low, high = NAMES.region(memoryview(column), name)
    return str(column[low:high], "ascii").split()


def without(column: bytes, names: Collection[str]) -> bytes:
    """Return a column without some of its names."""
    view = memoryview(column)
    if not names:
        return column
    return b"".join(_cut(view, [span for name in names if (span := NAMES.alone(view, name))]))


def _cut(body: memoryview, spans: Iterable[Span]) -> list[Chunk]:
    """Return the pieces of a body that are left without some spans."""
    pieces: list[Chunk] = []
    at = 0
    for low, high in sorted(spans):
        if low > at:
            pieces.append(body[at:low])
        at = max(at, high)
    return [*pieces, body[at:]] if at < len(body) else pieces


def prepare_bodies(names: HostSet, forms: Sequence[Form], extras: Extras, **meta: object) -> Prepared:
    """Make a body for each form, and count what DNS cannot say. `meta` is kept for the backend's own use."""
    ordered = {name: extras[name] for name in sorted(extras, key=order)}
    prepared = Prepared({"extras": ordered, "notes": [str(each) for each in names.diagnostics], **meta})
    for number, form in enumerate(forms):
        prepared.bodies[str(number)] = form.body(getattr(names, form.column))
    prepared.rules_in = names.rules_in
    prepared.rules_out = len(extras) + sum(names.count(form.column) for form in _once(forms))
    for reason, origin, text in names.unsaid.kept:
        prepared.gaps.add(reason, origin, text)
    prepared.gaps.count.update(names.unsaid.count)
    return prepared


def _once(forms: Sequence[Form]) -> list[Form]:
    """Return one form for each column, for counting names and not lines."""
    return list({form.column: form for form in reversed(forms)}.values())


@dataclass(frozen=True, slots=True)
class Script:
    """How one backend's output is put together."""

    title: str
    comment: str  # what begins a comment
    forms: Sequence[Form]
    entry: Callable[[Overlay, str], str]  # the lines for an entry of the policy
    spans: Callable[[memoryview, Form, Overlay], list[Span]]  # what of a body the policy takes the place of
    head: str = ""  # before everything


def regions(body: memoryview, form: Form, laid: Overlay) -> list[Span]:
    """For engines in which the nearest name wins: the policy takes the place of all at and below its names."""
    return [span for name in laid.roots if (span := form.region(body, name))[0] < span[1]]


def write(
    script: Script, policy: Policy, yields: Mapping[str, Rule], prepared: Prepared, notes: Iterable[str] = ()
) -> Output:
    """Put the policy over what was prepared of the lists."""
    laid = overlay(policy, yields)
    output = Output({}, prepared.rules_in + len(policy.hosts) + len(policy.protect))
    output.gaps.extend(prepared.gaps)
    output.gaps.extend(policy_gaps(policy))
    output.notes += [*cast("list[str]", prepared.meta["notes"]), *notes, *yield_notes(yields)]
    text = [f"{script.comment} {script.title}\n", script.head]
    if laid.paused:
        text.append(f"{script.comment} paused: nothing is blocked\n")
    if laid.entries:
        text += [f"{script.comment} the policy\n", *(script.entry(laid, name) for name in laid.entries)]
        output.rules_out += len(laid.entries)
    chunks: list[Chunk] = []
    if laid.lists_apply:
        extras = cast("Extras", prepared.meta["extras"])
        kept = {name: lines for name, lines in extras.items() if not laid.speaks_of(name)}
        text += [f"{script.comment} the lists\n", *kept.values()]
        output.rules_out += prepared.rules_out - len(extras) + len(kept)
        chunks = _lists(script, laid, prepared, output)
    output.files[""] = ["".join(text).encode("ascii"), *chunks]
    return output


def _lists(script: Script, laid: Overlay, prepared: Prepared, output: Output) -> list[Chunk]:
    chunks: list[Chunk] = []
    counted = _once(script.forms)
    for number, form in enumerate(script.forms):
        body = memoryview(prepared.bodies[str(number)])
        spans = script.spans(body, form, laid)
        if form in counted:
            output.rules_out -= sum(bytes(body[low:high]).count(b"\n") for low, high in spans)
        chunks += _cut(body, spans)
    return chunks


def nearest(body: memoryview, form: Form, name: str) -> str | None:
    """Return the nearest name strictly above `name` that has a line in a body."""
    return next((parent for parent in parents(name) if parent != name and form.alone(body, parent)), None)


ANSWER = "what a blocked name gets: nxdomain (the default), nodata, null or refused; `resolver: answer` sets it"


def answer(options: Mapping[str, str]) -> str:
    """Return what a blocked name gets."""
    return option(options, "answer", ("nxdomain", "nodata", "null", "refused"))


def option(options: Mapping[str, str], key: str, choices: Sequence[str]) -> str:
    """Return the value of an option that has a few choices, the first of which is the default."""
    value = options.get(key, choices[0])
    if value not in choices:
        raise BlockctlError(f"option {key}: {value!r} is none of {', '.join(choices)}")
    return value
