"""The story: a policy and the texts of its lists become rules, and the rules become every output.

Read this first. The steps are done elsewhere: `parsers` read the lists, `policy.merge` settles what they say
together, the backends write. What depends on the lists alone is asked of a `Memory` before it is done again,
so that an edit of the policy costs no work on the lists.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, cast

from blockctl.backends import BROWSER_BACKENDS, DNS_BACKENDS
from blockctl.backends.output import Output, Prepared
from blockctl.model.decide import yields
from blockctl.model.diagnostic import Diagnostic, DiagnosticLog
from blockctl.model.filterlist import Counts, FilterList, ListText
from blockctl.model.hostset import HostSet
from blockctl.model.index import Index
from blockctl.model.memory import Memory, RunMemory
from blockctl.model.names import parents
from blockctl.model.policy import Policy, Target
from blockctl.model.rule import Rule, Scope
from blockctl.policy.merge import page_exceptions, settle_badfilters, settle_names, speaks_of_names

if TYPE_CHECKING:
    from blockctl.dns.build import Numbered, Said


@dataclass(slots=True)
class ListFacts:
    """What a person wants to know of a list, without its rules."""

    format: str
    counts: Counts
    diagnostics: DiagnosticLog
    header: dict[str, str]
    badfilters: list[Rule]


Kept = dict[str, tuple[FilterList, dict[str, memoryview]]]
Include = Callable[[ListText, str], ListText | Diagnostic | None]


@dataclass(slots=True)
class Compilation:
    """One run over one policy. `policy` is already as it stands now (`Policy.at`)."""

    policy: Policy
    texts: list[ListText]
    memory: Memory
    include: Include = lambda text, name: None  # noqa: ARG005
    kept: Kept = field(default_factory=dict)  # lists that the memory gave, which runs may share
    facts: list[ListFacts] = field(default_factory=list)
    absent: list[Diagnostic] = field(default_factory=list)  # what lists include and is not to be had
    _parsed: dict[str, FilterList] = field(default_factory=dict)
    _names: HostSet | None = None
    _yields: dict[str, Rule] | None = None

    def read(self) -> None:
        """Know every list: its format, counts and diagnostics, and what it includes."""
        queue = self.texts
        self.texts = []
        seen = set()
        while queue:
            text, queue = queue[0], queue[1:]
            if (text.source.name, text.file) in seen:
                continue  # a list that includes itself
            seen.add((text.source.name, text.file))
            facts = self._facts(text)
            self.texts.append(text)
            self.facts.append(facts)
            names = facts.header.get("include", "").split("\n") if facts.header.get("include") else []
            found = [self.include(text, name) for name in names]
            self.absent += [each for each in found if isinstance(each, Diagnostic)]
            queue = [each for each in found if isinstance(each, ListText)] + queue

    def output(self, target: Target) -> Output:
        """Compile for one target."""
        prepared, options = self.prepared(target), self._options(target)
        if target.backend in BROWSER_BACKENDS:
            return BROWSER_BACKENDS[target.backend].emit(self.policy, prepared, options)
        return DNS_BACKENDS[target.backend].emit(self.policy, self.yields(), prepared, options)

    def prepared(self, target: Target) -> Prepared:
        """Return what the target's backend made of the lists, from memory if they are the same as before."""
        is_browser = target.backend in BROWSER_BACKENDS
        options, lists_key = self._options(target), self._browser_key() if is_browser else self._names_key()
        key = self.memory.key("prepared", target.backend, sorted(options.items()), lists_key)
        if kept := self.memory.get(key):
            prepared = cast(Prepared, kept[0])
            prepared.bodies = dict(kept[1])
            return prepared
        if is_browser:
            prepared = BROWSER_BACKENDS[target.backend].prepare(self.browser_lists(), options)
        else:
            prepared = DNS_BACKENDS[target.backend].prepare(self.names(), options)
        self.memory.put(key, replace(prepared, bodies={}), dict(prepared.bodies))
        return prepared

    def _options(self, target: Target) -> dict[str, str]:
        """Return a target's options; a DNS target that says no `answer` takes the resolver's."""
        if target.backend in BROWSER_BACKENDS:
            return target.options
        return {"answer": self.policy.resolver.answer, **target.options}

    def exceptions(self) -> list[Rule]:
        """Return the lists' exceptions that are limited to pages."""
        key = self.memory.key("page exceptions", self._texts_key(self.texts))
        if kept := self.memory.get(key):
            return cast(FilterList, kept[0]).rules
        found = FilterList("", "", rules=page_exceptions(self._lists(self.texts, columns=False)))
        self.memory.put(key, found, {})  # rules by themselves are slow to read again
        return found.rules

    def yields(self) -> dict[str, Rule]:
        """Return the names at which DNS yields to the browser, and why."""
        if self._yields is None:
            self._yields = yields(self.policy, self.exceptions())
        return self._yields

    def index(self) -> tuple[bytes | memoryview, list[ListText]]:
        """Return the index of what browsers obey as bytes, and the texts that it refers to by number."""
        return self._index("index", [text for text in self.texts if text.source.browser], columns=True)

    def names_index(self) -> tuple[bytes | memoryview, list[ListText]]:
        """Return the index of the rules for DNS that are more than a name; the names are found in the texts."""
        return self._index("names index", [text for text in self.texts if text.source.dns], columns=False)

    def _index(self, what: str, texts: list[ListText], columns: bool) -> tuple[bytes | memoryview, list[ListText]]:
        key = self.memory.key(what, self._texts_key(texts), [text.source.widen for text in texts])
        if kept := self.memory.get(key):
            return kept[1]["index"], texts
        lists = self._lists(texts, columns)
        if not columns:
            lists = [
                each.without_names([rule for rule in each.rules if speaks_of_names(rule, text.source)])
                for text, each in zip(texts, lists, strict=True)
            ]
        data = Index.build(lists).dump(lists)
        self.memory.put(key, None, {"index": data})
        return data, texts

    def prepare_questions(self) -> None:
        """Make what `why` asks for while the lists are at hand, so that an answer need not wait for them."""
        self.index()
        self.names_index()
        self.exceptions()

    def speaks_of(self, text: ListText, host: str) -> bool:
        """Whether a text has a rule or a column for a name or one above it, what `$badfilter` takes away included."""
        parsed, names = self.parsed(text), set(parents(host))
        return parsed.lists_any(names) or any(rule.host in names for rule in parsed.rules)

    def browser_lists(self) -> list[FilterList]:
        """Return the lists that browsers are to obey, settled."""
        return self._lists([text for text in self.texts if text.source.browser])

    def all_lists(self) -> list[FilterList]:
        """Return all lists, settled, for who asks before their columns are used up."""
        return self._lists(self.texts)

    def names(self) -> HostSet:
        """Return what the lists together say of names, for DNS. The lists' columns are used up by it."""
        if self._names is None:
            self._parsed.clear()
            self._names = self._settled(self._dns_texts())
        return self._names

    def _settled(self, texts: Iterable[ListText]) -> HostSet:
        return settle_names(((text.source, self._lists([text])[0]) for text in texts), self.policy)

    def resolver_rules(self, lists: Collection[str] | None = None) -> list[bytes | memoryview]:
        """Return the file of rules that the resolver maps, in pieces: of all lists for DNS, or of those named."""
        from blockctl.dns.build import rules_file

        key = self.resolver_key(lists)
        if kept := self.memory.get(key):
            return [kept[1]["rules"]]
        texts = self._dns_texts(lists)
        settled = self.names() if lists is None else self._settled(texts)
        said = [self._said(text, parsed) for text, parsed in zip(texts, self._lists(texts), strict=True)]
        rules: list[bytes | memoryview] = list(rules_file(settled, said, self.exceptions()))
        self.memory.put(key, None, {"rules": b"".join(rules)})
        return rules

    def resolver_key(self, lists: Collection[str] | None = None) -> str:
        """Return the name of the file that `resolver_rules` returns: another one for other rules."""
        texts = self._dns_texts(lists)
        sources = [(text.source.name, text.source.widen, text.source.is_trusted) for text in texts]
        return self.memory.key("resolver", self._texts_key(texts), sources, self._never(), self._texts_key(self.texts))

    def _dns_texts(self, lists: Collection[str] | None = None) -> list[ListText]:
        return [text for text in self.texts if text.source.dns and (lists is None or text.source.name in lists)]

    def _said(self, text: ListText, parsed: FilterList) -> Said:
        """Return what a list says, as the resolver's rules are made of it."""
        from blockctl.dns.build import Said
        from blockctl.dns.conditions import is_heard
        from blockctl.parsers import find
        from blockctl.parsers.lines_of import speaks_of_hosts

        source, match = text.source, text.source.match
        names, others = list[Rule](), list[Rule]()
        for rule in parsed.rules:
            (names if speaks_of_names(rule, source) else others).append(rule)
        of_hosts = bool(others) and speaks_of_hosts(text.data, parsed.format)
        heard = [rule for rule in others if is_heard(rule, of_hosts=of_hosts, trusted=source.is_trusted)]
        allow = {
            Scope.EXACT: "\n".join(parsed.allow_exact).encode("ascii"),
            Scope.SUBTREE: "\n".join(parsed.allow_subtree).encode("ascii"),
        }
        return Said(
            source.name, text.file, partial(self._numbered, text, parsed.format) if parsed.has_names else tuple,
            partial(find, text.data, text.file, format=parsed.format, match=match), names, heard, allow,
        )  # fmt: skip

    def _numbered(self, text: ListText, format_: str) -> Iterable[Numbered]:
        """Return what the lines of a list say of names, from the clean ones that were found when it was read."""
        from blockctl.parsers.lines_of import lines_of

        kept = self.memory.get(self._parse_key("lines", text)) or (None, {})
        return lines_of(text.data, format_, text.source.match, kept[0])

    def _facts(self, text: ListText) -> ListFacts:
        if kept := self.memory.get(self._parse_key("facts", text)):
            return cast(ListFacts, kept[0])
        parsed = self._parse(text)
        facts = ListFacts(parsed.format, parsed.counts, parsed.diagnostics, parsed.header, parsed.badfilters)
        self.memory.put(self._parse_key("facts", text), facts, {})
        parsed.pack()
        if text.source.browser:
            self._parsed[self._parse_key("list", text)] = parsed
        self.memory.put(self._parse_key("list", text), parsed.without_names(parsed.rules), parsed.packed)
        if text.source.dns:
            self.memory.put(self._parse_key("lines", text), parsed.clean, {})
        return facts

    def _parse(self, text: ListText) -> FilterList:
        from blockctl.parsers import parse  # late: after an edit of the policy there is nothing to parse

        source = text.source
        return parse(text.data, text.file, source.format, source.match, dns_only=source.dns_only)

    def parsed(self, text: ListText, columns: bool = True) -> FilterList:
        """Return a parsed text; with empty columns where nobody asks for its names."""
        key = self._parse_key("list", text)
        if (parsed := self._parsed.get(key)) is not None:
            return parsed
        kept = self.kept.get(key) or self.memory.get(key)
        if kept is None:  # the disk was full, or the store was cleared under us
            return self._parse(text)
        self.kept[key] = kept
        parsed = kept[0].without_names(kept[0].rules)
        if columns:
            parsed.packed = dict(kept[1])
        return parsed

    def _lists(self, texts: Sequence[ListText], columns: bool = True) -> list[FilterList]:
        """Return parsed texts, without what the `$badfilter` lines of all lists take away."""
        lists = [self.parsed(text, columns) for text in texts]
        settle_badfilters(lists, [rule for facts in self.facts for rule in facts.badfilters])
        return lists

    def _parse_key(self, what: str, text: ListText) -> str:
        return self.memory.key(what, *_reading(text))

    def _texts_key(self, texts: Iterable[ListText]) -> list[object]:
        """What a work on these lists depends on: their texts, and the `$badfilter` lines of all lists."""
        digests = [_reading(text) for text in texts]
        unwanted = (rule.identity() for facts in self.facts for rule in facts.badfilters)
        said = [[sorted(part) if isinstance(part, frozenset) else part for part in identity] for identity in unwanted]
        return [digests, said]

    def _browser_key(self) -> str:
        return self.memory.key("browser", self._texts_key(text for text in self.texts if text.source.browser))

    def _names_key(self) -> str:
        texts = self._dns_texts()
        return self.memory.key("names", self._texts_key(texts), [text.source.widen for text in texts], self._never())

    def _never(self) -> object:
        """Return the addresses whose names no list may block."""
        return self.policy.resolver.upstreams, sorted(url for each in self.policy.lists for url in each.addresses)


def _reading(text: ListText) -> tuple[object, ...]:
    """Return all that the reading of a text depends on."""
    source = text.source
    return text.digest, text.file, source.format, source.match, source.dns_only


def compile_texts(policy: Policy, texts: list[ListText], targets: Iterable[Target]) -> dict[str, Output]:
    """Compile a policy with the texts of its lists for these targets, keeping nothing."""
    run = Compilation(policy, texts, RunMemory())
    run.read()
    browser_first = sorted(targets, key=lambda target: target.backend in DNS_BACKENDS)
    return {target.name: run.output(target) for target in browser_first}
