"""What is blocked: the lists' names and conditions from one mapped file, and the policy over them.

`Lists` is the file, `Rules` what holds for a group of clients. The order is that of `model.decide`: the policy; then of
the lists what they rewrite, an `$important` block, an exception, a block. An edit of the policy makes new `Rules` over
the same `Lists`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

from blockctl.dns.conditions import Condition, Conditions, unpack
from blockctl.dns.exchange import ALLOWED, Client, Reason, Verdict
from blockctl.dns.labels import name_text
from blockctl.dns.overlay import ROOT, Overlay
from blockctl.dns.rewrite import together
from blockctl.dns.table import LAST_BLOCK, MEANINGS, Buffer, Names, Table, wire_names
from blockctl.model.decide import Step, is_above_lists, list_step, yields
from blockctl.model.diagnostic import Origin
from blockctl.model.names import parents
from blockctl.model.policy import Policy
from blockctl.model.rule import Effect, Rule


class Lists:
    """A file of compiled rules. What the hot path does not need is read when it is first asked for."""

    def __init__(self, buffer: Buffer) -> None:
        """Open a file; a DamagedTable says so where it is none."""
        self.table = Table(buffer)
        self.files: list[str] = [file for _, file in self.table.about["lists"]]
        self._yielded: tuple[Policy, dict[str, Rule]] | None = None  # the same for every group

    @property
    def plain(self) -> bool:
        """Whether a block of the table can only be undone at `spoken` names: no exception speaks of mere patterns."""
        return bool(self.table.about["plain"])

    @cached_property
    def spoken(self) -> frozenset[bytes]:
        """Names at and below which an exception, or a rewrite, depends on more than the name."""
        names: list[str] = self.table.about["spoken"]
        return frozenset(wire_names("".join(f"{name}\n" for name in names).encode("ascii")))

    @cached_property
    def conditions(self) -> Conditions:
        """The rules that say more than a name."""
        rules = unpack(self.table.section("conditions"), self.files)
        return Conditions(Condition.of(number, rule) for number, rule in enumerate(rules))

    @cached_property
    def exceptions(self) -> Names | None:
        """The names that exceptions speak of, whether anything blocks them or not; None where there are none."""
        return self.table.names("exceptions") if self.table.about["counts"]["exceptions"] else None

    def yields(self, policy: Policy) -> dict[str, Rule]:
        """Return where DNS yields to the browser under a policy, as far as the lists block anything there."""
        if self._yielded is None or self._yielded[0] is not policy:
            self._yielded = policy, yields(policy, self._page_exceptions(policy))
        return self._yielded[1]

    def _page_exceptions(self, policy: Policy) -> list[Rule]:
        """Return the exceptions that may concern a site of the policy; `model.decide.yields` says which of them do."""
        if not policy.sites and not policy.resolver.yield_all:
            return []
        data = self.table.section("page exceptions")
        if policy.resolver.yield_all:
            return unpack(data, self.files)
        pages = _Pages(policy.sites)
        return unpack(data, self.files, lambda sites: any(map(pages.may_concern, sites)))

    def rule(self, names: Names, place: int, text: str) -> Rule:
        """Return an entry as a rule; it was found for the name in `text`, whose end is the name of the entry."""
        name, tag = names.entry(place)
        number, line = names.origin(place)
        host = text[len(text) - (len(name) - 2) :]  # two bytes more in wire form: the first length and the zero
        effect, scope = MEANINGS[tag]
        origin = Origin(self.files[number], line) if number < len(self.files) else Origin("the lists together")
        return Rule(effect, origin, host, host=host, scope=scope)


class _Pages:
    """The pages of some sites, as far as names tell without the public suffixes: one too many is no harm."""

    def __init__(self, sites: Collection[str]) -> None:
        above = {name for site in sites for name in parents(site)}
        self._sites = sites
        self._above = above.union(f"{name[:at]}.*" for name in above for at, char in enumerate(name) if char == ".")

    def may_concern(self, page: str) -> bool:
        """Whether a page that an exception is limited to may be one of them: itself, above it or below it."""
        if page in self._above:
            return True
        while page:
            if page in self._sites:
                return True
            page = page.partition(".")[2]
        return False


class Rules:
    """What holds for one group of clients."""

    def __init__(self, lists: Lists, overlay: Overlay) -> None:
        self.lists = lists
        self.table = lists.table
        self.plain = lists.plain
        self._overlay = overlay

    @cached_property
    def overlay_names(self) -> Collection[bytes]:
        """Names in wire form at and below which the table alone does not decide; the root: at every name."""
        return self._overlay.names.keys() | self.lists.spoken

    @property
    def by_client(self) -> bool:
        """Whether clients of the group may get different answers, so that none may be kept for all of them."""
        return self.lists.conditions.by_client

    def verdict(self, name: bytes, kind: int, client: Client) -> Verdict:
        """Decide a name in wire form and lower case, for a type of record and a client."""
        if said := self._overlay.find(name):
            step, rule = said
            return Verdict(rule.effect is Effect.BLOCK, Reason(step, rule, name_text(name)))
        if not (conditions := self.lists.conditions):
            return self._of_lists(name, ())
        text = name_text(name)
        matched = conditions.matching(text, kind, client)
        return (matched and self._rewritten(matched, text)) or self._of_lists(name, matched)

    def _rewritten(self, matched: Sequence[Condition], text: str) -> Verdict | None:
        """Return what the lists answer in the place of the truth."""
        if not any(each.rewrite for each in matched):
            return None
        taken_back = {each.rule.value for each in matched if each.rewrite and each.rule.effect is Effect.ALLOW}
        left = [
            each
            for each in matched
            if each.rewrite
            and each.rule.effect is Effect.BLOCK
            and "" not in taken_back
            and each.rule.value not in taken_back
        ]
        if not left:
            return None
        rewrite = together(each.rewrite for each in left if each.rewrite)
        return Verdict(False, Reason(Step.LIST_BLOCK, left[0].rule, text), rewrite)

    def _of_lists(self, name: bytes, matched: Sequence[Condition]) -> Verdict:
        """Return what the lists say: an important block, an exception, a block."""
        rule = None
        if rules := self._heeded(name_text(name), matched) if matched else ():
            rule = next((rule for rule in rules if rule.important and rule.effect is Effect.BLOCK), None)
            rule = rule or next((rule for rule in rules if rule.effect is Effect.ALLOW), None)
        rule = rule or self._excepted(name) or self._listed(name) or (rules[0] if rules else None)
        if rule is None:
            return ALLOWED
        return Verdict(rule.effect is Effect.BLOCK, Reason(list_step(rule), rule, name_text(name)))

    def _heeded(self, text: str, matched: Sequence[Condition]) -> list[Rule]:
        """Return the rules that matched, without blocks of a name that no list may block."""
        rules = [each.rule for each in matched if not each.rule.action]
        if text in self._overlay.own:
            rules = [rule for rule in rules if rule.effect is Effect.ALLOW]
        elif any(rule.effect is Effect.BLOCK and not rule.host for rule in rules) and is_above_lists(text):
            rules = [rule for rule in rules if rule.effect is Effect.ALLOW or rule.host]
        return rules

    def _excepted(self, name: bytes) -> Rule | None:
        exceptions = self.lists.exceptions
        if exceptions is None or (place := exceptions.find(name)) < 0:
            return None
        return self.lists.rule(exceptions, place, name_text(name))

    def _listed(self, name: bytes) -> Rule | None:
        """Return the entry of the table that blocks a name."""
        hot = self.table.hot
        place = hot.find(name)
        if place < 0 or hot.entry(place)[1] > LAST_BLOCK or (text := name_text(name)) in self._overlay.own:
            return None
        return self.lists.rule(hot, place, text)

    def address_verdict(self, address: str) -> Verdict:
        """Decide an address that an answer holds; where the lists do not apply at all, nothing is said of it."""
        if ROOT in self._overlay.names:
            return ALLOWED
        found = self.lists.conditions.of_address(address)
        if not found:
            return ALLOWED
        rules = sorted((each.rule for each in found), key=_rank)
        return Verdict(rules[0].effect is Effect.BLOCK, Reason(list_step(rules[0]), rules[0], address))


def _rank(rule: Rule) -> int:
    if rule.effect is Effect.ALLOW:
        return 1
    return 0 if rule.important else 2
