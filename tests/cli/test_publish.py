"""`publish` before it reaches a server: what the policy must say, and serials of zones."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from pathlib import Path

import pytest
from dnslib import RR, DNSRecord

from blockctl.io.zone import serial_of
from tests.cli.run import Run, runner

TARGET = "{backend: rpz, path: rpz.zone, zone: rpz.example, server: bind}"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capfd)


def write(folder: Path, targets: str, denied: str = "ads.example") -> None:
    (folder / "policy.yaml").write_text(f"version: 1\nhosts: {{deny: [{denied}]}}\ntargets: {{{targets}}}\n")


@pytest.mark.parametrize(
    ("targets", "word", "says"),
    [
        pytest.param("plain: {backend: rpz, path: a}", "", "no target of backend rpz has a `server`", id="no server"),
        pytest.param(f"a: {TARGET}, b: {TARGET.replace('rpz.zone', 'b')}", "", "which target? a, b", id="which"),
        pytest.param(f"a: {TARGET}", "c", "'c' is none", id="no such target"),
        pytest.param(f"a: {TARGET.replace('bind', 'nsd')}", "", "no such server: nsd", id="unknown server"),
        pytest.param(f"a: {TARGET.replace('zone: rpz.example, ', '')}", "", "names no zone", id="no zone"),
        pytest.param(f"a: {TARGET.replace('}', ', serial: 7}')}", "", "a fixed serial", id="fixed serial"),
        pytest.param(f"a: {TARGET.replace('}', ', primary: somewhere}')}", "", "'somewhere' is no server", id="server"),
        pytest.param(f"a: {TARGET.replace('}', ', secondaries: 192.0.2.1 x:y}')}", "", "'x:y' is no server", id="port"),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, run: Run, targets: str, word: str, says: str) -> None:
    write(tmp_path, targets)
    done = run("publish", *([word] if word else []))
    assert (done.status, says in done.err) == (2, True), done.err
    assert not (tmp_path / "rpz.zone").exists()


def test_a_server_that_cannot_be_told_is_named(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("blockctl.io.publish.SYSTEM_PATHS", str(tmp_path))
    write(tmp_path, f"a: {TARGET}")
    done = run("publish")
    assert (done.status, "rndc is not here" in done.err) == (3, True), done.err


def test_a_zone_file_that_was_lost_gets_a_serial_that_servers_take(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rndc").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "rndc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as primary:
        primary.bind(("127.0.0.1", 0))

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    wire, client = primary.recvfrom(4096)
                    reply = DNSRecord.parse(wire).reply()
                    reply.add_answer(*RR.fromZone("rpz.example. 30 SOA a. b. 3000000000 1 1 1 1"))
                    primary.sendto(reply.pack(), client)

        threading.Thread(target=serve, daemon=True).start()
        write(tmp_path, f"a: {TARGET.replace('}', f', primary: 127.0.0.1:{primary.getsockname()[1]}}}')}")
        done = run("publish", "--wait", "1s")
    assert done.status == 1, done.err
    assert serial_of(tmp_path / "rpz.zone") == 3_000_000_001
    assert "still has serial 3000000000" in done.out


def test_a_zone_gets_another_serial_with_other_records_only(tmp_path: Path, run: Run) -> None:
    write(tmp_path, "zone: {backend: rpz, path: rpz.zone, serial: auto}")
    path = tmp_path / "rpz.zone"
    serials = []
    for denied in ("ads.example", "ads.example", "more.example"):
        write(tmp_path, "zone: {backend: rpz, path: rpz.zone, serial: auto}", denied)
        assert run("compile").status == 0
        serials.append(serial_of(path))
    assert serials[0] == serials[1]
    assert serials[2] > serials[1]  # type: ignore[operator]
    exported = tmp_path / "exported"
    assert run("export", "rpz", "-o", str(exported)).status == 0
    first = exported.read_bytes()
    assert run("export", "rpz", "-o", str(exported)).status == 0
    assert exported.read_bytes() == first
    assert serial_of(exported) > 1_700_000_000  # type: ignore[operator]


def test_a_serial_that_the_policy_fixes_stays(tmp_path: Path, run: Run) -> None:
    write(tmp_path, "zone: {backend: rpz, path: rpz.zone, serial: 7}")
    assert json.loads(run("compile", "--json").out)["targets"]["zone"]["files"]
    assert serial_of(tmp_path / "rpz.zone") == 7
