"""What forwarding adds to an upstream's own time, beside Unbound and dnsdist: `python -m tests.bench.dns_forward`.

One stub answers by UDP, DoT, DoH and DoQ. Each forwarder is asked 200 different names a second by UDP, turn about in
rounds, and so is the stub itself by the transport under test: the difference at the median is what was added (the
processor's time of each is told too: it depends less on what else the machine does). A
peer that is not installed, or does not know a transport, is left out. Ours is `blockctl serve`, with rules, cache and
query log.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import HandshakeCompleted, QuicEvent, StreamDataReceived

from blockctl.dns.upstream_wire import pad
from tests.bench.measure import BLOCKCTL
from tests.io.doq_stub import DoqStub
from tests.io.upstream_stub import Certificate, Stub, make_certificate, query

TRANSPORTS = ("udp", "tls", "https", "quic")
HERE = "127.0.0.1"
ITSELF = "upstream itself"
PEERS = ("ours", "unbound", "dnsdist")


@dataclass(frozen=True)
class World:
    """Where everything is."""

    folder: Path
    ports: dict[str, int]  # transport -> port of the stub

    @property
    def certificate(self) -> Path:
        return self.folder / "cert.pem"

    def spelled(self, transport: str) -> str:
        port = self.ports[transport]
        return f"{HERE}:{port}" if transport == "udp" else f"{transport}://{HERE}:{port}#dns.test"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind((HERE, 0))
        return int(held.getsockname()[1])


def command_of(peer: str, transport: str, port: int, world: World) -> list[str] | None:
    """Return the command that starts a forwarder, None where it does not know the transport or is not there."""
    if peer == "ours":
        folder = world.folder / f"blockctl-{transport}"
        folder.mkdir()
        (folder / "policy.yaml").write_text(
            "version: 1\nlists: [{name: starter, path: 'builtin:starter'}]\nresolver:\n"
            f'  listen: ["{HERE}:{port}"]\n  upstreams: ["{world.spelled(transport)}"]\n'
        )
        return [*BLOCKCTL, "serve", "--policy", str(folder / "policy.yaml"), "--state", str(folder / "state")]
    if shutil.which(peer) is None or transport == "quic" or (peer, transport) == ("unbound", "https"):
        return None
    config = world.folder / f"{peer}-{transport}.conf"
    config.write_text((unbound if peer == "unbound" else dnsdist)(transport, port, world))
    return ["unbound", "-d", "-c", str(config)] if peer == "unbound" else [
        "dnsdist", "--supervised", "--disable-syslog", "-C", str(config)
    ]  # fmt: skip


def unbound(transport: str, port: int, world: World) -> str:
    tls = transport == "tls"
    address = f"{HERE}@{world.ports[transport]}" + ("#dns.test" if tls else "")
    return f"""server:
 username: "" \n chroot: "" \n directory: "{world.folder}" \n pidfile: "" \n use-syslog: no \n verbosity: 0
 interface: {HERE}@{port} \n do-not-query-localhost: no \n num-threads: 1 \n do-ip6: no
 module-config: "iterator" \n tls-cert-bundle: "{world.certificate}"
forward-zone:
 name: "." \n forward-addr: {address} \n forward-tls-upstream: {"yes" if tls else "no"}
"""


def dnsdist(transport: str, port: int, world: World) -> str:
    more = ""
    if transport != "udp":
        more = f", tls='openssl', subjectName='dns.test', caStore='{world.certificate}', validateCertificates=true"
    if transport == "https":
        more += ", dohPath='/dns-query'"
    server = f"newServer({{address='{HERE}:{world.ports[transport]}', healthCheckMode='up'{more}}})"
    return f"setLocal('{HERE}:{port}')\nsetSecurityPollSuffix('')\n{server}\n"


async def serve_stub(folder: Path) -> None:
    """Be the upstream: tell the ports, then serve until the end."""
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    udp, tls, https = Stub(), Stub(), Stub()
    await udp.both()
    await tls.tcp(tls=made.server())
    await https.tcp(tls=made.server("h2"), http=True)
    quic = await DoqStub().quic(made)
    for stub in (udp, tls, https, quic):
        stub.seen = Forgetful()
    print(udp.port, tls.port, https.port, quic.port, flush=True)
    await asyncio.Event().wait()


class Forgetful(list[tuple[str, bytes, object]]):
    """A stub's memory that keeps nothing, so that it does not slow down."""

    def append(self, _: tuple[str, bytes, object]) -> None:
        return


counter = itertools.count()


def by_udp(port: int, count: int, rate: float) -> list[float]:
    """Return the seconds that each of so many questions took, asked one after another at a steady rate."""
    took = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.connect((HERE, port))
        due = time.perf_counter()
        for _ in range(count):
            due += 1 / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            number = next(counter)
            wire = number.to_bytes(4, "big")[2:] + query(f"n{number}-{os.getpid()}.example.com")[2:]
            started = time.perf_counter()
            client.send(wire)
            with contextlib.suppress(TimeoutError):
                while (found := client.recv(4096))[:2] != wire[:2]:
                    pass
                took.append(time.perf_counter() - started)
                assert found[3] & 15 == 0 and found[7] == 1, found
    return took


def directly(world: World, transport: str, count: int, rate: float) -> list[float]:
    """Return the seconds that the upstream itself takes, asked by a client that does no more than it must."""
    if transport == "udp":
        return by_udp(world.ports["udp"], count, rate)
    if transport == "quic":
        return by_quic(world, count, rate)
    context = ssl.create_default_context(cafile=str(world.certificate))
    context.set_alpn_protocols(["h2" if transport == "https" else "dot"])
    took = []
    with (
        socket.create_connection((HERE, world.ports[transport])) as plain,
        context.wrap_socket(plain, server_hostname="dns.test") as client,
    ):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if transport == "https":  # the preface, an empty SETTINGS, a large window, and our word that theirs are read
            client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
            client.sendall(frame(8, 0, 0, (1 << 30).to_bytes(4, "big")) + frame(4, 1, 0, b""))
        due = time.perf_counter()
        for stream in range(1, 2 * count, 2):
            due += 1 / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            wire = pad(query(f"n{next(counter)}-{os.getpid()}.example.com"))
            started = time.perf_counter()
            if transport == "https":
                client.sendall(frame(1, 4, stream, HEAD) + frame(0, 1, stream, wire))
                while not answered(client, stream):
                    pass
            else:
                client.sendall(len(wire).to_bytes(2, "big") + wire)
                exactly(client, int.from_bytes(exactly(client, 2), "big"))
            took.append(time.perf_counter() - started)
    return took


def by_quic(world: World, count: int, rate: float) -> list[float]:
    """Ask by DNS over QUIC, with the library that we use too, but with nothing around it."""
    settings = QuicConfiguration(alpn_protocols=["doq"], server_name="dns.test", cafile=str(world.certificate))
    where, took = (HERE, world.ports["quic"]), []
    quic = QuicConnection(configuration=settings)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(where)
        quic.connect(where, now=time.monotonic())

        def exchange(until: Callable[[QuicEvent], bool]) -> None:
            while True:
                for data, _ in quic.datagrams_to_send(now=time.monotonic()):
                    client.send(data)
                client.settimeout(max(0.001, (quic.get_timer() or 0) - time.monotonic()))
                try:
                    quic.receive_datagram(client.recv(2048), where, now=time.monotonic())
                except TimeoutError:
                    quic.handle_timer(now=time.monotonic())
                while (event := quic.next_event()) is not None:
                    if until(event):
                        return

        exchange(lambda event: isinstance(event, HandshakeCompleted))
        due = time.perf_counter()
        for stream in range(0, 4 * count, 4):
            due += 1 / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            wire = pad(query(f"n{next(counter)}-{os.getpid()}.example.com"))
            started = time.perf_counter()
            quic.send_stream_data(stream, len(wire).to_bytes(2, "big") + wire, end_stream=True)
            exchange(lambda event: isinstance(event, StreamDataReceived) and event.end_stream)
            took.append(time.perf_counter() - started)
    return took


def literal(name: bytes, value: bytes) -> bytes:
    """Return a header as HPACK writes it without any table (RFC 7541, section 6.2.2)."""
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


HEAD = b"".join(
    literal(name, value)
    for name, value in (
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", b"dns.test"),
        (b":path", b"/dns-query"),
        (b"content-type", b"application/dns-message"),
    )
)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def answered(client: ssl.SSLSocket, stream: int) -> bool:
    """Read one frame; was it the last of that stream."""
    head = exactly(client, 9)
    exactly(client, int.from_bytes(head[:3], "big"))
    return head[3] == 0 and bool(head[4] & 1) and int.from_bytes(head[5:9], "big") == stream


def exactly(client: ssl.SSLSocket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = client.recv(size - len(found))
        if not more:
            raise ConnectionError("the stub closed")
        found += more
    return found


def cpu_of(process: int) -> float:
    """Return the microseconds of processor that all threads of a process have had."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in threads) / 1000


@contextlib.contextmanager
def running(command: list[str], ready: Callable[[], bool]) -> Iterator[int]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                if ready():
                    break
                time.sleep(0.1)
            yield process.pid
        finally:
            process.kill()


def answers(port: int) -> bool:
    with contextlib.suppress(OSError, AssertionError):
        return bool(by_udp(port, 1, 1000))
    return False


@dataclass
class Figures:
    """One forwarder over the rounds, in microseconds."""

    medians: list[float]
    cpu: list[float]  # a question


def measure(world: World, transport: str, rounds: int, count: int, rate: float) -> dict[str, Figures]:
    """Return the figures of the upstream itself and of every forwarder."""
    found = {ITSELF: Figures([], [])}
    with contextlib.ExitStack() as stack:
        started: dict[str, tuple[int, int]] = {}
        for peer in PEERS:
            port = free_port()
            if command := command_of(peer, transport, port, world):
                process = stack.enter_context(running(command, partial(answers, port)))
                started[peer] = port, process
                found[peer] = Figures([], [])
        for _ in range(rounds):
            found[ITSELF].medians.append(statistics.median(directly(world, transport, count, rate)) * 1e6)
            for peer, (port, process) in started.items():
                before = cpu_of(process)
                took = by_udp(port, count, rate)
                found[peer].cpu.append((cpu_of(process) - before) / count)
                found[peer].medians.append(statistics.median(took) * 1e6 if len(took) > count * 0.9 else float("nan"))
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--stub", type=Path)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--count", type=int, default=300)
    arguments.add_argument("--rate", type=float, default=200)
    arguments.add_argument("--by", action="append", choices=TRANSPORTS, help="this transport; as a rule each in turn")
    given = arguments.parse_args()
    if given.stub:
        asyncio.run(serve_stub(given.stub))
    else:
        report(given.rounds, given.count, given.rate, given.by or TRANSPORTS)


def show(transport: str, found: dict[str, Figures]) -> None:
    base = statistics.median(found[ITSELF].medians)
    for who, figures in found.items():
        middle = statistics.median(figures.medians)
        line = f"{transport:6} {who:16} {middle:7.0f}  ({min(figures.medians):.0f}-{max(figures.medians):.0f})"
        if who != ITSELF:
            line += f"  adds {middle - base:6.0f}  processor {statistics.median(figures.cpu):4.0f}"
        print(line, flush=True)


def report(rounds: int, count: int, rate: float, transports: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = make_certificate(Path(folder))
        os.environ["SSL_CERT_FILE"] = str(made.file)
        stub = [sys.executable, "-m", "tests.bench.dns_forward", "--stub", folder]
        with subprocess.Popen(stub, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                ports = [int(word) for word in process.stdout.readline().split()]
                world = World(Path(folder), dict(zip(TRANSPORTS, ports, strict=True)))
                print(f"{rounds} rounds of {count} questions, {rate:g} a second; medians in microseconds")
                for transport in transports:
                    show(transport, measure(world, transport, rounds, count, rate))
            finally:
                process.kill()


if __name__ == "__main__":
    main()
