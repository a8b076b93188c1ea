"""What is shown of a run: to people in a table, to programs as JSON, and kept beside others as Markdown."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from benchmarks import shown
from benchmarks.figures import Figure, Measure, Reading, Row, Unit, at_least, below, figures

CONSUMED = Row(
    name="consumed",
    what="through to incident state",
    floor="rows without a thought",
    measures=(
        Measure(name="all new", unit=Unit.ALERTS, budget=at_least(3_000), new=1.0),
        Measure(name="all repeats", unit=Unit.ALERTS, budget=at_least(8_000), new=0.0),
    ),
)
START = Row(
    name="start", what="a start", measures=(Measure(name="first page", unit=Unit.SECONDS, budget=below(3)),)
)
RUNS = Row(name="run-step", what="a step", not_yet="no runs in this version")
ROWS = [CONSUMED, START, RUNS]


@pytest.fixture
def found() -> list[Figure]:
    new, repeats = Reading(value=2_900.0, floor=100_000.0, cpu=2.5), Reading(value=9_000.0, floor=90_000.0)
    taken = figures(CONSUMED, [{"all new": new, "all repeats": repeats}])
    return taken + figures(START, [{"first page": Reading(value=1.25, also={"rows": 5})}])


def test_the_table_says_what_was_new_what_was_promised_and_what_was_kept(found):
    console = Console(width=180, record=True, file=StringIO())
    console.print(shown.table(found, ROWS))
    lines = [line for line in console.export_text().splitlines() if "consumed" in line or "start" in line]
    for line, words in zip(
        lines,
        [
            ("all new", "100%", "at least 3,000 alerts/s", "2,900", "100,000", "0.03", "2.50", "MISSED"),
            ("all repeats", "0%", "at least 8,000 alerts/s", "9,000", "0.10", "kept"),
            ("first page", "below 3 s", "1.25", "kept"),
        ],
        strict=True,
    ):
        assert [word for word in words if word not in line] == []


def test_what_cannot_be_measured_yet_is_said_and_not_made_up(found):
    assert "not yet: no runs in this version" in shown.markdown(found, ROWS)
    assert shown.as_json(found, ROWS, {})["not_yet"] == {"run-step": "no runs in this version"}


def test_json_has_every_round_and_what_it_was_measured_on(found):
    told = json.loads(json.dumps(shown.as_json(found, ROWS, {"date": "2026-11-23", "rounds": 1})))
    new, _, start = told["figures"]
    assert (told["date"], told["floors"]) == ("2026-11-23", {"consumed": "rows without a thought"})
    assert (new["new"], new["kept"], new["unit"]) == (1.0, False, "alerts/s")
    assert new["of_floor"] == {"median": 0.029, "least": 0.029, "most": 0.029}
    assert start["rounds"] == [{"value": 1.25, "floor": None, "cpu_seconds": None, "rows": 5}]


def test_markdown_has_as_many_cells_in_every_line(found):
    assert {line.count("|") for line in shown.markdown(found, ROWS).splitlines()} == {len(shown.COLUMNS) + 1}


def test_a_report_says_on_what_it_was_measured_and_what_the_floors_are(found):
    about = {
        "date": "2026-11-23",
        "database": "sqlite",
        "rounds": 5,
        "machine": {
            "cores": 2,
            "cpu": "A Processor",
            "memory_mb": 25_000,
            "system": "Linux x86_64",
            "load_before": 0.5,
        },
        "versions": {"python": "3.11.7", "wrk": "4.1.0"},
    }
    told = shown.report(found, ROWS, about)
    words = (
        "A Processor, 2 cores, 25,000 MB",
        "python 3.11.7, wrk 4.1.0",
        "Medians of 5 rounds",
        "| MISSED |",
    )
    assert [
        word for word in (*words, "- **consumed** (through to incident state): rows") if word not in told
    ] == []


@pytest.mark.parametrize(
    "value, told", [(12_345.6, "12,346"), (123.4, "123"), (45.67, "45.7"), (0.618, "0.62"), (-0.25, "-0.25")]
)
def test_a_number_has_as_many_digits_as_say_something(value, told):
    assert shown.number(value) == told
