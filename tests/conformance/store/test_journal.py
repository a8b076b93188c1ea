"""The journal: bodies are numbered, claimed under a lease, finished or set aside."""

from __future__ import annotations

from responder.core.identifiers import JournalId
from responder.ports.store import (
    Stored,
    StoredBody,
)
from tests.builders import (
    MINUTE,
    NOON,
)
from tests.conformance.store.steps import (
    SECOND,
    append,
    claim,
    fail_after,
)


async def test_bodies_are_numbered_in_order_and_kept_raw(store):
    first = await append(store, b"\x00\xff", b"", b"{}")
    second = await append(store, *(b"%d" % number for number in range(300)))
    assert [*first, *second] == sorted({*first, *second})
    async with store.reading() as reader:
        assert [one.body for one in await reader.bodies(JournalId(0), 3)] == [b"\x00\xff", b"", b"{}"]
        assert [one.body for one in await reader.bodies(first[-1], 2)] == [b"0", b"1"]
        assert [one.id for one in await reader.bodies(JournalId(0), 500)] == [*first, *second]
        assert await reader.waiting_count() == 303
        (one,) = await reader.bodies(JournalId(0), 1)
        assert one == StoredBody(
            received_at=NOON,
            source="alertmanager",
            peer="127.0.0.1",
            body=b"\x00\xff",
            id=first[0],
            attempts=0,
            state=Stored.WAITING,
        )


async def test_the_oldest_free_bodies_are_claimed_and_their_attempt_counted(store):
    ids = await append(store, b"1", b"2", b"3")
    assert [(one.id, one.attempts) for one in await claim(store, 2)] == [(ids[0], 1), (ids[1], 1)]
    assert [(one.id, one.attempts) for one in await claim(store, 2)] == [(ids[2], 1)]
    assert await claim(store, 2) == []
    async with store.reading() as reader:
        assert await reader.waiting_count() == 3


async def test_big_bodies_are_claimed_a_few_at_a_time_and_a_bigger_one_alone(store):
    mebibyte = 1024 * 1024
    await append(
        store, b"1" * 40 * mebibyte, b"2" * 20 * mebibyte, b"3" * 10 * mebibyte, b"4" * 10 * mebibyte
    )
    claims = [[one.body[:1] for one in await claim(store)] for _ in range(3)]
    assert claims == [[b"1"], [b"2", b"3"], [b"4"]]


async def test_a_claim_ends_with_its_lease(store):
    (id_,) = await append(store, b"1")
    await claim(store, now=NOON)
    assert await claim(store, now=NOON + MINUTE - SECOND) == []
    assert [(one.id, one.attempts) for one in await claim(store, now=NOON + MINUTE)] == [(id_, 2)]


async def test_a_claim_is_still_held_until_it_is_ended_or_another_takes_it(store):
    await append(store, b"1", b"2", b"3", b"4")
    held = await claim(store)
    finished, aside, released, kept = (one.id for one in held)
    async with store.unit() as unit:
        assert await unit.still_claimed(held) == {one.id for one in held}
        assert await unit.still_claimed([]) == set()
        await unit.finish_bodies([finished], NOON)
        await unit.set_body_aside(aside, "unreadable", NOON)
        await unit.release_bodies([released])
        assert await unit.still_claimed(held) == {kept}
    again = await claim(store, now=NOON + MINUTE)
    async with store.unit() as unit:
        assert await unit.still_claimed(held) == set()
        assert await unit.still_claimed(again) == {released, kept}


async def test_a_claim_says_until_when_it_is_held(store):
    (id_,) = await append(store, b"1")
    assert [one.lease_until for one in await claim(store)] == [NOON + MINUTE]
    async with store.reading() as reader:
        assert [one.lease_until for one in await reader.bodies(JournalId(0), 1)] == [NOON + MINUTE]
    async with store.unit() as unit:
        await unit.finish_bodies([id_], NOON)
    async with store.reading() as reader:
        assert [one.lease_until for one in await reader.bodies(JournalId(0), 1)] == [None]


async def test_a_claim_that_is_rolled_back_was_no_attempt(store):
    await append(store, b"1")
    await fail_after(store, lambda unit: unit.claim_bodies(1, NOON, NOON + MINUTE))
    assert [one.attempts for one in await claim(store)] == [1]


async def test_a_returned_body_can_be_claimed_at_once_and_its_attempt_was_none(store):
    (id_,) = await append(store, b"1")
    await claim(store)
    async with store.unit() as unit:
        await unit.return_bodies([id_])
    assert [(one.id, one.attempts) for one in await claim(store)] == [(id_, 1)]


async def test_a_released_body_can_be_claimed_at_once(store):
    ids = await append(store, b"1", b"2")
    await claim(store)
    async with store.unit() as unit:
        await unit.release_bodies([ids[1]])
    assert [(one.id, one.attempts) for one in await claim(store)] == [(ids[1], 2)]


async def test_a_finished_body_is_done(store):
    ids = await append(store, b"1", b"2", b"3")
    async with store.unit() as unit:
        await unit.finish_bodies(ids[:2], NOON + SECOND)
    assert [one.id for one in await claim(store)] == [ids[2]]
    async with store.reading() as reader:
        done = await reader.bodies(JournalId(0), 2)
        assert [(one.state, one.done_at, one.body) for one in done] == [
            (Stored.DONE, NOON + SECOND, b"1"),
            (Stored.DONE, NOON + SECOND, b"2"),
        ]
        assert await reader.waiting_count() == 1


async def test_a_body_set_aside_says_why_and_is_not_claimed(store):
    ids = await append(store, b"1", b"2")
    async with store.unit() as unit:
        await unit.set_body_aside(ids[0], "no alert in it could be read", NOON + SECOND)
    assert [one.id for one in await claim(store)] == [ids[1]]
    async with store.reading() as reader:
        (aside, _) = await reader.bodies(JournalId(0), 2)
        assert (aside.state, aside.detail, aside.done_at) == (
            Stored.SET_ASIDE,
            "no alert in it could be read",
            NOON + SECOND,
        )
        assert (await reader.set_aside_count(), await reader.waiting_count()) == (1, 1)
