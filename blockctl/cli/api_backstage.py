"""What the web API asks of the compiler and the commands."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from typing import Any

from blockctl.compiler import Compilation
from blockctl.io.loaded import Loaded
from blockctl.io.lock import lock_path
from blockctl.io.watch import Seen, look_at


class Stage:
    """Keeps the lists that were read for the last question open for the next one."""

    def __init__(self, policy: Path, state: Path) -> None:
        self._policy, self._state = policy, state
        self._run: Compilation | None = None
        self._made_of: tuple[object, ...] = ()

    def why(self, loaded: Loaded, url: str, site: str, kind: str) -> dict[str, Any]:
        """Return what `why --json` prints. Raises BlockctlError: no address, or lists that cannot be read."""
        from blockctl.cli.verdicts import answer
        from blockctl.cli.why import make_request, to_json

        request = make_request(url, site, kind)
        return to_json(answer(self._opened(loaded), request, loaded.text, loaded.now))

    def _opened(self, loaded: Loaded) -> Compilation:
        from blockctl.cli.build import open_compilation

        if self._run is None or self._stamps(loaded, self._run) != self._made_of:
            self._run = None  # no room for two
            try:
                self._run = open_compilation(loaded, offline=True)
            finally:
                gc.enable()
            self._made_of = self._stamps(loaded, self._run)
        return replace(self._run, policy=loaded.policy, _yields=None)

    def _stamps(self, loaded: Loaded, run: Compilation) -> tuple[object, ...]:
        """Return what is another when lists, or files that they include, are."""
        beside = self._policy.parent
        files: list[Seen] = [look_at(lock_path(self._state))]
        files += [look_at(beside / Path(text.file).expanduser()) for text in run.texts if not text.source.url]
        policy = loaded.policy
        return policy.lists, tuple(policy.protect), policy.resolver.upstreams, tuple(files)

    def lists(self, loaded: Loaded) -> list[dict[str, Any]]:
        """Return what `lists --json` prints of the policy's lists."""
        from blockctl.cli.lists import own_json

        return own_json(loaded)
