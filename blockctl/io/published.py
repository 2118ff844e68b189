"""What was measured of the engines when this version was made: a data file that travels with the package."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from blockctl.model.diagnostic import WorldError

NAME = "fidelity.json"


def published() -> dict[str, Any]:
    """Return the published ledger. Raises WorldError when this copy of blockctl lacks it."""
    try:
        found = json.loads((resources.files("blockctl") / NAME).read_bytes())
    except (OSError, ValueError) as error:
        raise WorldError(f"this copy of blockctl lacks its file {NAME}", "install it again") from error
    return found if isinstance(found, dict) else {}
