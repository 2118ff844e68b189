"""What we write for uBlock Origin, as its engine is to be given it: each output, and those that belong together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from blockctl.backends import ublock_managed
from blockctl.backends.output import Gaps, Output
from blockctl.model.request import Request
from tests.engines.judge import Judged
from tests.engines.ubo_core import World


@dataclass(frozen=True)
class Way:
    """A way to give uBO a policy: the backends whose outputs go in together, each with its options."""

    name: str
    parts: tuple[tuple[str, dict[str, str]], ...]

    @property
    def backend(self) -> str:
        """Return the backend that the way is named after."""
        return self.parts[0][0]


ADVANCED = {"advanced": "yes"}
WITHOUT_SCRIPTS = {"javascript": "rules"}
WAYS = (
    Way("ublock", (("ublock", {}),)),
    Way("ublock-rules", (("ublock-rules", {}), ("ublock", WITHOUT_SCRIPTS))),
    Way("ublock-rules, advanced", (("ublock-rules", ADVANCED), ("ublock", WITHOUT_SCRIPTS))),
    Way("ublock-backup", (("ublock-backup", {}),)),
    Way("ublock-backup, advanced", (("ublock-backup", ADVANCED),)),
    Way("ublock-managed", (("ublock-managed", {}),)),
    Way("ublock-managed, advanced", (("ublock-managed", ADVANCED),)),
    Way("firefox-policy", (("firefox-policy", {}),)),
)


@dataclass
class Told:
    """What uBO is told in one way: static filters, My rules, trusted sites, and whether advanced mode is on."""

    filters: str = ""
    rules: list[str] = field(default_factory=list)
    trusted: list[str] = field(default_factory=list)
    advanced: bool = False
    output: Output = field(default_factory=lambda: Output({}))  # with the gaps of all parts

    def world(self, requests: Sequence[Request]) -> World:
        """Return what the engine is to be asked."""
        return World([self.filters], requests, "\n".join(self.rules), self.trusted, self.advanced)


def told(judged: Judged, way: Way) -> Told:
    """Return what uBO is told of a world in one way."""
    found = Told()
    for backend, options in way.parts:
        output = judged.output(backend, options)
        READERS[backend](found, b"".join(output.files[""]).decode())
        found.advanced |= options == ADVANCED
        found.output.gaps.extend(_not_carried(output.gaps, len(way.parts) > 1))
    return found


# Gaps of My rules that the filter list fills.
CARRIED = ("advanced", "list-carried", "dynamic-allow", "dynamic-document")


def _not_carried(gaps: Gaps, together: bool) -> Gaps:
    if not together:
        return gaps
    left = Gaps()
    for gap in gaps.kept:
        if gap.reason not in CARRIED:
            left.add(gap.reason, gap.origin, gap.text)
    return left


def _list(found: Told, text: str) -> None:
    found.filters += text


def _rules(found: Told, text: str) -> None:
    found.rules += text.splitlines()


def _backup(found: Told, text: str) -> None:
    file: dict[str, Any] = json.loads(text)
    found.filters += file["userFilters"]
    found.rules += [*file["hostnameSwitchesString"].split("\n"), *file["dynamicFilteringString"].split("\n")]
    found.trusted += [name for name in file["whitelist"] if not name.endswith("-scheme")]


def _managed(found: Told, text: str) -> None:
    file = json.loads(text)["policies"]["3rdparty"]["Extensions"][ublock_managed.EXTENSION]
    admin = json.loads(file["adminSettings"])
    found.filters += "\n".join(file["toOverwrite"]["filters"])
    found.rules += admin["hostnameSwitchesString"].split("\n") + admin.get("dynamicFilteringString", "").split("\n")
    found.trusted += file.get("toAdd", {}).get("trustedSiteDirectives", [])


READERS = {
    "ublock": _list,
    "ublock-rules": _rules,
    "ublock-backup": _backup,
    "ublock-managed": _managed,
    "firefox-policy": _managed,
}
