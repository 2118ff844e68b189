"""Sockets that the system opened for us: systemd (sd_listen_fds(3)) and launchd (launch_activate_socket(3))."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
from collections.abc import Iterable, MutableMapping

from blockctl.io.listen import Inherited

FIRST = 3  # SD_LISTEN_FDS_START
NAMES = ("dns", "tls", "https")  # keys of `Sockets` in the launchd job
INTERNET = (socket.AF_INET, socket.AF_INET6)


def handed_over(environ: MutableMapping[str, str] | None = None) -> list[Inherited]:
    """Return the sockets handed over to this process; once only, so that no child takes them for its own."""
    found = _from_systemd(os.environ if environ is None else environ)
    if not found and sys.platform == "darwin":
        found = from_launchd(NAMES, ctypes.CDLL(None))
    return found


def _from_systemd(environ: MutableMapping[str, str]) -> list[Inherited]:
    told = [environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")]
    if told[0] != str(os.getpid()) or not told[1].isdecimal():
        return []
    names = told[2].split(":")
    found = []
    for number in range(int(told[1])):
        name = names[number] if number < len(names) else ""
        found += _adopt(FIRST + number, name)
    return found


def from_launchd(names: Iterable[str], library: ctypes.CDLL) -> list[Inherited]:
    """Ask launchd for the sockets under these names. A name that the job has not, or no job at all, gives none."""
    activate = library.launch_activate_socket
    activate.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.POINTER(ctypes.c_int)), ctypes.POINTER(ctypes.c_size_t)]
    activate.restype = ctypes.c_int
    library.free.argtypes = [ctypes.c_void_p]
    library.free.restype = None
    found = []
    for name in names:
        numbers, count = ctypes.POINTER(ctypes.c_int)(), ctypes.c_size_t()
        if activate(name.encode(), ctypes.byref(numbers), ctypes.byref(count)) != 0:
            continue
        for at in range(count.value):
            found += _adopt(numbers[at], name)
        library.free(numbers)
    return found


def _adopt(number: int, name: str) -> list[Inherited]:
    """Take one descriptor; one that is no socket of the internet is left alone."""
    try:
        sock = socket.socket(fileno=number)
    except OSError:
        return []
    if sock.family not in INTERNET or sock.type not in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        sock.detach()
        return []
    with contextlib.suppress(OSError):
        sock.set_inheritable(False)
    sock.setblocking(False)
    return [Inherited(sock, name)]
