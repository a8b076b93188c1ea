"""Real Alertmanagers that are asked: silences, restarts, lost messages, bodies that leave alerts out, and split pairs.

They are asked each second, so that three polls are three seconds and a hold lasts ten without being confirmed. What
fires is given an end in the future, for an Alertmanager with a resolve_timeout of a second ends everything else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.sink import Sink
from tests.journeys.alertmanagers import Alertmanager
from tests.journeys.kills import of_troubles
from tests.journeys.served import WEBHOOK_TOKEN, Served
from tests.journeys.small import FAR, small_plan, write_plan
from tests.journeys.waiting import CLOCK, let_pass, until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(150)]

REGION = {"alertname": "RegionDown", "level": "3"}
DISK = {"alertname": "DiskFull", "level": "2"}
SOON = "1s"  # twice that, and an Alertmanager is taken for one that knows what fires
RULES = [
    {
        "name": "level-label",
        "match": ['level=~"[1-4]"'],
        "level": {"from_label": "level"},
        "group_by": ["alertname"],
        "escalation": "matrix",
    },
    {"name": "anything-else", "level": 2, "group_by": ["alertname"], "escalation": "matrix"},
]


@dataclass(slots=True)
class Watch:
    """A service that asks its Alertmanagers."""

    home: Path
    sink: Sink
    service: Served
    alertmanagers: list[Alertmanager]

    @property
    def one(self) -> Alertmanager:
        return self.alertmanagers[0]

    async def fires(self, labels: Mapping[str, str]) -> None:
        for alertmanager in self.alertmanagers:
            await alertmanager.alert(labels, ends_at=CLOCK.now() + timedelta(hours=1))

    async def ends(self, labels: Mapping[str, str]) -> None:
        for alertmanager in self.alertmanagers:
            await alertmanager.alert(labels, ends_at=CLOCK.now())

    def paged(self, who: str) -> list[str]:
        """Why."""
        return self._reasons(f"/sms/{who}")

    def shown(self) -> list[str]:
        return self._reasons("/board")

    def _reasons(self, path: str) -> list[str]:
        return [one.json()["reason"] for one in of_troubles(self.sink) if one.path == path]

    async def until_state(self, state: str, incident: str = "I1", within: float = 40) -> dict[str, Any]:
        async def look() -> dict[str, Any]:
            if incident not in [one["incident"] for one in await self.service.incidents()]:
                return {}
            story = await self.service.story(incident)
            return story if story["state"] == state else {}

        found: dict[str, Any] = await until(look, f"{incident} is {state}", within=within)
        return found


@asynccontextmanager
async def watch(
    folder: Path,
    *,
    rungs: Mapping[str, str],
    count: int = 1,
    webhook: str | None = None,
    **route: Any,
) -> AsyncIterator[Watch]:
    """`count` Alertmanagers without peers, posting to the service, or to `webhook`."""
    async with AsyncExitStack() as stack:
        sink = await stack.enter_async_context(Sink())
        plan = small_plan(sink.url, rungs=rungs)
        plan["levels"]["rules"] = RULES
        for ladder in plan["escalation"]["policies"]["matrix"].values():
            ladder["steps"] = [{"after": "0s", "notify": "level_channels"}, *ladder["steps"]]
        settings = {"RESPONDER_POLICIES": str(write_plan(folder / "policies", plan))}
        # Each has to know the other's address: the service is started on one that is free, then again with theirs.
        async with await Served.start(folder, settings) as first:
            port, hook = first.port, webhook or first.webhook
        route = {"resolve_timeout": SOON} | route
        alertmanagers = [
            await stack.enter_async_context(
                await Alertmanager.start(folder, hook, WEBHOOK_TOKEN, name=f"alertmanager-{number}", **route)
            )
            for number in range(count)
        ]
        settings |= {
            "RESPONDER_LISTEN": f"127.0.0.1:{port}",
            "RESPONDER_ALERTMANAGER_URLS": ",".join(f"http://{one.address}" for one in alertmanagers),
            "RESPONDER_ALERTMANAGER_EVERY": "1s",
        }
        service = await stack.enter_async_context(await Served.start(folder, settings))
        yield Watch(folder, sink, service, alertmanagers)


def whys(story: Mapping[str, Any]) -> Sequence[str]:
    return [line["why"] for line in story["audit"]["lines"]]


async def test_a_silence_holds_the_ladder_and_when_it_is_expired_the_ladder_goes_on(tmp_path):
    async with watch(tmp_path, rungs={"first": "0s", "second": "6s"}) as found:
        await found.fires(REGION)
        await until(lambda: found.paged("first"), "the first page")
        silence = await found.one.silence(REGION)
        story = await found.until_state("suppressed")
        assert story["suppression"]["by"] == [silence]
        await until(lambda: "suppressed" in found.shown(), "the channel is told")

        await let_pass(7)
        assert found.paged("second") == []
        told = await found.service.cli("incidents", "show", "I1")
        assert "Alertmanager keeps it quiet since" in told.out

        await found.one.expire(silence)
        await found.until_state("open")
        await until(lambda: found.paged("second"), "the second step, what was left of its wait later")
        assert found.paged("first") == ["step", "unsuppressed"]
        assert found.paged("second") == ["step"]


async def test_what_ends_while_it_is_silenced_is_resolved_at_level_2_and_asked_about_at_level_3(tmp_path):
    async with watch(tmp_path, rungs={"first": "0s", "second": FAR}) as found:
        await found.fires(DISK)
        await found.until_state("open", "I1")
        await found.fires(REGION)
        await found.until_state("open", "I2")
        for labels in (DISK, REGION):
            await found.one.silence(labels)
        for incident in ("I1", "I2"):
            await found.until_state("suppressed", incident)

        await found.ends(DISK)
        await found.ends(REGION)

        story = await found.until_state("resolved", "I1")
        assert "incident.cleared_gone" in whys(story)
        await until(lambda: "ghost" in found.paged("first"), "a person is asked")
        story = await found.service.story("I2")
        assert (story["state"], story["doubted_at"] is not None) == ("open", True)


async def test_an_alertmanager_that_was_restarted_has_no_alerts_and_ends_none(tmp_path):
    async with watch(tmp_path, rungs={"first": "0s", "second": FAR}, resolve_timeout="5m") as found:
        await found.fires(DISK)
        await found.until_state("open")
        port, hook = found.one.port, found.service.webhook
        assert await found.one.program.stop() == 0
        again = await Alertmanager.start(
            found.home, hook, WEBHOOK_TOKEN, name="alertmanager-0", port=port, resolve_timeout="5m"
        )
        async with again:
            await until_asked(found, 6)
            assert (await found.service.story())["state"] == "open"


async def until_asked(found: Watch, more: int) -> None:
    """Until its Alertmanager has answered so many times more."""

    async def answers() -> float:
        peer = f'peer="{found.one.address}"'
        lines = (await found.service.text("/metrics")).splitlines()
        return sum(
            float(line.split()[-1])
            for line in lines
            if line.startswith("responder_alertmanager_polls_total")
            and 'outcome="ok"' in line
            and peer in line
        )

    before = await answers()

    async def look() -> bool:
        return await answers() >= before + more

    await until(look, f"asked {more} times more")


async def test_when_no_alertmanager_confirms_the_silence_people_are_paged_and_told_why(tmp_path):
    async with watch(tmp_path, rungs={"first": "0s", "second": FAR}) as found:
        await found.fires(REGION)
        await found.until_state("open")
        await found.one.silence(REGION)
        await found.until_state("suppressed")
        await found.one.program.kill()

        await found.until_state("open")

        await until(lambda: found.paged("first") == ["step", "unconfirmed"], "the page says why")
        assert "escalation.unconfirmed" in whys(await found.service.story())


async def test_of_two_that_do_not_know_each_other_both_have_to_silence_it_and_neither_to_have_it(tmp_path):
    async with watch(tmp_path, rungs={"first": "0s", "second": FAR}, count=2) as found:
        await found.fires(DISK)
        await found.until_state("open")
        await found.alertmanagers[0].silence(DISK)
        await until_asked(found, 4)
        assert (await found.service.story())["state"] == "open"
        await found.alertmanagers[1].silence(DISK)
        await found.until_state("suppressed")

        await found.alertmanagers[0].alert(DISK, ends_at=CLOCK.now())
        await until_asked(found, 5)
        assert (await found.service.story())["state"] == "suppressed"
        await found.alertmanagers[1].alert(DISK, ends_at=CLOCK.now())
        await found.until_state("resolved")


async def test_what_a_truncated_body_left_out_is_asked_for(tmp_path):
    async with watch(tmp_path, rungs={"first": "0s", "second": FAR}, max_alerts=1) as found:
        for number in range(5):
            await found.fires(DISK | {"node": f"n-{number}"})

        async def is_whole() -> bool:
            story = await found.service.story() if await found.service.incidents() else {}
            return bool(story) and story["firing"] == 5 and not story["is_incomplete"]

        await until(is_whole, "all five, and nothing hidden")
        assert [one["incident"] for one in await found.service.troubles()] == ["I1"]


async def test_an_alert_whose_messages_are_all_lost_opens_its_incident(tmp_path):
    nobody = "http://127.0.0.1:9/webhooks/alertmanager"
    async with watch(tmp_path, rungs={"first": "0s", "second": FAR}, webhook=nobody) as found:
        await found.fires(REGION)
        story = await found.until_state("open")
        assert (story["level"], story["firing"]) == (3, 1)
        await until(lambda: found.paged("first") == ["step"], "somebody is paged")
