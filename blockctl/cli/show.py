"""`show`: what applies, and which line of the policy says it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from blockctl.cli.common import JsonOption, Loaded, PolicyOption, StateOption, load_policy, print_json


def show_command(
    site: Annotated[str | None, typer.Argument(metavar="SITE", help="A site or a host of it; all if absent.")] = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what the policy says, or what applies on one site, and the line that says it.

    Exit status: 0 done, 2 the policy or the site is wrong, 3 reading failed.
    """
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.policy.settings import read_site_name

    host = ""
    if site is not None:
        host, faults = read_site_name(site)
        if faults:
            raise BlockctlError("there is no such site", diagnostics=tuple(faults))
    loaded = load_policy(policy, state)
    if as_json:
        print_json(
            {"version": 1, "policy": str(loaded.path), **(_site_json(loaded, host) if host else _all_json(loaded))}
        )
        return
    for line in _site_lines(loaded, host) if host else _all_lines(loaded):
        typer.echo(line)


def entry_lines(loaded: Loaded, site: str | None, host: str) -> list[str]:
    """Say what the policy now says of a site, or of a host (on a site or everywhere)."""
    from blockctl.cli.words import host_line, pause_line, reach, site_lines

    policy, now = loaded.policy, loaded.now
    pause = pause_line(policy, loaded.pause.until, now)
    if host:
        entries = policy.sites[site].hosts if site in policy.sites else () if site else tuple(policy.hosts.values())
        until = policy.sites[site].until if site in policy.sites else None
        where = f"on {reach(site)}" if site else "everywhere"
        said = [host_line(entry, now, where, until) for entry in entries if entry.host == host]
        return [*pause, *(said or [_nothing_of_host(loaded, site, host)])]
    entry = policy.sites.get(site or "")
    return [
        *pause,
        *((entry and site_lines(entry, now)) or [f"{site}: nothing is said of it; what is above it applies"]),
    ]


def _nothing_of_host(loaded: Loaded, site: str | None, host: str) -> str:
    elsewhere = [each.host for each in loaded.policy.sites.values() for entry in each.hosts if entry.host == host]
    if site is None and elsewhere:
        return f"{host}: nothing is said of it everywhere; something is on {elsewhere[0]} (--site {elsewhere[0]})"
    if site is not None and host in loaded.policy.hosts:
        return f"{host}: nothing is said of it on {site}; something is everywhere (leave --site away)"
    return f"{host}: nothing is said of it{f' on {site}' if site else ''}; the lists decide"


def entry_json(loaded: Loaded, site: str | None, host: str) -> dict[str, Any]:
    """Return the same for programs."""
    from blockctl.cli.words import host_json, site_json

    policy = loaded.policy
    if host and site is None:
        entry = policy.hosts.get(host)
        return {"host": host_json(entry) if entry else None}
    named = policy.sites.get(site or "")
    return {"site": site_json(named) if named else None}


def _all_lines(loaded: Loaded) -> list[str]:
    from blockctl.cli.words import JAVASCRIPT, LISTS, group_pause_lines, host_line, pause_line, site_lines

    policy, now = loaded.policy, loaded.now
    lines = pause_line(policy, loaded.pause.until, now) + group_pause_lines(loaded.pauses, now)
    lines.append(f"{loaded.path}")
    lines.append(f"  JavaScript: {JAVASCRIPT[policy.javascript]}, unless a site says otherwise")
    lines.append(f"  Lists: {LISTS[policy.blocking]}, unless a site says otherwise")
    for site in policy.sites.values():
        lines.append(f"{site.host}  (line {site.origin.line})")
        lines += [f"  {line}" for line in site_lines(site, now)]
    if policy.hosts:
        lines.append("hosts")
        lines += [f"  {host_line(entry, now)}  (line {entry.origin.line})" for entry in policy.hosts.values()]
    if policy.protect:
        lines.append(f"protected from lists: {', '.join(policy.protect)}")
    for source in policy.lists:
        uses = " and ".join(word for word, used in (("browser", source.browser), ("dns", source.dns)) if used)
        lines.append(f"list {source.name}: {source.path or source.url}, for {uses}  (line {source.origin.line})")
    for target in policy.targets.values():
        lines.append(f"target {target.name}: {target.path}  (line {target.origin.line})")
    return lines


def _all_json(loaded: Loaded) -> dict[str, Any]:
    from blockctl.cli.words import host_json, site_json

    policy = loaded.policy
    return {
        "paused": policy.paused,
        "defaults": {"javascript": policy.javascript.value, "blocking": policy.blocking},
        "sites": [site_json(site) for site in policy.sites.values()],
        "hosts": [host_json(entry) for entry in policy.hosts.values()],
        "protect": list(policy.protect),
        "lists": [
            {
                "name": source.name,
                "path": source.path or None,
                "url": source.url or None,
                "use": [word for word, used in (("browser", source.browser), ("dns", source.dns)) if used],
                "line": source.origin.line,
            }
            for source in policy.lists
        ],
        "targets": [
            {"name": each.name, "backend": each.backend, "path": each.path, "line": each.origin.line}
            for each in policy.targets.values()
        ],
    }


def _site_lines(loaded: Loaded, host: str) -> list[str]:
    from blockctl.cli.words import JAVASCRIPT, LISTS, host_line, pause_line, reach, until_text
    from blockctl.policy.effective import effective

    policy, now = loaded.policy, loaded.now
    words: dict[str, Any] = {
        "javascript": lambda value: f"JavaScript: {JAVASCRIPT[value]}",
        "blocking": lambda value: f"Lists: {LISTS[value]}",
        "hide": lambda value: f"Hidden: {', '.join(value)}",
        "scroll": lambda _: "Scrolling: unlocked",
    }
    lines = [*pause_line(policy, loaded.pause.until, now), host]
    for key, found in effective(policy, host).items():
        until = policy.sites[found.by].until if found.by in policy.sites else None
        source = f"{loaded.path}:{found.line}, {found.by}" if found.line else "nothing is said, so it is the default"
        lines.append(f"  {words[key](found.value)}{until_text(until, now)}  ({source})")
    for site in policy.sites_above(host):
        where = f"on {reach(site.host)}"
        lines += [f"  {host_line(entry, now, where, site.until)}  ({entry.origin})" for entry in site.hosts]
        if site.note:
            lines.append(f"  Note: {site.note}  ({site.origin})")
    return lines


def _site_json(loaded: Loaded, host: str) -> dict[str, Any]:
    from blockctl.cli.words import site_json
    from blockctl.model.policy import JavaScript
    from blockctl.policy.effective import effective

    def plain(value: Any) -> Any:
        return value.value if isinstance(value, JavaScript) else list(value) if isinstance(value, tuple) else value

    return {
        "paused": loaded.policy.paused,
        "site": host,
        "applies": {
            key: {
                "value": "unlock" if key == "scroll" else plain(each.value),
                "from": each.by,
                "line": each.line or None,
            }
            for key, each in effective(loaded.policy, host).items()
        },
        "entries": [site_json(site) for site in loaded.policy.sites_above(host)],
    }
