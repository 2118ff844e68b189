"""What WebKit does with a content blocker, in Python: enough of it to try ten thousand loads in a second.

Tried against the engine itself in `tests/engines/test_webkit.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from blockctl.backends.safari_pattern import refusal
from blockctl.model.request import Kind, Request

# How WebKit names a load, and where it happens.
TYPES = {
    Kind.DOCUMENT: ("document", "top-frame"),
    Kind.FRAME: ("document", "child-frame"),
    Kind.SCRIPT: ("script", "top-frame"),
    Kind.STYLE: ("style-sheet", "top-frame"),
    Kind.IMAGE: ("image", "top-frame"),
    Kind.FONT: ("font", "top-frame"),
    Kind.MEDIA: ("media", "top-frame"),
    Kind.XHR: ("fetch", "top-frame"),
    Kind.WEBSOCKET: ("websocket", "top-frame"),
    Kind.PING: ("other", "top-frame"),  # a beacon
    Kind.OTHER: ("other", "top-frame"),
}
KNOWN = {"url-filter", "url-filter-is-case-sensitive", "resource-type", "load-type", "load-context"}
KNOWN |= {"if-top-url", "unless-top-url", "top-url-filter-is-case-sensitive"}


@lru_cache(maxsize=100_000)
def _regex(source: str, match_case: bool) -> re.Pattern[str]:
    assert not refusal(source), (source, refusal(source))
    return re.compile(source, 0 if match_case else re.IGNORECASE)


@dataclass
class Blocker:
    """One content blocker."""

    rules: list[dict[str, Any]]

    @classmethod
    def read(cls, data: bytes) -> Blocker:
        rules = json.loads(data)
        assert rules, "WebKit refuses an empty list"
        assert len(rules) <= 150_000
        for rule in rules:
            assert set(rule) == {"trigger", "action"}
            trigger = rule["trigger"]
            assert set(trigger) <= KNOWN, trigger
            assert "if-top-url" not in trigger or "unless-top-url" not in trigger
            assert all(trigger[key] for key in trigger), trigger
        return cls(rules)

    def blocks(self, request: Request) -> bool:
        """The last rule that matches decides."""
        said = [
            rule["action"]["type"]
            for rule in self.rules
            if rule["action"]["type"] != "css-display-none" and _matches(rule["trigger"], request)
        ]
        return bool(said) and said[-1] == "block"

    def hidden(self, page: str) -> set[str]:
        """What is hidden on a page, by the load of the page itself."""
        request = Request.parse(page, kind=Kind.DOCUMENT)
        found: set[str] = set()
        for rule in self.rules:
            if _matches(rule["trigger"], request):
                if rule["action"]["type"] == "ignore-previous-rules":
                    found.clear()
                elif rule["action"]["type"] == "css-display-none":
                    found.update(rule["action"]["selector"].split(", "))
        return found


def _matches(trigger: dict[str, Any], request: Request) -> bool:
    kind, context = TYPES[request.kind]
    party = "third-party" if request.third_party else "first-party"
    if kind not in trigger.get("resource-type", [kind]) or context not in trigger.get("load-context", [context]):
        return False
    if party not in trigger.get("load-type", [party]):
        return False
    if not _regex(trigger["url-filter"], trigger.get("url-filter-is-case-sensitive", False)).search(request.url):
        return False
    case = trigger.get("top-url-filter-is-case-sensitive", False)
    if "if-top-url" in trigger:
        return any(_regex(each, case).search(request.page) for each in trigger["if-top-url"])
    return not any(_regex(each, case).search(request.page) for each in trigger.get("unless-top-url", ()))
