"""A plain conversion of filter lists to WebKit's rules, one rule for each filter, as a measure to compare with.

No rule is merged, dropped or checked for what it means beside others. What WebKit cannot say is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

TYPES = {
    "script": "script", "image": "image", "stylesheet": "style-sheet", "font": "font", "media": "media",
    "xmlhttprequest": "fetch", "websocket": "websocket", "ping": "ping", "other": "other", "subdocument": "document",
    "document": "document", "popup": "popup",
}  # fmt: skip
ALL = ["script", "image", "style-sheet", "font", "media", "fetch", "websocket", "ping", "other", "document"]
COSMETIC = re.compile(r"^([^#\s]*)##([^+^].*)$")
NO_CSS = re.compile(r":(?:-abp-|has-text|contains|xpath|upward|remove|style|matches-|min-text|watch-attr|others)")
SPECIAL = re.compile(r"[.+?(){}\[\]$\\|]")


def convert(text: str) -> list[dict[str, Any]]:
    """Return a rule for each filter that can be said, blocks before exceptions."""
    hides, blocks, exceptions = [], [], []
    for line in text.splitlines():
        if not line or line[0] in "![" or not line.isascii():
            continue
        if "##" in line or "#@#" in line or "#?#" in line or "#$#" in line:
            hides += _hide(line)
        elif line.startswith("@@"):
            exceptions += _network(line[2:], "ignore-previous-rules")
        else:
            blocks += _network(line, "block")
    return [*hides, *blocks, *exceptions]


def _hide(line: str) -> Iterator[dict[str, Any]]:
    match = COSMETIC.match(line)
    if match is None or NO_CSS.search(match[2]):
        return
    trigger: dict[str, Any] = {"url-filter": ".*"}
    if _limit(trigger, match[1].split(",") if match[1] else []):
        yield {"trigger": trigger, "action": {"type": "css-display-none", "selector": match[2]}}


def _network(line: str, action: str) -> Iterator[dict[str, Any]]:
    pattern, _, options = line.partition("$")
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        return  # a regular expression
    trigger: dict[str, Any] = {"url-filter": _filter(pattern)}
    types, without = [], []
    for option in options.split(",") if options else []:
        name, _, value = option.partition("=")
        if name in ("third-party", "3p", "~first-party"):
            trigger["load-type"] = ["third-party"]
        elif name in ("~third-party", "first-party", "1p"):
            trigger["load-type"] = ["first-party"]
        elif name == "domain":
            if not _limit(trigger, value.split("|")):
                return
        elif name.lstrip("~") in TYPES:
            (without if name[0] == "~" else types).append(TYPES[name.lstrip("~")])
        elif name == "match-case":
            trigger["url-filter-is-case-sensitive"] = True
        elif name not in ("all", "important"):
            return
    if without:
        types = [each for each in ALL if each not in without]
    if types:
        trigger["resource-type"] = types
    yield {"trigger": trigger, "action": {"type": action}}


def _filter(pattern: str) -> str:
    anchored, start = pattern.startswith("||"), pattern.startswith("|")
    body = pattern.lstrip("|")
    end = body.endswith("|")
    body = SPECIAL.sub(r"\\\g<0>", body.rstrip("|"))
    body = re.sub(r"\*+", ".*", body).removeprefix(".*").removesuffix(".*")
    body = re.sub(r"\^$", "[/:?&=]", body).replace("^", "[^a-zA-Z0-9_.%-]")
    head = r"^[^:]+://+([^:/]+\.)?" if anchored else "^" if start else ""
    return head + body + ("$" if end else "") or ".*"


def _limit(trigger: dict[str, Any], sites: list[str]) -> bool:
    """Tell a trigger its pages; False where WebKit has no words for them."""
    on = [f"*{site}" for site in sites if not site.startswith("~")]
    off = [f"*{site[1:]}" for site in sites if site.startswith("~")]
    if (on and off) or any("/" in site or site.endswith(".*") for site in on + off):
        return False
    if on:
        trigger["if-domain"] = on
    elif off:
        trigger["unless-domain"] = off
    return True


def dump(rules: list[dict[str, Any]]) -> bytes:
    """Return rules as JSON without needless bytes."""
    return json.dumps(rules, separators=(",", ":")).encode("ascii")
