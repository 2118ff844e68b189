"""The Swift sources of the app that `export safari-app` writes: files that travel with blockctl."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "safari_app"


def safari_sources() -> dict[str, bytes]:
    """Return the sources by name."""
    return {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.swift"))}
