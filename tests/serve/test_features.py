"""What the `resolver:` section promises, each thing once over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from dnslib import AAAA, CNAME, HTTPS, QTYPE, RCODE, RR, A, DNSHeader, DNSRecord

from tests.io.transports import make_certificate, needs_openssl
from tests.serve.clients import needs_loopback_net, over_https, over_tls, over_udp
from tests.serve.running import Running, Upstream, free_port, serving

EVERYBODY, KID, GROWN, FREE = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"
HOST = "dns.home.arpa"
POLICY = """\
version: 1
hosts:
  deny: [telemetry.example]
lists:
  - {{name: ads, path: ads.txt}}
  - {{name: games, path: games.txt}}
resolver:
  listen: ["127.0.0.1:PORT", "tls://127.0.0.1:{dot}", "https://127.0.0.1:{doh}/dns-query"]
  tls: {{certificate: cert.pem, key: key.pem}}
  upstreams: ["127.0.0.1:{upstream}"]
  records:
    nas.home.arpa: ["192.168.1.9", "fd00::9"]
    tv.home.arpa: nas.home.arpa
    "*.lab.example": ["192.168.1.10"]
    alias.example: www.other.example
  private: [plex.example]
  dns64: "64:ff9b::/96"
  groups:
    kids:
      clients: ["127.0.0.2", kidspad]
      lists: [ads, games]
      safe-search: on
      schedule:
        - {{days: mon-sun, from: "00:00", to: "00:00", deny: [video.example]}}
        - {{days: mon-sun, from: "{later}", to: "{later_end}", deny: all}}
    grown:
      clients: ["127.0.0.3", laptop]
      lists: [ads]
      allow: [telemetry.example]
    free:
      clients: ["127.0.0.4"]
      blocking: off
"""


def world(query: DNSRecord) -> DNSRecord:
    """Answer as the internet would, with a few names that mean no good."""
    reply = DNSRecord(DNSHeader(id=query.header.id, qr=1, ra=1, rd=1), q=query.q)
    name, kind = str(query.q.qname).lower().rstrip("."), query.q.qtype
    addresses = {"inward.example": "192.168.1.1", "my.plex.example": "192.168.1.1"}
    if name == "cloaked.example":
        reply.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME("x.ads.example"), ttl=60))
        name = "x.ads.example"
    if name == "served.example" and kind == QTYPE.HTTPS:
        reply.add_answer(RR(name, kind, rdata=HTTPS.fromZone(["1", "x.ads.example."]), ttl=60))
    elif name == "six.example" and kind == QTYPE.AAAA:
        reply.add_answer(RR(name, kind, rdata=AAAA("2001:db8::6"), ttl=60))
    elif kind == QTYPE.A:
        reply.add_answer(RR(name, kind, rdata=A(addresses.get(name, "192.0.2.1")), ttl=60))
    return reply


class Household:
    """A server with every feature on, and its ports."""

    def __init__(self, running: Running, upstream: Upstream, dot: int, doh: int) -> None:
        self.running, self.upstream, self.dot, self.doh = running, upstream, dot, doh
        self.certificate = running.folder / "cert.pem"

    def says(self, name: str, source: str = EVERYBODY, kind: str = "A") -> str:
        """Return the answer over UDP in words: the code, or the data of its records."""
        return said(over_udp(self.running.port, DNSRecord.question(name, kind), source))

    def dot_says(self, name: str, host: str, source: str = EVERYBODY) -> str:
        return said(over_tls(self.dot, DNSRecord.question(name), self.certificate, host, source))

    def doh_says(self, name: str, path: str, source: str = EVERYBODY) -> str:
        return said(over_https(self.doh, DNSRecord.question(name), self.certificate, path, source))


def said(reply: DNSRecord) -> str:
    """Return the code of an error, else the data of all records."""
    if reply.header.rcode:
        return str(RCODE[reply.header.rcode])
    return " ".join(str(record.rdata) for record in reply.rr) or "nothing"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    folder = tmp_path_factory.mktemp("house")
    make_certificate(folder, HOST)
    upstream, dot, doh = Upstream(world), free_port(), free_port()
    far = datetime.now() + timedelta(hours=11)  # an hour that is not now, however long this takes
    times = {"later": f"{far:%H:%M}", "later_end": f"{far + timedelta(hours=1):%H:%M}"}
    lists = {"ads.txt": "||ads.example^\n", "games.txt": "||games.example^\n"}
    with serving(folder, POLICY.format(upstream=upstream.port, dot=dot, doh=doh, **times), **lists) as running:
        yield Household(running, upstream, dot, doh)
    upstream.close()


pytestmark = [needs_openssl, needs_loopback_net]
REACHED = "192.0.2.1"


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        pytest.param("ads.example", EVERYBODY, "NXDOMAIN", id="everybody has every list"),
        pytest.param("games.example", EVERYBODY, "NXDOMAIN", id="everybody, the other list"),
        pytest.param("telemetry.example", EVERYBODY, "NXDOMAIN", id="everybody, the policy's own"),
        pytest.param("ads.example", GROWN, "NXDOMAIN", id="a group has its lists"),
        pytest.param("games.example", GROWN, REACHED, id="and no others"),
        pytest.param("telemetry.example", GROWN, REACHED, id="and its own entries"),
        pytest.param("games.example", KID, "NXDOMAIN", id="another group has others"),
        pytest.param("ads.example", FREE, REACHED, id="blocking: off"),
        pytest.param("telemetry.example", FREE, "NXDOMAIN", id="blocking: off is about lists"),
        pytest.param("video.example", KID, "NXDOMAIN", id="a schedule in force"),
        pytest.param("x.video.example", KID, "NXDOMAIN", id="and below"),
        pytest.param("video.example", GROWN, REACHED, id="is of one group"),
        pytest.param("other.example", KID, REACHED, id="a schedule of another hour"),
    ],
)
def test_groups_by_address(house: Household, name: str, source: str, expected: str) -> None:
    assert [house.says(name, source) for _ in range(3)] == [expected] * 3  # the hot path says what the first said


@pytest.mark.parametrize(
    ("host", "path", "source", "expected"),
    [
        pytest.param(HOST, "/dns-query", EVERYBODY, "NXDOMAIN", id="no id"),
        pytest.param(f"laptop.{HOST}", "/dns-query/laptop", EVERYBODY, REACHED, id="an id"),
        pytest.param(f"LapTop.{HOST}", "/dns-query/LapTop", EVERYBODY, REACHED, id="in capitals"),
        pytest.param(f"stranger.{HOST}", "/dns-query/stranger", EVERYBODY, "NXDOMAIN", id="an unknown id"),
        pytest.param(f"laptop.{HOST}", "/dns-query/laptop", KID, "NXDOMAIN", id="no way out of a group by address"),
        pytest.param(f"kidspad.{HOST}", "/dns-query/kidspad", GROWN, REACHED, id="nor by anybody else's id"),
    ],
)
def test_groups_by_id(house: Household, host: str, path: str, source: str, expected: str) -> None:
    assert house.dot_says("games.example", host, source) == expected
    assert house.doh_says("games.example", path, source) == expected


def test_a_pause_of_one_group(house: Household) -> None:
    done = house.running.run("pause", "10m", "--group", "kids")
    assert done.returncode == 0, done.stderr
    house.running.until(lambda: house.says("games.example", KID) == REACHED)
    assert house.dot_says("games.example", f"kidspad.{HOST}") == REACHED
    assert house.says("games.example") == "NXDOMAIN"
    assert house.says("ads.example", GROWN) == "NXDOMAIN"
    assert house.running.run("resume", "--group", "kids").returncode == 0
    house.running.until(lambda: house.says("games.example", KID) == "NXDOMAIN")


def test_a_pause_is_over_by_itself(house: Household) -> None:
    assert house.running.run("pause", "4s", "--group", "grown").returncode == 0
    house.running.until(lambda: house.says("ads.example", GROWN) == REACHED)
    house.running.until(lambda: house.says("ads.example", GROWN) == "NXDOMAIN")


def test_safe_search_is_for_the_group_that_has_it(house: Household) -> None:
    safe = "forcesafesearch.google.com. 192.0.2.1"
    assert [house.says("www.google.com", KID) for _ in range(2)] == [safe] * 2
    assert house.says("www.google.com") == REACHED
    assert house.says("duckduckgo.com", KID).startswith("safe.duckduckgo.com.")


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        pytest.param("nas.home.arpa", "A", "192.168.1.9", id="A"),
        pytest.param("nas.home.arpa", "AAAA", "fd00::9", id="AAAA"),
        pytest.param("nas.home.arpa", "TXT", "nothing", id="another type"),
        pytest.param("9.1.168.192.in-addr.arpa", "PTR", "nas.home.arpa.", id="reverse"),
        pytest.param("tv.home.arpa", "A", "nas.home.arpa. 192.168.1.9", id="an alias of ours"),
        pytest.param("a.b.lab.example", "A", "192.168.1.10", id="all below a name"),
        pytest.param("alias.example", "A", "www.other.example. 192.0.2.1", id="an alias of the world"),
    ],
)
def test_records(house: Household, name: str, kind: str, expected: str) -> None:
    assert [house.says(name, kind=kind) for _ in range(2)] == [expected] * 2


def test_what_an_answer_leads_to_is_judged_too(house: Household) -> None:
    assert house.says("cloaked.example") == "NXDOMAIN"
    assert house.says("cloaked.example", FREE) == "x.ads.example. 192.0.2.1"
    assert house.says("served.example", kind="HTTPS") == "NXDOMAIN"


def test_no_public_name_leads_into_the_house(house: Household) -> None:
    assert house.says("inward.example") != "192.168.1.1"
    assert "192.168" not in house.says("inward.example", FREE)
    assert house.says("my.plex.example") == "192.168.1.1", "the policy says that this one may"


def test_dns64(house: Household) -> None:
    assert house.says("four.example", kind="AAAA") == "64:ff9b::c000:201"
    assert house.says("six.example", kind="AAAA") == "2001:db8::6"
    assert house.says("ads.example", kind="AAAA") == "NXDOMAIN"
    assert house.says("ipv4only.arpa", kind="AAAA") == "64:ff9b::c000:aa 64:ff9b::c000:ab"


def test_it_tells_where_its_encrypted_ports_are(house: Household) -> None:
    """RFC 9462, and RFC 9461 for what the records hold."""
    reply = over_udp(house.running.port, DNSRecord.question("_dns.resolver.arpa", "SVCB"))
    https, dot = sorted((bytes(record.rdata.data) for record in reply.rr), key=lambda rdata: rdata[:2])
    host = b"".join(bytes([len(label)]) + label.encode() for label in HOST.split(".")) + b"\0"
    here = b"\0\4\0\4\x7f\0\0\1"  # ipv4hint=127.0.0.1
    port = {name: b"\0\3\0\2" + number.to_bytes(2, "big") for name, number in (("doh", house.doh), ("dot", house.dot))}
    assert https == b"\0\1" + host + b"\0\1\0\3\2h2" + port["doh"] + here + b"\0\7\0\x10/dns-query{?dns}"
    assert dot == b"\0\2" + host + b"\0\1\0\4\3dot" + port["dot"] + here
    assert house.says("_dns.resolver.arpa", kind="A") == "nothing"
    assert not any("resolver.arpa" in asked for asked in house.upstream.asked)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("localhost", "127.0.0.1"),
        ("printer.local", "NXDOMAIN"),
        ("hidden.onion", "NXDOMAIN"),
        ("x.invalid", "NXDOMAIN"),
        ("use-application-dns.net", "NXDOMAIN"),
    ],
)
def test_special_names_are_asked_nowhere(house: Household, name: str, expected: str) -> None:
    assert house.says(name) == expected
    assert not any(asked.startswith(f"{name}. ") for asked in house.upstream.asked)


def test_the_log_says_who_and_how(house: Household) -> None:
    house.doh_says("logged.example", "/dns-query/laptop")
    house.dot_says("logged.example", f"kidspad.{HOST}")
    house.says("logged.example", KID)

    def logged() -> list[tuple[str, ...]]:
        queries = json.loads(house.running.run("log", "--json", "--name", "logged.example").stdout)["queries"]
        keys = ("transport", "client", "device", "group", "outcome")
        return sorted(tuple(each[key] for key in keys) for each in queries)

    expected = [
        ("doh", EVERYBODY, "laptop", "grown", "forwarded"),
        ("dot", EVERYBODY, "kidspad", "kids", "cached"),
        ("udp", KID, "", "kids", "cached"),
    ]
    house.running.until(lambda: len(logged()) >= 3)
    assert logged() == expected


def policy_of(folder: Path) -> str:
    return (folder / "policy.yaml").read_text(encoding="utf-8")


def test_a_schedule_that_is_edited_is_live(house: Household) -> None:
    text = policy_of(house.running.folder)
    assert house.says("sport.example", KID) == REACHED
    house.running.policy.write_text(text.replace("deny: [video.example]", "deny: [video.example, sport.example]"))
    house.running.until(lambda: house.says("sport.example", KID) == "NXDOMAIN")
    house.running.policy.write_text(text)
    house.running.until(lambda: house.says("sport.example", KID) == REACHED)
