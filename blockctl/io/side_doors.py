"""What the service offers beside DNS: the figures for Prometheus, and the web API in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from blockctl.io.api_child import Child
from blockctl.io.clock import now
from blockctl.io.returns import is_due
from blockctl.io.telling import Say

if TYPE_CHECKING:
    from blockctl.io.metrics import MetricsServer
    from blockctl.model.policy import Resolver


class SideDoors:
    """Opens what the policy asks for; of several workers the first one does."""

    def __init__(
        self, path: Path, state: Path, say: Say, figures: Callable[[], str], allows: Callable[[str], bool]
    ) -> None:
        """`figures` gives what is counted, as Prometheus reads it; `allows` says which address may ask for it."""
        self._state, self._figures, self._allows = state, figures, allows
        self._metrics: MetricsServer | None = None
        self._api = Child(path, state, say)

    async def follow(self, settings: Resolver) -> None:
        """Go by these settings. Raises WorldError where the figures cannot be given."""
        await self._api.follow(settings)
        if settings.metrics or self._metrics is not None:
            if self._metrics is None:
                from blockctl.io.metrics import MetricsServer  # late: few have a Prometheus

                self._metrics = MetricsServer(self._figures, self._allows)
            await self._metrics.follow(settings.metrics)
        self.lapsed()

    def lapsed(self) -> None:
        """Something temporary is over: where that puts something back into the policy file, see that it is done."""
        if is_due(self._state, now()):
            self._api.wake()

    async def stop(self) -> None:
        """Close everything."""
        await self._api.stop()
        if self._metrics is not None:
            await self._metrics.stop()
