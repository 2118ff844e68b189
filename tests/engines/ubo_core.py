"""uBlock Origin's own engines (npm @gorhill/ubo-core, run by node) asked for a verdict on each request."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blockctl.model.request import Kind, Request

DRIVER = Path(__file__).with_name("ubo_core.mjs")
TYPES = {
    Kind.DOCUMENT: "main_frame",
    Kind.FRAME: "sub_frame",
    Kind.SCRIPT: "script",
    Kind.STYLE: "stylesheet",
    Kind.IMAGE: "image",
    Kind.FONT: "font",
    Kind.MEDIA: "media",
    Kind.XHR: "xmlhttprequest",
    Kind.WEBSOCKET: "websocket",
    Kind.PING: "ping",
    Kind.OTHER: "other",
}


def available() -> bool:
    """Whether node and the package are there; $UBO_CORE names the package's folder."""
    folder = os.environ.get("UBO_CORE", "")
    return bool(folder and (Path(folder) / "index.js").exists() and shutil.which("node"))


needs_ubo_core = pytest.mark.skipif(not available(), reason="needs node and $UBO_CORE (npm @gorhill/ubo-core)")


@dataclass(frozen=True)
class World:
    """What uBO is given, and what it is asked. `rules` is a "My rules" text, `trusted` trusted-site host names."""

    filter_texts: Sequence[str]
    requests: Sequence[Request]
    rules: str = ""
    trusted: Sequence[str] = ()
    advanced: bool = False


def ask_many(worlds: Iterable[World]) -> list[list[dict[str, Any]]]:
    """Return for each world, for each request {"blocked": bool, "by": what decided or None, "filter": raw or None}.

    A line of "My rules" that uBO refuses is an error here.
    """
    asked = [
        {
            "lists": list(world.filter_texts), "rules": world.rules, "trusted": list(world.trusted),
            "advanced": world.advanced, "requests": [_question(request) for request in world.requests],
        }
        for world in worlds
    ]  # fmt: skip
    run = subprocess.run(["node", str(DRIVER)], input=json.dumps(asked).encode(), capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    told = json.loads(run.stdout)
    for each in told:
        assert not each["refused"], f"uBO refuses these rules: {each['refused']}"
    return [each["answers"] for each in told]


def _question(request: Request) -> dict[str, str]:
    return {
        "url": request.page if request.inline else request.url,
        "page": request.page or request.url,
        "type": "inline-script" if request.inline else TYPES[request.kind],
    }


def ask(
    filter_texts: Sequence[str],
    requests: Sequence[Request],
    rules: str = "",
    trusted: Sequence[str] = (),
    *,
    advanced: bool = False,
) -> list[dict[str, Any]]:
    """Ask of one world."""
    return ask_many([World(filter_texts, requests, rules, trusted, advanced)])[0]
