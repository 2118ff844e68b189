"""`blockctl serve` as a household meets it: real processes, real sockets."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dnslib import QTYPE, DNSRecord

from tests.serve.running import Running, Upstream, ask_udp, free_port, serving, start

POLICY = """\
version: 1
hosts:
  deny: [telemetry.example]
lists:
  - {{name: mine, path: list.txt}}
resolver:
  listen: ["127.0.0.1:PORT"]
  upstreams: ["127.0.0.1:{upstream}"]
"""
LIST = "||ads.example^\n||tracker.example^\n@@||good.tracker.example^\n"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path, upstream: Upstream) -> Iterator[Running]:
    with serving(tmp_path, POLICY.format(upstream=upstream.port), **{"list.txt": LIST}) as running:
        yield running


def test_it_blocks_and_forwards(server: Running, upstream: Upstream) -> None:
    assert server.code("ads.example") == "NXDOMAIN"
    assert server.code("deep.below.ads.example") == "NXDOMAIN"
    assert server.code("ads.example", "HTTPS") == "NXDOMAIN"
    assert server.code("telemetry.example") == "NXDOMAIN"
    assert server.addresses("good.tracker.example") == ["192.0.2.1"]
    assert server.addresses("www.other.example") == ["192.0.2.1"]
    assert server.addresses("www.other.example") == ["192.0.2.1"]
    assert upstream.asked.count("www.other.example. A") == 1, "the second answer is from the cache"


def test_tcp_says_the_same(server: Running) -> None:
    assert server.ask("ads.example", tcp=True).header.rcode == 3
    assert [str(record.rdata) for record in server.ask("other.example", tcp=True).rr] == ["192.0.2.1"]


def test_a_blocked_answer_says_which_line(server: Running) -> None:
    options = [option for record in server.ask("x.ads.example", edns=True).ar for option in record.rdata]
    text = next(bytes(option.data)[2:].decode() for option in options if option.code == 15)
    assert "list.txt line 1" in text
    assert "blockctl allow x.ads.example --for 1h" in text


def test_why_is_answered_as_text(server: Running) -> None:
    text = str(server.ask("why.ads.example.blockctl", "TXT"))
    assert "list.txt" in text
    assert "blocked" in text


def test_an_edit_of_the_policy_is_live(server: Running) -> None:
    assert server.addresses("edited.example") == ["192.0.2.1"]
    text = server.policy.read_text()
    server.policy.write_text(text.replace("[telemetry.example]", "[telemetry.example, edited.example]"))
    server.until(lambda: server.code("edited.example") == "NXDOMAIN")
    server.policy.write_text(text)
    server.until(lambda: server.addresses("edited.example") == ["192.0.2.1"])


def test_allow_for_a_while_is_live_and_over_by_itself(server: Running) -> None:
    assert server.code("ads.example") == "NXDOMAIN"
    done = server.run("allow", "ads.example", "--for", "3s")
    assert done.returncode == 0, done.stderr
    server.until(lambda: server.addresses("ads.example") == ["192.0.2.1"])
    server.until(lambda: server.code("ads.example") == "NXDOMAIN")


def test_pause_and_resume(server: Running) -> None:
    assert server.run("pause", "10m").returncode == 0
    server.until(lambda: server.addresses("ads.example") == ["192.0.2.1"])
    assert server.run("resume").returncode == 0
    server.until(lambda: server.code("ads.example") == "NXDOMAIN")


def test_a_changed_list_is_compiled_and_swapped_in(server: Running) -> None:
    assert server.addresses("new.example") == ["192.0.2.1"]
    (server.folder / "list.txt").write_text(LIST + "||new.example^\n")
    server.until(lambda: server.code("new.example") == "NXDOMAIN")
    assert server.code("ads.example") == "NXDOMAIN"


def test_a_broken_policy_leaves_the_one_before_serving(server: Running) -> None:
    server.policy.write_text("version: 1\nsites: [\n")
    server.until(lambda: "served before" in server.said())
    assert server.code("telemetry.example") == "NXDOMAIN"
    assert server.code("ads.example") == "NXDOMAIN"


def test_a_start_with_a_broken_policy_serves_the_last_good_one(tmp_path: Path, upstream: Upstream) -> None:
    with serving(tmp_path, POLICY.format(upstream=upstream.port), **{"list.txt": LIST}) as running:
        port = running.port
    (tmp_path / "policy.yaml").write_text("version: 1\nhosts: {deny: [\n")
    with start(tmp_path, port) as running:
        assert running.code("telemetry.example") == "NXDOMAIN"
        assert running.code("ads.example") == "NXDOMAIN"
        assert "served last" in running.said()


def test_another_upstream_and_port_are_followed(server: Running, upstream: Upstream) -> None:
    second = Upstream()
    port = free_port()
    text = server.policy.read_text()
    server.policy.write_text(
        text.replace(f"127.0.0.1:{upstream.port}", f"127.0.0.1:{second.port}").replace(str(server.port), str(port))
    )
    old, server.port = server.port, port
    server.until(lambda: _answers(port))
    assert server.addresses("moved.example") == ["192.0.2.1"]
    assert second.asked == ["moved.example. A"]
    assert not _answers(old)
    second.close()


def test_the_cache_survives_a_restart_without_network(tmp_path: Path) -> None:
    upstream = Upstream()
    with serving(tmp_path, POLICY.format(upstream=upstream.port), **{"list.txt": LIST}) as running:
        assert running.addresses("known.example") == ["192.0.2.1"]
        port = running.port
    upstream.close()
    with start(tmp_path, port) as running:
        assert running.addresses("known.example") == ["192.0.2.1"]
        assert running.code("ads.example") == "NXDOMAIN"
        assert running.code("unknown.example") == "SERVFAIL"


def test_sigterm_ends_it_quietly(tmp_path: Path, upstream: Upstream) -> None:
    with serving(tmp_path, POLICY.format(upstream=upstream.port), **{"list.txt": LIST}) as running:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
        assert "Traceback" not in running.said()


@pytest.mark.parametrize("workers", [1, 2])
def test_it_ends_while_the_first_lists_are_awaited(tmp_path: Path, workers: int) -> None:
    """Whoever serves them takes his time; to be told to end is obeyed all the same."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/ads.txt"
        policy = (
            f'version: 1\nlists:\n  - {{name: ads, url: "{url}"}}\n'
            f'resolver: {{listen: ["127.0.0.1:PORT"], workers: {workers}}}\n'
        )
        with serving(tmp_path, policy, wait=False) as server:
            silent.settimeout(20)
            asked = silent.accept()[0]
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(5) == 0
            assert "Traceback" not in server.said()
            asked.settimeout(5)
            while asked.recv(65536):  # the compiler is gone too
                pass
            asked.close()


def test_a_port_in_use_is_told(tmp_path: Path, server: Running) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "policy.yaml").write_text(server.policy.read_text())
    (other / "list.txt").write_text(LIST)
    words = ["serve", "--policy", str(other / "policy.yaml"), "--state", str(other / "state")]
    done = subprocess.run([sys.executable, "-m", "blockctl", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert f"cannot listen on 127.0.0.1:{server.port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_policy_is_refused_at_the_first_start(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\nresolver: {answer: nxdomian}\n")
    words = ["serve", "--policy", str(tmp_path / "policy.yaml"), "--state", str(tmp_path / "state")]
    done = subprocess.run([sys.executable, "-m", "blockctl", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "nxdomain" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_query_is_lost_while_rules_are_swapped(server: Running) -> None:
    wire = DNSRecord.question("ads.example").pack()
    (server.folder / "list.txt").write_text(LIST + "||new.example^\n")
    end = time.monotonic() + 15
    asked = 0
    while server.code("new.example") != "NXDOMAIN" and time.monotonic() < end:
        assert ask_udp(server.port, wire, 2)[3] & 15 == 3
        asked += 1
    assert server.code("new.example") == "NXDOMAIN"
    assert asked > 0


def test_strange_bytes_do_not_stop_it(server: Running) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for junk in (b"", b"\0", b"\0" * 11, b"\xff" * 300, b"\0" * 60_000, b"GET / HTTP/1.1\r\n\r\n"):
            sock.sendto(junk, ("127.0.0.1", server.port))
    assert server.code("ads.example") == "NXDOMAIN"
    assert "fault" not in server.said()


def _answers(port: int) -> bool:
    query = DNSRecord.question("localhost")
    try:
        reply = DNSRecord.parse(ask_udp(port, query.pack(), 0.5))
    except OSError:
        return False
    return reply.q.qtype == QTYPE.A
