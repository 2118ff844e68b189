"""`doctor` beside a real server and real upstreams: it names who is at fault, and what to type mends it."""

from __future__ import annotations

import http.server
import json
import shlex
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from dnslib import EDNS0, QTYPE, RR, DNSHeader, DNSRecord, EDNSOption

from blockctl.io.checkup import _is_ours, nameservers, outside
from blockctl.policy.read import read_policy
from tests.serve.running import Running, Upstream, free_port, serving

POLICY = """\
version: 1
lists:
  - {{name: ads, path: ads.txt}}
resolver: {{listen: ["127.0.0.1:PORT"], upstreams: ["127.0.0.1:{upstream}"]}}
"""


def filtering(query: DNSRecord) -> DNSRecord:
    """Answer as a resolver that filters: no such name, and why."""
    reply = DNSRecord(DNSHeader(id=query.header.id, qr=1, ra=1, rd=1, rcode=3), q=query.q)
    reply.add_ar(EDNS0(opts=[EDNSOption(15, b"\0\x11not for children")]))
    return reply


def absent(query: DNSRecord) -> DNSRecord:
    """Say that there is no such name."""
    return DNSRecord(DNSHeader(id=query.header.id, qr=1, ra=1, rd=1, rcode=3), q=query.q)


@contextmanager
def house(folder: Path, upstream: Upstream) -> Iterator[Running]:
    with (
        closing(upstream),
        serving(folder, POLICY.format(upstream=upstream.port), **{"ads.txt": "ads.example\n"}) as it,
    ):
        yield it


def examine(running: Running, name: str, reference: Upstream) -> tuple[int, dict[str, Any]]:
    done = running.run("doctor", name, "--reference", f"127.0.0.1:{reference.port}", "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def reference() -> Iterator[Upstream]:
    """A resolver that does not filter."""
    with closing(Upstream()) as it:
        yield it


def test_a_line_of_a_list_is_named_and_the_command_lets_the_name_through(tmp_path: Path, reference: Upstream) -> None:
    with house(tmp_path, Upstream()) as running:
        status, found = examine(running, "https://ads.example/x.js", reference)
        assert (status, found["culprit"]) == (1, "blockctl")
        assert "ads.txt:1: ads.example" in found["sentence"]
        command = shlex.split(found["mend"][0])
        assert command[:2] == ["blockctl", "allow"]
        assert running.run(*command[1:]).returncode == 0
        running.until(lambda: running.code("ads.example") == "NOERROR")
        assert examine(running, "ads.example", reference)[1]["culprit"] != "blockctl"


@pytest.mark.parametrize(
    ("answer", "culprit", "says"),
    [
        pytest.param(filtering, "upstream blocks", "not for children", id="the upstream filters"),
        pytest.param(absent, "upstream blocks", "no such name, while 127.0.0.1:", id="the upstream lies"),
        pytest.param(lambda _: None, "upstream down", "does not answer", id="the upstream is silent"),
        pytest.param(lambda _: b"\0" * 7, "upstream down", "does not answer", id="the upstream talks rubbish"),
    ],
)
def test_an_upstream_at_fault_is_named(
    tmp_path: Path, reference: Upstream, answer: Any, culprit: str, says: str
) -> None:
    upstream = Upstream(answer)
    with house(tmp_path, upstream) as running:
        status, found = examine(running, "shop.example", reference)
        assert (status, found["culprit"]) == (1, culprit)
        assert says in found["sentence"]
        assert f"127.0.0.1:{upstream.port}" in found["sentence"]


def test_a_name_that_nobody_knows_is_not_blamed_on_anybody(tmp_path: Path) -> None:
    with closing(Upstream(absent)) as reference, house(tmp_path, Upstream(absent)) as running:
        assert examine(running, "no.such.example", reference)[1]["culprit"] == "no such name"


def at_home(query: DNSRecord) -> DNSRecord:
    """Answer for a name that is another's, for one of IPv6 alone, and for no other."""
    name, reply = str(query.q.qname).lower(), absent(query)
    if name == "cloaked.example.":
        reply.header.rcode = 0
        reply.add_answer(*RR.fromZone("cloaked.example. 60 CNAME ads.example.\nads.example. 60 A 192.0.2.7"))
    if name == "six.example.":
        reply.header.rcode = 0
        if query.q.qtype == QTYPE.AAAA:
            reply.add_answer(*RR.fromZone("six.example. 60 AAAA 2001:db8::7"))
    return reply


def test_a_name_that_leads_to_a_blocked_one_is_blocked_by_us_at_the_first_question(tmp_path: Path) -> None:
    with closing(Upstream(at_home)) as reference, house(tmp_path, Upstream(at_home)) as running:
        found = examine(running, "cloaked.example", reference)[1]
        assert found["culprit"] == "blockctl"
        assert "ads.txt:1: ads.example" in found["sentence"]


def test_a_name_with_an_address_of_ipv6_alone_is_found(tmp_path: Path) -> None:
    with closing(Upstream(at_home)) as reference, house(tmp_path, Upstream(at_home)) as running:
        found = examine(running, "six.example", reference)[1]
        assert found["culprit"] != "no such name"
        said = [each["addresses"] for each in found["answers"] if each["role"] != "system"]
        assert said == [["2001:db8::7"]] * 3


def test_a_name_that_the_policy_forwards_is_asked_where_it_is_forwarded_to(tmp_path: Path) -> None:
    inside = Upstream()
    with closing(inside), closing(Upstream(absent)) as reference, house(tmp_path, Upstream(absent)) as running:
        text = running.policy.read_text()
        forward = f'forward: {{corp.example: ["127.0.0.1:{inside.port}"]}}}}\n'
        running.policy.write_text(text.rstrip().removesuffix("}") + ", " + forward)
        running.until(lambda: running.code("wiki.corp.example") == "NOERROR")
        found = examine(running, "wiki.corp.example", reference)[1]
        assert found["culprit"] != "no such name"
        assert [each["resolver"] for each in found["answers"]][1] == f"127.0.0.1:{inside.port}"


@pytest.mark.parametrize(
    ("listen", "ours"),
    [("0.0.0.0:53", True), ("127.0.0.1:5335", False), ("127.0.0.1:53", True), ("192.0.2.9:53", False)],
)
def test_a_system_that_names_a_place_at_which_we_listen_asks_us(listen: str, ours: bool) -> None:
    policy, _ = read_policy(f'version: 1\nresolver: {{listen: ["192.0.2.1:53", "{listen}"]}}\n', "p")
    assert _is_ours("127.0.0.1", policy.resolver) is ours


def test_nobody_answers(tmp_path: Path) -> None:
    silent = Upstream(lambda _: None)
    with closing(silent), house(tmp_path, Upstream(lambda _: None)) as running:
        found = examine(running, "shop.example", silent)[1]
        assert found["culprit"] == "no resolver is reached"
        assert all(each["milliseconds"] < 5_000 for each in found["answers"])


def test_a_server_that_does_not_run_is_told_in_the_checks(tmp_path: Path, reference: Upstream) -> None:
    port = free_port()
    (tmp_path / "policy.yaml").write_text(f'version: 1\nresolver: {{listen: ["127.0.0.1:{port}"]}}\n')
    found = examine(Running(tmp_path, port, None), "shop.example", reference)[1]  # type: ignore[arg-type]
    told = next(each for each in found["checks"] if each["what"] == "resolver")
    assert (told["level"], told["mend"]) == ("wrong", "blockctl serve")


def test_text_for_people_begins_with_the_sentence(tmp_path: Path, reference: Upstream) -> None:
    with house(tmp_path, Upstream()) as running:
        done = running.run("doctor", "ads.example", "--reference", f"127.0.0.1:{reference.port}")
        first, second = done.stdout.splitlines()[:2]
        assert first.startswith("blockctl blocks ads.example: ads.txt:1")
        assert second.strip().startswith("blockctl allow ads.example")


@pytest.mark.parametrize("wrong", ["..", "a b", "https://"])
def test_what_is_no_name_is_refused(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\n")
    done = Running(tmp_path, 0, None).run("doctor", wrong)  # type: ignore[arg-type]
    assert (done.returncode, "not a name" in done.stderr) == (2, True)


@contextmanager
def page(status: int, body: bytes, **headers: str) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_captive_portal_and_a_wrong_clock_are_noticed() -> None:
    earlier = format_datetime(datetime.now(UTC) - timedelta(hours=3), usegmt=True)
    with page(302, b"", Location="http://login.example/", Date=earlier) as port:
        portal, clock = outside("127.0.0.1", port)
        assert portal == "http://login.example/"
        assert clock is not None
        assert 10_700 < clock < 10_900
    with page(302, b"", Location="http://login.example/\x1b]0;owned\x07" + "a" * 5000) as port:
        told = outside("127.0.0.1", port)[0]  # a stranger's word, for a terminal
        assert told.startswith("http://login.example/\ufffd]0;owned")
        assert told.isprintable() and len(told) == 300
    with page(200, b"<html>sign in here</html>") as port:
        assert outside("127.0.0.1", port)[0] == "http://captive.apple.com"
    with page(200, b"<HTML><BODY>Success</BODY></HTML>") as port:
        assert outside("127.0.0.1", port) == ("", None)
    assert outside("127.0.0.1", free_port()) == ("", None)


def test_the_resolvers_that_the_system_names(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# of a router\nnameserver 192.168.1.1\nnameserver ::1\nsearch lan\nnameserver ::1\nnameserver\n")
    assert nameservers(file) == ("192.168.1.1", "::1")
    assert nameservers(tmp_path / "none") == ()
