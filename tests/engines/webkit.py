"""Ask the real WebKit: does a content blocker compile, and what does it block and hide."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.engines.require import SYSTEM_PYTHON

DRIVER = Path(__file__).with_name("webkit_driver.py")


def ask(
    folder: Path,
    files: dict[str, bytes],
    cases: Sequence[dict[str, Any]] = (),
    selectors: Sequence[str] = (),
) -> dict[str, Any]:
    """Compile files as content blockers and, with all of them in force, ask the cases. See `webkit_driver.py`."""
    lists = {}
    for name, data in files.items():
        lists[name] = str(folder / name)
        (folder / name).write_bytes(data)
    job = {"lists": lists, "use": bool(cases), "cases": cases, "selectors": selectors}
    done = subprocess.run(
        ["xvfb-run", "-a", SYSTEM_PYTHON, str(DRIVER)],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.stdout, f"WebKit ended without an answer ({done.returncode}): {done.stderr[-2000:]}"
    return dict(json.loads(done.stdout.splitlines()[-1]))
