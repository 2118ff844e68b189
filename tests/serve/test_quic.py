"""`blockctl serve` asks an upstream by DNS over QUIC, lives without it, and says what it lacks to do so."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.io.doq_stub import DoqStub
from tests.io.upstream_stub import ADDRESS, Certificate, make_certificate, silent
from tests.serve.running import Running, Upstream, serving

POLICY = """\
version: 1
resolver:
  listen: ["127.0.0.1:PORT"]
  answer: nxdomain
  strategy: ordered
  upstreams: [{upstreams}]
"""
WITHOUT = "import sys\nsys.modules['aioquic'] = None\n"


class Served:
    """A stub with a loop of its own."""

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.stub: DoqStub = self.do(DoqStub().quic(certificate))
        self.spelled = f'"quic://127.0.0.1:{self.stub.port}#dns.test"'

    def do(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(20)

    def close(self) -> None:
        self.do(self.stub.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture
def doq(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    made = Served(certificate)
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[Upstream]:
    made = Upstream()
    yield made
    made.close()


@contextlib.contextmanager
def world(folder: Path, *upstreams: str) -> Iterator[Running]:
    with serving(folder, POLICY.format(upstreams=", ".join(upstreams))) as running:
        yield running
        assert "fault of blockctl" not in running.said(), running.said()


def test_names_are_resolved(tmp_path: Path, doq: Served) -> None:
    with world(tmp_path, doq.spelled) as running:
        for number in range(20):
            assert running.addresses(f"n{number}.example") == [ADDRESS]
        assert doq.stub.connections == 1
        assert {wire[:2] for _, wire, _ in doq.stub.seen} == {b"\0\0"}
        assert {len(wire) % 128 for _, wire, _ in doq.stub.seen} == {0}


def test_one_that_dies_costs_no_answer_and_is_asked_again_when_it_is_back(
    tmp_path: Path, doq: Served, other: Upstream
) -> None:
    with world(tmp_path, doq.spelled, f'"127.0.0.1:{other.port}"') as running:
        assert running.addresses("before.example") == [ADDRESS]
        doq.stub.behave = silent
        assert [running.addresses(f"silent{each}.example") for each in range(4)] == [[ADDRESS]] * 4
        doq.do(doq.stub.vanish())
        assert [running.addresses(f"gone{each}.example") for each in range(8)] == [[ADDRESS]] * 8
        assert "gone0.example. A" in other.asked
        doq.stub = doq.do(DoqStub().quic(doq.certificate, doq.stub.port))
        numbers = iter(range(10_000))

        def again() -> bool:
            assert running.addresses(f"back{next(numbers)}.example") == [ADDRESS]
            return bool(doq.stub.seen)

        running.until(again)


def test_without_the_package(tmp_path: Path, other: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    plain = f'"127.0.0.1:{other.port}"'
    with world(tmp_path, plain) as running:
        before = running.policy.read_text()
        running.policy.write_text(before.replace(plain, '"quic://127.0.0.1:1"').replace("nxdomain", "refused"))
        running.until(lambda: "pip install 'blockctl[quic]'" in running.said())
        assert "what was served before is served on" in running.said()
        assert running.addresses("a.example") == [ADDRESS]
        started = running.run("serve")
        assert started.returncode == 3
        assert "'quic://127.0.0.1:1': DNS over QUIC needs the package aioquic" in started.stderr
        running.policy.write_text(before)
