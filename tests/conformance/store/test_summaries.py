"""Lists and counts of incidents."""

from __future__ import annotations

import pytest

from responder.core.level import Level
from responder.ports.store import (
    Standing,
    SummaryQuery,
)
from tests.builders import (
    CTO,
    HOUR,
    I2,
    NOON,
    summary,
)
from tests.conformance.store.steps import (
    put_summaries,
)

LISTED = (
    summary("I1"),
    summary("I2", level=Level.MODERATE, standing=Standing.ACKNOWLEDGED, holder=CTO),
    summary("I3", rule="severity", title="Disk FULL on db-1"),
    summary("I4", standing=Standing.CLOSED, resolved_at=NOON + HOUR),
    summary("I10", level=Level.MODERATE, title="100%_full Äpfel"),
)


@pytest.mark.parametrize(
    "query, expected",
    [
        pytest.param(SummaryQuery(), [10, 4, 3, 2, 1], id="everything, newest first"),
        pytest.param(SummaryQuery(limit=2), [10, 4], id="a page"),
        pytest.param(SummaryQuery(limit=2, before=4), [3, 2], id="the page after it"),
        pytest.param(SummaryQuery(standings=frozenset({Standing.OPEN})), [10, 3, 1], id="open"),
        pytest.param(
            SummaryQuery(standings=frozenset({Standing.CLOSED, Standing.ACKNOWLEDGED})),
            [4, 2],
            id="standings",
        ),
        pytest.param(SummaryQuery(levels=frozenset({Level.MODERATE})), [10, 2], id="level"),
        pytest.param(SummaryQuery(rule="severity"), [3], id="rule"),
        pytest.param(SummaryQuery(holder="cto"), [2], id="holder"),
        pytest.param(SummaryQuery(text="disk full"), [3], id="title, case ignored"),
        pytest.param(SummaryQuery(text="LABEL|i4"), [4], id="key, case ignored"),
        pytest.param(SummaryQuery(text="äPFEL"), [10], id="not only ASCII"),
        pytest.param(SummaryQuery(text="0%_f"), [10], id="no wildcard in it"),
        pytest.param(SummaryQuery(text="%"), [10], id="a wildcard alone"),
        pytest.param(
            SummaryQuery(
                levels=frozenset({Level.MODERATE}), standings=frozenset({Standing.OPEN}), text="full"
            ),
            [10],
            id="all of several",
        ),
        pytest.param(SummaryQuery(text="nowhere"), [], id="nothing"),
    ],
)
async def test_summaries_are_filtered(store, query, expected):
    await put_summaries(store, *LISTED)
    async with store.reading() as reader:
        assert [one.number for one in await reader.summaries(query)] == expected


async def test_a_summary_replaces_the_one_before(store):
    await put_summaries(store, summary())
    full = summary(
        title="new",
        level=Level.FATAL,
        standing=Standing.RESOLVED,
        holder=CTO,
        resolved_at=NOON,
        revision=7,
        firing=0,
    )
    await put_summaries(store, full)
    async with store.reading() as reader:
        assert await reader.summaries(SummaryQuery()) == [full]
        assert await reader.summaries(SummaryQuery(text="pods")) == []
        assert await reader.summary(I2) is None


async def test_counts_are_of_what_is_not_closed(store):
    await put_summaries(store, *LISTED)
    async with store.reading() as reader:
        assert await reader.counts() == {
            (Level.SEVERE, Standing.OPEN): 2,
            (Level.MODERATE, Standing.ACKNOWLEDGED): 1,
            (Level.MODERATE, Standing.OPEN): 1,
        }
