"""Changes of a running `blockctl serve` with 1,000,000 names: `python -m tests.bench.dns_live`.

How long from the start to the first blocked answer; from the save of an edit of the policy to the answer that obeys it,
and the longest silence meanwhile, for policies of 10 and of 1,000 entries; and how many of 1,000 queries a second are
lost while all names are compiled anew and swapped. Linux, about two minutes.
"""

from __future__ import annotations

import socket
import statistics
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.dns_serve import make_names
from tests.bench.measure import BLOCKCTL, machine
from tests.dns.octets import header, question
from tests.serve.running import Running, Upstream, free_port, start

EDITS = 15
STARTS = 7
RATE = 1_000  # queries a second
POLICY = """\
version: 1
hosts:
  deny: [{denied}]
lists:
  - {{name: million, path: list.txt, match: subtree, use: [dns]}}
resolver:
  listen: ["127.0.0.1:PORT"]
  upstreams: ["127.0.0.1:{upstream}"]
"""


def wire(name: str) -> bytes:
    """Return a query for a name, with id 0."""
    return header() + question(b"".join(bytes((len(each),)) + each.encode() for each in name.split(".")) + b"\0")


def is_blocked(port: int, name: str, patience: float = 0.02) -> bool:
    """Ask once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(patience)
        sock.connect(("127.0.0.1", port))
        try:
            sock.send(wire(name))
            return sock.recv(4096)[3] & 15 == 3
        except OSError:
            return False


@dataclass
class Probe:
    """Asks one name all the time, and knows the longest time between two answers, and what was lost."""

    port: int
    name: str
    rate: float
    silence: float = 0.0  # seconds
    sent: int = 0
    answered: int = 0
    ended: bool = False
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Probe:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(0.5)
        self.sock.connect(("127.0.0.1", self.port))
        self.threads = [threading.Thread(target=each) for each in (self._ask, self._hear)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True
        for thread in self.threads:
            thread.join()
        self.sock.close()

    def _ask(self) -> None:
        due = time.perf_counter()
        query = wire(self.name)[2:]
        while not self.ended:
            self.sock.send(struct.pack("!H", self.sent & 0xFFFF) + query)
            self.sent += 1
            due += 1 / self.rate
            time.sleep(max(0.0, due - time.perf_counter()))

    def _hear(self) -> None:
        last = time.perf_counter()
        while not self.ended or self.answered < self.sent:
            try:
                self.sock.recv(4096)
            except TimeoutError:
                if self.ended:
                    return
                continue
            now = time.perf_counter()
            self.silence, last = max(self.silence, now - last), now
            self.answered += 1


def seconds_until(holds: Callable[[], bool], patience: float = 120) -> float:
    """Wait for something, and return how long it took."""
    began = time.perf_counter()
    while not holds():
        if time.perf_counter() - began > patience:
            raise TimeoutError
        time.sleep(0.0005)
    return time.perf_counter() - began


def edits(running: Running, entries: int, upstream: int) -> tuple[list[float], float]:
    """Return the seconds until each edit was live, and the longest silence."""
    took = []
    denied = [f"host{number}.denied.example" for number in range(entries)]

    def save(names: list[str]) -> None:
        text = POLICY.format(denied=", ".join(names), upstream=upstream).replace("PORT", str(running.port))
        new = running.policy.with_name(".policy.new")
        new.write_text(text)
        new.replace(running.policy)

    save(denied)
    seconds_until(lambda: is_blocked(running.port, denied[-1]))
    with Probe(running.port, "warm.allowed.example", 500) as probe:
        for number in range(EDITS):
            time.sleep(0.3)
            name = f"edit{number}.of{entries}.example"
            save([*denied, name])
            took.append(seconds_until(lambda name=name: is_blocked(running.port, name)))  # type: ignore[misc]
    return took, probe.silence


def main() -> None:
    names = make_names()
    upstream = Upstream()
    print(machine())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        port = free_port()
        policy = POLICY.format(denied="telemetry.example", upstream=upstream.port).replace("PORT", str(port))
        (folder / "policy.yaml").write_text(policy)
        (folder / "list.txt").write_text("\n".join(names))
        where = ["--policy", str(folder / "policy.yaml"), "--state", str(folder / "state")]
        subprocess.run([*BLOCKCTL, "compile", "resolver", *where], check=True, stdout=subprocess.DEVNULL)
        with start(folder, port) as running:
            for entries in (10, 1000):
                took, silence = edits(running, entries, upstream.port)
                print(
                    f"edit of {entries:,} entries live after {statistics.median(took) * 1000:.0f} ms"
                    f" (longest {max(took) * 1000:.0f}), longest silence {silence * 1000:.1f} ms",
                    flush=True,
                )
            with Probe(port, "warm.allowed.example", RATE) as probe:
                (folder / "list.txt").write_text("\n".join([*names, "swapped-in.example"]))
                live = seconds_until(lambda: is_blocked(port, "swapped-in.example"))
            lost = probe.sent - probe.answered
            print(
                f"1,000,000 names swapped after {live:.1f} s: {lost} of {probe.sent:,} queries lost,"
                f" longest silence {probe.silence * 1000:.1f} ms",
                flush=True,
            )
        first = []
        for _ in range(STARTS):
            began = time.perf_counter()
            with start(folder, port, wait=False):
                seconds_until(lambda: is_blocked(port, names[0], 0.005))
                first.append(time.perf_counter() - began)
        middle, best = statistics.median(first) * 1000, min(first) * 1000
        print(f"first blocked answer {middle:.0f} ms after the start (shortest {best:.0f})")
    upstream.close()


if __name__ == "__main__":
    main()
