"""The sites that a filter is limited to: `a.example,~b.a.example`, or with `|` between them in an option.

An entry is a name, which covers its subdomains, a name under any public suffix (`name.*`), or a regular expression
between slashes. `~` takes pages away. A `*` anywhere else becomes a regular expression. uBlock Origin's `name>>`
means the page and all frames in it, which is what a site is here; its `name/path` speaks of the path too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from sys import intern

from blockctl.model.names import is_address, normalize_host
from blockctl.model.pattern import compile_pattern
from blockctl.parsers.listed import Fault, shown

# A name in normal form, with or without `.*` behind it. Its last label is no number, so it is no address.
_PLAIN = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z_-][a-z0-9_-]{0,62}(?:\.\*)?")
_CLOSED = re.compile(r"(?<!\\)/\s*$")


@dataclass(frozen=True, slots=True)
class Sites:
    """Where a filter is in force: on `names` (none: everywhere), but not on `not_names`."""

    names: tuple[str, ...] = ()
    not_names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()  # entries of `names` that name a path as well


EVERYWHERE = Sites()


@lru_cache(maxsize=32768)
def parse_sites(text: str, separator: str) -> Sites | Fault:
    """Read a list of sites; a Fault says which entry is none."""
    names: list[str] = []
    not_names: list[str] = []
    paths: list[str] = []
    anywhere = False
    for entry in split_sites(text, separator):
        negated = entry.startswith("~")
        written = entry[1:] if negated else entry
        if written == "*" and not negated:
            anywhere = True
            continue
        name, path = _name(written)
        if not name or (path and negated):
            return Fault("L203", f"not a site: {shown(entry)}", "name a site, `name.*`, or a /regular expression/")
        (not_names if negated else names).append(name)
        if path:
            paths.append(written)
    return Sites(() if anywhere else tuple(names), tuple(not_names), () if anywhere else tuple(paths))


def split_sites(text: str, separator: str) -> list[str]:
    """Split at the separators, but not within regular expressions; empty entries say nothing."""
    pieces = text.split(separator)
    if "/" in text:
        joined: list[list[str]] = []
        in_regex = False
        for piece in pieces:
            start = piece.strip().removeprefix("~")
            if in_regex:
                joined[-1].append(piece)
                in_regex = not _CLOSED.search(piece)
            else:
                joined.append([piece])
                in_regex = start.startswith("/") and (len(start) == 1 or not _CLOSED.search(piece))
        pieces = [separator.join(parts) for parts in joined]
    return [stripped for piece in pieces if (stripped := piece.strip())]


@lru_cache(maxsize=65536)
def _name(written: str) -> tuple[str, str]:
    """Return an entry in normal form, and the path that it names; an empty name when it is no entry."""
    if _PLAIN.fullmatch(written):
        return intern(written), ""
    if written.startswith("/"):
        is_regex = len(written) > 2 and written.endswith("/") and is_regular_expression(written[1:-1])
        return (written if is_regex else ""), ""
    written, _, path = written.removesuffix(">>").partition("/")
    return _host(written), path


def _host(written: str) -> str:
    if written.endswith(".*") and "*" not in written[:-2]:
        stem = normalize_host(written[:-2])
        return intern(f"{stem}.*") if stem else ""
    if "*" in written:
        parts = [part.lower() for part in written.split("*")]
        if not all(re.fullmatch(r"[a-z0-9_.-]*", part) for part in parts) or not any(part.strip(".") for part in parts):
            return ""
        return f"/^{'.*'.join(re.escape(part) for part in parts)}$/"
    host = normalize_host(written)
    if host is None and written and is_address(written) and re.fullmatch(r"[0-9a-fA-F.:\[\]]+", written):
        return written.lower()
    return intern(host) if host else ""


@lru_cache(maxsize=4096)
def is_regular_expression(source: str) -> bool:
    """Whether a regular expression of a list can be compiled."""
    return compile_pattern(source, regex=True).valid
