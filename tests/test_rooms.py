"""Imports point down, and a line of code knows its room. The last tests prove that these tests can fail."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.rooms import BELOW, MAX_LINES, OWNERS, breaches, dependencies

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "blockctl"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_line_knows_its_room() -> None:
    assert [f"blockctl/{each.module}:{each.line} {each.what}" for each in breaches(PACKAGE)] == []


def test_every_room_is_known() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert rooms | modules == set(BELOW)


def test_every_room_is_packaged() -> None:
    rooms = {f"blockctl.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")}
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == rooms | {
        "blockctl",
        "blockctl.lists",
        "blockctl.configs",
    }


def test_every_dependency_has_an_owner_and_a_user() -> None:
    declared = {
        re.split(r"[<>=!~\[; ]", each)[0]
        for each in (*PYPROJECT["project"]["dependencies"], *PYPROJECT["project"]["optional-dependencies"]["quic"])
    }
    names = {"pyyaml": "yaml"}
    assert {names.get(each, each) for each in declared} == set(OWNERS)
    assert set(OWNERS) <= dependencies(PACKAGE)


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        pytest.param("model/a.py", "import pkg.parsers.hosts", "model imports parsers", id="upwards"),
        pytest.param("parsers/a.py", "from pkg.policy import read", "parsers imports policy", id="sideways"),
        pytest.param("policy/a.py", "from pkg import backends", "policy imports backends", id="a room by name"),
        pytest.param("model/a.py", "def f():\n    from pkg.io import x", "model imports io", id="late"),
        pytest.param("model/a.py", "from ..io import x", "imports ..io by a relative name", id="relative"),
        pytest.param("backends/a.py", "import yaml", "imports yaml, which policy owns", id="another's dependency"),
        pytest.param("model/a.py", "import idna", "imports idna, which model.names owns", id="the owner is one module"),
        pytest.param("io/a.py", "import requests", "imports requests, which io.fetch owns", id="another module of io"),
        pytest.param("dns/a.py", "import socket", "imports socket: only io touches the world", id="socket"),
        pytest.param(
            "model/a.py", "import os\nos.environ['A']", "uses os.environ: only io touches the world", id="environ"
        ),
        pytest.param("dns/a.py", "import time", "imports time: only io touches the world", id="clock"),
        pytest.param(
            "model/a.py", "datetime.now()", "asks the time by datetime.now: only io touches the world", id="now"
        ),
        pytest.param("parsers/a.py", "open('x')", "opens a file: only io touches the world", id="open"),
        pytest.param("cli/a.py", "open('x')", "opens a file: only io touches the world", id="open in cli"),
        pytest.param("parsers/a.py", "p.read_text()", "uses .read_text: only io touches the world", id="Path"),
        pytest.param("io/a.py", "print(1)", "prints: only cli prints", id="print"),
        pytest.param("model/a.py", "import sys\nsys.stderr", "uses sys.stderr: only cli prints", id="stderr"),
        pytest.param("model/a.py", "\n" * (MAX_LINES + 1), f"has {MAX_LINES + 1} lines, more than 300", id="long"),
    ],
)
def test_a_breach_is_seen(tmp_path: Path, path: str, source: str, expected: str) -> None:
    file = tmp_path / "pkg" / path
    file.parent.mkdir(parents=True)
    file.write_text(source)
    assert expected in [each.what for each in breaches(tmp_path / "pkg")]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        pytest.param("cli/a.py", "from pkg.io import x\nfrom pkg.model import y\nprint(1)", id="down"),
        pytest.param("compiler.py", "from pkg.parsers import parse\nfrom pkg.backends import b", id="compiler"),
        pytest.param("io/fetch.py", "import requests\nimport socket\nopen('x')", id="io"),
        pytest.param("model/a.py", "from pkg.model.names import covers\nimport re", id="its own room"),
    ],
)
def test_what_is_right_is_let_be(tmp_path: Path, path: str, source: str) -> None:
    file = tmp_path / "pkg" / path
    file.parent.mkdir(parents=True)
    file.write_text(source)
    assert breaches(tmp_path / "pkg") == []
