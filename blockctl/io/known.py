"""The names that matter here, gathered for the gate: the policy's, those asked for, and those of two lists."""

from __future__ import annotations

import re
from datetime import datetime
from importlib import resources
from itertools import islice
from pathlib import Path

from blockctl.io.household import household_names
from blockctl.io.packed import unpacked
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.names import normalize_host, registrable_domain
from blockctl.model.policy import Policy
from blockctl.parsers.text import MAX_BYTES, decode
from blockctl.policy.gate_nouns import Concern, Known

MOST_POPULAR = 100_000  # names of a file of popular sites that count, the first in it
_ROWS = ("full", "anonymous")  # levels of the log that keep names
_RANKED = re.compile(r"(?:\d+[,;\t ]\s*)?\"?([^\s,;\"#]+)")  # `7,name` and `name,7`, as rankings are published


def known_names(policy: Policy, state: Path, now: datetime, popular: Path | None = None) -> Known:
    """Return the names that matter. `popular` is read in the place of the policy's. Raises BlockctlError."""
    asked: dict[str, int] = {}
    if policy.resolver.log in _ROWS:
        asked = household_names(state, now.timestamp(), policy.resolver.log_days)
    sites = {host: f"line {site.origin.line} of the policy" for host, site in policy.sites.items()}
    file = popular or (Path(policy.file).parent / Path(policy.popular).expanduser() if policy.popular else None)
    most_visited = dict.fromkeys(_ranked(file) if file else (), "")
    return Known(
        {
            Concern.PROTECT: {host: f"line {origin.line} of the policy" for host, origin in policy.protect.items()},
            Concern.HOUSEHOLD: with_www(sites) | {name: _times(count) for name, count in asked.items()},
            Concern.ESSENTIAL: with_www(shipped_names("essential")),
            Concern.POPULAR: with_www(most_visited | shipped_names("popular")),
        },
        asked,
    )


def _times(count: int) -> str:
    return f"asked for {count:,} times" if count > 1 else "asked for once"


def with_www(names: dict[str, str]) -> dict[str, str]:
    """Return names, and `www.` before those that are a site's own: a list of single names blocks a site by either."""
    return names | {f"www.{name}": why for name, why in names.items() if registrable_domain(name) == name}


def shipped_names(which: str) -> dict[str, str]:
    """Return the names of a list of ours, each with its heading."""
    found: dict[str, str] = {}
    heading = ""
    for line in (resources.files("blockctl.lists") / f"{which}.names").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif line and not line.startswith("#"):
            found[line] = heading
    return found


def _ranked(file: Path) -> list[str]:
    """Return the names of a ranking, the first of each line that is one. Raises BlockctlError."""
    try:
        data = unpacked(str(file), file.read_bytes(), MAX_BYTES)
    except OSError as error:
        hint = "check the path; `popular:` is relative to the policy file"
        raise BlockctlError(f"cannot read {file}: {error.strerror or error}", hint) from error
    lines = decode(data).split("\n")
    words = (match[1] for line in lines if (match := _RANKED.match(line.strip())))
    names = list(islice((name for word in words if "." in word and (name := normalize_host(word))), MOST_POPULAR))
    if not names:
        raise BlockctlError(f"no site is named in {file}", "one name a line, or RANK,NAME")
    return names
