"""Where a system keeps whom it asks for names, and how to change it: one class for each way, all used alike.

A place has a value, a text in which everything is that is needed to put it back. `take` and `give_back` are one step
each: killed before or after it, the place has the old value or ours, never a third. `settle` has the system notice.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Protocol

from blockctl.io.system_commands import Commands, must
from blockctl.model.addresses import read_address
from blockctl.model.diagnostic import WorldError

MARK = "# written by `blockctl service dns on`; `blockctl service dns off` puts back what was here"
NONE_SET = "There aren't any DNS Servers set on"
EMPTY = "Empty"  # the word by which networksetup takes the addresses of DHCP again


class Places(Protocol):
    """All places of one system."""

    name: str

    def values(self) -> dict[str, str]:
        """Return what each place has now."""

    def is_ours(self, value: str) -> bool:
        """Whether a place with this value asks us."""

    def take(self, place: str, before: str) -> None:
        """Make a place ask us."""

    def give_back(self, place: str, before: str) -> None:
        """Give a place its value back; "" is what it had when nobody had set anything."""

    def settle(self) -> None:
        """Have the system notice what was changed. Harmless when nothing was."""

    def servers(self, befores: list[str]) -> list[str]:
        """Return whom the network would have us ask, by what the places had."""

    def has_resolver(self, interface: str) -> bool:
        """Whether an interface, a VPN's, brings resolvers of its own."""


class NetworkSetup:
    """macOS: every network service has its own addresses, or none and then DHCP's."""

    name = "networksetup"

    def __init__(self, commands: Commands, address: str) -> None:
        self._commands, self._address = commands, address

    def values(self) -> dict[str, str]:
        """Return the addresses set for each service that is switched on."""
        lines = must(self._commands, "networksetup", "-listallnetworkservices").splitlines()[1:]
        found = {}
        for service in (line for line in lines if line and not line.startswith("*")):
            said = must(self._commands, "networksetup", "-getdnsservers", service)
            # "There aren't any DNS Servers set on Wi-Fi." is a sentence, not an address
            found[service] = " ".join(each for each in said.split("\n") if read_address(each.strip()) is not None)
        return found

    def is_ours(self, value: str) -> bool:
        """Whether a service asks us alone."""
        return value == self._address

    def take(self, place: str, before: str) -> None:  # noqa: ARG002 - as every place
        """Set our address."""
        self._set(place, [self._address])

    def give_back(self, place: str, before: str) -> None:
        """Set the addresses it had."""
        self._set(place, before.split() or [EMPTY])

    def _set(self, service: str, addresses: list[str]) -> None:
        must(self._commands, "networksetup", "-setdnsservers", service, *addresses)

    def settle(self) -> None:
        """Forget what was answered before."""
        self._commands.run("dscacheutil", "-flushcache")
        self._commands.run("killall", "-HUP", "mDNSResponder")

    def servers(self, befores: list[str]) -> list[str]:
        """Return the addresses they had, and those that DHCP told each interface."""
        found = [each for value in befores for each in value.split()]
        ports = self._commands.run("networksetup", "-listallhardwareports").out
        for device in re.findall(r"^Device: (\S+)$", ports, re.MULTILINE):
            told = self._commands.run("ipconfig", "getoption", device, "domain_name_server").out
            found += told.split()
        return list(dict.fromkeys(found))

    def has_resolver(self, interface: str) -> bool:
        """Whether the first resolver of the system is bound to that interface."""
        first = self._commands.run("scutil", "--dns").out.partition("resolver #2")[0]
        return f"({interface})" in first


class DropIn:
    """Linux: a file that systemd-resolved or NetworkManager reads beside its settings; without it all is as before.

    It lies in /run, which is empty after a start of the machine.
    """

    def __init__(self, name: str, commands: Commands, path: Path, text: str, reload: tuple[str, ...]) -> None:
        self.name = name
        self._commands, self._path, self._text, self._reload = commands, path, text, reload

    def values(self) -> dict[str, str]:
        """Return what the file says: "" when it is not there."""
        try:
            return {str(self._path): self._path.read_text(encoding="utf-8")}
        except OSError:
            return {str(self._path): ""}

    def is_ours(self, value: str) -> bool:
        """Whether the file is there: nobody else writes one of that name."""
        return bool(value)

    def take(self, place: str, before: str) -> None:  # noqa: ARG002 - as every place
        """Write the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace(self._path, self._text.encode(), 0o644)

    def give_back(self, place: str, before: str) -> None:  # noqa: ARG002 - as every place
        """Remove the file."""
        self._path.unlink(missing_ok=True)

    def settle(self) -> None:
        """Have the files read again."""
        must(self._commands, *self._reload)

    def servers(self, befores: list[str]) -> list[str]:  # noqa: ARG002 - as every place
        """Return what the links of the network have."""
        words = (
            ("resolvectl", "dns") if self.name == "resolved" else ("nmcli", "-g", "IP4.DNS,IP6.DNS", "device", "show")
        )
        said = self._commands.run(*words).out
        named = (read_address(each.partition("#")[0]) for each in re.split(r"[\s|]+", said.replace("\\:", ":")))
        asked = [str(each) for each in named if each and not each.is_loopback and not each.is_link_local]
        return list(dict.fromkeys(asked))

    def has_resolver(self, interface: str) -> bool:
        """Whether the link of that name has servers of its own."""
        if self.name == "resolved":
            return bool(self._commands.run("resolvectl", "dns", interface).out.partition("): ")[2].strip())
        return bool(self._commands.run("nmcli", "-g", "IP4.DNS,IP6.DNS", "device", "show", interface).out.strip())


class ResolvConf:
    """/etc/resolv.conf where no program stands behind it: a file, or a link to one."""

    name = "resolv.conf"

    def __init__(self, path: Path, address: str) -> None:
        self._path, self._address = path, address

    def values(self) -> dict[str, str]:
        """Return the file: where it links to, or its text."""
        with contextlib.suppress(OSError):
            if self._path.is_symlink():
                return {str(self._path): json.dumps({"link": str(self._path.readlink())})}
            mode = self._path.stat().st_mode & 0o777
            text = self._path.read_bytes().decode("latin-1")  # every octet as it is
            return {str(self._path): json.dumps({"text": text, "mode": mode})}
        return {str(self._path): ""}

    def is_ours(self, value: str) -> bool:
        """Whether we wrote it."""
        return bool(value) and str(json.loads(value).get("text", "")).startswith(MARK)

    def take(self, place: str, before: str) -> None:  # noqa: ARG002 - as every place
        """Name ourselves; search domains and options stay."""
        kept = [
            line
            for line in self._text(before).splitlines()
            if line.split()[:1] in (["search"], ["options"], ["domain"])
        ]
        text = "\n".join([MARK, *kept, f"nameserver {self._address}", ""])
        replace(self._path, text.encode("latin-1"), 0o644)

    def give_back(self, place: str, before: str) -> None:  # noqa: ARG002 - as every place
        """Put the file, or the link, back."""
        if not before:
            self._path.unlink(missing_ok=True)
            return
        value = json.loads(before)
        if "link" in value:
            aside = self._path.with_name(f".{self._path.name}.blockctl")
            aside.unlink(missing_ok=True)
            aside.symlink_to(value["link"])
            aside.replace(self._path)
            return
        replace(self._path, value["text"].encode("latin-1"), value["mode"])

    def settle(self) -> None:
        """Nothing: programs read the file themselves."""

    def servers(self, befores: list[str]) -> list[str]:
        """Return the nameservers that the file had."""
        words = [line.split() for before in befores for line in self._text(before).splitlines()]
        named = [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]
        return [each for each in dict.fromkeys(named) if read_address(each) is not None and each != self._address]

    def has_resolver(self, interface: str) -> bool:  # noqa: ARG002 - as every place
        """Whether somebody wrote the file while the VPN was up: who else would."""
        return not self.is_ours(self.values()[str(self._path)])

    def _text(self, value: str) -> str:
        found = json.loads(value) if value else {}
        if "link" in found:
            with contextlib.suppress(OSError):
                return (self._path.parent / str(found["link"])).read_bytes().decode("latin-1")
        return str(found.get("text", ""))


def choose(commands: Commands, address: str, platform: str, root: Path = Path("/")) -> Places:
    """Return the places of this system. Raises WorldError for a system that is not known."""
    if platform == "darwin":
        return NetworkSetup(commands, address)
    if not platform.startswith("linux"):
        raise WorldError(
            "the system resolver of this system is not known to blockctl", "set it by hand: see the README"
        )
    resolv_conf = root / "etc/resolv.conf"
    if _is_active(commands, "systemd-resolved") and "systemd/resolve" in str(resolv_conf.resolve()):
        # `~.` sends every name to the servers named here, but for those of which a link (a VPN's) knows better.
        # Nothing is encrypted on the way to this machine itself, and what we answer may change with an edit.
        text = f"{MARK}\n[Resolve]\nDNS={address}\nDomains=~.\nDNSOverTLS=no\nCache=no\n"
        path = root / "run/systemd/resolved.conf.d/blockctl.conf"
        return DropIn("resolved", commands, path, text, ("systemctl", "restart", "systemd-resolved"))
    if _is_active(commands, "NetworkManager") and commands.has("nmcli"):
        text = f"{MARK}\n[global-dns-domain-*]\nservers={address}\n"
        path = root / "run/NetworkManager/conf.d/blockctl.conf"
        return DropIn("NetworkManager", commands, path, text, ("nmcli", "general", "reload"))
    return ResolvConf(resolv_conf, address)


def _is_active(commands: Commands, unit: str) -> bool:
    return commands.has("systemctl") and commands.run("systemctl", "is-active", "--quiet", unit).status == 0


def replace(path: Path, data: bytes, mode: int) -> None:
    """Put a file in the place of whatever has that name, a link too, whole and on the disk.

    Where the name cannot be given away (a container's mounted resolv.conf) the file is written over.
    """
    aside = path.with_name(f".{path.name}.blockctl")
    try:
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        if error.errno != 16:  # EBUSY: a mount
            raise WorldError(f"cannot write {path}: {error.strerror or error}") from error
        path.write_bytes(data)
