"""A kill at any moment of `sync` costs nothing: at each step, and at random moments."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.io.killing import Household, kill_often
from tests.io.list_server import running

KILLS = int(os.environ.get("BLOCKCTL_KILLS", "0"))  # 0: a few of each; `tests/bench/kills.py` makes hundreds
STEPS = 6  # of all that there are, in a quick run
SEED = int(os.environ.get("BLOCKCTL_SEED", "20261121"))


class Killed(BaseException):
    """The process ends here: nothing catches it, and nothing is tidied up."""


class Killer:
    """Ends the process before its n-th change of a file, as a kill would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left, self.changes = -1, 0
        for name in ("open", "replace", "rename", "unlink", "mkdir", "utime", "fsync", "write"):
            monkeypatch.setattr(os, name, self._wrapped(getattr(os, name)))

    def _wrapped(self, real: Callable[..., object]) -> Callable[..., object]:
        def change(*given: object, **named: object) -> object:
            if real.__name__ == "open" and not (len(given) > 1 and isinstance(given[1], int) and given[1] & os.O_CREAT):
                return real(*given, **named)
            if self.left == 0:
                os.kill(os.getpid(), 9)
            self.left -= 1
            self.changes += 1
            return real(*given, **named)

        return change


def sync_in_child(folder: Path, at: int) -> tuple[int, int]:
    """Run `sync` in a fork that is killed before its change number `at`; return its status and its changes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with pytest.MonkeyPatch.context() as monkeypatch:
            _run(folder, at, writer, monkeypatch)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    told = os.read(reader, 100)
    os.close(reader)
    return status, int(told or b"0")


def _run(folder: Path, at: int, writer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    null, real_write = os.open(os.devnull, os.O_WRONLY), os.write
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.argv = ["blockctl", "sync", "--now", "--policy", str(folder / "policy.yaml"), "--state", str(folder / "state")]
    killer = Killer(monkeypatch)
    killer.left = at
    code = 99
    try:
        from blockctl.cli.main import main

        main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        real_write(writer, str(killer.changes).encode())
        os._exit(code)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_kill_at_every_step(tmp_path: Path) -> None:
    with running() as lists:
        household = Household(tmp_path, lists)
        household.renew()
        status, changes = sync_in_child(tmp_path, -1)
        assert status == 0
        household.check()
        assert changes > 20, "the steps are counted"
        every = 1 if KILLS else max(changes // STEPS, 1)
        for step in range(SEED % every, changes, every):
            household.renew()
            status, _ = sync_in_child(tmp_path, step)
            assert status in (9, 0), f"step {step}: {status}"  # 0: this time there were fewer
            household.check()
        household.recovered()


def test_kills_at_random_moments(tmp_path: Path) -> None:
    with running() as lists:
        kill_often(Household(tmp_path, lists), KILLS or 2, SEED)
