"""How a gap is described: the words of the capabilities of each engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Fidelity(Enum):
    """How an engine's nearest rule compares with what was asked."""

    NARROWER = "narrower"  # it acts on fewer requests
    BROADER = "broader"  # it acts on more requests
    IMPOSSIBLE = "impossible"  # it has no such rule


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an engine cannot express a rule as it stands."""

    fidelity: Fidelity
    why: str  # one sentence for people
    witness: str  # a rule that shows it
