"""Sockets to listen on: bound here, or handed over by systemd or launchd."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from blockctl.io.holder import holder
from blockctl.model.addresses import read_address
from blockctl.model.diagnostic import WorldError
from blockctl.model.listen import DNS_PATH, Listen, read_listen

BUFFER = 4 << 20  # bytes wanted for datagrams that wait; the system may give less
TRIES = 20  # for one free port in both UDP and TCP
UNPRIVILEGED = 1024


@dataclass(frozen=True, slots=True)
class Bound:
    """One place to listen at and its sockets: UDP and TCP for plain DNS, else only TCP."""

    listen: Listen  # with the port that was got
    tcp: socket.socket
    udp: socket.socket | None = None
    inherited: bool = False

    def close(self) -> None:
        """Give the port back."""
        self.tcp.close()
        if self.udp is not None:
            self.udp.close()


@dataclass(slots=True)
class Inherited:
    """A socket handed over, and the name it was given there."""

    sock: socket.socket
    name: str = ""

    @property
    def scheme(self) -> str:
        """What is spoken there if the policy does not say: dns, tls, https, or a word that means nothing."""
        return self.name.partition(".")[0].lower()


@dataclass(slots=True)
class Bindings:
    """All places, and what was handed over for nothing."""

    bound: list[Bound] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)  # spelled as a listen

    def close(self) -> None:
        """Give every port back."""
        for each in self.bound:
            each.close()


def bind(texts: Iterable[str], inherited: Sequence[Inherited] = (), share: bool = False) -> Bindings:
    """Bind every place, or take the socket that was handed over for it.

    `share`: other workers bind the same ports (SO_REUSEPORT); ask `bind` without it once before, to see that no
    stranger holds them. Raises WorldError, every port given back.
    """
    bindings = Bindings()
    left = list(inherited)
    try:
        for text in texts:
            listen = read_listen(text)
            tcp, udp = _take(left, listen, socket.SOCK_STREAM), None
            if listen.scheme == "dns":
                udp = _take(left, listen, socket.SOCK_DGRAM)
            bindings.bound.append(_bind(listen, tcp, udp, share))
        _adopt(left, bindings)
    except BaseException:
        bindings.close()
        raise
    return bindings


def _take(left: list[Inherited], listen: Listen, kind: int) -> socket.socket | None:
    for each in left:
        if each.sock.type == kind and _place(each.sock) == (listen.address, listen.port):
            left.remove(each)
            return each.sock
    return None


def _adopt(left: list[Inherited], bindings: Bindings) -> None:
    """Use sockets that the policy does not name, by the name they were handed over with: dns, tls or https."""
    streams = {_place(each.sock): each for each in left if each.sock.type == socket.SOCK_STREAM}
    datagrams = {_place(each.sock): each for each in left if each.sock.type == socket.SOCK_DGRAM}
    for place, each in streams.items():
        scheme = each.scheme
        path = DNS_PATH if scheme == "https" else ""
        if scheme in ("dns", "tls", "https") and (scheme != "dns" or place in datagrams):
            udp = datagrams.pop(place).sock if scheme == "dns" else None
            bindings.bound.append(Bound(Listen(scheme, *place, path), each.sock, udp, inherited=True))
        else:
            bindings.unused.append(str(Listen("dns", *place)))
            each.sock.close()
    for place, each in datagrams.items():
        bindings.unused.append(str(Listen("dns", *place)))
        each.sock.close()


def _place(sock: socket.socket) -> tuple[str, int]:
    address, port = sock.getsockname()[:2]
    return str(address).partition("%")[0], int(port)


def _bind(listen: Listen, tcp: socket.socket | None, udp: socket.socket | None, share: bool) -> Bound:
    if tcp is not None and (udp is not None or listen.scheme != "dns"):
        if udp is not None:
            _widen(udp)
        return Bound(listen, tcp, udp, inherited=True)
    for last in (port == TRIES - 1 for port in range(TRIES)):
        stream = tcp if tcp is not None else _one(listen, socket.SOCK_STREAM, share)
        got = Listen(listen.scheme, listen.address, _place(stream)[1], listen.path)
        if listen.scheme != "dns":
            return Bound(got, stream)
        try:
            datagram = udp if udp is not None else _one(got, socket.SOCK_DGRAM, share)
        except WorldError:
            stream.close()
            if last or listen.port:
                raise
            continue
        _widen(datagram)
        return Bound(got, stream, datagram)
    raise AssertionError("the last try returns or raises")


def _one(listen: Listen, kind: int, share: bool) -> socket.socket:
    address = read_address(listen.address)
    assert address is not None  # read_listen saw to it
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        sock = socket.socket(family, kind)
    except OSError as error:
        raise _cannot(listen, kind, error) from error
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:  # ours of a moment ago may linger; on UDP this would share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((listen.address, listen.port))
        if kind == socket.SOCK_STREAM:
            sock.listen(1024)  # SO_REUSEADDR lets two bind; only one may listen
    except OSError as error:
        sock.close()
        raise _cannot(listen, kind, error) from error
    return sock


def _widen(sock: socket.socket) -> None:
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)


def _cannot(listen: Listen, kind: int, error: OSError) -> WorldError:
    """Say why a place cannot be had, who holds it, and what to do."""
    name = "tcp" if kind == socket.SOCK_STREAM else "udp"
    free = {"dns": 5335, "tls": 8853}.get(listen.scheme, 8443)
    elsewhere = Listen(listen.scheme, listen.address, free + (free == listen.port), listen.path)
    if error.errno == errno.EADDRINUSE:
        who = holder(listen.address, listen.port, name)
        hint = f"stop it, or listen elsewhere: {elsewhere}"
        if who.startswith("systemd-resolve"):
            hint = (
                f"listen on 127.0.0.1:{listen.port}, which it leaves free, or set DNSStubListener=no in resolved.conf"
            )
        return WorldError(f"cannot listen on {listen}: {who or 'another program'} holds its {name.upper()} port", hint)
    if error.errno in (errno.EACCES, errno.EPERM) and listen.port < UNPRIVILEGED:
        return WorldError(f"cannot listen on {listen}: this user may not use ports below 1024", _rights(elsewhere))
    if error.errno == errno.EADDRNOTAVAIL:
        show = "ip address" if sys.platform == "linux" else "ifconfig"
        return WorldError(
            f"cannot listen on {listen}: this machine has no such address", f"`{show}` shows those it has"
        )
    if error.errno == errno.EAFNOSUPPORT:
        return WorldError(f"cannot listen on {listen}: IPv{6 if ':' in listen.address else 4} is switched off here")
    return WorldError(f"cannot listen on {listen}: {error.strerror or error}")


def _rights(elsewhere: Listen) -> str:
    if sys.platform != "linux":
        return f"use sudo or a launchd service, or listen on {elsewhere}"
    return (
        f"use sudo, a systemd socket, `sudo setcap cap_net_bind_service=+ep $(readlink -f {sys.executable})`,"
        f" or listen on {elsewhere}"
    )
