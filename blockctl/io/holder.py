"""Which program holds a port, where the system tells."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

from blockctl.model.addresses import read_address

PROC = Path("/proc")
LSOF_LIMIT = 2.0  # seconds
LISTENING = {"tcp": "0A", "udp": "07"}  # states in /proc/net, net/tcp_states.h


def holder(address: str, port: int, kind: str) -> str:
    """Return `name (pid N)` of who holds the port of `tcp` or `udp` there; "" when it cannot be told."""
    return _from_proc(address, port, kind) if sys.platform == "linux" else _from_lsof(port, kind)


def _from_proc(address: str, port: int, kind: str, proc: Path = PROC) -> str:
    ours, inodes = _in_proc(address), set()
    for table in (kind, f"{kind}6"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in (proc / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                where, _, number = fields[1].rpartition(":")
                clash = where == ours or not where.strip("0") or not ours.strip("0")
                if clash and int(number, 16) == port and fields[3] == LISTENING[kind]:
                    inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return ""
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # another user's, or gone
            if any(str(fd.readlink()) in inodes for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return ""


def _in_proc(address: str) -> str:
    """Return an address as /proc/net spells it: words of four bytes, each in the machine's order."""
    known = read_address(address)
    packed = b"" if known is None else known.packed
    words = (int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4))
    return "".join(f"{word:08X}" for word in words)


def _from_lsof(port: int, kind: str) -> str:
    import shutil  # late: a server that starts waits for what it loads

    lsof = shutil.which("lsof", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if lsof is None:
        return ""
    which = ["-iTCP:" + str(port), "-sTCP:LISTEN"] if kind == "tcp" else ["-iUDP:" + str(port)]
    try:
        command = [lsof, "-nP", "-Fpc", *which]
        text = subprocess.run(command, capture_output=True, text=True, timeout=LSOF_LIMIT, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = {line[:1]: line[1:] for line in reversed(text.splitlines())}
    return f"{found['c']} (pid {found['p']})" if {"c", "p"} <= found.keys() else ""
