"""Intake: from a webhook's body to the incidents' events.

`accept` makes a body durable and does nothing else, so its answer promises what is kept. `consume` works the journal
off: a claim first commits the attempt (so that a body which kills the process is counted), then a batch of bodies is
decided and done in one transaction; a failing batch is run again body by body, and a body that failed three times is
set aside with an alarm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from responder.core.alert import Alert, Occurrence, Sighting
from responder.core.decision import AlarmKind, AlarmRaised
from responder.core.errors import FromNewer
from responder.core.identifiers import Fingerprint, IncidentId, JournalId, Kind, RecordKey
from responder.core.machines.heartbeat import Beat
from responder.core.machines.incident import AlertsHidden, AlertsShown
from responder.dialects.alertmanager import Body, NotABody, read_body
from responder.engine.batches import Batcher, Limit, Take, together_or_alone
from responder.engine.handle import Handle
from responder.engine.joining import Judged, absorb
from responder.engine.lateness import Lateness
from responder.engine.points import Points
from responder.engine.policies import Policies
from responder.engine.replicas import Replicas
from responder.engine.turn import Turn
from responder.ports.store import NewBody, StoredBody, Unit

ATTEMPTS = 3
LEASE = timedelta(seconds=30)
LONG_AGO = datetime.min.replace(tzinfo=UTC)  # no lease has ended by then
BATCH = 100  # bodies a transaction
TOGETHER = 20  # bodies a turn
SMALL = 50  # alerts of a body that shares its turn with others
WAITING_MOST = 2_000  # bodies that wait for their commit; more are asked to come again
ACCEPTED_WITHIN = timedelta(seconds=10)  # before whoever sent a body gives up, and has to guess

log = structlog.get_logger("intake")


class Intake:
    def __init__(self, points: Points, policies: Policies, handle: Handle, replicas: Replicas) -> None:
        self._points = points
        self._policies = policies
        self._handle = handle
        self._replicas = replicas
        self._held: list[StoredBody] = []  # claimed, and not worked off because the store could not
        self._appends: Batcher[NewBody, JournalId] = Batcher(
            self._append, most=BATCH, waiting_most=WAITING_MOST, limit=Limit(points.clock, ACCEPTED_WITHIN)
        )

    async def accept(self, body: NewBody) -> JournalId:
        """Returns once the body is durable. Raises Transient where that is not to be had now, or not in time: what is
        under way may be kept all the same, and is the same alerts once more when it comes again.
        """
        return await self._appends.submit(body)

    async def _append(self, bodies: Take[NewBody]) -> list[JournalId]:
        found = await self._points.commit("commit.journal", lambda unit: unit.append_bodies(bodies()))
        self._points.bells.journal.ring()
        return found

    async def run(self) -> None:
        while True:
            if not await self.consume():
                await self._points.bells.journal.wait()

    async def consume(self) -> int:
        """Work off what is waiting, one batch. Returns how many bodies were taken."""
        bodies = await self._points.commit("claim.journal", self._claim)
        self._held = bodies
        worn_out = [body for body in bodies if body.attempts > ATTEMPTS]
        for body in worn_out:
            await self._set_aside(body, "three attempts on it never ended: the process died, or was stopped")
        left: list[StoredBody] = []
        sound = [body for body in bodies if body not in worn_out]
        await together_or_alone(sound, self._work, partial(self._spoilt, left=left))
        await self._leave(left)
        self._held = []
        return len(bodies) - len(left)

    async def _claim(self, unit: Unit) -> list[StoredBody]:
        now = self._points.clock.now()
        await unit.return_bodies(await unit.still_claimed(self._held))
        if not await self._replicas.is_in_force(unit):
            return []
        ended_by = LONG_AGO if self._points.leases_hold_until(LEASE) is not None else now
        return await unit.claim_bodies(BATCH, ended_by, now + LEASE)

    async def _work(self, bodies: Sequence[StoredBody]) -> None:
        read = [self._read(body) for body in bodies]

        async def work(unit: Unit) -> _Tally | None:
            now = self._points.clock.now()
            ours = await unit.still_claimed(bodies)
            if not await self._replicas.is_in_force(unit):  # any more
                await unit.return_bodies(ours)
                return None
            mine = [one for one in read if one.journal in ours]
            known = await _fetch(unit, mine)
            tally = _Tally(bodies=len(mine))
            late = Lateness(
                "its alert waited in the journal; responder was down, or behind with what came in"
            )
            for some in _together(mine, known):
                turn = Turn(unit, now, is_in_force=True)
                await self._take_in(turn, some, tally)
                await self._handle.finish(turn)
                late.look(turn, min(one.received_at for one in some))
            await late.tell(unit, self._handle, now)
            await unit.finish_bodies(ours, now)
            return tally

        tally = await self._points.commit("commit.handle", work)
        if tally is not None:
            self._count(tally, len(bodies))

    def _count(self, tally: _Tally, claimed: int) -> None:
        metrics = self._points.metrics
        metrics.bodies.labels("consumed").inc(tally.bodies)
        for name, count in tally.beats.items():
            metrics.beats.labels(name).inc(count)
        for sighting, count in tally.sightings.items():
            metrics.alerts.labels(sighting.value).inc(count)
        metrics.set_aside.labels("alert").inc(tally.set_aside)
        if lost := claimed - tally.bodies:
            log.warning("bodies were taken over while we worked on them", bodies=lost)

    def _read(self, stored: StoredBody) -> _Read:
        try:
            body = read_body(stored.body)
        except NotABody as problem:
            return _Read(stored.id, stored.received_at, str(problem))
        judged: list[Judged] = []
        beats: list[str] = []
        for alert in body.alerts:
            verdict, names = self._policies.judge(alert.labels)
            if not names:
                judged.append(Judged(alert, verdict, stored.id))
            elif alert.is_firing:
                beats.extend(names)
        return _Read(stored.id, stored.received_at, body, judged, beats)

    async def _leave(self, bodies: Sequence[StoredBody]) -> None:
        """They touch what a newer program wrote, and that one, beside us, takes them in."""

        async def work(unit: Unit) -> None:
            await unit.return_bodies(await unit.still_claimed(bodies))

        if bodies:
            await self._points.commit("release.journal", work)

    async def _spoilt(self, body: StoredBody, problem: Exception, *, left: list[StoredBody]) -> None:
        if isinstance(problem, FromNewer):
            left.append(body)
            return
        log.error(
            "body failed", journal=body.id, attempt=body.attempts, problem=repr(problem), exc_info=problem
        )
        if body.attempts >= ATTEMPTS:
            await self._set_aside(body, f"{type(problem).__name__}: {problem}"[:500])
            return

        async def work(unit: Unit) -> None:
            await unit.release_bodies(await unit.still_claimed([body]))

        await self._points.commit("release.journal", work)

    async def _set_aside(self, body: StoredBody, detail: str) -> None:
        now = self._points.clock.now()

        async def work(unit: Unit) -> None:
            if not await unit.still_claimed([body]):
                return
            await unit.set_body_aside(body.id, detail, now)
            turn = Turn(unit, now)
            turn.emit(_set_aside(body.id, f"the whole body: {detail}"))
            await self._handle.finish(turn)

        await self._points.commit("commit.set_aside", work)
        self._points.metrics.set_aside.labels("body").inc()

    async def _take_in(self, turn: Turn, bodies: Sequence[_Read], tally: _Tally) -> None:
        """Queue in `turn` what the bodies mean. One that cannot be read at all is an alarm, and done."""
        for read in bodies:
            if isinstance(read.body, str):
                turn.emit(_set_aside(read.journal, read.body))
                continue
            _tell_faults(turn, read.journal, read.body)
            tally.set_aside += read.body.unreadable_total
            tally.beats.update(read.beats)
            for name in read.beats:
                turn.tell(RecordKey(Kind.HEARTBEAT, name), Beat())
        judged = [one for read in bodies for one in read.judged]
        tally.sightings.update(await absorb(turn, self._policies, judged))
        for body in {
            read.body.group_key: read.body for read in bodies if isinstance(read.body, Body)
        }.values():
            await _tell_truncation(turn, body, [one.alert for one in judged])


@dataclass(frozen=True, slots=True)
class _Read:
    """A body, read and judged; `body` is why it cannot be read, where it cannot."""

    journal: JournalId
    received_at: datetime
    body: Body | str
    judged: list[Judged] = field(default_factory=list)
    beats: list[str] = field(default_factory=list)

    @property
    def is_plain(self) -> bool:
        """It is whole, tells of nothing but firing alerts, and of few enough."""
        body = self.body
        return (
            isinstance(body, Body)
            and body.version_is_known
            and not (body.unreadable_total or body.truncated or self.beats)
            and len(self.judged) <= SMALL
            and all(one.alert.is_firing for one in self.judged)
        )


@dataclass(slots=True)
class _Tally:
    """What came of a batch, once it is committed: for the metrics."""

    bodies: int
    set_aside: int = 0  # alerts
    beats: Counter[str] = field(default_factory=Counter)
    sightings: Counter[Sighting] = field(default_factory=Counter)


def _tell_faults(turn: Turn, journal: JournalId, body: Body) -> None:
    if body.unreadable:
        first = "; ".join(f"alert {fault.index}: {fault.why}" for fault in body.unreadable[:3])
        turn.emit(_set_aside(journal, f"{body.unreadable_total} of its alerts ({first})"))
    if not body.version_is_known:
        detail = f"a body of version {body.version!r} was read as version 4; see whether its alerts are right"
        turn.emit(AlarmRaised(kind=AlarmKind.BODY_VERSION, subject=body.version, detail=detail))


def _together(read: Sequence[_Read], known: Mapping[Fingerprint, Occurrence]) -> Iterator[list[_Read]]:
    """The bodies, in their order, those together that may be taken in as if they had been one.

    Alertmanager sends a trouble's alerts in many bodies; a turn for each would be most of what they cost. Only bodies
    of which nothing but firing alerts can be told are put together, and no alert is in two of them, unless it is known
    to fire: then it is a repeat each time.
    """
    some: list[_Read] = []
    seen: set[Fingerprint] = set()
    for one in read:
        fresh = {each.alert.fingerprint for each in one.judged if not _repeats(each.alert, known)}
        may_join = one.is_plain and fresh.isdisjoint(seen) and len(some) < TOGETHER
        if some and not (may_join and some[-1].is_plain):
            yield some
            some, seen = [], set()
        some.append(one)
        seen |= fresh
    if some:
        yield some


def _repeats(alert: Alert, known: Mapping[Fingerprint, Occurrence]) -> bool:
    last = known.get(alert.fingerprint)
    return last is not None and last.is_open and last.labels == alert.labels


async def _fetch(unit: Unit, read: Sequence[_Read]) -> Mapping[Fingerprint, Occurrence]:
    """Ask for everything that the batch will look at in a few questions; the unit remembers the answers.

    Returns the newest occurrence of each of its alerts.
    """
    judged = [one for each in read for one in each.judged]
    known = await unit.last_occurrences({one.alert.fingerprint for one in judged})
    incidents = {occurrence.incident for occurrence in known.values() if occurrence.incident is not None}
    fresh = {one.verdict.key for one in judged if one.alert.fingerprint not in known}
    incidents |= set((await unit.open_incidents(fresh)).values())
    await unit.lock(incidents)
    return known


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
