"""Outbox: hand over what is owed, and write down what came of it.

A claim commits the attempt before the call is made; the result is committed after it, and counts only for that attempt.
An attempt whose result never comes is told `unknown` by its own record when its lease ends. Calls run side by side,
at most PLACES at a time; a page never waits for another page's call, nor for anything that is only shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from responder.core.decision import AlarmKind, AlarmRaised, DueKind, Effect
from responder.core.delivery import LEASE, Accepted, Result, SenderGone
from responder.core.errors import Transient
from responder.core.identifiers import Kind, RecordKey
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.engine.batches import together_or_alone
from responder.engine.bells import Bells
from responder.engine.duework import DueWork, fetch
from responder.engine.handle import Handle
from responder.engine.perform import Perform
from responder.engine.points import Points
from responder.engine.turn import Turn

PLACES: Mapping[DueKind, int] = {DueKind.SEND: 200, DueKind.SHOW: 100}  # calls at a time
BATCH = 100  # claims a transaction
RESULTS = 200  # results a transaction
RECOVERED = 5_000  # rows looked at when we start; what a longer backlog hides waits for its lease
LATE = timedelta(seconds=1)  # after which a page that was due is a promise broken, and said so
AGAIN = timedelta(seconds=1)  # before results are tried again that the store would not take

log = structlog.get_logger("outbox")


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that has ended, and how. `behind`: from being due to being made."""

    send: Effect
    result: Result
    behind: timedelta


class Outbox:
    def __init__(self, points: Points, handle: Handle, perform: Perform, bells: Bells) -> None:
        self._points = points
        self._handle = handle
        self._perform = perform
        self._bells = bells
        self._work = {kind: DueWork(points, handle, kind, "commit.claim") for kind in PLACES}
        self._claiming: dict[DueKind, asyncio.Future[int]] = {}
        self._flying: dict[DueKind, set[asyncio.Task[None]]] = {kind: set() for kind in PLACES}
        self._ended: list[Ended] = []
        self._some_ended = asyncio.Event()

    async def recover(self) -> int:
        """At a start, before anything is claimed: calls that a dead process was making are known to be lost, how many.

        Only where the store is ours alone; elsewhere another replica may still be making them, and their leases decide.
        """
        if not self._points.are_alone:
            return 0
        lost: set[RecordKey] = set()
        for kind in PLACES:
            async with self._points.reading("read.in_flight") as reader:
                rows = await reader.overdue(kind, self._points.clock.now() + LEASE, RECOVERED)
            keys = [row.key for row in rows]
            for start in range(0, len(keys), BATCH):
                lose = partial(self._lose, into=lost)
                await together_or_alone(keys[start : start + BATCH], lose, self._left_to_its_lease)
        if lost:
            log.warning("calls were cut off by the last end", records=sorted(map(str, lost)))
        return len(lost)

    async def _lose(self, keys: Sequence[RecordKey], *, into: set[RecordKey]) -> None:
        async with self._points.unit("commit.recover") as unit:
            records = await unit.records(keys)
            flying = [
                key
                for key, one in records.items()
                if isinstance(one, Page | Notice) and one.in_flight is not None
            ]
            for key in flying:
                turn = Turn(unit, self._points.clock.now())
                turn.tell(key, SenderGone())
                await self._handle.finish(turn)
        into.update(flying)

    async def _left_to_its_lease(self, key: RecordKey, problem: Exception) -> None:
        """One record that cannot be worked on must not keep us from starting."""
        log.error("call not known to be lost", record=str(key), exc_info=problem)

    async def run_pages(self) -> None:
        await self._run(DueKind.SEND)

    async def run_notices(self) -> None:
        await self._run(DueKind.SHOW)

    async def _run(self, kind: DueKind) -> None:
        while True:
            # Asked of a reader first: most rings are for somebody else, and an empty claim would hold up the writer.
            due = await self._next_due(kind)
            if due is None or due > self._points.clock.now():
                await self._bells.sending[kind].wait(due)
                continue
            # A stop may come while a claim commits: the calls that it is for are begun all the same.
            self._claiming[kind] = asyncio.ensure_future(self._claim(kind))
            if not await asyncio.shield(self._claiming[kind]):
                await self._bells.sending[kind].wait()  # another replica has it, or had it first

    async def run_results(self) -> None:
        while True:
            await self._some_ended.wait()
            self._some_ended.clear()
            while self._ended:
                await self._record_or_wait()

    async def claim(self) -> int:
        """Claim what is due, as far as there are free places, and start its calls. Returns how many rows were due."""
        return sum([await self._claim(kind) for kind in PLACES])

    async def _claim(self, kind: DueKind) -> int:
        flying = self._flying[kind]
        places = PLACES[kind] - len(flying)
        if places <= 0:
            return 0  # the end of a call rings
        count, effects = await self._work[kind].once(min(places, BATCH))
        for send in effects:
            task = asyncio.create_task(self._carry_out(send))
            flying.add(task)
            task.add_done_callback(flying.discard)
        if count:
            self._bells.timers.ring()
        return count

    async def settle(self) -> int:
        """Return once no call is in flight and every result is recorded: how many were. For a graceful stop."""
        if self._claiming:
            await asyncio.wait(set(self._claiming.values()))
        recorded = 0
        while (flying := set().union(*self._flying.values())) or self._ended:
            if flying:
                await asyncio.wait(flying)
            while self._ended:
                recorded += await self.record()
        return recorded

    async def record(self) -> int:
        """Commit the results that are there. Raises Transient where the store cannot; they are kept then."""
        batch = self._ended[:RESULTS]
        await together_or_alone(batch, self._commit_results, self._spoilt)
        del self._ended[: len(batch)]
        self._bells.ring_due()
        return len(batch)

    async def _record_or_wait(self) -> None:
        try:
            await self.record()
        except Transient as problem:
            log.warning("results not recorded yet", waiting=len(self._ended), problem=str(problem))
            await self._points.clock.sleep_until(self._points.clock.now() + AGAIN)

    async def _carry_out(self, send: Effect) -> None:
        behind = self._points.clock.now() - send.due_at
        result = await self._perform(send)
        if isinstance(result, Accepted) and send.kind is Kind.PAGE:
            taken = self._points.clock.now() - send.owed_since
            self._points.metrics.handed_over.observe(max(0.0, taken.total_seconds()))
        self._ended.append(Ended(send, result, behind))
        self._some_ended.set()
        for bell in self._bells.sending.values():
            bell.ring()

    async def _commit_results(self, batch: Sequence[Ended]) -> None:
        async with self._points.unit("commit.result") as unit:
            await fetch(unit, {one.send.incident for one in batch if one.send.incident is not None})
            for one in batch:
                turn = Turn(unit, self._points.clock.now())
                turn.tell(RecordKey(one.send.kind, one.send.record), one.result)
                if one.send.kind is Kind.PAGE and one.behind > LATE:
                    turn.emit(_late(one))
                await self._handle.finish(turn)

    async def _spoilt(self, one: Ended, problem: Exception) -> None:
        """The attempt's lease will end and tell it unknown."""
        log.error("result not recorded", record=one.send.record, attempt=one.send.attempt, exc_info=problem)
        self._points.metrics.set_aside.labels("result").inc()

    async def _next_due(self, kind: DueKind) -> datetime | None:
        if len(self._flying[kind]) >= PLACES[kind]:
            return None
        async with self._points.reading("read.next_due") as reader:
            return await reader.next_due(kind)


def _late(one: Ended) -> AlarmRaised:
    """Of one subject for all pages: where one is late, many are. The auditor clears it when it finds none waiting."""
    seconds = one.behind.total_seconds()
    detail = (
        f"page {one.send.record} was handed to {one.send.channel} {seconds:.1f} s after it was due; "
        "responder_call_seconds in /metrics says what is slow"
    )
    return AlarmRaised(kind=AlarmKind.PAGE_LATE, subject="handover", detail=detail)
