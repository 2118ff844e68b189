"""What lists hide on pages, as WebKit's `css-display-none`.

A taken back selector (`#@#`) narrows the rule itself, for an `ignore-previous-rules` would take back every other too:
those serve pages where a whole class is off (`$generichide`, `$elemhide`). They must fit every load of the page, or
the sheet comes back with the next one. The order: generic, off for generic, specific, off for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from json.encoder import encode_basestring_ascii as quote

from blockctl.backends.output import Gaps
from blockctl.backends.safari_cover import fewest
from blockctl.backends.safari_network import CONDITIONED, MAX_BYTES, SEPARATOR
from blockctl.backends.safari_pattern import EVERYTHING, Unsayable
from blockctl.backends.safari_region import has_entity, is_regex, pages, site_expressions
from blockctl.backends.safari_rules import url_filters
from blockctl.backends.safari_selector import is_sound
from blockctl.backends.safari_trigger import IGNORE, expressions, is_of_a_host, rule
from blockctl.model.filterlist import FilterList
from blockctl.model.match import page_keys
from blockctl.model.names import parents
from blockctl.model.rule import Cosmetic, CosmeticForm, Effect, Rule

SELECTORS_A_RULE = 500
HIDE_ACTIONS = frozenset(("elemhide", "generichide", "specifichide"))
FORMS = {
    CosmeticForm.PROCEDURAL: "procedural",
    CosmeticForm.STYLE: "style",
    CosmeticForm.SCRIPTLET: "scriptlet",
    CosmeticForm.HTML: "html",
    CosmeticForm.REMOVE: "procedural",
}


@dataclass(slots=True)
class Hiding:
    """Every rule about one selector."""

    generic: list[Cosmetic] = field(default_factory=list)
    specific: list[Cosmetic] = field(default_factory=list)
    back: list[Cosmetic] = field(default_factory=list)


@dataclass(slots=True)
class PagesOff:
    """Where a class of hiding is off: expressions for pages, and for `$specifichide` the sites."""

    generic: dict[str, None] = field(default_factory=dict)
    everything: dict[str, None] = field(default_factory=dict)
    specific: set[str] = field(default_factory=set)

    def add(self, rule: Rule) -> None:
        """Note one exception."""
        if rule.action == "specifichide":
            if rule.pattern or rule.not_sites or (rule.host and rule.sites) or any(map(_is_open, rule.sites)):
                raise Unsayable("specifichide")
            self.specific.update(rule.sites or (rule.host,))
        else:
            into = self.generic if rule.action == "generichide" else self.everything
            into.update(dict.fromkeys(_page_expressions(rule)))

    def near(self, sites: Iterable[str]) -> list[str]:
        """Return the sites of `$specifichide` that may take pages away from these."""
        if not self.specific:
            return []
        above = {name for site in sites for name in parents(site)}
        return sorted(name for name in self.specific if name in above or any(up in sites for up in parents(name)))


def cosmetic_files(lists: Sequence[FilterList], gaps: Gaps, has_supported: bool) -> list[list[str]]:
    """Return the rules of each file, in order."""
    off = PagesOff()
    for each in (one for parsed in lists for one in parsed.rules):
        if each.action in HIDE_ACTIONS and each.effect is Effect.ALLOW and not each.needs:
            try:
                off.add(each)
            except Unsayable as unsayable:
                gaps.add(unsayable.reason, each.origin, each.text)
    generic: dict[tuple[str, ...], list[str]] = {}
    specific: dict[tuple[str, ...], list[str]] = {}
    for selector, hiding in _by_selector(lists, gaps, has_supported).items():
        if any(not (each.sites or each.not_sites) for each in hiding.back):
            continue  # taken back everywhere
        back = [name for each in hiding.back for name in each.sites]
        _settle(hiding.generic, partial(_not_on, back=back), selector, hiding, generic, gaps)
        _settle(hiding.specific, partial(_on, back=back, off=off), selector, hiding, specific, gaps)
    first = [*_lines(generic, "unless-top-url"), *_ignore(off.generic)] if generic else []
    second = list(_lines(fewest(specific), "if-top-url"))
    return list(_spread(first, second, list(_ignore(off.everything)))) if first or second else []


def _by_selector(lists: Sequence[FilterList], gaps: Gaps, has_supported: bool) -> dict[str, Hiding]:
    found: dict[str, Hiding] = {}
    for each in (cosmetic for parsed in lists for cosmetic in parsed.cosmetics):
        reason = "" if each.form is CosmeticForm.CSS else FORMS[each.form]
        if each.needs:
            reason = "condition"
        elif not reason and each.effect is Effect.BLOCK and not is_sound(each.selector):
            reason = "selector"
        elif not reason and not has_supported and ":has(" in each.selector:
            reason = "has"
        if reason:
            gaps.add(reason, each.origin, each.text)
            continue
        hiding = found.get(each.selector)
        if hiding is None:
            hiding = found[each.selector] = Hiding()
        if each.effect is Effect.ALLOW:
            hiding.back.append(each)
        else:
            (hiding.specific if each.sites else hiding.generic).append(each)
    return found


def _settle(
    hides: list[Cosmetic],
    where: Callable[[list[Cosmetic]], Sequence[str] | None],
    selector: str,
    hiding: Hiding,
    into: dict[tuple[str, ...], list[str]],
    gaps: Gaps,
) -> None:
    """File a selector under the pages it is hidden on; a gap for each of its rules where that cannot be said."""
    if not hides:
        return
    try:
        if any(each.not_sites for each in hiding.back):
            raise Unsayable("site-mix")
        found = where(hides)
    except Unsayable as unsayable:
        for each in hides:
            gaps.add(unsayable.reason, each.origin, each.text)
        return
    if found is not None:
        into.setdefault(tuple(sorted(set(found))), []).append(selector)
    for each in hides:
        if has_entity(each.sites):
            gaps.add("entity", each.origin, each.text)
    for each in (*hides, *hiding.back):
        if has_entity(each.not_sites if each.effect is Effect.BLOCK else each.sites):
            gaps.add("entity-not", each.origin, each.text)


def _is_open(site: str) -> bool:
    """Whether an entry stands for more names than one with all below it."""
    return is_regex(site) or has_entity((site,))


def _not_on(hides: list[Cosmetic], back: list[str]) -> list[str]:
    """Return expressions for the pages on which a generic selector is not hidden."""
    named = [set(each.not_sites) for each in hides]
    if len(named) > 1 and any(map(is_regex, chain(*named))):
        raise Unsayable("site-regex")
    spared = {
        name for names in named for name in names if all(not others.isdisjoint(page_keys(name)) for others in named)
    }
    return [expression for name in (*spared, *back) for expression in site_expressions(name)]


def _on(hides: list[Cosmetic], back: list[str], off: PagesOff) -> list[str] | None:
    """Return expressions for the pages on which a specific selector is hidden, None when there are none."""
    found: list[str] = []
    for each in hides:
        never = [*back, *off.near(each.sites)]
        found += pages(each.sites, each.not_sites, never)
    return found or None


def _page_expressions(rule: Rule) -> Sequence[str]:
    """Return expressions for the pages that an exception is about, by their address or their site."""
    if rule.match_case:
        raise Unsayable("page")
    if rule.sites:
        if (
            rule.pattern
            or rule.to
            or rule.not_to
            or (rule.host and any(rule.host not in parents(site) for site in rule.sites))
        ):
            raise Unsayable("page")
        return pages(rule.sites, rule.not_sites)
    if rule.not_sites or rule.not_to:
        raise Unsayable("page")
    return url_filters(rule)


def _lines(table: dict[tuple[str, ...], list[str]], key: str) -> Iterator[str]:
    for where in sorted(table):
        selectors = sorted(table[where])
        condition = expressions(key, where) if where else ""
        for at in range(0, len(selectors), SELECTORS_A_RULE):
            yield hide(", ".join(selectors[at : at + SELECTORS_A_RULE]), condition)


def hide(selector: str, condition: str) -> str:
    """Return the rule that hides what a selector matches."""
    return rule(EVERYTHING, f'"action":{{"type":"css-display-none","selector":{quote(selector)}}}', condition)


def _ignore(where: Iterable[str]) -> Iterator[str]:
    """Take back everything before, on these pages; hosts have a rule of their own, for they are compiled faster so."""
    found = sorted(where)
    if EVERYTHING in found:
        yield rule(EVERYTHING, IGNORE)
        return
    hosts = [each for each in found if is_of_a_host(each)]
    others = [each for each in found if not is_of_a_host(each)]
    for some in filter(None, (hosts, others)):
        yield rule(EVERYTHING, IGNORE, expressions("if-top-url", some))


def _spread(first: list[str], second: list[str], last: list[str]) -> Iterator[list[str]]:
    """Deal the specific rules out to files; the generic ones, with what narrows them, stay together."""
    here, used = list(first), sum(map(len, first))
    for line in second:
        if here and (len(here) >= CONDITIONED or used + len(line) > MAX_BYTES):
            yield here + last
            here, used = [], 0
        here.append(line)
        used += len(line) + len(SEPARATOR)
    yield here + last
