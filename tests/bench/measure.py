"""Commands measured in fresh processes: CPU seconds (user and system, children too), wall seconds, peak memory."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
BLOCKCTL = [sys.executable, "-m", "blockctl"]
# An installed program has its bytecode: without it each run would compile the sources first.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Figures:
    """Medians over the runs; memory is the largest peak seen."""

    cpu: float  # seconds
    wall: float  # seconds
    peak: float  # MB, resident
    status: int


def measure(command: Sequence[str | Path], runs: int = 5, before: Callable[[], object] = lambda: None) -> Figures:
    """Run a command several times, each after `before()`; raise when a run dies of a signal or a traceback."""
    each = []
    for _ in range(runs):
        before()
        started = time.perf_counter()
        with subprocess.Popen(
            [str(word) for word in command], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr is not None
            errors = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if process.returncode < 0 or b"Traceback" in errors:
            raise RuntimeError(
                f"{' '.join(map(str, command))}: {process.returncode}\n{errors.decode(errors='replace')[-2000:]}"
            )
        each.append((usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, process.returncode))
    cpu, wall, _, _ = (statistics.median(column) for column in zip(*each, strict=True))
    return Figures(cpu, wall, max(row[2] for row in each), each[-1][3])


def machine() -> str:
    """Return what the figures were taken on."""
    model = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor()
    )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, load {load:.1f}"


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
