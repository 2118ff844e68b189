"""The service on a real Linux: its units as systemd reads them, and the system's resolver in namespaces of their own.

systemd does not run here as the first process, so what it would enforce is only what it says of the units.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from blockctl.io.service_manager import Owner, Spec
from blockctl.io.service_manager_systemd import Systemd
from blockctl.io.system_commands import SystemCommands
from blockctl.model.listen import read_listen
from tests.engines.require import require

ROOT = Path(__file__).parents[2]
POLICY = 'version: 1\nresolver: {listen: ["127.0.0.1:53"], upstreams: ["192.0.2.1"]}\nhosts: {deny: [ads.example]}\n'
BEFORE = "search lan\nnameserver 192.0.2.53\n"


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Return the units of a service, written into a folder."""
    folder = tmp_path / "a policy"
    folder.mkdir()
    listens = tuple(map(read_listen, ("127.0.0.1:53", "[::1]:53", "tls://127.0.0.1:853")))
    program = (sys.executable, "-m", "blockctl")
    owner = Owner("daemon", 1, 1, Path("/home/me"))
    spec = Spec(owner, folder / "policy.yaml", folder / "state", listens, (folder,), program)
    files = Systemd(SystemCommands(), tmp_path).files(spec)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(files)


def test_systemd_reads_the_units(units: list[Path]) -> None:
    require("systemd-analyze")
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("unit", "most"), [("blockctl.service", 2.0), ("blockctl-dns.service", 2.5)])
def test_systemd_finds_them_little_exposed(unit: str, most: float, units: list[Path]) -> None:
    require("systemd-analyze")
    path = next(each for each in units if each.name == unit)
    words = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= most


# What a user types, and what is to be seen after each step. /etc, /var/lib and the network are this shell's own.
OWN = r"""
set -eu
mount --make-rprivate /
ip link set lo up
mount -t tmpfs own /var/lib
cp -a /etc "$HOME/etc"; umount /etc/resolv.conf 2>/dev/null || true; umount /etc/hosts 2>/dev/null || true
mount --bind "$HOME/etc" /etc
rm -f /etc/resolv.conf; cp "$HOME/before" /etc/resolv.conf
cd "$HOME"
b() { "$PYTHON" -m blockctl "$@"; }
is() { cmp -s "$HOME/before" /etc/resolv.conf && echo before && return; grep -q '^nameserver 127' /etc/resolv.conf \
  && echo ours || echo neither; }
until_is() { for _ in $(seq 600); do [ "$(is)" = "$1" ] && return; sleep 0.1; done; echo "never $1"; exit 1; }
serve() { "$PYTHON" -m blockctl serve 2>>said & resolver=$!
  for _ in $(seq 100); do b service status >/dev/null 2>&1 && return; sleep 0.2; done; echo "no answer"; exit 1; }
watchdog() { pgrep -f 'blockctl [s]ervice watch'; }

"""
LIFE = r"""
b service dns on 2>/dev/null && exit 1 || echo "nobody answers: $?"
serve
b service dns on >/dev/null; echo "on: $(is)"
b service dns on >/dev/null; echo "on again: $(is)"
kill -9 $resolver; until_is before; echo "the resolver was killed: $(is)"
serve; until_is ours; echo "it is back: $(is)"
kill -9 $(watchdog); kill -9 $resolver; echo "both were killed: $(is)"
b service status >/dev/null 2>&1 && exit 1 || echo "the next command: $(is)"
serve
b service dns on >/dev/null; echo "on: $(is)"
kill $(watchdog); until_is before; echo "the watchdog was told to end: $(is)"
b service dns on >/dev/null; b service dns off >/dev/null; echo "off: $(is)"
for _ in $(seq 100); do watchdog >/dev/null || break; sleep 0.1; done
watchdog && exit 1 || echo "nobody watches"
kill $resolver; wait $resolver
"""
# A network with a resolver of its own, and a portal before the world until the file `paid` is there; then a VPN.
NETWORK = r"""
ip address add 192.0.2.53/32 dev lo; ip address add 192.0.2.80/32 dev lo; ip address add 192.0.2.1/32 dev lo
"$PYTHON" -c "$SERVERS" & servers=$!
serve
b service dns on >/dev/null
until_is before; echo "a portal: $(is), $(b service dns status | grep -o 'a captive portal.*')"
touch paid; until_is ours; echo "paid: $(is)"
rm paid; ip link add ve0 type veth peer name ve1; ip address add 198.51.100.2/24 dev ve0; ip link set ve0 up
until_is before; echo "another network, another portal: $(is)"
touch paid; until_is ours; echo "paid: $(is)"
ip tuntap add dev tun0 mode tun; ip address add 10.8.0.2/24 dev tun0; ip link set tun0 up
ip route add default dev tun0; sleep 5; echo "a VPN without resolvers: $(is)"
printf 'nameserver 10.8.0.1\n' > /etc/resolv.conf; sleep 15; echo "a VPN with one: $(is)"
ip link delete tun0; cp before /etc/resolv.conf; until_is ours; echo "its end: $(is)"
b service dns off >/dev/null; echo "off: $(is)"
kill $resolver $servers
"""
# The network's resolver and the world's (which answers once it is paid), and the page that is asked for.
SERVERS = """
import http.server, os, socket, threading
from dnslib import DNSRecord, RR, A
def answer(address, is_open):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 53))
        while True:
            wire, client = sock.recvfrom(4096)
            if is_open():
                reply = DNSRecord.parse(wire).reply()
                reply.add_answer(RR(reply.q.qname, rdata=A('192.0.2.80')))
                sock.sendto(reply.pack(), client)
paid = lambda: os.path.exists('paid')
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if paid() else 302)
        self.send_header('Location', 'http://portal.example/')
        self.end_headers()
        self.wfile.write(b'Success' if paid() else b'')
    def log_message(self, *words): pass
threading.Thread(target=answer, args=('192.0.2.53', lambda: True), daemon=True).start()
threading.Thread(target=answer, args=('192.0.2.1', paid), daemon=True).start()
http.server.ThreadingHTTPServer(('192.0.2.80', 80), Page).serve_forever()
"""


def lived(script: str, folder: Path) -> list[str]:
    """Run a script in namespaces of its own, and return what it said."""
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "before").write_text(BEFORE)
    environment = {
        **os.environ,
        "HOME": str(folder),
        "PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "BLOCKCTL_POLICY": str(folder / "policy.yaml"),
        "BLOCKCTL_STATE": str(folder / "state"),
        "SERVERS": SERVERS,
    }
    words = [
        "unshare",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "bash",
        "-c",
        OWN + script,
    ]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_the_system_resolver_in_namespaces_of_its_own(tmp_path: Path) -> None:
    require("netns")
    assert lived(LIFE, tmp_path) == [
        "nobody answers: 3",
        "on: ours",
        "on again: ours",
        "the resolver was killed: before",
        "it is back: ours",
        "both were killed: ours",
        "the next command: before",
        "on: ours",
        "the watchdog was told to end: before",
        "off: before",
        "nobody watches",
    ]


def test_portals_and_vpns_are_left_alone(tmp_path: Path) -> None:
    require("netns")
    assert lived(NETWORK, tmp_path) == [
        "a portal: before, a captive portal wants a visit: http://portal.example/",
        "paid: ours",
        "another network, another portal: before",
        "paid: ours",
        "a VPN without resolvers: ours",
        "a VPN with one: neither",
        "its end: ours",
        "off: before",
    ]


def test_the_resolver_needs_no_rights(tmp_path: Path) -> None:
    """What the unit takes away, taken away by hand: every capability, every write outside its folders."""
    require("netns")
    (tmp_path / "policy.yaml").write_text(POLICY.replace("127.0.0.1:53", "127.0.0.1:5335"))
    script = r"""
set -eu
mount --make-rprivate /
ip link set lo up
mount --bind "$FOLDER" /media; FOLDER=/media
home=$(readlink -f "$PYTHON" | cut -d/ -f2) # where others may not enter: seen here under another folder of that name
if ! setpriv --reuid=daemon --clear-groups test -x "/$home"; then
  top=$(readlink -f "$PYTHON" | cut -d/ -f3)
  mount --bind "/$home/$top" /mnt; mount -t tmpfs -o mode=755 own "/$home"
  mkdir "/$home/$top"; mount --bind /mnt "/$home/$top"
fi
mount -o remount,ro,bind / || mount -o remount,ro /
chown -R daemon "$FOLDER"
setpriv --reuid=daemon --regid=daemon --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all -- \
  "$PYTHON" -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)  # PR_SET_MDWE, as MemoryDenyWriteExecute=
os.execv(sys.argv[1], sys.argv[1:])' \
  "$PYTHON" -m blockctl serve --policy "$FOLDER/policy.yaml" --state "$FOLDER/state" &
resolver=$!
for _ in $(seq 300); do
  dig +time=1 +tries=1 @127.0.0.1 -p 5335 ads.example 2>/dev/null | grep -q NXDOMAIN && { echo blocked; break; }
  sleep 0.1
done
kill $resolver; wait $resolver
"""
    require("dig")
    environment = {**os.environ, "FOLDER": str(tmp_path), "PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = str(ROOT)
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", script]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "blocked\n"), done.stderr
