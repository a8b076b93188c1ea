"""The auditor: looks at what is stored, as somebody would who trusts nobody, and raises an alarm for what is wrong.

Every look is a few bounded, indexed reads; the two that are not are asked as often as they are cheap. It shares no
state with the loops that it judges.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised, DueKind
from responder.core.errors import FromNewer, Unreadable
from responder.core.identifiers import IncidentId, Kind, RecordKey
from responder.core.invariants import Bundle, Violation, violations_of_carried, violations_of_state
from responder.core.level import Level
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.core.machines.page import Phase as PagePhase
from responder.core.machines.storm import Storm
from responder.core.policy.levels import SELF_RULE
from responder.engine.handle import Handle
from responder.engine.own import fingerprint_of_alarm
from responder.engine.points import Points
from responder.engine.reach import Reach
from responder.engine.replicas import Replicas, alive
from responder.engine.seldom import Seldom
from responder.engine.storms import STORM
from responder.engine.supervise import Supervisor
from responder.engine.turn import Turn
from responder.ports.store import Reader, Record, Standing, SummaryQuery, Unit

EVERY = timedelta(seconds=10)
OVERDUE = timedelta(seconds=10)  # a due row older than this means that a loop is behind
UNDELIVERED = timedelta(seconds=30)  # a page that no channel has taken for so long
ISOLATED = (AlarmKind.ISOLATED, "channels")  # one for all replicas: nearly always they are cut off together
ISOLATED_AGAIN = timedelta(minutes=5)  # where another replica reaches people, and so ends what we have raised
JUMPED = timedelta(minutes=10)  # for so long a jump of the clock is told
OPEN = frozenset({Standing.OPEN, Standing.ACKNOWLEDGED, Standing.SNOOZED, Standing.SUPPRESSED})
LOOKED_AT = 200  # incidents a look; the next look goes on behind them
# The alarms that only an auditor can clear: nothing else would hear that what they are about is over.
OURS = (
    AlarmKind.STRANDED,
    AlarmKind.PAGE_LATE,
    AlarmKind.INVARIANT,
    AlarmKind.ISOLATED,
    AlarmKind.LOOP,
    AlarmKind.CLOCK,
)
OF_A_PROCESS = (AlarmKind.LOOP,)  # their subjects begin with its name
OF = ": "  # what stands between that name and the rest

K = TypeVar("K")
V = TypeVar("V")

log = structlog.get_logger("auditor")


class Auditor:
    def __init__(
        self,
        points: Points,
        handle: Handle,
        supervisor: Supervisor,
        replicas: Replicas,
        reach: Reach,
    ) -> None:
        self._points = points
        self._handle = handle
        self._supervisor = supervisor
        self._replicas = replicas
        self._reach = reach
        self.looked_at: datetime | None = None  # when the last look that came to its end began
        self.found: list[AlarmRaised] = []  # by that look
        self._isolation_told_at: datetime | None = None
        self._counts: Seldom[dict[tuple[Level, Standing], int]] = Seldom(points.clock)
        self._without_due: Seldom[list[IncidentId]] = Seldom(points.clock)
        self._before: int | None = None  # where the next look at the invariants begins
        self._this_round: list[AlarmRaised] = []  # what has been found broken since the round began
        self._last_round: list[AlarmRaised] = []  # raised until a whole round has not found it again

    async def resume(self) -> None:
        """At a start: who ran before us was isolated, and raised it, and nothing has been taken since."""
        async with self._points.reading("read.audit") as reader:
            raised = await _open_alarms(reader)
        if ISOLATED in raised:
            self._reach.resume()

    async def run(self) -> None:
        """The gauges at once; the first look once the loops have had time for what waited while we were down."""
        async with self._points.reading("read.audit") as reader:
            await self._measure(reader, self._points.clock.now())
        while True:
            await self._points.clock.sleep_until(self._points.clock.now() + EVERY)
            try:
                await self.look()
            except FromNewer as problem:
                log.info("left to a newer auditor", problem=str(problem))

    async def look(self) -> list[AlarmRaised]:
        """One look: bring the gauges up to date, raise what is wrong, clear what was and is not any more."""
        now = self._points.clock.now()
        async with self._points.reading("read.audit") as reader:
            await self._measure(reader, now)
            found = [
                *await self._stranded(reader),
                *await self._behind(reader, now),
                *await self._violations(reader, now),
            ]
            owed = await self._owed(reader, now)
            standing = await _open_alarms(reader)
            raised = await self._clearable(reader, now, standing)
        isolation = self._isolation()
        # That no channel takes anything is one alarm, and not one more for everybody who is owed a page.
        found += [alarm for alarm in owed if not isolation or (alarm.kind, alarm.subject) in raised]
        found += [*self._loops(), *self._jumped(now)]
        untold = [] if self._is_told(now) else isolation
        await self._tell([*found, *untold], raised, standing)
        if untold:
            self._isolation_told_at = now
        self.looked_at, self.found = now, [*found, *isolation]
        return self.found

    async def _clearable(
        self, reader: Reader, now: datetime, standing: Collection[tuple[AlarmKind, str]]
    ) -> set[tuple[AlarmKind, str]]:
        """Of the open alarms, `standing`, those that are ours to clear: those about another process only once that is
        gone, one about the clock only if we have seen it jump too, those about the invariants, which another may have
        seen broken, only when we have seen them all, the one about isolation once a channel has taken something from
        us since.
        """
        there = {replica.id for replica in alive(await reader.replicas(), now)} - {self._replicas.name.id}
        if ISOLATED not in standing:
            self._reach.reconsider()
        is_half_seen = self._before is not None
        is_cut_off = not await self._has_reached_somebody(reader)
        return {
            (kind, subject)
            for kind, subject in standing
            if not (kind in OF_A_PROCESS and subject.partition(OF)[0] in there)
            and not (kind is AlarmKind.CLOCK and there and self._points.clock.jump is None)
            and not (kind is AlarmKind.INVARIANT and is_half_seen)
            and not (kind is AlarmKind.ISOLATED and is_cut_off)
        }

    async def _has_reached_somebody(self, reader: Reader) -> bool:
        """Since isolation was last raised, by whichever replica."""
        taken_at = self._reach.taken_at
        if taken_at is None or self._reach.is_isolated:
            return False
        fingerprint = fingerprint_of_alarm(*ISOLATED)
        raised = (await reader.last_occurrences([fingerprint])).get(fingerprint)
        return raised is None or raised.starts_at <= taken_at

    async def _measure(self, reader: Reader, now: datetime) -> None:
        metrics = self._points.metrics
        counts = await self._counts.answer(reader.counts)
        for level in Level:
            for standing in (*OPEN, Standing.RESOLVED):
                metrics.open_incidents.labels(str(int(level)), standing.value).set(
                    counts.get((level, standing), 0)
                )
        metrics.waiting.set(await reader.waiting_count())
        storm = (await reader.records([STORM])).get(STORM)
        metrics.storm.set(1 if isinstance(storm, Storm) and storm.rages else 0)
        for kind in DueKind:
            oldest = await reader.overdue(kind, now, 1)
            age = (now - oldest[0].at).total_seconds() if oldest else 0.0
            metrics.oldest_overdue.labels(kind.value).set(age)

    async def _stranded(self, reader: Reader) -> list[AlarmRaised]:
        return [
            AlarmRaised(
                kind=AlarmKind.STRANDED,
                subject=incident,
                detail=f"{incident} is open and nothing is due for it; look at it now, nobody will be paged",
            )
            for incident in await self._without_due.answer(lambda: reader.unanswered_without_due(LOOKED_AT))
        ]

    async def _behind(self, reader: Reader, now: datetime) -> list[AlarmRaised]:
        """Rows that nobody has worked off at all."""
        return [
            AlarmRaised(
                kind=AlarmKind.PAGE_LATE,
                subject=f"{kind.value} rows",
                detail=f"{kind.value} rows are due and not worked off; see the log for why the loop is behind",
            )
            for kind in DueKind
            if await reader.overdue(kind, now - OVERDUE, 1)
        ]

    async def _owed(self, reader: Reader, now: datetime) -> list[AlarmRaised]:
        """Pages that are owed for long, though not for good refused."""
        rows = await reader.overdue(DueKind.SEND, now + timedelta(days=1), LOOKED_AT)
        # What cannot be read is no page that waits: its row is set aside, with an alarm, by who works on it.
        records, _ = await _readable([row.key for row in rows if row.key.kind is Kind.PAGE], reader.records)
        return [
            AlarmRaised(
                kind=AlarmKind.PAGE_LATE,
                subject=page.contact,
                detail=f"page {page.page} to {page.contact} is owed since "
                f"{page.asked_at.isoformat(timespec='seconds')} and no channel has taken it; call them",
            )
            for page in records.values()
            if isinstance(page, Page) and _is_owed_for_long(page, now)
        ]

    async def _violations(self, reader: Reader, now: datetime) -> list[AlarmRaised]:
        """The invariants, held against a part of the incidents each time."""
        query = SummaryQuery(
            standings=OPEN,
            before=self._before,
            limit=LOOKED_AT,
        )
        summaries = await reader.summaries(query)
        of_open = [summary.incident for summary in summaries]
        bundles, unreadable = await _readable(of_open, reader.live_records)
        self._this_round += [
            AlarmRaised(
                kind=AlarmKind.INVARIANT,
                subject=incident,
                detail=f"{incident} is open and a record of it cannot be read ({problem}); look at it now, nothing of "
                "it is done until its rows are mended",
            )
            for incident, problem in unreadable.items()
        ]
        self._this_round += [
            AlarmRaised(kind=AlarmKind.INVARIANT, subject=violation.subject, detail=str(violation))
            for records in bundles.values()
            for violation in violations_of_state(bundle_of(records), now)
        ]
        self._this_round += [
            AlarmRaised(kind=AlarmKind.INVARIANT, subject=violation.subject, detail=str(violation))
            for violation in await _uncarried(reader, bundles.values())
        ]
        found = [*self._last_round, *self._this_round]
        self._before = summaries[-1].number if len(summaries) == LOOKED_AT else None
        if self._before is None:
            self._last_round, self._this_round = self._this_round, []
        return found

    def _isolation(self) -> list[AlarmRaised]:
        # One that stands by asks no channel for anything, so it would say this for ever.
        if not self._reach.is_isolated or self._replicas.stands_by:
            return []
        kind, subject = ISOLATED
        tried = ", ".join(self._reach.channels()) or "none lately"
        detail = (
            f"no channel takes anything from {self._replicas.name.id} (tried: {tried}): see the network on the way "
            "out and what the channels say; call whoever `responder incidents list` says is owed a page. Pages stay "
            "owed and are tried again, nobody further is paged early, and our own beat stops"
        )
        return [AlarmRaised(kind=kind, subject=subject, detail=detail)]

    def _is_told(self, now: datetime) -> bool:
        """Isolation is raised at every look where nobody but us could have ended it; else now and then."""
        told_at, since = self._isolation_told_at, self._reach.isolated_since
        if self._points.are_alone or told_at is None or since is None:
            return False
        return told_at >= since and now - told_at < ISOLATED_AGAIN

    def _loops(self) -> list[AlarmRaised]:
        return [
            AlarmRaised(
                kind=AlarmKind.LOOP,
                subject=f"{self._replicas.name.id}{OF}{name}",
                detail=f"the loop {name} fails and is started again: {problem}",
            )
            for name, problem in self._supervisor.broken().items()
        ]

    def _jumped(self, now: datetime) -> list[AlarmRaised]:
        """One alarm for all replicas: nearly always it is the database's time that was set."""
        jump = self._points.clock.jump
        if jump is None or now - jump.at > JUMPED:
            return []
        seconds = jump.by.total_seconds()
        return [
            AlarmRaised(
                kind=AlarmKind.CLOCK,
                subject="database",
                detail=f"the database's time jumped by {seconds:+.1f} s as {self._replicas.name.id} sees it: see that "
                "its machine's clock is kept by NTP; timers go by the new time, and the calls and bodies of others are "
                "taken over a lease later",
            )
        ]

    async def _tell(
        self,
        found: list[AlarmRaised],
        raised: set[tuple[AlarmKind, str]],
        standing: Collection[tuple[AlarmKind, str]],
    ) -> None:
        """`standing`: the open alarms, `raised`: those of them that we may clear. One that is new is logged."""
        wrong = {(alarm.kind, alarm.subject) for alarm in found}
        over = raised - wrong
        if not found and not over:
            return

        async def work(unit: Unit) -> None:
            turn = Turn(unit, self._points.clock.now())
            for alarm in found:
                turn.emit(alarm)
            for kind, subject in over:
                turn.emit(AlarmCleared(kind=kind, subject=subject))
            await self._handle.finish(turn)

        await self._points.commit("commit.audit", work)
        for alarm in found:
            if (alarm.kind, alarm.subject) not in standing:
                log.error("alarm", kind=alarm.kind.value, subject=alarm.subject, detail=alarm.detail)


def _is_owed_for_long(page: Page, now: datetime) -> bool:
    """What is withdrawn while a call is in flight still waits for that call's end, and is owed to nobody."""
    is_owed = page.phase is not PagePhase.WITHDRAWN and not page.reason.is_told
    # Not from when it was asked for: in a storm it has waited for others first.
    since = page.attempts[0].due_at if page.attempts else page.next_at or page.asked_at
    return is_owed and now - since > UNDELIVERED


async def _readable(
    keys: Sequence[K], read: Callable[[Sequence[K]], Awaitable[dict[K, V]]]
) -> tuple[dict[K, V], dict[K, Unreadable]]:
    """What is found, and what cannot be read: it must not hide the others."""
    try:
        return await read(keys), {}
    except Unreadable as problem:
        if len(keys) == 1:
            return {}, {keys[0]: problem}
    found: dict[K, V] = {}
    unreadable: dict[K, Unreadable] = {}
    for key in keys:
        one, problem_of_it = await _readable([key], read)
        found |= one
        unreadable |= problem_of_it
    return found, unreadable


async def _uncarried(reader: Reader, bundles: Iterable[Sequence[Record]]) -> list[Violation]:
    """Pages that a digest is to carry, and that none does."""
    gathered = [
        record
        for records in bundles
        for record in records
        if isinstance(record, Page) and record.phase is PagePhase.GATHERED
    ]
    digests, _ = await _readable(
        list({RecordKey(Kind.PAGE, page.digest) for page in gathered}), reader.records
    )
    found: list[Violation] = []
    for page in gathered:
        digest = digests.get(RecordKey(Kind.PAGE, page.digest))
        found += violations_of_carried(page, digest if isinstance(digest, Page) else None)
    return found


async def _open_alarms(reader: Reader) -> set[tuple[AlarmKind, str]]:
    """What an auditor has raised and not cleared, be it in a process that is no more."""
    standings = OPEN
    found: set[tuple[AlarmKind, str]] = set()
    before = None
    while True:
        query = SummaryQuery(rule=SELF_RULE, standings=standings, before=before, limit=LOOKED_AT)
        summaries = await reader.summaries(query)
        for summary in summaries:
            _, kind, subject = summary.key.split("/", 2)
            found |= {(each, subject) for each in OURS if each.value == kind}
        if len(summaries) < LOOKED_AT:
            return found
        before = summaries[-1].number


def bundle_of(records: Sequence[Record]) -> Bundle:
    """One incident's live records, sorted by what they are. Its incident is among them."""
    return Bundle(
        incident=next(record for record in records if isinstance(record, Incident)),
        escalation=next((record for record in records if isinstance(record, Escalation)), None),
        pages=tuple(record for record in records if isinstance(record, Page)),
        duties=tuple(record for record in records if isinstance(record, Duty)),
        notices=tuple(record for record in records if isinstance(record, Notice)),
    )
