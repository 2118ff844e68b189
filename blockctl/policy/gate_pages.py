"""Which sites that matter a new version of a list breaks in browsers: the page itself, its own scripts or styles.

Names alone are the matter of `gate_names`; here are the rules with more to them: `||site.example^$script`,
`*$script,domain=site.example`, `|https://`. Each site that a changed rule may touch is asked for by three requests
that a plain page would make, before and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from blockctl.model.decide import Decision, Step, decide
from blockctl.model.filterlist import COLUMNS, FilterList
from blockctl.model.hostset import order
from blockctl.model.index import Index
from blockctl.model.packed import has_name
from blockctl.model.pattern import anchored_host
from blockctl.model.request import Kind, Request
from blockctl.model.rule import Effect, Rule
from blockctl.policy.gate_names import common_keys
from blockctl.policy.gate_nouns import Blocked, Concern, Hold, HoldKind, Known, Line, Names, Standing, Version

SAMPLE = 50  # sites on which a rule is tried that names none
MOST_SITES = 2_000  # tried; a version that touches more of them shows in the first

_LISTS = (Step.LIST_IMPORTANT, Step.LIST_BLOCK)

_PARTS = (
    (Kind.DOCUMENT, "", "the page"),
    (Kind.SCRIPT, "main.js", "scripts"),
    (Kind.STYLE, "main.css", "styles"),
)


def newly_blocked_pages(
    before: Version | None, after: Version, known: Known, was: Standing, now: Standing
) -> list[Hold]:
    """Return a hold for the sites that the new version stops in browsers and the one before did not.

    `was` and `now`: what is in force beside the version before, and beside the new one.
    """
    if before is None or not (after.source.browser or was is not now):
        return []
    pairs = [(before, after), *(zip(was.others, now.others, strict=True) if was is not now else ())]
    added = [rule for old, new in pairs for rule in _changes(old, new, Effect.BLOCK)]
    dropped = [rule for old, new in pairs for rule in _changes(new, old, Effect.ALLOW)]
    if not (added or dropped):
        return []
    touched = _touched([*added, *dropped], known)
    requests = [each for site in touched for each in _requests(site)]
    changed = Index.build([FilterList(after.parsed.file, "", rules=[*added, *dropped])])
    matched = {request: rules for request in requests if (rules := changed.matching(request))}
    if not matched:
        return []
    names = Names({request.host for request in matched})
    old, new = _index([*was.others, before], names), _index([*now.others, after], names)
    policy = now.policy
    found: dict[str, tuple[str, list[Line]]] = {}
    for request, rules in matched.items():
        decision = decide(policy, new, request)
        if decision.step not in _LISTS or decide(policy, old, request).blocked:
            continue
        lines = [Line(rule.origin.file, rule.origin.line, rule.text) for rule in rules if rule.effect is Effect.BLOCK]
        if lines or not _is_new_name(decision, before, after):
            found.setdefault(request.host, (_part(request), []))[1].extend(lines)
    return [_hold(after, known, found)] if found else []


def _is_new_name(decision: Decision, before: Version, after: Version) -> bool:
    """Whether a name that the version is the first to block decided: `gate_names` tells of that."""
    rule = decision.rule
    if rule is None or rule.origin.line or rule.origin.file != after.parsed.file:
        return False
    before.parsed.pack()
    return not any(has_name(before.parsed.packed.get(column, b""), rule.host) for column in ("exact", "subtree"))


def _changes(before: Version, after: Version, effect: Effect) -> list[Rule]:
    """Return the rules of one effect that `after` has and `before` has not; those on names alone are not asked for."""
    old = {rule.text for rule in before.parsed.rules}
    return [
        rule
        for rule in after.parsed.rules
        if rule.effect is effect and rule.decides and rule.text not in old and not rule.names_only
    ]


def _touched(rules: Iterable[Rule], known: Known) -> list[str]:
    """Return the sites that rules may be about, in the order in which they matter."""
    keys: set[str] = set()
    anywhere = False
    for rule in rules:
        named = list(_named(rule))
        keys.update(map(order, named))
        anywhere = anywhere or not named
    covering = known.names.covering
    sites = dict.fromkeys(known.names.at_and_below(sorted(key for key in keys if key in covering)))
    if anywhere:
        sites |= dict.fromkeys([name for concern in Concern for name in known.of(concern)[:SAMPLE]])
    return list(sites)[:MOST_SITES]


def _named(rule: Rule) -> Iterator[str]:
    """Yield the names to which a rule is limited; none when it is about any site, or one of a pattern of names."""
    if name := rule.host or ("" if rule.regex else anchored_host(rule.pattern)):
        yield name
        return
    for names in (rule.sites, rule.to):
        if names and not any("*" in name or "/" in name for name in names):
            yield from names
            return


def _requests(site: str) -> Iterator[Request]:
    page = f"https://{site}/"
    for kind, file, _ in _PARTS:
        yield Request.parse(page + file, page, kind)


def _part(request: Request) -> str:
    return next(what for kind, _, what in _PARTS if kind is request.kind)


def _index(versions: Sequence[Version], names: Names) -> Index:
    """Return the index of what browsers obey: all rules, and of the columns the names that are asked for."""
    lists = []
    for version in versions:
        if version.source.browser:
            parsed = version.parsed
            parsed.pack()
            few = FilterList(parsed.file, parsed.format, rules=parsed.rules)
            for column in COLUMNS:
                found = common_keys(parsed.packed.get(column, b""), names.covering)
                few.sets[column] = {key[-2::-1] for key in found}
            lists.append(few)
    return Index.build(lists)


def _hold(after: Version, known: Known, found: dict[str, tuple[str, list[Line]]]) -> Hold:
    blocked = tuple(
        Blocked(site, f"{what}; {known.why[site][1]}".removesuffix("; "), tuple(dict.fromkeys(lines)))
        for site, (what, lines) in sorted(found.items())
    )
    first, name = blocked[0], after.source.name
    more = f" and {len(blocked) - 1:,} more" if len(blocked) > 1 else ""
    what = found[first.name][0]
    return Hold(name, HoldKind.PAGES, f"the new version of {name} blocks {what} of {first.name}{more}", blocked)
