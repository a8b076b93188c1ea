"""Occurrences of alerts, by fingerprint and by incident."""

from __future__ import annotations

from responder.core.identifiers import JournalId
from tests.builders import (
    HOUR,
    I1,
    I2,
    NOON,
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
