"""The browser lists to Safari and uBlock Origin; an edit of the policy; the commands that people wait for.

Run by `make bench`. Needs ../shared/corpus. Prints Markdown.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import BLOCKCTL, CORPUS, Figures, machine, measure

BROWSER_LISTS = (
    "easylist/easylist",
    "easylist/easyprivacy",
    "easylist/easylist-cookies",
    "ublock/filters",
    "ublock/privacy",
    "ublock/badware",
    "ublock/quick-fixes",
    "ublock/unbreak",
    "ublock/resource-abuse",
    "ublock/annoyances-cookies",
    "ublock/annoyances-others",
    "ublock/privacy-removeparam",
)
KINDS = {"stylesheet": "style", "fetch": "xhr", "texttrack": "media", "manifest": "other"}


def policy_text(extra: str = "") -> str:
    """Return a policy with all browser lists and both browser targets."""
    lists = "".join(
        f"  - {{name: {name.rpartition('/')[2]}, path: {CORPUS / 'browser' / (name + '.txt.gz')}, use: [browser]}}\n"
        for name in BROWSER_LISTS
    )
    return (
        "version: 1\ndefaults: {javascript: allow, blocking: on}\nsites:\n  rant.example: {javascript: deny}\n"
        f"{extra}lists:\n{lists}targets:\n  safari: {{path: out/safari}}\n  ublock: {{path: out/ublock.txt}}\n"
    )


def row(what: str, figures: Figures, goal: str) -> str:
    """Return one line of the table."""
    return f"| {what} | {figures.cpu:.2f} | {figures.wall:.2f} | {figures.peak:.0f} | {goal} |"


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=5)
    runs = arguments.parse_args().runs
    if not CORPUS.is_dir():
        print("no corpus beside the project: nothing to measure")
        return
    lines = sum(
        gzip.decompress((CORPUS / "browser" / f"{name}.txt.gz").read_bytes()).count(b"\n") for name in BROWSER_LISTS
    )
    print(f"{machine()}; {len(BROWSER_LISTS)} browser lists, {lines:,} lines; median of {runs}\n")
    print("| what | CPU s | wall s | peak MB | goal |\n|---|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as folder:
        _compile(Path(folder), runs)
        _decide(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        _large_policy(Path(folder), runs)


def _compile(folder: Path, runs: int) -> None:
    policy, turn = folder / "policy.yaml", iter(range(1000))
    command = [*BLOCKCTL, "compile", "--policy", policy, "--offline", "--state"]
    policy.write_text(policy_text())
    cold = measure([*command, folder / "cold"], runs, lambda: _empty(folder / "cold"))
    print(row("compile, cold", cold, "CPU 10, 400 MB"))
    measure([*command, folder / "state"], 1)
    print(row("compile, nothing new", measure([*command, folder / "state"], runs), ""))

    def edit() -> None:
        policy.write_text(policy_text(f"  edit{next(turn)}.example: {{blocking: off, javascript: deny}}\n"))

    print(row("compile after a one-line edit", measure([*command, folder / "state"], runs, edit), "wall 1"))
    why = [*BLOCKCTL, "why", "--policy", policy, "--state", folder / "state"]
    print(row("why HOST", measure([*why, "doubleclick.net"], runs), "wall 0.5"))
    print(
        row(
            "why URL --site --kind",
            measure(
                [*why, "https://ads.pubmatic.com/AdServer/js/pwt.js", "--site", "news.example", "--kind", "script"],
                runs,
            ),
            "wall 0.5",
        )
    )
    print(row("--help", measure([*BLOCKCTL, "--help"], runs), "wall 0.25"))


def _decide(folder: Path) -> None:
    from blockctl.model.decide import decide
    from blockctl.model.index import Index
    from blockctl.model.policy import Policy
    from blockctl.model.request import Request, parse_kind
    from blockctl.parsers import parse
    from blockctl.policy.merge import settle_badfilters

    lists = [
        parse(gzip.decompress((CORPUS / "browser" / f"{name}.txt.gz").read_bytes()), name) for name in BROWSER_LISTS
    ]
    settle_badfilters(lists, [rule for each in lists for rule in each.badfilters])
    index, policy = Index.build(lists), Policy("policy.yaml")
    log = gzip.decompress((CORPUS / "requests" / "requests.train.jsonl.gz").read_bytes()).splitlines()
    requests = []
    for line in log:
        entry = json.loads(line)
        kind = parse_kind(KINDS.get(entry["cpt"], entry["cpt"]))
        requests.append(Request.parse(entry["url"], entry["frameUrl"], kind))
    for first in (True, False):
        times, blocked = [], 0
        for request in requests:
            started = time.perf_counter_ns()
            blocked += decide(policy, index, request).blocked
            times.append((time.perf_counter_ns() - started) / 1000)
        times.sort()
        name = "first pass" if first else "second pass"
        middle, high = statistics.median(times), times[len(times) * 95 // 100]
        print(
            f"| decide, {name}, {len(times):,} requests ({blocked:,} blocked) "
            f"| median {middle:.0f} us | 95 % {high:.0f} us | | median 100 us |"
        )


def _large_policy(folder: Path, runs: int) -> None:
    policy = folder / "policy.yaml"
    sites = "".join(
        f"  site{number}.example: {{javascript: deny, note: number {number}}}\n" for number in range(10_000)
    )
    policy.write_text(f"version: 1\nsites:\n{sites}")
    print(
        row(
            "check, 10,000 sites",
            measure([*BLOCKCTL, "check", "--policy", policy, "--state", folder / "s"], runs),
            "wall 0.5",
        )
    )


def _empty(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
