"""Whether lists still block a name: what `tidy` asks before it calls an entry idle."""

from __future__ import annotations

from collections.abc import Iterable

from blockctl.model.filterlist import FilterList
from blockctl.model.names import parents
from blockctl.model.packed import has_at_or_below, has_name
from blockctl.model.pattern import anchored_host
from blockctl.model.rule import Effect, Scope


class Blocked:
    """Says of a name whether a list blocks it, a name that covers it, or one below it, if only in part."""

    def __init__(self, lists: Iterable[FilterList]) -> None:
        self._names = []
        self._subtrees = []
        self._ruled: set[str] = set()  # names of rules, and all above them
        self._covering: set[str] = set()
        for parsed in lists:
            parsed.pack()
            self._names += [parsed.packed[column] for column in ("exact", "subtree") if column in parsed.packed]
            self._subtrees += [parsed.packed["subtree"]] if "subtree" in parsed.packed else []
            for rule in parsed.rules:
                if rule.effect is not Effect.BLOCK:
                    continue
                hosts = [rule.host] if rule.host else [anchored_host(rule.pattern)] if not rule.regex else []
                for host in (*hosts, *rule.to):
                    self._ruled.update(parents(host))
                    if rule.scope is not Scope.EXACT or not rule.host:
                        self._covering.add(host)

    def __call__(self, host: str) -> bool:
        """Whether a list speaks against a name."""
        if host in self._ruled or any(parent in self._covering for parent in parents(host)):
            return True
        if any(has_at_or_below(names, host) for names in self._names):
            return True
        return any(has_name(names, parent) for names in self._subtrees for parent in parents(host))
