"""A cosmetic filter: `sites##selector`, and what the three dialects make of the mark in the middle.

`##` hides, `#@#` takes a hiding back; `?` in the mark asks for more than CSS, `$` for a style (or, in Adblock Plus, a
snippet), `%` for a script; `$$` filters the document's text, as `##^` does. AdGuard's `[$path=/x]` in front limits the
filter to paths, apps or sites. Sources: uBO's wiki "Static filter syntax" and "Procedural cosmetic filters", AdGuard's
"How to create your own ad filters", Adblock Plus' "How to write filters".
"""

from __future__ import annotations

import re
from itertools import islice

from blockctl.model.diagnostic import Origin
from blockctl.model.rule import Cosmetic, CosmeticForm, Effect
from blockctl.parsers.adblock_sites import EVERYWHERE, Sites, parse_sites, split_sites
from blockctl.parsers.adblock_split import split_options
from blockctl.parsers.listed import Fault, shown

_MARK = re.compile(r"#@?(?:\$\?|[?$%])?#|\$@?\$(?=[a-zA-Z*])")
_NO_SITES = re.compile(r"[|\"!#$?&=^@(){}<;+]")  # what patterns have and lists of sites have not
_PLAIN_SITES = re.compile(r"[a-zA-Z0-9.,~*_-]*")
_CANDIDATES = 8  # marks looked at; a regular expression before the right one may contain a few

_MODIFIERS = re.compile(r"\[\$((?:[^\]\\]|\\.)*)\]")
_PROCEDURAL = re.compile(
    r":(?:has-text|contains|upward|nth-ancestor|matches-(?:css|attr|media|path|prop|property)|xpath|min-text-length"
    r"|watch-attrs?|others|shadow|if|if-not|properties|is-hidden|-abp-[a-z-]+|abp-[a-z-]+)(?:-before|-after)?\("
    r"|\[-(?:ext|abp)-"
)
_STYLED = re.compile(r"[^{]+\{([^{}]*)\}")
_REMOVES = re.compile(r":remove(?:-attr|-class)?\(")
_PATH = re.compile(r":matches-path\(((?:[^()\\]|\\.|\([^()]*+\))*)\)")


def read_cosmetic(line: str, origin: Origin) -> Cosmetic | Fault | None:
    """Read a cosmetic filter; None when the line is none."""
    text = line
    sites = EVERYWHERE
    needs: tuple[str, ...] = ()
    if line.startswith("[$"):
        modified = _modifiers(line)
        if isinstance(modified, Fault):
            return modified
        sites, needs, line = modified
    match = _mark(line)
    if match is None:
        return Fault("L207", f"no cosmetic filter follows the brackets of {shown(text)}") if line != text else None
    mark, body = match[0], line[match.end() :].strip()
    if match.start():
        named = parse_sites(line[: match.start()], ",")
        if isinstance(named, Fault):
            return named
        sites = _both(sites, named)
    if not body:
        return Fault("L207", f"nothing stands behind the {mark}")
    if sites.paths:
        needs = (*needs, *(f"path={path}" for path in sites.paths))
    if ":matches-path(" in body and (path := _PATH.search(body)):
        needs = (*needs, f"path={path[1]}")
    effect = Effect.ALLOW if "@" in mark else Effect.BLOCK
    return Cosmetic(effect, origin, text, body, _form(mark, body), sites.names, sites.not_names, needs)


def _both(some: Sites, others: Sites) -> Sites:
    if some is EVERYWHERE:
        return others
    return Sites(some.names + others.names, some.not_names + others.not_names, some.paths + others.paths)


def _mark(line: str) -> re.Match[str] | None:
    """Return the mark that a list of sites stands before, None when no mark does."""
    first = _MARK.search(line)
    if first is None or _PLAIN_SITES.fullmatch(line, 0, first.start()):
        return first  # nearly always
    for match in islice(_MARK.finditer(line), _CANDIDATES):
        before = line[: match.start()]
        if "/" not in before:
            if not _NO_SITES.search(before):
                return match
        elif all(map(_is_site, split_sites(before, ","))):
            return match
    return None


def _is_site(entry: str) -> bool:
    entry = entry.removeprefix("~")
    if entry.startswith("/"):
        return len(entry) > 2 and entry.endswith("/")
    return not _NO_SITES.search(entry) and "." in entry.partition("/")[0]


def _modifiers(line: str) -> tuple[Sites, tuple[str, ...], str] | Fault:
    """Read AdGuard's brackets; return the sites and needs they name, and the rest of the line."""
    match = _MODIFIERS.match(line)
    if match is None:
        return Fault("L207", f"the bracket of {shown(line)} is never closed")
    sites = EVERYWHERE
    needs = []
    for option in split_options(match[1]):
        name, _, value = option.strip().partition("=")
        if name in ("path", "app", "url"):
            needs.append(f"{name}={value}")
        elif name == "domain":
            named = parse_sites(value, "|")
            if isinstance(named, Fault):
                return named
            sites = named
        else:
            return Fault("L201", f"unknown modifier {shown(name)} of a cosmetic filter")
    return sites, tuple(needs), line[match.end() :]


def _form(mark: str, body: str) -> CosmeticForm:
    if mark[0] == "$" or body[0] == "^":
        return CosmeticForm.HTML
    if "%" in mark or body.startswith(("+js(", "script:inject(")):
        return CosmeticForm.SCRIPTLET
    if body[-1] == "}" and (style := _STYLED.fullmatch(body)):
        removes = style[1].replace(" ", "").rstrip(";") == "remove:true"
        return CosmeticForm.REMOVE if removes else CosmeticForm.STYLE
    if "$" in mark:
        return CosmeticForm.STYLE if body[-1] == "}" else CosmeticForm.SCRIPTLET
    if ":" in body or "[-" in body:
        if _REMOVES.search(body):
            return CosmeticForm.REMOVE
        if ":style(" in body:
            return CosmeticForm.STYLE
        if _PROCEDURAL.search(body):
            return CosmeticForm.PROCEDURAL
    return CosmeticForm.CSS
