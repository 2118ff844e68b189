"""Precedence among lists: what `$badfilter` takes away, and what the lists together say of names.

The order is: validate, settle modifiers, reduce. Reduced first, one bad line such as `0.0.0.0 com` would swallow
every name below it and then be thrown away itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from blockctl.model.decide import excepted_names, is_above_lists, own_names
from blockctl.model.diagnostic import Diagnostic, DiagnosticLog, Origin, Severity
from blockctl.model.filterlist import FilterList
from blockctl.model.hostset import HostSet, Unsaid, order, order_after
from blockctl.model.names import SPECIAL_USE, covers, normalize_host, parents, suffix_rules
from blockctl.model.packed import Packed, common, has_name, keys_of, name_of, names_of, once, without_name
from blockctl.model.policy import ListSource, Policy
from blockctl.model.reduce import OWN, Reducer, Special
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
    if has_name(packed := parsed.packed.get(column, b""), badfilter.host):
        parsed.packed[column] = without_name(packed, badfilter.host)
        return True
    names = parsed.sets.get(column, set())
    found = badfilter.host in names
    names.discard(badfilter.host)
    return found


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
    blocks: list[tuple[str, Packed]] = []
    for name in own:
        reducer.say(name, Special(OWN, Scope.EXACT))
    for source, parsed in lists:
        parsed.pack()
        rules_in += sum(bytes(names).count(b"\n") for names in parsed.packed.values())
        rules_in += len(parsed.rules) + len(parsed.cosmetics)
        for diagnostic in _blocks_of_own(parsed, own):
            diagnostics.add(diagnostic)
        blocks += [(parsed.file, parsed.packed.get(column, b"")) for column in ("exact", "subtree")]
        _take_columns(parsed, reducer)
        _take_rules(source, parsed, reducer, unsaid, diagnostics)
    reducer.exact, reducer.subtree = (_listable(keys, blocks, diagnostics) for keys in (reducer.exact, reducer.subtree))
    names = reducer.reduce()
    names.unsaid, names.diagnostics, names.rules_in = unsaid, diagnostics, rules_in
    return names


def _take_columns(parsed: FilterList, reducer: Reducer) -> None:
    for column, keys in (("exact", reducer.exact), ("subtree", reducer.subtree)):
        keys += keys_of(parsed.packed.pop(column, b""))
    for column, names in (("allow_exact", reducer.allow_exact), ("allow_subtree", reducer.allow_subtree)):
        names.update(names_of(parsed.packed.pop(column, b"")))


def _listable(keys: list[str], blocks: Iterable[tuple[str, Packed]], diagnostics: DiagnosticLog) -> list[str]:
    """Return the keys of names that lists may block, sorted, each once; the keys of the lists one after the other.

    The parsers refuse the others, each with its line. This is for lists that no parser made.
    """
    keys.sort()  # those of each list are sorted already, so this only merges them
    keys = once(keys)
    bad = _unlistable(keys)
    for name in sorted(bad):
        file = next(file for file, packed in blocks if has_name(packed, name))
        diagnostics.add(_refusal(name, Origin(file)))
    return [key for key in keys if name_of(key) not in bad] if bad else keys


def _unlistable(sorted_keys: list[str]) -> set[str]:
    """Return the names that no list may block, without asking of each."""
    bad = {name_of(key) for key in common(sorted_keys, _suffix_keys())}
    bad.update(_single_labels(sorted_keys))
    for parent in {*suffix_rules()[1], *SPECIAL_USE}:
        low = bisect_left(sorted_keys, order(parent))
        high = bisect_left(sorted_keys, order_after(parent), low)
        bad.update(map(name_of, sorted_keys[low:high]))
    return {name for name in bad if is_above_lists(name)}


def _single_labels(sorted_keys: Sequence[str]) -> Iterator[str]:
    """Yield the names of one label, by hopping from one top level to the next: there are some hundreds."""
    at = 0
    while at < len(sorted_keys):
        top = sorted_keys[at].partition(".")[0][::-1]
        if name_of(sorted_keys[at]) == top:
            yield top
        at = bisect_left(sorted_keys, order_after(top), at)


@cache
def _suffix_keys() -> frozenset[str]:
    return frozenset(map(order, suffix_rules()[0]))


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
    for rule in parsed.rules:
        if not speaks_of_names(rule, source):
            unsaid.add(why_not_dns(rule), rule.origin, rule.text)
        elif rule.effect is Effect.BLOCK and is_above_lists(rule.host):
            diagnostics.add(_refusal(rule.host, rule.origin))
        else:
            reducer.say(rule.host, Special.of(rule))
    for cosmetic in parsed.cosmetics:
        unsaid.add("cosmetic", cosmetic.origin, cosmetic.text)


def speaks_of_names(rule: Rule, source: ListSource) -> bool:
    """Whether DNS heeds a rule of a list: it speaks of names alone, or the list is widened to rules of its kind."""
    return rule.names_only or ("third-party" in source.widen and is_for_third_parties(rule))


def is_for_third_parties(rule: Rule) -> bool:
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
    if is_bare_name(rule):
        return "name"
    if not rule.host:
        return "path" if "/" in rule.pattern.removeprefix("||").rstrip("^*|") else "pattern"
    return "to" if rule.to else "kind"


def is_bare_name(rule: Rule) -> bool:
    """Whether a rule is a line `ads.example` that was read as a part of an address, as browsers read it."""
    text = rule.pattern
    return rule.effect is Effect.BLOCK and text == rule.text and "." in text and normalize_host(text) == text.lower()


def _blocks_of_own(parsed: FilterList, own: Iterable[str]) -> Iterator[Diagnostic]:
    """Yield a warning for each name of ours that a list blocks; it stays reachable all the same."""
    for name in sorted(own):
        above = [parent for parent in parents(name) if has_name(parsed.packed.get("subtree", b""), parent)]
        above += [name] if has_name(parsed.packed.get("exact", b""), name) else []
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
