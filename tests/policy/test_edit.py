"""Edits change only the characters they must, and say what they mean: edit then read equals read then change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.model.diagnostic import BlockctlError
from blockctl.model.policy import HostEntry, Policy
from blockctl.policy import edit, tree, wanted
from blockctl.policy.entries import find, find_site
from blockctl.policy.read import has_errors, read_policy
from blockctl.policy.splice import end_of
from blockctl.policy.tree import parse_tree
from tests.policy.policies import HOSTS, SITES, texts

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


def read(text: str) -> Policy:
    policy, faults = read_policy(text, "p")
    assert not has_errors(faults), [str(fault) for fault in faults]
    return policy


def set_deny(text: str) -> str:
    return edit.set_site(text, "a.example", {"javascript": "deny"})


def allow(text: str) -> str:
    return edit.add_host(text, "allow", "x.example")


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        pytest.param(set_deny, "version: 1\n", "version: 1\nsites:\n  a.example: {javascript: deny}\n", id="no sites"),
        pytest.param(set_deny, "version: 1", "version: 1\nsites:\n  a.example: {javascript: deny}\n", id="no line end"),
        pytest.param(
            set_deny,
            "version: 1\n# end\n",
            "version: 1\n# end\nsites:\n  a.example: {javascript: deny}\n",
            id="comment at the end",
        ),
        pytest.param(
            set_deny,
            "version: 1\n...\n",
            "version: 1\nsites:\n  a.example: {javascript: deny}\n...\n",
            id="document end",
        ),
        pytest.param(
            set_deny,
            "version: 1\nsites: {}  # none\nhosts: {}\n",
            "version: 1\nsites:  # none\n  a.example: {javascript: deny}\nhosts: {}\n",
            id="empty sites",
        ),
        pytest.param(
            set_deny,
            "version: 1\nsites:\n\nhosts: {}\n",
            "version: 1\nsites:\n  a.example: {javascript: deny}\n\nhosts: {}\n",
            id="sites of nothing",
        ),
        pytest.param(
            set_deny,
            "version: 1\nsites: ~\n",
            "version: 1\nsites:\n  a.example: {javascript: deny}\n",
            id="sites of null",
        ),
        pytest.param(
            set_deny, "{version: 1}", "{version: 1, sites: {a.example: {javascript: deny}}}", id="all in one line"
        ),
        pytest.param(
            set_deny,
            "version: 1\nsites: {b.example: {blocking: off}}  # c\n",
            "version: 1\nsites: {b.example: {blocking: off}, a.example: {javascript: deny}}  # c\n",
            id="sites in one line",
        ),
        pytest.param(
            set_deny,
            "version: 1\nsites:\n   b.example: {}  # b\n   # c.example: {}\n# hosts\nhosts: {}\n",
            "version: 1\nsites:\n   b.example: {}  # b\n   # c.example: {}\n   a.example: {javascript: deny}\n# hosts\n"
            "hosts: {}\n",
            id="below the comments of its section, with its indentation",
        ),
        pytest.param(
            set_deny,
            "version: 1\nsites: {a.example: {blocking: off,}}\n",
            "version: 1\nsites: {a.example: {blocking: off, javascript: deny,}}\n",
            id="comma at the end",
        ),
        pytest.param(
            set_deny,
            "version: 1\nsites: {a.example}\n",
            "version: 1\nsites: {a.example: {javascript: deny}}\n",
            id="a bare key",
        ),
        pytest.param(
            set_deny,
            "version: 1\nsites:\n  a.example:  # mine\n  b.example: {}\n",
            "version: 1\nsites:\n  a.example: {javascript: deny}  # mine\n  b.example: {}\n",
            id="a site of which nothing is said",
        ),
        pytest.param(
            set_deny,
            "version: 1\nsites:\n  A.EXAMPLE.: {javascript: 'allow' } # x\n",
            "version: 1\nsites:\n  A.EXAMPLE.: {javascript: 'deny' } # x\n",
            id="spelling and quotes stay",
        ),
        pytest.param(
            set_deny,
            "version: 1\r\nsites:\r\n  a.example:\r\n    note: |\r\n      two\r\n      # lines\r\n  b.example: {}\r\n",
            "version: 1\r\nsites:\r\n  a.example:\r\n    note: |\r\n      two\r\n      # lines\r\n"
            "    javascript: deny\r\n  b.example: {}\r\n",
            id="CRLF, after a text of several lines",
        ),
        pytest.param(
            lambda text: edit.set_site(text, "a.example", {"note": 'say: "#1" \\ \u2028'}),
            "version: 1\nsites: {a.example: {note: |\n}}\n".replace("|\n", "old"),
            'version: 1\nsites: {a.example: {note: "say: \\"#1\\" \\\\ \\U00002028"}}\n',
            id="a note that needs quotes",
        ),
        pytest.param(
            lambda text: edit.set_site(text, "a.example", {"scroll": None, "blocking": "on"}),
            "version: 1\nsites:\n  a.example:\n    scroll: unlock # s\n    blocking: off # b\n",
            "version: 1\nsites:\n  a.example:\n    blocking: on # b\n",
            id="a key taken away",
        ),
        pytest.param(
            lambda text: edit.set_site(text, "[::1]", {"blocking": "off"}),
            "version: 1\n",
            'version: 1\nsites:\n  "[::1]": {blocking: off}\n',
            id="an IPv6 address is quoted",
        ),
        pytest.param(
            lambda text: edit.reset_site(text, "a.example"),
            "version: 1\nsites:\n  # of a\n  a.example:\n    allow:\n      - x.example # y\n    # z\n  b.example: {}\n",
            "version: 1\nsites:\n  # of a\n    # z\n  b.example: {}\n",
            id="reset takes the entry",
        ),
        pytest.param(
            lambda text: edit.reset_site(text, "b.example"),
            "version: 1\nsites: {a.example: {}, b.example: {}, c.example: {}}\n",
            "version: 1\nsites: {a.example: {}, c.example: {}}\n",
            id="reset in one line",
        ),
        pytest.param(allow, "version: 1\n", "version: 1\nhosts:\n  allow: [x.example]\n", id="no hosts"),
        pytest.param(allow, "version: 1\nhosts: {}\n", "version: 1\nhosts:\n  allow: [x.example]\n", id="empty hosts"),
        pytest.param(
            allow,
            "version: 1\nhosts:\n  allow:\n  - a.example # a\n  # b\n  deny: []\n",
            "version: 1\nhosts:\n  allow:\n  - a.example # a\n  # b\n  - x.example\n  deny: []\n",
            id="a list of lines",
        ),
        pytest.param(
            allow,
            "version: 1\nhosts:\n  allow: [ a.example, ] # a\n",
            "version: 1\nhosts:\n  allow: [ a.example, x.example, ] # a\n",
            id="a list in a line",
        ),
        pytest.param(
            allow,
            "version: 1\nhosts: {deny: [a.example, X.example], allow: }\n",
            "version: 1\nhosts: {deny: [a.example], allow: [x.example] }\n",
            id="no longer denied",
        ),
        pytest.param(
            lambda text: edit.add_host(text, "allow", "x.example", "a.example", LATER, "why: not"),
            "version: 1\nsites: {a.example: {allow: [x.example]}}\n",
            "version: 1\nsites: {a.example: {allow: "
            '[{host: x.example, until: 2027-01-02T03:04:05Z, note: "why: not"}]}}\n',
            id="for a while, on a site",
        ),
        pytest.param(
            allow,
            "version: 1\nhosts: {allow: [{host: x.example, until: 2027-01-02T03:04:05Z}]}\n",
            "version: 1\nhosts: {allow: [x.example]}\n",
            id="for good after all",
        ),
        pytest.param(
            lambda text: edit.forget_host(text, "x.example"),
            "version: 1\nhosts:\n  allow: [\n    a.example, # a\n    x.example, # x\n    b.example # b\n  ]\n",
            "version: 1\nhosts:\n  allow: [\n    a.example, # a\n    # x\n    b.example # b\n  ]\n",
            id="comments within a list stay",
        ),
        pytest.param(
            lambda text: edit.forget_host(text, "x.example"),
            "version: 1\nhosts:\n  allow: [\n    a.example, # a\n    x.example # x\n  ]\n",
            "version: 1\nhosts:\n  allow: [\n    a.example # a\n # x\n  ]\n",
            id="the last of a list with comments",
        ),
        pytest.param(
            lambda text: edit.forget_host(text, "x.example"),
            "version: 1\nhosts:\n  deny: [a.example]\n  allow:\n    - x.example\n",
            "version: 1\nhosts:\n  deny: [a.example]\n",
            id="an empty list goes",
        ),
        pytest.param(
            lambda text: edit.forget_host(text, "x.example"),
            "version: 1\nhosts:\n  allow:  # mine\n    - x.example\n",
            "version: 1\nhosts:\n  allow:  # mine\n",
            id="an empty list with a comment stays",
        ),
        pytest.param(
            lambda text: edit.forget_host(text, "x.example", "a.example"),
            "version: 1\nsites:\n  a.example: {allow: [x.example]}\n  b.example: {}\n",
            "version: 1\nsites:\n  b.example: {}\n",
            id="an empty site goes",
        ),
        pytest.param(
            lambda text: edit.remove_lapsed(text, LATER),
            "version: 1\nsites: {a.example: {until: 2020-01-01T00:00:00Z}, b.example: {}, "
            "c.example: {until: 2021-01-01T00:00:00Z}}\n",
            "version: 1\nsites: {b.example: {}}\n",
            id="lapsed sites in a line",
        ),
        pytest.param(
            lambda text: edit.remove_lapsed(text, LATER),
            "version: 1\nhosts:\n  allow: [{host: x.example, until: 2027-01-02T03:04:05Z}, b.example]\n"
            "  deny: [y.example]\n",
            "version: 1\nhosts:\n  allow: [b.example]\n  deny: [y.example]\n",
            id="lapsed hosts",
        ),
        pytest.param(
            lambda text: edit.remove_lapsed(text, LATER),
            "version: 1\nresolver:\n  groups:\n    kids:\n      clients: [ipad]\n      allow:\n"
            "        - {host: x.example, until: 2020-01-01T00:00:00Z}\n      deny: [y.example]\n",
            "version: 1\nresolver:\n  groups:\n    kids:\n      clients: [ipad]\n      deny: [y.example]\n",
            id="lapsed hosts of a group",
        ),
        pytest.param(
            set_deny,
            "version: 1\nresolver: {groups: {kids: {clients: [ipad], deny: [x.example], schedule: [{deny: all}]}}}\n",
            "version: 1\nresolver: {groups: {kids: {clients: [ipad], deny: [x.example], schedule: [{deny: all}]}}}\n"
            "sites:\n  a.example: {javascript: deny}\n",
            id="groups stay",
        ),
        pytest.param(
            set_deny, "\ufeffversion: 1\n", "\ufeffversion: 1\nsites:\n  a.example: {javascript: deny}\n", id="BOM"
        ),
    ],
)
def test_only_the_characters_that_must(change: Callable[[str], str], before: str, after: str) -> None:
    assert change(before) == after


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: edit.reset_site(text, "none.example"), id="reset"),
        pytest.param(lambda text: edit.forget_host(text, "none.example"), id="forget"),
        pytest.param(lambda text: edit.forget_host(text, "a.example", "none.example"), id="forget on a site"),
        pytest.param(lambda text: edit.remove_lapsed(text, NOW), id="nothing lapsed"),
        pytest.param(lambda text: edit.add_host(text, "deny", "a.example"), id="said before"),
        pytest.param(lambda text: edit.set_site(text, "b.example", {"blocking": "off"}), id="set before"),
    ],
)
def test_what_is_so_already_changes_nothing(change: Callable[[str], str]) -> None:
    text = "version: 1\nhosts: {deny: [ a.example ]}\nsites: { b.example: {blocking: off} }\n"
    assert change(text) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("version: 1\nsites: [", id="not YAML"),
        pytest.param("version: 1\nsites: {co.uk: {}}\n", id="an error"),
    ],
)
def test_a_wrong_policy_is_not_edited(text: str) -> None:
    with pytest.raises(BlockctlError, match="the policy has errors"):
        set_deny(text)


def test_an_edit_that_goes_wrong_is_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit, "take_sites", lambda splice, root, entries: splice.change(0, 1, "v"))
    with pytest.raises(BlockctlError, match="cannot be edited safely"):
        edit.reset_site("version: 1\nsites: {a.example: {blocking: off}}\n", "a.example")


def test_a_lapsed_entry_is_not_woken_by_a_new_setting() -> None:
    text = "version: 1\nsites: {a.example: {blocking: off, until: 2020-01-01T00:00:00Z}}\n"
    policy = read(set_deny(edit.drop_if_lapsed(text, "a.example", NOW)))
    assert (policy.sites["a.example"].blocking, policy.sites["a.example"].until) == (None, None)
    assert edit.drop_if_lapsed(text, "a.example", datetime(2019, 1, 1, tzinfo=UTC)) == text


@dataclass(frozen=True)
class Change:
    """One edit: what it does to the text, what it means, and where it may touch the text."""

    edit: Callable[[str], str]
    means: Callable[[Policy], Policy]
    scope: str | None  # a site, "hosts", or None for anywhere


@st.composite
def changes(draw: st.DrawFn) -> Change:
    site, host = draw(st.sampled_from((*SITES, "new.example"))), draw(st.sampled_from((*HOSTS, "new.example")))
    page = draw(st.sampled_from((None, site)))
    kind = draw(st.sampled_from(("set", "unset", "reset", "add", "forget", "lapsed")))
    if kind in ("set", "unset"):
        words = {
            "javascript": st.sampled_from(("allow", "deny", "first-party")),
            "blocking": st.sampled_from(("on", "off")),
            "scroll": st.just("unlock"),
            "until": st.just("2030-01-01T00:00:00Z"),
            "note": st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=9).filter(str.strip),
        }
        keys = draw(st.lists(st.sampled_from(sorted(words)), min_size=1, unique=True))
        new = {key: draw(words[key]) if kind == "set" else None for key in keys}
        return Change(
            partial(edit.set_site, host=site, changes=new), lambda it: wanted.set_in_policy(it, site, new), site
        )
    if kind == "reset":
        return Change(partial(edit.reset_site, host=site), lambda it: without(it, site), site)
    if kind == "lapsed":
        return Change(partial(edit.remove_lapsed, now=NOW), lambda it: it.at(NOW), None)
    scope = page or "hosts"
    if kind == "forget":
        forget = partial(edit.forget_host, host=host, site=page)
        return Change(forget, lambda it: wanted.forget_in_policy(it, host, page), scope)
    verb, until = draw(st.sampled_from(("allow", "deny"))), draw(st.sampled_from((None, LATER)))
    entry = HostEntry(host, verb == "allow", wanted.NOWHERE, until)
    add = partial(edit.add_host, verb=verb, host=host, site=page, until=until)
    return Change(add, lambda it: wanted.add_to_policy(it, entry, page), scope)


def without(policy: Policy, site: str) -> Policy:
    return replace(policy, sites={name: each for name, each in policy.sites.items() if name != site})


@settings(deadline=None)
@given(texts(), st.lists(changes(), min_size=1, max_size=3))
def test_edit_then_read_equals_read_then_change(text: str, steps: list[Change]) -> None:
    policy = read(text)
    for step in steps:
        text = step.edit(text)
        policy = step.means(policy)
        assert wanted.says(read(text)) == wanted.says(policy)


@settings(deadline=None)
@given(texts(), changes())
def test_only_the_lines_of_the_entry_change(text: str, step: Change) -> None:
    edited = step.edit(text)
    assert edited.startswith("\ufeff") == text.startswith("\ufeff")
    if step.scope is None:
        return
    old, new = ended(text.removeprefix("\ufeff"), text), ended(edited.removeprefix("\ufeff"), text)
    first, end = concerned(old, step.scope)
    untouched, lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
    following = list(takewhile(lambda line: line.lstrip().startswith("#"), untouched[end:]))
    before, after = untouched[:first], untouched[end + len(following) :]
    assert not Counter(map(str.rstrip, following)) - Counter(
        map(str.rstrip, lines)
    )  # comments of an entry may come before what is added to it
    assert lines[: len(before)] == before
    assert lines[len(lines) - len(after) :] == after


def ended(text: str, like: str) -> str:
    """Return a text with a line break at its end, which an addition may have to put there."""
    return text if text.endswith("\n") else text + ("\r\n" if "\r\n" in like else "\n")


def concerned(text: str, scope: str) -> tuple[int, int]:
    """Return the lines that a change may touch: those of the entry, of its section, or what follows the last one."""
    root, _ = parse_tree(text, "p")
    assert isinstance(root, tree.Mapping)
    section = find(root, "hosts" if scope == "hosts" else "sites")
    entry = section if scope == "hosts" else find_site(root, scope)
    if entry is None or (section and isinstance(section[2], tree.Mapping) and section[2].flow):
        entry = section  # within braces a comma of the neighbour may go
    count = len(text.splitlines())
    if entry is None:
        return text.count("\n", 0, root.end) + 1, count
    _, key, value = entry
    end = text.count("\n", 0, max(end_of(text, key, value), 1)) + 1
    return key.line - 1, min(end, count)


@settings(deadline=None)
@given(texts(), st.sampled_from(HOSTS), st.sampled_from((None, *SITES)))
def test_allow_and_forget_lose_no_comment_of_others(text: str, host: str, page: str | None) -> None:
    edited = edit.forget_host(edit.add_host(text, "allow", host, page), host, page)
    lost = Counter(COMMENT.findall(text)) - Counter(COMMENT.findall(edited))
    items = [line for line in text.splitlines() if host in line and COMMENT.search(line)]
    assert lost.total() <= len(items)


COMMENT = re.compile(r"# (?:why|x: \{y\}, \[z\]|c\b|- c|the \w+|of the next|none|a comment)")
