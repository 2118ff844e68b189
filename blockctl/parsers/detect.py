"""What a text is: one of the list formats, found once for the whole list, or something that is no list for us.

A list has one format. Guessing line by line is how other compilers block the host names in the prose of an error
page, and read URL patterns as names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from blockctl.parsers.listed import Fault, is_ip, shown

SAMPLE = 200  # lines that are neither blank nor comment, at each of PLACES places of the text
PLACES = 3

_BINARY = (
    (b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"), (b"7z\xbc\xaf", "7z"),
    (b"%PDF", "PDF"), (b"\x89PNG", "PNG"), (b"SQLite format 3", "SQLite"), (b"Rar!", "RAR"),
)  # fmt: skip

_LABEL = r"[^\s/|^$*#@,;:=\"'<>(){}\[\].]+"
_NAME = rf"(?:{_LABEL}\.)+{_LABEL}\.?"
_ADDRESS = r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*(?:%\w+)?|0)"
_NOTE = r"(?:\s*#.*|\s+(?:;|//|!).*)?"

_MODIFIER = r"~?(?:[a-z][a-z0-9-]+|[13]p)(?:=.*)?"

_ADDRESSES = "? a list of addresses"

# Tried in this order; the first that fits says what the line is. What begins with "?" is no format of ours.
_LINES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("adblock", r"\[(?:adblock|ublock|adguard|\$).*|!#(?:if|include|endif|else|safari).*"),
        ("dnsmasq", r"(?:--)?(?:address|server|local)=/.*"),
        ("unbound", r"(?:server:|local-(?:zone|data|data-ptr|zone-tag):).*"),
        ("rpz", r"\$(?:TTL|ORIGIN)\s.*"),
        ("rpz", r"\S+\s+(?:\d+\w?\s+)?(?:IN\s+)?(?:\d+\w?\s+)?(?:CNAME|SOA|NS|A|AAAA|TXT)\s+\S.*"),
        ("? a BIND configuration", r"zone\s+\"[^\"]+\".*"),
        ("? a Clash or mihomo rule list", r"payload:.*|-\s+(?:['\"].*|DOMAIN.*|IP-CIDR.*)|\+\." + _NAME),
        ("? a Surge, Clash or Quantumult rule list",
         r"(?:DOMAIN|DOMAIN-SUFFIX|DOMAIN-KEYWORD|HOST|HOST-SUFFIX|HOST-KEYWORD|IP-CIDR6?|USER-AGENT|URL-REGEX),.*"),
        ("? a dnscrypt-proxy list", rf"={_NAME}|(?:{_NAME})\s+@\S+"),
        ("? a SmartDNS configuration", r"address\s+/.*|nameserver\s+/.*"),
        ("? a MikroTik script", r"/ip\s+dns\s.*|add\s+(?:address|name|regexp)=.*"),
        ("? a Privoxy action file", r"\{\s*[+-](?:block|handle|filter).*\}.*"),
        ("? a proxy auto-configuration script", r"function\s+FindProxyForURL.*"),
        ("adblock", r".*(?:#@?[?$%]?#|\|\||#@?#\+js\().*"),
        ("adblock", rf"[^\s,]*\$(?:{_MODIFIER})(?:,(?:{_MODIFIER}))*"),
        ("? a CSV table", r"(?:\"[^\"]*\"|[^\s,\"]+)(?:\s*,\s*(?:\"[^\"]*\"|[^,\"]*))+"),
        (_ADDRESSES, rf"{_ADDRESS}(?:/\d+)?{_NOTE}"),
        ("hosts", rf"{_ADDRESS}\s+\S.*"),
        ("? a list of regular expressions", r"[\^(].*(?:\\\.|\$).*"),
        ("adblock", r".*(?:\|\||#@?[?$%]?#|\^|\$(?:third-party|3p|script|domain=|important|all|doc)).*"),
        ("adblock", r"@@.*|/.*/|\|https?:.*"),
        ("wildcard", rf"\*?\.{_NAME}{_NOTE}"),
        ("? a list of URLs", r"[a-z]+://\S+"),
        ("domains", rf"{_NAME}{_NOTE}"),
    )
)  # fmt: skip
# What most lines of most lists are, found at once; `_LINES` says the same of them.
_PLAIN = re.compile(r"(?:((?:0\.0\.0\.0|127\.0\.0\.1)[ \t]+)|(\|\|))?(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*(?(2)\^)")
_COSMETIC = re.compile(r"#@?[?$%]?#[^#\s]")
_MIXABLE = ("adblock", "hosts", "domains", "wildcard")

_ERROR_PAGE = re.compile(
    r"^\W*(?:error\W+)?(?:[45]\d\d\b|not found|page not found|access denied|forbidden|unauthori[sz]ed|too many requests"
    r"|rate limit|bad gateway|service unavailable|gateway time|internal server error|moved permanently"
    r"|temporarily unavailable|no such|repository .* not found|invalid request|just a moment)",
    re.IGNORECASE,
)


def refuse_bytes(data: bytes) -> Fault | None:
    """Return what is wrong with bytes that are no text at all."""
    for magic, kind in _BINARY:
        if data.startswith(magic):
            return Fault(
                "L006", f"this is {kind} data, not a list", "unpack it first; a path that ends in .gz is unpacked"
            )
    head = data[:4096]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None  # UTF-16, read by its mark
    odd = sum(byte < 9 or 13 < byte < 32 for byte in head)
    if odd > len(head) // 10:
        return Fault("L006", "this is binary data, not a list", "check the address: the list itself is a text file")
    return None


def recognise(text: str) -> str | Fault:
    """Return the format of a list, a key of PARSERS, or what the text is instead."""
    head = text[:4096].lstrip()
    if not head and not text.strip():
        return Fault("L002", "the list is empty", "look at the address in a browser; an older copy may still be good")
    if _is_web_page(head):
        return Fault("L003", "this is a web page, not a list", "use the address of the raw text file")
    if _is_json(head):
        return Fault("L004", "this is JSON, not a list", "use the publisher's hosts, domains or adblock edition")
    sample = _sample(text)
    if not sample:
        return _no_lines(text)
    if len(sample) <= 5 and _ERROR_PAGE.search(sample[0]):
        return Fault(
            "L005", f"this is an error message, not a list: {shown(sample[0])}", "try again later, or check the address"
        )
    return _by_votes(sample)


def detect(text: str) -> str:
    """Return the format of a list, "" when the text is none."""
    found = recognise(text)
    return "" if isinstance(found, Fault) else found


def _sample(text: str) -> list[str]:
    """Return lines from the beginning, and in a long text from further on: sorted lists begin with addresses."""
    first = list(islice(significant(text), SAMPLE))
    if len(first) < SAMPLE:
        return first
    places = (len(text) * place // PLACES for place in range(1, PLACES))
    starts = (text.find("\n", place) + 1 or len(text) for place in places)
    return [*first, *(line for start in starts for line in islice(significant(text, start), SAMPLE))]


def significant(text: str, at: int = 0) -> Iterator[str]:
    """Yield the lines that are neither blank nor comments, stripped; a long line's beginning stands for it."""
    while at < len(text):
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        line = text[at : min(stop, at + 1000)].strip()
        at = stop + 1
        if not line or line[0] == ";" or line.startswith("//"):
            continue
        if line[0] == "!" and not line.startswith("!#"):
            continue
        if line[0] == "#" and not _COSMETIC.match(line):
            continue
        yield line


def _by_votes(sample: list[str]) -> str | Fault:
    lines = len(sample)
    kinds = Counter(kind for kind in map(_kind, sample) if kind)
    if sample[0].startswith("[") and _kind(sample[0]) == "adblock":
        return "adblock"
    if not kinds:
        return _unknown(sample)
    # A bare name in an adblock list is a part of a URL, so a few such rules among names make the list adblock.
    if kinds["adblock"] * 10 >= lines and kinds["adblock"] + kinds["hosts"] + kinds["domains"] >= kinds.total() / 2:
        return "adblock"
    names = kinds["domains"] + kinds["wildcard"]
    if names:  # addresses among names are lines that a list of names may have
        lines -= kinds.pop(_ADDRESSES, 0)
    if kinds["wildcard"] and kinds["domains"]:
        kinds["wildcard" if kinds["wildcard"] > kinds["domains"] else "domains"] = names
    best, count = kinds.most_common(1)[0]
    if count * 2 < lines:
        return _unknown(sample)
    if best.startswith("?"):
        return Fault(
            "L007", f"this is {best[2:]}, which is not read", "use the publisher's hosts, domains or adblock edition"
        )
    return best


def _kind(line: str) -> str:
    """Return what a line looks like, "" for nothing known."""
    if plain := _PLAIN.fullmatch(line):
        return "hosts" if plain[1] else "adblock" if plain[2] else "domains"
    for kind, pattern in _LINES:
        if pattern.fullmatch(line):
            if kind == "domains" and is_ip(line.split()[0]):
                return _ADDRESSES
            return kind
    return ""


def _unknown(sample: list[str]) -> Fault:
    return Fault(
        "L009", f"this is no list that we know; it begins {shown(sample[0])}",
        "if it is one, say which with `format:` (hosts, domains, adblock, dnsmasq, unbound, rpz)",
    )  # fmt: skip


def _no_lines(text: str) -> Fault:
    return Fault(
        "L010", f"the list has {text.count(chr(10)) + 1:,} lines and not one rule",
        "look at the address in a browser; an older copy may still be good",
    )  # fmt: skip


def _is_web_page(head: str) -> bool:
    return bool(
        re.match(
            r"<(?:!doctype|!--|html|head|body|meta|script|title|\?xml|svg|rss|feed|error|h\d|p|div)\b|<!", head, re.I
        )
    )


def _is_json(head: str) -> bool:
    return bool(re.match(r"\{\s*(?:[\"'}]|$)|\[\s*(?:[\"{\]\d]|\[|$)", head))
