"""DNS rules in AdGuard's syntax: `||name^` for a name and all below it, `|name^` for it alone, `@@` for exceptions.

There an exception beats every block, however near. So an exception below which something is blocked is written as
`$denyallow` of the block above it: that rule then does not speak of it, and the block below it stands. The policy is
`$important`, which beats what other lists of the same AdGuard say.
"""

from __future__ import annotations

from collections.abc import Mapping

from blockctl.backends.dns_bodies import (
    NAMES,
    Extras,
    Form,
    Script,
    names_within,
    nearest,
    prepare_bodies,
    regions,
    without,
    write,
)  # fmt: skip
from blockctl.backends.dns_policy import Overlay
from blockctl.backends.output import Output, Prepared
from blockctl.model.hostset import HostSet, order
from blockctl.model.names import covers, parents
from blockctl.model.policy import Policy
from blockctl.model.rule import Effect, Rule

OPTIONS: dict[str, str] = {}

_FORMS = [Form("block_subtree", "||", "^"), Form("block_exact", "|", "^")]


def prepare(names: HostSet, options: dict[str, str]) -> Prepared:  # noqa: ARG001 - the interface
    """Write the names of the lists."""
    below = names.block_below.decode("ascii").split()
    extras: Extras = {name: f"||*.{name}^\n" for name in below}
    holes: dict[str, list[str]] = {}  # block -> names below it of which it does not speak
    for column, exception, again in (
        (names.allow_exact, "@@|{}^\n", ""),
        (names.allow_subtree, "@@||{}^\n", ""),
        (names.allow_below, "@@||*.{}^\n", "|{}^\n"),
    ):
        for name in column.decode("ascii").split():
            if column is names.allow_exact or not _blocks_within(names, below, name):
                extras[name] = exception.format(name)
                continue
            holes.setdefault(_block_above(names, below, name), []).append(name)
            extras[name] = again.format(name)
    for name, without_them in holes.items():
        pattern = f"||*.{name}^" if name in below else f"||{name}^"
        extras[name] = f"{pattern}$denyallow={'|'.join(sorted(without_them, key=order))}\n"
    left = HostSet(rules_in=names.rules_in, unsaid=names.unsaid, diagnostics=names.diagnostics)
    left.block_exact, left.block_subtree = names.block_exact, without(names.block_subtree, holes)
    return prepare_bodies(left, _FORMS, extras)


def emit(policy: Policy, yields: Mapping[str, Rule], prepared: Prepared, options: dict[str, str]) -> Output:  # noqa: ARG001 - the interface
    """Lay the policy over the names."""
    script = Script("blockctl: blocked names for AdGuard", "!", _FORMS, _entry, regions)
    return write(script, policy, yields, prepared, ("how blocked names are answered is a setting of AdGuard's own",))


def _entry(laid: Overlay, name: str) -> str:
    if laid.entries[name] is Effect.BLOCK:
        return f"||{name}^$important\n"
    denied = laid.nested.get(name)
    return f"@@||{name}^$important{',denyallow=' + '|'.join(denied) if denied else ''}\n"


def _blocks_within(names: HostSet, below: list[str], name: str) -> bool:
    columns = (names.block_exact, names.block_subtree)
    return any(names_within(column, name) for column in columns) or any(covers(name, other) for other in below)


def _block_above(names: HostSet, below: list[str], name: str) -> str:
    """Return the block that an exception lies in; there is one, or the exception would not be there."""
    subtree = nearest(memoryview(names.block_subtree), NAMES, name) or ""
    return next(parent for parent in parents(name) if parent == subtree or (parent != name and parent in below))
