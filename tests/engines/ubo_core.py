"""uBlock Origin's own engines (npm @gorhill/ubo-core, run by node) asked for a verdict on each request."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
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


def ask(
    filter_texts: Sequence[str],
    requests: Iterable[Request],
    rules: str = "",
    trusted: Sequence[str] = (),
    *,
    advanced: bool = False,
) -> list[dict[str, Any]]:
    """Return for each request {"blocked": bool, "by": what decided or None, "filter": its raw text or None}.

    `rules` is a "My rules" text (a line that uBO refuses is an error here), `trusted` holds trusted-site host names.
    """
    asked = [
        {
            "url": request.page if request.inline else request.url,
            "page": request.page or request.url,
            "type": "inline-script" if request.inline else TYPES[request.kind],
        }
        for request in requests
    ]
    question = {
        "lists": list(filter_texts), "rules": rules, "trusted": list(trusted), "advanced": advanced, "requests": asked,
    }  # fmt: skip
    run = subprocess.run(["node", str(DRIVER)], input=json.dumps(question).encode(), capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    told = json.loads(run.stdout)
    assert not told["refused"], f"uBO refuses these rules: {told['refused']}"
    answers: list[dict[str, Any]] = told["answers"]
    return answers
