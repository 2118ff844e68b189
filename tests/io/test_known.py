"""The names that matter to a household: from the policy, the log, and the lists that ship."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blockctl.dns.exchange import Outcome
from blockctl.dns.figures import Figures
from blockctl.io.household import KEPT, LOG, household_names
from blockctl.io.known import known_names, shipped_names
from blockctl.io.log_rows import Row
from blockctl.io.log_store import LogStore
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.names import is_public_suffix, is_special_use, normalize_host
from blockctl.model.policy import Policy
from blockctl.policy.gate_nouns import Concern
from blockctl.policy.read import read_policy

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = 86_400


def log(state: Path, *rows: tuple[str, Outcome, float], rcode: int | None = 0) -> None:
    """Write rows: a name, how it was answered, how many days ago."""
    store = LogStore(state / LOG)
    client = ("127.0.0.1", "", "", "udp")
    made = [
        Row(int((NOW.timestamp() - ago * DAY) * 1000), client, name, 1, int(outcome), rcode, 9, None, None, None, None)
        for name, outcome, ago in rows
    ]
    store.write(made, Figures(), int(NOW.timestamp()))
    store.close()


def policy(text: str, folder: Path = Path()) -> Policy:
    """Return the policy of a text."""
    read, faults = read_policy(f"version: 1\n{text}", str(folder / "policy.yaml"))
    assert faults == []
    return read


def asked(state: Path, days: int = 30) -> dict[str, int]:
    return household_names(state, NOW.timestamp(), days)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_what_was_answered_counts(tmp_path: Path, outcome: Outcome) -> None:
    log(tmp_path, ("a.example", outcome, 1))
    answered = outcome in (Outcome.FORWARDED, Outcome.CACHED, Outcome.STALE)
    assert asked(tmp_path) == ({"a.example": 1} if answered else {})


def test_a_name_that_does_not_exist_is_not_used(tmp_path: Path) -> None:
    log(tmp_path, ("typo.example", Outcome.FORWARDED, 1), rcode=3)
    assert asked(tmp_path) == {}


def test_thirty_days(tmp_path: Path) -> None:
    log(tmp_path, ("old.example", Outcome.FORWARDED, 40), ("new.example", Outcome.CACHED, 3))
    assert asked(tmp_path) == {"new.example": 1}
    assert asked(tmp_path, days=2) == {}


def test_what_was_read_before_is_not_read_again(tmp_path: Path) -> None:
    log(tmp_path, ("a.example", Outcome.FORWARDED, 5), ("a.example", Outcome.CACHED, 4))
    assert asked(tmp_path) == {"a.example": 2}
    kept = (tmp_path / LOG).with_name(KEPT)
    kept.write_text(kept.read_text().replace("a.example 2", "a.example 7"))
    log(tmp_path, ("a.example", Outcome.CACHED, 1), ("b.example", Outcome.CACHED, 1))
    assert asked(tmp_path) == {"a.example": 8, "b.example": 1}
    assert kept.stat().st_mode & 0o777 == 0o600


def test_another_log_is_read_from_its_beginning(tmp_path: Path) -> None:
    log(tmp_path, ("a.example", Outcome.FORWARDED, 5))
    assert asked(tmp_path) == {"a.example": 1}
    (tmp_path / LOG).rename(tmp_path / "aside")
    log(tmp_path, ("b.example", Outcome.FORWARDED, 1), ("c.example", Outcome.FORWARDED, 1))
    assert asked(tmp_path) == {"b.example": 1, "c.example": 1}


def test_whoever_deletes_the_log_deletes_this(tmp_path: Path) -> None:
    log(tmp_path, ("a.example", Outcome.FORWARDED, 5))
    assert asked(tmp_path) != {}
    for path in (tmp_path / LOG).parent.glob("queries.db*"):
        path.unlink()
    assert asked(tmp_path) == {}
    assert list((tmp_path / LOG).parent.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"blockctl names 1", b"blockctl names 1 x y\n", b"\xff\xfe\n1", b"a\nb\nc"])
def test_a_damaged_note_costs_only_time(tmp_path: Path, damage: bytes) -> None:
    log(tmp_path, ("a.example", Outcome.FORWARDED, 5))
    asked(tmp_path)
    (tmp_path / LOG).with_name(KEPT).write_bytes(damage)
    assert asked(tmp_path) == {"a.example": 1}


def test_a_log_that_cannot_be_read_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / LOG).parent.mkdir()
    (tmp_path / LOG).write_bytes(b"no database at all, and long enough to be looked at" * 100)
    assert asked(tmp_path) == {}


def test_the_names_of_a_household(tmp_path: Path) -> None:
    log(tmp_path, ("api.work.example", Outcome.FORWARDED, 1), ("api.work.example", Outcome.CACHED, 1))
    text = "protect: [my-bank.example]\nsites: {news.example: {javascript: deny}}\n"
    known = known_names(policy(text), tmp_path, NOW)
    assert known.why["api.work.example"] == (Concern.HOUSEHOLD, "asked for 2 times")
    assert known.why["my-bank.example"] == (Concern.PROTECT, "line 2 of the policy")
    assert known.why["www.news.example"] == (Concern.HOUSEHOLD, "line 3 of the policy")
    assert known.why["ocsp.digicert.com"][0] is Concern.ESSENTIAL
    assert known.why["www.wikipedia.org"][0] is Concern.POPULAR
    assert known.rank("api.work.example") < known.rank("my-bank.example") < known.rank("unknown.example")


@pytest.mark.parametrize("level", ["counts", "off"])
def test_a_log_that_is_to_keep_no_names_is_not_asked(tmp_path: Path, level: str) -> None:
    log(tmp_path, ("a.example", Outcome.FORWARDED, 1))
    assert "a.example" not in known_names(policy(f"resolver: {{log: {level}}}\n"), tmp_path, NOW).why


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("1,first.example\r\n2,second.example\r\n", ["first.example", "second.example"], id="rank,name"),
        pytest.param("first.example\n# a comment\n\nsecond.example\n", ["first.example", "second.example"], id="names"),
        pytest.param('rank,domain\n1,"first.example"\n', ["first.example"], id="a header and quotes"),
        pytest.param("first.example,77\n", ["first.example"], id="name,value"),
        pytest.param("1\tBücher.example\n", ["xn--bcher-kva.example"], id="tabs, international"),
    ],
)
def test_a_ranking_of_ones_own(tmp_path: Path, text: str, names: list[str]) -> None:
    (tmp_path / "sites.csv").write_text(text)
    known = known_names(policy("popular: sites.csv\n", tmp_path), tmp_path, NOW)
    assert [name for name in known.of(Concern.POPULAR) if name.endswith(".example")][: len(names)] == names


def test_a_packed_ranking(tmp_path: Path) -> None:
    (tmp_path / "sites.csv.gz").write_bytes(gzip.compress(b"1,first.example\n"))
    assert "first.example" in known_names(policy("popular: sites.csv.gz\n", tmp_path), tmp_path, NOW).why


@pytest.mark.parametrize("text", [None, "", "<html></html>", "1,2\n3,4\n"])
def test_a_ranking_that_is_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "sites.csv").write_text(text)
    with pytest.raises(BlockctlError):
        known_names(policy("popular: sites.csv\n", tmp_path), tmp_path, NOW)


@pytest.mark.parametrize(("which", "least"), [("essential", 600), ("popular", 550)])
def test_the_names_that_ship(which: str, least: int) -> None:
    names = shipped_names(which)
    assert len(names) >= least
    assert [name for name in names if normalize_host(name) != name] == []
    assert [name for name in names if is_public_suffix(name) or is_special_use(name)] == [], "no list can block these"
    assert [name for name, heading in names.items() if not heading] == []


@pytest.mark.parametrize("name", ["fbcdn.net", "twimg.com", "web.whatsapp.com", "mask.icloud.com"])
def test_what_a_list_may_be_added_for_is_not_essential(name: str) -> None:
    """A list against social networks, or against proxies of systems, is not held when it is new."""
    assert name not in shipped_names("essential")
