"""A fleet in network namespaces: one primary, BIND or Knot, and two different secondaries, BIND and Unbound."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnslib import RCODE, DNSRecord

from tests.engines.dns_engines import SEARCH

ZONE = "rpz.test"
PRIMARY, BIND, UNBOUND = "10.213.0.1", "10.213.0.2", "10.213.0.3"
PATIENCE = 30.0  # seconds, for a loaded machine
POLICY = """\
version: 1
hosts:
  deny: [{denied}]
lists:
  - {{name: ads, path: ads.txt, match: subtree, use: [dns]}}
targets:
  fleet:
    backend: rpz
    path: {folder}/rpz.zone
    zone: rpz.test
    server: {server}
    control: {control}
    primary: 10.213.0.1
    secondaries: 10.213.0.2 10.213.0.3
"""
NAMED = """\
options {{ directory "{folder}"; listen-on port 53 {{ {address}; }}; listen-on-v6 {{ none; }}; pid-file none;
  session-keyfile none; dnssec-validation no; empty-zones-enable no; allow-transfer {{ any; }};
  allow-query {{ any; }}; querylog no; {options} }};
key control {{ algorithm hmac-sha256; secret "c2VjcmV0IG9mIGEgdGVzdA=="; }};
controls {{ inet 127.0.0.1 port 953 allow {{ localhost; }} keys {{ control; }}; }};
logging {{ channel all {{ file "{folder}/log"; severity info; print-category yes; }}; category default {{ all; }};
  category xfer-out {{ all; }}; category xfer-in {{ all; }}; category notify {{ all; }}; }};
zone "{zone}" {{ {body} }};
"""
RNDC = """\
key control { algorithm hmac-sha256; secret "c2VjcmV0IG9mIGEgdGVzdA=="; };
options { default-key control; default-server 127.0.0.1; default-port 953; };
"""
KNOT = """\
server:
  listen: {address}@53
  rundir: {folder}/run
log:
  - target: {folder}/log
    any: info
database:
  storage: {folder}/db
control:
  listen: {folder}/knot.sock
remote:
  - id: bind
    address: {bind}@53
  - id: unbound
    address: {unbound}@53
acl:
  - id: all
    address: 10.213.0.0/24
    action: transfer
zone:
  - domain: {zone}
    file: {folder}/rpz.zone
    zonefile-load: difference
    zonefile-sync: -1
    journal-content: all
    notify: [bind, unbound]
    acl: all
"""
UNBOUND_CONF = """\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  interface: {address}
  access-control: 10.213.0.0/24 allow
  access-control: 127.0.0.0/8 allow
  use-syslog: no
  logfile: "{folder}/log"
  verbosity: 2
  module-config: "respip validator iterator"
  do-not-query-localhost: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@9
rpz:
  name: {zone}
  primary: {primary}
  allow-notify: {primary}
  zonefile: "{folder}/rpz.zone"
"""


def run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=60)


@contextmanager
def network() -> Iterator[dict[str, str]]:
    """Three namespaces on one bridge; by address their names."""
    tag = f"bc{os.getpid()}"
    spaces = {address: f"{tag}-{number}" for number, address in enumerate((PRIMARY, BIND, UNBOUND))}
    hub = f"{tag}-hub"
    made = [hub, *spaces.values()]
    try:
        for each in made:
            run("ip", "netns", "add", each)
        run("ip", "-n", hub, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", hub, "link", "set", "br0", "up")
        for number, (address, space) in enumerate(spaces.items()):
            run("ip", "-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", f"p{number}", "netns", hub)
            run("ip", "-n", hub, "link", "set", f"p{number}", "master", "br0", "up")
            run("ip", "-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", space, "link", "set", "eth0", "up")
            run("ip", "-n", space, "link", "set", "lo", "up")
        yield spaces
    finally:
        for each in made:
            run("ip", "netns", "del", each, check=False)


@contextmanager
def daemon(space: str, folder: Path, *command: str) -> Iterator[None]:
    program = shutil.which(command[0], path=SEARCH)
    assert program
    with (folder / "said").open("wb") as said:
        server = subprocess.Popen(["ip", "netns", "exec", space, program, *command[1:]], stdout=said, stderr=said)
    try:
        yield
    finally:
        server.terminate()
        server.wait(PATIENCE)


def ask(space: str, address: str, name: str) -> str:
    """Ask a server within its namespace; "" while it does not answer."""
    wire = DNSRecord.question(name).pack().hex()
    code = (
        "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1);"
        f"s.connect(('{address}', 53)); s.send(bytes.fromhex('{wire}')); print(s.recv(4096).hex())"
    )
    done = run("ip", "netns", "exec", space, sys.executable, "-c", code, check=False)
    return str(RCODE[DNSRecord.parse(bytes.fromhex(done.stdout)).header.rcode]) if done.returncode == 0 else ""


def until(wanted: str, space: str, address: str, name: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while (found := ask(space, address, name)) != wanted:
        assert time.monotonic() < end, f"{address} says {found!r} of {name}: {log.read_text()[-2000:]}"
        time.sleep(0.1)


def primary(server: str, folder: Path) -> tuple[tuple[str, ...], str]:
    """Write a primary's configuration; return its command and what controls it."""
    if server == "knot":
        conf = KNOT.format(folder=folder, address=PRIMARY, bind=BIND, unbound=UNBOUND, zone=ZONE)
        (folder / "knot.conf").write_text(conf)
        return ("knotd", "-c", str(folder / "knot.conf")), str(folder / "knot.sock")
    body = (
        f'type primary; file "{folder}/rpz.zone"; ixfr-from-differences yes; notify explicit;'
        f"also-notify {{ {BIND}; {UNBOUND}; }};"
    )
    (folder / "named.conf").write_text(
        NAMED.format(folder=folder, address=PRIMARY, zone=ZONE, body=body, options="recursion no;")
    )
    (folder / "rndc.conf").write_text(RNDC)
    return ("named", "-f", "-c", str(folder / "named.conf")), str(folder / "rndc.conf")


def publish(space: str, folder: Path) -> tuple[int, dict[str, Any]]:
    words = ("publish", "--policy", str(folder / "policy.yaml"), "--state", str(folder / "state"), "--json")
    done = run("ip", "netns", "exec", space, sys.executable, "-m", "blockctl", *words, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@dataclass(frozen=True)
class Fleet:
    """All servers run and have the zone."""

    home: Path  # the primary's folder, with the policy
    folders: dict[str, Path]  # by address
    spaces: dict[str, str]
    deny: Callable[[str], None]  # writes the policy, with this name denied

    def publish(self) -> tuple[int, dict[str, Any]]:
        """Run `blockctl publish` beside the primary."""
        return publish(self.spaces[PRIMARY], self.home)


@contextmanager
def fleet(server: str, folder: Path, names: int = 5_000) -> Iterator[Fleet]:
    """Start a fleet that blocks `first.example` and a list of names."""
    folders = {address: folder / address for address in (PRIMARY, BIND, UNBOUND)}
    for each in folders.values():
        (each / "run").mkdir(parents=True)
        (each / "db").mkdir()
        each.chmod(0o777)
    home = folders[PRIMARY]
    command, control = primary(server, home)
    (home / "ads.txt").write_text("".join(f"ad{number}.example\n" for number in range(names)))

    def deny(denied: str) -> None:
        (home / "policy.yaml").write_text(POLICY.format(denied=denied, folder=home, server=server, control=control))

    deny("first.example")
    zone = run(
        sys.executable, "-m", "blockctl", "compile", "fleet", "--policy", str(home / "policy.yaml"),
        "--state", str(home / "state"),
    )  # fmt: skip
    assert zone.returncode == 0, zone.stderr
    with ExitStack() as stack:
        spaces = stack.enter_context(network())
        stack.enter_context(daemon(spaces[PRIMARY], home, *command))
        until("NOERROR", spaces[PRIMARY], PRIMARY, f"first.example.{ZONE}", home / "said")
        for address, words in secondaries(folders):
            stack.enter_context(daemon(spaces[address], folders[address], *words))
            until("NXDOMAIN", spaces[address], address, "first.example", folders[address] / "said")
        yield Fleet(home, folders, spaces, deny)


def secondaries(folders: dict[str, Path]) -> list[tuple[str, tuple[str, ...]]]:
    """Write the secondaries' configurations; return the address and the command of each."""
    body = f'type secondary; file "{folders[BIND]}/rpz.zone"; primaries {{ {PRIMARY}; }}; request-ixfr yes;'
    options = f'recursion yes; response-policy {{ zone "{ZONE}"; }} min-update-interval 0 qname-wait-recurse no;'
    named = NAMED.format(folder=folders[BIND], address=f"{BIND}; 127.0.0.1", zone=ZONE, body=body, options=options)
    (folders[BIND] / "named.conf").write_text(named)
    conf = UNBOUND_CONF.format(folder=folders[UNBOUND], address=UNBOUND, zone=ZONE, primary=PRIMARY)
    (folders[UNBOUND] / "unbound.conf").write_text(conf)
    return [
        (BIND, ("named", "-f", "-c", str(folders[BIND] / "named.conf"))),
        (UNBOUND, ("unbound", "-d", "-c", str(folders[UNBOUND] / "unbound.conf"))),
    ]
