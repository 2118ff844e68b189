"""The same lists in several formats, from public repositories: equal names whatever syntax they came in."""

import gzip
from pathlib import Path

import pytest

from blockctl.model.filterlist import FilterList
from blockctl.model.names import parents
from blockctl.parsers import find, parse

DNS = Path(__file__).parents[2] / "../shared/corpus/dns"
pytestmark = pytest.mark.skipif(not DNS.is_dir(), reason="the corpus of shared/ is not beside the repository")

EIGHT = ("basic", "drugs", "facebook", "ransomware", "redirect", "scam", "tiktok", "torrent")


def read(path: str) -> FilterList:
    file = DNS / path
    if not file.is_file():
        pytest.skip(f"the corpus has no {path}")
    parsed = parse(gzip.decompress(file.read_bytes()), file.name)
    counts = parsed.counts
    assert counts.rules + counts.nothing + counts.refused == counts.lines
    return parsed


def names(parsed: FilterList) -> set[str]:
    return parsed.exact | parsed.subtree | {rule.host for rule in parsed.rules}


@pytest.mark.parametrize("name", EIGHT)
def test_four_syntaxes_of_one_list(name: str) -> None:
    hosts = read(f"blocklistproject/{name}.hosts.txt.gz")
    domains = read(f"blocklistproject/{name}.domains.txt.gz")
    dnsmasq = read(f"blocklistproject/{name}.dnsmasq.txt.gz")
    assert [each.format for each in (hosts, domains, dnsmasq)] == ["hosts", "domains", "dnsmasq"]
    assert hosts.exact == domains.exact == dnsmasq.subtree
    assert len(hosts.exact) > 900
    refused = [each.counts.refused for each in (hosts, domains, dnsmasq)]
    assert refused == [refused[0]] * 3
    assert hosts.counts.rules + refused[0] == hosts.counts.lines - 13  # the head


@pytest.mark.parametrize("name", [*EIGHT, "tracking", "ads"])
def test_names_and_adblock(name: str) -> None:
    domains = read(f"blocklistproject/{name}.domains.txt.gz")
    adblock = read(f"blocklistproject/{name}.adguard.txt.gz")
    assert adblock.format.startswith("adblock")
    assert domains.exact == adblock.subtree


def test_six_syntaxes_of_one_list() -> None:
    hosts, domains = (read(f"formats/stevenblack-2022/{each}.txt.gz") for each in ("hosts", "domains"))
    assert hosts.exact == domains.exact
    assert len(hosts.exact) == 118_784
    reduced = [
        read(f"formats/stevenblack-2022/{each}.gz")
        for each in ("adblock.txt", "dnsmasq.txt", "unbound.conf", "wildcard.txt")
    ]
    assert [each.format for each in reduced[1:]] == ["dnsmasq", "unbound", "wildcard"]
    assert all(each.subtree == reduced[0].subtree for each in reduced)
    assert len(reduced[0].subtree) == 67_358
    uncovered = [name for name in hosts.exact if not any(above in reduced[0].subtree for above in parents(name))]
    assert len(uncovered) == 240
    assert all(name.startswith("www.") for name in uncovered)


@pytest.mark.parametrize("name", ["privacy", "social"])
def test_a_policy_zone_and_its_names(name: str) -> None:
    zone = read(f"formats/mullvad/{name}.zone.gz")
    plain = read(f"formats/mullvad/{name}.txt.gz")
    assert (zone.format, plain.format) == ("rpz", "domains")
    assert names(zone) == names(plain)
    assert zone.counts.refused == plain.counts.refused
    # `x` and `*.x` are lines of their own in both: below `x` is the whole subtree in a zone, `*.x` the same in a list.
    assert zone.subtree <= plain.subtree
    assert plain.subtree == zone.subtree | {rule.host for rule in zone.rules}


@pytest.mark.parametrize(
    ("path", "host", "line"),
    [
        pytest.param("blocklistproject/redirect.hosts.txt.gz", "100percent-cabinet.world", None, id="hosts"),
        pytest.param("formats/stevenblack-2022/unbound.conf.gz", "deep.000free.us", 20, id="unbound, below"),
        pytest.param("formats/mullvad/privacy.zone.gz", "00px.net", 13, id="zone"),
    ],
)
def test_lines_are_found(path: str, host: str, line: int | None) -> None:
    data = gzip.decompress((DNS / path).read_bytes())
    parsed = parse(data, "t")
    found = find(data, "t", host)
    assert bool(found) == any(name in names(parsed) for name in parents(host))
    for rule in found:
        assert data.split(b"\n")[rule.origin.line - 1].decode() == rule.text
        assert line in (None, rule.origin.line)
