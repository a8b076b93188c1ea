"""Batches: do at once what is there; what arrives meanwhile is the next batch. And: one bad item spoils no other.

A lone caller waits for nothing but its own commit; under load the commits grow instead of queueing up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from responder.core.errors import Transient

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """`work` gets at most `most` items and answers one result an item, in order; its exception is everybody's.

    Where more than `waiting_most` wait, `submit` raises Transient at once: whoever retries should do so later.
    """

    def __init__(
        self, work: Callable[[list[T]], Awaitable[Sequence[R]]], *, most: int, waiting_most: int = 10_000
    ) -> None:
        self._work = work
        self._most = most
        self._waiting_most = waiting_most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        if len(self._waiting) >= self._waiting_most:
            raise Transient(f"{len(self._waiting)} are waiting already")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await future

    async def drain(self) -> None:
        """Return once nothing is waiting and nothing is being worked on."""
        while self._running is not None and not self._running.done():
            await asyncio.shield(self._running)

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            await self._run_one(batch)

    async def _run_one(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._work([item for item, _ in batch])
        except BaseException as problem:
            for _, future in batch:
                if not future.done():
                    future.set_exception(_told(problem))
            if not isinstance(problem, Exception):
                raise
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)


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
