"""Rules files made of lists as texts, or of random worlds, and what is to be said of names."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from copy import deepcopy
from functools import partial

from blockctl.compiler import Compilation
from blockctl.dns.build import Numbered, Said, rules_file
from blockctl.dns.conditions import speaks_of
from blockctl.dns.exchange import Client
from blockctl.dns.overlay import lay
from blockctl.dns.rules import Lists, Rules
from blockctl.dns.table import wire_names
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList, ListText
from blockctl.model.memory import RunMemory
from blockctl.model.policy import Group, ListSource, Policy
from blockctl.model.rule import Effect, Rule, Scope
from blockctl.policy.merge import page_exceptions, settle_names

SOMEBODY = Client("192.0.2.50")
A, AAAA, HTTPS = 1, 28, 65


def wire(name: str) -> bytes:
    return wire_names(f"{name}\n".encode())[0] if name else b"\0"


def lists_of(parsed: Collection[FilterList], policy: Policy) -> Lists:
    """Return the rules file of lists as objects; the line of a name is its place among the list's names."""
    source = ListSource("list", Origin("policy"))
    settled = settle_names([(source, deepcopy(each)) for each in parsed], policy)
    said = [
        Said(
            each.file,
            each.file,
            lines=partial(_numbered, each),
            find=partial(_find, each),
            names=[rule for rule in each.rules if rule.names_only],
            allow={
                Scope.EXACT: "\n".join(each.allow_exact).encode(),
                Scope.SUBTREE: "\n".join(each.allow_subtree).encode(),
            },
        )
        for each in parsed
    ]
    return Lists(b"".join(rules_file(settled, said, page_exceptions(parsed))))


def _numbered(parsed: FilterList) -> Iterator[Numbered]:
    columns = (
        (Effect.BLOCK, Scope.EXACT, parsed.exact),
        (Effect.BLOCK, Scope.SUBTREE, parsed.subtree),
        (Effect.ALLOW, Scope.EXACT, parsed.allow_exact),
        (Effect.ALLOW, Scope.SUBTREE, parsed.allow_subtree),
    )
    for effect, scope, names in columns:
        yield effect, scope, sorted(names), range(1, len(names) + 1)


def _find(parsed: FilterList, host: str) -> list[Rule]:
    found = [
        Rule(effect, Origin(parsed.file, at + 1), name, host=name, scope=scope)
        for effect, scope, names, _ in _numbered(parsed)
        for at, name in enumerate(names)
    ]
    return [rule for rule in found if speaks_of(rule, host)]


def compilation(policy: Policy, *texts: str | bytes, memory: object = None, **said: object) -> Compilation:
    """Return a run over lists as texts, read; `said` is what the policy says of each list."""
    sources = [ListSource(f"list{at}", Origin("policy"), **said) for at in range(len(texts))]  # type: ignore[arg-type]
    made = []
    for source, text in zip(sources, texts, strict=True):
        data = text if isinstance(text, bytes) else text.encode()
        made.append(ListText(source, f"{source.name}.txt", data, hashlib.sha256(data).hexdigest()))
    run = Compilation(policy, made, memory or RunMemory())  # type: ignore[arg-type]
    run.read()
    return run


def rules(
    policy: Policy, *texts: str | bytes, group: Group | None = None, denied: Collection[str] = (), **said: object
) -> Rules:
    """Return what holds under a policy and lists as texts."""
    made = Lists(b"".join(compilation(policy, *texts, **said).resolver_rules()))
    return Rules(made, lay(policy, made.yields(policy), group, denied))
