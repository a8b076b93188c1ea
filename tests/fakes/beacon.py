"""A beacon in memory: when it was beaten, and what it makes of it."""

from __future__ import annotations

from datetime import datetime

from responder.core.errors import Permanent, Transient, Unsure
from responder.ports.clock import Clock
from tests.fakes.channel import Accepts, FailsForGood, FailsForNow, Hangs

Answer = Accepts | FailsForNow | FailsForGood | Hangs


class FakeBeacon:
    """`beats`: when each was heard, answered well or not."""

    def __init__(self, clock: Clock) -> None:
        self.beats: list[datetime] = []
        self._clock = clock
        self._always: Answer = Accepts()

    def always(self, answer: Answer) -> None:
        self._always = answer

    async def beat(self, deadline: datetime) -> None:
        self.beats.append(self._clock.now())
        match self._always:
            case Accepts():
                return
            case FailsForNow(retry_after=retry_after):
                raise Transient("outward beat: scripted to fail for now", retry_after=retry_after)
            case FailsForGood():
                raise Permanent("outward beat: scripted to refuse")
            case Hangs():
                await self._clock.sleep_until(deadline)
                raise Unsure("outward beat: scripted to hang")
