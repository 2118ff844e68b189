"""The README is true: its first commands work as written, and its table of gaps is the program's own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from blockctl.backends import DNS_BACKENDS
from blockctl.backends.capabilities import CAPABILITIES, Reason

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- gaps: begin -->\n", "<!-- gaps: end -->"


def commands() -> list[str]:
    """Return the commands of the first five minutes."""
    block = re.search(r"<!-- commands -->\n```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    return block[1].splitlines()


def gaps_table() -> str:
    """Return the table of what engines cannot say; a reason that several share stands once."""
    engines: dict[Reason, list[str]] = {}
    for backend, reasons in CAPABILITIES.items():
        for reason in reasons.values():
            engines.setdefault(reason, []).append(backend)
    rows = ["| engine | fidelity | why | for example |", "| --- | --- | --- | --- |"]
    for reason, names in engines.items():
        witness = f"`{reason.witness}`" if reason.witness else ""
        cells = [engine_names(names), reason.fidelity.value, reason.why, witness]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def engine_names(backends: list[str]) -> str:
    """Return how the table calls these backends together."""
    if set(backends) == set(DNS_BACKENDS):
        return "DNS"
    if {name for name in CAPABILITIES if name.startswith("ublock")} == set(backends):
        return "uBlock Origin"
    return ", ".join(f"`{name}`" for name in backends)


def test_the_table_of_gaps_is_the_programs_own(request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    if request.config.getoption("--update"):
        README.write_text(before + BEGIN + gaps_table() + END + after, encoding="utf-8")
    else:
        assert table == gaps_table(), "run: pytest --update tests/test_readme.py"


def test_the_first_commands_work_as_written(tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "BLOCKCTL_"))}
    env |= {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    assert len(commands()) >= 10
    for line in commands():
        words = shlex.split(line, comments=True)
        assert words[0] == "blockctl"
        done = subprocess.run(
            [sys.executable, "-m", "blockctl", *words[1:]],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        expected = re.search(r"exit status (\d)", line)
        assert done.returncode == int(expected[1] if expected else 0), f"{line}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "out" / "report.json").exists()


def test_every_link_and_file_is_there() -> None:
    text = README.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text) + re.findall(
        r"`((?:blockctl|tests|configs|lists|\.ci)/[\w./-]*\w)`", text
    )
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
