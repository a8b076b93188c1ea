"""Outbox: hand over what is owed, and write down what came of it.

A claim commits the attempt before the call is made; the result is committed after it, and counts only for that attempt.
An attempt whose result never comes is told `unknown` by its own record when its lease ends. Calls run side by side,
at most PLACES at a time; a page never waits for another page's call, nor for anything that is only shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from responder.core.decision import DueKind, Effect
from responder.core.delivery import LEASE, Accepted, Result, SenderGone
from responder.core.errors import Transient
from responder.core.identifiers import Kind, RecordKey
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.engine.batches import together_or_alone
from responder.engine.duework import DueWork, fetch
from responder.engine.handle import Handle
from responder.engine.lateness import Lateness
from responder.engine.perform import Carried, Perform
from responder.engine.points import Points
from responder.engine.reach import Reach
from responder.engine.replicas import Replicas
from responder.engine.turn import Turn
from responder.ports.store import Unit

PLACES: Mapping[DueKind, int] = {DueKind.SEND: 200, DueKind.SHOW: 100}  # calls at a time
BATCH = 100  # claims a transaction
# While very many timers are due, what is sent would take the time in which they are fired; a few calls go out at once.
FEW = 5  # claims a transaction then
PAUSE = timedelta(milliseconds=50)  # and as long between two of them
RESULTS = 200  # results a transaction
RECOVERED = 5_000  # rows looked at when we start; what a longer backlog hides waits for its lease
AGAIN = timedelta(seconds=1)  # before results are tried again that the store would not take

log = structlog.get_logger("outbox")


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that has ended, and how."""

    send: Effect
    carried: Carried

    @property
    def behind(self) -> timedelta:
        """From being due to being made."""
        return self.carried.asked_at - self.send.due_at


class Outbox:
    def __init__(
        self, points: Points, handle: Handle, replicas: Replicas, perform: Perform, reach: Reach
    ) -> None:
        self._points = points
        self._handle = handle
        self._perform = perform
        self._reach = reach
        self._work = {kind: DueWork(points, handle, replicas, kind, "commit.claim") for kind in PLACES}
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
        async def work(unit: Unit) -> list[RecordKey]:
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
            return flying

        into.update(await self._points.commit("commit.recover", work))

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
                await self._points.bells.sending[kind].wait(due)
                continue
            # A stop may come while a claim commits: the calls that it is for are begun all the same.
            self._claiming[kind] = asyncio.ensure_future(self._claim(kind))
            claimed = await asyncio.shield(self._claiming[kind])
            if self._points.bells.timers_are_behind:
                await self._points.clock.sleep_until(self._points.clock.now() + PAUSE)
            elif not claimed:
                await self._points.bells.sending[kind].wait_for(
                    due, looked_at=due
                )  # another has it, or had it first

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
        most = FEW if self._points.bells.timers_are_behind else BATCH
        count, effects = await self._work[kind].once(min(places, most))
        for send in effects:
            task = asyncio.create_task(self._carry_out(send, kind))
            flying.add(task)
            task.add_done_callback(flying.discard)
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
        return len(batch)

    async def _record_or_wait(self) -> None:
        try:
            await self.record()
        except Transient as problem:
            log.warning("results not recorded yet", waiting=len(self._ended), problem=str(problem))
            await self._points.clock.sleep_until(self._points.clock.now() + AGAIN)

    async def _carry_out(self, send: Effect, kind: DueKind) -> None:
        carried = await self._perform(send)
        if isinstance(carried.result, Accepted) and send.kind is Kind.PAGE:
            taken = self._points.clock.now() - send.owed_since
            self._points.metrics.handed_over.observe(max(0.0, taken.total_seconds()))
        self._ended.append(Ended(send, carried))
        self._some_ended.set()
        if len(self._flying[kind]) >= PLACES[kind]:
            self._points.bells.sending[kind].ring()  # a place is free again

    async def _commit_results(self, batch: Sequence[Ended]) -> None:
        async def work(unit: Unit) -> None:
            await fetch(unit, {one.send.incident for one in batch if one.send.incident is not None})
            late = Lateness(
                "its call waited for others; responder_call_seconds in /metrics says what is slow"
            )
            for one in batch:
                turn = Turn(unit, self._points.clock.now())
                turn.tell(RecordKey(one.send.kind, one.send.record), self._with_isolation(one.carried))
                await self._handle.finish(turn)
                if one.send.kind is Kind.PAGE:
                    late.see(one.send.record, one.behind)
            await late.tell(unit, self._handle, self._points.clock.now())

        await self._points.commit("commit.result", work)

    def _with_isolation(self, carried: Carried) -> Result:
        """Judged only now, so that calls which ended together with this one count."""
        if isinstance(carried.result, Accepted):
            return carried.result
        return replace(carried.result, is_isolated=self._reach.may_be_isolated(carried.asked_at))

    async def _spoilt(self, one: Ended, problem: Exception) -> None:
        """The attempt's lease will end and tell it unknown."""
        log.error("result not recorded", record=one.send.record, attempt=one.send.attempt, exc_info=problem)
        self._points.metrics.set_aside.labels("result").inc()

    async def _next_due(self, kind: DueKind) -> datetime | None:
        if len(self._flying[kind]) >= PLACES[kind]:
            return None
        async with self._points.reading("read.next_due") as reader:
            return await self._work[kind].next_due(reader)
