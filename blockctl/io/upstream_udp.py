"""Questions to one upstream by UDP, from random ports that change all the time, so that forgers must guess them.

RFC 5452, section 9.2, asks for ports and ids that nobody can foresee, and for several ports where several questions are
under way. The system chooses each port; a question that is under way has one of its own, up to `PORTS` of them; and a
port is given up after `USES` questions or `AGE` seconds, whichever comes first.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable

from blockctl.io import noise
from blockctl.io.upstream_link import OURSELVES, Fault, Try, fault_of

# A socket for every question costs 65 of 155 microseconds. So a port serves a few questions, one after another, and
# not for long: who forges answers has too little time to find it, and must guess id and letters besides.
USES = 16
AGE = 1.0  # seconds
IDLE = 8  # sockets kept without a question
PORTS = 256  # sockets open at a time to one upstream; beyond them questions share


class UdpLink:
    """The way to one upstream by UDP."""

    def __init__(self, addresses: Callable[[], list[str]], port: int) -> None:
        self.loop = asyncio.get_running_loop()
        self._addresses = addresses
        self._port = port
        self.ports: dict[UdpPort, None] = {}
        self._idle: list[UdpPort] = []

    def ask(self, each: Try) -> None:
        """Send a question."""
        addresses = self._addresses()
        if not addresses:
            each.failed(Fault("its name has no address"))
            return
        address = addresses[0]
        try:
            port = self._open(address)
        except OSError as error:
            if error.errno not in OURSELVES or not self.ports:
                each.failed(fault_of(error, "", address))
                return
            port = random.choice(list(self.ports))  # noqa: S311  whichever
        port.send(each)

    def _open(self, address: str) -> UdpPort:
        now = self.loop.time()
        while self._idle:
            port = self._idle.pop()
            if port.address == address and now < port.until:
                return port
            port.close()
        if len(self.ports) >= PORTS:
            return random.choice(list(self.ports))  # noqa: S311  the id is still to be guessed, and the letters' case
        port = UdpPort(self, address, self._port, now + AGE)
        self.ports[port] = None
        return port

    def rest(self, port: UdpPort) -> None:
        """Keep a socket for the next question, for a while."""
        if port.left > 0 and len(self._idle) < IDLE:
            self._idle.append(port)
        else:
            port.close()

    def forget(self, port: UdpPort) -> None:
        """Use a socket no more: it is closed."""
        self.ports.pop(port, None)
        if port in self._idle:
            self._idle.remove(port)

    def close(self) -> None:
        """End: nobody waits any more."""
        for port in list(self.ports):
            port.fail(Fault("the resolver stops", blame=False))


class UdpPort:
    """One socket, connected: the system drops what comes from another address."""

    __slots__ = ("_link", "_socket", "address", "left", "pending", "until")

    def __init__(self, link: UdpLink, address: str, port: int, until: float) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | getattr(socket, "SOCK_NONBLOCK", 0))
        try:
            if self._socket.gettimeout() != 0:
                self._socket.setblocking(False)
            self._socket.connect((address, port))  # the system chooses a random port of ours
        except OSError:
            self._socket.close()
            raise
        self._link = link
        self.address = address
        self.until = until
        self.left = USES
        self.pending: dict[int, Try] = {}
        link.loop.add_reader(self._socket.fileno(), self._read)

    def send(self, each: Try) -> None:
        """Send a question under a random id."""
        while (key := int.from_bytes(noise.take(2), "big")) in self.pending:
            pass
        each.key, each.holder = key, self
        self.pending[key] = each
        self.left -= 1
        try:
            self._socket.send(key.to_bytes(2, "big") + each.wire[2:])
        except BlockingIOError:  # the queue is full: as if lost on the way
            return
        except OSError as error:
            self.fail(fault_of(error, "", self.address))

    def drop(self, each: Try) -> None:
        """Wait for it no longer."""
        self.pending.pop(each.key, None)
        each.holder = None
        if not self.pending:
            self._link.rest(self)

    def fail(self, fault: Fault) -> None:
        """Tell all that wait, and end."""
        waiting = list(self.pending.values())
        self.pending.clear()
        self.close()
        for each in waiting:
            each.holder = None
            each.failed(fault)

    def _read(self) -> None:
        try:
            answer = self._socket.recv(65_535)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:  # an ICMP message: nobody listens there, or no way leads there
            self.fail(fault_of(error, "", self.address))
            return
        each = self.pending.get(int.from_bytes(answer[:2], "big")) if len(answer) > 1 else None
        if each is not None and each.received(answer) and each.holder is self:
            self.drop(each)

    def close(self) -> None:
        """End."""
        if self._socket.fileno() >= 0:
            self._link.loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._link.forget(self)
