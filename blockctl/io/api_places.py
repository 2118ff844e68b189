"""The addresses at which the page is opened, and a code that opens it for whoever runs the command."""

from __future__ import annotations

import contextlib
import socket
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from blockctl.io.api_pairing import Codes
from blockctl.model.api_place import EVERYWHERE, is_local, read_place
from blockctl.model.listen import Listen
from blockctl.model.policy import Policy, Resolver


def page_addresses(settings: Resolver) -> list[str]:
    """Return the page's addresses, this machine's own first; none when the API is switched off."""
    places = sorted(map(read_place, settings.api), key=lambda place: not is_local(place))
    return [f"{place.scheme}://{_host(place)}:{place.port}/" for place in places]


def opening_address(settings: Resolver, state: Path, now: datetime, name: str = "this computer") -> str:
    """Return the page's address with a code that pairs the browser that opens it, "" when the API is switched off.

    The code has 128 bits, works once, and stands behind `#`: browsers never send that part.
    """
    addresses = page_addresses(settings)
    return f"{addresses[0]}#code={Codes(state).make(now, name=name, typed=False)}" if addresses else ""


def list_addresses(policy: Policy, capability: str) -> list[str]:
    """Return where blockers on this machine subscribe to the outputs that are there."""
    base = next(iter(page_addresses(policy.resolver)), "")
    return [f"{base}lists/{capability}/{quote(name)}" for name in outputs(policy)] if base else []


def outputs(policy: Policy) -> dict[str, Path]:
    """Return the files that the policy's targets hold now, by name: the target's, and for a folder the file's too."""
    found = {}
    for target in policy.targets.values():
        path = Path(policy.file).parent / Path(target.path).expanduser()
        if path.is_file():
            found[f"{target.name}{path.suffix}"] = path
        elif path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
            found |= {f"{target.name}/{each.name}": each for each in inside}
    return found


def own_address() -> str:
    """Return this machine's address in the network it is in, as the system would choose it; nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # RFC 5737: an address of nobody
        return str(probe.getsockname()[0])
    return "127.0.0.1"


def _host(place: Listen) -> str:
    """Return how others reach a place: of every address, the one that leads to the network."""
    if place.address in EVERYWHERE:
        return own_address()
    return f"[{place.address}]" if ":" in place.address else place.address
