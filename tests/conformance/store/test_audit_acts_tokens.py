"""Audit lines, acts, commands under a key of their own, tokens, and who serves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from responder.ports.store import (
    Act,
    Asked,
    AskedAlready,
)
from tests.builders import (
    HOUR,
    I1,
    I2,
    MINUTE,
    NOON,
    audit_line,
    replica,
    token,
)


async def test_audit_lines_keep_their_order_and_come_a_page_at_a_time(store):
    codes = [f"why.{number}" for number in range(5)]
    async with store.unit() as unit:
        await unit.put_audit([audit_line(why=code) for code in codes[:2]])
        await unit.put_audit([audit_line(I2, why="other"), audit_line(None, why="nobody's")])
    async with store.unit() as unit:
        await unit.put_audit(
            [audit_line(why=code, details={"a": "b"}, actor="cto", revision=3) for code in codes[2:]]
        )
    async with store.reading() as reader:
        first = await reader.audit_of(I1, 3)
        rest = await reader.audit_of(I1, 3, after=first[-1].id)
        last = await reader.last_audit_of(I1, 3)
        every = await reader.last_audit_of(I1, 10)
    assert [line.why for line in (*first, *rest)] == codes
    assert last == [first[-1], *rest]
    assert every == [*first, *rest]
    assert replace(rest[-1], id=0) == audit_line(why=codes[4], details={"a": "b"}, actor="cto", revision=3)


async def test_an_act_is_known_by_who_did_what_to_which_revision(store):
    act = Act(actor="cto", incident=I1, revision=3, verb="ack", at=NOON, reply="acknowledged")
    async with store.unit() as unit:
        await unit.put_act(act)
    async with store.reading() as reader:
        assert await reader.act("cto", I1, 3, "ack") == act
        assert await reader.act("ceo", I1, 3, "ack") is None
        assert await reader.act("cto", I2, 3, "ack") is None
        assert await reader.act("cto", I1, 4, "ack") is None
        assert await reader.act("cto", I1, 3, "resolve") is None


async def test_what_was_asked_is_known_by_its_key(store):
    asked = Asked(once="slack:1", incident=I1, at=NOON, reply="escalation.acknowledged")
    async with store.unit() as unit:
        await unit.put_asked(asked)
    async with store.reading() as reader:
        assert await reader.asked("slack:1") == asked
        assert await reader.asked("slack:2") is None
        assert await reader.asked("slack:") is None


async def test_a_key_is_taken_once_whoever_asks_again_and_whatever_about(store):
    first = Asked(once="slack:1", incident=I1, at=NOON, reply="escalation.acknowledged")
    async with store.unit() as unit:
        await unit.put_asked(first)
        with pytest.raises(AskedAlready):
            await unit.put_asked(replace(first, incident=I2))

    async def act_again() -> None:
        async with store.unit() as unit:
            await unit.put_act(Act(actor="cto", incident=I1, revision=3, verb="ack", at=NOON, reply=""))
            await unit.put_asked(replace(first, at=NOON + MINUTE))

    with pytest.raises(AskedAlready):
        await act_again()
    async with store.reading() as reader:
        assert await reader.asked("slack:1") == first
        assert await reader.act("cto", I1, 3, "ack") is None


async def test_tokens_are_listed_found_by_digest_and_changed(store):
    revoked = token(
        "t1", revoked_at=NOON + HOUR, used_at=NOON + MINUTE, expires_at=NOON + 2 * HOUR, contact=None
    )
    async with store.unit() as unit:
        await unit.put_token(token("t2", created_at=NOON + MINUTE))
        await unit.put_token(token("t1"))
    async with store.unit() as unit:
        await unit.put_token(revoked)
    async with store.reading() as reader:
        assert await reader.tokens() == [revoked, token("t2", created_at=NOON + MINUTE)]
        assert await reader.token_by_digest("digest of t1") == revoked
        assert await reader.token_by_digest("digest of t3") is None


async def test_replicas_are_listed_by_when_they_took_their_policies_up(store):
    early, late = replica("r2"), replica("r1", loaded_at=NOON + MINUTE)
    async with store.unit() as unit:
        for one in (late, early, replica("r3")):
            await unit.put_replica(one)
        assert await unit.replicas() == [early, replica("r3"), late]
    moved = replica("r2", book="other", loaded_at=NOON + HOUR, seen_at=NOON + HOUR)
    async with store.unit() as unit:
        await unit.put_replica(moved)
    async with store.reading() as reader:
        assert await reader.replicas() == [replica("r3"), late, moved]


async def test_replicas_that_were_not_seen_for_long_are_forgotten(store):
    async with store.unit() as unit:
        for minute in range(3):
            await unit.put_replica(replica(f"r{minute}", seen_at=NOON + minute * MINUTE))
        await unit.delete_replicas_before(NOON + MINUTE)
        assert [one.id for one in await unit.replicas()] == ["r1", "r2"]
