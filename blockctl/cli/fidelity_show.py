"""How `fidelity` looks in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from blockctl.cli.fidelity_own import Measured, Traffic

PLAIN_WIDTH = 120  # columns, where standard output is no terminal
PARTS = {
    "worlds": "generated policies",
    "vectors": "labelled requests",
    "log": "request log",
    "configs": "example policies",
    "javascript": "JavaScript probes",
    "names": "listed names",
}


def show(published: Mapping[str, Any], measured: Sequence[Measured] | None, traffic: Traffic | None) -> None:
    """Print the published table, and the user's own targets below it."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PLAIN_WIDTH)
    _show_published(console, published)
    if measured is None or traffic is None:
        console.print("\nThere is no policy yet: `blockctl init` writes one.", soft_wrap=True)
        return
    console.print()
    _show_traffic(console, traffic)
    for alike in _alike(measured):
        console.print()
        _show_targets(console, alike, traffic)


def _alike(measured: Sequence[Measured]) -> list[list[Measured]]:
    """Return the targets in groups of those of which there is the same to tell: most DNS engines are alike."""
    groups: dict[tuple[object, ...], list[Measured]] = {}
    for each in measured:
        told = tuple((reason, each.known(reason), each.witness(reason)) for reason in each.reasons())
        counts = (*each.gaps.count.items(), *each.concern.by_reason.items())
        groups.setdefault((each.rules_in, told, counts), []).append(each)
    return list(groups.values())


def percent(share: float) -> str:
    """Return a share of traffic in words, no more exact than it is."""
    if share == 0:
        return "none"
    if share < 0.0001:
        return "under 0.01 %"
    return f"{share:.2%}".replace("%", " %")


def _table(*columns: tuple[str, str], ratio: Mapping[str, int]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", expand=bool(ratio))
    for name, justify in columns:
        table.add_column(
            name, justify="right" if justify == "right" else "left", ratio=ratio.get(name), no_wrap=name not in ratio
        )
    return table


def _show_published(console: Console, published: Mapping[str, Any]) -> None:
    console.print(f"What the engines answered, measured {published['date']}", style="bold")
    columns = (("engine", ""), ("asked with", ""), ("questions", "right"), ("agreed", "right"), ("in gaps", ""))
    table = _table(*columns, ratio={"in gaps": 1})
    last = ""
    for row in published["engines"]:
        name = "" if row["engine"] == last else row["engine"]
        last = row["engine"]
        gaps = ", ".join(f"{count:,} {reason}" for reason, count in row["gaps"].items()) or "none"
        table.add_row(name, PARTS.get(row["part"], row["part"]), f"{row['questions']:,}", f"{row['agreed']:,}", gaps)
    console.print(table)


def _show_traffic(console: Console, traffic: Traffic) -> None:
    if traffic.requests:
        text = f"Traffic: {traffic.total:,} requests of {traffic.source}."
    elif traffic.names:
        text = (
            f"Traffic: {traffic.total:,} queries of the query log. It has names, not pages, so each share is the most"
            " that it can be; `--requests FILE.har` (saved in the browser's developer tools) tells exactly."
        )
    else:
        text = (
            "No traffic is known here, so shares are missing: give `--requests FILE.har` (saved in the browser's"
            " developer tools), or let `blockctl serve` keep a query log."
        )
    console.print(text)


def _name(each: Measured) -> str:
    named = each.target.name == each.target.backend
    return each.target.name if named else f"{each.target.name} ({each.target.backend})"


def _show_targets(console: Console, alike: Sequence[Measured], traffic: Traffic) -> None:
    each = alike[0]
    text = Text()
    text.append(", ".join(map(_name, alike)), "bold")
    if not len(each.gaps):
        text.append(f": no gap in {each.rules_in:,} rules")
        console.print(text)
        return
    text.append(f": {len(each.gaps):,} gaps in {each.rules_in:,} rules")
    if traffic.total:
        most = "at most " if traffic.names else ""
        share = each.concern.share
        text.append(
            f"; they concern {most}{percent(share)} of the traffic" if share else "; they concern none of the traffic"
        )
    console.print(text)
    columns = [("reason", ""), ("rules", "right"), ("traffic", "right"), ("what it means, and a rule", "")]
    if not traffic.total:
        columns.pop(2)
    table = _table(*columns, ratio={"what it means, and a rule": 1})
    for reason in each.reasons():
        table.add_row(*_row(each, reason, with_traffic=bool(traffic.total)))
    console.print(table)


def _row(each: Measured, reason: str, *, with_traffic: bool) -> list[str | Text]:
    known = each.known(reason)
    place, rule = each.witness(reason)
    meaning = Text(f"{known.fidelity.value}: {known.why}")
    if rule:
        shown = "".join(sign if sign.isprintable() else "?" for sign in rule)  # lists are other people's
        meaning.append("\n" + "  ".join(filter(None, (place, shown[:160]))), "dim")
    share = each.concern.by_reason[reason] / each.concern.requests if each.concern.requests else 0.0
    row: list[str | Text] = [reason, f"{each.gaps.count[reason]:,}"]
    return [*row, *([percent(share)] if with_traffic else []), meaning]
