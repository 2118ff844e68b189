"""DNS packets spoilt at random, each to be had again from the seed of its run."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.dns.messages import query, response

NAMES = ("www.test.example", "ads.example", "x.ads.example", "free.ads.example", "y.records.example", "nas.example",
         "why.ads.example.blockctl", "localhost", "1.2.0.192.in-addr.arpa", "_dns.resolver.arpa", "l" * 63 + ".example",
         ".".join(["a"] * 120), "")  # fmt: skip
KINDS = ("A", "AAAA", "HTTPS", "TXT", "NS", "ANY", "SOA", "PTR")
OF_INTEREST = (b"\xc0\x0c", b"\xc0\x00", b"\xff\xff", b"\0\0\x29", b"\0\x29", b"\0", b"\x3f", b"\x40", b"\x80", b"\0\1",
               b"\0\x0f", b"\0\x0a", b"\7example\0", b"\3ads", b"\0\xff", b"\0\xfc", b"\0\5", b"\0\x41")  # fmt: skip
ANSWERS = (
    (["{0} 60 A 192.0.2.1"], 0),
    (["{0} 60 CNAME www.shop.example", "www.shop.example 60 CNAME ads.example", "ads.example 5 A 192.0.2.7"], 0),
    (["{0} 60 HTTPS 1 edge.shop.example ipv4hint=192.0.2.9 alpn=h2"], 0),
    (['{0} 60 TXT "something told"'], 0),
    ([], 3),
    (["{0} 60 NS ns.test.example", "{0} 60 NS ns2.test.example"], 0),
)


def queries() -> list[bytes]:
    """Return what is spoilt: queries of every sort."""
    found = [query(name, kind) for name in NAMES for kind in KINDS]
    found += [query(name, "A", size=1232, do=at & 1, pad=at & 2) for name in NAMES for at in range(4)]
    return [*found, query("www.test.example", "A", version=1), query("www.test.example", "A", klass=3)]


def answers() -> list[bytes]:
    """Return upstreams' answers without their question, to be spoilt too."""
    asked, soa = query("www.test.example", "A"), ["example 300 SOA ns.example root.example 1 2 3 4 60"]
    found = []
    for at, (lines, rcode) in enumerate(ANSWERS):
        wire = response(
            asked, rcode, [line.format("www.test.example") for line in lines], soa if rcode else (), ede=at - 1
        )
        found.append(wire[:12] + wire[len(asked) :].replace(asked[12:-4], b"\xc0\x0c"))
    return found


def spoilt(random: Random, seeds: list[bytes], whole: float = 0.02) -> Iterator[bytes]:
    """Yield a seed with one to four things wrong, for ever; a part of them is left `whole`."""
    while True:
        wire = bytearray(random.choice(seeds))
        for _ in range(0 if random.random() < whole else random.choice((1, 1, 1, 2, 2, 3, 4))):
            _spoil(random, wire, seeds)
        yield bytes(wire)


def _spoil(random: Random, wire: bytearray, seeds: list[bytes]) -> None:
    at = random.randrange(len(wire) + 1)
    what = random.randrange(9)
    if what == 0 and at < len(wire):
        wire[at] ^= 1 << random.randrange(8)
    elif what == 1 and at < len(wire):
        wire[at] = random.randrange(256)
    elif what == 2:
        del wire[at:]
    elif what == 3:
        del wire[at : at + random.randrange(1, 9)]
    elif what == 4:
        wire[at:at] = random.randbytes(random.randrange(1, 9))
    elif what == 5:
        piece = random.choice(OF_INTEREST)
        wire[at : at + len(piece) * random.randrange(2)] = piece
    elif what == 6 and len(wire) >= 12:
        at = random.randrange(2, 12)
        wire[at] = random.choice((0, 1, 2, 255, random.randrange(256)))
    elif what == 7:
        other = random.choice(seeds)
        wire[at:] = other[random.randrange(len(other) + 1) :]
    else:
        wire += random.choice((random.randbytes(random.randrange(1, 40)), bytes(random.randrange(1, 600))))
