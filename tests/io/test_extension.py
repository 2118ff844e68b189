"""The folder of the companion extension: whole, small, and with a manifest for each browser."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from blockctl.backends.dnr_policy import SANDBOX
from blockctl.io.extension import FOLDER, LOADING, extension
from blockctl.model.diagnostic import BlockctlError

LARGEST = 60_000  # bytes


def files(browser: str) -> dict[str, bytes]:
    return {name: b"".join(chunks) for name, chunks in extension(browser).files.items()}


def manifest(browser: str) -> dict[str, Any]:
    return dict(json.loads(files(browser)["manifest.json"]))


@pytest.mark.parametrize("browser", LOADING)
def test_is_whole_and_small(browser: str) -> None:
    """Every file that is named is there, and all that is there is named."""
    there = files(browser)
    assert sum(map(len, there.values())) < LARGEST
    texts = "\n".join(data.decode() for name, data in there.items() if not name.endswith(".png"))
    named = set(re.findall(r"[\"'/]([\w./-]+\.(?:js|css|html|png))[\"'?]", texts)) | {"manifest.json"}
    assert {name.removeprefix("./") for name in named} == set(there)


@pytest.mark.parametrize(
    ("browser", "background", "missing"),
    [
        ("chromium", {"service_worker": "background.js", "type": "module"}, ["browser_specific_settings"]),
        ("firefox", {"scripts": ["background.js"], "type": "module"}, ["minimum_chrome_version"]),
        ("safari", {"scripts": ["background.js"], "type": "module"}, ["minimum_chrome_version"]),
    ],
)
def test_manifest(browser: str, background: dict[str, Any], missing: list[str]) -> None:
    made = manifest(browser)
    assert made["background"] == background
    assert not made.keys() & set(missing)


def test_explains_each_permission() -> None:
    text = (FOLDER / "README.md").read_text()
    for permission in manifest("chromium")["permissions"]:
        assert f"| `{permission}` |" in text


def test_says_the_same_header_as_the_rules() -> None:
    """A visit that is denied gets what a denied site gets."""
    source = files("chromium")["rules.js"].decode()
    said = re.search(r'const SANDBOX =\s+"([^"]+)" \+\s+"([^"]+)"', source)
    assert said is not None
    assert said[1] + said[2] == SANDBOX


def test_runs_no_code_from_elsewhere() -> None:
    for name, data in files("chromium").items():
        if name.endswith((".js", ".html")):
            assert not re.search(r"\beval\(|new Function|innerHTML|import\(|https://[a-z]", data.decode()), name


def test_an_unknown_browser() -> None:
    with pytest.raises(BlockctlError, match="none of chromium, firefox, safari"):
        extension("netscape")


def test_leaves_out_what_no_browser_loads() -> None:
    assert "README.md" not in files("firefox")
