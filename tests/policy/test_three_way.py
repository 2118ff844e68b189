"""Two edits of one policy are put together: nothing that one side did is lost, and true conflicts are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.model.diagnostic import BlockctlError
from blockctl.policy import edit, wanted
from blockctl.policy.read import has_errors, read_policy
from blockctl.policy.three_way import merge, merge_texts
from blockctl.policy.three_way_parts import by_lines, by_yaml
from tests.policy import policies

BASE = """\
version: 1
# my sites
sites:
  a.example: {javascript: deny}
  # about b
  b.example:
    allow: [x.example, y.example]
    note: hello   # n

  c.example:
    allow:
      - p.example
      - q.example  # q
hosts:
  allow: [h.example]
"""


def says(text: str) -> tuple[object, ...]:
    policy, faults = read_policy(text, "t")
    assert not has_errors(faults), (text, faults)
    said = wanted.says(policy)
    sites = {
        host: tuple(frozenset(part) if isinstance(part, tuple) else part for part in each)
        for host, each in said[2].items()
    }  # type: ignore[attr-defined]
    return (*said[:2], sites, *said[3:])


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        pytest.param(
            [("{javascript: deny}", "{javascript: deny, blocking: off}")],
            [("{javascript: deny}", "{javascript: deny, note: hi}")],
            [("{javascript: deny}", "{javascript: deny, blocking: off, note: hi}")],
            id="two keys of one site, in brackets",
        ),
        pytest.param(
            [("[x.example, y.example]", "[y.example]")],
            [("[x.example, y.example]", "[x.example, y.example, z.example]")],
            [("[x.example, y.example]", "[y.example, z.example]")],
            id="hosts are a set",
        ),
        pytest.param(
            [("      - p.example\n", "")],
            [("  # q\n", "  # q\n      # new\n      - r.example\n")],
            [("      - p.example\n", ""), ("  # q\n", "  # q\n      # new\n      - r.example\n")],
            id="hosts in lines, with their comments",
        ),
        pytest.param(
            [("  # about b\n", "  # about b\n  # ours\n")],
            [("  # about b\n", "  # about b, which is theirs\n")],
            [("  # about b\n", "  # ours\n  # about b, which is theirs\n")],
            id="comments of both",
        ),
        pytest.param(
            [("note: hello   # n", "note: hello   # mine")],
            [("note: hello", "note: bye")],
            [("note: hello   # n", "note: bye   # mine")],
            id="a comment beside a value that the other changed",
        ),
        pytest.param(
            [("hosts:\n", "  o.example: {}\nhosts:\n")],
            [("hosts:\n", "  t.example: {}\nhosts:\n")],
            [("hosts:\n", "  o.example: {}\n  t.example: {}\nhosts:\n")],
            id="new sites at one place",
        ),
        pytest.param(
            [("  a.example: {javascript: deny}\n", "")],
            [("{javascript: deny}", "{javascript: deny, blocking: off}")],
            [("{javascript: deny}", "{blocking: off}")],
            id="a site that one deleted keeps what the other added",
        ),
        pytest.param(
            [("    allow: [x.example, y.example]\n", "    allow:\n      - x.example\n      - y.example\n")],
            [("y.example]", "y.example, z.example]")],
            [("[x.example, y.example]", "\n      - x.example\n      - y.example\n      - z.example")],
            id="one lays out anew what the other adds to",
        ),
        pytest.param(
            [("h.example", "{host: h.example, until: 2036-01-01T00:00:00Z}")],
            [("h.example", "{host: h.example, note: why}")],
            [("h.example", "{host: h.example, until: 2036-01-01T00:00:00Z, note: why}")],
            id="an end and a note of one host",
        ),
        pytest.param(
            [("javascript: deny", "javascript: block")],
            [("javascript: deny", "javascript: off")],
            [("javascript: deny", "javascript: block")],
            id="spellings of one word are no conflict",
        ),
    ],
)
def test_merge(ours: list[tuple[str, str]], theirs: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    texts = []
    for changes in (ours, theirs, expected):
        text = BASE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        texts.append(text)
    texts[2] = texts[2].replace("allow: \n", "allow:\n")
    merged = merge(BASE, texts[0], texts[1])
    assert merged.text == texts[2]
    assert not merged.conflicts


@pytest.mark.parametrize(
    ("ours", "theirs", "where", "comment"),
    [
        pytest.param(
            ("hello", "ours"), ("hello", "theirs"), "sites: b.example: note",
            "    # conflict: note: theirs said  theirs\n    note: ours   # n\n", id="a value",
        ),
        pytest.param(
            ("{javascript: deny}", "{javascript: allow}"), ("{javascript: deny}", "{javascript: first-party}"),
            "sites: a.example: javascript",
            "  # conflict: javascript: theirs said  first-party\n  a.example: {javascript: allow}\n", id="in brackets",
        ),
        pytest.param(
            ("  a.example: {javascript: deny}\n", ""), ("{javascript: deny}", "{javascript: allow}"),
            "sites: a.example: javascript",
            "sites:\n  # conflict: javascript, which is deleted here: theirs said  allow\n", id="ours deleted it",
        ),
        pytest.param(
            ("{javascript: deny}", "{javascript: allow}"), ("  a.example: {javascript: deny}\n", ""),
            "sites: a.example: javascript",
            "  # conflict: javascript: theirs deleted it\n  a.example: {javascript: allow}\n", id="theirs deleted it",
        ),
        pytest.param(
            ("p.example", "p.example\n      - n.example"),
            ("    note: hello", "    deny: [n.example]\n    note: hello"),
            "", "", id="other sites are no conflict",
        ),
        pytest.param(
            ("[x.example, y.example]", "[x.example, y.example, n.example]"),
            ("    note: hello", "    deny: [n.example]\n    note: hello"),
            "sites: b.example: allow: n.example",
            "  # conflict: n.example: theirs said  deny: n.example\n  b.example:\n", id="allowed here, denied there",
        ),
    ],
)  # fmt: skip
def test_conflicts_are_told_and_ours_is_kept(
    ours: tuple[str, str], theirs: tuple[str, str], where: str, comment: str
) -> None:
    merged = merge(BASE, BASE.replace(*ours), BASE.replace(*theirs))
    assert [each.where for each in merged.conflicts] == ([where] if where else [])
    assert comment in merged.text
    assert not has_errors(read_policy(merged.text, "t")[1])
    for each in merged.conflicts:
        assert each.ours_line or not each.ours
        assert each.theirs_line or not each.theirs


def test_a_host_denied_with_a_note_here_and_allowed_there_leaves_one_of_them() -> None:
    base = "version: 1\nhosts:\n  allow: [a.example]\n  deny:\n  - cdn.example\n  - x.cdn.example\n"
    ours = edit.add_host(base, "allow", "x.cdn.example", note="why")
    theirs = edit.add_host(edit.add_host(base, "deny", "x.cdn.example", note="why"), "allow", "cdn.example")
    for one, other in ((ours, theirs), (theirs, ours)):
        merged = merge(base, one, other)
        policy, _ = read_policy(merged.text, "t")
        assert policy.hosts["cdn.example"].allow
        assert policy.hosts["x.cdn.example"].allow == (one is ours)
        assert [each.path[-1] for each in merged.conflicts] == ["x.cdn.example"]


@pytest.mark.parametrize("ends", ["", "resolver:\n  groups: {k: {clients: [10.0.0.0], schedule: [{deny: all}]}}"])
@pytest.mark.parametrize(
    ("empty", "gone", "new"),
    [
        ("hosts:\n  allow: ~\n", "hosts: {}\n", "hosts:\n  allow: [a.example]\n"),
        ("hosts: {allow: []}\n", "hosts: {}\n", "hosts: {allow: [a.example]}\n"),
        ("hosts:\n  allow:\n", "", "hosts:\n  allow:\n    - a.example\n"),
        ("sites:\n  a.example: {}\n", "sites: {}\n", "sites:\n  a.example: {javascript: deny}\n"),
    ],
)
def test_what_said_nothing_can_be_deleted_here_and_filled_there(empty: str, gone: str, new: str, ends: str) -> None:
    base, one, other = (f"version: 1\n{text}{ends}" for text in (empty, gone, new))
    for ours, theirs in ((one, other), (other, one)):
        merged = merge(base, ours, theirs)
        assert merged.conflicts == ()
        assert says(merged.text) == says(other)


def test_a_conflict_names_the_lines() -> None:
    (conflict,) = merge(BASE, "# one more\n" + BASE.replace("hello", "ours"), BASE.replace("hello", "theirs")).conflicts
    assert (conflict.ours, conflict.ours_line) == ("ours", 9)
    assert (conflict.theirs, conflict.theirs_line) == ("theirs", 8)


def test_settings_that_do_not_fit_together_are_ours() -> None:
    base = "version: 1\nlists:\n  - {name: a, path: a.txt}\nhosts:\n  allow: [x.example]\n"
    ours = base + "resolver:\n  groups:\n    kids: {clients: [10.0.0.1], lists: [a]}\n"
    theirs = base.replace("  - {name: a, path: a.txt}\n", "  - {name: b, path: b.txt}\n").replace(
        "x.example", "y.example"
    )
    merged = merge(base, ours, theirs)
    policy, faults = read_policy(merged.text, "t")
    assert not has_errors(faults)
    assert [source.name for source in policy.lists] == ["a"]
    assert set(policy.hosts) == {"y.example"}
    assert "do not fit together" in merged.conflicts[-1].theirs


def test_what_has_errors_is_refused() -> None:
    with pytest.raises(BlockctlError) as told:
        merge(BASE, BASE + "hosts: {}\n", BASE.replace("deny", "allow"), ("b.yaml", "o.yaml", "t.yaml"))
    assert {fault.origin.file for fault in told.value.diagnostics} == {"o.yaml"}


@pytest.mark.parametrize(
    "theirs", ["", "# nothing\n", BASE.replace("javascript: deny", "javascript: what"), BASE[:40] + "{"]
)
@pytest.mark.parametrize("ours", [BASE, BASE.replace("hello", "bye")])
def test_what_has_errors_is_not_taken_where_ours_is_as_it_was(ours: str, theirs: str) -> None:
    with pytest.raises(BlockctlError) as told:
        merge(BASE, ours, theirs, ("b.yaml", "o.yaml", "t.yaml"))
    assert {fault.origin.file for fault in told.value.diagnostics} == {"t.yaml"}


def test_what_had_errors_before_can_be_mended_by_theirs() -> None:
    assert merge(BASE + "site: {}\n", BASE + "site: {}\n", BASE).text == BASE


def test_without_a_base_all_of_both_is_kept() -> None:
    theirs = BASE.replace("a.example", "t.example").replace("hello", "bye")
    merged = merge("", BASE, theirs)
    policy, _ = read_policy(merged.text, "t")
    assert set(policy.sites) == {"a.example", "t.example", "b.example", "c.example"}
    assert [each.where for each in merged.conflicts] == ["sites: b.example: note"]


def test_line_ends_that_one_side_changed_are_its_own() -> None:
    windows = BASE.replace("\n", "\r\n")
    theirs = BASE.replace("hello", "bye")
    assert merge(BASE, windows, theirs).text == theirs.replace("\n", "\r\n")
    assert merge(BASE, theirs, windows).text == theirs.replace("\n", "\r\n")


texts = policies.texts()
sites = st.sampled_from(policies.SITES)
hosts = st.sampled_from(policies.HOSTS)
MOMENT = datetime(2037, 1, 1, tzinfo=UTC)

# An edit: what it is about (two with the same may be in conflict), and the change.
Edit = tuple[tuple[str, ...], object]


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    site, host = draw(sites), draw(hosts)
    form = draw(st.integers(0, 4))
    if form == 0:
        key, value = draw(
            st.sampled_from((("javascript", "deny"), ("blocking", "off"), ("scroll", "unlock"), ("note", "new: note")))
        )
        gone = draw(st.booleans())
        return ("site", site, key), lambda text: edit.set_site(text, site, {key: None if gone else value})
    if form == 1:
        return ("host", site, host), lambda text: edit.forget_host(text, host, site)
    if form == 2:
        return ("host", "", host), lambda text: edit.forget_host(text, host)
    verb, until = draw(st.sampled_from(("allow", "deny"))), draw(st.sampled_from((None, MOMENT)))
    page = site if form == 3 else None
    return ("host", page or "", host), lambda text: edit.add_host(text, verb, host, page, until, draw_note)


draw_note = "why"


def applied(text: str, changes: list[Edit]) -> str:
    for _, change in changes:
        text = change(text)  # type: ignore[operator]
    return text


@given(texts, st.lists(edits(), max_size=4), st.lists(edits(), max_size=4))
def test_edits_of_different_things_are_all_done(base: str, ours: list[Edit], theirs: list[Edit]) -> None:
    about = {each for each, _ in ours}
    theirs = [each for each in theirs if each[0] not in about]
    one, other = applied(base, ours), applied(base, theirs)
    merged = merge_texts(base, one, other)
    assert says(merged.text) == says(applied(one, theirs))
    assert not merged.conflicts
    assert says(merge_texts(base, other, one).text) == says(merged.text)


@given(texts, st.lists(edits(), max_size=4))
def test_what_one_side_did_is_kept_to_the_character(base: str, changes: list[Edit]) -> None:
    changed = applied(base, changes)
    for merged in (merge, merge_texts):
        assert merged(base, changed, base).text == changed
        assert merged(base, base, changed).text == changed


@given(texts, st.lists(edits(), max_size=4), st.lists(edits(), max_size=4))
def test_edits_of_the_same_things_give_a_policy_that_can_be_served(
    base: str, ours: list[Edit], theirs: list[Edit]
) -> None:
    one, other = applied(base, ours), applied(base, theirs)
    merged, mirrored = merge(base, one, other), merge(base, other, one)
    assert not has_errors(read_policy(merged.text, "t")[1])
    assert bool(merged.conflicts) == bool(mirrored.conflicts)
    if not merged.conflicts:
        assert says(merged.text) == says(mirrored.text)
    assert merge(base, merged.text, merged.text).text == merged.text


@st.composite
def commented(draw: st.DrawFn, text: str, sign: str) -> tuple[str, list[str]]:
    """Return a text with comments added in lines of their own where that leaves what it says."""
    lines = text.splitlines(keepends=True)
    added = []
    for number in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines)))
        word = f"# {sign}{number}"
        indent = draw(st.sampled_from((0, 2, 4, 6)))
        new = "".join([*lines[:at], " " * indent + word + "\n", *lines[at:]])
        if at and not lines[at - 1].endswith("\n"):
            continue
        before, after = read_policy(text, "t"), read_policy(new, "t")
        if not has_errors(after[1]) and wanted.says(before[0]) == wanted.says(after[0]):
            lines = new.splitlines(keepends=True)
            added.append(word)
    return "".join(lines), added


@given(st.data(), texts, st.lists(edits(), max_size=3), st.lists(edits(), max_size=3))
def test_no_new_comment_of_either_side_is_lost(
    data: st.DataObject, base: str, ours: list[Edit], theirs: list[Edit]
) -> None:
    one, mine = data.draw(commented(applied(base, ours), "ours"))
    other, their = data.draw(commented(applied(base, theirs), "theirs"))
    merged = merge(base, one, other).text
    assert not has_errors(read_policy(merged, "t")[1])
    for word in (*mine, *their):
        assert word in merged
        assert read_policy(merged, "t")[0] is not None


@given(texts)
def test_a_text_cut_by_lines_is_cut_as_yaml_has_it(text: str) -> None:
    text = text.removeprefix("\ufeff").removeprefix("---\n").removeprefix("---\r\n")
    quick, sure = by_lines(text, 1, ()), by_yaml(text, 1, ())
    if quick is not None:
        assert quick == sure
    if sure is not None:
        assert "".join(part.lead + part.body for part in sure.parts.values()) + sure.tail == text
