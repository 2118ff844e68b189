"""What `fix` does in the world: asks the resolver whether it follows, runs a test, and waits for the log."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from blockctl.dns.labels import name_wire
from blockctl.io.files import read_object
from blockctl.io.policy_file import replace_file
from blockctl.model.diagnostic import BlockctlError, WorldError

KEPT = "fix.json"  # in the state folder
TXT_IN = b"\x00\x10\x00\x01"
FOLLOWS = 10.0  # seconds in which an edit of the policy is live
WRITTEN = 2.5  # seconds in which the log has what was asked; it is written every second
TEST_LIMIT = 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Trial:
    """A repair under way, kept so that one that was killed can be taken back."""

    policy: str  # its file
    site: str
    before: str  # the text
    tries: Sequence[str]  # texts that the file may have now, the newest last


def keep_trial(state: Path, trial: Trial) -> None:
    """Keep it, before the file is touched. Raises WorldError."""
    replace_file(state / KEPT, json.dumps(asdict(trial)).encode(), private=True)


def left_trial(state: Path) -> Trial | None:
    """Return the repair that is under way, or that was cut short."""
    try:
        return Trial(**read_object(state / KEPT)) if (state / KEPT).exists() else None
    except (BlockctlError, OSError, TypeError):
        return None


def forget_trial(state: Path) -> None:
    """Forget it: the file is as it should be."""
    with contextlib.suppress(OSError):
        (state / KEPT).unlink()


def end_in_order() -> None:
    """End as Ctrl-C does when the terminal is closed, or when told to."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))


def says_blocked(address: str, port: int, name: str) -> bool | None:
    """Ask the resolver what it would answer for a name; None when nobody answers."""
    wire = os.urandom(2) + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name_wire(f"why.{name}.blockctl") + TXT_IN
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1.0)
        sock.connect((address, port))
        sock.send(wire)
        reply = sock.recv(65_535)
        return b" is blocked" in reply if reply[:2] == wire[:2] else None
    return None


def wait_until(address: str, port: int, let: Iterable[str], blocked: Iterable[str]) -> None:
    """Wait until the resolver lets some names through and blocks others. Raises WorldError when it never does."""
    wanted = {**dict.fromkeys(let, False), **dict.fromkeys(blocked, True)}
    until = time.monotonic() + FOLLOWS
    while wanted:
        name, state = next(iter(wanted.items()))
        said = says_blocked(address, port, name)
        if said is state:
            del wanted[name]
            continue
        if time.monotonic() > until:
            who = f"the resolver at {address}:{port}"
            what = "does not answer" if said is None else f"does not follow this policy ({name})"
            raise WorldError(f"{who} {what}", "start it with `blockctl serve`, with the same --policy and --state")
        time.sleep(0.05)


def passes(command: str, site: str) -> bool:
    """Run a test, in the shell; exit status 0 is that the site works. $BLOCKCTL_SITE is its name."""
    try:
        done = subprocess.run(  # noqa: S602 - the user's own words
            command,
            shell=True,
            timeout=TEST_LIMIT,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "BLOCKCTL_SITE": site},
        )
    except subprocess.TimeoutExpired:
        return False
    except OSError as error:
        raise WorldError(f"cannot run the test: {error.strerror or error}") from error
    return done.returncode == 0


def wait_for_log() -> None:
    """Wait until what was asked is in the log."""
    time.sleep(WRITTEN)
