"""Prometheus asks for the figures."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from blockctl.io.metrics import MetricsServer
from blockctl.model.diagnostic import WorldError
from tests.serve.running import free_port


async def _asked(ask: Callable[[str], object], allowed: bool = True) -> object:
    server = MetricsServer(lambda: "blockctl_queries_total 7\n", lambda _: allowed)
    place = f"127.0.0.1:{free_port()}"
    await server.follow(place)
    try:
        return await asyncio.to_thread(ask, f"http://{place}")
    finally:
        await server.stop()


def _status(url: str, method: str = "GET") -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=5) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_figures_are_at_metrics() -> None:
    def ask(url: str) -> str:
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as reply:
            return str(reply.headers["content-type"]) + "\n" + str(reply.read().decode())

    assert asyncio.run(_asked(ask)) == "text/plain; version=0.0.4; charset=utf-8\nblockctl_queries_total 7\n"


@pytest.mark.parametrize(
    ("path", "method", "allowed", "status"),
    [
        pytest.param("/metrics", "GET", False, 403, id="a stranger"),
        pytest.param("/", "GET", True, 404, id="another path"),
        pytest.param("/metrics", "POST", True, 405, id="not GET"),
        pytest.param("/metrics", "HEAD", True, 200, id="HEAD"),
    ],
)
def test_what_else_is_asked(path: str, method: str, allowed: bool, status: int) -> None:
    assert asyncio.run(_asked(lambda url: _status(url + path, method), allowed)) == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("127.0.0.1:9153", 200, id="an address"),
        pytest.param("[::1]:9153", 200, id="IPv6"),
        pytest.param("localhost:9153", 200, id="this machine"),
        pytest.param("Pi.lan", 200, id="a name of the house"),
        pytest.param("evil.example", 403, id="a page's own name"),
        pytest.param("127.0.0.1.evil.example:9153", 403, id="a page's own name with an address in it"),
        pytest.param("local.evil.example.", 403, id="a page's own name with a dot"),
    ],
)
def test_a_page_whose_name_leads_here_reads_nothing(host: str, status: int) -> None:
    def ask(url: str) -> int:
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{url}/metrics", headers={"Host": host}), timeout=5
            ) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert asyncio.run(_asked(ask)) == status


def test_what_is_no_http() -> None:
    async def scene() -> bytes:
        server = MetricsServer(lambda: "", lambda _: True)
        port = free_port()
        await server.follow(f"127.0.0.1:{port}")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await server.stop()
        return answer

    assert asyncio.run(scene()).startswith(b"HTTP/1.1 400")


def test_a_port_in_use_is_told() -> None:
    async def scene() -> None:
        first, second = MetricsServer(str, lambda _: True), MetricsServer(str, lambda _: True)
        place = f"127.0.0.1:{free_port()}"
        await first.follow(place)
        try:
            await second.follow(place)
        finally:
            await first.stop()

    with pytest.raises(WorldError, match="cannot give figures"):
        asyncio.run(scene())
