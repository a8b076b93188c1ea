"""Intake: from a webhook's body to the incidents' events.

`accept` makes a body durable and does nothing else, so its answer promises what is kept. `consume` works the journal
off: a claim first commits the attempt (so that a body which kills the process is counted), then a batch of bodies is
decided and done in one transaction; a failing batch is run again body by body, and a body that failed three times is
set aside with an alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from responder.core.alert import Alert
from responder.core.decision import AlarmKind, AlarmRaised
from responder.core.identifiers import IncidentId, JournalId, Kind, RecordKey
from responder.core.machines.heartbeat import Beat
from responder.core.machines.incident import AlertsHidden, AlertsShown
from responder.dialects.alertmanager import Body, NotABody, read_body
from responder.engine.batches import Batcher, together_or_alone
from responder.engine.bells import Bells
from responder.engine.handle import Handle
from responder.engine.joining import Judged, absorb
from responder.engine.points import Points
from responder.engine.policies import Policies
from responder.engine.turn import Turn
from responder.ports.store import NewBody, StoredBody, Unit

ATTEMPTS = 3
LEASE = timedelta(seconds=30)
BATCH = 100  # bodies a transaction
WAITING_MOST = 2_000  # bodies that wait for their commit; more are asked to come again

log = structlog.get_logger("intake")


class Intake:
    def __init__(self, points: Points, policies: Policies, handle: Handle, bells: Bells) -> None:
        self._points = points
        self._policies = policies
        self._handle = handle
        self._bells = bells
        self._held: list[JournalId] = []  # claimed, and not worked off because the store could not
        self._appends: Batcher[NewBody, JournalId] = Batcher(
            self._append, most=BATCH, waiting_most=WAITING_MOST
        )

    async def accept(self, body: NewBody) -> JournalId:
        """Returns once the body is durable. Raises Transient where that is not to be had now."""
        return await self._appends.submit(body)

    async def _append(self, bodies: list[NewBody]) -> list[JournalId]:
        async with self._points.unit("commit.journal") as unit:
            found = await unit.append_bodies(bodies)
        self._bells.journal.ring()
        return found

    async def run(self) -> None:
        while True:
            if not await self.consume():
                await self._bells.journal.wait()

    async def consume(self) -> int:
        """Work off what is waiting, one batch. Returns how many bodies were taken."""
        now = self._points.clock.now()
        async with self._points.unit("claim.journal") as unit:
            await unit.return_bodies(self._held)
            bodies = await unit.claim_bodies(BATCH, now, now + LEASE)
        self._held = [body.id for body in bodies]
        worn_out = [body for body in bodies if body.attempts > ATTEMPTS]
        for body in worn_out:
            await self._set_aside(body, "three attempts on it never ended: the process died, or was stopped")
        await together_or_alone([body for body in bodies if body not in worn_out], self._work, self._spoilt)
        self._held = []
        if bodies:
            self._bells.ring_due()
        return len(bodies)

    async def _work(self, bodies: Sequence[StoredBody]) -> None:
        read = [self._read(body) for body in bodies]
        async with self._points.unit("commit.handle") as unit:
            now = self._points.clock.now()
            await _fetch(unit, read)
            for one in read:
                turn = Turn(unit, now)
                await self._take_in(turn, one)
                await self._handle.finish(turn)
            await unit.finish_bodies([body.id for body in bodies], now)
        self._points.metrics.bodies.labels("consumed").inc(len(bodies))

    def _read(self, stored: StoredBody) -> _Read:
        try:
            body = read_body(stored.body)
        except NotABody as problem:
            return _Read(stored.id, str(problem))
        judged: list[Judged] = []
        beats: list[str] = []
        for alert in body.alerts:
            verdict, names = self._policies.judge(alert.labels)
            if not names:
                judged.append(Judged(alert, verdict))
            elif alert.is_firing:
                beats.extend(names)
        return _Read(stored.id, body, judged, beats)

    async def _spoilt(self, body: StoredBody, problem: Exception) -> None:
        log.error(
            "body failed", journal=body.id, attempt=body.attempts, problem=repr(problem), exc_info=problem
        )
        if body.attempts >= ATTEMPTS:
            await self._set_aside(body, f"{type(problem).__name__}: {problem}"[:500])
            return
        async with self._points.unit("release.journal") as unit:
            await unit.release_bodies([body.id])

    async def _set_aside(self, body: StoredBody, detail: str) -> None:
        now = self._points.clock.now()
        async with self._points.unit("commit.set_aside") as unit:
            await unit.set_body_aside(body.id, detail, now)
            turn = Turn(unit, now)
            turn.emit(_set_aside(body.id, f"the whole body: {detail}"))
            await self._handle.finish(turn)
        self._points.metrics.set_aside.labels("body").inc()
        self._bells.ring_due()

    async def _take_in(self, turn: Turn, read: _Read) -> None:
        """Queue in `turn` what the body means. A body that cannot be read at all is an alarm, and done."""
        if isinstance(read.body, str):
            turn.emit(_set_aside(read.journal, read.body))
            return
        self._tell_faults(turn, read.journal, read.body)
        for name in read.beats:
            self._points.metrics.beats.labels(name).inc()
            turn.tell(RecordKey(Kind.HEARTBEAT, name), Beat())
        seen = await absorb(turn, self._policies, read.judged, read.journal)
        for sighting, count in seen.items():
            self._points.metrics.alerts.labels(sighting.value).inc(count)
        await _tell_truncation(turn, read.body, [one.alert for one in read.judged])

    def _tell_faults(self, turn: Turn, journal: JournalId, body: Body) -> None:
        if body.unreadable:
            self._points.metrics.set_aside.labels("alert").inc(body.unreadable_total)
            first = "; ".join(f"alert {fault.index}: {fault.why}" for fault in body.unreadable[:3])
            turn.emit(_set_aside(journal, f"{body.unreadable_total} of its alerts ({first})"))
        if not body.version_is_known:
            detail = (
                f"a body of version {body.version!r} was read as version 4; see whether its alerts are right"
            )
            turn.emit(AlarmRaised(kind=AlarmKind.BODY_VERSION, subject=body.version, detail=detail))


@dataclass(frozen=True, slots=True)
class _Read:
    """A body, read and judged; `body` is why it cannot be read, where it cannot."""

    journal: JournalId
    body: Body | str
    judged: list[Judged] = field(default_factory=list)
    beats: list[str] = field(default_factory=list)


async def _fetch(unit: Unit, read: Sequence[_Read]) -> None:
    """Ask for everything that the batch will look at in a few questions; the unit remembers the answers."""
    judged = [one for each in read for one in each.judged]
    known = await unit.last_occurrences({one.alert.fingerprint for one in judged})
    incidents = {occurrence.incident for occurrence in known.values() if occurrence.incident is not None}
    fresh = {one.verdict.key for one in judged if one.alert.fingerprint not in known}
    incidents |= set((await unit.open_incidents(fresh)).values())
    await unit.lock(incidents)


async def _tell_truncation(turn: Turn, body: Body, alerts: Sequence[Alert]) -> None:
    """A truncated body that fires hides alerts that may fire; one that shows all, or ends all, makes it whole."""
    if body.truncated and body.status != "resolved":
        for incident in await _incidents_of(turn, alerts):
            turn.tell(RecordKey(Kind.INCIDENT, incident), AlertsHidden(group=body.group_key))
        return
    for incident in await turn.unit.hidden_in(body.group_key):
        turn.tell(RecordKey(Kind.INCIDENT, incident), AlertsShown(group=body.group_key))


async def _incidents_of(turn: Turn, alerts: Sequence[Alert]) -> list[IncidentId]:
    known = await turn.last_occurrences({alert.fingerprint for alert in alerts})
    return list(dict.fromkeys(found.incident for found in known.values() if found.incident is not None))


def _set_aside(journal: JournalId, detail: str) -> AlarmRaised:
    return AlarmRaised(
        kind=AlarmKind.SET_ASIDE,
        subject=f"journal-{journal}",
        detail=f"journal row {journal} could not be worked on: {detail}; "
        f"read it with `responder replay --from {journal} --until {journal}`",
    )
