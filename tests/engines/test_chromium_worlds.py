"""Generated worlds: Chromium's declarativeNetRequest, with what we write loaded, answers as `decide()` does.

$BLOCKCTL_SEED draws other worlds, $BLOCKCTL_QUESTIONS so many questions (24,000 else).
"""

from __future__ import annotations

import os
import time

from tests.engines.chromium import Chromium
from tests.engines.chromium_compare import Told
from tests.engines.judge import Judged
from tests.engines.require import require
from tests.engines.worlds import worlds

SEED = int(os.environ.get("BLOCKCTL_SEED", "20261121"))
QUESTIONS = int(os.environ.get("BLOCKCTL_QUESTIONS", "24000"))
PER_WORLD = 200


def test_worlds() -> None:
    """Every answer is that of `decide()`, or a gap of that very rule explains it."""
    require("chromium")
    began = time.monotonic()
    told = Told()
    with Chromium() as chromium:
        for world in worlds(SEED, QUESTIONS // PER_WORLD, questions=PER_WORLD):
            told.ask(chromium, Judged(world))
        assert not told.wrong, f"seed {SEED}: {len(told.wrong)} of {told.asked} differ\n\n{told.smallest(chromium)}"
    told.close("worlds", time.monotonic() - began, SEED)
