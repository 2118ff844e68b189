"""Why a name is blocked, for people: Extended DNS Errors (RFC 8914) and the command that lets the name through.

Blocked answers are here too: how they look is up to the policy, and lives so shortly that an unblock is seen at once.
"""

from __future__ import annotations

import re

from blockctl.dns.compose import NOTHING, Options, Sections
from blockctl.dns.exchange import Reason
from blockctl.dns.forms import BLOCKED_TTL, NULL_ADDRESS
from blockctl.dns.inspect import REBINDING
from blockctl.dns.wire import IN, NOERROR, NXDOMAIN, RECORD, REFUSED, SOA, Question, name_wire
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin

EDE = 15
# INFO-CODEs of RFC 8914, section 4
OTHER, STALE, FORGED, CACHED_ERROR, BLOCKED, FILTERED, STALE_NXDOMAIN = 0, 3, 4, 13, 15, 17, 19
NOT_SUPPORTED, UNREACHABLE, NETWORK = 21, 22, 23
TOLD = 80  # characters of a rule, or of a file's name, that are told
ZONE = name_wire("blockctl")
_HOST = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
_LISTS = frozenset((Step.LIST_BLOCK, Step.LIST_IMPORTANT))
_SOA_NUMBERS = (1, 3600, 600, 86_400, BLOCKED_TTL)
SOA_DATA = ZONE + b"\0" + b"".join(number.to_bytes(4, "big") for number in _SOA_NUMBERS)
_TTL_AT = 6  # behind a pointer, type and class


def _of_the_name_asked_for(kind: int, data: bytes) -> bytes:
    return b"\xc0\x0c" + RECORD.pack(kind, IN, BLOCKED_TTL, len(data)) + data


# An answer of our own that has no records, to be remembered shortly (RFC 2308).
NOTHING_THERE = Sections(_of_the_name_asked_for(SOA, SOA_DATA), 0, 0, 1, (_TTL_AT,))


def explained(code: int, text: str = "") -> Options:
    """Return the EDNS option that explains an answer (RFC 8914, section 2)."""
    return ((EDE, code.to_bytes(2, "big") + text.encode("utf-8", "replace")),)


CROWDED = explained(OTHER, "too many questions wait for upstreams")


def of_block(reason: Reason, asked: str) -> Options:
    """Return the option for a blocked name: 17 where the user himself blocks it, 15 where lists do, and we."""
    blocked = reason.step in _LISTS or reason.step is Step.REBINDING
    return explained(BLOCKED if blocked else FILTERED, sentence(reason, asked))


def sentence(reason: Reason, asked: str) -> str:
    """Return in one line who blocks, what, and how it is let through."""
    led = f"{reason.name}, where {asked} leads, is " if reason.via else ""
    return f"{led}blocked by {source(reason)}; {remedy(reason, asked)}"


def source(reason: Reason) -> str:
    """Return the rule and where it is written."""
    return f"{place(reason.rule.origin)}: {shortened(reason.rule.text)}"


def place(origin: Origin) -> str:
    """Return where a line is, in words that every client may read: of a path the last part."""
    file = shortened(last_part(origin.file), from_the_end=True)
    return f"{file} line {origin.line}" if origin.line else file


def last_part(file: str) -> str:
    """Return a file's name, or the end of an address, without what it is in."""
    return file.replace("\\", "/").rstrip("/").rpartition("/")[2]


def shortened(text: str, *, from_the_end: bool = False) -> str:
    """Return a text for one line, of bounded length."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    if len(text) <= TOLD:
        return text
    return "..." + text[3 - TOLD :] if from_the_end else text[: TOLD - 3] + "..."


def remedy(reason: Reason, asked: str) -> str:
    """Return how the name asked for is let through."""
    if reason.rule is REBINDING:
        return f"to allow: resolver: private: [{asked}]"
    if reason.rule.text.startswith("resolver: "):
        return "to allow: change that entry"
    own = reason.step not in _LISTS and reason.via
    return allow_command(reason.name if own else asked)


def allow_command(name: str) -> str:
    """Return the command that lets a name through; what is copied into a shell holds nothing but a name."""
    return f"blockctl allow {name} --for 1h" if _HOST.fullmatch(name) else "no command can name it"


def deny_command(name: str) -> str:
    """Return the command that blocks a name."""
    return f"blockctl deny {name}" if _HOST.fullmatch(name) else "no command can name it"


def blocked(question: Question, mode: str) -> tuple[int, Sections]:
    """Return the code and the records by which a name is blocked, whatever type is asked for."""
    if mode == "refused":
        return REFUSED, NOTHING
    if mode == "null" and (address := NULL_ADDRESS.get(question.kind)):
        body = _of_the_name_asked_for(question.kind, address)
        return NOERROR, Sections(body, len(body), 1, 0, (_TTL_AT,))
    return NXDOMAIN if mode == "nxdomain" else NOERROR, NOTHING_THERE
