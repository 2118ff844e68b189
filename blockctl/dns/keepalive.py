"""The option by which client and server agree how long an idle connection stays open (RFC 7828)."""

from __future__ import annotations

KEEPALIVE = 11
OPT = 41
HEADER = 12


def asks_to_stay(query: bytes) -> bool:
    """Whether the query carries the option; over UDP it must be ignored (section 3.2.1)."""
    if b"\0\x0b" not in query:  # the option's code: most queries end here
        return False
    at = _find_opt(query)
    if at is None:
        return False
    end = at + 10 + int.from_bytes(query[at + 8 : at + 10], "big")
    at += 10
    while at + 4 <= min(end, len(query)):
        if query[at : at + 2] == b"\0\x0b":
            return True
        at += 4 + int.from_bytes(query[at + 2 : at + 4], "big")
    return False


def with_stay(reply: bytes, seconds: float) -> bytes:
    """Return the reply with how long the connection may be idle, in its OPT; as it is when it has none or no room."""
    at = _find_opt(reply)
    if at is None:
        return reply
    size = int.from_bytes(reply[at + 8 : at + 10], "big")
    end = at + 10 + size
    if end > len(reply) or len(reply) + 6 > 65_535 or size + 6 > 65_535:
        return reply
    option = KEEPALIVE.to_bytes(2, "big") + b"\0\2" + min(int(seconds * 10), 65_535).to_bytes(2, "big")
    return reply[: at + 8] + (size + 6).to_bytes(2, "big") + reply[at + 10 : end] + option + reply[end:]


def _find_opt(message: bytes) -> int | None:
    """Return where the type of the OPT record stands, None when the message has none or is damaged."""
    if len(message) < HEADER:
        return None
    counts = [int.from_bytes(message[at : at + 2], "big") for at in range(4, 12, 2)]
    at = HEADER
    for _ in range(counts[0]):
        at = _after_name(message, at) + 4
    for _ in range(sum(counts[1:])):
        at = _after_name(message, at)
        if at + 10 > len(message):
            return None
        if int.from_bytes(message[at : at + 2], "big") == OPT:
            return at
        at += 10 + int.from_bytes(message[at + 8 : at + 10], "big")
    return None


def _after_name(message: bytes, at: int) -> int:
    """Return where a name ends; behind the message's end when it is damaged."""
    while at < len(message):
        size = message[at]
        if size >= 0xC0:
            return at + 2
        at += 1 + size
        if not size:
            return at
    return at
