"""What is written and run for a service, on systemd and launchd."""

from __future__ import annotations

import os
import plistlib
import pwd
from dataclasses import replace
from pathlib import Path

import pytest

from blockctl.io import service_steps
from blockctl.io.service_manager import (
    Manager,
    Owner,
    Spec,
    find_owner,
    is_anybodys,
    listens_of,
    manager_for,
    prepare_state,
    writable_of,
)
from blockctl.io.service_manager_systemd import quoted, service_unit
from blockctl.io.service_steps import Steps
from blockctl.io.system_commands import Commands, Done, SystemCommands, must
from blockctl.io.system_dns import SystemDns
from blockctl.io.system_dns_places import ResolvConf
from blockctl.model.diagnostic import BlockctlError, WorldError
from blockctl.model.listen import read_listen
from blockctl.policy.read import read_policy
from tests.io.transcripts import Transcript

OWNER = Owner("me", os.getuid(), os.getgid(), Path("/home/me"))


def spec(folder: Path, *listens: str, policy: str = "policy.yaml") -> Spec:
    places = tuple(map(read_listen, listens or ("127.0.0.1:53",)))
    program = ("/opt/blockctl/bin/python", "-m", "blockctl")
    return Spec(OWNER, folder / policy, folder / "state", places, (folder,), program)


class Systemctl:
    """Runs nothing and remembers."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def has(self, program: str) -> bool:
        return program == "systemctl"

    def run(self, *words: str) -> Done:
        self.asked.append(" ".join(words))
        return Done(0, "active\n")


def systemd(folder: Path, commands: Commands) -> Manager:
    (folder / "run/systemd/system").mkdir(parents=True)
    return manager_for(commands, "linux", folder)


def test_systemd_from_install_to_uninstall(tmp_path: Path) -> None:
    commands = Systemctl()
    manager = systemd(tmp_path, commands)
    units = tmp_path / "etc/systemd/system"
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    dns = SystemDns(ResolvConf(tmp_path / "resolv.conf", "127.0.0.1"), tmp_path / "record")

    service_steps.install(manager, spec(tmp_path), Steps(commands))
    assert sorted(path.name for path in units.iterdir()) == [
        "blockctl-dns.service", "blockctl.service", "blockctl.socket",
    ]  # fmt: skip
    assert commands.asked[0] == "systemctl daemon-reload"
    assert commands.asked[-1] == "systemctl enable --now blockctl.socket blockctl.service"
    assert manager.status().installed

    steps = Steps(commands)
    service_steps.install(manager, spec(tmp_path), steps)  # again: nothing is written, nothing restarted
    assert steps.told == ["run   systemctl enable --now blockctl.socket blockctl.service"]

    dns.on()
    service_steps.stop(manager, dns, Steps(commands))
    assert (tmp_path / "resolv.conf").read_text() == "nameserver 192.0.2.53\n"
    assert dns.record().wanted

    service_steps.uninstall(manager, dns, Steps(commands))
    assert list(units.iterdir()) == []
    assert dns.record().wanted is False
    steps = Steps(commands)
    service_steps.uninstall(manager, dns, steps)
    assert steps.told == []


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    commands = Systemctl()
    manager = systemd(tmp_path, commands)
    steps = Steps(commands, dry=True)
    service_steps.install(manager, spec(tmp_path), steps)
    assert [line for line in steps.told if "blockctl.socket" in line]
    assert not (tmp_path / "etc").exists()
    assert not (tmp_path / "state").exists()
    assert commands.asked == []


def test_the_units_say_who_where_and_what(tmp_path: Path) -> None:
    manager = systemd(tmp_path, Systemctl())
    folder = tmp_path / 'a "100%" folder'
    texts = {path.name: text for path, text in manager.files(spec(folder, "[::1]:53", "tls://0.0.0.0:853")).items()}
    assert "ListenDatagram=[::1]:53\nListenStream=[::1]:53\nListenStream=0.0.0.0:853\n" in texts["blockctl.socket"]
    service = texts["blockctl.service"].splitlines()
    assert "User=me" in service
    assert "CapabilityBoundingSet=" in service
    assert '"' + str(folder / "policy.yaml").replace('"', '\\"').replace("%", "%%") + '"' in texts["blockctl.service"]
    assert "User=" not in texts["blockctl-dns.service"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        pytest.param("/a/b", "/a/b", id="plain"),
        pytest.param("/a b", '"/a b"', id="a space"),
        pytest.param("/a%b$c", "/a%%b$$c", id="specifier and variable"),
        pytest.param('/a"b\\', '"/a\\"b\\\\"', id="quotes"),
        pytest.param("", '""', id="nothing"),
    ],
)
def test_words_are_quoted_for_systemd(word: str, expected: str) -> None:
    assert quoted(word) == expected


def test_a_path_of_the_policy_gives_systemd_no_orders(tmp_path: Path) -> None:
    """A target's folder is a stranger's word where the policy is, and the unit is root's."""
    folder = tmp_path / "out\n[Service]\nExecStartPre=+touch owned"
    made = replace(spec(tmp_path), writable=(tmp_path, folder))
    manager = systemd(tmp_path, Systemctl())
    with pytest.raises(BlockctlError, match="control characters"):
        service_steps.install(manager, made, Steps(Systemctl()))
    assert not manager.paths()
    assert f"ReadWritePaths=-{tmp_path} -/srv/a$b\n" in service_unit(
        replace(spec(tmp_path), writable=(tmp_path, Path("/srv/a$b")))
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_the_owner_cannot_lead_root_astray(tmp_path: Path) -> None:
    """The state folder is made by its owner, whatever links he laid: else folders of the system became his."""
    owner = Owner("other", 54_321, 54_321, tmp_path / "home")
    system, home = tmp_path / "system", tmp_path / "home"
    for folder in (system, home):
        folder.mkdir()
    for folder in (tmp_path, *tmp_path.parents[:3]):  # which only root may enter
        folder.chmod(0o755)
    os.chown(home, owner.uid, owner.gid)
    (home / "state").symlink_to(system)
    os.chown(home / "state", owner.uid, owner.gid, follow_symlinks=False)
    with pytest.raises(WorldError, match="cannot make"):
        prepare_state(replace(spec(tmp_path), owner=owner, state=home / "state/blockctl"))
    assert not list(system.iterdir())
    for state in (home / "own/blockctl", system / "blockctl"):  # root was told of the second
        prepare_state(replace(spec(tmp_path), owner=owner, state=state))
        assert state.stat().st_uid == owner.uid
    assert os.geteuid() == 0


def test_launchd_by_its_transcript(tmp_path: Path) -> None:
    transcript = Transcript("macos-service")
    transcript.left = [
        ([each.replace("ROOT", str(tmp_path)) for each in words], done) for words, done in transcript.left
    ]
    manager = manager_for(transcript, "darwin", tmp_path)
    waits: list[int] = []
    for policy in ("policy.yaml", "policy.yaml", "other.yaml"):
        steps = Steps(transcript, wait=lambda: waits.append(1))
        service_steps.install(manager, spec(tmp_path, policy=policy), steps)
    assert waits == [1]
    assert manager.status().text == "blockctl.resolver is running"
    for _ in range(2):
        Steps(transcript).run(manager.watchdog(on=True))
    (tmp_path / "resolv.conf").write_text("")
    dns = SystemDns(ResolvConf(tmp_path / "resolv.conf", "127.0.0.1"), tmp_path / "record")
    service_steps.uninstall(manager, dns, Steps(transcript))
    assert transcript.left == []
    assert manager.paths() == []


def test_the_job_for_launchd(tmp_path: Path) -> None:
    manager = manager_for(Transcript("macos-service"), "darwin", tmp_path)
    texts = manager.files(spec(tmp_path, "127.0.0.1:53", "https://[::1]:443/dns-query"))
    resolver, watchdog = (plistlib.loads(text.encode()) for text in texts.values())
    assert resolver["UserName"] == "me"
    assert resolver["Sockets"] == {
        "dns": [
            {"SockNodeName": "127.0.0.1", "SockServiceName": "53", "SockFamily": "IPv4", "SockType": "dgram"},
            {"SockNodeName": "127.0.0.1", "SockServiceName": "53", "SockFamily": "IPv4", "SockType": "stream"},
        ],
        "https": [{"SockNodeName": "::1", "SockServiceName": "443", "SockFamily": "IPv6", "SockType": "stream"}],
    }
    assert watchdog["ProgramArguments"][-2:] == ["service", "watch"]
    assert "UserName" not in watchdog


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        pytest.param('["127.0.0.1:5335"]', ["127.0.0.1:53"], id="where systems ask"),
        pytest.param('["0.0.0.0:53"]', ["0.0.0.0:53"], id="every address has it"),
        pytest.param('["[::1]:53", "127.0.0.1:8053"]', ["127.0.0.1:53", "[::1]:53"], id="what is below 1024"),
        pytest.param('["127.0.0.1:0"]', ["127.0.0.1:53"], id="any free port"),
    ],
)
def test_what_the_system_opens(listen: str, expected: list[str]) -> None:
    policy, faults = read_policy(f"version: 1\nresolver: {{listen: {listen}}}\n", "t")
    assert faults == []
    assert [str(each) for each in listens_of(policy)] == expected


def test_where_the_service_writes(tmp_path: Path) -> None:
    targets = "targets: {safari: {path: out/safari}, ublock: {path: /srv/www/ublock.txt}}"
    policy, _ = read_policy(f"version: 1\n{targets}\n", str(tmp_path / "policy.yaml"))
    found = writable_of(policy, tmp_path / "policy.yaml", Path("/var/state"))
    assert found == (tmp_path, Path("/var/state"), Path("/srv/www"))


def test_whose_policy_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = next(each for each in pwd.getpwall() if each.pw_uid)
    monkeypatch.setenv("SUDO_USER", somebody.pw_name)
    assert find_owner(None).uid == somebody.pw_uid
    with pytest.raises(BlockctlError, match="does not run as root"):
        find_owner("root")
    with pytest.raises(BlockctlError, match="there is no user"):
        find_owner("nobody-of-that-name")


def test_a_program_of_the_owners_is_told(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.touch()
    assert is_anybodys([str(program)], OWNER)
    assert not is_anybodys([str(program)], Owner("other", 54_321, 54_321, Path("/home/other")))


def test_commands_of_the_system() -> None:
    commands = SystemCommands()
    assert commands.run("no-such-program-here").status == 127
    assert must(commands, "echo", "a", "b") == "a b\n"
    with pytest.raises(WorldError, match="`false` failed: exit status 1"):
        must(commands, "false")


def test_a_system_without_a_manager_we_know_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="systemd and launchd"):
        manager_for(Systemctl(), "linux", tmp_path)
    with pytest.raises(WorldError, match="systemd and launchd"):
        manager_for(Systemctl(), "win32", tmp_path)
