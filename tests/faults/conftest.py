"""The cases of a module run side by side, once; each is still a test of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

import pytest

from tests.faults.cases import QUARTERS, Case
from tests.faults.ledgers import Noticed
from tests.faults.places import Places
from tests.faults.rotation import VARIABLE, quarter
from tests.faults.striking import all_of

Ended = Mapping[str, Noticed | BaseException]


@pytest.fixture(scope="session")
def run_all(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Collection[Case]], Ended]:
    """Those of the cases whose tests were selected."""

    def run(cases: Collection[Case]) -> Ended:
        selected = {item.name.partition("[")[2].rstrip("]") for item in request.session.items}
        wanted = [case for case in cases if case.id in selected]
        with Places({case.database for case in wanted}) as places:
            return asyncio.run(
                all_of(
                    wanted,
                    tmp_path_factory.mktemp("faults"),
                    lambda case: places.fresh(case.database),
                    lambda case, found: None,
                )
            )

    return run


def pytest_report_header() -> str:
    return f"faults: quarter {quarter()} of {QUARTERS} beside the kills ({VARIABLE} chooses)"
