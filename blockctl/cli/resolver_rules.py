"""The step that makes the rules which the resolver maps, and puts them into use."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from blockctl.io.live import EVERYBODY, Live, prune, read_live, rules_path, wanted, write_live, write_rules
from blockctl.model.diagnostic import WorldError

if TYPE_CHECKING:
    from blockctl.compiler import Compilation

TARGET = "resolver"  # as `compile` is told it


def is_served(state: Path) -> bool:
    """Whether a resolver has rules here, which should keep up with the lists."""
    return read_live(state) is not None


def make_rules(run: Compilation, state: Path) -> None:
    """Compile the rules for everybody, and for each group that has lists of its own, and put them into use.

    Raises WorldError, the rules in use untouched, when a list that is in them cannot be had now.
    """
    before = read_live(state)
    good = tuple(text.source.name for text in run.texts if text.source.dns and text.data and not text.problem)
    for text in run.texts:
        if text.problem and text.source.dns and before is not None and text.source.name in before.lists:
            raise WorldError(f"list {text.source.name} is in use and cannot be read: {text.problem.message}")
    wholes: dict[str, list[str] | None] = {EVERYBODY: None}
    for name, group in run.policy.resolver.groups.items():
        if group.lists is not None:
            wholes[name] = list(group.lists)
    rules = {}
    for name, lists in wholes.items():
        path = rules_path(state, run.resolver_key(lists))
        write_rules(path, partial(run.resolver_rules, lists))
        rules[name] = path.name
    live = Live(rules, good, wanted(run.policy))
    if live != before:
        write_live(state, live)
        prune(state, live)
