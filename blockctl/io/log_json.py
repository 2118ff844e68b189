"""The query log and its figures for programs: what `log --json`, `stats --json` and the web API give."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from blockctl.dns.exchange import Outcome
from blockctl.dns.figures import NAMES, Figures, summed, type_name
from blockctl.io.log_reader import Logged, open_log

CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 16: "BADVERS"}
TOP = 10
BARS = 24  # at most about so many in the chart
# Spans in seconds that a bar may stand for.
SPANS = (60, 300, 600, 1800, 3600, 10_800, 21_600, 86_400, 7 * 86_400, 28 * 86_400)
RANKINGS = ("names", "blocked", "clients", "lists")


def span_for(seconds: float) -> int:
    """Return for how long a bar stands when the chart covers so many seconds."""
    return next((span for span in SPANS if seconds <= span * BARS), SPANS[-1])


class Summary(NamedTuple):
    """The figures of a while: altogether, by span of so many seconds, and whom and what they were most about."""

    figures: Figures
    begin: float  # seconds since 1970
    spans: dict[int, Figures]
    span: int
    top: dict[str, list[tuple[str, int]]]


def summary(path: Path, begin: float, moment: datetime) -> tuple[Summary, bool]:
    """Read the figures since `begin`, by this machine's clock; and say whether there is a log."""
    span = span_for(moment.timestamp() - begin)
    spans: dict[int, Figures] = {}
    top: dict[str, list[tuple[str, int]]] = {each: [] for each in RANKINGS}
    reader = open_log(path)
    if reader is not None:
        with reader:
            offset = moment.astimezone().utcoffset()
            spans = reader.spans(begin, span, int(offset.total_seconds()) if offset else 0)
            top = reader.tops(begin, TOP)
    figures = summed(item for each in spans.values() for item in each.items())
    return Summary(figures, begin, spans, span, top), reader is not None


def row_json(row: Logged) -> dict[str, Any]:
    """Return a query for programs."""
    rule = row.rule
    moment = datetime.fromtimestamp(row.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "time": moment,
        "client": row.client,
        "device": row.device,
        "group": row.group,
        "transport": row.transport,
        "name": row.name,
        "type": type_name(row.type),
        "outcome": row.outcome.name.lower(),
        "code": None if row.rcode is None else CODES.get(row.rcode, str(row.rcode)),
        "milliseconds": round(row.milliseconds, 3),
        "rule": rule and {"step": rule.step, "file": rule.file, "line": rule.line, "text": rule.text},
        "via": row.via,
        "led": row.led,
        "upstream": row.upstream,
    }


def figures_json(
    figures: Figures, begin: float, spans: dict[int, Figures], span: int, top: dict[str, list[tuple[str, int]]]
) -> dict[str, Any]:
    """Return the figures for programs."""
    counts = figures.outcomes
    times = {name: figures.quantile(part) for name, part in (("median", 0.5), ("p95", 0.95))}
    return {
        "since": _utc(begin),
        "queries": figures.queries,
        "blocked": counts[Outcome.BLOCKED],
        "cached": counts[Outcome.CACHED] + counts[Outcome.STALE],
        "outcomes": {each.name.lower(): counts[each] for each in Outcome},
        "types": {NAMES.get(key, "other"): count for key, count in figures.types.most_common()},
        "milliseconds": {name: None if value is None else round(value, 3) for name, value in times.items()},
        "rows": {"kept": figures.kept, "not_kept": figures.not_kept},
        "top": {what: [{"name": key, "count": count} for key, count in found] for what, found in top.items()},
        "spans": [
            {"start": _utc(at), "seconds": span, "queries": each.queries, "blocked": each.outcomes[Outcome.BLOCKED]}
            for at, each in sorted(spans.items())
        ],
    }


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
