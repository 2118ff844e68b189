"""What a shell says to a program whose words it wants to complete."""

from __future__ import annotations

import os
from collections.abc import Mapping

VARIABLE = "_BLOCKCTL_COMPLETE"


def completed_command(environ: Mapping[str, str] = os.environ) -> str:
    """Return the command whose options are completed, "" for none: only that one need be loaded then."""
    words = (environ.get("COMP_WORDS") or environ.get("_TYPER_COMPLETE_ARGS") or "").split()
    return words[1] if len(words) > 2 and VARIABLE in environ else ""
