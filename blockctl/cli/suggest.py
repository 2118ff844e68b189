"""What to type for the opposite verdict: each command is tried on a copy of the policy, and told only if it helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from blockctl.model.decide import Decision, Step
from blockctl.model.diagnostic import BlockctlError, Severity
from blockctl.model.names import is_address, registrable_domain
from blockctl.model.policy import Policy
from blockctl.model.request import Request
from blockctl.policy import edit
from blockctl.policy.read import read_policy

SITE = "SITE"  # stands for a site that `why` was not told


@dataclass(frozen=True, slots=True)
class Judged:
    """What browsers and DNS do with one request."""

    browsers: Decision
    dns: Decision | None  # None: DNS never sees it

    @property
    def blocked(self) -> bool:
        """Whether any of them blocks it."""
        return self.browsers.blocked or (self.dns is not None and self.dns.blocked)


@dataclass(frozen=True, slots=True)
class Command:
    """What a person may type, without `blockctl`, and what it does to the policy's text."""

    words: str
    change: Callable[[str, datetime], str] = lambda text, now: text  # noqa: ARG005
    resumes: bool = False

    def __str__(self) -> str:
        return f"blockctl {self.words}"


@dataclass(frozen=True, slots=True)
class Trial:
    """The policy as it stands, its text, and what is done with the request under another policy."""

    policy: Policy
    text: str
    now: datetime
    judge: Callable[[Policy], Judged]

    def after(self, *commands: Command) -> Judged | None:
        """Return what happens after these commands, None when they change nothing or cannot be carried out."""
        text = self.text
        try:
            for command in commands:
                text = command.change(text, self.now)
        except BlockctlError:
            return None
        resumed = any(command.resumes for command in commands)
        if text == self.text and not resumed:
            return None
        policy, faults = read_policy(text, self.policy.file)
        if any(fault.severity is Severity.ERROR for fault in faults):
            return None
        return self.judge(replace(policy.at(self.now), paused=self.policy.paused and not resumed))


def commands(trial: Trial, request: Request) -> tuple[str, ...]:
    """Return what to type for the opposite verdict, the narrowest first; two commands where one is not enough."""
    judged = trial.judge(trial.policy)
    candidates = _candidates(judged, request)
    singles = [each for each in candidates if SITE in each.words.split() or _helps(trial.after(each), judged)]
    if singles:
        return tuple(dict.fromkeys(map(str, singles)))
    pairs = []
    for first in candidates:
        if (after := trial.after(first)) is not None:
            seconds = _candidates(after, request)
            pairs += [f"{first} && {each}" for each in seconds if _helps(trial.after(first, each), judged)][:1]
    return tuple(dict.fromkeys(pairs))


def _helps(after: Judged | None, before: Judged) -> bool:
    if after is None:
        return False
    return not after.blocked if before.blocked else after.browsers.blocked


def _candidates(judged: Judged, request: Request) -> Sequence[Command]:
    if not judged.blocked:
        return _block(judged.browsers, request)
    decision = judged.browsers if judged.browsers.blocked else judged.dns
    assert decision is not None, "blocked by somebody"
    return _let_through(decision, request)


def _host(verb: str, host: str, site: str = "", *, for_an_hour: bool = False) -> Command:
    def change(text: str, now: datetime) -> str:
        text = edit.drop_if_lapsed(text, site, now) if site else text
        return edit.add_host(text, verb, host, site or None, now + timedelta(hours=1) if for_an_hour else None, None)

    where, when = f" --site {site}" if site else "", " --for 1h" if for_an_hour else ""
    return Command(f"{verb} {host}{where}{when}", change)


def _forget(host: str, site: str = "") -> Command:
    where = f" --site {site}" if site else ""
    return Command(f"forget {host}{where}", lambda text, now: edit.forget_host(text, host, site or None))  # noqa: ARG005


def _set(site: str, key: str, value: str, *, for_an_hour: bool = False) -> Command:
    def change(text: str, now: datetime) -> str:
        changes: dict[str, str | None] = {key: value}
        if for_an_hour:
            changes["until"] = edit.utc_text(now + timedelta(hours=1))
        return edit.set_site(edit.drop_if_lapsed(text, site, now), site, changes)

    return Command(f"set {site} {key}={value}{' --for 1h' if for_an_hour else ''}", change)


def _let_through(decision: Decision, request: Request) -> list[Command]:
    host = request.host
    site = registrable_domain(request.page_host) if request.page_host and request.page_host != host else ""
    rule = decision.rule
    if decision.step is Step.JAVASCRIPT:
        return [_set(registrable_domain(request.page_host) or SITE, "javascript", "allow")]
    if decision.step in (Step.HOST, Step.SITE_HOST) and rule is not None:
        page = rule.sites[0] if rule.sites else ""
        return [_forget(rule.host, page), _host("allow", host, page)]
    if is_address(host):  # `hosts` are names; a site may allow an address
        return [_host("allow", host, site or SITE)]
    if not site:
        return [_host("allow", host, for_an_hour=True), _host("allow", host)]
    return [_host("allow", host, site), _host("allow", host), _set(site, "blocking", "off", for_an_hour=True)]


def _block(decision: Decision, request: Request) -> list[Command]:
    host, rule = request.host, decision.rule
    page = registrable_domain(request.page_host) if request.page_host else ""
    deny = _host("deny", host, (page or SITE) if is_address(host) else "")
    if decision.step is Step.PAUSE:
        resume = Command("resume", resumes=True)
        return [resume]
    if decision.step is Step.BLOCKING_OFF:
        return [_set(rule.sites[0] if rule and rule.sites else page, "blocking", "on"), deny]
    if decision.step in (Step.HOST, Step.SITE_HOST) and rule is not None:
        on = rule.sites[0] if rule.sites else ""
        return [_forget(rule.host, on), _host("deny", host, on)]
    return [deny]
