"""The service in systemd's words: a socket that systemd opens, a resolver without rights, and the watchdog.

The words are those of systemd.exec(5), systemd.socket(5) and systemd.service(5).
"""

from __future__ import annotations

from pathlib import Path

from blockctl.io.service_manager import Command, Spec, Status
from blockctl.io.system_commands import Commands
from blockctl.model.listen import Listen

UNITS = Path("etc/systemd/system")
SOCKET, SERVICE, WATCHDOG = "blockctl.socket", "blockctl.service", "blockctl-dns.service"

# What neither process needs. @system-service leaves what Python, SQLite and subprocesses call.
COMMON = """\
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @obsolete
SystemCallErrorNumber=EPERM
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
"""
# What a resolver has no business with, though it may read the rest of its owner's home: lists may lie anywhere there.
SECRETS = (".ssh", ".gnupg", ".aws", ".kube", ".mozilla", ".local/share/keyrings", ".password-store")


class Systemd:
    """Writes units and runs systemctl."""

    name = "systemd"

    def __init__(self, commands: Commands, root: Path = Path("/")) -> None:
        self._commands, self._folder = commands, root / UNITS

    def files(self, spec: Spec) -> dict[Path, str]:
        """Return the three units."""
        texts = {SOCKET: socket_unit(spec.listens), SERVICE: service_unit(spec), WATCHDOG: watchdog_unit(spec)}
        return {self._folder / name: text for name, text in texts.items()}

    def paths(self) -> list[Path]:
        """Return the units that are there."""
        return [path for name in (SOCKET, SERVICE, WATCHDOG) if (path := self._folder / name).exists()]

    def install(self, changed: bool) -> list[Command]:
        """Enable it; what is new replaces what runs. The socket stays open only while systemd has no new one."""
        fresh: list[Command] = [("systemctl", "daemon-reload")] if changed else []
        # the watchdog gives the system resolver back when it is stopped, and comes back when there are answers
        again: list[Command] = [("systemctl", "try-restart", WATCHDOG), ("systemctl", "stop", SERVICE, SOCKET)]
        return [*fresh, *(again if changed else []), ("systemctl", "enable", "--now", SOCKET, SERVICE)]

    def start(self) -> list[Command]:
        """Start the socket and the resolver."""
        return [("systemctl", "start", SOCKET, SERVICE)]

    def stop(self) -> list[Command]:
        """Stop the resolver, and the socket that would start it again."""
        return [("systemctl", "stop", SERVICE, SOCKET)]

    def uninstall(self) -> list[Command]:
        """Stop all three for good."""
        return [("systemctl", "disable", "--now", WATCHDOG, SERVICE, SOCKET)]

    def removed(self) -> list[Command]:
        """Have systemd forget them."""
        return [("systemctl", "daemon-reload"), ("systemctl", "reset-failed", SOCKET, SERVICE, WATCHDOG)]

    def watchdog(self, on: bool) -> list[Command]:
        """Start the watchdog with the machine, or no longer."""
        return [("systemctl", "enable" if on else "disable", "--now", WATCHDOG)]

    def status(self) -> Status:
        """Ask systemd."""
        said = {unit: self._commands.run("systemctl", "is-active", unit).out.strip() for unit in (SOCKET, SERVICE)}
        text = ", ".join(f"{unit} is {word or 'unknown'}" for unit, word in said.items())
        return Status(len(self.paths()) == 3, said[SERVICE] == "active", text)


def socket_unit(listens: tuple[Listen, ...]) -> str:
    """Return the sockets; several of one kind bear its name. Those beyond plain DNS need a unit each: see `serve`."""
    lines = ["[Unit]", "Description=Sockets of the blockctl resolver", "", "[Socket]"]
    for each in listens:
        place = f"[{each.address}]:{each.port}" if ":" in each.address else f"{each.address}:{each.port}"
        if each.scheme == "dns":
            lines.append(f"ListenDatagram={place}")
        lines.append(f"ListenStream={place}")
    # Those in the policy are known by their address; 127.0.0.1:53 is plain DNS by this name.
    lines += ["FileDescriptorName=dns", "BindIPv6Only=ipv6-only", "FreeBind=yes", "Service=blockctl.service", ""]
    return "\n".join([*lines, "[Install]", "WantedBy=sockets.target", ""])


def service_unit(spec: Spec) -> str:
    """Return the resolver: no capability, nothing writable but its own folders."""
    command = [*spec.program, "serve", "--policy", str(spec.policy), "--state", str(spec.state)]
    writable = " ".join(quoted_path(f"-{each}") for each in spec.writable)
    hidden = " ".join(quoted_path(f"-{spec.owner.home / each}") for each in SECRETS)
    return f"""\
[Unit]
Description=blockctl: a DNS resolver that obeys your policy
Requires={SOCKET}
After=network.target {SOCKET}
StartLimitIntervalSec=0

[Service]
Type=exec
User={spec.owner.name}
ExecStart={" ".join(map(quoted, command))}
ExecReload=kill -HUP $MAINPID
Restart=always
RestartSec=1
TimeoutStopSec=10
LimitNOFILE=65536
UMask=0077
CapabilityBoundingSet=
AmbientCapabilities=
PrivateUsers=yes
ProtectProc=invisible
ProtectHome=read-only
ReadWritePaths={writable}
InaccessiblePaths={hidden}
{COMMON}
[Install]
WantedBy=multi-user.target
"""


def watchdog_unit(spec: Spec) -> str:
    """Return the watchdog: it may write where resolvers are set, and ask systemd and NetworkManager, and no more."""
    command = " ".join(map(quoted, spec.program))
    return f"""\
[Unit]
Description=blockctl: gives the system resolver back when ours does not answer
After=network.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command} service watch
ExecStopPost={command} service watch --end
Restart=on-failure
RestartSec=1
TimeoutStopSec=30
StateDirectory=blockctl
StateDirectoryMode=0755
CapabilityBoundingSet=CAP_DAC_READ_SEARCH
ProtectHome=read-only
ReadWritePaths=/etc /run
{COMMON}
[Install]
WantedBy=multi-user.target
"""


def quoted(word: str) -> str:
    """Return a word of a command as systemd.syntax(7) and systemd.service(5) read it back."""
    return quoted_path(word).replace("$", "$$")


def quoted_path(word: str) -> str:
    """Return a path of a list as systemd.syntax(7) reads it back: variables are for commands alone."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{plain}"' if any(each.isspace() or each in "\"'\\;" for each in word) or not word else plain
