"""SIGKILL again, with Slack as the channel: one message an incident, one direct message a page, the newest words in it.

A message whose receipt was lost is found by what it carries; what may have arrived is asked for and not sent again. The
stories wait for real leases, so they run side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.faults import Side, Strike
from tests.fakes.sink import Sink
from tests.fakes.slack import USER, Message
from tests.journeys.kills import Life, body_of
from tests.journeys.side_by_side import Start, all_at_once
from tests.journeys.slack import CRITICAL, Workspace, headline, workspace
from tests.journeys.small import FAR, small_plan, write_plan
from tests.journeys.waiting import let_pass, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

AGAIN = 60  # seconds; a lease, and what a busy machine takes
QUIET = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Killed where, on the way from an alert to the message in the channel and to the person's direct message."""

    id: str
    side: Side
    point: str
    past: str = ""


CASES = (
    Case(id="the channel's message is not sent yet", side=Side.BEFORE, point="notice.send.slack"),
    Case(id="the channel's message is sent", side=Side.AFTER, point="notice.send.slack"),
    Case(id="the page is not sent yet", side=Side.BEFORE, point="page.send.slack"),
    Case(id="the page is sent", side=Side.AFTER, point="page.send.slack"),
    Case(id="both are claimed", side=Side.AFTER, point="commit.claim", past="commit.handle"),
    Case(id="their results are not recorded", side=Side.BEFORE, point="commit.result"),
    Case(id="their results are recorded", side=Side.AFTER, point="commit.result"),
)
ACKS = (
    Case(id="an acknowledgement is not recorded", side=Side.BEFORE, point="commit.command"),
    Case(id="an acknowledgement is recorded, and not answered", side=Side.AFTER, point="commit.command"),
)


@dataclass(slots=True)
class Seen:
    """What stands in Slack in the end, and what the incident says."""

    roots: list[Message]
    pages: list[Message]  # direct messages
    story: list[str]  # below the root
    incident: dict[str, Any]


@asynccontextmanager
async def lived(home: Path, start: Start) -> AsyncIterator[tuple[Life, Workspace]]:
    """On the small plan, whose board is a channel of Slack's and whose first person is there."""
    async with Sink() as sink, workspace() as slack:
        plan = small_plan(sink.url, rungs={"first": "0s", "second": FAR})
        channels, contacts = plan["channels"]["channels"], plan["contacts"]["contacts"]
        for ladder in plan["escalation"]["policies"]["matrix"].values():
            ladder["steps"] = [{"after": "0s", "notify": "level_channels"}, *ladder["steps"]]
        channels["board"] = {"slack": {"channel": f"#{CRITICAL}"}}
        channels["slack"] = {"slack": {}}
        contacts["first"]["methods"] = [{"slack": USER}, {"webhook": "mail-first"}]
        policies = write_plan(home / "policies", plan)
        settings = slack.settings("FIRST") | {"RESPONDER_POLICIES": str(policies)}
        found = Life(home, sink, settings, start)
        try:
            yield found, slack
        finally:
            await found.close()


async def killed_on_the_way(case: Case, home: Path, start: Start) -> Seen:
    async with lived(home, start) as (found, slack):
        await found.serve_armable()
        await found.arm(Strike(case.side, case.point, past=case.past))
        posting = asyncio.create_task(found.post())
        await found.pulled()
        await posting
        await found.kill()
        service = await found.serve()
        await found.post_until_taken()
        await until(slack.pages, "the person has a message", within=AGAIN)
        await slack.shows("paged: First", within=AGAIN)
        assert (await slack.slash(service.url, "/ack", "I1")).status == 200
        await slack.shows("First has it", within=AGAIN)
        await service.post(body_of("resolved", started=found.began))
        return await in_the_end(found, slack)


async def killed_on_an_ack(case: Case, home: Path, start: Start) -> Seen:
    async with lived(home, start) as (found, slack):
        service = await found.serve_armable()
        await found.post()
        await slack.shows("paged: First", within=AGAIN)
        await found.until_recorded()
        await found.arm(Strike(case.side, case.point))
        asking = asyncio.create_task(slack.slash(service.url, "/ack", "I1"))
        await found.pulled()
        await found.kill()
        await asyncio.gather(asking, return_exceptions=True)
        service = await found.serve()
        assert slack.fake.last_request is not None
        slack.fake.last_request = replace(slack.fake.last_request, url=f"{service.url}/slack/commands")
        again = await slack.fake.send_again()
        assert again.status == 200
        await slack.shows("First has it", within=AGAIN)
        await service.post(body_of("resolved", started=found.began))
        return await in_the_end(found, slack)


async def in_the_end(found: Life, slack: Workspace) -> Seen:
    await slack.shows("resolved", within=AGAIN)
    await until(
        lambda: all(not message.buttons() for message in slack.pages()),
        "nothing is left to press",
        within=AGAIN,
    )
    await let_pass(QUIET)
    return Seen(slack.roots(), slack.pages(), slack.story(), await found.story())


@pytest.fixture(scope="module")
def stories(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    base = tmp_path_factory.mktemp("lives")
    told = [(case, killed_on_the_way) for case in CASES] + [(case, killed_on_an_ack) for case in ACKS]
    wanted = {item.nodeid.rpartition("[")[2].rstrip("]") for item in request.session.items}
    return all_at_once(
        {
            case.id: partial(tell, case, base / str(number))
            for number, (case, tell) in enumerate(told)
            if case.id in wanted
        }
    )


@pytest.mark.parametrize("case", [*CASES, *ACKS], ids=lambda case: case.id)
def test_killed_and_started_again_there_is_one_message_and_it_is_right(case, stories):
    seen = stories[case.id]
    if isinstance(seen, BaseException):
        raise seen
    (root,) = seen.roots
    assert headline(root).endswith("resolved")
    assert root.buttons() == {}
    page, *told = seen.pages
    assert [headline(message).rpartition(" — ")[2] for message in told] == ["resolved"]
    assert page.buttons() == {}
    assert seen.incident["state"] == "resolved"
    whys = [line["why"] for line in seen.incident["audit"]["lines"]]
    assert whys.count("escalation.acknowledged") == 1
    assert "First acknowledged" in "\n".join(seen.story)
