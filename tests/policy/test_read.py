"""What the reader makes of right policies, and that every wrong one is told in full, with its place and the way out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blockctl.backends import BROWSER_BACKENDS, DNS_BACKENDS
from blockctl.io.policy_file import decode
from blockctl.model.diagnostic import BlockctlError, Severity
from blockctl.model.policy import MAX_CHARACTERS, JavaScript, ListSource, Policy
from blockctl.parsers import PARSERS
from blockctl.policy import tree, words
from blockctl.policy.read import has_errors, lapsed, read_policy
from blockctl.policy.tree import parse_kept
from tests.policy.policies import texts

WHOLE = """\
version: 1
defaults: {javascript: allow, blocking: on}
sites:
  rant.example: {javascript: deny}
  shop.example:
    javascript: allow
    blocking: off
    until: 2026-12-01T12:00:00Z
    note: checkout breaks otherwise
  news.example:
    allow: [cdn.partner.example, {host: b.example, until: 2026-12-01 13:00+01:00, note: x}]
    deny: [chat.vendor.example]
    hide: [".newsletter-modal"]
    scroll: unlock
hosts:
  allow: [my-own-site.example]
  deny: [telemetry.example]
lists:
  - {name: starter, path: builtin:starter}
  - {name: easylist, url: "https://l.example/e.txt", use: [browser], match: subtree, widen: [third-party], trust: yes}
protect: [my-bank.example]
resolver:
  listen: ["127.0.0.1:5335", "[::1]:5335"]
  upstreams: ["9.9.9.9", "127.0.0.1:5400", "2620:fe::fe", "tls://dns.quad9.net", "https://dns.quad9.net/dns-query"]
  answer: nodata
  yield: all
targets:
  safari: {path: out/safari, min-version: "17"}
  mine: {path: out/u.txt, backend: ublock}
"""
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def read(text: str) -> Policy:
    policy, faults = read_policy(text, "p.yaml")
    assert [str(fault) for fault in faults] == []
    return policy


def faults_of(text: str) -> list[str]:
    return [str(fault) for fault in read_policy(text, "p.yaml")[1]]


def test_the_whole_schema() -> None:
    policy = read(WHOLE)
    rant, shop, news = policy.sites.values()
    assert (rant.javascript, rant.blocking, str(rant.origin)) == (JavaScript.DENY, None, "p.yaml:4:3")
    assert (shop.javascript, shop.blocking, shop.until, shop.note) == (
        JavaScript.ALLOW, False, NOON, "checkout breaks otherwise",
    )  # fmt: skip
    assert [(entry.host, entry.allow, entry.until, entry.note) for entry in news.hosts] == [
        ("cdn.partner.example", True, None, ""),
        ("b.example", True, NOON, "x"),
        ("chat.vendor.example", False, None, ""),
    ]
    assert (news.hide, news.unlock_scroll) == ((".newsletter-modal",), True)
    assert str(news.lines["scroll"]) == "p.yaml:14:5"
    assert {host: entry.allow for host, entry in policy.hosts.items()} == {
        "my-own-site.example": True,
        "telemetry.example": False,
    }
    starter, easylist = policy.lists
    assert (starter.path, starter.url, starter.browser, starter.dns) == ("builtin:starter", "", True, True)
    assert easylist == ListSource(
        "easylist", easylist.origin, url="https://l.example/e.txt", dns=False, match="subtree",
        widen=("third-party",), trust=True,
    )  # fmt: skip
    assert list(policy.protect) == ["my-bank.example"]
    assert policy.resolver.listen == ("127.0.0.1:5335", "[::1]:5335")
    assert len(policy.resolver.upstreams) == 5
    assert (policy.resolver.answer, policy.resolver.yield_all) == ("nodata", True)
    assert [(each.name, each.backend, each.path, each.options) for each in policy.targets.values()] == [
        ("safari", "safari", "out/safari", {"min-version": "17"}),
        ("mine", "ublock", "out/u.txt", {}),
    ]


def test_the_words_are_those_of_the_other_rooms() -> None:
    backends = {**BROWSER_BACKENDS, **DNS_BACKENDS}
    assert set(words.FORMATS) == set(PARSERS)
    assert {name: set(options) for name, options in words.OPTIONS.items()} == {
        name: set(backend.OPTIONS) for name, backend in backends.items()
    }


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("version: 1\nsites:\nhosts:\nlists:\nprotect:\nresolver:\ntargets:\ndefaults:\n", id="nothing"),
        pytest.param("version: 1\nsites: {}\nhosts: ~\nlists: []\nprotect: null\n", id="empty"),
        pytest.param("{version: 1, sites: {}}", id="one flow mapping, no line break"),
        pytest.param("\ufeffversion: 1\n", id="BOM"),
        pytest.param("version: 1\r\nsites:\r\n  a.example:\r\n    javascript: deny\r\n", id="CRLF"),
        pytest.param("# c\n---\nversion: '1'\n...\n", id="document marks"),
        pytest.param("version: 1\nsites:\n  a.example:\n", id="a site of which nothing is said"),
    ],
)
def test_layouts_that_are_fine(text: str) -> None:
    assert read(text).javascript is JavaScript.ALLOW


@pytest.mark.parametrize(
    ("entry", "site"),
    [
        pytest.param("A.Example.", "a.example", id="upper case, final dot"),
        pytest.param("Bücher.example", "xn--bcher-kva.example", id="international"),
        pytest.param("www.a.example", "www.a.example", id="a host of a site"),
        pytest.param("user.github.io", "user.github.io", id="below a private suffix"),
        pytest.param("nas", "nas", id="a single label that is no top-level domain"),
        pytest.param("192.0.2.1", "192.0.2.1", id="IPv4"),
        pytest.param('"[2001:DB8::0:1]"', "[2001:db8::1]", id="IPv6"),
        pytest.param('"::1"', "[::1]", id="IPv6 without brackets"),
    ],
)
def test_sites_in_normal_form(entry: str, site: str) -> None:
    assert list(read(f"version: 1\nsites:\n  {entry}: {{javascript: deny}}\n").sites) == [site]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param("javascript: block", (JavaScript.DENY, None), id="block is deny"),
        pytest.param("blocking: yes", (None, True), id="yes is a word"),
        pytest.param("blocking: OFF", (None, False), id="OFF is a word"),
        pytest.param("blocking: 'false'", (None, False), id="quoted"),
    ],
)
def test_words(said: str, expected: tuple[object, object]) -> None:
    site = read(f"version: 1\nsites: {{a.example: {{{said}}}}}\n").sites["a.example"]
    assert (site.javascript, site.blocking) == expected


@pytest.mark.parametrize("answer", words.ANSWERS)
def test_answers_null_is_one(answer: str) -> None:
    assert read(f"version: 1\nresolver: {{answer: {answer}}}\n").resolver.answer == answer


def test_block_is_a_spelling_of_deny() -> None:
    policy = read("version: 1\nhosts: {block: [a.example]}\nsites: {b.example: {block: [c.example]}}\n")
    assert not policy.hosts["a.example"].allow
    assert not policy.sites["b.example"].hosts[0].allow


CASES = re.compile(r"^## ([^\n]+)\n```yaml\n(.*?)^```\n```text\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
FAULTS = Path(__file__).with_name("faults.md")


@pytest.mark.parametrize(
    ("text", "said"),
    [pytest.param(text, said, id=name) for name, text, said in CASES.findall(FAULTS.read_text(encoding="utf-8"))],
)
def test_what_is_said_of_a_fault(text: str, said: str, request: pytest.FixtureRequest) -> None:
    told = "\n".join(faults_of(text))
    if request.config.getoption("--update") and told != said:
        old = f"{text}```\n```text\n{said}\n```"
        new = f"{text}```\n```text\n{told}\n```"
        FAULTS.write_text(FAULTS.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        said = told
    assert told == said


def test_every_case_of_the_file_is_read() -> None:
    text = FAULTS.read_text(encoding="utf-8")
    assert len(CASES.findall(text)) == text.count("\n## ") > 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "p.yaml: P003 the policy is empty", id="empty"),
        pytest.param(
            "version: 1\x00\n", "p.yaml:1:11: P001 the character U+0000 may not stand in a text file", id="NUL"
        ),
        pytest.param("version: 1\n# \x1b[0m\n", "p.yaml:2:3: P001 the character U+001B may not stand", id="control"),
        pytest.param("version: 1\n#\ufeff\n", "p.yaml:2:2: P001 the character U+FEFF may not stand", id="inner BOM"),
    ],
)
def test_characters_and_nothing(text: str, expected: str) -> None:
    told = faults_of(text)
    assert len(told) == 1
    assert told[0].startswith(expected)


def test_all_faults_at_once_in_the_order_of_the_file() -> None:
    told = faults_of(
        "version: 1\nsites:\n  co.uk: {javascript: of, bloking: off}\nhosts: {deny: [1.2.3.4]}\nlists: {a: \n"
    )
    assert [line.partition(" ")[0] for line in told] == [
        "p.yaml:3:3:", "p.yaml:3:23:", "p.yaml:3:27:", "p.yaml:4:16:", "p.yaml:5:8:", "p.yaml:6:1:",
    ]  # fmt: skip


def test_what_is_right_is_kept_beside_a_fault() -> None:
    policy, faults = read_policy("version: 1\nsites: {a.example: {javascript: deny, blocking: hm}}\n", "p")
    assert has_errors(faults)
    assert policy.sites["a.example"].javascript is JavaScript.DENY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("deny: [zip]", "zip is a public suffix: this denies every site below it", id="suffix"),
        pytest.param("deny: [a.example, A.EXAMPLE]", "a.example is here twice", id="twice"),
    ],
)
def test_warnings_leave_the_policy_in_force(text: str, message: str) -> None:
    _, faults = read_policy(f"version: 1\nhosts: {{{text}}}\n", "p.yaml")
    assert [(fault.message, fault.severity) for fault in faults] == [(message, Severity.WARNING)]
    assert not has_errors(faults)


def test_what_has_lapsed_is_told_and_absent() -> None:
    policy = read(WHOLE)
    assert lapsed(policy, NOON.replace(hour=11)) == []
    assert [str(fault).partition("\n")[0] for fault in lapsed(policy, NOON)] == [
        "p.yaml:8:5: P015 shop.example lapsed at 2026-12-01 12:00 UTC and counts as absent",
        "p.yaml:11:34: P015 b.example on news.example lapsed at 2026-12-01 12:00 UTC and counts as absent",
    ]
    standing = policy.at(NOON)
    assert "shop.example" not in standing.sites
    assert "b.example" not in {entry.host for entry in standing.sites["news.example"].hosts}


def test_a_large_policy_is_read_and_a_huge_one_is_refused() -> None:
    line = "  site%05d.example: {note: " + "long " * 100 + "}\n"
    large = "version: 1\nsites:\n" + "".join(line % number for number in range(20_000))
    assert len(large) > 10_000_000
    assert len(read(large).sites) == 20_000
    assert faults_of("#" * (MAX_CHARACTERS + 1))[0].startswith("p.yaml: P001 the policy has 17 MB; the limit is 17 MB")


def test_a_million_faults_are_counted_not_kept() -> None:
    text = "version: 1\nsites:\n" + "".join(f"  a{number}.example: {{javascript: of}}\n" for number in range(3000))
    _, faults = read_policy(text, "p")
    assert len(faults) == 1001
    assert faults[-1].message == "and 2,000 more faults"
    assert str(faults[-1].origin) == "p:1002:30"


@pytest.mark.parametrize("opening", [" [", " {a: ", "\n- ", "\n? "])
def test_deep_nesting_ends_early(opening: str) -> None:
    text = "version: 1\nsites:" + opening + opening.strip("\n") * 100_000
    assert any("nested more than 16 deep" in fault for fault in faults_of(text))


@pytest.mark.parametrize(
    ("item", "said"),
    [
        pytest.param("a,", "has more than 5,000 keys, values and brackets", id="values"),
        pytest.param("*a,", "the alias *a", id="aliases"),
        pytest.param("&a b,", "the anchor &a", id="anchors"),
    ],
)
def test_a_file_of_millions_of_values_ends_early(monkeypatch: pytest.MonkeyPatch, item: str, said: str) -> None:
    monkeypatch.setattr(tree, "MAX_EVENTS", 5_000)
    told = faults_of(f"version: 1\nprotect: [{item * 9_000}]\n")
    assert any(said in fault for fault in told)
    assert len(told) < 2_500


def test_aliases_do_not_multiply() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert any("the alias *h" in fault for fault in faults_of(bomb))


def test_the_pure_loader_reads_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    expected = read(WHOLE)
    monkeypatch.setattr(tree, "_LOADER", yaml.SafeLoader)
    assert read(WHOLE) == expected


@settings(deadline=None)
@given(st.binary(max_size=300))
@example(b"\xff\xfev\x00")
@example(b"version: 1\nsites: {a: !<tag:yaml.org,2002:python/object:x> y}")
def test_any_bytes_are_read_without_a_traceback(data: bytes) -> None:
    try:
        text = decode(data, "p.yaml")
    except BlockctlError:
        return
    for fault in read_policy(text, "p.yaml")[1]:
        assert fault.message
        assert fault.origin.file == "p.yaml"


@settings(deadline=None)
@given(texts(), st.data())
def test_a_mutated_policy_is_read_without_a_traceback(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 3))
        text = (
            text[:at]
            + data.draw(st.text("{}[]:,-#'\"\n\t &*!|>?~<\\\x00\ufeff\u2028ab0.", max_size=3))
            + text[at + length :]
        )
    policy, faults = read_policy(text, "p.yaml")
    assert all(fault.origin.file == "p.yaml" for fault in faults)
    assert isinstance(policy, Policy)


def test_a_text_that_is_read_again_says_the_same_and_names_its_own_file() -> None:
    for text in (
        "version: 1\nsites: {a.example: {javascript: deny}}\n",
        "version: 1\nsites: [\n",
        "version: 1\nnone: 1\n",
    ):
        for file in ("first", "second"):
            assert read_policy(text, file, again=True) == read_policy(text, file)
    before = parse_kept("version: 1\n", "")[0]
    assert parse_kept("version: 1\n", "")[0] is before
