"""Page: one attempt after another to reach one person, until a channel has accepted it.

The person's methods are tried in their order. A method that refuses for good is left out, one that fails for now comes
again once its wait is over. What may have arrived (`unknown`) is sent again by a different method, or once by the same
where the receiver folds repeats. A ladder page is owed until it is accepted or withdrawn; what asks for no answer, or
is asked again by itself (a duty), is given up after 1 h. While no channel takes anything at all (`isolated`) a refusal
for good is not for good: the methods are tried again from the first.

In a storm a page waits a little for others to the same person, and they go together: a digest is a page that carries
the others as its members, and owes what they owed. They are its members from the transaction that begins it, and not
before, so that at every moment either they or it are owed. One whose level rises leaves it, and goes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, assert_never

from responder.core.decision import (
    AlarmCleared,
    AlarmKind,
    AlarmRaised,
    Decision,
    Due,
    DueKind,
    PageReason,
    Send,
)
from responder.core.delivery import (
    DEADLINE,
    TELLING,
    Accepted,
    Attempt,
    Outcome,
    Rejected,
    Result,
    SendDue,
    SenderGone,
    attempt_details,
    backoff,
    closed,
    lost,
    recorded_late,
)
from responder.core.identifiers import ChannelName, ContactName, IncidentId, Kind
from responder.core.level import Level

PACE = timedelta(seconds=1)  # where a busy channel does not say for how long


class Phase(StrEnum):
    GATHERING = "gathering"  # waits for others to go with it
    GATHERED = "gathered"  # its digest owes it
    OWED = "owed"  # waits for a claim
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAILED = "failed"  # every method refused for good, or what needs no answer was given up
    WITHDRAWN = "withdrawn"


class Why(StrEnum):
    ASKED = "page.asked"
    CLAIMED = "page.claimed"
    ACCEPTED = "page.accepted"
    ACCEPTED_BEFORE_WITHDRAWAL = "page.accepted_before_withdrawal"
    RETRIED = "page.retried"
    NEXT_METHOD = "page.next_method"
    HELD_ISOLATED = "page.held_isolated"
    FAILED = "page.failed"
    UNKNOWN = "page.unknown"
    UNKNOWN_WITHDRAWN = "page.unknown_withdrawn"
    WITHDRAWN = "page.withdrawn"
    WITHDRAWN_IN_FLIGHT = "page.withdrawn_in_flight"
    RESULT_AFTER_WITHDRAWAL = "page.result_after_withdrawal"
    SUPERSEDED = "page.superseded"
    LATE_RESULT = "page.late_result"
    GATHERING = "page.gathering"
    WAITED = "page.waited"
    GATHERED = "page.gathered"
    RELEASED = "page.released"
    CARRIED = "page.carried"
    CARRIED_BEFORE_WITHDRAWAL = "page.carried_before_withdrawal"
    DROPPED = "page.dropped"
    MEMBER_LEFT = "page.member_left"
    STALE = "page.stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to reach a person, by its place in the contact's list; the address itself is looked up at send time."""

    index: int
    channel: ChannelName
    folds: bool  # the receiver shows two sends with one idempotency key as one


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A page that a digest carries. `level`: the incident's when it joined."""

    page: str
    incident: IncidentId
    level: Level
    reason: PageReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`members`, `left`: of a digest, which is of no incident by itself; `digest`: of a page that one carries."""

    KIND: ClassVar[Kind] = Kind.PAGE

    page: str
    incident: IncidentId | None
    contact: ContactName  # the person
    asked_for: ContactName  # the name in the policy: the person, or the roster they were on shift for
    reason: PageReason
    asked_at: datetime
    methods: tuple[Method, ...]
    step: int | None = None
    subject: str = ""
    phase: Phase = Phase.OWED
    next_at: datetime | None = None  # when it is due; set while gathering or owed
    next_method: int = 0  # place in `methods`
    next_is_repeat: bool = False
    attempts: tuple[Attempt, ...] = ()
    round_from: int = 0  # refusals before this place came while isolated, and leave no method out
    digest: str = ""  # the page that carries it, once there is one
    members: tuple[Member, ...] = ()
    left: tuple[str, ...] = ()  # the members that need it no more, since it was first tried

    @property
    def id(self) -> str:
        return self.page

    @property
    def in_flight(self) -> Attempt | None:
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.outcome is None else None

    @property
    def is_live(self) -> bool:
        """One that a digest carries stays with its incident: what follows on it is gathered too."""
        return self.phase in UNDER_WAY or self.in_flight is not None or bool(self.digest)

    @property
    def is_owed(self) -> bool:
        """Nobody has taken it, and nobody has said that it is not needed any more."""
        return self.phase in UNDER_WAY

    def due(self) -> Due | None:
        if (flying := self.in_flight) is not None:
            return Due(flying.lease_ends_at, DueKind.SEND)
        if self.phase is Phase.OWED and self.next_at is not None:
            return Due(self.next_at, DueKind.SEND)
        if self.phase is Phase.GATHERING and self.next_at is not None:
            return Due(self.next_at, DueKind.GATHER)
        return None


UNDER_WAY = (Phase.GATHERING, Phase.GATHERED, Phase.OWED, Phase.SENDING)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Nobody needs it any more."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The page `by` tells the same person of the same incident, and is the newer one."""

    by: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """`digest` carries it, from this transaction on."""

    digest: str


@dataclass(frozen=True, slots=True)
class Released:
    """It goes by itself, at once. `is_repeat`: its digest may have arrived."""

    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Carried:
    """`channel` has accepted its digest."""

    channel: ChannelName


@dataclass(frozen=True, slots=True)
class Dropped:
    """Its digest cannot be sent."""


@dataclass(frozen=True, slots=True)
class Left:
    """To a digest: the member `page` needs it no more."""

    page: str


Event = (
    SendDue
    | SenderGone
    | Accepted
    | Rejected
    | Withdrawn
    | Superseded
    | Gathered
    | Released
    | Carried
    | Dropped
    | Left
)


# Emits of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAccepted:
    page: str
    incident: IncidentId
    contact: ContactName
    reason: PageReason
    channel: ChannelName
    receipt: str  # the channel's reference of what it took; "" where its digest was taken


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFailed:
    incident: IncidentId
    contact: ContactName
    reason: PageReason
    step: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherDue:
    """`page` has waited long enough: whatever else waits for `contact` goes with it."""

    page: str
    contact: ContactName


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft:
    digest: str
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestAccepted:
    page: str
    contact: ContactName
    members: tuple[Member, ...]
    channel: ChannelName
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestFailed:
    members: tuple[Member, ...]


def begin(state: Page) -> Decision[Page]:
    """A page that is owed from `asked_at` on. It has at least one method; the directory sees to that."""
    details = {"contact": state.contact, "reason": state.reason.value}
    if state.members:
        details["members"] = str(len(state.members))
    return Decision(replace(state, next_at=state.asked_at), Why.ASKED, details=details)


def gather(state: Page, until: datetime) -> Decision[Page]:
    """A page that waits for others until then; alone it is owed from then on."""
    details = {"contact": state.contact, "reason": state.reason.value, "until": until.isoformat()}
    return Decision(replace(state, phase=Phase.GATHERING, next_at=until), Why.GATHERING, details=details)


def advance(state: Page, event: Event, now: datetime) -> Decision[Page]:
    match event:
        case SendDue():
            return _on_due(state, now)
        case SenderGone():
            flying = state.in_flight
            return _lose(state, flying, now) if flying is not None else Decision(state, Why.STALE)
        case Accepted() | Rejected():
            return _on_result(state, event, now)
        case Withdrawn():
            return _withdraw(state)
        case Superseded(by=by):
            return _supersede(state, by)
        case Gathered(digest=digest):
            return _gather(state, digest)
        case Released(is_repeat=is_repeat):
            return _release(state, now, is_repeat=is_repeat)
        case Carried(channel=channel):
            return _carry(state, channel)
        case Dropped():
            return _drop(state)
        case Left(page=page):
            return _leave(state, page)
        case _:
            assert_never(event)


def _on_due(state: Page, now: datetime) -> Decision[Page]:
    due = state.due()
    if due is None or now < due.at:
        return Decision(state, Why.STALE)
    if (flying := state.in_flight) is not None:
        return _lose(state, flying, now)
    if state.phase is Phase.GATHERING:
        asked = GatherDue(page=state.page, contact=state.contact)
        return Decision(replace(state, phase=Phase.OWED, next_at=now), Why.WAITED, (asked,))
    return _claim(state, due.at, now)


def _claim(state: Page, due_at: datetime, now: datetime) -> Decision[Page]:
    method = state.methods[state.next_method]
    attempt = Attempt(
        number=len(state.attempts) + 1,
        channel=method.channel,
        method=state.next_method,
        due_at=due_at,
        claimed_at=now,
        is_repeat=state.next_is_repeat,
    )
    send = Send(
        kind=Kind.PAGE,
        record=state.page,
        incident=state.incident,
        attempt=attempt.number,
        channel=method.channel,
        contact=state.contact,
        method=method.index,
        key=f"{state.page}.{method.index}",
        owed_since=state.asked_at,
        due_at=due_at,
        deadline=now + DEADLINE,
        is_repeat=attempt.is_repeat,
    )
    state = replace(state, phase=Phase.SENDING, next_at=None, attempts=(*state.attempts, attempt))
    return Decision(state, Why.CLAIMED, effects=(send,), details=attempt_details(attempt))


def _on_result(state: Page, result: Result, now: datetime) -> Decision[Page]:
    flying = state.in_flight
    if flying is None or flying.number != result.attempt:
        return _on_late_result(state, result, now)
    attempt = closed(flying, result, now)
    withdrawn = state.phase is Phase.WITHDRAWN
    state = replace(state, attempts=(*state.attempts[:-1], attempt))
    if isinstance(result, Accepted):
        if withdrawn:
            return _accepted(state, Why.ACCEPTED_BEFORE_WITHDRAWAL, attempt.number)
        return _accepted(replace(state, phase=Phase.ACCEPTED), Why.ACCEPTED, attempt.number)
    alarm = _alarm(attempt)
    if withdrawn:
        unknown = attempt.outcome is Outcome.UNKNOWN
        why = Why.UNKNOWN_WITHDRAWN if unknown else Why.RESULT_AFTER_WITHDRAWAL
        return Decision(state, why, alarm, details=attempt_details(attempt))
    return _try_next(state, attempt, alarm, now, is_isolated=result.is_isolated)


def _on_late_result(state: Page, result: Result, now: datetime) -> Decision[Page]:
    """It is recorded. Had it arrived after all, what was owed is done, and the person counts as reached."""
    attempts = recorded_late(state.attempts, result, now)
    if attempts is None:
        return Decision(state, Why.STALE)
    state = replace(state, attempts=attempts)
    if isinstance(result, Rejected) or state.phase is Phase.ACCEPTED:
        return Decision(state, Why.LATE_RESULT, details={"attempt": str(result.attempt)})
    if state.phase in (Phase.OWED, Phase.FAILED):
        state = replace(state, phase=Phase.ACCEPTED, next_at=None)
    return _accepted(state, Why.LATE_RESULT, result.attempt)


def _accepted(state: Page, why: Why, number: int) -> Decision[Page]:
    attempt = state.attempts[number - 1]
    told: object = DigestAccepted(
        page=state.page,
        contact=state.contact,
        members=state.members,
        channel=attempt.channel,
        receipt=attempt.receipt,
    )
    if state.incident is not None:
        told = _taken(state, state.incident, attempt.channel, attempt.receipt)
    works = AlarmCleared(kind=AlarmKind.CHANNEL, subject=attempt.channel)
    found = (
        AlarmCleared(kind=AlarmKind.CONTACT, subject=name)
        for name in dict.fromkeys((state.contact, state.asked_for))
    )
    details = {**attempt_details(attempt), "contact": state.contact}
    return Decision(state, why, (told, works, *found), details=details)


def _taken(state: Page, incident: IncidentId, channel: ChannelName, receipt: str = "") -> PageAccepted:
    return PageAccepted(
        page=state.page,
        incident=incident,
        contact=state.contact,
        reason=state.reason,
        channel=channel,
        receipt=receipt,
    )


def _alarm(attempt: Attempt) -> tuple[object, ...]:
    if attempt.outcome is not Outcome.PERMANENT:
        return ()
    return (AlarmRaised(kind=AlarmKind.CHANNEL, subject=attempt.channel, detail=attempt.detail),)


def _lose(state: Page, flying: Attempt, now: datetime) -> Decision[Page]:
    attempt = lost(flying, now)
    state = replace(state, attempts=(*state.attempts[:-1], attempt))
    if state.phase is Phase.WITHDRAWN:
        return Decision(state, Why.UNKNOWN_WITHDRAWN, details=attempt_details(attempt))
    return _try_next(state, attempt, (), now)


def _try_next(
    state: Page, attempt: Attempt, emits: tuple[object, ...], now: datetime, *, is_isolated: bool = False
) -> Decision[Page]:
    """Owed again, by whichever method has not refused for good and may be tried first."""
    if (arrived := _arrived(state)) is not None:
        # A late result said so while this attempt was under way.
        found = _accepted(replace(state, phase=Phase.ACCEPTED), Why.LATE_RESULT, arrived.number)
        return replace(found, emits=(*emits, *found.emits))
    details = attempt_details(attempt)
    chosen = _choose(state, attempt, now)
    is_held = chosen is None and is_isolated
    if is_held:
        state = replace(state, round_from=len(state.attempts))
        chosen = _choose(state, attempt, now)
    if chosen is None or (not state.reason.is_ladder and now - state.asked_at >= TELLING):
        return _give_up(state, emits, details)
    at, place = chosen
    state = replace(
        state,
        phase=Phase.OWED,
        next_at=at,
        next_method=place,
        next_is_repeat=any(past.outcome is Outcome.UNKNOWN for past in state.attempts),
    )
    if attempt.outcome is Outcome.UNKNOWN:
        return Decision(state, Why.UNKNOWN, emits, details=details)
    if is_held:
        return Decision(state, Why.HELD_ISOLATED, emits, details=details)
    why = Why.RETRIED if place == attempt.method else Why.NEXT_METHOD
    return Decision(state, why, emits, details=details)


def _arrived(state: Page) -> Attempt | None:
    return next((past for past in state.attempts if past.outcome is Outcome.ACCEPTED), None)


def _choose(state: Page, last: Attempt, now: datetime) -> tuple[datetime, int] | None:
    """When, and by which place in `methods`: the one that is ready first, of those the one tried least."""
    this_round = state.attempts[state.round_from :]
    refused = {past.method for past in this_round if past.outcome is Outcome.PERMANENT}
    left = [place for place in range(len(state.methods)) if place not in refused]
    if last.outcome is Outcome.UNKNOWN and last.method is not None:
        unknown = [past for past in _tries(state, last.method) if past.outcome is Outcome.UNKNOWN]
        if state.methods[last.method].folds and len(unknown) == 1:
            return now, last.method
        left = [place for place in left if place != last.method] or left
    return min(
        ((_ready_at(state, place, now), place) for place in left),
        key=lambda found: (found[0], len(_tries(state, found[1])), found[1]),
        default=None,
    )


def _tries(state: Page, place: int) -> list[Attempt]:
    return [past for past in state.attempts if past.method == place]


def _ready_at(state: Page, place: int, now: datetime) -> datetime:
    """A fresh method at once, another when the wait after its own last attempt is over."""
    tries = _tries(state, place)
    if not tries or tries[-1].ended_at is None:
        return now
    if tries[-1].outcome is Outcome.BUSY:
        return max(now, tries[-1].ended_at + (tries[-1].retry_after or PACE))
    return max(now, tries[-1].ended_at + backoff(len(tries), tries[-1].retry_after))


def _give_up(state: Page, emits: tuple[object, ...], details: Mapping[str, str]) -> Decision[Page]:
    state = replace(state, phase=Phase.FAILED, next_at=None)
    failed: object = DigestFailed(members=state.members)
    if state.incident is not None:
        failed = _failed(state, state.incident)
    alarm = AlarmRaised(
        kind=AlarmKind.CONTACT,
        subject=state.contact,
        detail=f"no method of {state.contact} accepted page {state.page}; see its attempts, then mend contacts.yaml",
    )
    return Decision(state, Why.FAILED, (*emits, failed, alarm), details={**details, "contact": state.contact})


def _failed(state: Page, incident: IncidentId) -> PageFailed:
    return PageFailed(incident=incident, contact=state.contact, reason=state.reason, step=state.step)


def _withdraw(state: Page) -> Decision[Page]:
    match state.phase:
        case Phase.GATHERED:
            left = MemberLeft(digest=state.digest, page=state.page)
            return Decision(replace(state, phase=Phase.WITHDRAWN), Why.WITHDRAWN, (left,))
        case Phase.OWED | Phase.GATHERING:
            return Decision(replace(state, phase=Phase.WITHDRAWN, next_at=None), Why.WITHDRAWN)
        case Phase.SENDING:
            return Decision(replace(state, phase=Phase.WITHDRAWN), Why.WITHDRAWN_IN_FLIGHT)
        case Phase.ACCEPTED | Phase.FAILED | Phase.WITHDRAWN:
            return Decision(state, Why.STALE)
        case _:
            assert_never(state.phase)


def _supersede(state: Page, by: str) -> Decision[Page]:
    """Only one that waits: of a call that is in flight nobody knows yet whether it arrives."""
    if state.phase not in (Phase.OWED, Phase.GATHERING, Phase.GATHERED):
        return Decision(state, Why.STALE)
    details = {"contact": state.contact, "page": by}
    return replace(_withdraw(state), why=Why.SUPERSEDED, details=details)


# Digests: first what a member hears, then what the digest does


def _gather(state: Page, digest: str) -> Decision[Page]:
    """Only one that has never been tried: what may have arrived by itself is not told again in a digest."""
    waits = state.phase is Phase.GATHERING or (state.phase is Phase.OWED and not state.attempts)
    if not waits:
        return Decision(state, Why.STALE)
    state = replace(state, phase=Phase.GATHERED, next_at=None, digest=digest)
    return Decision(state, Why.GATHERED, details={"digest": digest})


def _release(state: Page, now: datetime, *, is_repeat: bool) -> Decision[Page]:
    if state.phase not in (Phase.GATHERING, Phase.GATHERED):
        return Decision(state, Why.STALE)
    left = (MemberLeft(digest=state.digest, page=state.page),) if state.digest else ()
    state = replace(state, phase=Phase.OWED, next_at=now, next_is_repeat=is_repeat, digest="")
    return Decision(state, Why.RELEASED, left)


def _carry(state: Page, channel: ChannelName) -> Decision[Page]:
    """Withdrawn while the call was in flight, it has reached the person all the same."""
    if not state.digest or state.incident is None or state.phase is Phase.ACCEPTED:
        return Decision(state, Why.STALE)
    told = _taken(state, state.incident, channel)
    details = {"digest": state.digest, "channel": str(channel), "contact": state.contact}
    if state.phase is Phase.WITHDRAWN:
        return Decision(state, Why.CARRIED_BEFORE_WITHDRAWAL, (told,), details=details)
    return Decision(replace(state, phase=Phase.ACCEPTED), Why.CARRIED, (told,), details=details)


def _drop(state: Page) -> Decision[Page]:
    if state.phase is not Phase.GATHERED or state.incident is None:
        return Decision(state, Why.STALE)
    failed = _failed(state, state.incident)
    details = {"digest": state.digest, "contact": state.contact}
    return Decision(replace(state, phase=Phase.FAILED), Why.DROPPED, (failed,), details=details)


def _leave(state: Page, page: str) -> Decision[Page]:
    """What has been tried may have arrived with all its members, so none of them is forgotten then."""
    staying = [member.page for member in state.members if member.page not in state.left]
    if state.phase not in (Phase.OWED, Phase.SENDING) or page not in staying:
        return Decision(state, Why.STALE)
    if staying == [page]:
        return _withdraw(replace(state, left=(*state.left, page)))
    if state.attempts:
        state = replace(state, left=(*state.left, page))
    else:
        state = replace(state, members=tuple(each for each in state.members if each.page != page))
    return Decision(state, Why.MEMBER_LEFT, details={"page": page})
