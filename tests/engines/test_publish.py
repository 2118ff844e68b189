"""A fleet: one primary, two different secondaries, each in a network namespace; a change of the policy reaches all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engines.fleet import BIND, UNBOUND, ask, fleet, until
from tests.engines.require import require


@pytest.mark.parametrize("server", ["bind", "knot"])
def test_a_change_of_the_policy_reaches_the_fleet_by_incremental_transfer(server: str, tmp_path: Path) -> None:
    for engine in ("bind", "unbound", "netns", *(["knot"] if server == "knot" else [])):
        require(engine)
    with fleet(server, tmp_path) as servers:
        for address in (BIND, UNBOUND):
            assert ask(servers.spaces[address], address, "second.example") != "NXDOMAIN", "not yet"
        servers.deny("second.example")
        status, told = servers.publish()
        assert (status, told["changed"]) == (0, True), json.dumps(told)
        assert [each["has_it"] for each in told["servers"]] == [True, True, False], json.dumps(told)
        for address in (BIND, UNBOUND):
            until("NXDOMAIN", servers.spaces[address], address, "second.example", servers.folders[address] / "log")
            assert ask(servers.spaces[address], address, "ad7.example") == "NXDOMAIN"
        again, unchanged = servers.publish()
        assert (again, unchanged["changed"], unchanged["serial"]) == (0, False, told["serial"])
    log = (servers.home / "log").read_text()
    assert log.count("IXFR") >= 2, log[-3000:]  # one for each secondary, by the primary's own word
