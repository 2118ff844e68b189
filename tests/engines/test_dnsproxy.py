"""AdGuard's dnsproxy, on another QUIC library (quic-go), answers what our resolver asks it by DNS over QUIC."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dnslib import QTYPE, RR, TXT, DNSHeader, DNSRecord

from tests.engines.require import require
from tests.io.upstream_stub import make_certificate
from tests.serve.running import Running, Upstream, address_of, free_port, serving

MODULE = Path(__file__).parent / "dnsproxy"
PROGRAM = "github.com/AdguardTeam/dnsproxy"
MODULES = Path(os.environ.get("GOMODCACHE", Path.home() / "go/pkg/mod"))
ADDRESS = "192.0.2.1"
POLICY = """\
version: 1
hosts: {{deny: [telemetry.example]}}
resolver: {{listen: ["127.0.0.1:PORT"], upstreams: ["quic://127.0.0.1:{port}#{name}"]}}
"""

if not shutil.which("go") or not (MODULES / "github.com/!adguard!team/dnsproxy@v0.78.2").is_dir():
    pytest.skip("needs go, and `go mod download` in tests/engines/dnsproxy", allow_module_level=True)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dnsproxy") / "dnsproxy"
    environment = {**os.environ, "GOPROXY": "off", "GOFLAGS": "-mod=readonly"}
    subprocess.run(["go", "build", "-o", str(made), PROGRAM], cwd=MODULE, env=environment, check=True)
    return made


class Proxy:
    """The proxy; it asks the upstream given."""

    def __init__(self, program: Path, folder: Path, upstream: Upstream) -> None:
        self.port = free_port()
        self._command = [
            str(program), "--listen=127.0.0.1", "--port=0", f"--quic-port={self.port}", "--output", str(folder / "log"),
            f"--tls-crt={folder / 'cert.pem'}", f"--tls-key={folder / 'key.pem'}",
            f"--upstream=127.0.0.1:{upstream.port}",
        ]  # fmt: skip
        self._process = subprocess.Popen(self._command)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def again(self) -> None:
        """Begin anew after `kill`: it knows no connection, and no session."""
        self._process = subprocess.Popen(self._command)


def written(query: DNSRecord) -> DNSRecord:
    """Answer with an address, or to TXT with ten kilobytes."""
    if query.q.qtype != QTYPE.TXT:
        return address_of(query)
    reply = DNSRecord(DNSHeader(id=query.header.id, qr=1, ra=1, rd=1), q=query.q)
    for number in range(40):
        reply.add_answer(RR(query.q.qname, QTYPE.TXT, rdata=TXT(f"{number:0250d}"), ttl=60))
    return reply


@pytest.fixture
def proxy(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    require("openssl")
    monkeypatch.setenv("SSL_CERT_FILE", str(make_certificate(tmp_path).file))
    upstream = Upstream(written)
    made = Proxy(program, tmp_path, upstream)
    yield made
    made.kill()
    upstream.close()


@pytest.fixture
def running(proxy: Proxy, tmp_path: Path) -> Iterator[Running]:
    with serving(tmp_path, POLICY.format(port=proxy.port, name="dns.test")) as made:
        made.until(lambda: made.code("ready.example") == "NOERROR")
        yield made


def resolved(running: Running, name: str) -> Callable[[], bool]:
    return lambda: running.addresses(name) == [ADDRESS]


def test_names_are_resolved_and_blocked(running: Running) -> None:
    with ThreadPoolExecutor(20) as several:
        names = [f"n{each}.example" for each in range(400)]
        assert list(several.map(running.addresses, names)) == [[ADDRESS]] * 400
    assert running.code("telemetry.example") == "NXDOMAIN"


def test_a_long_answer_comes_whole(running: Running) -> None:
    assert len(running.ask("long.example", "TXT", tcp=True).rr) == 40


def test_a_proxy_that_starts_anew_is_found_again(running: Running, proxy: Proxy) -> None:
    for number in range(2):
        proxy.kill()
        if number:
            assert running.code("gone.example") == "SERVFAIL"
        proxy.again()
        running.until(resolved(running, f"again{number}.example"))


def test_a_certificate_for_another_name_is_refused(proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other", POLICY.format(port=proxy.port, name="other.test")) as running:
        assert running.code("a.example") == "SERVFAIL"
        assert "certificate" in running.run("stats", "--json").stdout
