"""Headers, branches and includes."""

from __future__ import annotations

import pytest

from blockctl.parsers.adblock import parse
from blockctl.parsers.adblock_directives import HEADER_SIZE, evaluate


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        pytest.param("ext_ublock", True, id="true"),
        pytest.param("!ext_ublock", False, id="not true"),
        pytest.param("ext_ubol", False, id="false"),
        pytest.param("!env_mobile", True, id="not false"),
        pytest.param("(ext_ublock || adguard)", True, id="brackets"),
        pytest.param("env_firefox || ext_ublock && env_safari", False, id="left to right"),
        pytest.param("ext_ublock && !env_mv3", True, id="and not"),
        pytest.param("cap_html_filtering&&cap_ipaddress", True, id="no blanks"),
        pytest.param("env_frobnicator", None, id="unknown"),
        pytest.param("!env_frobnicator || true", None, id="unknown in part"),
        pytest.param("", None, id="empty"),
        pytest.param("ext_ublock &&", None, id="half"),
    ],
)
def test_evaluate(expression: str, holds: bool | None) -> None:
    assert evaluate(expression) is holds


def hosts_of(*lines: str) -> set[str]:
    return parse("\n".join(lines), "t").subtree


A, B, C = "||a.example^", "||b.example^", "||c.example^"


@pytest.mark.parametrize(
    ("lines", "hosts"),
    [
        pytest.param(("!#if ext_ublock", A, "!#else", B, "!#endif", C), {"a.example", "c.example"}, id="true"),
        pytest.param(("!#if ext_ubol", A, "!#else", B, "!#endif", C), {"b.example", "c.example"}, id="false"),
        pytest.param(("!#if env_safari", "!#if ext_ublock", A, "!#else", B, "!#endif", "!#endif", C), {"c.example"},
                     id="true within false"),
        pytest.param(("!#if ext_ublock", "!#if env_safari", A, "!#else", B, "!#endif", C, "!#endif"),
                     {"b.example", "c.example"}, id="false within true"),
        pytest.param(("!#if !ext_ubol", A, "!#endif"), {"a.example"}, id="negated"),
        pytest.param(("!#if(ext_ubol)", A, "!#endif", B), {"b.example"}, id="no blank"),
    ],
)  # fmt: skip
def test_branches(lines: tuple[str, ...], hosts: set[str]) -> None:
    parsed = parse("\n".join(lines), "t")
    assert parsed.subtree == hosts
    assert not len(parsed.diagnostics)
    assert parsed.counts.rules == len(hosts)
    assert parsed.counts.rules + parsed.counts.nothing == len(lines)


@pytest.mark.parametrize(
    ("lines", "hosts", "found"),
    [
        pytest.param((A, "!#if ext_ublock", B), {"a.example", "b.example"}, [("L208", 2)], id="cut off"),
        pytest.param((A, "!#if ext_ubol", B, "!#if x", C), {"a.example"}, [("L210", 4), ("L208", 2)],
                     id="cut off twice"),
        pytest.param((A, "!#endif", B), {"a.example", "b.example"}, [("L209", 2)], id="stray end"),
        pytest.param((A, "!#else", B), {"a.example", "b.example"}, [("L209", 2)], id="stray else"),
        pytest.param(("!#if ext_ublock", A, "!#else", B, "!#else", C, "!#endif"), {"a.example"}, [("L209", 5)],
                     id="two elses"),
        pytest.param(("!#if frob", A, "!#else", B, "!#endif"), {"b.example"}, [("L210", 1)], id="unknown"),
        pytest.param(("!#include ../x.txt", A), {"a.example"}, [("L212", 1)], id="include above"),
        pytest.param(("!#include https://x.example/y", A), {"a.example"}, [("L212", 1)], id="include elsewhere"),
    ],
)  # fmt: skip
def test_faults(lines: tuple[str, ...], hosts: set[str], found: list[tuple[str, int]]) -> None:
    parsed = parse("\n".join(lines), "t")
    assert parsed.subtree == hosts
    assert [(each.code, each.origin.line) for each in parsed.diagnostics] == found


def test_includes_are_reported() -> None:
    text = "!#include a.txt\n!#if ext_ubol\n!#include b.txt\n!#endif\n!#include sub/c.txt\n!#safari_cb_affinity(all)\n"
    assert parse(text, "t").header["include"] == "a.txt\nsub/c.txt"


def test_header() -> None:
    text = (
        "[Adblock Plus 2.0]\n! Title: Some list\n! Title: another\n! Expires: 4 days (update)\n!Version: 7\n"
        "! Homepage: https://a.example/\n! Diff-Path: ../p.patch#x\n! Last modified: today\n! License: CC0\n"
        "! Note: none\n"
    )
    late = "!" * HEADER_SIZE + "\n! Description: too late\n"
    assert parse(text + late, "t").header == {
        "title": "Some list",
        "expires": "4 days (update)",
        "version": "7",
        "homepage": "https://a.example/",
        "diff-path": "../p.patch#x",
        "last-modified": "today",
        "licence": "CC0",
    }
