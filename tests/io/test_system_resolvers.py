"""Whom the system asks is asked in turn, but never ourselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockctl.io import system_resolvers
from blockctl.io.system_resolvers import with_upstreams
from blockctl.model.policy import Policy, Resolver


@pytest.mark.parametrize(
    ("listen", "named", "found"),
    [
        pytest.param("127.0.0.1:5335", "127.0.0.1 9.9.9.9", ("127.0.0.1", "9.9.9.9"), id="another on port 53"),
        pytest.param("127.0.0.1:53", "127.0.0.1 9.9.9.9", ("9.9.9.9",), id="ourselves"),
        pytest.param("127.0.0.1:53", "127.0.0.53", ("127.0.0.53",), id="a stub beside us"),
        pytest.param("0.0.0.0:53", "127.0.0.1 192.168.1.5 192.168.1.1", ("192.168.1.1",), id="ourselves, everywhere"),
        pytest.param("0.0.0.0:53", "127.0.0.53 192.168.1.5", (), id="nobody but ourselves"),
        pytest.param("[::]:53", "::1 127.0.0.1", ("127.0.0.1",), id="IPv6"),
        pytest.param("tls://0.0.0.0:53", "127.0.0.1", ("127.0.0.1",), id="encrypted only"),
    ],
)
def test_never_ourselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listen: str, named: str, found: tuple[str, ...]
) -> None:
    monkeypatch.setattr(system_resolvers, "own_addresses", lambda: ["127.0.0.1", "192.168.1.5", "::1"])
    file = tmp_path / "resolv.conf"
    file.write_text("search lan\n" + "".join(f"nameserver {each}\n" for each in named.split()))
    told: list[str] = []
    policy = with_upstreams(
        Policy("policy.yaml", resolver=Resolver(listen=(listen,))), told.append, (tmp_path / "none", file)
    )
    assert policy.resolver.upstreams == found
    assert bool(told) == (not found)
