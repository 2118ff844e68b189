"""The address by which a browser on this machine asks our resolver, as its policies name it."""

from __future__ import annotations

from blockctl.model.diagnostic import BlockctlError
from blockctl.model.listen import Listen, read_listen
from blockctl.model.policy import Policy

OPTION = "an https:// address of the resolver to ask, or off; unless told, where the policy lets it listen on https"
NOTE = "the browser asks {}: its certificate must be one that the browser trusts"

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what listens on every address is asked on this one


def doh_address(policy: Policy, options: dict[str, str]) -> str:
    """Return the address, "" when there is none. BlockctlError: the option is no such address."""
    said = options.get("doh", "")
    if said == "off":
        return ""
    if said:
        if not said.startswith("https://") or not said.isascii() or any(mark in said for mark in ' "<>'):
            raise BlockctlError(f"doh: {said!r} is no https:// address", 'write "https://dns.home.example/dns-query"')
        return said
    places = (read_listen(text) for text in policy.resolver.listen)
    return next((_address(place) for place in places if place.scheme == "https" and place.port), "")


def _address(place: Listen) -> str:
    address = _EVERYWHERE.get(place.address, place.address)
    host = f"[{address}]" if ":" in address else address
    return f"https://{host}{'' if place.port == 443 else f':{place.port}'}{place.path}"
