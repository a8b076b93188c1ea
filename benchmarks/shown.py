"""What a run came to: a table for people, JSON for programs, Markdown to be kept beside earlier results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from benchmarks.figures import Budget, Figure, Row, Spread

COLUMNS = ("row", "measured", "new", "budget", "median (least to most)", "floor", "of floor", "CPU s", "")


def cells(figure: Figure) -> tuple[str, ...]:
    """One for each of COLUMNS."""
    measure = figure.measure
    return (
        figure.row,
        measure.name,
        "" if measure.new is None else f"{measure.new:.0%}",
        _promised(measure.budget, measure.unit),
        f"{_over(figure.value)} {measure.unit}",
        "" if figure.floor is None else number(figure.floor.median),
        "" if figure.ratio is None else f"{figure.ratio.median:.2f}",
        "" if figure.cpu is None else number(figure.cpu.median),
        verdict(figure),
    )


def verdict(figure: Figure) -> str:
    match figure.is_kept:
        case None:
            return ""
        case True:
            return "kept"
        case False:
            return "MISSED"


def table(figures: Sequence[Figure], rows: Sequence[Row]) -> Table:
    found = Table(title="Budgets", show_lines=False)
    for column in COLUMNS:
        found.add_column(column, justify="left" if column in ("row", "measured", "") else "right")
    for figure in figures:
        found.add_row(*cells(figure), style="red" if figure.is_kept is False else None)
    for row in rows:
        if row.not_yet:
            found.add_row(row.name, f"not yet: {row.not_yet}", *[""] * (len(COLUMNS) - 2), style="dim")
    return found


def markdown(figures: Sequence[Figure], rows: Sequence[Row]) -> str:
    lines = [_line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line(cells(figure)) for figure in figures)]
    lines += [
        _line([row.name, f"not yet: {row.not_yet}", *[""] * (len(COLUMNS) - 2)])
        for row in rows
        if row.not_yet
    ]
    return "\n".join(lines)


def report(figures: Sequence[Figure], rows: Sequence[Row], about: Mapping[str, Any]) -> str:
    """What is kept of a run: what it was measured on, the table, and what each floor is."""
    machine = about["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    listed = "\n".join(f"- **{row.name}** ({row.what}): {row.floor}" for row in rows if row.floor)
    floors = f"\nThe floor of each row, measured in the same rounds:\n\n{listed}\n" if listed else ""
    return f"""# {about["date"]}, {about["database"]}, {machine["cores"]} cores

{machine["cpu"]}, {machine["cores"]} cores, {machine["memory_mb"]:,} MB, {machine["system"]}; load of the last minute
before: {machine["load_before"]}. Medians of {about["rounds"]} rounds. {versions}.

*new*: the share of the alerts that are new occurrences. *CPU s*: what the service's process computed in a round.

{markdown(figures, rows)}
{floors}"""


def as_json(figures: Sequence[Figure], rows: Sequence[Row], about: Mapping[str, Any]) -> dict[str, Any]:
    """`about`: machine, versions, date, rounds."""
    return {
        **about,
        "figures": [_figure(figure) for figure in figures],
        "floors": {row.name: row.floor for row in rows if row.floor},
        "not_yet": {row.name: row.not_yet for row in rows if row.not_yet},
    }


def _figure(figure: Figure) -> dict[str, Any]:
    budget = figure.measure.budget
    return {
        "row": figure.row,
        "measure": figure.measure.name,
        "unit": figure.measure.unit.value,
        "new": figure.measure.new,
        "budget": budget and {"side": budget.side.value, "limit": budget.limit, "of_floor": budget.of_floor},
        "kept": figure.is_kept,
        "value": _spread(figure.value),
        "floor": _spread(figure.floor),
        "of_floor": _spread(figure.ratio),
        "cpu_seconds": _spread(figure.cpu),
        "rounds": [
            {"value": one.value, "floor": one.floor, "cpu_seconds": one.cpu, **one.also}
            for one in figure.readings
        ],
    }


def _spread(found: Spread | None) -> dict[str, float] | None:
    return None if found is None else {"median": found.median, "least": found.least, "most": found.most}


def _promised(budget: Budget | None, unit: str) -> str:
    if budget is None:
        return "none"
    of = "of floor" if budget.of_floor else unit
    return f"{budget.side.value} {budget.limit:,g} {of}"


def _over(found: Spread) -> str:
    return f"{number(found.median)} ({number(found.least)} to {number(found.most)})"


def number(value: float) -> str:
    """With as many digits as say something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _line(found: Sequence[str]) -> str:
    return f"| {' | '.join(found)} |"
