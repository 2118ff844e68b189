"""The service in launchd's words: two daemons, the resolver as its owner with sockets from launchd, and the watchdog.

The keys are those of launchd.plist(5), the commands those of launchctl(1). Not run here: see tests/io/transcripts.
"""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any

from blockctl.io.service_manager import Command, Spec, Status
from blockctl.io.system_commands import Commands

DAEMONS = Path("Library/LaunchDaemons")
RESOLVER, WATCHDOG = "blockctl.resolver", "blockctl.dns"


class Launchd:
    """Writes property lists and runs launchctl."""

    name = "launchd"

    def __init__(self, commands: Commands, root: Path = Path("/")) -> None:
        self._commands, self._folder = commands, root / DAEMONS

    def files(self, spec: Spec) -> dict[Path, str]:
        """Return the two jobs."""
        made = {RESOLVER: resolver_job(spec), WATCHDOG: watchdog_job(spec)}
        return {self._path(label): plistlib.dumps(job).decode() for label, job in made.items()}

    def paths(self) -> list[Path]:
        """Return the jobs that are there."""
        return [path for label in (RESOLVER, WATCHDOG) if (path := self._path(label)).exists()]

    def install(self, changed: bool) -> list[Command]:
        """Load it; a job that is loaded must go first, for launchd keeps what it read."""
        if not changed and self._is_loaded(RESOLVER):
            return []
        return [*self._out(RESOLVER), *self._in(RESOLVER)]

    def start(self) -> list[Command]:
        """Load the resolver."""
        return [] if self._is_loaded(RESOLVER) else self._in(RESOLVER)

    def stop(self) -> list[Command]:
        """Unload the resolver, its sockets too."""
        return self._out(RESOLVER)

    def uninstall(self) -> list[Command]:
        """Unload both."""
        return [*self._out(WATCHDOG), *self._out(RESOLVER)]

    def removed(self) -> list[Command]:
        """Nothing is left to do."""
        return []

    def watchdog(self, on: bool) -> list[Command]:
        """Load the watchdog, or have it loaded no longer, also after a start of the machine."""
        if not on:
            return [*self._out(WATCHDOG), ("launchctl", "disable", f"system/{WATCHDOG}")]
        # one that found nothing to do after a start of the machine is loaded, and has ended
        return [("launchctl", "kickstart", f"system/{WATCHDOG}")] if self._is_loaded(WATCHDOG) else self._in(WATCHDOG)

    def status(self) -> Status:
        """Ask launchd."""
        done = self._commands.run("launchctl", "print", f"system/{RESOLVER}")
        lines = [line.strip() for line in done.out.splitlines()]
        state = next((line.partition("= ")[2] for line in lines if line.startswith("state = ")), "not loaded")
        return Status(len(self.paths()) == 2, state == "running", f"{RESOLVER} is {state}")

    def _is_loaded(self, label: str) -> bool:
        return self._commands.run("launchctl", "print", f"system/{label}").status == 0

    def _in(self, label: str) -> list[Command]:
        target = f"system/{label}"
        return [("launchctl", "enable", target), ("launchctl", "bootstrap", "system", str(self._path(label)))]

    def _out(self, label: str) -> list[Command]:
        return [("launchctl", "bootout", f"system/{label}")] if self._is_loaded(label) else []

    def _path(self, label: str) -> Path:
        return self._folder / f"{label}.plist"


def resolver_job(spec: Spec) -> dict[str, Any]:
    """Return the job that answers; launchd opens the ports, so that nothing of it is ever root's."""
    sockets: dict[str, list[dict[str, Any]]] = {}
    for each in spec.listens:
        family = "IPv6" if ":" in each.address else "IPv4"
        place = {"SockNodeName": each.address, "SockServiceName": str(each.port), "SockFamily": family}
        kinds = ("dgram", "stream") if each.scheme == "dns" else ("stream",)
        sockets.setdefault(each.scheme, []).extend({**place, "SockType": kind} for kind in kinds)
    return {
        "Label": RESOLVER,
        "ProgramArguments": [*spec.program, "serve", "--policy", str(spec.policy), "--state", str(spec.state)],
        "UserName": spec.owner.name,
        "EnvironmentVariables": {"HOME": str(spec.owner.home)},
        "Sockets": sockets,
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": 1,
        "Umask": 0o077,
        "SoftResourceLimits": {"NumberOfFiles": 8192},
        "StandardErrorPath": str(spec.state / "serve.log"),
    }


def watchdog_job(spec: Spec) -> dict[str, Any]:
    """Return the job that gives the system resolver back; it ends by itself when nobody wants it."""
    return {
        "Label": WATCHDOG,
        "ProgramArguments": [*spec.program, "service", "watch"],
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 1,
        "StandardErrorPath": "/var/log/blockctl-dns.log",
    }
