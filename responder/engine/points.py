"""Points: the one way from the engine to the world.

Every call through a port passes here and has a name (`commit.timers`, `page.send.webhook`, …), on which metrics,
deadlines and the tests' faults hang. The engine's other modules are given a Points and never a store or a channel;
a house test holds them to that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from responder.core.decision import DueKind
from responder.core.errors import Conflict, Failure, Permanent, Transient, Unsure
from responder.core.identifiers import ChannelName
from responder.core.policy.book import PolicyBook
from responder.engine.bells import Bells
from responder.engine.catalogue import Catalogue
from responder.engine.commits import Commits
from responder.ports.alerts import Peer, PeerAlert, PeerStatus
from responder.ports.beacon import Beacon
from responder.ports.channel import Delivery, Receipt
from responder.ports.chat import Chat, Payload
from responder.ports.clock import Clock
from responder.ports.faults import Faults
from responder.ports.policies import PolicySource
from responder.ports.store import Reader, Store, Unit
from responder.telemetry import Metrics

T = TypeVar("T")

log = structlog.get_logger("points")

TRIES = 10  # of a unit that others come between; they have committed then, so there is nothing to wait for
TRIGGER = timedelta(seconds=3)  # how long what opens a form is good for, from the press
TOLD = timedelta(seconds=10)  # in which an answer to one person has to be taken
ASKED = timedelta(seconds=10)  # in which an Alertmanager has to answer


class Points:
    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        policies: PolicySource,
        clock: Clock,
        faults: Faults,
        metrics: Metrics,
        chat: Chat | None = None,
        beacon: Beacon | None = None,
        peers: Sequence[Peer] = (),
    ) -> None:
        self._store = store
        self._chat = chat
        self._beacon = beacon
        self._peers = {peer.name: peer for peer in peers}
        self._catalogue = catalogue
        self._policies = policies
        self._faults = faults
        self.clock = clock
        self.metrics = metrics
        self.bells = Bells(clock, are_alone=store.is_exclusive)
        self.commits = Commits(clock)

    @property
    def are_alone(self) -> bool:
        """No other process uses our store."""
        return self._store.is_exclusive

    def leases_hold_until(self, lease: timedelta) -> datetime | None:
        """After the time has jumped, no `lease` of somebody else counts as ended before a whole one has passed: it was
        given by the time before. None where the leases' own ends decide, as they nearly always do.
        """
        jump = self.clock.jump
        return jump.at + lease if jump is not None and self.clock.now() < jump.at + lease else None

    async def commit(self, point: str, work: Callable[[Unit], Awaitable[T]]) -> T:
        """What `work` answers, once the unit that it wrote to is committed.

        Where somebody else came between, it is run again from its beginning on a new unit, so it keeps nothing outside
        of what it answers. Raises Conflict where that happens every time, and like the store's `unit`.
        """
        for _ in range(TRIES - 1):
            try:
                return await self._commit(point, work)
            except Conflict as conflict:
                log.debug("commit again", point=point, problem=str(conflict))
                self.metrics.conflicts.labels(point).inc()
        return await self._commit(point, work)

    async def _commit(self, point: str, work: Callable[[Unit], Awaitable[T]]) -> T:
        began = self.clock.now()
        try:
            async with self._unit(point) as unit:
                found = await work(unit)
        except Failure as failure:
            self.commits.refused(failure, began=began)
            raise
        self.commits.took(point)
        return found

    @asynccontextmanager
    async def _unit(self, point: str) -> AsyncIterator[Unit]:
        """`before` stands between the last write and the commit, `after` right behind the commit."""
        started = self.clock.now()
        outcome = "failed"
        soonest: Mapping[DueKind, datetime] = {}
        try:
            async with self._store.unit() as unit:
                yield unit
                soonest = unit.soonest
                await self._faults.before(point)
            await self._faults.after(point)
            outcome = "ok"
        finally:
            self.bells.ring_for(soonest)  # also where it failed: nobody may know whether it is committed
            self._observe(point, outcome, started)

    @asynccontextmanager
    async def reading(self, point: str) -> AsyncIterator[Reader]:
        started = self.clock.now()
        outcome = "failed"
        try:
            await self._faults.before(point)
            async with self._store.reading() as reader:
                yield reader
            outcome = "ok"
        finally:
            self._observe(point, outcome, started)

    async def send(self, what: str, name: ChannelName, delivery: Delivery) -> Receipt:
        """Raises Transient or Permanent; a call that has not ended by the delivery's deadline is Transient."""
        channel = self._catalogue.open(name)
        if channel is None:
            raise Permanent(f"the channel {name} is no longer in channels.yaml")
        point = f"{what}.send.{channel.kind}"
        return await self._call(point, lambda: channel.send(delivery), delivery.deadline)

    async def check(self, name: ChannelName, deadline: datetime, address: str | None = None) -> None:
        """Whether the channel could send, to itself or to `address`. Raises Transient or Permanent."""
        channel = self._catalogue.open(name)
        if channel is not None:
            await self._call(f"check.{channel.kind}", lambda: channel.check(address), deadline)

    async def open_form(self, trigger: str, form: Payload) -> None:
        """Show a form to whoever pulled `trigger`. Raises Transient or Permanent."""
        chat = self._talking()
        deadline = self.clock.now() + TRIGGER
        await self._call("chat.open_form", lambda: chat.open_form(trigger, form), deadline)

    async def tell(self, place: str, answer: Payload) -> None:
        """Answer one person where their chat said. Raises Transient or Permanent."""
        chat = self._talking()
        await self._call("chat.tell", lambda: chat.tell(place, answer), self.clock.now() + TOLD)

    async def whisper(self, channel: str, person: str, answer: Payload, *, thread: str = "") -> None:
        """Tell one person in a channel or a thread of it. Raises Transient or Permanent."""
        chat = self._talking()
        deadline = self.clock.now() + TOLD
        await self._call(
            "chat.whisper", lambda: chat.whisper(channel, person, answer, thread=thread), deadline
        )

    @property
    def is_watched(self) -> bool:
        """Somebody outside waits for our beat."""
        return self._beacon is not None

    async def beat(self, deadline: datetime) -> None:
        """Our own beat, outward. Raises Transient or Permanent."""
        beacon = self._beacon
        if beacon is None:
            raise Permanent("nobody watches us from outside; set RESPONDER_BEAT_URL")
        await self._call("beat.send", lambda: beacon.beat(deadline), deadline)

    def _talking(self) -> Chat:
        if self._chat is None:
            raise Permanent("no chat is connected; set RESPONDER_SLACK_BOT_TOKEN")
        return self._chat

    @property
    def peers(self) -> tuple[str, ...]:
        """The Alertmanagers that can be asked, by their names."""
        return tuple(self._peers)

    async def ask_status(self, peer: str) -> PeerStatus:
        """Raises Transient or Permanent."""
        deadline = self.clock.now() + ASKED
        return await self._call("alertmanager.status", self._peers[peer].status, deadline)

    async def ask_alerts(self, peer: str, receivers: Collection[str] | None = None) -> Sequence[PeerAlert]:
        """Its alerts for `receivers`; None: all. Raises Transient or Permanent."""
        deadline = self.clock.now() + ASKED
        return await self._call("alertmanager.alerts", lambda: self._peers[peer].alerts(receivers), deadline)

    async def load_policies(self) -> PolicyBook:
        """Raises PolicyFaults."""
        return await self._call("policies.load", self._load, None)

    async def _load(self) -> PolicyBook:
        return await asyncio.to_thread(self._policies.load)

    async def _call(self, point: str, call: Callable[[], Awaitable[T]], deadline: datetime | None) -> T:
        started = self.clock.now()
        outcome = "failed"
        try:
            await self._faults.before(point)
            found = await (call() if deadline is None else self._by(deadline, point, call))
            await self._faults.after(point)
            outcome = "ok"
            return found
        except (Transient, Permanent) as failure:
            outcome = type(failure).__name__.lower()
            raise
        finally:
            self._observe(point, outcome, started)

    async def _by(self, deadline: datetime, point: str, call: Callable[[], Awaitable[T]]) -> T:
        """The clock decides, not the event loop, so that tests can let a deadline pass."""
        running = asyncio.ensure_future(call())
        ringing = asyncio.ensure_future(self.clock.sleep_until(deadline))
        try:
            await asyncio.wait({running, ringing}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise Unsure(f"{point}: no answer before the deadline; it may have arrived")
            return running.result()
        finally:
            for task in (running, ringing):
                task.cancel()
            await asyncio.gather(running, ringing, return_exceptions=True)

    def _observe(self, point: str, outcome: str, started: datetime) -> None:
        self.metrics.calls.labels(point, outcome).observe((self.clock.now() - started).total_seconds())
