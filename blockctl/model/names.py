"""Host names: one normal form, their parents, and the registrable domain (public suffix list).

The normal form is lower case, A-labels (UTS 46, as browsers do it), no trailing dot. Underscores are
valid in DNS and kept (RFC 8552); so are hyphens at the edge of a label, which resolve in practice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

MAX_NAME = 253  # RFC 1035, section 2.3.4: 255 octets on the wire
MAX_LABEL = 63

_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_ADDRESS_LIKE = re.compile(r"[0-9.]+|(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+))*")

# Names that systems keep for themselves: RFC 6761, 6762, 7686, 8375, 9476 and the ICANN `internal` reservation.
# `test` and `example` (RFC 6761 too) are left out: nothing depends on them, and people try lists out with them.
SPECIAL_USE = frozenset(
    ("localhost", "local", "localdomain", "broadcasthost", "invalid", "onion", "alt", "arpa", "internal")
)


def normalize_host(text: str) -> str | None:
    """Return the normal form of a host name, or None when it is not one (an address is not)."""
    if not text.isascii():
        return _normalize_unicode(text)
    host = text.lower()
    if host.endswith("."):
        host = host[:-1]
    if len(host) > MAX_NAME or not _HOST.fullmatch(host) or is_address(host):
        return None
    return host


def _normalize_unicode(text: str) -> str | None:
    if "\ufffd" in text:  # broken characters are in no name, and a broken list has millions
        return None
    import idna  # late: only for names that are not ASCII

    cleaned = text.replace("\u3002", ".").rstrip(".")
    try:
        mapped = idna.uts46_remap(cleaned, std3_rules=False, transitional=False)
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        return None
    labels = []
    for label in mapped.split("."):
        try:
            labels.append(label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii"))
        except UnicodeError:
            return None
    host = ".".join(labels)
    return normalize_host(host) if host.isascii() else None


def is_address(text: str) -> bool:
    """Whether a URL parser would read this text as an IPv4 or IPv6 address (WHATWG URL, host parsing)."""
    if ":" in text or text.startswith("["):
        return True
    last = text.rpartition(".")[2]
    return last[:1].isdigit() and bool(_ADDRESS_LIKE.fullmatch(text))


def parents(host: str) -> Iterator[str]:
    """Yield the host itself, then each name above it, the top level last; an address has no parents."""
    yield host
    if is_address(host):
        return
    at = host.find(".")
    while at >= 0:
        yield host[at + 1 :]
        at = host.find(".", at + 1)


def covers(name: str, host: str) -> bool:
    """Whether `host` is `name` or below it."""
    return host == name or host.endswith("." + name)


def _private_suffix(host: str) -> str | None:
    """Return the name one label below the public suffix; None for a suffix (publicsuffix.org/list, "Algorithm")."""
    rules = _suffix_lines()
    below = above = None
    for name in parents(host):  # the longest rule counts
        if f"!{name}" in rules:
            return name
        if name in rules or f"*.{name}" in rules or f"*.{name.partition('.')[2]}" in rules:
            return below
        above, below = below, name
    return above  # no rule: the top level is the suffix


@lru_cache(maxsize=65536)
def registrable_domain(host: str) -> str:
    """Return the registrable domain, private suffixes included; a suffix or an address is its own."""
    if is_address(host):
        return host
    return _private_suffix(host) or host


def is_public_suffix(host: str) -> bool:
    """Whether nobody can own this name: a top level, `co.uk`, or a private suffix such as `github.io`."""
    return "." not in host or (not is_address(host) and _private_suffix(host) is None)


def is_listed_suffix(host: str) -> bool:
    """Whether the suffix list itself names this as a public suffix (`nas` is not in it); a no takes two look-ups."""
    lines = _suffix_lines() if "xn--" in host else _lines_as_written()
    if host not in lines and "*." + host.partition(".")[2] not in lines:
        return False
    return is_public_suffix(host)


def is_registry_suffix(host: str) -> bool:
    """Whether a registry sells names directly below this one: `net`, `co.uk`; not `github.io`, which is one owner's."""
    lines = _suffix_lines(_PRIVATE)
    return host in lines or ("*." + host.partition(".")[2] in lines and "!" + host not in lines)


_PRIVATE = "// ===BEGIN PRIVATE DOMAINS==="  # as the suffix list parts what owners have added from what registries sell


@lru_cache(maxsize=2)
def _lines_as_written(end: str = "") -> frozenset[str]:
    """Return the lines of the suffix list up to a certain one, as they stand there: U-labels, comments too.

    The package that brings the list understands it too, in ten times the time.
    """
    from pkgutil import get_data

    import publicsuffixlist

    text = (get_data(publicsuffixlist.__name__, "public_suffix_list.dat") or b"").decode()
    if end:
        text = text.partition(end)[0]
    return frozenset(map(str.strip, text.split("\n")))


@lru_cache(maxsize=2)
def _suffix_lines(end: str = "") -> frozenset[str]:
    """Return the rules of the suffix list, up to a certain line, in A-labels too."""
    lines = _lines_as_written(end)
    return lines.union(_in_a_labels(line) for line in lines if not line.isascii() and line[:1] != "/")


def _in_a_labels(rule: str) -> str:
    """Return a rule of the suffix list, which is in lower case and normal form already, as names are written."""
    labels = (
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
        for label in rule.removeprefix("!").split(".")
    )
    return "!" * rule.startswith("!") + ".".join(labels)


@lru_cache(maxsize=1)
def suffix_rules() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that are public suffixes, and those below which every label is one (`*.ck`).

    For asking about a million names at once; a hit is to be judged by `is_public_suffix`, which knows the exceptions.
    """
    rules = {rule for rule in _suffix_lines() if rule.isascii() and rule[:1] not in ("", "/", "!")}
    parents = frozenset(rule[2:] for rule in rules if rule.startswith("*."))
    return parents.union(rule for rule in rules if not rule.startswith("*.")), parents


def is_special_use(host: str) -> bool:
    """Whether the name is set apart by RFC 6761 and its kin, and so never a list's to block."""
    return host.rpartition(".")[2] in SPECIAL_USE  # all of them are top levels


def reversed_labels(host: str) -> str:
    """Return a key that sorts a name beside its parents: labels last to first, each closed by NUL-like `!`.

    `!` sorts before every character of a label, so `y-x.example` never comes between `y.example`
    and `a.y.example`.
    """
    return "!".join(reversed(host.split("."))) + "!"
