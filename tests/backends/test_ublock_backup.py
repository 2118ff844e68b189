"""uBlock Origin's backup: whole, and merged into the user's own; and managed storage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blockctl.backends import ublock_backup, ublock_managed
from blockctl.model.diagnostic import BlockctlError, Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import Policy
from blockctl.model.rule import Cosmetic, Effect
from tests.backends.test_ublock import DENY, policy, site

LISTS = [FilterList("list", "hosts", subtree={"ads.example"})]
URL = "http://127.0.0.1:8053/l/token/ublock.txt"
RANT = site("rant.example", javascript=DENY)


def backup(wanted: Policy, **options: str) -> dict[str, Any]:
    told = {name.replace("_", "-"): value for name, value in options.items()}
    output = ublock_backup.emit(wanted, ublock_backup.prepare(LISTS, told), told)
    made: dict[str, Any] = json.loads(b"".join(output.files[""]))
    return made


def merged(existing: dict[str, Any], wanted: Policy, **options: str) -> dict[str, Any]:
    told = {name.replace("_", "-"): value for name, value in options.items()}
    return ublock_backup.merge_backup(existing, wanted, ublock_backup.prepare(LISTS, told), told)


def mine() -> dict[str, Any]:
    return {
        "timeStamp": 5, "version": "1.66.4", "userSettings": {"uiTheme": "dark"}, "hiddenSettings": {"x": 1},
        "selectedFilterLists": ["user-filters", "easylist"], "whitelist": ["mine.example", "# note"],
        "dynamicFilteringString": "behind-the-scene * * noop\nmine.example * 3p-frame block",
        "urlFilteringString": "", "hostnameSwitchesString": "no-scripting: mine.example true\nno-popups: * true",
        "userFilters": "! my own\n||mine.example/ad\n",
    }  # fmt: skip


def test_a_whole_backup_has_what_a_restore_needs() -> None:
    made = backup(policy(RANT, site("shop.example", blocking=False)))
    assert isinstance(made["version"], str)
    assert made["userSettings"] == {}
    assert made["whitelist"] == ["chrome-extension-scheme", "moz-extension-scheme", "shop.example"]
    assert made["selectedFilterLists"] == ["user-filters"]
    assert "no-scripting: rant.example true" in made["hostnameSwitchesString"].splitlines()
    assert "||ads.example^" in made["userFilters"].splitlines()


def test_with_an_address_the_rules_stay_out() -> None:
    made = backup(policy(RANT), list_url=URL)
    assert made["selectedFilterLists"] == ["user-filters", URL]
    assert made["userSettings"] == {"importedLists": [URL], "externalLists": URL}
    assert all(line.startswith("! blockctl") for line in made["userFilters"].splitlines())


def test_merging_keeps_what_is_the_users() -> None:
    made = merged(mine(), policy(RANT), advanced="yes", list_url=URL)
    assert made["hostnameSwitchesString"] == mine()["hostnameSwitchesString"]
    assert made["timeStamp"] == 5
    assert made["hiddenSettings"] == {"x": 1}
    assert made["userSettings"] == {
        "uiTheme": "dark", "importedLists": [URL], "externalLists": URL, "advancedUserEnabled": True,
    }  # fmt: skip
    assert made["selectedFilterLists"] == ["user-filters", "easylist", URL]
    assert made["whitelist"] == ["mine.example", "# note"]
    assert made["userFilters"].startswith("! my own\n||mine.example/ad\n! blockctl begin\n")


def test_merging_again_replaces_what_was_ours() -> None:
    first = merged(mine(), policy(RANT, site("shop.example", blocking=False), deny=()), advanced="yes", list_url=URL)
    again = merged(first, policy(site("other.example", javascript=DENY)), advanced="yes")
    fresh = merged(mine(), policy(site("other.example", javascript=DENY)), advanced="yes")
    assert again["userSettings"].pop("importedLists") == []
    assert again["userSettings"].pop("externalLists") == ""
    assert again == fresh


def test_merging_twice_changes_nothing() -> None:
    wanted = policy(RANT, site("shop.example", blocking=False), deny=("t.example",))
    once = merged(mine(), wanted, advanced="yes")
    assert merged(once, wanted, advanced="yes") == once


def test_the_policy_stands_in_place_of_the_users_own_switch() -> None:
    existing = {**mine(), "hostnameSwitchesString": "no-scripting: mine.example false\nno-popups: * true"}
    made = merged(existing, policy(site("mine.example", javascript=DENY)))
    assert made["hostnameSwitchesString"].splitlines() == [
        "no-popups: * true", "no-scripting: * false", "no-scripting: mine.example true",
    ]  # fmt: skip


def test_a_pause_takes_our_part_away() -> None:
    wanted = policy(RANT, site("shop.example", blocking=False), deny=("t.example",), paused=True)
    made = merged(merged(mine(), policy(RANT)), wanted)
    assert made["whitelist"] == mine()["whitelist"]
    assert "no-scripting: rant.example false" in made["hostnameSwitchesString"].splitlines()
    assert not [line for line in made["userFilters"].splitlines()[2:] if not line.startswith("! blockctl")]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({}, id="empty"),
        pytest.param({**mine(), "whitelist": "a"}, id="whitelist is no list"),
        pytest.param({**mine(), "version": 1}, id="version is no text"),
        pytest.param({**mine(), "userFilters": None}, id="filters are no text"),
        pytest.param({**mine(), "whitelist": [1]}, id="whitelist holds numbers"),
        pytest.param({**mine(), "userSettings": {"importedLists": "x"}}, id="imported lists are no list"),
    ],
)
def test_what_is_no_backup(broken: dict[str, Any]) -> None:
    with pytest.raises(BlockctlError, match="not a backup"):
        merged(broken, policy(RANT))


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(policy(site("s.example", blocking=False, javascript=DENY)), id="scripts are denied"),
        pytest.param(policy(site("s.example", blocking=False), deny=("t.example",)), id="a host is denied everywhere"),
        pytest.param(policy(site("s.example", deny=("t.example",), blocking=False)), id="a host is denied here"),
        pytest.param(
            policy(site("s.example", blocking=False), site("x.s.example", blocking=True)), id="on again below"
        ),
    ],
)
def test_a_site_with_denials_is_not_trusted(wanted: Policy) -> None:
    assert "s.example" not in backup(wanted)["whitelist"]


def test_managed_storage() -> None:
    wanted = policy(RANT, site("shop.example", blocking=False))
    output = ublock_managed.emit(wanted, ublock_managed.prepare(LISTS, {}), {})
    told = json.loads(b"".join(output.files[""]))["policies"]["3rdparty"]["Extensions"]["uBlock0@raymondhill.net"]
    assert "no-scripting: rant.example true" in json.loads(told["adminSettings"])["hostnameSwitchesString"].splitlines()
    assert "||ads.example^" in told["toOverwrite"]["filters"]
    assert told["toAdd"] == {"trustedSiteDirectives": ["shop.example"]}
    assert "filterLists" not in told["toOverwrite"]


def test_a_line_of_a_list_stays_one_filter() -> None:
    """My filters are trusted: what follows a Unicode line separator must not become a filter of its own there."""
    text = "x.example##.a\u2028||bank.example^$replace=/a/b/"
    lists = [FilterList("list", "adblock", cosmetics=[Cosmetic(Effect.BLOCK, Origin("list", 1), text, ".a")])]
    output = ublock_managed.emit(policy(), ublock_managed.prepare(lists, {}), {})
    told = json.loads(b"".join(output.files[""]))["policies"]["3rdparty"]["Extensions"]["uBlock0@raymondhill.net"]
    assert told["toOverwrite"]["filters"] == [text]
    once = ublock_backup.merge_backup(mine(), policy(), ublock_backup.prepare(lists, {}), {})
    again = ublock_backup.merge_backup(once, policy(), ublock_backup.prepare(lists, {}), {})
    assert again["userFilters"] == once["userFilters"]
    assert again["userFilters"].split("\n").count(text) == 1


def test_same_policy_same_bytes() -> None:
    wanted = policy(RANT, deny=("b.example", "a.example"), allow=("c.example",))
    assert backup(wanted) == backup(wanted)
