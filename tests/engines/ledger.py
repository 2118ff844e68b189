"""What was asked of the engines and how many answers agreed, a JSON line for each comparison.

The lines go to the file that $BLOCKCTL_LEDGER names; without it nothing is written. `tests.engines.report` makes
the published table of them.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

PARTS = ("worlds", "vectors", "log", "configs", "javascript", "names")


def record(
    engine: str,
    part: str,
    *,
    questions: int,
    agreed: int,
    gaps: Counter[str],
    seed: int | None = None,
    seconds: float = 0.0,
) -> None:
    """Write down one comparison. What does not agree is in `gaps`, by reason; anything left over is an error.

    `seconds` is what the engine and the comparison took together.
    """
    assert part in PARTS, f"{part} is none of {PARTS}"
    unexplained = questions - agreed - gaps.total()
    assert unexplained == 0, f"{engine}, {part}: {unexplained} of {questions} answers differ, and no gap explains them"
    line = {
        "engine": engine, "part": part, "questions": questions, "agreed": agreed, "gaps": dict(sorted(gaps.items())),
        "seed": seed, "seconds": round(seconds, 1),
    }  # fmt: skip
    print(f"{engine}, {part}: {questions:,} questions, {agreed:,} agreed, {gaps.total():,} in gaps, seed {seed}")
    if path := os.environ.get("BLOCKCTL_LEDGER"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def first_reason(reasons: Iterable[str]) -> str:
    """Return the one reason under which an answer is counted when several gaps explain it together."""
    return min(reasons)
