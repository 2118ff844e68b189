"""Commands run in this process, as the shell runs them."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from blockctl.cli.main import main


@dataclass(frozen=True)
class Result:
    """What a command said."""

    status: int
    out: str
    err: str


Run = Callable[..., Result]


def runner(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs `blockctl` with a policy and a state folder of its own."""
    monkeypatch.setenv("BLOCKCTL_POLICY", str(folder / "policy.yaml"))
    monkeypatch.setenv("BLOCKCTL_STATE", str(folder / "state"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()  # times are shown by the user's clock

    def run(*words: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["blockctl", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        gc.enable()
        said = capfd.readouterr()
        return Result(int(ended.value.code or 0), said.out, said.err)

    return run
