"""A channel in memory: a ledger of what it was handed, and a script of what it makes of it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

from responder.core.errors import Busy, Permanent, Transient, Unsure
from responder.core.identifiers import ChannelName
from responder.ports.channel import Delivery, OnRepeat, Receipt, Spelling
from responder.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Accepts:
    reference: str = ""


@dataclass(frozen=True, slots=True)
class FailsForNow:
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class FailsForGood: ...


@dataclass(frozen=True, slots=True)
class IsBusy:
    """It asks to come back, and has sent nothing."""

    retry_after: timedelta


@dataclass(frozen=True, slots=True)
class Hangs:
    """Until the deadline, or until `FakeChannel.release`."""


@dataclass(frozen=True, slots=True)
class Breaks:
    """Raises what no channel should: a fault of ours."""

    error: Exception = field(default_factory=lambda: RuntimeError("the fake channel is broken"))


Scripted = Accepts | FailsForNow | IsBusy | FailsForGood | Hangs | Breaks


class FakeChannel:
    """`ledger` has every delivery that was handed over, oldest first; `accepted` those that it took."""

    kind = "fake"

    def __init__(
        self,
        clock: Clock,
        name: str = "fake",
        *,
        on_repeat: OnRepeat = OnRepeat.DOUBLES,
        edits: bool = False,
        spelling: Spelling = Spelling.CLI,
    ) -> None:
        self.name = ChannelName(name)
        self.on_repeat = on_repeat
        self.edits = edits
        self.spelling = spelling
        self.ledger: list[Delivery] = []
        self.accepted: list[Delivery] = []
        self.is_closed = False
        self.gone: set[str] = set()  # addresses that reach nobody
        self.unwell: Transient | Permanent | None = None  # what `check` finds
        self._clock = clock
        self._script: deque[Scripted] = deque()
        self._always: Scripted = Accepts()
        self._released = asyncio.Event()
        self._came = asyncio.Condition()

    def script(self, *outcomes: Scripted) -> None:
        """The next deliveries end so, one each; then as `always` says."""
        self._script.extend(outcomes)

    def always(self, outcome: Scripted) -> None:
        self._always = outcome

    def release(self) -> None:
        """Whatever hangs, now and later, is accepted."""
        self._released.set()

    async def until_handed(self, count: int = 1) -> list[Delivery]:
        """The ledger, once it holds at least `count` deliveries."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.ledger) >= count)
        return self.ledger

    async def send(self, delivery: Delivery) -> Receipt:
        async with self._came:
            self.ledger.append(delivery)
            self._came.notify_all()
        outcome = self._script.popleft() if self._script else self._always
        match outcome:
            case Accepts(reference=reference):
                return self._accept(delivery, reference)
            case FailsForNow(retry_after=retry_after):
                raise Transient(f"{self.name}: scripted to fail for now", retry_after=retry_after)
            case IsBusy(retry_after=retry_after):
                raise Busy(f"{self.name}: scripted to be busy", retry_after=retry_after)
            case FailsForGood():
                raise Permanent(f"{self.name}: scripted to refuse")
            case Hangs():
                await self._clock.sleep_until(delivery.deadline, self._released)
                if not self._released.is_set():
                    raise Unsure(f"{self.name}: scripted to hang; it may have arrived")
                return self._accept(delivery, "")
            case Breaks(error=error):
                raise error

    async def check(self, address: str | None = None) -> None:
        """Raises what `unwell` is, or that there is nobody at `address`."""
        if self.unwell is not None:
            raise self.unwell
        if address in self.gone:
            raise Permanent(f"{self.name}: nobody is at this address any more")

    async def close(self) -> None:
        self.is_closed = True

    def _accept(self, delivery: Delivery, reference: str) -> Receipt:
        """A channel that can change its messages has a name for each."""
        self.accepted.append(delivery)
        if self.edits:
            reference = reference or delivery.shown or f"{self.name}/{len(self.accepted)}"
        return Receipt(reference)
