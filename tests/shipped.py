"""What ships with blockctl, read as the program reads it: from the package, not from the checkout."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib import resources

from blockctl.io.lists import builtin
from blockctl.model.filterlist import FilterList, ListText
from blockctl.model.index import Index
from blockctl.model.policy import Policy
from blockctl.parsers import parse
from blockctl.policy.read import read_policy

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STRATEGIES = ("js-allowlist", "js-denylist", "safari", "ublock", "nothing", "js-denylist-dns")
LISTS = ("starter", "starter-annoyances", "starter-dns")


@cache
def shipped_list(name: str) -> FilterList:
    """Return a shipped list, parsed, its format recognised."""
    return parse(builtin(name), name)


@cache
def index_of(*names: str) -> Index:
    """Return the index of some shipped lists."""
    return Index.build([shipped_list(name) for name in names])


@cache
def example_policy(name: str) -> Policy:
    """Return an example policy as it stands today; it has no faults."""
    text = (resources.files("blockctl.configs") / f"{name}.yaml").read_text(encoding="utf-8")
    policy, diagnostics = read_policy(text, f"{name}.yaml")
    assert [str(each) for each in diagnostics] == []
    return policy.at(NOW)


def list_texts(policy: Policy) -> list[ListText]:
    """Return the texts of a policy's lists, all shipped."""
    found = []
    for number, source in enumerate(policy.lists):
        data = builtin(source.path.removeprefix("builtin:"))
        found.append(ListText(source, source.path, data, f"{number}"))
    return found
