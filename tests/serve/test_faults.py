"""What goes wrong in the world: nothing hangs, no answer that can be had is lost, and the server lives on."""

from __future__ import annotations

import contextlib
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dns.octets import NOERROR, NXDOMAIN, SERVFAIL, TXT, plain
from tests.serve import faults
from tests.serve.faults import Behaviour, Faulty, Stream, ask_many, lossy, name_of, queries, small_disk, with_clock
from tests.serve.probing import by_tcp
from tests.serve.running import PATIENCE, Running, free_port, serving, start

LIST = "||ads.example^\n||tracker.example^\n"
POLICY = """\
version: 1
hosts:
  deny: [telemetry.example]
lists:
  - {{name: mine, path: list.txt}}
resolver:
  listen: ["127.0.0.1:PORT"]
  upstreams: [{upstreams}]
"""
LONGEST = 12.0  # seconds for a client to be told that nobody answers: 5 on a machine that is free

LIARS = [faults.silent, faults.slow, faults.wrong_id, faults.wrong_question, faults.nonsense, faults.refusing,
         faults.failing]  # fmt: skip


def policy(*upstreams: Faulty) -> str:
    return POLICY.format(upstreams=", ".join(f'"127.0.0.1:{each.port}"' for each in upstreams))


@contextlib.contextmanager
def world(folder: Path, *upstreams: Faulty) -> Iterator[Running]:
    with serving(folder, policy(*upstreams), **{"list.txt": LIST}) as running:
        yield running
        assert running.process.poll() is None, running.said()
        assert "fault of blockctl" not in running.said(), running.said()
    for each in upstreams:
        each.close()


def codes(found: dict[bytes, tuple[bytes, float]]) -> list[int]:
    return [answer[3] & 15 for answer, _ in found.values()]


@pytest.mark.parametrize("behaviour", LIARS, ids=lambda each: each.__name__)
def test_beside_an_honest_upstream_a_bad_one_costs_no_answer(tmp_path: Path, behaviour: Behaviour) -> None:
    with world(tmp_path, Faulty(behaviour, behaviour), Faulty()) as running:
        for first in (0, 20, 40):
            found = ask_many(running.port, queries(20, first), LONGEST)
            assert codes(found) == [NOERROR] * 20


@pytest.mark.parametrize("behaviour", LIARS, ids=lambda each: each.__name__)
def test_alone_a_bad_upstream_is_told_and_trusted_again(tmp_path: Path, behaviour: Behaviour) -> None:
    bad = Faulty(behaviour, behaviour)
    with world(tmp_path, bad) as running:
        found = ask_many(running.port, queries(10), LONGEST)
        expected = {NOERROR} if behaviour is faults.slow else {SERVFAIL, 5}
        assert len(found) == 10, "each client is told in the end"
        assert set(codes(found)) <= expected
        assert running.code("ads.example") == "NXDOMAIN"
        bad.by_udp = bad.by_tcp = faults.honest
        running.until(lambda: running.code("after.test.example") == "NOERROR")


def test_forged_answers_before_the_true_one_are_overheard(tmp_path: Path) -> None:
    upstream = Faulty()
    with world(tmp_path, upstream) as running:

        def flooded(wire: bytes) -> bytes:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
                forger.sendto(faults.honest(wire), ("127.0.0.1", running.port))
            for lie in (faults.wrong_id, faults.wrong_question, faults.nonsense):
                upstream.lie(wire, lie)
            return faults.honest(wire)

        upstream.by_udp = flooded
        assert codes(ask_many(running.port, queries(30), LONGEST)) == [NOERROR] * 30


@pytest.mark.parametrize("beside", [True, False], ids=["another knows", "nobody else"])
def test_tcp_closed_in_the_middle_of_a_message(tmp_path: Path, beside: bool) -> None:
    others = [Faulty()] if beside else []
    with world(tmp_path, Faulty(by_tcp=None), *others) as running:
        started = time.monotonic()
        seen = by_tcp(running.port, plain(name=name_of(1), kind=TXT), wait=LONGEST)
        assert seen is not None
        assert time.monotonic() - started < LONGEST
        if beside:
            assert (seen.rcode, seen.counts[1]) == (NOERROR, 13)
        assert codes(ask_many(running.port, queries(20), LONGEST)) == [NOERROR] * 20


def test_a_line_that_loses_packets_loses_no_answer(tmp_path: Path) -> None:
    with world(tmp_path, Faulty(lossy(0.05, 3))) as running:
        for first in range(0, 600, 100):
            found = ask_many(running.port, queries(100, first), LONGEST)
            assert codes(found) == [NOERROR] * 100


def test_the_wall_clock_may_be_set_while_it_runs(tmp_path: Path) -> None:
    """An hour of grace is over when the clock says so, is in force again when that was wrong; answers go on."""
    upstream, port, shift = Faulty(), free_port(), tmp_path / "shift"
    (tmp_path / "policy.yaml").write_text(policy(upstream).replace("PORT", str(port)))
    (tmp_path / "list.txt").write_text(LIST)
    with start(tmp_path, port, command=with_clock(tmp_path)) as running:
        assert running.run("allow", "ads.example", "--for", "1h").returncode == 0
        running.until(lambda: running.code("ads.example") == "NOERROR")
        for seconds, code in ((7200, "NXDOMAIN"), (0, "NOERROR"), (-86400 * 365, "NOERROR"), (86400 * 365, "NXDOMAIN")):
            shift.write_text(str(seconds))
            running.until(lambda code=code: running.code("ads.example") == code)  # type: ignore[misc]
            assert running.code("other.test.example") == "NOERROR"
            assert running.code("tracker.example") == "NXDOMAIN"
        assert "fault of blockctl" not in running.said()
    upstream.close()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process can be set on Linux only")
def test_out_of_file_descriptors(tmp_path: Path) -> None:
    """Many idle clients take every descriptor: queries are answered all the same, and edits are followed after it."""
    with world(tmp_path, Faulty()) as running, contextlib.ExitStack() as stack:
        usual = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (40, usual[1]))
        for _ in range(200):
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_connection(("127.0.0.1", running.port), 0.2))
        assert codes(ask_many(running.port, queries(50), LONGEST)) == [NOERROR] * 50
        assert running.ask("ads.example", tcp=True).header.rcode == NXDOMAIN
        text = running.policy.read_text()
        running.policy.write_text(text.replace("telemetry.example", "edited.example"))
        time.sleep(0.3)
        (running.folder / "list.txt").write_text(LIST + "||new.example^\n")
        assert codes(ask_many(running.port, queries(50, 50), LONGEST)) == [NOERROR] * 50
        stack.close()
        running.until(lambda: running.code("edited.example") == "NXDOMAIN")
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, usual)
        (running.folder / "list.txt").write_text(LIST + "||newer.example^\n")
        running.until(lambda: running.code("newer.example") == "NXDOMAIN")


@pytest.mark.parametrize("seed", range(4))
def test_killed_while_rules_are_swapped(tmp_path: Path, seed: int) -> None:
    """Whenever server and compiler are killed, the next start serves the rules before or those after; never none."""
    chance, upstream = random.Random(seed), Faulty()
    with serving(tmp_path, policy(upstream), **{"list.txt": LIST}) as running:
        port = running.port
        for made in range(1, 4):
            (tmp_path / "list.txt").write_text(LIST + f"||gen{made}.example^\n")
            words = ["compile", "resolver", "--policy", str(running.policy), "--state", str(tmp_path / "state")]
            compiler = subprocess.Popen([sys.executable, "-m", "blockctl", *words], stdout=-3, stderr=-3)
            time.sleep(chance.uniform(0.2, 1.5))
            running.process.send_signal(signal.SIGKILL)
            compiler.send_signal(signal.SIGKILL)
            running.process.wait(PATIENCE)
            compiler.wait(PATIENCE)
            with start(tmp_path, port) as again:
                assert again.code("ads.example") == "NXDOMAIN"
                assert again.code("tracker.example") == "NXDOMAIN"
                known = [at for at in range(1, made + 1) if again.code(f"gen{at}.example") == "NXDOMAIN"]
                assert len(known) <= 1, "whole rules, of one moment"
                assert again.code("other.test.example") == "NOERROR"
                again.process.send_signal(signal.SIGKILL)
                again.process.wait(PATIENCE)
    upstream.close()


def test_the_disk_of_the_log_is_full(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "state" / "log", "size=96k"), world(tmp_path, Faulty()) as running:
            (tmp_path / "state" / "log" / "other").write_bytes(bytes(60_000))
            for first in range(0, 1500, 100):
                assert codes(ask_many(running.port, queries(100, first), LONGEST)) == [NOERROR] * 100
            running.until(lambda: "query log stands still" in running.said())
            assert running.code("ads.example") == "NXDOMAIN"
            assert running.run("log").returncode in (0, 3)
    except PermissionError as error:
        pytest.skip(f"a small file system cannot be mounted here: {error}")


def test_the_disk_of_the_state_is_read_only(tmp_path: Path) -> None:
    """It was served before: it is served again, and an edit of the policy is followed."""
    upstream, state = Faulty(), tmp_path / "state"
    try:
        with small_disk(state, "size=20m"):
            with serving(tmp_path, policy(upstream), **{"list.txt": LIST}) as running:
                port = running.port
                assert running.code("known.test.example") == "NOERROR"
            subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
            with start(tmp_path, port) as running:
                assert running.code("ads.example") == "NXDOMAIN"
                assert running.code("other.test.example") == "NOERROR"
                text = running.policy.read_text()
                running.policy.write_text(text.replace("telemetry.example", "edited.example"))
                running.until(lambda: running.code("edited.example") == "NXDOMAIN")
                (tmp_path / "list.txt").write_text(LIST + "||new.example^\n")
                running.until(lambda: "the rules in use stay" in running.said())
                assert running.code("ads.example") == "NXDOMAIN"
                assert "fault of blockctl" not in running.said()
    except PermissionError as error:
        pytest.skip(f"a small file system cannot be mounted here: {error}")
    upstream.close()


def _spoil(path: Path, how: str) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(
        {
            "empty": b"",
            "cut": data[:middle],
            "noise": random.Random(1).randbytes(len(data)),
            "zeros in it": data[:middle] + bytes(min(200, len(data) - middle)) + data[middle + 200 :],
            "one bit": data[:middle] + bytes((data[middle] ^ 4,)) + data[middle + 1 :],
        }[how]
    )


@pytest.mark.parametrize("how", ["empty", "cut", "noise", "zeros in it", "one bit"])
@pytest.mark.parametrize(
    "file",
    ["resolver/*.rules", "resolver/live.json", "resolver/answers.cache", "log/queries.db", "resolver/policy.yaml"],
)
def test_a_file_of_the_state_is_damaged(tmp_path: Path, file: str, how: str) -> None:
    upstream = Faulty()
    with serving(tmp_path, policy(upstream), **{"list.txt": LIST}) as running:
        port = running.port
        assert running.code("known.test.example") == "NOERROR"
        running.until(lambda: any((tmp_path / "state").glob("log/queries.db")))
    for path in (tmp_path / "state").glob(file):
        _spoil(path, how)
    with start(tmp_path, port) as running:
        assert running.code("ads.example") == "NXDOMAIN"
        assert running.code("deep.tracker.example") == "NXDOMAIN"
        assert running.code("telemetry.example") == "NXDOMAIN"
        assert running.code("known.test.example") == "NOERROR"
        assert running.code("other.test.example") == "NOERROR"
        time.sleep(1.2)  # a turn of the log
        assert running.process.poll() is None
        assert "fault of blockctl" not in running.said()
    upstream.close()


def test_nothing_is_lost_while_everything_changes(tmp_path: Path) -> None:
    """A thousand queries a second through reloads, a pause, an edit and new lists."""
    with world(tmp_path, Faulty()) as running:
        text, made = running.policy.read_text(), [plain(name=name_of(at)) for at in range(40)]
        wires = [*made, plain(name=b"\3ads\7example\0"), plain(name=b"\1x\7tracker\7example\0")]
        with Stream(running.port, wires) as stream:
            running.process.send_signal(signal.SIGHUP)
            assert running.run("pause", "10m").returncode == 0
            running.until(lambda: running.code("ads.example") == "NOERROR")
            assert running.run("resume").returncode == 0
            running.until(lambda: running.code("ads.example") == "NXDOMAIN")
            running.policy.write_text(text.replace("telemetry.example", "edited.example"))
            running.until(lambda: running.code("edited.example") == "NXDOMAIN")
            (running.folder / "list.txt").write_text(LIST + "||new.example^\n")
            running.until(lambda: running.code("new.example") == "NXDOMAIN")
            running.policy.write_text("version: 1\nhosts: [\n")
            running.until(lambda: "served before" in running.said())
            running.policy.write_text(text)
            running.process.send_signal(signal.SIGHUP)
            running.until(lambda: running.code("telemetry.example") == "NXDOMAIN")
        assert stream.sent > 1000
        assert stream.lost == 0
        assert stream.codes.keys() <= {NOERROR, NXDOMAIN}, stream.codes


def test_a_policy_that_is_broken_for_long(tmp_path: Path) -> None:
    """Each start serves the one that was good, however many starts there are."""
    upstream = Faulty()
    with serving(tmp_path, policy(upstream), **{"list.txt": LIST}) as running:
        port = running.port
    (tmp_path / "policy.yaml").write_text("version: 1\nhosts: {deny: [\n")
    for _ in range(3):
        with start(tmp_path, port) as running:
            assert running.code("telemetry.example") == "NXDOMAIN"
            assert running.code("ads.example") == "NXDOMAIN"
    upstream.close()
