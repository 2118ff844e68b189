"""What installing, starting and stopping the service do, in order, each step printable instead of done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blockctl.io.service_manager import Command, Manager, Spec, check_words, manager_for, prepare_state
from blockctl.io.system_commands import Commands, SystemCommands
from blockctl.io.system_dns import ADDRESS, FOLDER, FOLDERS, SystemDns
from blockctl.io.system_dns_places import choose, replace
from blockctl.io.system_dns_watch import is_watched, start_detached
from blockctl.model.diagnostic import WorldError

TRIES = 5  # launchd is not done with a job when `bootout` returns
BUSY = (5, 36, 37)  # its words for that


@dataclass(slots=True)
class Steps:
    """Does each step, or with `dry` only tells it."""

    commands: Commands = field(default_factory=SystemCommands)
    dry: bool = False
    told: list[str] = field(default_factory=list)
    wait: Callable[[], None] = lambda: time.sleep(1)

    def write(self, path: Path, text: str) -> bool:
        """Write a file that differs; say whether it did."""
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return False
        self.told.append(f"write {path}")
        if not self.dry:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, text.encode(), 0o644)
        return True

    def run(self, several: Sequence[Command], *, must: bool = True) -> None:
        """Run commands one after the other. Raises WorldError for one that fails."""
        for words in several:
            self.told.append(f"run   {' '.join(words)}")
            if self.dry:
                continue
            done = self.commands.run(*words)
            for _ in range(TRIES):
                if words[0] != "launchctl" or done.status not in BUSY:
                    break
                self.wait()
                done = self.commands.run(*words)
            if done.status and must:
                raise WorldError(f"`{' '.join(words)}` failed: {done.said}")

    def remove(self, paths: Sequence[Path]) -> None:
        """Remove files."""
        for path in paths:
            self.told.append(f"remove {path}")
            if not self.dry:
                path.unlink(missing_ok=True)


def install(manager: Manager, spec: Spec, steps: Steps) -> None:
    """Write the service down and start it. Again changes nothing."""
    check_words(spec)
    if not steps.dry:
        prepare_state(spec)
    written = [steps.write(path, text) for path, text in manager.files(spec).items()]
    steps.run(manager.install(any(written)))


def uninstall(manager: Manager, dns: SystemDns, steps: Steps) -> None:
    """Give the system resolver back, stop all, and remove what `install` wrote. Policy and state stay."""
    if dns.record().wanted or any(dns.state().values()):
        steps.told.append("give the system resolver back")
        if not steps.dry:
            dns.off()
    if paths := manager.paths():
        steps.run(manager.uninstall())
        steps.remove(paths)
        steps.run(manager.removed(), must=False)


def stop(manager: Manager, dns: SystemDns, steps: Steps) -> None:
    """Give the system resolver back for now, then stop: in this order, so that nobody asks where nobody answers."""
    if dns.record().wanted:
        steps.told.append("give the system resolver back until `service start`")
        if not steps.dry:
            dns.step_aside("the service was stopped")
    steps.run(manager.stop())


def watch_from_now(manager: Manager | None, folder: Path, steps: Steps) -> None:
    """Have a watchdog run: the installed one, else a process that outlives this command."""
    if manager is not None and manager.paths():
        steps.run(manager.watchdog(on=True))
    elif not is_watched(folder):
        steps.told.append("start a watchdog")
        if not steps.dry:
            start_detached(folder)


def record_folder(platform: str = sys.platform) -> Path:
    """Return where it is remembered what the system asked before us."""
    return FOLDERS.get(platform, FOLDER)


def system_dns(commands: Commands, platform: str = sys.platform) -> SystemDns:
    """Return this system's resolver settings."""
    return SystemDns(choose(commands, ADDRESS, platform), record_folder(platform))


def manager_or_none(commands: Commands) -> Manager | None:
    """Return the service manager, None where there is none that we know."""
    try:
        return manager_for(commands)
    except WorldError:
        return None
