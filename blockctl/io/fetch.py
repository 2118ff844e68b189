"""Downloads, bounded in time and size."""

from __future__ import annotations

import time

from blockctl.model.diagnostic import WorldError

TIMEOUT = (10.0, 30.0)  # seconds: to connect, between two pieces
WHOLE = 120.0  # seconds for one download


def fetch(url: str, limit: int) -> bytes:
    """Return what an address holds. Raises WorldError: not reachable, refused, too large, too slow, cut off."""
    import requests  # late: 100 ms that only a download needs

    started = time.monotonic()
    parts, size = [], 0
    try:
        with requests.get(url, timeout=TIMEOUT, stream=True, headers={"User-Agent": "blockctl"}) as reply:
            reply.raise_for_status()
            for part in reply.iter_content(1 << 16):
                parts.append(part)
                size += len(part)
                if size > limit:
                    raise WorldError(f"{url} is larger than {limit / 1e6:,.0f} MB")
                if time.monotonic() - started > WHOLE:
                    raise WorldError(f"{url} took longer than {WHOLE:.0f} s")
    except requests.RequestException as error:
        raise WorldError(
            f"cannot download {url}: {error}", "check the address and the network, then try again"
        ) from error
    return b"".join(parts)
