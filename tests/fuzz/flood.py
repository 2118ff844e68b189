"""Spoilt packets in volume: `python -m tests.fuzz.flood --packets 1000000 --seed 1 [--sockets]`.

Without `--sockets` they go through `Resolver.answer`, `finish` and the hot path in this process; with it, through UDP
and TCP to a server that runs. Exit status: 0 nothing found, 1 something found (it is told, and to be kept as a test).
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random

from blockctl.dns.cache import Cache
from blockctl.dns.exchange import Client, Forward, Reply, Transport
from blockctl.dns.fast import Fast
from blockctl.dns.groups import Groups
from blockctl.dns.local import Local
from blockctl.dns.resolver import Resolver
from blockctl.model.policy import Policy
from blockctl.model.policy import Resolver as Settings
from tests.dns.octets import name_end
from tests.dns.ruleworlds import rules
from tests.fuzz.messages import check, to_the_question
from tests.fuzz.packets import answers, queries, spoilt
from tests.serve.running import Upstream, ask_udp, serving

LIST = "||ads.example^\n@@||free.ads.example^\n|www.shop.example^\n||denied.example^$dnstype=~A\n/^x\\d+\\./\n"
SETTINGS = Settings(upstreams=("192.0.2.53",), records={"nas.example": ("192.168.1.9",)}, dns64="64:ff9b::/96")
CLIENTS = (Client("192.0.2.50"), Client("192.0.2.50", Transport.TCP), Client("2001:db8::5", Transport.DOH, "ipad"))
RECORD = b"\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\5\4text"  # a TXT record of the name asked for
SLOWEST = 1.0  # seconds for one packet: more is a finding, on any machine
PART = 50_000
POLICY = """\
version: 1
lists:
  - {{name: mine, path: list.txt}}
resolver:
  listen: ["127.0.0.1:PORT"]
  upstreams: ["127.0.0.1:{upstream}"]
"""


class Plain(Upstream):
    """Answers one record to whatever has a question."""

    def _made(self, wire: bytes) -> bytes | None:
        end = name_end(wire, 12) + 4
        return wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + wire[12:end] + RECORD


def main(arguments: Sequence[str]) -> int:
    """Do what is asked for, and tell what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.flood", description=__doc__)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sockets", action="store_true")
    options = parser.parse_args(arguments)
    started, worked = time.monotonic(), time.process_time()
    run = through_sockets if options.sockets else through_answer
    findings, outcomes = run(options.packets, options.seed)
    told = ", ".join(f"{name} {count:,}" for name, count in outcomes.most_common())
    print(f"{options.packets:,} packets, seed {options.seed}: {len(findings)} findings; {told}")
    print(f"{time.monotonic() - started:.0f} s, of them {time.process_time() - worked:.0f} s of this process's work")
    for finding in findings[:20]:
        print(finding)
    return 1 if findings else 0


def through_answer(packets: int, seed: int) -> tuple[list[str], Counter[str]]:
    """Put packets to the resolver, and spoilt answers to what it asks; hold the hot path to it."""
    findings: list[str] = []
    outcomes: Counter[str] = Counter()
    made, told = spoilt(random := Random(seed), queries()), spoilt(random, answers(), whole=0.4)
    for first in range(0, packets, PART):
        server, fast = world()  # a cache that many packets share, but not for ever
        for at, wire in enumerate(islice(made, min(PART, packets - first))):
            answer, begun = next(told), time.thread_time()
            try:
                outcomes[put(server, fast, wire, answer, at)] += 1
            except Exception as error:
                findings.append(f"{type(error).__name__}: {error}: {wire.hex()} {answer.hex()}")
            if time.thread_time() - begun > SLOWEST:
                findings.append(f"slow: {wire.hex()} {answer.hex()}")
    return findings, outcomes


def world() -> tuple[Resolver, Fast]:
    """Return a resolver and the hot path before it."""
    made, local = rules(Policy("policy", resolver=SETTINGS), LIST), Local(SETTINGS)
    cache = Cache(SETTINGS.cache_size, SETTINGS.stale)
    server = Resolver(SETTINGS, lambda client: made, cache, local, Groups(SETTINGS))
    return server, Fast(made, SETTINGS.answer, local.names)


def put(server: Resolver, fast: Fast, wire: bytes, answer: bytes, at: int) -> str:
    """Put one packet to it, as a client's turn; return what became of it."""
    client, now = CLIENTS[at % 3], 0.3 * at
    step, asked = server.answer(wire, client, now), 0
    if client is CLIENTS[0] and len(wire) > 12 and (hot := fast.blocked(wire[2:])) is not None:
        assert isinstance(step, Reply), "the hot path answers what the resolver does not"
        assert wire[:2] + hot == step.wire, f"the hot path answers {hot.hex()}"
    while isinstance(step, Forward):
        asked += 1
        assert asked < 40, "it asks without end"
        step = server.finish(step, to_the_question(step.wire, None if at % 7 == asked else answer), now)
    if step is None:
        return "dropped"
    check(step, wire, client)
    return step.outcome.name.lower()


def through_sockets(packets: int, seed: int) -> tuple[list[str], Counter[str]]:
    """Put packets to a server that runs, nine in ten by UDP; it has to answer a good query every thousand."""
    findings: list[str] = []
    outcomes: Counter[str] = Counter()
    made = spoilt(random := Random(seed), queries())
    upstream = Plain()
    with tempfile.TemporaryDirectory() as folder:
        policy = POLICY.format(upstream=upstream.port)
        with serving(Path(folder), policy, **{"list.txt": LIST}) as running:
            for _ in range(0, packets, 1000):
                part = list(islice(made, 1000))
                try:
                    outcomes["answered by UDP"] += by_udp(running.port, part[:900])
                    outcomes["answered by TCP"] += by_tcp(running.port, part[900:], random)
                    alive = running.code("ads.example") == "NXDOMAIN"
                except OSError:
                    alive = False
                if not alive or running.process.poll() is not None:
                    findings.append(f"no answer after {[each.hex() for each in part]}")
                    break
            findings += [line for line in running.said().splitlines() if "fault" in line or "Traceback" in line]
    upstream.close()
    return findings, outcomes


def by_udp(port: int, packets: Sequence[bytes]) -> int:
    """Send packets, a few at a time; return how many answers came."""
    found = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for at in range(0, len(packets), 30):
            for packet in packets[at : at + 30]:
                sock.send(packet)
            ask_udp(port, queries()[0])  # behind them all: they were read
            found += sum(1 for _ in received(sock))
    return found


def received(sock: socket.socket) -> Iterator[bytes]:
    """Yield what is there."""
    with contextlib.suppress(BlockingIOError):
        while True:
            yield sock.recv(65535, socket.MSG_DONTWAIT)


def by_tcp(port: int, packets: Sequence[bytes], random: Random) -> int:
    """Send packets over connections, ten each; in every third one the lengths lie, or the bytes come in pieces."""
    found = 0
    for at in range(0, len(packets), 10):
        lengths = [len(each) for each in packets[at : at + 10]]
        if random.random() < 0.3:
            lengths[random.randrange(len(lengths))] = random.randrange(65536)
        data = b"".join(
            struct.pack("!H", length) + each for length, each in zip(lengths, packets[at : at + 10], strict=True)
        )
        with socket.create_connection(("127.0.0.1", port), 20) as sock, contextlib.suppress(ConnectionError):
            cut = random.randrange(len(data) + 1)
            sock.sendall(data[:cut])
            sock.sendall(data[cut:])
            with contextlib.suppress(OSError):  # it has closed already
                sock.shutdown(socket.SHUT_WR)
            rest = bytearray()
            while more := sock.recv(65535):
                rest += more
            while len(rest) > 1:
                del rest[: 2 + int.from_bytes(rest[:2], "big")]
                found += 1
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
