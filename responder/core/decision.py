"""What a machine answers: its next state, what the world is to be asked now, what other machines should hear, and why.

A timer is not an effect. Every record says by `due()` when it next has to be looked at, and the store keeps exactly
one due row per record, equal to that answer; a state that waits without a row cannot be written. A lease is the same
thing: a record whose send is in flight is due when the lease ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from responder.core.identifiers import ChannelName, ContactName, IncidentId, Kind
from responder.core.level import Level


class DueKind(StrEnum):
    """Who claims a due row: timers are pure database work, the others need a free place among the calls in flight.

    Pages have places of their own, so that none waits behind something that is only shown.
    """

    TIMER = "timer"
    SEND = "send"  # a page
    GATHER = "gather"  # a page that waits for others to go with it: database work too
    SHOW = "show"  # a notice


@dataclass(frozen=True, slots=True)
class Due:
    at: datetime
    kind: DueKind


# Effects: what is done in the world once the decision is committed.


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Hand the message of record (`kind`, `record`) to a channel, as attempt `attempt`, before `deadline`.

    `key` is the idempotency key: equal for two sends of which the receiver should show only one.
    """

    kind: Kind  # PAGE or NOTICE
    record: str
    incident: IncidentId | None  # None: of no incident, or of several
    attempt: int
    channel: ChannelName
    contact: ContactName | None  # None: to the channel itself
    method: int | None  # index in the contact's methods; None: to the channel itself
    key: str
    owed_since: datetime
    due_at: datetime  # of this attempt
    deadline: datetime
    is_repeat: bool  # an earlier attempt may have arrived; the message says so


Effect = Send


# Emits that more than one machine has; a machine's own stand beside it.


class PageReason(StrEnum):
    """Why a person is paged; the message opens with it."""

    STEP = "step"  # a rung of the ladder came due
    EARLY = "early"  # the rung was moved early
    ESCALATED = "escalated"  # a person asked for the next rung
    REPEAT = "repeat"  # nobody answered the last rung
    LEASE_ENDED = "lease_ended"
    SNOOZE_ENDED = "snooze_ended"
    UNACKNOWLEDGED = "unacknowledged"
    REOPENED = "reopened"
    FLAPPING = "flapping"
    ROSE = "rose"  # the level rose, and ended what they held
    JOINED = "joined"  # to the holder: another alert joined
    DUTY = "duty"
    DUTY_REMINDER = "duty_reminder"
    RESOLVED = "resolved"  # told, not paged: it is over
    STRANGER = "stranger"  # told: somebody who is no contact acknowledged in their name
    TAKEN_OVER = "taken_over"  # told: somebody else holds it now
    DIGEST = "digest"  # several pages in one, while a storm lasts
    DIGEST_TOLD = "digest_told"  # told: several such in one
    UNSUPPRESSED = "unsuppressed"  # Alertmanager no longer keeps it quiet, and it fires
    UNCONFIRMED = "unconfirmed"  # nobody can say any more that Alertmanager keeps it quiet
    GHOST = "ghost"  # no Alertmanager has its alerts, and none has told their end

    @property
    def is_ladder(self) -> bool:
        """It asks for an acknowledgement, so an acknowledgement withdraws it. Until then it is owed without end."""
        return self in _LADDER

    @property
    def is_told(self) -> bool:
        """It informs; it is not owed for ever, and its failure moves no ladder."""
        return self in _TOLD

    @property
    def may_wait(self) -> bool:
        """In a storm it may wait for others a little: not what a person asked for or undid, a rise, or a duty."""
        return self in _MAY_WAIT


_LADDER = frozenset(
    {
        PageReason.STEP,
        PageReason.EARLY,
        PageReason.ESCALATED,
        PageReason.REPEAT,
        PageReason.LEASE_ENDED,
        PageReason.SNOOZE_ENDED,
        PageReason.UNACKNOWLEDGED,
        PageReason.REOPENED,
        PageReason.FLAPPING,
        PageReason.ROSE,
        PageReason.JOINED,
        PageReason.DIGEST,
        PageReason.UNSUPPRESSED,
        PageReason.UNCONFIRMED,
        PageReason.GHOST,
    }
)
_MAY_WAIT = frozenset(
    {
        PageReason.STEP,
        PageReason.EARLY,
        PageReason.REPEAT,
        PageReason.LEASE_ENDED,
        PageReason.SNOOZE_ENDED,
        PageReason.REOPENED,
        PageReason.FLAPPING,
        PageReason.JOINED,
        PageReason.RESOLVED,
        PageReason.TAKEN_OVER,
        PageReason.STRANGER,
        PageReason.UNSUPPRESSED,
        PageReason.UNCONFIRMED,
    }
)
_TOLD = frozenset({PageReason.RESOLVED, PageReason.TAKEN_OVER, PageReason.STRANGER, PageReason.DIGEST_TOLD})


class NoticeReason(StrEnum):
    """What happened that a channel should show; the message itself is rendered from the record at send time."""

    OPENED = "opened"
    LEVEL = "level"
    JOINED = "joined"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    LEASE_ENDED = "lease_ended"
    SNOOZED = "snoozed"
    SNOOZE_ENDED = "snooze_ended"
    NOT_RECOVERED = "not_recovered"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    DUTY = "duty"
    NOTE = "note"
    PAGED = "paged"  # somebody was reached; shown only where a message can be changed
    STRANGER = "stranger"  # somebody who is no contact acknowledged in the on-call's name
    SUPPRESSED = "suppressed"  # Alertmanager keeps it quiet
    UNSUPPRESSED = "unsuppressed"
    UNCONFIRMED = "unconfirmed"
    GHOST = "ghost"
    INFO = "info"  # an alert that opens no incident

    @property
    def changes_standing(self) -> bool:
        """Who has it, how bad it is or whether it goes on: what an earlier page says of that is out of date."""
        return self in _STANDING

    @property
    def is_of_shown(self) -> bool:
        """It says how something stands now: to a channel that has not shown that something it is no news."""
        return self in _STANDING - _NEWS


_STANDING = frozenset(
    {
        NoticeReason.LEVEL,
        NoticeReason.ACKNOWLEDGED,
        NoticeReason.UNACKNOWLEDGED,
        NoticeReason.LEASE_ENDED,
        NoticeReason.SNOOZED,
        NoticeReason.SNOOZE_ENDED,
        NoticeReason.RESOLVED,
        NoticeReason.REOPENED,
        NoticeReason.STRANGER,
        NoticeReason.SUPPRESSED,
        NoticeReason.UNSUPPRESSED,
        NoticeReason.UNCONFIRMED,
    }
)
_NEWS = frozenset({NoticeReason.LEVEL, NoticeReason.REOPENED, NoticeReason.STRANGER})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAsked:
    """Reach `contact` (a person or a roster; the directory says who that is now)."""

    page: str
    incident: IncidentId
    contact: ContactName
    reason: PageReason
    step: int | None = None  # the rung that asks, to which a failure is reported
    subject: str = ""  # the duty's name, or what joined


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeAsked:
    """Show it on `channels`."""

    incident: IncidentId
    channels: tuple[ChannelName, ...]
    reason: NoticeReason
    subject: str = ""
    person: ContactName | None = None  # whose doing it was; the record may be somebody else's when it is told


class AlarmKind(StrEnum):
    """What we raise about ourselves."""

    CHANNEL = "channel"  # it refuses for good, or keeps failing
    CONTACT = "contact"  # nobody could be reached under this name
    PAGE_LATE = "page-late"
    STRANDED = "stranded"
    ISOLATED = "isolated"  # no channel takes anything
    BEAT = "beat"  # our own, to whoever watches us from outside, does not arrive
    SET_ASIDE = "set-aside"  # a body, an alert or an event that could not be worked on
    BODY_VERSION = "body-version"
    REJECTED = "rejected"  # one peer keeps sending what we must refuse
    LOOP = "loop"
    INVARIANT = "invariant"
    CLOCK = "clock"
    ALERTMANAGER = "alertmanager"  # one cannot be asked
    STORM = "storm"  # so many new incidents that the pages of levels 1 and 2 are gathered


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised:
    """Something is wrong with us: an incident of its own, keyed (kind, subject); `detail` says what to do."""

    kind: AlarmKind
    subject: str
    detail: str
    level: Level | None = None  # None: as the policy says for this kind


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared:
    kind: AlarmKind
    subject: str


S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """`why` is a code whose words stand in the catalogues; `details` are its figures, safe to show."""

    state: S
    why: StrEnum
    emits: tuple[object, ...] = ()
    effects: tuple[Effect, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
