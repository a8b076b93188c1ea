"""Channels that can change their messages: the story they are told, and the pages that they keep up to date."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from responder.core.decision import DueKind
from responder.core.errors import Permanent, Unsure
from responder.core.identifiers import ChannelName, ContactName, IncidentId
from responder.engine.commands import Acknowledge, Actor, Note, Role, Snooze, Unacknowledge
from responder.engine.outbox import PLACES
from responder.ports.channel import Delivery
from responder.ports.store import Store
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.channel import Accepts, Breaks, Hangs, IsBusy
from tests.fakes.clock import NOON, let_others_run


def editing(*names: str) -> dict[str, Any]:
    document = plan.plan()
    for name in names:
        document["channels"]["channels"][name] = {"fake": {"edits": True}}
    return document


@pytest.fixture
async def chatty(store: Store) -> World:
    """The board and the first person's channel can change what they show."""
    return await make_world(store, book=plan.book(editing("board", "to-first")))


def shown(deliveries: list[Delivery]) -> list[tuple[str, str]]:
    return [(delivery.record, delivery.shown) for delivery in deliveries]


async def test_every_change_is_made_to_the_message_that_stands(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Acknowledge())
    board = chatty.handed("board")
    assert board[0].shown == ""
    assert {delivery.shown for delivery in board[1:]} == {"board/1"}
    assert board[-1].message.state == "acknowledged"


async def test_who_was_paged_is_told_where_it_disturbs_nobody(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    assert [delivery.message.reason for delivery in chatty.handed("board")] == ["opened", "paged"]
    await chatty.advance(minutes=16)
    (last,) = chatty.handed("board")[2:]
    assert last.message.story == ("Second was paged",)
    assert "Second" in "\n".join(last.message.body)


async def test_a_channel_that_cannot_change_its_messages_is_told_of_no_page_and_no_note(world: World) -> None:
    await world.fire("RegionDown", level="3")
    await world.ask(Note(text="the cable is cut"))
    assert [delivery.message.reason for delivery in world.handed("board")] == ["opened"]


async def test_a_note_is_told_with_its_writer(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Note(text="the cable is cut"), by="second")
    assert chatty.handed("board")[-1].message.story == ("Second left a note: the cable is cut",)


async def test_a_page_that_was_taken_follows_what_becomes_of_it(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Acknowledge(), by="second")
    page, change = chatty.handed("to-first")
    assert shown([page, change]) == [("I1-p1", ""), ("I1-p1/shown", "to-first/1")]
    assert (change.message.purpose, change.message.state) == ("page", "acknowledged")
    assert "Second" in change.message.headline
    await chatty.ask(Snooze(wanted=timedelta(minutes=5)))
    assert chatty.handed("to-first")[-1].message.state == "acknowledged"


async def test_a_page_is_left_where_a_channel_names_its_message_and_cannot_change_it(world: World) -> None:
    world.channels["to-first"].script(Accepts("sms-4711"))
    await world.fire("RegionDown", level="3")
    await world.ask(Acknowledge(), by="second")
    assert shown(world.handed("to-first")) == [("I1-p1", "")]


async def test_who_is_only_told_is_not_said_to_be_paged(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Acknowledge(), by="first")
    await chatty.clear("RegionDown", level="3")
    assert [one.message.reason for one in chatty.handed("to-first") if not one.shown] == ["step", "resolved"]
    story = [sentence for delivery in chatty.handed("board") for sentence in delivery.message.story]
    assert [sentence for sentence in story if "paged" in sentence] == ["First was paged"]


async def test_notes_and_pages_do_not_touch_a_page_that_stands(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Note(text="the cable is cut"))
    await chatty.advance(minutes=16)
    assert shown(chatty.handed("to-first")) == [("I1-p1", "")]


async def test_what_leaves_the_standing_as_it_was_does_not_touch_a_page_that_stands(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.fire("RegionDown", level="3", zone="b")
    await chatty.advance(seconds=1)
    assert "joined" in [delivery.message.reason for delivery in chatty.handed("board")]
    assert shown(chatty.handed("to-first")) == [("I1-p1", "")]


async def test_each_change_is_told_once(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Acknowledge(), by="second")
    (board,) = [notice for notice in (await chatty.story()).notices if notice.channel == "board"]
    assert board.wanted == len(["opened", "paged", "acknowledged"])


def also(delivery: Delivery) -> list[str]:
    """What the body says of earlier happenings."""
    return [line for line in delivery.message.body if line.startswith("Also")]


async def test_what_queued_up_stands_in_the_first_message_and_from_then_on_below_it(chatty: World) -> None:
    chatty.channels["board"].script(IsBusy(timedelta(seconds=3)))
    await chatty.fire("RegionDown", level="3")
    await chatty.fire("RegionDown", level="3", zone="b")
    await chatty.advance(seconds=3)
    first = chatty.handed("board")[-1]
    assert first.shown == ""
    assert "paged" in "\n".join(also(first))
    assert first.since == NOON
    chatty.channels["board"].script(IsBusy(timedelta(seconds=3)))
    await chatty.ask(Note(text="the cable is cut"))
    await chatty.ask(Acknowledge())
    await chatty.advance(seconds=3)
    change = chatty.handed("board")[-1]
    assert (change.shown, also(change), len(change.message.story)) == ("board/1", [], 2)


async def test_where_nothing_stands_below_a_message_it_says_all_itself(world: World) -> None:
    await world.fire("RegionDown", level="3")
    world.channels["board"].script(Accepts("a reference"), IsBusy(timedelta(seconds=3)))
    await world.ask(Acknowledge())
    await world.ask(Unacknowledge())
    await world.ask(Acknowledge())
    await world.advance(seconds=3)
    assert len(also(world.handed("board")[-1])) == 1


async def test_a_page_that_stands_says_how_it_is_now_and_not_what_happened(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    chatty.channels["to-first"].script(IsBusy(timedelta(seconds=3)), Breaks(Unsure("it may have arrived")))
    await chatty.ask(Acknowledge(), by="second")
    await chatty.ask(Unacknowledge(), by="second")
    await chatty.ask(Acknowledge(), by="second")
    await chatty.advance(minutes=2)
    change = [delivery for delivery in chatty.handed("to-first") if delivery.shown][-1]
    assert (also(change), change.message.story, change.message.is_repeat) == ([], (), False)
    assert change.message.state == "acknowledged"


async def test_a_channel_that_asks_to_wait_is_no_warning(chatty: World) -> None:
    chatty.channels["board"].script(IsBusy(timedelta(seconds=3)))
    with capture_logs() as logs:
        await chatty.fire("RegionDown", level="3")
    assert [line["log_level"] for line in logs if line["event"] == "not handed over"] == ["info"]


async def test_a_newer_page_leaves_the_older_with_a_word(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Acknowledge(), by="first")
    await chatty.clear("RegionDown", level="3")
    older = [delivery for delivery in chatty.handed("to-first") if delivery.record == "I1-p1/shown"]
    assert older[-1].message.purpose == "outdated"
    assert [one.message.reason for one in chatty.handed("to-first") if not one.shown] == ["step", "resolved"]
    count = len(chatty.handed("to-first"))
    await chatty.fire("RegionDown", level="3")
    later = chatty.handed("to-first")[count:]
    assert "I1-p1/shown" not in {delivery.record for delivery in later}


async def test_a_page_to_somebody_else_by_the_same_channel_leaves_the_first_as_it_is(store: Store) -> None:
    document = editing("to-first")
    document["contacts"]["contacts"]["second"]["methods"] = [{"fake": "to-first"}]
    world = await make_world(store, book=plan.book(document))
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=16)
    await world.ask(Acknowledge(), by="third")
    changes = {
        delivery.record: delivery.message.purpose
        for delivery in world.handed("to-first")
        if delivery.shown and delivery.message.state == "acknowledged"
    }
    assert changes == {"I1-p1/shown": "page", "I1-p2/shown": "page"}


async def test_a_newer_page_by_another_channel_leaves_the_older_as_it_is(store: Store) -> None:
    document = editing("to-first", "to-third")
    document["contacts"]["contacts"]["first"]["methods"] = [{"fake": "to-first"}, {"fake": "to-third"}]
    world = await make_world(store, book=plan.book(document))
    await world.fire("RegionDown", level="3")
    await world.ask(Acknowledge(), by="first")
    world.channels["to-first"].always(IsBusy(timedelta(seconds=20)))
    await world.clear("RegionDown", level="3")
    assert [delivery.message.reason for delivery in world.handed("to-third")] == ["resolved"]
    world.channels["to-first"].always(Accepts())
    await world.advance(seconds=20)
    last = world.handed("to-first")[-1]
    assert (last.record, last.message.purpose, last.message.state) == ("I1-p1/shown", "page", "resolved")


async def test_a_page_that_turns_out_to_have_arrived_twice_is_kept_current_once(store: Store) -> None:
    book = plan.book(editing("to-first"))
    dead = await make_world(store, book=book)
    await dead.post(dead.alert("Disk"))
    await dead.service.intake.consume()
    dead.channels["to-first"].always(Hangs())
    await dead.service.outbox.claim()
    await dead.channels["to-first"].until_handed(1)
    dead.channels["to-first"].release()  # it had arrived; nobody lives to write that down in time
    born = await make_world(store, book=book, clock=dead.clock)
    await born.fire("Other")
    born.channels["to-first"].always(Hangs())
    for _ in range(2):
        born.clock.advance(seconds=30)
        await born.service.outbox.claim()
    await born.channels["to-first"].until_handed(2)
    second = Actor(contact=ContactName("second"), role=Role.RESPONDER, via="a test")
    await born.service.commands.ask(second, IncidentId("I1"), Acknowledge())
    born.channels["to-first"].release()
    await born.settle()
    await dead.service.outbox.settle()
    await born.ask(Snooze(wanted=timedelta(minutes=5)), by="second")
    last = born.handed("to-first")[-1]
    assert shown([last]) == [("I1-p1/shown", "to-first/2")]
    assert (last.message.purpose, last.message.state) == ("page", "acknowledged")


async def test_a_busy_channel_leaves_the_page_to_the_next_method_and_the_notice_to_a_moment_later(
    store: Store,
) -> None:
    document = editing("board")
    document["contacts"]["contacts"]["first"]["methods"] = [{"fake": "to-first"}, {"fake": "to-third"}]
    world = await make_world(store, book=plan.book(document))
    world.channels["to-first"].always(IsBusy(timedelta(seconds=20)))
    world.channels["board"].script(IsBusy(timedelta(seconds=3)))
    await world.fire("RegionDown", level="3")
    assert [delivery.message.reason for delivery in world.handed("to-third")] == ["step"]
    assert [delivery.message.reason for delivery in world.channels["board"].accepted] == []
    await world.advance(seconds=3)
    assert [delivery.message.reason for delivery in world.channels["board"].accepted] == ["paged"]
    assert "ResponderAlarm" not in await world.incidents()


async def test_no_page_waits_behind_what_is_only_shown(world: World) -> None:
    world.channels["board"].always(Hangs())
    world.channels["to-first"].always(Hangs())
    count = PLACES[DueKind.SEND]
    # At level 3, which no storm holds up.
    severe = {"level": "3"}
    await world.post(*(world.alert(f"Disk{number}", severe) for number in range(count)))
    await world.service.intake.consume()
    await world.service.timers.fire_due()
    for _ in range(10):
        await world.service.outbox.claim()
    first = await world.channels["to-first"].until_handed(count)
    assert len(first) == count
    assert len(await world.channels["board"].until_handed(PLACES[DueKind.SHOW])) == PLACES[DueKind.SHOW]
    world.channels["board"].release()
    world.channels["to-first"].release()
    await world.service.outbox.settle()


async def test_a_stop_waits_for_what_is_only_shown_too(world: World) -> None:
    world.channels["board"].always(Hangs())
    await world.post(world.alert("Info", {"severity": "info"}))
    await world.service.intake.consume()
    await world.service.outbox.claim()
    await world.channels["board"].until_handed(1)
    stopping = asyncio.create_task(world.service.outbox.settle())
    await let_others_run(3)
    world.channels["board"].release()
    assert await stopping == 1


async def test_what_is_only_shown_is_no_page_that_is_late_and_no_handover(world: World) -> None:
    await world.post(world.alert("Info", {"severity": "info"}))
    await world.service.intake.consume()
    world.clock.advance(minutes=1)
    await world.settle()
    assert len(world.handed("board")) == 1
    assert await world.incidents() == []
    metrics = world.service.points.metrics
    assert metrics.registry.get_sample_value("responder_page_handover_seconds_count") == 0


async def test_an_address_alone_is_one_on_the_channel_that_is_called_like_its_kind(store: Store) -> None:
    document = plan.plan()
    document["channels"]["channels"]["fake"] = {"fake": {}}
    contacts = document["contacts"]["contacts"]
    contacts["first"]["methods"] = [{"fake": "U024BE7LH"}]
    contacts["second"]["methods"] = [{"fake": {"from_env": "SECOND"}}, {"fake": "to-third"}]
    world = await make_world(store, book=plan.book(document), environ={"SECOND": "U0G9QF9C6"})
    await world.fire("RegionDown", level="3")
    await world.advance(minutes=16)
    assert [delivery.address for delivery in world.handed("fake")] == ["U024BE7LH", "U0G9QF9C6"]


@pytest.fixture
async def addressed(store: Store) -> World:
    """`second` by an address, by a variable, and by a channel that is the address."""
    document = plan.plan()
    document["channels"]["channels"]["fake"] = {"fake": {}}
    document["contacts"]["contacts"]["second"]["methods"] = [
        {"fake": "U1"},
        {"fake": {"from_env": "SECOND"}},
        {"fake": "to-third"},
    ]
    return await make_world(store, book=plan.book(document))


def test_only_what_is_an_address_is_asked_after(addressed: World) -> None:
    assert addressed.service.directory.addresses() == [("second", "fake", "U1")]


@pytest.mark.parametrize(
    "method, channel, address",
    [(0, "fake", "U1"), (2, "to-third", None)],
    ids=["an address", "a channel that is the address"],
)
def test_a_page_goes_to_the_address_of_its_method(
    addressed: World, method: int, channel: str, address: str | None
) -> None:
    found = addressed.service.directory.address(ContactName("second"), method, ChannelName(channel))
    assert found == address


def test_no_page_goes_where_an_address_is_lacking(addressed: World) -> None:
    with pytest.raises(Permanent, match="second: no address for fake is set"):
        addressed.service.directory.address(ContactName("second"), 1, ChannelName("fake"))


def test_what_prints_needs_no_address(addressed: World) -> None:
    addressed.channels["fake"].kind = "console"
    assert addressed.service.directory.address(ContactName("second"), 1, ChannelName("fake")) is None


async def test_a_message_that_stays_says_how_things_stand_and_not_what_happened_last(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Acknowledge())
    await chatty.ask(Note(text="traffic moved"))
    noted = chatty.handed("board")[-1].message
    assert noted.headline.endswith("First has it")
    assert noted.story == ("First left a note: traffic moved",)
    assert not [line for line in noted.body if " ago" in line]


async def test_a_page_that_is_answered_while_its_call_is_in_flight_does_not_stay_open(chatty: World) -> None:
    chatty.channels["to-first"].always(Hangs())
    await chatty.post(chatty.alert("RegionDown", {"level": "3"}))
    await chatty.service.intake.consume()
    await chatty.service.outbox.claim()
    await chatty.channels["to-first"].until_handed()
    actor = Actor(contact=ContactName("second"), role=Role.RESPONDER, via="a test")
    await chatty.service.commands.ask(actor, IncidentId("I1"), Acknowledge())
    chatty.channels["to-first"].release()
    await chatty.settle()
    page, change = chatty.handed("to-first")
    assert (page.message.state, change.message.state) == ("open", "acknowledged")
    assert change.shown == "to-first/1"


async def test_quiet_over_an_acknowledgement_says_which_of_them_ends_last(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Acknowledge(wanted=timedelta(minutes=10)))
    await chatty.ask(Snooze(wanted=timedelta(minutes=30)))
    assert any("the snooze ends" in line for line in chatty.handed("board")[-1].message.body)
    await chatty.advance(minutes=11)
    over = chatty.handed("board")[-1].message
    assert (over.state, over.headline.rpartition(" — ")[2]) == ("snoozed", "snoozed by First")
    await chatty.ask(Acknowledge(wanted=timedelta(minutes=50)))
    await chatty.ask(Snooze(wanted=timedelta(minutes=5)))
    assert any(
        "the acknowledgement of First ends" in line for line in chatty.handed("board")[-1].message.body
    )


async def test_a_story_that_is_told_late_names_who_it_was_and_keeps_the_order(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    chatty.channels["board"].script(IsBusy(timedelta(seconds=30)))
    await chatty.ask(Acknowledge(), by="second")
    await chatty.ask(Note(text="looking"), by="second")
    await chatty.ask(Unacknowledge(), by="second")
    await chatty.ask(Acknowledge(), by="third")
    await chatty.ask(Snooze(wanted=timedelta(minutes=5)), by="second")
    await chatty.advance(seconds=30)
    story = [sentence for sentence in chatty.handed("board")[-1].message.story if "paged" not in sentence]
    assert story == [
        "Second acknowledged",
        "Second left a note: looking",
        "The acknowledgement was undone",
        "Third acknowledged",
        "Second snoozed it",
    ]


async def test_a_page_that_is_left_does_not_say_for_ever_how_things_stood(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Acknowledge())
    await chatty.ask(Unacknowledge(), by="second")
    left = [one for one in chatty.handed("to-first") if one.message.purpose == "outdated"]
    assert [one.message.headline.rpartition(" — ")[2] for one in left] == ["see the newer message"]


async def test_undoing_mere_quiet_tells_of_no_acknowledgement(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Snooze(wanted=timedelta(minutes=5)))
    reply = await chatty.ask(Unacknowledge(), by="second")
    assert reply.code == "escalation.snooze_undone"
    story = [sentence for one in chatty.handed("board") for sentence in one.message.story]
    assert "The snooze is over" in story
    assert "The acknowledgement was undone" not in story
    pages = [one.message.reason for one in chatty.handed("to-first") if not one.shown]
    assert pages == ["step", "snooze_ended"]
