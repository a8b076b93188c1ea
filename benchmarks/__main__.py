"""`python -m benchmarks`: measure the budgets' rows, each beside its floor, and say which are kept."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

from rich.console import Console

from benchmarks import machine, shown
from benchmarks.figures import Figure, Readings, Row, figures
from benchmarks.ground import Database, Ground
from benchmarks.rows import (
    command,
    consumed,
    handed_over,
    memory,
    run_steps,
    start,
    takeover,
    timers,
    webhook,
)
from tests.journeys.waiting import CLOCK
from tests.servers import postgresql
from tests.servers.postgresql import Postgresql

ROWS: tuple[Row, ...] = (
    webhook.ROW,
    consumed.ROW,
    handed_over.ROW,
    timers.ROW,
    command.ROW,
    start.ROW,
    memory.ROW,
    takeover.ROW,
    run_steps.OVERHEAD,
    run_steps.TAKEOVER,
)
WIDTH = 180
RESULTS = Path(__file__).with_name("results")


async def run(
    rows: Sequence[Row], rounds: int, database: Database, *, keep: Path | None, quick: bool, say: Console
) -> list[Figure]:
    found: dict[str, list[Readings]] = {row.name: [] for row in rows}
    with ExitStack() as stack:
        lasting = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = stack.enter_context(postgresql.running()) if database is Database.POSTGRESQL else None
        for number in range(rounds):
            for row in rows:
                say.print(f"round {number + 1} of {rounds}: {row.name} (load {os.getloadavg()[0]:.2f})")
                found[row.name].append(await _round(row, lasting, database, server, quick=quick))
    return [figure for row in rows for figure in figures(row, found[row.name])]


async def _round(
    row: Row, lasting: Path, database: Database, server: Postgresql | None, *, quick: bool
) -> Readings:
    assert row.measure is not None
    with tempfile.TemporaryDirectory(prefix=f"bench-{row.name}-") as home:
        async with AsyncExitStack() as stack:
            ground = Ground(Path(home), lasting, stack, database, server, quick=quick)
            return await row.measure(ground)


def chosen(names: Sequence[str], database: Database) -> list[Row]:
    """In the order of ROWS; all where none is named. A row that the database does not have is left out."""
    return [row for row in ROWS if (not names or row.name in names) and database in row.databases]


def main() -> int:
    asked = argparse.ArgumentParser(prog="make bench", description="The budgets, each beside its floor.")
    asked.add_argument(
        "--only", action="append", default=[], metavar="ROW", choices=[row.name for row in ROWS]
    )
    asked.add_argument("--rounds", type=int, default=5, help="of which the median counts (default 5)")
    asked.add_argument("--database", type=Database, choices=list(Database), default=Database.SQLITE)
    asked.add_argument("--output", choices=("table", "json"), default="table")
    asked.add_argument("--save", metavar="NAME", help="also write benchmarks/results/NAME.json and NAME.md")
    asked.add_argument(
        "--keep", type=Path, help="a folder for the large databases, which the next run finds made"
    )
    asked.add_argument(
        "--quick", action="store_true", help="to see that it runs: small and short, no measurement"
    )
    asked.add_argument("--list", action="store_true", help="the rows, and nothing is run")
    given = asked.parse_args()
    if given.list:
        for row in ROWS:
            print(f"{row.name:<12} {row.what}{f' (not yet: {row.not_yet})' if row.not_yet else ''}")
        return 0
    if shutil.which("wrk") is None:
        print("wrk is not installed: run `tests/install-debian-packages benchmarks/debian-packages.txt`")
        return 1
    rows = chosen(given.only, given.database)
    about = {
        "date": f"{CLOCK.now():%Y-%m-%d}",
        "machine": machine.machine(),
        "versions": machine.versions(),
        "database": given.database.value,
        "rounds": given.rounds,
        "quick": given.quick,
    }
    there = [row for row in rows if row.measure is not None]
    found = asyncio.run(
        run(there, given.rounds, given.database, keep=given.keep, quick=given.quick, say=Console(stderr=True))
    )
    told = json.dumps(shown.as_json(found, rows, about), indent=1)
    if given.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{given.save}.json").write_text(f"{told}\n", encoding="utf-8")
        (RESULTS / f"{given.save}.md").write_text(shown.report(found, rows, about), encoding="utf-8")
    match given.output:
        case "json":
            print(told)
        case _:
            Console(width=WIDTH if not sys.stdout.isatty() else None).print(shown.table(found, rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
