"""The words of conditional rules: `$dnstype`, `$client`, patterns of names, and addresses.

Where a pattern of names ends in the middle of a label, the label ends there: `ads.*` is no `loads.example`. (AdGuard
takes such an end for any text.) One without a wildcard that is not tied to names at both ends (`||example.org` without
`^`, `example.org^` without `||`) would reach further than its author means and is no pattern of names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from blockctl.dns.exchange import Client
from blockctl.dns.types import type_number
from blockctl.model.decide import is_above_lists

ANYONE = Client("")
WIDEST = {4: 8, 6: 16}  # bits that a network of a rule has at least: what is wider is no list's to block

Network = IPv4Network | IPv6Network

_NAME_PATTERN = re.compile(r"(\|{0,2})([a-z0-9_.*-]+)(\^?\|?)")
_WORD = re.compile(r"[a-z0-9_]")
_OCTETS = re.compile(r"((?:[0-9]{1,3}\.){1,3})\*")
_CLIENT = re.compile(r"""(~?)(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|([^|]*))(?:\||$)""")


@dataclass(frozen=True, slots=True)
class Types:
    """`$dnstype=A|AAAA` or `$dnstype=~A`."""

    wanted: frozenset[int]
    unwanted: frozenset[int]

    def have(self, kind: int) -> bool:
        """Whether the type of a question is meant."""
        return kind not in self.unwanted and (not self.wanted or kind in self.wanted)


@lru_cache(maxsize=1024)
def read_types(need: str) -> Types | None:
    """Read `dnstype=...`; None where it is something else or names a type that there is not."""
    option, _, value = need.partition("=")
    if option != "dnstype":
        return None
    words = [word.strip() for word in value.split("|")]
    numbers = [type_number(word.removeprefix("~")) for word in words]
    if None in numbers:
        return None
    both = [(word.startswith("~"), number) for word, number in zip(words, numbers, strict=True) if number is not None]
    return Types(frozenset(n for negated, n in both if not negated), frozenset(n for negated, n in both if negated))


@dataclass(frozen=True, slots=True)
class Clients:
    r"""`$client=192.168.1.7|10.0.0.0/8|~'Frank\'s phone'`: addresses, networks, and the ids that devices give."""

    wanted: tuple[Network | str, ...]
    unwanted: tuple[Network | str, ...]

    def have(self, client: Client) -> bool:
        """Whether it is one of the clients meant."""
        if any(_is(client, each) for each in self.unwanted):
            return False
        return not self.wanted or any(_is(client, each) for each in self.wanted)


def _is(client: Client, meant: Network | str) -> bool:
    if isinstance(meant, str):
        return client.id.lower() == meant
    try:
        return ip_address(client.address) in meant
    except ValueError:  # a client without an address
        return False


@lru_cache(maxsize=1024)
def read_clients(need: str) -> Clients | None:
    """Read `client=...`; None where it is something else or names nobody."""
    option, _, value = need.partition("=")
    if option != "client":
        return None
    wanted: list[Network | str] = []
    unwanted: list[Network | str] = []
    for negated, single, double, plain in _CLIENT.findall(value):
        text = re.sub(r"\\(.)", r"\1", single or double or plain.strip()).lower()
        if text:
            (unwanted if negated else wanted).append(_network_or_id(text))
    return Clients(tuple(wanted), tuple(unwanted)) if wanted or unwanted else None


def _network_or_id(text: str) -> Network | str:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return text


@lru_cache(maxsize=4096)
def name_pattern(pattern: str) -> str:
    """Return a pattern of names as one for the address `https://NAME/`, "" where it speaks of no names."""
    match = _NAME_PATTERN.fullmatch(pattern.lower())
    if match is None:
        return ""
    left, body, right = match.groups()
    fixed = body.lstrip("*.")
    if not fixed.strip("*.") or ("*" not in body and (left or body[0] != ".")):
        return ""
    if "*" not in fixed and is_above_lists(fixed.rstrip(".")):  # `*.com`
        return ""
    start = "|https://" if left == "|" else "||" if left or _WORD.match(body) else ""
    return start + body + ("^" if right or _WORD.match(body[-1]) else "")


@lru_cache(maxsize=4096)
def network(pattern: str) -> Network | None:
    """Return the addresses that a pattern means: one, `192.0.2.*`, or a network; None where it means something else."""
    text = pattern.lstrip("|").rstrip("|").rstrip("^").strip("[]")
    if octets := _OCTETS.fullmatch(text):
        count = octets[1].count(".")
        text = f"{octets[1]}{'0.' * (3 - count)}0/{8 * count}"
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return None
    return found if found.prefixlen >= WIDEST[found.version] else None
