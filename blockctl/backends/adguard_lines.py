"""A rule as lines of AdGuard's browser syntax, or the reason why there are none.

Sources: AdGuard's knowledge base "How to create your own ad filters", its engine (npm @adguard/tsurlfilter, which the
extension runs), and for Safari the README and the sources of SafariConverterLib, by which AdGuard for Safari, AdGuard
for iOS and wBlock turn such lines into a content blocker. What differs from the syntax that lists are written in:

- a block without kinds leaves a page alone that opens, whatever it matches: `$all` stops that too. The heaviest of the
  rules that match decides about a page, one that may not stop it included, so every line says whether it means pages;
- for a page that opens `$domain` and `$third-party` speak of the page before it, so its own host is asked for (`$to`);
- `@@...$document` frees all that a page loads: an exception for pages alone takes away every other kind;
- in Safari no line may say `$~document`, `$document` beside other kinds, sites and sites taken away, or `$to`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from blockctl.backends.adguard_names import Condition, apart, both, option
from blockctl.backends.adguard_passed import passed_on
from blockctl.backends.adguard_safari_regex import is_supported
from blockctl.backends.adguard_words import resource
from blockctl.model.names import is_address, is_public_suffix, is_registry_suffix, registrable_domain
from blockctl.model.pattern import anchored_host, percent
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind
from blockctl.model.rule import Effect, Party, Rule, Scope

KINDS: dict[Kind, str] = {
    Kind.DOCUMENT: "document", Kind.FRAME: "subdocument", Kind.SCRIPT: "script", Kind.STYLE: "stylesheet",
    Kind.IMAGE: "image", Kind.FONT: "font", Kind.MEDIA: "media", Kind.XHR: "xmlhttprequest",
    Kind.WEBSOCKET: "websocket", Kind.PING: "ping", Kind.OTHER: "other",
}  # fmt: skip
PARTIES = {Party.ANY: "", Party.FIRST: "~third-party", Party.THIRD: "third-party"}
EVERY = "://"  # a pattern that every address has; of `*` Safari's converter says that it is too wide
SUFFIXES = {Party.THIRD: "private-suffix", Party.FIRST: "private-suffix-own"}
NARROWED = frozenset(
    (*SUFFIXES.values(), "entity", "popup", "resource")
)  # reasons of lines that are written all the same

_ANCHORED = re.compile(r"[0-9a-zA-Z%]")
_BESIDE = re.compile(r"[$,](popup|object)(?![\w-])")
_OPTIONAL = re.compile(r"(?:\)|[0-9a-zA-Z]|\\[./])(?:[?*]|\{0)")


def network_lines(rule: Rule, *, safari: bool) -> tuple[list[str], str]:
    """Return the lines of a rule, and the reason why they are not all of it, "" when they are."""
    if not rule.decides:
        line, reason = passed_on(rule, safari=safari)
        return [line] if line else [], reason
    if rule.host and rule.scope is not Scope.SUBTREE:
        rule = replace(rule, host="", regex=True, pattern=_address_of(rule.host, rule.scope))
    lines: list[str] = []
    reasons: list[str] = []
    for piece in _pieces(rule, safari):
        line, reason = _safari_line(piece) if safari else _line(piece)
        lines += [line] if line else []
        reasons += [reason] if reason else []
    if "$" in rule.text and (beside := set(_BESIDE.findall(rule.text))):
        if safari:
            reasons.append("popup")
        else:
            lines += [_joined(rule, [name], rule.sites, rule.not_sites) for name in sorted(beside)]
    if rule.value and not (safari or resource(rule.value)):
        reasons.append("resource")
    return lines, min(reasons, key=lambda reason: (reason in NARROWED, reason), default="")


def exact_line(host: str, effect: Effect, *, safari: bool) -> str:
    """Return the line for one name without those below it, of which lists have many thousands.

    The extension finds `||host^` without an expression, and asks `$to` last; Safari's converter has no `$to`.
    """
    mark, kinds = ("@@", ()) if effect is Effect.ALLOW else ("", ("all",))
    if safari:
        return "$".join((f"{mark}/{_address_of(host, Scope.EXACT)}/", *kinds))
    name = host.replace(".", "[.]")
    return f"{mark}||{host}^${','.join((*kinds, f'to=/^{name}$/'))}"


def _address_of(host: str, scope: Scope) -> str:
    """Return an expression for the addresses of a host, or of those below it alone, in words that Safari takes too."""
    before = "" if scope is Scope.EXACT else "[a-z0-9_.-]+[.]"
    return rf"^[a-z]+:\/\/{before}{host.replace('.', '[.]')}[:\/]"


def _pieces(rule: Rule, safari: bool) -> Iterator[Rule]:
    """Yield rules that say together what one says, each of which one line can say."""
    for piece in _nearest(rule):
        if _of_both(piece.kinds) and _apart_from_pages(piece, safari):
            yield replace(piece, kinds=piece.kinds & SUBRESOURCES)
            yield replace(piece, kinds=Kind.DOCUMENT)
        else:
            yield piece


def _nearest(rule: Rule) -> Iterator[Rule]:
    """Yield rules without a `~` above a name, which AdGuard would hear first."""
    if not (rule.sites and rule.not_sites) and not (rule.to and rule.not_to):
        yield rule
        return
    for sites, not_sites in apart(rule.sites, rule.not_sites):
        for to, not_to in apart(rule.to, rule.not_to):
            yield replace(rule, sites=sites, not_sites=not_sites, to=to, not_to=not_to)


@lru_cache(maxsize=4096)
def _of_both(kinds: Kind) -> bool:
    """Whether kinds are pages that open, and others too."""
    return bool(kinds & Kind.DOCUMENT and kinds & SUBRESOURCES)


def _apart_from_pages(rule: Rule, safari: bool) -> bool:
    """Whether one line would not say the same of pages that open as of everything else."""
    if safari:
        return rule.kinds != ALL_KINDS and rule.effect is Effect.BLOCK
    return bool(rule.sites or rule.not_sites) or rule.party is not Party.ANY


def _line(rule: Rule) -> tuple[str, str]:
    """Return the line for the extension and what it lacks."""
    pages = rule.kinds == Kind.DOCUMENT
    if pages and rule.party is not Party.ANY:
        if rule.party is Party.THIRD:
            return "", ""  # a page is of its own party, and AdGuard compares it with the page before it
        rule = replace(rule, party=Party.ANY)
    hosts: Condition | None = (rule.to, rule.not_to)
    if rule.host:
        hosts = both(((rule.host,), ()), (rule.to, rule.not_to))
    if pages and hosts is not None and (rule.sites or rule.not_sites):
        hosts = both(hosts, (rule.sites, rule.not_sites))
    if hosts is None:
        return "", ""  # it never speaks
    if hosts[0] == (rule.host,):
        hosts = ((), hosts[1])
    if hosts[0] and hosts[1]:
        return "", "to-mixed"
    sites, not_sites = ((), ()) if pages else (rule.sites, rule.not_sites)
    line = _joined(rule, [*_kinds(rule.kinds, rule.effect is Effect.BLOCK), option("to", hosts)], sites, not_sites)
    return line, SUFFIXES[rule.party] if rule.party is not Party.ANY and _may_share_a_suffix(rule) else ""


def _safari_line(rule: Rule) -> tuple[str, str]:
    """Return the line for Safari and what it lacks."""
    if rule.host and not rule.to and all(not _related(rule.host, name) for name in rule.not_to):
        rule = replace(rule, not_to=())
    if rule.to or rule.not_to:
        return "", "to"
    if rule.sites and rule.not_sites:
        return "", "mixed-domains"
    named = (*rule.sites, *rule.not_sites)
    if any(name.startswith("/") for name in named):
        return "", "site-regex"
    if rule.regex and not is_supported(rule.pattern):
        return "", "regex"
    line = _joined(
        rule, _safari_kinds(rule.kinds, rule.effect is Effect.BLOCK), rule.sites, rule.not_sites, safari=True
    )
    return line, "entity" if any(name.endswith(".*") for name in named) else ""


def _related(host: str, name: str) -> bool:
    return both(((host,), ()), ((name,), ())) is not None


def _joined(
    rule: Rule, options: Sequence[str], sites: tuple[str, ...], not_sites: tuple[str, ...], *, safari: bool = False
) -> str:
    """Return the line of a rule with these options and its own."""
    mark = "@@" if rule.effect is Effect.ALLOW else ""
    important = rule.important and rule.effect is Effect.BLOCK  # here an exception beats no important block
    options = [
        *options, PARTIES[rule.party], "match-case" if rule.match_case and not rule.host else "",
        option("domain", (sites, not_sites)), "important" if important else "",
    ]  # fmt: skip
    if rule.value and not safari:
        options.append(resource(rule.value))
    kept = ",".join(filter(None, options))
    pattern = _pattern(rule, safari) or (EVERY if safari else "*")
    return f"{mark}{pattern}${kept}" if kept else f"{mark}{pattern}"


def _pattern(rule: Rule, safari: bool) -> str:
    """Return the pattern as AdGuard reads it, "" for every address."""
    if rule.host:
        return f"||{rule.host}^"
    if rule.regex:
        return f"/{rule.pattern if safari else _without_words(rule.pattern)}/"
    pattern = percent(rule.pattern)
    bare = pattern.lstrip("|")
    if bare != pattern and not _ANCHORED.match(bare):
        pattern = bare  # an anchor before a mark means nothing
    if pattern.endswith("*|"):
        pattern = pattern[:-1]
    pattern = pattern.rstrip("*")
    if pattern.startswith("/") and pattern.endswith("/"):  # else it is a regular expression
        return f"*{pattern}" if rule.match_case else f"{pattern}*"  # beside a last `*` capitals would not count
    return pattern


def _without_words(source: str) -> str:
    """Return an expression that the extension's engine looks up by no word, where that may be a word too many.

    It takes the longest, though it may be one that need not be there (`SimpleRegex.extractRegexpShortcut`). Behind an
    alternative that never matches it looks for none, unless a `://` shows it where to begin.
    """
    if not _OPTIONAL.search(source):
        return source
    return "(?!)|" + source.replace(r":\/\/", r"\x3a\/\/")


@lru_cache(maxsize=4096)
def _kinds(kinds: Kind, blocks: bool) -> tuple[str, ...]:
    """Return the kinds of a rule for the extension, in the shorter of two ways."""
    if kinds == ALL_KINDS:
        return ("all",) if blocks else ()
    named = tuple(word for kind, word in KINDS.items() if kind & kinds)
    taken = tuple(f"~{word}" for kind, word in KINDS.items() if not kind & kinds)
    if kinds & Kind.DOCUMENT:
        return named if blocks else taken
    return named if len(named) <= len(taken) else taken


@lru_cache(maxsize=4096)
def _safari_kinds(kinds: Kind, blocks: bool) -> tuple[str, ...]:
    """Return the kinds of a rule for Safari: its converter knows no `$~document`."""
    if kinds == ALL_KINDS:
        return ("all",) if blocks else ()
    if kinds & Kind.DOCUMENT and not blocks:
        return tuple(f"~{word}" for kind, word in KINDS.items() if not kind & kinds)
    return tuple(word for kind, word in KINDS.items() if kind & kinds)


def _may_share_a_suffix(rule: Rule) -> bool:
    """Whether a rule may speak of hosts below a private suffix, which AdGuard takes for one site of one owner."""
    host = rule.host or ("" if rule.regex else anchored_host(rule.pattern))
    if not host or is_address(host):
        return not host
    suffix = registrable_domain(host).partition(".")[2]
    return is_public_suffix(host) or ("." in suffix and not is_registry_suffix(suffix))
