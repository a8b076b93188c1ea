"""One statement for many rows, compiled once.

SQLAlchemy binds each row of an executemany anew, by name and column by column; that costs more than SQLite's own work
on the row. Here it still writes the SQL and says what each column makes of a value; only the loop over rows is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase

T = TypeVar("T")
Rows = Sequence[Mapping[str, Any]]
Bind = Callable[[Mapping[str, Any]], tuple[Any, ...]]


def padded(values: Collection[T]) -> list[T]:
    """For an IN list: the last one again, up to a power of two, so that one prepared statement serves many lengths."""
    filled = list(values)
    while len(filled) & (len(filled) - 1):
        filled.append(filled[-1])
    return filled


class Batch:
    """Its rows all have the same keys: the columns of an insert, or the names of the statement's bindparams."""

    def __init__(self, statement: UpdateBase) -> None:
        self._statement = statement
        self._compiled: tuple[str, Bind] | None = None

    def execute(self, connection: Connection, rows: Rows) -> None:
        """Nothing for no rows."""
        if not rows:
            return
        if self._compiled is None:
            self._compiled = _compiled(self._statement, connection.dialect, list(rows[0]))
        sql, bind = self._compiled
        connection.exec_driver_sql(sql, [bind(row) for row in rows])


def _compiled(statement: UpdateBase, dialect: Dialect, keys: list[str]) -> tuple[str, Bind]:
    compiled = statement.compile(dialect=dialect, column_keys=keys)
    assert isinstance(compiled, SQLCompiler)
    assert compiled.positiontup is not None
    plan = [(name, _processor(compiled, name, dialect)) for name in compiled.positiontup]
    constants = {name: compiled.params[name] for name in compiled.positiontup if name not in keys}

    def bind(row: Mapping[str, Any]) -> tuple[Any, ...]:
        found = {**constants, **row} if constants else row
        return tuple([found[name] if process is None else process(found[name]) for name, process in plan])

    return str(compiled), bind


def _processor(compiled: SQLCompiler, name: str, dialect: Dialect) -> Callable[[Any], Any] | None:
    return compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
