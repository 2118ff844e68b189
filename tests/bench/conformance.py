"""The 66 probes put to blockctl and to the resolvers of this machine: `python -m tests.bench.conformance`.

Each forwards to the same upstream, with its cache and without validation. Exit status: 0 all probes hold for blockctl.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.serve.probes import PROBES
from tests.serve.probing import Truthful, alive, verdict
from tests.serve.running import PATIENCE, free_port, serving
from tests.serve.test_serve import LIST, POLICY

UNBOUND = """\
server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/pid"
  do-not-query-localhost: no
  module-config: "iterator"
  use-syslog: no
  logfile: "{folder}/log"
  access-control: 127.0.0.0/8 allow
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{upstream}
remote-control:
  control-enable: no
"""
DNSMASQ = """\
port={port}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
server=127.0.0.1#{upstream}
user=root
"""
PEERS = {"unbound": (UNBOUND, ("-d", "-c")), "dnsmasq": (DNSMASQ, ("-k", "-C"))}


@contextlib.contextmanager
def peer(name: str, upstream: int, folder: Path) -> Iterator[int]:
    """Run one of the peers; yield its port."""
    text, words = PEERS[name]
    port, file = free_port(), folder / f"{name}.conf"
    file.write_text(text.format(port=port, upstream=upstream, folder=folder))
    said = (folder / f"{name}.said").open("wb")
    with said, subprocess.Popen([_program(name), *words, str(file)], stdout=said, stderr=said) as process:
        try:
            end = time.monotonic() + PATIENCE
            while not alive(port) and time.monotonic() < end:
                time.sleep(0.1)
            yield port
        finally:
            process.kill()


def _program(name: str) -> str:
    return shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/sbin") or ""


def score(port: int) -> tuple[int, list[str]]:
    """Return how many probes hold, and the others with what is wrong."""
    faults = [(probe.name, verdict(port, probe)) for probe in PROBES]
    return sum(not fault for _, fault in faults), [f"  {name}: {fault}" for name, fault in faults if fault]


def main() -> int:
    """Probe everybody and tell the scores."""
    upstream, scores = Truthful(), {}
    with tempfile.TemporaryDirectory() as folder:
        with serving(Path(folder), POLICY.format(upstream=upstream.port), **{"list.txt": LIST}) as running:
            scores["blockctl"] = score(running.port)
        for name in filter(_program, PEERS):
            with peer(name, upstream.port, Path(folder)) as port:
                scores[name] = score(port)
    upstream.close()
    for name, (count, faults) in scores.items():
        print(f"{name}: {count} of {len(PROBES)}", *faults, sep="\n")
    return int(scores["blockctl"][0] < len(PROBES))


if __name__ == "__main__":
    sys.exit(main())
