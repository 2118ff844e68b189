"""The user's policy as declarativeNetRequest rules, above everything that lists say.

Each step of `decide()` has its own priorities; within a step the nearer name has the higher one, and between equals DNR
takes the allow. Chromium (145) knows the page above all frames as `topDomains`. Where it is unknown, a site's entries
hold for what the site's own documents ask for, and `blocking: off` is said by `allowAllRequests`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from blockctl.backends.dnr_actions import append_header
from blockctl.backends.dnr_condition import MAIN_FRAME, area, domains, party, types
from blockctl.backends.dnr_rules import ALLOW_ACTION, BLOCK_ACTION, Said
from blockctl.backends.output import Gaps
from blockctl.backends.ublock_regions import Region, regions, settings
from blockctl.model.diagnostic import Origin
from blockctl.model.names import is_address, parents, registrable_domain, reversed_labels, suffix_rules
from blockctl.model.policy import HostEntry, JavaScript, Policy, Site
from blockctl.model.request import ALL_KINDS, Kind
from blockctl.model.rule import Party

PROTECT, OFF = 10, 11
HOSTS = 100  # and the labels of the name on top
SITE_HOSTS = 1000  # and the labels of the site and of the name
DEPTH = 128  # a name has at most 127 labels
SCRIPTS = 100_000

# No script runs in the page or in any frame of it; forms, links and pop-ups work and <noscript> shows.
SANDBOX = (
    "sandbox allow-forms allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-top-navigation "
    "allow-modals allow-downloads"
)
SCRIPT = types(Kind.SCRIPT.value, firefox=False)


@dataclass(frozen=True, slots=True)
class Reach:
    """How a browser is told which page a rule is for."""

    top: bool  # it knows `topDomains`
    firefox: bool

    @property
    def prefix(self) -> str:
        """Return the beginning of the condition's name."""
        return "top" if self.top else "initiator"

    def everything(self, where: Region) -> list[str]:
        """Return the conditions for requests of all kinds to these hosts."""
        hosts = domains("request", where)
        if self.firefox:
            return [hosts, hosts + MAIN_FRAME]
        return [hosts + types(ALL_KINDS.value, firefox=False)]


def policy_rules(policy: Policy, reach: Reach, gaps: Gaps) -> Iterator[Said]:
    """Yield the policy's rules."""
    if policy.paused:
        return
    yield from _denied_scripts(policy, reach, gaps)
    yield from _first_party_scripts(policy, reach, gaps)
    yield from _site_hosts(policy, reach, gaps)
    for (labels, action), names in _by_depth(list(policy.hosts.values())).items():
        yield from ((HOSTS + labels, action, body) for body in reach.everything(Region(names=names)))
    yield from _blocking_off(policy, reach)
    if policy.protect:
        names = sorted(policy.protect, key=reversed_labels)
        yield from ((PROTECT, ALLOW_ACTION, body) for body in reach.everything(Region(names=names)))


def _denied_scripts(policy: Policy, reach: Reach, gaps: Gaps) -> Iterator[Said]:
    """Yield the sandbox of the page itself, which its frames inherit, and a block of what would not run anyway."""
    said = settings(policy, lambda site: site.javascript)
    for region in regions(said, policy.javascript, JavaScript.DENY):
        yield SCRIPTS, append_header("content-security-policy", SANDBOX), domains("request", region) + MAIN_FRAME
        if reach.top:
            yield SCRIPTS, BLOCK_ACTION, domains("top", region) + SCRIPT
    for _, origin, text in _entries(policy, JavaScript.DENY):
        gaps.add("service-worker", origin, text)
        if not reach.top:
            gaps.add("fetched", origin, text)


def _first_party_scripts(policy: Policy, reach: Reach, gaps: Gaps) -> Iterator[Said]:
    """Yield the blocks of third-party scripts.

    DNR's parties are those of the document that asks, a frame's too. So each domain of these sites has a rule of its
    own, for all that does not come from there: then frames from elsewhere may load the site's own scripts, and no more.
    """
    said = settings(policy, lambda site: site.javascript)
    third = party(Party.THIRD) + SCRIPT
    for region in regions(said, policy.javascript, JavaScript.FIRST_PARTY):
        if region.everywhere or not reach.top:
            yield SCRIPTS, BLOCK_ACTION, domains(reach.prefix, region) + third
            continue
        own: dict[str, list[str]] = {}
        for name in region.names:
            own.setdefault(registrable_domain(name) if _is_one_site(name) else "", []).append(name)
        for domain, names in own.items():
            but = [name for name in region.but if not set(parents(name)).isdisjoint(names)]
            where = domains("top", Region(names=names, but=but))
            yield (
                SCRIPTS,
                BLOCK_ACTION,
                where + (domains("request", Region(but=[domain])) + SCRIPT if domain else third),
            )
    for site, origin, text in _entries(policy, JavaScript.FIRST_PARTY):
        if not (reach.top and site and _is_one_site(site)):
            gaps.add("frame", origin, text)


def _is_one_site(name: str) -> bool:
    """Whether all below a name has the same owner: no public suffix is there, as under github.io."""
    return is_address(name) or not ("." not in name or name in _over_suffixes())


@cache
def _over_suffixes() -> frozenset[str]:
    """Return the public suffixes, and all names above them."""
    return frozenset(up for suffixes in suffix_rules() for suffix in suffixes for up in parents(suffix))


def _entries(policy: Policy, wanted: JavaScript) -> Iterator[tuple[str, Origin, str]]:
    """Yield where the policy says this of scripts, and of which site: "" is every site."""
    text = f"javascript: {wanted.value}"
    if policy.javascript is wanted:
        yield "", policy.defaults_lines.get("javascript", Origin(policy.file)), f"defaults: {text}"
    for site in policy.sites.values():
        if site.javascript is wanted:
            yield site.host, site.lines.get("javascript", site.origin), f"sites: {site.host}: {text}"


def _site_hosts(policy: Policy, reach: Reach, gaps: Gaps) -> Iterator[Said]:
    """Yield the sites' own hosts: the nearest site speaks first, then the nearest name.

    Sites that say the same share rules. A page that is opened is asked for by its own site.
    """
    sharing: dict[tuple[int, str, tuple[str, ...]], list[str]] = {}
    opened: dict[tuple[int, str], list[str]] = {}
    for site in _sorted_sites(policy):
        for (labels, action), names in _by_depth(list(site.hosts)).items():
            priority = SITE_HOSTS + DEPTH * (site.host.count(".") + 1) + labels
            sharing.setdefault((priority, action, tuple(names)), []).append(site.host)
            for region in area(((site.host,), ()), (tuple(names), ())):
                opened.setdefault((priority, action), []).extend(region.names)
        if not reach.top:
            for entry in site.hosts:
                verb = "allow" if entry.allow else "deny"
                gaps.add("frame", entry.origin, f"sites: {site.host}: {verb}: {entry.host}")
    for (priority, action, hosts), sites in sharing.items():
        where = domains(reach.prefix, Region(names=sites))
        yield priority, action, domains("request", Region(names=list(hosts))) + where
    for (priority, action), names in opened.items():
        yield priority, action, domains("request", Region(names=list(dict.fromkeys(names)))) + MAIN_FRAME


def _sorted_sites(policy: Policy) -> list[Site]:
    return sorted((site for site in policy.sites.values() if site.hosts), key=lambda site: reversed_labels(site.host))


def _by_depth(entries: list[HostEntry]) -> dict[tuple[int, str], list[str]]:
    """Return the names of entries by how many labels they have and what is done with them."""
    found: dict[tuple[int, str], list[str]] = {}
    for entry in sorted(entries, key=lambda entry: reversed_labels(entry.host)):
        action = ALLOW_ACTION if entry.allow else BLOCK_ACTION
        names = found.setdefault((entry.host.count(".") + 1, action), [])
        if entry.host not in names[-1:]:
            names.append(entry.host)
    return found


def _blocking_off(policy: Policy, reach: Reach) -> Iterator[Said]:
    """Yield what keeps the lists away from the pages where `blocking` is off."""
    for region in regions(settings(policy, lambda site: site.blocking), policy.blocking, False):
        opened = domains("request", region) + MAIN_FRAME
        if reach.top:
            yield OFF, ALLOW_ACTION, domains("top", region)
            yield OFF, ALLOW_ACTION, opened
        else:
            yield OFF, '{"type":"allowAllRequests"}', opened
