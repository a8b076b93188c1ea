"""The world outside: lines by which people are paged, their weather, and a ledger of every call that was made.

The ledger is nobody's in the service: what a process that died has sent stands in it all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from responder.core.delivery import DEADLINE
from responder.core.errors import Busy, Permanent, Transient, Unsure
from responder.core.identifiers import ChannelName
from responder.ports.channel import Delivery, OnRepeat, Receipt, Spelling
from responder.ports.clock import Clock
from tests.model.plan import BOARD, LINES, OWN_LINE

# fine | later: fails for now | busy: not even tried | refused: fails for good | unsure: took it, and nobody heard so |
# slow: holds the call until it clears up, or the deadline passes
WEATHERS = ("fine", "later", "busy", "refused", "unsure", "slow")
SILENCE = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class Call:
    """`outcome`: None while it lasts; `gone` where its caller died. `told`: the caller has committed it."""

    at: datetime
    claimed_at: datetime
    by: str
    line: str
    page: str
    incident: str
    is_repeat: bool
    outcome: str | None = None
    ended_at: datetime | None = None
    told: bool = False
    into_silence: bool = False  # no line had taken anything from its caller for SILENCE when it ended


@dataclass(slots=True)
class Outside:
    clock: Clock
    hear: Callable[[Call], Awaitable[None]]
    weather: dict[str, str] = field(default_factory=lambda: dict.fromkeys((BOARD, *LINES, OWN_LINE), "fine"))
    calls: list[Call] = field(default_factory=list)
    taken: dict[str, datetime] = field(default_factory=dict)  # when a line last took something, by whom from
    held: dict[str, int] = field(default_factory=dict)  # calls that slow lines hold, by who made them
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    cleared: dict[str, asyncio.Event] = field(default_factory=dict)

    def turn(self, line: str, weather: str) -> None:
        self.weather[line] = weather
        if weather != "slow":
            self.cleared.pop(line, asyncio.Event()).set()

    def is_silent(self, by: str) -> bool:
        """Nothing of what it sends is taken: it may think itself cut off."""
        return by not in self.taken or self.clock.now() - self.taken[by] >= SILENCE

    async def hold(self, call: Call) -> None:
        cleared = self.cleared.setdefault(call.line, asyncio.Event())
        self.held[call.by] = self.held.get(call.by, 0) + 1
        self.changed.set()
        try:
            await cleared.wait()
        finally:
            self.held[call.by] -= 1
            self.changed.set()


class Line:
    """What one process has of a line."""

    kind = "line"
    on_repeat = OnRepeat.DOUBLES
    edits = False
    spelling = Spelling.CLI

    def __init__(self, outside: Outside, name: str, by: str) -> None:
        self.name = ChannelName(name)
        self._outside = outside
        self._by = by

    async def send(self, delivery: Delivery) -> Receipt:
        outside = self._outside
        call = Call(
            at=outside.clock.now(),
            claimed_at=delivery.deadline - DEADLINE,
            by=self._by,
            line=self.name,
            page=delivery.record,
            incident=delivery.message.incident,
            is_repeat=delivery.message.is_repeat,
        )
        if delivery.address is not None:
            await outside.hear(call)
            outside.calls.append(call)
        if outside.weather[self.name] == "slow":
            try:
                await outside.hold(call)
            except asyncio.CancelledError:
                call.outcome = "unsure" if outside.clock.now() >= delivery.deadline else "gone"
                call.ended_at = outside.clock.now()
                raise
        call.outcome, call.ended_at = outside.weather[self.name], outside.clock.now()
        call.into_silence = outside.is_silent(self._by)
        match call.outcome:
            case "later":
                raise Transient(f"{self.name}: try again later")
            case "busy":
                raise Busy(f"{self.name}: busy", retry_after=timedelta(seconds=20))
            case "refused":
                raise Permanent(f"{self.name}: refused")
            case "unsure":
                raise Unsure(f"{self.name}: it may have arrived")
            case _:
                pass
        outside.taken[self._by] = outside.clock.now()
        return Receipt()

    async def check(self, address: str | None = None) -> None:
        return None

    async def close(self) -> None:
        return None
