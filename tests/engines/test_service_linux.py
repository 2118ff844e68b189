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
LIFE = r"""
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


def test_the_system_resolver_in_namespaces_of_its_own(tmp_path: Path) -> None:
    require("netns")
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "before").write_text(BEFORE)
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "BLOCKCTL_POLICY": str(tmp_path / "policy.yaml"),
        "BLOCKCTL_STATE": str(tmp_path / "state"),
    }
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", LIFE]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.splitlines() == [
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
    ], done.stdout + done.stderr
    assert done.returncode == 0, done.stderr


def test_the_resolver_needs_no_rights(tmp_path: Path) -> None:
    """What the unit takes away, taken away by hand: every capability, every write outside its folders."""
    require("netns")
    (tmp_path / "policy.yaml").write_text(POLICY.replace("127.0.0.1:53", "127.0.0.1:5335"))
    script = r"""
set -eu
mount --make-rprivate /
ip link set lo up
mount --bind "$FOLDER" /media; FOLDER=/media
case "$(readlink -f "$PYTHON")" in /root/*) # a home that others may not enter: seen here under another root's
  top=$(readlink -f "$PYTHON" | cut -d/ -f3)
  mount --bind "/root/$top" /mnt; mount -t tmpfs -o mode=755 own /root
  mkdir "/root/$top"; mount --bind /mnt "/root/$top"
esac
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
