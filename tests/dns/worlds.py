"""A resolver with rules of a few lines, for tests of messages rather than of rules."""

from __future__ import annotations

from blockctl.dns.cache import Cache
from blockctl.dns.exchange import ALLOWED, Client, Reason, Transport, Verdict
from blockctl.dns.groups import Groups
from blockctl.dns.local import Local
from blockctl.dns.resolver import Resolver
from blockctl.dns.wire import name_text
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import Resolver as Settings
from blockctl.model.rule import Effect, Rule

UDP = Client("192.0.2.50")
TCP = Client("192.0.2.50", Transport.TCP)
BLOCKED = "ads.example"  # with all below it


class FewRules:
    """One name of a list is blocked."""

    by_client = False

    def verdict(self, name: bytes, kind: int, client: Client) -> Verdict:
        text = name_text(name)
        if text != BLOCKED and not text.endswith(f".{BLOCKED}"):
            return ALLOWED
        return Verdict(True, Reason(Step.LIST_BLOCK, Rule(Effect.BLOCK, Origin("list", 3), BLOCKED), text))

    def address_verdict(self, address: str) -> Verdict:
        return ALLOWED


def resolver(settings: Settings | None = None, cache: Cache | None = None, local: Local | None = None) -> Resolver:
    """Return a resolver that forwards to 192.0.2.53."""
    settings = settings or Settings(upstreams=("192.0.2.53",))
    if cache is None:
        cache = Cache(settings.cache_size, settings.stale)
    return Resolver(settings, lambda client: FewRules(), cache, local or Local(settings), Groups(settings))
