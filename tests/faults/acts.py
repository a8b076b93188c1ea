"""The acts: what is done to a service so that it comes to a point, and insisted on where it had no effect.

An act is prepared on a service that nothing has struck yet, or strikes from the process's start on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.fakes.faults import Does, Side, Strike
from tests.fakes.slack import USER
from tests.faults.lives import ALERT, EVERY, LONG, Lived, Way
from tests.journeys.slack import CRITICAL
from tests.journeys.small import FAR
from tests.journeys.waiting import CLOCK, until

SOON = "4s"  # to the second person; time enough to arm


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """`second`: after how long the second person is paged. `people`: who are paged for the alert, whatever strikes.

    `from_start`: it is armed before the process begins, and nothing else is to be done. `with_it`: what also strikes,
    so that the point is come to at all.
    """

    way: Way = Way.WEBHOOK
    second: str = FAR
    duty: str = ""
    board: bool = False
    watched: bool = False
    people: int = 1
    from_start: bool = False
    with_it: tuple[Strike, ...] = ()
    needs_admin: bool = False

    async def prepare(self, lived: Lived) -> str:
        """Before the strike is armed. Answers since when it may strike, "" = now."""
        return ""

    async def act(self, lived: Lived) -> None:
        """Once it is armed. What it does may get no answer."""

    async def insist(self, lived: Lived) -> None:
        """On a service that works again: until it has had its effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted(Act):
    """An alert comes in, and goes its way to the board and the first person."""

    async def act(self, lived: Lived) -> None:
        await lived.post()


@dataclass(frozen=True, slots=True, kw_only=True)
class Climbed(Act):
    """Nobody answers, and the second person's time comes."""

    second: str = SOON
    people: int = 2

    async def prepare(self, lived: Lived) -> str:
        await lived.post()
        return (await lived.due("second")).isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Act):
    """A person asks for something of the API, about an incident that is open."""

    method: str = "GET"
    path: str = ""

    async def prepare(self, lived: Lived) -> str:
        await lived.post()
        await lived.settled(ALERT)
        return ""

    async def act(self, lived: Lived) -> None:
        await lived.ask(self.method, self.path, token=lived.admin)

    async def insist(self, lived: Lived) -> None:
        if lived.asked[-1] not in (200, 201):
            await lived.ask_until_done(self.method, self.path, token=lived.admin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Asked):
    """Somebody has it, and the second person's time passes."""

    second: str = "20s"
    method: str = "POST"
    path: str = "/api/v1/incidents/I1/ack"

    async def insist(self, lived: Lived) -> None:
        await Asked.insist(self, lived)
        story = await lived.settled(ALERT)
        until_due = datetime.fromisoformat(story["opened_at"]) + timedelta(seconds=20)
        await CLOCK.sleep_until(until_due + timedelta(seconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded(Act):
    """The policies are edited, and the service is told to load them."""

    async def prepare(self, lived: Lived) -> str:
        await lived.post()
        await lived.settled(ALERT)
        contacts = lived.life.home / "policies" / "contacts.yaml"
        contacts.write_text(contacts.read_text("utf-8").replace("Third", "The third"), encoding="utf-8")
        return ""

    async def act(self, lived: Lived) -> None:
        lived.reload()

    async def insist(self, lived: Lived) -> None:
        async def loaded() -> bool:
            rungs = (await lived.life.service.story(await lived.incident(ALERT)))["ladder"]
            is_loaded = any("The third" in rung["people"] for rung in rungs)
            if not is_loaded:
                lived.reload()
            return is_loaded

        await until(loaded, "the new policies are in force", within=LONG, every=4 * EVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Act):
    """Somebody knocks with a wrong token, again and again."""

    async def act(self, lived: Lived) -> None:
        for _ in range(10):
            await lived.life.service.post({"alerts": []}, token="a token of yesterday")

    async def insist(self, lived: Lived) -> None:
        async def told() -> bool:
            if any(one["title"].startswith("responder: rejected") for one in await lived.alarms()):
                return True
            await self.act(lived)
            return False

        await until(told, "an alarm about the refusals", within=LONG, every=4 * EVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Act):
    """The service starts."""

    from_start: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedAgain(Act):
    """It starts after an end in the middle of a call."""

    from_start: bool = True

    async def prepare(self, lived: Lived) -> str:
        await lived.start()
        await lived.life.arm(Strike(Side.AFTER, "commit.claim", past="commit.handle", does=Does.KILL))
        await lived.post()
        await lived.died()
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedWithout(Act):
    """It starts with a timer whose record is gone, as no program of ours leaves it."""

    from_start: bool = True
    duty: str = "8s"

    async def prepare(self, lived: Lived) -> str:
        await lived.start()
        await lived.post()
        await lived.settled(ALERT)
        await lived.life.kill()
        lived.place.execute(lived.life.home, "DELETE FROM records WHERE kind = 'duty'")
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InSlack(Act):
    """A person says something in Slack about the incident that they see there."""

    way: Way = Way.SLACK
    board: bool = True

    async def prepare(self, lived: Lived) -> str:
        await lived.post()
        await lived.settled(ALERT)
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed(InSlack):
    button: str = "ack"

    async def act(self, lived: Lived) -> None:
        assert lived.slack is not None
        await lived.said(lived.slack.press(lived.life.service.url, self.button))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentioned(InSlack):
    """Where it is shown, and is answered there."""

    async def prepare(self, lived: Lived) -> str:
        assert lived.slack is not None
        there = lived.slack.fake.workspace
        channel = there.named(CRITICAL)
        assert channel is not None
        there.change_channel(channel.id, members=channel.members | {USER})
        return await InSlack.prepare(self, lived)

    async def act(self, lived: Lived) -> None:
        assert lived.slack is not None
        to = f"{lived.life.service.url}/slack/events"
        await lived.said(lived.slack.fake.mention(to, "show I1", user=USER, channel=CRITICAL))


START: Mapping[Way, Act] = {way: Started(way=way) for way in Way}
