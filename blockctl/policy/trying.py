"""The policy while `fix` tries: hosts allowed for a while, and answers that nobody remembers for long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from blockctl.model.diagnostic import BlockctlError
from blockctl.model.policy import Policy
from blockctl.policy import edit, tree
from blockctl.policy.entries import find
from blockctl.policy.splice import Splice
from blockctl.policy.three_way import merge
from blockctl.policy.tree import Scalar

TTL = 5  # seconds; what is let through in one try and not in the next must not be remembered until then


def trying(text: str, site: str, hosts: Iterable[str], until: datetime) -> str:
    """Return the text with these hosts allowed on a site until then."""
    text = _forgetful(text)
    for host in hosts:
        text = edit.add_host(text, "allow", host, site, until)
    return text


def fixed(text: str, site: str, hosts: Iterable[str], now: datetime) -> str:
    """Return the text with these hosts allowed on a site for good."""
    text = edit.drop_if_lapsed(text, site, now)
    for host in hosts:
        text = edit.add_host(text, "allow", host, site)
    return text


def untried(now: str, tries: Sequence[str], before: str) -> str:
    """Return the text without what `fix` wrote into it to try; edits of others since the last try stay.

    Raises BlockctlError where the two cannot be told apart.
    """
    return before if now in (before, *tries) else merge(tries[-1], now, before).text


def _forgetful(text: str) -> str:
    """Return the text with a short life for answers; as it is where its layout does not allow that."""
    value = f"{TTL}s"

    def put(splice: Splice, root: tree.Mapping) -> None:
        section = find(root, "resolver")
        if section is None:
            entry = f"{{max-ttl: {value}}}"
            if root.flow:
                splice.add_entries(root, [("resolver", f"{{cache: {entry}}}")])
            else:
                splice.add_section(root, "resolver", f"cache: {entry}")
            return
        if not isinstance(section[2], tree.Mapping):
            return
        cache = find(section[2], "cache")
        if cache is None:
            splice.add_entries(section[2], [("cache", f"{{max-ttl: {value}}}")])
        elif isinstance(cache[2], tree.Mapping):
            most = find(cache[2], "max-ttl")
            if most is None:
                splice.add_entries(cache[2], [("max-ttl", value)])
            elif isinstance(most[2], Scalar):
                splice.replace(most[2], value)

    def change(policy: Policy) -> Policy:
        return replace(policy, resolver=replace(policy.resolver, max_ttl=TTL))

    try:
        return edit.proved(text, [put], change)
    except BlockctlError:
        return text
