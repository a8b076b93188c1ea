"""A small engine for the core alone: no store, no calls, time that is told. It routes what the machines emit as
`engine.routes` does, fires every timer at its time (or late, when it was down), and holds each step and each state to
the invariants. What it is told to do comes from the tests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from responder.core.alert import Alert, Occurrence, Sighting, sight
from responder.core.decision import (
    AlarmCleared,
    AlarmRaised,
    Decision,
    Due,
    NoticeAsked,
    PageAsked,
    PageReason,
    Send,
)
from responder.core.delivery import Accepted, Outcome, Rejected, SendDue
from responder.core.identifiers import (
    ChannelName,
    ContactName,
    Fingerprint,
    IncidentId,
    JournalId,
    Kind,
    PinHash,
    RecordKey,
    digest_id,
    duty_id,
    incident_id,
    notice_id,
)
from responder.core.invariants import (
    Bundle,
    Code,
    Violation,
    violations_of_carried,
    violations_of_state,
    violations_of_step,
)
from responder.core.level import Level
from responder.core.machines import duty as duties
from responder.core.machines import escalation as escalations
from responder.core.machines import heartbeat as heartbeats
from responder.core.machines import incident as incidents
from responder.core.machines import notice as notices
from responder.core.machines import page as pages
from responder.core.machines import storm as storms
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import EarlyWhy, Escalation, MoveAllowed, MoveHeld, MoveWanted
from responder.core.machines.heartbeat import Heartbeat
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Notice
from responder.core.machines.page import Member, Method, Page
from responder.core.machines.storm import Storm
from responder.core.policy.escalation import Terms
from tests.core.matrix import MATRIX, NOON, ON_CALL

Record = Incident | Escalation | Page | Notice | Duty | Heartbeat | Storm
Advance = Callable[[Any, Any, datetime], Decision[Any]]
MACHINES: Mapping[Kind, Advance] = {
    Kind.INCIDENT: incidents.advance,
    Kind.ESCALATION: escalations.advance,
    Kind.PAGE: pages.advance,
    Kind.NOTICE: notices.advance,
    Kind.DUTY: duties.advance,
    Kind.HEARTBEAT: heartbeats.advance,
    Kind.STORM: storms.advance,
}
DUE: Mapping[Kind, Callable[[], object]] = {
    Kind.INCIDENT: incidents.TimerDue,
    Kind.ESCALATION: escalations.TimerDue,
    Kind.PAGE: SendDue,
    Kind.NOTICE: SendDue,
    Kind.DUTY: duties.TimerDue,
    Kind.HEARTBEAT: heartbeats.TimerDue,
    Kind.STORM: storms.TimerDue,
}
METHODS = (
    Method(index=0, channel=ChannelName("push"), folds=True),
    Method(index=1, channel=ChannelName("sms"), folds=False),
)
STORM = RecordKey(Kind.STORM, storms.NAME)
WINDOW = timedelta(seconds=30)  # for so long pages wait for each other, while a storm rages
FAILURE_OF = {
    "failing": Outcome.TRANSIENT,
    "refusing": Outcome.PERMANENT,
    "isolated": Outcome.PERMANENT,
    "unsure": Outcome.UNKNOWN,
}
BUSY = 60  # due rows that one passing of time works off at their times; after that it jumps
MOST = 500  # due rows at one instant


class Found(Exception):
    """The invariant that was looked for did not hold."""


class Broken(Exception):
    """The invariants that did not hold."""

    def __init__(self, violations: tuple[Violation, ...], trail: tuple[str, ...]) -> None:
        super().__init__("\n".join(map(str, violations)) + "\nafter\n" + "\n".join(trail[-40:]))
        self.violations = violations


class World:
    """`machines`: the real ones, or mutants of them. `looked_for`: raise Found at this one, and pass over all others.

    `weather` is what becomes of calls: fine | failing | refusing | isolated | unsure | silent (no result comes).
    """

    def __init__(self, machines: Mapping[Kind, Advance] = MACHINES, looked_for: Code | None = None) -> None:
        self.machines = machines
        self.looked_for = looked_for
        self.now = NOON
        self.weather = "fine"
        self.nobody: set[ContactName] = set()
        self.records: dict[RecordKey, Record] = {STORM: Storm()}
        self.opening = 0  # how many incidents would be counted
        self.occurrences: dict[Fingerprint, Occurrence] = {}
        self.flying: list[Send] = []
        self.queue: deque[object] = deque()
        self.asked: list[tuple[datetime, PageAsked]] = []
        self.climbed: list[tuple[datetime, datetime, PageAsked]] = []  # when, of the ladder begun when
        self.sent: list[tuple[datetime, Send]] = []
        self.trail: list[str] = []
        self.journal = 0
        self.opened = 0
        self.digests = 0

    @property
    def is_isolated(self) -> bool:
        return self.weather == "isolated"

    # What can be told to it

    def message(self, alert: Alert, level: Level, journal: int | None = None) -> None:
        """One alert of one body, as `engine.joining` takes it in."""
        self.journal = max(self.journal + 1, journal or 0)
        number = JournalId(journal or self.journal)
        sighting, occurrence = sight(self.occurrences.get(alert.fingerprint), alert, number)
        if sighting is Sighting.TWIN and not self._is_live(occurrence.incident):
            sighting = Sighting.NEW
            occurrence = replace(occurrence, number=occurrence.number + 1, incident=None)
        if sighting is Sighting.NEW:
            occurrence = replace(occurrence, incident=self._fire(alert, level))
        self.occurrences[alert.fingerprint] = occurrence
        self.note(f"{sighting.value} {alert.fingerprint}")
        if occurrence.incident is not None and sighting is Sighting.TWIN:
            self.tell(Kind.INCIDENT, occurrence.incident, incidents.AlertsRefired(count=1))
        if occurrence.incident is not None and sighting is Sighting.ENDED:
            self.tell(Kind.INCIDENT, occurrence.incident, incidents.AlertsEnded(count=1))
        self.finish()

    def ask(self, kind: Kind, id_: str, event: object) -> None:
        """An event of its own, in a transaction of its own."""
        self.note(f"{kind.value}/{id_} hears {event}")
        self.tell(kind, id_, event)
        self.finish()

    def answer(self, place: int, result: Accepted | Rejected | None) -> None:
        """The result of call `place` of those in flight; None: its result is lost."""
        if not self.flying:
            return
        send = self.flying.pop(place % len(self.flying))
        if result is not None:
            self.ask(send.kind, send.record, replace(result, attempt=send.attempt))

    def early_timer(self, place: int) -> None:
        """A due row that two have claimed: the second finds that it is not due."""
        if self.records:
            key = list(self.records)[place % len(self.records)]
            self.ask(key.kind, key.id, DUE[key.kind]())

    def restart(self) -> None:
        self.note("restart")
        self.flying.clear()

    def pass_time(self, length: timedelta) -> None:
        """Time passes, and every due row is worked off at its time."""
        until = self.now + length
        for _ in range(BUSY):
            found = self._next_due()
            if found is None or found[0] > until:
                self.now = until
                return
            self.now = max(self.now, found[0])
            self._work_off(found[1])
        self.be_down(max(timedelta(0), until - self.now))

    def be_down(self, length: timedelta) -> None:
        """Time passes without us; then what is overdue is worked off, earliest first."""
        self.note(f"down for {length}")
        self.flying.clear()
        self.now += length
        for _ in range(MOST):
            found = self._next_due()
            if found is None or found[0] > self.now:
                return
            self._work_off(found[1])
        raise AssertionError("something is due for ever")

    # What it holds

    def current(self) -> Incident | None:
        """The incident that is not closed yet, or the last one."""
        found = [record for record in self.records.values() if isinstance(record, Incident)]
        return found[-1] if found else None

    def ladder(self, incident: IncidentId) -> Escalation:
        found = self.records[RecordKey(Kind.ESCALATION, incident)]
        assert isinstance(found, Escalation)
        return found

    def of(self, incident: IncidentId, kind: Kind) -> list[Any]:
        return [
            record for key, record in self.records.items() if key.kind is kind and record.incident == incident
        ]

    def bundle(self, state: Incident) -> Bundle:
        ladder = self.records.get(RecordKey(Kind.ESCALATION, state.incident))
        return Bundle(
            incident=state,
            escalation=ladder if isinstance(ladder, Escalation) else None,
            pages=tuple(self.of(state.incident, Kind.PAGE)),
            duties=tuple(self.of(state.incident, Kind.DUTY)),
            notices=tuple(self.of(state.incident, Kind.NOTICE)),
        )

    def note(self, line: str) -> None:
        self.trail.append(f"{self.now - NOON} {line}")

    # How it works

    def tell(self, kind: Kind, id_: str, event: object) -> None:
        self.queue.append((RecordKey(kind, id_), event))

    def finish(self) -> None:
        """Everything that follows, in one transaction; then each incident's records have to be right."""
        touched: set[IncidentId] = set()
        while self.queue:
            match self.queue.popleft():
                case (RecordKey() as key, event):
                    self._advance(key, event)
                    if (of := self.records[key].incident) is not None:
                        touched.add(of)
                case emit:
                    self._carry(emit)
            if not self.queue:
                self._look_again()
        for incident in touched:
            key = RecordKey(Kind.INCIDENT, incident)
            state = self.records[key]
            assert isinstance(state, Incident)
            state = replace(state, revision=state.revision + 1)
            self.records[key] = state
            self._hold(violations_of_state(self.bundle(state), self.now))
        gathered = [
            record
            for record in self.records.values()
            if isinstance(record, Page) and record.phase is pages.Phase.GATHERED
        ]
        for page in gathered:
            digest = self.records.get(RecordKey(Kind.PAGE, page.digest))
            self._hold(violations_of_carried(page, digest if isinstance(digest, Page) else None))

    def _advance(self, key: RecordKey, event: object) -> None:
        before = self.records[key]
        decision = self.machines[key.kind](before, event, self.now)
        self.note(f"  {key} {type(event).__name__}: {decision.why.value}")
        self._hold(violations_of_step(before, event, decision, self.now))
        self._take(decision)

    def _take(self, decision: Decision[Any]) -> None:
        key = RecordKey(decision.state.KIND, decision.state.id)
        self.records[key] = decision.state
        self.queue.extend(decision.emits)
        for send in decision.effects:
            self.sent.append((self.now, send))
            self._fly(send)

    def _fly(self, send: Send) -> None:
        if self.weather == "silent":
            self.flying.append(send)
        elif (outcome := FAILURE_OF.get(self.weather)) is None:
            self.tell(send.kind, send.record, Accepted(attempt=send.attempt, receipt="ok"))
        else:
            failed = Rejected(
                attempt=send.attempt, outcome=outcome, detail=self.weather, is_isolated=self.is_isolated
            )
            self.tell(send.kind, send.record, failed)

    def _hold(self, violations: tuple[Violation, ...]) -> None:
        if self.looked_for is None and violations:
            raise Broken(violations, tuple(self.trail))
        if any(violation.code is self.looked_for for violation in violations):
            raise Found

    def _next_due(self) -> tuple[datetime, RecordKey] | None:
        due = ((record.due(), key) for key, record in self.records.items())
        return min(((at.at, key) for at, key in due if at is not None), default=None)

    def _work_off(self, key: RecordKey) -> None:
        self.tell(key.kind, key.id, DUE[key.kind]())
        self.finish()

    def _look_again(self) -> None:
        for key, record in self.records.items():
            due: Due | None = record.due()
            if due is not None and due.at <= self.now and DUE[key.kind] is not SendDue:
                self.tell(key.kind, key.id, DUE[key.kind]())

    def _is_live(self, incident: IncidentId | None) -> bool:
        return incident is not None and self.records[RecordKey(Kind.INCIDENT, incident)].is_live

    def _fire(self, alert: Alert, level: Level) -> IncidentId:
        state = self.current()
        if state is not None and state.is_live:
            event = incidents.AlertsFired(count=1, level=level, subject=alert.name)
            self.tell(Kind.INCIDENT, state.incident, event)
            return state.incident
        return self.open(level, firing=1)

    def open(self, level: Level, *, firing: int = 0, by: ContactName | None = None) -> IncidentId:
        self.opened += 1
        state = Incident(
            incident=incident_id(self.opened),
            key="trouble",
            rule="level-label",
            group={},
            title="trouble",
            level=level,
            pin=PinHash("0"),
            reopen_window=MATRIX[level].reopen_window,
            opened_at=self.now,
            firing=firing,
            seen=firing,
            declared_by=by,
        )
        self._take(incidents.begin(state))
        return state.incident

    # Routes

    def _carry(self, emit: object) -> None:
        match emit:
            case PageAsked():
                self._page(emit)
            case NoticeAsked(incident=incident, channels=channels, reason=reason):
                for channel in channels:
                    self._notify(incident, channel, notices.Wanted(reason=reason))
            case pages.PageAccepted(incident=incident, contact=contact, reason=reason):
                if not reason.is_told:
                    self._climb(incident, escalations.HandedOver(contact=contact))
            case pages.PageFailed(incident=incident, reason=reason, step=step):
                if reason.is_ladder:
                    self._climb(incident, MoveWanted(why=EarlyWhy.PAGE_FAILED, step=step))
            case escalations.PagesWithdrawn(incident=incident):
                for page in self.of(incident, Kind.PAGE):
                    if page.reason.is_ladder and page.is_live:
                        self.tell(Kind.PAGE, page.id, pages.Withdrawn())
            case escalations.MoveDue(incident=incident):
                owed = any(page.reason.is_ladder and page.is_owed for page in self.of(incident, Kind.PAGE))
                is_held = owed and self.is_isolated
                self._climb(incident, MoveHeld() if is_held else MoveAllowed())
            case pages.GatherDue() | pages.MemberLeft() | pages.DigestAccepted() | pages.DigestFailed():
                self._carry_digest(emit)
            case escalations.RemediationAsked(incident=incident):
                self._climb(incident, MoveWanted(why=EarlyWhy.NO_REMEDIATION))
            case AlarmRaised() | AlarmCleared() | heartbeats.HeartbeatMissed() | heartbeats.HeartbeatBack():
                pass  # other incidents, which are lives of their own
            case _:
                self._carry_trouble(emit)

    def count(self) -> None:
        counted = storms.Counted(
            incidents=self.opening, many=30, per=timedelta(minutes=1), calm_after=timedelta(minutes=5)
        )
        self.tell(Kind.STORM, storms.NAME, counted)

    def _carry_digest(
        self, emit: pages.GatherDue | pages.MemberLeft | pages.DigestAccepted | pages.DigestFailed
    ) -> None:
        match emit:
            case pages.GatherDue(page=page, contact=contact):
                self._gather(page, contact)
            case pages.MemberLeft(digest=digest, page=page):
                self.tell(Kind.PAGE, digest, pages.Left(page))
            case pages.DigestAccepted(members=members, channel=channel):
                for member in members:
                    self.tell(Kind.PAGE, member.page, pages.Carried(channel))
            case pages.DigestFailed(members=members):
                for member in members:
                    self.tell(Kind.PAGE, member.page, pages.Dropped())

    def _gather(self, first: str, contact: ContactName) -> None:
        waiting = [
            record
            for record in self.records.values()
            if isinstance(record, Page)
            and record.contact == contact
            and (record.phase is pages.Phase.GATHERING or record.page == first)
        ]
        if len(waiting) < 2:
            return
        self.digests += 1
        digest = Page(
            page=digest_id(self.digests),
            incident=None,
            contact=contact,
            asked_for=contact,
            reason=PageReason.DIGEST_TOLD
            if all(page.reason.is_told for page in waiting)
            else PageReason.DIGEST,
            asked_at=self.now,
            methods=METHODS,
            members=tuple(self._member(page) for page in waiting),
        )
        self._take(pages.begin(digest))
        for page in waiting:
            self.tell(Kind.PAGE, page.page, pages.Gathered(digest.page))

    def _member(self, page: Page) -> Member:
        assert page.incident is not None
        return Member(
            page=page.page, incident=page.incident, level=self.ladder(page.incident).level, reason=page.reason
        )

    def _release(self, incident: IncidentId) -> None:
        for page in self.of(incident, Kind.PAGE):
            if page.phase in (pages.Phase.GATHERING, pages.Phase.GATHERED):
                digest = self.records.get(RecordKey(Kind.PAGE, page.digest))
                tried = isinstance(digest, Page) and bool(digest.attempts)
                self.tell(Kind.PAGE, page.page, pages.Released(is_repeat=tried))

    def answer_digest(self, digest: Page, by: ContactName) -> None:
        """One acknowledgement for all that it carries and nobody has answered, but what has risen since."""
        for member in digest.members:
            ladder = self.ladder(member.incident)
            unanswered = ladder.since is not None and ladder.level <= member.level
            if unanswered:
                self._climb(member.incident, escalations.Acknowledged(by=by))
        self.note(f"{by} answers {digest.page}")
        self.finish()

    def _carry_trouble(self, emit: object) -> None:
        """What the incident says."""
        match emit:
            case incidents.IncidentOpened(incident=incident, level=level):
                self._take(escalations.begin(incident, MATRIX[level], self.now))
                self._owe(incident, MATRIX[level])
            case incidents.LevelChanged(incident=incident, level=level, rose=rose):
                window = MATRIX[level].reopen_window
                self.tell(Kind.INCIDENT, incident, incidents.TermsChanged(reopen_window=window))
                self._climb(incident, escalations.LevelReached(terms=MATRIX[level]))
                if rose:
                    self._release(incident)
                if not rose:
                    self._end_duties(incident, keep={term.name for term in MATRIX[level].duties})
                self._owe(incident, MATRIX[level])
            case incidents.AlertsJoined(incident=incident, subject=subject):
                self._climb(incident, escalations.Joined(subject=subject))
            case incidents.IncidentResolved(incident=incident):
                self._climb(incident, escalations.Resolved())
                self._end_duties(incident, keep=set())
            case incidents.IncidentReopened(incident=incident, flapping=flapping):
                self._climb(incident, escalations.Reopened(flapping=flapping))
                for duty in self.of(incident, Kind.DUTY):
                    self.tell(Kind.DUTY, duty.id, duties.Owed(due_at=duty.due_at))
            case incidents.IncidentDoubted(incident=incident, subject=subject):
                self._climb(incident, escalations.Doubted(subject=subject))
            case incidents.PinChanged(incident=incident):
                terms = MATRIX[self.ladder(incident).level]
                self.tell(Kind.INCIDENT, incident, incidents.TermsChanged(reopen_window=terms.reopen_window))
                self._climb(incident, escalations.Repinned(terms=terms))
            case storms.CountAsked():
                self.count()
            case incidents.IncidentClosed() | incidents.NoteLeft():
                pass  # a note is shown only where messages can be changed
            case other:
                raise AssertionError(f"nobody hears of {other}")

    def _climb(self, incident: IncidentId, event: object) -> None:
        self.tell(Kind.ESCALATION, incident, event)

    def _owe(self, incident: IncidentId, terms: Terms) -> None:
        for term in terms.duties:
            key = RecordKey(Kind.DUTY, duty_id(incident, term.name))
            due_at = self.now + term.after
            if key in self.records:
                self.tell(Kind.DUTY, key.id, duties.Owed(due_at=due_at))
                continue
            state = Duty(
                duty=key.id,
                name=term.name,
                incident=incident,
                due_at=due_at,
                contacts=term.contacts,
                channels=terms.channels,
                remind=term.remind,
            )
            self._take(duties.begin(state))

    def _end_duties(self, incident: IncidentId, *, keep: set[str]) -> None:
        for duty in self.of(incident, Kind.DUTY):
            if duty.name not in keep:
                self.tell(Kind.DUTY, duty.id, duties.Ended())

    def _page(self, asked: PageAsked) -> None:
        self.asked.append((self.now, asked))
        if asked.reason is PageReason.STEP:
            self.climbed.append((self.now, self.ladder(asked.incident).reached_at, asked))
        if asked.contact in self.nobody:
            if asked.reason.is_ladder:
                self._climb(asked.incident, MoveWanted(why=EarlyWhy.NOBODY, step=asked.step))
            return
        page = Page(
            page=asked.page,
            incident=asked.incident,
            contact=ContactName(f"{asked.contact}-today") if asked.contact == ON_CALL else asked.contact,
            asked_for=asked.contact,
            reason=asked.reason,
            asked_at=self.now,
            methods=METHODS,
            step=asked.step,
            subject=asked.subject,
        )
        storm = self.records[STORM]
        assert isinstance(storm, Storm)
        waits = storm.rages and asked.reason.may_wait and not self.ladder(asked.incident).level.is_disaster
        self._take(pages.gather(page, self.now + WINDOW) if waits else pages.begin(page))

    def _notify(self, incident: IncidentId, channel: ChannelName, wanted: notices.Wanted) -> None:
        key = RecordKey(Kind.NOTICE, notice_id(incident, channel))
        if key not in self.records:
            blank = Notice(notice=key.id, incident=incident, channel=channel)
            self._take(notices.advance(blank, wanted, self.now))
        else:
            self.tell(Kind.NOTICE, key.id, wanted)
