"""The system resolver is taken and given back, and a kill at any moment leaves a way back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from dnslib import DNSRecord

from blockctl.io.system_commands import Done
from blockctl.io.system_dns import Record, SystemDns
from blockctl.io.system_dns_places import MARK, DropIn, NetworkSetup, Places, ResolvConf, choose
from blockctl.io.system_dns_watch import RealProbe, Watchdog, World, is_watched, watching
from blockctl.model.diagnostic import WorldError
from tests.io.transcripts import Transcript
from tests.serve.running import Upstream

BEFORE = "search lan\nnameserver 192.0.2.53\noptions edns0 trust-ad\n"
CHANGES = ("open", "write", "replace", "unlink", "symlink", "fchmod")


class Loading:
    """A resolver of the system that reads its files when it is told to, and only then."""

    def __init__(self, drop_in: Path, loaded: Path) -> None:
        self._drop_in, self._loaded = drop_in, loaded

    def has(self, program: str) -> bool:
        return True

    def run(self, *words: str) -> Done:
        if words != ("reload",):
            return Done(1)
        self._loaded.write_text(self._drop_in.read_text() if self._drop_in.exists() else "")
        return Done(0)


class Machine:
    """A system of one kind in a folder."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.file = folder / "resolv.conf"
        self.target = folder / "run-resolv.conf"
        self.loaded = folder / "loaded"
        if kind == "link":
            self.target.write_text(BEFORE)
            self.file.symlink_to("run-resolv.conf")
        elif kind == "file":
            self.file.write_text(BEFORE)
            self.file.chmod(0o640)
        elif kind == "drop-in":
            self.loaded.write_text("")

    def places(self) -> Places:
        if self.kind == "drop-in":
            path = self.folder / "conf.d" / "blockctl.conf"
            return DropIn("resolved", Loading(path, self.loaded), path, "ours", ("reload",))
        return ResolvConf(self.file, "127.0.0.1")

    def dns(self) -> SystemDns:
        return SystemDns(self.places(), self.folder / "state")

    def asks(self) -> str:
        """Say whom the system asks now: the network's, ours, or something else."""
        text = (
            self.loaded.read_text() if self.kind == "drop-in" else self.file.read_text() if self.file.exists() else ""
        )
        before = {"drop-in": "", "none": ""}.get(self.kind, BEFORE)
        return "before" if text == before else "ours" if text == "ours" or text.startswith(MARK) else text

    def is_as_it_was(self) -> bool:
        """Whether nothing tells that we were here."""
        drop_in = self.folder / "conf.d" / "blockctl.conf"
        kept = {
            "file": self.file.exists() and not self.file.is_symlink() and self.file.stat().st_mode & 0o777 == 0o640,
            "link": self.file.is_symlink() and str(self.file.readlink()) == "run-resolv.conf",
            "none": not self.file.exists(),
            "drop-in": not drop_in.exists(),
        }
        return self.asks() == "before" and kept[self.kind] and not (self.folder / "state" / "dns.json").exists()


KINDS = ("file", "link", "none", "drop-in")
DEEDS: dict[str, tuple[tuple[str, ...], str]] = {  # what was done before, and what is killed
    "on": ((), "on"),
    "on again": (("on",), "on"),
    "off": (("on",), "off"),
    "aside": (("on",), "aside"),
    "back": (("on", "aside"), "back"),
    "off while aside": (("on", "aside"), "off"),
}


def do(dns: SystemDns, deed: str) -> None:
    known: dict[str, Callable[[], None]] = {
        "on": dns.on, "off": dns.off, "aside": lambda: dns.step_aside("a test"), "back": dns.come_back,
    }  # fmt: skip
    known[deed]()


def killed_at(machine: Machine, deed: str, at: int) -> bool:
    """Do it in a process that is killed before its change number `at`; say whether it was."""
    child = os.fork()
    if child == 0:
        left = at
        for name in CHANGES:
            real = getattr(os, name)

            def change(*given: object, _real: Callable[..., object] = real, **named: object) -> object:
                nonlocal left
                if _real.__name__ == "open" and not (isinstance(given[1], int) and given[1] & os.O_CREAT):
                    return _real(*given, **named)
                if left == 0:
                    os.kill(os.getpid(), 9)
                left -= 1
                return _real(*given, **named)

            setattr(os, name, change)
        status = 1
        try:
            do(machine.dns(), deed)
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -9)
    return status != 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_kill_at_any_moment_leaves_a_way_back(kind: str, deed: str, tmp_path: Path) -> None:
    before, last = DEEDS[deed]
    for at in range(200):
        folder = tmp_path / str(at)
        folder.mkdir()
        machine = Machine(kind, folder)
        for each in before:
            do(machine.dns(), each)
        was_killed = killed_at(machine, last, at)
        assert machine.asks() in ("before", "ours")
        machine.dns().step_aside("our resolver does not answer")  # what a watchdog that is started again does
        assert machine.asks() == "before"
        machine.dns().off()
        assert machine.is_as_it_was()
        if not was_killed:
            assert at > 2
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_taken_and_given_back(kind: str, tmp_path: Path) -> None:
    machine = Machine(kind, tmp_path)
    machine.dns().on()
    assert machine.asks() == "ours"
    assert machine.dns().record().wanted
    machine.dns().step_aside("a reason")
    assert machine.asks() == "before"
    assert machine.dns().record().aside == "a reason"
    machine.dns().come_back()
    assert machine.asks() == "ours"
    machine.dns().off()
    assert machine.is_as_it_was()
    machine.dns().off()
    assert machine.is_as_it_was()


def test_search_domains_and_options_stay(tmp_path: Path) -> None:
    machine = Machine("file", tmp_path)
    machine.dns().on()
    assert machine.file.read_text().splitlines()[1:] == ["search lan", "options edns0 trust-ad", "nameserver 127.0.0.1"]


def test_what_another_network_set_is_what_is_given_back(tmp_path: Path) -> None:
    machine = Machine("file", tmp_path)
    machine.dns().on()
    machine.file.write_text("nameserver 198.51.100.1\n")  # a DHCP client does so
    assert machine.dns().follow()
    assert not machine.dns().follow()
    assert machine.dns().servers() == ["198.51.100.1"]
    machine.dns().off()
    assert machine.file.read_text() == "nameserver 198.51.100.1\n"


def test_what_somebody_set_meanwhile_is_his(tmp_path: Path) -> None:
    machine = Machine("file", tmp_path)
    machine.dns().on()
    machine.file.write_text("nameserver 198.51.100.1\n")
    machine.dns().off()
    assert machine.file.read_text() == "nameserver 198.51.100.1\n"


@pytest.mark.parametrize("record", ["", "{", '{"version": 1}', '{"version": 1, "wanted": true, "before": []}', "[]"])
def test_a_damaged_record_is_none(record: str, tmp_path: Path) -> None:
    machine = Machine("file", tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "dns.json").write_text(record)
    assert machine.dns().record() == Record()
    machine.dns().on()
    machine.dns().off()
    assert machine.file.read_text() == BEFORE


def test_a_mac_by_its_transcript(tmp_path: Path) -> None:
    transcript = Transcript("macos-dns")
    dns = SystemDns(choose(transcript, "127.0.0.1", "darwin"), tmp_path)
    dns.on()
    assert json.loads((tmp_path / "dns.json").read_text())["before"] == {
        "Wi-Fi": "",
        "USB 10/100/1000 LAN": "192.0.2.53 2001:db8::53",
    }
    assert dns.follow()
    dns.off()
    assert transcript.left == []


def test_one_service_that_refuses_keeps_no_other_back(tmp_path: Path) -> None:
    transcript = Transcript("macos-refused")
    dns = SystemDns(NetworkSetup(transcript, "127.0.0.1"), tmp_path)
    before = {"Wi-Fi": "192.0.2.53", "Ethernet": "192.0.2.54 192.0.2.55"}
    kept = {"version": 1, "wanted": True, "aside": "", "way": "networksetup", "before": before, "unsettled": False}
    (tmp_path / "dns.json").write_text(json.dumps(kept))
    with pytest.raises(WorldError, match="requires admin privileges"):
        dns.off()
    assert transcript.left == []
    assert dns.record().before == before
    assert dns.record().unsettled


def test_a_macs_network_and_vpn() -> None:
    transcript = Transcript("macos-network")
    places = NetworkSetup(transcript, "127.0.0.1")
    assert places.servers(["192.0.2.53", ""]) == ["192.0.2.53", "192.168.1.1"]
    assert places.has_resolver("utun3")
    assert not places.has_resolver("utun3")
    assert transcript.left == []


def test_resolved_by_its_transcript(tmp_path: Path) -> None:
    stub = tmp_path / "run/systemd/resolve/stub-resolv.conf"
    stub.parent.mkdir(parents=True)
    stub.write_text("nameserver 127.0.0.53\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").symlink_to(stub)
    transcript = Transcript("linux-resolved", ("systemctl", "resolvectl"))
    places = choose(transcript, "127.0.0.1", "linux", tmp_path)
    dns = SystemDns(places, tmp_path / "state")
    dns.on()
    drop_in = tmp_path / "run/systemd/resolved.conf.d/blockctl.conf"
    assert drop_in.read_text().splitlines()[1:] == [
        "[Resolve]", "DNS=127.0.0.1", "Domains=~.", "DNSOverTLS=no", "Cache=no",
    ]  # fmt: skip
    assert dns.servers() == ["192.168.1.1", "9.9.9.9"]
    assert dns.has_resolver("wg0")
    assert not dns.has_resolver("wg0")
    dns.off()
    assert not drop_in.exists()
    assert stub.read_text() == "nameserver 127.0.0.53\n"
    assert transcript.left == []


def test_network_manager_by_its_transcript(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").write_text("nameserver 192.168.1.1\n")
    transcript = Transcript("linux-networkmanager", ("systemctl", "nmcli"))
    dns = SystemDns(choose(transcript, "127.0.0.1", "linux", tmp_path), tmp_path / "state")
    dns.on()
    drop_in = tmp_path / "run/NetworkManager/conf.d/blockctl.conf"
    assert "[global-dns-domain-*]\nservers=127.0.0.1\n" in drop_in.read_text()
    assert dns.servers() == ["192.168.1.1", "192.168.1.2", "fd00::1"]
    assert not dns.has_resolver("tun0")
    dns.off()
    assert not drop_in.exists()
    assert transcript.left == []


def test_an_unknown_system_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="not known"):
        choose(Transcript("linux-resolved"), "127.0.0.1", "win32", tmp_path)


class Told:
    """A probe that sees what a test says, and a clock that it sets."""

    def __init__(self) -> None:
        self.is_up, self.beyond, self.tunnel, self.at, self.looks = True, World(), "", 100.0, 0

    def answers(self) -> bool:
        return self.is_up

    def world(self, servers: list[str]) -> World:
        self.looks += 1
        return self.beyond

    def vpn(self) -> str:
        return self.tunnel

    def clock(self) -> float:
        return self.at


def test_the_watchdog_steps_aside_and_comes_back(tmp_path: Path) -> None:
    machine, told, said = Machine("drop-in", tmp_path), Told(), list[str]()
    watchdog = Watchdog(machine.dns(), told, said.append, told.clock)

    def after(seconds: float) -> str:
        for _ in range(int(seconds / 2)):
            told.at += 2
            assert watchdog.look()
        return machine.asks()

    machine.dns().on()
    assert after(10) == "ours"
    told.is_up = False
    assert after(4) == "ours"  # a restart is waited for
    assert after(2) == "before"
    assert after(30) == "before"
    told.is_up = True
    assert after(4) == "before"
    assert after(2) == "ours"
    told.beyond = World(portal="http://portal.example/")
    assert after(8) == "ours"  # nothing made it look
    watchdog.network_changed()
    assert after(2) == "before"
    told.beyond = World()
    assert after(12) == "ours"
    assert [each.partition(":")[0] for each in said] == [
        "the system asks the network's resolvers", "the system asks blockctl again",
    ] * 2  # fmt: skip
    machine.dns().off()
    assert not watchdog.look()
    assert machine.is_as_it_was()


def test_the_watchdog_gives_all_back_when_it_ends(tmp_path: Path) -> None:
    machine, told = Machine("file", tmp_path), Told()
    machine.dns().on()
    watchdog = Watchdog(machine.dns(), told, lambda _: None, told.clock)
    assert watchdog.look()
    watchdog.end()
    assert machine.asks() == "before"
    assert machine.dns().record().wanted


def test_a_vpn_with_resolvers_of_its_own_is_left_alone(tmp_path: Path) -> None:
    machine, told = Machine("file", tmp_path), Told()
    machine.dns().on()
    watchdog = Watchdog(machine.dns(), told, lambda _: None, told.clock)
    told.tunnel = "wg0"
    assert watchdog.look()
    assert machine.asks() == "ours"  # a tunnel that names no resolver
    machine.file.write_text("nameserver 10.8.0.1\n")
    assert watchdog.look()
    assert machine.file.read_text() == "nameserver 10.8.0.1\n"
    machine.file.write_text(BEFORE)  # the tunnel ends, and puts back what it found
    told.tunnel, told.at = "", 200.0
    assert watchdog.look()
    assert machine.asks() == "ours"


@pytest.mark.parametrize(
    ("code", "reaches"),
    [
        pytest.param(0, True, id="found"),
        pytest.param(3, True, id="no such name"),
        pytest.param(2, False, id="SERVFAIL"),
        pytest.param(None, False, id="silence"),
    ],
)
def test_the_world_is_reached_when_somebody_who_knows_is(code: int | None, reaches: bool) -> None:
    def answer(query: DNSRecord) -> DNSRecord | None:
        reply = query.reply()
        if code is None and str(query.q.qname) != "localhost.":
            return None
        reply.header.rcode = code or 0
        return reply

    upstream = Upstream(answer)
    try:
        probe = RealProbe("127.0.0.1", upstream.port)
        assert probe.answers()
        assert probe.world([]) == World(reaches=reaches)
        assert upstream.asked[-1].endswith(".example.com. A")
    finally:
        upstream.close()
    assert not probe.answers()


def test_there_is_one_watchdog(tmp_path: Path) -> None:
    assert not is_watched(tmp_path)
    with watching(tmp_path) as first, watching(tmp_path) as second:
        assert (first, second) == (True, False)
        assert is_watched(tmp_path)
    assert not is_watched(tmp_path)
