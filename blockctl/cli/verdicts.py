"""What each engine makes of one request, the line that decides it, and the command that would change it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from blockctl.backends import BROWSER_BACKENDS
from blockctl.backends.capabilities import CAPABILITIES
from blockctl.cli.suggest import Judged, Trial, commands
from blockctl.compiler import Compilation
from blockctl.io.clock import worked
from blockctl.model.decide import Decision, Step, decide, decide_name, excepted_names, yields
from blockctl.model.filterlist import FilterList, ListText
from blockctl.model.index import Index
from blockctl.model.names import covers, is_address
from blockctl.model.policy import Policy
from blockctl.model.request import Kind, Request
from blockctl.model.rule import Effect, Rule
from blockctl.parsers import find, read_line
from blockctl.policy.merge import is_for_third_parties

DNS = "dns"
ANOTHER_SITE = "another-site.invalid"
# Outputs that are one engine's, and those that lists say nothing to.
ENGINE_OF = dict.fromkeys(("ublock-rules", "ublock-backup", "ublock-managed", "firefox-policy"), "ublock")
WITHOUT_LISTS = frozenset(("chromium-policy", "noscript"))


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
        self.rules = rules

    def verdict(self, request: Request) -> tuple[Effect, Rule] | None:  # noqa: ARG002 - as Lists asks
        """Return the rule that wins."""
        return (self.rules[0].effect, self.rules[0]) if self.rules else None

    def matching(self, request: Request) -> list[Rule]:  # noqa: ARG002 - as Lists asks
        """Return the rules, the winner first."""
        return list(self.rules)

    def naming(self, host: str) -> list[Rule]:  # noqa: ARG002 - as Lists asks
        """Return the rules, the winner first."""
        return list(self.rules)


def answer(run: Compilation, request: Request, text: str, now: datetime) -> Answer:
    """Ask every engine about one request. `text` is the policy's, for trying out what would change the answer."""
    located = Located(run)
    index = browser_index(run)
    matched = Spoken([located(rule) for rule in index.matching(request)])
    decision = decide(run.policy, matched, request, trace=True)
    engines = [_browser(run, backend, matched.rules, request) for backend in _browsers(run)]
    notes = _elsewhere(run, index, request, located) if not decision.blocked else ()
    named, excepting = None, list[Rule]()
    if request.host and not is_address(request.host):
        named = Spoken(_dns_rules(run, request, located))
        excepting = _excepting(run, request)
        in_dns = decide_name(run.policy, named, request.host, yields(run.policy, excepting), trace=True)
        engines.append(EngineVerdict(DNS, in_dns))
        notes += _not_yielded(excepting, in_dns, request)
    notes += _cut_short(index)

    def judge(policy: Policy) -> Judged:
        if named is None:
            return Judged(decide(policy, matched, request), None)
        to_browser = yields(policy, excepting)
        return Judged(decide(policy, matched, request), decide_name(policy, named, request.host, to_browser))

    trial = Trial(run.policy, text, now, judge)
    return Answer(request, decision, tuple(engines), commands(trial, request), notes)


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
    """Return the browser backends that the policy writes lists to; Safari and uBlock Origin when it names none."""
    used = {target.backend for target in run.policy.targets.values() if target.backend in BROWSER_BACKENDS}
    return sorted({ENGINE_OF.get(backend, backend) for backend in used - WITHOUT_LISTS}) or ["safari", "ublock"]


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


def _dns_rules(run: Compilation, request: Request, located: Located) -> list[Rule]:
    """Return what the lists say of a name to DNS, the first that speaks first."""
    texts = [text for text in run.texts if text.source.dns]
    data, indexed = run.names_index()
    index = _timed(Index.load(data, _reader(indexed)))
    asked = Request.parse(request.url, f"https://{ANOTHER_SITE}/", Kind.SCRIPT)
    widened = [rule for rule in index.matching(asked) if is_for_third_parties(rule)]  # only of lists with `widen`
    rules = [located(rule) for rule in (*index.naming(request.host), *widened)]
    rules += [rule for text in texts for rule in located.found(text, request.host)]
    rules.sort(key=lambda rule: (not (rule.important and rule.effect is Effect.BLOCK), rule.effect is Effect.BLOCK))
    return rules


def _excepting(run: Compilation, request: Request) -> list[Rule]:
    """Return the exceptions limited to pages that are about the host, alone or with others: few of thousands."""
    return [rule for rule in run.exceptions() if any(covers(name, request.host) for name in excepted_names(rule))]


def _not_yielded(excepting: Sequence[Rule], decision: Decision, request: Request) -> tuple[str, ...]:
    """Say where DNS could yield to the browser but does not."""
    if not decision.blocked or decision.step is not Step.LIST_BLOCK:
        return ()
    notes = []
    for rule in excepting:
        sites = ", ".join(rule.sites[:3]) + (f" and {len(rule.sites) - 3} more" if len(rule.sites) > 3 else "")
        notes.append(
            f"DNS does not yield to {rule.origin}, which lets it through on {sites}:"
            f" `blockctl allow {request.host} --site {rule.sites[0]}` would"
        )
    return tuple(notes[:3])


def _cut_short(index: Index) -> tuple[str, ...]:
    """Say which regular expressions had not the time they need: they count as if they did not match."""
    told = tuple(f"the regular expression of {rule.origin} was left out: it takes too long" for rule in index.slow[:3])
    more = f"{len(index.slow) - 3:,} more were left out: those before them took all the time there is"
    return (*told, more) if len(index.slow) > 3 else told


def browser_index(run: Compilation) -> Index:
    """Return what the lists say to browsers, ready to be asked."""
    data, texts = run.index()
    return _timed(Index.load(data, _reader(texts)))


def _timed(index: Index) -> Index:
    index.clock = worked
    return index


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
        self._run = run
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
            rules = find(text.data, file, host, format=known, match=match) if self._may_speak(text, known, host) else []
            self._found[name, file, host] = [rule for rule in rules if rule.identity() not in self._unwanted]
        return self._found[name, file, host]

    def _may_speak(self, text: ListText, known: str, host: str) -> bool:
        """Whether a text may hold a rule for a name. Lists of names are asked by their columns, which are quick."""
        return bool(known) and (known.startswith("adblock") or self._run.speaks_of(text, host))
