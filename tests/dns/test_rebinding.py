"""Rebinding: no public name may point into the house; names of the house may."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from blockctl.dns.labels import name_wire
from blockctl.dns.local import Local
from blockctl.model.policy import Resolver

SETTINGS = Resolver(private=("plex.example",), forward={"corp.example": ("10.0.0.1",)})


def rebound(name: str, address: str, settings: Resolver = SETTINGS) -> bool:
    return Local(settings).is_rebound(name_wire(name), ip_address(address).packed)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1", "100.64.0.1", "127.0.0.1", "0.0.0.0",
        "::1", "::", "fd00::1", "fc00::1", "fe80::1", "febf::1", "::ffff:192.168.1.1", "64:ff9b::a00:1",
        "::127.0.0.1", "::192.168.1.1", "::2", "64:ff9b:1::a00:1", "64:ff9b:1:c0a8:1:100::", "2002:c0a8:101::1",
        "fec0::1", "feff::1",
    ],
)  # fmt: skip
def test_addresses_of_the_house(address: str) -> None:
    assert rebound("evil.example", address)
    assert not rebound("evil.example", address, Resolver(rebinding=False))


@pytest.mark.parametrize(
    "address",
    [
        "9.9.9.9", "172.15.0.1", "172.32.0.1", "192.169.0.1", "100.63.0.1", "100.128.0.1", "169.253.0.1", "11.0.0.1",
        "2620:fe::fe", "ff02::1", "::ffff:9.9.9.9", "64:ff9b::909:909", "::9.9.9.9", "2002:909:909::1",
        "64:ff9b:2::a00:1", "64:ff9b:1::909:909", "64:ff9b:1:909:9:900::",
    ],
)  # fmt: skip
def test_other_addresses(address: str) -> None:
    assert not rebound("fine.example", address)


@pytest.mark.parametrize(
    "name",
    [
        "plex.example", "x.plex.example", "git.corp.example", "nas.home.arpa", "printer.local", "nas.lan", "x.internal",
        "nas", "localhost", "router.home",
    ],
)  # fmt: skip
def test_names_that_may(name: str) -> None:
    assert not rebound(name, "192.168.1.1")


@pytest.mark.parametrize("name", ["xplex.example", "corp.example.evil.example", "fritz.box", "arpa.example", "lan.x.y"])
def test_names_that_may_not(name: str) -> None:
    assert rebound(name, "192.168.1.1")


def test_a_router_may_answer_for_itself_when_nobody_else_is_asked() -> None:
    assert not rebound("fritz.box", "192.168.178.1", Resolver(upstreams=("192.168.178.1",)))
    assert rebound("fritz.box", "192.168.178.1", Resolver(upstreams=("192.168.178.1", "9.9.9.9")))
    assert rebound("evil.example", "192.168.178.1", Resolver(upstreams=("192.168.178.1",)))


def test_the_root_and_odd_lengths_are_no_fault() -> None:
    local = Local(SETTINGS)
    assert local.is_rebound(b"\0", bytes((10, 0, 0, 1)))
    assert not local.is_rebound(name_wire("a.example"), b"\x0a\0")
