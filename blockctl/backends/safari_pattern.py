r"""URL patterns as WebKit's `url-filter`: a small regular language, looked for in the address without its fragment.

What WebKit accepts (tried against WebKitGTK 2.50): literals, `.`, classes, `?` `*` `+` on a character, a class or a
group, `^` first and `$` last. No `|`, no counts, no `\d`, no look-around, ASCII only; one filter outside of this
refuses the whole list. A pattern that ends in `^` (a separator, or the end of the address) becomes two filters.
"""

from __future__ import annotations

import re
from functools import lru_cache

from blockctl.model.names import covers
from blockctl.model.pattern import TOKEN

SCHEME = "^[^/]+//"  # short, for it stands in every rule; `user@` before the host is not followed
SUBDOMAINS = r"([^/]+\.)?"  # a colon too: what WebKit need not tell apart keeps its automata small
SEPARATOR = "[^a-zA-Z0-9_.%-]"
EVERYTHING = ".*"

MAX_FILTER = 1000  # characters; WebKit's time grows faster than the length (0.5 s at 4,000)

_SPECIAL = {ord(char): "\\" + char for char in r"\.+?()[]{}$|/"} | {ord("/"): "/"}
_LITERAL = _SPECIAL | {ord("*"): r"\*", ord("^"): r"\^"}
_BODY = _SPECIAL | {ord("*"): ".*", ord("^"): SEPARATOR}
_FIRST = re.compile(r"/([a-z0-9._-]*)[^a-z0-9._*-]")
_STARS = re.compile(r"\*+")
_TAIL = re.compile(r"[*^]+\Z")


class Unsayable(Exception):  # noqa: N818 - a verdict, not an error: it carries the reason of a gap
    """What cannot be said to WebKit; `reason` is a key of capabilities.SAFARI."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@lru_cache(maxsize=65536)
def escape(text: str) -> str:
    """Return literal text as a part of a filter."""
    return text.translate(_LITERAL)


def host_filter(host: str) -> str:
    """Return the filter for a host and all below it."""
    return f"{SCHEME}{SUBDOMAINS}{escape(host)}[:/]"


def exact_filter(host: str) -> str:
    """Return the filter for that host alone."""
    return f"{SCHEME}{escape(host)}[:/]"


def below_filter(host: str) -> str:
    """Return the filter for all below a host, not the host itself."""
    return rf"{SCHEME}[^:/]+\.{escape(host)}[:/]"


def pattern_filters(pattern: str) -> list[str]:
    """Return the filters that together match what an adblock pattern matches (see `model/pattern.py`)."""
    if not pattern.isascii():
        raise Unsayable("non-ascii")
    host_anchor = pattern.startswith("||")
    start = not host_anchor and pattern.startswith("|")
    body = pattern[2 if host_anchor else 1 if start else 0 :]
    end = body.endswith("|")
    body = body[:-1] if end else body
    if not TOKEN.match(body[:1].lower()):  # there an anchor on the left means nothing
        host_anchor = start = False
        body = body.lstrip("*")
    end = end and not body.endswith("*")
    body = _STARS.sub("*", body)
    head = SCHEME + SUBDOMAINS if host_anchor else "^" if start else ""
    filters = [head + tail for tail in _tails(body, end)]
    if any(len(each) > MAX_FILTER for each in filters):
        raise Unsayable("too-long")
    return [each or EVERYTHING for each in filters]


def _tails(body: str, end: bool) -> list[str]:
    """Return the body with its last separators read as such, and as the end of the address.

    At the end, each of a run of `^` may be the end of the address; behind a `*` that is always so.
    """
    found = _TAIL.search(body)
    if found is None:
        return [body.translate(_BODY) + ("$" if end else "")]
    core = body[: found.start()].translate(_BODY)
    separators = len(found[0].partition("*")[0])
    if not core and not end:
        separators = 0  # `^` alone: every address has a separator
    last = core + SEPARATOR * separators + ("$" if end and "*" not in found[0] else "")
    return [last, *(core + SEPARATOR * count + "$" for count in range(separators))]


def path_filters(host: str, pattern: str) -> list[str]:
    """Return the filters for a pattern on one host and all below it: one that begins with the path, or any address."""
    body = pattern.lstrip("*")
    if not body:
        return [host_filter(host)]
    first = _FIRST.match(body.lower())  # the slash may be the second of `://`, and what follows a host
    if first is None or not body.isascii() or covers(host, first[1]):
        raise Unsayable("to")
    end = body.endswith("|")
    body = body[:-1] if end else body
    head = f"{SCHEME}{SUBDOMAINS}{escape(host)}(:[0-9]+)?(/.*)?"
    return [head + tail for tail in _tails(body, end and not body.endswith("*"))]


_ATOM = re.compile(r"(?:\\[^a-zA-Z0-9]|\\t|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[\]()|?*+^${}])")


def refusal(url_filter: str) -> str:
    """Return why WebKit would refuse a filter, or read it otherwise than it looks; "" when it is sound."""
    if not url_filter:
        return "empty"
    if not url_filter.isascii():
        return "not ASCII"
    depth = at = 0
    can_repeat = False
    while at < len(url_filter):
        char = url_filter[at]
        if atom := _ATOM.match(url_filter, at):
            at, can_repeat = atom.end(), True
            continue
        at += 1
        if char in "?*+":
            if not can_repeat:
                return f"nothing to repeat before {char!r}"
            can_repeat = False
        elif char == "(":
            depth, can_repeat = depth + 1, False
        elif char == ")":
            depth, can_repeat = depth - 1, True
        elif not (char == "^" and at == 1) and not (char == "$" and at == len(url_filter)):
            return f"{char!r} is not understood"
        if depth < 0:
            return "a group is closed that was not opened"
    return "a group is not closed" if depth else ""
