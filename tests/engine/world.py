"""A whole engine on a fake clock and fake channels, driven by hand: nothing in it runs by itself.

`settle` does what is due now until nothing is; `advance` lets time pass from due row to due row, so that a timer fires
at its own moment however far a test jumps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from responder.adapters.no_faults import NoFaults
from responder.core.decision import DueKind
from responder.core.errors import PolicyFaults
from responder.core.identifiers import ChannelName, ContactName, IncidentId
from responder.core.policy.book import PolicyBook
from responder.core.policy.channels import ChannelEntry
from responder.core.policy.messages import Template
from responder.engine.catalogue import Catalogue, Maker
from responder.engine.commands import Actor, Ask, Reply, Role
from responder.engine.points import Points
from responder.engine.replicas import Name
from responder.engine.retention import Kept
from responder.engine.service import Service, put_together
from responder.engine.situations import Place
from responder.engine.views import Story
from responder.ports.alerts import Peer
from responder.ports.beacon import Beacon
from responder.ports.channel import Channel, Delivery, Unconfigured
from responder.ports.chat import Chat
from responder.ports.faults import Faults
from responder.ports.store import NewBody, Store, SummaryQuery
from responder.telemetry import Metrics
from tests.engine import plan
from tests.fakes.channel import FakeChannel
from tests.fakes.clock import FakeClock

HERE = Name(id="here", version="9.9")


@dataclass
class Shelf:
    """A policy source that a test puts books, or faults, on."""

    book: PolicyBook
    faults: PolicyFaults | None = None

    def load(self) -> PolicyBook:
        if self.faults is not None:
            raise self.faults
        return self.book


@dataclass
class World:
    clock: FakeClock
    service: Service
    channels: dict[str, FakeChannel]
    shelf: Shelf
    store: Store
    unconfigured: set[str] = field(default_factory=set)

    # What comes in

    async def post(
        self, *alerts: Mapping[str, Any], status: str = "firing", truncated: int = 0, **top: Any
    ) -> int:
        """A body with these alerts; returns its journal id. Nothing is consumed yet."""
        body = {
            "version": "4",
            "status": status,
            "receiver": "responder",
            "groupKey": "{}:{}",
            "truncatedAlerts": truncated,
            "alerts": list(alerts),
        } | top
        return await self.post_raw(json.dumps(body).encode())

    async def post_raw(self, raw: bytes) -> int:
        new = NewBody(received_at=self.clock.now(), source="alertmanager", peer="127.0.0.1", body=raw)
        return await self.service.intake.accept(new)

    async def fire(self, name: str = "Disk", **labels: str) -> None:
        await self.post(self.alert(name, labels))
        await self.settle()

    async def clear(self, name: str = "Disk", **labels: str) -> None:
        await self.post(self.alert(name, labels, resolved=True), status="resolved")
        await self.settle()

    def alert(
        self,
        name: str = "Disk",
        labels: Mapping[str, str] | None = None,
        *,
        resolved: bool = False,
        started: datetime | None = None,
    ) -> dict[str, Any]:
        """One alert; its fingerprint follows its labels, it started at noon and, if resolved, ended now."""
        return {
            "status": "resolved" if resolved else "firing",
            "labels": {"alertname": name, **(labels or {})},
            "annotations": {},
            "startsAt": (started or datetime(2026, 11, 23, 12, tzinfo=UTC)).isoformat(),
            "endsAt": self.clock.now().isoformat() if resolved else "0001-01-01T00:00:00Z",
            "generatorURL": "",
        }

    async def ask(
        self,
        ask: Ask,
        *,
        by: str = "first",
        incident: str = "I1",
        role: Role = Role.RESPONDER,
        revision: int | None = None,
        once: str = "",
    ) -> Reply:
        actor = Actor(contact=ContactName(by), role=role, via="a test")
        reply = await self.service.commands.ask(
            actor, IncidentId(incident), ask, revision=revision, once=once
        )
        await self.settle()
        return reply

    # What happens then

    async def settle(self) -> None:
        """Everything that is due now, until nothing is."""
        busy = 1
        while busy:
            busy = await self.service.intake.consume()
            busy += await self.service.timers.fire_due()
            busy += await self.service.outbox.claim()
            busy += await self.service.outbox.settle()

    async def advance(self, **length: float) -> None:
        until = self.clock.now() + timedelta(**length)
        while (moment := await self._next_due()) is not None and moment <= until:
            self.clock.advance(seconds=max(0.0, (moment - self.clock.now()).total_seconds()))
            await self.settle()
        self.clock.advance(seconds=(until - self.clock.now()).total_seconds())
        await self.settle()

    async def sleep(self, **length: float) -> None:
        """We are down for so long: time passes, and nothing is done."""
        self.clock.advance(**length)

    async def _next_due(self) -> datetime | None:
        async with self.store.reading() as reader:
            found = [await reader.next_due(kind) for kind in DueKind]
        return min((moment for moment in found if moment is not None), default=None)

    # What can be seen

    async def story(self, incident: str = "I1") -> Story:
        found = await self.service.views.story(IncidentId(incident))
        assert found is not None, f"there is no {incident}"
        return found

    async def incidents(self) -> list[str]:
        """Titles of all incidents, oldest first."""
        found, _ = await self.service.views.incidents(SummaryQuery(limit=500))
        return [summary.title for summary in reversed(found)]

    def handed(self, channel: str) -> list[Delivery]:
        return self.channels[channel].ledger

    def reasons(self, person: str, incident: str = "I1") -> list[str]:
        """Why `person` was sent each of their messages about `incident`, oldest first."""
        messages = [delivery.message for delivery in self.handed(f"to-{person}")]
        return [message.reason for message in messages if message.incident == incident]

    async def whys(self, incident: str = "I1") -> list[str]:
        return [line.why for line in (await self.story(incident)).audit]


async def make_world(
    store: Store,
    *,
    book: PolicyBook | None = None,
    clock: FakeClock | None = None,
    faults: Faults | None = None,
    environ: Mapping[str, str] | None = None,
    real: Maker | None = None,
    chat: Chat | None = None,
    name: Name = HERE,
    beacon: Beacon | None = None,
    peers: Sequence[Peer] = (),
) -> World:
    """real: makes the channels that are not of kind fake; without it everything is."""
    clock = clock or FakeClock()
    shelf = Shelf(book or plan.book())
    channels: dict[str, FakeChannel] = {}
    unconfigured: set[str] = set()

    def make(name: ChannelName, entry: ChannelEntry, messages: Mapping[str, Template]) -> Channel:
        if name in unconfigured and entry.kind != "console":
            raise Unconfigured(f"channel {name}: its address is not set")
        if real is not None and entry.kind != "fake":
            return real(name, entry, messages)
        edits = bool(entry.config.get("edits"))
        return channels.setdefault(name, FakeChannel(clock, name, edits=edits))

    catalogue = Catalogue(make)
    await catalogue.fill(shelf.book)
    points = Points(
        store=store,
        catalogue=catalogue,
        policies=shelf,
        clock=clock,
        faults=faults or NoFaults(),
        metrics=Metrics(),
        chat=chat,
        beacon=beacon,
        peers=peers,
    )
    service = put_together(
        points,
        shelf.book,
        catalogue,
        environ=environ or {},
        place=Place(zone=ZoneInfo("UTC")),
        kept=Kept(),
        name=name,
    )
    await service.heartbeats.configure(at_start=True)
    return World(clock, service, channels, shelf, store, unconfigured)
