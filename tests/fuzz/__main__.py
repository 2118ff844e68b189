"""Fuzz every target in turn, each in its own process: `python -m tests.fuzz --seconds 1800 [--only NAME]`.

Exit status: 0 nothing found, 1 something found (its input is in tests/corpus/NAME, to be kept as a test).
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.words import dictionary

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "corpus"
SHIPPED = (*sorted((ROOT / "lists").glob("*.txt")), *sorted((ROOT / "configs").glob("*.yaml")))
SLOWEST = 10  # seconds for one input: more is a finding
MEMORY = 1024  # MB for one target: more is a finding
KEEP = 25  # seeds kept for each target
LARGEST_KEPT = 4096  # bytes
INSTRUMENTED = ("model", "parsers", "policy", "backends", "dns")


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--only", help="one target")
    parser.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        return fuzz(options.child[0], options.child[1:])
    from tests.fuzz.targets import TARGETS

    if options.only and options.only not in TARGETS:
        parser.error(f"there are: {', '.join(TARGETS)}")
    names = [options.only] if options.only else list(TARGETS)
    found = [name for name in names if run(name, max(1, options.seconds // len(names)))]
    print(f"found something in: {', '.join(found)}" if found else "nothing found")
    return 1 if found else 0


def run(name: str, seconds: int) -> bool:
    """Fuzz one target, keep its seeds and findings; say whether there is a finding."""
    kept = CORPUS / name
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        seeds, grown, findings = (Path(work) / folder for folder in ("seeds", "grown", "findings"))
        for folder in (seeds, grown, findings):
            folder.mkdir()
        for number, path in enumerate(SHIPPED):
            (seeds / f"{number}").write_bytes(path.read_bytes()[:LARGEST_KEPT])
        words = Path(work) / "words"
        words.write_text(dictionary())
        command = [sys.executable, "-m", "tests.fuzz", "--child", name, str(grown), str(kept), str(seeds)]
        limits = [
            f"-max_total_time={seconds}",
            f"-timeout={SLOWEST}",
            f"-rss_limit_mb={MEMORY}",
            "-max_len=4096",
            f"-dict={words}",
        ]
        done = subprocess.run(
            [*command, *limits, f"-artifact_prefix={findings}/"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        for path in findings.iterdir():
            shutil.copy(path, kept / path.name)
        room = KEEP - sum(1 for path in kept.iterdir() if "-" not in path.name)
        small = sorted((path for path in grown.iterdir() if path.stat().st_size <= LARGEST_KEPT), key=_size)
        step = max(1, len(small) // max(1, room))
        for path in small[::step][: max(0, room)]:
            shutil.copy(path, kept / path.name)
        summary = re.findall(r"^(?:Done .*|SUMMARY.*|=== .*|\s*[\w.]+Error.*|ERROR: .*)$", done.stdout, re.MULTILINE)
        cover = re.findall(r"cov: (\d+)", done.stdout)
        print(f"{name}: {'; '.join(summary[-3:])}, coverage {cover[-1] if cover else '?'}", flush=True)
        found = any(findings.iterdir())
        if found or done.returncode:
            print(done.stdout[-3000:], flush=True)
        return found or done.returncode != 0


def _size(path: Path) -> tuple[int, str]:
    return path.stat().st_size, path.name


def fuzz(name: str, arguments: Sequence[str]) -> int:
    """Fuzz one target in this process, until libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["blockctl"]):
        for room in INSTRUMENTED:  # what a function imports late would not be watched
            package = importlib.import_module(f"blockctl.{room}")
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"blockctl.{room}.{module.name}")
        from tests.fuzz.targets import TARGETS
    atheris.Setup([name, *arguments], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
