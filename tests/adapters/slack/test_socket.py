"""Socket Mode over real sockets: what comes in is answered, and a connection that hears nothing is found out."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from responder.adapters.sessions import Sessions
from responder.adapters.slack.account import SlackAccount, Turn
from responder.adapters.slack.link import OPENS_WITHIN, PING_EVERY, PONG_WITHIN
from responder.adapters.slack.socket import (
    AT_ONCE,
    CONNECT_AGAIN,
    ECHO_AGAIN,
    ECHO_EVERY,
    ECHO_WITHIN,
    LINGER,
    TAKEN_WITHIN,
    UNSETTLED,
    UNSOUND_WITHIN,
    WAITING,
    SlackSocket,
)
from responder.core.errors import Busy, Failure, Permanent, Transient
from responder.ports.inbox import Envelope
from tests.adapters.slack.bench import Bench
from tests.fakes.clock import NOON, let_others_run
from tests.fakes.slack import (
    ALERTS,
    APP_TOKEN,
    BOT_TOKEN,
    BOT_USER,
    Fails,
    Hangs,
    Malformed,
    Message,
    Status,
    TakesAndBreaks,
    Throttles,
)

ANSWER = {"response_type": "ephemeral", "text": "I42 is yours"}
ELSEWHERE = {
    "type": "message",
    "metadata": {"event_type": "responder_echo", "event_payload": {"mark": "of-another-process"}},
}


@dataclass
class Office:
    """Takes what comes in."""

    bench: Bench
    answer: Mapping[str, object] | None = field(default_factory=lambda: ANSWER)
    taken: list[Envelope] = field(default_factory=list)
    fails: int = 0  # so many envelopes make it raise
    running: asyncio.Task[None] | None = None
    expected: BaseException | None = None
    next_ping: datetime = NOON
    open: asyncio.Event = field(default_factory=asyncio.Event)  # nothing is answered before

    def __post_init__(self) -> None:
        self.open.set()

    async def take(self, envelope: Envelope) -> Mapping[str, object] | None:
        self.taken.append(envelope)
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the database is locked")
        await self.open.wait()
        return self.answer

    def inbox(self, *, app_token: str = APP_TOKEN, channel: str = ALERTS, api_url: str = "") -> SlackSocket:
        """A process's own: it knows nothing of what another has done."""
        bench = self.bench
        account = SlackAccount(
            token=BOT_TOKEN,
            app_token=app_token,
            api_url=api_url or f"{bench.slack.url}/api/",
            sessions=bench.sessions,
            clock=bench.clock,
        )
        return SlackSocket(account, echo_channel=channel, clock=bench.clock)

    @asynccontextmanager
    async def at_work(self, inbox: SlackSocket | None = None) -> AsyncIterator[asyncio.Task[None]]:
        """Connected, and the first echo is on its way. A failure that was not awaited by `told` is raised."""
        self.running = running = asyncio.create_task((inbox or self.inbox()).run(self.take))
        try:
            await until(lambda: running.done() or (self.echoes() and self.sockets.connections))
            yield running
        finally:
            running.cancel()
            await asyncio.wait([running])
        if not running.cancelled() and (problem := running.exception()) is not self.expected:
            assert problem is not None
            raise problem

    async def told(self, running: asyncio.Task[None]) -> Failure:
        """What the run ends in."""
        with pytest.raises(Failure) as raised:
            await running
        self.expected = raised.value
        return raised.value

    async def failure(self, inbox: SlackSocket | None = None) -> Failure:
        """What a run ends in that ends by itself."""
        with pytest.raises(Failure) as raised:
            await (inbox or self.inbox()).run(self.take)
        return raised.value

    @property
    def sockets(self):
        return self.bench.slack.sockets

    def echoes(self) -> int:
        """How often the echo was asked to be written."""
        methods = self.bench.methods()
        return methods.count("chat.postMessage") + methods.count("chat.update")

    def openings(self) -> int:
        return len(self.bench.slack.calls("apps.connections.open"))

    async def sleeping_until(self, *waits: timedelta) -> None:
        moments = [self.bench.clock.now() + wait for wait in waits]
        await until(lambda: all(moment in self.bench.clock.waited_for() for moment in moments))

    async def pinged(self) -> None:
        """The newest connection has just been opened or pinged."""
        await self.sleeping_until(PING_EVERY)
        self.next_ping = self.bench.clock.now() + PING_EVERY

    async def proved(self) -> None:
        """A new connection: its echo has come back, and its ping was answered."""
        await self.sleeping_until(ECHO_EVERY)
        await self.pinged()

    async def proved_again(self) -> None:
        await self.sleeping_until(ECHO_EVERY)

    async def wait(self, wait: timedelta) -> None:
        """Let time pass; every ping in it is answered."""
        clock, end = self.bench.clock, self.bench.clock.now() + wait
        while clock.now() < end:
            clock.advance(seconds=(min(end, self.next_ping) - clock.now()).total_seconds())
            if clock.now() == self.next_ping:
                self.next_ping += PING_EVERY
                await until(lambda: self.is_over or self.next_ping in clock.waited_for())

    async def deaf(self, wait: timedelta = ECHO_WITHIN) -> None:
        """A new connection: its echo is written, and the time for it runs out."""
        await self.sleeping_until(wait)
        await self.pinged()
        await self.wait(wait)

    async def deaf_again(self, *, healed: bool = False) -> None:
        """An echo is lost, and the time for it runs out. `healed`: the connection that follows hears again."""
        await self.sleeping_until(ECHO_WITHIN)
        if healed:  # while the time runs: it is over when the next echo may have been written already
            self.sockets.is_deaf = False
        await self.wait(ECHO_WITHIN)

    @property
    def is_over(self) -> bool:
        return self.running is None or self.running.done()


async def until(holds: Callable[[], object]) -> None:
    while not holds():
        await let_others_run()


async def until_logged(logs: Sequence[Mapping[str, Any]], event: str, count: int = 1) -> None:
    await until(lambda: len([each for each in logs if each["event"] == event]) >= count)


@pytest.fixture
async def office(bench: Bench) -> Office:
    bench.slack.sends_events = True
    return Office(bench)


def button(office: Office) -> Message:
    element = {
        "type": "button",
        "action_id": "responder.ack",
        "value": "I42:1",
        "text": {"type": "plain_text", "text": "Acknowledge"},
    }
    blocks = ({"type": "actions", "block_id": "buttons", "elements": [element]},)
    return office.bench.slack.workspace.put(
        Message(channel=ALERTS, ts="1.000001", user=BOT_USER, text="I42", blocks=blocks)
    )


# What comes in


async def test_a_slash_command_is_answered_with_what_was_made_of_it(office):
    async with office.at_work():
        answered = await office.bench.slack.slash(None, "/ack", "I42")
    assert (answered.status, answered.json()) == (0, ANSWER)
    assert [(each.kind, each.payload["text"]) for each in office.taken] == [("slash_commands", "I42")]


async def test_a_press_is_answered_with_what_was_made_of_it(office):
    async with office.at_work():
        answered = await office.bench.slack.press(None, button(office), "responder.ack")
    assert (answered.status, answered.json()) == (0, ANSWER)
    assert office.taken[0].kind == "interactive"
    assert office.taken[0].payload["actions"][0]["value"] == "I42:1"


async def test_an_event_takes_no_answer_but_that_it_arrived(office):
    async with office.at_work():
        answered = await office.bench.slack.mention(None, "list")
    assert (answered.status, answered.body) == (0, "")
    assert office.taken[0].kind == "events_api"
    assert "payload" not in office.sockets.acked[-1]


async def test_where_there_is_nothing_to_say_it_is_only_acknowledged(office):
    office.answer = None
    async with office.at_work():
        answered = await office.bench.slack.slash(None, "/ack", "I42")
    assert (answered.status, answered.body) == (0, "")


async def test_what_could_not_be_taken_is_not_acknowledged_and_can_be_sent_again(office):
    office.fails = 1
    async with office.at_work():
        await office.proved()
        sent = len(office.sockets.sent)
        with capture_logs() as logs:
            first = asyncio.create_task(office.bench.slack.slash(None, "/ack", "I42"))
            await until_logged(logs, "envelope not taken")
        assert not first.done()
        again = await office.sockets.send(office.sockets.sent[sent])
        first.cancel()
    assert again is not None
    assert again["payload"] == ANSWER
    assert logs[0]["problem"] == "RuntimeError"


async def test_one_that_takes_long_holds_up_no_other(office):
    office.open.clear()
    async with office.at_work():
        held = asyncio.create_task(office.bench.slack.slash(None, "/ack", "I42"))
        await until(lambda: office.taken)
        office.open, gate = asyncio.Event(), office.open
        office.open.set()
        other = await office.bench.slack.slash(None, "/ack", "I43")
        assert other.json() == ANSWER
        assert not held.done()
        gate.set()
        assert (await held).json() == ANSWER


async def test_so_many_are_taken_at_once_and_the_others_wait(office):
    office.open.clear()
    async with office.at_work():
        sent = [
            asyncio.create_task(office.bench.slack.slash(None, "/ack", "I42")) for _ in range(AT_ONCE + 3)
        ]
        await until(lambda: len(office.taken) >= AT_ONCE)
        await let_others_run(50)
        assert len(office.taken) == AT_ONCE
        office.open.set()
        assert {each.status for each in await asyncio.gather(*sent)} == {0}


async def test_more_than_can_wait_is_left_for_slack_to_send_again(office):
    office.open.clear()
    async with office.at_work():
        with capture_logs() as logs:
            sent = [
                asyncio.create_task(office.bench.slack.slash(None, "/ack", "I42")) for _ in range(WAITING + 1)
            ]
            await until_logged(logs, "envelope not taken")
        office.open.set()
        await until(lambda: sum(each.done() for each in sent) == WAITING)
        assert len(office.taken) == WAITING
        for each in sent:
            each.cancel()


async def test_what_was_taken_makes_room(office):
    async with office.at_work():
        for _ in range(WAITING + 1):
            assert (await office.bench.slack.slash(None, "/ack", "I42")).status == 0


async def test_what_is_answered_after_its_connection_has_ended_is_a_warning(office):
    office.open.clear()
    async with office.at_work():
        await office.proved()
        with capture_logs() as logs:
            held = asyncio.create_task(office.bench.slack.slash(None, "/ack", "I42"))
            await until(lambda: office.taken)
            office.sockets.cut()
            await until_logged(logs, "socket mode connected")
            office.open.set()
            await until_logged(logs, "envelope not acknowledged")
        await held
    assert logs[-1]["why"] == "Slack closed it"


async def test_what_never_ends_is_ended_and_holds_no_place(office):
    office.open.clear()
    async with office.at_work():
        await office.proved()
        with capture_logs() as logs:
            held = asyncio.create_task(office.bench.slack.slash(None, "/ack", "I42"))
            await until(lambda: office.taken)
            await office.wait(TAKEN_WITHIN)
            await until(lambda: logs)
        held.cancel()
    assert (logs[0]["event"], logs[0]["problem"]) == ("envelope not taken", "TimeoutError")


async def test_an_answer_that_comes_too_late_is_a_warning(office):
    office.open.clear()
    async with office.at_work():
        await office.proved()
        with capture_logs() as logs:
            held = asyncio.create_task(office.bench.slack.slash(None, "/ack", "I42"))
            await until(lambda: office.taken)
            office.bench.clock.advance(seconds=4)
            office.open.set()
            await held
    assert [(each["event"], each["seconds"]) for each in logs] == [("envelope answered late", 4.0)]


@pytest.mark.parametrize(
    "frame",
    [
        "no JSON",
        "[1]",
        "[" * 100_000,
        '{"type": "of_tomorrow"}',
        '{"type": 3, "envelope_id": "e"}',
        '{"type": "slash_commands", "envelope_id": ["e"]}',
    ],
    ids=["no JSON", "no object", "too deep", "no envelope", "no kind", "no id"],
)
async def test_a_frame_that_makes_no_sense_is_passed_over(office, frame):
    async with office.at_work():
        await office.sockets.connections[0].socket.send_str(frame)
        answered = await office.bench.slack.slash(None, "/ack", "I42")
    assert answered.json() == ANSWER
    assert len(office.taken) == 1


# The echo


async def test_the_echo_says_what_it_is_and_is_handed_to_nobody(office):
    async with office.at_work():
        await office.proved()
    (echo,) = office.bench.roots()
    words = "responder: this message proves that Socket Mode hears; leave it here (responder_echo:"
    assert echo.text.startswith(words)
    assert echo.metadata["event_type"] == "responder_echo"
    assert echo.metadata["event_payload"]["mark"] in echo.text
    assert office.taken == []
    assert [ack.keys() for ack in office.sockets.acked] == [{"envelope_id"}]


async def test_the_echo_is_one_message_edited_every_two_minutes(office):
    async with office.at_work():
        await office.proved()
        for _ in range(3):
            await office.wait(ECHO_EVERY)
            await office.proved_again()
    assert office.bench.methods().count("chat.postMessage") == 1
    texts = {call.args["text"] for call in office.bench.slack.calls("chat.update")}
    assert len(texts) == 3
    assert office.openings() == 1


async def test_after_a_restart_the_same_message_is_edited(office):
    for _ in range(2):
        async with office.at_work():
            await office.proved()
        office.bench.clock.advance(hours=1)
    assert len(office.bench.roots()) == 1


async def test_a_channel_may_be_named_by_its_name(office):
    async with office.at_work(office.inbox(channel="#alerts")):
        await office.proved()
    assert len(office.bench.roots()) == 1


async def test_each_echo_differs_from_the_one_before(office):
    async with office.at_work():
        await office.sockets.say_disconnect("warning")
        await until(lambda: office.echoes() == 2)
    (posted,), (edited,) = (office.bench.slack.calls(f"chat.{each}") for each in ("postMessage", "update"))
    assert posted.at == edited.at
    assert posted.args["text"] != edited.args["text"]


async def test_an_echo_that_was_deleted_is_posted_anew(office):
    async with office.at_work():
        await office.proved()
        office.bench.slack.workspace.remove(office.bench.roots()[0])
        await office.wait(ECHO_EVERY)
        await office.proved_again()
    assert len(office.bench.roots()) == 1
    assert office.openings() == 1


async def test_a_post_that_was_not_answered_is_found_and_not_posted_again(office):
    office.bench.slack.script("chat.postMessage", TakesAndBreaks())
    async with office.at_work():
        await office.sleeping_until(ECHO_AGAIN)
        await office.pinged()
        await office.wait(ECHO_AGAIN)
        await until(lambda: office.bench.slack.calls("chat.update"))
    assert len(office.bench.roots()) == 1


@pytest.mark.parametrize(
    "outcome, wait",
    [
        (Throttles(20), timedelta(seconds=20)),
        (Fails("service_unavailable"), ECHO_AGAIN),
        (Status(503), ECHO_AGAIN),
    ],
    ids=["busy", "cannot now", "nobody knows"],
)
async def test_an_echo_that_cannot_be_written_is_no_deafness(office, outcome, wait):
    async with office.at_work() as running:
        await office.proved()
        office.bench.slack.script("chat.update", outcome, outcome, outcome)
        with capture_logs() as logs:
            await office.wait(ECHO_EVERY)
            for count in (1, 2, 3):
                await until_logged(logs, "echo not written", count)
                await office.wait(wait)
        await office.proved_again()
        assert not running.done()
    assert {each["event"] for each in logs} == {"echo not written"}
    assert office.openings() == 1


async def test_an_echo_that_its_lane_holds_back_is_no_deafness(office):
    inbox = office.inbox()
    async with office.at_work(inbox) as running:
        await office.proved()
        office.bench.slack.script("chat.update", Throttles(200))
        await office.wait(ECHO_EVERY)
        await office.sleeping_until(timedelta(seconds=200))
        assert not running.done()
    assert (office.openings(), inbox.missed) == (1, 0)


async def test_an_echo_is_not_held_back_by_the_edits_of_a_busy_hour(office):
    account, edited = office.bench.account(), button(office)
    inbox = SlackSocket(account, echo_channel=ALERTS, clock=office.bench.clock)
    with capture_logs() as logs:
        async with office.at_work(inbox):
            await office.proved()
            clock = office.bench.clock
            await office.wait(ECHO_EVERY - PING_EVERY)
            await until(lambda: clock.waited_for().count(NOON + ECHO_EVERY) == 2)  # for the ping and the echo
            clock.advance(seconds=14)
            for number in range(30):
                with suppress(Busy):
                    await account.call(
                        "chat.update",
                        deadline=office.bench.deadline(),
                        turn=Turn(record=f"I{number}"),
                        channel=edited.channel,
                        ts=edited.ts,
                        text=f"I{number}",
                    )
            written = office.echoes()
            clock.advance(seconds=1)
            await until(lambda: office.echoes() > written or len(logs) > 1)
    assert [each["event"] for each in logs] == ["socket mode connected"]


# Deafness


async def test_a_deaf_connection_is_replaced_at_once(office):
    async with office.at_work():
        await office.proved()
        office.sockets.is_deaf = True
        old = office.sockets.connections[0]
        await office.wait(ECHO_EVERY)
        await office.deaf_again(healed=True)
        await office.proved()
        assert office.sockets.connections != [old]
        assert len(office.sockets.connections) == 1
        assert (await office.bench.slack.slash(None, "/ack", "I42")).json() == ANSWER
    assert office.openings() == 2


async def test_deaf_twice_in_a_row_is_told(office):
    office.sockets.is_deaf = True
    inbox = office.inbox()
    async with office.at_work(inbox) as running:
        await office.deaf()
        await until(lambda: office.openings() == 2)
        await office.deaf()
        failure = await office.told(running)
    assert isinstance(failure, Transient)
    assert "is connected and brings nothing; if that stays so, see that the app hears" in str(failure)
    assert "message.channels" in str(failure)
    assert ALERTS in str(failure)


async def test_deaf_now_and_again_is_not_told(office):
    async with office.at_work() as running:
        for _ in range(3):
            await office.proved()
            office.sockets.is_deaf = True
            await office.wait(ECHO_EVERY)
            await office.deaf_again(healed=True)
        await office.proved()
        assert not running.done()
    assert office.openings() == 4


async def test_while_it_stays_deaf_a_run_ends_before_it_could_be_taken_for_sound(office):
    office.sockets.is_deaf = True
    inbox = office.inbox()
    inbox.missed = 2
    async with office.at_work(inbox) as running:
        begun = office.bench.clock.now()
        await office.deaf(UNSOUND_WITHIN)
        assert isinstance(await office.told(running), Transient)
    assert office.bench.clock.now() - begun < timedelta(seconds=30)


async def test_the_echo_of_another_process_proves_nothing(office):
    office.bench.slack.sends_events = False
    async with office.at_work():
        await office.sleeping_until(ECHO_WITHIN)
        assert (await office.bench.slack.event(None, ELSEWHERE)).status == 0
        await office.deaf()
        await until(lambda: office.openings() == 2)
    assert office.taken == []


async def test_where_all_comes_but_the_echo_a_person_is_told_what_to_mend(office):
    office.bench.slack.sends_events = False
    async with office.at_work() as running:
        await office.deaf()
        await until(lambda: office.openings() == 2)
        await office.sleeping_until(ECHO_WITHIN)
        await office.bench.slack.slash(None, "/ack", "I42")
        await office.deaf()
        failure = await office.told(running)
    assert isinstance(failure, Permanent)
    assert "brings other things but not its echo: see that the app hears" in str(failure)


async def test_what_came_before_it_was_connected_anew_proves_nothing(office):
    office.bench.slack.sends_events = False
    async with office.at_work() as running:
        await office.sleeping_until(ECHO_WITHIN)
        await office.bench.slack.slash(None, "/ack", "I42")
        await office.deaf()
        await until(lambda: office.openings() == 2)
        await office.deaf()
        assert isinstance(await office.told(running), Transient)


async def test_an_echo_is_not_waited_for_any_more_once_slack_asks_to_leave(office):
    office.sockets.is_deaf = True
    inbox = office.inbox()
    async with office.at_work(inbox) as running:
        await office.sleeping_until(ECHO_WITHIN)
        await office.pinged()
        await office.wait(PING_EVERY)
        await office.sockets.say_disconnect("warning")
        await until(lambda: office.echoes() == 2)
        await office.sleeping_until(ECHO_WITHIN)
        await office.wait(ECHO_WITHIN - PING_EVERY)
        await let_others_run(50)
        assert (inbox.missed, running.done()) == (0, False)


@pytest.mark.parametrize(
    "method, outcome, words",
    [
        ("chat.postMessage", Fails("not_in_channel"), "the app is not in channel C0ALERTS01"),
        ("chat.postMessage", Fails("is_archived"), "channel C0ALERTS01 archived"),
        (
            "conversations.history",
            Fails("missing_scope", {"needed": "channels:history"}),
            "the app lacks the scope channels:history",
        ),
    ],
    ids=["not a member", "archived", "scope"],
)
async def test_an_echo_that_is_refused_is_told_and_commands_are_heard_meanwhile(
    office, method, outcome, words
):
    office.bench.slack.always(method, outcome)
    office.running = asyncio.create_task(office.inbox().run(office.take))
    await office.sleeping_until(UNSOUND_WITHIN)
    await office.pinged()
    assert (await office.bench.slack.slash(None, "/ack", "I42")).json() == ANSWER
    await office.wait(UNSOUND_WITHIN)
    with pytest.raises(Permanent, match=words):
        await office.running


# Connections that end


async def test_until_the_next_connection_says_hello_the_old_one_is_in_use(office):
    async with office.at_work():
        await office.proved()
        (old,) = office.sockets.connections
        office.bench.slack.script("apps.connections.open", Hangs())
        await office.sockets.say_disconnect("warning")
        await until(lambda: office.openings() == 2)
        assert (await office.bench.slack.slash(None, "/ack", "I42")).json() == ANSWER
        assert len(old.acks) == 2
        office.bench.slack.release()
        await until(lambda: len(office.sockets.connections) == 2)
        assert (await office.bench.slack.slash(None, "/ack", "I43")).json() == ANSWER
        assert len(old.acks) == 2
        await office.proved()
        await office.wait(LINGER)
        await until(lambda: old not in office.sockets.connections)
        await let_others_run(50)
    assert office.openings() == 2
    assert [each.payload["text"] for each in office.taken] == ["I42", "I43"]


async def test_that_slack_asks_for_another_connection_is_nothing_to_warn_of(office):
    async with office.at_work():
        with capture_logs() as logs:
            await office.sockets.say_disconnect("refresh_requested")
            await until_logged(logs, "socket mode connected")
    assert logs[0] == {
        "event": "socket mode reconnects",
        "log_level": "info",
        "why": "Slack asks for it (refresh_requested)",
    }


async def test_what_came_through_the_old_connection_is_answered_through_it(office):
    office.open.clear()
    async with office.at_work():
        await office.proved()
        (old,) = office.sockets.connections
        held = asyncio.create_task(office.bench.slack.slash(None, "/ack", "I42"))
        await until(lambda: office.taken)
        await office.sockets.say_disconnect("refresh_requested")
        await until(lambda: len(office.sockets.connections) == 2)
        await office.proved()
        office.open.set()
        assert (await held).json() == ANSWER
        assert old.acks[-1]["payload"] == ANSWER


@pytest.mark.parametrize("ends", ["cut", "close"])
async def test_a_connection_that_ends_is_replaced(office, ends):
    async with office.at_work():
        await office.proved()
        with capture_logs() as logs:
            (old,) = office.sockets.connections
            if ends == "cut":
                office.sockets.cut()
            else:
                await office.sockets.close()
            await until(lambda: office.sockets.connections not in ([], [old]))
            await until_logged(logs, "socket mode connected")
        assert (await office.bench.slack.slash(None, "/ack", "I42")).json() == ANSWER
        await office.proved()
        assert office.bench.clock.waited_for().count(office.next_ping) == 1
    assert logs[0] == {
        "event": "socket mode reconnects",
        "log_level": "warning",
        "why": "Slack closed it",
    }


async def test_a_connection_that_answers_no_pings_is_replaced(office):
    async with office.at_work():
        await office.proved()
        with capture_logs() as logs:
            office.sockets.is_frozen = True
            office.bench.clock.advance(seconds=PING_EVERY.total_seconds())
            await office.sleeping_until(PONG_WITHIN)
            office.bench.clock.advance(seconds=PONG_WITHIN.total_seconds())
            office.sockets.is_frozen = False
            await until(lambda: office.openings() == 2)
            await office.proved()
    assert logs[0]["why"] == "pings are not answered"


async def test_slacks_own_pings_are_answered(office):
    heard = []
    async with office.at_work():
        await office.proved()
        connection = office.sockets.connections[0]
        receive = connection.socket.receive

        async def overhear(*given: Any) -> Any:
            heard.append(message := await receive(*given))
            return message

        connection.socket.receive = overhear
        await connection.socket.ping(b"from slack")
        await office.bench.slack.slash(None, "/ack", "I42")
        await connection.socket.ping(b"again")
        await until(lambda: [each for each in heard if each.data == b"again"])


async def test_switched_off_in_the_app_is_for_a_person_to_mend(office):
    async with office.at_work() as running:
        await office.proved()
        await office.sockets.say_disconnect("link_disabled")
        failure = await office.told(running)
    assert isinstance(failure, Permanent)
    assert "Socket Mode is switched off in the app: switch it on" in str(failure)


async def test_connections_that_all_end_at_once_are_told(office):
    async with office.at_work() as running:
        with capture_logs() as logs:
            for count in range(UNSETTLED):
                await until_logged(logs, "socket mode connected", count)
                await office.sockets.close()
        failure = await office.told(running)
    assert isinstance(failure, Transient)
    assert "5 connections in a row ended at once, the last because Slack closed it" in str(failure)


async def test_connections_that_end_now_and_then_are_not_told(office):
    async with office.at_work() as running:
        for _ in range(UNSETTLED + 1):
            await office.proved()
            await office.wait(PING_EVERY)
            await office.sockets.close()
            await until(lambda: not office.sockets.connections)
        await office.proved()
        assert not running.done()


async def test_where_slack_gives_no_new_connection_it_is_asked_a_few_times_and_then_told(office):
    async with office.at_work() as running:
        await office.proved()
        office.bench.slack.always("apps.connections.open", Fails("service_unavailable"))
        office.sockets.cut()
        for wait in CONNECT_AGAIN:
            await office.sleeping_until(wait)
            office.bench.clock.advance(seconds=wait.total_seconds())
        failure = await office.told(running)
    assert isinstance(failure, Transient)
    assert "Slack cannot do it now" in str(failure)
    assert office.openings() == 1 + len(CONNECT_AGAIN) + 1


async def test_a_gap_of_slacks_ends_nothing(office):
    async with office.at_work():
        await office.proved()
        office.bench.slack.script("apps.connections.open", Fails("service_unavailable"), Status(502))
        office.sockets.cut()
        for wait in CONNECT_AGAIN[:2]:
            await office.sleeping_until(wait)
            office.bench.clock.advance(seconds=wait.total_seconds())
        await office.proved()
        assert (await office.bench.slack.slash(None, "/ack", "I42")).json() == ANSWER


# Connecting


@pytest.mark.parametrize(
    "code",
    [
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "not_allowed_token_type",
        "missing_scope",
        "forbidden_team",
    ],
)
async def test_an_app_token_that_is_not_taken_is_told_in_words_without_it(office, code):
    office.bench.slack.script("apps.connections.open", Fails(code))
    failure = await office.failure()
    assert isinstance(failure, Permanent)
    assert str(failure) == (
        f"slack: Socket Mode: the app's token is not taken ({code}): set RESPONDER_SLACK_APP_TOKEN to one of this app "
        "with the scope connections:write (Basic Information, App-Level Tokens)"
    )


async def test_a_wrong_app_token_shows_nowhere(office):
    with capture_logs() as logs:
        failure = await office.failure(office.inbox(app_token="xapp-canary"))
    assert isinstance(failure, Permanent)
    assert "canary" not in "".join(traceback.format_exception(failure)) + repr(logs)


async def test_other_refusals_keep_their_words(office):
    office.bench.slack.script("apps.connections.open", Fails("accesslimited"))
    assert "calls from this network are not allowed" in str(await office.failure())


def answers(url: object) -> Malformed:
    return Malformed(body=json.dumps({"ok": True, "url": url}))


@pytest.mark.parametrize(
    "url",
    [None, 3, "", "https://wss.example", "file:///etc/passwd"],
    ids=["none", "number", "empty", "https", "file"],
)
async def test_an_answer_without_an_address_for_a_websocket_is_none(office, url):
    office.bench.slack.script("apps.connections.open", answers(url))
    failure = await office.failure()
    assert isinstance(failure, Transient)
    assert str(failure) == "slack: Socket Mode: Slack's answer names no address to connect to"


@pytest.mark.parametrize(
    "path, words",
    [
        ("/link/?ticket=canary", "127.0.0.1 refused the connection (403)"),
        ("/nowhere/?ticket=canary", "127.0.0.1 refused the connection (404)"),
    ],
    ids=["used", "nowhere"],
)
async def test_a_connection_that_is_refused_is_told_without_its_ticket(office, path, words):
    address = office.bench.slack.url.replace("http", "ws", 1) + path
    office.bench.slack.script("apps.connections.open", answers(address))
    with capture_logs() as logs:
        failure = await office.failure()
    assert isinstance(failure, Transient)
    assert str(failure) == f"slack: Socket Mode: {words}"
    assert "canary" not in "".join(traceback.format_exception(failure)) + repr(logs)


async def test_a_connection_that_cannot_be_made_is_told_without_its_ticket(office):
    office.bench.slack.script("apps.connections.open", answers("ws://127.0.0.1:1/link/?ticket=canary"))
    failure = await office.failure()
    assert "127.0.0.1 cannot be reached" in str(failure)
    assert "canary" not in "".join(traceback.format_exception(failure))


async def test_slack_has_to_say_hello_in_time(office):
    office.sockets.says_hello = False
    running = asyncio.create_task(office.inbox().run(office.take))
    await until(lambda: office.sockets.connections)
    office.bench.clock.advance(seconds=OPENS_WITHIN.total_seconds())
    with pytest.raises(Transient, match=r"127\.0\.0\.1 did not say hello in time"):
        await running
    await until(lambda: not office.sockets.connections)


@pytest.mark.parametrize(
    "frame, words",
    [
        ({"type": "disconnect", "reason": "too_many_websockets"}, "but disconnect (too_many_websockets)"),
        ({"type": "disconnect", "reason": "see wss://x?ticket=1"}, "but disconnect (no reason)"),
        ({"type": "slash_commands", "envelope_id": "e"}, "but something else, or nothing"),
    ],
    ids=["too many", "strange", "envelope"],
)
async def test_whatever_is_no_hello_is_told(office, frame, words):
    office.sockets.says_hello = False
    running = asyncio.create_task(office.inbox().run(office.take))
    await until(lambda: office.sockets.connections)
    await office.sockets.connections[0].socket.send_json(frame)
    with pytest.raises(Transient) as raised:
        await running
    assert str(raised.value) == f"slack: Socket Mode: Slack said no hello {words}"


async def test_what_makes_no_sense_before_the_hello_is_passed_over(office):
    office.sockets.says_hello = False
    running = asyncio.create_task(office.inbox().run(office.take))
    await until(lambda: office.sockets.connections)
    await office.sockets.connections[0].socket.send_str("[1]")
    await office.sockets.connections[0].socket.send_json({"type": "hello"})
    assert (await office.bench.slack.slash(None, "/ack", "I42")).json() == ANSWER
    running.cancel()
    await asyncio.wait([running])


async def test_the_connection_goes_through_the_proxy_that_https_goes_through(office, monkeypatch):
    monkeypatch.setenv("http_proxy", office.bench.slack.url)
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "ws_proxy"):
        monkeypatch.delenv(name, raising=False)
    address = f"ws://slack.invalid/link/?ticket={office.sockets.issue()}"
    office.bench.slack.script("apps.connections.open", answers(address))
    office.bench.sessions, direct = Sessions(trust_env=True), office.bench.sessions
    await direct.close()
    running = asyncio.create_task(office.inbox().run(office.take))
    await until(lambda: running.done() or office.sockets.connections)
    assert office.sockets.connections
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await office.bench.sessions.close()
    office.bench.sessions = direct


# The end


@pytest.mark.parametrize("state", ["proved", "deaf", "taking", "reconnecting", "lingering"])
async def test_a_run_that_is_cancelled_leaves_no_connection_and_no_task(office, state):
    before = asyncio.all_tasks()
    sent: list[asyncio.Task[Any]] = []
    async with office.at_work():
        match str(state):
            case "proved":
                await office.proved()
            case "deaf":
                office.sockets.is_deaf = True
            case "taking":
                office.open.clear()
                sent = [asyncio.create_task(office.bench.slack.slash(None, "/ack", "I42"))]
                await until(lambda: office.taken)
            case "reconnecting":
                office.bench.slack.script("apps.connections.open", Hangs())
                office.sockets.cut()
                await until(lambda: office.openings() == 2)
            case "lingering":
                await office.sockets.say_disconnect("warning")
                await until(lambda: len(office.sockets.connections) == 2)
            case _:
                raise AssertionError(state)
    assert office.bench.clock.waited_for() == []
    office.bench.slack.release()
    await until(lambda: not office.sockets.connections)
    for each in sent:
        each.cancel()
    assert [each for each in asyncio.all_tasks() - before if "/responder/" in repr(each)] == []


async def test_the_log_tells_of_connections_and_holds_neither_token_nor_ticket(office):
    with capture_logs() as logs:
        async with office.at_work():
            await office.proved()
            office.sockets.is_deaf = True
            await office.wait(ECHO_EVERY)
            await office.deaf_again()
            await until(lambda: office.openings() == 2)
    assert [each["event"] for each in logs][:3] == [
        "socket mode connected",
        "socket mode is deaf",
        "socket mode reconnects",
    ]
    assert logs[2]["why"] == "its echo did not come back"
    for secret in ("ticket", "xapp", "xoxb"):
        assert secret not in repr(logs)


def test_it_says_of_itself_nothing_secret(bench):
    assert repr(Office(bench).inbox()) == "SlackSocket('C0ALERTS01', SlackAccount(host='127.0.0.1'))"
