"""Versions of lists and names that matter, for the tests of the gate."""

from __future__ import annotations

from collections.abc import Iterable

from blockctl.io.versions import version_of
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import ListText
from blockctl.model.policy import ListSource, Policy
from blockctl.parsers import parse
from blockctl.policy.gate import Hold, Known, Standing, Version, judge
from blockctl.policy.gate_nouns import Concern
from blockctl.policy.read import read_policy

KNOWN = Known(
    {
        Concern.PROTECT: {"my-bank.example": "line 4 of the policy"},
        Concern.HOUSEHOLD: {"news.example": "line 2 of the policy", "api.work.example": "asked for 7 times"},
        Concern.ESSENTIAL: {"swcdn.apple.com": "system updates, Apple", "ocsp.digicert.com": "certificates"},
        Concern.POPULAR: {"wiki.example": "", "www.wiki.example": ""},
    },
    {"api.work.example": 7},
)
FILLER = "\n".join(f"||ad{number}.example^" for number in range(300))


def version(text: str | Iterable[str], name: str = "easy", use: str = "both", match: str = "") -> Version:
    """Return a version of a list with that text, or those lines."""
    data = (text if isinstance(text, str) else "\n".join(text)).encode()
    file = f"https://lists.example/{name}.txt"
    source = ListSource(
        name, Origin("policy.yaml", 1), url=file, browser=use != "dns", dns=use != "browser", match=match
    )
    list_text = ListText(source, file, data, "")
    return version_of([(list_text, parse(data, file, match=match, dns_only=source.dns_only))])


def standing(policy: str = "version: 1\n", *others: Version) -> Standing:
    """Return what is in force beside the list."""
    read, faults = read_policy(policy, "policy.yaml")
    assert faults == []
    return Standing(read, others)


def held(before: Version | None, after: Version, beside: Standing | None = None) -> dict[str, list[str]]:
    """Return the kinds of holds, each with the names or the lines that it names."""
    return {hold.kind.value: said(hold) for hold in judge(before, after, KNOWN, beside or Standing(Policy("p")))}


def said(hold: Hold) -> list[str]:
    """Return what a hold names."""
    return [each.name for each in hold.blocked] or [line.text for line in hold.at]
