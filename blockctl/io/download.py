"""A download that does not give up at once: a few tries a while apart, and the other addresses of the list."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from blockctl.io.fetch import Fetched, FetchError, Validators, fetch
from blockctl.parsers.text import MAX_BYTES

LIMIT = MAX_BYTES  # of one text, unpacked
TRIES = 3  # of one address
FIRST_PAUSE = 0.5  # seconds, twice as much each time, of which a random part is waited
PATIENCE = 30.0  # seconds: who asks to wait longer is asked the next time


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What one of several addresses holds."""

    address: str  # the one that answered
    fetched: Fetched


def download(addresses: Sequence[str], known: Mapping[str, Validators], within: Collection[str] = ()) -> Downloaded:
    """Return what the first of these addresses that answers holds. `known`: what to ask them by.

    Raises FetchError: what went wrong at the first address, and at how many others.
    """
    failed: list[FetchError] = []
    for address in addresses:
        try:
            return Downloaded(address, _try(address, known.get(address, Validators()), within))
        except FetchError as error:
            failed.append(error)
    first = failed[0]
    others = f"; {len(failed) - 1} other address{'es' * (len(failed) > 2)} failed too" if len(failed) > 1 else ""
    raise FetchError(f"{first}{others}", first.hint, again=first.again, status_code=first.status_code) from first


def _try(address: str, before: Validators, within: Collection[str]) -> Fetched:
    import random  # late: most commands download nothing

    pause = FIRST_PAUSE
    for left in range(TRIES - 1, -1, -1):
        try:
            return fetch(address, LIMIT, before, within)
        except FetchError as error:
            if not left or error.again is None or error.again > PATIENCE:
                raise
            # Jitter, so that a server that stumbled is not met by everybody at once again.
            time.sleep(max(error.again, random.uniform(pause / 2, pause)))  # noqa: S311 - no secret
            pause *= 2
    raise AssertionError("the last try returns or raises")
