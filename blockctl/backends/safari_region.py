"""Which pages a rule is about, as WebKit's `if-top-url` and `unless-top-url`: expressions tied to its address.

A trigger takes one condition only, so "on news.example but not on sport.news.example" is said by expressions that
match the hosts left over, label by label. `if-domain` is never used: it is looked for anywhere in the address, so
`https://other.example/#https://news.example/` would count as news.example.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from blockctl.backends.safari_pattern import SCHEME, SUBDOMAINS, Unsayable, escape
from blockctl.backends.safari_regex import host_filters
from blockctl.model.match import page_keys
from blockctl.model.names import parents

MAX_EXPRESSIONS = 250  # for one rule's exceptions to its own pages; beyond, it costs more than it brings


@dataclass(frozen=True, slots=True)
class Shape:
    """How hosts are tied to their place in an address: what stands before, before a subdomain, and after."""

    start: str
    below: str
    end: str
    label: str = "./:"  # characters that a label cannot hold


LISTS = Shape(SCHEME, SUBDOMAINS, "[:/]")  # cheap, for tens of thousands
EXACT = Shape("^[^:/]+://([^/@]*@)?", r"([^/@:]*\.)?", r"\.?(:[0-9]+)?/", "./:@")  # with user names and final dots


def covering(name: str, shape: Shape = LISTS) -> str:
    """Return the expression for a name and all below it."""
    return f"{shape.start}{shape.below}{escape(name)}{shape.end}"


@lru_cache(maxsize=65536)
def site_expressions(site: str) -> tuple[str, ...]:
    """Return the expressions for an entry of a rule's `sites`.

    `news.*` stands for every public suffix. WebKit knows none here, so it is taken for the suffixes of one label and
    for `co.` and `com.` of a country: fewer pages than asked for.
    """
    if is_regex(site):
        return tuple(host_filters(site[1:-1]))
    if not site.isascii():
        raise Unsayable("non-ascii")
    if not site.endswith(".*"):
        return (covering(site),)
    stem = f"{LISTS.start}{LISTS.below}{escape(site[:-2])}"
    return (rf"{stem}\.[^./:]+[:/]", rf"{stem}\.com?\.[a-z][a-z][:/]")


def is_regex(site: str) -> bool:
    """Whether an entry is a regular expression, looked for in the host."""
    return site.startswith("/")


def has_entity(sites: Iterable[str]) -> bool:
    """Whether an entry stands for every public suffix."""
    return any(site.endswith(".*") for site in sites)


def pages(names: Sequence[str], not_names: Sequence[str], never: Sequence[str] = ()) -> tuple[str, ...]:
    """Return expressions for the pages of these names: the nearest of `names` and `not_names` wins.

    `never` takes pages away whatever is nearer. `names` are not empty.
    """
    if never:
        names = [name for name in names if not set(never).intersection(page_keys(name))]
    gone = list(dict.fromkeys((*not_names, *never)))
    names = [name for name in dict.fromkeys(names) if name not in gone]
    if not gone:
        return tuple(dict.fromkeys(expression for name in names for expression in site_expressions(name)))
    if any(map(is_regex, (*gone, *names))):
        raise Unsayable("site-regex")  # a regular expression and a name: which of them holds is not told by nearness
    wanted = set(names)
    relevant = {name for name in gone if _touches(name, wanted)}
    found: dict[str, None] = {}
    for name in names:
        inside = [other for other in relevant if other.endswith("." + name)]
        expressions = left_over(name, inside, LISTS) if inside else site_expressions(name)
        found.update(dict.fromkeys(expressions))
    if len(found) > MAX_EXPRESSIONS + len(names):
        raise Unsayable("site-mix")
    return tuple(found)


def _touches(name: str, wanted: set[str]) -> bool:
    """Whether an excluded name takes pages away from the wanted ones; an entity that does cannot be said."""
    if name.endswith(".*"):
        if any(name in page_keys(other) for other in wanted) or any(_below(name, other) for other in wanted):
            raise Unsayable("site-mix")
        return False
    keys = page_keys(name)
    if any(key.endswith(".*") and key in wanted for key in keys):
        raise Unsayable("site-mix")
    return not wanted.isdisjoint(keys)


def _below(entity: str, other: str) -> bool:
    """Whether `www.news.*` lies below `news.*`, or below a name under it."""
    return other.endswith(".*") and entity.endswith("." + other)


def left_over(name: str, inside: Iterable[str], shape: Shape) -> list[str]:
    """Return the expressions for a name and all below it, without those names and what is below them."""
    taken = set(inside)
    labels: dict[str, set[str]] = {}  # a name on the way -> the labels before it that lead to a taken name
    for each in taken:
        lower = each
        for upper in parents(each):
            if upper != each:
                labels.setdefault(upper, set()).add(lower[: -len(upper) - 1])
            if upper == name:
                break
            lower = upper
    return list(_left_over(name, labels, taken, shape))


def _left_over(name: str, labels: Mapping[str, set[str]], taken: set[str], shape: Shape) -> Iterable[str]:
    rest = escape(name) + shape.end
    yield shape.start + rest
    for label in other_labels(labels[name], shape.label):
        yield rf"{shape.start}{shape.below}{label}\.{rest}"
    for label in sorted(labels[name]):
        lower = f"{label}.{name}"
        if lower not in taken:
            yield from _left_over(lower, labels, taken, shape)


def other_labels(labels: Iterable[str], never: str) -> list[str]:
    """Return expressions that together match every label but these; `never` are characters no label holds."""
    known = sorted(set(labels))
    followers: dict[str, set[str]] = {"": set()}
    for label in known:
        for at, char in enumerate(label):
            followers.setdefault(label[:at], set()).add(char)
    found = []
    for prefix in sorted({*followers, *known}):
        if prefix and prefix not in known:
            found.append(escape(prefix))
        chars = "".join(sorted(followers.get(prefix, ()), key=lambda char: (char == "-", char)))
        dash = chars.endswith("-")
        found.append(f"{escape(prefix)}[^{chars.rstrip('-')}{never}{'-' if dash else ''}][^{never}]*")
    return found
