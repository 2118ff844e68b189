r"""The options of a network filter, what stands behind its `$`, in the dialects of EasyList, uBlock Origin and AdGuard.

An option is understood or the whole filter is refused: a condition that is passed over would make the filter reach
further than its author meant. Options are separated by commas; a comma within a value is escaped (`\,`) or stands
in a regular expression. Sources: uBO's wiki "Static filter syntax", AdGuard's knowledge base "How to create your own
ad filters" and "DNS filtering rules syntax", Adblock Plus' "How to write filters".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from blockctl.model.request import SUBRESOURCES, Kind
from blockctl.model.rule import Party
from blockctl.parsers.adblock_names import (
    ACTIONS,
    FLAGS,
    IDLE,
    KINDS,
    NEEDS,
    NEGATABLE,
    PARTIES,
    REDIRECTS,
    SITES,
    STRANGE_KINDS,
    SWITCHES,
    THIRD_PARTIES,
    VALUELESS,
)
from blockctl.parsers.adblock_sites import EVERYWHERE, Sites, parse_sites
from blockctl.parsers.adblock_split import split_options
from blockctl.parsers.listed import Fault, shown


@dataclass(frozen=True, slots=True)
class Options:
    """What the options of a filter say."""

    kinds: Kind | None = None  # None: none was named
    party: Party = Party.ANY
    pages: Sites = EVERYWHERE
    to: tuple[str, ...] = ()
    not_to: tuple[str, ...] = ()
    important: bool = False
    match_case: bool = False
    badfilter: bool = False
    action: str = ""
    beside: str = ""  # a second action, of an exception that also names kinds
    redirect: bool = False
    value: str = ""  # of the action or redirect
    needs: tuple[str, ...] = ()


NO_OPTIONS = Options()
NO_KIND = Kind(0)


@dataclass(slots=True)
class _Draft:
    """Options while they are read."""

    said: Kind = NO_KIND
    unsaid: Kind = NO_KIND
    only_others: bool = False  # something that is no kind of ours is taken away
    strange: list[str] = field(default_factory=list)
    parties: set[Party] = field(default_factory=set)
    sites: dict[str, Sites] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    switches: set[str] = field(default_factory=set)
    actions: dict[str, str] = field(default_factory=dict)
    redirect: str = ""
    needs: list[str] = field(default_factory=list)


@lru_cache(maxsize=32768)
def parse_options(text: str) -> Options | Fault:
    """Read options, without the `$` in front; a Fault says why the filter is refused."""
    draft = _Draft()
    for option in split_options(text):
        name, assigned, value = option.strip().partition("=")
        negated = name.startswith("~")
        name = name.removeprefix("~").strip().lower()
        if not name.strip("_"):
            continue
        reader = _READERS.get(name)
        if reader is None:
            return Fault(
                "L201", f"unknown option {shown(name)}; passed over, the filter would reach further than it says",
                "if the `$` is a part of the address, write the pattern as a regular expression",
            )  # fmt: skip
        if negated and name not in NEGATABLE:
            return Fault("L202", f"${name} cannot be negated")
        if fault := reader(draft, name, value.strip() if assigned else None, negated):
            return fault
    return _settle(draft)


def _read_kind(draft: _Draft, name: str, value: str | None, negated: bool) -> Fault | None:
    if negated:
        draft.unsaid |= KINDS[name]
    else:
        draft.said |= KINDS[name]
    return _no_value(name, value)


def _read_strange(draft: _Draft, name: str, value: str | None, negated: bool) -> Fault | None:
    if negated:
        draft.only_others = True
    else:
        draft.strange.append(STRANGE_KINDS[name])
    return _no_value(name, value)


def _read_switch(draft: _Draft, name: str, value: str | None, negated: bool) -> Fault | None:
    if negated:
        draft.only_others = True
    else:
        draft.switches.add(SWITCHES[name])
    return _no_value(name, value)


def _read_party(draft: _Draft, name: str, value: str | None, negated: bool) -> Fault | None:
    draft.parties.add(Party.THIRD if (name in THIRD_PARTIES) is not negated else Party.FIRST)
    return _no_value(name, value)


def _read_flag(draft: _Draft, name: str, value: str | None, negated: bool) -> Fault | None:
    if not negated:
        draft.flags.add(name)
    return _no_value(name, value)


def _read_nothing(*_: object) -> Fault | None:
    return None


def _read_sites(draft: _Draft, name: str, value: str | None, negated: bool) -> Fault | None:  # noqa: ARG001
    sites = parse_sites(value or "", "|")
    if isinstance(sites, Fault):
        return sites
    if sites.paths or not (sites.names or sites.not_names):
        return Fault("L202", f"${name} names no site, or more than one: {shown(value or '')}")
    if name == "denyallow":
        if sites.not_names or any("*" in each or each.startswith("/") for each in sites.names):
            return Fault("L202", f"$denyallow takes plain names: {shown(value or '')}")
        sites = Sites((), sites.names)
    if SITES[name] == "page" and "page" in draft.sites:  # $top: the page above all frames; $domain is the frame then
        draft.needs.append(f"{name}={value}")
        return None
    key = "page" if SITES[name] == "page" else "host"
    before = draft.sites.get(key, EVERYWHERE)
    draft.sites[key] = Sites(before.names + sites.names, before.not_names + sites.not_names)
    return None


def _read_action(draft: _Draft, name: str, value: str | None, negated: bool) -> Fault | None:  # noqa: ARG001
    draft.actions[ACTIONS[name]] = value or ""
    return None


def _read_redirect(draft: _Draft, name: str, value: str | None, negated: bool) -> Fault | None:  # noqa: ARG001
    draft.redirect = value or name
    return None


def _read_need(draft: _Draft, name: str, value: str | None, negated: bool) -> Fault | None:  # noqa: ARG001
    need = NEEDS[name]
    if need in VALUELESS:
        draft.needs.append(need)
        return _no_value(name, value)
    draft.needs.append(f"{need}={value or ''}")
    return None if value or need == "header" else Fault("L202", f"${name} lacks its value")


def _no_value(name: str, value: str | None) -> Fault | None:
    return None if value is None else Fault("L202", f"${name} takes no value: {shown(value)}")


_Reader = Callable[[_Draft, str, str | None, bool], Fault | None]
_READERS: dict[str, _Reader] = {
    **dict.fromkeys(KINDS, _read_kind),
    **dict.fromkeys(STRANGE_KINDS, _read_strange),
    **dict.fromkeys(SWITCHES, _read_switch),
    **dict.fromkeys(PARTIES, _read_party),
    **dict.fromkeys(FLAGS, _read_flag),
    **dict.fromkeys(IDLE, _read_nothing),
    **dict.fromkeys(SITES, _read_sites),
    **dict.fromkeys(ACTIONS, _read_action),
    **dict.fromkeys(REDIRECTS, _read_redirect),
    **dict.fromkeys(NEEDS, _read_need),
}


def _settle(draft: _Draft) -> Options | Fault:
    """Put together what was read."""
    kinds = _kinds(draft)
    if isinstance(kinds, Fault):
        return kinds
    switch = _switch(draft.switches)
    actions = draft.actions or {switch: ""}
    if len(actions) > 1 or (draft.actions and switch):
        return Fault("L202", f"one filter cannot do several things: {shown(', '.join((*draft.actions, switch)))}")
    ((action, value),) = actions.items()
    beside = ""
    if action == switch and draft.said:
        action, beside = "", switch
    needs = draft.needs
    if draft.strange and not draft.said and not action:
        needs = [*needs, "popup" if "popup" in draft.strange else draft.strange[0]]
    party = next(iter(draft.parties)) if len(draft.parties) == 1 else Party.ANY
    hosts = draft.sites.get("host", EVERYWHERE)
    return Options(
        kinds, party, draft.sites.get("page", EVERYWHERE), hosts.names, hosts.not_names,
        "important" in draft.flags, "match-case" in draft.flags, "badfilter" in draft.flags,
        action, beside, bool(draft.redirect), value or draft.redirect, tuple(needs),
    )  # fmt: skip


def _kinds(draft: _Draft) -> Kind | Fault | None:
    if draft.said:
        left = draft.said & ~draft.unsaid
        return left or Fault("L202", "the kinds it names, it takes away again")
    if draft.strange:
        return NO_KIND
    return SUBRESOURCES & ~draft.unsaid if draft.unsaid or draft.only_others else None


def _switch(switches: set[str]) -> str:
    """Return the one switch that several of them are: generic and specific hiding together are all of it."""
    if len(switches) > 1 and switches <= {"elemhide", "generichide", "specifichide"}:
        return "elemhide"
    return ", ".join(sorted(switches))
