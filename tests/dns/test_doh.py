"""Which requests of HTTP carry a query, and how long an answer may be kept."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from dnslib import RR, SOA, A, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from blockctl.dns.doh import MESSAGE, Head, Response, Wanted, answered, freshness, read_body, read_head

QUERY = DNSRecord.question("a.example", "A").pack()
TEXT = base64.urlsafe_b64encode(QUERY).rstrip(b"=").decode()
ODD = QUERY + b"\0\0"  # its base64 needs padding
ODD_TEXT = base64.urlsafe_b64encode(ODD).decode()


def get(target: str, **more: Any) -> Wanted | Response:
    return read_head(Head("GET", target, **more), "/dns-query")


def post(content_type: str = MESSAGE, **more: Any) -> Wanted | Response:
    return read_head(Head("POST", "/dns-query", content_type, **more), "/dns-query")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(f"/dns-query?dns={TEXT}", Wanted("", QUERY), id="GET"),
        pytest.param(f"/dns-query/?dns={TEXT}", Wanted("", QUERY), id="closing slash"),
        pytest.param(f"/dns-query/iPad?dns={TEXT}", Wanted("ipad", QUERY), id="client id"),
        pytest.param(f"/dns-query?ct=x&dns={TEXT}&y", Wanted("", QUERY), id="other parameters"),
        pytest.param(f"/dns-query?dns={ODD_TEXT}", Wanted("", ODD), id="padding"),
        pytest.param(f"/dns-query?dns={ODD_TEXT.replace('=', '%3D')}", Wanted("", ODD), id="padding, escaped"),
        pytest.param(f"/dns-query?dns={ODD_TEXT.rstrip('=')}", Wanted("", ODD), id="no padding"),
        pytest.param("/dns-query", 400, id="no parameter"),
        pytest.param("/dns-query?dns=", 400, id="nothing in it"),
        pytest.param("/dns-query?name=a.example&type=A", 400, id="the JSON way"),
        pytest.param(f"/dns-query?dns={TEXT}&dns={TEXT}", 400, id="two"),
        pytest.param(f"/dns-query?dns={TEXT[:-3]}!!!", 400, id="no base64"),
        pytest.param(f"/dns-query?dns={TEXT[:-3]}+/A", 400, id="the other base64"),
        pytest.param("/dns-query?dns=AAAA", 400, id="too short for a query"),
        pytest.param("/dns-query?dns=A", 400, id="half a byte"),
        pytest.param(f"/dns-query?dns={TEXT[:-1]}\u00e9", 400, id="not ASCII"),
        pytest.param(f"/?dns={TEXT}", 404, id="root"),
        pytest.param(f"/dns-queryx?dns={TEXT}", 404, id="a longer name"),
        pytest.param(f"/dns-query/a/b?dns={TEXT}", 404, id="a longer path"),
        pytest.param(f"/dns-query/a.b?dns={TEXT}", 404, id="no client id"),
        pytest.param(f"/dns-query/../x?dns={TEXT}", 404, id="dots"),
    ],
)
def test_get(target: str, expected: Wanted | int) -> None:
    found = get(target)
    assert (found.status if isinstance(found, Response) else found) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(post(), Wanted("", None), id="fine"),
        pytest.param(post("Application/DNS-message; x=y"), Wanted("", None), id="with a parameter"),
        pytest.param(post("application/x-www-form-urlencoded"), 415, id="a form"),
        pytest.param(post(""), 415, id="no type"),
        pytest.param(post(length=65_535), Wanted("", None), id="longest"),
        pytest.param(post(length=65_536), 413, id="too long"),
        pytest.param(post(accept="application/dns-json"), 406, id="wants JSON"),
        pytest.param(post(accept="text/html, */*;q=0.1"), Wanted("", None), id="wants anything"),
        pytest.param(post(accept="application/*"), Wanted("", None), id="wants any application"),
        pytest.param(read_head(Head("PUT", "/dns-query"), "/dns-query"), 405, id="PUT"),
        pytest.param(read_head(Head("OPTIONS", "*"), "/dns-query"), 404, id="OPTIONS *"),
        pytest.param(read_head(Head("CONNECT", "a:443"), "/dns-query"), 404, id="CONNECT"),
    ],
)
def test_the_rest(found: Wanted | Response, expected: Wanted | int) -> None:
    assert (found.status if isinstance(found, Response) else found) == expected


def test_bodies() -> None:
    assert read_body(QUERY) == QUERY
    for body, status in ((b"", 400), (QUERY[:11], 400), (bytes(65_536), 413)):
        found = read_body(body)
        assert isinstance(found, Response)
        assert found.status == status


def reply(*ttls: int, soa: tuple[int, int] | None = None, rcode: int = 0) -> bytes:
    record = DNSRecord.parse(QUERY).reply()
    record.header.rcode = rcode
    for ttl in ttls:
        record.add_answer(RR("a.example", ttl=ttl, rdata=A("192.0.2.1")))
    if soa:
        record.add_auth(RR("example", 6, ttl=soa[0], rdata=SOA("ns.example", "x.example", (1, 2, 3, 4, soa[1]))))
    return bytes(record.pack())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(reply(300, 20, 60), 20, id="the smallest"),
        pytest.param(reply(300, soa=(5, 5)), 300, id="authority does not count beside answers"),
        pytest.param(reply(soa=(60, 20)), 20, id="negative: the SOA's minimum"),
        pytest.param(reply(soa=(20, 60)), 20, id="negative: the SOA's TTL"),
        pytest.param(reply(soa=(60, 20), rcode=3), 20, id="NXDOMAIN"),
        pytest.param(reply(), 0, id="nothing to go by"),
        pytest.param(reply(300, rcode=2), 0, id="SERVFAIL"),
        pytest.param(reply(300)[:-2], 0, id="cut short"),
        pytest.param(b"", 0, id="empty"),
    ],
)
def test_freshness(message: bytes, expected: int) -> None:
    assert freshness(message) == expected


@given(st.one_of(st.binary(max_size=120), st.binary(max_size=60).map(lambda tail: reply(300)[:40] + tail)))
def test_freshness_of_any_bytes(message: bytes) -> None:
    assert 0 <= freshness(message) <= 0x7FFFFFFF


@given(st.text(max_size=60))
def test_any_target(target: str) -> None:
    for found in (get(target), get("/dns-query?dns=" + target)):
        assert isinstance(found, Wanted) or found.status in (400, 404)


def test_what_goes_back() -> None:
    good = answered(reply(20))
    assert good.status == 200
    assert dict(good.headers())[b"cache-control"] == b"max-age=20"
    assert (answered(None).status, answered(b"").status) == (400, 500)
