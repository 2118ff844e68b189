"""The README is true: its first commands work as written, and its table of gaps is the program's own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from blockctl.backends import DNS_BACKENDS
from blockctl.backends.capabilities import CAPABILITIES, Reason
from blockctl.policy.read import read_policy
from blockctl.policy.words import ACCESS, ANSWERS, CACHE, GROUP, LOGS, RESOLVER, STRATEGIES
from tests.serve.running import Running, free_port

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- gaps: begin -->\n", "<!-- gaps: end -->"


def commands() -> list[str]:
    """Return the commands of the first five minutes."""
    block = re.search(r"<!-- commands -->\n```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    return block[1].splitlines()


def resolver_commands() -> list[str]:
    """Return the commands by which the resolver is tried."""
    block = re.search(r"<!-- resolver commands -->\n```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
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


def test_the_resolver_is_tried_as_written(tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "BLOCKCTL_"))}
    env |= {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    port = free_port()
    program = [sys.executable, "-m", "blockctl"]
    first, *others = resolver_commands()
    assert shlex.split(first, comments=True) == ["blockctl", "serve"]
    assert len(others) >= 8
    subprocess.run([*program, "init"], env=env, check=True, capture_output=True, timeout=60)
    (policy,) = tmp_path.rglob("policy.yaml")
    policy.write_text(policy.read_text(encoding="utf-8").replace(":5335", f":{port}"), encoding="utf-8")
    with (tmp_path / "said").open("wb") as said:
        server = subprocess.Popen([*program, "serve"], env=env, stderr=said, cwd=tmp_path)
    running = Running(tmp_path, port, server)
    try:
        running.until(lambda: "answering on" in running.said() or server.poll() is not None)
        for line in others:
            command, *words = shlex.split(line.replace("5335", str(port)), comments=True)
            if command == "dig" and not shutil.which("dig"):
                continue
            done = subprocess.run(
                [*(program if command == "blockctl" else [command]), *words],
                env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}{running.said()}"
            if command == "dig":
                assert "EDE: 15" in done.stdout or "is blocked" in done.stdout
    finally:
        server.terminate()
        assert server.wait(20) == 0


def test_the_table_of_the_resolver_has_every_key() -> None:
    table = README.read_text(encoding="utf-8").partition("| key of `resolver:` |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == [
        *(key for key in RESOLVER if key not in ("metrics", "groups")), "metrics", "groups",
    ]  # fmt: skip
    for word in (*ANSWERS, *STRATEGIES, *LOGS, *ACCESS, *CACHE, *GROUP):
        assert word in table


def test_pieces_of_a_policy_are_right() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        _, faults = read_policy(f"version: 1\n{block}", "README.md")
        assert [str(fault) for fault in faults] == []


def test_every_link_and_file_is_there() -> None:
    text = README.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text) + re.findall(
        r"`((?:blockctl|tests|configs|lists|\.ci)/[\w./-]*\w)`", text
    )
    assert links
    headings = {f"#{heading.lower().replace(' ', '-')}" for heading in re.findall(r"^##+ (.+)", text, re.MULTILINE)}
    ours = [link for link in links if not link.startswith("https://")]
    assert [link for link in ours if link not in headings and not (ROOT / link).exists()] == []
