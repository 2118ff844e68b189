"""What an answer leads to: the names of aliases and services, and addresses, each put before the rules.

A filter that looks at the name asked for alone is led past by an alias, and by HTTPS records (RFC 9460), whose target
and address hints browsers take at their word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address
from typing import Protocol

from blockctl.dns.exchange import Client, Reason, Verdict
from blockctl.dns.wire import (
    AAAA,
    CNAME,
    DNAME,
    HTTPS,
    PAIR,
    SVCB,
    A,
    MalformedMessage,
    Question,
    Record,
    name_text,
    read_name,
)
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin
from blockctl.model.rule import Effect, Rule

CNAME_LINK, SERVICE, ADDRESS = "cname", "https", "address"
_HINTS = {4: 4, 6: 16}  # SvcParamKey -> octets of one address (RFC 9460, section 7.3)

# How strongly a step speaks of a whole answer: a block must be stronger than what lets the name asked for through.
_BLOCKS = {Step.LIST_BLOCK: 1, Step.LIST_IMPORTANT: 2}  # any other step is the user's own, stronger than all
_ALLOWS = {Step.DEFAULT: 0, Step.LIST_EXCEPTION: 1}
USER_ALLOWS, USER_BLOCKS = 2, 3


class Judge(Protocol):
    """The rules for one client's group: `dns.rules.Rules`."""

    def verdict(self, name: bytes, kind: int, client: Client) -> Verdict:
        """Decide a name in wire form, lower case."""

    def address_verdict(self, address: str) -> Verdict:
        """Decide an address."""


def weight_of_allow(verdict: Verdict) -> int:
    """Return how strongly a verdict lets a name through: 0 when nothing speaks of it."""
    return _ALLOWS.get(verdict.reason.step, USER_ALLOWS) if verdict.reason and not verdict.blocked else 0


def weight_of_block(verdict: Verdict) -> int:
    """Return how strongly a verdict blocks, 0 when it does not."""
    if not verdict.blocked:
        return 0
    return _BLOCKS.get(verdict.reason.step, USER_BLOCKS) if verdict.reason else 1


def led_astray(
    question: Question,
    answer: Sequence[Record],
    rules: Judge,
    client: Client,
    allowed: int,
    is_rebound: Callable[[bytes], bool],
) -> Reason | None:
    """Return why an answer may not be given, None where it may.

    `allowed`: how strongly the name asked for is let through; its whole answer is, but for what is stronger.
    `is_rebound` says whether an address may not stand there.
    """
    for via, name in links(question, answer):
        verdict = rules.verdict(name, question.kind, client)
        if weight_of_block(verdict) > allowed and verdict.reason:
            return Reason(verdict.reason.step, verdict.reason.rule, name_text(name), via)
    for address in addresses(answer):
        text = address_text(address)
        verdict = rules.address_verdict(text)
        if weight_of_block(verdict) > allowed and verdict.reason:
            return Reason(verdict.reason.step, verdict.reason.rule, text, ADDRESS)
        if is_rebound(address):
            return Reason(Step.REBINDING, REBINDING, text, ADDRESS)
    return None


REBINDING = Rule(Effect.BLOCK, Origin("resolver: rebinding"), "a public name may not lead to an address in the house")


def links(question: Question, answer: Iterable[Record]) -> Iterator[tuple[str, bytes]]:
    """Yield each name that an answer leads to, once, in lower case, and by what."""
    seen = {question.name}
    for record in answer:
        if record.kind == CNAME or (record.kind == DNAME and question.kind == DNAME):
            via, name = CNAME_LINK, record.rdata.lower()
        elif record.kind in (SVCB, HTTPS):
            via, name = SERVICE, read_service(record.rdata)[0].lower()
        else:
            continue
        if name not in seen and name != b"\0":
            seen.add(name)
            yield via, name


def addresses(answer: Iterable[Record]) -> Iterator[bytes]:
    """Yield each address that an answer holds, the hints of services too."""
    for record in answer:
        if record.kind in (A, AAAA):
            yield record.rdata
        elif record.kind in (SVCB, HTTPS):
            for key, value in read_service(record.rdata)[1]:
                if size := _HINTS.get(key):
                    yield from (value[at : at + size] for at in range(0, len(value), size))


def address_text(address: bytes) -> str:
    """Return an address of 4 or 16 octets in its shortest spelling."""
    return ".".join(map(str, address)) if len(address) == 4 else str(ip_address(address))


def is_service(rdata: bytes) -> bool:
    """Whether the data of a SVCB or HTTPS record can be read; a browser takes no other (RFC 9460, section 2.2)."""
    try:
        parameters = read_service(rdata)[1]
    except MalformedMessage:
        return False
    return all(value and len(value) % _HINTS[key] == 0 for key, value in parameters if key in _HINTS)


def read_service(rdata: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Return the target of a service, the root when it is the owner itself, and its parameters."""
    if len(rdata) < 3:
        raise MalformedMessage("a service without a target")
    target, at = read_name(bytes(12) + rdata, 14)  # a pointer would lead into the octets before: none is allowed
    at -= 12
    if at != 2 + len(target):
        raise MalformedMessage("a pointer in the target of a service")
    parameters = []
    while at < len(rdata):
        if at + PAIR.size > len(rdata):
            raise MalformedMessage("a parameter of a service is cut off")
        key, length = PAIR.unpack_from(rdata, at)
        at += PAIR.size + length
        if at > len(rdata):
            raise MalformedMessage("the value of a parameter is cut off")
        parameters.append((key, rdata[at - length : at]))
    return target, parameters
