"""Tells when this machine's network changes: another address, another way out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable

SOON = 0.3  # seconds for the system to finish what it does in several steps
# <linux/rtnetlink.h>: RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE
GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400


class NetworkWatch:
    """Calls `changed` in the loop after the system spoke of a change; never where it does not speak."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._soon: asyncio.TimerHandle | None = None
        self._socket = _listen()
        if self._socket is not None:
            self._loop.add_reader(self._socket.fileno(), self._read)

    def close(self) -> None:
        """End."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        if self._soon is not None:
            self._soon.cancel()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # more than the queue holds: something changed all the same
            if self._socket is not None:
                self._socket.recv(65_535)
        if self._soon is None:
            self._soon = self._loop.call_later(SOON, self._tell)

    def _tell(self) -> None:
        self._soon = None
        self._changed()


def own_addresses() -> list[str]:
    """Return this machine's addresses: of itself, and those by which it reaches the world. No packet is sent."""
    found = []
    for family, own, far in ((socket.AF_INET, "127.0.0.1", "192.0.2.1"), (socket.AF_INET6, "::1", "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            found.append(own)
            sock.connect((far, 53))
            found.append(str(sock.getsockname()[0]))
    return list(dict.fromkeys(found))


def _listen() -> socket.socket | None:
    """Return a socket on which the system tells of changes: netlink(7), or route(4) of the BSDs and macOS."""
    try:
        if sys.platform == "linux":
            made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            made.setblocking(False)
            made.bind((0, GROUPS))
            return made
        if hasattr(socket, "AF_ROUTE"):
            made = socket.socket(socket.AF_ROUTE, socket.SOCK_RAW, 0)
            made.setblocking(False)
            return made
    except OSError:
        pass
    return None


def own_address(towards: str) -> str:
    """Return the address from which this machine would speak to another; "" where no way leads there.

    Nothing is sent: a UDP socket is connected, which only chooses the way.
    """
    family = socket.AF_INET6 if ":" in towards else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((towards, 53))
            return str(probe.getsockname()[0])
    except OSError:
        return ""
