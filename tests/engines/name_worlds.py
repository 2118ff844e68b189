"""Generated worlds for engines that see names: many put together in one, each below a name of its own.

A server is started once for all of them. Below `w7.test` a world's `ads.net` is `ads.net.w7.test`; what its lists say
without a name (a path, a pattern, a regular expression) stays as it is and must do nothing in DNS.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache, cached_property, partial

import yaml

from tests.engines.judge import Judged
from tests.engines.wide_worlds import wide_worlds
from tests.engines.worlds import FEATURES, NAMES, World, worlds

ANY_NAME = re.compile("|".join(rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in (*NAMES, "bücher.com")))
SAID = {"badfilter", "denyallow", "important", "javascript"}  # features of lines about names, and of policies
NAMING = 12  # questions of a wide world: its lines speak of the names that these ask for
NEAR = ("", "x.", "img.x.", "x")  # what is asked beside a name: itself, two below it, and one that only ends like it


@dataclass
class Together:
    """Worlds put together: one policy, one text for each list, and every name to ask."""

    policy: dict[str, object] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def world(self, more: str = "") -> World:
        """Return it as one world; `more` is added to the policy's text."""
        return World(json.dumps(self.policy, indent=1)[:-2] + f"{more}\n}}", self.lists, [])

    @cached_property
    def blocked(self) -> set[str]:
        """Return the names that `decide_name` blocks."""
        judged = Judged(self.world())
        return {name for name in self.names if judged.decide_name(name).blocked}


def add(made: Together, each: World, number: int) -> None:
    """Put a world in; the policy's defaults, which would be for all worlds, are left out."""
    _add_policy(
        made, yaml.load(_below(each.policy, number), yaml.CBaseLoader)
    )  # words stay words: `off` is no truth value
    for name, text in each.lists.items():
        made.lists[name] = made.lists.get(name, "") + _below(text, number)
    spoken = {found for text in (each.policy, *each.lists.values()) for found in ANY_NAME.findall(text)}
    tops = {_below(name.replace("bücher", "xn--bcher-kva"), number) for name in spoken}
    made.names += sorted({f"{near}{name}" for name in tops for near in NEAR})


def _below(text: str, number: int) -> str:
    return ANY_NAME.sub(lambda found: f"{found.group()}.w{number}.test", text)


def _add_policy(made: Together, policy: dict[str, object]) -> None:
    """Add one world's entries to those of all."""
    sites, hosts, protect = policy.get("sites", {}), policy.get("hosts", {}), policy.get("protect", [])
    assert isinstance(sites, dict) and isinstance(hosts, dict) and isinstance(protect, list)
    made.policy["sites"] |= sites  # type: ignore[operator]
    for verb, names in hosts.items():
        made.policy["hosts"][verb] += names  # type: ignore[index]
    made.policy["protect"] += protect  # type: ignore[operator]
    made.policy["lists"] = policy["lists"]


@cache
def drawn(seed: int, least: int) -> Together:
    """Return worlds put together that ask at least so many names. They are drawn by seeds from `seed` on.

    Every other seed leaves out what DNS cannot say, so that blocks, exceptions and the policy meet on names. The first
    does not: a list that begins with names alone is read as one for hosts, whose patterns mean names to the resolver.
    It and those like it have the rarer forms of lines too (`wide_worlds`).
    """
    first = seed
    made = Together({"version": "1", "sites": {}, "hosts": {"allow": [], "deny": []}, "protect": []})
    number = 0
    while len(made.names) < least:
        plain = (seed - first) % 2
        unsaid = {"address", *(FEATURES - SAID if plain else ())}
        draw = partial(worlds, questions=1) if plain else partial(wide_worlds, questions=NAMING)
        for each in draw(seed, 250, without=unsaid):
            add(made, each, number)
            number += 1
        seed += 1
    return made
