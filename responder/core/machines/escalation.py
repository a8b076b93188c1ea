"""Escalation: whom to page next, and when to stop.

It owns the ladder's clock, which runs only while nobody answers (no lease, no snooze), the acknowledgement as a lease,
snoozes, early moves, repeats and catching up after our own downtime. Whether a page arrives is `page`'s business,
whether the alerts still fire `incident`'s. One `Due` does one thing, so that every audit line has one reason; the
engine calls again at once while something is still due.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, assert_never

from responder.core.decision import (
    Decision,
    Due,
    DueKind,
    NoticeAsked,
    NoticeReason,
    PageAsked,
    PageReason,
)
from responder.core.identifiers import ContactName, IncidentId, Kind, ladder_page_id
from responder.core.level import Level
from responder.core.policy.escalation import Expect, Notify, Page, Remediate, Terms

SUBJECT_MOST = 200  # characters of what joined, gathered for one page
EARLY_GAP = timedelta(minutes=1)  # between two early moves, so that one person has a chance to answer
JOINED_GAP = timedelta(minutes=1)  # between two pages to the holder about alerts that joined


class Phase(StrEnum):
    CLIMBING = "climbing"
    STOPPED = "stopped"  # the incident is resolved; re-opening goes on from here


class Why(StrEnum):
    STARTED = "escalation.started"
    ROSE = "escalation.rose"
    FELL = "escalation.fell"
    NOTIFIED = "escalation.notified"
    STEP_DUE = "escalation.step_due"
    STEP_EARLY = "escalation.step_early"
    REMEDIATION_ASKED = "escalation.remediation_asked"
    NOT_RECOVERED = "escalation.not_recovered"
    REPEATED = "escalation.repeated"
    EARLY_WANTED = "escalation.early_wanted"
    EARLY_NOT_NEEDED = "escalation.early_not_needed"
    ACKNOWLEDGED = "escalation.acknowledged"
    RENEWED = "escalation.renewed"
    TAKEN_OVER = "escalation.taken_over"
    ACKNOWLEDGED_LATE = "escalation.acknowledged_late"
    UNACKNOWLEDGED = "escalation.unacknowledged"
    LEASE_ENDED = "escalation.lease_ended"
    LEASE_ENDED_SNOOZED = "escalation.lease_ended_snoozed"
    SNOOZED = "escalation.snoozed"
    SNOOZE_ENDED = "escalation.snooze_ended"
    ESCALATED = "escalation.escalated"
    JOINED = "escalation.joined"
    JOINED_FOLDED = "escalation.joined_folded"
    JOINED_ENDED_LEASE = "escalation.joined_ended_lease"
    RESOLVED = "escalation.resolved"
    REOPENED = "escalation.reopened"
    FLAPPING = "escalation.flapping"
    FLAPPING_QUIET = "escalation.flapping_quiet"
    REPINNED = "escalation.repinned"
    NOTED = "escalation.noted"
    STALE = "escalation.stale"


class EarlyWhy(StrEnum):
    """What lets the next page step move to now."""

    NO_REMEDIATION = "no_remediation"  # none could start
    REMEDIATION_FAILED = "remediation_failed"
    PAGE_FAILED = "page_failed"  # every method of a page failed for good
    NOBODY = "nobody"  # nobody on shift, or without a method


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """An acknowledgement: `holder` has it until `until`, then it is open again."""

    holder: ContactName
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    by: ContactName
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyMove:
    """The next page step is to fire at `at`."""

    at: datetime
    why: EarlyWhy


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """The ladder of one incident at its present level."""

    KIND: ClassVar[Kind] = Kind.ESCALATION

    incident: IncidentId
    terms: Terms
    reached_at: datetime  # when the level was reached
    phase: Phase = Phase.CLIMBING
    waited: timedelta = timedelta(0)  # unanswered time gathered before `since`
    since: datetime | None = None  # the ladder's clock runs since then; None = it stands still
    fired: tuple[int, ...] = ()  # steps that happened, as indexes into terms.steps
    rung: int | None = None  # the page step that fired last
    repeat_at: timedelta | None = None  # unanswered time at which the last page repeats
    not_before: datetime | None = None  # catching up: no overdue rung sooner
    early: EarlyMove | None = None
    moved_early_at: datetime | None = None
    lease: Lease | None = None
    snooze: Snooze | None = None
    last_holder: ContactName | None = None  # or who asked for quiet while nobody held it
    joined_at: datetime | None = None  # when the holder was last paged about a joined alert
    joined_waiting: str = ""  # what joined since
    reached: tuple[ContactName, ...] = ()  # people to whom a page was handed over; they are told the end
    told: tuple[ContactName, ...] = ()  # people who have been told of the present end
    pages: int = 0  # counts the pages asked for, and names them

    @property
    def id(self) -> str:
        return self.incident

    @property
    def level(self) -> Level:
        return self.terms.level

    @property
    def is_live(self) -> bool:
        return True  # as long as its incident may re-open

    def unanswered(self, now: datetime) -> timedelta:
        """How long nobody has answered, since the level was reached."""
        return self.waited + (now - self.since if self.since is not None else timedelta(0))

    def due(self) -> Due | None:
        """When the ladder wants to be looked at next: the earliest of all that waits for its time."""
        moments = [moment for moment, _ in self._waiting()]
        return Due(min(moments), DueKind.TIMER) if moments else None

    def next_rung(self) -> tuple[int, datetime] | None:
        """The page step that fires next if nobody answers, and when. None while held, or when only repeats are left."""
        if self.since is None:
            return None
        for index, step in enumerate(self.terms.steps):
            if isinstance(step, Page) and index not in self.fired:
                at = self.step_at(index)
                return index, min(at, self.early.at) if self.early else at
        return None

    def next_repeat(self) -> datetime | None:
        return (
            None
            if self.since is None or self.repeat_at is None
            else self.since + self.repeat_at - self.waited
        )

    def _waiting(self) -> list[tuple[datetime, str]]:
        """All moments that are waited for, each with what happens then."""
        found: list[tuple[datetime, str]] = []
        if self.phase is Phase.STOPPED:
            return found
        if self.lease is not None:
            found.append((self.lease.until, "lease"))
            if self.joined_waiting and self.joined_at is not None:
                found.append((self.joined_at + JOINED_GAP, "joined"))
        if self.snooze is not None:
            found.append((self.snooze.until, "snooze"))
        if self.since is not None:
            if (step := self._next_step()) is not None:
                found.append((self.step_at(step), "step"))
            if (repeat := self.next_repeat()) is not None:
                found.append((repeat, "repeat"))
            if self.early is not None:
                found.append((self.early.at, "early"))
        return found

    def _next_step(self) -> int | None:
        waiting = (index for index in range(len(self.terms.steps)) if index not in self.fired)
        return min(waiting, key=lambda index: (self.terms.steps[index].after, index), default=None)

    def step_at(self, index: int) -> datetime:
        assert self.since is not None
        step = self.terms.steps[index]
        at = self.since + step.after - self.waited
        return max(at, self.not_before) if isinstance(step, Page) and self.not_before is not None else at


# Events


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The record's due row was claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelReached:
    """The incident's level is another now; `terms` are what was promised for it."""

    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """`wanted`: how long they take it for; None = the level's whole lease, which is also the most."""

    by: ContactName
    wanted: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unacknowledged:
    by: ContactName


@dataclass(frozen=True, slots=True, kw_only=True)
class Snoozed:
    by: ContactName
    wanted: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated:
    """A person wants the next page step now."""

    by: ContactName


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveWanted:
    """Something failed that lets the next page step come early. `step`: the rung that failed, None = no rung did."""

    why: EarlyWhy
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Alerts that had not been there joined the open incident; `subject` names them."""

    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A page was accepted by its channel."""

    contact: ContactName


@dataclass(frozen=True, slots=True)
class Resolved: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """`flapping`: None = not; "page" = tell it once; "quiet" = it has been told."""

    flapping: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repinned:
    terms: Terms


Event = (
    TimerDue
    | LevelReached
    | Acknowledged
    | Unacknowledged
    | Snoozed
    | Escalated
    | MoveWanted
    | Joined
    | HandedOver
    | Resolved
    | Reopened
    | Repinned
)


# Emits of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesWithdrawn:
    """Ladder pages that have not been handed over are not to be sent any more."""

    incident: IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationAsked:
    incident: IncidentId


def begin(incident: IncidentId, terms: Terms, now: datetime) -> Decision[Escalation]:
    """The ladder of an incident that has just opened; its steps at 0 s are due at once."""
    state = Escalation(incident=incident, terms=terms, reached_at=now, since=now)
    return Decision(state, Why.STARTED, details={"level": str(int(terms.level))})


def advance(state: Escalation, event: Event, now: datetime) -> Decision[Escalation]:
    match event:
        case TimerDue():
            return _on_due(state, now)
        case LevelReached(terms=terms):
            return _on_level(state, terms, now)
        case Acknowledged():
            return _acknowledge(state, event, now)
        case Unacknowledged():
            return _unacknowledge(state, event, now)
        case Snoozed():
            return _snooze(state, event, now)
        case Escalated():
            return _escalate(state, event, now)
        case MoveWanted():
            return _want_early(state, event, now)
        case Joined():
            return _join(state, event, now)
        case HandedOver(contact=contact):
            return _note_reached(state, contact)
        case Resolved():
            return _resolve(state, now)
        case Reopened():
            return _reopen(state, event, now)
        case Repinned(terms=terms):
            return _repin(state, terms, now)
        case _:
            assert_never(event)


def _on_due(state: Escalation, now: datetime) -> Decision[Escalation]:
    """The one thing whose time has come first."""
    overdue = sorted((moment, what) for moment, what in state._waiting() if moment <= now)
    if not overdue:
        return Decision(state, Why.STALE)
    match overdue[0][1]:
        case "lease":
            return _end_lease(state, now)
        case "snooze":
            return _end_snooze(state, now)
        case "joined":
            return _page_holder(state, state.joined_waiting, now)
        case "step":
            return _fire_due(state, now)
        case "repeat":
            return _repeat(state, now)
        case "early":
            return _fire_early(state, now)
        case other:
            raise AssertionError(f"nothing waits under the name {other}")


# The ladder's clock


def _settle(state: Escalation, now: datetime) -> Escalation:
    """The clock runs exactly while nobody answers: start it or stop it at `now`, keeping what it has gathered."""
    runs = state.phase is Phase.CLIMBING and state.lease is None and state.snooze is None
    if runs and state.since is None:
        return replace(state, since=now)
    if not runs and state.since is not None:
        return replace(state, waited=state.unanswered(now), since=None, early=None)
    return state


def _fire_due(state: Escalation, now: datetime) -> Decision[Escalation]:
    index = state._next_step()
    assert index is not None
    state = replace(state, fired=(*state.fired, index))
    match state.terms.steps[index]:
        case Notify():
            asked = NoticeAsked(
                incident=state.incident, channels=state.terms.channels_of(index), reason=NoticeReason.OPENED
            )
            return Decision(state, Why.NOTIFIED, (asked,), details=_step_details(index))
        case Remediate():
            return Decision(
                state,
                Why.REMEDIATION_ASKED,
                (RemediationAsked(incident=state.incident),),
                details=_step_details(index),
            )
        case Expect():
            asked = NoticeAsked(
                incident=state.incident, channels=state.terms.channels, reason=NoticeReason.NOT_RECOVERED
            )
            return Decision(state, Why.NOT_RECOVERED, (asked,), details=_step_details(index))
        case Page():
            state, pages = _climb_to(state, index, PageReason.STEP, now)
            return Decision(state, Why.STEP_DUE, pages, details=_step_details(index))
        case other:
            assert_never(other)


def _climb_to(
    state: Escalation, index: int, reason: PageReason, now: datetime, *, subject: str = ""
) -> tuple[Escalation, tuple[PageAsked, ...]]:
    """Page step `index` is the rung now; an early move to it has been made, and after the last one its page repeats."""
    state, pages = _page(state, state.terms.contacts_of(index), reason, step=index, subject=subject)
    state = _spaced(replace(state, rung=index, early=None), now)
    if not _unfired_rungs(state):
        state = replace(state, repeat_at=state.unanswered(now) + state.terms.repeat)
    return state, pages


def _spaced(state: Escalation, now: datetime) -> Escalation:
    """People are paged at `now`: the next rung, where it is overdue (we were down), gives them `catch_up` to answer.

    A rung with the same `after` as the present one goes with it.
    """
    waiting = _unfired_rungs(state)
    if not waiting or state.since is None:
        return replace(state, not_before=None)
    if state.rung is not None and state.terms.steps[waiting[0]].after == state.terms.steps[state.rung].after:
        return state
    is_overdue = replace(state, not_before=None).step_at(waiting[0]) <= now
    return replace(state, not_before=now + state.terms.catch_up if is_overdue else None)


def _unfired_rungs(state: Escalation) -> list[int]:
    return [i for i, step in enumerate(state.terms.steps) if isinstance(step, Page) and i not in state.fired]


def _page(
    state: Escalation,
    contacts: tuple[ContactName, ...],
    reason: PageReason,
    *,
    step: int | None = None,
    subject: str = "",
) -> tuple[Escalation, tuple[PageAsked, ...]]:
    first = state.pages + 1
    pages = tuple(
        PageAsked(
            page=ladder_page_id(state.incident, number),
            incident=state.incident,
            contact=contact,
            reason=reason,
            step=step,
            subject=subject,
        )
        for number, contact in enumerate(contacts, start=first)
    )
    return replace(state, pages=state.pages + len(pages)), pages


def _repeat(state: Escalation, now: datetime) -> Decision[Escalation]:
    rung = state.rung
    assert rung is not None
    state, pages = _page(state, state.terms.contacts_of(rung), PageReason.REPEAT, step=rung)
    state = replace(state, repeat_at=state.unanswered(now) + state.terms.repeat)
    return Decision(state, Why.REPEATED, pages, details=_step_details(rung))


def _page_again(
    state: Escalation,
    reason: PageReason,
    now: datetime,
    *,
    also: tuple[ContactName, ...] = (),
    subject: str = "",
) -> tuple[Escalation, tuple[PageAsked, ...]]:
    """The last holder and the last rung, at once; a repeat counts from now. Before there is either, nobody is."""
    holder = (state.last_holder,) if state.last_holder is not None else ()
    rung = state.terms.contacts_of(state.rung) if state.rung is not None else ()
    names = tuple(dict.fromkeys((*also, *holder, *rung)))
    if not names:
        return state, ()
    state, pages = _page(_spaced(state, now), names, reason, step=state.rung, subject=subject)
    if state.repeat_at is not None:
        state = replace(state, repeat_at=state.unanswered(now) + state.terms.repeat)
    return state, pages


# Early moves


def _want_early(state: Escalation, event: MoveWanted, now: datetime) -> Decision[Escalation]:
    details = {"because": event.why.value} | ({} if event.step is None else _step_details(event.step))
    # A rung that failed moves the ladder once: when the next one has fired, it is the rung no more.
    is_past = event.step is not None and event.step != state.rung
    if is_past or state.since is None or state.early is not None or not _unfired_rungs(state):
        return Decision(state, Why.EARLY_NOT_NEEDED, details=details)
    at = now if state.moved_early_at is None else max(now, state.moved_early_at + EARLY_GAP)
    return Decision(replace(state, early=EarlyMove(at=at, why=event.why)), Why.EARLY_WANTED, details=details)


def _fire_early(state: Escalation, now: datetime) -> Decision[Escalation]:
    assert state.early is not None
    why = state.early.why.value
    details = {"because": why}
    state = replace(state, early=None)
    waiting = _unfired_rungs(state)
    if not waiting:
        return Decision(state, Why.EARLY_NOT_NEEDED, details=details)
    state = replace(state, moved_early_at=now, fired=(*state.fired, waiting[0]))
    state, pages = _climb_to(state, waiting[0], PageReason.EARLY, now, subject=why)
    return Decision(state, Why.STEP_EARLY, pages, details=details | _step_details(waiting[0]))


def _escalate(state: Escalation, event: Escalated, now: datetime) -> Decision[Escalation]:
    """The next page step now, held or not; after the last one, the last one again."""
    if state.phase is Phase.STOPPED:
        return Decision(state, Why.NOTED, details={"by": event.by})
    if waiting := _unfired_rungs(state):
        state = replace(state, fired=(*state.fired, waiting[0]))
        state, pages = _climb_to(state, waiting[0], PageReason.ESCALATED, now)
    elif state.rung is not None:
        state, pages = _page(
            state, state.terms.contacts_of(state.rung), PageReason.ESCALATED, step=state.rung
        )
    else:
        state, pages = _page(state, state.terms.contacts, PageReason.ESCALATED)
    return Decision(state, Why.ESCALATED, pages, details={"by": event.by})


# Answers


def _acknowledge(state: Escalation, event: Acknowledged, now: datetime) -> Decision[Escalation]:
    if state.phase is Phase.STOPPED:
        return Decision(state, Why.ACKNOWLEDGED_LATE, details={"by": event.by})
    length = state.terms.ack_lease if event.wanted is None else min(event.wanted, state.terms.ack_lease)
    before = state.lease
    since = before.since if before is not None and before.holder == event.by else now
    lease = Lease(holder=event.by, since=since, until=now + length)
    state = _settle(replace(state, lease=lease, last_holder=event.by, not_before=None), now)
    details = {"by": event.by, "until": lease.until.isoformat()}
    if before is not None and before.holder == event.by:
        # What is owed now was asked for while they held it: somebody escalated, or an alert joined.
        return Decision(state, Why.RENEWED, details=details)
    emits = (PagesWithdrawn(incident=state.incident), _level_notice(state, NoticeReason.ACKNOWLEDGED))
    if before is None:
        return Decision(state, Why.ACKNOWLEDGED, emits, details=details)
    state, told = _page(state, (before.holder,), PageReason.TAKEN_OVER, subject=event.by)
    return Decision(state, Why.TAKEN_OVER, (*emits, *told), details=details | {"from": before.holder})


def _unacknowledge(state: Escalation, event: Unacknowledged, now: datetime) -> Decision[Escalation]:
    """It is nobody's again, and a snooze that lies over it ends too."""
    if state.lease is None and state.snooze is None:
        return Decision(state, Why.NOTED, details={"by": event.by})
    let_go = _let_go(
        state, PageReason.UNACKNOWLEDGED, NoticeReason.UNACKNOWLEDGED, Why.UNACKNOWLEDGED, since=now, now=now
    )
    return replace(let_go, details={**let_go.details, "by": event.by})


def _end_lease(state: Escalation, now: datetime) -> Decision[Escalation]:
    assert state.lease is not None
    if state.snooze is not None:
        # Somebody asked for quiet beyond the lease; the end of the snooze pages.
        details = {"holder": state.lease.holder}
        return Decision(
            replace(state, lease=None, joined_waiting=""), Why.LEASE_ENDED_SNOOZED, details=details
        )
    return _let_go(
        state,
        PageReason.LEASE_ENDED,
        NoticeReason.LEASE_ENDED,
        Why.LEASE_ENDED,
        since=state.lease.until,
        now=now,
    )


def _let_go(
    state: Escalation,
    page: PageReason,
    notice: NoticeReason,
    why: Why,
    *,
    since: datetime,
    now: datetime,
    subject: str = "",
) -> Decision[Escalation]:
    """Nobody has it since `since`: the ladder's clock goes on, the last holder and the last rung are paged at once."""
    holder = _holder(state)
    state = _settle(replace(state, lease=None, snooze=None, joined_waiting=""), since)
    state, pages = _page_again(state, page, now, subject=subject)
    emits = (_level_notice(state, notice, subject), *pages)
    return Decision(state, why, emits, details={"holder": holder})


def _holder(state: Escalation) -> ContactName:
    """Who answers for the quiet: the lease's holder, or who snoozed it."""
    if state.lease is not None:
        return state.lease.holder
    assert state.snooze is not None
    return state.snooze.by


def _snooze(state: Escalation, event: Snoozed, now: datetime) -> Decision[Escalation]:
    if state.phase is Phase.STOPPED:
        return Decision(state, Why.NOTED, details={"by": event.by})
    until = now + min(event.wanted, state.terms.snooze_cap)
    snooze = Snooze(by=event.by, until=until)
    last_holder = event.by if state.lease is None else state.lease.holder
    state = _settle(replace(state, snooze=snooze, last_holder=last_holder, not_before=None), now)
    emits = (PagesWithdrawn(incident=state.incident), _level_notice(state, NoticeReason.SNOOZED))
    return Decision(state, Why.SNOOZED, emits, details={"by": event.by, "until": until.isoformat()})


def _end_snooze(state: Escalation, now: datetime) -> Decision[Escalation]:
    """Whoever asked for quiet is paged at once with the others, unless somebody holds the incident."""
    assert state.snooze is not None
    snooze = state.snooze
    state = _settle(replace(state, snooze=None), snooze.until)
    pages: tuple[PageAsked, ...] = ()
    if state.lease is None:
        state, pages = _page_again(state, PageReason.SNOOZE_ENDED, now, also=(snooze.by,))
    return Decision(state, Why.SNOOZE_ENDED, (_level_notice(state, NoticeReason.SNOOZE_ENDED), *pages))


# What the incident tells


def _on_level(state: Escalation, terms: Terms, now: datetime) -> Decision[Escalation]:
    """A rise starts the higher ladder and ends the lower level's lease, whose holder and rung are paged at once.

    A fall starts the lower ladder, withdraws what the higher one still owes, and leaves the holder their lease.
    """
    rose = terms.level > state.terms.level
    first: tuple[object, ...] = () if rose else (PagesWithdrawn(incident=state.incident),)
    if rose and (state.lease is not None or state.snooze is not None):
        reason = PageReason.LEASE_ENDED if state.lease is not None else PageReason.SNOOZE_ENDED
        # The rung is the lower ladder's; its failure says nothing about a rung of the higher one.
        state, pages = _page_again(state, reason, now)
        first = tuple(replace(page, step=None) for page in pages)
    state = replace(
        state,
        terms=terms,
        reached_at=now,
        waited=timedelta(0),
        since=now if state.since is not None else None,
        fired=(),
        rung=None,
        repeat_at=None,
        not_before=None,
        early=None,
        lease=None if rose else state.lease,
        snooze=None if rose else state.snooze,
        joined_waiting="" if rose else state.joined_waiting,
    )
    details = {"level": str(int(terms.level))}
    notice = _level_notice(state, NoticeReason.LEVEL)
    return Decision(_settle(state, now), Why.ROSE if rose else Why.FELL, (*first, notice), details=details)


def _join(state: Escalation, event: Joined, now: datetime) -> Decision[Escalation]:
    details = {"joined": event.subject}
    notice = _level_notice(state, NoticeReason.JOINED, event.subject)
    if state.level.is_disaster and (state.lease is not None or state.snooze is not None):
        freed = _let_go(
            state,
            PageReason.JOINED,
            NoticeReason.JOINED,
            Why.JOINED_ENDED_LEASE,
            since=now,
            now=now,
            subject=event.subject,
        )
        return replace(freed, details={**freed.details, **details})
    if state.lease is None:
        return Decision(state, Why.JOINED, (notice,), details=details)
    if state.joined_at is not None and now < state.joined_at + JOINED_GAP:
        waiting = f"{state.joined_waiting}; {event.subject}" if state.joined_waiting else event.subject
        state = replace(state, joined_waiting=waiting[:SUBJECT_MOST])
        return Decision(state, Why.JOINED_FOLDED, (notice,), details=details)
    paged = _page_holder(state, event.subject, now)
    return replace(paged, emits=(notice, *paged.emits))


def _page_holder(state: Escalation, subject: str, now: datetime) -> Decision[Escalation]:
    assert state.lease is not None
    state, pages = _page(state, (state.lease.holder,), PageReason.JOINED, subject=subject)
    return Decision(
        replace(state, joined_at=now, joined_waiting=""), Why.JOINED, pages, details={"joined": subject}
    )


def _resolve(state: Escalation, now: datetime) -> Decision[Escalation]:
    """Everybody who was paged is told, the holder whose lease it ends, and the channels."""
    if state.phase is Phase.STOPPED:
        return Decision(state, Why.STALE)
    holder = (state.lease.holder,) if state.lease is not None else ()
    names = tuple(dict.fromkeys((*state.reached, *holder)))
    state = _settle(replace(state, phase=Phase.STOPPED, lease=None, snooze=None, joined_waiting=""), now)
    state, told = _page(state, names, PageReason.RESOLVED)
    emits = (PagesWithdrawn(incident=state.incident), _level_notice(state, NoticeReason.RESOLVED), *told)
    return Decision(replace(state, reached=(), told=names), Why.RESOLVED, emits)


def _note_reached(state: Escalation, contact: ContactName) -> Decision[Escalation]:
    """Who is reached will be told the end; a page that was on its way when it resolved is told of it at once."""
    details = {"contact": contact}
    if state.phase is Phase.CLIMBING:
        reached = tuple(dict.fromkeys((*state.reached, contact)))
        return Decision(replace(state, reached=reached), Why.NOTED, details=details)
    if contact in state.told:
        return Decision(state, Why.NOTED, details=details)
    state, told = _page(state, (contact,), PageReason.RESOLVED)
    return Decision(replace(state, told=(*state.told, contact)), Why.NOTED, told, details=details)


def _reopen(state: Escalation, event: Reopened, now: datetime) -> Decision[Escalation]:
    """The quiet time is not counted; the ladder goes on where it was, and the last rung hears of it at once.

    Flapping before any rung was reached pages the first one: something comes back and back, and nobody has heard of it.
    """
    if state.phase is Phase.CLIMBING:
        return Decision(state, Why.STALE)
    state = _settle(replace(state, phase=Phase.CLIMBING, not_before=None, told=()), now)
    notice = _level_notice(state, NoticeReason.REOPENED)
    if event.flapping == "quiet":
        return Decision(state, Why.FLAPPING_QUIET, (notice,))
    reason = PageReason.FLAPPING if event.flapping else PageReason.REOPENED
    state, pages = _page_again(state, reason, now)
    if event.flapping and not pages and (waiting := _unfired_rungs(state)):
        state = replace(state, fired=(*state.fired, waiting[0]))
        state, pages = _climb_to(state, waiting[0], reason, now)
    return Decision(state, Why.FLAPPING if event.flapping else Why.REOPENED, (notice, *pages))


def _repin(state: Escalation, terms: Terms, now: datetime) -> Decision[Escalation]:
    """A step that stays as it is stays fired or waiting. A new one whose time has passed is not made up for."""
    waited, old = state.unanswered(now), state.terms.steps
    fired = tuple(
        index
        for index, step in enumerate(terms.steps)
        if (old.index(step) in state.fired if step in old else step.after <= waited)
    )
    rungs = [index for index in fired if isinstance(terms.steps[index], Page)]
    state = replace(state, terms=terms, fired=fired, rung=rungs[-1] if rungs else None, repeat_at=None)
    if rungs and not _unfired_rungs(state):
        state = replace(state, repeat_at=waited + terms.repeat)
    return Decision(state, Why.REPINNED)


def _level_notice(state: Escalation, reason: NoticeReason, subject: str = "") -> NoticeAsked:
    return NoticeAsked(incident=state.incident, channels=state.terms.channels, reason=reason, subject=subject)


def _step_details(index: int) -> dict[str, str]:
    return {"step": str(index)}
