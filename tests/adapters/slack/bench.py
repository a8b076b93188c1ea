"""A fake workspace, and an account in it, on a clock that the test holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from responder.adapters.channels import make
from responder.adapters.channels.tools import Tools
from responder.adapters.sessions import Sessions
from responder.adapters.slack.account import SlackAccount
from responder.core.identifiers import ChannelName
from responder.core.policy.channels import ChannelEntry
from responder.ports.channel import Channel, Delivery, Receipt
from tests.adapters.channels.messages import message
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.slack import ALERTS, APP_TOKEN, BOT_TOKEN, USER, FakeSlack, Message

SRE = ChannelName("sre")
RECORD = "I42@sre"


@dataclass
class Bench:
    clock: FakeClock
    slack: FakeSlack
    sessions: Sessions
    environ: dict[str, str] = field(default_factory=dict)

    def account(self, *, token: str = BOT_TOKEN, api_url: str = "") -> SlackAccount:
        return SlackAccount(
            token=token,
            app_token=APP_TOKEN,
            api_url=api_url or f"{self.slack.url}/api/",
            sessions=self.sessions,
            clock=self.clock,
        )

    def channel(self, channel: str | None = "#alerts", **account: Any) -> Channel:
        """A process's own: it knows nothing of what another has done."""
        tools = Tools(
            clock=self.clock, environ=self.environ, sessions=self.sessions, slack=self.account(**account)
        )
        config = {} if channel is None else {"channel": channel}
        return make(SRE, ChannelEntry(kind="slack", config=config), {}, tools=tools)

    def deadline(self, seconds: float = 10) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)

    def notice(self, **changes: Any) -> Delivery:
        """To the channel itself; what is no field of a delivery is one of its message."""
        return self._delivery(
            {"purpose": "notice", "reason": "opened"},
            Delivery(
                message=message(),
                key="I42@sre.1",
                address=None,
                recipient="sre",
                deadline=self.deadline(),
                record=RECORD,
                since=NOON,
            ),
            changes,
        )

    def page(self, **changes: Any) -> Delivery:
        """To a person."""
        return self._delivery(
            {},
            Delivery(
                message=message(),
                key="I42-p1.0",
                address=USER,
                recipient="CTO",
                deadline=self.deadline(),
                record="I42-p1",
                since=NOON,
            ),
            changes,
        )

    def kept(self, page: Receipt, **changes: Any) -> Delivery:
        """What a page that was taken is brought up to date with."""
        made = self.page(purpose="page", reason="acknowledged", state="acknowledged")
        kept = replace(made, address=None, shown=page.reference, record="I42-p1@sre", key="I42-p1@sre.2")
        return replace(kept, message=replace(kept.message, **changes))

    def _delivery(self, purpose: dict[str, str], made: Delivery, changes: dict[str, Any]) -> Delivery:
        names = Delivery.__dataclass_fields__
        own = {name: changes.pop(name) for name in list(changes) if name in names}
        return replace(made, message=message(**{**purpose, **changes}), **own)

    def roots(self, channel: str = ALERTS) -> list[Message]:
        return self.slack.roots(channel)

    def methods(self) -> list[str]:
        """Every call so far, by method."""
        return [call.method for call in self.slack.ledger]


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    clock, sessions = FakeClock(), Sessions(trust_env=False)
    async with FakeSlack(clock) as slack:
        yield Bench(clock, slack, sessions)
        await sessions.close()
