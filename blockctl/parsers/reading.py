"""A list read: its format told or recognised, its lines made rules and diagnostics."""

from __future__ import annotations

from collections.abc import Callable

from blockctl.model.diagnostic import Diagnostic, Origin
from blockctl.model.filterlist import FilterList
from blockctl.parsers import dnsmasq, domains, hosts, rpz, unbound
from blockctl.parsers.detect import recognise, refuse_bytes
from blockctl.parsers.listed import Fault
from blockctl.parsers.lookup import MATCHED
from blockctl.parsers.text import MAX_BYTES, decode


def _adblock(text: str, file: str, *, dns_only: bool = False) -> FilterList:
    from blockctl.parsers import adblock  # late: DNS lists do without it

    return adblock.parse(text, file, dns_only=dns_only)


PARSERS: dict[str, Callable[[str, str], FilterList]] = {
    "hosts": hosts.parse,
    "domains": domains.parse,
    "wildcard": domains.parse_wildcard,
    "adblock": _adblock,
    "dnsmasq": dnsmasq.parse,
    "unbound": unbound.parse,
    "rpz": rpz.parse,
}


def parse(
    data: bytes,
    file: str,
    format: str = "",  # noqa: A002
    match: str = "",
    *,
    dns_only: bool = False,
) -> FilterList:
    """Read a list. What is no list gives a FilterList of format "" with one diagnostic that names what it is.

    `format` is a key of PARSERS, "" to recognise it. `match` is "subtree" or "exact" for what a name of a hosts or
    domains list covers, "" for what the format means. `dns_only`: no browser obeys the list, so a bare name
    in an adblock list is that name and not a part of an address.
    """
    if len(data) > MAX_BYTES:
        size = f"the list has {len(data) / 1e6:,.0f} MB; the limit is {MAX_BYTES / 1e6:,.0f} MB"
        return _no_list(file, Fault("L008", size, "split it, or use a smaller edition"))
    broken = refuse_bytes(data)
    if broken:
        return _no_list(file, broken)
    text = decode(data)
    found = recognise(text)
    if isinstance(found, Fault) and (not format or found.code in _NEVER):
        return _no_list(file, found, text)
    name = format or str(found)
    parsed = _adblock(text, file, dns_only=dns_only) if name == "adblock" else PARSERS[name](text, file)
    if name in MATCHED and match == "subtree":
        parsed.subtree |= parsed.exact
        parsed.exact = set()
    elif name in MATCHED and match == "exact":
        parsed.exact |= parsed.subtree
        parsed.subtree = set()
    return parsed


_NEVER = ("L002", "L003")  # no list in any format: empty, a web page


def _no_list(file: str, fault: Fault, text: str = "") -> FilterList:
    parsed = FilterList(file, "")
    parsed.diagnostics.add(Diagnostic(fault.code, Origin(file), fault.message, fault.hint, fault.severity))
    lines = text.count("\n") + (not text.endswith("\n")) if text else 0
    parsed.counts.lines = parsed.counts.refused = lines
    return parsed
