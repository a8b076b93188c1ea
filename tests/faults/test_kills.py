"""SIGKILL at every point, before it and after it, on SQLite; and what its sender and its receivers have to say."""

from __future__ import annotations

import pytest

from tests.faults.cases import cases
from tests.faults.faults import Fault
from tests.faults.places import Database

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(1200)]

KILLS = [case for case in cases() if case.blow.fault is Fault.KILL and case.database is Database.SQLITE]


@pytest.fixture(scope="module")
def ended(run_all):
    return run_all(KILLS)


@pytest.mark.parametrize("case", KILLS, ids=lambda case: case.id)
def test_killed_anywhere_every_promise_is_kept(case, ended):
    found = ended[case.id]
    if isinstance(found, BaseException):
        raise found
