"""Errors planted in what uBlock Origin is told beside a filter list are noticed too."""

from __future__ import annotations

import pytest

from tests.engines.judge import Judged
from tests.engines.mutations import BROWSER, Mutation
from tests.engines.require import require
from tests.engines.test_mutations import noticed_after
from tests.engines.ubo_compare import compare
from tests.engines.ubo_outputs import WAYS

# My rules have no part but scripts that the filter list beside them has not as well.
PLANTED = [("ublock-rules", each) for each in BROWSER if each.name == "lost javascript"] + [
    (output, each)
    for output in ("ublock-backup", "ublock-managed", "firefox-policy")
    for each in BROWSER
    if each.policy or each.name in ("lost exceptions", "exact for subtree")
]


@pytest.mark.parametrize(
    ("output", "mutation"), [pytest.param(output, each, id=f"{output}: {each.name}") for output, each in PLANTED]
)
def test_every_output_notices(output: str, mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    require("ubo-core")
    way = next(each for each in WAYS if each.backend == output)
    mutation.plant(output, monkeypatch)
    assert noticed_after(lambda batch: len(compare(way, list(map(Judged, batch))).wrong))
