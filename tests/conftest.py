"""What every test starts from: servers are there, or the tests that need them are skipped and say why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.postgresql import FAST, INSTALL, Database, Postgresql, found, running

# Their assertions are written for reading too.
pytest.register_assert_rewrite("tests.conformance", "tests.builders", "tests.fakes", "tests.journeys")

PACKAGES = Path(__file__).with_name("debian-packages.txt")


def missing_packages(listed: str, path: str | None = None) -> list[str]:
    """The Debian packages in `listed` (on each line a package and its programs) that lack a program.

    path: where to look, as in PATH; None looks where the tests do.
    """
    missing = []
    for line in listed.splitlines():
        package, *programs = line.partition("#")[0].split() or [""]
        if not all(shutil.which(program, path=path) for program in programs):
            missing.append(package)
    return missing


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose servers (by its marks) are missing; with CI set, a missing server is a failure."""
    if item.get_closest_marker("servers") is not None:
        missing = missing_packages(PACKAGES.read_text(encoding="utf-8"))
        if missing:
            _lacks("servers are missing", f"apt-get install --no-install-recommends {' '.join(missing)}")
    if item.get_closest_marker("postgresql") is not None and found() is None:
        _lacks("PostgreSQL is missing", INSTALL)


def _lacks(what: str, install: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"CI is set and {what}: {install}", pytrace=False)
    pytest.skip(f"{what}: {install}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """One server for all tests that break nothing of it; each takes a fresh database there."""
    with running(FAST) as server:
        yield server


@pytest.fixture
def postgresql_database(postgresql: Postgresql) -> Iterator[Database]:
    """Empty, and a test's own."""
    database = postgresql.fresh()
    yield database
    postgresql.drop(database)
