"""Waiting for other processes, which no fake clock moves: `until` looks again and again, with a deadline in words."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar, overload

from responder.adapters.clock import SystemClock

T = TypeVar("T")

CLOCK = SystemClock()
LOOK = timedelta(milliseconds=20)


@overload
async def until(
    look: Callable[[], Awaitable[T]], what: str, *, within: float = 40, every: timedelta = LOOK
) -> T: ...


@overload
async def until(look: Callable[[], T], what: str, *, within: float = 40, every: timedelta = LOOK) -> T: ...


async def until(look: Callable[[], Any], what: str, *, within: float = 40, every: timedelta = LOOK) -> Any:
    """The first true thing that `look` returns. Raises AssertionError, naming `what`, after `within` seconds.

    `every`: longer where many look at once, and each look costs something.
    """
    deadline = CLOCK.now() + timedelta(seconds=within)
    while True:
        seen = look()
        found = await seen if inspect.isawaitable(seen) else seen
        if found:
            return found
        now = CLOCK.now()
        assert now < deadline, f"{what}: not within {within:g} s"
        await CLOCK.sleep_until(min(now + every, deadline))


async def let_pass(seconds: float) -> None:
    """For what must not happen: so long it is given the chance to."""
    await CLOCK.sleep_until(CLOCK.now() + timedelta(seconds=seconds))
