"""The copies that services leave beside a file when two devices changed it before they heard of each other."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from datetime import datetime
from pathlib import Path

from blockctl.model.diagnostic import Diagnostic, Origin, Severity, WorldError

FOLDER = "copies"
# What stands between the name of the file and its ending. A name that a person may have given is none of these.
_MARKS = (
    r" [2-9]| [1-9][0-9]",  # iCloud Drive: `policy 2.yaml`
    r" \([^()]*[ck]onfli[ck]?t[^()]*\)",  # Dropbox, Nextcloud, ownCloud, Seafile, in the languages they speak
    r" \([1-9][0-9]?\)",  # Google Drive
    r"\.sync-conflict-[0-9]{8}-[0-9]{6}(?:-[A-Z0-9]{7})?",  # Syncthing
    r"_conflict-[0-9]{8}-[0-9]{6}",  # ownCloud, and older Nextcloud
    r"-(?:DESKTOP|LAPTOP|PC)-[A-Z0-9]{5,9}(?:-[0-9]+)?",  # OneDrive: the name that Windows gave the other device
)


def find_copies(policy: Path) -> list[Path]:
    """Return the copies beside the policy, and beside the file that it is a link to."""
    here = re.escape(platform.node().partition(".")[0])
    found: set[Path] = set()
    for path in {policy.absolute(), policy.resolve()}:
        own = rf"|-{here}(?:-[0-9]+)?" if here else ""  # OneDrive on this device
        name = re.compile(rf"{re.escape(path.stem)}(?:{'|'.join(_MARKS)}{own}){re.escape(path.suffix)}", re.IGNORECASE)
        with contextlib.suppress(OSError):
            found.update(each for each in path.parent.iterdir() if name.fullmatch(each.name) and each.is_file())
    return sorted(found)


def copy_warnings(policy: Path) -> list[Diagnostic]:
    """Return a warning for each copy beside the policy."""
    return [
        Diagnostic(
            "P024",
            Origin(str(path)),
            f"another device changed {policy.name} at the same time, and this is what it wrote",
            "`blockctl merge` puts both together, and this file away",
            Severity.WARNING,
        )
        for path in find_copies(policy)
    ]


def put_away(copy: Path, state: Path, now: datetime) -> Path:
    """Move a copy that is merged into the state folder; return where it is. Raises WorldError."""
    folder = state / FOLDER
    aside = folder / f"{now:%Y%m%d-%H%M%S} {copy.name}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = 1
        while aside.exists():
            number += 1
            aside = folder / f"{now:%Y%m%d-%H%M%S}-{number} {copy.name}"
        try:
            copy.rename(aside)
        except OSError:  # another disk
            aside.write_bytes(copy.read_bytes())
            os.chmod(aside, 0o600)  # noqa: PTH101 - as the folder is
            copy.unlink()
    except OSError as error:
        raise WorldError(
            f"cannot put {copy} away: {error.strerror or error}", "it is merged; move it yourself"
        ) from error
    return aside
