"""From bodies to incidents: what is counted in, what is set aside, and that nothing spoils its neighbours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from responder.core.decision import DueKind
from responder.core.errors import Transient
from responder.core.identifiers import JournalId, Kind
from responder.core.machines.incident import Incident, Phase
from responder.core.policy.book import PolicyBook
from responder.ports.store import Standing, Store, Stored, SummaryQuery
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.store import MemoryStore

SAMPLES = Path(__file__).parent.parent / "samples" / "alertmanager"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def bodies(world: World) -> list[Stored]:
    async with world.store.reading() as reader:
        return [body.state for body in await reader.bodies(JournalId(0), 100)]


async def test_thirty_alerts_of_one_trouble_are_one_incident_and_one_page(world: World) -> None:
    await world.post(*(world.alert("Disk", {"node": f"n{n}"}) for n in range(30)))
    await world.settle()
    story = await world.story()
    assert (story.incident.firing, len(story.alerts)) == (30, 30)
    assert world.reasons("first") == ["step"]
    assert await world.incidents() == ["Disk"]


async def test_the_same_body_from_two_peers_changes_nothing(world: World) -> None:
    for _ in range(2):
        await world.post(world.alert("Disk"))
    await world.settle()
    assert (await world.story()).incident.firing == 1
    assert world.reasons("first") == ["step"]


async def test_a_repeat_wakes_nobody_who_waits_for_what_is_due(world: World) -> None:
    await world.post(world.alert("Disk"))
    await world.settle()
    bell = world.service.points.bells.sending[DueKind.SEND]
    bell.ring()
    await bell.wait()  # what was rung before counts no more
    waiting = asyncio.ensure_future(bell.wait())
    await world.post(world.alert("Disk"))
    assert [await world.service.intake.consume() for _ in range(3)] == [1, 0, 0]
    assert not waiting.done()
    await world.post(world.alert("Memory"))
    assert await world.service.intake.consume() == 1
    await waiting


async def test_a_mixed_body_does_not_resolve_what_goes_on(world: World) -> None:
    await world.post(world.alert("Mix", {"node": "n1"}))
    await world.settle()
    world.clock.advance(minutes=1)
    await world.post(world.alert("Mix", {"node": "n1"}, resolved=True), world.alert("Mix", {"node": "n2"}))
    await world.settle()
    story = await world.story()
    assert story.incident.phase is Phase.OPEN
    assert story.incident.firing == 1
    assert "resolved" not in world.reasons("first")


async def test_a_resolve_with_an_earlier_start_ends_what_the_other_prometheus_fired(world: World) -> None:
    await world.post(world.alert("Disk", started=NOON + timedelta(seconds=5)))
    await world.settle()
    world.clock.advance(minutes=5)
    await world.post(world.alert("Disk", started=NOON, resolved=True), status="resolved")
    await world.settle()
    assert (await world.story()).incident.phase is Phase.RESOLVED


async def test_a_resolve_of_an_unknown_alert_opens_nothing(world: World) -> None:
    await world.clear("Disk")
    assert await world.incidents() == []


async def test_alerts_of_several_rules_in_one_body_go_their_ways(world: World) -> None:
    await world.post(
        world.alert("A"), world.alert("B", {"level": "3"}), world.alert("C", {"severity": "info"})
    )
    await world.settle()
    assert sorted(await world.incidents()) == ["A", "B"]
    assert [delivery.message.reason for delivery in world.handed("board")].count("info") == 1


async def test_one_unreadable_alert_is_set_aside_with_an_alarm_and_the_others_go_on(world: World) -> None:
    await world.post(world.alert("Good"), {"labels": "nonsense"}, world.alert("Fine"))
    await world.settle()
    titles = await world.incidents()
    assert {"Good", "Fine"} < set(titles)
    assert any("set-aside" in title for title in titles)


async def test_an_unknown_version_is_worked_on_with_an_alarm(world: World) -> None:
    await world.post(world.alert("Disk"), version="5")
    await world.settle()
    assert sorted(await world.incidents()) == ["Disk", "responder: body-version 5"]


async def test_a_truncated_firing_body_keeps_the_incident_open_until_it_is_whole(world: World) -> None:
    await world.post(world.alert("Disk", {"node": "n1"}), truncated=25, groupKey="g")
    await world.settle()
    world.clock.advance(minutes=5)
    await world.post(world.alert("Disk", {"node": "n1"}, resolved=True), truncated=24, groupKey="g")
    await world.settle()
    assert (await world.story()).incident.phase is Phase.OPEN
    await world.post(
        world.alert("Disk", {"node": "n1"}, resolved=True), truncated=24, groupKey="g", status="resolved"
    )
    await world.settle()
    assert (await world.story()).incident.phase is Phase.RESOLVED


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*.json")))
async def test_every_recorded_body_is_worked_off(world: World, name: str) -> None:
    await world.post_raw((SAMPLES / name).read_bytes())
    await world.settle()
    assert await bodies(world) == [Stored.DONE]


async def test_firing_and_resolved_twins_of_a_recording_open_and_resolve_one_incident(world: World) -> None:
    for name in ("firing-grouped-30.json", "resolved-grouped-30.json"):
        await world.post_raw((SAMPLES / name).read_bytes())
        await world.settle()
    assert [(await world.story()).incident.phase] == [Phase.RESOLVED]
    assert len(await world.incidents()) == 1


def poisoned_book() -> PolicyBook:
    """A book that nobody has checked: the rule for alerts called Poison names a policy that is not there."""
    documents = plan.plan()
    rule = {"name": "poison", "match": ['alertname="Poison"'], "level": 2, "escalation": "lost"}
    documents["levels"]["rules"].insert(0, rule)
    policies = documents["escalation"]["policies"]
    policies["lost"] = policies["matrix"]
    whole = plan.book(documents)
    document = whole.escalation_document
    kept = {name: steps for name, steps in document.policies.items() if name != "lost"}
    return replace(whole, escalation_document=document.model_copy(update={"policies": kept}))


async def test_a_body_that_always_raises_is_set_aside_and_takes_no_other_with_it(store: Store) -> None:
    world = await make_world(store, book=poisoned_book())
    await world.post(world.alert("Before"))
    await world.post(world.alert("Poison"))
    await world.post(world.alert("After"))
    await world.settle()
    assert await bodies(world) == [Stored.DONE, Stored.SET_ASIDE, Stored.DONE]
    titles = await world.incidents()
    assert {"Before", "After"} < set(titles)
    assert any("set-aside journal-2" in title for title in titles)


async def test_a_body_that_killed_the_process_three_times_is_not_tried_again(world: World) -> None:
    await world.post(world.alert("Deadly"))
    for _ in range(3):
        async with world.store.unit() as unit:
            claimed = await unit.claim_bodies(
                10, world.clock.now(), world.clock.now() + timedelta(seconds=30)
            )
        assert len(claimed) == 1
        world.clock.advance(seconds=31)
    await world.settle()
    assert await bodies(world) == [Stored.SET_ASIDE]


class Unavailable:
    """A store whose commits at one point fail."""

    def __init__(self) -> None:
        self.point = ""

    async def before(self, point: str) -> None:
        if point == self.point:
            raise Transient("the disk is full")

    async def after(self, point: str) -> None: ...


async def test_what_cannot_be_made_durable_is_not_accepted(store: Store) -> None:
    faults = Unavailable()
    world = await make_world(store, faults=faults)
    faults.point = "commit.journal"
    with pytest.raises(Transient, match="disk is full"):
        await world.post(world.alert("Disk"))
    faults.point = ""
    assert await bodies(world) == []
    await world.fire("Disk")
    assert await world.incidents() == ["Disk"]


async def test_a_batch_that_could_not_commit_is_worked_on_again_however_often(store: Store) -> None:
    faults = Unavailable()
    world = await make_world(store, faults=faults)
    await world.post(world.alert("Disk"))
    faults.point = "commit.handle"
    for _ in range(10):  # a disk that is full for a while
        with pytest.raises(Transient):
            await world.service.intake.consume()
    faults.point = ""
    await world.settle()  # at once: we know that nobody else works on it
    assert await world.incidents() == ["Disk"]
    assert (await world.story()).standing is Standing.OPEN


HOSTILE: Mapping[str, Any] = {
    "newlines": "a\nb\r\nINFO forged=line",
    "markup": "<script>alert(1)</script> <!channel> *bold* [red]x[/red]",
    "escapes": "\x1b[2J\x1b]0;owned\x07",
    "braces": '{alertname="x"} {{ 7*7 }}',
    "long": "x" * 100_000,
    "right to left": "\u202egnp.exe",
    "nothing": "",
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_name_opens_its_incident_and_reaches_nobody_raw(world: World, kind: str) -> None:
    await world.post({**world.alert("x"), "labels": {"alertname": HOSTILE[kind], "pod": HOSTILE[kind]}})
    await world.settle()
    (delivery,) = world.handed("to-first")
    text = "\n".join((delivery.message.headline, *delivery.message.body))
    assert len(delivery.message.headline) <= 200
    assert not set(text) & {"\x1b", "\x07", "\u202e", "\r"}
    assert "\n" not in delivery.message.headline


async def test_json_that_is_no_body_is_done_with_an_alarm_should_it_ever_get_in(world: World) -> None:
    await world.post_raw(json.dumps({"no": "alerts"}).encode())
    await world.settle()
    assert await bodies(world) == [Stored.DONE]
    assert any("set-aside" in title for title in await world.incidents())


async def test_alerts_that_share_a_fingerprint_and_not_their_labels_are_told_apart(world: World) -> None:
    shared = {"fingerprint": "00000000000000aa"}
    for _ in range(2):  # and their repeats are repeats
        await world.post(world.alert("Disk") | shared, world.alert("RegionDown", {"level": "3"}) | shared)
        await world.settle()
    await world.post(world.alert("Memory") | shared)
    await world.settle()
    assert await world.incidents() == ["Disk", "RegionDown", "Memory"]
    assert [(await world.story(name)).incident.seen for name in ("I1", "I2", "I3")] == [1, 1, 1]


# Bodies of one batch


async def test_bodies_of_one_trouble_that_are_read_together_are_one_event(world: World) -> None:
    for number in range(5):
        await world.post(world.alert("Disk", {"node": f"n{number}"}))
    assert await world.service.intake.consume() == 5
    story = await world.story()
    assert (story.incident.firing, len(story.alerts)) == (5, 5)
    assert [line.event for line in story.audit if line.record.kind is Kind.INCIDENT] == ["Opened"]


async def test_a_twin_in_another_body_of_the_batch_is_no_second_occurrence(world: World) -> None:
    """Two Alertmanagers that do not know each other tell of the same alert in the same moment."""
    for started in (NOON, NOON - timedelta(seconds=7)):
        await world.post(world.alert("Disk", started=started))
    await world.service.intake.consume()
    (alert,) = (await world.story()).alerts
    assert (alert.starts_at, alert.journal) == (NOON - timedelta(seconds=7), 2)


async def test_what_ends_is_over_before_the_next_body_of_the_batch(world: World) -> None:
    await world.fire("Disk", node="a")
    await world.post(world.alert("Disk", {"node": "a"}, resolved=True), status="resolved")
    await world.post(world.alert("Disk", {"node": "b"}))
    await world.service.intake.consume()
    whys = [line.why for line in (await world.story()).audit if line.record.kind is Kind.INCIDENT]
    assert whys == ["incident.opened", "incident.cleared", "incident.reopened"]


async def test_only_what_a_truncated_body_names_may_hide_more(world: World) -> None:
    await world.post(world.alert("Net"), groupKey="a")
    await world.post(world.alert("Disk"), truncated=3, groupKey="b")
    await world.service.intake.consume()
    assert [len((await world.story(name)).incident.hidden) for name in ("I1", "I2")] == [0, 1]


posted = st.lists(
    st.tuples(
        st.sampled_from(["Disk", "Net"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["2", "3"]),
        st.sampled_from([0, -60, 60]),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=3,
)


@settings(deadline=None)
@given(bodies=st.lists(st.tuples(posted, st.sampled_from([0, 0, 0, 2])), min_size=2, max_size=7))
def test_a_batch_comes_to_what_its_bodies_come_to_one_by_one(bodies) -> None:
    async def came_of(*, at_once: bool) -> tuple[object, ...]:
        world = await make_world(MemoryStore())
        for alerts, truncated in bodies:
            made = [
                world.alert(
                    name,
                    {"node": node, "level": level},
                    started=NOON + timedelta(seconds=shift),
                    resolved=resolved,
                )
                for name, node, level, shift, resolved in alerts
            ]
            await world.post(*made, truncated=truncated)
            if not at_once:
                await world.service.intake.consume()
        await world.service.intake.consume()
        return await whole(world)

    assert asyncio.run(came_of(at_once=True)) == asyncio.run(came_of(at_once=False))


async def whole(world: World) -> tuple[object, ...]:
    """What stands of every incident and of every alert, but for how often it was written."""
    async with world.store.reading() as reader:
        found = [replace(one, revision=0) for one in await reader.summaries(SummaryQuery())]
        alerts = [await reader.occurrences_of(one.incident, 100) for one in found]
        records = await reader.live_records([one.incident for one in found])
    incidents = [one for many in records.values() for one in many if isinstance(one, Incident)]
    return found, alerts, [replace(one, revision=0) for one in incidents]
