"""How long `sync` takes: `python -m tests.bench.sync`. Processor time counts; a busy machine takes longer by the clock.

Nothing new: a few lists are asked, and say that nothing changed. One line: of a list of 300,000 names one is new, until
the rules of the resolver and all outputs are live.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measure import ENVIRONMENT
from tests.io.list_server import ListServer, packed, running

NAMES = 300_000
RUNS = 5
POLICY = """version: 1
lists:
  - {{name: large, url: "{base}/large.txt", use: [dns]}}
  - {{name: hosts, url: "{base}/hosts.txt", use: [dns]}}
  - {{name: ads, url: "{base}/ads.txt"}}
  - {{name: extra, url: "{base}/extra.txt"}}
targets:
  hosts: {{path: out/hosts}}
  ublock: {{path: out/ublock.txt}}
"""


def run(folder: Path, *words: str) -> tuple[float, float]:
    """Run a command; return its seconds by the clock and of the processor."""
    env = {**ENVIRONMENT, "BLOCKCTL_POLICY": str(folder / "policy.yaml"), "BLOCKCTL_STATE": str(folder / "state")}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, "-m", "blockctl", *words], env=env, check=True, stdout=subprocess.DEVNULL)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def fill(lists: ListServer) -> None:
    lists.texts = {
        "/large.txt": b"".join(b"0.0.0.0 host%d.zone%d.example\n" % (each, each % 977) for each in range(NAMES)),
        "/hosts.txt": b"".join(b"0.0.0.0 other%d.example\n" % each for each in range(20_000)),
        "/ads.txt": b"! Title: ads\n" + b"".join(b"||ads%d.example^$third-party\n" % each for each in range(20_000)),
        "/extra.txt": b"! Title: extra\n" + b"".join(b"news%d.example##.ad\n" % each for each in range(5_000)),
    }


def report(what: str, runs: list[tuple[float, float]]) -> None:
    best = min(runs, key=lambda each: each[1])
    print(f"{what}: {best[0]:.2f} s by the clock, {best[1]:.2f} s of the processor (best of {len(runs)})")


def main() -> None:
    with tempfile.TemporaryDirectory() as name, running() as lists:
        folder = Path(name)
        fill(lists)
        (folder / "policy.yaml").write_text(POLICY.format(base=lists.base))
        print(f"load {os.getloadavg()[0]:.1f}")
        report("the first sync", [run(folder, "sync")])
        run(folder, "compile", "resolver")
        run(folder, "sync")
        report("nothing is due", [run(folder, "sync") for _ in range(RUNS)])
        report("nothing new", [run(folder, "sync", "--now") for _ in range(RUNS)])
        changed = []
        for number in range(RUNS):
            lists.texts["/large.txt"] += b"0.0.0.0 fresh%d.example\n" % number
            packed(lists.texts["/large.txt"])  # a server of lists has it ready: the tenth of a second is none of ours
            changed.append(run(folder, "sync", "--now"))
        report(f"one line more in a list of {NAMES:,}", changed)
        assert "fresh0.example" in (folder / "out" / "hosts").read_text()


if __name__ == "__main__":
    main()
