"""What WebKit's compiler makes of EasyList and EasyPrivacy: a plain conversion, a peer's, and ours, in one run.

Run by `python -m tests.bench.safari_compile`. Needs ../shared/corpus and the system's WebKitGTK; the peer is npm's
adblock-rs, whose folder $ADBLOCK_RS names (it builds with Rust), and is left out without it. The three take turns, so
that a busy machine is the same for all; CPU is the median of the runs. Prints Markdown.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import BLOCKCTL, CORPUS, machine
from naive_safari import convert, dump

COMPILER = Path(__file__).with_name("webkit_compile.py")
PEER = Path(__file__).with_name("safari_peer.cjs")
SYSTEM_PYTHON = "/usr/bin/python3"
LISTS = ("easylist", "easyprivacy")


@dataclass
class Subject:
    """One way to say the lists, in one or more files that are compiled together."""

    name: str
    files: list[Path]
    cpu: list[float] = field(default_factory=list)
    peak: float = 0.0
    stored: int = 0
    error: str = ""

    def compile(self) -> None:
        """Let WebKit compile all files in a process of its own, once."""
        done = subprocess.run([SYSTEM_PYTHON, COMPILER, *self.files], capture_output=True, text=True, check=False)
        if done.returncode:
            self.error = f"WebKit ended with {done.returncode}"
            return
        said = json.loads(done.stdout.splitlines()[-1])
        self.cpu.append(said["cpu"])
        self.peak, self.stored, self.error = max(self.peak, said["peak"]), said["stored"], said["error"]

    @property
    def rules(self) -> int:
        """Return the number of rules in all files."""
        return sum(len(json.loads(file.read_bytes())) for file in self.files)

    @property
    def bytes(self) -> int:
        """Return the size of all files."""
        return sum(file.stat().st_size for file in self.files)


def subjects(folder: Path) -> list[Subject]:
    """Convert the lists each way."""
    texts = []
    for name in LISTS:
        texts.append(folder / f"{name}.txt")
        texts[-1].write_bytes(gzip.decompress((CORPUS / "browser" / "easylist" / f"{name}.txt.gz").read_bytes()))
    naive = folder / "naive.json"
    naive.write_bytes(dump(convert("\n".join(text.read_text(encoding="utf-8") for text in texts))))
    found = [Subject("plain, a rule a filter", [naive])]
    if package := os.environ.get("ADBLOCK_RS"):
        peer = folder / "peer.json"
        with peer.open("wb") as output:
            subprocess.run(["node", PEER, package, *texts], stdout=output, check=True)
        found.append(Subject("adblock-rs", [peer]))
    policy = folder / "policy.yaml"
    lists = "".join(f"  - {{name: {text.stem}, path: {text.name}, use: [browser]}}\n" for text in texts)
    policy.write_text(f"version: 1\nlists:\n{lists}targets:\n  safari: {{path: safari}}\n", encoding="utf-8")
    command = [*BLOCKCTL, "compile", "--offline", "--policy", policy, "--state", folder / "state"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return [*found, Subject("blockctl", sorted((folder / "safari").glob("*.json")))]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=5)
    runs = arguments.parse_args().runs
    if not CORPUS.is_dir():
        print("no corpus beside the project: nothing to measure")
        return
    print(f"{machine()}; EasyList and EasyPrivacy; median of {runs}\n")
    with tempfile.TemporaryDirectory() as folder:
        found = subjects(Path(folder))
        for _ in range(runs):
            for subject in found:
                subject.compile()
        print(
            "| rules by | rules | MB | WebKit CPU s | of plain | peak MB | stored MB |\n"
            "|---|---:|---:|---:|---:|---:|---:|"
        )
        for subject in found:
            print(row(subject, statistics.median(found[0].cpu)))
        print()
        for file in found[-1].files:
            alone = Subject(file.name, [file])
            alone.compile()
            rules, size, seconds = alone.rules, alone.bytes / 1e6, sum(alone.cpu)
            print(f"- blockctl's {file.name}: {rules:,} rules, {size:.2f} MB, {seconds:.2f} s")


def row(subject: Subject, plain: float) -> str:
    """Return one line of the table."""
    if subject.error or not subject.cpu:
        return f"| {subject.name} | {subject.rules:,} | {subject.bytes / 1e6:.2f} | refused: {subject.error} | | | |"
    cpu = statistics.median(subject.cpu)
    return (
        f"| {subject.name} | {subject.rules:,} | {subject.bytes / 1e6:.2f} | {cpu:.2f} | {cpu / plain:.0%} "
        f"| {subject.peak:.0f} | {subject.stored / 1e6:.1f} |"
    )


if __name__ == "__main__":
    main()
