"""Clients that people use ask a running `blockctl serve`: dig, kdig, curl, Chromium, Firefox; and systemd starts it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dnslib import QTYPE, RR, A, DNSHeader, DNSRecord

from tests.engines.require import require
from tests.serve.running import Running, Upstream, ask_tcp, ask_udp, free_port, serving

HOST = "dns.home.arpa"
POLICY = """\
version: 1
hosts:
  deny: [telemetry.example]
lists:
  - {{name: mine, path: list.txt}}
resolver:
  listen: ["127.0.0.1:PORT", "tls://127.0.0.1:{dot}", "https://127.0.0.1:{doh}/dns-query"]
  tls: {{certificate: cert.pem, key: key.pem}}
  upstreams: ["127.0.0.1:{upstream}"]
  private: [site.example, ads.example]           # the web server of these tests is here
"""
LIST = "! a list\n||ads.example^\n"


def here(query: DNSRecord) -> DNSRecord:
    """Answer that every host is this machine."""
    reply = DNSRecord(DNSHeader(id=query.header.id, qr=1, ra=1, rd=1), q=query.q)
    if query.q.qtype == QTYPE.A:
        address = "127.0.0.1" if str(query.q.qname).lower().endswith(("site.example.", "ads.example.")) else "192.0.2.1"
        reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A(address), ttl=60))
    return reply


@dataclass
class Served:
    """A running server, its ports and its certificate."""

    running: Running
    upstream: Upstream
    dot: int
    doh: int
    certificate: Path

    def logged(self, name: str) -> set[tuple[str, str]]:
        """Return how a name was asked for, and what became of it."""
        done = self.running.run("log", "--json", "--name", name)
        return {(each["transport"], each["outcome"]) for each in json.loads(done.stdout)["queries"]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    require("openssl")
    folder = tmp_path_factory.mktemp("clients")
    certificate = make_certificates(folder)
    upstream, dot, doh = Upstream(here), free_port(), free_port()
    text = POLICY.format(upstream=upstream.port, dot=dot, doh=doh)
    with serving(folder, text, **{"list.txt": LIST}) as running:
        yield Served(running, upstream, dot, doh, certificate)
    upstream.close()


def make_certificates(folder: Path) -> Path:
    """Make an authority and a certificate by it, for Firefox refuses one that is both; return the authority's."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    names = f"subjectAltName=DNS:{HOST},DNS:*.{HOST},IP:127.0.0.1"
    authority, request = str(folder / "ca.pem"), str(folder / "request.pem")
    made, private = str(folder / "cert.pem"), str(folder / "key.pem")
    run("openssl", "req", "-x509", *key, "-subj", "/CN=Tests", "-keyout", f"{authority}.key", "-out", authority)
    run("openssl", "req", *key, "-subj", f"/CN={HOST}", "-addext", names, "-keyout", private, "-out", request)
    by = ("-CA", authority, "-CAkey", f"{authority}.key", "-CAcreateserial", "-copy_extensions", "copy", "-days", "30")
    run("openssl", "x509", "-req", "-in", request, *by, "-out", made)
    return folder / "ca.pem"


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("tcp", ["+notcp", "+tcp"])
def test_dig_shows_why(served: Served, tcp: str) -> None:
    require("dig")
    dig = ("dig", "@127.0.0.1", "-p", str(served.running.port), tcp, "+tries=1")
    said = run(*dig, "x.ads.example")
    assert "status: NXDOMAIN" in said
    assert "EDE: 15 (Blocked): (blocked by list.txt line 2: ads.example; blockctl allow x.ads.example --for 1h)" in said
    own = run(*dig, "telemetry.example")
    assert "EDE: 17 (Filtered): (blocked by " in own
    assert "policy.yaml line 3: hosts: deny: telemetry.example; blockctl allow telemetry.example --for 1h)" in own
    assert "by list.txt:2: ads.example" in run(*dig, "+short", "TXT", "why.x.ads.example.blockctl")
    assert run(*dig, "+short", "www.other.example") == "192.0.2.1\n"
    assert "warning" not in (said + own).lower()


@pytest.mark.parametrize(
    ("way", "transport"), [("+tls", "dot"), ("+https", "doh"), ("+https-get", "doh"), ("+tcp", "tcp")]
)
def test_kdig(served: Served, way: str, transport: str) -> None:
    require("kdig")
    port = {"dot": served.dot, "doh": served.doh}.get(transport, served.running.port)
    trust = [] if way == "+tcp" else [way, f"+tls-ca={served.certificate}", f"+tls-hostname={HOST}"]
    kdig = ("kdig", "@127.0.0.1", "-p", str(port), "+edns", *(trust or [way]))
    name = f"{way[1:]}.example"
    assert run(*kdig, "+short", name) == "192.0.2.1\n"
    blocked = run(*kdig, "x.ads.example")
    assert "status: NXDOMAIN" in blocked
    assert "EDE: 15 (Blocked): 'blocked by list.txt line 2" in blocked
    assert ("PADDING" in blocked) is (way != "+tcp"), "RFC 8467"
    served.running.until(lambda: served.logged(name) == {(transport, "forwarded")})


class Web(BaseHTTPRequestHandler):
    """Answers every host itself: a page that loads one script from a host that is blocked, one from one that is not."""

    asked: set[str]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host = self.headers["host"]
        self.asked.add(self.path[6:] if self.path.startswith("/said/") else host.partition(":")[0])
        port = self.server.server_address[1]
        scripts = "".join(
            f'<script src="http://{each}:{port}/x.js" onerror="fetch(\'/said/{each}-failed\')"></script>'
            for each in ("ads.example", "cdn.site.example")
        )
        script = self.path.endswith(".js")
        body = b"document.title += ' ran'" if script else f"<!doctype html><title>t</title>{scripts}".encode()
        self.send_response(200)
        self.send_header("content-type", "text/javascript" if script else "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[tuple[int, set[str]]]:
    """A web server on loopback; the hosts it was asked for."""
    asked: set[str] = set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Web,), {"asked": asked}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], asked
    server.shutdown()
    server.server_close()


def test_curl(served: Served, web: tuple[int, set[str]]) -> None:
    require("curl")
    port, asked = web
    doh = ("--cacert", str(served.certificate), "--doh-url", f"https://127.0.0.1:{served.doh}/dns-query")
    curl = ("curl", "--silent", "--show-error", "--noproxy", "*", *doh)
    assert "<title>t</title>" in run(*curl, f"http://curl.site.example:{port}/")
    blocked = subprocess.run((*curl, f"http://ads.example:{port}/"), capture_output=True, timeout=60, check=False)
    assert blocked.returncode == 6, "could not resolve host"
    assert asked == {"curl.site.example"}
    served.running.until(lambda: ("doh", "forwarded") in served.logged("curl.site.example"))


browsers = pytest.mark.skipif(not os.environ.get("BLOCKCTL_BROWSERS"), reason="needs $BLOCKCTL_BROWSERS")


def trust(folder: Path, certificate: Path) -> None:
    """Have NSS, the store of both browsers, trust a certificate's authority."""
    folder.mkdir(parents=True)
    run("certutil", "-N", "-d", f"sql:{folder}", "--empty-password")
    run("certutil", "-A", "-d", f"sql:{folder}", "-n", "test", "-t", "C,,", "-i", str(certificate))


def browse(command: list[str], home: Path) -> str:
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    return done.stdout + done.stderr


@browsers
def test_chromium_by_its_own_doh(served: Served, web: tuple[int, set[str]], tmp_path: Path) -> None:
    require("chromium")
    require("certutil")
    trust(tmp_path / ".pki/nssdb", served.certificate)
    profile = tmp_path / "profile"
    profile.mkdir()
    secure = {"mode": "secure", "templates": f"https://127.0.0.1:{served.doh}/dns-query{{?dns}}"}
    (profile / "Local State").write_text(json.dumps({"dns_over_https": secure}))
    port, asked = web
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server"]
    said = browse(
        [*command, f"--user-data-dir={profile}", "--dump-dom", f"http://chromium.site.example:{port}/"], tmp_path
    )
    assert "<title>t ran</title>" in said
    assert asked == {"chromium.site.example", "cdn.site.example", "ads.example-failed"}
    served.running.until(lambda: ("doh", "forwarded") in served.logged("chromium.site.example"))
    assert ("doh", "blocked") in served.logged("ads.example")
    assert {transport for transport, _ in served.logged("chromium.site.example")} == {"doh"}


FIREFOX = """\
user_pref("network.trr.mode", 3);
user_pref("network.trr.uri", "https://127.0.0.1:{doh}/dns-query");
user_pref("network.trr.allow-rfc1918", true);
user_pref("network.trr.confirmationNS", "skip");
user_pref("network.proxy.type", 0);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("dom.security.https_first", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
"""


@browsers
def test_firefox_by_its_own_doh(served: Served, web: tuple[int, set[str]], tmp_path: Path) -> None:
    require("firefox")
    require("certutil")
    profile = tmp_path / "profile"
    trust(profile, served.certificate)
    (profile / "user.js").write_text(FIREFOX.format(doh=served.doh))
    port, asked = web
    command = ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile)]
    environment = {**os.environ, "HOME": str(tmp_path)}
    address = f"http://firefox.site.example:{port}/"
    with subprocess.Popen(
        [*command, address], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as firefox:
        try:
            served.running.until(lambda: "ads.example-failed" in asked)
        finally:
            firefox.terminate()
    assert asked == {"firefox.site.example", "cdn.site.example", "ads.example-failed"}
    served.running.until(lambda: ("doh", "forwarded") in served.logged("firefox.site.example"))
    assert ("doh", "blocked") in served.logged("ads.example")
    assert {transport for transport, _ in served.logged("firefox.site.example")} == {"doh"}


def test_an_edit_of_the_policy_is_seen_by_dig(served: Served) -> None:
    require("dig")
    dig = ("dig", "@127.0.0.1", "-p", str(served.running.port), "+tries=1", "+noall", "+comments", "edited.example")
    text = served.running.policy.read_text()
    times = []
    for _ in range(5):
        for policy, code in ((text.replace("[telemetry", "[edited.example, telemetry"), "NXDOMAIN"), (text, "NOERROR")):
            started = time.monotonic()
            served.running.policy.write_text(policy)
            while f"status: {code}" not in run(*dig):
                assert time.monotonic() < started + 20
            times.append(time.monotonic() - started)
    print("seconds until dig sees an edit:", *(f"{each:.3f}" for each in sorted(times)))
    assert sorted(times)[len(times) // 2] < 2, "milliseconds are usual; this bound is for a busy machine"


def activated(folder: Path, command: list[str]) -> subprocess.Popen[bytes]:
    """Start the server behind a command that hands it sockets."""
    words = [sys.executable, "-m", "blockctl", "serve", "--policy", str(folder / "policy.yaml"), "--state"]
    environment = [f"--setenv={name}={os.environ[name]}" for name in ("PATH", "PYTHONPATH") if name in os.environ]
    with (folder / "said").open("wb") as said:
        return subprocess.Popen([*command, *environment, *words, str(folder / "state")], stdout=said, stderr=said)


ACTIVATED = """\
version: 1
hosts: {{deny: [telemetry.example]}}
resolver:
  listen: ["127.0.0.1:{port}"]
  upstreams: ["127.0.0.1:1"]
  workers: {workers}
  api: off
"""


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_systemd_hands_a_socket_over(tmp_path: Path, kind: str, workers: int) -> None:
    """The first query, which has the server started, waits for its answer; the other half of the port is bound."""
    require("systemd-socket-activate")
    port = free_port()
    (tmp_path / "policy.yaml").write_text(ACTIVATED.format(port=port, workers=workers))
    command = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", *(["--datagram"] if kind == "udp" else [])]
    with ended(activated(tmp_path, command)) as process:
        wire = DNSRecord.question("telemetry.example").pack()
        while True:  # until systemd-socket-activate listens
            assert process.poll() is None, (tmp_path / "said").read_text()
            try:
                first = ask_udp(port, wire, 20) if kind == "udp" else ask_tcp(port, wire, 20)
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        assert first[3] & 15 == 3
        for _ in range(8):
            assert ask_udp(port, wire)[3] & 15 == 3
            assert ask_tcp(port, wire)[3] & 15 == 3
        assert "cannot listen" not in (tmp_path / "said").read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_sockets_handed_over_by_name_stay_while_the_policy_changes(tmp_path: Path, workers: int) -> None:
    port, other = free_port(), free_port()
    (tmp_path / "policy.yaml").write_text(ACTIVATED.format(port=other, workers=workers))
    wire, edited = (DNSRecord.question(name).pack() for name in ("telemetry.example", "edited.example"))
    with socket.create_server(("127.0.0.1", port)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", port))
        shell = f"exec 3<&{tcp.fileno()} 4<&{udp.fileno()}; LISTEN_PID=$$ exec"
        words = f"{sys.executable} -m blockctl serve --policy {tmp_path}/policy.yaml --state {tmp_path}/state"
        process = subprocess.Popen(
            ["bash", "-c", f"{shell} {words}"],
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "dns:dns"},
            pass_fds=(tcp.fileno(), udp.fileno()),
            stderr=(tmp_path / "said").open("wb"),
        )
    with ended(process):
        assert ask_udp(port, wire, 20)[3] & 15 == 3
        assert ask_tcp(port, wire)[3] & 15 == 3
        text = (tmp_path / "policy.yaml").read_text()
        changed = text.replace("[telemetry.example]", "[telemetry.example, edited.example]")
        (tmp_path / "policy.yaml").write_text(changed.replace(str(other), str(free_port())))
        end = time.monotonic() + 20
        while {ask_udp(port, edited)[3] & 15 for _ in range(8)} != {3}:
            assert time.monotonic() < end, (tmp_path / "said").read_text()
        assert ask_tcp(port, edited)[3] & 15 == 3


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End a server at the end, and see that it does."""
    try:
        yield process
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
