"""Opens the page in the user's browser once `serve` listens: a process of its own, as `up` becomes the server.

Every user can read the words of a process, and so what a browser is started with. The address, with its one-time code,
therefore comes here by standard input, and reaches the browser in a file that nobody else may read and that leads on to
it, as Jupyter does. The file lies in the home folder itself and is not hidden, for browsers that snap confines see
no other place; it goes a minute later.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from html import escape
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

PATIENCE = 60.0  # seconds until the server listens; the first compile takes a few
LEFT = 60.0  # seconds until the file goes: a browser may have to start first
LEADS_ON = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={0}">
<title>blockctl</title><p><a href="{0}">To the page of blockctl</a>
"""
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


def lead_to(address: str, folder: Path) -> Path | None:
    """Write a file that leads a browser to an address, readable for its owner alone; None when it cannot be written."""
    try:
        handle, name = tempfile.mkstemp(prefix="blockctl-", suffix=".html", dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(LEADS_ON.format(escape(address)))
    except OSError:
        return None
    return Path(name)


def open_page(address: str, folder: Path | None) -> None:
    """Have the browser open an address whose part behind `#` is a secret; without a folder for that, the rest of it."""
    import webbrowser

    file = lead_to(address, folder) if folder is not None else None
    if file is None:
        webbrowser.open(urldefrag(address).url)
        return
    try:
        webbrowser.open(file.as_uri())
        time.sleep(LEFT)
    finally:
        file.unlink(missing_ok=True)


def home(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return a folder whose files the browser can read; None where it is another system's (Windows, seen from WSL)."""
    if environ.get("WSL_DISTRO_NAME"):
        return None
    with contextlib.suppress(RuntimeError):
        return Path.home()
    return None


def main() -> None:
    """Open what standard input says."""
    address = sys.stdin.read()
    if wait_for(address):
        open_page(address, home())


if __name__ == "__main__":
    main()
