"""The watchdog of the system's resolver: a process of its own, which outlives the one that answers.

It asks our resolver every two seconds, on this machine and for a name that needs nobody else. Whether the world can be
reached, and whether a captive portal stands before it, is looked at when the network changes, while we are aside,
and every five minutes: then one name of its own is asked for below example.com, and one page of captive.apple.com.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from blockctl.dns.standby import Looked, why_aside
from blockctl.dns.told import Told, query, read
from blockctl.io.network import NetworkWatch
from blockctl.io.system_dns import ADDRESS, SystemDns
from blockctl.model.diagnostic import BlockctlError, WorldError

try:
    import fcntl
except ImportError:  # Windows, where nothing is watched
    fcntl = None  # type: ignore[assignment]

TICK = 2.0  # seconds between two questions to our resolver
SLOW = 1.0  # seconds that it may take for an answer
FAR = 3.0  # seconds for one that may come from outside
FOLLOW = 10.0  # seconds between looks at what others set
AGAIN = 10.0  # seconds between looks at the world while we are aside
SELDOM = 300.0  # and while all is well
FOUND = (0, 3)  # NOERROR, NXDOMAIN: somebody who knows was reached
START = 30.0  # seconds for the watchdog's process to come up
CLAIM = "watch.lock"
ENDED = "the watchdog was ended"


def ask(server: str, name: str, limit: float, port: int = 53) -> Told:
    """Ask one resolver for a name's address by UDP; never raises."""
    started = time.monotonic()
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    question = secrets.token_bytes(2) + query(name)[2:]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(limit)
            sock.connect((server, port))
            sock.send(question)
            while (wire := sock.recv(65_535))[:2] != question[:2]:  # late, to another question
                sock.settimeout(max(0.01, limit - (time.monotonic() - started)))
    except OSError as error:
        return Told(server, seconds=time.monotonic() - started, error=error.strerror or str(error) or "no answer")
    return read(server, wire, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class World:
    """What lies beyond this machine."""

    reaches: bool = True
    others_reach: bool = False
    portal: str = ""


class Probe(Protocol):
    """Asks around for the watchdog."""

    def answers(self) -> bool:
        """Whether our resolver answers at all."""

    def world(self, servers: list[str]) -> World:
        """Ask for what has to come from outside, of ours and of the network's resolvers."""

    def vpn(self) -> str:
        """Return the interface of a VPN that has the way out, "" without one."""


class RealProbe:
    """Asks by real sockets."""

    def __init__(self, address: str = ADDRESS, port: int = 53) -> None:
        self._address, self._port = address, port

    def answers(self) -> bool:
        """Whether our resolver answers at all, for a name of this machine."""
        return ask(self._address, "localhost", SLOW, self._port).answered

    def world(self, servers: list[str]) -> World:
        """Ask for a name that no cache can know, and for the page behind which portals stand."""
        from blockctl.io.checkup import PORTAL_HOST, outside

        name = f"blockctl-{secrets.token_hex(4)}.example.com"
        ours = ask(self._address, name, FAR, self._port)
        reaches = ours.answered and ours.rcode in FOUND
        others, portal = False, ""
        for server in servers[:3]:
            told = ask(server, PORTAL_HOST, FAR / 2)
            if told.reachable:
                others = True
                portal = outside(told.reachable[0])[0]
                break
        return World(reaches, others, portal)

    def vpn(self) -> str:
        """Return the interface of a VPN that has the way out, "" without one."""
        from blockctl.io.checkup import vpn_interface

        return vpn_interface()


class Watchdog:
    """Looks, and lets the system ask us or the network's resolvers."""

    def __init__(
        self, dns: SystemDns, probe: Probe, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._dns, self._probe, self._say, self._clock = dns, probe, say, clock
        self._answers: bool | None = None
        self._since = self._looked = self._followed = 0.0
        self._world = World()
        self._changed = True  # the network, since the last look

    def network_changed(self) -> None:
        """Look at the world again, soon."""
        self._changed = True

    def look(self) -> bool:
        """Look once and act; False when nobody wants us any more."""
        record = self._dns.record()
        if not record.wanted:
            self._dns.off()
            return False
        now = self._clock()
        if (answers := self._probe.answers()) != self._answers:
            self._answers, self._since = answers, now
        is_aside = bool(record.aside)
        if answers and (self._changed or now - self._looked >= (AGAIN if is_aside else SELDOM)):
            self._looked, self._changed = now, False
            self._followed = 0.0
            self._world = self._probe.world(self._dns.servers())
        vpn = self._probe.vpn()
        if vpn and not self._dns.has_resolver(vpn):
            vpn = ""
        world = self._world
        looked = Looked(answers, now - self._since, world.reaches, world.others_reach, world.portal, vpn)
        reason = why_aside(looked, is_aside=is_aside)
        if reason and not is_aside:
            self._say(f"the system asks the network's resolvers: {reason}")
            self._dns.step_aside(reason)
        elif not reason and is_aside:
            self._dns.come_back()
            self._say("the system asks blockctl again")
        elif not reason and now - self._followed >= FOLLOW:
            self._followed = now
            if self._dns.follow():
                self._say("the network changed; the system asks blockctl again")
        return True

    def end(self) -> None:
        """Give everything back until somebody watches again."""
        self._dns.step_aside(ENDED)


def watch(dns: SystemDns, folder: Path, say: Callable[[str], None]) -> int:
    """Watch until told to end (then all is given back), or until `dns off`. A second watchdog ends at once."""
    return asyncio.run(_watch(Watchdog(dns, RealProbe(), say), folder, say))


async def _watch(watchdog: Watchdog, folder: Path, say: Callable[[str], None]) -> int:
    loop = asyncio.get_running_loop()
    wake, ended = asyncio.Event(), False

    def end() -> None:
        nonlocal ended
        ended = True
        wake.set()

    def changed() -> None:
        watchdog.network_changed()
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    with watching(folder) as alone, contextlib.closing(NetworkWatch(changed)):
        while alone and not ended:
            try:
                if not watchdog.look():
                    return 0
            except BlockctlError as error:  # tried again: giving up would leave nobody to give back
                say(str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), TICK)
            wake.clear()
        if alone:
            watchdog.end()
    return 0


@contextlib.contextmanager
def watching(folder: Path) -> Iterator[bool]:
    """Be the watchdog while this lasts; False when another is. A kill ends the claim."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / CLAIM, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        yield _claim(handle)
    finally:
        os.close(handle)


def is_watched(folder: Path) -> bool:
    """Whether a watchdog runs."""
    if not (folder / CLAIM).exists():
        return False
    with watching(folder) as free:
        return not free


def start_detached(folder: Path) -> None:
    """Start a watchdog that outlives this command and its terminal, and wait until it watches.

    What it says goes into `watch.log`. Raises WorldError when it does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "watch.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "blockctl", "service", "watch"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    end = time.monotonic() + START
    while not is_watched(folder):
        if time.monotonic() > end:
            raise WorldError("the watchdog did not start", f"{folder / 'watch.log'} says why")
        time.sleep(0.1)


def _claim(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
