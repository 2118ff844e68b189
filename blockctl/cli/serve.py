"""`serve`: the resolver, until it is told to end. Imports nothing that answering does not need (see `__main__`)."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

NAMES = {"--policy": "policy", "--state": "state"}


def read_words(words: Sequence[str]) -> dict[str, Path] | None:
    """Read plain options; None when there is anything else, which the full command line reads and explains."""
    found: dict[str, Path] = {}
    rest = list(words)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name not in NAMES or not (equals or rest):
            return None
        found[NAMES[name]] = Path(value if equals else rest.pop(0))
    return found


def serve(options: dict[str, Path]) -> int:
    """Serve; return 0 when told to end, 2 when the policy is wrong, 3 when an address or a file is not to be had."""
    from blockctl.io.policy_file import policy_path, state_path
    from blockctl.io.workers import run
    from blockctl.model.diagnostic import BlockctlError

    gc.disable()  # while what stays for good is made; the service turns it on when that is done
    try:
        return run(policy_path(options.get("policy")), state_path(options.get("state")), say)
    except BlockctlError as error:
        for fault in error.diagnostics:
            say(str(fault))
        say(f"blockctl: {error}" + (f"\n  hint: {error.hint}" if error.hint else ""))
        return error.status


def say(text: str) -> None:
    """Tell whoever started the service; a service manager keeps it in its log."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
