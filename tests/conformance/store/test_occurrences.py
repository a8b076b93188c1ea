"""Occurrences of alerts, by fingerprint and by incident."""

from __future__ import annotations

import pytest

from responder.core.identifiers import Fingerprint, JournalId
from tests.builders import (
    HOUR,
    I1,
    I2,
    NOON,
    incident,
    occurrence,
)


async def test_the_last_occurrence_is_the_one_with_the_highest_number(store):
    for number in (2, 11, 3):
        async with store.unit() as unit:
            await unit.put_occurrence(occurrence("f", number))
    async with store.unit() as unit:
        assert await unit.last_occurrences(["f", "unknown"]) == {"f": occurrence("f", 11)}
        await unit.put_occurrence(occurrence("f", 4))
        assert (await unit.last_occurrences(["f"]))["f"].number == 11
    async with store.unit() as unit:
        await unit.put_occurrence(occurrence("f", 5))  # without having asked
        assert (await unit.last_occurrences(["f"]))["f"].number == 11
        await unit.put_occurrence(occurrence("f", 12))
        assert (await unit.last_occurrences(["f"]))["f"].number == 12


async def test_an_occurrence_written_again_replaces_itself(store):
    for journal in (1, 2):
        async with store.unit() as unit:
            await unit.last_occurrences(["f"])
            await unit.put_occurrence(occurrence("f", journal=JournalId(journal)))
    async with store.reading() as reader:
        assert [one.journal for one in await reader.occurrences_of(I1, 10)] == [2]


async def test_occurrences_of_an_incident_come_oldest_first_a_page_at_a_time(store):
    hours = (3, 1, 2, 0)
    async with store.unit() as unit:
        for hour in hours:
            await unit.put_occurrence(occurrence(f"f{hour}", starts_at=NOON + hour * HOUR))
        await unit.put_occurrence(occurrence("f9", incident=I2))
    async with store.reading() as reader:
        pages_ = [
            [one.fingerprint for one in await reader.occurrences_of(I1, 2, after)] for after in (0, 2, 4)
        ]
    assert pages_ == [["f0", "f1"], ["f2", "f3"], []]


async def test_what_fires_comes_with_its_incident_by_fingerprint_a_page_at_a_time(store):
    async with store.unit() as unit:
        for name in ("f3", "f1", "f2"):
            await unit.put_occurrence(occurrence(name))
        await unit.put_occurrence(occurrence("f4", ends_at=NOON))
        await unit.put_occurrence(occurrence("f5", incident=None))
        assert await unit.firing(None, 10) == {"f1": I1, "f2": I1, "f3": I1}
    async with store.reading() as reader:
        assert list(await reader.firing(None, 2)) == ["f1", "f2"]
        assert list(await reader.firing(Fingerprint("f2"), 2)) == ["f3"]
        assert await reader.firing(Fingerprint("f3"), 2) == {}
    async with store.unit() as unit:
        await unit.last_occurrences(["f1"])
        await unit.put_occurrence(occurrence("f1", ends_at=NOON))
    async with store.reading() as reader:
        assert list(await reader.firing(None, 10)) == ["f2", "f3"]


async def test_groups_that_are_hidden_are_told_once(store):
    async with store.unit() as unit:
        await unit.put_record(incident(hidden=frozenset({"b", "a"})), NOON)
        await unit.put_record(incident(I2, key="other", hidden=frozenset({"b", "c"})), NOON)
        assert await unit.hidden_groups(10) == ["a", "b", "c"]
    async with store.reading() as reader:
        assert await reader.hidden_groups(2) == ["a", "b"]


@pytest.mark.parametrize(
    "text", ["x" * 199, "x" * 201, "\x1a#1", "a\x00b"], ids=["short", "long", "a mark", "a NUL"]
)
async def test_a_hidden_group_is_told_in_its_own_words_however_long_they_are(store, text):
    async with store.unit() as unit:
        await unit.put_record(incident(hidden=frozenset({text, "b"})), NOON)
        await unit.put_record(incident(I2, key="other", hidden=frozenset({text, text + "y"})), NOON)
        assert set(await unit.hidden_groups(10)) == {text, text + "y", "b"}
    async with store.reading() as reader:
        assert set(await reader.hidden_groups(10)) == {text, text + "y", "b"}
        assert await reader.hidden_in(text) == [I1, I2]
