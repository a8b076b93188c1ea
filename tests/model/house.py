"""The real engine, its store and the world outside, driven a step at a time; and the model, told of every commit.

Nothing runs by itself. A replica is asked to consume, to fire, to claim; it can be held still at a commit and be killed
there, and another started. What a commit meant is told to the model right behind it, so both live through the same
order of things, whoever came first.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from responder.core.decision import AlarmKind, AlarmRaised, DueKind
from responder.core.identifiers import ContactName, IncidentId, JournalId, Kind, RecordKey
from responder.core.level import Level
from responder.core.machines.escalation import Escalation
from responder.core.machines.page import Page as PageRecord
from responder.core.machines.page import Phase
from responder.engine.commands import Actor, Ask, Declare, Reply, Role
from responder.engine.replicas import Name
from responder.engine.retention import Kept, Retention
from responder.engine.service import Service
from responder.ports.store import NewBody, Store, Stored, Summary, SummaryQuery
from tests.engine.world import World, make_world
from tests.fakes.clock import FakeClock, let_others_run
from tests.model import plan
from tests.model.compare import Wrong, differences, written, written_of
from tests.model.model import Body, Model, Page, Trouble
from tests.model.outside import Call, Line, Outside
from tests.model.plan import EDITIONS, LINES, Edition

LEASE = timedelta(seconds=30)  # of a claim, be it a body's or a page's
KEPT = Kept(bodies=timedelta(hours=2), incidents=timedelta(hours=6))
EXPECTED = (AlarmKind.PAGE_LATE, AlarmKind.ISOLATED)
ENDED = ("fine", "later", "busy", "refused", "unsure")
NEVER = datetime.min.replace(tzinfo=UTC)
LOOKED_AT = 20  # moments of one passing of time that are compared; of the others each so many-th
SETTLING = 500  # rounds; more means that something is due for ever

T = TypeVar("T")
_whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="")


class Watch:
    """A replica's faults: tells the house of every commit, and holds still where it is armed.

    `fuse`: how many more commits pass, before (False) or after (True), until it holds; None = for ever.
    """

    def __init__(self, house: House, name: str) -> None:
        self._house = house
        self._name = name
        self.fuse: int | None = None
        self.after_commit = False
        self.at = ""  # only this point counts; "" = every commit
        self.here = asyncio.Event()
        self.go_on = asyncio.Event()

    def arm(self, fuse: int, *, after: bool, at: str = "") -> None:
        self.fuse, self.after_commit, self.at = fuse, after, at
        self.here.clear()
        self.go_on.clear()

    async def before(self, point: str) -> None:
        await self._pass(point, after=False)

    async def after(self, point: str) -> None:
        await self._house.committed(self._name, point)
        await self._pass(point, after=True)

    async def _pass(self, point: str, *, after: bool) -> None:
        counts = point == self.at if self.at else point.startswith(("commit.", "claim."))
        if self.fuse is None or not counts or after is not self.after_commit:
            return
        if self.fuse:
            self.fuse -= 1
            return
        self.fuse = None
        self.here.set()
        await self.go_on.wait()


@dataclass(slots=True)
class Replica:
    name: str
    world: World
    watch: Watch
    stalled: asyncio.Task[Any] | None = None


@dataclass(slots=True)
class House:
    """`reopen`: the store again after its process died; it may be another object, or the same."""

    store: Store
    reopen: Callable[[Store], Awaitable[Store]]
    edition: Edition = EDITIONS[0]
    clock: FakeClock = field(default_factory=FakeClock)
    replicas: dict[str, Replica] = field(default_factory=dict)
    tasks: dict[asyncio.Task[Any], str] = field(default_factory=dict)
    wrong: list[Exception] = field(default_factory=list)
    bodies_held: datetime = NEVER  # until then what the dead had claimed may be held still
    pages_held: datetime = NEVER
    looked_at: datetime = NEVER  # when somebody first looked behind `pages_held`
    up_since: datetime = NEVER
    died_at: datetime = NEVER
    bodies: list[Body] = field(default_factory=list)
    known: dict[str, Trouble | None] = field(default_factory=dict)  # incidents; None = one about ourselves
    gone: set[str] = field(default_factory=set)
    forgettable: set[Trouble] = field(default_factory=set)
    pages: dict[str, Page] = field(default_factory=dict)
    tried: dict[str, list[Call]] = field(default_factory=dict)
    withdrawn_at: dict[str, datetime] = field(default_factory=dict)
    _under_way: Callable[[], None] | None = None  # what the command under way means, once it is committed
    _done: set[JournalId] = field(default_factory=set)
    _read_from: int = 0
    _names: count[int] = field(default_factory=count)
    model: Model = field(init=False)
    outside: Outside = field(init=False)

    def __post_init__(self) -> None:
        self.model = Model(self.edition, self.clock.now())
        self.outside = Outside(self.clock, self._hear)
        asyncio.get_running_loop().set_task_factory(self._make_task)

    # Replicas

    async def start(self) -> str:
        name = f"replica-{next(self._names)}"
        watch = Watch(self, name)
        outside = self.outside

        async def make() -> World:
            world = await make_world(
                self.store,
                book=plan.book(self.edition.name),
                clock=self.clock,
                faults=watch,
                real=lambda line, entry, messages: Line(outside, line, name),
                name=Name(id=name, version="1.0"),
            )
            await world.service.replicas.load()
            await world.service.outbox.recover()
            return world

        self.replicas[name] = Replica(name, await self._as(name, make()), watch)
        self.up_since = self.clock.now()
        return name

    async def kill(self, name: str) -> None:
        """At once, wherever it is: what it has not committed has not happened."""
        del self.replicas[name]
        mine = [task for task, whose in self.tasks.items() if whose == name and not task.done()]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)
        for call in list(self.outside.calls):
            if call.by == name and not call.told:
                call.outcome, call.told = "gone", True
        self.died_at = self.clock.now()
        self.bodies_held = self.died_at + LEASE
        if not self.store.is_exclusive:
            self.pages_held = self.bodies_held
        elif not self.replicas:
            self.store = await self.reopen(self.store)

    async def stop(self, name: str) -> None:
        """As a person stops it: calls in flight are let end. None of them is held by a slow line."""
        replica = self.replicas[name]
        replica.watch.fuse = None
        held = self.bodies_held, self.pages_held, self.died_at
        await self._as(name, replica.world.service.stop())
        await self._recorded(name)
        await self.kill(name)
        self.bodies_held, self.pages_held, self.died_at = held

    async def be_down(self, length: timedelta) -> None:
        for name in list(self.replicas):
            await self.kill(name)
        await self.pass_by(length)
        await self.start()

    @property
    def holds_calls(self) -> bool:
        return any(self.outside.held.values())

    def world(self, which: int = 0) -> World:
        return list(self.replicas.values())[which % len(self.replicas)].world

    @property
    def is_awake(self) -> bool:
        return any(replica.stalled is None for replica in self.replicas.values())

    def stands_still(self, name: str) -> bool:
        return name in self.replicas and self.replicas[name].stalled is not None

    @property
    def is_settled(self) -> bool:
        """Nobody stands still with something in its hands, and somebody is there."""
        return bool(self.replicas) and self._nobody_stalls() and self.bodies_held <= self.clock.now()

    # What comes in

    async def post(self, which: int, body: Body) -> None:
        """Until it is accepted, as its sender would; whoever dies of it is started again."""
        self.bodies.append(body)
        raw = json.dumps(_written(body, len(self.bodies) - 1)).encode()
        new = NewBody(received_at=self.clock.now(), source="alertmanager", peer="127.0.0.1", body=raw)
        while (replica := await self._somebody(which)) is not None:
            if await self._do(replica, replica.world.service.intake.accept(new)):
                return

    async def ask(
        self, which: int, trouble: Trouble, ask: Ask, by: str, means: Callable[[], None], once: str
    ) -> None:
        """A person who gets no answer asks again, under the same key."""
        incident = await self.incident_of(trouble)
        if incident is None:
            return
        actor = Actor(contact=ContactName(by), role=Role.RESPONDER, via="a test")
        await self._command(
            which, means, trouble, lambda world: world.service.commands.ask(actor, incident, ask, once=once)
        )

    async def declare(self, which: int, level: int, by: str, once: str) -> None:
        actor = Actor(contact=ContactName(by), role=Role.RESPONDER, via="a test")
        ask = Declare(title=f"declared {self.model.declared + 1}", level=Level(level))
        await self._command(
            which,
            lambda: void(self.model.declare(level)),
            None,
            lambda world: world.service.commands.declare(actor, ask, once=once),
        )

    async def _command(
        self,
        which: int,
        means: Callable[[], None],
        trouble: Trouble | None,
        call: Callable[[World], Coroutine[Any, Any, Reply]],
    ) -> None:
        def committed() -> None:
            self.model.turn += 1
            means()
            if trouble is not None:
                trouble.work()

        self._under_way = committed
        while (replica := await self._somebody(which)) is not None:
            if await self._do(replica, call(replica.world)):
                if self._under_way is not None:
                    self.wrong.append(Wrong("a command was answered and not committed"))
                break
        self._under_way = None

    async def reload(self, edition: Edition) -> None:
        """All replicas load it; whether they take it is theirs to say, and they have to agree."""
        taken = set()
        for replica in list(self.replicas.values()):
            replica.world.shelf.book = plan.book(edition.name)
            replica.watch.fuse = None
            loaded = await self._as(replica.name, replica.world.service.reload.reload())
            taken.add(not loaded.faults)
        missing = self.model.relied_on() - set(edition.ways) - {"on-call"}
        if len(taken) > 1 or (missing and True in taken):
            self.wrong.append(Wrong(f"{edition.name} was taken ({taken}), and {missing} are relied on"))
        if False in taken and not missing and not await self._own_incidents():
            self.wrong.append(Wrong(f"{edition.name} was refused, and nobody relies on what it lacks"))
        if True in taken:
            self.edition = self.model.edition = edition
        else:
            for replica in self.replicas.values():
                replica.world.shelf.book = plan.book(self.edition.name)

    async def retain(self) -> None:
        before = self.clock.now() - KEPT.incidents
        self.forgettable |= {self.model.troubles[number] for number in self.model.forget(before)}
        if (replica := self._free(0)) is not None:
            await self._do(replica, Retention(replica.world.service.points, KEPT).delete_old())
            await self.revive()

    # What happens then

    async def revive(self) -> None:
        """Nobody is there again in the same instant."""
        if not self.replicas:
            await self.pass_by(timedelta(seconds=1))
            await self.start()

    def fuse(self, which: int, passes: int, *, after: bool) -> None:
        """Some commits from now on it is killed there."""
        replica = self._free(which)
        if replica is not None:
            replica.watch.arm(passes, after=after)

    async def audit(self) -> None:
        """What the service finds wrong with itself may be what the weather does, and nothing else."""
        for replica in list(self.replicas.values()):
            if replica.stalled is None:
                found: list[list[AlarmRaised]] = []
                await self._do(replica, _keep(replica.world.service.auditor.look(), found))
                unexpected = [alarm for alarms in found for alarm in alarms if alarm.kind not in EXPECTED]
                self.wrong += [Wrong(f"the auditor found {alarm}") for alarm in unexpected]
        await self.revive()

    async def stall(self, which: int) -> None:
        """It claims what bodies there are, and then nothing is heard of it for a while."""
        replica = self._free(which)
        if replica is not None and len(self.replicas) > 1:
            replica.watch.arm(0, after=True, at="claim.journal")
            await self._do(replica, replica.world.service.intake.consume(), kill=False)

    async def release(self) -> None:
        for replica in list(self.replicas.values()):
            if replica.stalled is not None:
                task, replica.stalled = replica.stalled, None
                replica.watch.go_on.set()
                await task

    async def settle(self, first: int = 0) -> None:
        """All replicas do what there is to do, until there is nothing; `first` decides who is asked first."""
        if self.looked_at < self.pages_held <= self.clock.now() and self.is_awake:
            self.looked_at = self.clock.now()
        for _ in range(SETTLING):
            await self.revive()
            names = [replica.name for replica in self.replicas.values() if replica.stalled is None]
            turned = names[first % len(names) :] + names[: first % len(names)] if names else []
            if not sum([await self._work(name) for name in turned]):
                return
        self.wrong.append(Wrong("something is due for ever"))

    async def _work(self, name: str) -> int:
        """How much it found to do; dying of it counts as something."""
        done = 0
        parts: tuple[Callable[[Service], Coroutine[Any, Any, int]], ...] = (
            lambda service: service.intake.consume(),
            lambda service: service.timers.fire_due(),
            lambda service: service.outbox.claim(),
            lambda service: self._calm(name),
            lambda service: service.outbox.record(),
        )
        replica = self.replicas[name]
        for part in parts:
            found: list[int] = []
            if not await self._do(replica, _keep(part(replica.world.service), found)):
                return 1
            done += sum(found)
        return done

    async def _calm(self, name: str) -> int:
        """Return once every call that it has in flight is held by a slow line."""
        while True:
            flying = [
                task
                for task, whose in self.tasks.items()
                if whose == name and not task.done() and "_carry_out" in repr(task.get_coro())
            ]
            if len(flying) == self.outside.held.get(name, 0):
                return 0
            self.outside.changed.clear()
            waiting = asyncio.ensure_future(self.outside.changed.wait())
            await asyncio.wait([*flying, waiting], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

    async def advance(self, length: timedelta, first: int = 0) -> None:
        """Time passes, and at every moment at which anybody has anything to do, it is done."""
        until, ticks = self.clock.now() + length, 0
        await self.settle(first)
        while (moment := await self._next()) is not None and moment <= until:
            await self._tick(moment)
            await self.settle(first)
            ticks += 1
            if ticks < LOOKED_AT or ticks % LOOKED_AT == 0:
                await self.check()
        await self._tick(until)
        await self.settle(first)

    async def pass_by(self, length: timedelta) -> None:
        """Time passes, and nobody does anything."""
        await self._tick(self.clock.now() + length)

    async def _tick(self, moment: datetime) -> None:
        self.clock.advance(seconds=max(0.0, (moment - self.clock.now()).total_seconds()))
        self.model.now = self.clock.now()
        await let_others_run(30)

    async def _next(self) -> datetime | None:
        async with self.store.reading() as reader:
            found = [await reader.next_due(kind) for kind in DueKind]
        found.append(self.model.next_due())
        found += [moment for moment in self.clock.waited_for() if moment > self.clock.now()][:1]
        found += [self.bodies_held, self.pages_held]
        moments = [moment for moment in found if moment is not None]
        ahead = [moment for moment in moments if moment > self.clock.now()]
        if len(ahead) < len(moments) and not self.replicas:
            return None
        return min(ahead, default=None)

    # Doing something in a replica's name, which it may not survive

    async def _somebody(self, which: int) -> Replica | None:
        """Who is asked; None where all that are there stand still."""
        await self.revive()
        return self._free(which)

    def _free(self, which: int) -> Replica | None:
        free = [replica for replica in self.replicas.values() if replica.stalled is None]
        return free[which % len(free)] if free else None

    async def _do(self, replica: Replica, work: Coroutine[Any, Any, Any], *, kill: bool = True) -> bool:
        """False where it was held still on the way, and is dead now (or stands there stalled)."""
        task = self._task(replica.name, work)
        here = asyncio.ensure_future(replica.watch.here.wait())
        await asyncio.wait({task, here}, return_when=asyncio.FIRST_COMPLETED)
        here.cancel()
        if task.done() and not replica.watch.here.is_set():
            await task
            return True
        replica.watch.here.clear()
        if kill:
            await self.kill(replica.name)
        else:
            replica.stalled = task
        return False

    async def _as(self, name: str, work: Coroutine[Any, Any, Any]) -> Any:
        return await self._task(name, work)

    def _task(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        context = contextvars.copy_context()
        context.run(_whose.set, name)
        return asyncio.get_running_loop().create_task(work, context=context)

    def _make_task(self, loop: Any, work: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        context = options.get("context")
        whose = context.get(_whose, "") if context is not None else _whose.get()
        if whose:
            self.tasks[task] = whose
            task.add_done_callback(lambda done: void(self.tasks.pop(done, None)))
        return task

    # What was committed

    async def committed(self, name: str, point: str) -> None:
        """Right behind a commit, before its replica does anything else. Never raises."""
        self.model.now = self.clock.now()
        try:
            self.model.held = await self._held_moves() if self.outside.is_silent(name) else {}
            match point:
                case "commit.handle":
                    await self._consumed()
                case "commit.timers":
                    self.model.timers()
                case "commit.command":
                    means, self._under_way = self._under_way, None
                    if means is not None:
                        means()
                case "commit.result":
                    await self._recorded(name)
                case "commit.set_aside" | "commit.set_back" | "release.journal":
                    raise Wrong(f"{name} came to {point}")
                case _:
                    pass
        except Exception as problem:  # noqa: BLE001 - what the model says must not look like a fault of the store
            self.wrong.append(problem)
        self._note_withdrawals()

    async def _consumed(self) -> None:
        async with self.store.reading() as reader:
            found = await reader.bodies(JournalId(self._read_from), 500)
        for body in found:
            if body.state is Stored.DONE and body.id not in self._done:
                self._done.add(body.id)
                self.model.body(body.id, self.bodies[json.loads(body.body)["number"]])
        waiting = [body.id for body in found if body.state is not Stored.DONE]
        if found:
            self._read_from = min(waiting) - 1 if waiting else found[-1].id

    async def _recorded(self, name: str) -> None:
        for call in list(self.outside.calls):
            if call.by == name and not call.told and call.outcome in ENDED:
                call.told = True
                page = self.pages.get(call.page)
                if page is None:
                    continue
                trouble = self.known[call.incident]
                assert trouble is not None
                self.model.turn += 1
                if call.outcome == "fine":
                    trouble.was_reached(page)
                elif call.outcome == "refused":
                    page.refused.add(call.line)
                    if page.refused >= set(page.ways) and page.state == "owed":
                        if call.into_silence and not await self._is_failed(page):
                            page.refused.clear()  # it is tried again from its first way
                        else:
                            trouble.was_refused(page)
                trouble.work()

    async def _held_moves(self) -> dict[Trouble, datetime]:
        """Early moves that the service holds because nobody can be reached, and when it asks again."""
        held = {}
        async with self.store.reading() as reader:
            for name, trouble in list(self.known.items()):
                if trouble is not None and trouble.phase != "closed":
                    for ladder in await reader.records_of(IncidentId(name), Kind.ESCALATION):
                        assert isinstance(ladder, Escalation)
                        if ladder.early is not None:
                            held[trouble] = ladder.early.at
        return held

    async def _is_failed(self, page: Page) -> bool:
        key = RecordKey(Kind.PAGE, page.id)
        async with self.store.reading() as reader:
            record = (await reader.records([key]))[key]
        assert isinstance(record, PageRecord)
        return record.phase is Phase.FAILED

    def _note_withdrawals(self) -> None:
        for id_, page in self.pages.items():
            if page.state == "withdrawn":
                self.withdrawn_at.setdefault(id_, self.clock.now())

    async def _hear(self, call: Call) -> None:
        """A call begins: is it one that is owed?"""
        page = await self._learn(call)
        if page is None:
            return
        before = self.tried.setdefault(call.page, [])
        withdrawn = self.withdrawn_at.get(call.page)
        if page.state in ("accepted", "failed"):
            self.wrong.append(Wrong(f"{call} of {page}, which is {page.state}"))
        if withdrawn is not None and call.claimed_at >= withdrawn and self._nobody_stalls():
            self.wrong.append(Wrong(f"{call} of {page}, which was withdrawn at {withdrawn}"))
        if call.line not in page.ways or call.line in page.refused:
            self.wrong.append(Wrong(f"{call} of {page}, by a way that is none"))
        unknown = [each for each in before if each.outcome in ("unsure", "gone")]
        # Whoever died between its claim and its call has left no trace here.
        if call.is_repeat < bool(unknown) or (call.is_repeat > bool(unknown) and self.died_at < page.at):
            self.wrong.append(Wrong(f"{call}: is it a repeat? before it: {before}"))
        others = set(page.ways) - page.refused - {call.line}
        last = before[-1] if before and self.died_at < before[-1].at else None
        if last is not None and last in unknown and last.line == call.line and others:
            self.wrong.append(Wrong(f"{call} of {page} may be there already, and goes the same way again"))
        before.append(call)

    def _nobody_stalls(self) -> bool:
        return all(replica.stalled is None for replica in self.replicas.values())

    async def _learn(self, call: Call) -> Page | None:
        """Which of the model's pages it is for; None where it is about ourselves."""
        if call.page in self.pages:
            return self.pages[call.page]
        incident = IncidentId(call.incident)
        if call.incident not in self.known:
            await self.meet()
        trouble = self.known.get(call.incident)
        if trouble is None:
            return None
        async with self.store.reading() as reader:
            for record in await reader.records_of(incident, Kind.PAGE):
                assert isinstance(record, PageRecord)
                if record.page not in self.pages:
                    self._match(trouble, record)
        return self.pages.get(call.page)

    def _match(self, trouble: Trouble, record: PageRecord) -> None:
        for page in trouble.pages:
            if not page.id and written(page) == written_of(record):
                page.id = record.page
                self.pages[record.page] = page
                return
        asked = "\n  ".join(str(page) for page in trouble.pages if not page.id)
        self.wrong.append(
            Wrong(f"{trouble.title}: nobody asked for {written_of(record)}; but for\n  {asked}")
        )

    # Who is who

    async def meet(self) -> list[Summary]:
        """All incidents, oldest first; each new one gets its trouble."""
        async with self.store.reading() as reader:
            found = sorted(await reader.summaries(SummaryQuery(limit=500)), key=lambda one: one.number)
        for summary in found:
            if summary.incident in self.known:
                continue
            if summary.rule == plan.SELF:
                self.known[summary.incident] = None
                continue
            taken = [trouble for trouble in self.known.values() if trouble is not None]
            free = [each for each in self.model.troubles if each.title == summary.title and each not in taken]
            if not free:
                raise Wrong(f"nobody expected {summary.incident}, {summary.title}")
            self.known[summary.incident] = free[0]
        return found

    async def incident_of(self, trouble: Trouble) -> IncidentId | None:
        await self.meet()
        names = [name for name, known in self.known.items() if known is trouble and name not in self.gone]
        return IncidentId(names[0]) if names else None

    async def _own_incidents(self) -> bool:
        async with self.store.reading() as reader:
            found = await reader.summaries(SummaryQuery(rule=plan.SELF, limit=500))
        return any(summary.standing != "closed" for summary in found)

    async def clear_up(self) -> None:
        for replica in self.replicas.values():
            replica.watch.fuse = None
        for line in LINES:
            self.outside.turn(line, "fine")
        await self.release()
        await self.revive()

    def check_the_end(self) -> None:
        """It has been fine for longer than anything waits to be tried again."""
        owed = [page for trouble in self.model.troubles for page in trouble.pages if page.state == "owed"]
        if owed := [page for page in owed if page.asks_for_an_answer]:
            raise Wrong(f"owed still: {', '.join(map(str, owed))}")

    async def check(self) -> None:
        """Raises what was found wrong so far, or where the two differ now."""
        if self.wrong:
            raise self.wrong[0]
        if different := await differences(self):
            raise Wrong("\n".join(different))


def void(_: object) -> None:
    return None


async def _keep(work: Awaitable[T], into: list[T]) -> None:
    into.append(await work)


def _written(body: Body, number: int) -> dict[str, Any]:
    """As Alertmanager would send it, but for `number`."""
    alerts = [
        {
            "status": "firing" if alert.end is None else "resolved",
            "labels": {"alertname": alert.key, "instance": alert.name, "level": str(alert.level)},
            "annotations": {},
            "startsAt": alert.start.isoformat(),
            "endsAt": alert.end.isoformat() if alert.end else "0001-01-01T00:00:00Z",
            "generatorURL": "",
        }
        for alert in body.alerts
    ]
    return {
        "version": "4",
        "status": "firing" if body.fires else "resolved",
        "receiver": "responder",
        "groupKey": body.group,
        "truncatedAlerts": 3 if body.truncated else 0,
        "alerts": alerts,
        "number": number,
    }
