"""What every channel keeps, whatever is at its other end. A new kind brings a rig, and is held to the same page."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from responder.adapters.channels import KINDS, make
from responder.adapters.channels.tools import Tools
from responder.adapters.sessions import Sessions
from responder.adapters.slack.account import SlackAccount
from responder.core.errors import Failure, Permanent, Transient
from responder.core.identifiers import ChannelName
from responder.core.policy.channels import ChannelEntry
from responder.ports.channel import Channel, OnRepeat, Receipt, Spelling
from tests.adapters.channels.messages import delivery
from tests.fakes import channel as fakes
from tests.fakes import sink as sinks
from tests.fakes.clock import FakeClock
from tests.fakes.slack import BOT_TOKEN, USER, Fails, FakeSlack, Hangs, Status

NAME = ChannelName("sms")
POST = "chat.postMessage"
HOSTILE = 'a\x1b[31m\r\n"b"\\\u202e\x00\ud800{{ x }}<!channel>서울🔥'


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A channel, and its receiver in the test's hand. None: this kind has no receiver that could do so."""

    channel: Channel
    clock: FakeClock
    received: Callable[[], int]  # messages that arrived and were taken
    fail_once: Callable[[], None]  # for now
    refuse_once: Callable[[], None] | None = None  # for good
    hang_once: Callable[[], None] | None = None
    hanging: Callable[[], Awaitable[object]] | None = None  # returns once a message hangs
    # Addresses as its contacts have them: any one, an odd one, and one that is not to be repeated.
    address: str = "+82-2-555-0142"
    odd_address: str = HOSTILE
    secret_address: str = "+82-canary"


@asynccontextmanager
async def fake() -> AsyncIterator[Rig]:
    clock = FakeClock()
    channel = fakes.FakeChannel(clock, NAME)
    yield Rig(
        channel=channel,
        clock=clock,
        received=lambda: len(channel.accepted),
        fail_once=lambda: channel.script(fakes.FailsForNow()),
        refuse_once=lambda: channel.script(fakes.FailsForGood()),
        hang_once=lambda: channel.script(fakes.Hangs()),
        hanging=channel.until_handed,
    )


class Terminal(io.StringIO):
    """Breaks once when it is told to."""

    is_broken = False

    def write(self, text: str) -> int:
        if self.is_broken:
            self.is_broken = False
            raise BrokenPipeError
        return super().write(text)

    def break_once(self) -> None:
        self.is_broken = True


@asynccontextmanager
async def console() -> AsyncIterator[Rig]:
    clock, terminal = FakeClock(), Terminal()
    tools = Tools(clock=clock, environ={}, sessions=Sessions(), stdout=terminal)
    yield Rig(
        channel=make(NAME, ChannelEntry(kind="console", config={}), {}, tools=tools),
        clock=clock,
        received=lambda: terminal.getvalue().count("───"),
        fail_once=terminal.break_once,
    )


@asynccontextmanager
async def webhook() -> AsyncIterator[Rig]:
    clock, sessions = FakeClock(), Sessions(trust_env=False)
    async with sinks.Sink() as sink:
        environ = {"URL": f"{sink.url}?k=canary", "KEY": "canary", "SIGNING": "canary"}
        config = {
            "url": {"from_env": "URL"},
            "secret": {"from_env": "SIGNING"},
            "headers": {"Authorization": {"from_env": "KEY"}},
        }
        tools = Tools(clock=clock, environ=environ, sessions=sessions)
        taken = {"failed": 0}

        def script(answer: sinks.Answer) -> None:
            taken["failed"] += 1
            sink.script(answer)

        yield Rig(
            channel=make(NAME, ChannelEntry(kind="webhook", config=config), {}, tools=tools),
            clock=clock,
            received=lambda: len(sink.ledger) - taken["failed"],
            fail_once=lambda: script(sinks.FAIL),
            refuse_once=lambda: script(sinks.refuse()),
            hang_once=lambda: script(sinks.HANG),
            hanging=sink.until_received,
        )
        await sessions.close()


@asynccontextmanager
async def slack() -> AsyncIterator[Rig]:
    clock, sessions = FakeClock(), Sessions(trust_env=False)
    async with FakeSlack(clock) as workspace:
        workspace.limits.is_on = False
        workspace.tokens["xoxb-canary"] = workspace.tokens[BOT_TOKEN]
        workspace.workspace.add_user("U0CANARY01")
        account = SlackAccount(
            token="xoxb-canary",
            app_token="xapp-canary",
            api_url=f"{workspace.url}/api/",
            sessions=sessions,
            clock=clock,
        )
        tools = Tools(clock=clock, environ={}, sessions=sessions, slack=account)
        messages = workspace.workspace.messages

        yield Rig(
            channel=make(NAME, ChannelEntry(kind="slack", config={"channel": "#alerts"}), {}, tools=tools),
            clock=clock,
            received=lambda: sum(len(each) for each in messages.values()),
            fail_once=lambda: workspace.script(POST, Status(503)),
            refuse_once=lambda: workspace.script(POST, Fails("is_archived")),
            hang_once=lambda: workspace.script(POST, Hangs()),
            hanging=lambda: workspace.until_called(POST),
            address=USER,
            odd_address=USER,
            secret_address="U0CANARY01",
        )
        await sessions.close()


RIGS = {"fake": fake, "console": console, "slack": slack, "webhook": webhook}


@pytest.fixture(params=list(RIGS.values()), ids=list(RIGS))
async def rig(request):
    async with request.param() as made:
        yield made


def test_every_kind_has_a_rig():
    assert set(RIGS) == {"fake", *KINDS}


async def test_it_says_what_it_is(rig):
    assert rig.channel.name == NAME
    assert isinstance(rig.channel.kind, str)
    assert rig.channel.on_repeat in OnRepeat
    assert isinstance(rig.channel.edits, bool)
    assert rig.channel.spelling in Spelling


async def test_what_it_accepts_has_arrived_once(rig):
    receipt = await rig.channel.send(delivery(address=rig.address))
    assert isinstance(receipt, Receipt)
    assert rig.received() == 1


async def test_a_message_to_the_channel_itself_needs_no_address(rig):
    await rig.channel.send(delivery(address=None, purpose="notice", recipient="sms"))
    assert rig.received() == 1


async def test_any_text_can_be_sent(rig):
    await rig.channel.send(
        delivery(headline=HOSTILE, body=(HOSTILE,) * 50, recipient=HOSTILE, address=rig.odd_address)
    )
    assert rig.received() == 1


async def test_a_message_about_no_incident_can_be_sent(rig):
    await rig.channel.send(
        delivery(address=rig.address, incident="", level=0, state="info", body=(), links={}, facts={})
    )
    assert rig.received() == 1


async def test_many_at_once_arrive_once_each(rig):
    await asyncio.gather(
        *(rig.channel.send(delivery(address=rig.address, key=f"I{number}-p1.0")) for number in range(20))
    )
    assert rig.received() == 20


async def test_a_failure_for_now_is_transient_and_the_next_message_arrives(rig):
    rig.fail_once()
    with pytest.raises(Transient, match=r"^sms: "):
        await rig.channel.send(delivery(address=rig.address))
    assert rig.received() == 0
    await rig.channel.send(delivery(address=rig.address))
    assert rig.received() == 1


async def test_a_refusal_for_good_is_permanent(rig):
    if rig.refuse_once is None:
        assert rig.channel.kind == "console"
        return
    rig.refuse_once()
    with pytest.raises(Permanent, match=r"^sms: "):
        await rig.channel.send(delivery(address=rig.address))
    assert rig.received() == 0


async def test_what_hangs_is_given_up_at_the_deadline_and_not_before(rig):
    if rig.hang_once is None:
        assert rig.channel.kind == "console"
        return
    rig.hang_once()
    deadline = rig.clock.now() + timedelta(seconds=3)
    sending = asyncio.ensure_future(rig.channel.send(delivery(address=rig.address, deadline=deadline)))
    await rig.hanging()
    await rig.clock.until_sleeping()
    rig.clock.advance(seconds=2.999)
    assert rig.clock.waited_for() == [deadline]
    rig.clock.advance(seconds=0.001)
    with pytest.raises(Transient, match=r"^sms: .*may have arrived"):
        await sending
    assert rig.clock.waited_for() == []


async def test_a_send_that_is_cancelled_ends(rig):
    if rig.hang_once is None:
        assert rig.channel.kind == "console"
        return
    rig.hang_once()
    sending = asyncio.ensure_future(rig.channel.send(delivery(address=rig.address)))
    await rig.hanging()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert rig.clock.waited_for() == []


async def test_nothing_it_says_holds_a_secret_or_an_address(rig):
    said = [repr(rig.channel)]
    for script in (rig.fail_once, rig.refuse_once):
        if script is None:
            continue
        script()
        with pytest.raises(Failure) as raised:
            await rig.channel.send(delivery(address=rig.secret_address))
        said += [str(raised.value), repr(raised.value.__cause__)]
    assert "canary" not in " ".join(said).lower()


async def test_a_check_sends_nothing(rig):
    await rig.channel.check()
    assert rig.received() == 0


async def test_it_can_be_closed_twice(rig):
    await rig.channel.close()
    await rig.channel.close()
