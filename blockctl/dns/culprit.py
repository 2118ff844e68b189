"""Was it DNS, and whose? What resolvers said of one name, and what is known of this machine, judged in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from blockctl.dns.told import BROKEN, Told
from blockctl.dns.wire import NXDOMAIN, SERVFAIL

SLOW = 1.0  # seconds for an answer that people notice
SURE_NAME = "example.com"  # RFC 2606: it is kept for examples, and there
WRONG_CLOCK = 300  # seconds off at which certificates may be refused


class Culprit(Enum):
    """Who keeps a name from being found."""

    NOBODY = "nobody"
    NETWORK = "network"
    PORTAL = "captive portal"
    CLOCK = "clock"
    BLOCKCTL_DOWN = "blockctl does not run"
    BLOCKCTL = "blockctl"
    UPSTREAM_BLOCKS = "upstream blocks"
    UPSTREAM_DOWN = "upstream down"
    UPSTREAM_SLOW = "upstream slow"
    NO_DNS = "no resolver is reached"
    NO_SUCH_NAME = "no such name"
    BROKEN_NAME = "broken name"
    SYSTEM = "another resolver"
    VPN = "vpn"


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of this machine besides DNS."""

    online: bool = True  # it has an address and a way out
    portal: str = ""  # where a captive portal leads
    clock: float | None = None  # seconds by which the clock is ahead; None: not known
    vpn: str = ""  # the interface of a VPN that has the way out
    relay: bool = False  # iCloud Private Relay is offered
    holder: str = ""  # the program that holds our port


@dataclass(frozen=True, slots=True)
class Seen:
    """What was said of a name. `system` are the resolvers that this system names; `ours` None: we listen nowhere."""

    name: str
    ours: Told | None
    why: tuple[str, ...]  # what our resolver says of it in plain text
    upstreams: tuple[Told, ...]
    references: tuple[Told, ...]  # that do not filter
    system: tuple[Told, ...]
    asks_us: bool | None  # whether what the system asks comes to us; None: that cannot be told
    machine: Machine = field(default_factory=Machine)


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and the commands or steps that mend it."""

    culprit: Culprit
    sentence: str
    mend: tuple[str, ...] = ()


def judge(seen: Seen) -> Finding:
    """Say who is to blame: the first that explains what is seen."""
    return (
        _before_dns(seen) or _ours(seen) or _upstreams(seen) or _name(seen) or _differs(seen) or _system(seen)
        or Finding(
            Culprit.NOBODY,
            f"It was not DNS: {seen.name} is found, here and elsewhere.",
            ("blockctl why URL --site PAGE: which line keeps a request of a page from going out",
             "blockctl fix SITE: find what a broken page needs"),
        )
    )  # fmt: skip


def _before_dns(seen: Seen) -> Finding | None:
    """What is to be mended before anything can be said of DNS."""
    machine = seen.machine
    nobody = not any(each.answered for each in (*seen.upstreams, *seen.references))
    if not machine.online and nobody:
        return Finding(Culprit.NETWORK, "This machine has no network.", ("connect it, then ask again",))
    if machine.portal:
        return Finding(
            Culprit.PORTAL,
            "A captive portal holds this network: nothing else is reached until you sign in.",
            (f"open {machine.portal} in a browser and sign in",),
        )
    untrusted = any("certificate" in each.error for each in (*seen.upstreams, *seen.references))
    if machine.clock is not None and abs(machine.clock) > WRONG_CLOCK and (untrusted or abs(machine.clock) > 86_400):
        way = "ahead" if machine.clock > 0 else "behind"
        return Finding(
            Culprit.CLOCK,
            f"This machine's clock is {_span(machine.clock)} {way}: certificates are refused, encrypted DNS with them.",
            ("set the clock, or switch on that the system does",),
        )
    return None


def _ours(seen: Seen) -> Finding | None:
    """Is it our resolver: silent where the system relies on it, or blocking?"""
    if seen.ours is None:
        return None
    if not seen.ours.answered:
        if not seen.asks_us:
            return None  # nobody waits for it
        where = f"{seen.ours.who}, the only one that this system asks"
        if seen.machine.holder:
            return Finding(
                Culprit.BLOCKCTL_DOWN,
                f"Another program, {seen.machine.holder}, holds {where}.",
                ("stop that program, or give blockctl another port: resolver: listen:", "blockctl serve"),
            )
        return Finding(Culprit.BLOCKCTL_DOWN, f"blockctl does not answer at {where}.", ("blockctl serve",))
    # What its upstream withholds it withholds too, and says so: only its own words tell the two apart.
    if seen.why[0].startswith(f"{seen.name} is blocked") if seen.why else seen.ours.withholds:
        by = next((line.removeprefix("by ") for line in seen.why if line.startswith("by ")), seen.ours.withholds)
        mend = [_step(line.partition(": ")[2]) for line in seen.why if line.startswith("let it through: ")]
        also = " (but this system does not ask it)" if seen.asks_us is False else ""
        return Finding(Culprit.BLOCKCTL, f"blockctl blocks {seen.name}: {by}{also}.", tuple(mend))
    return None


def _step(remedy: str) -> str:
    return remedy if remedy.startswith("blockctl ") else f"write in the policy: {remedy}"


def _upstreams(seen: Seen) -> Finding | None:
    """Is it an upstream: blocking, silent, slow?"""
    reference = next((each for each in seen.references if each.answered), None)
    knows = next((each for each in seen.references if each.reachable), None)
    if any(map(_is_broken, seen.references)):
        knows = None  # who checks signatures says that this name's are wrong; who does not has an address
    for each in seen.upstreams:
        said = each.withholds
        if not said and knows is not None and each.answered and not each.addresses:
            said = f"{each.verdict}, while {knows.who} knows it"
        if said:
            return Finding(
                Culprit.UPSTREAM_BLOCKS,
                f"Your upstream {each.who} withholds {seen.name}: {said}.",
                ("name an upstream that does not filter in resolver: upstreams: of the policy",),
            )
    silent = [each for each in seen.upstreams if not each.answered]
    if seen.upstreams and len(silent) == len(seen.upstreams):
        if reference is None:
            return _nobody(seen)
        faults = "; ".join(dict.fromkeys(f"{each.who}: {each.verdict}" for each in silent))
        return Finding(
            Culprit.UPSTREAM_DOWN,
            f"{_none_of(silent)} ({faults}), though {reference.who} does.",
            ("name another upstream in resolver: upstreams: of the policy",),
        )
    if not seen.upstreams and reference is None and seen.references:
        return _nobody(seen)
    answering = [each for each in seen.upstreams if each.answered]
    if answering and min(each.seconds for each in answering) >= SLOW:
        fastest = min(answering, key=lambda each: each.seconds)
        return Finding(
            Culprit.UPSTREAM_SLOW,
            f"Your upstreams are slow: {fastest.who} took {fastest.seconds:.1f} s.",
            ("name another upstream besides in resolver: upstreams: of the policy; the fastest is asked first",),
        )
    return None


def _nobody(seen: Seen) -> Finding:
    asked = ", ".join(each.who for each in (*seen.upstreams, *seen.references))
    vpn = f" A VPN ({seen.machine.vpn}) has the way out." if seen.machine.vpn else ""
    return Finding(
        Culprit.NO_DNS,
        f"No resolver is reached ({asked}): the network is down beyond this machine, or lets no DNS out.{vpn}",
        (
            "look whether other devices on this network work",
            "try upstreams by https://, which networks seldom hold back",
        ),
    )


def _name(seen: Seen) -> Finding | None:
    """Is it the name itself?"""
    said = [each for each in (*seen.references, *seen.upstreams) if each.answered]
    if not said or (seen.ours is not None and seen.ours.reachable) or any(each.addresses for each in seen.upstreams):
        return None
    found = any(each.addresses for each in said)
    if any(map(_is_broken, seen.references if found else said)) or all(e.rcode == SERVFAIL for e in said):
        what = next((text or f"code {code}" for each in said for code, text in each.explained if code in BROKEN), "")
        return Finding(
            Culprit.BROKEN_NAME,
            f"The DNS of {seen.name} itself is broken{f': {what}' if what else ''}; its owner has to mend it.",
            ("wait; nothing on this machine is at fault",),
        )
    if not found and all(each.absent for each in said):
        return _absent(seen.name, said, compared=any(each.answered for each in seen.references))
    return None


def _absent(name: str, said: Sequence[Told], *, compared: bool) -> Finding:
    """Say that all who answered know no such name, as far as they can be believed."""
    if name == SURE_NAME:
        return Finding(
            Culprit.NO_DNS,
            f"No resolver knows {name}, which is always there: this network answers in their place, or they are down.",
            (
                "look whether other devices on this network work",
                "try upstreams by https://, which networks seldom forge",
            ),
        )
    what = "does not exist" if any(each.rcode == NXDOMAIN for each in said) else "has no address"
    if compared:
        return Finding(Culprit.NO_SUCH_NAME, f"{name} {what}: every resolver says so.", ("look at the spelling",))
    return Finding(
        Culprit.NO_SUCH_NAME,
        f"{name} {what}, says {said[0].who}, and no resolver that never filters is reached to compare.",
        ("look at the spelling", f"blockctl doctor {name} --reference RESOLVER: compare with another one"),
    )


def _is_broken(told: Told) -> bool:
    return not told.addresses and any(code in BROKEN for code, _ in told.explained)


def _differs(seen: Seen) -> Finding | None:
    """Does our resolver not have what its upstreams have, though it blocks nothing?"""
    knows = next((each for each in seen.upstreams if each.reachable), None)
    if seen.ours is None or not seen.ours.answered or seen.ours.reachable or knows is None:
        return None
    if seen.why and " is answered here: " in seen.why[0]:
        mend = ("resolver: records: and forward: of the policy say who answers for names at home",)
        return Finding(Culprit.BLOCKCTL, f"blockctl says {seen.ours.verdict}: {seen.why[0]}.", mend)
    said = next((text for _, text in seen.ours.explained if text), "")
    return Finding(
        Culprit.BLOCKCTL,
        f"blockctl says of {seen.name}: {seen.ours.verdict}{f' ({said})' if said else ''}, while {knows.who} knows it.",
        (
            "ask again in a minute: blockctl may remember an earlier answer",
            f"blockctl log --name {seen.name}: what was answered before, and by whom",
        ),
    )


def _system(seen: Seen) -> Finding | None:
    """Does the system ask somebody else, who says something else?"""
    if seen.asks_us or not seen.system or any(each.reachable for each in seen.system):
        return None
    if seen.ours is not None and not seen.ours.reachable and not any(each.reachable for each in seen.references):
        return None
    other = seen.system[0]
    who = f"{other.who}, which this system asks,"
    if seen.machine.vpn:
        return Finding(
            Culprit.VPN,
            f"A VPN ({seen.machine.vpn}) answers in place of blockctl: {who} says: {other.withholds or other.verdict}.",
            ("leave the VPN, or let it use 127.0.0.1 for DNS",),
        )
    return Finding(
        Culprit.SYSTEM,
        f"It is not blockctl: {who} says: {other.withholds or other.verdict}.",
        ("have the system ask blockctl: see README, The whole system",),
    )


def remarks(seen: Seen) -> list[str]:
    """Return what else goes round blockctl, though it is not to blame."""
    found = []
    if seen.asks_us is False:
        asked = ", ".join(each.who for each in seen.system) or "nobody"
        found.append(f"this system asks {asked}, not blockctl: DNS filtering is not in force for it")
    if seen.machine.vpn:
        found.append(f"a VPN ({seen.machine.vpn}) has the way out and may bring a resolver of its own")
    if seen.machine.relay:
        found.append(
            "iCloud Private Relay, where it is on, takes Safari round this resolver: System Settings, Apple Account"
        )
    if seen.machine.clock is not None and abs(seen.machine.clock) > WRONG_CLOCK:
        found.append(f"the clock is off by {_span(seen.machine.clock)}")
    return found


def _none_of(silent: Sequence[Told]) -> str:
    return f"Your upstream {silent[0].who} does not answer" if len(silent) == 1 else "None of your upstreams answers"


def _span(seconds: float) -> str:
    size = abs(seconds)
    units: Iterable[tuple[int, str]] = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))
    for unit, word in units:
        if size >= 2 * unit:
            return f"{size / unit:.0f} {word}"
    return f"{size:.0f} seconds"
