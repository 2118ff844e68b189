"""unbound configuration (unbound.conf(5), `local-zone`, `local-data`): the nearest zone wins.

A zone that blocks covers all below it, so a name alone is local data in a transparent zone, which answers for that
name and passes on what is below: with no data, as no zone says NXDOMAIN of one name. `always_transparent` lets
through. Seen in unbound 1.17.
"""

from __future__ import annotations

from collections.abc import Mapping

from blockctl.backends.dns_bodies import (
    ANSWER,
    Extras,
    Form,
    Script,
    answer,
    names_within,
    prepare_bodies,
    regions,
    write,
)  # fmt: skip
from blockctl.backends.output import Output, Prepared
from blockctl.model.diagnostic import Origin
from blockctl.model.hostset import HostSet
from blockctl.model.policy import Policy
from blockctl.model.rule import Effect, Rule

OPTIONS = {"answer": ANSWER}

_ZONES = {"nxdomain": "always_nxdomain", "nodata": "always_nodata", "null": "always_null", "refused": "always_refuse"}
_PASS = "always_transparent"  # noqa: S105 - a type of zone
_NO_DATA = (('local-data: "', '. TXT blocked"'),)  # of the name's types only TXT is there, so all others have no data
_NULL = (('local-data: "', '. A 0.0.0.0"'), ('local-data: "', '. AAAA ::"'))


def prepare(names: HostSet, options: dict[str, str]) -> Prepared:
    """Write the names of the lists."""
    allowed = [*names.allow_exact.decode("ascii").split(), *names.allow_subtree.decode("ascii").split()]
    freed_below = names.allow_below.decode("ascii").split()
    extras: Extras = {name: _zone(name, _PASS) for name in allowed}
    extras |= {name: _zone(name, "transparent") + _data(name, options) for name in freed_below}
    for above in (*allowed, *freed_below):  # there a name alone needs a zone of its own, or its data is not looked at
        for name in names_within(names.block_exact, above):
            extras[name] = _zone(name, "transparent")
    prepared = prepare_bodies(names, _forms(options), extras)
    for column, text in ((names.allow_exact, "@@|{}^"), (names.block_below, "*.{}")):
        for name in column.decode("ascii").split():
            prepared.gaps.add("apart", Origin("lists"), text.format(name))
    return prepared


def emit(policy: Policy, yields: Mapping[str, Rule], prepared: Prepared, options: dict[str, str]) -> Output:
    """Lay the policy over the names."""
    zones = {Effect.BLOCK: _ZONES[answer(options)], Effect.ALLOW: _PASS}
    script = Script(
        "blockctl: blocked names for unbound",
        "#",
        _forms(options),
        lambda laid, name: _zone(name, zones[laid.entries[name]]),
        regions,
        head="server:\n",
    )
    said = answer(options)
    notes = (f"unbound answers names that are blocked alone with nodata, not {said}",)
    return write(script, policy, yields, prepared, notes if said in ("nxdomain", "refused") else ())


def _zone(name: str, kind: str) -> str:
    return f'local-zone: "{name}." {kind}\n'


def _data(name: str, options: dict[str, str]) -> str:
    return "".join(form.line(name) for form in _forms(options) if form.column == "block_exact")


def _forms(options: dict[str, str]) -> list[Form]:
    said = answer(options)
    data = [Form("block_exact", before, after) for before, after in (_NULL if said == "null" else _NO_DATA)]
    return [Form("block_subtree", 'local-zone: "', f'." {_ZONES[said]}'), *data]
