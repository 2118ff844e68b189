"""Figures add up, tell times as well as their steps allow, and are written as Prometheus reads them."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.dns.exchange import Outcome
from blockctl.dns.figures import STEPS, Figures, Metric, prometheus, summed, type_name

counts = st.integers(0, 1 << 40)
figures_of = st.builds(
    Figures,
    outcomes=st.lists(counts, min_size=len(Outcome), max_size=len(Outcome)),
    types=st.dictionaries(st.sampled_from([0, 1, 28, 65]), st.integers(1, 1 << 40)).map(Counter),
    steps=st.lists(counts, min_size=len(STEPS) + 1, max_size=len(STEPS) + 1),
    microseconds=counts,
    kept=counts,
    not_kept=counts,
)


@given(figures_of)
def test_items_make_the_same_figures(figures: Figures) -> None:
    assert summed(figures.items()) == figures


@given(figures_of, figures_of)
def test_figures_add_up(one: Figures, other: Figures) -> None:
    both = summed((*one.items(), *other.items()))
    assert both.queries == one.queries + other.queries
    assert both.types == one.types + other.types
    assert both.not_kept == one.not_kept + other.not_kept


def test_counts_of_a_later_version_are_left_out() -> None:
    assert summed([("outcome", 99, 5), ("step", 99, 5), ("weather", 0, 5)]) == Figures()


@given(st.lists(st.floats(0, 6000), min_size=1))
def test_a_median_lies_in_its_step(times: list[float]) -> None:
    figures = Figures()
    for each in times:
        figures.time(each)
    told = figures.quantile(0.5)
    assert told is not None
    middle = sorted(times)[(len(times) - 1) // 2]
    low = max((step for step in (0.0, *STEPS) if step < middle), default=0.0)
    high = next((step for step in STEPS if step >= middle), STEPS[-1])
    assert low <= told <= high


def test_no_answers_have_no_median() -> None:
    assert Figures().quantile(0.5) is None


def test_types_without_a_name_are_counted_together() -> None:
    figures = Figures()
    for number in (1, 65, 12345, 54321):
        figures.type(number)
    assert figures.types == {1: 1, 65: 1, 0: 2}
    assert [type_name(number) for number in (65, 252, 12345)] == ["HTTPS", "AXFR", "TYPE12345"]


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? ([0-9.e+-]+|\+Inf)')


def read_prometheus(text: str) -> dict[str, float]:
    """Read the text format strictly: HELP and TYPE once before the samples of a name, which stand together."""
    assert text.endswith("\n")
    found: dict[str, float] = {}
    kinds: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ")[2]
            assert current not in kinds
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current
            assert kind in ("counter", "gauge", "histogram")
            kinds[name] = kind
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            ends = ("_bucket", "_sum", "_count") if kinds[current] == "histogram" else ("",)
            assert sample[1] in {current + end for end in ends}
            assert kinds[current] != "counter" or current.endswith("_total")
            key = f"{sample[1]}{{{sample[2] or ''}}}"
            assert key not in found
            found[key] = float(sample[3])
    return found


def test_prometheus_text() -> None:
    figures = Figures(not_kept=4, kept=3)
    figures.outcomes[Outcome.BLOCKED] = 7
    figures.type(28)
    for took in (0.05, 0.1, 30.0, 9999.0):
        figures.time(took)
    odd = Metric("upstream_up", "One\nline, a \\", (((("upstream", 'a"b\\c\nd'),), 1),))
    found = read_prometheus(prometheus(figures, [odd, Metric("cache_bytes", "Size.", (((), 12.5),))]))
    assert found['blockctl_queries_total{outcome="blocked"}'] == 7
    assert found['blockctl_queries_total{outcome="failed"}'] == 0
    assert found['blockctl_queries_by_type_total{type="AAAA"}'] == 1
    assert found['blockctl_log_queries_total{kept="no"}'] == 4
    assert found['blockctl_upstream_up{upstream="a\\"b\\\\c\\nd"}'] == 1
    assert found["blockctl_cache_bytes{}"] == 12.5
    assert found['blockctl_answer_seconds_bucket{le="0.0001"}'] == 2
    assert found['blockctl_answer_seconds_bucket{le="5"}'] == 3
    assert found['blockctl_answer_seconds_bucket{le="+Inf"}'] == found["blockctl_answer_seconds_count{}"] == 4
    assert found["blockctl_answer_seconds_sum{}"] == pytest.approx(10.02915)


@given(figures_of)
def test_buckets_never_fall(figures: Figures) -> None:
    found = read_prometheus(prometheus(figures))
    buckets = [value for key, value in found.items() if "_bucket" in key]
    assert buckets == sorted(buckets)
    assert buckets[-1] == sum(figures.steps)
