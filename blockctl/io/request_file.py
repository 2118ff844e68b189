"""A file of requests that a person saved: a HAR file of the browser's, or JSON lines."""

from __future__ import annotations

from pathlib import Path

from blockctl.model.diagnostic import BlockctlError
from blockctl.parsers.request_log import RequestLog, parse
from blockctl.parsers.text import decode

MAX_BYTES = 512 << 20  # HAR files carry what was answered too


def read_requests(path: Path) -> RequestLog:
    """Read the requests of a file. Raises BlockctlError where there are none, or no file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BlockctlError(
            f"cannot read {path}: {error.strerror or error}", "name a HAR file or JSON lines"
        ) from error
    if len(data) > MAX_BYTES:
        raise BlockctlError(f"{path} is too large; the limit is {MAX_BYTES / 1e6:,.0f} MB", "save it without content")
    log = parse(decode(data), str(path))
    if not log.requests:
        hint = "save a HAR file in the network tab of the browser's developer tools"
        raise BlockctlError(f"{path} has no requests", hint, tuple(log.faults))
    return log
