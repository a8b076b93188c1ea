"""Every point that the code has is struck, and nothing else is: a new point without a case fails here."""

from __future__ import annotations

import pytest

from tests.fakes.faults import Side
from tests.faults.cases import QUARTERS, SITES, UNSTRUCK, Case, cases
from tests.faults.faults import Blow, Fault
from tests.faults.places import Database
from tests.faults.points import Found, Unreadable, points
from tests.faults.rotation import VARIABLE, quarter
from tests.journeys.waiting import CLOCK

CODE = points()


def test_every_point_of_the_code_has_a_site_and_every_site_a_point():
    assert sorted([*SITES, *UNSTRUCK]) == sorted(CODE)


@pytest.mark.parametrize("point", sorted(SITES))
def test_every_point_is_struck_on_each_of_its_sides_by_each_fault(point):
    sides = set(Side) if CODE[point].has_after else {Side.BEFORE}
    for database in SITES[point].databases:
        blows = {case.blow for case in cases() if (case.point, case.database) == (point, database)}
        wanted = {Blow(side, fault) for side in sides for fault in Fault if fault is not Fault.REFUSAL}
        assert wanted <= blows
        assert (Blow(Side.BEFORE, Fault.REFUSAL) in blows) is point.startswith(
            ("page.send.", "notice.send.", "check.", "chat.", "alertmanager.", "beat.")
        )


def test_the_quarters_are_about_a_quarter_each_and_together_everything():
    dealt = [[case for case in cases() if case.is_in(quarter)] for quarter in range(QUARTERS)]
    assert sum(map(len, dealt)) == len(cases())
    assert all(len(quarter) > len(cases()) / QUARTERS * 0.7 for quarter in dealt)


@pytest.mark.parametrize("said, found", [("0", 0), ("3", 3), ("4", 0), ("11", 3)])
def test_any_number_chooses_a_quarter(monkeypatch, said, found):
    monkeypatch.setenv(VARIABLE, said)
    assert quarter() == found


def test_else_the_day_does(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert quarter() == CLOCK.now().toordinal() % QUARTERS


def test_a_case_is_found_by_its_name():
    assert len({case.id for case in cases()}) == len(cases())
    found = Case("commit.claim", Blow(Side.AFTER, Fault.KILL), Database.SQLITE)
    assert found in cases()
    assert found.id == "commit.claim kill after sqlite"


# -- that a new point is seen, however it is written


def read(tmp_path, text, module="engine/fresh.py"):
    path = tmp_path / "responder" / module
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return points(tmp_path)


WRAPPER = "engine/points.py"


@pytest.mark.parametrize(
    "module, text, found",
    [
        pytest.param(
            "engine/fresh.py",
            "async def f(self): await self._points.commit('commit.fresh', work)",
            [("commit.fresh", True)],
            id="a commit",
        ),
        pytest.param(
            "web/fresh.py",
            "async def f(points):\n async with points.reading('read.fresh') as reader: ...",
            [("read.fresh", False)],
            id="a reading, of the web",
        ),
        pytest.param(
            "engine/fresh.py",
            "class Work:\n def __init__(self, points, point): self._point = point\n"
            " async def f(self): await self._points.commit(self._point, work)\n"
            "one, other = Work(points, 'commit.one'), Work(points, 'commit.other')",
            [("commit.one", True), ("commit.other", True)],
            id="one that a constructor is given",
        ),
        pytest.param(
            WRAPPER,
            "class Points:\n async def f(self): await self._call('cloud.ask', call, None)",
            [("cloud.ask", True)],
            id="a call of the wrapper's",
        ),
        pytest.param(
            WRAPPER,
            "class Points:\n async def f(self, what):\n  point = f'{what}.send.paper'\n"
            "  await self._call(point, call, None)",
            [("notice.send.paper", True), ("page.send.paper", True)],
            id="one with a hole",
        ),
    ],
)
def test_a_new_point_is_seen(tmp_path, module, text, found):
    seen = read(tmp_path, text, module)
    assert [(point, one.has_after) for point, one in seen.items()] == found


@pytest.mark.parametrize(
    "module, text",
    [
        pytest.param(
            "engine/fresh.py",
            "async def f(self): await self._points.commit(name(), work)",
            id="a name that is made up at run time",
        ),
        pytest.param(
            WRAPPER,
            "class Points:\n async def f(self): await self._call(f'{whatever}.ask', call, None)",
            id="a hole that nobody has said what stands in",
        ),
        pytest.param(
            "engine/fresh.py",
            "async def f(self): await self._points.commit(self._point, work)",
            id="one that nobody gives",
        ),
    ],
)
def test_a_point_that_cannot_be_read_is_an_error(tmp_path, module, text):
    with pytest.raises(Unreadable):
        read(tmp_path, text, module)


def test_what_only_sounds_alike_is_no_point(tmp_path):
    assert read(tmp_path, "async def f(session): await session.commit('not.ours')") == {}
    assert isinstance(CODE["commit.claim"], Found)
