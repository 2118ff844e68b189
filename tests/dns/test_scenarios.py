"""The scenarios of tests/scenarios, each played through; `tests/dns/scenario.py` says how they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dns.scenario import Scenario, World, read_scenarios

FILES = sorted((Path(__file__).parents[1] / "scenarios").glob("*.txt"))
ALL = [pytest.param(each, id=f"{path.stem}: {each.title}") for path in FILES for each in read_scenarios(path)]


@pytest.mark.parametrize("scenario", ALL)
def test_scenario(scenario: Scenario) -> None:
    World().run(scenario)
