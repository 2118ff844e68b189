r"""The conditions of declarativeNetRequest rules as JSON: addresses, hosts, pages, kinds and parties.

A rule's page is `initiatorDomains`, the document that asks, as lists mean `$domain=`; for a page itself it is the host
asked for. In DNR an excluded name wins over an included one whatever is nearer, so names within names are split into
regions. Sources: Chrome's reference of `declarativeNetRequest` and MDN's, both asked of the browsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote

from blockctl.backends.dnr_regex import Unsayable, as_pattern, re2
from blockctl.backends.dnr_suffixes import SUFFIXES
from blockctl.backends.ublock_regions import Region, regions
from blockctl.model.names import is_address, parents
from blockctl.model.pattern import percent
from blockctl.model.request import ALL_KINDS, Kind
from blockctl.model.rule import Party, Rule, Scope

Names = tuple[str, ...]
Among = tuple[Names, Names]  # names and not names; the nearest wins
EVERYWHERE = Region(everywhere=True)

_ANCHORED = re.compile(r"[0-9a-zA-Z%]")
_TYPES = {  # kind -> resource types, in Chromium and besides in Firefox
    Kind.DOCUMENT: ("main_frame",),
    Kind.FRAME: ("sub_frame",),
    Kind.SCRIPT: ("script",),
    Kind.STYLE: ("stylesheet",),
    Kind.IMAGE: ("image",),
    Kind.FONT: ("font",),
    Kind.MEDIA: ("media",),
    Kind.XHR: ("xmlhttprequest",),
    Kind.WEBSOCKET: ("websocket",),
    Kind.PING: ("ping",),
    Kind.OTHER: ("other", "object", "csp_report"),
}
_CHROMIUM = {Kind.OTHER: ("webtransport", "webbundle")}
_FIREFOX = {
    Kind.IMAGE: ("imageset",),
    Kind.PING: ("beacon",),
    Kind.OTHER: ("object_subrequest", "web_manifest", "xslt", "xml_dtd", "speculative"),
}
_PARTY = {Party.ANY: "", Party.FIRST: ',"domainType":"firstParty"', Party.THIRD: ',"domainType":"thirdParty"'}
MAIN_FRAME = ',"resourceTypes":["main_frame"]'


@lru_cache(maxsize=8192)
def types(value: int, firefox: bool) -> str:
    """Return the resource types of some kinds, a number. Without any, DNR means all but pages themselves."""
    kinds = Kind(value)
    besides = _FIREFOX if firefox else _CHROMIUM
    if kinds | Kind.DOCUMENT == ALL_KINDS and Kind.DOCUMENT not in kinds:
        return ""
    wanted = Kind.OTHER not in kinds or kinds == ALL_KINDS
    listed = [
        each for kind, names in _TYPES.items() if (kind in kinds) is wanted for each in names + besides.get(kind, ())
    ]
    return f',"{"resourceTypes" if wanted else "excludedResourceTypes"}":{_array(listed)}'


def url_filter(pattern: str, match_case: bool) -> str:
    """Return the condition for an adblock pattern; an anchor counts where `model/pattern.py` lets it count."""
    text = pattern if pattern.isascii() else percent(pattern)
    if text[0] not in "|*" and text[-1] not in "|*" and not match_case:
        return ',"urlFilter":' + quote(text)
    lead = "||" if text.startswith("||") else "|" if text.startswith("|") else ""
    body = text[len(lead) :]
    end = "|" if body.endswith("|") else ""
    body = body[: len(body) - len(end)]
    if not _ANCHORED.match(body):
        lead = ""
        body = body.lstrip("*")
        if body.startswith("|"):  # no anchor here
            body = "*" + body
    if not end or body.endswith("*"):
        end = ""
        body = body.rstrip("*")
        if body.endswith("|"):
            body += "*"
    if not body:
        return ""
    return _url_filter(lead + body + end, match_case)


def _url_filter(text: str, match_case: bool) -> str:
    return f',"urlFilter":{quote(text)}' + (',"isUrlFilterCaseSensitive":true' if match_case else "")


def regex_filter(source: str, match_case: bool = False) -> str:
    """Return the condition for a regular expression that `dnr_regex` has seen."""
    return f',"regexFilter":{quote(source)}' + (',"isUrlFilterCaseSensitive":true' if match_case else "")


def labels_filter(labels: int, more: bool) -> str:
    """Return the condition for hosts of so many labels, or of more.

    With names of as many labels as `requestDomains` it means those names alone, where DNR takes in all below them.
    """
    least = rf"(?:[^./:]+\.){{{labels if more else labels - 1}}}"
    return regex_filter(rf"^[a-z]+://{least}[^/:]+[:/]" if more else rf"^[a-z]+://{least}[^./:]+\.?[:/]")


def party(said: Party) -> str:
    """Return the condition for a party, which DNR takes from the document that asks."""
    return _PARTY[said]


def domains(prefix: str, where: Region) -> str:
    """Return the condition for a region of hosts: `prefix` is request, initiator or top."""
    text = f',"{prefix}Domains":{_array(where.names)}' if where.names else ""
    return text + (f',"excluded{prefix.capitalize()}Domains":{_array(where.but)}' if where.but else "")


def _array(names: Sequence[str]) -> str:
    return '["' + '","'.join(names) + '"]'


@lru_cache(maxsize=16384)
def pages(names: Names, not_names: Names) -> tuple[str, ...]:
    """Return a condition for each region of the pages that ask; together they are all of them."""
    return tuple(domains("initiator", each) for each in area((names, not_names)))


def urls(rule: Rule, firefox: bool) -> list[str]:
    """Return the conditions for what a rule says of the address; together they are all of it.

    Firefox searches with its own regular expressions, Chromium with RE2.
    """
    if rule.regex:
        if not rule.pattern.isascii():
            raise Unsayable("non-ascii")
        if plain := as_pattern(rule.pattern):
            return [_url_filter(plain, rule.match_case)]
        sources = [rule.pattern] if firefox else re2(rule.pattern)
        return [regex_filter(source, rule.match_case) for source in sources]
    if rule.host and rule.scope is not Scope.SUBTREE and not is_address(rule.host):
        return [labels_filter(rule.host.count(".") + 1, more=rule.scope is Scope.BELOW)]
    return [url_filter(rule.pattern, rule.match_case) if rule.pattern else ""]


def bodies(
    url: str, hosts: Sequence[Among], kinds: Kind, of: Party, sites: Names, not_sites: Names, firefox: bool
) -> Iterator[str]:
    """Yield the conditions that together are all of a rule.

    A page that is opened is its own site and first party, whoever has a link to it.
    """
    where = area(*hosts)
    soft = kinds & ~Kind.DOCUMENT
    of_any_page = not (sites or not_sites)
    if Kind.DOCUMENT in kinds:
        if soft and of_any_page and of is Party.ANY and not (firefox and kinds == ALL_KINDS):
            yield from (url + domains("request", each) + types(kinds.value, firefox) for each in where)
            return
        if of is not Party.THIRD:
            opened = where if of_any_page else area(*hosts, (sites, not_sites))
            yield from (url + domains("request", each) + MAIN_FRAME for each in opened)
    if soft:
        rest = party(of) + types(soft.value, firefox)
        for each in where:
            yield from (url + domains("request", each) + page + rest for page in pages(sites, not_sites))


def area(*conditions: Among) -> list[Region]:
    """Return the regions of hosts that meet every condition, none when no host does.

    Unsayable: a regular expression, or a name that is not ASCII.
    """
    spoken = [(_plain(names), _plain(not_names)) for names, not_names in conditions if names or not_names]
    if not spoken:
        return [EVERYWHERE]
    if len(spoken) == 1:
        names, not_names = spoken[0]
        if not not_names:
            return [Region(names=list(dict.fromkeys(names)))]
        if not names:
            return [Region(everywhere=True, but=list(dict.fromkeys(not_names)))]
    tables = [(dict.fromkeys(names, True) | dict.fromkeys(not_names, False), not names) for names, not_names in spoken]
    verdicts = {
        name: all(_nearest(name, table, default) for table, default in tables) for table, _ in tables for name in table
    }
    return regions(verdicts, all(default for _, default in tables), True)


def _nearest(name: str, table: dict[str, bool], default: bool) -> bool:
    return next((table[up] for up in parents(name) if up in table), default)


@lru_cache(maxsize=16384)
def _plain(names: Names) -> Names:
    """Return names with every `news.*` written out."""
    found: list[str] = []
    for name in names:
        if name.startswith("/"):
            raise Unsayable("site-regex")
        if not name.isascii():
            raise Unsayable("non-ascii")
        found += [name[:-1] + suffix for suffix in SUFFIXES] if name.endswith(".*") else [name]
    return tuple(found)
