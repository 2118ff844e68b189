"""The policy as nouns: what the user's file says, checked and in normal form."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from blockctl.model.diagnostic import Origin
from blockctl.model.names import parents

MAX_CHARACTERS = 16 << 20  # of the file; one of 10,000 sites has 1 MB


class JavaScript(Enum):
    """What scripts a page may run."""

    ALLOW = "allow"
    DENY = "deny"
    FIRST_PARTY = "first-party"


@dataclass(frozen=True, slots=True)
class HostEntry:
    """A host that the user allows or denies, with all below it."""

    host: str
    allow: bool
    origin: Origin
    until: datetime | None = None  # aware, UTC; the entry is absent from then on
    note: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """What the user says of one site and its subdomains; None where he says nothing."""

    host: str
    origin: Origin
    javascript: JavaScript | None = None
    blocking: bool | None = None  # off: lists do not apply while this page is open
    hosts: tuple[HostEntry, ...] = ()  # allow / deny, for this page only
    hide: tuple[str, ...] = ()  # CSS selectors
    unlock_scroll: bool | None = None
    until: datetime | None = None
    note: str = ""
    lines: dict[str, Origin] = field(default_factory=dict)  # key -> where it was written


@dataclass(frozen=True, slots=True)
class ListSource:
    """A list the policy names."""

    name: str
    origin: Origin
    path: str = ""  # `builtin:NAME` or a file beside the policy; else `url`
    url: str = ""
    browser: bool = True
    dns: bool = True
    format: str = ""  # "" is recognised from the text
    match: str = ""  # "" as the format means it; "subtree" or "exact"
    widen: tuple[str, ...] = ()  # conditions that DNS may drop: "third-party"
    trust: bool = False
    sha256: str = ""
    mirrors: tuple[str, ...] = ()  # other addresses of the same text, asked in this order when `url` fails

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it is downloaded from; none for one that is not."""
        return (self.url, *self.mirrors) if self.url else ()

    @property
    def dns_only(self) -> bool:
        """Whether no browser obeys it, so that its lines mean what they mean to DNS."""
        return self.dns and not self.browser

    @property
    def is_trusted(self) -> bool:
        """Whether its rules may also say what to answer: it is the user's own file, or he says so."""
        return self.trust or bool(self.path and not self.path.startswith("builtin:"))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hosts that a group may not reach at certain times, by the clock of this machine."""

    days: frozenset[int]  # 0 is Monday; a time past midnight belongs to the day it began on
    start: int  # minutes after midnight
    end: int  # the first minute free again; not after `start`: on the next day
    deny: tuple[str, ...]  # hosts with all below them; none means every name
    origin: Origin


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that the resolver treats alike, in their own way."""

    name: str
    origin: Origin
    clients: tuple[str, ...]  # addresses, networks ("192.168.7.0/24"), or the ids that devices give in DoH and DoT
    lists: tuple[str, ...] | None = None  # names of lists; None: all that are for DNS
    hosts: dict[str, HostEntry] = field(default_factory=dict)  # before the policy's own
    blocking: bool = True  # off: lists do not apply
    safe_search: bool | None = None  # None: as for everybody
    schedules: tuple[Schedule, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolver:
    """The local filtering DNS. Times are in seconds, sizes in bytes."""

    listen: tuple[str, ...] = ("127.0.0.1:5335",)  # address:port, tls://address[:port], https://address[:port][/path]
    upstreams: tuple[str, ...] = ()
    answer: str = "nxdomain"  # nxdomain | nodata | null | refused
    yield_all: bool = False  # yield to every page-scoped exception, not only those of the policy's sites
    strategy: str = "fastest"  # fastest | ordered | spread
    bootstrap: tuple[str, ...] = ()  # addresses that resolve the names of upstreams
    forward: dict[str, tuple[str, ...]] = field(default_factory=dict)  # name, with all below it -> its upstreams
    records: dict[str, tuple[str, ...]] = field(default_factory=dict)  # name -> addresses, or one other name
    safe_search: bool = False
    rebinding: bool = True  # public names may not point at private addresses
    private: tuple[str, ...] = ()  # names that may all the same, with all below them
    dns64: str = ""  # a prefix of 96 bits (RFC 6147)
    cache_size: int = 4 << 20
    min_ttl: int = 0
    max_ttl: int = 86_400
    stale: int = 259_200  # how long after its time an answer may still be given; 0: not at all
    prefetch: bool = True
    log: str = "full"  # full | anonymous | counts | off
    log_days: int = 30
    access: tuple[str, ...] = ("loopback", "private")  # networks, or these words; "all" needs `public: on`
    public: bool = False
    rate: int = 200  # queries a second from one client that is not this machine; 0: any number
    workers: int = 1
    certificate: str = ""  # PEM files, for tls:// and https://; relative to the policy
    key: str = ""
    groups: dict[str, Group] = field(default_factory=dict)
    refresh: bool = True  # `serve` fetches lists that are due
    metrics: str = ""  # address:port where Prometheus may ask for the figures
    api: tuple[str, ...] = ("127.0.0.1:5380",)  # where the web API and its page are; see api_place. None: nowhere
    lines: dict[str, Origin] = field(default_factory=dict)  # key -> where it was written


@dataclass(frozen=True, slots=True)
class Target:
    """A configured place to write to. `options` are the backend's own, checked against what it declares."""

    name: str  # as configured
    backend: str  # a key of backends.BACKENDS
    path: str  # relative to the policy file
    origin: Origin
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole file. Sites and hosts are keyed by name in normal form."""

    file: str
    javascript: JavaScript = JavaScript.ALLOW
    blocking: bool = True
    sites: dict[str, Site] = field(default_factory=dict)
    hosts: dict[str, HostEntry] = field(default_factory=dict)
    lists: tuple[ListSource, ...] = ()
    protect: dict[str, Origin] = field(default_factory=dict)
    popular: str = ""  # a file of the most visited sites, relative to the policy; beside those that ship with blockctl
    resolver: Resolver = field(default_factory=Resolver)
    targets: dict[str, Target] = field(default_factory=dict)
    defaults_lines: dict[str, Origin] = field(default_factory=dict)
    paused: bool = False  # `blockctl pause` is in force; kept beside the file, not in it

    def at(self, now: datetime) -> Policy:
        """Return the policy as it stands at that moment: entries whose time has passed are absent."""
        sites = {}
        for host, site in self.sites.items():
            if site.until is not None and site.until <= now:
                continue
            kept = tuple(entry for entry in site.hosts if entry.until is None or entry.until > now)
            sites[host] = site if len(kept) == len(site.hosts) else replace(site, hosts=kept)
        hosts = _standing(self.hosts, now)
        groups = {name: replace(each, hosts=_standing(each.hosts, now)) for name, each in self.resolver.groups.items()}
        resolver = replace(self.resolver, groups=groups) if groups else self.resolver
        return replace(self, sites=sites, hosts=hosts, resolver=resolver)

    def sites_above(self, page_host: str) -> list[Site]:
        """Return the entries that cover a page, the nearest first."""
        return [self.sites[name] for name in parents(page_host) if name in self.sites]


def _standing(hosts: dict[str, HostEntry], now: datetime) -> dict[str, HostEntry]:
    return {host: entry for host, entry in hosts.items() if entry.until is None or entry.until > now}
