"""What changed between two states of an output, in every engine's format."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from blockctl.backends import BROWSER_BACKENDS, DNS_BACKENDS
from blockctl.backends.compare import difference, name_in
from blockctl.compiler import compile_texts
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import ListText
from blockctl.model.policy import ListSource, Target
from blockctl.policy.read import read_policy

POLICY = """version: 1
sites:
  rant.example: {javascript: deny}
  news.example: {hide: [".modal"]}
"""
LINES = ["||ads.example^", "||tracker.example^", "news.example##.ad", "##.banner", "||cdn.example/ads/$script"]


def files(backend: str, lines: list[str], policy: str = POLICY) -> dict[str, bytes]:
    """Return the files of a target."""
    source = ListSource("a", Origin("policy.yaml"), path="a.txt")
    text = ListText(source, "a.txt", "\n".join(lines).encode(), str(hash(tuple(lines))))
    read = replace(read_policy(policy, "policy.yaml")[0].at(datetime(2026, 11, 21, tzinfo=UTC)), lists=(source,))
    target = Target("t", backend, "out", Origin("policy.yaml"))
    output = compile_texts(read, [text], [target])["t"]
    return {name: b"".join(chunks) for name, chunks in output.files.items()}


@pytest.mark.parametrize("backend", [*BROWSER_BACKENDS, *DNS_BACKENDS])
def test_the_same_output_differs_in_nothing(backend: str) -> None:
    made = files(backend, LINES)
    assert not difference(made, made)
    assert difference(made, {}).added == []


OF_THE_POLICY = ("ublock-rules", "chromium-policy", "noscript")  # lists say nothing to these
LISTED = [backend for backend in (*BROWSER_BACKENDS, *DNS_BACKENDS) if backend not in OF_THE_POLICY]


@pytest.mark.parametrize("backend", LISTED)
def test_a_host_more_and_a_host_less(backend: str) -> None:
    changed = difference(files(backend, LINES), files(backend, [*LINES[1:], "||fresh.example^"]))
    assert {name_in(each) for each in changed.added} == {"fresh.example"}, changed
    assert {name_in(each) for each in changed.removed} == {"ads.example"}, changed


@pytest.mark.parametrize("backend", ["safari", "ublock", "ublock-backup", "ublock-managed"])
def test_a_selector_more_is_said_alone(backend: str) -> None:
    changed = difference(files(backend, LINES), files(backend, [*LINES, "##.popup", "news.example##.box"]))
    assert len(changed.added) == 2
    assert changed.removed == []
    assert ".popup" in " ".join(changed.added)


@pytest.mark.parametrize("backend", ["safari", "ublock"])
def test_an_edit_of_the_policy(backend: str) -> None:
    changed = difference(files(backend, LINES), files(backend, LINES, POLICY.replace("rant", "grump")))
    assert [name_in(each) for each in changed.added] == ["grump.example"]
    assert [name_in(each) for each in changed.removed] == ["rant.example"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{ not json", id="broken JSON"),
        pytest.param(b"[1, null, {}]", id="other JSON"),
        pytest.param(b'[{"trigger": null, "action": 7}]', id="rules of another kind"),
        pytest.param(b"\xff\xfe\x00bytes", id="no text"),
    ],
)
def test_whatever_somebody_wrote_there(data: bytes) -> None:
    made = files("safari", LINES)
    changed = difference({"network.json": data}, made)
    assert any("ads.example" in each for each in changed.added)


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        pytest.param("||ads.example^$script", "ads.example", id="adblock"),
        pytest.param("0.0.0.0 ads.example", "ads.example", id="hosts"),
        pytest.param('local-zone: "ads.example." always_nxdomain', "ads.example", id="unbound"),
        pytest.param("*.ads.example CNAME .", "ads.example", id="rpz"),
        pytest.param("/adsbygoogle.js", "", id="a file"),
        pytest.param("news.example##.ad", "news.example", id="a selector"),
        pytest.param("##.ad", "", id="no name"),
        pytest.param("||xn--bcher-kva.example^", "xn--bcher-kva.example", id="an international name"),
    ],
)
def test_the_name_an_entry_speaks_of(entry: str, name: str) -> None:
    assert name_in(entry) == name
