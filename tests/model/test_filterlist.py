"""A list that was kept and read again is the same list."""

import pickle

import pytest

from blockctl.model.filterlist import FilterList
from blockctl.parsers import parse

TEXTS = {
    "adblock": b"[Adblock Plus 2.0]\n! Title: x\n||a.example^\n||b.example^$third-party,domain=c.example|~d.c.example\n"
    b"@@/ads/*$image,important\n/x[0-9]/$to=e.example\nnews.example,~m.news.example##.ad\nx.example#@#.ad\n||f^$badfilter\nbad$opt\n",
    "hosts": b"0.0.0.0 a.example\n192.0.2.1 b.example\n",
    "rpz": b"$TTL 1\n*.a.example CNAME .\nb.example CNAME rpz-passthru.\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_kept_and_read_again(name: str) -> None:
    parsed = parse(TEXTS[name], "list.txt", name)
    kept: FilterList = pickle.loads(pickle.dumps(parsed))
    assert kept == parsed
    assert kept.rules == parsed.rules
    assert [rule.origin for rule in kept.rules] == [rule.origin for rule in parsed.rules]
    assert kept.cosmetics == parsed.cosmetics
    assert parsed.counts.rules > 0
