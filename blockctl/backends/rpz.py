"""A response policy zone (draft-vixie-dnsop-dns-rpz), as BIND, unbound, Knot, PowerDNS read it.

`name` is that name alone and `*.name` all below it. But a zone is a zone (RFC 4592): a name that exists, if only
because one below it does, hides the wildcard above it. So wherever an entry lies below a wildcard, the verdict of
the wildcard is said again at the names on the way, and at the entry for what it does not speak of itself.

Names are relative to the zone, whose name is up to the server's configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import cast

from blockctl.backends.dns_bodies import (
    ANSWER,
    NAMES,
    Extras,
    Form,
    Script,
    answer,
    names_within,
    nearest,
    prepare_bodies,
    regions,
    without,
    write,
)  # fmt: skip
from blockctl.backends.dns_policy import overlay
from blockctl.backends.output import Output, Prepared
from blockctl.model.diagnostic import BlockctlError, Origin
from blockctl.model.hostset import HostSet
from blockctl.model.names import parents
from blockctl.model.policy import Policy
from blockctl.model.rule import Effect, Rule

SERIAL = 1  # unless told
OPTIONS = {
    "answer": ANSWER,
    "serial": "the serial number of the zone, or `auto`: another one whenever its records are others",
    "zone": "the name under which servers know the zone (publish)",
    "server": "who serves it to others: bind or knot (publish)",
    "control": "how that server is reached: a file for rndc -c, a socket for knotc -s (publish)",
    "primary": "address[:port] at which that server answers, 127.0.0.1 unless told (publish)",
    "secondaries": "addresses of those that fetch the zone from it (publish)",
}

LONGEST = 218  # characters: with `*.` before it and a zone name of 32 behind it a name is still a name

_RECORDS = {"nxdomain": (" CNAME .",), "nodata": (" CNAME *.",), "null": (" A 0.0.0.0", " AAAA ::")}
_PASS = (" CNAME rpz-passthru.",)

Says = tuple[bool | None, bool | None]  # whether the name itself is blocked, and all below it; None is not said
Region = Callable[[str], tuple[str, bool] | None]  # the nearest name above that speaks of what is below it, and what


def prepare(names: HostSet, options: dict[str, str]) -> Prepared:
    """Write the names of the lists."""
    entries = _apart(names)
    columns = (names.block_exact, names.block_subtree) if names.longest > LONGEST else ()
    long = [name for column in columns for name in _long_names(column)]
    left = HostSet(rules_in=names.rules_in, unsaid=names.unsaid, diagnostics=names.diagnostics)
    left.block_exact = without(names.block_exact, [*entries, *long])
    left.block_subtree = without(names.block_subtree, [*entries, *long])

    spoken = {name: says[1] for name, says in entries.items()}

    def region(name: str) -> tuple[str, bool] | None:
        return _nearest_region(spoken, names.block_subtree, NAMES, name)

    said = _complete({name: says for name, says in entries.items() if len(name) <= LONGEST}, region)
    extras: Extras = {name: _text(name, says, options) for name, says in said.items()}
    below = {name: says[1] for name, says in said.items()}
    prepared = prepare_bodies(left, _forms(options), extras, below=below)
    for name in (*long, *(name for name in entries if len(name) > LONGEST)):
        prepared.gaps.add("long", Origin("lists"), name)
    return prepared


def emit(policy: Policy, yields: Mapping[str, Rule], prepared: Prepared, options: dict[str, str]) -> Output:
    """Lay the policy over the names."""
    laid = overlay(policy, yields)
    below = cast("dict[str, bool | None]", prepared.meta["below"]) if laid.lists_apply else {}
    forms = _forms(options)
    subtrees = next(number for number, form in enumerate(forms) if form.column == "block_subtree")
    body = memoryview(prepared.bodies[str(subtrees)] if laid.lists_apply else b"")

    def region(name: str) -> tuple[str, bool] | None:
        if above := laid.above(name):
            return above, laid.entries[above] is Effect.BLOCK
        return _nearest_region(below, body, forms[subtrees], name)

    entries: dict[str, Says] = {name: (block, block) for name, block in _verdicts(laid.entries)}
    long = [name for name in entries if len(name) > LONGEST]
    said = _complete({name: says for name, says in entries.items() if name not in long}, region)
    there = {name for name in below if not laid.speaks_of(name)} | entries.keys()
    on_the_way = "".join(_text(name, says, options) for name, says in said.items() if name not in there)
    script = Script(
        "blockctl: blocked names as a response policy zone",
        ";",
        forms,
        lambda _, name: _text(name, said[name], options) if name in said else "",
        regions,
        head=_head(options) + on_the_way,
    )
    notes = ("a response policy zone cannot answer refused: blocked names get nxdomain",)
    output = write(script, policy, yields, prepared, notes if answer(options) == "refused" else ())
    for name in long:
        output.gaps.add("long", Origin(policy.file), name)
    return output


def _verdicts(entries: Mapping[str, Effect]) -> Iterator[tuple[str, bool]]:
    yield from ((name, effect is Effect.BLOCK) for name, effect in entries.items())


def _apart(names: HostSet) -> dict[str, Says]:
    """Return the entries that are not plain blocks, and the blocks that lie below an exception."""
    found: dict[str, Says] = {}
    for column, says in (
        (names.block_below, (None, True)),
        (names.allow_exact, (False, None)),
        (names.allow_subtree, (False, False)),
        (names.allow_below, (None, False)),
    ):
        found.update(dict.fromkeys(column.decode("ascii").split(), says))
    for above in [name for name, says in found.items() if says[1] is False]:
        found.update(dict.fromkeys(names_within(names.block_exact, above), (True, None)))
        found.update(dict.fromkeys(names_within(names.block_subtree, above), (True, True)))
    return found


def _nearest_region(
    below: Mapping[str, bool | None], subtrees: bytes | memoryview, form: Form, name: str
) -> tuple[str, bool] | None:
    """Return the nearest name above that says what is below it: one of `below`, or a line of a body."""
    blocked = nearest(memoryview(subtrees), form, name)
    for above in parents(name):
        if above == blocked:
            return above, True
        if above != name and (verdict := below.get(above)) is not None:
            return above, verdict
    return None


def _complete(entries: Mapping[str, Says], region: Region) -> dict[str, Says]:
    """Say again at each entry, and at the names on the way to it, what the wildcard above says."""
    found: dict[str, Says] = {}
    for name, (itself, below) in entries.items():
        above = region(name)
        if above is None:
            found[name] = (itself, below)
            continue
        wildcard, verdict = above
        found[name] = (verdict if itself is None else itself, verdict if below is None else below)
        for parent in parents(name):
            if parent == wildcard:
                break
            if parent not in entries:
                found[parent] = (verdict, verdict)
    return found


def _text(name: str, says: Says, options: dict[str, str]) -> str:
    lines = []
    for owner, block in ((name, says[0]), (f"*.{name}", says[1])):
        if block is not None:
            lines += [f"{owner}{record}\n" for record in (_records(options) if block else _PASS)]
    return "".join(lines)


def _records(options: dict[str, str]) -> tuple[str, ...]:
    return _RECORDS.get(answer(options), _RECORDS["nxdomain"])


def _forms(options: dict[str, str]) -> list[Form]:
    places = (("block_exact", ""), ("block_subtree", ""), ("block_subtree", "*."))
    return [Form(column, before, record) for column, before in places for record in _records(options)]


def _head(options: dict[str, str]) -> str:
    serial = options.get("serial", "auto")
    if serial == "auto":  # whoever writes the file puts it in: he knows the one before
        serial = str(SERIAL)
    if not serial.isdecimal() or int(serial) >= 1 << 32:
        raise BlockctlError(f"option serial: {serial!r} is no number below 2^32")
    return f"$TTL 30\n@ SOA localhost. root.localhost. {int(serial)} 3600 600 604800 30\n@ NS localhost.\n"


def _long_names(column: bytes) -> Iterator[str]:
    """Yield the names that are too long, by leaps that land on every line only where they must."""
    at = 0
    while len(column) - at > LONGEST:
        end = column.rfind(b"\n", at, at + LONGEST + 1)
        if end < 0:
            end = column.find(b"\n", at)
            yield column[at:end].decode("ascii")
        at = end + 1
