"""Blocked and cached answers a second beside dnsmasq, Unbound and dnsdist: `python -m tests.bench.dns_serve`.

All servers hold the same 1,000,000 names and are up at once; they are asked turn about, in rounds, so that what else
the machine does hurts all alike. A server has core 0, the load (`load.c`, made by gcc) core 1. Where the machine is
busy compare the processor's time per answer. Peers that are not installed are left out. Linux, about three minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.measure import BLOCKCTL, machine

NAMES = 1_000_000
ASKED = {"blocked": 100_000, "cached": 5_000}
OUTSTANDING = 200
GENTLY = 20  # outstanding, while a cache is filled
FILLS = 60  # seconds at most
WAIT = 180.0  # seconds for a server to block
SYLLABLES = [first + last for first in "bdfklmnprstvwz" for last in "aeiou"]
PARTS = ["www", "ads", "cdn", "track", "pixel", "stats", "m", "img", "api", "t"]
ENDS = ["com", "com", "com", "net", "org", "de", "co.uk", "io", "info", "ru"]


@dataclass
class Server:
    """One that runs, and what was seen of it."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    start: float  # seconds to the first blocked answer
    seen: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # answers a second, microseconds of each

    def spent(self) -> float:
        """Seconds of processor time so far, of all threads and processes."""
        return sum(
            int((task / "schedstat").read_text().split()[0]) / 1e9
            for pid in family(self.process.pid)
            for task in Path(f"/proc/{pid}/task").iterdir()
        )

    def resident(self) -> float:
        """MB of memory."""
        return sum(
            int(line.split()[1]) / 1024
            for pid in family(self.process.pid)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmRSS")
        )


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def make_names() -> list[str]:
    """Return distinct names of 2 to 4 labels, 19 characters at the median; a fifth are below others."""
    rng = random.Random(20)
    names: dict[str, None] = {}
    registered: list[str] = []
    while len(names) < NAMES:
        if len(registered) < 1000 or rng.random() < 0.55:
            label = "".join(rng.choices(SYLLABLES, k=rng.randint(3, 6))) + rng.choice(["", "", str(rng.randrange(999))])
            registered.append(f"{label}.{rng.choice(ENDS)}")
            names[registered[-1]] = None
        elif rng.random() < 0.5:
            names[f"{rng.choice(PARTS)}.{rng.choice(registered)}"] = None
        else:
            below = "".join(rng.choices("0123456789abcdef", k=8))
            label = "".join(rng.choices(SYLLABLES, k=4))
            names[f"{below}.{rng.choice(PARTS)}-{label}.{rng.choice(ENDS)}"] = None
    return list(names)


def ours(folder: Path, port: int, upstream: int, log: str) -> list[str]:
    policy = folder / "policy.yaml"
    policy.write_text(
        "version: 1\nlists:\n  - {name: big, path: ../names.txt, match: subtree}\nresolver:\n"
        f'  listen: ["127.0.0.1:{port}"]\n  upstreams: ["127.0.0.1:{upstream}"]\n  log: {log}\n'
    )
    return [*BLOCKCTL, "serve", "--policy", str(policy), "--state", str(folder / "state")]


def dnsmasq(folder: Path, port: int, upstream: int) -> list[str]:
    block = "".join(f"address=/{name}/\n" for name in (folder.parent / "names.txt").read_text().split())
    (folder / "conf").write_text(
        f"port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nserver=127.0.0.1#{upstream}\n"
        f"cache-size=10000\nuser=root\npid-file=\n{block}"
    )
    return ["dnsmasq", "-k", "-C", str(folder / "conf")]


def unbound(folder: Path, port: int, upstream: int) -> list[str]:
    names = (folder.parent / "names.txt").read_text().split()
    block = "".join(f' local-zone: "{name}" always_nxdomain\n' for name in names)
    (folder / "conf").write_text(
        f'server:\n interface: 127.0.0.1@{port}\n port: {port}\n num-threads: 1\n do-daemonize: no\n username: ""\n'
        f' chroot: ""\n directory: "{folder}"\n pidfile: ""\n use-syslog: no\n do-not-query-localhost: no\n'
        ' module-config: "iterator"\n so-rcvbuf: 4m\n msg-cache-size: 64m\n rrset-cache-size: 128m\n'
        f' minimal-responses: yes\n{block}forward-zone:\n name: "."\n forward-addr: 127.0.0.1@{upstream}\n'
    )
    return ["unbound", "-d", "-c", str(folder / "conf")]


def dnsdist(folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "conf.lua").write_text(
        f"setLocal('127.0.0.1:{port}')\nnewServer({{address='127.0.0.1:{upstream}', healthCheckMode='up'}})\n"
        "setSecurityPollSuffix('')\ngetPool(''):setCache(newPacketCache(20000, {maxTTL=86400}))\n"
        "setUDPMultipleMessagesVectorSize(64)\nblock = newSuffixMatchNode()\n"
        f"for name in io.lines('{folder.parent}/names.txt') do block:add(newDNSName(name)) end\n"
        "addAction(SuffixMatchNodeRule(block), RCodeAction(DNSRCode.NXDOMAIN))\n"
    )
    return ["dnsdist", "-C", str(folder / "conf.lua"), "--supervised", "--disable-syslog"]


SERVERS: dict[str, Callable[[Path, int, int], list[str]]] = {
    "blockctl": lambda folder, port, upstream: ours(folder, port, upstream, "off"),
    "blockctl, log on": lambda folder, port, upstream: ours(folder, port, upstream, "full"),
    "dnsmasq": dnsmasq,
    "unbound": unbound,
    "dnsdist": dnsdist,
}


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def is_blocked(name: str, port: int) -> bool:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.05)
        sock.connect(("127.0.0.1", port))
        with contextlib.suppress(OSError):
            sock.send(b"\0\1\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1")
            return sock.recv(4096)[3] & 15 == 3
    return False


def start(name: str, folder: Path, upstream: int, listed: str) -> Server:
    port = free_port()
    command = SERVERS[name](folder, port, upstream)
    begun = time.perf_counter()
    process = subprocess.Popen(
        ["taskset", "-c", "0", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    server = Server(name, port, process, 0.0)
    while not is_blocked(listed, port):
        if process.poll() is not None or time.perf_counter() > begun + WAIT:
            stop(server)
            raise SystemExit(f"{name} does not come up: {' '.join(command)}")
        time.sleep(0.002)
    server.start = time.perf_counter() - begun
    return server


def stop(server: Server) -> None:
    server.process.terminate()
    try:
        server.process.wait(10)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


@contextlib.contextmanager
def running(names: list[str], root: Path, upstream: int, listed: str) -> Iterator[list[Server]]:
    servers: list[Server] = []
    try:
        for at, name in enumerate(names):
            folder = root / f"server{at}"
            folder.mkdir()
            if name.startswith("blockctl"):  # the first start compiles; what counts is a start after that
                stop(start(name, folder, upstream, listed))
            servers.append(start(name, folder, upstream, listed))
            print(f"{name}: first blocked answer after {servers[-1].start * 1000:.0f} ms", flush=True)
        yield servers
    finally:
        for server in servers:
            stop(server)


def load(binary: Path, server: Server, file: Path, *how: str) -> tuple[int, int, float, int]:
    """Return the answers, those lost, the seconds, and how many were blocked."""
    command = ["taskset", "-c", "1", binary, "load", str(server.port), file, *how]
    answers, lost, seconds, blocked = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(answers), int(lost), float(seconds), int(blocked)


def fill(binary: Path, server: Server, file: Path) -> None:
    """Ask, gently, until all names must have been answered from the cache."""
    for _ in range(FILLS):
        if load(binary, server, file, "1", str(GENTLY))[0] > 2 * ASKED["cached"]:
            return
    raise SystemExit(f"{server.name} does not keep its answers")


def measure(binary: Path, server: Server, kind: str, file: Path, seconds: int) -> None:
    before = server.spent()
    answers, _, took, blocked = load(binary, server, file, str(seconds), str(OUTSTANDING))
    if blocked != (answers if kind == "blocked" else 0):
        raise SystemExit(f"{server.name}: {blocked} of {answers} answers to {kind} names are blocked")
    server.seen.setdefault(kind, []).append((answers / took, (server.spent() - before) / answers * 1e6))


def report(servers: list[Server]) -> None:
    peers = [each.name for each in servers if not each.name.startswith("blockctl")]
    print(f"\n{machine()}; ratios of answers a second (of processor time)\n")
    print("| server | names | answers/s | us each |", " | ".join(peers), "| first blocked ms | resident MB |")
    print("|---|---|---:|---:|" + "---:|" * (len(peers) + 2))
    for kind in ASKED:
        middle = {
            each.name: [statistics.median(column) for column in zip(*each.seen[kind], strict=True)] for each in servers
        }
        for each in servers:
            rate, cost = middle[each.name]
            ratios = [f"{rate / middle[peer][0]:.2f} ({middle[peer][1] / cost:.2f})" for peer in peers]
            print(f"| {each.name} | {kind} | {rate:,.0f} | {cost:.2f} |", " | ".join(ratios), end=" | ")
            print(f"{each.start * 1000:.0f} | {each.resident():.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("servers", nargs="*", default=[*SERVERS], help=", ".join(SERVERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each run")
    given = parser.parse_args()
    here = [each for each in given.servers if each.startswith("blockctl") or shutil.which(each)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        binary = root / "load"
        subprocess.run(["gcc", "-O2", "-o", binary, Path(__file__).with_name("load.c")], check=True)
        names = make_names()
        (root / "names.txt").write_text("\n".join(names) + "\n")
        asked = {"blocked": random.Random(1).sample(names, ASKED["blocked"])}
        asked["cached"] = [f"{PARTS[at % 10]}.host{at}.allowed.example" for at in range(ASKED["cached"])]
        files = {kind: root / f"{kind}.txt" for kind in asked}
        for kind, file in files.items():
            file.write_text("\n".join(asked[kind]) + "\n")
        upstream = free_port()
        stub = subprocess.Popen([binary, "answer", str(upstream)])
        try:
            with running(here, root, upstream, names[-1]) as servers:
                for server in servers:
                    fill(binary, server, files["cached"])
                for _ in range(given.rounds):
                    for server in servers:
                        for kind, file in files.items():
                            measure(binary, server, kind, file, given.seconds)
                report(servers)
        finally:
            stub.kill()
            stub.wait()


if __name__ == "__main__":
    main()
