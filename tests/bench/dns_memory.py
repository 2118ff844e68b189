"""Memory of `blockctl serve` with 1,000,000 names: `python -m tests.bench.dns_memory [--queries N] [--log LEVEL]`.

It is asked for a million different names, half of them blocked, half of them unknown so far, and its rules are made
anew ten times. Resident memory is told at rest (the smallest of two seconds) and at its peak. Linux, several minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.dns_serve import make_names
from tests.bench.measure import machine
from tests.dns.octets import NAME, header, name_end, question
from tests.serve.running import Running, serving

RELOADS = 10
WINDOW = 60  # queries under way
REST = 2.5  # seconds
POLICY = """\
version: 1
lists:
  - {{name: million, path: list.txt, match: subtree, use: [dns]}}
resolver:
  listen: ["127.0.0.1:PORT"]
  upstreams: ["127.0.0.1:{upstream}"]
  log: {log}
"""


@dataclass
class Memory:
    """What a process has in memory, looked at fifty times a second."""

    pid: int
    seen: list[tuple[float, float]] = field(default_factory=list)  # MB: all, and its own (not of files)
    ended: bool = False

    def __post_init__(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            while not self.ended:
                self.seen.append(self.now())
                time.sleep(0.02)

    def now(self) -> tuple[float, float]:
        """Return what there is now, in MB: all, and its own."""
        said = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        whole, own = (int(said[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))
        return whole, own

    def tell(self, what: str) -> float:
        """Tell how much it is at rest, and the peak since the last time; return the first."""
        peak = max(whole for whole, _ in self.seen)
        self.seen.clear()
        time.sleep(REST)
        whole, own = (min(column) for column in zip(*self.seen, strict=True))
        print(f"{what:32} {whole:6.1f} MB at rest, {own:6.1f} of its own, {peak:6.1f} at the peak", flush=True)
        self.seen.clear()
        return whole


def answer_all(sock: socket.socket) -> None:
    """Answer every query with one address, for ever: a process of its own."""
    while True:
        wire, address = sock.recvfrom(4096)
        end = name_end(wire, 12) + 4
        sock.sendto(
            wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + wire[12:end] + b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1", address
        )


@contextlib.contextmanager
def upstream() -> Iterator[int]:
    """Run an upstream; yield its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        if not (process := os.fork()):
            answer_all(sock)
        try:
            yield int(sock.getsockname()[1])
        finally:
            os.kill(process, 9)
            os.waitpid(process, 0)


def wire(name: bytes) -> bytes:
    """Return a query for a name."""
    labels = b"".join(bytes((len(label),)) + label for label in name.split(b"."))
    return header() + question(labels + b"\0")


def ask_all(port: int, wires: Iterator[bytes]) -> int:
    """Ask everything, some at a time; return how many got no answer."""
    sent = lost = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(3)
        waiting = 0
        for each in wires:
            sock.send(each)
            sent, waiting = sent + 1, waiting + 1
            while waiting >= WINDOW:
                try:
                    sock.recv(4096)
                    waiting -= 1
                except TimeoutError:
                    lost, waiting = lost + waiting, 0
        with contextlib.suppress(TimeoutError):
            while waiting:
                sock.recv(4096)
                waiting -= 1
    return lost + waiting


def mixed(names: list[bytes], first: int, count: int) -> Iterator[bytes]:
    """Yield queries for names that are blocked, and as many for names that nobody asked for before."""
    for at in range(first, first + count, 2):
        yield wire(names[at // 2 % len(names)])
        yield header() + question(b"\x09" + b"%09d" % at + NAME)


def is_up(running: Running) -> bool:
    """Whether it answers; at the first start it compiles before."""
    try:
        return running.ask("localhost", timeout=0.5).header.rcode == 0
    except OSError:
        return False


def reload(running: Running, number: int) -> None:
    """Change one name of the list and wait until the rules are the new ones."""
    with (running.folder / "list.txt").open("a") as file:
        file.write(f"reload{number}.example\n")
    while running.code(f"reload{number}.example") != "NXDOMAIN":
        time.sleep(0.1)


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dns_memory", description=__doc__)
    parser.add_argument("--queries", type=int, default=1_000_000)
    parser.add_argument("--reloads", type=int, default=RELOADS)
    parser.add_argument("--log", default="full")
    options = parser.parse_args()
    print(machine())
    names = make_names()
    with tempfile.TemporaryDirectory() as folder, upstream() as port:
        text = "\n".join(names) + "\n"
        policy = POLICY.format(upstream=port, log=options.log)
        asked = [name.encode() for name in names[: options.queries // 2]]
        del names
        with serving(Path(folder), policy, wait=False, **{"list.txt": text}) as running:
            while not is_up(running):
                time.sleep(0.5)
            measure(running, asked, options.queries, options.reloads)
    return 0


def measure(running: Running, asked: list[bytes], queries: int, reloads: int) -> None:
    """Put the questions, make the rules anew, and tell what memory came of it."""
    memory = Memory(running.process.pid)
    time.sleep(4)
    at_rest = [memory.tell("after the start")]
    tenth = queries // 10
    for part in range(10):
        lost = ask_all(running.port, mixed(asked, part * tenth, tenth))
        at_rest.append(memory.tell(f"{(part + 1) * tenth:,} look-ups, {lost} lost"))
    for number in range(reloads):
        reload(running, number)
        at_rest.append(memory.tell(f"{number + 1} reloads"))
    memory.ended = True
    warm = at_rest[2]
    print(f"growth since {2 * tenth:,} look-ups: {100 * (at_rest[-1] / warm - 1):+.1f} %")


if __name__ == "__main__":
    sys.exit(main())
