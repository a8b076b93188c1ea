"""The ladder's record: how far it has climbed, who holds it, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from responder.core.decision import Due, DueKind
from responder.core.identifiers import ContactName, IncidentId, Kind
from responder.core.level import Level
from responder.core.policy.escalation import Page, Terms

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
    EARLY_DUE = "escalation.early_due"
    EARLY_HELD = "escalation.early_held"
    EARLY_NOT_NEEDED = "escalation.early_not_needed"
    ACKNOWLEDGED = "escalation.acknowledged"
    RENEWED = "escalation.renewed"
    TAKEN_OVER = "escalation.taken_over"
    ACKNOWLEDGED_BY_STRANGER = "escalation.acknowledged_by_stranger"
    ACKNOWLEDGED_LATE = "escalation.acknowledged_late"
    UNACKNOWLEDGED = "escalation.unacknowledged"
    LEASE_ENDED = "escalation.lease_ended"
    LEASE_ENDED_SNOOZED = "escalation.lease_ended_snoozed"
    SNOOZED = "escalation.snoozed"
    SNOOZED_HELD = "escalation.snoozed_held"
    SNOOZE_UNDONE = "escalation.snooze_undone"
    SNOOZE_ENDED = "escalation.snooze_ended"
    SUPPRESSED = "escalation.suppressed"
    STILL_SUPPRESSED = "escalation.suppressed_still"
    UNSUPPRESSED = "escalation.unsuppressed"
    UNCONFIRMED = "escalation.unconfirmed"
    ESCALATED = "escalation.escalated"
    JOINED = "escalation.joined"
    JOINED_FOLDED = "escalation.joined_folded"
    JOINED_ENDED_LEASE = "escalation.joined_ended_lease"
    JOINED_UNSUPPRESSED = "escalation.joined_unsuppressed"
    DOUBTED = "escalation.doubted"
    RESOLVED = "escalation.resolved"
    REOPENED = "escalation.reopened"
    FLAPPING = "escalation.flapping"
    FLAPPING_QUIET = "escalation.flapping_quiet"
    REPINNED = "escalation.repinned"
    REACHED = "escalation.reached"
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
class Suppression:
    """Alertmanager keeps every alert of it quiet. At `until` people hear of it unless that was confirmed again.

    `by`: the silences and the alerts that do it, as Alertmanager names them.
    """

    since: datetime
    until: datetime
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyMove:
    """The next page step is to fire at `at`, if it may then."""

    at: datetime
    why: EarlyWhy
    held: bool = False  # nobody can be reached, and it waits for that to end


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
    not_before: datetime | None = None  # catching up: no rung sooner
    early: EarlyMove | None = None
    moved_early_at: datetime | None = None
    lease: Lease | None = None
    snooze: Snooze | None = None
    suppression: Suppression | None = None
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

    @property
    def is_answered(self) -> bool:
        """A person has it, or asked for quiet."""
        return self.lease is not None or self.snooze is not None

    @property
    def is_quiet(self) -> bool:
        """A person answered, or Alertmanager keeps it quiet: no rung is to come."""
        return self.is_answered or self.suppression is not None

    def unanswered(self, now: datetime) -> timedelta:
        """How long nobody has answered, since the level was reached."""
        return self.waited + (now - self.since if self.since is not None else timedelta(0))

    def due(self) -> Due | None:
        """When the ladder wants to be looked at next: the earliest of all that waits for its time."""
        moments = [moment for moment, _ in self.waiting()]
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

    def waiting(self) -> list[tuple[datetime, str]]:
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
        if self.suppression is not None:
            found.append((self.suppression.until, "suppression"))
        if self.since is not None:
            if (step := self.next_step()) is not None:
                found.append((self.step_at(step), "step"))
            if (repeat := self.next_repeat()) is not None:
                found.append((repeat, "repeat"))
            if self.early is not None:
                found.append((self.early.at, "early"))
        return found

    def next_step(self) -> int | None:
        waiting = (index for index in range(len(self.terms.steps)) if index not in self.fired)
        return min(waiting, key=lambda index: (self.terms.steps[index].after, index), default=None)

    def step_at(self, index: int) -> datetime:
        assert self.since is not None
        step = self.terms.steps[index]
        at = self.since + step.after - self.waited
        return max(at, self.not_before) if isinstance(step, Page) and self.not_before is not None else at
