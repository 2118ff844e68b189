"""What each engine makes of one request, the line that decides it, and the command that would change it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from blockctl.backends import BROWSER_BACKENDS
from blockctl.backends.capabilities import CAPABILITIES
from blockctl.compiler import Compilation
from blockctl.model.decide import Decision, Step, decide, decide_name, excepted_names
from blockctl.model.filterlist import FilterList, ListText
from blockctl.model.index import Index
from blockctl.model.names import covers, is_address, registrable_domain
from blockctl.model.request import Kind, Request
from blockctl.model.rule import Effect, Rule
from blockctl.parsers import find, read_line
from blockctl.policy.merge import is_for_third_parties

DNS = "dns"
ANOTHER_SITE = "another-site.invalid"


@dataclass(frozen=True, slots=True)
class EngineVerdict:
    """What one engine does, as far as its rules can say it."""

    engine: str  # a backend, or "dns" for every DNS output
    decision: Decision
    gaps: tuple[str, ...] = ()  # why rules that matched are not in its output


@dataclass(frozen=True, slots=True)
class Answer:
    """All that `why` knows of one request."""

    request: Request
    decision: Decision  # what the policy and its lists mean
    engines: tuple[EngineVerdict, ...]
    commands: tuple[str, ...]  # what would change it
    notes: tuple[str, ...] = ()


class Spoken:
    """The lists' rules that one engine can express, as `decide` asks for them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules

    def verdict(self, request: Request) -> tuple[Effect, Rule] | None:  # noqa: ARG002 - as Lists asks
        """Return the rule that wins."""
        return (self._rules[0].effect, self._rules[0]) if self._rules else None

    def matching(self, request: Request) -> list[Rule]:  # noqa: ARG002 - as Lists asks
        """Return the rules, the winner first."""
        return list(self._rules)

    def naming(self, host: str) -> list[Rule]:  # noqa: ARG002 - as Lists asks
        """Return the rules, the winner first."""
        return list(self._rules)


def answer(run: Compilation, request: Request) -> Answer:
    """Ask every engine about one request."""
    located = Located(run)
    index = _browser_index(run)
    matched = [located(rule) for rule in index.matching(request)]
    decision = decide(run.policy, Spoken(matched), request, trace=True)
    engines = [_browser(run, backend, matched, request) for backend in _browsers(run)]
    notes = _elsewhere(run, index, request, located) if not decision.blocked else ()
    if request.host and not is_address(request.host):
        dns, not_yielded = _dns(run, request, located)
        engines.append(dns)
        notes += not_yielded
    return Answer(request, decision, tuple(engines), _commands(decision, engines, request), notes)


def _elsewhere(run: Compilation, index: Index, request: Request, located: Located) -> tuple[str, ...]:
    """Say so when a page that opens in the address bar is blocked as a part of other sites."""
    if request.kind is not Kind.DOCUMENT:
        return ()
    part = Request.parse(request.url, f"https://{ANOTHER_SITE}/", Kind.SCRIPT)
    decision = decide(run.policy, index, part)
    if not decision.blocked or decision.rule is None:
        return ()
    rule = located(decision.rule)
    return (f"as a script of another site it is blocked: {rule.origin}  {rule.text}",)


def _browsers(run: Compilation) -> list[str]:
    """Return the browser backends that the policy writes to; Safari and uBlock Origin when it names none."""
    used = {target.backend for target in run.policy.targets.values() if target.backend in BROWSER_BACKENDS}
    return sorted({backend.partition("-")[0] for backend in used}) or ["safari", "ublock"]


def _browser(run: Compilation, backend: str, matched: Sequence[Rule], request: Request) -> EngineVerdict:
    reasons = {rule: _gap(backend, rule) for rule in matched}
    can = Spoken([rule for rule in matched if not reasons[rule]])
    gaps = tuple(f"{rule.origin} {rule.text}: {reason}" for rule, reason in reasons.items() if reason)
    return EngineVerdict(backend, decide(run.policy, can, request), gaps)


def _gap(backend: str, rule: Rule) -> str:
    """Return why a backend leaves a rule out; "" when it writes it, whole or in part."""
    alone = BROWSER_BACKENDS[backend].prepare([FilterList(rule.origin.file, "adblock", rules=[rule])], {})
    if alone.rules_out or not alone.gaps.kept:
        return ""
    reason = alone.gaps.kept[0].reason
    known = CAPABILITIES[backend].get(reason)
    return known.why if known else reason


def _dns(run: Compilation, request: Request, located: Located) -> tuple[EngineVerdict, tuple[str, ...]]:
    """Return what DNS does with the name, and where it could yield but does not."""
    texts = [text for text in run.texts if text.source.dns]
    data, indexed = run.names_index()
    index = Index.load(data, _reader(indexed))
    asked = Request.parse(request.url, f"https://{ANOTHER_SITE}/", Kind.SCRIPT)
    widened = [rule for rule in index.matching(asked) if is_for_third_parties(rule)]  # only of lists with `widen`
    rules = [located(rule) for rule in (*index.naming(request.host), *widened)]
    rules += [rule for text in texts for rule in located.found(text, request.host)]
    rules.sort(key=lambda rule: (not (rule.important and rule.effect is Effect.BLOCK), rule.effect is Effect.BLOCK))
    decision = decide_name(run.policy, Spoken(rules), request.host, run.yields(), trace=True)
    if not decision.blocked or decision.step is not Step.LIST_BLOCK:
        return EngineVerdict(DNS, decision), ()
    notes = []
    for rule in run.exceptions():
        if rule.sites and any(covers(name, request.host) for name in excepted_names(rule)):
            sites = ", ".join(rule.sites[:3]) + (f" and {len(rule.sites) - 3} more" if len(rule.sites) > 3 else "")
            notes.append(
                f"DNS does not yield to {rule.origin}, which lets it through on {sites}:"
                f" `blockctl allow {request.host} --site {rule.sites[0]}` would"
            )
    return EngineVerdict(DNS, decision), tuple(notes[:3])


def _browser_index(run: Compilation) -> Index:
    data, texts = run.index()
    return Index.load(data, _reader(texts))


def _reader(texts: Sequence[ListText]) -> Callable[[int, int], Rule]:
    def read(number: int, line: int) -> Rule:
        text = texts[number]
        rule = read_line(text.data, text.file, line, format="adblock")  # rules of other formats are in the index whole
        assert isinstance(rule, Rule), f"{text.file}:{line} was indexed as a rule"
        return rule

    return read


class Located:
    """Gives a rule that comes from a list's columns the line it stands on."""

    def __init__(self, run: Compilation) -> None:
        self._texts = {text.file: text for text in run.texts}
        both = zip(run.texts, run.facts, strict=True)
        self._formats = {(text.source.name, text.file): facts.format for text, facts in both}
        self._unwanted = {rule.identity() for facts in run.facts for rule in facts.badfilters}
        self._found: dict[tuple[str, str, str], list[Rule]] = {}

    def __call__(self, rule: Rule) -> Rule:
        """Return the rule with its line, if it has none yet."""
        if rule.origin.line or rule.origin.file not in self._texts:
            return rule
        for found in self.found(self._texts[rule.origin.file], rule.host):
            if (found.host, found.effect, found.scope) == (rule.host, rule.effect, rule.scope):
                return replace(rule, origin=found.origin, text=found.text)
        return rule

    def found(self, text: ListText, host: str) -> list[Rule]:
        """Return the unconditional rules of a text that speak of a name, without what a `$badfilter` takes away."""
        name, file = text.source.name, text.file
        if (name, file, host) not in self._found:
            known, match = self._formats[name, file], text.source.match
            rules = find(text.data, file, host, format=known, match=match) if known else []
            self._found[name, file, host] = [rule for rule in rules if rule.identity() not in self._unwanted]
        return self._found[name, file, host]


def _commands(decision: Decision, engines: Sequence[EngineVerdict], request: Request) -> tuple[str, ...]:
    """Return what to type for the opposite verdict, the narrowest first."""
    dns = next((each.decision for each in engines if each.engine == DNS), None)
    if not decision.blocked and dns is not None and dns.blocked:
        return _let_through(dns, request)
    return _let_through(decision, request) if decision.blocked else _block(decision, request)


def _let_through(decision: Decision, request: Request) -> tuple[str, ...]:
    host = request.host
    site = registrable_domain(request.page_host) if request.page_host and request.page_host != host else ""
    rule = decision.rule
    if decision.step is Step.JAVASCRIPT:
        return (f"blockctl set {registrable_domain(request.page_host) or 'SITE'} javascript=allow",)
    if decision.step in (Step.HOST, Step.SITE_HOST) and rule is not None:
        where = f" --site {rule.sites[0]}" if rule.sites else ""
        return (f"blockctl forget {rule.host}{where}", f"blockctl allow {host}{where}")
    if is_address(host):  # `hosts` are names; a site may allow an address
        return (f"blockctl allow {host} --site {site or 'SITE'}",)
    everywhere = f"blockctl allow {host} --for 1h", f"blockctl allow {host}"
    if not site:
        return everywhere
    return f"blockctl allow {host} --site {site}", everywhere[1], f"blockctl set {site} blocking=off --for 1h"


def _block(decision: Decision, request: Request) -> tuple[str, ...]:
    host, rule = request.host, decision.rule
    if decision.step is Step.PAUSE:
        return ("blockctl resume",)
    if decision.step is Step.BLOCKING_OFF:
        site = rule.sites[0] if rule and rule.sites else registrable_domain(request.page_host)
        return (f"blockctl set {site} blocking=on",)
    if decision.step in (Step.HOST, Step.SITE_HOST) and rule is not None:
        where = f" --site {rule.sites[0]}" if rule.sites else ""
        return (f"blockctl forget {rule.host}{where}",)
    where = f" --site {registrable_domain(request.page_host) or 'SITE'}" if is_address(host) else ""
    return (f"blockctl deny {host}{where}",)
