"""Who keeps a name from being found: a table of what was seen and who is to blame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from blockctl.dns.culprit import Culprit, Machine, Seen, judge, remarks
from blockctl.dns.told import Told

GOOD = ("192.0.2.7",)


def told(who: str, *addresses: str, **said: Any) -> Told:
    return Told(who, answered=True, addresses=addresses, seconds=said.pop("seconds", 0.02), **said)


OURS, UPSTREAM, REFERENCE = told("127.0.0.1:5335", *GOOD), told("9.9.9.9", *GOOD), told("1.1.1.1", *GOOD)
FINE = Seen("shop.example", OURS, (), (UPSTREAM,), (REFERENCE,), (told("127.0.0.1", *GOOD),), asks_us=True)
ABSENT = {"rcode": 3}
SILENT = {
    "ours": Told("127.0.0.1:5335", error="no answer"),
    "upstreams": (Told("9.9.9.9", error="no answer"),),
    "references": (Told("1.1.1.1", error="no answer"),),
    "system": (Told("127.0.0.1", error="no answer"),),
}
BLOCK = told("127.0.0.1:5335", rcode=3, explained=((15, "blocked by ads.txt line 7: ||shop.example^; to allow: x"),))
WHY = (
    "shop.example is blocked", "by ads.txt:7: ||shop.example^", "step: block of a list",
    "let it through: blockctl allow shop.example",
)  # fmt: skip
BOGUS = ((7, "signature expired"),)
FAILED = told("127.0.0.1:5335", rcode=2)
NAME_GONE = {
    "ours": told("127.0.0.1:5335", **ABSENT),
    "references": (told("1.1.1.1", **ABSENT),),
    "upstreams": (told("9.9.9.9", **ABSENT),),
}


@pytest.mark.parametrize(
    ("changed", "culprit", "says", "mends"),
    [
        pytest.param({}, Culprit.NOBODY, "It was not DNS", "blockctl fix", id="all is well"),
        pytest.param(
            SILENT | {"machine": Machine(online=False)}, Culprit.NETWORK, "no network", "connect", id="no network"
        ),
        pytest.param(
            {"machine": Machine(portal="http://login.example/")}, Culprit.PORTAL, "captive portal",
            "http://login.example/", id="captive portal",
        ),
        pytest.param(
            {"machine": Machine(clock=7200.0), "upstreams": (Told("tls://x", error="its certificate is not valid"),)},
            Culprit.CLOCK, "2 hours ahead", "clock", id="clock ahead, certificates refused",
        ),
        pytest.param(
            {"machine": Machine(clock=-400 * 86_400.0)}, Culprit.CLOCK, "400 days behind", "", id="clock far behind"
        ),
        pytest.param({"machine": Machine(clock=600.0)}, Culprit.NOBODY, "not DNS", "", id="clock off, nobody minds"),
        pytest.param(
            {"ours": Told("127.0.0.1:53", error="refused")}, Culprit.BLOCKCTL_DOWN, "does not answer", "blockctl serve",
            id="blockctl is down and the system asks it",
        ),
        pytest.param(
            {"ours": Told("127.0.0.1:53", error="refused"), "machine": Machine(holder="dnsmasq (pid 7)")},
            Culprit.BLOCKCTL_DOWN, "dnsmasq (pid 7)", "stop that program", id="another program has our port",
        ),
        pytest.param(
            {"ours": Told("127.0.0.1:53", error="refused"), "asks_us": False}, Culprit.NOBODY, "not DNS", "",
            id="blockctl is down and nobody asks it",
        ),
        pytest.param(
            {"ours": BLOCK, "why": WHY}, Culprit.BLOCKCTL, "blocks shop.example: ads.txt:7: ||shop.example^.",
            "blockctl allow shop.example", id="blocked by us",
        ),
        pytest.param(
            {"ours": told("127.0.0.1:53", rcode=3, explained=((15, "malware"),)),
             "why": ("shop.example is let through",),
             "upstreams": (told("9.9.9.9", rcode=3, explained=((15, "malware"),)),)},
            Culprit.UPSTREAM_BLOCKS, "9.9.9.9", "", id="blocked upstream, told on by us",
        ),
        pytest.param({"ours": BLOCK}, Culprit.BLOCKCTL, "ads.txt line 7", "", id="blocked by us, no TXT answer"),
        pytest.param(
            {"ours": BLOCK, "why": WHY, "asks_us": False}, Culprit.BLOCKCTL, "this system does not ask it", "",
            id="blocked by us, whom nobody asks",
        ),
        pytest.param(
            {"upstreams": (told("9.9.9.9", rcode=3, explained=((17, "malware"),)),)}, Culprit.UPSTREAM_BLOCKS,
            "9.9.9.9 withholds shop.example: malware", "does not filter", id="upstream says that it filters",
        ),
        pytest.param(
            {"upstreams": (told("1.1.1.3", "0.0.0.0"),)}, Culprit.UPSTREAM_BLOCKS, "0.0.0.0", "upstream",
            id="upstream answers nowhere",
        ),
        pytest.param(
            {"upstreams": (told("9.9.9.9", **ABSENT),)}, Culprit.UPSTREAM_BLOCKS,
            "no such name, while 1.1.1.1 knows it", "upstream", id="upstream denies a name that exists",
        ),
        pytest.param(
            {"upstreams": (told("9.9.9.9", rcode=5),)}, Culprit.UPSTREAM_BLOCKS, "it refused", "", id="upstream refuses"
        ),
        pytest.param(
            {"upstreams": (UPSTREAM, told("1.1.1.3", "::"))}, Culprit.UPSTREAM_BLOCKS, "1.1.1.3", "",
            id="one of two upstreams blocks",
        ),
        pytest.param(
            {"upstreams": (Told("9.9.9.9", error="no answer"),)}, Culprit.UPSTREAM_DOWN, "9.9.9.9 does not answer",
            "another upstream", id="upstream down",
        ),
        pytest.param(
            {"upstreams": (UPSTREAM, Told("8.8.8.8", error="no answer"))}, Culprit.NOBODY, "not DNS", "",
            id="one of two upstreams down",
        ),
        pytest.param(
            {"upstreams": (told("9.9.9.9", *GOOD, seconds=1.4),)}, Culprit.UPSTREAM_SLOW, "1.4 s", "", id="slow"
        ),
        pytest.param(
            SILENT | {"ours": OURS}, Culprit.NO_DNS, "No resolver is reached", "https://", id="nobody answers"
        ),
        pytest.param(NAME_GONE, Culprit.NO_SUCH_NAME, "does not exist", "spelling", id="no such name"),
        pytest.param(
            {"ours": told("127.0.0.1:53"), "references": (told("1.1.1.1"),), "upstreams": (told("9.9.9.9"),)},
            Culprit.NO_SUCH_NAME, "no address", "", id="a name without address",
        ),
        pytest.param(
            NAME_GONE | {"references": SILENT["references"]}, Culprit.NO_SUCH_NAME, "says 9.9.9.9, and no resolver",
            "--reference", id="no such name, says the upstream alone",
        ),
        pytest.param(
            NAME_GONE | {"name": "example.com"}, Culprit.NO_DNS, "always there", "https://", id="forged by the network"
        ),
        pytest.param(
            NAME_GONE | {"ours": OURS}, Culprit.NOBODY, "not DNS", "", id="a name that this house alone knows",
        ),
        pytest.param(
            {"references": (told("1.1.1.1", rcode=2, explained=((7, "signature expired"),)),),
             "upstreams": (told("9.9.9.9", rcode=2),), "ours": FAILED},
            Culprit.BROKEN_NAME, "signature expired", "wait", id="DNSSEC of the name is broken",
        ),
        pytest.param(
            {"references": (Told("1.1.1.1"), told("9.9.9.10", *GOOD), told("dns.google", rcode=2, explained=BOGUS)),
             "upstreams": (told("9.9.9.9", rcode=2, explained=BOGUS),), "ours": FAILED},
            Culprit.BROKEN_NAME, "signature expired", "wait", id="DNSSEC is broken, one who asks does not check it",
        ),
        pytest.param(
            {"references": (told("1.1.1.1", **ABSENT), told("https://dns.google", *GOOD)),
             "upstreams": (told("9.9.9.9", **ABSENT),)},
            Culprit.UPSTREAM_BLOCKS, "while https://dns.google knows it", "upstream", id="all plain DNS is intercepted",
        ),
        pytest.param(
            {"ours": FAILED}, Culprit.BLOCKCTL, "it failed (SERVFAIL), while 9.9.9.9 knows it", "blockctl log --name",
            id="we fail, the upstream does not",
        ),
        pytest.param(
            {"ours": told("127.0.0.1:53", **ABSENT), "why": ("shop.example is answered here: records",)},
            Culprit.BLOCKCTL, "answered here: records", "records:", id="we answer it ourselves",
        ),
        pytest.param(
            {"ours": BLOCK, "why": (*WHY[:3], "let it through: resolver: private: [shop.example]")}, Culprit.BLOCKCTL,
            "ads.txt:7", "write in the policy: resolver: private: [shop.example]", id="the policy has to say it",
        ),
        pytest.param(
            {"asks_us": False, "system": (told("192.168.1.1", rcode=3),)}, Culprit.SYSTEM,
            "192.168.1.1, which this system asks, says: no such name", "README", id="the router blocks",
        ),
        pytest.param(
            {"asks_us": False, "system": (told("10.8.0.1", rcode=2),), "machine": Machine(vpn="utun3")}, Culprit.VPN,
            "utun3", "VPN", id="a VPN answers",
        ),
    ],
)  # fmt: skip
def test_one_sentence_says_who_is_to_blame(changed: dict[str, Any], culprit: Culprit, says: str, mends: str) -> None:
    seen = replace(FINE, **changed)
    finding = judge(seen)
    assert finding.culprit is culprit
    assert says in finding.sentence
    assert finding.sentence.endswith(".")
    assert any(mends in each for each in finding.mend) or not mends


def test_what_goes_round_blockctl_is_told_though_it_is_not_to_blame() -> None:
    machine = Machine(vpn="wg0", relay=True, clock=600.0)
    told_of = " ".join(remarks(replace(FINE, asks_us=False, machine=machine)))
    assert all(each in told_of for each in ("127.0.0.1", "wg0", "Private Relay", "10 minutes"))
    assert remarks(FINE) == []
