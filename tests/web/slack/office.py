"""Slack's workspace on loopback in front of a whole engine: what people type and press there, and what they read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from responder.adapters.channels import make
from responder.adapters.channels.tools import Tools
from responder.adapters.sessions import Sessions
from responder.adapters.slack.account import SlackAccount
from responder.adapters.slack.chat import SlackChat
from responder.core.policy.book import PolicyBook
from responder.engine.service import Service
from responder.ports.store import Store
from responder.web.auth import Doors
from responder.web.server import Listener, listen, make_app
from responder.web.slack.desk import Desk
from responder.web.slack.door import SlackDoor
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.clock import FakeClock
from tests.fakes.slack import ALERTS, BOT_TOKEN, TEAM, USER, Delivered, FakeSlack, Message

FIRST, SECOND, VIEWER, TWICE, STRANGER = USER, "U0SECOND01", "U0VIEWER01", "U0TWICE001", "U024BE7LH"


def book(
    *, rosters: dict[str, Any] | None = None, storm: dict[str, Any] | None = None, **strangers: str
) -> PolicyBook:
    """The engine's plan with the board in Slack. `second` reads Korean, `looker` only looks.

    rosters: beside the plan's own, `primary`, of `first` for good. storm: when there is one; `first` is then reached in
    Slack before anywhere else.
    """
    documents = plan.plan()
    documents["channels"]["channels"] |= {"board": {"slack": {"channel": "#alerts"}}, "slack": {"slack": {}}}
    people = documents["contacts"]["contacts"]
    people["first"]["methods"].append({"slack": FIRST})
    people["second"] |= {"locale": "ko", "timezone": "Asia/Seoul", "names": {"ko": "둘째"}}
    people["second"]["methods"].append({"slack": "slack", "to": {"from_env": "SECOND_SLACK"}})
    people["third"]["methods"].append({"slack": TWICE})
    people["customers"]["methods"].append({"slack": TWICE})
    people["looker"] = {"name": "Looker", "roles": ["viewer"], "methods": [{"slack": VIEWER}]}
    documents["contacts"]["strangers"] = strangers
    documents["rosters"]["rosters"] |= rosters or {}
    if storm is not None:
        documents["escalation"]["storm"] = storm
        people["first"]["methods"].reverse()
    return plan.book(documents)


@dataclass
class Office:
    """`url`: ours, where Slack posts to."""

    world: World
    slack: FakeSlack
    desk: Desk
    listener: Listener

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.port}"

    async def type(self, command: str, text: str = "", **more: Any) -> Delivered:
        """A slash command; `text` behind it."""
        return await self.slack.slash(f"{self.url}/slack/commands", command, text, **more)

    async def typed(self, command: str, text: str = "", **more: Any) -> str:
        """As it is answered, in the words that the person reads."""
        answer = (await self.type(command, text, **more)).json()
        assert answer["response_type"] == "ephemeral"
        return read(answer)

    async def press(self, button: str, message: Message | None = None, **more: Any) -> Delivered:
        """On the board's newest message, where none is given."""
        message = message or self.board()
        return await self.slack.press(
            f"{self.url}/slack/interactions", message, f"responder.{button}", **more
        )

    async def submit(self, values: dict[str, Any], user: str = FIRST, **more: Any) -> Delivered:
        return await self.slack.submit(
            f"{self.url}/slack/interactions", self.slack.view(user), values, **more
        )

    async def told(self) -> str:
        """What the last one was told after the answer."""
        await self.desk.settle()
        return read(self.slack.responses.said[-1].body)

    def board(self) -> Message:
        return self.slack.roots(ALERTS)[-1]

    async def whys(self, incident: str = "I1") -> list[str]:
        return [why for why in await self.world.whys(incident) if why.startswith(("escalation", "incident"))]


def read(body: dict[str, Any]) -> str:
    """The text of an answer's blocks, or what there is without blocks."""
    return "\n".join(_texts(body.get("blocks", []))) or str(body.get("text", ""))


def _texts(part: Any) -> list[str]:
    match part:
        case list():
            return [text for each in part for text in _texts(each)]
        case {"type": "rich_text_section", "elements": elements}:
            return ["".join(str(each.get("text", each.get("url", ""))) for each in elements)]
        case {"text": str(text)}:
            return [text]
        case dict():
            return [text for each in part.values() for text in _texts(each)]
        case _:
            return []


def account(slack: FakeSlack, clock: FakeClock, sessions: Sessions) -> SlackAccount:
    return SlackAccount(token=BOT_TOKEN, api_url=f"{slack.url}/api/", sessions=sessions, clock=clock)


async def engine(
    store: Store, slack: FakeSlack, clock: FakeClock, sessions: Sessions, policies: PolicyBook
) -> World:
    ours = account(slack, clock, sessions)
    environ = {"SECOND_SLACK": SECOND}
    tools = Tools(clock=clock, environ=environ, sessions=sessions, slack=ours)
    return await make_world(
        store,
        book=policies,
        clock=clock,
        environ=environ,
        real=lambda name, entry, messages: make(name, entry, messages, tools=tools),
        chat=SlackChat(ours),
    )


def door_of(service: Service, slack: FakeSlack, *others: str) -> SlackDoor:
    return SlackDoor((slack.signing_secret, *others), TEAM, service.points.clock)


@asynccontextmanager
async def office(
    store: Store,
    *,
    policies: PolicyBook | None = None,
    slack: FakeSlack | None = None,
    clock: FakeClock | None = None,
    secrets: tuple[str, ...] | None = None,
) -> AsyncIterator[Office]:
    """`secrets`: the signing secrets that we know; () = Slack is not let in."""
    clock, sessions = clock or FakeClock(), Sessions(trust_env=False)
    if slack is None:
        async with (
            FakeSlack(clock) as own,
            office(store, policies=policies, slack=own, clock=clock, secrets=secrets) as found,
        ):
            yield found
        return
    world = await engine(store, slack, clock, sessions, policies or book())
    known = (slack.signing_secret,) if secrets is None else secrets
    door = SlackDoor(known, TEAM, clock) if known else None
    desk = Desk(world.service, TEAM)
    listener = await listen(make_app(world.service, Doors(slack=door), desk), "127.0.0.1", 0)
    try:
        yield Office(world, slack, desk, listener)
    finally:
        await listener.close()
        await sessions.close()
