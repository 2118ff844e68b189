"""Opens the page in the user's browser once `serve` listens: a process of its own, as `up` becomes the server.

The address, with its one-time code, comes by standard input: the words of a process can be read by every user.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

PATIENCE = 60.0  # seconds until the server listens; the first compile takes a few
PORTS = {"http": 80, "https": 443}


def is_desktop(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether a person sits before this machine's own screen: not in CI, not over ssh, not as root."""
    if any(environ.get(name) for name in ("CI", "SSH_CONNECTION", "SSH_TTY", "SUDO_USER")):
        return False
    if platform in ("darwin", "win32"):
        return True
    has_screen = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    return has_screen and not (hasattr(os, "geteuid") and os.geteuid() == 0)


def open_soon(address: str) -> None:
    """Start the process that opens an address as soon as somebody listens there."""
    with contextlib.suppress(OSError):  # then the user types the address
        child = subprocess.Popen(
            [sys.executable, "-m", "blockctl.io.opening"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert child.stdin is not None  # as asked for
        child.stdin.write(address.encode())
        child.stdin.close()


def wait_for(address: str, patience: float = PATIENCE) -> bool:
    """Wait until somebody listens at an address; False when nobody came."""
    parts = urlsplit(address)
    place = (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0))
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(place, timeout=1):
            return True
        time.sleep(0.1)
    return False


def main() -> None:
    """Open what standard input says."""
    import webbrowser

    address = sys.stdin.read()
    if wait_for(address):
        webbrowser.open(address)


if __name__ == "__main__":
    main()
