"""Whether a resolver finds its upstreams without the system's resolver, which is about to ask it."""

from __future__ import annotations

from blockctl.model.addresses import LOOPBACK, is_within, read_address
from blockctl.model.names import is_address
from blockctl.model.policy import Resolver
from blockctl.policy.endpoints import read_upstream

PORT = 53
HINT = 'name them, as in resolver: {upstreams: ["https://dns.quad9.net/dns-query"], bootstrap: ["9.9.9.9"]}'


def why_not_alone(settings: Resolver) -> str:
    """Return why the system may not ask this resolver: they would ask each other in a ring. "" where it may."""
    if not settings.upstreams:
        return "the policy names no upstreams, so blockctl asks whom the system asks, which would be blockctl"
    named = [read_upstream(text) for text in settings.upstreams]
    for text, each in zip(settings.upstreams, named, strict=True):
        address = read_address(each.host)
        if address is not None and is_within(address, LOOPBACK) and each.port == PORT:
            return f"the upstream {text} is the resolver of this system, which would ask blockctl"
    if not settings.bootstrap and not any(is_address(each.host) for each in named):
        return f"nobody but the system can find {named[0].host}, and the system would ask blockctl"
    return ""
