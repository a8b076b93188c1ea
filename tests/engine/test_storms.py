"""Storms through the whole engine: when pages are gathered, who is exempt, and that none is lost or owed by nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from responder.core.errors import Refused, Unknown
from responder.core.identifiers import ContactName, IncidentId, Kind, RecordKey
from responder.core.level import Level
from responder.core.machines.escalation import Lease
from responder.core.machines.page import Page, Phase
from responder.core.machines.storm import Storm
from responder.core.policy.book import PolicyBook
from responder.engine.commands import (
    ALL_ACKNOWLEDGED,
    NOTHING_TO_DO,
    REPEATED,
    Acknowledge,
    Actor,
    Escalate,
    Resolve,
    Role,
    SetLevel,
    Unacknowledge,
)
from responder.engine.storms import STORM
from responder.ports.channel import Message
from responder.ports.store import Standing, Store, SummaryQuery
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.channel import Accepts, FailsForGood, FailsForNow, Hangs

MANY = 4  # incidents within a minute, in these tests


def documents(**storm: Any) -> dict[str, Any]:
    document = plan.plan()
    document["escalation"]["storm"] = {"incidents": MANY} | storm
    return document


def stormy() -> PolicyBook:
    return plan.book(documents())


@pytest.fixture
async def world(store: Store) -> World:
    return await make_world(store, book=stormy())


async def storm(world: World, names: Sequence[str] = ("A", "B", "C", "D", "E", "F"), **labels: str) -> None:
    """All of them in one body."""
    await world.post(*(world.alert(name, labels) for name in names))
    await world.settle()


async def page(world: World, name: str) -> Page:
    async with world.store.reading() as reader:
        found = (await reader.records([RecordKey(Kind.PAGE, name)]))[RecordKey(Kind.PAGE, name)]
    assert isinstance(found, Page)
    return found


def told(world: World, person: str = "first") -> list[Message]:
    """What a person was sent about alerts: the storm itself is an alarm, and comes by itself."""
    return [
        delivery.message
        for delivery in world.handed(f"to-{person}")
        if not delivery.message.facts["key"].startswith("responder-self")
    ]


def reasons(world: World, person: str = "first") -> list[str]:
    return [message.reason for message in told(world, person)]


async def standings(world: World) -> dict[str, Standing]:
    found, _ = await world.service.views.incidents(SummaryQuery(limit=100))
    return {each.title: each.standing for each in found}


async def holder(world: World, incident: str) -> str:
    lease = (await world.story(incident)).escalation.lease
    assert isinstance(lease, Lease)
    return lease.holder


async def digest_of(world: World, incident: str = "I1") -> str:
    return (await world.story(incident)).pages[0].digest


async def test_below_the_threshold_every_page_goes_by_itself_and_at_once(world: World) -> None:
    await storm(world, ("A", "B", "C"))
    assert reasons(world) == ["step", "step", "step"]


async def test_in_a_storm_the_pages_to_one_person_go_as_one_after_half_a_minute(world: World) -> None:
    await storm(world)
    assert told(world) == []
    await world.advance(seconds=29)
    assert told(world) == []
    await world.advance(seconds=1)
    (message,) = told(world)
    assert message.reason == "digest"
    assert message.incident == await digest_of(world)
    assert "6 incidents" in message.headline
    assert [line.split()[1] for line in message.body if line.startswith("- ")] == [
        f"I{n}" for n in range(1, 7)
    ]
    assert f"responder incidents ack {message.incident}" in message.body[-1]


async def test_who_was_told_in_a_digest_counts_as_reached(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    for number in range(1, 7):
        story = await world.story(f"I{number}")
        assert [each.phase for each in story.pages] == [Phase.ACCEPTED]
        assert story.escalation.reached == ("first",)
    assert {"page.gathering", "page.gathered", "page.carried"} <= set(await world.whys("I1"))


async def test_what_fell_due_before_the_storm_is_not_delayed(world: World) -> None:
    for name in "ABCDEF":
        await world.fire(name)
    assert reasons(world) == ["step"] * (MANY - 1)
    await world.advance(seconds=30)
    assert reasons(world) == ["step"] * (MANY - 1) + ["digest"]


async def test_levels_3_and_4_are_exempt(world: World) -> None:
    await storm(world)
    await world.fire("RegionDown", level="3")
    await world.fire("AllDown", level="4")
    assert [message.level for message in told(world)] == [3, 4]


async def test_alone_it_goes_by_itself_when_it_has_waited(world: World) -> None:
    await storm(world, ("A", "B", "C"))
    await world.fire("D")
    await world.advance(seconds=30)
    assert reasons(world) == ["step"] * 4
    assert (await page(world, "I4-p1")).digest == ""


async def test_a_storm_is_an_alarm_of_our_own_that_comes_by_itself_and_ends_with_it(world: World) -> None:
    await storm(world)
    (alarm,) = [delivery.message for delivery in world.handed("to-first")]
    assert alarm.facts["key"] == "responder-self/storm/incidents"
    assert world.service.points.metrics.alarms.labels("storm")._value.get() == 1
    await world.advance(minutes=10)
    assert (await standings(world))["responder: storm incidents"] in (Standing.RESOLVED, Standing.CLOSED)


async def test_it_ends_when_it_was_calm_for_a_while_and_pages_go_by_themselves_again(world: World) -> None:
    await storm(world)
    await world.advance(minutes=5)
    await world.fire("Late")
    assert not any("Late" in message.headline for message in told(world))
    await world.advance(minutes=5)
    await world.fire("Later")
    assert "Later" in told(world)[-1].headline


async def test_the_gauge_says_so(world: World) -> None:
    for seconds, figure in ((0, 1), (600, 0)):
        if not seconds:
            await storm(world)
        await world.advance(seconds=seconds)
        await world.service.auditor.look()
        assert world.service.points.metrics.storm._value.get() == figure


# Acknowledging


async def test_one_acknowledgement_is_for_all(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    reply = await world.ask(Acknowledge(), incident=await digest_of(world))
    assert (reply.code, reply.details["count"], reply.details["others"]) == (ALL_ACKNOWLEDGED, "6", "0")
    assert {standing for title, standing in (await standings(world)).items() if len(title) == 1} == {
        Standing.ACKNOWLEDGED
    }
    await world.advance(minutes=20)
    assert reasons(world, "second") == []


async def test_the_second_time_there_is_nothing_to_do(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    digest = await digest_of(world)
    await world.ask(Acknowledge(), incident=digest, once="a")
    assert (await world.ask(Acknowledge(), incident=digest, once="a")).code == REPEATED
    assert (await world.ask(Acknowledge(), incident=digest)).code == NOTHING_TO_DO
    assert (await world.ask(Acknowledge(), incident=digest, by="second")).code == NOTHING_TO_DO
    assert await holder(world, "I1") == "first"


async def test_it_takes_nothing_from_who_holds_one_of_them_already(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    await world.ask(Acknowledge(), incident="I2", by="second")
    reply = await world.ask(Acknowledge(), incident=await digest_of(world))
    assert (reply.details["count"], reply.details["others"]) == ("5", "1")
    assert await holder(world, "I2") == "second"


async def test_nothing_else_can_be_asked_of_a_digest_nor_of_one_that_is_not(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    with pytest.raises(Refused, match="only be acknowledged"):
        await world.ask(Unacknowledge(), incident=await digest_of(world))
    with pytest.raises(Unknown, match="no digest D99"):
        await world.ask(Acknowledge(), incident="D99")


async def test_what_is_acknowledged_before_it_goes_is_not_in_it(world: World) -> None:
    await storm(world)
    await world.ask(Acknowledge(), incident="I1")
    await world.advance(seconds=30)
    (message,) = told(world)
    assert "5 incidents" in message.headline
    assert not any(" I1 " in line for line in message.body)


async def test_one_that_is_answered_while_the_channel_fails_leaves_the_digest(world: World) -> None:
    world.channels["to-first"].always(FailsForNow())
    await storm(world)
    await world.advance(seconds=31)
    await world.ask(Acknowledge(), incident="I1", by="second")
    world.channels["to-first"].always(Accepts())
    await world.advance(seconds=30)
    digest = told(world)[-1]
    assert digest.reason == "digest"
    assert "5 incidents" in digest.headline
    assert (await page(world, "I1-p1")).phase is Phase.WITHDRAWN


async def test_a_digest_nobody_needs_is_not_sent(world: World) -> None:
    world.channels["to-first"].always(FailsForNow())
    await storm(world)
    await world.advance(seconds=31)
    digest = await digest_of(world)
    await world.ask(Acknowledge(), incident=digest, by="second")
    world.channels["to-first"].always(Accepts())
    before = len(told(world))
    await world.advance(minutes=5)
    assert "digest" not in reasons(world)[before:]
    assert (await page(world, digest)).phase is Phase.WITHDRAWN


async def test_a_channel_that_was_shown_none_of_it_is_not_told_who_has_it(store: Store) -> None:
    document = documents()
    matrix = document["escalation"]["policies"]["matrix"]
    matrix[2] = {"steps": [{"after": "0s", "page": ["level_contacts"]}]}
    world = await make_world(store, book=plan.book(document))
    await storm(world)
    await world.advance(seconds=30)
    await world.ask(Acknowledge(), incident=await digest_of(world))
    await world.ask(Resolve(reason="over"), incident="I1")
    assert world.handed("board") == []


async def test_a_channel_that_was_shown_it_is_told_who_has_it(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    before = len(world.handed("board"))
    await world.ask(Acknowledge(), incident=await digest_of(world))
    assert len(world.handed("board")) == before + 6


# Rising


async def test_what_rises_while_it_waits_goes_at_once_and_the_others_wait_on(world: World) -> None:
    await storm(world)
    await world.advance(seconds=10)
    await world.ask(SetLevel(level=Level.SEVERE, reason="worse"), incident="I3", by="second")
    assert [(message.incident, message.reason) for message in told(world)] == [("I3", "step")]
    await world.advance(seconds=20)
    assert "5 incidents" in told(world)[-1].headline


async def test_what_rises_while_it_waits_for_one_whom_the_higher_ladder_leaves_out_goes_too(
    store: Store,
) -> None:
    document = documents()
    document["levels"]["levels"][3]["contacts"] = ["second"]
    world = await make_world(store, book=plan.book(document))
    await storm(world)
    await world.ask(SetLevel(level=Level.SEVERE, reason="worse"), incident="I3", by="second")
    assert [(message.incident, message.reason) for message in told(world)] == [("I3", "step")]
    assert reasons(world, "second") == ["step"]


async def test_what_rises_while_it_waits_to_a_level_that_waits_too_goes_at_once(store: Store) -> None:
    document = documents()
    for level in (1, 2):
        document["escalation"]["policies"]["matrix"][level] = {"steps": [{"after": "0s", "page": ["first"]}]}
    world = await make_world(store, book=plan.book(document))
    await storm(world, level="1")
    await world.ask(SetLevel(level=Level.MODERATE, reason="worse"), incident="I3", by="second")
    assert [(message.incident, message.reason) for message in told(world)] == [("I3", "step")]


async def test_what_rises_out_of_a_digest_that_may_have_arrived_says_that_it_may_be_a_repeat(
    world: World,
) -> None:
    await storm(world)
    world.channels["to-first"].always(Hangs())
    await world.advance(seconds=29)
    world.clock.advance(seconds=1)
    await world.service.timers.fire_due()
    await world.service.outbox.claim()
    await world.channels["to-first"].until_handed()
    second = Actor(contact=ContactName("second"), role=Role.RESPONDER, via="a test")
    await world.service.commands.ask(second, IncidentId("I3"), SetLevel(level=Level.SEVERE, reason="worse"))
    released = await page(world, "I3-p1")
    assert (released.phase, released.next_is_repeat, released.digest) == (Phase.OWED, True, "")
    world.channels["to-first"].release()
    await world.service.outbox.settle()


async def test_a_digests_acknowledgement_leaves_out_what_has_risen_since(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    await world.ask(SetLevel(level=Level.SEVERE, reason="worse"), incident="I3", by="second")
    reply = await world.ask(Acknowledge(), incident=await digest_of(world))
    assert (reply.details["count"], reply.details["others"]) == ("5", "1")
    assert (await world.story("I3")).standing is Standing.OPEN


async def test_what_rises_after_its_digest_was_acknowledged_is_paged_at_once(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    await world.ask(Acknowledge(), incident=await digest_of(world))
    await world.ask(SetLevel(level=Level.SEVERE, reason="worse"), incident="I3", by="second")
    assert sorted(reasons(world)[-2:]) == ["rose", "step"]
    assert (await world.story("I3")).standing is Standing.OPEN


# What follows


async def test_news_of_what_a_digest_told_comes_in_one_too(world: World) -> None:
    await storm(world)
    await world.advance(minutes=11)
    for name in "ABC":
        await world.clear(name)
    await world.advance(seconds=30)
    news = told(world)[-1]
    assert news.reason == "digest_told"
    assert "3 incidents" in news.headline
    assert news.facts["acknowledge"] == ""


async def test_the_ends_of_all_the_leases_that_one_acknowledgement_began_are_one_page(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    await world.ask(Acknowledge(), incident=await digest_of(world))
    before = len(told(world))
    await world.advance(hours=2, seconds=30)
    assert reasons(world)[before:] == ["digest"]


async def test_a_person_who_asks_for_the_next_step_does_not_wait(world: World) -> None:
    await storm(world)
    await world.ask(Escalate(), incident="I1", by="third")
    assert reasons(world, "second") == ["escalated"]


async def test_what_comes_after_a_digest_goes_in_the_next(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    await storm(world, ("G", "H"))
    await world.advance(seconds=30)
    assert reasons(world) == ["digest", "digest"]
    assert "2 incidents" in told(world)[-1].headline


async def test_each_person_has_a_digest_of_their_own(world: World) -> None:
    await storm(world)
    await world.advance(minutes=15, seconds=30)
    assert reasons(world) == ["digest"]
    assert reasons(world, "second") == ["digest"]


async def test_two_who_are_paged_at_once_are_told_apart(store: Store) -> None:
    document = documents()
    for level in document["levels"]["levels"].values():
        level["contacts"] = ["first", "third"]
    world = await make_world(store, book=plan.book(document))
    await storm(world)
    await world.advance(seconds=30)
    assert reasons(world) == reasons(world, "third") == ["digest"]
    assert told(world)[0].incident != told(world, "third")[0].incident


async def test_a_long_list_is_cut_with_a_count(world: World) -> None:
    await storm(world, [f"A{number:02}" for number in range(30)])
    await world.advance(seconds=30)
    (message,) = told(world)
    assert "30 incidents" in message.headline
    assert len([line for line in message.body if line.startswith("- I")]) == 20
    every = f"responder incidents show {message.incident}"
    assert f"- and 10 more; all of them: {every}" in message.body


async def test_what_no_message_may_show_is_veiled_in_a_digest_too(store: Store) -> None:
    document = documents()
    document["levels"]["redact"] = ["customer"]
    document["levels"]["rules"][-1]["group_by"] = ["alertname", "customer"]
    world = await make_world(store, book=plan.book(document))
    await storm(world, customer="Acme Corp")
    await world.advance(seconds=30)
    (message,) = told(world)
    assert not any("Acme" in line for line in (message.headline, *message.body))
    assert any("customer=•••" in line for line in message.body)


async def test_a_digest_speaks_the_persons_language(store: Store) -> None:
    document = documents()
    document["contacts"]["contacts"]["first"]["locale"] = "ko"
    world = await make_world(store, book=plan.book(document))
    await storm(world)
    await world.advance(seconds=30)
    (message,) = told(world)
    assert "인시던트 6건" in message.headline


# Failing


async def test_a_digest_takes_the_persons_next_method(store: Store) -> None:
    document = documents()
    document["contacts"]["contacts"]["first"]["methods"] = [{"fake": "to-first"}, {"fake": "to-third"}]
    world = await make_world(store, book=plan.book(document))
    world.channels["to-first"].always(FailsForGood())
    await storm(world)
    await world.advance(seconds=30)
    assert "digest" in reasons(world, "third")


async def test_where_no_method_takes_it_every_member_moves_on(world: World) -> None:
    world.channels["to-first"].always(FailsForGood())
    await storm(world)
    await world.advance(minutes=2)
    assert (await page(world, "I1-p1")).phase is Phase.FAILED
    assert (await page(world, await digest_of(world))).phase is Phase.FAILED
    assert "digest" in reasons(world, "second")


async def test_whoever_stops_between_two_transactions_leaves_the_page_or_the_digest_owed(
    store: Store,
) -> None:
    world = await make_world(store, book=stormy())
    await storm(world)
    await world.sleep(seconds=30)
    await world.service.timers.fire_due()
    again = await make_world(store, book=stormy(), clock=world.clock)
    await again.settle()
    assert reasons(again) == ["digest"]
    assert await again.service.auditor.look() == []


async def test_the_auditor_names_a_page_that_no_digest_owes(world: World) -> None:
    await storm(world)
    world.channels["to-first"].always(FailsForNow())
    await world.advance(seconds=31)
    digest = await page(world, await digest_of(world))
    async with world.store.unit() as unit:
        (stored,) = (await unit.records([RecordKey(Kind.PAGE, digest.page)])).values()
        assert isinstance(stored, Page)
        await unit.put_record(replace(stored, phase=Phase.FAILED, next_at=None), world.clock.now())
    found = await world.service.auditor.look()
    assert "uncarried" in " ".join(alarm.detail for alarm in found)


async def test_a_process_that_starts_in_a_storm_knows_of_it(store: Store) -> None:
    world = await make_world(store, book=stormy())
    await storm(world)
    again = await make_world(store, book=stormy(), clock=world.clock)
    await again.fire("Late")
    assert told(again) == []


async def test_it_can_be_switched_off(store: Store) -> None:
    world = await make_world(store, book=plan.book(documents(incidents=0)))
    await storm(world)
    assert reasons(world) == ["step"] * 6


async def test_a_storm_that_is_switched_off_is_over(world: World) -> None:
    await storm(world)
    world.service.policies.replace(plan.book(documents(incidents=0)))
    await world.advance(seconds=15)
    async with world.store.reading() as reader:
        found = (await reader.records([STORM]))[STORM]
    assert isinstance(found, Storm)
    assert not found.rages


async def test_a_digest_is_forgotten_with_the_last_incident_that_it_told_of(world: World) -> None:
    await storm(world)
    await world.advance(seconds=30)
    digest = await digest_of(world)
    await world.ask(Acknowledge(), incident=digest, once="a")
    for name in "BCDEF":
        await world.clear(name)
    await world.advance(hours=1)
    await world.sleep(days=401)
    await world.service.retention.delete_old()
    assert [title for title in await world.incidents() if len(title) == 1] == ["A"]
    assert (await world.ask(Acknowledge(), incident=digest, once="a")).code == REPEATED
    assert not any("uncarried" in alarm.detail for alarm in await world.service.auditor.look())
    await world.clear("A")
    await world.advance(hours=1)
    await world.sleep(days=401)
    await world.service.retention.delete_old()
    with pytest.raises(Unknown, match="no digest"):
        await world.ask(Acknowledge(), incident=digest, once="a")
