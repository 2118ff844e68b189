"""Adblock URL patterns: what they match, and the words an index can find them by.

A pattern is looked for anywhere in the address, letter case ignored. `||` in front ties it to the start of a label
of the host, `|` at either end to that end of the address. `*` is any run of characters, `^` one that is neither
a letter, a digit nor one of `_ - . %`, or the end of the address (as uBlock Origin and Adblock Plus have it).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from blockctl.model.names import normalize_host
from blockctl.model.request import url_host

if TYPE_CHECKING:
    import regex

MAX_PATTERN = 8192  # characters; the longest in use are a tenth of it
REGEX_SECONDS = 0.05  # for one search with a regular expression of a list

TOKEN = re.compile(r"[0-9a-z]+")

_SURROGATE = re.compile(r"[\ud800-\udfff]")  # how Python hands over arguments that are no UTF-8
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_SEPARATOR = r"(?:[^a-zA-Z0-9_.%\-]|\Z)"
_ANCHORED = re.compile(r"[0-9a-zA-Z%]")
_AUTHORITY = re.compile(r"([^:/?#]*://)([^/?#]*)")
_HOST_IN_PATTERN = re.compile(r"(?:\|\||\|(?:https?|wss?)://)([^/^:?*|]+)[/^:?]")


class Pattern:
    """A compiled pattern; call it with an address.

    `literal` is lower-case text that every matching address contains. `found` looks at the rest of the address,
    as written if `match_case`, else in lower case; None when the literal alone decides. `search` is there for a regular
    expression: it does the same within so many seconds, or raises TimeoutError.
    """

    __slots__ = ("_expression", "found", "literal", "match_case", "search", "timed_out")

    def __init__(
        self,
        literal: str,
        found: Callable[[str], object] | None,
        match_case: bool,
        expression: _Expression | None = None,
    ) -> None:
        self.literal = literal
        self.found = found
        self.match_case = match_case
        self._expression = expression
        self.search = expression.search if expression is not None else None
        self.timed_out = False  # a search took too long, and counted as no match

    @property
    def valid(self) -> bool:
        """False: not a regular expression, or too long; it matches nothing."""
        return self.found is not _nothing and (self._expression is None or self._expression.compiled is not None)

    def __call__(self, url: str) -> bool:
        """Whether the address matches."""
        url = canonical(url)
        return self.test(url, url.lower())

    def test(self, url: str, lower: str) -> bool:
        """Whether an address in canonical form matches; the caller has its lower-case form at hand."""
        if self.literal not in lower:
            return False
        return self.found is None or bool(self.found(url if self.match_case else lower))


def canonical(url: str) -> str:
    """Return the address as patterns see it: without `user:password@`, the host in normal form."""
    match = _AUTHORITY.match(url)
    if match is None:
        return url
    authority = match[2]
    if url.isascii() and "@" not in authority and not authority.endswith(".") and ".:" not in authority:
        return url
    port = re.search(r":\d*$", authority)
    return f"{match[1]}{url_host(url)}{port[0] if port else ''}{percent(url[match.end() :])}"


def percent(text: str) -> str:
    """Return the text as browsers ask for it: what is not ASCII as UTF-8 in `%XX`, a lone surrogate as U+FFFD."""
    return text if text.isascii() else _NOT_ASCII.sub(lambda run: quote(_SURROGATE.sub("\ufffd", run[0])), text)


def _in_ascii(pattern: str) -> str:
    """Return a pattern whose host is in A-labels and whose path is in `%XX`."""
    if pattern.isascii():
        return pattern
    host = _HOST_IN_PATTERN.match(pattern)
    name = normalize_host(host[1]) if host else None
    return percent(f"{pattern[: host.start(1)]}{name}{pattern[host.end(1) :]}" if host and name else pattern)


def compile_pattern(pattern: str, regex: bool = False, match_case: bool = False) -> Pattern:
    """Compile a pattern, or a regular expression written without its slashes. It never raises."""
    if len(pattern) > MAX_PATTERN:
        return Pattern("", _nothing, match_case)
    if regex:
        return _compile_regex(pattern, match_case)
    host_anchor, start, end, body = _anchors(_in_ascii(pattern))
    if not match_case:
        body = body.lower()
    segments = [segment for segment in body.split("*") if segment]
    if not segments:
        return Pattern("", None, match_case)
    literal = max((part for segment in segments for part in segment.split("^")), key=len)
    if [literal] == segments and not host_anchor and not (start and end):
        if start or end:
            return Pattern(literal.lower(), _starts(literal) if start else _ends(literal), match_case)
        return Pattern(literal.lower(), _contains(literal) if match_case else None, match_case)
    return Pattern(literal.lower(), re.compile(_glob(segments, host_anchor, start, end), re.DOTALL).match, match_case)


def _anchors(pattern: str) -> tuple[bool, bool, bool, str]:
    """Split off the anchors.

    One on the left means nothing unless a letter, a digit or `%` follows, nor does one on the right beside a `*`:
    `||*x`, `||/x` and `|.x` are in use for plain `x`, and uBlock Origin reads them so.
    """
    host_anchor = pattern.startswith("||")
    start = not host_anchor and pattern.startswith("|")
    body = pattern[2 if host_anchor else 1 if start else 0 :]
    end = body.endswith("|")
    body = body[:-1] if end else body
    if not _ANCHORED.match(body):
        host_anchor = start = False
    return host_anchor, start, end and not body.endswith("*"), body


def _glob(segments: list[str], host_anchor: bool, start: bool, end: bool) -> str:
    """Return a regular expression whose every `*` is atomic: the first place that fits is as good as any later one.

    So it takes time in proportion to the address, whatever the pattern.
    """
    parts = ["".join(_SEPARATOR if char == "^" else re.escape(char) for char in segment) for segment in segments]
    if end:
        parts[-1] += r"\Z"
    if host_anchor:
        first = rf"[^:/?#]*://(?>(?:[^/?#]*?\.)??{parts[0]})"
    else:
        first = parts[0] if start else f"(?>.*?{parts[0]})"
    return first + "".join(f"(?>.*?{part})" for part in parts[1:])


def _contains(literal: str) -> Callable[[str], object]:
    return lambda url: literal in url


def _starts(literal: str) -> Callable[[str], object]:
    return lambda url: url.startswith(literal)


def _ends(literal: str) -> Callable[[str], object]:
    return lambda url: url.endswith(literal)


def _nothing(url: str) -> object:  # noqa: ARG001
    return None


class _Expression:
    """A regular expression of a list, compiled when it is first asked for: that may take longer than a search."""

    def __init__(self, source: str, match_case: bool) -> None:
        self._source = source
        self._match_case = match_case

    @cached_property
    def compiled(self) -> regex.Pattern[str] | None:
        """Return it ready to search; None when it is none."""
        import regex  # late: most requests meet no regular expression

        flags = regex.ASCII | regex.VERSION0 | (0 if self._match_case else regex.IGNORECASE)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "possible nested set": not in JavaScript, whose syntax this is
                return regex.compile(self._source, flags)
        except (regex.error, OverflowError, RecursionError, ValueError):
            return None

    def search(self, url: str, seconds: float) -> object:
        """Return what is found in an address. Raises TimeoutError when it takes longer."""
        return None if self.compiled is None else self.compiled.search(url, timeout=seconds)


def _compile_regex(source: str, match_case: bool) -> Pattern:
    source = source.replace("[^]", r"[\s\S]")  # any character, in JavaScript

    def found(url: str) -> object:
        try:
            return expression.search(url, REGEX_SECONDS)
        except TimeoutError:
            pattern.timed_out = True
            return None

    expression = _Expression(source, match_case)
    literal = max((run for run, _, _ in regex_literals(source)), key=len, default="")
    pattern = Pattern(literal, found, True, expression)  # the flags see to letter case
    return pattern


def anchored_host(pattern: str) -> str:
    """Return the name at or below which every match lies, "" when the pattern does not fix one."""
    match = _HOST_IN_PATTERN.match(pattern)
    return (normalize_host(match[1]) or "") if match else ""


def tokens(pattern: str, regex: bool = False) -> list[str]:
    """Return the words that stand alone, between other characters, in every address that matches.

    A word is a run of letters and digits. One at an open end of the pattern, or beside a `*`, may go
    on in the address, so it is left out.
    """
    if regex:
        runs = regex_literals(pattern)
    else:
        host_anchor, start, end, body = _anchors(_in_ascii(pattern))
        parts = body.lower().split("*")
        last = len(parts) - 1
        runs = [(part, at == 0 and (host_anchor or start), at == last and end) for at, part in enumerate(parts)]
    found = []
    for run, closed_left, closed_right in runs:
        for word in TOKEN.finditer(run):
            if (word.start() or closed_left) and (word.end() < len(run) or closed_right):
                found.append(word[0])
    return found


_REGEX_PART = re.compile(
    r"(?P<escape>\\[^a-zA-Z0-9])|(?P<odd>\\[ckpP])|(?P<special>\\(?:x..|u....|.))|(?P<cls>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<count>[*+?]\??|\{[0-9,]*\}\??)"
    r"|(?P<open>\((?:\?[:=!<][=!]?)?)|(?P<close>\))|(?P<or>\|)|(?P<edge>[\^$])|(?P<dot>\.)|(?P<plain>.)",
    re.DOTALL,
)


def regex_literals(source: str) -> list[tuple[str, bool, bool]]:
    """Return the literal texts that every match of a regular expression contains, in lower case.

    With each, whether its left and its right side are an end of the address. Groups and classes are passed over,
    a `|` at the top level leaves nothing certain; so does a flag.
    """
    found: list[tuple[str, bool, bool]] = []
    run, closed, depth = "", False, 0

    def finish(closed_right: bool = False) -> None:
        nonlocal run, closed
        if run:
            found.append((run.lower(), closed, closed_right))
        run, closed = "", False

    for part in _REGEX_PART.finditer(source):
        kind, text = part.lastgroup, part[0]
        if kind == "open":
            depth += 1
            finish()
        elif kind == "close":
            depth -= 1
        elif depth:
            continue
        elif kind in ("or", "odd"):
            return []
        elif kind in ("plain", "escape"):
            run += text[-1]
        elif kind == "count":
            # the character before it is there at least once only for `+`
            run = run[:-1]
            finish()
        elif kind == "edge":
            finish(closed_right=text == "$")
            closed = text == "^"
        else:
            finish()
    finish()
    return found if depth == 0 else []
