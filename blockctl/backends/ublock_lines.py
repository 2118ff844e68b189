"""A list's rule as a line of uBlock Origin, or the reason why there is none.

uBO reads EasyList's dialect and most of AdGuard's, so a line is passed on as written wherever uBO gives it the same
meaning (uBO's wiki "Static filter syntax"; every class of line was asked of uBO's own parser). What is rewritten:

- a pattern that begins or ends with a letter, digit or % and is not anchored there: `*` on that side. The syntax says
  that any text may go on there; uBO looks patterns up by a whole word of the address, often that very one. So too
  a bare host name, a part of an address in EasyList's dialect and a host in uBO's;
- a host that the address is to end with, `||name|`, which uBO takes for `||name^`: the regular expression;
- an address pattern without kinds: `$~document`, for it means what a page loads. uBO's strict blocking looks at it too:
  it stops a page by a match up to the end of the host, frees one by every exception, and looks no further than the
  first match, so that any pattern may hide from it the line that names the page's host;
- an international name behind `|https://`, where uBO looks for it as written: as addresses have it;
- `$denyallow` without `$domain`, which uBO refuses: `$to=~name`;
- `$important` on an exception, which uBO refuses: left out, for an exception beats no important block anyway;
- `$match-case` on a pattern that is no regular expression, which uBO refuses: the regular expression;
- AdGuard's `[$path=/x]`: `:matches-path()`;
- Adblock Plus' inline style, `##selector {declarations}`: `:style()`, and its `{remove: true;}`: `:remove()`;
- `$reason=`, a note that only the newest uBO reads: left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from blockctl.model.match import page_keys
from blockctl.model.names import covers
from blockctl.model.request import SUBRESOURCES
from blockctl.model.rule import Cosmetic, Effect, Rule, Scope

# Options as uBO names them. `genericblock` and `webrtc` are known to it and refused all the same.
# fmt: off
OPTIONS = frozenset((
    "1p", "first-party", "strict1p", "3p", "third-party", "strict3p", "all", "badfilter", "cname", "csp", "css",
    "stylesheet", "denyallow", "doc", "document", "ehide", "elemhide", "empty", "font", "frame", "subdocument",
    "from", "domain", "ghide", "generichide", "header", "image", "important", "inline-font", "inline-script",
    "ipaddress", "match-case", "media", "method", "mp4", "object", "object-subrequest", "other", "permissions",
    "ping", "beacon", "popunder", "popup", "redirect", "rewrite", "redirect-rule", "removeparam", "queryprune",
    "script", "shide", "specifichide", "to", "xhr", "xmlhttprequest", "websocket",
))
# fmt: on
TRUSTED_OPTIONS = frozenset(("replace", "urlskip", "uritransform"))  # heeded only from uBO's own lists and My filters
_CONDITIONS = frozenset(("domain", "from", "to", "denyallow"))
REWRITTEN = frozenset(("denyallow", "important", "match-case", "csp", "reason"))  # options that may need a second look
BAD_CSP = re.compile(r"(?:^|[;,])\s*report-(?:to|uri)\b", re.IGNORECASE)

_OPEN_START = re.compile(r"(?:@@)?(?=[0-9a-z%])", re.IGNORECASE)
_OPEN_END = re.compile(r"(?<![0-9a-z%])[0-9a-z%]{1,6}\Z", re.IGNORECASE)  # of longer ones uBO takes the first 7 letters
# A word within a pattern by which uBO looks it up rather than by a later one: it shuns only some hundred short ones.
_RARE_WORD = re.compile(r"(?<![0-9a-z%*])(?!googleapis)[0-9a-z%]{9,}[^0-9a-z%*]", re.IGNORECASE)
_ENDING_HOST = re.compile(r"\|\|[0-9a-z._-]+\|", re.IGNORECASE)
_BARE_NAME = re.compile(r"[0-9a-z_-]+(?:\.[0-9a-z_-]+)*", re.IGNORECASE)
_COMMA = re.compile(r"(?<!\\),")
_FOREIGN_COSMETIC = re.compile(r"^\[\$|#@?%#(?!//scriptlet\()|^[^#]*\$@?\$")
_PATH = re.compile(r"\[\$path=((?:[^\],\\]|\\.)+)\]")
INLINE_STYLE = re.compile(r"(.*?#@?\??#)([^{]+?)\s*\{([^{}]*)\}")
_FOREIGN_SELECTORS = re.compile(r":(?:-abp-properties|properties|abp-contains|matches-property)\(")
# Scriptlets that uBO runs only for lists it trusts, by every name. My filters are trusted: none may slip in there.
TRUSTED_SCRIPTLET = re.compile(
    r"(?:js|scriptlet|inject)\([^,)]*?(?:trusted-|(?<![\w-])(?:replace-node-text|rpnt)(?![\w-]))", re.IGNORECASE
)
_TRUSTED_OPTION = re.compile(rf"[$,]\s*(?:{'|'.join(sorted(TRUSTED_OPTIONS))})(?![\w-])")
_SEPARATOR = re.compile(r"#@?[$?%]{0,2}#")


def exact_name(host: str) -> str:
    """Return the pattern for one name without those below it.

    `||host^` alone covers all below. Measured over 100,000 names, a `to=` regular expression takes one line and a
    third of the memory of the four lines that `|https://host^` and its kin need, and no more time per request.
    """
    return rf"||{host}^$to=/^{host.replace('.', '[.]')}$/"


def name_line(host: str, scope: Scope) -> str:
    """Return the blocking line for a host of that scope."""
    if scope is Scope.EXACT:
        return exact_name(host)
    return f"||{host}^" if scope is Scope.SUBTREE else f"||{host}^$to=~/^{host.replace('.', '[.]')}$/"


def network_line(rule: Rule) -> tuple[str, str]:
    """Return (line, "") or ("", reason) for a network rule that was written in an adblock dialect."""
    text = rule.text
    if "$" not in text:
        return _joined(rule, text, ""), ""
    if _TRUSTED_OPTION.search(text):  # wherever it stands: uBO may see the options begin elsewhere
        return "", "untrusted"
    at = options_at(text)
    if at < 0:
        return _joined(rule, text, ""), ""
    pattern, options = text[:at], text[at + 1 :]
    names = _names(options)
    if not names <= OPTIONS:
        named = (name_of(option) for option in split_options(options))
        names = frozenset(name for name in named if name.strip("_"))  # underscores alone are padding
        if unknown := names - OPTIONS - {"reason"}:
            return "", "untrusted" if unknown <= TRUSTED_OPTIONS or rule.action in TRUSTED_OPTIONS else "option"
    if not names.isdisjoint(REWRITTEN):
        pattern, options, reason = _rewritten(rule, pattern, options, names)
        if reason:
            return "", reason
    return _joined(rule, pattern, options), ""


def _joined(rule: Rule, pattern: str, options: str) -> str:
    """Return the line of a pattern, with the `@@` before it, and options."""
    if not rule.host and rule.kinds == SUBRESOURCES and rule.decides and "~doc" not in options:
        options = f"{options},~document" if options else "~document"
    pattern = _open(rule, pattern)
    return f"{pattern}${options}" if options else pattern


def _open(rule: Rule, pattern: str) -> str:
    """Return a pattern, with the `@@` before it, that uBO looks for within words too, where it has an open end."""
    if not rule.pattern or rule.regex or (pattern.startswith(("/", "@@/")) and pattern.endswith("/")):
        return pattern
    if _ENDING_HOST.fullmatch(rule.pattern):
        return ("@@" if rule.effect is Effect.ALLOW else "") + as_regex(rule)
    if rule.pattern.isascii() and not pattern.isascii():
        pattern = ("@@" if rule.effect is Effect.ALLOW else "") + rule.pattern
    if match := _OPEN_START.match(pattern):
        pattern = f"{pattern[: match.end()]}*{pattern[match.end() :]}"
    elif _BARE_NAME.fullmatch(rule.pattern):
        pattern = pattern.replace(rule.pattern, f"*{rule.pattern}", 1)
    return f"{pattern}*" if _OPEN_END.search(pattern) and not _RARE_WORD.search(pattern) else pattern


def options_at(text: str) -> int:
    """Return where the `$` of the options stands, -1 when there are none, by uBO's own rule for finding it."""
    at = text.rfind("$")
    while at >= 0:
        if at + 1 < len(text) and text[at + 1] not in ")/|" and not (at and text[at - 1] == "\\"):
            return at
        at = text.rfind("$", 0, at)
    return -1


@lru_cache(maxsize=65536)
def _names(options: str) -> frozenset[str]:
    return frozenset(option.partition("=")[0].lstrip("~") for option in options.split(","))


def name_of(option: str) -> str:
    """Return an option's name without its value and negation."""
    return option.partition("=")[0].strip().lstrip("~")


def split_options(options: str) -> list[str]:
    """Split options at the commas that stand outside a regular expression value."""
    found: list[str] = []
    for piece in _COMMA.split(options):
        if found and "=/" in found[-1] and _unclosed(found[-1].partition("=")[2]):
            found[-1] += "," + piece
        else:
            found.append(piece)
    return found


def _unclosed(value: str) -> bool:
    last = value.rpartition("|")[2]
    return last.startswith("/") and (len(last) == 1 or not re.search(r"(?<!\\)/[a-z]*$", last[1:]))


def _rewritten(rule: Rule, pattern: str, options: str, names: frozenset[str]) -> tuple[str, str, str]:
    """Return the pattern and options as uBO takes them, and the reason when it takes them in no form."""
    parts = [part for part in split_options(options) if name_of(part) != "reason"]
    if "csp" in names and any(BAD_CSP.search(part) for part in parts if name_of(part) == "csp"):
        return "", "", "csp-report"
    if rule.effect is Effect.ALLOW:
        parts = [part for part in parts if name_of(part) != "important"]
    if "denyallow" in names and not names & {"domain", "from"}:
        parts = _with_to(parts)
    if "match-case" in names and not rule.regex:
        if rule.host or rule.pattern:
            pattern = ("@@" if rule.effect is Effect.ALLOW else "") + as_regex(rule)
        else:  # every address has its letters
            parts = [part for part in parts if name_of(part) != "match-case"]
    return pattern, ",".join(parts), ""


def with_nearest(rule: Rule) -> Rule | None:
    """Return a rule as uBO is to be told its pages and hosts, None where no line says them.

    Of `domain=x.news.example|~news.example` the nearest name wins; in uBO any `~name` does. Around what the rule is
    limited to it says nothing more, and is left out.
    """
    if not ((rule.sites and rule.not_sites) or (rule.to and rule.not_to)):
        return rule
    not_sites, not_to = _needed(rule.sites, rule.not_sites), _needed(rule.to, rule.not_to)
    if not_sites is None or not_to is None:
        return None
    if (not_sites, not_to) == (rule.not_sites, rule.not_to):
        return rule
    rule = replace(rule, not_sites=not_sites, not_to=not_to)
    return replace(rule, text=written(rule))


def _needed(names: tuple[str, ...], not_names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return those of `not_names` around none of the names; None where one is both around a name and below one."""
    around = [name for name in not_names if any(name in page_keys(each)[1:] for each in names)]
    if any(name in page_keys(each) for each in around for name in names):
        return None
    return tuple(name for name in not_names if name not in around)


def written(rule: Rule) -> str:
    """Return the text of a rule with its pages and hosts as they are now."""
    at = options_at(rule.text)
    kept = [option for option in split_options(rule.text[at + 1 :]) if name_of(option) not in _CONDITIONS]
    for name, values, negated in (("domain", rule.sites, rule.not_sites), ("to", rule.to, rule.not_to)):
        if listed := [*values, *(f"~{value}" for value in negated)]:
            kept.append(f"{name}={'|'.join(listed)}")
    return f"{rule.text[:at]}${','.join(kept)}"


def and_for_pages(line: str, host: str, sites: Sequence[str]) -> Iterator[str]:
    """Yield an important line for a host, and again for its pages, which else a list's `@@...$document` would free.

    `sites` are those it is limited to; where none of them has to do with the host, its pages open elsewhere.
    """
    yield line
    if not sites or any(site.startswith("/") or "*" in site or _related(host, site) for site in sites):
        at = options_at(line)
        yield f"{line[:at]}$document,{line[at + 1 :]}"


def _related(host: str, site: str) -> bool:
    return covers(host, site) or covers(site, host)


def _with_to(parts: list[str]) -> list[str]:
    """Return the options with `denyallow` as what it means, `to=~`."""
    values = [part.partition("=")[2] for part in parts if name_of(part) == "to"]
    values += [
        f"~{name}" for part in parts if name_of(part) == "denyallow" for name in part.partition("=")[2].split("|")
    ]
    return [*(part for part in parts if name_of(part) not in ("to", "denyallow")), f"to={'|'.join(values)}"]


def as_regex(rule: Rule) -> str:
    """Return an adblock pattern as a regular expression between slashes, with what `||`, `|`, `^` and `*` mean."""
    if rule.host:
        return rf"/^[a-z-]+:\/\/(?:[^\/?#]*\.)?{re.escape(rule.host)}(?:[^\w\-.%]|$)/"
    body, start, end = rule.pattern, "", ""
    if body.startswith("||"):
        body, start = body[2:], r"^[a-z-]+:\/\/(?:[^\/?#]*\.)?"
    elif body.startswith("|"):
        body, start = body[1:], "^"
    if body.endswith("|"):
        body, end = body[:-1], "$"
    escaped = re.sub(r"[.+?${}()|\[\]\\/]", r"\\\g<0>", body)
    return "/" + start + escaped.replace("*", ".*").replace("^", r"(?:[^\w\-.%]|$)") + end + "/"


def cosmetic_line(rule: Cosmetic) -> tuple[str, str]:
    """Return (line, "") or ("", reason) for a cosmetic rule."""
    text = rule.text
    if rule.effect is Effect.BLOCK and TRUSTED_SCRIPTLET.search(text):
        return "", "untrusted"
    if _FOREIGN_SELECTORS.search(text):
        return "", "selector"
    if not _FOREIGN_COSMETIC.search(text):
        return _plain_style(text) if text.endswith("}") else text, ""
    match = _PATH.match(text)
    if match is None or not (separator := _SEPARATOR.search(text, match.end())):
        return "", "adguard"
    selector = f":matches-path({match[1].replace(chr(92), '')}) {text[separator.end() :]}"
    return text[match.end() : separator.end()] + selector, ""


def _plain_style(text: str) -> str:
    match = INLINE_STYLE.fullmatch(text)
    if match is None:
        return text
    declarations = match[3].strip()
    removes = declarations.rstrip(";").replace(" ", "") == "remove:true"
    return match[1] + match[2] + (":remove()" if removes else f":style({declarations})")
