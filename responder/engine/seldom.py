"""Seldom: a question about everything that is open, asked as often as it is cheap.

Some answers cost more with each open incident: how many there are, and whether something is due for every one. With a
hundred they are asked for at every look; with a million they would be all that the database does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from responder.ports.clock import Clock

T = TypeVar("T")

SHARE = 400  # of the time, one part at most is spent on one question
LONGEST = timedelta(minutes=10)  # so old an answer may become


class Seldom(Generic[T]):
    """`answer` is the question's last answer, asked anew where that was long enough ago for what it took."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answer: T | None = None
        self._next: datetime | None = None

    async def answer(self, ask: Callable[[], Awaitable[T]]) -> T:
        began = self._clock.now()
        if self._answer is None or self._next is None or began >= self._next:
            self._answer = await ask()
            took = self._clock.now() - began
            self._next = began + min(took * SHARE, LONGEST)
        return self._answer
