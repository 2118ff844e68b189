"""The policy in the web API's words."""

from __future__ import annotations

from blockctl.io.api_nouns import Applied, Entry, HostTold, PausesTold, PauseTold, SiteTold, Source
from blockctl.io.loaded import Loaded
from blockctl.io.pause import Pause
from blockctl.model.names import is_public_suffix, registrable_domain
from blockctl.model.policy import HostEntry, JavaScript, Site
from blockctl.policy.edit import utc_text
from blockctl.policy.effective import effective, hosts_on

SCRIPTS = {
    JavaScript.ALLOW: "JavaScript: allowed here.",
    JavaScript.DENY: "JavaScript: denied here.",
    JavaScript.FIRST_PARTY: "JavaScript: from the site itself only.",
}
BLOCKING = {True: "Ads and trackers: blocked here.", False: "Ads and trackers: allowed here."}


def pause_told(pause: Pause) -> PauseTold:
    """Return a pause; one that is over has no end."""
    until = utc_text(pause.until) if pause.in_force and pause.until else None
    return PauseTold(in_force=pause.in_force, until=until)


def pauses_told(loaded: Loaded, revision: str) -> PausesTold:
    """Return everybody's pause and those of groups."""
    groups = {name: pause_told(pause) for name, pause in loaded.pauses.groups.items() if pause.in_force}
    everybody = pause_told(loaded.pause)
    return PausesTold(in_force=everybody.in_force, until=everybody.until, groups=groups, revision=revision)


def host_told(entry: HostEntry, site: Site | None = None) -> HostTold:
    """Return a host; it ends with the entry it stands in."""
    ends = [end for end in (entry.until, site.until if site else None) if end is not None]
    return HostTold(
        host=entry.host, verdict="allow" if entry.allow else "deny", until=utc_text(min(ends)) if ends else None,
        note=entry.note, site=site.host if site else None, line=entry.origin.line,
    )  # fmt: skip


def entry_told(site: Site) -> Entry:
    """Return an entry as it is written."""
    return Entry(
        site=site.host, line=site.origin.line, javascript=site.javascript.value if site.javascript else None,
        blocking=site.blocking, hosts=[host_told(entry, site) for entry in site.hosts], hide=list(site.hide),
        scroll="unlock" if site.unlock_scroll else None, until=utc_text(site.until) if site.until else None,
        note=site.note,
    )  # fmt: skip


def site_told(loaded: Loaded, host: str, revision: str) -> SiteTold:
    """Return what applies on a page of this host."""
    policy = loaded.policy
    applies = effective(policy, host)
    above = policy.sites_above(host)
    nearest = above[0] if above else None
    javascript, blocking = applies["javascript"].value, applies["blocking"].value
    values = {
        "javascript": javascript.value, "blocking": blocking,
        "hide": list(applies["hide"].value) if "hide" in applies else [],
        "scroll": "unlock" if "scroll" in applies and applies["scroll"].value else None,
    }  # fmt: skip
    return SiteTold(
        host=host,
        domain=None if is_public_suffix(host) else registrable_domain(host),
        site=nearest.host if nearest else None,
        hosts=[host_told(entry, site) for site, entry in hosts_on(policy, host)],
        note=nearest.note if nearest else "",
        until=utc_text(nearest.until) if nearest and nearest.until else None,
        paused=pause_told(loaded.pause),
        source=Source(file=nearest.origin.file, line=nearest.origin.line) if nearest else None,
        applies={key: Applied(value=values[key], by=each.by, line=each.line or None) for key, each in applies.items()},
        words=_words(javascript, blocking, paused=policy.paused),
        revision=revision,
        **values,
    )


def _words(javascript: JavaScript, blocking: bool, *, paused: bool) -> list[str]:
    words = [SCRIPTS[javascript], BLOCKING[blocking]]
    return ["Paused: everything is let through.", *(f"After the pause: {line}" for line in words)] if paused else words
