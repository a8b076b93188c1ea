"""A quarter of all the other cases, another one each day; `make faults` runs them all.

RESPONDER_FAULTS_QUARTER=2 chooses, else the day does; which one it is stands in the tests' header.
"""

from __future__ import annotations

import pytest

from tests.faults.cases import Case, cases
from tests.faults.faults import Fault
from tests.faults.places import Database
from tests.faults.rotation import quarter

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(1800)]

QUARTER = [
    case
    for case in cases()
    if case.is_in(quarter()) and (case.blow.fault, case.database) != (Fault.KILL, Database.SQLITE)
]


def marked(case: Case):
    marks = [pytest.mark.postgresql] if case.database is Database.POSTGRESQL else []
    return pytest.param(case, id=case.id, marks=marks)


@pytest.fixture(scope="module")
def ended(run_all):
    return run_all(QUARTER)


@pytest.mark.parametrize("case", [marked(case) for case in QUARTER])
def test_struck_anywhere_every_promise_is_kept(case, ended):
    found = ended[case.id]
    if isinstance(found, BaseException):
        raise found
