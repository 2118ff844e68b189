"""The resolvers that this system uses: asked where the policy names none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from blockctl.io.network import own_addresses
from blockctl.model.addresses import LOOPBACK, is_within, read_address
from blockctl.model.listen import read_listen
from blockctl.model.policy import Policy

PORT = 53
VERSIONS = {"0.0.0.0": 4, "::": 6}  # noqa: S104 - every address of this machine
# resolv.conf(5); macOS keeps one too. With systemd-resolved the first names only its stub, the second whom that asks.
FILES = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


def with_upstreams(policy: Policy, say: Callable[[str], None], files: tuple[Path, ...] = FILES) -> Policy:
    """Return the policy with upstreams: its own, else the system's, but never ourselves."""
    if policy.resolver.upstreams:
        return policy
    found = system_resolvers(policy.resolver.listen, files)
    if not found:
        say('nobody to ask: name upstreams, as in `resolver: {upstreams: ["9.9.9.9", "tls://dns.quad9.net"]}`')
        return policy
    return replace(policy, resolver=replace(policy.resolver, upstreams=found))


def system_resolvers(listen: tuple[str, ...], files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the addresses in the first file that names any but our own; to ask ourselves would answer nothing."""
    own = {each.address for each in map(read_listen, listen) if each.scheme == "dns" and each.port == PORT}
    everywhere = {VERSIONS[each] for each in own & VERSIONS.keys()}
    own |= {each for each in own_addresses() if everywhere and ip_address(each).version in everywhere}
    for path in files:
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        words = [line.split() for line in lines]
        named = [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]
        found = [str(known) for each in named if (known := read_address(each)) is not None]
        found = [each for each in found if each not in own and not _is_here(each, everywhere)]
        if found:
            return tuple(dict.fromkeys(found))
    return ()


def _is_here(address: str, versions: set[int]) -> bool:
    known = ip_address(address)
    return known.version in versions and is_within(known, LOOPBACK)
