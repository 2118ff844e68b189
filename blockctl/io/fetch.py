"""Downloads, bounded in time and size."""

from __future__ import annotations

import re
import threading
import time

from blockctl.model.diagnostic import WorldError

TIMEOUT = (10.0, 30.0)  # seconds: to connect, between two pieces
WHOLE = 120.0  # seconds for one download


def fetch(url: str, limit: int) -> bytes:
    """Return what an address holds. Raises WorldError: not reachable, refused, too large, too slow, cut off."""
    made: list[bytes | BaseException] = []

    def work() -> None:
        try:
            made.append(_download(url, limit))
        except BaseException as error:  # it is raised again below
            made.append(error)

    # A server that sends a byte now and then never meets a time-out of its socket, so the clock runs beside it.
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(WHOLE)
    if not made:
        raise WorldError(f"{url} took longer than {WHOLE:.0f} s")
    if isinstance(made[0], BaseException):
        raise made[0]
    return made[0]


def _download(url: str, limit: int) -> bytes:
    import requests  # late: 100 ms that only a download needs

    started = time.monotonic()
    parts, size = [], 0
    try:
        with requests.get(url, timeout=TIMEOUT, stream=True, headers={"User-Agent": "blockctl"}) as reply:
            reply.raise_for_status()
            _refuse_downgrade(url, [*(each.url for each in reply.history), reply.url])
            for part in reply.iter_content(1 << 16):
                parts.append(part)
                size += len(part)
                if size > limit:
                    raise WorldError(f"{url} is larger than {limit / 1e6:,.0f} MB")
                if time.monotonic() - started > WHOLE:
                    raise WorldError(f"{url} took longer than {WHOLE:.0f} s")
    except requests.RequestException as error:
        raise WorldError(
            f"cannot download {url}: {_in_short(error)}", "check the address and the network, then try again"
        ) from error
    return b"".join(parts)


def _in_short(error: Exception) -> str:
    """Return what went wrong without the layers that passed it on."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    return re.sub(r"^HTTPS?Connection(Pool)?\(.*?\): ", "", str(cause or error))


def _refuse_downgrade(url: str, hops: list[str]) -> None:
    """Raise when a secure address led over one that anybody on the way can change."""
    plain = next((hop for hop in hops if not hop.lower().startswith("https:")), None)
    if plain is not None and url.lower().startswith("https:"):
        raise WorldError(f"{url} leads to {plain}, which is not secure", "name the list's new https address")
