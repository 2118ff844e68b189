"""Errors planted in backends: what a comparison with a real engine has to notice, or it proves nothing.

Each is planted where a backend takes in what it is to say, or gives out what it says, so that it stays planted
however the backend is written: a backend that drops `$important` does what the true one does with lists that have
none. `decide()` goes on reading the lists as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from importlib import import_module

import pytest

from blockctl.backends.output import Output, Prepared
from blockctl.model.filterlist import FilterList
from blockctl.model.hostset import HostSet
from blockctl.model.policy import JavaScript, Policy
from blockctl.model.request import ALL_KINDS, SUBRESOURCES
from blockctl.model.rule import Effect, Party, Rule

OTHER_PARTY = {Party.FIRST: Party.THIRD, Party.THIRD: Party.FIRST, Party.ANY: Party.ANY}


@dataclass(frozen=True)
class Mutation:
    """An error in a backend. What is None is left as it is."""

    name: str
    lists: Callable[[FilterList], None] | None = None  # browser backends: changes what is prepared
    names: Callable[[HostSet], None] | None = None  # DNS backends: changes what is prepared
    policy: Callable[[Policy], Policy] | None = None
    yields: bool = True  # DNS backends: whether they are heeded
    output: Callable[[bytes], bytes] | None = None  # changes each file

    def plant(self, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Plant it in a backend, until the test is over. It names the gaps that it would name without the error.

        So an error that a gap would explain shows that the gap explains too much.
        """
        module = import_module(f"blockctl.backends.{backend.replace('-', '_')}")
        prepare, emit = module.prepare, module.emit

        def prepared(given: Sequence[FilterList] | HostSet, options: dict[str, str]) -> Prepared:
            told: Prepared = prepare(given, options)
            made: Prepared = prepare(self._changed(given), options)
            return replace(made, gaps=told.gaps)

        def emitted(policy: Policy, *rest: object) -> Output:
            told: Output = emit(policy, *rest)
            output: Output = emit(
                self.policy(policy) if self.policy else policy, *(rest if self.yields else ({}, *rest[1:]))
            )
            for name, chunks in output.files.items():
                if self.output:
                    output.files[name] = [self.output(b"".join(chunks))]
            return replace(output, gaps=told.gaps)

        monkeypatch.setattr(module, "prepare", prepared)
        monkeypatch.setattr(module, "emit", emitted)

    def _changed(self, given: Sequence[FilterList] | HostSet) -> Sequence[FilterList] | HostSet:
        given = deepcopy(given)
        if isinstance(given, HostSet):
            if self.names:
                self.names(given)
        elif self.lists:
            for each in given:
                self.lists(each)
        return given


def of_rules(change: Callable[[Rule], Rule | None]) -> Callable[[FilterList], None]:
    """Return a change of lists that changes each of their rules, or drops it."""

    def changed(parsed: FilterList) -> None:
        parsed.rules = [made for rule in parsed.rules if (made := change(rule)) is not None]

    return changed


def no_exceptions(parsed: FilterList) -> None:
    parsed.rules = [rule for rule in parsed.rules if rule.effect is Effect.BLOCK]
    parsed.allow_subtree = parsed.allow_exact = set()
    for column in ("allow_subtree", "allow_exact"):
        parsed.packed.pop(column, None)


def exact_for_subtree(parsed: FilterList) -> None:
    parsed.exact, parsed.subtree = parsed.exact | parsed.subtree, set()
    parsed.packed.pop("subtree", None)


def anchored_nowhere(rule: Rule) -> Rule:
    """Forget that a pattern begins with a host: `||ads.net^` stops xads.net too."""
    if rule.host:
        kinds = SUBRESOURCES if rule.kinds == ALL_KINDS else rule.kinds
        return replace(rule, host="", pattern=f"{rule.host}^", kinds=kinds)
    return replace(rule, pattern=rule.pattern.removeprefix("||"))


def without_kinds(rule: Rule) -> Rule:
    return replace(rule, kinds=ALL_KINDS if rule.host else SUBRESOURCES)


def ends_nowhere(rule: Rule) -> Rule:
    """Forget that a pattern ends: `/banner.js|` stops `/banner.json`, `||ads.net/|` all of the host."""
    return rule if rule.regex else replace(rule, pattern=rule.pattern.rstrip("|^"))


def reversed_rules(data: bytes) -> bytes:
    rules = json.loads(data) if data.startswith(b"[") else None
    return json.dumps(rules[::-1]).encode() if isinstance(rules, list) else data


def without_exceptions_of_names(names: HostSet) -> None:
    names.allow_exact = names.allow_subtree = names.allow_below = b""


def subtree_for_exact(names: HostSet) -> None:
    """Block all below a name that is listed alone."""
    both = sorted(set(names.block_subtree.split()) | set(names.block_exact.split()), key=lambda name: name[::-1] + b".")
    names.block_exact, names.block_subtree = b"", b"".join(name + b"\n" for name in both)


def no_sites(policy: Policy) -> Policy:
    return replace(policy, sites={})


def nothing_protected(policy: Policy) -> Policy:
    return replace(policy, protect={})


def scripts_allowed(policy: Policy) -> Policy:
    sites = {name: replace(site, javascript=None) for name, site in policy.sites.items()}
    return replace(policy, javascript=JavaScript.ALLOW, sites=sites)


def allow_before_deny(policy: Policy) -> Policy:
    """Let a host that the policy allows win over a nearer one that it denies."""
    return replace(policy, hosts={name: entry for name, entry in policy.hosts.items() if entry.allow})


BROWSER = (
    Mutation("wrong anchor", lists=of_rules(anchored_nowhere)),
    Mutation("lost end", lists=of_rules(ends_nowhere)),
    Mutation("lost exceptions", lists=no_exceptions),
    Mutation("dropped unless-domain", lists=of_rules(lambda rule: replace(rule, not_sites=()))),
    Mutation("dropped if-domain", lists=of_rules(lambda rule: replace(rule, sites=()))),
    Mutation("exact for subtree", lists=exact_for_subtree),
    Mutation("lost $important", lists=of_rules(lambda rule: replace(rule, important=False))),
    Mutation("party flipped", lists=of_rules(lambda rule: replace(rule, party=OTHER_PARTY[rule.party]))),
    Mutation("kinds lost", lists=of_rules(without_kinds)),
    Mutation("lost $denyallow", lists=of_rules(lambda rule: replace(rule, not_to=()))),
    Mutation("match-case lost", lists=of_rules(lambda rule: replace(rule, match_case=False))),
    Mutation("lost sites", policy=no_sites),
    Mutation("lost protect", policy=nothing_protected),
    Mutation("lost javascript", policy=scripts_allowed),
    Mutation("lost deny", policy=allow_before_deny),
)


def of_lines(pattern: str, to: str) -> Callable[[bytes], bytes]:
    """Return a change of every line of a list that has a pattern."""
    return lambda data: re.sub(pattern, to, data.decode(), flags=re.MULTILINE).encode()


# uBlock Origin is given many lines as lists have them, so errors in them are errors of text.
UBLOCK = (
    Mutation("wrong anchor", output=of_lines(r"^(@@)?\|\|(?=[a-z])", r"\1")),
    Mutation("lost end", output=of_lines(r"\|(?=\$|$)", "")),
    Mutation("lost exceptions", output=of_lines(r"^@@.*\n", "")),
    Mutation("dropped unless-domain", output=of_lines(r"(?<=[=|])~[^|,\n]*", "unheard.invalid")),
    Mutation("lost $important", output=of_lines(r",important|important,?", "")),
    Mutation("party flipped", output=of_lines(r"(?<=[$,])(3p|third-party)\b", "1p")),
    Mutation("kinds lost", output=of_lines(r"(?<=[$,])~?(script|image|stylesheet|css|xhr|xmlhttprequest)\b", "all")),
    Mutation("match-case lost", output=of_lines(r",match-case|match-case,?", "")),
    *(each for each in BROWSER if each.policy),
)
SWAPPED = Mutation("swapped order", output=reversed_rules)
DNS = (
    Mutation("lost yields", yields=False),
    Mutation("lost exceptions", names=without_exceptions_of_names),
    Mutation("subtree for exact", names=subtree_for_exact),
    Mutation("lost protect", policy=nothing_protected),
    Mutation("lost deny", policy=allow_before_deny),
    Mutation("lines cut short", output=lambda data: data[: len(data) * 9 // 10].rpartition(b"\n")[0] + b"\n"),
)

# AdGuard's lines say of every rule whether it means pages too.
ADGUARD = (*BROWSER, Mutation("pages let through", output=of_lines(r"(?<=\$)all(?=,|$)", "~document")))
