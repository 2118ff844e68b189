"""Which engines are here, and which package brings one that is not."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"  # python3-gi belongs to Debian's interpreter, not to a venv's


@dataclass(frozen=True)
class Engine:
    """How to tell that an engine is here, and the Debian (or npm) packages that bring it."""

    packages: str
    present: Callable[[], bool]


def _program(*names: str) -> Callable[[], bool]:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    return lambda: all(shutil.which(name, path=path) for name in names)


def _webkit() -> bool:
    probe = "import gi; gi.require_version('WebKit2', '4.1'); from gi.repository import WebKit2"
    if not shutil.which("xvfb-run") or not Path(SYSTEM_PYTHON).exists():
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0


def _ubo_core() -> bool:
    folder = os.environ.get("UBO_CORE", "")
    return bool(folder and (Path(folder) / "index.js").exists() and shutil.which("node"))


def _adguard_core() -> bool:
    folder = os.environ.get("ADGUARD_CORE", "")
    return bool(folder and (Path(folder) / "dist/es/index.js").exists() and shutil.which("node"))


def _network_namespaces() -> bool:
    return os.geteuid() == 0 and _program("ip")()


def _ubo_in_firefox() -> bool:
    return _program("firefox-esr")() and any(Path("/usr/share/mozilla/extensions").glob("*/uBlock0@raymondhill.net"))


ENGINES = {
    "webkit": Engine("gir1.2-webkit2-4.1 xvfb python3-gi", _webkit),
    "ubo-core": Engine("nodejs, and npm @gorhill/ubo-core with $UBO_CORE naming its folder", _ubo_core),
    "adguard-core": Engine("nodejs, and npm @adguard/tsurlfilter with $ADGUARD_CORE naming its folder", _adguard_core),
    "firefox-ubo": Engine("firefox-esr webext-ublock-origin-firefox", _ubo_in_firefox),
    "chromium": Engine("chromium", _program("chromium")),
    "unbound": Engine("unbound", _program("unbound")),
    "dnsmasq": Engine("dnsmasq-base", _program("dnsmasq")),
    "bind": Engine("bind9", _program("named", "rndc")),
    "knot": Engine("knot", _program("knotd", "knotc")),
    "netns": Engine("iproute2, and root", _network_namespaces),
    "firefox": Engine("firefox-esr", _program("firefox-esr")),
    "openssl": Engine("openssl", _program("openssl")),
    "dig": Engine("bind9-dnsutils", _program("dig")),
    "kdig": Engine("knot-dnsutils", _program("kdig")),
    "curl": Engine("curl", _program("curl")),
    "certutil": Engine("libnss3-tools", _program("certutil")),
    "systemd-analyze": Engine("systemd", _program("systemd-analyze")),
    "systemd-socket-activate": Engine("systemd", _program("systemd-socket-activate")),
}


@cache
def missing(engine: str) -> str:
    """Return the packages to install for an engine, "" when it is here."""
    known = ENGINES[engine]
    return "" if known.present() else known.packages


def must_have() -> bool:
    """Whether a missing engine is a failure."""
    return bool(os.environ.get("BLOCKCTL_REQUIRE_ENGINES"))


def require(engine: str) -> None:
    """Skip the test that asks, naming the package, when the engine is missing; fail where every engine is required."""
    if packages := missing(engine):
        reason = f"needs {packages}"
        if must_have():
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
