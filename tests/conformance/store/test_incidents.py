"""Numbers, keys, hidden groups and pins of incidents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from responder.core.identifiers import PinHash
from responder.core.machines import incident as incidents
from responder.ports.store import (
    KeyTaken,
    key_of,
)
from tests.builders import (
    I1,
    I2,
    NOON,
    incident,
    promise,
)
from tests.conformance.store.steps import (
    closed,
    put,
)


async def test_numbers_count_up_and_are_never_given_twice(store):
    async with store.unit() as unit:
        assert [await unit.next_number() for _ in range(3)] == [1, 2, 3]
    async with store.unit() as unit:
        assert await unit.next_number() == 4
        await unit.delete_closed_before(NOON, 10)
        await unit.counts()
        assert await unit.next_number() == 5
    async with store.unit() as unit:
        assert await unit.next_number() == 6


@pytest.mark.parametrize("asked_before", [True, False])
@pytest.mark.parametrize("phase", [incidents.Phase.OPEN, incidents.Phase.RESOLVED])
async def test_a_key_is_taken_until_its_incident_is_closed(store, phase, asked_before):
    await put(store, incident("I1", key="k", phase=phase, resolved_at=NOON))
    async with store.unit() as unit:
        if asked_before:
            assert await unit.open_incidents(["k", "free"]) == {"k": I1}
        with pytest.raises(KeyTaken, match="I1"):
            await unit.put_record(incident("I2", key="k"), NOON)
        await unit.put_record(incident("I2", key="free"), NOON)
    async with store.reading() as reader:
        assert await reader.open_incidents(["k", "free"]) == {"k": I1, "free": I2}


async def test_a_key_is_taken_within_one_unit_too(store):
    async with store.unit() as unit:
        await unit.put_record(incident("I1", key="k"), NOON)
        with pytest.raises(KeyTaken, match="I1"):
            await unit.put_record(incident("I2", key="k"), NOON)
        assert await unit.records([key_of(incident("I2"))]) == {}
    async with store.reading() as reader:
        assert await reader.records([key_of(incident("I2"))]) == {}


@pytest.mark.parametrize("asked_before", [True, False])
async def test_a_closed_incidents_key_is_free_at_once(store, asked_before):
    await put(store, incident("I1", key="k"))
    async with store.unit() as unit:
        if asked_before:
            await unit.open_incidents(["k"])
        await unit.records([key_of(incident("I1"))])
        await unit.put_record(replace(closed("I1"), key="k"), NOON)
        assert await unit.open_incidents(["k"]) == {}
        await unit.put_record(incident("I2", key="k"), NOON)
        assert await unit.open_incidents(["k"]) == {"k": I2}
    async with store.reading() as reader:
        assert await reader.open_incidents(["k"]) == {"k": I2}
        assert len(await reader.records([key_of(incident("I1")), key_of(incident("I2"))])) == 2


async def test_an_incident_may_be_written_again_under_its_own_key(store):
    await put(store, incident(key="k"))
    await put(store, incident(key="k", revision=2))
    async with store.unit() as unit:
        await unit.records([key_of(incident())])
        await unit.put_record(incident(key="k", revision=3), NOON)
        await unit.put_record(incident(key="k", revision=4), NOON)
    async with store.reading() as reader:
        assert await reader.records([key_of(incident())]) == {
            key_of(incident()): incident(key="k", revision=4)
        }


async def test_two_incidents_may_change_keys_in_one_unit(store):
    await put(store, incident("I1", key="k"))
    async with store.unit() as unit:
        await unit.records([key_of(incident("I1"))])
        await unit.put_record(incident("I2", key="other"), NOON)
        await unit.put_record(replace(closed("I1"), key="k"), NOON)
        await unit.put_record(incident("I2", key="k"), NOON)
        assert await unit.open_incidents(["k", "other"]) == {"k": I2}
    async with store.reading() as reader:
        assert await reader.open_incidents(["k", "other"]) == {"k": I2}


async def test_hidden_groups_are_those_of_incidents_that_are_not_closed(store):
    group = frozenset({"a", "b"})
    await put(store, incident("I1", hidden=group), incident("I2", hidden=frozenset({"b"})), incident("I3"))
    await put(store, replace(closed("I4"), hidden=group))
    async with store.unit() as unit:
        assert (await unit.hidden_in("a"), await unit.hidden_in("b")) == ([I1], [I1, I2])
        await unit.records([key_of(incident("I1")), key_of(incident("I2"))])
        await unit.put_record(incident("I1", hidden=frozenset({"b"})), NOON)
        await unit.put_record(incident("I2", hidden=frozenset({"a"})), NOON)
        assert (await unit.hidden_in("a"), await unit.hidden_in("b")) == ([I2], [I1])
    await put(store, replace(closed("I1"), hidden=frozenset({"b"})))
    async with store.reading() as reader:
        assert (await reader.hidden_in("a"), await reader.hidden_in("b")) == ([I2], [])


async def test_pins_in_use_are_those_of_incidents_that_are_not_closed(store):
    pins = [PinHash(letter * 32) for letter in "abc"]
    resolved = incident("I2", pin=pins[0], phase=incidents.Phase.RESOLVED, resolved_at=NOON)
    await put(store, incident("I1", pin=pins[0]), resolved, incident("I3", pin=pins[1]))
    await put(store, replace(closed("I4"), pin=pins[2]))
    async with store.reading() as reader:
        found = await reader.pins_in_use()
        assert set(found) == set(pins[:2])
        assert found[pins[0]] in (I1, I2)
        assert found[pins[1]] == "I3"


async def test_a_promise_is_kept_under_its_hash(store):
    async with store.unit() as unit:
        await unit.put_promise(promise())
        await unit.put_promise(promise())
    async with store.unit() as unit:
        await unit.put_promise(promise())
        await unit.put_promise(promise("other"))
    async with store.reading() as reader:
        found = await reader.promises([promise().pin, promise("other").pin, PinHash("unknown")])
        assert found == {promise().pin: promise(), promise("other").pin: promise("other")}
        assert all(one.pin == pin for pin, one in found.items())
