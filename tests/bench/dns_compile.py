"""Host lists to all six DNS outputs; an edit of the policy; one list changed; beside hostlist-compiler.

Run by `make bench`. Needs ../shared/corpus. Prints Markdown.

The peer is run where node and its package are: in the folder of `--peer`, or of $HOSTLIST_COMPILER, outside this
repository, `npm install @adguard/hostlist-compiler@2.1.1` with a package.json that says
`{"overrides": {"@adguard/diff-builder": "1.1.7"}}` (the version that it asks for is gone). It takes minutes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import BLOCKCTL, CORPUS, Figures, machine, measure

from blockctl.model.diagnostic import Origin
from blockctl.model.names import parents
from blockctl.model.policy import ListSource, Policy
from blockctl.model.rule import Effect
from blockctl.parsers import parse
from blockctl.policy.merge import settle_names

DNS = CORPUS / "dns"
TARGETS = ("hosts", "domains", "dnsmasq", "unbound", "rpz", "adguard")
HOSTS = ("basic", "redirect", "drugs", "facebook", "scam", "tiktok", "torrent", "ransomware")
ASKED = 1_000_000
TRANSFORMATIONS = (
    "RemoveComments", "Compress", "RemoveModifiers", "Validate", "Deduplicate", "RemoveEmptyLines", "TrimLines",
    "InsertFinalNewLine", "ConvertToAscii",
)  # fmt: skip


def texts() -> Iterator[tuple[str, bytes]]:
    """Yield the lists of the corpus in a fixed order: hosts, domains, adblock, dnsmasq, unbound."""
    for name in HOSTS:
        yield f"{name}.hosts", _gzip(f"blocklistproject/{name}.hosts.txt.gz")
    for name in ("phishing", "ads"):
        yield f"{name}.domains", _gzip(f"blocklistproject/{name}.domains.txt.gz")
    for name in ("adblock.txt", "hosts.txt"):
        yield f"stevenblack.{name}", _gzip(f"formats/stevenblack-2022/{name}.gz")
    shadow = dict(_tar("shadowwhisperer-lists.tar.gz"))
    for name in ("Malware", "Ads", "Tracking", "Wild_Ads", "Wild_Tracking", "Gambling"):
        yield f"shadow.{name}", shadow[f"Lists/{name}"]
    yield "tracking.domains", _gzip("blocklistproject/tracking.domains.txt.gz")
    for name in ("Typo", "Adult"):
        yield f"shadow.{name}", shadow[f"Lists/{name}"]
    for name in ("dnsmasq.txt", "unbound.conf", "domains.txt"):
        yield f"stevenblack.{name}", _gzip(f"formats/stevenblack-2022/{name}.gz")
    for name, data in _tar("ut1-domains.tar.gz"):
        if name.endswith("/domains") and len(data) > 100_000:
            yield f"ut1.{name.split('/')[-2]}", data


def _gzip(name: str) -> bytes:
    return gzip.decompress((DNS / name).read_bytes())


def _tar(name: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(DNS / name) as archive:
        for member in archive:
            if member.isfile() and (file := archive.extractfile(member)):
                yield member.name, file.read()


def assemble(folder: Path, lines: int) -> list[Path]:
    """Write lists until they have so many lines."""
    files: list[Path] = []
    have = 0
    for name, data in texts():
        if have >= lines:
            break
        files.append(folder / name)
        files[-1].write_bytes(data)
        have += data.count(b"\n")
    return files


def policy_text(files: Sequence[Path], deny: str) -> str:
    """Return a policy with these lists and all DNS targets."""
    lists = "".join(f"  - {{name: {file.name}, path: {file}, use: [dns]}}\n" for file in files)
    targets = "".join(f"  {name}: {{path: out/{name}}}\n" for name in TARGETS)
    return f"version: 1\nhosts: {{deny: [{deny}]}}\nlists:\n{lists}targets:\n{targets}"


def names_in(file: Path) -> dict[str, bool]:
    """Return what an output for AdGuard blocks: names, and whether all below them too."""
    found = {}
    for line in file.read_text().splitlines():
        if line.startswith("|") and line.endswith("^"):
            found[line.strip("|^")] = line.startswith("||")
    return found


def covered_left(names: dict[str, bool]) -> int:
    """Count the names that another name covers, by walking up from each."""
    return sum(any(names.get(parent) for parent in list(parents(name))[1:]) for name in names)


def differences(files: Sequence[Path]) -> tuple[int, int]:
    """Ask listed and random names of the rules as read and of the reduced set; return how many, and how many differ."""
    source = ListSource("bench", Origin("bench"))
    exact: set[str] = set()
    subtree: set[str] = set()
    for file in files:
        parsed = parse(file.read_bytes(), file.name)
        exact |= parsed.exact
        subtree |= parsed.subtree
    lists = ((source, parse(file.read_bytes(), file.name)) for file in files)
    reduced = settle_names(lists, Policy("bench"))
    random.seed(1)
    listed = random.sample(sorted(exact | subtree), ASKED // 2)
    asked = listed + [f"x{number % 7}.{name}" for number, name in enumerate(listed[: ASKED // 4])]
    asked += [name.partition(".")[2] for name in listed[: ASKED - len(asked)]]
    wrong = 0
    for name in asked:
        raw = name in exact or any(parent in subtree for parent in parents(name))
        wrong += raw != (reduced.verdict(name) is Effect.BLOCK)
    return len(asked), wrong


def row(what: str, lines: int, figures: Figures, more: str) -> None:
    """Print one line of the table."""
    print(f"| {what} | {lines:,} | {figures.cpu:.2f} | {figures.wall:.2f} | {figures.peak:.0f} | {more} |", flush=True)


def ours(folder: Path, lines: int, runs: int) -> tuple[list[Path], Figures]:
    """Compile cold, after an edit of the policy, and after a change of one list."""
    files = assemble(folder, lines)
    have = sum(file.read_bytes().count(b"\n") for file in files)
    policy, state, turn = folder / "policy.yaml", folder / "state", iter(range(1_000_000))
    command = [*BLOCKCTL, "compile", "--policy", policy, "--offline", "--state", state]

    def edit() -> None:
        policy.write_text(policy_text(files, f"edit{next(turn)}.example"))

    def change() -> None:
        with files[-1].open("a") as file:
            file.write(f"added{next(turn)}.example\n")

    edit()
    cold = measure(command, runs, lambda: shutil.rmtree(state, ignore_errors=True))
    names = names_in(folder / "out/adguard")
    goal = "3.0 s, 220 MB" if lines <= 1_000_000 else "6 s, 400 MB"
    row("blockctl, cold, six outputs", have, cold, f"{len(names):,} | {covered_left(names)} | {goal}")
    row("blockctl, policy edited", have, measure(command, runs, edit), "| | wall 0.3 s")
    row("blockctl, one list changed", have, measure(command, runs, change), "| | 1.5 s")
    return files, cold


def peer(folder: Path, files: Sequence[Path], compiler: Path, runs: int, cold: Figures) -> None:
    """Run hostlist-compiler on the same lists, as one text, with all its transformations."""
    package = compiler / "node_modules/@adguard/hostlist-compiler"
    node = shutil.which("node")
    if not node or not (package / "package.json").exists():
        print("\nhostlist-compiler: not here (see the top of this file)\n")
        return
    version = json.loads((package / "package.json").read_text())["version"]
    text = folder / "all.txt"
    text.write_bytes(b"\n".join(file.read_bytes() for file in files))
    source = {"type": "adblock", "source": str(text)}
    config = {"name": "all", "sources": [source], "transformations": list(TRANSFORMATIONS)}
    (folder / "peer.json").write_text(json.dumps(config))
    program = json.loads((package / "package.json").read_text())["bin"]["hostlist-compiler"]
    output = folder / "peer.txt"
    figures = measure([node, package / program, "-c", folder / "peer.json", "-o", output], runs)
    names = names_in(output)
    ratio = f"{figures.cpu / cold.cpu:.0f} x our CPU, {figures.peak / cold.peak:.1f} x our memory, one output"
    have = text.read_bytes().count(b"\n")
    row(f"hostlist-compiler {version}", have, figures, f"{len(names):,} | {covered_left(names)} | {ratio}")


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--peer-runs", type=int, default=1, help="0: leave the peer out")
    arguments.add_argument("--peer", type=Path, default=Path(os.environ.get("HOSTLIST_COMPILER", "missing")))
    arguments.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 2_000_000])
    given = arguments.parse_args()
    if not DNS.is_dir():
        print("no corpus beside the project: nothing to measure")
        return
    print(f"{machine()}; host lists to six DNS outputs; median of {given.runs}\n")
    print("| what | lines | CPU s | wall s | peak MB | names out | covered left | goal, or ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for lines in given.lines:
        with tempfile.TemporaryDirectory() as folder:
            files, cold = ours(Path(folder), lines, given.runs)
            if given.peer_runs:
                peer(Path(folder), files, given.peer, given.peer_runs, cold)
            if lines == given.lines[0]:
                asked, wrong = differences(files)
    print(f"\n{asked:,} names asked, listed and not: {wrong} differences between the lists as read and reduced")


if __name__ == "__main__":
    main()
