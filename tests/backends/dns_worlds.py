"""Small random worlds of names: a few lists and a policy that contradict each other, and every name to ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import product
from random import Random
from types import ModuleType

from blockctl.backends.output import Output
from blockctl.model.decide import decide_name, yields
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.hostset import HostSet
from blockctl.model.index import Index
from blockctl.model.names import parents
from blockctl.model.policy import HostEntry, ListSource, Policy, Site
from blockctl.model.rule import Effect, Rule, Scope
from blockctl.policy.merge import page_exceptions, settle_names

LABELS = ("a", "b", "a-b")  # `-` sorts before `.`: names in between must not hide what is below
ORIGIN = Origin("list", 1)
SCOPES = (Scope.EXACT, Scope.SUBTREE, Scope.BELOW)


def names_below(top: str, depth: int = 3) -> list[str]:
    """Return every name of up to `depth` labels below a name."""
    return [".".join((*labels, top)) for count in range(1, depth + 1) for labels in product(LABELS, repeat=count)]


@dataclass
class World:
    """Lists and a policy."""

    lists: list[FilterList] = field(default_factory=list)
    policy: Policy = field(default_factory=lambda: Policy("policy"))
    names: list[str] = field(default_factory=list)

    def settled(self) -> HostSet:
        """Return what the lists say together; they are not used up."""
        source = ListSource("list", ORIGIN)
        return settle_names([(source, deepcopy(parsed)) for parsed in self.lists], self.policy)

    def blocked(self) -> set[str]:
        """Return the names that `decide_name` blocks."""
        index = Index.build(self.lists)
        given = yields(self.policy, page_exceptions(self.lists))
        return {name for name in self.names if decide_name(self.policy, index, name, given).blocked}

    def output(self, backend: ModuleType, options: dict[str, str] | None = None) -> Output:
        """Return what a backend makes of it."""
        given = yields(self.policy, page_exceptions(self.lists))
        prepared = backend.prepare(self.settled(), options or {})
        output: Output = backend.emit(self.policy, given, prepared, options or {})
        return output


def text_of(output: Output) -> str:
    """Return the one file of an output."""
    return b"".join(output.files[""]).decode()


def world(random: Random, top: str = "w.test", *, apart: bool = True, policy: bool = True) -> World:
    """Make a world below `top`. Without `apart`, nothing is said of a name that is not said of all below it, but for
    exact blocks, which every engine can say.
    """
    deep = [".".join((*random.choices(LABELS, k=4), top)) for _ in range(3)]
    names = sorted(
        {name for each in deep for name in parents(each) if name.endswith(f".{top}")}
    )  # they contain another
    asked = {*names_below(top, 2), *names, *(f"{label}.{name}" for name in names for label in (*LABELS, "x", "x.y"))}

    def some(most: int) -> list[str]:
        return random.sample(names, min(random.randint(0, most), len(names)))

    made = World(names=sorted(asked))
    for number in range(random.randint(1, 3)):
        parsed = FilterList(f"list{number}", "adblock")
        parsed.exact, parsed.subtree = set(some(4)), set(some(3))
        parsed.allow_exact, parsed.allow_subtree = set(some(2)) if apart else set(), set(some(2))
        parsed.rules = list(_rules(random, names, apart))
        made.lists.append(parsed)
    if policy:
        made.policy = _policy(random, some)
    return made


def _rules(random: Random, names: list[str], apart: bool) -> Iterator[Rule]:
    for _ in range(random.randint(0, 4)):
        host = random.choice(names)
        effect = random.choice((Effect.BLOCK, Effect.BLOCK, Effect.ALLOW))
        scope = random.choice(SCOPES) if apart else Scope.SUBTREE
        inside = [name for name in names if name.endswith(f".{host}")]
        holes = tuple(random.sample(inside, min(len(inside), random.randint(0, 2))))
        important = effect is Effect.BLOCK and random.random() < 0.6
        yield Rule(effect, ORIGIN, f"||{host}^", host=host, scope=scope, not_to=holes, important=important)


def _policy(random: Random, some) -> Policy:
    hosts = {name: HostEntry(name, random.random() < 0.5, ORIGIN) for name in some(4)}
    sites = {}
    for name in some(2):
        allowed = tuple(HostEntry(host, random.random() < 0.6, ORIGIN) for host in some(2))
        sites[name] = Site(name, ORIGIN, blocking=random.choice((None, False)), hosts=allowed)
    return Policy("policy", hosts=hosts, sites=sites, protect=dict.fromkeys(some(2), ORIGIN))


def together(worlds: Iterable[World]) -> World:
    """Return one world of several that share no name, so that one engine is started for all."""
    made = World([FilterList(f"list{number}", "adblock") for number in range(3)])
    for each in worlds:
        for mine, parsed in zip(made.lists, each.lists, strict=False):
            for column in ("exact", "subtree", "allow_exact", "allow_subtree"):
                getattr(mine, column).update(getattr(parsed, column))
            mine.rules += parsed.rules
        made.policy.hosts.update(each.policy.hosts)
        made.policy.sites.update(each.policy.sites)
        made.policy.protect.update(each.policy.protect)
        made.names += each.names
    return made
