"""Kills `sync` at hundreds of random moments: `python -m tests.bench.kills [KILLS] [SEED]`.

After each kill everything that is served is looked at; after every tenth the next `sync` runs to its end.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.io.killing import Household, kill_often
from tests.io.list_server import running


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261121
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, running() as lists:
        hit = kill_often(Household(Path(folder), lists), kills, seed, recover_every=10)
    seconds = time.monotonic() - began
    print(f"{kills} kills of sync, {hit} of them while it ran, seed {seed}: all recovered, in {seconds:.0f} s")


if __name__ == "__main__":
    main()
