"""What each engine can and cannot say: one table, read by the backends, the report and the README."""

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


DNS = {
    "page": Reason(
        Fidelity.IMPOSSIBLE, "DNS sees a host, never the page that asks", "||ads.example^$domain=news.example"
    ),
}

SAFARI: dict[str, Reason] = {}

UBLOCK: dict[str, Reason] = {}

# backend -> reason key -> reason
CAPABILITIES: dict[str, dict[str, Reason]] = {
    **dict.fromkeys(("hosts", "domains", "dnsmasq", "unbound", "rpz", "adguard"), DNS),
    "safari": SAFARI,
    "ublock": UBLOCK,
}
