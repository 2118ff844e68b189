"""The user's policy in AdGuard's browser syntax, by the same three ranks as for uBlock Origin.

An important block, an exception, a block: what the user denies is important, what he allows is an exception, and the
lists' important rules give way to it (`ublock_important`). AdGuard's fourth rank, the important exception, is not
used: it would free what the user denies too. In the extension `$domain` is the frame's site, in Safari the page's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from blockctl.backends.adguard_lines import network_lines
from blockctl.backends.output import Gaps, Output
from blockctl.backends.ublock_important import Carving
from blockctl.backends.ublock_policy import (
    SANDBOX,
    UNLOCKED,
    allowed_hosts,
    csp_exceptions,
    denied_hosts,
    frame_gaps,
    hide_lines,
    unlocked,
)
from blockctl.backends.ublock_regions import Region, above, blocking_of, javascript_of, regions, settings
from blockctl.model.diagnostic import Origin
from blockctl.model.names import parents
from blockctl.model.policy import JavaScript, Policy
from blockctl.model.request import ALL_KINDS, Kind
from blockctl.model.rule import Effect, Party, Rule

WITHOUT_TO = frozenset(("permissions", "removeparam"))  # options that AdGuard takes no `$to` beside
Entry = tuple[Origin, str]  # where an entry of the policy stands, and its text


@dataclass(slots=True)
class Writer:
    """Lines as they come, and the entries of the policy that make none."""

    policy: Policy
    gaps: Gaps
    safari: bool
    lines: list[str] = field(default_factory=list)

    def write(self, rule: Rule, entries: Iterable[Entry], plain: Rule | None = None) -> None:
        """Write a rule; what AdGuard cannot say of it is a gap of each of the entries that it stands for.

        `plain` is the rule without what the policy takes out of it. Where only this can be said, it is written as a
        list would say it, so that the exceptions for what is taken out win over it.
        """
        lines, reason = network_lines(rule, safari=self.safari)
        if plain and reason in ("to", "mixed-domains"):
            demoted, lacks = network_lines(replace(plain, important=False), safari=self.safari)
            lines, reason = (demoted, "demoted") if demoted and not lacks else (lines, reason)
        self.lines += lines
        if reason:
            for origin, text in entries:
                self.gaps.add(reason, origin, text)

    def rule(self, effect: Effect, region: Region, **said: object) -> Rule:
        """Return a rule for the pages of a region."""
        origin = Origin(self.policy.file)
        return Rule(effect, origin, "", sites=tuple(region.names), not_sites=tuple(region.but), **said)  # type: ignore[arg-type]


def policy_lines(policy: Policy, lists: Carving, output: Output, *, safari: bool) -> list[str]:
    """Return everything the policy says, and the lists' important rules as far as it lets them."""
    writer = Writer(policy, output.gaps, safari)
    if safari:
        _scripts_off(writer)
    else:
        writer.lines += sandbox_lines(policy)
        frame_gaps(policy, frozenset(), output.gaps)
    _first_party(writer)
    _hosts(writer)
    if lists.any:
        _blocking_off(writer, lists.actions)
        for rule, piece in lists.important_pieces(policy, output.gaps):
            kept = rule.not_sites if piece.sites else piece.not_sites
            writer.write(piece, [(rule.origin, rule.text)], replace(rule, sites=piece.sites, not_sites=kept))
        writer.lines += csp_exceptions(policy, lists.csp_exceptions, output.gaps)
    writer.lines += hide_lines(policy, lists.unhidden)
    writer.lines += (f"{pages}#$#{selector} {{ {UNLOCKED} }}" for pages, selector in unlocked(policy))
    _hiding_gaps(policy, lists.shown, output.gaps)
    return writer.lines


def sandbox_lines(policy: Policy) -> Iterator[str]:
    """Yield the lines for `javascript: deny`, a sandbox of the page, for the extension.

    A site that may run scripts is an exception to this very sandbox, so the lists' own `$csp` stay in force there.
    """
    denied = {host: said is JavaScript.DENY for host, said in settings(policy, lambda site: site.javascript).items()}
    deny_all = policy.javascript is JavaScript.DENY
    if deny_all:
        yield f"*$document,{SANDBOX}"
    elif roots := regions(denied, deny_all, True)[:1]:
        yield from (f"||{name}^$document,{SANDBOX}" for name in roots[0].names)
    for region in regions(denied, deny_all, False)[0 if deny_all else 1 :]:
        for name in region.names:
            but = [f"~{each}" for each in region.but if name in above(each)]
            yield f"@@||{name}^${','.join([SANDBOX, *(['to=' + '|'.join(but)] if but else [])])}"


def _scripts_off(writer: Writer) -> None:
    """Write `javascript: deny` for Safari, where only the files that scripts come in can be stopped."""
    own = settings(writer.policy, lambda site: site.javascript)
    denied = {host: said is JavaScript.DENY for host, said in own.items()}
    for region in regions(denied, writer.policy.javascript is JavaScript.DENY, True):
        entries = _javascript_entries(writer.policy, region)
        writer.write(writer.rule(Effect.BLOCK, region, kinds=Kind.SCRIPT, important=True), entries)
        for origin, text in entries:
            writer.gaps.add("inline", origin, text)


def _within(policy: Policy, region: Region) -> list[str]:
    """Return the sites of the policy in a region, those that say again what is around them included."""
    names = policy.sites if region.everywhere else [name for name in policy.sites if {*parents(name)} & {*region.names}]
    return [name for name in names if not {*parents(name)} & {*region.but}]


def _first_party(writer: Writer) -> None:
    own = settings(writer.policy, lambda site: site.javascript)
    for region in regions(own, writer.policy.javascript, JavaScript.FIRST_PARTY):
        rule = writer.rule(Effect.BLOCK, region, kinds=Kind.SCRIPT, party=Party.THIRD, important=True)
        writer.write(rule, _javascript_entries(writer.policy, region))


def _javascript_entries(policy: Policy, region: Region) -> list[Entry]:
    """Return the entries that a region of `javascript` stands for."""
    found = []
    if region.everywhere:
        origin = policy.defaults_lines.get("javascript", Origin(policy.file))
        found.append((origin, f"defaults: javascript: {policy.javascript.value}"))
    for name in _within(policy, region):
        if said := policy.sites[name].javascript:
            origin = policy.sites[name].lines.get("javascript", policy.sites[name].origin)
            found.append((origin, f"sites: {name}: javascript: {said.value}"))
    return found


def _hosts(writer: Writer) -> None:
    policy = writer.policy
    for host, region, picture in denied_hosts(policy):
        rule = writer.rule(Effect.BLOCK, region, host=host, not_to=picture, important=True)
        plain = replace(rule, not_to=(), not_sites=() if region.names else rule.not_sites)
        writer.write(rule, _host_entries(policy, host, allow=False), plain)
    for host, sites in allowed_hosts(policy):
        rule = writer.rule(Effect.ALLOW, Region(names=sites), host=host)
        writer.write(rule, _host_entries(policy, host, allow=True))


def _host_entries(policy: Policy, host: str, *, allow: bool) -> list[Entry]:
    verb = "allow" if allow else "deny"
    found = []
    if (entry := policy.hosts.get(host)) and entry.allow is allow:
        found.append((entry.origin, f"hosts: {verb}: {host}"))
    if allow and host in policy.protect:
        found.append((policy.protect[host], f"protect: {host}"))
    for name, site in policy.sites.items():
        own = (entry for entry in site.hosts if entry.host == host and entry.allow is allow)
        found += [(entry.origin, f"sites: {name}: {verb}: {host}") for entry in own]
    return found


def _blocking_off(writer: Writer, actions: frozenset[str]) -> None:
    """Write what keeps the lists away from the sites whose `blocking` is off; `actions` are what lists do besides."""
    policy = writer.policy
    said = settings(policy, lambda site: site.blocking)
    for region in regions(said, policy.blocking, False):
        writer.write(writer.rule(Effect.ALLOW, region, kinds=ALL_KINDS), _blocking_entries(policy, region))
        for name in ("*", *region.names) if region.everywhere else region.names:
            pattern = f"@@||{name}^" if name != "*" else "@@://"
            but = "|".join(f"~{each}" for each in region.but if name == "*" or name in above(each))
            if writer.safari:
                writer.lines += [] if but else [f"{pattern}$elemhide", f"{pattern}$jsinject"]
                continue
            options = ["elemhide,jsinject,~subdocument"]
            options += ["csp"] if "csp" in actions and not _denies_scripts(policy, "" if name == "*" else name) else []
            writer.lines += [f"{pattern}${option}{f',to={but}' if but else ''}" for option in options]
            writer.lines += [f"{pattern}${action}" for action in sorted(actions & WITHOUT_TO)]
        if not writer.safari and actions & WITHOUT_TO:
            for name in region.but:
                site = policy.sites[name]
                writer.gaps.add(
                    "nested-actions", site.lines.get("blocking", site.origin), f"sites: {name}: blocking: on"
                )


def _denies_scripts(policy: Policy, site: str) -> bool:
    """Whether a sandbox stands on a site or below it, which an exception to every `$csp` would lift."""
    inside = (name for name in policy.sites if not site or name == site or site in above(name))
    said = [
        javascript_of(policy, site) if site else policy.javascript,
        *(javascript_of(policy, name) for name in inside),
    ]
    return JavaScript.DENY in said


def _blocking_entries(policy: Policy, region: Region) -> list[Entry]:
    found = []
    if region.everywhere:
        found.append((policy.defaults_lines.get("blocking", Origin(policy.file)), "defaults: blocking: off"))
    for name in _within(policy, region):
        site = policy.sites[name]
        if site.blocking is False:
            found.append((site.lines.get("blocking", site.origin), f"sites: {name}: blocking: off"))
    return found


def _hiding_gaps(policy: Policy, shown: frozenset[str], gaps: Gaps) -> None:
    """Name the sites where the user's own selectors are not hidden."""
    for host, site in policy.sites.items():
        if not (site.hide or site.unlock_scroll):
            continue
        origin, text = site.lines.get("hide", site.origin), f"sites: {host}: hide"
        if not blocking_of(policy, host):
            gaps.add("hide-unblocked", origin, text)
        elif any(name in shown for name in parents(host)):
            gaps.add("hide-shown", origin, text)
