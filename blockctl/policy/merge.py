"""Precedence among lists: what `$badfilter` takes away, and what the lists together say of names.

The order is: validate, settle modifiers, reduce. Reduced first, one bad line such as `0.0.0.0 com` would swallow
every name below it and then be thrown away itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from blockctl.model.decide import excepted_names, is_above_lists, own_names
from blockctl.model.diagnostic import Diagnostic, DiagnosticLog, Origin, Severity
from blockctl.model.filterlist import FilterList
from blockctl.model.hostset import HostSet, Unsaid, order, order_after
from blockctl.model.names import SPECIAL_USE, covers, parents, suffix_rules
from blockctl.model.policy import ListSource, Policy
from blockctl.model.reduce import OWN, Reducer, Special, keys, name_of
from blockctl.model.request import ALL_KINDS, Kind
from blockctl.model.rule import Effect, Party, Rule, Scope

COLUMNS = {
    (Effect.BLOCK, Scope.EXACT): "exact",
    (Effect.BLOCK, Scope.SUBTREE): "subtree",
    (Effect.ALLOW, Scope.EXACT): "allow_exact",
    (Effect.ALLOW, Scope.SUBTREE): "allow_subtree",
}


def settle_badfilters(lists: Iterable[FilterList], badfilters: Sequence[Rule]) -> int:
    """Take every rule that a `$badfilter` line means out of all lists; return how many went.

    This comes before anything else, and doing it again takes nothing more. It goes by what a rule says
    (`Rule.identity`), so a name in a column goes with the rule that says the same.
    """
    if not badfilters:
        return 0
    gone = 0
    unwanted = {rule.identity() for rule in badfilters}
    suspects = {(rule.host, rule.pattern) for rule in badfilters}  # an identity is dear to make
    for parsed in lists:
        before = len(parsed.rules)
        if any((rule.host, rule.pattern) in suspects for rule in parsed.rules):
            parsed.rules = [
                rule
                for rule in parsed.rules
                if (rule.host, rule.pattern) not in suspects or rule.identity() not in unwanted
            ]
        gone += before - len(parsed.rules)
        gone += sum(_drop_from_column(parsed, rule) for rule in badfilters)
    return gone


def _drop_from_column(parsed: FilterList, badfilter: Rule) -> bool:
    plain = Rule(badfilter.effect, badfilter.origin, "", host=badfilter.host, scope=badfilter.scope)
    column = COLUMNS.get((badfilter.effect, badfilter.scope))
    if column is None or not badfilter.host or plain.identity() != badfilter.identity():
        return False
    names: set[str] = getattr(parsed, column)
    if badfilter.host not in names:
        return False
    names.remove(badfilter.host)
    return True


def page_exceptions(lists: Iterable[FilterList]) -> list[Rule]:
    """Return the exceptions that are limited to pages and free a certain name: where DNS may have to yield."""
    return [
        rule
        for parsed in lists
        for rule in parsed.rules
        if rule.effect is Effect.ALLOW and rule.sites and rule.decides and excepted_names(rule)
    ]


def settle_names(lists: Iterable[tuple[ListSource, FilterList]], policy: Policy) -> HostSet:
    """Return what the lists together say of names, as DNS can say it.

    The columns of the lists are used up, one list after the other, for a million names should not be held twice.
    Of the policy only the names count without which blockctl does not work; the rest is laid over later.
    """
    reducer = Reducer()
    unsaid = Unsaid()
    diagnostics = DiagnosticLog()
    own = own_names(policy)
    rules_in = 0
    for name in own:
        reducer.say(name, Special(OWN, Scope.EXACT))
    for source, parsed in lists:
        rules_in += sum(len(getattr(parsed, column)) for column in COLUMNS.values())
        rules_in += len(parsed.rules) + len(parsed.cosmetics)
        for diagnostic in _blocks_of_own(parsed, own):
            diagnostics.add(diagnostic)
        _take_columns(parsed, reducer, diagnostics)
        _take_rules(source, parsed, reducer, unsaid, diagnostics)
    names = reducer.reduce()
    names.unsaid, names.diagnostics, names.rules_in = unsaid, diagnostics, rules_in
    return names


def _take_columns(parsed: FilterList, reducer: Reducer, diagnostics: DiagnosticLog) -> None:
    reducer.allow_exact |= parsed.allow_exact
    reducer.allow_subtree |= parsed.allow_subtree
    for column, is_subtree in (("exact", False), ("subtree", True)):
        names: set[str] = getattr(parsed, column)
        found = keys(names, is_subtree)
        if bad := _unlistable(names, found):
            for name in sorted(bad):
                diagnostics.add(_refusal(name, Origin(parsed.file)))
            found = [key for key in found if name_of(key) not in bad]
        setattr(parsed, column, set())
        reducer.keys += found
    parsed.allow_exact, parsed.allow_subtree = set(), set()


def _unlistable(names: set[str], sorted_keys: Sequence[str]) -> set[str]:
    """Return the names that no list may block, without looking at each of a million."""
    suffixes, wildcards = suffix_rules()
    bad = {name for name in names & suffixes if is_above_lists(name)}
    bad.update(name for name in _top_levels(sorted_keys) if name in names)
    for parent in {*wildcards, *SPECIAL_USE}:
        low = bisect_left(sorted_keys, order(parent))
        high = bisect_left(sorted_keys, order_after(parent), low)
        bad.update(name for key in sorted_keys[low:high] if is_above_lists(name := name_of(key)))
    return bad


def _top_levels(sorted_keys: Sequence[str]) -> Iterator[str]:
    """Yield the last labels of the names: some hundreds, so this hops from one to the next."""
    at = 0
    while at < len(sorted_keys):
        top = sorted_keys[at].partition(".")[0][::-1]
        yield top
        at = bisect_left(sorted_keys, order_after(top), at)


def _refusal(name: str, origin: Origin) -> Diagnostic:
    return Diagnostic(
        "L301",
        origin,
        f"{name} is a public suffix or set apart for local use: no list may block it",
        "name it under `hosts: deny:` of the policy if you mean it",
    )


def _take_rules(
    source: ListSource, parsed: FilterList, reducer: Reducer, unsaid: Unsaid, diagnostics: DiagnosticLog
) -> None:
    widened = "third-party" in source.widen
    for rule in parsed.rules:
        if not (rule.names_only or (widened and _is_for_third_parties(rule))):
            unsaid.add(why_not_dns(rule), rule.origin, rule.text)
        elif rule.effect is Effect.BLOCK and is_above_lists(rule.host):
            diagnostics.add(_refusal(rule.host, rule.origin))
        else:
            reducer.say(rule.host, Special.of(rule))
    for cosmetic in parsed.cosmetics:
        unsaid.add("cosmetic", cosmetic.origin, cosmetic.text)


def _is_for_third_parties(rule: Rule) -> bool:
    """Whether a rule blocks a host on every page but those of its own site: `||tracker.example^$third-party`."""
    return (
        rule.effect is Effect.BLOCK
        and rule.decides
        and bool(rule.host)
        and rule.party is Party.THIRD
        and rule.kinds in (ALL_KINDS, ALL_KINDS & ~Kind.DOCUMENT)
        and not (rule.sites or rule.not_sites or rule.to)
    )


def why_not_dns(rule: Rule) -> str:
    """Return the reason (a key of the DNS capabilities) why a rule says more than DNS can."""
    if rule.action:
        return "action"
    if rule.needs:
        return "needs"
    if rule.sites or rule.not_sites:
        return "page"
    if rule.party is not Party.ANY:
        return "party"
    if rule.regex:
        return "regex"
    if not rule.host:
        return "path" if "/" in rule.pattern.removeprefix("||").rstrip("^*|") else "pattern"
    return "to" if rule.to else "kind"


def _blocks_of_own(parsed: FilterList, own: Iterable[str]) -> Iterator[Diagnostic]:
    """Yield a warning for each name of ours that a list blocks; it stays reachable all the same."""
    for name in sorted(own):
        above = [parent for parent in parents(name) if parent in parsed.subtree]
        above += [name] if name in parsed.exact else []
        origin = Origin(parsed.file)
        if not above:
            rule = next((rule for rule in parsed.rules if _would_block(rule, name)), None)
            if rule is None:
                continue
            above, origin = [rule.host], rule.origin
        yield Diagnostic(
            "L302",
            origin,
            f"{above[0]} is listed, but {name} is one of our upstreams or a source of lists: it stays reachable",
            severity=Severity.WARNING,
        )


def _would_block(rule: Rule, name: str) -> bool:
    return rule.effect is Effect.BLOCK and bool(rule.host) and rule.names_only and covers(rule.host, name)
