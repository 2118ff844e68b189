"""The resolvers that this system uses: asked where the policy names none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from blockctl.model.addresses import read_address
from blockctl.model.listen import read_listen
from blockctl.model.policy import Policy

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
    """Return the addresses in the first file that names any but our own."""
    own = {(each.address, each.port) for each in map(read_listen, listen) if each.scheme == "dns"}
    for path in files:
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        words = [line.split() for line in lines]
        named = [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]
        found = [str(known) for each in named if (known := read_address(each)) is not None]
        if found := [each for each in found if (each, 53) not in own]:
            return tuple(dict.fromkeys(found))
    return ()
