"""Slack as a channel, over real sockets: one message a record, found again, edited, told on; and what fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from responder.adapters.channels import faults_of, make
from responder.adapters.channels.tools import Tools
from responder.core.errors import Busy, Failure, Permanent, Transient, Unsure
from responder.core.policy.channels import ChannelEntry
from responder.core.policy.fields import FromEnv
from responder.dialects.slack.blocks import outdated, root
from responder.ports.channel import Channel, Delivery, OnRepeat, Receipt, Spelling, Unconfigured
from tests.adapters.slack.bench import RECORD, SRE, Bench
from tests.adapters.slack.bench import bench as make_bench
from tests.fakes.clock import NOON
from tests.fakes.slack import (
    ALERTS,
    BOT_TOKEN,
    BOT_USER,
    USER,
    Breaks,
    Fails,
    Hangs,
    Message,
    Status,
    TakesAndBreaks,
    Throttles,
)

POST, UPDATE = "chat.postMessage", "chat.update"
HISTORY, REPLIES = "conversations.history", "conversations.replies"


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with make_bench() as made:
        yield made


def record_of(message: Message) -> str:
    assert message.metadata is not None
    return str(message.metadata["event_payload"]["record"])


def is_marked(message: Message, delivery: Delivery) -> bool:
    return message.text == outdated(delivery.message).text


async def lose(bench: Bench, channel: Channel, delivery: Delivery) -> Delivery:
    """It is sent and arrives, and nobody learns of it; what is sent after such a thing."""
    bench.slack.script(POST, TakesAndBreaks())
    with pytest.raises(Unsure):
        await channel.send(delivery)
    return replace(delivery, message=replace(delivery.message, is_repeat=True))


# In a channel


async def test_the_first_notice_is_one_call_and_its_receipt_says_where(bench):
    receipt = await bench.channel().send(bench.notice())
    (message,) = bench.roots()
    assert receipt == Receipt(message.reference)
    assert bench.methods() == [POST]
    assert message.metadata == {
        "event_type": "responder_message",
        "event_payload": {"record": RECORD, "key": "I42@sre.1"},
    }


async def test_nothing_in_it_is_read_as_markup(bench):
    await bench.channel().send(bench.notice(headline="<!channel> *now* @here https://evil.example"))
    (call,) = bench.slack.calls(POST)
    switched_off = ("mrkdwn", "link_names", "unfurl_links", "unfurl_media")
    assert [call.args[name] for name in switched_off] == [False] * 4
    assert call.args["parse"] == "none"


async def test_a_later_notice_changes_the_message_that_is_there(bench):
    channel = bench.channel()
    receipt = await channel.send(bench.notice())
    again = await channel.send(bench.notice(shown=receipt.reference, state="acknowledged", revision=8))
    (message,) = bench.roots()
    assert again == receipt
    assert message.text == root(bench.notice(state="acknowledged", revision=8).message).text
    assert record_of(message) == RECORD
    assert bench.slack.calls(UPDATE)[0].args["parse"] == "none"


async def test_its_story_is_told_in_the_thread(bench):
    channel = bench.channel()
    receipt = await channel.send(bench.notice(story=("Opened.",)))
    story = ("Paged CTO.", "CTO has it.")
    await channel.send(bench.notice(shown=receipt.reference, key="k2", state="acknowledged", story=story))
    (message,) = bench.roots()
    _, *replies = bench.slack.thread(ALERTS, message.ts)
    assert [reply.thread_ts for reply in replies] == [message.ts]
    assert "Paged CTO" in replies[0].text
    assert bench.methods() == [POST, UPDATE, POST]


async def test_a_channel_can_be_given_by_its_id(bench):
    receipt = await bench.channel(ALERTS).send(bench.notice())
    assert receipt.reference.startswith(f"{ALERTS}/")


async def test_what_stands_there_already_is_not_written_again(bench):
    channel = bench.channel()
    receipt = await channel.send(bench.notice())
    await channel.send(bench.notice(shown=receipt.reference))
    assert bench.methods() == [POST]


async def test_a_change_that_may_not_have_arrived_is_written_again(bench):
    channel = bench.channel()
    receipt = await channel.send(bench.notice())
    bench.slack.script(UPDATE, TakesAndBreaks())
    with pytest.raises(Unsure):
        await channel.send(bench.notice(shown=receipt.reference, state="acknowledged"))
    await channel.send(bench.notice(shown=receipt.reference))
    assert bench.roots()[0].text == root(bench.notice().message).text


@pytest.mark.parametrize(
    "code", ["message_not_found", "cant_update_message", "edit_window_closed", "block_mismatch"]
)
async def test_a_message_that_cannot_be_changed_is_followed_by_a_new_one(bench, code):
    channel = bench.channel()
    receipt = await channel.send(bench.notice())
    bench.slack.script(UPDATE, Fails(code))
    again = await channel.send(bench.notice(shown=receipt.reference, state="acknowledged", story=("x",)))
    assert len(bench.roots()) == 2
    assert again.reference == bench.roots()[-1].reference
    assert bench.methods() == [POST, UPDATE, POST]


async def test_a_message_that_was_deleted_is_followed_by_a_new_one(bench):
    channel = bench.channel()
    receipt = await channel.send(bench.notice())
    bench.slack.workspace.remove(bench.roots()[0])
    await channel.send(bench.notice(shown=receipt.reference, state="acknowledged"))
    assert [message.text for message in bench.roots()] == [
        root(bench.notice(state="acknowledged").message).text
    ]


@pytest.mark.parametrize("shown", ["I42", "201", "C0ALERTS01/"])
async def test_a_receipt_of_another_kind_of_channel_says_nothing(bench, shown):
    await bench.channel().send(bench.notice(shown=shown))
    assert bench.methods() == [POST]


async def test_a_channel_that_was_changed_in_the_policy_gets_a_message_of_its_own(bench):
    other = bench.slack.workspace.add_channel("ops")
    receipt = await bench.channel().send(bench.notice())
    for named in ("#ops", other.id):
        moved = await bench.channel(named).send(bench.notice(shown=receipt.reference, revision=8))
        assert moved.reference.startswith(f"{other.id}/")
    assert bench.roots()[0].text == root(bench.notice().message).text


async def test_another_process_asks_once_whether_a_message_is_in_its_channel(bench):
    receipt = await bench.channel().send(bench.notice())
    restarted = bench.channel()
    for revision in (8, 9):
        await restarted.send(bench.notice(shown=receipt.reference, revision=revision))
    assert bench.methods() == [POST, "conversations.info", UPDATE, UPDATE]


async def test_where_it_may_not_ask_for_the_channel_it_takes_it_for_unchanged(bench):
    receipt = await bench.channel().send(bench.notice())
    bench.slack.scopes.discard("channels:read")
    await bench.channel().send(bench.notice(shown=receipt.reference, state="acknowledged"))
    assert len(bench.roots()) == 1


async def test_a_token_that_fails_is_not_taken_for_a_channel_that_changed(bench):
    receipt = await bench.channel().send(bench.notice())
    restarted = bench.channel()
    bench.slack.script("conversations.info", Fails("token_revoked"))
    with pytest.raises(Permanent, match="token_revoked"):
        await restarted.send(bench.notice(shown=receipt.reference, state="acknowledged"))
    again = await restarted.send(bench.notice(shown=receipt.reference, state="acknowledged"))
    assert again == receipt


async def test_a_channel_without_a_place_says_what_to_configure(bench):
    with pytest.raises(
        Permanent, match=r"^sre: it has no channel to show this in: name one \(channels.yaml\)$"
    ):
        await bench.channel(None).send(bench.notice())


# Found again


async def test_a_notice_whose_receipt_was_lost_is_found_and_brought_up_to_date(bench):
    repeat = await lose(bench, bench.channel(), bench.notice())
    repeat = replace(repeat, message=replace(repeat.message, state="acknowledged"))
    receipt = await bench.channel().send(repeat)
    (message,) = bench.roots()
    assert receipt.reference == message.reference
    assert message.text == root(repeat.message).text


async def test_a_notice_that_never_arrived_is_sent(bench):
    bench.slack.script(POST, Breaks())
    with pytest.raises(Unsure):
        await bench.channel().send(bench.notice())
    receipt = await bench.channel().send(bench.notice(is_repeat=True))
    (message,) = bench.roots()
    assert receipt.reference == message.reference


async def test_a_new_one_in_place_of_one_that_is_gone_is_not_sent_twice(bench):
    receipt = await bench.channel().send(bench.notice())
    bench.slack.workspace.remove(bench.roots()[0])
    repeat = await lose(bench, bench.channel(), bench.notice(shown=receipt.reference))
    again = await bench.channel().send(repeat)
    (message,) = bench.roots()
    assert again.reference == message.reference


async def test_other_records_and_other_peoples_messages_are_not_taken_for_it(bench):
    channel = bench.channel()
    await channel.send(bench.notice(record="I41@sre"))
    bench.slack.write("I42@sre")
    await channel.send(bench.notice(is_repeat=True))
    assert [record_of(message) for message in bench.roots() if message.user == BOT_USER] == [
        "I41@sre",
        RECORD,
    ]


async def test_what_was_there_before_it_was_owed_is_no_earlier_send_of_it(bench):
    await bench.channel().send(bench.notice())
    bench.clock.advance(minutes=10)
    await bench.channel().send(bench.notice(is_repeat=True, since=NOON + timedelta(minutes=9)))
    assert len(bench.roots()) == 2


async def test_slacks_clock_may_be_a_little_behind(bench):
    bench.slack.workspace.skew = timedelta(seconds=-90)
    repeat = await lose(bench, bench.channel(), bench.notice())
    await bench.channel().send(repeat)
    assert len(bench.roots()) == 1


async def test_it_is_found_behind_many_others(bench):
    bench.slack.limits.is_on = False
    repeat = await lose(bench, bench.channel(), bench.notice())
    for number in range(450):
        bench.slack.write(f"chatter {number}")
    await bench.channel().send(repeat)
    assert len(bench.slack.calls(HISTORY)) == 3
    assert len(bench.roots()) == 451


async def test_of_two_the_newer_is_kept_and_the_older_says_so(bench):
    first = await bench.channel().send(bench.notice())
    second = await bench.channel().send(bench.notice())
    delivery = bench.notice(is_repeat=True)
    receipt = await bench.channel().send(delivery)
    older, newer = bench.roots()
    assert receipt == second
    assert (older.reference, newer.reference) == (first.reference, second.reference)
    assert is_marked(older, delivery)
    assert not older.buttons()
    assert newer.text == root(delivery.message).text


async def test_one_that_arrives_while_it_is_looked_for_is_marked(bench):
    bench.slack.script(POST, Hangs())
    lost = asyncio.ensure_future(bench.channel().send(bench.notice()))
    await bench.slack.until_called(POST)
    bench.slack.script(HISTORY, Hangs(is_taken=True))
    delivery = bench.notice(is_repeat=True)
    sending = asyncio.ensure_future(bench.channel().send(delivery))
    await bench.slack.until_called(HISTORY)
    bench.slack.release()  # nothing was found, and now the first one arrives
    await lost
    receipt = await sending
    older, newer = bench.roots()
    assert receipt.reference == newer.reference
    assert is_marked(older, delivery)
    assert newer.text == root(delivery.message).text


async def test_what_was_marked_is_not_found_again(bench):
    for _ in range(2):
        await bench.channel().send(bench.notice())
    await bench.channel().send(bench.notice(is_repeat=True))
    bench.slack.workspace.remove(bench.roots()[-1])
    await bench.channel().send(bench.notice(is_repeat=True))
    assert len(bench.roots()) == 2


@pytest.mark.parametrize("scope", ["channels:history", "channels:read"])
async def test_where_it_may_not_look_it_sends_a_new_one(bench, scope):
    repeat = await lose(bench, bench.channel(), bench.notice())
    bench.slack.scopes.discard(scope)
    receipt = await bench.channel().send(repeat)
    assert receipt.reference == bench.roots()[-1].reference
    assert len(bench.roots()) == 2


async def test_where_metadata_may_not_be_read_it_sends_a_new_one(bench):
    repeat = await lose(bench, bench.channel(), bench.notice())
    bench.slack.always(HISTORY, Fails("missing_scope", {"needed": "metadata.message:read"}))
    receipt = await bench.channel().send(repeat)
    assert receipt.reference == bench.roots()[-1].reference


@pytest.mark.parametrize("outcome", [Status(503), Throttles(5)], ids=["503", "429"])
async def test_a_notice_waits_until_it_can_be_looked_for(bench, outcome):
    repeat = await lose(bench, bench.channel(), bench.notice())
    bench.slack.script(HISTORY, outcome)
    with pytest.raises(Transient):
        await bench.channel().send(repeat)
    await bench.channel().send(repeat)
    assert len(bench.roots()) == 1


async def test_looking_for_a_second_one_does_not_undo_the_send(bench):
    channel = bench.channel()
    bench.slack.script(POST, Breaks())
    with pytest.raises(Unsure):
        await channel.send(bench.notice())
    bench.slack.script(HISTORY, Fails("ok_so_far"), Status(500))
    receipt = await channel.send(bench.notice(is_repeat=True))
    assert receipt.reference == bench.roots()[0].reference


# In the thread


async def told_once(bench: Bench) -> tuple[Channel, Delivery]:
    """A notice whose message stands, and whose change has a story."""
    channel = bench.channel()
    receipt = await channel.send(bench.notice())
    return channel, bench.notice(
        shown=receipt.reference, key="k2", state="acknowledged", story=("CTO has it.",)
    )


def replies(bench: Bench) -> list[Message]:
    return bench.slack.thread(ALERTS, bench.roots()[0].ts)[1:]


async def test_a_reply_that_failed_for_now_is_made_later_and_nothing_else(bench):
    channel, delivery = await told_once(bench)
    bench.slack.script(POST, Throttles(1))
    with pytest.raises(Busy):
        await channel.send(delivery)
    bench.clock.advance(seconds=1)
    receipt = await channel.send(delivery)
    assert receipt.reference == bench.roots()[0].reference
    assert len(replies(bench)) == 1
    assert len(bench.slack.calls(UPDATE)) == 1


async def test_a_reply_that_may_have_arrived_is_looked_for_before_another(bench):
    channel, delivery = await told_once(bench)
    repeat = await lose(bench, channel, delivery)
    await bench.channel().send(repeat)
    assert len(replies(bench)) == 1
    assert len(bench.slack.calls(REPLIES)) == 1


async def test_a_reply_that_did_not_arrive_is_made_again(bench):
    channel, delivery = await told_once(bench)
    bench.slack.script(POST, Breaks())
    with pytest.raises(Unsure):
        await channel.send(delivery)
    await bench.channel().send(replace(delivery, message=replace(delivery.message, is_repeat=True)))
    assert len(replies(bench)) == 1


async def test_the_message_itself_is_not_taken_for_a_reply_below_it(bench):
    channel, delivery = await told_once(bench)
    repeat = replace(delivery, key=bench.notice().key, message=replace(delivery.message, is_repeat=True))
    await channel.send(repeat)
    assert len(replies(bench)) == 1


async def test_a_reply_is_known_in_the_process_that_made_it(bench):
    channel, delivery = await told_once(bench)
    await channel.send(delivery)
    await channel.send(delivery)
    assert len(replies(bench)) == 1
    assert bench.slack.calls(REPLIES) == []


async def test_another_reply_below_the_same_is_made(bench):
    channel, delivery = await told_once(bench)
    await channel.send(delivery)
    await channel.send(replace(delivery, key="k3", message=replace(delivery.message, is_repeat=True)))
    assert len(replies(bench)) == 2


async def test_where_replies_may_not_be_looked_for_it_replies(bench):
    channel, delivery = await told_once(bench)
    repeat = await lose(bench, channel, delivery)
    bench.slack.always(REPLIES, Fails("missing_scope", {"needed": "channels:history"}))
    await bench.channel().send(repeat)
    assert len(replies(bench)) == 2


# To people


async def test_a_page_is_one_call_and_its_receipt_says_where(bench):
    receipt = await bench.channel(None).send(bench.page())
    (message,) = bench.slack.dm(USER)
    assert receipt.reference == message.reference
    assert bench.methods() == [POST]
    assert "responder.ack" in message.buttons()


async def test_a_page_is_kept_up_to_date_where_it_was_sent(bench):
    channel = bench.channel()
    receipt = await channel.send(bench.page())
    assert await channel.send(bench.kept(receipt, state="resolved")) == receipt
    (message,) = bench.slack.dm(USER)
    assert not message.buttons()
    assert bench.methods() == [POST, UPDATE]


async def test_a_page_is_kept_up_to_date_where_there_is_no_channel(bench):
    receipt = await bench.channel(None).send(bench.page())
    await bench.channel(None).send(bench.kept(receipt, state="resolved"))
    assert not bench.slack.dm(USER)[0].buttons()


async def test_a_page_that_a_newer_one_replaced_says_so(bench):
    channel = bench.channel()
    receipt = await channel.send(bench.page())
    delivery = bench.kept(receipt, purpose="outdated")
    assert await channel.send(delivery) == receipt
    assert is_marked(bench.slack.dm(USER)[0], delivery)


@pytest.mark.parametrize("purpose", ["page", "outdated"])
async def test_a_page_that_is_gone_is_not_sent_anew(bench, purpose):
    channel = bench.channel()
    receipt = await channel.send(bench.page())
    bench.slack.workspace.remove(bench.slack.dm(USER)[0])
    for is_repeat in (False, True):
        assert await channel.send(bench.kept(receipt, purpose=purpose, is_repeat=is_repeat)) == receipt
    assert bench.slack.dm(USER) == []
    assert bench.roots() == []


async def test_a_page_that_another_kind_of_channel_sent_is_not_sent_anew(bench):
    elsewhere = Receipt("202 accepted")
    assert await bench.channel().send(bench.kept(elsewhere)) == elsewhere
    assert bench.slack.ledger == []


async def test_a_page_has_no_thread(bench):
    channel = bench.channel()
    receipt = await channel.send(bench.page())
    await channel.send(bench.kept(receipt, story=("x",)))
    assert bench.methods() == [POST, UPDATE]


async def test_a_page_whose_receipt_was_lost_is_not_sent_twice(bench):
    repeat = await lose(bench, bench.channel(), bench.page())
    receipt = await bench.channel().send(repeat)
    (message,) = bench.slack.dm(USER)
    assert receipt.reference == message.reference


async def test_whose_direct_messages_are_known_they_are_not_asked_for(bench):
    channel = bench.channel()
    await channel.send(bench.page())
    await channel.send(bench.page(is_repeat=True))
    assert "conversations.open" not in bench.methods()


async def test_a_page_that_never_arrived_is_sent(bench):
    bench.slack.script(POST, Breaks())
    with pytest.raises(Unsure):
        await bench.channel().send(bench.page())
    await bench.channel().send(bench.page(is_repeat=True))
    assert len(bench.slack.dm(USER)) == 1


async def test_a_page_that_has_arrived_stands_even_if_it_cannot_be_changed(bench):
    repeat = await lose(bench, bench.channel(), bench.page())
    for outcome in (Status(503), Fails("edit_window_closed")):
        bench.slack.script(UPDATE, outcome)
        receipt = await bench.channel().send(repeat)
        assert receipt.reference == bench.slack.dm(USER)[0].reference
    assert len(bench.slack.dm(USER)) == 1


@pytest.mark.parametrize(
    "method, outcome",
    [
        (HISTORY, Throttles(30)),
        (HISTORY, Fails("missing_scope", {"needed": "im:history"})),
        ("conversations.open", Fails("missing_scope", {"needed": "im:write"})),
        ("conversations.open", Throttles(30)),
    ],
    ids=["history-429", "history-scope", "open-scope", "open-429"],
)
async def test_a_page_that_cannot_be_looked_for_is_sent(bench, method, outcome):
    repeat = await lose(bench, bench.channel(), bench.page())
    bench.slack.always(method, outcome)
    receipt = await bench.channel().send(repeat)
    assert receipt.reference == bench.slack.dm(USER)[-1].reference
    assert len(bench.slack.dm(USER)) == 2


@pytest.mark.parametrize("method", [HISTORY, "conversations.open"])
@pytest.mark.parametrize("outcome", [Status(500), Breaks()], ids=["500", "breaks"])
async def test_while_slack_does_not_answer_a_page_is_not_sent_again_and_its_next_method_is(
    bench, method, outcome
):
    repeat = await lose(bench, bench.channel(), bench.page())
    bench.slack.always(method, outcome)
    with pytest.raises(Transient) as raised:
        await bench.channel().send(repeat)
    assert not isinstance(raised.value, Busy)  # which would come back to this method
    assert len(bench.slack.dm(USER)) == 1


async def test_a_page_is_not_kept_by_a_question_that_hangs(bench):
    bench.slack.always(HISTORY, Hangs())
    sending = asyncio.ensure_future(bench.channel().send(bench.page(is_repeat=True)))
    await bench.slack.until_called(HISTORY)
    await bench.clock.until_sleeping()
    bench.clock.advance(seconds=3)
    with pytest.raises(Transient):
        await sending
    assert bench.slack.calls(POST) == []


async def test_a_page_is_not_kept_by_looking_for_a_second_one(bench):
    bench.slack.always(HISTORY, Hangs())
    sending = asyncio.ensure_future(bench.channel().send(bench.page(is_repeat=True)))
    await bench.slack.until_called(HISTORY)
    bench.slack.release()
    await bench.slack.until_called(HISTORY, 2)
    await bench.clock.until_sleeping()
    bench.clock.advance(seconds=3)
    await sending
    assert len(bench.slack.dm(USER)) == 1


@pytest.mark.parametrize("is_repeat", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("deadline, seconds", [(10, 5), (3, 3)], ids=["long", "short"])
async def test_a_page_whose_post_hangs_ends_in_time_for_the_next_method(bench, is_repeat, deadline, seconds):
    bench.slack.always(POST, Hangs())
    page = bench.page(is_repeat=is_repeat, deadline=bench.deadline(deadline))
    sending = asyncio.ensure_future(bench.channel().send(page))
    await bench.slack.until_called(POST)
    await bench.clock.until_sleeping()
    bench.clock.advance(seconds=seconds)
    with pytest.raises(Unsure):
        await sending


async def test_a_notice_may_take_as_long_as_it_is_given(bench):
    bench.slack.always(POST, Hangs())
    sending = asyncio.ensure_future(bench.channel().send(bench.notice()))
    await bench.slack.until_called(POST)
    await bench.clock.until_sleeping()
    bench.clock.advance(seconds=5)
    bench.slack.release()
    await sending
    assert len(bench.roots()) == 1


@pytest.mark.parametrize(
    "address", ["", "cto", "@cto", "#alerts", "u0first001", "U0FIRST001 ", "+82-2-555-0142"]
)
async def test_an_address_that_is_no_id_says_what_one_looks_like(bench, address):
    with pytest.raises(Permanent) as raised:
        await bench.channel().send(bench.page(address=address))
    assert str(raised.value) == "sre: the Slack address of CTO is no id like U0123ABCD: look at contacts.yaml"
    assert bench.slack.ledger == []


async def test_a_person_whom_slack_does_not_know_is_named_without_their_id(bench):
    with pytest.raises(Permanent) as raised:
        await bench.channel().send(bench.page(address="U0NOBODY01"))
    assert "there is no Slack user of CTO (channel_not_found)" in str(raised.value)
    assert "U0NOBODY01" not in str(raised.value)


async def test_a_persons_address_may_be_a_channel_of_theirs(bench):
    room = bench.slack.workspace.add_channel("cto-office")
    await bench.channel().send(bench.page(address=room.id))
    assert len(bench.roots(room.id)) == 1
    bench.slack.workspace.change_channel(room.id, is_archived=True)
    with pytest.raises(Permanent, match=r"^sre: Slack channel of CTO archived \(is_archived\)"):
        await bench.channel().send(bench.page(address=room.id))


# Pace


async def wait_of(channel: Channel, delivery: Delivery) -> timedelta | None:
    """None: it was sent."""
    try:
        await channel.send(delivery)
    except Busy as busy:
        return busy.retry_after
    return None


async def test_a_throttled_page_comes_back_at_once_with_what_slack_asked_for(bench):
    bench.slack.script(POST, Throttles(20))
    channel = bench.channel()
    for wait in (20, 20):
        with pytest.raises(Busy) as raised:
            await channel.send(bench.page())
        assert raised.value.retry_after == timedelta(seconds=wait)
    assert len(bench.slack.ledger) == 1  # the second time nobody asked
    assert bench.clock.waited_for() == []


async def test_a_throttled_notice_comes_back_when_it_may(bench):
    bench.slack.script(POST, Throttles(20))
    channel = bench.channel()
    with pytest.raises(Busy):
        await channel.send(bench.notice())
    bench.clock.advance(seconds=20)
    await channel.send(bench.notice())
    assert len(bench.roots()) == 1


async def test_two_hundred_notices_come_in_turn_and_slack_refuses_none(bench):
    channel = bench.channel()
    due = [(0.0, number) for number in range(200)]
    calls = 0
    while due:
        due.sort()
        at, number = due.pop(0)
        bench.clock.advance(seconds=max(0.0, at - (bench.clock.now() - NOON).total_seconds()))
        calls += 1
        wait = await wait_of(channel, bench.notice(record=f"I{number}", key=f"I{number}.1"))
        if wait is not None:
            due.append((at + wait.total_seconds(), number))
    assert [record_of(message) for message in bench.roots()] == [f"I{number}" for number in range(200)]
    assert [call for call in bench.slack.ledger if call.status == 429] == []
    assert bench.clock.now() - NOON < timedelta(seconds=200)
    assert calls < 2 * 200


async def test_a_page_passes_all_notices(bench):
    channel = bench.channel()
    for number in range(50):
        await wait_of(channel, bench.notice(record=f"I{number}"))
    await channel.send(bench.page())
    assert len(bench.slack.dm(USER)) == 1


# What fails


async def test_an_archived_channel_says_so_and_what_to_do(bench):
    bench.slack.workspace.change_channel(ALERTS, is_archived=True)
    with pytest.raises(Permanent) as raised:
        await bench.channel().send(bench.notice())
    assert str(raised.value) == (
        "sre: channel #alerts archived (is_archived): unarchive it, or name another in channels.yaml"
    )


async def test_a_message_in_a_channel_that_was_archived_is_not_changed(bench):
    channel = bench.channel()
    receipt = await channel.send(bench.notice())
    bench.slack.workspace.change_channel(ALERTS, is_archived=True)
    with pytest.raises(Permanent, match=r"^sre: channel #alerts archived or frozen \(is_inactive\)"):
        await channel.send(bench.notice(shown=receipt.reference, state="acknowledged"))


async def test_a_channel_without_the_app_says_how_to_invite_it(bench):
    bench.slack.workspace.change_channel(ALERTS, members=frozenset())
    with pytest.raises(
        Permanent, match=r"the app is not in channel #alerts \(not_in_channel\): invite it \(/invite"
    ):
        await bench.channel().send(bench.notice())


@pytest.mark.parametrize("error", ["token_revoked", "invalid_auth", "account_inactive"])
async def test_a_token_that_is_not_taken_fails_for_good_and_is_not_repeated(bench, error):
    bench.slack.refuse_token(error)
    channel = bench.channel()
    for delivery in (bench.notice(), bench.page()):
        with pytest.raises(Permanent, match=rf"^sre: .*\({error}\)") as raised:
            await channel.send(delivery)
        assert BOT_TOKEN not in str(raised.value) + repr(raised.value.__cause__) + repr(channel)


# Whether it could send


async def test_a_channel_that_could_send_says_nothing(bench):
    for named in ("#alerts", ALERTS, None):
        await bench.channel(named).check()
    assert POST not in bench.methods()


@pytest.mark.parametrize("named", ["#alerts", ALERTS], ids=["by name", "by id"])
@pytest.mark.parametrize(
    "changes, words",
    [
        ({"is_archived": True}, r"archived \(is_archived\): unarchive it"),
        ({"members": frozenset({USER})}, r"the app is not in channel .* \(not_in_channel\): invite it"),
        (
            {"is_private": True, "members": frozenset({USER})},
            r"the app sees no channel .* \(channel_not_found\)",
        ),
    ],
    ids=["archived", "not a member", "private"],
)
async def test_a_channel_that_could_not_send_says_why(bench, named, changes, words):
    bench.slack.workspace.change_channel(ALERTS, **changes)
    with pytest.raises(Permanent, match=rf"^sre: .*{words}"):
        await bench.channel(named).check()


async def test_a_channel_is_looked_for_through_all_pages(bench):
    for number in range(1_500):
        bench.slack.workspace.add_channel(f"c{number}")
    await bench.channel("#c1400").check()
    with pytest.raises(Permanent, match="channel_not_found"):
        await bench.channel("#c9999").check()


async def test_a_token_that_is_not_taken_is_found_by_a_check(bench):
    bench.slack.refuse_token("token_revoked")
    with pytest.raises(Permanent, match=r"^sre: the token was revoked"):
        await bench.channel(None).check()


async def test_a_slack_that_does_not_answer_is_found_by_a_check(bench):
    bench.slack.always("auth.test", Status(503))
    with pytest.raises(Failure, match=r"^sre: Slack failed \(503\)"):
        await bench.channel().check()


# As it is configured


def faults(bench: Bench, **config: object) -> dict[str, str]:
    tools = Tools(clock=bench.clock, environ=bench.environ, sessions=bench.sessions, slack=bench.account())
    return dict(faults_of(SRE, ChannelEntry(kind="slack", config=config), {}, tools=tools))


@pytest.mark.parametrize("channel", ["#sre", "#장애-대응", "C0123ABCD", "G0123ABCD", None], ids=str)
async def test_a_channel_is_a_name_or_an_id(bench, channel):
    assert faults(bench, channel=channel) == {}


@pytest.mark.parametrize(
    "channel", ["", "sre", "@sre", "#", "# sre", "#a b", "c0123abcd", "U0123ABCD", "<#C1>"]
)
async def test_what_is_no_channel_is_a_fault(bench, channel):
    assert faults(bench, channel=channel) == {
        "channel": "no channel of Slack's; write #name, in quotes, or its id, like C0123ABCD"
    }


async def test_a_variable_is_not_repeated_in_its_fault(bench):
    bench.environ["SRE"] = "canary"
    assert faults(bench, channel=FromEnv(from_env="SRE")) == {
        "channel": "no channel of Slack's; write #name, in quotes, or its id, like C0123ABCD (from SRE)"
    }


async def test_a_variable_that_is_not_set_and_an_app_that_is_not_there_are_said(bench):
    entry = ChannelEntry(kind="slack", config={"channel": FromEnv(from_env="SRE")})
    tools = Tools(clock=bench.clock, environ={}, sessions=bench.sessions)
    with pytest.raises(Unconfigured, match=r"^channel sre: RESPONDER_SLACK_BOT_TOKEN is not set$"):
        make(SRE, entry, {}, tools=tools)
    with pytest.raises(Unconfigured, match=r"^channel sre: channel is read from SRE, which is not set$"):
        make(SRE, entry, {}, tools=replace(tools, slack=bench.account()))


async def test_every_kind_says_which_language_its_channel_reads(bench):
    assert faults(bench, locale="ko") == {}
    assert list(faults(bench, locale="fr")) == ["locale"]


async def test_it_says_what_it_can(bench):
    channel = bench.channel()
    assert (channel.kind, channel.on_repeat, channel.edits) == ("slack", OnRepeat.ASKABLE, True)
    assert channel.spelling is Spelling.SLASH
    assert repr(channel) == "Slack('sre', '#alerts')"


async def test_a_person_who_has_left_is_found_though_slack_takes_what_they_are_sent(bench):
    channel = bench.channel(None)
    await channel.check(USER)
    bench.slack.workspace.change_user(USER, is_deleted=True)
    with pytest.raises(Permanent, match=rf"^sre: Slack user {USER} is deactivated"):
        await channel.check(USER)


async def test_nobody_is_called_gone_because_they_cannot_be_asked_after(bench):
    bench.slack.scopes.discard("users:read")
    await bench.channel(None).check(USER)


async def test_a_person_who_never_was_is_said_to_be_nobody(bench):
    with pytest.raises(Permanent, match="there is no Slack user U0NOBODY00"):
        await bench.channel(None).check("U0NOBODY00")
