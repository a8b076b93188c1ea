"""A call to the database always comes to its end, however often its caller is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from responder.adapters.storage.connection import finished


@pytest.mark.parametrize("cancels", [1, 3])
@pytest.mark.parametrize("fails", [False, True], ids=["the call succeeds", "the call fails"])
async def test_a_cancellation_is_heard_once_the_call_has_ended(cancels, fails):
    go_on, ended = asyncio.Event(), []

    async def call() -> None:
        await go_on.wait()
        ended.append(True)
        if fails:
            raise OSError("the disk")

    task = asyncio.ensure_future(finished(call()))
    for _ in range(cancels):
        await settle()
        task.cancel()
    await settle()
    assert not task.done()
    go_on.set()
    await asyncio.wait([task])
    assert ended == [True]
    assert task.cancelled()


async def settle() -> None:
    """Lets every task that can go on do so."""
    for _ in range(10):
        await asyncio.get_running_loop().run_in_executor(None, int)


async def test_a_calls_result_and_error_come_through():
    async def works() -> int:
        return 42

    async def breaks() -> int:
        raise OSError("the disk")

    assert await finished(works()) == 42
    with pytest.raises(OSError, match="the disk"):
        await finished(breaks())


async def test_a_call_that_is_itself_cancelled_says_so():
    async def call() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await finished(call())
