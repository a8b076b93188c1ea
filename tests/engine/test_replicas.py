"""Several services on one store: a commit that another came between, a body taken over, and whose policies count."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from responder.core.delivery import Outcome
from responder.core.errors import Conflict, Permanent
from responder.core.identifiers import ChannelName, ContactName
from responder.core.level import Level
from responder.core.machines.page import Phase
from responder.core.policy.book import PolicyBook
from responder.engine import replicas
from responder.engine.commands import Acknowledge, Actor, Declare, Role
from responder.engine.points import TRIES
from responder.engine.replicas import Name
from responder.ports.alerts import Peer
from responder.ports.faults import Faults
from responder.ports.store import Reader, Standing, Store, Unit
from tests.engine import plan
from tests.engine.test_policies import faster
from tests.engine.world import World, make_world
from tests.fakes.alertmanager import FakePeer
from tests.fakes.clock import FakeClock

FIRST = Actor(contact=ContactName("first"), role=Role.RESPONDER, via="api")
OTHER = Name(id="elsewhere", version="9.9")


class Contended:
    """A store in which another comes between the next units, `conflicts` of them, just before they commit."""

    is_exclusive = False

    def __init__(self, real: Store) -> None:
        self._real = real
        self.conflicts = 0

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        async with self._real.unit() as unit:
            yield unit
            if self.conflicts:
                self.conflicts -= 1
                raise Conflict("another came between")

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        return self._real.reading()

    async def hear(self, ring: Callable[[str], None]) -> None:
        await self._real.hear(ring)

    async def close(self) -> None:
        await self._real.close()


class Held:
    """Whoever passes `point` once it is done waits there until the test lets them go."""

    def __init__(self, point: str) -> None:
        self._point = point
        self.has_come = asyncio.Event()
        self.may_go = asyncio.Event()

    async def before(self, point: str) -> None:
        return

    async def after(self, point: str) -> None:
        if point == self._point:
            self.has_come.set()
            await self.may_go.wait()


class Passed:
    """Counts who passes which point."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()

    async def before(self, point: str) -> None:
        self.count[point] += 1

    async def after(self, point: str) -> None:
        return


async def conflicts(world: World, point: str) -> float:
    value = world.service.points.metrics.registry.get_sample_value(
        "responder_conflicts_total", {"point": point}
    )
    return value or 0.0


async def test_what_another_came_between_is_done_again_as_a_whole_and_once(store: Store) -> None:
    contended = Contended(store)
    world = await make_world(contended)
    contended.conflicts = 3
    await world.fire("Disk")
    contended.conflicts = 3
    reply = await world.ask(Acknowledge())
    assert reply.code == "escalation.acknowledged"
    assert (await world.whys()).count("escalation.acknowledged") == 1
    assert world.reasons("first") == ["step"]
    assert await conflicts(world, "commit.command") == 3


@pytest.mark.parametrize("point", ["commit.handle", "commit.timers", "commit.claim", "commit.result"])
async def test_every_loop_does_it_again(store: Store, point: str) -> None:
    contended = Contended(store)
    world = await make_world(contended)
    await world.post(world.alert("Disk", {"level": "3"}))
    steps = {
        "commit.handle": world.service.intake.consume,
        "commit.timers": world.service.timers.fire_due,
        "commit.claim": world.service.outbox.claim,
        "commit.result": world.service.outbox.settle,
    }
    for name, step in steps.items():
        contended.conflicts = 2 if name == point else 0
        await step()
    await world.advance(minutes=15)
    assert world.reasons("first") == ["step"]
    assert world.reasons("second") == ["step"]
    assert (await world.whys()).count("incident.opened") == 1


async def test_one_that_others_always_come_between_is_given_up(store: Store) -> None:
    contended = Contended(store)
    world = await make_world(contended)
    contended.conflicts = TRIES
    with pytest.raises(Conflict, match="came between"):
        await world.service.commands.declare(FIRST, Declare(title="the cloud is gone", level=Level.FATAL))
    assert contended.conflicts == 0
    assert await world.incidents() == []


async def test_a_body_that_another_took_over_is_worked_off_once(store: Store) -> None:
    held = Held("claim.journal")
    slow = await make_world(store, faults=held)
    quick = await make_world(store, clock=slow.clock, name=OTHER)
    await slow.post(slow.alert("Disk"))
    consuming = asyncio.create_task(slow.service.intake.consume())
    await held.has_come.wait()
    assert await quick.service.intake.consume() == 0, "its claim is another's"
    slow.clock.advance(seconds=31)
    assert await quick.service.intake.consume() == 1
    held.may_go.set()
    await consuming
    assert (await quick.whys()).count("incident.opened") == 1
    consumed = "responder_ingest_bodies_total"
    told = [
        world.service.points.metrics.registry.get_sample_value(consumed, {"result": "consumed"})
        for world in (slow, quick)
    ]
    assert told == [0, 1]


async def two_with_different_policies(store: Store) -> tuple[World, World]:
    """The second was started later."""
    old = await make_world(store)
    await old.service.replicas.load()
    old.clock.advance(seconds=1)
    new = await make_world(store, clock=old.clock, book=plan.book(faster()), name=OTHER)
    await new.service.replicas.load()
    await old.service.replicas.tell()
    return old, new


async def test_only_who_has_the_policies_that_were_loaded_last_judges(store: Store) -> None:
    old, new = await two_with_different_policies(Contended(store))
    await old.post(old.alert("Disk"))
    assert await old.service.intake.consume() == 0
    assert "reload" in old.service.readiness()["policies"]
    assert await new.service.intake.consume() == 1
    assert new.service.readiness() == {}


async def test_an_acknowledgement_is_taken_without_the_newest_policies(store: Store) -> None:
    old, new = await two_with_different_policies(Contended(store))
    await new.fire("Disk", level="3")
    assert (await old.ask(Acknowledge())).code == "escalation.acknowledged"
    await new.advance(minutes=1)
    assert new.reasons("third") == []


async def test_a_reload_of_the_same_policies_lets_a_replica_judge_again(store: Store) -> None:
    old, _ = await two_with_different_policies(Contended(store))
    old.shelf.book = plan.book(faster())
    await old.service.reload.reload()
    await old.post(old.alert("Disk"))
    assert await old.service.intake.consume() == 1
    assert old.service.readiness() == {}


async def test_policies_whose_last_holder_died_give_way(store: Store) -> None:
    old, _ = await two_with_different_policies(Contended(store))
    await old.post(old.alert("Disk"))
    old.clock.advance(seconds=replicas.GONE.total_seconds() - 2)
    await old.service.replicas.tell()
    assert await old.service.intake.consume() == 0
    old.clock.advance(seconds=2)
    await old.service.replicas.tell()
    assert await old.service.intake.consume() == 1
    assert (await old.story()).standing is Standing.OPEN
    assert old.service.readiness() == {}


async def test_where_the_store_is_ours_alone_nobody_else_is_there(store: Store) -> None:
    before = await make_world(store)
    before.clock.advance(hours=1)
    await before.service.replicas.load()
    after = await make_world(store, book=plan.book(faster()), name=OTHER)
    assert after.clock.now() < before.clock.now(), "the system's clock was set back"
    await after.service.replicas.load()
    await after.post(after.alert("Disk"))
    assert await after.service.intake.consume() == 1


async def test_replicas_are_counted_and_forgotten(store: Store) -> None:
    _, new = await two_with_different_policies(Contended(store))
    registry = new.service.points.metrics.registry
    await new.service.replicas.tell()
    assert registry.get_sample_value("responder_replicas") == 2
    new.clock.advance(seconds=replicas.FORGOTTEN.total_seconds() + 5)
    await new.service.replicas.tell()
    assert registry.get_sample_value("responder_replicas") == 1
    async with store.reading() as reader:
        assert [replica.id for replica in await reader.replicas()] == ["elsewhere"]


# While other policies are in force


def elsewhere() -> PolicyBook:
    """The same plan with other people, on channels of their own."""
    return plan.book({name: renamed(document) for name, document in plan.plan().items()})


def renamed(found: Any) -> Any:
    match found:
        case dict():
            return {renamed(key): renamed(value) for key, value in found.items()}
        case list():
            return [renamed(one) for one in found]
        case "first" | "second" | "third":
            return f"new-{found}"
        case "to-first" | "to-second" | "to-third":
            return found.replace("to-", "to-new-")
        case _:
            return found


async def two_with_different_people(
    store: Store, faults: Faults | None = None, peers: Sequence[Peer] = ()
) -> tuple[World, World]:
    """The second was started later. `faults`, `peers`: of the first."""
    old = await make_world(store, faults=faults, peers=peers)
    await old.service.replicas.load()
    old.clock.advance(seconds=1)
    new = await make_world(store, clock=old.clock, book=elsewhere(), name=OTHER)
    await new.service.replicas.load()
    return old, new


async def test_pages_by_newer_policies_are_left_to_who_has_them(store: Store) -> None:
    old, new = await two_with_different_people(Contended(store))
    await new.post(new.alert("Disk", {"level": "3"}))
    await new.service.intake.consume()
    await old.settle()
    assert await old.whys() == await new.whys()
    assert {page.phase for page in (await old.story()).pages} == {Phase.OWED}
    await new.settle()
    assert new.reasons("new-first") == ["step"]
    assert old.reasons("first") == []


async def test_timers_of_newer_policies_are_left_to_who_has_them(store: Store) -> None:
    old, new = await two_with_different_people(Contended(store), passed := Passed())
    await new.fire("Disk", level="3")
    old.clock.advance(minutes=15)
    await new.service.replicas.tell()
    await old.service.replicas.tell()
    assert await old.service.timers.fire_due() == 0
    assert passed.count["commit.timers"] == 0, "it does not take the rows even for a moment"
    await new.settle()
    assert new.reasons("new-second") == ["step"]
    assert await new.incidents() == ["Disk"], "no alarm about anybody who is not in the older policies"


async def test_a_claim_asks_by_itself_whose_policies_are_in_force(store: Store) -> None:
    old, new = await two_with_different_people(Contended(store))
    await new.post(new.alert("Disk", {"level": "3"}))
    await new.service.intake.consume()
    assert not old.service.replicas.stands_by, "nobody has told it yet"
    assert await old.service.outbox.claim() == 0
    assert "policies" in old.service.readiness()


async def test_a_body_that_newer_policies_come_between_is_judged_by_them(store: Store) -> None:
    contended = Contended(store)
    old = await make_world(contended, faults=(held := Held("claim.journal")))
    await old.service.replicas.load()
    await old.post(old.alert("Disk", {"level": "3"}))
    consuming = asyncio.create_task(old.service.intake.consume())
    await held.has_come.wait()
    old.clock.advance(seconds=1)
    new = await make_world(contended, clock=old.clock, book=elsewhere(), name=OTHER)
    await new.service.replicas.load()
    with capture_logs() as lines:
        held.may_go.set()
        await consuming
    assert [line["event"].partition(";")[0] for line in lines] == ["other policies are in force"]
    await new.settle()
    assert new.reasons("new-first") == ["step"]
    assert old.reasons("first") == []


async def test_a_call_in_flight_ends_and_is_recorded_by_who_made_it(store: Store) -> None:
    contended = Contended(store)
    old = await make_world(contended)
    await old.service.replicas.load()
    await old.post(old.alert("Disk", {"level": "3"}))
    await old.service.intake.consume()
    await old.service.outbox.claim()
    old.clock.advance(seconds=1)
    new = await make_world(contended, clock=old.clock, book=elsewhere(), name=OTHER)
    await new.service.replicas.load()
    await old.service.outbox.settle()
    assert old.reasons("first") == ["step"]
    assert {page.phase for page in (await new.story()).pages} == {Phase.ACCEPTED}


async def test_what_a_person_starts_where_older_policies_are_is_gone_on_with_by_the_newer(
    store: Store,
) -> None:
    old, new = await two_with_different_policies(Contended(store))
    await old.service.commands.declare(FIRST, Declare(title="the cloud is gone", level=Level.FATAL))
    assert (await old.story()).pages == [], "the first step is due, and not ours to fire"
    await new.settle()
    assert new.reasons("first") == ["step"]


async def test_who_loaded_last_and_died_is_stood_in_for_by_older_policies(store: Store) -> None:
    old, _ = await two_with_different_policies(Contended(store))
    await old.post(old.alert("Disk", {"level": "3"}))
    old.clock.advance(seconds=replicas.GONE.total_seconds() - 1)
    await old.service.replicas.tell()
    await old.settle()
    assert old.reasons("first") == []
    old.clock.advance(seconds=1)
    await old.settle()
    assert old.reasons("first") == ["step"]
    assert old.service.readiness() == {}


async def test_one_that_is_stopped_lets_older_policies_go_on_at_once(store: Store) -> None:
    old, new = await two_with_different_policies(Contended(store))
    await old.post(old.alert("Disk", {"level": "3"}))
    await new.service.stop()
    await old.settle()
    assert old.reasons("first") == ["step"]


async def test_one_that_slept_until_it_was_missed_claims_nothing_before_it_has_said_that_it_is_there(
    store: Store,
) -> None:
    old, new = await two_with_different_policies(Contended(store))
    old.clock.advance(seconds=replicas.GONE.total_seconds())
    await old.service.replicas.tell()
    await old.post(old.alert("Disk", {"level": "3"}))
    assert await new.service.intake.consume() == 0
    await new.service.replicas.tell()
    await old.settle()
    assert old.reasons("first") == []
    await new.settle()
    assert new.reasons("first") == ["step"]


async def period(world: World) -> timedelta:
    async with world.store.reading() as reader:
        (found,) = [each.period for each in await reader.heartbeats() if each.name == "nightly"]
        return found


async def test_heartbeats_follow_the_policies_that_come_into_force_again(store: Store) -> None:
    contended = Contended(store)
    old = await make_world(contended)
    await old.service.replicas.load()
    old.clock.advance(seconds=1)
    documents = plan.plan()
    documents["heartbeats"]["heartbeats"]["nightly"]["period"] = "2h"
    new = await make_world(contended, clock=old.clock, book=plan.book(documents), name=OTHER)
    await new.service.replicas.load()
    took_up: list[str] = []

    async def once(world: World) -> None:
        async def take_up() -> None:
            took_up.append(world.service.replicas.name.id)
            await world.service.take_up()

        await world.service.replicas.once(take_up)

    for world in (old, new, old, new):
        await once(world)
    assert (took_up, await period(old)) == ([], timedelta(hours=2)), (
        "what was loaded is set up by who loads it"
    )
    old.clock.advance(seconds=replicas.GONE.total_seconds())
    for _ in range(2):
        await once(old)
    assert (took_up, await period(old)) == (["here"], timedelta(hours=1)), "the other is missed"
    for _ in range(2):
        await once(new)
    assert (took_up, await period(new)) == (["here", "elsewhere"], timedelta(hours=2)), (
        "it slept, and loaded later"
    )


async def test_one_that_stands_by_says_nothing_of_its_channels(store: Store) -> None:
    old, new = await two_with_different_people(Contended(store), passed := Passed())
    old.channels["to-first"].unwell = Permanent("to-first: the token is revoked")
    await old.service.replicas.tell()
    await old.service.checkups.look()
    assert await new.incidents() == []
    assert passed.count["check.fake"] == 0


async def test_one_that_stands_by_asks_no_alertmanager(store: Store) -> None:
    peer = FakePeer(FakeClock())
    old, _ = await two_with_different_people(Contended(store), peers=[peer])
    await old.service.replicas.tell()
    await old.service.reconcile.look()
    assert peer.asked == []


async def test_one_that_stands_by_does_not_say_that_nobody_can_be_reached(store: Store) -> None:
    """It asks no channel for anything, so nothing would ever end that."""
    old, new = await two_with_different_people(Contended(store))
    for channel in ("to-first", "to-second"):
        old.service.reach.heard(ChannelName(channel), channel, Outcome.TRANSIENT)
    assert old.service.reach.is_isolated
    await old.service.replicas.tell()
    await old.service.auditor.look()
    assert await new.incidents() == []


async def test_checkups_that_newer_policies_came_between_say_nothing(store: Store) -> None:
    old, new = await two_with_different_people(Contended(store))
    old.channels["to-first"].unwell = Permanent("to-first: the token is revoked")
    assert not old.service.replicas.stands_by, "nobody has told it yet"
    await old.service.checkups.look()
    assert await new.incidents() == []


async def test_whose_policies_are_in_force_is_said_with_both_hashes(store: Store) -> None:
    contended = Contended(store)
    old = await make_world(contended)
    await old.service.replicas.load()
    old.clock.advance(seconds=1)
    new = await make_world(contended, clock=old.clock, book=plan.book(faster()), name=OTHER)
    with capture_logs() as logs:
        await new.service.replicas.load()
        await new.service.replicas.tell()
        await old.service.replicas.tell()
        await old.service.replicas.tell()
    hashes = [world.service.policies.book.hash for world in (old, new)]
    placed, put_aside = [line for line in logs if line["log_level"] == "warning"]
    assert "our policies are in force" in placed["event"]
    assert [placed["theirs"], placed["ours"]] == hashes
    assert "other policies are in force" in put_aside["event"]
    assert [put_aside["ours"], put_aside["theirs"]] == hashes
    said = old.service.readiness()["policies"]
    loaded_at = old.clock.now().isoformat(timespec="seconds")
    assert f"{hashes[1]}, loaded at {loaded_at} by elsewhere" in said
    assert len(said) <= 300


async def test_an_ordinary_reload_takes_no_other_s_place(store: Store) -> None:
    world = await make_world(Contended(store))
    await world.service.replicas.load()
    world.shelf.book = plan.book(faster())
    with capture_logs() as logs:
        await world.service.reload.reload()
    assert [line for line in logs if line["log_level"] == "warning"] == []


async def test_what_we_said_of_the_book_before_puts_nobody_in_our_place(store: Store) -> None:
    """Between a reload's new book and its word to the others."""
    world = await make_world(Contended(store))
    await world.service.replicas.load()
    world.service.policies.replace(plan.book(faster()))
    async with store.reading() as reader:
        assert await world.service.replicas.is_in_force(reader)
