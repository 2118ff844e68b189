"""A list of domains, one a line, for tools that take such lists.

Plain, a line is about that name alone, as blockctl reads such lists. With `form: wildcard`, `*.name` is the name
and all below it. Such a list cannot free a name below: there the names that lists block are written one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from blockctl.backends.dns_bodies import (
    NAMES,
    Extras,
    Form,
    Script,
    Span,
    names_within,
    nearest,
    option,
    prepare_bodies,
    regions,
    without,
    write,
)  # fmt: skip
from blockctl.backends.dns_policy import Overlay, overlay
from blockctl.backends.hosts import LISTED, count_wildcards, write_listed
from blockctl.backends.output import Output, Prepared
from blockctl.model.diagnostic import Origin
from blockctl.model.hostset import HostSet
from blockctl.model.names import covers, parents
from blockctl.model.policy import Policy
from blockctl.model.rule import Effect, Rule

OPTIONS = {"form": "plain (the default): each name for itself; wildcard: `*.name` for a name and all below it"}

_WILDCARD = [Form("block_exact"), Form("block_subtree", "*.")]


def prepare(names: HostSet, options: dict[str, str]) -> Prepared:
    """Write the names of the lists."""
    if not _is_wildcard(options):
        prepared = prepare_bodies(names, [Form(column) for column in LISTED], {})
        count_wildcards(names, prepared)
        return prepared
    freed = [*names.allow_exact.split(), *names.allow_subtree.split(), *names.allow_below.split()]
    column = memoryview(names.block_subtree)
    holed = {above for name in freed if (above := nearest(column, NAMES, name.decode("ascii")))}
    extras: Extras = {name: f"{name}\n" for above in holed for name in [above, *names_within(names.covered, above)]}
    left = HostSet(block_exact=names.block_exact, block_subtree=without(names.block_subtree, holed))
    left.unsaid, left.diagnostics, left.rules_in = names.unsaid, names.diagnostics, names.rules_in
    prepared = prepare_bodies(left, _WILDCARD, extras)
    prepared.bodies["covered"] = names.covered
    for name in sorted(holed):
        prepared.gaps.add("hole", Origin("lists"), f"||{name}^")
    for name in names.block_below.decode("ascii").split():
        prepared.gaps.add("below", Origin("lists"), f"*.{name}")
    return prepared


def emit(policy: Policy, yields: Mapping[str, Rule], prepared: Prepared, options: dict[str, str]) -> Output:
    """Lay the policy over the names."""
    if not _is_wildcard(options):
        return write_listed("list of domains", "", policy, yields, prepared, ())
    laid = overlay(policy, yields)
    opened = _opened(laid, memoryview(prepared.bodies["1"])) if laid.lists_apply else set()
    listed = {name: _listed(laid, prepared, name) for name in (*opened, *_with_holes(laid))}

    def entry(laid: Overlay, name: str) -> str:
        if laid.entries[name] is Effect.ALLOW:
            return f"# let through: {name}\n"
        return "".join(f"{each}\n" for each in listed[name]) if name in listed else f"*.{name}\n"

    def spans(body: memoryview, form: Form, laid: Overlay) -> list[Span]:
        lines = (form.alone(body, name) for name in opened) if form is _WILDCARD[1] else ()
        return [*regions(body, form, laid), *(span for span in lines if span)]

    head = "".join(f"{each}\n" for name in sorted(opened) for each in listed[name])
    script = Script("blockctl: blocked names, `*.` with all below", "#", _WILDCARD, entry, spans, head)
    output = write(script, policy, yields, prepared)
    output.rules_out += sum(map(len, listed.values())) - len(listed) + len(opened)
    for name in listed:
        output.gaps.add("hole", _origin(policy, name), f"*.{name}")
    return output


def _is_wildcard(options: dict[str, str]) -> bool:
    return option(options, "form", ("plain", "wildcard")) == "wildcard"


def _opened(laid: Overlay, subtrees: memoryview) -> set[str]:
    """Return the names that the lists block with all below, below which the policy frees something."""
    freed = (name for name in laid.roots if laid.entries[name] is Effect.ALLOW or name in laid.nested)
    return {above for name in freed if (above := nearest(subtrees, _WILDCARD[1], name))}


def _with_holes(laid: Overlay) -> list[str]:
    """Return the names that the policy denies, below which it allows something."""
    return [name for name in laid.nested if laid.entries[name] is Effect.BLOCK]


def _listed(laid: Overlay, prepared: Prepared, name: str) -> list[str]:
    """Return the name and what lists block below it and the policy does not speak of otherwise."""
    extras = cast("Extras", prepared.meta["extras"])
    found = {name, *(other for other in (*laid.repeated, *extras) if covers(name, other))}
    for form, body in (*zip(_WILDCARD, ("0", "1"), strict=True), (NAMES, "covered")):
        view = memoryview(prepared.bodies[body])
        low, high = form.region(view, name)
        found.update(line[len(form.before) :] for line in str(view[low:high], "ascii").split())
    return sorted(each for each in found if _speaker(laid, each) == _speaker(laid, name))


def _speaker(laid: Overlay, name: str) -> str | None:
    return next((parent for parent in parents(name) if parent in laid.entries), None)


def _origin(policy: Policy, name: str) -> Origin:
    return policy.hosts[name].origin if name in policy.hosts else Origin("lists")
