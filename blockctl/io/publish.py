"""Hands a zone to an authoritative server, and looks whether it and its secondaries serve it.

The server computes what changed and tells its secondaries (NOTIFY, RFC 1996), which fetch that alone (IXFR, RFC 1995):
Knot with `zonefile-load: difference`, BIND with `ixfr-from-differences yes`.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from blockctl.dns.labels import MalformedMessage
from blockctl.dns.told import query
from blockctl.dns.wire import SOA, read_message
from blockctl.model.diagnostic import BlockctlError, WorldError

PATIENCE = 1.0  # seconds for one question
EVERY = 0.05  # seconds between two questions of one server
UNTOLD = 1.0  # seconds after which a server that answers, but not for the zone, is asked no more
COMMAND_LIMIT = 20.0  # seconds
SYSTEM_PATHS = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin:/opt/homebrew/bin"
# How each server is told to read a zone anew: its program, what names its control channel, and the words.
SERVERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "bind": ("rndc", "-c", ("reload",)),
    "knot": ("knotc", "-s", ("zone-reload",)),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """Which serial a server has, and after how many seconds.

    None: it does not answer. `tells`: it answers, but not for the zone; Unbound keeps a policy zone to itself.
    """

    server: str
    serial: int | None
    seconds: float
    tells: bool = True


def reload(server: str, zone: str, control: str = "") -> str:
    """Tell a server to read a zone anew; return what it said. Raises WorldError where it cannot be told or refuses."""
    program, option, words = SERVERS[server]
    path = shutil.which(program) or shutil.which(program, path=SYSTEM_PATHS)
    if path is None:
        raise WorldError(f"{program} is not here: it tells {server} to read the zone anew", f"install {server}'s tools")
    command = [path, *((option, control) if control else ()), *words, zone]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_LIMIT, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorldError(f"{program} does not answer: {error}", "does the server run?") from error
    said = (done.stdout + done.stderr).strip()
    if done.returncode:
        raise WorldError(f"{' '.join(command)} failed: {said}", "does the server run, and does it know the zone?")
    return said


def live_serial(server: str, zone: str) -> int | None:
    """Return the serial that a server has now; None where it does not tell."""
    return asyncio.run(_serial(server, zone))[0]


def wait_for(servers: Sequence[str], zone: str, serial: int, patience: float) -> list[Seen]:
    """Ask each server until it has the serial, or for so many seconds."""

    async def everybody() -> list[Seen]:
        return list(await asyncio.gather(*(_wait(each, zone, serial, patience) for each in servers)))

    return asyncio.run(everybody())


async def _wait(server: str, zone: str, serial: int, patience: float) -> Seen:
    started = time.monotonic()
    while True:
        found, tells = await _serial(server, zone)
        took = time.monotonic() - started
        if found == serial or took >= (patience if tells else min(patience, UNTOLD)):
            return Seen(server, found, took, tells)
        await asyncio.sleep(EVERY)


class _Answer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.wire: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _: object) -> None:
        if not self.wire.done():
            self.wire.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.wire.done():
            self.wire.set_exception(exc)


async def _serial(server: str, zone: str) -> tuple[int | None, bool]:
    """Return the serial, and whether the server tells it, as far as it answers."""
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.create_datagram_endpoint(_Answer, remote_addr=place(server))
    except OSError:
        return None, True
    try:
        transport.sendto(query(zone, SOA))
        wire = await asyncio.wait_for(protocol.wire, PATIENCE)
        found = [each.rdata for each in read_message(wire).answer if each.kind == SOA]
    except (OSError, TimeoutError, MalformedMessage):
        return None, True
    finally:
        transport.close()
    if not found:
        return None, False
    return int.from_bytes(found[0][-20:-16], "big"), True  # refresh, retry, expire, minimum follow


def place(server: str) -> tuple[str, int]:
    """Read `address` or `address:port`. Raises BlockctlError."""
    host, port = (server, "53") if _is_address(server) else server.rpartition(":")[::2]
    host = host.removeprefix("[").removesuffix("]")
    if not _is_address(host) or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise BlockctlError(f"{server!r} is no server", "write an address, as in 192.168.1.2 or 127.0.0.1:5300")
    return host, int(port)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
