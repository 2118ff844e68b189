"""Questions to one upstream by UDP: each from a random port of its own, so that who forges an answer must guess it."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import Callable

from blockctl.io.upstream_link import OURSELVES, Fault, Try, fault_of

PORTS = 256


class UdpLink:
    """The way to one upstream by UDP."""

    def __init__(self, addresses: Callable[[], list[str]], port: int) -> None:
        self.loop = asyncio.get_running_loop()
        self._addresses = addresses
        self._port = port
        self.ports: dict[UdpPort, None] = {}

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
        if len(self.ports) >= PORTS:
            return random.choice(list(self.ports))  # noqa: S311  the id is still to be guessed, and the letters' case
        port = UdpPort(self, address, self._port)
        self.ports[port] = None
        return port

    def close(self) -> None:
        """End: nobody waits any more."""
        for port in list(self.ports):
            port.fail(Fault("the resolver stops", blame=False))


class UdpPort:
    """One socket, connected: the system drops what comes from another address."""

    __slots__ = ("_link", "_socket", "address", "pending")

    def __init__(self, link: UdpLink, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | getattr(socket, "SOCK_NONBLOCK", 0))
        try:
            self._socket.setblocking(False)
            self._socket.connect((address, port))  # the system chooses a random port of ours
        except OSError:
            self._socket.close()
            raise
        self._link = link
        self.address = address
        self.pending: dict[int, Try] = {}
        link.loop.add_reader(self._socket.fileno(), self._read)

    def send(self, each: Try) -> None:
        """Send a question under a random id."""
        while (key := int.from_bytes(os.urandom(2), "big")) in self.pending:
            pass
        each.key, each.holder = key, self
        self.pending[key] = each
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
            self.close()

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
            del self._link.ports[self]
