"""Views: every read that people see. Nothing here decides or writes; a face turns what it gets into its own shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from responder.core.alert import Occurrence
from responder.core.decision import DueKind, NoticeReason
from responder.core.delivery import attempt_details
from responder.core.identifiers import (
    ChannelName,
    ContactName,
    IncidentId,
    JournalId,
    Kind,
    PinHash,
    RecordKey,
)
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Happening, Notice
from responder.core.machines.page import Member, Page
from responder.core.policy.escalation import Expect, Notify, Promise, Remediate, Step, Terms
from responder.core.policy.escalation import Page as PageStep
from responder.dialects.wording import (
    Situation,
    digest_story,
    explain_why,
    members_of,
    notice_message,
    why_of,
)
from responder.engine.directory import Directory
from responder.engine.points import Points
from responder.engine.policies import Policies
from responder.engine.replicas import alive
from responder.engine.situations import Seen, Situations, keys_of
from responder.engine.turn import standing_of
from responder.ports.channel import Message, Spelling
from responder.ports.store import AuditLine, Reader, Record, Standing, StoredBody, Summary, SummaryQuery

ALERTS = 200  # occurrences that a story lists
LINES = 500  # audit lines a page, and in a story

_STANDS = {
    Standing.OPEN: NoticeReason.OPENED,
    Standing.ACKNOWLEDGED: NoticeReason.ACKNOWLEDGED,
    Standing.SNOOZED: NoticeReason.SNOOZED,
    Standing.SUPPRESSED: NoticeReason.SUPPRESSED,
    Standing.RESOLVED: NoticeReason.RESOLVED,
    Standing.CLOSED: NoticeReason.RESOLVED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the ladder. `at`: when it happens if nobody answers; None where it happened, or the clock stands."""

    index: int
    kind: str  # notify | page | remediate | expect
    after_seconds: float
    happened: bool
    at: datetime | None
    names: tuple[str, ...]  # contacts or channels, as the policy names them
    people: tuple[str, ...]  # whom the contacts mean now
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One incident, whole, as of one moment."""

    incident: Incident
    escalation: Escalation
    standing: Standing
    alerts: Sequence[Occurrence]
    ladder: Sequence[Rung]
    next_due: datetime | None  # when something happens next by itself; None once it is closed
    pages: Sequence[Page]
    notices: Sequence[Notice]  # of channels; that a page is kept current is the page's own matter
    duties: Sequence[Duty]
    audit: Sequence[AuditLine]  # the last LINES
    is_audit_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """An incident that a digest told of. `incident`, `standing`, `holder`: as they are now, None once forgotten."""

    member: Member
    has_left: bool  # it needed the digest no more before that arrived
    incident: Incident | None = None
    standing: Standing | None = None
    holder: ContactName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A digest, whole, as of one moment: what it carries, one an incident, in the order of its message."""

    page: Page
    carried: Sequence[Carried]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What re-pinning would change, level by level, and whom the ladder would reach next."""

    incident: IncidentId
    old: Promise
    new: Promise
    lines: Sequence[str]  # "-…" gone, "+…" new; empty = nothing changes
    next_before: str
    next_after: str

    @property
    def pin(self) -> PinHash:
        return self.new.pin


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """`overdue`: age of the oldest due row. `waiting`, `set_aside`: bodies.

    `replicas`: how many there are to work it off; None where the store can have only one.
    """

    overdue: Mapping[DueKind, timedelta]
    waiting: int
    set_aside: int
    replicas: int | None


class Views:
    def __init__(
        self, points: Points, policies: Policies, directory: Directory, situations: Situations
    ) -> None:
        self._points = points
        self._policies = policies
        self._directory = directory
        self._situations = situations

    async def incidents(self, query: SummaryQuery) -> tuple[list[Summary], int | None]:
        """A page of the list, and the number to ask for the next one with; None at the end."""
        async with self._points.reading("read.incidents") as reader:
            found = await reader.summaries(query)
        return found, found[-1].number if len(found) == query.limit else None

    async def summary(self, incident: IncidentId) -> Summary | None:
        async with self._points.reading("read.incident") as reader:
            return await reader.summary(incident)

    async def story(self, incident: IncidentId) -> Story | None:
        async with self._points.reading("read.incident") as reader:
            return await self._story(reader, incident)

    async def digest(self, name: str) -> Digest | None:
        """None where there is no digest of that name."""
        async with self._points.reading("read.digest") as reader:
            found = await _digest(reader, name)
        if found is None:
            return None
        page, records = found
        return Digest(page=page, carried=[_carried(page, each, records) for each in _told(page)])

    async def digest_message(self, name: str, seen: Seen) -> Message | None:
        """The same in words, with every member."""
        async with self._points.reading("read.digest") as reader:
            found = await _digest(reader, name)
        if found is None:
            return None
        page, records = found
        listed, situation = self._situations.listed(_told(page), records, self._points.clock.now(), seen)
        return digest_story(page, listed, situation, story=_attempts(page, situation))

    def reader(self, contact: ContactName | None, spelling: Spelling) -> Seen:
        """In which language and zone `contact` reads; None = somebody who is no contact, as the service is set."""
        return replace(self._situations.reader_of(ChannelName(""), contact), spelling=spelling)

    async def message(self, incident: IncidentId, seen: Seen) -> Message | None:
        """The incident in words, as a channel would be shown it now."""
        async with self._points.reading("read.message") as reader:
            state, escalation = await _pair(reader, incident)
            if state is None or escalation is None:
                return None
            standing = standing_of(state, escalation)
            situation = await self._situations.of_incident(reader, incident, self._points.clock.now(), seen)
        # As a notice of how it stands would have it, which no channel is owed.
        stands = Happening(_STANDS[standing])
        notice = Notice(notice="", incident=incident, channel=ChannelName(""), happenings=(stands,))
        return replace(notice_message(notice, situation), story=())

    async def shown_as(self, reference: str) -> IncidentId | None:
        """Which incident the message in a channel with this reference is about."""
        async with self._points.reading("read.incident") as reader:
            return await reader.shown_as(reference)

    async def audit(self, incident: IncidentId, *, after: int = 0, limit: int = LINES) -> list[AuditLine]:
        async with self._points.reading("read.audit") as reader:
            return await reader.audit_of(incident, limit, after)

    async def last_audit(self, incident: IncidentId) -> list[AuditLine]:
        """The last LINES, the oldest of them first."""
        async with self._points.reading("read.audit") as reader:
            return await reader.last_audit_of(incident, LINES)

    async def difference(self, incident: IncidentId) -> Difference | None:
        """Between what is pinned to the incident and today's policy. None where there is no such incident or policy."""
        async with self._points.reading("read.difference") as reader:
            state, escalation = await _pair(reader, incident)
            if state is None or escalation is None:
                return None
            old = await self._policies.promise(reader, state.pin)
        if old.policy not in self._policies.book.policies:
            return None
        new = self._policies.book.promise(old.policy)
        now = self._points.clock.now()
        return Difference(
            incident=incident,
            old=old,
            new=new,
            lines=difference_of(old, new),
            next_before=self._next_in(escalation, escalation.terms, now),
            next_after=self._next_in(escalation, new.levels[state.level], now),
        )

    async def journal(self, *, after: int, limit: int) -> list[StoredBody]:
        """Bodies as they came, oldest first; one may have tens of megabytes."""
        async with self._points.reading("read.journal") as reader:
            return await reader.bodies(JournalId(after), limit)

    async def backlog(self) -> Backlog:
        """What is due, or accepted, and not worked off, and by how many."""
        now = self._points.clock.now()
        async with self._points.reading("read.backlog") as reader:
            oldest = {kind: await reader.overdue(kind, now, 1) for kind in DueKind}
            return Backlog(
                overdue={kind: now - rows[0].at if rows else timedelta(0) for kind, rows in oldest.items()},
                waiting=await reader.waiting_count(),
                set_aside=await reader.set_aside_count(),
                replicas=None if self._points.are_alone else len(alive(await reader.replicas(), now)),
            )

    async def _story(self, reader: Reader, incident: IncidentId) -> Story | None:
        state, escalation = await _pair(reader, incident)
        if state is None or escalation is None:
            return None
        due = escalation.due() or state.due()
        pages = await reader.records_of(incident, Kind.PAGE)
        notices = await reader.records_of(incident, Kind.NOTICE)
        duties = await reader.records_of(incident, Kind.DUTY)
        lines = await reader.last_audit_of(incident, LINES + 1)
        return Story(
            incident=state,
            escalation=escalation,
            standing=standing_of(state, escalation),
            alerts=await reader.occurrences_of(incident, ALERTS),
            ladder=self.ladder(escalation, self._points.clock.now()),
            next_due=due.at if due is not None else None,
            pages=[record for record in pages if isinstance(record, Page)],
            notices=[record for record in notices if isinstance(record, Notice) and not record.page],
            duties=[record for record in duties if isinstance(record, Duty)],
            audit=lines[-LINES:],
            is_audit_whole=len(lines) <= LINES,
        )

    def ladder(self, escalation: Escalation, now: datetime) -> list[Rung]:
        terms = escalation.terms
        return [self._rung(escalation, index, step, now) for index, step in enumerate(terms.steps)]

    def _rung(self, escalation: Escalation, index: int, step: Step, now: datetime) -> Rung:
        happened = index in escalation.fired
        at = None if happened or escalation.since is None else escalation.step_at(index)
        names: tuple[str, ...] = escalation.terms.channels_of(index)
        contacts = escalation.terms.contacts_of(index)
        return Rung(
            index=index,
            kind=kind_of(step),
            after_seconds=step.after.total_seconds(),
            happened=happened,
            at=at,
            names=(*names, *contacts),
            people=tuple(self._called(name, now) for name in contacts),
            is_current=index == escalation.rung,
        )

    def _called(self, name: ContactName, now: datetime) -> str:
        on = self._directory.person_on(name, now)
        person = self._directory.person(on) if on is not None else None
        return person.name if person is not None else "nobody"

    def _next_in(self, escalation: Escalation, terms: Terms, now: datetime) -> str:
        """The page step that `terms` would bring next, in words."""
        waited = escalation.unanswered(now)
        for index, step in enumerate(terms.steps):
            if isinstance(step, PageStep) and step.after > waited:
                people = ", ".join(self._called(name, now) for name in terms.contacts_of(index))
                return f"{people} in {_minutes((step.after - waited).total_seconds())}"
        return "the last page again"


def kind_of(step: Step) -> str:
    match step:
        case Notify():
            return "notify"
        case PageStep():
            return "page"
        case Remediate():
            return "remediate"
        case Expect():
            return "expect"


def difference_of(old: Promise, new: Promise) -> list[str]:
    """Line by line, level by level; empty where the two promise the same."""
    if old.pin == new.pin:
        return []
    lines = []
    for level in sorted(set(old.levels) | set(new.levels)):
        before, after = (_lines(promise.levels.get(level)) for promise in (old, new))
        gone = [f"- level {int(level)}: {line}" for line in before if line not in after]
        come = [f"+ level {int(level)}: {line}" for line in after if line not in before]
        lines += gone + come
    return lines


def _lines(terms: Terms | None) -> list[str]:
    if terms is None:
        return []
    plain = terms.model_dump(mode="json", exclude={"steps", "duties", "level"})
    head = [f"{name}: {_words(value)}" for name, value in plain.items()]
    steps = [f"step {_words(step.model_dump(mode='json'))}" for step in terms.steps]
    return head + steps + [f"duty {_words(duty.model_dump(mode='json'))}" for duty in terms.duties]


def _words(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{key} {_words(each)}" for key, each in value.items())
        case list():
            return "[" + ", ".join(_words(each) for each in value) + "]"
        case _:
            return str(value)


def _minutes(seconds: float) -> str:
    return f"{max(0, round(seconds / 60))} min"


def _attempts(page: Page, situation: Situation) -> Iterator[str]:
    """What became of each, in words."""
    for attempt in page.attempts:
        details = {"detail": "", **attempt_details(attempt), "contact": situation.person(page.contact)}
        told = explain_why(why_of(page, attempt), details, situation.zone, situation.locale)
        yield f"{situation.at(attempt.ended_at or attempt.claimed_at)} {told}"


def _told(page: Page) -> list[Member]:
    """All that it carries, those last that left it."""
    staying = members_of(page)
    left = members_of(
        replace(page, left=(), members=tuple(each for each in page.members if each.page in page.left))
    )
    return [*staying, *(each for each in left if each.incident not in {other.incident for other in staying})]


async def _digest(reader: Reader, name: str) -> tuple[Page, Mapping[RecordKey, Record]] | None:
    """The page, and the records of what it carries."""
    key = RecordKey(Kind.PAGE, name)
    page = (await reader.records([key])).get(key)
    if not isinstance(page, Page) or not page.members:
        return None
    return page, await reader.records([key for each in page.members for key in keys_of(each.incident)])


def _carried(page: Page, member: Member, records: Mapping[RecordKey, Record]) -> Carried:
    has_left = member.page in page.left
    incident, escalation = (records.get(key) for key in keys_of(member.incident))
    if not isinstance(incident, Incident) or not isinstance(escalation, Escalation):
        return Carried(member=member, has_left=has_left)
    return Carried(
        member=member,
        has_left=has_left,
        incident=incident,
        standing=standing_of(incident, escalation),
        holder=escalation.lease.holder if escalation.lease is not None else None,
    )


async def _pair(reader: Reader, incident: IncidentId) -> tuple[Incident | None, Escalation | None]:
    trouble, ladder = RecordKey(Kind.INCIDENT, incident), RecordKey(Kind.ESCALATION, incident)
    found = await reader.records([trouble, ladder])
    state, escalation = found.get(trouble), found.get(ladder)
    return (
        state if isinstance(state, Incident) else None,
        escalation if isinstance(escalation, Escalation) else None,
    )
