"""What an adblock list says of itself: the header, `!#if` branches and `!#include`.

Branches are chosen for a desktop browser that is no particular one, with an extension that can do what uBlock Origin
can: `!#if env_firefox` and `!#if env_chromium` are both left out, and the `!#else` of each is read. The result goes to
uBO as it stands and is what `decide()` and the other engines work with, so filters for HTML and for addresses are
read (an engine without them reports a gap) and those for uBO Lite, for mobiles and for AdGuard are not.
An expression is read as uBO reads it: left to right, `&&` and `||` of equal rank, one pair of brackets around it all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from blockctl.parsers.listed import Fault, shown

MAX_INCLUDES = 1000  # the list that includes most has some thirty
HEADER_SIZE = 1024  # characters, as uBlock Origin searches
HEADER = re.compile(
    r"^(?:!|#)\s*(title|expires|version|homepage|licen[cs]e|last[ -]modified|description|diff-path|diff-name"
    r"|diff-expires|redirect|checksum)\s*:[ \t]*(\S[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)

TRUE = frozenset(("ext_ublock", "cap_html_filtering", "cap_ipaddress", "cap_user_stylesheet", "true"))
FALSE = frozenset((
    "ext_ubol", "ext_abp", "ext_devbuild", "env_chromium", "env_edge", "env_firefox", "env_legacy", "env_mobile",
    "env_mv3", "env_safari", "env_brave", "adguard", "adguard_app_android", "adguard_app_cli", "adguard_app_ios",
    "adguard_app_mac", "adguard_app_windows", "adguard_ext_android_cb", "adguard_ext_chromium",
    "adguard_ext_chromium_mv3", "adguard_ext_edge", "adguard_ext_firefox", "adguard_ext_opera", "adguard_ext_safari",
    "false",
))  # fmt: skip


def read_header(text: str) -> dict[str, str]:
    """Return the header's fields, by their names in lower case; of two the first counts."""
    found: dict[str, str] = {}
    for match in HEADER.finditer(text[:HEADER_SIZE]):
        name = match[1].lower().replace(" ", "-").replace("license", "licence")
        found.setdefault(name, match[2].strip())
    return found


@dataclass(slots=True)
class _Branch:
    line: int
    holds: bool
    around: bool  # whether what stands around it is read
    turned: bool = False  # past its `!#else`


@dataclass(slots=True)
class Directives:
    """The `!#` lines of a list, one after the other."""

    reading: bool = True  # whether the lines here are ours
    includes: list[str] = field(default_factory=list)
    _open: list[_Branch] = field(default_factory=list)

    def take(self, line: str, number: int) -> Fault | None:
        """Obey a directive; return what is wrong with it."""
        name, _, rest = line[2:].strip().partition(" ")
        if name.startswith("if") and not name[2:3].isalpha():
            return self._if(f"{name[2:]} {rest}", number)
        if name in ("else", "endif"):
            return self._else_or_end(name)
        if name == "include" and self.reading:
            return self._include(rest.strip())
        return None  # hints for one engine, such as AdGuard's !#safari_cb_affinity

    def unclosed(self) -> tuple[int, Fault] | None:
        """Return the line of an `!#if` that is still open at the end, and what that means."""
        if not self._open:
            return None
        return self._open[0].line, Fault(
            "L208",
            "this !#if is never closed: the list may be cut off",
            "download it again; an older copy may be whole",
        )

    def _if(self, expression: str, number: int) -> Fault | None:
        holds = evaluate(expression)
        branch = _Branch(number, holds is True, self.reading)
        self._open.append(branch)
        self.reading = branch.around and branch.holds
        if holds is None:
            return Fault("L210", f"unknown condition {shown(expression.strip())}: its branch is left out")
        return None

    def _else_or_end(self, name: str) -> Fault | None:
        if not self._open or (name == "else" and self._open[-1].turned):
            return Fault("L209", f"!#{name} without an !#if")
        branch = self._open[-1]
        if name == "endif":
            self._open.pop()
            self.reading = branch.around
        else:
            branch.turned = True
            self.reading = branch.around and not branch.holds
        return None

    def _include(self, name: str) -> Fault | None:
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or ":" in name:
            return Fault("L212", f"cannot include {shown(name)}: it must lie beside the list or below it")
        if len(self.includes) >= MAX_INCLUDES:
            return Fault("L212", f"cannot include {shown(name)}: a list includes at most {MAX_INCLUDES:,} others")
        self.includes.append(name)
        return None


def evaluate(expression: str) -> bool | None:
    """Return whether a condition holds, None when it cannot be read."""
    expression = expression.strip()
    if expression.startswith("(") and expression.endswith(")"):
        expression = expression[1:-1]
    words = re.split(r"(&&|\|\|)", expression)
    holds: bool | None = None
    for at in range(0, len(words), 2):
        word = words[at].strip()
        name = word.lstrip("!").strip()
        if name not in TRUE and name not in FALSE:
            return None
        value = (name in TRUE) is not (word.count("!") % 2 == 1)
        if at == 0 or holds is None:
            holds = value
        elif words[at - 1] == "&&":
            holds = holds and value
        else:
            holds = holds or value
    return holds
