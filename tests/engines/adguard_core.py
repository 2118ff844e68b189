"""AdGuard's own engine (npm @adguard/tsurlfilter, run by node) asked for a verdict on each request."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockctl.model.request import Kind, Request

DRIVER = Path(__file__).with_name("adguard_core.mjs")
ELSEWHERE = "https://elsewhere.invalid/"  # where the links to pages stand: no list speaks of it
TYPES = {
    Kind.DOCUMENT: "Document",
    Kind.FRAME: "SubDocument",
    Kind.SCRIPT: "Script",
    Kind.STYLE: "Stylesheet",
    Kind.IMAGE: "Image",
    Kind.FONT: "Font",
    Kind.MEDIA: "Media",
    Kind.XHR: "XmlHttpRequest",
    Kind.WEBSOCKET: "WebSocket",
    Kind.PING: "Ping",
    Kind.OTHER: "Other",
}


@dataclass(frozen=True)
class World:
    """What AdGuard is given, and what it is asked.

    `safari`: as SafariConverterLib reads lines, as far as the engine can do it: a page that opens is its own site.
    """

    filter_texts: Sequence[str]
    requests: Sequence[Request]
    safari: bool = False


def policies_of(filter_text: str, documents: Sequence[tuple[str, str, Kind]]) -> list[list[str]]:
    """Return for each document (address, where it was asked for, kind) the policies that are added to its headers."""
    told = _run([
        {
            "lists": [filter_text], "safari": False, "requests": [],
            "documents": [{"url": url, "from": source, "type": TYPES[kind]} for url, source, kind in documents],
        }
    ])  # fmt: skip
    found: list[list[str]] = told[0]["policies"]
    return found


def ask_many(worlds: Iterable[World], *, refusals: int = 0) -> list[list[dict[str, Any]]]:
    """Return for each world, for each request {"blocked": bool, "by": what decided or None, "filter": line or None}.

    More lines in a world that AdGuard refuses than `refusals` are an error here.
    """
    asked = [
        {
            "lists": list(world.filter_texts),
            "safari": world.safari,
            "requests": [_question(each, world.safari) for each in world.requests],
        }
        for world in worlds
    ]
    return [each["answers"] for each in _run(asked, refusals)]


def _run(asked: list[dict[str, Any]], refusals: int = 0) -> list[dict[str, Any]]:
    """Return what the driver says of each world."""
    run = subprocess.run(["node", str(DRIVER)], input=json.dumps(asked).encode(), capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    told: list[dict[str, Any]] = json.loads(run.stdout)
    for each in told:
        assert len(each["refused"]) <= refusals, f"AdGuard refuses these lines: {each['refused'][:10]}"
    return told


def _question(request: Request, safari: bool) -> dict[str, str | bool]:
    page = request.page or request.url
    return {
        "url": request.url,
        "page": page,
        "from": page if safari else ELSEWHERE,
        "third": request.third_party,
        "type": "InlineScript" if request.inline else TYPES[request.kind],
    }
