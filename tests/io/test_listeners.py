"""What listens follows the policy; what was handed over stays."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from blockctl.dns.batch import Seat
from blockctl.dns.exchange import Client
from blockctl.io.datagrams import Send
from blockctl.io.listen import Inherited
from blockctl.io.listeners import Listeners
from blockctl.io.network import own_addresses
from blockctl.io.udp import UdpHooks
from blockctl.model.diagnostic import BlockctlError, WorldError
from blockctl.model.policy import Resolver
from tests.io.transports import make_certificate, needs_openssl, trusting


async def handle(query: bytes, client: Client) -> bytes | None:
    return query


def seat(address: str) -> Seat:
    raise AssertionError("nobody sends datagrams here")


def slow(query: bytes, address: str, send: Send) -> None:
    raise AssertionError("nobody sends datagrams here")


def listeners(beside: Path) -> tuple[Listeners, list[str]]:
    said: list[str] = []
    return Listeners(handle, UdpHooks(seat, slow), beside, said.append), said


def pair() -> tuple[socket.socket, socket.socket, int]:
    """Return a TCP and a UDP socket on one port."""
    while True:
        tcp = socket.create_server(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(("127.0.0.1", port))
        except OSError:
            tcp.close()
            udp.close()
        else:
            return tcp, udp, port


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


def test_what_was_handed_over_stays_whatever_the_policy_says(tmp_path: Path) -> None:
    async def run() -> None:
        server, said = listeners(tmp_path)
        tcp, udp, adopted = pair()
        other_tcp, other_udp, named = pair()
        given = [Inherited(tcp, "dns"), Inherited(udp, "dns"), Inherited(other_tcp), Inherited(other_udp)]
        settings = Resolver(listen=(f"127.0.0.1:{named}",))
        await server.follow(settings, given)
        assert {place.port for place in server.places} == {adopted, named}
        for text in ("127.0.0.1:0", f"127.0.0.1:{named}"):
            await server.follow(replace(settings, listen=(text,)))
            assert {adopted, named} <= {place.port for place in server.places}
            assert connects(adopted)
            assert connects(named)
        assert len(server.places) == 2, "what the policy named for a while is gone"
        assert all(each.startswith("answering on ") for each in said), "nothing is closed"
        await server.stop(0)
        assert not connects(adopted)

    asyncio.run(run())


def test_a_place_that_the_policy_no_longer_names_is_given_back(tmp_path: Path) -> None:
    async def run() -> None:
        server, _ = listeners(tmp_path)
        await server.follow(Resolver(listen=("127.0.0.1:0",)))
        (place,) = server.places
        assert connects(place.port)
        await server.follow(Resolver(listen=("[::1]:0",) if "::1" in own_addresses() else ()))
        assert not connects(place.port)
        await server.stop(0)

    asyncio.run(run())


def test_a_port_is_taken_over_from_ourselves(tmp_path: Path) -> None:
    """As when a resolver for this machine becomes one for the house: neither address leaves room for the other."""

    async def run() -> None:
        server, _ = listeners(tmp_path)
        tcp, udp, port = pair()
        tcp.close()
        udp.close()
        for text in (f"127.0.0.1:{port}", f"0.0.0.0:{port}", f"127.0.0.1:{port}"):
            await server.follow(Resolver(listen=(text,)))
            assert [str(place) for place in server.places] == [text]
            assert connects(port)
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            taken = f"127.0.0.1:{stranger.getsockname()[1]}"
            with pytest.raises(WorldError, match="holds its TCP port"):
                await server.follow(Resolver(listen=(taken,)))
        assert [str(place) for place in server.places] == [f"127.0.0.1:{port}"], "what listened before goes on"
        assert connects(port)
        await server.stop(0)

    asyncio.run(run())


@needs_openssl
def test_sockets_for_tls_are_not_spoken_to_in_clear(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)

    async def run() -> None:
        server, _ = listeners(tmp_path)
        tcp = socket.create_server(("127.0.0.1", 0))
        with pytest.raises(BlockctlError, match="need a certificate"):
            await server.follow(Resolver(listen=()), [Inherited(tcp, "tls")])
        settings = Resolver(listen=(), certificate=str(certificate), key=str(key))
        await server.follow(settings, [Inherited(tcp, "tls.socket")])
        port = tcp.getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(certificate))
        assert writer.get_extra_info("ssl_object").version() >= "TLSv1.2"
        writer.close()
        await server.stop(0)

    asyncio.run(run())


@needs_openssl
def test_another_certificate_is_taken_without_letting_go_of_the_port(tmp_path: Path) -> None:
    first, second = make_certificate(tmp_path / "one"), make_certificate(tmp_path / "two")

    async def run() -> None:
        server, _ = listeners(tmp_path)
        settings = Resolver(listen=("tls://127.0.0.1:0",), certificate=str(first[0]), key=str(first[1]))
        await server.follow(settings)
        (place,) = server.places
        await server.follow(replace(settings, certificate=str(second[0]), key=str(second[1])))
        assert [each.port for each in server.places] == [place.port]
        _, writer = await asyncio.open_connection("127.0.0.1", place.port, ssl=trusting(second[0]))
        writer.close()
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection("127.0.0.1", place.port, ssl=trusting(first[0]))
        await server.stop(0)

    asyncio.run(run())


@needs_openssl
def test_a_policy_without_tls_follows_one_with_it(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)

    async def run() -> None:
        server, _ = listeners(tmp_path)
        await server.follow(Resolver(listen=("tls://127.0.0.1:0",), certificate=str(certificate), key=str(key)))
        (place,) = server.places
        await server.follow(Resolver(listen=("127.0.0.1:0",)))
        assert [each.scheme for each in server.places] == ["dns"]
        assert not connects(place.port)
        await server.stop(0)

    asyncio.run(run())


def test_everywhere_means_the_addresses_of_this_machine(tmp_path: Path) -> None:
    async def run() -> None:
        server, _ = listeners(tmp_path)
        await server.follow(Resolver(listen=("0.0.0.0:0",)))
        assert "127.0.0.1" in server.addresses
        assert "0.0.0.0" not in server.addresses
        await server.follow(Resolver(listen=("127.0.0.1:0",)))
        assert server.addresses == ["127.0.0.1"]
        await server.stop(0)

    asyncio.run(run())
