"""A filter list in AdGuard's browser syntax for its extension, and (see `adguard_safari`) for Safari.

In the extension it is added under Filters, Custom filters, by its address, and ticked as trusted: AdGuard leaves out
every `$csp`, redirect and scriptlet of a list that is not (tswebextension: rules are "unsafe" there).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from blockctl.backends.adguard_lines import exact_line, network_lines
from blockctl.backends.adguard_passed import cosmetic_line
from blockctl.backends.adguard_policy import policy_lines
from blockctl.backends.output import Gaps, Output, Prepared
from blockctl.backends.ublock import HEADER, PAUSED, entries, look_around
from blockctl.backends.ublock_important import Carving
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import Policy
from blockctl.model.rule import Effect

OPTIONS: dict[str, str] = {}


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:  # noqa: ARG001 - the interface
    """Write the lists, each line once; what the policy must change is kept apart."""
    return prepared(lists, safari=False)


def prepared(lists: Sequence[FilterList], *, safari: bool) -> Prepared:
    """Write the lists for one of the two."""
    lines: dict[str, None] = {}
    gaps = Gaps()
    carving = Carving()
    count = 0
    for each in lists:
        lines.update(dict.fromkeys(_names(each, safari)))
        _network(each, lines, carving, gaps, safari)
        for rule in each.cosmetics:
            line, reason = cosmetic_line(rule, safari=safari)
            if line:
                lines[line] = None
            if reason:
                gaps.add(reason, rule.origin, rule.text)
        columns = (each.exact, each.subtree, each.allow_exact, each.allow_subtree)
        count += sum(map(len, columns)) + len(each.rules) + len(each.cosmetics)
    look_around(lists, carving)
    body = "\n".join([*lines, ""]).encode()
    return Prepared(meta={"carving": carving}, bodies={"lists": body}, rules_in=count, rules_out=len(lines), gaps=gaps)


def _names(each: FilterList, safari: bool) -> Iterator[str]:
    """Yield the lines for the columns, sorted, for sets have no order."""
    yield from (f"||{host}^$all" for host in sorted(each.subtree))
    yield from (f"@@||{host}^" for host in sorted(each.allow_subtree))
    for effect, below, alone in (
        (Effect.BLOCK, each.subtree, each.exact),
        (Effect.ALLOW, each.allow_subtree, each.allow_exact),
    ):
        yield from (exact_line(host, effect, safari=safari) for host in sorted(alone - below))


def _network(each: FilterList, lines: dict[str, None], carving: Carving, gaps: Gaps, safari: bool) -> None:
    for rule in each.rules:
        if rule.important and rule.effect is Effect.BLOCK and rule.decides:
            carving.important.append(rule)
            continue
        made, reason = network_lines(rule, safari=safari)
        if reason:
            gaps.add(reason, rule.origin, rule.text)
        if made and rule.action == "csp" and rule.effect is Effect.ALLOW and not rule.value:
            carving.csp_exceptions.append(replace(rule, text=made[0]))
        else:
            lines.update(dict.fromkeys(made))


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:  # noqa: ARG001 - the interface
    """Put the policy before the lists."""
    output = emitted(policy, prepared, safari=False)
    output.notes.append('tick "Trusted" where the list is added, else AdGuard leaves its scripts\' sandbox out')
    return output


def emitted(policy: Policy, prepared: Prepared, *, safari: bool) -> Output:
    """Put the policy before the lists for one of the two."""
    if policy.paused:
        notes = ["paused: no rule is written"]
        return Output({"": [(HEADER + PAUSED).encode()]}, rules_in=prepared.rules_in, notes=notes)
    carving = prepared.meta["carving"]
    assert isinstance(carving, Carving)
    output = Output({}, rules_in=prepared.rules_in + entries(policy))
    applies = policy.blocking or any(site.blocking for site in policy.sites.values())
    if not applies:
        carving = Carving(any=False)
        output.notes.append("blocking is off everywhere: the lists are left out")
    lines = policy_lines(policy, carving, output, safari=safari)
    output.files[""] = [(HEADER + "".join(f"{line}\n" for line in lines)).encode()]
    output.rules_out = len(lines)
    if applies:
        output.files[""].append(prepared.bodies["lists"])
        output.rules_out += prepared.rules_out
        output.gaps.extend(prepared.gaps)
    return output
