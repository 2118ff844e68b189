"""Random policies, lists and requests over few names, so that rules meet each other."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import HostEntry, JavaScript, Policy, Site
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind, Request
from blockctl.model.rule import Cosmetic, Effect, Party, Rule, Scope

SITES = ("news.example", "sport.news.example", "live.sport.news.example", "shop.example", "a.shop.example", "b.example")
HOSTS = ("ads.example", "cdn.ads.example", "x.cdn.ads.example", "trk.test", "news.example", "static.news.example")
PATTERNS = (
    "", "*", "/ad", "/ad^", "/ad.js|", "||ads.example/ad", "||cdn.ads.example^*ad", "|http://ads", "^ad^", "ad*js",
    "||ads.", "://trk.", "/ad?x=^", "||news.example^", "ad.js^*", "/AD.js",
)  # fmt: skip
REGEXES = (r"^https?:\/\/(?:cdn\.)?ads\.", r"\/(?:ad|tr)\.js\d?$", r"[a-z]{3}\.test\/", r"ad(\.js)?\?")
PATHS = ("/", "/ad", "/ad.js", "/ad.js?x=1", "/x/ad/tr.js", "/AD.js", "/nothing")
KINDS = tuple(Kind)
SELECTORS = (".ad", ".promo", "#box", ".old")
ORIGIN = Origin("list.txt", 1)


@dataclass
class World:
    """A policy and one list."""

    policy: Policy
    parsed: FilterList


def world(random: Random) -> World:
    """Make a world."""
    parsed = FilterList("list.txt", "adblock")
    for number in range(random.randrange(1, 14)):
        parsed.rules.append(_rule(random, number))
    for column in (parsed.exact, parsed.subtree, parsed.allow_exact, parsed.allow_subtree):
        column.update(random.sample(HOSTS, random.choice((0, 0, 1, 2))))
    for number in range(random.randrange(8)):
        parsed.cosmetics.append(_cosmetic(random, number))
    return World(_policy(random), parsed)


def _rule(random: Random, number: int) -> Rule:
    effect = random.choice((Effect.BLOCK, Effect.BLOCK, Effect.ALLOW))
    sites, not_sites = _some(random, SITES), _some(random, SITES)
    host, pattern, regex, to, not_to = "", "", False, (), ()
    shape = random.randrange(8)
    if shape < 3:
        host = random.choice(HOSTS)
        not_to = _some(random, HOSTS)
    elif shape == 3:
        pattern, regex = random.choice(REGEXES), True
    elif shape == 4:
        pattern, to, not_to = random.choice(("", "/ad", "*/ad.js|")), _some(random, HOSTS), _some(random, HOSTS)
    else:
        pattern = random.choice(PATTERNS)
    kinds = random.choice((ALL_KINDS, SUBRESOURCES, SUBRESOURCES, None)) or _kinds(random)
    action = random.choice(("generichide", "elemhide")) if effect is Effect.ALLOW and not random.randrange(4) else ""
    if action:
        kinds, sites, not_sites, not_to = ALL_KINDS, sites if not host and not pattern else (), (), ()
    return Rule(
        effect, ORIGIN, f"rule {number}", host=host, scope=random.choice(list(Scope)) if host else Scope.SUBTREE,
        pattern=pattern, regex=regex, match_case=not regex and not random.randrange(5), kinds=kinds,
        party=random.choice((Party.ANY, Party.ANY, Party.FIRST, Party.THIRD)), sites=sites, not_sites=not_sites,
        to=to, not_to=not_to, important=effect is Effect.BLOCK and not random.randrange(5), action=action,
    )  # fmt: skip


def _kinds(random: Random) -> Kind:
    kinds = Kind(0)
    for kind in random.sample(KINDS, random.randrange(1, 5)):
        kinds |= kind
    if kinds & (Kind.PING | Kind.OTHER):  # one kind to WebKit
        kinds |= Kind.PING | Kind.OTHER
    return kinds


def _cosmetic(random: Random, number: int) -> Cosmetic:
    effect = random.choice((Effect.BLOCK, Effect.BLOCK, Effect.ALLOW))
    not_sites = _some(random, SITES) if effect is Effect.BLOCK else ()
    return Cosmetic(
        effect, ORIGIN, f"cosmetic {number}", random.choice(SELECTORS), sites=_some(random, SITES), not_sites=not_sites
    )


def _some(random: Random, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(random.sample(names, random.choice((0, 0, 0, 1, 1, 2))))


def _policy(random: Random) -> Policy:
    sites = {}
    for name in random.sample(SITES, random.randrange(4)):
        entries = [HostEntry(host, random.random() < 0.5, ORIGIN) for host in _some(random, HOSTS)]
        sites[name] = Site(
            name,
            ORIGIN,
            javascript=random.choice((None, *JavaScript)),
            blocking=random.choice((None, None, False, True)),
            hosts=tuple(entries),
            hide=_some(random, (".mine", ".also")),
        )
    return Policy(
        "policy.yaml",
        javascript=random.choice((JavaScript.ALLOW, JavaScript.ALLOW, JavaScript.DENY, JavaScript.FIRST_PARTY)),
        blocking=random.random() < 0.9,
        sites=sites,
        hosts={host: HostEntry(host, random.random() < 0.5, ORIGIN) for host in _some(random, HOSTS)},
        protect=dict.fromkeys(_some(random, HOSTS), ORIGIN),
        paused=random.random() < 0.02,
    )


def requests(random: Random, count: int) -> list[Request]:
    """Make requests, near misses among them."""
    found = []
    for _ in range(count):
        host = random.choice((*HOSTS, *SITES, "y.ads.example", "badads.example", "ads.example.evil.test"))
        kind = random.choice(KINDS)
        url = f"{random.choice(('http', 'https'))}://{host}{random.choice(('', '', ':8080'))}{random.choice(PATHS)}"
        page = f"http://{random.choice((*SITES, 'x.news.example', 'badnews.example', 'ads.example'))}/p?x=//b.example/"
        found.append(Request.parse(url, page, kind))
    return found
