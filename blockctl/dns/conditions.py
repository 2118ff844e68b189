"""Rules of lists that DNS heeds and that say more than a name: on the type asked for, the client, patterns of names.

AdGuard's "DNS filtering rules syntax" has them: `$dnstype`, `$client`, `$dnsrewrite`, `/regex/`, `||ads*.example^`, and
rules on the addresses that an answer holds (`||192.0.2.7^`, `192.0.2.*`, `192.0.2.0/24`). Important blocks and
exceptions that say no more than a name stand here too, for they decide about the others. All are asked beside the
table of names, on the slow path only, and found by a name or a word that every name they speak of must have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from blockctl.dns.condition_words import ANYONE, Clients, Types, name_pattern, network, read_clients, read_types
from blockctl.dns.exchange import Client, Rewrite
from blockctl.dns.rewrite import read_rewrite
from blockctl.model.decide import is_above_lists
from blockctl.model.diagnostic import Origin
from blockctl.model.names import covers, parents
from blockctl.model.pattern import TOKEN, Pattern, compile_pattern, regex_literals, tokens
from blockctl.model.request import SUBRESOURCES
from blockctl.model.rule import HOST_KINDS, Effect, Party, Rule, Scope

REWRITE = "dnsrewrite"


def is_heard(rule: Rule, *, of_hosts: bool, trusted: bool) -> bool:
    """Whether DNS heeds a rule of a list that says more than a name.

    `of_hosts`: the list speaks of nothing but hosts, so that patterns mean names (elsewhere they mean addresses of
    files). `trusted`: it may also say what to answer.
    """
    if rule.action not in ("", REWRITE) or rule.party is not Party.ANY or rule.sites or rule.not_sites or rule.to:
        return False
    if rule.action and not is_rewrite(rule, trusted):
        return False
    if not all(read_types(need) or read_clients(need) for need in rule.needs):
        return False
    if rule.host:
        blocks_too_much = rule.effect is Effect.BLOCK and not rule.action and is_above_lists(rule.host)
        return rule.kinds & HOST_KINDS == HOST_KINDS and not blocks_too_much
    if not of_hosts or rule.kinds & SUBRESOURCES != SUBRESOURCES:
        return False
    if rule.regex:
        return True
    if network(rule.pattern) is not None:
        return not rule.needs and not rule.action
    return bool(name_pattern(rule.pattern))


def is_rewrite(rule: Rule, trusted: bool) -> bool:
    """Whether a rule with `$dnsrewrite` is in force: it takes one back, or comes from where one may be made."""
    if rule.effect is Effect.BLOCK and not (trusted and rule.value):
        return False
    return read_rewrite(rule.value) is not None


def speaks_of(rule: Rule, name: str) -> bool:
    """Whether a rule about a host speaks of a name."""
    if not covers(rule.host, name) or rule.scope is (Scope.BELOW if name == rule.host else Scope.EXACT):
        return False
    return not any(covers(hole, name) for hole in rule.not_to)


@dataclass(slots=True)
class Condition:
    """One rule, ready to be asked."""

    number: int  # rules win in this order, among their like
    rule: Rule
    types: Types | None = None
    clients: Clients | None = None
    rewrite: Rewrite | None = None
    _pattern: Pattern | None = None

    @classmethod
    def of(cls, number: int, rule: Rule) -> Condition:
        """Make ready what a rule says; its pattern is compiled when it is first needed."""
        types = next((types for need in rule.needs if (types := read_types(need))), None)
        clients = next((clients for need in rule.needs if (clients := read_clients(need))), None)
        rewrite = read_rewrite(rule.value) if rule.action == REWRITE else None
        return cls(number, rule, types, clients, rewrite)

    def speaks_of(self, name: str, kind: int, client: Client) -> bool:
        """Whether the rule is about a question."""
        rule = self.rule
        if self.types is not None and not self.types.have(kind):
            return False
        if self.clients is not None and not self.clients.have(client):
            return False
        if rule.host:
            return speaks_of(rule, name)
        return self._matches(name) and not any(covers(hole, name) for hole in rule.not_to)

    def _matches(self, name: str) -> bool:
        rule = self.rule
        if self._pattern is None:
            self._pattern = compile_pattern(rule.pattern if rule.regex else name_pattern(rule.pattern), rule.regex)
        if self._pattern.timed_out:  # a search that takes too long is tried once
            return False
        text = name if rule.regex else f"https://{name}/"
        return self._pattern.test(text, text)


class Conditions:
    """The conditional rules of a file of rules."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._by_name: dict[str, list[Condition]] = {}
        self._by_word: dict[str, list[Condition]] = {}
        self._anywhere: list[tuple[str, Condition]] = []  # with a text that every name they speak of contains
        self._networks: dict[tuple[int, int], dict[int, list[Condition]]] = {}  # by version and bits after the prefix
        self.by_client = False  # some say who asks: then two clients may get two answers
        for condition in conditions:
            self._file(condition)
            self.by_client |= condition.clients is not None

    def __bool__(self) -> bool:
        return bool(self._by_name or self._by_word or self._anywhere or self._networks)

    def _file(self, condition: Condition) -> None:
        rule = condition.rule
        if rule.host:
            self._by_name.setdefault(rule.host, []).append(condition)
        elif not rule.regex and (found := network(rule.pattern)):
            bits = found.max_prefixlen - found.prefixlen
            of_length = self._networks.setdefault((found.version, bits), {})
            of_length.setdefault(int(found.network_address) >> bits, []).append(condition)
        else:
            words = tokens(rule.pattern if rule.regex else name_pattern(rule.pattern), rule.regex)
            words = [word for word in words if word != "https"]
            if words:
                self._by_word.setdefault(max(words, key=len), []).append(condition)
            else:
                self._anywhere.append((_literal(rule), condition))

    def matching(self, name: str, kind: int, client: Client = ANYONE) -> list[Condition]:
        """Return the rules that speak of a question, in their order."""
        found = [each for above in parents(name) for each in self._by_name.get(above, ())]
        found += [each for word in dict.fromkeys(TOKEN.findall(name)) for each in self._by_word.get(word, ())]
        found += [each for literal, each in self._anywhere if literal in name]
        spoken = [each for each in found if each.speaks_of(name, kind, client)]
        spoken.sort(key=lambda each: each.number)
        return spoken

    def of_address(self, address: str) -> list[Condition]:
        """Return the rules that speak of an address in an answer, in their order."""
        if not self._networks:
            return []
        ip = ip_address(address)
        number = int(ip)
        found = [
            each
            for (version, bits), of_length in self._networks.items()
            if version == ip.version
            for each in of_length.get(number >> bits, ())
        ]
        found.sort(key=lambda each: each.number)
        return found


def _literal(rule: Rule) -> str:
    runs = [run for run, _, _ in regex_literals(rule.pattern)] if rule.regex else _RUN.findall(rule.pattern.lower())
    return max(runs, key=len, default="")


_RUN = re.compile(r"[^*^|]+")


def pack(rules: Sequence[tuple[int, Rule]]) -> bytes:
    """Return rules with the numbers of their lists as bytes."""
    return json.dumps([_row(number, rule) for number, rule in rules], separators=(",", ":")).encode()


def unpack(
    data: bytes,
    files: Sequence[str],
    wanted: Callable[[Sequence[str]], bool] = lambda sites: True,  # noqa: ARG005
) -> list[Rule]:
    """Return the rules that were packed, those whose sites are wanted; `files` are those of the lists by number."""
    return [_rule(row, files) for row in json.loads(data) if wanted(row[_SITES])]


_SITES = 8  # place of a row


def _row(number: int, rule: Rule) -> list[Any]:
    return [number, rule.origin.line, rule.effect.value, rule.text, rule.host, rule.scope.value, rule.pattern,
            int(rule.regex), rule.sites, rule.to, rule.not_to, int(rule.important), rule.action, rule.needs,
            rule.value]  # fmt: skip


def _rule(row: Sequence[Any], files: Sequence[str]) -> Rule:
    number, line, effect, text, host, scope, pattern, regex, sites, to, not_to, important, action, needs, value = row
    return Rule(Effect(effect), Origin(files[number], line), text, host, Scope(scope), pattern, bool(regex),
                sites=tuple(sites), to=tuple(to), not_to=tuple(not_to), important=bool(important), action=action,
                needs=tuple(needs), value=value)  # fmt: skip
