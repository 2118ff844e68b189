"""The companion extension as a folder that a browser loads: the same files for all, a manifest for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from blockctl.backends.output import Chunk, Output
from blockctl.model.diagnostic import BlockctlError

FOLDER = Path(__file__).resolve().parent.parent / "extension"
LOADING = {  # browser -> how a person loads the folder
    "chromium": "open chrome://extensions, switch developer mode on, choose Load unpacked",
    "firefox": "open about:debugging, This Firefox, Load Temporary Add-on, and choose its manifest.json",
    "safari": "convert it with `xcrun safari-web-extension-packager`, or load it in Safari's developer settings",
}
MANIFEST = "manifest.json"
NOT_LOADED = ("README.md",)


def extension(browser: str) -> Output:
    """Return the folder for a browser. Raises BlockctlError for one that is none of ours."""
    if browser not in LOADING:
        hint = "Chrome, Edge, Brave, Opera and Vivaldi take chromium's"
        raise BlockctlError(f"--browser: {browser!r} is none of {', '.join(LOADING)}", hint)
    files: dict[str, list[Chunk]] = {}
    for path in sorted(FOLDER.rglob("*")):
        name = path.relative_to(FOLDER).as_posix()
        if path.is_file() and name not in NOT_LOADED:
            files[name] = [path.read_bytes()]
    manifest = manifest_for(browser, json.loads(b"".join(files[MANIFEST])))
    files[MANIFEST] = [(json.dumps(manifest, indent=1) + "\n").encode("ascii")]
    return Output(files)


def manifest_for(browser: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest without what is meant for other browsers, which would warn of it."""
    made = dict(manifest)
    background = dict(made["background"])
    background.pop("scripts" if browser == "chromium" else "service_worker")
    made["background"] = background
    if browser != "chromium":
        del made["minimum_chrome_version"]
    if browser == "chromium":
        del made["browser_specific_settings"]
    elif browser == "safari":
        made["browser_specific_settings"] = {"safari": {"strict_min_version": "18.4"}}
        made["permissions"] = [each for each in made["permissions"] if each != "browsingData"]  # Safari has none
    return made
