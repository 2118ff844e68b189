"""What `tidy` finds, and what it knows of the past: nouns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from blockctl.model.diagnostic import Origin

LAPSED = "lapsed"
AGAIN = "again"  # a temporary entry that comes back again and again
UNVISITED = "unvisited"
IDLE = "idle"  # changes no decision that lists make
SHADOWED = "shadowed"
DOUBLE = "double"
KINDS = (LAPSED, DOUBLE, SHADOWED, IDLE, UNVISITED, AGAIN)
SURE = (LAPSED, DOUBLE, SHADOWED)  # without these every decision is as before; the others are for the user to judge


@dataclass(frozen=True, slots=True)
class Temporary:
    """A temporary entry that somebody made by `allow`, `deny` or `set` with `--for`."""

    at: datetime
    verb: str  # allow, deny or set
    site: str  # "" is everywhere
    host: str = ""
    settings: tuple[str, ...] = ()  # `key=value`, of `set`

    @property
    def command(self) -> str:
        """Return what makes the same entry for good."""
        if self.verb == "set":
            return f"blockctl set {self.site} {' '.join(self.settings)}"
        return f"blockctl {self.verb} {self.host}{f' --site {self.site}' if self.site else ''}"


@dataclass(frozen=True, slots=True)
class Visits:
    """The names that the resolver was asked for, as far back as its log reaches."""

    last: dict[str, datetime]  # the site of a policy -> when it, or a name below it, was asked for last
    since: datetime | None  # how far the log reaches back; None: there is no log


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry that can go, or a suggestion."""

    kind: str
    origin: Origin  # of what can go; without a line: nothing can
    entry: str  # as a person would say it
    reason: str
    command: str = ""  # what to type instead of removing it

    @property
    def removable(self) -> bool:
        """Whether `tidy --remove` takes it out."""
        return self.origin.line > 0 and self.kind != AGAIN
