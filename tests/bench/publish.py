"""How long a change of the policy takes to a fleet: `python -m tests.bench.publish`, as root, on Linux.

From the start of `blockctl publish`, the policy being written already, until each of two secondaries (BIND and
Unbound, in network namespaces of their own) blocks the new name; and the processor's time that the command takes, for
by the clock a busy machine is several times slower. It needs bind9, knot, unbound and iproute2.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dnslib import DNSRecord

from tests.engines.fleet import BIND, PATIENCE, UNBOUND, Fleet, fleet
from tests.engines.require import ENGINES

RUNS = 5
SIZES = (5_000, 50_000)  # names in the zone
QUIET = 6.0  # seconds between two changes: a primary BIND sends the NOTIFY of a zone every 5 s at most (`notify-delay`)
CALLED = {BIND: "BIND", UNBOUND: "Unbound"}

# Asks every few milliseconds until the name does not exist, and prints when that was: the clock is the system's.
WATCH = """
import socket, sys, time
address, wire, end = sys.argv[1], bytes.fromhex(sys.argv[2]), time.monotonic() + float(sys.argv[3])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(0.02)
    sock.connect((address, 53))
    print("ready", flush=True)
    while time.monotonic() < end:
        try:
            sock.send(wire)
            if sock.recv(4096)[3] & 15 == 3:
                print(time.monotonic(), flush=True)
                break
        except OSError:
            pass
        time.sleep(0.005)
"""


def watcher(servers: Fleet, address: str, name: str) -> subprocess.Popen[str]:
    """Start to watch a secondary; return when it asks."""
    words = [sys.executable, "-c", WATCH, address, DNSRecord.question(name).pack().hex(), str(PATIENCE)]
    space = servers.spaces[address]
    process = subprocess.Popen(["ip", "netns", "exec", space, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None, "it is piped"
    assert process.stdout.readline() == "ready\n"
    return process


def measure(servers: Fleet, name: str) -> dict[str, float]:
    """Publish one change; return the seconds until each secondary has it, and those that `publish` itself takes."""
    time.sleep(QUIET)
    servers.deny(name)
    watching = {address: watcher(servers, address, name) for address in CALLED}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    status, told = servers.publish()
    done, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert status == 0, told
    found = {CALLED[address]: float(process.communicate()[0]) - began for address, process in watching.items()}
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**found, "the command": done, "of the processor": worked}


def told(what: str, seconds: list[float]) -> str:
    """Return the figures of several runs."""
    return f"{what} {statistics.median(seconds):.2f} s (at most {max(seconds):.2f})"


def main() -> None:
    missing = [name for name in ("bind", "knot", "unbound", "netns") if not ENGINES[name].present()]
    if missing:
        print(
            f"publish is not measured, for these are missing: {', '.join(ENGINES[each].packages for each in missing)}"
        )
        return
    for server in ("knot", "bind"):
        for names in SIZES:
            with tempfile.TemporaryDirectory() as folder:
                Path(folder).chmod(0o755)
                with fleet(server, Path(folder), names) as servers:
                    runs = [measure(servers, f"fresh{number}.example") for number in range(RUNS)]
            figures = "; ".join(told(what, [run[what] for run in runs]) for what in runs[0])
            print(f"publish by {server}, {names:,} names, median of {RUNS}: {figures}", flush=True)


if __name__ == "__main__":
    main()
