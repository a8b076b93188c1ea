"""Machines with one thing wrong each, kept so that every invariant is seen to catch something.

A mutant is the real machine with its answer altered where the mistake would show. The name says the mistake; the code
is the invariant that has to find it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from responder.core.decision import AlarmRaised, Decision, PageAsked, PageReason
from responder.core.delivery import Accepted, Outcome, Rejected, SendDue
from responder.core.identifiers import ContactName, Kind
from responder.core.invariants import Code
from responder.core.level import Level
from responder.core.machines import duty, escalation, heartbeat, incident, page, storm
from tests.core.matrix import CEO, HOUR, I1
from tests.core.world import MACHINES, Advance

Alter = Callable[[Any, Any, Decision[Any], datetime], Decision[Any]]


@dataclass(frozen=True, slots=True)
class Mutant:
    mistake: str
    kind: Kind
    found_by: Code
    alter: Alter

    def machines(self) -> Mapping[Kind, Advance]:
        real = MACHINES[self.kind]

        def advance(state: Any, event: Any, now: datetime) -> Decision[Any]:
            return self.alter(state, event, real(state, event, now), now)

        return {**MACHINES, self.kind: advance}


def _when(matches: Callable[[Any, Any, Decision[Any]], bool], **changes: Any) -> Alter:
    """Where `matches(before, event, decision)`, fields become a value, or its answer to (before, after, now)."""

    def alter(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
        if not matches(before, event, decision):
            return decision
        values = {
            name: value(before, decision.state, now) if callable(value) else value
            for name, value in changes.items()
        }
        return replace(decision, state=replace(decision.state, **values))

    return alter


def _ignores(event_type: type, why: Any, matches: Callable[[Any], bool] = lambda before: True) -> Alter:
    def alter(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
        return Decision(before, why) if isinstance(event, event_type) and matches(before) else decision

    return alter


def _keeps_quiet(emit_type: type, matches: Callable[[Decision[Any]], bool] = lambda decision: True) -> Alter:
    def alter(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
        if not matches(decision):
            return decision
        return replace(
            decision, emits=tuple(emit for emit in decision.emits if not isinstance(emit, emit_type))
        )

    return alter


def _on(event_type: type) -> Callable[[Any, Any, Decision[Any]], bool]:
    return lambda before, event, decision: isinstance(event, event_type)


def _why(*whys: Any) -> Callable[[Any, Any, Decision[Any]], bool]:
    return lambda before, event, decision: decision.why in whys


def _pages_also(reason: PageReason, matches: Callable[[Any, Any, Decision[Any]], bool]) -> Alter:
    def alter(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
        if not matches(before, event, decision):
            return decision
        number = decision.state.pages + 1
        asked = PageAsked(
            page=f"{before.incident}-p{number}", incident=before.incident, contact=CEO, reason=reason
        )
        state = replace(decision.state, pages=number)
        return replace(decision, state=state, emits=(*decision.emits, asked))

    return alter


def _fires_anyway(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
    due = before.due()
    if isinstance(event, escalation.TimerDue) and due is not None and now < due.at:
        return escalation.advance(before, event, due.at)
    return decision


def _becomes_another(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
    return replace(decision, state=replace(decision.state, page=f"{before.page}-again"))


def _takes_any_token(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
    flying = before.in_flight
    if isinstance(event, Accepted | Rejected) and flying is not None:
        return page.advance(before, replace(event, attempt=flying.number), now)
    return decision


def _sends_at_once(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
    """A retry within the answer to the failure, without a claim."""
    if isinstance(event, Rejected) and decision.state.phase is page.Phase.OWED:
        claimed = page.advance(decision.state, SendDue(), decision.state.next_at)
        return replace(decision, effects=claimed.effects)
    return decision


def _believes_old_news(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
    if not isinstance(event, Accepted) or decision.why is not page.Why.STALE:
        return decision
    attempts = tuple(
        replace(past, outcome=Outcome.ACCEPTED) if past.outcome is Outcome.TRANSIENT else past
        for past in before.attempts
    )
    return replace(decision, state=replace(before, attempts=attempts))


def _gives_up(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
    if decision.state.phase is page.Phase.OWED and len(decision.state.attempts) >= 3:
        failed = page.PageFailed(
            incident=before.incident, contact=before.contact, reason=before.reason, step=before.step
        )
        state = replace(decision.state, phase=page.Phase.FAILED, next_at=None)
        return replace(decision, state=state, emits=(failed,))
    return decision


def _reopens_on_a_note(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
    if isinstance(event, incident.Noted) and before.phase is incident.Phase.RESOLVED:
        state = replace(before, phase=incident.Phase.OPEN, resolved_at=None, twin_since=None)
        return replace(
            decision,
            state=state,
            emits=(incident.IncidentReopened(incident=before.incident, flapping=None),),
        )
    return decision


def _resolves_with_the_first(
    before: Any, event: Any, decision: Decision[Any], now: datetime
) -> Decision[Any]:
    if isinstance(event, incident.AlertsEnded) and before.is_open and decision.state.is_open:
        state = replace(decision.state, phase=incident.Phase.RESOLVED, resolved_at=now)
        return replace(decision, state=state, emits=(incident.IncidentResolved(incident=before.incident),))
    return decision


def _unlimited(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
    lease = decision.state.lease
    if isinstance(event, escalation.Acknowledged) and event.wanted is not None and lease is not None:
        return replace(decision, state=replace(decision.state, lease=replace(lease, until=now + 9 * HOUR)))
    return decision


def _for_long(before: Any, after: Any, now: datetime) -> escalation.Suppression:
    return escalation.Suppression(since=now, until=now + 9 * HOUR)


def _held_by_the_paged(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
    """Being reached counts as an answer."""
    if isinstance(event, escalation.HandedOver) and before.phase is escalation.Phase.CLIMBING:
        lease = escalation.Lease(holder=event.contact, since=now, until=now + before.terms.ack_lease)
        return replace(decision, state=replace(decision.state, lease=lease))
    return decision


def _all_fired(before: Any, after: Any, now: datetime) -> tuple[int, ...]:
    return tuple(range(len(after.terms.steps)))


def _early_at_once(before: Any, after: Any, now: datetime) -> Any:
    return replace(after.early, at=now)


L, E = escalation.Why, Kind.ESCALATION


def _is_digest(before: Any, event: Any, decision: Decision[Any]) -> bool:
    return decision.why is page.Why.CLAIMED and len(before.members) > 1


def _forgets_its_window(before: Any, event: Any, decision: Decision[Any], now: datetime) -> Decision[Any]:
    if decision.why is page.Why.RELEASED:
        return replace(decision, state=replace(decision.state, next_at=None))
    return decision


MUTANTS = (
    # Incidents
    Mutant(
        "a repeat raises the level",
        Kind.INCIDENT,
        Code.LEVEL_WRONGLY,
        _when(_on(incident.AlertsRefired), level=Level.FATAL),
    ),
    Mutant(
        "a new alert lowers the level",
        Kind.INCIDENT,
        Code.LEVEL_WRONGLY,
        _when(_why(incident.Why.JOINED), level=Level.MINOR),
    ),
    Mutant(
        "a level set by hand is told to nobody",
        Kind.INCIDENT,
        Code.UNTOLD,
        _keeps_quiet(incident.LevelChanged),
    ),
    Mutant(
        "a level set by hand is told to nobody, and the ladder stays where it was",
        Kind.INCIDENT,
        Code.MACHINES_DISAGREE,
        _keeps_quiet(incident.LevelChanged),
    ),
    Mutant(
        "resolving is told to nobody", Kind.INCIDENT, Code.UNTOLD, _keeps_quiet(incident.IncidentResolved)
    ),
    Mutant(
        "re-opening is told to nobody", Kind.INCIDENT, Code.UNTOLD, _keeps_quiet(incident.IncidentReopened)
    ),
    Mutant(
        "a note sets the revision back",
        Kind.INCIDENT,
        Code.REVISION_FELL,
        _when(_on(incident.Noted), revision=-1),
    ),
    Mutant(
        "a closed incident takes a level",
        Kind.INCIDENT,
        Code.LEFT_CLOSED,
        _when(
            lambda before, event, decision: (
                before.phase is incident.Phase.CLOSED and isinstance(event, incident.LevelSet)
            ),
            level_set_by=ContactName("somebody"),
        ),
    ),
    Mutant("a note opens what was resolved", Kind.INCIDENT, Code.REOPENED_WRONGLY, _reopens_on_a_note),
    Mutant(
        "a resolved incident opens again as if it were still resolved",
        Kind.INCIDENT,
        Code.INCIDENT_MALFORMED,
        _when(_why(incident.Why.REOPENED), resolved_at=lambda before, after, now: before.resolved_at),
    ),
    Mutant(
        "the first alert that ends resolves them all",
        Kind.INCIDENT,
        Code.RESOLVED_WRONGLY,
        _resolves_with_the_first,
    ),
    Mutant(
        "the last alert that ends resolves nothing",
        Kind.INCIDENT,
        Code.CLEARED_BUT_OPEN,
        _when(_why(incident.Why.CLEARED), phase=incident.Phase.OPEN, resolved_at=None),
    ),
    Mutant(
        "one end counts for all", Kind.INCIDENT, Code.FIRING_WRONG, _when(_on(incident.AlertsEnded), firing=0)
    ),
    Mutant(
        "a resolved incident is never closed",
        Kind.INCIDENT,
        Code.NO_PROGRESS,
        _ignores(incident.TimerDue, incident.Why.STALE),
    ),
    Mutant(
        "a resolved incident is forgotten",
        Kind.INCIDENT,
        Code.NO_TIMER,
        _when(_why(incident.Why.CLEARED), resolved_at=None),
    ),
    # Ladders
    Mutant(
        "the clock does not go on when the lease ends",
        E,
        Code.STRANDED,
        _when(_why(L.LEASE_ENDED), since=None),
    ),
    Mutant(
        "re-opening leaves the clock standing",
        E,
        Code.STRANDED,
        _when(_why(L.REOPENED, L.FLAPPING_QUIET), since=None),
    ),
    Mutant(
        "after the last rung nothing repeats",
        E,
        Code.STRANDED,
        _when(lambda before, event, decision: decision.state.repeat_at is not None, repeat_at=None),
    ),
    Mutant(
        "a rise leaves nothing to do",
        E,
        Code.STRANDED,
        _when(_why(L.ROSE), fired=_all_fired, since=lambda before, after, now: now),
    ),
    Mutant(
        "the repeat is forgotten",
        E,
        Code.LADDER_MALFORMED,
        _when(lambda before, event, decision: decision.state.repeat_at is not None, repeat_at=None),
    ),
    Mutant(
        "a fall of the level is ignored",
        E,
        Code.MACHINES_DISAGREE,
        _ignores(escalation.LevelReached, L.STALE),
    ),
    Mutant(
        "a resolve leaves the ladder climbing",
        E,
        Code.MACHINES_DISAGREE,
        _ignores(escalation.Resolved, L.STALE),
    ),
    Mutant(
        "the clock runs on while somebody answers",
        E,
        Code.CLOCK_WRONG,
        _when(_why(L.ACKNOWLEDGED), since=lambda before, after, now: now),
    ),
    Mutant(
        "a snooze does not stop the clock",
        E,
        Code.CLOCK_WRONG,
        _when(_why(L.SNOOZED), since=lambda before, after, now: now),
    ),
    Mutant(
        "re-opening counts from nothing",
        E,
        Code.UNANSWERED_SHRANK,
        _when(_why(L.REOPENED), waited=timedelta(0)),
    ),
    Mutant(
        "an acknowledgement resets the ladder",
        E,
        Code.UNANSWERED_SHRANK,
        _when(_why(L.ACKNOWLEDGED), waited=timedelta(0)),
    ),
    Mutant(
        "quiet time is counted",
        E,
        Code.UNANSWERED_JUMPED,
        _when(_why(L.UNACKNOWLEDGED), waited=lambda before, after, now: after.waited + HOUR),
    ),
    Mutant(
        "an acknowledgement forgets what happened", E, Code.STEP_UNDONE, _when(_why(L.ACKNOWLEDGED), fired=())
    ),
    Mutant(
        "early moves come one upon the other",
        E,
        Code.STEP_TOO_SOON,
        _when(_why(L.EARLY_WANTED), early=_early_at_once),
    ),
    Mutant("being reached counts as an answer", E, Code.LEASE_WRONGLY, _held_by_the_paged),
    Mutant("a lease may be as long as they like", E, Code.LEASE_WRONGLY, _unlimited),
    Mutant(
        "what was said once is suppressed for long",
        E,
        Code.SUPPRESSED_WRONGLY,
        _when(_why(L.SUPPRESSED), suppression=_for_long),
    ),
    Mutant(
        "the next step that a person asks for silences the others",
        E,
        Code.SUPPRESSED_WRONGLY,
        _when(_why(L.ESCALATED), suppression=_for_long, since=None),
    ),
    Mutant(
        "the end of a silence pages nobody",
        E,
        Code.UNTOLD,
        _keeps_quiet(PageAsked, lambda decision: decision.why is L.UNSUPPRESSED),
    ),
    Mutant(
        "an alert that joins ends every lease",
        E,
        Code.LEASE_WRONGLY,
        _when(_why(L.JOINED), lease=None, since=lambda before, after, now: now),
    ),
    Mutant(
        "the end of a lease pages nobody",
        E,
        Code.UNTOLD,
        _keeps_quiet(PageAsked, lambda d: d.why is L.LEASE_ENDED),
    ),
    Mutant("a rise pages no holder", E, Code.UNTOLD, _keeps_quiet(PageAsked, lambda d: d.why is L.ROSE)),
    Mutant(
        "the end is told to nobody", E, Code.UNTOLD, _keeps_quiet(PageAsked, lambda d: d.why is L.RESOLVED)
    ),
    Mutant(
        "an acknowledgement withdraws nothing",
        E,
        Code.PAGED_WHILE_QUIET,
        _keeps_quiet(escalation.PagesWithdrawn),
    ),
    Mutant(
        "whoever a stranger put in charge is not told",
        E,
        Code.UNTOLD,
        _keeps_quiet(PageAsked, lambda d: d.why is L.ACKNOWLEDGED_BY_STRANGER),
    ),
    Mutant(
        "every acknowledgement is told as a stranger's",
        E,
        Code.UNTOLD,
        _pages_also(PageReason.STRANGER, _why(L.ACKNOWLEDGED)),
    ),
    Mutant("an acknowledgement tells no page", E, Code.UNTOLD, _keeps_quiet(escalation.PagesWithdrawn)),
    Mutant(
        "the end of a snooze pages over a lease",
        E,
        Code.ASKED_WHILE_QUIET,
        _pages_also(
            PageReason.SNOOZE_ENDED,
            lambda before, event, decision: (
                decision.why is L.SNOOZE_ENDED and decision.state.lease is not None
            ),
        ),
    ),
    Mutant(
        "a late acknowledgement pages",
        E,
        Code.ASKED_WHILE_QUIET,
        _pages_also(PageReason.STEP, _why(L.ACKNOWLEDGED_LATE)),
    ),
    Mutant(
        "two pages get one name",
        E,
        Code.PAGE_NAMES_WRONG,
        _when(_why(L.STEP_DUE), pages=lambda before, after, now: before.pages),
    ),
    Mutant("a lease is over whenever it is looked at", E, Code.TOO_EARLY, _fires_anyway),
    # Pages
    Mutant(
        "a page ignores its withdrawal",
        Kind.PAGE,
        Code.WITHDRAWAL_IGNORED,
        _ignores(page.Withdrawn, page.Why.STALE),
    ),
    Mutant(
        "a page is sent after the acknowledgement",
        Kind.PAGE,
        Code.PAGED_WHILE_QUIET,
        _ignores(page.Withdrawn, page.Why.STALE),
    ),
    Mutant(
        "a retry is forgotten",
        Kind.PAGE,
        Code.NO_TIMER,
        _when(_why(page.Why.RETRIED, page.Why.NEXT_METHOD), next_at=None),
    ),
    Mutant(
        "a lost call is never closed",
        Kind.PAGE,
        Code.ATTEMPTS_MALFORMED,
        _when(_why(page.Why.UNKNOWN), attempts=lambda before, after, now: before.attempts),
    ),
    Mutant("a page becomes another", Kind.PAGE, Code.ANOTHER_RECORD, _becomes_another),
    Mutant("any result counts", Kind.PAGE, Code.TOKEN_IGNORED, _takes_any_token),
    Mutant("a retry needs no claim", Kind.PAGE, Code.SENT_WRONGLY, _sends_at_once),
    Mutant("old news rewrite the record", Kind.PAGE, Code.ATTEMPT_REWRITTEN, _believes_old_news),
    Mutant("old news are taken for nothing", Kind.PAGE, Code.STALE_BUT_CHANGED, _believes_old_news),
    Mutant(
        "a lost call is made again although it was withdrawn",
        Kind.PAGE,
        Code.LEFT_FINAL,
        _when(
            _why(page.Why.UNKNOWN_WITHDRAWN), phase=page.Phase.OWED, next_at=lambda before, after, now: now
        ),
    ),
    Mutant("three failures are enough", Kind.PAGE, Code.GIVEN_UP, _gives_up),
    Mutant("nobody hears that it was accepted", Kind.PAGE, Code.UNTOLD, _keeps_quiet(page.PageAccepted)),
    # Duties
    Mutant(
        "a resolve ends a duty that is due",
        Kind.DUTY,
        Code.DUTY_ENDED_WRONGLY,
        _when(
            lambda before, event, decision: isinstance(event, duty.Ended) and before.phase is duty.Phase.DUE,
            phase=duty.Phase.ENDED,
            remind_at=None,
        ),
    ),
    Mutant(
        "a resolve leaves a duty that is not due",
        Kind.DUTY,
        Code.DUTY_OUTLIVED,
        _ignores(duty.Ended, duty.Why.STALE),
    ),
    Mutant(
        "a reminder ends it",
        Kind.DUTY,
        Code.DUTY_ENDED_WRONGLY,
        _when(_why(duty.Why.REMINDED), phase=duty.Phase.ENDED, remind_at=None),
    ),
    Mutant(
        "it is waived by nobody", Kind.DUTY, Code.DUTY_MALFORMED, _when(_why(duty.Why.WAIVED), done_by=None)
    ),
    Mutant(
        "a later time counts",
        Kind.DUTY,
        Code.DUTY_MOVED,
        lambda before, event, decision, now: (
            Decision(replace(before, due_at=now + 3 * HOUR), duty.Why.OWED_EARLIER)
            if isinstance(event, duty.Owed) and before.phase is duty.Phase.OWED
            else decision
        ),
    ),
    Mutant(
        "it comes due and is not looked at again",
        Kind.DUTY,
        Code.NO_TIMER,
        _when(_why(duty.Why.CAME_DUE), remind_at=None),
    ),
    Mutant("it comes due and nobody hears", Kind.DUTY, Code.UNTOLD, _keeps_quiet(PageAsked)),
    # Storms
    Mutant(
        "a digest forgets a member when it is sent",
        Kind.PAGE,
        Code.DIGEST_WRONGLY,
        _when(_is_digest, members=lambda before, after, now: after.members[1:]),
    ),
    Mutant("a digest is of one incident", Kind.PAGE, Code.DIGEST_MALFORMED, _when(_is_digest, incident=I1)),
    Mutant(
        "the members of a digest that failed wait on",
        Kind.PAGE,
        Code.UNCARRIED,
        _ignores(page.Dropped, page.Why.STALE),
    ),
    Mutant(
        "a member that is answered stays in its digest", Kind.PAGE, Code.UNTOLD, _keeps_quiet(page.MemberLeft)
    ),
    Mutant(
        "a page that has waited asks for nobody to go with it",
        Kind.PAGE,
        Code.UNTOLD,
        _keeps_quiet(page.GatherDue),
    ),
    Mutant("a page that waits has no time", Kind.PAGE, Code.NO_TIMER, _forgets_its_window),
    Mutant(
        "what is answered goes on waiting for others",
        Kind.PAGE,
        Code.PAGED_WHILE_QUIET,
        _ignores(page.Withdrawn, page.Why.STALE, lambda before: before.phase is page.Phase.GATHERING),
    ),
    Mutant(
        "one quiet count ends the storm",
        Kind.STORM,
        Code.STORM_WRONGLY,
        _when(_why(storm.Why.QUIETENED), phase=storm.Phase.CALM),
    ),
    Mutant("a storm begins unheard", Kind.STORM, Code.UNTOLD, _keeps_quiet(AlarmRaised)),
    Mutant("a storm is counted once", Kind.STORM, Code.NO_TIMER, _when(_on(storm.TimerDue), look_at=None)),
    # Heartbeats
    Mutant(
        "a reload is taken for a beat",
        Kind.HEARTBEAT,
        Code.BEAT_WRONGLY,
        _when(
            lambda before, event, decision: (
                before.phase is heartbeat.Phase.MISSED and isinstance(event, heartbeat.Configured)
            ),
            phase=heartbeat.Phase.BEATING,
        ),
    ),
    Mutant(
        "nobody hears that it is back", Kind.HEARTBEAT, Code.UNTOLD, _keeps_quiet(heartbeat.HeartbeatBack)
    ),
)
