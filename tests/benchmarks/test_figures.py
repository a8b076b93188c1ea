"""What rounds come to: the median and its spread, held against a budget of its own or of the floor."""

from __future__ import annotations

import pytest

from benchmarks.figures import (
    Budget,
    Figure,
    Measure,
    Reading,
    Row,
    Unit,
    at_least,
    below,
    figures,
    latency,
    of_the_floor,
    percentile,
)


def figure(budget: Budget | None, *readings: Reading) -> Figure:
    measure = Measure(name="taken", unit=Unit.REQUESTS, budget=budget)
    row = Row(name="webhook", what="a webhook", measures=(measure,))
    return figures(row, [{"taken": one} for one in readings])[0]


def test_the_median_of_the_rounds_counts_and_its_spread_is_told():
    found = figure(None, Reading(value=3.0), Reading(value=1.0), Reading(value=100.0))
    assert (found.value.median, found.value.least, found.value.most) == (3.0, 1.0, 100.0)


def test_a_ratio_is_made_within_each_round():
    readings = Reading(value=10, floor=20), Reading(value=90, floor=100), Reading(value=8, floor=10)
    found = figure(of_the_floor(0.6), *readings)
    assert found.ratio is not None
    assert found.ratio.median == 0.8  # and not the ratio of the medians, 0.5


@pytest.mark.parametrize(
    "budget, value, is_kept",
    [
        pytest.param(None, 1.0, None, id="nothing is promised"),
        pytest.param(at_least(5), 5.0, True, id="at least, and just so"),
        pytest.param(at_least(5), 4.9, False, id="less than at least"),
        pytest.param(below(5), 4.9, True, id="below"),
        pytest.param(below(5), 5.0, False, id="as much is not below"),
        pytest.param(of_the_floor(0.6), 6.0, True, id="of the floor, and just so"),
        pytest.param(of_the_floor(0.6), 5.9, False, id="less of the floor"),
    ],
)
def test_a_budget_is_kept_or_not(budget, value, is_kept):
    assert figure(budget, Reading(value=value, floor=10.0)).is_kept is is_kept


def test_a_budget_of_the_floor_needs_a_floor():
    with pytest.raises(AssertionError, match="no floor"):
        _ = figure(of_the_floor(0.6), Reading(value=1.0)).is_kept


def test_latencies_are_told_in_milliseconds_by_their_p99():
    found = latency([number / 1000 for number in range(1, 101)], floor=[0.001] * 10, cpu=0.5)
    assert found.value == pytest.approx(99.01)
    assert found.also["p50"] == pytest.approx(50.5)
    assert found.also["max"] == pytest.approx(100)
    assert (found.floor, found.cpu, found.also["count"]) == (1.0, 0.5, 100)


def test_one_value_is_its_own_percentile():
    assert percentile([7.0], 99) == 7.0
