"""uBlock Origin's filter list, for "Import..." in its dashboard: the policy and its lists in static filters.

The header stands within the first 1,024 characters, where uBO looks for it; `Expires` is in lower case (an upper-case
unit is read as days) and at its least, four hours. There is no time of writing: the same rules give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from blockctl.backends.output import Gaps, Output, Prepared
from blockctl.backends.ublock_important import Carving
from blockctl.backends.ublock_lines import cosmetic_line, exact_name, name_line, network_line, with_nearest
from blockctl.backends.ublock_policy import frame_gaps, policy_lines
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import Policy
from blockctl.model.rule import Effect, Rule

OPTIONS: dict[str, str] = {
    "javascript": "rules: leave `javascript: deny` to My rules (target ublock-rules); both together spoil <noscript>",
}

HEADER = """\
! Title: blockctl
! Description: what the policy file says, and the lists it names; made by blockctl, not to be edited
! Expires: 4 hours
"""
PAUSED = "! blockctl is paused: everything is let through.\n"

# Actions that need an exception of their own where lists do not apply.
ACTIONS = frozenset(("csp", "inline-font", "inline-script", "permissions", "redirect-rule", "removeparam"))
NO_HIDING = frozenset(("ehide", "elemhide", "shide", "specifichide"))


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:  # noqa: ARG001 - the interface
    """Write the lists in uBO's dialect, each line once; what the policy must change is kept apart."""
    lines: dict[str, None] = {}
    gaps = Gaps()
    carving = Carving()
    look_around(lists, carving)
    count = 0
    for each in lists:
        lines.update(dict.fromkeys(_names(each)))
        _network(each, lines, carving, gaps)
        _cosmetic(each, lines, gaps)
        columns = (each.exact, each.subtree, each.allow_exact, each.allow_subtree)
        count += sum(map(len, columns)) + len(each.rules) + len(each.cosmetics)
    body = "\n".join([*lines, ""]).encode()
    return Prepared(meta={"carving": carving}, bodies={"lists": body}, rules_in=count, rules_out=len(lines), gaps=gaps)


def _names(each: FilterList) -> Iterable[str]:
    """Return the lines for the columns, sorted, for sets have no order."""
    return [
        *(f"||{host}^" for host in sorted(each.subtree)),
        *(exact_name(host) for host in sorted(each.exact - each.subtree)),
        *(f"@@||{host}^" for host in sorted(each.allow_subtree)),
        *(f"@@{exact_name(host)}" for host in sorted(each.allow_exact - each.allow_subtree)),
    ]


def _network(each: FilterList, lines: dict[str, None], carving: Carving, gaps: Gaps) -> None:
    adblock = each.format.startswith("adblock")
    for listed in each.rules:
        rule = with_nearest(listed) if adblock else listed
        if rule is None:
            line, reason = "", "nested-names"
        elif adblock:
            line, reason = network_line(rule)
        else:
            line, reason = ("@@" if rule.effect is Effect.ALLOW else "") + name_line(rule.host, rule.scope), ""
        if rule is None or not line:
            gaps.add(reason, listed.origin, listed.text)
        elif rule.important and rule.effect is Effect.BLOCK:
            carving.important.append(_as(rule, line))
        elif rule.action == "csp" and rule.effect is Effect.ALLOW and "csp=" not in line:
            carving.csp_exceptions.append(_as(rule, line))
        else:
            lines[line] = None


def _as(rule: Rule, line: str) -> Rule:
    return rule if line == rule.text else replace(rule, text=line)


def _cosmetic(each: FilterList, lines: dict[str, None], gaps: Gaps) -> None:
    for rule in each.cosmetics:
        line, reason = cosmetic_line(rule)
        if line:
            lines[line] = None
        else:
            gaps.add(reason, rule.origin, rule.text)


def look_around(lists: Sequence[FilterList], carving: Carving) -> None:
    """Note what of the lists bears on the policy's own lines."""
    rules = [rule for each in lists for rule in each.rules if rule.action]
    carving.actions = frozenset(rule.action for rule in rules) & ACTIONS
    carving.shown = frozenset(rule.host for rule in rules if rule.action in NO_HIDING and rule.effect is Effect.ALLOW)
    carving.unhidden = frozenset(
        rule.selector for each in lists for rule in each.cosmetics if rule.effect is Effect.ALLOW or rule.not_sites
    )


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:
    """Put the policy before the lists."""
    if policy.paused:
        return Output(
            {"": [(HEADER + PAUSED).encode()]}, rules_in=prepared.rules_in, notes=["paused: no rule is written"]
        )
    output = Output({}, rules_in=prepared.rules_in)
    lines, body = policy_text(policy, prepared, output, sandbox=options.get("javascript") != "rules")
    output.files[""] = [(HEADER + "".join(f"{line}\n" for line in lines)).encode()]
    if body:
        output.files[""].append(body)
    return output


def policy_text(
    policy: Policy, prepared: Prepared, output: Output, *, sandbox: bool, seen: frozenset[tuple[str, str]] = frozenset()
) -> tuple[list[str], bytes | memoryview]:
    """Return the policy's lines and the lists' body, and note counts, gaps and notes in the output.

    `sandbox` says whether `javascript: deny` is in them; `seen` are the (site, key) that another part of the same
    output carries into frames.
    """
    carving = prepared.meta["carving"]
    assert isinstance(carving, Carving)
    applies = policy.blocking or any(site.blocking for site in policy.sites.values())
    if not applies:
        carving = Carving(any=False)
        output.notes.append("blocking is off everywhere: the lists are left out")
    lines = policy_lines(policy, carving, sandbox, output)
    frame_gaps(policy, seen, output.gaps)
    if applies:
        output.gaps.extend(prepared.gaps)
    body: bytes | memoryview = prepared.bodies["lists"] if applies else b""
    output.rules_in += entries(policy)
    output.rules_out = len(lines) + (prepared.rules_out if applies else 0)
    return lines, body


def entries(policy: Policy) -> int:
    """Count what the policy says: hosts, protected hosts, and each key of each site."""
    keys = sum(
        len(site.hosts)
        + len(site.hide)
        + sum(each is not None for each in (site.javascript, site.blocking, site.unlock_scroll))
        for site in policy.sites.values()
    )
    return len(policy.hosts) + len(policy.protect) + keys
