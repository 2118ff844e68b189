"""Request logs: what a browser asked for, page by page.

Two forms are read. JSON lines, one object a line, with `url`, `page` and `kind` (a word of `Kind`; other spellings of
the browsers' own, such as `subdocument` or `xmlhttprequest`, are read too; `frameUrl` and `cpt` are the names that
AdGuard's logs have for `page` and `kind`). And HAR 1.2, which every browser's developer tools save ("Save all as HAR").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from blockctl.model.diagnostic import Diagnostic, Origin
from blockctl.model.request import Kind, Request

MOST_FAULTS = 20  # told; the others are counted
KINDS = {kind.name.lower(): kind for kind in Kind if kind.name} | {
    "main_frame": Kind.DOCUMENT, "sub_frame": Kind.FRAME, "subdocument": Kind.FRAME, "iframe": Kind.FRAME,
    "stylesheet": Kind.STYLE, "css": Kind.STYLE, "xmlhttprequest": Kind.XHR, "fetch": Kind.XHR, "beacon": Kind.PING,
    "texttrack": Kind.MEDIA, "manifest": Kind.OTHER, "preflight": Kind.OTHER, "eventsource": Kind.XHR,
}  # fmt: skip


@dataclass(slots=True)
class RequestLog:
    """The requests of a log, and what could not be read."""

    requests: list[Request] = field(default_factory=list)
    faults: list[Diagnostic] = field(default_factory=list)
    refused: int = 0

    def refuse(self, origin: Origin, message: str) -> None:
        """Count an entry that is no request, and keep the first of them."""
        self.refused += 1
        if self.refused <= MOST_FAULTS:
            hint = 'write {"url": "https://...", "page": "https://...", "kind": "script"}'
            self.faults.append(Diagnostic("R001", origin, message, hint))


def parse(text: str, file: str) -> RequestLog:
    """Read a request log of either form."""
    log = RequestLog()
    if (entries := _har(text)) is not None:
        for number, (url, page, kind) in enumerate(entries, start=1):
            _add(log, Origin(file), f"entry {number}", url, page, kind)
        return log
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            _read_line(log, Origin(file, number), line)
    return log


def _read_line(log: RequestLog, origin: Origin, line: str) -> None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        log.refuse(origin, "not JSON")
        return
    if not isinstance(entry, dict):
        log.refuse(origin, "not an object with a url")
        return
    page = entry.get("page", entry.get("frameUrl", ""))
    _add(log, origin, "the line", entry.get("url"), page, entry.get("kind", entry.get("cpt", "other")))


def _add(log: RequestLog, origin: Origin, what: str, url: object, page: object, kind: object) -> None:
    if not (isinstance(url, str) and isinstance(page, str) and isinstance(kind, str)) or not url:
        log.refuse(origin, f"{what} has no url, or a url, page or kind that is not text")
        return
    if url.startswith(("data:", "blob:", "about:", "chrome-extension:", "moz-extension:")):
        return  # no request to any host
    known = KINDS.get(kind.lower())
    if known is None:
        log.refuse(origin, f"{kind[:40]!r} is no kind of request")
        return
    page = page if "://" in page else ""
    if known is Kind.DOCUMENT and page and page != url:
        known = Kind.FRAME  # a document within another
    log.requests.append(Request.parse(url, page, known))


def _har(text: str) -> Iterator[tuple[object, object, object]] | None:
    """Return the entries of a HAR file as url, page and kind; None when it is none."""
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return None
    try:
        whole: Any = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return None
    log = whole.get("log") if isinstance(whole, dict) else None
    if not isinstance(log, dict) or not isinstance(log.get("entries"), list):
        return None
    return _har_entries(log)


def _har_entries(log: dict[str, Any]) -> Iterator[tuple[object, object, object]]:
    titles = {str(each.get("id")): each.get("title") for each in _objects(log.get("pages"))}
    for entry in log["entries"]:
        entry = entry if isinstance(entry, dict) else {}
        asked: dict[str, Any] = entry["request"] if isinstance(entry.get("request"), dict) else {}
        title = titles.get(str(entry.get("pageref")))
        kind = entry.get("_resourceType")
        kind = kind if isinstance(kind, str) else _kind_of(asked)
        if isinstance(title, str) and "://" in title:
            page = title
        else:  # a page's own title: then what a document came from is no page around it
            page = "" if kind == "document" else _header(asked, "referer")
        yield asked.get("url"), page, kind


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _header(asked: dict[str, Any], name: str) -> str:
    found = (each for each in _objects(asked.get("headers")) if str(each.get("name", "")).lower() == name)
    return str(next(found, {}).get("value", ""))


# Fetch Metadata (https://www.w3.org/TR/fetch-metadata/): what browsers say a request is for.
_DESTINATIONS = {
    "document": Kind.DOCUMENT, "iframe": Kind.FRAME, "frame": Kind.FRAME, "script": Kind.SCRIPT, "style": Kind.STYLE,
    "image": Kind.IMAGE, "font": Kind.FONT, "audio": Kind.MEDIA, "video": Kind.MEDIA, "track": Kind.MEDIA,
    "empty": Kind.XHR,
}  # fmt: skip


def _kind_of(asked: dict[str, Any]) -> str:
    kind = _DESTINATIONS.get(_header(asked, "sec-fetch-dest"), Kind.OTHER)
    return str(kind.name).lower()
