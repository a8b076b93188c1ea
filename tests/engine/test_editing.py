"""Channels that can change their messages: the story they are told, and the pages that they keep up to date."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from responder.core.decision import DueKind
from responder.engine.commands import Acknowledge, Note, Snooze
from responder.engine.outbox import PLACES
from responder.ports.channel import Delivery
from responder.ports.store import Store
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.channel import Hangs, IsBusy


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


async def test_notes_and_pages_do_not_touch_a_page_that_stands(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Note(text="the cable is cut"))
    await chatty.advance(minutes=16)
    assert shown(chatty.handed("to-first")) == [("I1-p1", "")]


async def test_a_newer_page_leaves_the_older_with_a_word(chatty: World) -> None:
    await chatty.fire("RegionDown", level="3")
    await chatty.ask(Acknowledge(), by="first")
    await chatty.clear("RegionDown", level="3")
    older = [delivery for delivery in chatty.handed("to-first") if delivery.record == "I1-p1/shown"]
    assert older[-1].message.purpose == "outdated"
    newer = chatty.handed("to-first")[-1 if older[-1] is not chatty.handed("to-first")[-1] else -2]
    assert newer.message.reason == "resolved"
    count = len(chatty.handed("to-first"))
    await chatty.fire("RegionDown", level="3")
    later = chatty.handed("to-first")[count:]
    assert "I1-p1/shown" not in {delivery.record for delivery in later}


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
    count = PLACES[DueKind.SHOW] + 50
    await world.post(*(world.alert(f"Disk{number}") for number in range(count)))
    await world.service.intake.consume()
    await world.service.timers.fire_due()
    for _ in range(10):
        await world.service.outbox.claim()
    first = await world.channels["to-first"].until_handed(count)
    assert len(first) == count
    assert len(world.handed("board")) <= PLACES[DueKind.SHOW]
    world.channels["board"].release()
    await world.service.outbox.settle()


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
