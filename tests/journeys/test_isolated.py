"""Isolated: every channel fails at once and comes back, and somebody outside hears our beat stop and go on.

Beside the sink stands a second receiver, the dead man's switch, whose ledger says when we were content.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.sink import ACCEPT, FAIL, Answer, Sink, refuse
from tests.journeys.kills import Life
from tests.journeys.side_by_side import Ended, Start, Stories
from tests.journeys.small import FAR, small_plan, write_plan
from tests.journeys.waiting import let_pass, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

stories = Stories()
KEY = "canary-of-the-switch"
ALARM = "responder: isolated channels"


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return stories.run(request, tmp_path_factory.mktemp("isolated"))


@dataclass(slots=True)
class Watched:
    """`life`, and the switch that waits for its beats."""

    life: Life
    switch: Sink

    async def until_beating(self) -> None:
        """It beats from now on, not only did."""
        await self.switch.until_received(len(self.switch.ledger) + 2)

    async def until_silent(self) -> int:
        """No beat is sent any more; how many there have been."""

        async def look() -> bool:
            return bool((await self.life.service.get("/status"))["outward_beat"]["withheld"])

        await until(look, "the beat is withheld", within=30)
        return len(self.switch.ledger)

    async def state_of(self, title: str) -> str | None:
        found = [one["state"] for one in await self.life.service.incidents() if one["title"] == title]
        return str(found[-1]) if found else None

    async def until_state(self, title: str, state: str) -> None:
        async def look() -> bool:
            return await self.state_of(title) == state

        await until(look, f"{title} is {state}", within=90)

    async def owed(self) -> dict[str, str]:
        """Of the incident: who was asked to be paged, and what has become of it."""
        return {page["contact"]: page["state"] for page in (await self.life.story())["pages"]}

    def taken(self, answers_since: int) -> set[str]:
        return {one.path.strip("/") for one in self.life.sink.ledger[answers_since:]}


@asynccontextmanager
async def watched(
    home: Path, start: Start, *, rungs: Mapping[str, str], answer: Answer = ACCEPT
) -> AsyncIterator[Watched]:
    """Serving and beating every second. Incidents are shown on the board when they open; `answer`: the switch's."""
    async with Sink() as sink, Sink() as switch:
        switch.always(answer)
        plan: dict[str, Any] = small_plan(sink.url, rungs=rungs)
        ladder = plan["escalation"]["policies"]["matrix"][3]
        ladder["steps"] = [{"after": "0s", "notify": "level_channels"}, *ladder["steps"]]
        settings = {
            "RESPONDER_POLICIES": str(write_plan(home / "policies", plan)),
            "RESPONDER_BEAT_URL": f"{switch.url}ping/{KEY}",
            "RESPONDER_BEAT_EVERY": "1s",
        }
        life = Life(home, sink, settings, start)
        try:
            await life.serve()
            yield Watched(life, switch)
        finally:
            await life.close()
        assert KEY not in life.service.program.lines()


@stories.tell
async def test_every_channel_refuses_at_once_a_kill_comes_between_and_nobody_is_passed_over(home, start):
    async with watched(home, start, rungs={"first": "0s", "second": FAR}) as found:
        await found.until_beating()
        found.life.sink.always(refuse(403))
        await found.life.post()
        await found.until_state(ALARM, "open")
        beats = await found.until_silent()
        assert "responder_isolated 1.0" in await found.life.service.text("/metrics")
        assert await found.owed() == {"first": "owed"}

        await found.life.kill()
        await found.life.serve()
        assert (await found.life.service.get("/status"))["isolated_since"] is not None
        await let_pass(12)  # the auditor has looked, and ten beats have had their time
        assert len(found.switch.ledger) == beats
        assert await found.owed() == {"first": "owed"}

        before = len(found.life.sink.ledger)
        found.life.sink.always(ACCEPT)
        await found.until_state(ALARM, "resolved")
        await found.until_beating()
        await found.life.until_recorded()
        assert await found.owed() == {"first": "accepted"}
        assert not {path for path in found.taken(before) if path.endswith("second")}


@stories.tell
async def test_every_channel_fails_for_now_the_ladder_keeps_its_times_and_all_of_it_arrives(home, start):
    async with watched(home, start, rungs={"first": "0s", "second": "6s", "third": FAR}) as found:
        await found.until_beating()
        found.life.sink.always(FAIL)
        await found.life.post()
        await found.until_state(ALARM, "open")
        await let_pass(6)
        assert set(await found.owed()) == {"first", "second"}
        found.life.sink.always(ACCEPT)
        await found.life.until_recorded()
        assert await found.owed() == {"first": "accepted", "second": "accepted"}
        await found.until_state(ALARM, "resolved")
        await found.until_beating()


@stories.tell
async def test_a_switch_that_takes_no_beat_is_an_alarm_that_pages(home, start):
    async with watched(home, start, rungs={"first": "0s", "second": FAR}, answer=FAIL) as found:
        await found.until_state("responder: beat outward", "open")
        await found.life.until_paged(1)
        assert (
            "127.0.0.1 answered 500" in (await found.life.service.get("/status"))["outward_beat"]["problem"]
        )
        found.switch.always(ACCEPT)
        await found.until_state("responder: beat outward", "resolved")
