"""AdGuard's browser syntax: the forms that its engine and Safari's converter take, and what becomes of the rest.

Whole outputs are in tests/golden/adguard.md; AdGuard's own engine is asked in tests/engines/test_adguard_browser.py.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from blockctl.backends import adguard_browser, adguard_passed, adguard_safari
from blockctl.backends.adguard_lines import network_lines
from blockctl.backends.adguard_names import Condition, apart, both, is_above
from blockctl.backends.adguard_safari_regex import is_supported
from blockctl.backends.capabilities import CAPABILITIES
from blockctl.backends.output import BrowserBackend, Output
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import Policy
from blockctl.model.rule import Effect, Party, Rule, Scope
from blockctl.parsers import PARSERS
from blockctl.policy.read import read_policy
from tests.engines.judge import Judged
from tests.engines.worlds import worlds

BACKENDS: dict[str, BrowserBackend] = {"adguard-browser": adguard_browser, "adguard-safari": adguard_safari}
SEED = 20261121
KINDS = frozenset(adguard_passed.KINDS)


def emit(backend: str, policy: str, text: str = "") -> Output:
    read, faults = read_policy(f"version: 1\n{policy}", "policy.yaml")
    assert not faults
    module = BACKENDS[backend]
    return module.emit(read, module.prepare([PARSERS["adblock"](text, "list.txt")], {}), {})


def lines(output: Output) -> list[str]:
    written = b"".join(map(bytes, output.files[""])).decode()
    return [line for line in written.splitlines() if not line.startswith("!")]


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        pytest.param("a.com", "b.a.com", True, id="below"),
        pytest.param("a.com", "a.com", False, id="itself"),
        pytest.param("a.com", "ba.com", False, id="ends alike"),
        pytest.param("a.*", "b.a.co.uk", True, id="entity above a name"),
        pytest.param("a.*", "b.a.*", True, id="entity above an entity"),
        pytest.param("a.com", "b.a.*", False, id="a name above no entity"),
        pytest.param("/a/", "a.com", False, id="an expression above nothing"),
    ],
)
def test_above(name: str, other: str, expected: bool) -> None:
    assert is_above(name, other) is expected


@pytest.mark.parametrize(
    ("names", "taken", "expected"),
    [
        pytest.param((), ("a.com",), [((), ("a.com",))], id="everywhere but"),
        pytest.param(("a.com",), ("b.a.com",), [(("a.com",), ("b.a.com",))], id="taken from a name"),
        pytest.param(("b.a.com",), ("a.com",), [(("b.a.com",), ())], id="nested"),
        pytest.param(
            ("c.com", "b.a.com"),
            ("a.com", "x.b.a.com"),
            [(("c.com",), ("a.com", "x.b.a.com")), (("b.a.com",), ("x.b.a.com",))],
            id="nested, and again",
        ),
        pytest.param(("a.com",), ("a.com",), [], id="nothing left"),
    ],
)
def test_apart(names: tuple[str, ...], taken: tuple[str, ...], expected: list[Condition]) -> None:
    assert apart(names, taken) == expected


@pytest.mark.parametrize(
    ("some", "others", "expected"),
    [
        pytest.param((("a.com",), ()), (("b.a.com", "c.com"), ()), (("b.a.com",), ()), id="the nearer"),
        pytest.param(
            (("a.com",), ()), ((), ("c.com", "b.a.com")), (("a.com",), ("b.a.com",)), id="taken, if it may be"
        ),
        pytest.param((("a.com",), ()), (("c.com",), ()), None, id="apart"),
        pytest.param((("b.a.com",), ()), ((), ("a.com",)), None, id="taken away whole"),
        pytest.param(((), ("a.com",)), ((), ("b.com",)), ((), ("a.com", "b.com")), id="both take"),
    ],
)
def test_both(some: Condition, others: Condition, expected: Condition | None) -> None:
    assert both(some, others) == expected


@pytest.mark.parametrize(
    "source", [r"^https:\/\/(img\.)?ads\.", r"[a-z]+\.js$", r"[^a-z]ads[.\/]", r"[|{}]x", "a(b(c)+)*d", r"\$\{x\}"]
)
def test_safari_takes(source: str) -> None:
    assert is_supported(source)


@pytest.mark.parametrize(
    "source",
    [
        "banner|track",
        r"a\d",
        "a{2}",
        "(?:x)",
        "a*?",
        "(a",
        "a)",
        "a^b",
        "a$b",
        r"\-",
        r"[\w]",
        "é",
        "+a",
        "[[a]",
        "(*)",
    ],
)
def test_safari_drops(source: str) -> None:
    assert not is_supported(source)


# Reasons that a line of a list shows by itself; the others need a policy, and stand below.
OF_LISTS = [
    (backend, reason)
    for backend in BACKENDS
    for reason in CAPABILITIES[backend]
    if reason
    not in (
        "frame", "inline", "csp-exception", "important-regex", "hide-unblocked", "hide-shown", "demoted",
        "nested-actions",
    )
]  # fmt: skip


@pytest.mark.parametrize(("backend", "reason"), OF_LISTS)
def test_a_witness_shows_its_gap(backend: str, reason: str) -> None:
    witness = CAPABILITIES[backend][reason].witness.partition(", asked for")[0]
    assert [gap.reason for gap in emit(backend, "sites: {}\n", f"{witness}\n").gaps.kept] == [reason]


@pytest.mark.parametrize(
    ("backend", "reason", "policy", "text"),
    [
        pytest.param("adguard-browser", "frame", "sites: {news.example: {deny: [a.example]}}\n", "", id="frame"),
        pytest.param("adguard-safari", "inline", "sites: {rant.example: {javascript: deny}}\n", "", id="inline"),
        pytest.param(
            "adguard-browser",
            "csp-exception",
            "sites: {news.example: {javascript: deny}}\n",
            "@@||news.example^$csp\n",
            id="csp-exception",
        ),
        pytest.param(
            "adguard-browser",
            "hide-unblocked",
            'sites: {shop.example: {blocking: off, hide: [".m"]}}\n',
            "",
            id="hide-unblocked",
        ),
        pytest.param(
            "adguard-safari",
            "hide-shown",
            'sites: {news.example: {hide: [".m"]}}\n',
            "@@||news.example^$elemhide\n",
            id="hide-shown",
        ),
        pytest.param(
            "adguard-safari",
            "demoted",
            "hosts: {deny: [vendor.example], allow: [cdn.vendor.example]}\n",
            "",
            id="demoted",
        ),
        pytest.param(
            "adguard-browser",
            "nested-actions",
            "sites: {a.example: {blocking: off}, b.a.example: {blocking: on}}\n",
            "||x.example^$removeparam=y\n",
            id="nested-actions",
        ),
        pytest.param(
            "adguard-browser",
            "important-regex",
            "sites: {news.example: {allow: [x.ads.example]}}\n",
            "||ads.example^$important,domain=/^news/\n",
            id="important-regex",
        ),
    ],
)
def test_a_policy_shows_its_gap(backend: str, reason: str, policy: str, text: str) -> None:
    assert reason in {gap.reason for gap in emit(backend, policy, text).gaps.kept}


def test_every_entry_has_its_gap_though_it_says_what_is_around_it() -> None:
    sites = "".join(f"  {name}: {{javascript: deny}}\n" for name in ("a.example", "b.a.example", "d.c.b.a.example"))
    output = emit("adguard-safari", f"sites:\n{sites}  c.b.a.example: {{javascript: allow}}\n")
    assert [gap.text for gap in output.gaps.kept if gap.reason == "inline"] == [
        "sites: a.example: javascript: deny",
        "sites: b.a.example: javascript: deny",
        "sites: d.c.b.a.example: javascript: deny",
    ]


def test_a_name_alone_keeps_its_conditions() -> None:
    rule = Rule(Effect.BLOCK, Origin("list", 1), "", host="my-ads.example", important=True, party=Party.THIRD)
    (alone,), _ = network_lines(replace(rule, scope=Scope.EXACT), safari=True)
    assert alone == r"/^[a-z]+:\/\/my-ads[.]example[:\/]/$all,third-party,important"
    (below,), _ = network_lines(replace(rule, scope=Scope.BELOW), safari=False)
    assert below == r"/^[a-z]+:\/\/[a-z0-9_.-]+[.]my-ads[.]example[:\/]/$~document,third-party,important"
    assert all(is_supported(line[1:].partition("/$")[0]) for line in (alone, below))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_pause_writes_no_rule(backend: str) -> None:
    module = BACKENDS[backend]
    output = module.emit(Policy("policy.yaml", paused=True), module.prepare([], {}), {})
    assert lines(output) == []
    assert "paused" in output.notes[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_blocking_off_everywhere_leaves_the_lists_out(backend: str) -> None:
    output = emit(backend, "defaults: {blocking: off}\nhosts: {deny: [a.example]}\n", "||ads.example^\n")
    assert lines(output) == ["||a.example^$all,important"]
    assert any("left out" in note for note in output.notes)


def test_scripts_off_but_for_some_sites() -> None:
    policy = (
        "defaults: {javascript: deny}\nsites:\n  a.example: {javascript: allow}\n  b.a.example: {javascript: deny}\n"
    )
    sandbox, exception = lines(emit("adguard-browser", policy))
    assert sandbox.startswith("*$document,csp=sandbox ")
    assert exception == sandbox.replace("*$document,", "@@||a.example^$") + ",to=~b.a.example"
    assert lines(emit("adguard-safari", policy.partition("  b.a")[0])) == ["://$script,domain=~a.example,important"]


def test_the_lists_csp_ends_where_blocking_is_off_unless_scripts_are_too() -> None:
    text = "||x.example^$csp=img-src 'none'\n"
    assert "@@||a.example^$csp" in lines(emit("adguard-browser", "sites: {a.example: {blocking: off}}\n", text))
    denied = "sites: {a.example: {blocking: off, javascript: deny}}\n"
    assert "@@||a.example^$csp" not in lines(emit("adguard-browser", denied, text))


@pytest.mark.parametrize("action", ["removeparam=y", "permissions=camera=()"])
def test_adguard_takes_no_to_beside_some_actions(action: str) -> None:
    sites = "sites: {a.example: {blocking: off}, b.a.example: {blocking: on}}\n"
    written = lines(emit("adguard-browser", sites, f"||x.example^${action}\n"))
    assert f"@@||a.example^${action.partition('=')[0]}" in written
    assert not any("to=" in line and action.partition("=")[0] in line for line in written)


def dropped(line: str) -> str:
    """Return why SafariConverterLib drops a network line, "" when it does not (its README, "Basic (network) rules")."""
    pattern, _, options = f"{line.removeprefix('@@')}{'' if '$' in line else '$'}".rpartition("$")
    if "#" in line and re.search(r"#@?[$?%]*#", line):
        return ""
    words = [word.partition("=") for word in options.split(",")]
    for name, _, value in words:
        if name in ("~document", "to", "denyallow", "csp", "redirect", "~important"):
            return f"it has no ${name}"
        values = value.split("|") if name == "domain" else []
        if any(each.startswith("~") for each in values) and not all(each.startswith("~") for each in values):
            return "sites, and sites taken away"
        if any(each.lstrip("~").startswith("/") for each in values):
            return "a site by a regular expression"
    names = [name for name, _, _ in words]
    if "document" in names and KINDS.intersection(names) != {"document"}:
        return "it takes $document for all the kinds"
    if len(pattern) < 3 and not any(name == "domain" for name in names):
        return "too wide"
    return ""


def test_no_line_for_safari_is_dropped_by_its_converter() -> None:
    written = [line for world in worlds(SEED, 150) for line in lines(Judged(world).output("adguard-safari"))]
    faults = {f"{line}: {why}" for line in written if (why := dropped(line))}
    assert len(written) > 1_000
    assert not faults


def test_what_is_dropped_is_known() -> None:
    for line in (
        "/a/*$~document",
        "||a^$to=b",
        "||a^$domain=a|~b",
        "||a^$domain=/a/",
        "||a^$document,script",
        "*$script",
    ):
        assert dropped(line), line
