"""The user's policy in uBlock Origin's static filters, so that it works from a subscribed list.

uBO knows three ranks: an `$important` block, an exception, a block. What the user denies is important, what he
allows is an exception, and every important line gives way to it by `$to=~` and `$domain=~`. `$domain=` is the
document that asks: inside a frame from another site it is the frame's, not the page's (gap `frame`).
"""

from __future__ import annotations

from collections.abc import Iterator

from blockctl.backends.output import Gaps, Output
from blockctl.backends.ublock_important import Carving
from blockctl.backends.ublock_lines import and_for_pages
from blockctl.backends.ublock_regions import (
    Hosts,
    Names,
    Region,
    above,
    blocking_of,
    javascript_of,
    regions,
    settings,
)
from blockctl.model.names import parents, reversed_labels
from blockctl.model.policy import JavaScript, Policy, Site
from blockctl.model.rule import Rule

# The one way to switch JavaScript off that shows <noscript>, keeps forms, links and pop-ups, and covers all frames.
SANDBOX = (
    "csp=sandbox allow-forms allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-top-navigation "
    "allow-modals allow-downloads"
)
UNLOCKED = "overflow: auto !important; position: static !important"


def line(pattern: str, *options: str) -> str:
    """Return a filter line; empty options are left out."""
    kept = ",".join(option for option in options if option)
    return f"{pattern}${kept}" if kept else pattern


def sandbox_lines(policy: Policy, notes: list[str]) -> Iterator[str]:
    """Yield the lines for `javascript: deny`, a sandbox of the page.

    A site that may run scripts is an exception to the sandbox around it (not a `to=~` of it: uBO Lite would then
    lose a denied site inside the allowed one).
    """
    denied = {host: said is JavaScript.DENY for host, said in settings(policy, lambda site: site.javascript).items()}
    deny_all = policy.javascript is JavaScript.DENY
    if deny_all:
        yield line("*", "document", SANDBOX)
    elif roots := regions(denied, deny_all, True)[:1]:
        yield from (line(f"||{name}^", "document", SANDBOX) for name in roots[0].names)
    freed = regions(denied, deny_all, False)[0 if deny_all else 1 :]
    but: dict[str, list[str]] = {}
    for region in freed:
        for name in region.but:
            root = next(up for up in above(name) if up in region.names)
            but.setdefault(root, []).append(f"~{name}")
    for region in freed:
        for name in region.names:
            limit = "to=" + "|".join(but[name]) if name in but else ""
            yield line(f"@@||{name}^", "document", "csp", limit)
    if len(freed) > 1:
        notes.append("sites nested three deep (scripts off, on, off, on) are right in uBlock Origin, not in uBO Lite")


def first_party_lines(policy: Policy) -> Iterator[str]:
    """Yield the lines for `javascript: first-party`, which no exception undoes."""
    own = settings(policy, lambda site: site.javascript)
    for region in regions(own, policy.javascript, JavaScript.FIRST_PARTY):
        yield line("*", "script", "3p", "important", region.option("domain"))


def host_lines(policy: Policy) -> Iterator[str]:
    """Yield the lines for the user's denied and allowed hosts and for `protect`."""
    for host, region, picture in denied_hosts(policy):
        to = "to=" + "|".join(f"~{name}" for name in picture) if picture else ""
        denied = line(f"||{host}^", "important", region.option("domain"), to)
        yield from and_for_pages(denied, host, region.names)
    for host, sites in allowed_hosts(policy):
        yield line(f"@@||{host}^", f"domain={'|'.join(sites)}" if sites else "")


def denied_hosts(policy: Policy) -> Iterator[tuple[str, Region, tuple[str, ...]]]:
    """Yield each denied host with the pages where it is denied and the names below it that stay allowed there."""
    hosts = Hosts(policy)
    for host, sites in sorted(hosts.concerned().items(), key=lambda item: reversed_labels(item[0])):
        pictures = {site: hosts.denied(site, host) for site in sites if site}
        everywhere = hosts.denied("", host)
        wanted = {picture for picture in (*pictures.values(), everywhere) if picture is not None}
        for picture in sorted(wanted):
            yield from ((host, region, picture) for region in regions(pictures, everywhere, picture))


def allowed_hosts(policy: Policy) -> Iterator[tuple[str, list[str]]]:
    """Yield each allowed or protected host with the sites on whose pages it is; none means on all pages."""
    hosts = Hosts(policy)
    free = {host for host, allow in hosts.everywhere.verdicts.items() if allow} | set(policy.protect)
    yield from ((host, []) for host in sorted(free, key=reversed_labels))
    on: dict[str, list[str]] = {}
    for site, names in hosts.by_site.items():
        for host, allow in names.verdicts.items():
            if allow and host not in free:
                on.setdefault(host, []).append(site)
    for host in sorted(on, key=reversed_labels):
        yield host, sorted(on[host], key=reversed_labels)


def blocking_lines(policy: Policy, actions: frozenset[str], gaps: Gaps) -> Iterator[str]:
    """Yield the lines that keep the lists away from the sites whose `blocking` is off.

    `actions` are what the lists do besides blocking; each needs an exception of its own.
    """
    said = settings(policy, lambda site: site.blocking)
    off = regions(said, policy.blocking, False)
    for region in off:
        yield line("@@*", region.option("domain"))
        yield from (line("@@*", action, region.option("domain")) for action in sorted(actions - {"csp"}))
        to = "to=" + "|".join(f"~{name}" for name in region.but) if region.but else ""
        yield from (line(f"@@||{name}^", "elemhide", to) for name in region.names)
        if region.everywhere:
            yield line("@@*", "elemhide", to)
        if region.names:
            yield f"{','.join(region.names)}#@#+js()"
        for name in region.but:
            site = policy.sites[name]
            gaps.add("nested-scriptlets", site.lines.get("blocking", site.origin), f"sites: {name}: blocking: on")
    if "csp" in actions:
        spoken = dict.fromkeys((*said, *settings(policy, lambda site: site.javascript)))
        bare = {name: not blocking_of(policy, name) and not _denied(policy, name) for name in spoken}
        default = not policy.blocking and policy.javascript is not JavaScript.DENY
        yield from (line("@@*", "csp", region.option("domain")) for region in regions(bare, default, True))


def _denied(policy: Policy, host: str) -> bool:
    return javascript_of(policy, host) is JavaScript.DENY


def csp_exceptions(policy: Policy, exceptions: list[Rule], gaps: Gaps) -> Iterator[str]:
    """Yield the lists' exceptions to every `$csp`, but those that would lift the sandbox of a denied site."""
    said = settings(policy, lambda site: site.javascript)
    denied = Names({host: True for host, each in said.items() if each is JavaScript.DENY})
    for rule in exceptions:
        if rule.host:
            touched = denied.covers(rule.host) or any(True for _ in denied.below(rule.host))
        else:
            touched = bool(denied.verdicts)
        if touched or policy.javascript is JavaScript.DENY:
            gaps.add("csp-exception", rule.origin, rule.text)
        else:
            yield rule.text


def page_lines(policy: Policy, unhidden: frozenset[str], shown: frozenset[str], gaps: Gaps) -> Iterator[str]:
    """Yield the lines for `hide` and `scroll`.

    `unhidden` are selectors that a list takes back somewhere: uBO compares them as text, so ours is wrapped.
    `shown` are hosts where a list switches specific hiding off; the user's own hiding is switched on again.
    """
    yield from hide_lines(policy, unhidden)
    yield from (f"{pages}##{selector}:style({UNLOCKED})" for pages, selector in unlocked(policy))
    for host, site in sorted(policy.sites.items(), key=lambda item: reversed_labels(item[0])):
        if not (site.hide or site.unlock_scroll):
            continue
        if not blocking_of(policy, host):
            gaps.add("hide-unblocked", site.lines.get("hide", site.origin), f"sites: {host}: hide")
        elif any(name in shown for name in parents(host)):
            yield line(f"||{host}^", "specifichide", "important")


def hide_lines(policy: Policy, unhidden: frozenset[str]) -> Iterator[str]:
    """Yield the lines for `hide`; `unhidden` as in `page_lines`."""
    hides = settings(policy, lambda site: site.hide or None)
    hiding: dict[str, list[str]] = {}
    for host, hidden in hides.items():
        for selector in hidden:
            hiding.setdefault(selector, []).append(host)
    tree = Names(dict.fromkeys(hides, True))
    for selector, hosts in hiding.items():
        said = {host: selector in hides[host] for up in hosts for host in (up, *tree.below(up))}
        depth = 1 if selector in unhidden else 0
        for level, region in enumerate(regions(said, False, True)):
            yield f"{_pages(region)}##{_wrapped(selector, level + depth)}"


def unlocked(policy: Policy) -> Iterator[tuple[str, str]]:
    """Yield the pages whose scrolling is unlocked, with the selector of what holds it."""
    for level, region in enumerate(regions(settings(policy, lambda site: site.unlock_scroll), False, True)):
        yield _pages(region), _wrapped("html,body", level)


def _pages(region: Region) -> str:
    return ",".join([*region.names, *(f"~{name}" for name in region.but)])


def _wrapped(selector: str, times: int) -> str:
    """Return an equal selector of another text: `~site` before one takes back every line of the same text there."""
    for _ in range(times):
        selector = f":is({selector})"
    return selector


def frame_gaps(policy: Policy, seen: frozenset[tuple[str, str]], gaps: Gaps) -> None:
    """Name the entries that uBO heeds for the page itself, but not inside its frames from other sites.

    `seen` are the (site, key) that another part of the same output carries.
    """
    for host, site in policy.sites.items():
        for key, told in (("hosts", bool(site.hosts)), *_page_keys(site)):
            if told and (host, key) not in seen:
                gaps.add("frame", site.lines.get(key, site.origin), f"sites: {host}: {key}")


def _page_keys(site: Site) -> tuple[tuple[str, bool], ...]:
    return ("blocking", site.blocking is False), ("javascript", site.javascript is JavaScript.FIRST_PARTY)


def policy_lines(policy: Policy, lists: Carving, sandbox: bool, output: Output) -> list[str]:
    """Return everything the policy says, and the lists' important rules as far as it lets them.

    Without `sandbox` denied scripts are left to the `no-scripting` switch. The two do not go together: the switch
    writes <noscript> anew from its text, and in a sandbox that text has lost its markup.
    """
    gaps = output.gaps
    lines = [*sandbox_lines(policy, output.notes)] if sandbox else []
    lines += [*first_party_lines(policy), *host_lines(policy)]
    if lists.any:
        lines += [
            *blocking_lines(policy, lists.actions, gaps),
            *lists.important_lines(policy, gaps),
            *(
                csp_exceptions(policy, lists.csp_exceptions, gaps)
                if sandbox
                else (r.text for r in lists.csp_exceptions)
            ),
        ]
    lines += page_lines(policy, lists.unhidden, lists.shown, gaps)
    return lines
