"""What a correct server says to 66 probes (RFC 8906 and others), asked of the one that runs, by UDP and by TCP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.dns.octets import TC
from tests.serve.probes import PROBES
from tests.serve.probing import Probe, Truthful, verdict
from tests.serve.running import Running, serving
from tests.serve.test_serve import LIST, POLICY

BY_TCP = [each for each in PROBES if each.wire and not each.tcp and not each.expected.has & TC]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    upstream = Truthful()
    folder = tmp_path_factory.mktemp("conformance")
    with serving(folder, POLICY.format(upstream=upstream.port), **{"list.txt": LIST}) as running:
        yield running
        assert "fault" not in running.said()
    upstream.close()


def test_there_are_66() -> None:
    assert len({each.name for each in PROBES}) == len(PROBES) == 66


@pytest.mark.parametrize("probe", PROBES, ids=lambda each: each.name)
def test_probe(server: Running, probe: Probe) -> None:
    assert not verdict(server.port, probe)


@pytest.mark.parametrize("probe", BY_TCP, ids=lambda each: each.name)
def test_probe_by_tcp(server: Running, probe: Probe) -> None:
    assert not verdict(server.port, replace(probe, tcp=True))
