"""Two hundred incidents in a minute, against Slack's rates: no page is late, and every message ends up right.

The engine and the Slack adapter are the real ones, on a clock that is advanced by hand; the fake counts as Slack does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from responder.adapters.channels import make
from responder.adapters.channels.tools import Tools
from responder.adapters.storage.sqlite import open_sqlite
from responder.core.delivery import Outcome
from responder.core.machines.notice import Notice
from responder.core.machines.page import Phase
from responder.engine.commands import Acknowledge
from responder.ports.store import Standing, Store, SummaryQuery
from tests.adapters.slack.bench import bench
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.slack import ALERTS, USER, FakeSlack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

COUNT = 200
MINUTE = timedelta(minutes=1)


def policies() -> dict[str, object]:
    """The board is a channel of Slack's; the first person is reached there, or else otherwise."""
    document = plan.plan()
    document["channels"]["channels"] |= {"board": {"slack": {"channel": "#alerts"}}, "slack": {"slack": {}}}
    document["contacts"]["contacts"]["first"]["methods"] = [{"slack": USER}, {"fake": "to-first"}]
    return document


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    store = await open_sqlite(folder / "responder.db")
    yield store
    await store.close()


async def lateness(world: World) -> list[timedelta]:
    """From being asked for to being taken, of every page."""
    found = []
    for number in range(1, COUNT + 1):
        for page in (await world.story(f"I{number}")).pages:
            assert page.phase is Phase.ACCEPTED, page
            taken = [
                one.ended_at for one in page.attempts if one.outcome is Outcome.ACCEPTED and one.ended_at
            ]
            found.append(taken[0] - page.asked_at)
    return found


async def board_notice(world: World, incident: str) -> Notice:
    (found,) = [notice for notice in (await world.story(incident)).notices if notice.channel == "board"]
    return found


def shown(slack: FakeSlack) -> dict[str, str]:
    """Incident -> the words of its message in the channel, as they stand."""
    found = {}
    for message in slack.roots(ALERTS):
        assert message.metadata is not None
        found[message.metadata["event_payload"]["record"].partition("/")[0]] = message.text
    return found


async def test_two_hundred_incidents_in_a_minute_are_paged_in_time_and_shown_as_they_are(
    tmp_path: Path,
) -> None:
    async with bench() as slack, opened(tmp_path) as store:
        tools = Tools(clock=slack.clock, environ={}, sessions=slack.sessions, slack=slack.account())
        world = await make_world(
            store, book=plan.book(policies()), clock=slack.clock, real=partial(make, tools=tools)
        )
        for number in range(COUNT):
            await world.fire(f"Disk{number}", level="3")
            await world.advance(seconds=MINUTE.total_seconds() / COUNT)
        assert max(await lateness(world)) < timedelta(seconds=1)

        for number in range(1, COUNT + 1, 4):
            await world.ask(Acknowledge(), incident=f"I{number}")
        for number in range(2, COUNT, 4):
            await world.clear(f"Disk{number}", level="3")
        await world.advance(minutes=14)

        summaries, _ = await world.service.views.incidents(SummaryQuery(limit=500))
        standing = {summary.incident: summary.standing for summary in summaries}
        texts = shown(slack.slack)
        assert len(slack.slack.roots(ALERTS)) == len(texts) == len(standing) == COUNT
        for incident, how in standing.items():
            assert {
                Standing.OPEN: "open" in texts[incident] or "paged" in texts[incident],
                Standing.ACKNOWLEDGED: "First has it" in texts[incident],
                Standing.RESOLVED: "resolved" in texts[incident],
            }[how], (incident, how, texts[incident])
        # Nothing that is shown was ever too fast; a page is tried first, and goes elsewhere if it was.
        assert {call.args.get("channel") for call in slack.slack.ledger if call.error == "ratelimited"} <= {
            USER
        }
        notices = [await board_notice(world, f"I{number}") for number in range(1, COUNT + 1)]
        calls = [
            call
            for call in slack.slack.ledger
            if call.method == "chat.update" and call.args["channel"] == ALERTS
        ]
        assert len(calls) + COUNT < sum(
            notice.wanted for notice in notices
        )  # what came together was shown together
        assert (
            max(notice.tries for notice in notices) < 10
        )  # nobody asked again and again whether it was their turn
