"""Rules to output and gaps, one file per engine. Nothing here opens a file or knows a list format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar, cast

if TYPE_CHECKING:
    from blockctl.backends.output import BrowserBackend, DnsBackend

Backend = TypeVar("Backend")


class Backends(Mapping[str, Backend], Generic[Backend]):
    """Backends by name, each loaded when it is asked for: a command that needs one does not wait for the others."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __getitem__(self, name: str) -> Backend:
        """Return a backend: a module of this package."""
        if name not in self._names:
            raise KeyError(name)
        return cast(Backend, import_module(f"{__name__}.{name.replace('-', '_')}"))

    def __contains__(self, name: object) -> bool:
        """Whether there is a backend of that name; none is loaded for it."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


# Engines that see whole requests, and those that see names.
BROWSER_BACKENDS: Backends[BrowserBackend] = Backends(
    "safari",
    "ublock",
    "ublock-rules",
    "ublock-backup",
    "ublock-managed",
    "dnr",
    "chromium-policy",
    "firefox-policy",
    "noscript",
    "adguard-browser",
    "adguard-safari",
)
DNS_BACKENDS: Backends[DnsBackend] = Backends("hosts", "domains", "dnsmasq", "unbound", "rpz", "adguard")
