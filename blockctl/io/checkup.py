"""Asks around for `doctor`: our resolver, its upstreams, resolvers that do not filter, those that the system names.

All at once and with one limit for the whole, for who asks is waiting. Nothing here judges: see `dns.culprit`.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path

from blockctl.dns.culprit import Machine, Seen
from blockctl.dns.exchange import Client, Forward
from blockctl.dns.told import Told, query, read
from blockctl.dns.wire import AAAA, NOERROR, TXT, A
from blockctl.io.holder import holder
from blockctl.io.network import own_addresses
from blockctl.io.upstreams import Upstreams
from blockctl.model.addresses import LOOPBACK, is_within, read_address
from blockctl.model.listen import Listen, read_listen
from blockctl.model.names import parents
from blockctl.model.policy import Policy, Resolver

LIMIT = 2.5  # seconds for each question
LONGEST_PORTAL = 300  # characters of where it leads
PORTAL_LIMIT = 1.5  # seconds
REFERENCES = ("1.1.1.1", "9.9.9.10", "https://dns.google/dns-query")  # public resolvers that do not filter
# Pages that say one known word, in the clear: where something else comes, a captive portal answered.
PORTAL_HOST, PORTAL_PATH, PORTAL_WORD = "captive.apple.com", "/hotspot-detect.html", b"Success"
RELAY_HOST = "mask.icloud.com"  # where it is found, Private Relay is offered
RESOLV_CONF = Path("/etc/resolv.conf")
VPN_NAMES = ("tun", "tap", "wg", "ppp", "utun", "ipsec", "tailscale", "zt", "nordlynx", "proton")
ROUTES = Path("/proc/net/route")
OURSELVES = Client("127.0.0.1")
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a server bound to all is asked


def look(name: str, policy: Policy, references: Sequence[str] = REFERENCES, resolv_conf: Path = RESOLV_CONF) -> Seen:
    """Ask everybody for a name, and look at this machine; takes `LIMIT` seconds at most, and a little."""
    return asyncio.run(_look(name, policy.resolver, references, resolv_conf))


async def _look(name: str, settings: Resolver, references: Sequence[str], resolv_conf: Path) -> Seen:
    listen = first_listen(settings)
    ours = [_spelled(listen)] if listen else []
    system = nameservers(resolv_conf)
    asked = next((settings.forward[each] for each in parents(name) if each in settings.forward), settings.upstreams)
    everybody = [*ours, *asked, *references, *system]
    asker = _Asker(settings, everybody)
    why = f"why.{name}.blockctl"
    found, texts, relay, gate, machine = await asyncio.gather(
        asyncio.gather(*(asker.address(each, name) for each in everybody)),
        asyncio.gather(*(asker.ask(each, why, TXT) for each in system)),
        asyncio.gather(*(asker.ask(each, RELAY_HOST) for each in system)),
        asyncio.gather(*(asker.ask(each, PORTAL_HOST) for each in (*system, *asked, *references))),
        asyncio.to_thread(_machine, listen),
    )
    # only now: where an answer leads to is known when it was given
    reason = (await asker.ask(ours[0], why, TXT)).texts if ours and found[0].answered else ()
    await asker.close()
    ways = [address for each in gate for address in each.reachable]
    portal, clock = await asyncio.to_thread(outside, ways[0]) if ways else ("", None)
    told = iter(found)
    own, upstreams, plain, named = (tuple(next(told) for _ in several) for several in (ours, asked, references, system))
    asks_us = any(each.texts for each in texts) or any(_is_ours(each, settings) for each in system)
    return Seen(
        name=name,
        ours=own[0] if own else None,
        why=reason,
        upstreams=upstreams,
        references=plain,
        system=named,
        asks_us=asks_us if system else None,
        machine=replace(machine, portal=portal, clock=clock, relay=any(each.reachable for each in relay)),
    )


class _Asker:
    """Asks each resolver by itself: none may help out for another."""

    def __init__(self, settings: Resolver, asked: Iterable[str]) -> None:
        several = tuple(dict.fromkeys(asked))
        self._upstreams = Upstreams(replace(settings, upstreams=several, forward={}, strategy="ordered"))

    async def ask(self, who: str, name: str, kind: int = A, limit: float = LIMIT) -> Told:
        """Return what it says; never raises."""
        forward = Forward((who, name, kind), query(name, kind), (who,), OURSELVES)
        started = time.monotonic()
        answer = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                answer = await self._upstreams.ask(forward)
        fault = next((each.error for each in self._upstreams.state() if each.upstream == who), "")
        return read(who, answer or None, time.monotonic() - started, fault or "no answer")

    async def address(self, who: str, name: str) -> Told:
        """Return what it says of a name's addresses: of both families, where there is none of the older."""
        told = await self.ask(who, name)
        if told.rcode != NOERROR or told.addresses or told.withholds or not told.answered:
            return told
        newer = await self.ask(who, name, AAAA, LIMIT - told.seconds)
        return replace(newer, seconds=told.seconds) if newer.addresses else told

    async def close(self) -> None:
        """End."""
        await self._upstreams.close()


def first_listen(settings: Resolver) -> Listen | None:
    """Return the first place at which plain DNS is answered."""
    return next((each for each in map(read_listen, settings.listen) if each.scheme == "dns"), None)


def nameservers(resolv_conf: Path = RESOLV_CONF) -> tuple[str, ...]:
    """Return the resolvers that the system names (resolv.conf(5)), stubs on this machine included."""
    try:
        lines = resolv_conf.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    named = [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]
    return tuple(dict.fromkeys(str(known) for each in named if (known := read_address(each)) is not None))


def _spelled(listen: Listen) -> str:
    return str(replace(listen, address=EVERYWHERE.get(listen.address, listen.address)))


def _is_ours(address: str, settings: Resolver) -> bool:
    """Whether a resolver that the system names, at port 53, is a place at which we listen."""
    for each in map(read_listen, settings.listen):
        if each.scheme == "dns" and each.port == 53:
            here = own_addresses() if each.address in EVERYWHERE else [each.address]
            if address in here:
                return True
    return False


def _machine(listen: Listen | None) -> Machine:
    """Look at this machine, without a question to anybody."""
    addresses = [known for each in own_addresses() if (known := read_address(each)) is not None]
    held = holder(listen.address, listen.port, "udp") if listen else ""
    online = any(not is_within(each, LOOPBACK) for each in addresses)
    return Machine(online=online, vpn=vpn_interface(), holder="" if held.startswith(("python", "blockctl")) else held)


def vpn_interface(routes: Path = ROUTES) -> str:
    """Return the interface that has the way out where it is one of a VPN; "" where it is not, or cannot be told."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            rows = [line.split() for line in routes.read_text().splitlines()[1:]]
            # a VPN takes the default route, or both halves of the world (0.0.0.0/1 and 128.0.0.0/1)
            ways = [row[0] for row in rows if len(row) > 7 and row[1] in ("00000000", "00000080") and _is_wide(row[7])]
            return next((each for each in ways if each.startswith(VPN_NAMES)), "")
        return ""
    if sys.platform == "darwin":
        command = ["/sbin/route", "-n", "get", "default"]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(command, capture_output=True, text=True, timeout=1, check=False)  # noqa: S603
            found = [line.split()[-1] for line in done.stdout.splitlines() if line.strip().startswith("interface:")]
            return next((each for each in found if each.startswith(VPN_NAMES)), "")
    return ""


def _is_wide(mask: str) -> bool:
    return mask in ("00000000", "00000080")


def outside(address: str, port: int = 80) -> tuple[str, float | None]:
    """Ask a page that says one word: return where a captive portal leads, "" without one, and how far the clock is off.

    The clock is held against the Date of the answer (RFC 9110, section 6.6.1); None where nothing came.
    """
    connection = http.client.HTTPConnection(address, port, timeout=PORTAL_LIMIT)
    try:
        connection.request("GET", PORTAL_PATH, headers={"Host": PORTAL_HOST, "Connection": "close"})
        answer = connection.getresponse()
        body = answer.read(4096)
    except (OSError, http.client.HTTPException):
        return "", None
    finally:
        connection.close()
    clock = None
    with contextlib.suppress(TypeError, ValueError):
        clock = time.time() - parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    if answer.status == 200 and PORTAL_WORD in body:
        return "", clock
    where = answer.headers.get("Location") or f"http://{PORTAL_HOST}"
    # the word of whoever runs this network, shown in terminals, by root too
    return "".join(each if each.isprintable() else "\ufffd" for each in where[:LONGEST_PORTAL]), clock
