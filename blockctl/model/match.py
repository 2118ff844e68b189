"""Whether one rule speaks of one request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

from blockctl.model.names import is_address, is_public_suffix, parents, registrable_domain
from blockctl.model.pattern import Pattern, canonical, compile_pattern
from blockctl.model.purse import Clock, Purse
from blockctl.model.request import Request
from blockctl.model.rule import Party, Rule, Scope

KINDS = 11  # how many there are: first-party kinds take the low bits of a mask, third-party kinds the next


class View:
    """A request as rules look at it, each form of it worked out once."""

    __slots__ = ("bit", "host", "host_names", "lower", "page_host", "page_names", "purse", "url")

    def __init__(self, request: Request, clock: Clock | None = None) -> None:
        self.purse = Purse(clock)
        self.url = canonical(request.url)
        self.lower = self.url.lower()
        self.host = request.host
        self.host_names = tuple(parents(request.host))
        self.page_host = request.page_host
        self.page_names = page_keys(request.page_host)
        self.bit = 0 if request.inline else request.kind.value << (KINDS if request.third_party else 0)


Check = Callable[[View], bool]


def matches(rule: Rule, request: Request) -> bool:
    """Whether the rule decides on this request, by every condition it carries.

    A script written in the page itself is no request to any host, so no rule of a list matches it.
    """
    view = View(request)
    return rule.decides and bool(mask(rule) & view.bit) and check(rule)(view)


def mask(rule: Rule) -> int:
    """Return the kinds and parties a rule is about as bits, to be compared with `View.bit`."""
    first = 0 if rule.party is Party.THIRD else rule.kinds.value
    third = 0 if rule.party is Party.FIRST else rule.kinds.value
    return first | third << KINDS


def check(rule: Rule, slow: list[Rule] | None = None) -> Check:
    """Return the test of all that `mask` leaves open: host, pattern, page and host asked for.

    A rule whose regular expression takes too long is added to `slow`.
    """
    tests: list[Check] = []
    if rule.host:
        tests.append(_host_test(rule.host, rule.scope))
    if rule.pattern and not rule.regex:
        tests.append(_pattern_test(compile_pattern(rule.pattern, match_case=rule.match_case)))
    if rule.sites or rule.not_sites:
        pages = among(rule.sites, rule.not_sites)
        tests.append(lambda view: pages(view.page_host, view.page_names, view.purse))
    if rule.to or rule.not_to:
        to = among(rule.to, rule.not_to)
        tests.append(lambda view: to(view.host, page_keys(view.host), view.purse))
    if rule.regex:  # last: it is by far the dearest
        tests.append(_regex_test(rule))
    if slow is not None and (rule.regex or any(name.startswith("/") for name in _named(rule))):
        tests = [_noting(each, rule, slow) for each in tests]
    match tests:
        case [one]:
            return one
        case [one, two]:
            return lambda view: one(view) and two(view)
    return lambda view: all(test(view) for test in tests)


def _host_test(host: str, scope: Scope) -> Check:
    if scope is Scope.EXACT:
        return lambda view: view.host == host
    if scope is Scope.BELOW:
        return lambda view: host in view.host_names[1:]
    return lambda view: host in view.host_names


def _pattern_test(pattern: Pattern) -> Check:
    literal, found = pattern.literal, pattern.found
    if found is None:
        return lambda view: literal in view.lower
    if pattern.match_case:
        return lambda view: literal in view.lower and bool(found(view.url))
    return lambda view: literal in view.lower and bool(found(view.lower))


def _regex_test(rule: Rule) -> Check:
    pattern = compile_pattern(rule.pattern, regex=True, match_case=rule.match_case)
    return lambda view: view.purse.search(pattern, view.url, view.lower)


def _named(rule: Rule) -> Iterator[str]:
    """Yield the names, entities and regular expressions to which a rule is limited."""
    return chain(rule.sites, rule.not_sites, rule.to, rule.not_to)


def _noting(test: Check, rule: Rule, slow: list[Rule]) -> Check:
    """Return a test that adds its rule to `slow`, once, when a search for it is cut short."""
    noted = False

    def noting(view: View) -> bool:
        nonlocal noted
        before = view.purse.cut_short
        matched = test(view)
        if not noted and view.purse.cut_short > before:
            noted = True
            slow.append(rule)
        return matched

    return noting


Among = Callable[[str, Sequence[str], Purse], bool]


def among(names: Sequence[str], not_names: Sequence[str]) -> Among:
    """Return a test of a host against a list of names, entities and regular expressions; the nearest name wins.

    Where both say the same, `not_names` win. A regular expression has no nearness: one of `not_names` wins over
    everything, one of `names` only where no name speaks.
    """
    table = dict.fromkeys(names, True) | dict.fromkeys(not_names, False)
    never, also = (
        [compile_pattern(name[1:-1], regex=True) for name in group if name.startswith("/")]
        for group in (not_names, names)
    )
    otherwise = not names

    def test(host: str, keys: Sequence[str], purse: Purse) -> bool:
        if never and any(purse.search(expression, host, host) for expression in never):
            return False
        for key in keys:
            if key in table:
                return table[key]
        return otherwise or any(purse.search(expression, host, host) for expression in also)

    return test


@lru_cache(maxsize=65536)
def page_keys(host: str) -> tuple[str, ...]:
    """Return what a list may call a host, the nearest first: the host, its parents, and `name.*` beside each.

    The `*` stands for the whole public suffix: `google.*` is google.com and google.co.uk.
    """
    if not host or is_address(host):
        return (host,) if host else ()
    domain = registrable_domain(host)
    suffix = domain.partition(".")[2]
    if not suffix or is_public_suffix(domain):
        return tuple(parents(host))
    keys = []
    for name in parents(host):
        keys.append(name)
        if name.endswith("." + suffix):
            keys.append(name[: -len(suffix)] + "*")
    return tuple(keys)
