"""What a system service of blockctl is, whatever the system: what runs, as whom, where it listens and may write."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from blockctl.io.system_commands import Commands
from blockctl.model.diagnostic import BlockctlError, WorldError
from blockctl.model.listen import Listen, read_listen
from blockctl.model.policy import Policy

PORT = Listen("dns", "127.0.0.1", 53)  # where systems ask; the service has it whatever the policy says
HAVE_IT = (PORT.address, "0.0.0.0")  # noqa: S104 - every address has it too
PRIVILEGED = 1024  # ports below it are opened by the system, and handed over
PYTHON = (sys.executable, "-m", "blockctl")

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """The user whose policy it is, and as whom the resolver runs."""

    name: str
    uid: int
    gid: int
    home: Path


@dataclass(frozen=True, slots=True)
class Spec:
    """One service, to be written down in the system's words."""

    owner: Owner
    policy: Path
    state: Path
    listens: tuple[Listen, ...]  # to be opened by the system
    writable: tuple[Path, ...]  # folders
    program: Command = PYTHON


@dataclass(frozen=True, slots=True)
class Status:
    """How the service stands."""

    installed: bool
    running: bool
    text: str  # in the manager's words


class Manager(Protocol):
    """systemd or launchd."""

    name: str

    def files(self, spec: Spec) -> dict[Path, str]:
        """Return what is written, by path."""

    def paths(self) -> list[Path]:
        """Return the files that an installed service has."""

    def install(self, changed: bool) -> list[Command]:
        """Return what is run once the files are there; `changed`: any was written."""

    def start(self) -> list[Command]:
        """Return what starts an installed service."""

    def stop(self) -> list[Command]:
        """Return what stops it."""

    def uninstall(self) -> list[Command]:
        """Return what is run before the files are removed."""

    def removed(self) -> list[Command]:
        """Return what is run when the files are gone."""

    def watchdog(self, on: bool) -> list[Command]:
        """Return what starts the watchdog, now and with the machine, or ends it for good."""

    def status(self) -> Status:
        """Ask how it stands."""


def manager_for(commands: Commands, platform: str = sys.platform, root: Path = Path("/")) -> Manager:
    """Return the service manager of this system. Raises WorldError where there is none that is known."""
    if platform == "darwin":
        from blockctl.io.service_manager_launchd import Launchd

        return Launchd(commands, root)
    if platform.startswith("linux") and commands.has("systemctl") and (root / "run/systemd/system").is_dir():
        from blockctl.io.service_manager_systemd import Systemd

        return Systemd(commands, root)
    hint = "have it run `blockctl serve` at the start of the machine; the README says how, for Windows too"
    raise WorldError("blockctl knows systemd and launchd, and neither runs this machine", hint)


def find_owner(name: str | None) -> Owner:
    """Return the user named, else who called sudo, else who runs this. Raises BlockctlError for root and strangers."""
    import pwd

    wanted = name or os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    try:
        entry = pwd.getpwnam(wanted)
    except KeyError as error:
        raise BlockctlError(f"there is no user {wanted!r}", "name the one whose policy it is: --user NAME") from error
    if entry.pw_uid == 0:
        hint = "name the one whose policy it is: --user NAME"
        raise BlockctlError("the resolver does not run as root", hint)
    return Owner(entry.pw_name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def at_home(owner: Owner) -> None:
    """Have the default places of policy and state be the owner's, as sudo may have made them root's."""
    os.environ["HOME"] = str(owner.home)


def is_root() -> bool:
    """Whether this process may change the system."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def listens_of(policy: Policy) -> tuple[Listen, ...]:
    """Return where the system opens sockets: 127.0.0.1:53 unless all addresses have it, and what else is below 1024."""
    asked = [read_listen(each) for each in policy.resolver.listen]
    low = [each for each in asked if 0 < each.port < PRIVILEGED]
    has_port = any(each.scheme == "dns" and each.port == 53 and each.address in HAVE_IT for each in low)
    return tuple(dict.fromkeys(low if has_port else [PORT, *low]))


def writable_of(policy: Policy, path: Path, state: Path) -> tuple[Path, ...]:
    """Return the folders that the service writes in: state, policy (edits from the page), and the targets'."""
    beside = path.resolve().parent
    targets = [(beside / Path(each.path).expanduser()).resolve() for each in policy.targets.values()]
    folders = [beside, path.absolute().parent, state.absolute(), *(each.parent for each in targets)]
    found: list[Path] = []
    for folder in folders:
        if folder != Path("/") and not any(folder.is_relative_to(each) for each in found):
            found.append(folder)
    return tuple(found)


def check_words(spec: Spec) -> None:
    """Raise BlockctlError for a path that the system's own files cannot say: a line of it would be read as an order."""
    for path in (spec.policy, spec.state, *spec.writable):
        if not str(path).isprintable():
            hint = "move it, or name another folder in the policy's `targets:`"
            raise BlockctlError(f"a service cannot have a path with control characters: {str(path)!r}", hint)


def prepare_state(spec: Spec) -> None:
    """Make the state folder, the owner's own. Raises WorldError.

    The owner makes it: root would follow the links that the owner may have laid below it, into folders of the system.
    Only where no folder above is the owner's does root make it.
    """
    owner, above = spec.owner, [spec.state, *spec.state.parents]
    try:
        if any(os.path.lexists(each) and each.lstat().st_uid == owner.uid for each in above):
            with _acting_as(owner):
                spec.state.mkdir(parents=True, exist_ok=True)
            return
        missing = [each for each in above if not each.exists()]
        spec.state.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            os.chown(folder, owner.uid, owner.gid)
    except OSError as error:
        raise WorldError(f"cannot make {spec.state}: {error.strerror or error}", "name another: --state DIR") from error


@contextlib.contextmanager
def _acting_as(owner: Owner) -> Iterator[None]:
    """Have the rights of the owner, and no others, for a while; who is not root keeps his own."""
    if not is_root():
        yield
        return
    group, groups = os.getegid(), os.getgroups()
    os.setgroups([])
    os.setegid(owner.gid)
    os.seteuid(owner.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def check_program(spec: Spec) -> None:
    """Raise WorldError where the owner may not run the program, as one that lies in root's home. For root to ask."""
    owner, words = spec.owner, [*spec.program, "--version"]
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            words,
            user=owner.uid,
            group=owner.gid,
            extra_groups=[],
            capture_output=True,
            timeout=60,
            cwd="/",
            check=False,
        )
        if done.returncode == 0:
            return
    except (OSError, subprocess.TimeoutExpired):
        pass
    hint = "install blockctl where they may: sudo pipx install --global blockctl"
    raise WorldError(f"{owner.name} may not run {' '.join(spec.program)}", hint)


def is_anybodys(program: Iterable[str], owner: Owner) -> bool:
    """Whether the owner could change the program: the watchdog, which is root's, runs it too."""
    path = Path(next(iter(program))).absolute()
    return any(each.exists() and each.stat().st_uid == owner.uid for each in (path, *path.parents))
