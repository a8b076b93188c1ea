"""Output: tables and lines for people, JSON for programs, on a terminal that no stranger's text can write to.

Everything printed passes `visible`, so an escape sequence in a label is shown and not obeyed, and nothing is read as
markup. `plain` makes JSON of the engine's records.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from typing import Literal, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from responder.cli.options import Format
from responder.core.policy.fields import format_duration
from responder.dialects.visible import visible

LINE = 4_000  # characters
MOMENT = {"minute": "%Y-%m-%d %H:%M", "second": "%Y-%m-%d %H:%M:%S"}
GAP = 2  # columns between two cells
LAST_LEAST = 10  # columns of a last cell, however narrow the terminal
PIPED = 500  # columns where the output is no terminal: a row stays one line


class Terminal:
    """`zone` None: the computer's own. Standard output and error are looked up when something is printed."""

    def __init__(self, form: Format = Format.TABLE, zone: tzinfo | None = None) -> None:
        self.form = form
        self.zone = zone

    @property
    def is_json(self) -> bool:
        return self.form is Format.JSON

    def say(self, *lines: str, style: str = "") -> None:
        """Each as one line, however long."""
        self._print(sys.stdout, lines, style)

    def complain(self, *lines: str) -> None:
        """On standard error."""
        self._print(sys.stderr, lines, "bold red")

    def hint(self, *lines: str) -> None:
        """On standard error: said beside the result, so that a program can read that."""
        self._print(sys.stderr, lines, "")

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        title: str = "",
        cut_last: bool = False,
    ) -> None:
        """`cut_last`: a row stays one line, and where its last cell does not fit "…" shows it."""
        if title:
            self.say(title, style="bold")
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
        for column in columns:
            table.add_column(Text(column), overflow="fold")
        console = _console(sys.stdout)
        cells = [[Text(visible_line(cell)) for cell in row] for row in rows]
        if cut_last:
            _cut_last(columns, cells, console.width)
        for row_cells in cells:
            table.add_row(*row_cells)
        with console.capture() as printed:
            console.print(table)
        sys.stdout.writelines(f"{line.rstrip()}\n" for line in printed.get().splitlines())

    def json(self, value: object) -> None:
        sys.stdout.write(json.dumps(plain(value), indent=2) + "\n")

    def json_line(self, value: object) -> None:
        """One value a line, for what has no end."""
        sys.stdout.write(json.dumps(plain(value)) + "\n")
        sys.stdout.flush()

    def moment(self, value: str | datetime | None, *, to: Literal["minute", "second"] = "minute") -> str:
        """In the reader's zone; "" where there is none."""
        found = datetime.fromisoformat(value) if isinstance(value, str) and value else value
        if not isinstance(found, datetime):
            return ""
        local = found.astimezone(self.zone)
        return f"{local:{MOMENT[to]}} {local.tzname()}"

    def _print(self, stream: TextIO, lines: Sequence[str], style: str) -> None:
        console = _console(stream)
        for line in lines:
            console.print(Text(visible_line(line), style=style), soft_wrap=True)


def visible_line(line: str) -> str:
    """`visible`, with the indentation kept."""
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + visible(line, LINE)


def plain(value: object) -> object:
    """What JSON can say: records as objects, times in UTC, durations in seconds."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return value


def span(seconds: float) -> str:
    """`1h30m`; fractions of a second are dropped."""
    return format_duration(timedelta(seconds=seconds))


def _cut_last(columns: Sequence[str], rows: Sequence[Sequence[Text]], width: int) -> None:
    """Shortens the last cells to what the others leave of `width`."""
    taken = 0
    for index, column in enumerate(columns[:-1]):
        taken += max([len(column), *(row[index].cell_len for row in rows)]) + GAP
    for row in rows:
        row[-1].truncate(max(width - taken, LAST_LEAST), overflow="ellipsis")


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else PIPED
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
