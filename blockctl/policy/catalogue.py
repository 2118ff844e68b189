"""The catalogue of known lists: its text read, and searched."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from blockctl.model.diagnostic import Origin
from blockctl.model.policy import ListSource


@dataclass(frozen=True, slots=True)
class Known:
    """A list that people use."""

    name: str
    purpose: str
    format: str
    licence: str
    use: tuple[str, ...]
    url: str = ""  # "" for a list that ships with blockctl
    homepage: str = ""

    @property
    def source(self) -> ListSource:
        """What the policy says of it when it names it."""
        path = "" if self.url else f"builtin:{self.name}"
        browser, dns = "browser" in self.use, "dns" in self.use
        return ListSource(self.name, Origin(""), path=path, url=self.url, browser=browser, dns=dns)

    def speaks_of(self, word: str) -> bool:
        """Whether a word stands in what is said of it."""
        said = " ".join((self.name, self.purpose, self.format, self.licence, *self.use, self.url)).lower()
        return word.lower() in said


def read_catalogue(text: str) -> list[Known]:
    """Read the catalogue that ships with blockctl, which a test holds to be whole."""
    found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe one
    return [
        Known(
            entry["name"], entry["for"], entry["format"], entry["licence"], tuple(entry["use"]),
            entry.get("url", ""), entry.get("homepage", ""),
        )
        for entry in (*found["builtin"], *found["lists"])
    ]  # fmt: skip
