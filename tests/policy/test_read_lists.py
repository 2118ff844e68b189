"""What a list of the policy may say of where it comes from."""

from __future__ import annotations

import pytest

from blockctl.policy.read import read_policy

HTTPS = "https://lists.example/a.txt"


def test_mirrors_are_addresses_in_their_order() -> None:
    text = (
        f'version: 1\nlists:\n  - {{name: a, url: "{HTTPS}", mirrors: ["https://b.example/a", "http://c.example/a"]}}\n'
    )
    policy, faults = read_policy(text, "p.yaml")
    assert faults == []
    assert policy.lists[0].addresses == (HTTPS, "https://b.example/a", "http://c.example/a")


def test_one_mirror_may_stand_without_brackets() -> None:
    policy, faults = read_policy(
        f"version: 1\nlists: [{{name: a, url: '{HTTPS}', mirrors: 'https://b.example/a'}}]\n", "p"
    )
    assert faults == []
    assert policy.lists[0].mirrors == ("https://b.example/a",)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        pytest.param("{name: a, path: a.txt, mirrors: ['https://b.example/a']}", "without a url", id="no url"),
        pytest.param(f"{{name: a, url: '{HTTPS}', mirrors: ['file:///etc/passwd']}}", "no web address", id="a file"),
        pytest.param(f"{{name: a, url: '{HTTPS}', mirrors: {{a: b}}}}", "should be a list", id="a mapping"),
        pytest.param(f"{{name: a, url: '{HTTPS}', mirror: ['https://b.example/a']}}", "did you mean", id="misspelled"),
    ],
)
def test_what_no_mirror_is(entry: str, message: str) -> None:
    _, faults = read_policy(f"version: 1\nlists:\n  - {entry}\n", "p.yaml")
    assert any(message in str(fault) for fault in faults)


def test_a_local_list_has_no_address() -> None:
    policy, _ = read_policy("version: 1\nlists: [{name: a, path: a.txt}]\n", "p")
    assert policy.lists[0].addresses == ()


def test_refresh_may_be_off() -> None:
    assert read_policy("version: 1\n", "p")[0].resolver.refresh
    assert not read_policy("version: 1\nresolver: {refresh: off}\n", "p")[0].resolver.refresh
