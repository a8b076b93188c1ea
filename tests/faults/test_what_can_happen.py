"""docs/what-can-happen.md against what is tried, and against the code: no fault without a row, no row without a fault,
and no metric, log line or alarm that there is not.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

import pytest

from responder.core.decision import AlarmKind
from responder.telemetry import Metrics
from tests.faults.cases import SITES, cases
from tests.faults.faults import Fault
from tests.house.tree import ROOT, modules

PAGE = ROOT / "docs" / "what-can-happen.md"
COLUMNS = ["What happens", "What you will see", "Metric", "Log line", "Alarm", "Tried by"]
LEVELS = ("info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    seen: str
    metrics: list[str]
    lines: list[str]
    alarms: list[str]
    tried_by: str

    @property
    def tests(self) -> list[str]:
        return [part for part in re.split(r"[;,] ", self.tried_by) if part.startswith("tests/")]

    def faults(self) -> Iterator[tuple[Fault, str]]:
        """As (fault, point); `page.send.*` is every point of that kind."""
        for part in self.tried_by.split("; "):
            fault, at, names = part.partition(" at ")
            for name in names.split(", ") if at else ():
                found = [point for point in SITES if fnmatchcase(point, name)]
                assert found, f"{name} is no point"
                yield from ((Fault(fault), point) for point in found)


def rows() -> list[Row]:
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|") or set(line) <= set("|- "):
            continue
        cells = [cell.strip() for cell in line[1:-1].split("|")]
        assert len(cells) == len(COLUMNS), line
        if cells != COLUMNS:
            what, seen, metric, said, alarm, tried_by = cells
            found.append(Row(what, seen, named(metric), named(said), named(alarm), tried_by))
    return found


def named(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)


ROWS = rows()


def test_every_fault_that_is_tried_has_one_row_and_every_row_is_tried():
    told = Counter(fault for row in ROWS for fault in row.faults())
    tried = {(case.blow.fault, case.point) for case in cases()}
    assert sorted(tried - set(told)) == []
    assert sorted(set(told) - tried) == []
    assert [fault for fault, count in told.items() if count > 1] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_a_row_names_only_what_there_is(row):
    assert row.seen
    assert row.tests or list(row.faults())
    assert [test for test in row.tests if not (ROOT / test).exists()] == []
    assert set(row.metrics) <= metrics()
    assert set(row.lines) <= events()
    assert set(row.alarms) <= {kind.value for kind in AlarmKind}


def test_every_test_of_a_fault_has_a_row():
    """Those of the whole table stand in it by their points."""
    of_the_table = {"test_kills.py", "test_quarter.py", "test_points.py", "test_what_can_happen.py"}
    there = {path.name for path in (ROOT / "tests" / "faults").glob("test_*.py")} - of_the_table
    told = {test.rpartition("/")[2] for row in ROWS for test in row.tests}
    assert sorted(there - told) == []


@cache
def metrics() -> set[str]:
    found = set()
    for family in Metrics().registry.collect():
        found.add(f"{family.name}_total" if family.type == "counter" else family.name)
    return found


@cache
def events() -> set[str]:
    """What the code logs, as a literal."""
    found = set()
    for module in modules():
        for node in ast.walk(module.parsed()):
            match node:
                case ast.Call(func=ast.Attribute(attr=level), args=[ast.Constant(value=str(event)), *_]) if (
                    level in LEVELS
                ):
                    found.add(event)
                case ast.Call(func=ast.Name(id="tell"), args=[ast.Constant(value=str(event)), *_]):
                    found.add(event)  # where the level depends on what happened
                case _:
                    pass
    return found
