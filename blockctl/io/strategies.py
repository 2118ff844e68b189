"""The policies that ship with blockctl, one for each way of browsing."""

from __future__ import annotations

from importlib import resources


def strategies() -> list[str]:
    """Return the names of the shipped policies."""
    names = (entry.name for entry in resources.files("blockctl.configs").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def shipped_policy(strategy: str) -> str:
    """Return the text of a shipped policy, one of `strategies()`."""
    return (resources.files("blockctl.configs") / f"{strategy}.yaml").read_bytes().decode("utf-8")
