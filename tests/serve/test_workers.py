"""Several workers on one port: all answer, all follow the policy, one that dies comes back, and none is left behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dnslib import DNSRecord

from tests.serve.running import Running, Upstream, free_port, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
MANY = 48  # sockets: the system spreads them over the workers by their ports
POLICY = """\
version: 1
hosts:
  deny: [telemetry.example]
resolver:
  listen: ["127.0.0.1:PORT"]
  upstreams: ["127.0.0.1:{upstream}"]
  workers: 2
"""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path, upstream: Upstream) -> Iterator[Running]:
    with serving(tmp_path, POLICY.format(upstream=upstream.port)) as running:
        running.until(lambda: listening(running.port) == 2)
        yield running


def listening(port: int) -> int:
    """Return how many sockets wait for datagrams on a port."""
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(f":{port:04X}") for line in lines)


def workers(running: Running) -> set[int]:
    """Return the processes that the server started."""
    process = running.process.pid
    found = set()
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            found.add(int(child))
    return found


def codes(running: Running, name: str, wait: float = 2.0) -> list[int]:
    """Ask from many ports at once; return the codes of the answers, of those that came in time."""
    wire = DNSRecord.question(name).pack()
    found = []
    with contextlib.ExitStack() as stack:
        waiting = []
        for _ in range(MANY):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.connect(("127.0.0.1", running.port))
            with contextlib.suppress(ConnectionError):
                sock.send(wire)
            waiting.append(sock)
        end = time.monotonic() + wait
        while waiting and (left := end - time.monotonic()) > 0:
            for sock in select.select(waiting, (), (), left)[0]:
                waiting.remove(sock)
                with contextlib.suppress(ConnectionError):
                    found.append(sock.recv(4096)[3] & 15)
    return found


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_both_answer(server: Running) -> None:
    first, second = workers(server)
    for stopped in (first, second):
        os.kill(stopped, signal.SIGSTOP)
        try:
            answered = codes(server, "telemetry.example")
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert 0 < len(answered) < MANY, "one answers, the other would have"
    server.until(lambda: codes(server, "telemetry.example") == [3] * MANY)


def test_both_follow_the_policy(server: Running) -> None:
    assert codes(server, "edited.example") == [0] * MANY
    text = server.policy.read_text()
    server.policy.write_text(text.replace("[telemetry.example]", "[edited.example]"))
    server.until(lambda: codes(server, "edited.example") == [3] * MANY)
    assert codes(server, "telemetry.example") == [0] * MANY
    assert server.run("pause").returncode == 0
    server.until(lambda: codes(server, "edited.example") == [0] * MANY)


def test_one_that_is_killed_comes_back(server: Running) -> None:
    before = workers(server)
    assert len(before) == 2
    for victim in sorted(before):  # the first, which compiles and keeps, and the other
        os.kill(victim, signal.SIGKILL)
        server.until(lambda victim=victim: is_gone(victim) and listening(server.port) == 2)  # type: ignore[misc]
        server.until(lambda: codes(server, "telemetry.example") == [3] * MANY)
    assert server.said().count("starting it again") == 2
    assert not before & workers(server)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all(server: Running, end: signal.Signals) -> None:
    all_of_them = workers(server)
    server.process.send_signal(end)
    assert server.process.wait(20) == 0
    assert all(map(is_gone, all_of_them))
    assert codes(server, "telemetry.example", wait=0.5) == []
    assert "Traceback" not in server.said()


def test_none_outlives_its_parent(server: Running) -> None:
    all_of_them = workers(server)
    server.process.kill()
    server.process.wait()
    server.until(lambda: all(map(is_gone, all_of_them)))
    assert codes(server, "telemetry.example", wait=0.5) == []


def test_a_stranger_on_the_port_is_told(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "policy.yaml").write_text(POLICY.format(upstream=port).replace("PORT", str(port)))
    words = ["serve", "--policy", str(tmp_path / "policy.yaml"), "--state", str(tmp_path / "state")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # would share the port with the workers
        stranger.bind(("127.0.0.1", port))
        done = subprocess.run([sys.executable, "-m", "blockctl", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
