"""Short ways to say a policy and its lists."""

from __future__ import annotations

from dataclasses import replace

from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.policy import HostEntry, Policy, Site
from blockctl.model.rule import Effect, Rule

ORIGIN = Origin("policy.yaml", 3)


def entry(word: str, host: str) -> HostEntry:
    return HostEntry(host, word == "allow", ORIGIN)


def site(host: str, *hosts: HostEntry, **said: object) -> Site:
    return replace(Site(host, ORIGIN, hosts=hosts), **said)  # type: ignore[arg-type]


def policy(*sites: Site, hosts: tuple[HostEntry, ...] = (), **said: object) -> Policy:
    made = Policy("policy.yaml", sites={each.host: each for each in sites}, hosts={each.host: each for each in hosts})
    return replace(made, **said)  # type: ignore[arg-type]


def rule(effect: Effect, text: str, **fields: object) -> Rule:
    return replace(Rule(effect, Origin("list.txt", 1), text), **fields)  # type: ignore[arg-type]


ADS = rule(Effect.BLOCK, "||ads.net^", host="ads.net")
ADS_IMPORTANT = rule(Effect.BLOCK, "||ads.net^$important", host="ads.net", important=True)
ADS_EXCEPTION = rule(Effect.ALLOW, "@@||ads.net^", host="ads.net")
OFF = replace(site("a.com"), blocking=False)


def index(*rules: Rule) -> Index:
    return Index.build([FilterList("list.txt", "adblock", rules=list(rules))])
