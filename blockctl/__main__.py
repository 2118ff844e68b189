"""`blockctl`, and `python -m blockctl`: where every command begins."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run a command and end with its status.

    `serve` starts without what the other commands need to read their arguments: after a reboot or a crash a house
    waits for its first answer, and what is not loaded takes no memory for the months that follow.
    """
    if sys.argv[1:2] == ["serve"]:
        from blockctl.cli.serve import read_words, serve

        if (words := read_words(sys.argv[2:])) is not None:
            sys.exit(serve(words))
    from blockctl.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
