"""The table: for each point, fault and database the outcome, for the terminal and for docs/faults.md.

`python -m tests.faults` makes it; a case whose promises were broken has them in its place, and makes the exit code 1.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tests.faults.cases import Case
from tests.faults.faults import Blow
from tests.faults.ledgers import Noticed
from tests.faults.places import Database

HEAD = """# Faults, and what came of them

<!-- Written by `make faults`. -->

Each row is a place where the engine calls the world (a point), and a fault that strikes right before the call has its
effect, or right after it. A real `responder serve` is struck there once, in the middle of what it is doing; where it
died it is started again. Then what its sender, the receivers and Slack have seen is held against the promises: every
alert that was accepted is on an incident, every page that fell due was handed over, a repeat says that it is one,
nothing was claimed after an acknowledgement, and nobody is stranded. What somebody noticed stands in the last columns;
[what-can-happen.md](what-can-happen.md) says by which metric and which log line.

A *failure* before a call is one that was not made; after it, one whose caller cannot know. A *refusal* is a failure for
good. A *delay* outlasts whoever waits for the call: a send's deadline, a claim's lease, a person's patience.

{summary}, on {day} ({machine}).
"""

BROKEN = "BROKEN"
WORDS: Mapping[Database, str] = {Database.SQLITE: "SQLite", Database.POSTGRESQL: "PostgreSQL"}


@dataclass(slots=True)
class Table:
    """Filled as the cases end. `say`: a line to whoever waits; `kept`: where what has ended outlasts us."""

    wanted: Sequence[Case]
    say: Callable[[str], None] = lambda line: _print(line)  # noqa: PLW0108 - it stands below
    kept: Path | None = None
    ended: dict[Case, str] = field(default_factory=dict)

    def recall(self) -> None:
        """What an earlier run has kept; a broken one is tried again."""
        if self.kept is None or not self.kept.exists():
            return
        known = {case.id: case for case in self.wanted}
        for line in self.kept.read_text(encoding="utf-8").splitlines():
            name, said = json.loads(line)
            if name in known and not said.startswith(BROKEN):
                self.ended[known[name]] = said

    @property
    def left(self) -> list[Case]:
        return [case for case in self.wanted if case not in self.ended]

    def tell(self, case: Case, found: Noticed | BaseException) -> None:
        self.ended[case] = in_words(found)
        self.say(f"{len(self.ended):4}/{len(self.wanted)}  {case.id:60} {self.ended[case]}")
        if self.kept is not None:
            with self.kept.open("a", encoding="utf-8") as lines:
                lines.write(f"{json.dumps([case.id, self.ended[case]])}\n")

    @property
    def broken(self) -> list[Case]:
        return [case for case, said in self.ended.items() if said.startswith(BROKEN)]

    def lines(self) -> Iterable[str]:
        """As Markdown."""
        databases = [
            database for database in Database if any(case.database is database for case in self.ended)
        ]
        yield _row("point", "fault", *(WORDS[database] for database in databases))
        yield _row(*["---"] * (2 + len(databases)))
        for point, blow in sorted({(case.point, case.blow) for case in self.ended}, key=_place):
            found = [self.ended.get(Case(point, blow, database), "") for database in databases]
            yield _row(f"`{point}`", str(blow), *found)

    def summary(self) -> str:
        return f"{len(self.ended) - len(self.broken)} of {len(self.ended)} cases kept every promise"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def page(table: Table, day: date) -> str:
    """The whole of docs/faults.md."""
    head = HEAD.format(
        day=day,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        summary=table.summary(),
    )
    return "\n".join([head, *table.lines(), ""])


def _place(of: tuple[str, Blow]) -> tuple[str, str, str]:
    point, blow = of
    return point, blow.fault, blow.side


def in_words(found: Noticed | BaseException) -> str:
    if isinstance(found, BaseException):
        return f"{BROKEN}: {type(found).__name__}: {' '.join(str(found).split())[:600]}"
    return str(found)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
