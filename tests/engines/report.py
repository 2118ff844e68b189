"""The published table: what every engine was asked, and what the gaps concern.

    python -m tests.engines.report LEDGER            print the table that a ledger gives
    python -m tests.engines.report LEDGER --check    ... and fail where the published one no longer says the same
    python -m tests.engines.report LEDGER --write    ... and publish it: `blockctl/fidelity.json`, and the README

A ledger is what `tests.engines.ledger` wrote. Published and measured say the same when the same engines were asked
the same parts, at least as many questions as the issue asks for where it says so, with the same reasons for gaps.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blockctl.backends.capabilities import CAPABILITIES
from tests.engines.ledger import PARTS
from tests.engines.traffic import traffic
from tests.engines.versions import version_of

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "blockctl" / "fidelity.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- fidelity: begin -->\n", "<!-- fidelity: end -->"
ENGINES = {
    "webkit": "WebKit (Safari)", "ubo-core": "uBlock Origin's engine", "firefox-ubo": "uBlock Origin in Firefox",
    "adguard-core": "AdGuard's engine", "adguard-safari": "AdGuard's engine, lines for Safari",
    "chromium": "Chromium", "firefox": "Firefox", "blockctl": "blockctl's resolver", "unbound": "Unbound, local-zone",
    "unbound-rpz": "Unbound, RPZ", "bind": "BIND, RPZ", "dnsmasq": "dnsmasq",
}  # fmt: skip
ASKED_WITH = {
    "worlds": "generated policies", "vectors": "labelled requests", "log": "request log", "configs": "example policies",
    "javascript": "JavaScript probes", "names": "listed names",
}  # fmt: skip
ENOUGH = 20_000  # questions of generated worlds, for each engine that is asked for volume
FEW = ("firefox-ubo", "firefox")  # a browser that is driven page by page


def summed(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the table: the lines of a ledger added up by engine and part, in a fixed order."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        key = (line["engine"], line["part"])
        row = rows.setdefault(key, {"questions": 0, "agreed": 0, "gaps": Counter(), "seeds": set(), "seconds": 0.0})
        for figure in ("questions", "agreed", "seconds"):
            row[figure] += line[figure]
        row["gaps"].update(line["gaps"])
        row["seeds"] |= {line["seed"]} - {None}
    order = list(ENGINES)
    return [
        {
            "engine": engine, "version": version_of(engine), "part": part, "questions": row["questions"],
            "agreed": row["agreed"], "gaps": dict(sorted(row["gaps"].items())), "seeds": sorted(row["seeds"]),
            "seconds": round(row["seconds"]),
        }
        for (engine, part), row in sorted(
            rows.items(),
            key=lambda item: (order.index(item[0][0]) if item[0][0] in order else len(order), item[0][0],
                              PARTS.index(item[0][1])),
        )
    ]  # fmt: skip


def table(report: dict[str, Any]) -> str:
    """Return what stands in the README between the markers."""
    lines = [
        f"Measured {report['date']}: every engine was given blockctl's output and asked; an answer agrees when it is"
        " what `decide()` says, and what does not agree is in a named gap.",
        "",
        "| engine | asked with | questions | agreed | in gaps |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for row in report["engines"]:
        name = f"{ENGINES.get(row['engine'], row['engine'])} {row['version']}".strip()
        gaps = ", ".join(f"{count:,} `{reason}`" for reason, count in row["gaps"].items()) or "none"
        lines.append(f"| {name} | {ASKED_WITH[row['part']]} | {row['questions']:,} | {row['agreed']:,} | {gaps} |")
    return "\n".join([*lines, *_traffic_lines(report["traffic"]), ""])


def _traffic_lines(found: dict[str, Any]) -> list[str]:
    if not found:
        return []
    lines = [
        "",
        f"What those gaps concern, with {found['lists']} and {found['requests']:,} requests of real pages: the share"
        " that an engine without the rules in its gaps would decide another way.",
        "",
        "| output | rules in gaps | requests concerned | most of them |",
        "| --- | ---: | ---: | --- |",
    ]
    alike: dict[str, list[str]] = {}
    for backend, row in found["backends"].items():
        most = sorted(row["reasons"].items(), key=lambda item: -item[1]["requests"])[:3]
        told = ", ".join(f"{_percent(each['requests'], found)} `{reason}`" for reason, each in most if each["requests"])
        cells = f"{row['gaps']:,} of {row['rules']:,} | {_percent(row['requests'], found)} | {told or 'none'} |"
        alike.setdefault(cells, []).append(f"`{backend}`")
    return [*lines, *(f"| {', '.join(names)} | {cells}" for cells, names in alike.items())]


def _percent(count: int, found: dict[str, Any]) -> str:
    return f"{count / found['requests']:.2%}".replace("%", " %")


def stale(report: dict[str, Any], published: dict[str, Any]) -> list[str]:
    """Return in what the published table no longer says what a run gives, but for counts."""
    faults = []
    mine, theirs = ({(row["engine"], row["part"]): row for row in each["engines"]} for each in (report, published))
    if report["traffic"]:  # else the corpus is not here, and what needs it was skipped
        faults += [f"published, but not measured: {engine}, {part}" for engine, part in theirs.keys() - mine.keys()]
    faults += [f"measured, but not published: {engine}, {part}" for engine, part in mine.keys() - theirs.keys()]
    for key in sorted(mine.keys() & theirs.keys()):
        if new := set(mine[key]["gaps"]) - set(theirs[key]["gaps"]):
            faults.append(f"{key[0]}, {key[1]}: gaps that are not published: {', '.join(sorted(new))}")
    known = {reason for reasons in CAPABILITIES.values() for reason in reasons}
    for (engine, part), row in sorted(mine.items()):
        faults += [f"{engine}, {part}: {reason} is no reason of any engine" for reason in row["gaps"].keys() - known]
        if part == "worlds" and engine not in FEW and row["questions"] < ENOUGH:
            faults.append(f"{engine}: {row['questions']:,} questions of generated worlds, fewer than {ENOUGH:,}")
    return sorted(faults)


def publish(report: dict[str, Any]) -> None:
    """Write the data file, and the README between its markers."""
    PUBLISHED.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"{README.name} has no markers {BEGIN.strip()} and {END}"
    README.write_text(before + BEGIN + table(report) + END + after, encoding="utf-8")


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.engines.report", description="the table of fidelity")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--write", action="store_true", help="publish it")
    parser.add_argument("--check", action="store_true", help="fail where the published table is stale")
    wanted = parser.parse_args()
    lines = [json.loads(line) for line in wanted.ledger.read_text(encoding="utf-8").splitlines()]
    report = {
        "version": 1,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "engines": summed(lines),
        "traffic": traffic(),
    }
    print(table(report))
    if wanted.write:
        publish(report)
    if wanted.check:
        faults = stale(report, json.loads(PUBLISHED.read_text(encoding="utf-8")))
        for fault in faults:
            print(f"stale: {fault}", file=sys.stderr)
        return 1 if faults else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
