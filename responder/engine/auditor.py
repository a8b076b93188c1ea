"""The auditor: looks at what is stored, as somebody would who trusts nobody, and raises an alarm for what is wrong.

Every look is a few bounded, indexed reads. It shares no state with the loops that it judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised, DueKind
from responder.core.identifiers import Kind
from responder.core.invariants import Bundle, violations_of_state
from responder.core.level import Level
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.core.machines.page import Phase as PagePhase
from responder.core.policy.levels import SELF_RULE
from responder.engine.bells import Bells
from responder.engine.handle import Handle
from responder.engine.points import Points
from responder.engine.supervise import Supervisor
from responder.engine.turn import Turn
from responder.ports.store import Reader, Record, Standing, SummaryQuery

EVERY = timedelta(seconds=10)
OVERDUE = timedelta(seconds=10)  # a due row older than this means that a loop is behind
UNDELIVERED = timedelta(seconds=30)  # a page that no channel has taken for so long
LOOKED_AT = 200  # incidents a look; the next look goes on behind them
# The alarms that only an auditor can clear: nothing else would hear that what they are about is over.
OURS = (AlarmKind.STRANDED, AlarmKind.PAGE_LATE, AlarmKind.INVARIANT, AlarmKind.LOOP)

log = structlog.get_logger("auditor")


class Auditor:
    def __init__(self, points: Points, handle: Handle, bells: Bells, supervisor: Supervisor) -> None:
        self._points = points
        self._handle = handle
        self._bells = bells
        self._supervisor = supervisor
        self._before: int | None = None  # where the next look at the invariants begins
        self._this_round: list[AlarmRaised] = []  # what has been found broken since the round began
        self._last_round: list[AlarmRaised] = []  # raised until a whole round has not found it again

    async def run(self) -> None:
        """The gauges at once; the first look once the loops have had time for what waited while we were down."""
        async with self._points.reading("read.audit") as reader:
            await self._measure(reader, self._points.clock.now())
        while True:
            await self._points.clock.sleep_until(self._points.clock.now() + EVERY)
            await self.look()

    async def look(self) -> list[AlarmRaised]:
        """One look: bring the gauges up to date, raise what is wrong, clear what was and is not any more."""
        now = self._points.clock.now()
        async with self._points.reading("read.audit") as reader:
            await self._measure(reader, now)
            raised = await _open_alarms(reader)
            found = [
                *await self._stranded(reader),
                *await self._undelivered(reader, now),
                *await self._violations(reader, now),
            ]
        found += self._loops()
        await self._tell(found, raised)
        return found

    async def _measure(self, reader: Reader, now: datetime) -> None:
        metrics = self._points.metrics
        counts = await reader.counts()
        for level in Level:
            for standing in (Standing.OPEN, Standing.ACKNOWLEDGED, Standing.SNOOZED, Standing.RESOLVED):
                metrics.open_incidents.labels(str(int(level)), standing.value).set(
                    counts.get((level, standing), 0)
                )
        metrics.waiting.set(await reader.waiting_count())
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
            for incident in await reader.unanswered_without_due(LOOKED_AT)
        ]

    async def _undelivered(self, reader: Reader, now: datetime) -> list[AlarmRaised]:
        """Pages that are owed for long, though not for good refused; and rows that nobody has worked off at all."""
        late = [
            AlarmRaised(
                kind=AlarmKind.PAGE_LATE,
                subject=f"{kind.value} rows",
                detail=f"{kind.value} rows are due and not worked off; see the log for why the loop is behind",
            )
            for kind in DueKind
            if await reader.overdue(kind, now - OVERDUE, 1)
        ]
        rows = await reader.overdue(DueKind.SEND, now + timedelta(days=1), LOOKED_AT)
        records = await reader.records([row.key for row in rows if row.key.kind is Kind.PAGE])
        late += [
            AlarmRaised(
                kind=AlarmKind.PAGE_LATE,
                subject=page.contact,
                detail=f"page {page.page} to {page.contact} is owed since "
                f"{page.asked_at.isoformat(timespec='seconds')} and no channel has taken it; call them",
            )
            for page in records.values()
            if isinstance(page, Page) and _is_owed_for_long(page, now)
        ]
        return late

    async def _violations(self, reader: Reader, now: datetime) -> list[AlarmRaised]:
        """The invariants, held against a part of the incidents each time."""
        query = SummaryQuery(
            standings=frozenset({Standing.OPEN, Standing.ACKNOWLEDGED, Standing.SNOOZED}),
            before=self._before,
            limit=LOOKED_AT,
        )
        summaries = await reader.summaries(query)
        bundles = await reader.live_records([summary.incident for summary in summaries])
        self._this_round += [
            AlarmRaised(kind=AlarmKind.INVARIANT, subject=violation.subject, detail=str(violation))
            for records in bundles.values()
            for violation in violations_of_state(bundle_of(records), now)
        ]
        found = [*self._last_round, *self._this_round]
        self._before = summaries[-1].number if len(summaries) == LOOKED_AT else None
        if self._before is None:
            self._last_round, self._this_round = self._this_round, []
        return found

    def _loops(self) -> list[AlarmRaised]:
        return [
            AlarmRaised(
                kind=AlarmKind.LOOP,
                subject=name,
                detail=f"the loop {name} fails and is started again: {problem}",
            )
            for name, problem in self._supervisor.unsound().items()
        ]

    async def _tell(self, found: list[AlarmRaised], raised: set[tuple[AlarmKind, str]]) -> None:
        """`raised`: the alarms that are open, whoever raised them."""
        wrong = {(alarm.kind, alarm.subject) for alarm in found}
        over = raised - wrong
        if not found and not over:
            return
        async with self._points.unit("commit.audit") as unit:
            turn = Turn(unit, self._points.clock.now())
            for alarm in found:
                turn.emit(alarm)
            for kind, subject in over:
                turn.emit(AlarmCleared(kind=kind, subject=subject))
            await self._handle.finish(turn)
        for alarm in found:
            if (alarm.kind, alarm.subject) not in raised:
                log.error("alarm", kind=alarm.kind.value, subject=alarm.subject, detail=alarm.detail)
        self._bells.ring_due()


def _is_owed_for_long(page: Page, now: datetime) -> bool:
    """What is withdrawn while a call is in flight still waits for that call's end, and is owed to nobody."""
    is_owed = page.phase is not PagePhase.WITHDRAWN and not page.reason.is_told
    return is_owed and now - page.asked_at > UNDELIVERED


async def _open_alarms(reader: Reader) -> set[tuple[AlarmKind, str]]:
    """What an auditor has raised and not cleared, be it in a process that is no more."""
    standings = frozenset({Standing.OPEN, Standing.ACKNOWLEDGED, Standing.SNOOZED})
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
