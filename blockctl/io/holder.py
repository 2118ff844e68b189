"""Which program holds a port, where the system tells."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

PROC = Path("/proc")
LSOF_LIMIT = 2.0  # seconds
LISTENING = {"tcp": "0A", "udp": "07"}  # states in /proc/net, net/tcp_states.h


def holder(port: int, kind: str) -> str:
    """Return `name (pid N)` of who holds the port of `tcp` or `udp`; "" when it cannot be told."""
    return _from_proc(port, kind) if sys.platform == "linux" else _from_lsof(port, kind)


def _from_proc(port: int, kind: str, proc: Path = PROC) -> str:
    inodes = set()
    for table in (kind, f"{kind}6"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in (proc / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == LISTENING[kind]:
                    inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return ""
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # another user's, or gone
            if any(str(fd.readlink()) in inodes for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return ""


def _from_lsof(port: int, kind: str) -> str:
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
