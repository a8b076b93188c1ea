"""Random lives of the whole service, held against the model after every step.

RESPONDER_MODEL_SEED: a number, or `random`; a run that fails says which one it had. RESPONDER_MODEL_LIVES: how many
lives. RESPONDER_MODEL_STEPS: how long the longest of them are. RESPONDER_MODEL_SHRINK=no: the first that differs is
told as it is, and not made shorter.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from responder.adapters.storage.postgres import open_postgres
from responder.adapters.storage.sqlite import SqliteStore, open_sqlite
from responder.core.level import Level
from responder.engine.commands import (
    Acknowledge,
    DutySent,
    DutyWaived,
    Escalate,
    Note,
    Repin,
    Resolve,
    SetLevel,
    Snooze,
    Unacknowledge,
)
from responder.ports.store import Store
from tests.fakes.store import MemoryStore
from tests.model import plan
from tests.model.house import House, void
from tests.model.model import Alert, Body, Trouble
from tests.model.outside import WEATHERS
from tests.model.plan import EDITIONS, LINES
from tests.servers.postgresql import Database, Postgresql

SHRINKS = os.environ.get("RESPONDER_MODEL_SHRINK", "yes") == "yes"
STUCK = 120  # seconds of real time, for one step
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LENGTHS = (
    SECOND,
    5 * SECOND,
    29 * SECOND,
    31 * SECOND,
    MINUTE,
    3 * MINUTE,
    7 * MINUTE,
    16 * MINUTE,
    31 * MINUTE,
    2 * HOUR,
)
WISHES = (2 * MINUTE, 10 * MINUTE, 3 * HOUR)
PEOPLE = ("ann", "ben", "cat", "dan")

# name -> the incident it belongs to, its level
ALERTS = {
    "disk-1": ("Disk", 1),
    "disk-2": ("Disk", 2),
    "disk-2b": ("Disk", 2),
    "disk-3": ("Disk", 3),
    "disk-4": ("Disk", 4),
    "net-2": ("Net", 2),
    "net-3": ("Net", 3),
    "net-3b": ("Net", 3),
}
# What most alerts are is listed most.
of_disk = st.sampled_from(("disk-2", "disk-2b", "disk-2", "disk-1", "disk-2b", "disk-3", "disk-4"))
of_net = st.sampled_from(("net-2", "net-2", "net-3", "net-3b"))
some_alerts = st.one_of([st.lists(one, min_size=1, max_size=2, unique=True) for one in (of_disk, of_net)])
small = st.integers(0, 7)
people = st.sampled_from(PEOPLE)


class Lives(RuleBasedStateMachine):
    """No rule has a precondition: what is drawn must not depend on what the service did, to be drawn again."""

    replicas: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.asked = 0
        self.starts: dict[str, Any] = {}
        self.house: House

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(asyncio.wait_for(work, STUCK))

    async def open(self) -> Store:
        raise NotImplementedError

    async def reopen(self, store: Store) -> Store:
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        async def work() -> None:
            self.house = House(await self.open(), self.reopen)
            for _ in range(self.replicas):
                await self.house.start()

        self.run(work())

    def teardown(self) -> None:
        try:
            if hasattr(self, "house") and not self.house.wrong and sys.exc_info()[0] is None:
                self.run(self._end())
        finally:
            self.run(self._close())
            self.runner.close()

    async def _end(self) -> None:
        """The weather clears up, somebody is there again, and soon nothing is left owed."""
        await self.house.clear_up()
        await self.house.advance(2 * MINUTE)
        await self.house.check()
        self.house.check_the_end()

    async def _close(self) -> None:
        if hasattr(self, "house"):
            await self.house.release()
            for name in list(self.house.replicas):
                await self.house.kill(name)
            await self.house.store.close()

    def then(self, first: int = 0) -> None:
        """Everything that follows is done, and compared."""

        async def work() -> None:
            await self.house.settle(first)
            await self.house.check()

        self.run(work())

    # Alerts

    def _alert(self, name: str, *, clears: bool, shift: int) -> Alert:
        """`shift`: 0 starts now, 1 as it did last, more some seconds before that, as the other one of a pair says."""
        key, level = ALERTS[name]
        now = self.house.clock.now()
        last = self.starts.get(name, now)
        if not clears and shift == 0:
            self.starts[name] = now
            return Alert(name, key, level, now)
        return Alert(name, key, level, last - max(0, shift - 1) * 5 * SECOND, now if clears else None)

    @rule(
        names=some_alerts,
        shift=st.integers(0, 3),
        truncated=st.sampled_from([False, False, False, True]),
        by=small,
    )
    def fire(self, names: list[str], shift: int, truncated: bool, by: int) -> None:
        alerts = tuple(self._alert(name, clears=False, shift=shift) for name in names)
        self.run(self.house.post(by, Body(alerts[0].key, alerts, truncated)))
        self.then(by)

    @rule(names=some_alerts, shift=st.integers(1, 2), group=st.sampled_from(("", "", "elsewhere")), by=small)
    def clear(self, names: list[str], shift: int, group: str, by: int) -> None:
        """Perhaps in another group of Alertmanager's, which says nothing of what the first has hidden."""
        alerts = tuple(self._alert(name, clears=True, shift=shift) for name in names)
        self.run(self.house.post(by, Body(group or alerts[0].key, alerts)))
        self.then(by)

    def _clear_all(self, which: int, by: int, group: str = "") -> tuple[str, list[str]]:
        """All alerts of one incident; its key, and which they were: none, where nothing fires."""
        burning = [t for t in self.house.model.troubles if t.alight]
        if not burning:
            return "", []
        trouble = burning[which % len(burning)]
        names = sorted(trouble.alight)
        alerts = tuple(self._alert(name, clears=True, shift=1) for name in names)
        self.run(self.house.post(by, Body(group or trouble.key, alerts)))
        self.then(by)
        return trouble.key, names

    @rule(which=small, group=st.sampled_from(("", "elsewhere")), by=small)
    def all_clear(self, which: int, group: str, by: int) -> None:
        self._clear_all(which, by, group)

    @rule(
        which=small,
        after=st.sampled_from([SECOND, 20 * SECOND, 5 * MINUTE]),
        then=st.sampled_from([SECOND, 29 * SECOND, 31 * SECOND, 39 * SECOND, 2 * MINUTE]),
        is_twin=st.booleans(),
        by=small,
    )
    def clears_and_fires(self, which: int, after: timedelta, then: timedelta, is_twin: bool, by: int) -> None:
        """What has just ended fires again, and goes on for a while: a late twin, or a new one."""
        key, names = self._clear_all(which, by)
        if not names:
            return
        self.run(self.house.advance(after, by))
        self.then(by)
        alerts = tuple(self._alert(name, clears=False, shift=int(is_twin)) for name in names)
        self.run(self.house.post(by, Body(key, alerts)))
        self.then(by)
        self.run(self.house.advance(then, by))
        self.then(by)

    @rule(which=small, by=people, other=people, joins=some_alerts, first=small)
    def is_held_while_more_comes(self, which: int, by: str, other: str, joins: list[str], first: int) -> None:
        """Somebody takes it; alerts join; somebody else takes it over, or the same renews it; the lease ends."""
        self._ask(which, by, Acknowledge(), lambda t: t.acknowledge(by, None), first)
        self.then(first)
        self.run(self.house.advance(7 * MINUTE, first))
        alerts = tuple(self._alert(name, clears=False, shift=0) for name in joins)
        self.run(self.house.post(first, Body(alerts[0].key, alerts)))
        self.then(first)
        self._ask(which, other, Acknowledge(), lambda t: t.acknowledge(other, None), first)
        self.then(first)
        self.run(self.house.advance(16 * MINUTE, first))
        self.then(first)

    @rule(which=small, by=small)
    def again(self, which: int, by: int) -> None:
        """A body that came before comes once more, from a peer that is behind or by a route that continues."""
        if bodies := self.house.bodies[-8:]:
            self.run(self.house.post(by, bodies[which % len(bodies)]))
            self.then(by)

    # People

    def _trouble(self, which: int) -> Trouble | None:
        """The newest are asked about most."""
        newest = self.house.model.troubles[-3:]
        return newest[which % len(newest)] if newest else None

    def _ask(self, which: int, by: str, ask: Any, means: Any, first: int) -> None:
        if (trouble := self._trouble(which)) is None:
            return
        self.asked += 1
        self.run(
            self.house.ask(first, trouble, ask, by, lambda: void(means(trouble)), once=f"ask-{self.asked}")
        )

    @rule(
        what=st.sampled_from(("ack", "ack", "ack", "unack", "snooze")),
        which=small,
        by=people,
        wanted=st.sampled_from([None, *WISHES]),
        waits=st.sampled_from([timedelta(0), timedelta(0), 55 * MINUTE]),
        first=small,
    )
    def answers(
        self, what: str, which: int, by: str, wanted: timedelta | None, waits: timedelta, first: int
    ) -> None:
        """And perhaps nothing is heard of them until it has ended."""
        match what:
            case "ack":
                self._ask(which, by, Acknowledge(wanted=wanted), lambda t: t.acknowledge(by, wanted), first)
            case "unack":
                self._ask(which, by, Unacknowledge(), lambda t: t.unacknowledge(), first)
            case _:
                quiet = wanted or WISHES[-1]
                self._ask(which, by, Snooze(wanted=quiet), lambda t: t.quiet(by, quiet), first)
        self.then(first)
        self.run(self.house.advance(waits, first))
        self.then(first)

    @rule(
        what=st.sampled_from(("resolve", "level", "level", "escalate", "note", "duty", "repin")),
        which=small,
        by=people,
        level=st.sampled_from((1, 2, 3, 4)),
        first=small,
    )
    def orders(self, what: str, which: int, by: str, level: int, first: int) -> None:
        match what:
            case "resolve":
                self._ask(which, by, Resolve(), lambda t: t.resolve(), first)
            case "level":
                ask = SetLevel(level=Level(level), reason="seen")
                self._ask(which, by, ask, lambda t: t.set_level(level), first)
            case "escalate":
                self._ask(which, by, Escalate(), lambda t: t.escalate(), first)
            case "note":
                self._ask(which, by, Note(text="it rains"), lambda t: t.note(), first)
            case "duty":
                self._see_to_a_duty(which, by, first)
            case _:
                edition = self.house.edition
                pin = plan.book(edition.name).promise("matrix").pin
                self._ask(which, by, Repin(pin=pin), lambda t: t.repin(edition), first)
        self.then(first)

    def _see_to_a_duty(self, which: int, by: str, first: int) -> None:
        trouble = self._trouble(which)
        if trouble is not None and (names := sorted(trouble.duties)):
            name = names[which % len(names)]
            sent, waived = DutySent(duty=name, proof="seen"), DutyWaived(duty=name, reason="not ours")
            self._ask(which, by, sent if which % 2 else waived, lambda t: t.done(name), first)

    @rule(level=st.sampled_from((1, 2, 3, 4)), by=people, first=small)
    def declares(self, level: int, by: str, first: int) -> None:
        self.asked += 1
        self.run(self.house.declare(first, level, by, once=f"ask-{self.asked}"))
        self.then(first)

    # Time

    @rule(length=st.sampled_from(LENGTHS), first=small)
    def pass_time(self, length: timedelta, first: int) -> None:
        self.run(self.house.advance(length, first))
        self.then(first)

    @rule(off=st.sampled_from([-SECOND, timedelta(0), SECOND]), first=small)
    def pass_to_next(self, off: timedelta, first: int) -> None:
        """To where something falls due, or just before, or just behind."""
        moment = self.house.model.next_due()
        if moment is not None:
            length = moment + off - self.house.clock.now()
            self.run(self.house.advance(max(timedelta(0), length), first))
            self.then(first)

    @rule(off=st.sampled_from([timedelta(0), SECOND]))
    def something_falls_due_unseen(self, off: timedelta) -> None:
        """What comes next comes in the same instant, and first."""
        moment = self.house.model.next_due()
        if moment is not None:
            self.run(self.house.pass_by(max(timedelta(0), moment + off - self.house.clock.now())))

    # The weather

    @rule(line=st.sampled_from(LINES), weather=st.sampled_from([*WEATHERS, "fine", "fine"]))
    def weather(self, line: str, weather: str) -> None:
        self.house.outside.turn(line, weather)
        self.then()

    # Us

    @rule(which=small, passes=st.integers(0, 9), after=st.booleans())
    def is_to_die(self, which: int, passes: int, after: bool) -> None:
        """Some commits from now."""
        self.house.fuse(which, passes, after=after)

    @rule(
        what=st.sampled_from(("dies", "is stopped", "all die", "another starts")),
        which=small,
        length=st.sampled_from(LENGTHS),
    )
    def comes_and_goes(self, what: str, which: int, length: timedelta) -> None:
        names = list(self.house.replicas)
        name = names[which % len(names)]
        match what:
            case "dies":
                self.run(self.house.kill(name))
            case "is stopped" if not self.house.replicas[name].stalled and not self.house.holds_calls:
                self.run(self.house.stop(name))
                self.run(self.house.start())
            case "all die":
                self.run(self.house.be_down(length))
            case "another starts" if len(names) < self.replicas:
                self.run(self.house.start())
            case _:
                pass
        self.then()

    @rule(which=small, names=some_alerts, clears=st.booleans(), shift=st.integers(0, 2))
    def lags(self, which: int, names: list[str], clears: bool, shift: int) -> None:
        """It has claimed what came, and is not heard of for a while; others go on with what comes later."""
        alerts = tuple(self._alert(name, clears=clears, shift=shift) for name in names)
        self.run(self.house.post(which, Body(alerts[0].key, alerts)))
        self.run(self.house.stall(which))
        self.then()

    @rule()
    def catches_up(self) -> None:
        self.run(self.house.release())
        self.then()

    @rule(what=st.sampled_from((*(edition.name for edition in EDITIONS), "retention", "audit")))
    def chores(self, what: str) -> None:
        match what:
            case "retention":
                self.run(self.house.retain())
            case "audit":
                self.run(self.house.audit())
            case name:
                self.run(self.house.reload(plan.edition(name)))
        self.then()


class OnMemory(Lives):
    async def open(self) -> Store:
        return MemoryStore()

    async def reopen(self, store: Store) -> Store:
        return store


class OnSqlite(Lives):
    """One real file a life, made anew after each death; nothing waits for the disk."""

    empty: ClassVar[Path | None] = None

    async def open(self) -> Store:
        self.folder = tempfile.TemporaryDirectory(prefix="model-")
        self.path = Path(self.folder.name) / "responder.db"
        if OnSqlite.empty is not None:
            shutil.copy(OnSqlite.empty, self.path)
        return await self._opened()

    async def _opened(self) -> SqliteStore:
        return await open_sqlite(self.path, pragmas={"synchronous": "OFF"})

    async def reopen(self, store: Store) -> Store:
        await store.close()
        return await self._opened()

    async def _close(self) -> None:
        await super()._close()
        self.folder.cleanup()


class SharedMemory(MemoryStore):
    is_exclusive = False


class Together(OnMemory):
    """Two replicas."""

    replicas = 2

    async def open(self) -> Store:
        return SharedMemory()


class OnPostgres(Lives):
    """Two replicas, each life in a database of its own."""

    replicas = 2
    server: ClassVar[Postgresql]
    migrated: ClassVar[str]

    async def open(self) -> Store:
        self.database = self.server.fresh(template=self.migrated)
        return await open_postgres(self.database.url)

    async def reopen(self, store: Store) -> Store:
        return store

    async def _close(self) -> None:
        await super()._close()
        self.server.drop(self.database)


LIVES = int(os.environ.get("RESPONDER_MODEL_LIVES", "50"))
STEPS = int(os.environ.get("RESPONDER_MODEL_STEPS", "40"))
SEED = os.environ.get("RESPONDER_MODEL_SEED", "1")


@pytest.fixture
def quiet() -> Iterator[None]:
    """A life has thousands of lines to say; what matters is that it differs, and where."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def hold(lives: type[Lives], share: int = 1) -> None:
    """Live as many lives as asked for, a `share`-th of them; the one that differs is told with its seed."""
    number = random.SystemRandom().getrandbits(32) if SEED == "random" else int(SEED)
    search = settings(
        max_examples=max(1, LIVES // share),
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, *([Phase.shrink] if SHRINKS else [])],
    )
    try:
        run_state_machine_as_test(seed(number)(lives), settings=search)
    except BaseException as problem:
        again = f"RESPONDER_MODEL_SEED={number} RESPONDER_MODEL_LIVES={LIVES} RESPONDER_MODEL_STEPS={STEPS}"
        problem.add_note(f"again: {again} pytest tests/model -k {lives.__name__}")
        raise
    gc.collect()  # while the warnings about what the killed have left are ignored


pytestmark = [
    pytest.mark.usefixtures("quiet"),
    pytest.mark.timeout(900),
    # A kill cuts the driver short wherever it is, which the product never does: a connection may be half made then.
    pytest.mark.filterwarnings("ignore:unclosed (connection|database):ResourceWarning"),
    pytest.mark.filterwarnings("ignore:The garbage collector is trying to clean up non-checked-in"),
]


def test_a_life_in_memory_is_as_the_model_has_it() -> None:
    hold(OnMemory)


def test_a_life_of_two_replicas_is_as_the_model_has_it() -> None:
    hold(Together)


def test_a_life_on_sqlite_is_as_the_model_has_it(tmp_path: Path) -> None:
    async def make() -> None:
        await (await open_sqlite(tmp_path / "empty.db")).close()

    asyncio.run(make())
    OnSqlite.empty = tmp_path / "empty.db"
    hold(OnSqlite, share=6)


@pytest.mark.postgresql
def test_a_life_of_two_replicas_on_postgresql_is_as_the_model_has_it(postgresql: Postgresql) -> None:
    async def migrate(database: Database) -> None:
        await (await open_postgres(database.url)).close()

    empty = postgresql.fresh()
    asyncio.run(migrate(empty))
    OnPostgres.server, OnPostgres.migrated = postgresql, empty.name
    hold(OnPostgres, share=6)
