"""`make faults`: every case, its table on the terminal and in docs/faults.md.

`--fault kill`, `--point commit.claim`, `--database sqlite` choose among them; only the whole of it is written down.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.faults.cases import Case, cases
from tests.faults.faults import Fault
from tests.faults.places import Database, Places
from tests.faults.striking import all_of
from tests.faults.table import Table, page
from tests.house.tree import ROOT
from tests.journeys.waiting import CLOCK

WRITTEN = ROOT / "docs" / "faults.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--database", choices=list(Database), type=Database, action="append")
    parser.add_argument("--fault", choices=list(Fault), type=Fault, action="append")
    parser.add_argument("--point", action="append", help="a point's name, or how it begins")
    parser.add_argument("--kept", type=Path, help="a file: what has ended stands there, and is not run again")
    chosen = parser.parse_args()
    table = Table([case for case in cases() if _is_wanted(case, chosen)], kept=chosen.kept)
    table.recall()
    left = table.left
    with tempfile.TemporaryDirectory() as home, Places({case.database for case in left}) as places:
        asyncio.run(all_of(left, Path(home), lambda case: places.fresh(case.database), table.tell))
    whole = page(table, CLOCK.now().date())
    sys.stdout.write(f"\n{whole}")
    if len(table.ended) == len(cases()):
        WRITTEN.write_text(whole, encoding="utf-8")
    return 1 if table.broken else 0


def _is_wanted(case: Case, chosen: argparse.Namespace) -> bool:
    return (
        (not chosen.database or case.database in chosen.database)
        and (not chosen.fault or case.blow.fault in chosen.fault)
        and (not chosen.point or case.point.startswith(tuple(chosen.point)))
    )


sys.exit(main())
