"""What the policy and the lists say of a request, of a name, and of a page: the one place where it is decided.

Every engine, `why` and the query log follow `decide()`. The first step that speaks decides:

1. a pause; 2. the page's `javascript`; 3. the page's own hosts; 4. `hosts`; 5. `blocking: off`; 6. `protect`;
7. the lists: an `$important` block, then an exception, then a block; 8. nothing speaks: let through.

A site's entry covers its subdomains and the nearest entry wins, key by key. So in step 3 the nearest site whose
own hosts cover the host asked for speaks, and within it the nearest name; between equals, allow.

A script written in the page itself is no request: only steps 1 and 2 speak of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from blockctl.model.diagnostic import Origin
from blockctl.model.match import View, among, check, page_keys
from blockctl.model.names import covers, is_public_suffix, is_special_use, parents
from blockctl.model.pattern import anchored_host
from blockctl.model.policy import HostEntry, JavaScript, Policy, Site
from blockctl.model.request import Kind, Request, url_host
from blockctl.model.rule import CosmeticForm, Effect, Party, Rule

if TYPE_CHECKING:
    from blockctl.model.filterlist import FilterList


class Step(Enum):
    """Which of the steps decided."""

    PAUSE = "pause"
    JAVASCRIPT = "javascript"
    SITE_HOST = "site host"
    HOST = "host"
    BLOCKING_OFF = "blocking off"
    PROTECT = "protect"
    YIELD = "yield"  # DNS only: the browser's engines know the page, DNS does not
    REBINDING = "rebinding protection"  # DNS only: an answer that leads into the house
    LIST_IMPORTANT = "important block of a list"
    LIST_EXCEPTION = "exception of a list"
    LIST_BLOCK = "block of a list"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the step that gave it and its rule; entries of the policy stand here as rules too."""

    blocked: bool
    step: Step
    rule: Rule | None = None  # None when nothing speaks
    trace: tuple[tuple[Step, Rule], ...] = ()  # everything that matched, winner first; only when asked for


class Lists(Protocol):
    """What `decide` asks of the lists; `Index` answers."""

    def verdict(self, request: Request) -> tuple[Effect, Rule] | None:
        """Return the rule that wins among the lists."""

    def matching(self, request: Request) -> list[Rule]:
        """Return every rule that matches, the winner first."""

    def naming(self, host: str) -> list[Rule]:
        """Return every rule that speaks of this name and nothing else, the winner first."""


Spoken = Iterator[tuple[Step, Rule]]


def decide(policy: Policy, lists: Lists, request: Request, *, trace: bool = False) -> Decision:
    """Decide one request. The policy is as it stands now (`Policy.at`)."""
    return _first(_spoken(policy, lists, request, every=trace), trace)


def decide_name(
    policy: Policy, lists: Lists, host: str, yielded: Mapping[str, Rule], *, trace: bool = False
) -> Decision:
    """Decide a name as DNS does: it never sees the page, and yields where a browser's engine knows better.

    `lists` are those with use `dns`; `yielded` is what `yields()` returns. What a site of the policy allows is
    let through even where `hosts` deny it, as it is on that site's pages; the other yields only undo lists.
    """
    return _first(_spoken_of_name(policy, lists, host, yielded), trace)


def _first(spoken: Spoken, trace: bool) -> Decision:
    if trace:
        everything = tuple(spoken)
        step, rule = everything[0] if everything else (Step.DEFAULT, None)
        return Decision(rule is not None and rule.effect is Effect.BLOCK, step, rule, everything)
    for step, rule in spoken:
        return Decision(rule.effect is Effect.BLOCK, step, rule)
    return Decision(blocked=False, step=Step.DEFAULT)


def _spoken(policy: Policy, lists: Lists, request: Request, every: bool) -> Spoken:
    if policy.paused:
        yield Step.PAUSE, Rule(Effect.ALLOW, Origin(policy.file), "pause")
    above = policy.sites_above(request.page_host)
    yield from _javascript(policy, above, request)
    if request.inline:
        return
    for site in above:
        yield from _nearest(site.hosts, request.host, site)
    yield from _hosts(policy, request.host)
    yield from _blocking_off(policy, above)
    yield from _protect(policy, request.host)
    if every:
        yield from ((list_step(rule), rule) for rule in lists.matching(request))
    elif found := lists.verdict(request):
        yield list_step(found[1]), found[1]


def _spoken_of_name(policy: Policy, lists: Lists, host: str, yielded: Mapping[str, Rule]) -> Spoken:
    if policy.paused:
        yield Step.PAUSE, Rule(Effect.ALLOW, Origin(policy.file), "pause")
    given = [yielded[name] for name in (*parents(host), "") if name in yielded]
    allowed_on_a_site = [rule for rule in given if is_site_allow(rule)]
    yield from ((Step.YIELD, rule) for rule in allowed_on_a_site)
    yield from _hosts(policy, host)
    yield from _protect(policy, host)
    yield from ((Step.YIELD, rule) for rule in given if not is_site_allow(rule))
    for rule in lists.naming(host):
        if rule.effect is Effect.ALLOW or not (is_above_lists(rule.host) or host in own_names(policy)):
            yield list_step(rule), rule


def is_above_lists(name: str) -> bool:
    """Whether no list may block a name: a public suffix, or one that systems keep for themselves."""
    return is_public_suffix(name) or is_special_use(name)


def own_names(policy: Policy) -> set[str]:
    """Return the names without which blockctl does not work: upstreams and where lists come from."""
    asked = (*policy.resolver.upstreams, *(each for names in policy.resolver.forward.values() for each in names))
    return {url_host(url) for url in (*asked, *(url for each in policy.lists for url in each.addresses))} - {""}


def list_step(rule: Rule) -> Step:
    """Return the step at which a rule of a list speaks."""
    if rule.effect is Effect.ALLOW:
        return Step.LIST_EXCEPTION
    return Step.LIST_IMPORTANT if rule.important else Step.LIST_BLOCK


def _javascript(policy: Policy, above: Sequence[Site], request: Request) -> Spoken:
    if request.kind is not Kind.SCRIPT:
        return
    site = next((site for site in above if site.javascript is not None), None)
    said = (site and site.javascript) or policy.javascript
    if said is JavaScript.DENY or (said is JavaScript.FIRST_PARTY and request.third_party):
        party = Party.THIRD if said is JavaScript.FIRST_PARTY else Party.ANY
        origin, where, sites = _place(policy, site, "javascript")
        text = f"{where}javascript: {said.value}"
        yield Step.JAVASCRIPT, Rule(Effect.BLOCK, origin, text, kinds=Kind.SCRIPT, party=party, sites=sites)


def _blocking_off(policy: Policy, above: Sequence[Site]) -> Spoken:
    site = next((site for site in above if site.blocking is not None), None)
    if not (policy.blocking if site is None else site.blocking):
        yield Step.BLOCKING_OFF, blocking_off(policy, site)


def blocking_off(policy: Policy, site: Site | None) -> Rule:
    """Return the entry by which the lists do not apply on a site, or (None) on any."""
    origin, where, sites = _place(policy, site, "blocking")
    return Rule(Effect.ALLOW, origin, f"{where}blocking: off", sites=sites)


def _place(policy: Policy, site: Site | None, key: str) -> tuple[Origin, str, tuple[str, ...]]:
    """Return where a key is written, how that place is called, and the sites it limits itself to."""
    if site is None:
        return policy.defaults_lines.get(key, Origin(policy.file)), "defaults: ", ()
    return site.lines.get(key, site.origin), f"sites: {site.host}: ", (site.host,)


def _hosts(policy: Policy, host: str) -> Spoken:
    if policy.hosts:
        for name in parents(host):
            if name in policy.hosts:
                yield Step.HOST, entry_rule(policy.hosts[name])


def _nearest(entries: Iterable[HostEntry], host: str, site: Site) -> Spoken:
    covering = [entry for entry in entries if covers(entry.host, host)]
    covering.sort(key=lambda entry: (-len(entry.host), not entry.allow))
    yield from ((Step.SITE_HOST, entry_rule(entry, site)) for entry in covering)


def entry_rule(entry: HostEntry, site: Site | None = None) -> Rule:
    """Return a host that the user allows or denies as a rule."""
    effect, verb = (Effect.ALLOW, "allow") if entry.allow else (Effect.BLOCK, "deny")
    where = f"sites: {site.host}: " if site else "hosts: "
    return Rule(
        effect, entry.origin, f"{where}{verb}: {entry.host}", host=entry.host, sites=(site.host,) if site else ()
    )


def _protect(policy: Policy, host: str) -> Spoken:
    if policy.protect:
        for name in parents(host):
            if name in policy.protect:
                yield Step.PROTECT, Rule(Effect.ALLOW, policy.protect[name], f"protect: {name}", host=name)


def yields(policy: Policy, page_exceptions: Iterable[Rule]) -> dict[str, Rule]:
    """Return the names, each with all below it, at which DNS yields to the browser, and the rule that asks for it.

    `page_exceptions` are the lists' exceptions that are limited to pages. The key "" stands for every name: the
    policy says `blocking: off` for every site. A name asked for by a site's `allow` (see `is_site_allow`) is let
    through even where `hosts` deny it; the others only undo what lists block.
    """
    found: dict[str, Rule] = {}
    for site in policy.sites.values():
        for entry in site.hosts:
            if entry.allow:
                found.setdefault(entry.host, entry_rule(entry, site))
    for site in policy.sites.values():
        if site.blocking is False:
            found.setdefault(site.host, blocking_off(policy, site))
    if not policy.blocking:
        found.setdefault("", blocking_off(policy, None))
    wanted = None if policy.resolver.yield_all else _SitePages(policy)
    for rule in page_exceptions:
        if rule.effect is Effect.ALLOW and rule.decides and rule.sites and (wanted is None or wanted.concern(rule)):
            for name in excepted_names(rule):
                found.setdefault(name, rule)
    return found


def is_site_allow(rule: Rule) -> bool:
    """Whether a yield comes from a site's own `allow`: a host that one site alone asks for, not a line of a list."""
    return rule.text.startswith("sites: ") and bool(rule.host)


def excepted_names(rule: Rule) -> tuple[str, ...]:
    """Return the names that an exception frees, whole or in part; none when it frees no certain name."""
    name = rule.host or ("" if rule.regex else anchored_host(rule.pattern))
    return (name,) if name else tuple(name for name in rule.to if "*" not in name and "/" not in name)


class _SitePages:
    """The pages of the sites that a policy names."""

    def __init__(self, policy: Policy) -> None:
        self._names = set(policy.sites)

    @cached_property
    def _keys(self) -> set[str]:
        """What lists may call them: asked for only where there are exceptions, for it takes the public suffixes."""
        return {key for name in self._names for key in page_keys(name)}

    def concern(self, rule: Rule) -> bool:
        """Whether the rule is in force on a page of one of them: the site itself, above it or below it."""
        return any(site in self._keys or not self._names.isdisjoint(parents(site)) for site in rule.sites)


def cosmetics_for(policy: Policy, lists: Iterable[FilterList], page_host: str) -> list[str]:
    """Return the CSS selectors hidden on a page, the policy's own first.

    A `#@#` takes a selector back; `$generichide`, `$specifichide` and `$elemhide` exceptions take back those without
    sites, those with, and all. Where `blocking` is off only the policy's own `hide` is in force.
    """
    if policy.paused:
        return []
    above = policy.sites_above(page_host)
    own = next((site.hide for site in above if site.hide), ())
    if any(_blocking_off(policy, above)):
        return list(own)
    lists = list(lists)
    view = View(Request.parse(f"https://{page_host}/", kind=Kind.DOCUMENT))
    off = {
        rule.action
        for parsed in lists
        for rule in parsed.rules
        if rule.action in HIDE_ACTIONS and rule.effect is Effect.ALLOW and not rule.needs and check(rule)(view)
    }
    hidden: dict[str, None] = {}
    taken_back: set[str] = set()
    for cosmetic in (cosmetic for parsed in lists for cosmetic in parsed.cosmetics):
        if cosmetic.form is not CosmeticForm.CSS or cosmetic.needs:
            continue
        if among(cosmetic.sites, cosmetic.not_sites)(page_host, view.page_names, view.purse):
            if cosmetic.effect is Effect.ALLOW:
                taken_back.add(cosmetic.selector)
            elif not off & {"elemhide", "specifichide" if cosmetic.sites else "generichide"}:
                hidden[cosmetic.selector] = None
    return list(dict.fromkeys((*own, *(selector for selector in hidden if selector not in taken_back))))


HIDE_ACTIONS = frozenset(("elemhide", "generichide", "specifichide"))
