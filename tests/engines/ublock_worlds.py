"""Small random policies and lists, full of nested sites and hosts, with requests about them; a seed gives the same."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import HostEntry, JavaScript, Policy, Site
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind, Request
from blockctl.model.rule import Effect, Party, Rule

BASES = ("a.example", "b.example", "c.example")
NAMES = tuple(prefix + base for base in BASES for prefix in ("", "x.", "y.x.", "z.y.x.", "w."))
PATHS = ("/", "/ads/banner.js", "/img/a.png?ads=1")
KINDS = (Kind.SCRIPT, Kind.IMAGE, Kind.FRAME, Kind.XHR, Kind.DOCUMENT)
SOMEWHERE = Origin("world", 1)


@dataclass(frozen=True)
class World:
    """A policy, its list, and requests."""

    policy: Policy
    lists: list[FilterList]
    requests: list[Request]


def make(seed: int, requests: int = 80) -> World:
    """Return the world of that seed."""
    random = Random(seed)
    return World(_policy(random), [_list(random)], [_request(random) for _ in range(requests)])


def _some(random: Random, most: int) -> list[str]:
    return random.sample(NAMES, random.randint(0, most))


def _entries(random: Random, most: int) -> tuple[HostEntry, ...]:
    return tuple(HostEntry(name, random.random() < 0.5, SOMEWHERE) for name in _some(random, most))


def _policy(random: Random) -> Policy:
    sites = {
        name: Site(
            name,
            SOMEWHERE,
            random.choice((None, *JavaScript)),
            random.choice((None, None, True, False)),
            _entries(random, 3),
        )
        for name in _some(random, 6)
    }
    return Policy(
        "policy",
        javascript=random.choice((JavaScript.ALLOW, *JavaScript)),
        blocking=random.random() < 0.85,
        sites=sites,
        hosts={entry.host: entry for entry in _entries(random, 6)},
        protect=dict.fromkeys(_some(random, 2), SOMEWHERE),
    )


def _list(random: Random) -> FilterList:
    found = FilterList("list", "adblock")
    for column in (found.exact, found.subtree, found.allow_exact, found.allow_subtree):
        column.update(_some(random, 2))
    found.rules = [_rule(random) for _ in range(random.randint(0, 8))]
    return found


def _rule(random: Random) -> Rule:
    effect = random.choice((Effect.BLOCK, Effect.BLOCK, Effect.ALLOW))
    host = random.choice(("", *NAMES))
    pattern = "" if host else random.choice(("/ads/*", "||x.b.example/ads", "banner", "ads=1|"))
    kinds = random.choice((None, None, Kind.SCRIPT, Kind.IMAGE | Kind.XHR))
    party = random.choice((Party.ANY, Party.ANY, Party.THIRD, Party.FIRST))
    important = effect is Effect.BLOCK and random.random() < 0.5
    sites, not_sites = random.choice((((), ()), ((), ()), (tuple(_some(random, 2)), ()), ((), tuple(_some(random, 2)))))
    not_to = tuple(_some(random, 1))
    names = {Kind.SCRIPT: "script", Kind.IMAGE | Kind.XHR: "image,xhr"}
    options = [
        names[kinds] if kinds else "",
        {Party.THIRD: "third-party", Party.FIRST: "1p"}.get(party, ""),
        "domain=" + "|".join([*sites, *(f"~{name}" for name in not_sites)]) if sites or not_sites else "",
        "to=" + "|".join(f"~{name}" for name in not_to) if not_to else "",
        "important" if important else "",
    ]
    told = ",".join(option for option in options if option)
    text = ("@@" if effect is Effect.ALLOW else "") + (f"||{host}^" if host else pattern) + (f"${told}" if told else "")
    return Rule(
        effect,
        SOMEWHERE,
        text,
        host=host,
        pattern=pattern,
        kinds=kinds or (ALL_KINDS if host else SUBRESOURCES),
        party=party,
        sites=sites,
        not_sites=not_sites,
        not_to=not_to,
        important=important,
    )


def _request(random: Random) -> Request:
    kind = random.choice(KINDS)
    url = f"https://{random.choice(NAMES)}{random.choice(PATHS)}"
    inline = kind is Kind.SCRIPT and random.random() < 0.2
    page = f"https://{random.choice(NAMES)}/page"
    return Request.parse(page if inline else url, page, kind, inline=inline)
