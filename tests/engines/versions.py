"""Which version of each engine is here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from blockctl import __version__
from tests.engines.require import SYSTEM_PYTHON

VERSION = re.compile(r"\d+(?:\.\d+)+(?:esr)?")
WEBKIT = (
    "import gi; gi.require_version('WebKit2', '4.1'); from gi.repository import WebKit2 as w;"
    "print(f'{w.get_major_version()}.{w.get_minor_version()}.{w.get_micro_version()}')"
)
PROGRAMS = {
    "webkit": [SYSTEM_PYTHON, "-c", WEBKIT],
    "chromium": ["chromium", "--version"],
    "firefox": ["firefox-esr", "--version"],
    "unbound": ["unbound", "-V"],
    "unbound-rpz": ["unbound", "-V"],
    "bind": ["named", "-v"],
    "dnsmasq": ["dnsmasq", "--version"],
}
SEARCH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


@cache
def version_of(engine: str) -> str:
    """Return the version of an engine, "" when it cannot be told."""
    match engine:
        case "blockctl":
            return __version__
        case "ubo-core":
            return _in_json(Path(os.environ.get("UBO_CORE", ""), "package.json"))
        case "adguard-core" | "adguard-safari":
            return _in_json(Path(os.environ.get("ADGUARD_CORE", ""), "package.json"))
        case "firefox-ubo":
            found = next(Path("/usr/share/mozilla/extensions").glob("*/uBlock0@raymondhill.net/manifest.json"), None)
            return _in_json(found) if found else ""
    return _said_by(*PROGRAMS.get(engine, ()))


def _in_json(path: Path) -> str:
    return str(json.loads(path.read_text(encoding="utf-8")).get("version", "")) if path.is_file() else ""


def _said_by(*command: str) -> str:
    program = shutil.which(command[0], path=SEARCH) if command else None
    if program is None:
        return ""
    done = subprocess.run(
        [program, *command[1:]], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    found = VERSION.search(done.stdout)
    return found[0] if found else ""
