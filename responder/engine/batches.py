"""Batches: do at once what is there; what arrives meanwhile is the next batch. And: one bad item spoils no other.

A lone caller waits for nothing but its own commit; under load the commits grow instead of queueing up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from responder.core.errors import Transient, Unsure
from responder.ports.clock import Clock

T = TypeVar("T")
R = TypeVar("R")
Take = Callable[[], list[T]]


@dataclass(frozen=True, slots=True)
class Limit:
    """How long `submit` waits for its result."""

    clock: Clock
    within: timedelta


@dataclass(slots=True, eq=False)
class _Item(Generic[T, R]):
    item: T
    future: asyncio.Future[R]
    until: datetime | None


class Batcher(Generic[T, R]):
    """`work` answers one result an item, in order; its exception is everybody's.

    It takes the items, at most `most`, by a call, when it is ready to do something with them: whatever has come until
    then belongs to the batch. Calling again gives the same ones.

    Where more than `waiting_most` wait, `submit` raises Transient at once: whoever retries should do so later. One that
    has waited as long as `limit` says raises Unsure, and is not begun any more; what is under way goes on.
    """

    def __init__(
        self,
        work: Callable[[Take[T]], Awaitable[Sequence[R]]],
        *,
        most: int,
        waiting_most: int = 10_000,
        limit: Limit | None = None,
    ) -> None:
        self._work = work
        self._most = most
        self._waiting_most = waiting_most
        self._limit = limit
        self._waiting: list[_Item[T, R]] = []
        self._under_way: list[_Item[T, R]] = []
        self._running: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        if len(self._waiting) >= self._waiting_most:
            raise Transient(f"{len(self._waiting)} are waiting already")
        until = self._limit.clock.now() + self._limit.within if self._limit is not None else None
        one = _Item[T, R](item, asyncio.get_running_loop().create_future(), until)
        self._waiting.append(one)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        if self._limit is not None and (self._watching is None or self._watching.done()):
            self._watching = asyncio.create_task(self._watch(self._limit))
        return await one.future

    async def drain(self) -> None:
        """Return once nothing is waiting and nothing is being worked on."""
        while self._running is not None and not self._running.done():
            await asyncio.shield(self._running)

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._run_one()
        finally:
            if self._watching is not None:
                self._watching.cancel()
                self._watching = None

    async def _run_one(self) -> None:
        batch = self._under_way = []

        def take() -> list[T]:
            if not batch:
                awaited = [one for one in self._waiting if not one.future.done()]
                batch.extend(awaited[: self._most])
                self._waiting = awaited[self._most :]
            return [one.item for one in batch]

        try:
            results = await self._work(take)
        except BaseException as problem:
            take()  # where it did not come so far: nobody is left waiting
            for one in batch:
                if not one.future.done():
                    one.future.set_exception(_told(problem))
            if not isinstance(problem, Exception):
                raise
            return
        for one, result in zip(batch, results, strict=True):
            if not one.future.done():
                one.future.set_result(result)

    async def _watch(self, limit: Limit) -> None:
        """One for all of them: the oldest is the first whose time is over."""
        while waiting := [one for one in (*self._under_way, *self._waiting) if not one.future.done()]:
            oldest = waiting[0].until or limit.clock.now()
            await limit.clock.sleep_until(oldest)
            for one in waiting:
                if one.until is not None and one.until <= limit.clock.now() and not one.future.done():
                    said = f"no result within {limit.within.total_seconds():g} s; it may come all the same"
                    one.future.set_exception(Unsure(said, outward="the database takes too long"))


def _told(problem: BaseException) -> BaseException:
    """A cancelled batch is no reason for its callers to think that they were cancelled."""
    return Transient("the service is stopping") if isinstance(problem, asyncio.CancelledError) else problem


async def together_or_alone(
    items: Sequence[T],
    work: Callable[[Sequence[T]], Awaitable[None]],
    spoilt: Callable[[T, Exception], Awaitable[None]],
) -> None:
    """Work on all items in one go; where that raises, on each alone, and give the ones that raise alone to `spoilt`.

    Transient passes through: it is the database's trouble and no item's fault.
    """
    if not items:
        return
    try:
        await work(items)
    except Transient:
        raise
    except Exception as problem:  # noqa: BLE001 - an item may raise anything; `spoilt` is given it
        if len(items) == 1:
            await spoilt(items[0], problem)
            return
        for item in items:
            await together_or_alone([item], work, spoilt)
