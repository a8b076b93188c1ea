"""The workspace of a journey: the channels that the shipped policies name, who is known there, and what is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.fakes.slack import BOT_TOKEN, TEAM, USER, Delivered, FakeSlack, Message
from tests.journeys.waiting import CLOCK, until

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
CRITICAL = "alerts-critical"
STRANGER = "U0STRANGE1"


@dataclass(slots=True)
class Workspace:
    """`user`: the one contact who is known in Slack."""

    fake: FakeSlack
    user: str = USER

    def settings(self, who: str) -> dict[str, str]:
        """Of the service; `who`: the office of the contact, as in DEVOPS_LEAD_SLACK."""
        return {
            "RESPONDER_SLACK_BOT_TOKEN": BOT_TOKEN,
            "RESPONDER_SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "RESPONDER_SLACK_TEAM_ID": TEAM,
            "RESPONDER_SLACK_API_URL": f"{self.fake.url}/api/",
            f"{who}_SLACK": self.user,
        }

    def roots(self, channel: str = CRITICAL, incident: str = "I1") -> list[Message]:
        """What is shown of the incident; on a slow machine there may be others, about ourselves."""
        return [root for root in self.fake.roots(channel) if record_of(root).startswith(f"{incident}/")]

    def pages(self, incident: str = "I1") -> list[Message]:
        """What the contact was sent directly about the incident."""
        sent = self.fake.dm(self.user)
        return [message for message in sent if record_of(message).startswith(f"{incident}-")]

    async def shows(self, words: str, channel: str = CRITICAL, *, within: float = 40) -> Message:
        """The channel's last message, once its headline ends in `words`."""

        def look() -> list[Message]:
            return [root for root in self.roots(channel)[-1:] if headline(root).endswith(words)]

        (found,) = await until(look, f"#{channel} shows {words!r}", within=within)
        return found

    async def slash(self, url: str, command: str, text: str) -> Delivered:
        return await self.fake.slash(f"{url}/slack/commands", command, text, user=self.user, channel=CRITICAL)

    async def press(self, url: str, button: str) -> Delivered:
        """On the channel's last message, once there is one."""
        root = (await until(self.roots, f"#{CRITICAL} is told"))[-1]
        return await self.fake.press(f"{url}/slack/interactions", root, f"responder.{button}", user=self.user)

    def story(self, channel: str = CRITICAL) -> list[str]:
        """What stands below the channel's last message, a text each."""
        root = self.roots(channel)[-1]
        return [message.text for message in self.fake.thread(channel, root.ts)[1:]]


def record_of(message: Message) -> str:
    """Of what it is the message, as we wrote into it."""
    assert message.metadata is not None
    found: str = message.metadata["event_payload"]["record"]
    return found


def headline(message: Message) -> str:
    return message.text.partition("\n")[0].replace("\u2060", "")


@asynccontextmanager
async def workspace() -> AsyncIterator[Workspace]:
    async with FakeSlack(CLOCK, signing_secret=SIGNING_SECRET) as fake:
        fake.workspace.add_channel(CRITICAL)
        fake.workspace.add_channel("alerts-ops")
        fake.workspace.add_user(STRANGER, "stranger")
        yield Workspace(fake)
