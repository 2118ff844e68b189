"""Files of the state folder as inputs of the fuzzer, damaged anywhere: rules that are mapped, and the kept cache.

An input is edits of a whole file: for each four octets where, how, and by which value.
"""

from __future__ import annotations

from functools import cache
from zlib import crc32

from blockctl.dns.cache import Cache
from blockctl.dns.exchange import Client, Forward, Reply
from blockctl.dns.fast import Fast
from blockctl.dns.overlay import lay
from blockctl.dns.rules import Lists, Rules
from blockctl.dns.table import DamagedTable
from blockctl.model.policy import Policy
from blockctl.model.policy import Resolver as Settings
from tests.dns.messages import query, response
from tests.dns.ruleworlds import compilation
from tests.dns.worlds import resolver

LIST = (
    "".join(f"||a{at}.ads{at % 7}.example^\n" for at in range(60))
    + "||ads.example^\n@@||free.ads.example^\n|www.shop.example^\n||cond.example^$dnstype=~A\n/^x\\d+\\./\n"
    + "@@||pay.ads.example^$domain=shop.example\n||re.example^$dnsrewrite=192.0.2.9\n"
)
NAMES = ["ads.example", "www.ads.example", "free.ads.example", "a1.ads1.example", "x.a8.ads1.example",
         "www.shop.example", "cond.example", "x7.example", "other.example", "re.example", ""]  # fmt: skip
SOMEBODY = Client("192.0.2.50")
HOURS = 3600.0


def edited(data: bytes, edits: bytes) -> bytes:
    """Return a file with edits: an octet put in another's place, octets cut out or put in, the end cut off."""
    made = bytearray(data)
    for at in range(0, len(edits) - 3, 4):
        place = int.from_bytes(edits[at : at + 2], "big") % (len(made) or 1)
        how, value = edits[at + 2], edits[at + 3]
        if how < 200 and made:
            made[place] = value
        elif how < 220:
            del made[place : place + value]
        elif how < 240:
            made[place:place] = bytes((value,)) * (how - 219)
        else:
            del made[place:]
    return bytes(made)


@cache
def whole_rules() -> bytes:
    """Return a file of rules that is not damaged."""
    return b"".join(compilation(Policy("policy"), LIST).resolver_rules())


def rules_file(data: bytes) -> None:
    """Open a damaged file of rules, and ask it: it is refused, or says something of every name."""
    try:
        lists = Lists(edited(whole_rules(), data))
    except DamagedTable:
        return
    rules = Rules(lists, lay(Policy("policy"), {}))
    fast = Fast(rules, "nxdomain")
    for name in NAMES:
        asked = query(name, "A", size=1232)
        assert fast.blocked(asked[2:]) is None or fast.answer(asked, 0.0)
        for kind in (1, 28):
            verdict = rules.verdict(asked[12 : len(asked) - 15], kind, SOMEBODY)
            assert verdict.reason is None or str(verdict.reason.rule.origin)


@cache
def whole_cache() -> bytes:
    """Return a kept cache that is not damaged."""
    kept = Cache(1 << 20, 86_400.0)
    server = resolver(cache=kept)
    for at, kind in enumerate(("A", "AAAA", "TXT", "HTTPS")):
        name = f"n{at}.test.example"
        records = {"A": [f"{name} 60 A 192.0.2.1"], "TXT": [f'{name} 60 TXT "told"'], "AAAA": []}.get(
            kind, [f"{name} 60 HTTPS 1 e.test.example alpn=h2"]
        )
        step = server.answer(query(name, kind, size=1232), SOMEBODY, 0.0)
        assert isinstance(step, Forward)
        soa = ["example 300 SOA ns.example root.example 1 2 3 4 60"]
        server.finish(step, response(step.wire, 0, records, [] if records else soa, ede=3), 0.0)
    return kept.dump(1.0, HOURS)


def kept_cache(data: bytes) -> None:
    """Load a damaged cache with its checksum put right, and answer from it: it is none, or every answer is whole."""
    made = edited(whole_cache(), data)
    start = len(b"blockctl cache 1\n")
    made = made[:start] + crc32(made[start + 4 :]).to_bytes(4, "big") + made[start + 4 :]
    loaded = Cache(1 << 20, 86_400.0)
    loaded.load(made, 2.0, HOURS + 1)
    server = resolver(Settings(upstreams=("192.0.2.53",)), cache=loaded)
    for at, kind in enumerate(("A", "AAAA", "TXT", "HTTPS")):
        step = server.answer(query(f"n{at}.test.example", kind, size=1232), SOMEBODY, 3.0)
        assert isinstance(step, Reply | Forward)
