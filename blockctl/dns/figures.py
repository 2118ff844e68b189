"""The figures: queries counted by outcome, by type and by how long they took, and the same as Prometheus reads them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from blockctl.dns.exchange import Outcome
from blockctl.dns.types import TYPES

# Upper ends of the steps in which answer times are counted, in milliseconds; what took longer is counted past the last.
STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)

NAMES = {number: name for name, number in TYPES.items()} | {251: "IXFR", 252: "AXFR"}
OTHER = 0  # types without a name are counted together

Item = tuple[str, int, int]  # what is counted, which of them, how many


@dataclass(slots=True)
class Figures:
    """Counts, of a span of time or of all time.

    `outcomes` is exact. `types` and `steps` are of the queries that the log came to see, which under a flood are fewer.
    """

    outcomes: list[int] = field(default_factory=lambda: [0] * len(Outcome))
    types: Counter[int] = field(default_factory=Counter)
    steps: list[int] = field(default_factory=lambda: [0] * (len(STEPS) + 1))
    microseconds: int = 0  # of all that `steps` counts, together
    kept: int = 0  # rows in the log
    not_kept: int = 0  # queries that got no row although the log was to have one

    @property
    def queries(self) -> int:
        """How many queries there were."""
        return sum(self.outcomes)

    def share(self, *outcomes: Outcome) -> float:
        """Return which part of the queries had one of these outcomes, 0 to 1."""
        return sum(self.outcomes[each] for each in outcomes) / max(self.queries, 1)

    def time(self, milliseconds: float) -> None:
        """Count how long an answer took."""
        self.steps[bisect_left(STEPS, milliseconds)] += 1
        self.microseconds += round(milliseconds * 1000)

    def type(self, number: int) -> None:
        """Count a query's type."""
        self.types[number if number in NAMES else OTHER] += 1

    def quantile(self, part: float) -> float | None:
        """Return the milliseconds within which that part of the answers came, as the steps tell; None: no answers.

        Within a step the answers are taken to be spread evenly, as Prometheus's `histogram_quantile` does.
        """
        total = sum(self.steps)
        if not total:
            return None
        left = part * total
        for at, count in enumerate(self.steps):
            if count and left <= count:
                low = STEPS[at - 1] if at else 0.0
                high = STEPS[at] if at < len(STEPS) else low
                return min(high, low + (high - low) * left / count)
            left -= count
        return STEPS[-1]

    def add(self, kind: str, key: int, count: int) -> None:
        """Add one count, as `items` gives them; what is not known is left out (a later version's)."""
        if kind == "outcome" and 0 <= key < len(self.outcomes):
            self.outcomes[key] += count
        elif kind == "type":
            self.types[key] += count
        elif kind == "step" and 0 <= key < len(self.steps):
            self.steps[key] += count
        elif kind in ("microseconds", "kept", "not_kept"):
            setattr(self, kind, getattr(self, kind) + count)

    def items(self) -> Iterator[Item]:
        """Yield every count that is not zero: how figures are stored and added up."""
        for kind, counts in (("outcome", self.outcomes), ("step", self.steps)):
            yield from ((kind, key, count) for key, count in enumerate(counts) if count)
        yield from (("type", key, count) for key, count in self.types.items() if count)
        for kind in ("microseconds", "kept", "not_kept"):
            if count := getattr(self, kind):
                yield kind, 0, count


def summed(items: Iterable[Item]) -> Figures:
    """Return the figures that these counts make."""
    figures = Figures()
    for item in items:
        figures.add(*item)
    return figures


def type_name(number: int) -> str:
    """Return a type as people write it; one without a name as RFC 3597, section 5, says."""
    return NAMES.get(number) or f"TYPE{number}"


@dataclass(frozen=True, slots=True)
class Metric:
    """One more figure for Prometheus: a gauge or a counter, with one value for each set of labels."""

    name: str  # without `blockctl_`; a counter's ends in `_total`, sizes in `_bytes`, times in `_seconds`
    help: str
    values: tuple[tuple[tuple[tuple[str, str], ...], float], ...]  # (labels, value)
    counter: bool = False


def prometheus(figures: Figures, more: Iterable[Metric] = ()) -> str:
    """Return the figures in Prometheus's text format, version 0.0.4."""
    outcomes = tuple(((("outcome", each.name.lower()),), figures.outcomes[each]) for each in Outcome)
    types = tuple(((("type", NAMES.get(key, "other")),), count) for key, count in sorted(figures.types.items()))
    rows = (((("kept", "yes"),), figures.kept), ((("kept", "no"),), figures.not_kept))
    metrics = (
        Metric("queries_total", "Queries, by how they were answered.", outcomes, counter=True),
        Metric("queries_by_type_total", "Queries that the log saw, by type.", types, counter=True),
        Metric("log_queries_total", "Queries that got a row in the log, and that got none.", rows, counter=True),
        *more,
    )
    lines = [line for metric in metrics for line in _lines(metric)]
    return "\n".join([*lines, *_histogram(figures), ""])


def _lines(metric: Metric) -> Iterator[str]:
    name = f"blockctl_{metric.name}"
    yield f"# HELP {name} {_escaped(metric.help)}"
    yield f"# TYPE {name} {'counter' if metric.counter else 'gauge'}"
    for labels, value in metric.values:
        said = ",".join(f'{label}="{_escaped(text, quoted=True)}"' for label, text in labels)
        yield f"{name}{{{said}}} {value!r}" if said else f"{name} {value!r}"


def _histogram(figures: Figures) -> Iterator[str]:
    name = "blockctl_answer_seconds"
    yield f"# HELP {name} Time from query to answer, of the queries that the log saw."
    yield f"# TYPE {name} histogram"
    count = 0
    for end, here in zip((*(f"{step / 1000:g}" for step in STEPS), "+Inf"), figures.steps, strict=True):
        count += here
        yield f'{name}_bucket{{le="{end}"}} {count}'
    yield f"{name}_sum {figures.microseconds / 1e6!r}"
    yield f"{name}_count {count}"


def _escaped(text: str, *, quoted: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quoted else text
