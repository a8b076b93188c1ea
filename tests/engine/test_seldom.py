"""A question about everything that is open is asked as often as it is cheap."""

from __future__ import annotations

from datetime import timedelta

import pytest

from responder.engine.seldom import LONGEST, SHARE, Seldom
from tests.fakes.clock import NOON, FakeClock

TICK = timedelta(milliseconds=1)


class Question:
    """Its answer says how often it was asked. `takes`: how long that takes each time."""

    def __init__(self, clock: FakeClock, takes: timedelta) -> None:
        self.clock = clock
        self.takes = takes
        self.asked = 0

    async def __call__(self) -> int:
        self.asked += 1
        self.clock.advance(seconds=self.takes.total_seconds())
        return self.asked


@pytest.mark.parametrize(
    "takes, again_after",
    [
        pytest.param(timedelta(0), timedelta(0), id="what costs nothing, every time"),
        pytest.param(timedelta(milliseconds=20), timedelta(milliseconds=20) * SHARE, id="in proportion"),
        pytest.param(timedelta(minutes=1), LONGEST, id="at last all the same"),
    ],
)
async def test_the_answer_is_kept_as_long_as_the_question_was_dear(takes, again_after):
    clock = FakeClock(NOON)
    question, seldom = Question(clock, takes), Seldom[int](clock)
    assert await seldom.answer(question) == 1
    if again_after:
        clock.advance(seconds=(again_after - takes - TICK).total_seconds())
        assert await seldom.answer(question) == 1
        clock.advance(seconds=TICK.total_seconds())
    assert await seldom.answer(question) == 2


async def test_a_question_that_fails_is_asked_again():
    clock = FakeClock(NOON)
    seldom = Seldom[int](clock)

    async def fails() -> int:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await seldom.answer(fails)
    assert await seldom.answer(Question(clock, TICK)) == 1
