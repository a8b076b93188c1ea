"""Figures: what a row measures, what a round of it read, and what all rounds together say.

A row of the budgets (`Row`) has measures; each round gives a `Reading` of every one, beside the floor's from the same
round. A `Figure` is the median of the rounds with its spread, held against the budget.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from benchmarks.ground import Database, Ground


class Unit(StrEnum):
    MILLISECONDS = "ms"
    SECONDS = "s"
    MEGABYTES = "MB"  # 10**6 bytes
    REQUESTS = "requests/s"
    ALERTS = "alerts/s"
    CORE = "% of a core"


class Side(StrEnum):
    AT_LEAST = "at least"
    BELOW = "below"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """`of_floor`: the limit is a share of the floor's figure, not a figure of its own."""

    side: Side
    limit: float
    of_floor: bool = False

    def is_kept(self, value: float) -> bool:
        return value >= self.limit if self.side is Side.AT_LEAST else value < self.limit


def at_least(limit: float) -> Budget:
    return Budget(side=Side.AT_LEAST, limit=limit)


def below(limit: float) -> Budget:
    return Budget(side=Side.BELOW, limit=limit)


def of_the_floor(limit: float) -> Budget:
    return Budget(side=Side.AT_LEAST, limit=limit, of_floor=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`new`: the share of the alerts that are new occurrences; None where none come. No budget: for reading."""

    name: str
    unit: Unit
    budget: Budget | None = None
    new: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`cpu`: seconds that the service's process computed, which its neighbours on the machine change little.

    `also`: more of the same round, such as the p50 beside a p99, in the measure's unit.
    """

    value: float
    floor: float | None = None
    cpu: float | None = None
    also: Mapping[str, float] = field(default_factory=dict)


Readings = Mapping[str, Reading]  # by the measure's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`measure`: one round. `not_yet`: why there is nothing to measure; it has no `measure` then."""

    name: str
    what: str
    floor: str = ""  # what the floor is
    measures: tuple[Measure, ...] = ()
    measure: Callable[[Ground], Awaitable[Readings]] | None = None
    not_yet: str = ""
    databases: frozenset[Database] = frozenset({Database.SQLITE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure over all rounds. `ratio`: of its value to the floor's, each within one round."""

    row: str
    measure: Measure
    value: Spread
    floor: Spread | None
    ratio: Spread | None
    cpu: Spread | None
    readings: tuple[Reading, ...]

    @property
    def is_kept(self) -> bool | None:
        """None where nothing is promised."""
        budget = self.measure.budget
        if budget is None:
            return None
        held = self.ratio if budget.of_floor else self.value
        assert held is not None, f"{self.row}, {self.measure.name}: a budget of the floor, and no floor"
        return budget.is_kept(held.median)


def spread(values: Sequence[float]) -> Spread:
    return Spread(median=statistics.median(values), least=min(values), most=max(values))


def percentile(values: Sequence[float], percent: int) -> float:
    """Of a single value that value; raises on none."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def latency(values: Sequence[float], *, floor: Sequence[float] = (), cpu: float | None = None) -> Reading:
    """A p99 of seconds as a reading in milliseconds, with what lies below and above it."""
    also = {"p50": percentile(values, 50), "p90": percentile(values, 90), "max": max(values)}
    return Reading(
        value=percentile(values, 99) * 1000,
        floor=percentile(floor, 99) * 1000 if floor else None,
        cpu=cpu,
        also={name: value * 1000 for name, value in also.items()} | {"count": len(values)},
    )


def figures(row: Row, rounds: Sequence[Readings]) -> list[Figure]:
    """A row's figures, in the order of its measures. Every round has a reading of every measure."""
    return [_figure(row, measure, [one[measure.name] for one in rounds]) for measure in row.measures]


def _figure(row: Row, measure: Measure, readings: Sequence[Reading]) -> Figure:
    floors = [one.floor for one in readings if one.floor is not None]
    ratios = [one.value / one.floor for one in readings if one.floor]
    cpus = [one.cpu for one in readings if one.cpu is not None]
    return Figure(
        row=row.name,
        measure=measure,
        value=spread([one.value for one in readings]),
        floor=spread(floors) if floors else None,
        ratio=spread(ratios) if ratios else None,
        cpu=spread(cpus) if cpus else None,
        readings=tuple(readings),
    )
