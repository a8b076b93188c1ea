"""A broken invariant: which one, of which record, and what was seen. The words are for whoever mends the program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from responder.core.decision import Decision


class Code(StrEnum):
    """One invariant each; its value is what metrics and alarms show."""

    # Of a state
    STRANDED = "stranded"  # open, above level 1, nobody answers, and nobody would be paged next
    NO_TIMER = "no-timer"  # it waits for a time, and has no due row
    PAGED_WHILE_QUIET = (
        "paged-while-quiet"  # a ladder page is owed or sent although somebody answered, or it is over
    )
    MACHINES_DISAGREE = "machines-disagree"  # incident and ladder differ in level, or in whether it is open
    CLOCK_WRONG = (
        "clock-wrong"  # the ladder's clock runs although somebody answers, or stands although nobody does
    )
    LADDER_MALFORMED = "ladder-malformed"  # its rung, its steps and its repeat do not fit each other
    INCIDENT_MALFORMED = "incident-malformed"
    CLEARED_BUT_OPEN = "cleared-but-open"  # nothing fires, nothing is hidden, and it is open
    ATTEMPTS_MALFORMED = (
        "attempts-malformed"  # two calls in flight, or a phase that the attempts do not bear out
    )
    DUTY_MALFORMED = "duty-malformed"  # done without a person or a proof
    UNCARRIED = "uncarried"  # a page waits for a digest that does not owe it
    DIGEST_MALFORMED = "digest-malformed"  # members and an incident at once, or neither
    DUTY_OUTLIVED = "duty-outlived"  # it was not due when the incident resolved, and is owed all the same

    # Of a step
    STALE_BUT_CHANGED = "stale-but-changed"  # said that there was nothing to do, and did something
    TOO_EARLY = "too-early"  # a timer was taken for due before its time
    NO_PROGRESS = "no-progress"  # a due timer was looked at, and is as due as before
    ANOTHER_RECORD = "another-record"
    REVISION_FELL = "revision-fell"
    LEFT_CLOSED = "left-closed"
    REOPENED_WRONGLY = "reopened-wrongly"  # resolved ended otherwise than by the race table
    RESOLVED_WRONGLY = "resolved-wrongly"
    LEVEL_WRONGLY = "level-wrongly"  # it rose without a new alert, or fell without a person
    FIRING_WRONG = "firing-wrong"  # the count of firing alerts does not follow the event
    UNTOLD = "untold"  # something happened that another machine, or a person, has to hear and does not
    UNANSWERED_SHRANK = "unanswered-shrank"
    UNANSWERED_JUMPED = "unanswered-jumped"  # it grew although no time passed
    STEP_UNDONE = "step-undone"  # a step that had happened is to happen again
    STEP_TOO_SOON = "step-too-soon"
    LEASE_WRONGLY = (
        "lease-wrongly"  # begun, changed, ended or sized otherwise than a person or its time allows
    )
    SUPPRESSED_WRONGLY = (
        "suppressed-wrongly"  # quiet for longer than an Alertmanager said, or without its word
    )
    ASKED_WHILE_QUIET = "asked-while-quiet"  # a page is asked for although somebody answered, or it is over
    PAGE_NAMES_WRONG = "page-names-wrong"  # two pages of one name
    SENT_WRONGLY = "sent-wrongly"  # a call that no claim of an owed message stands behind
    WITHDRAWAL_IGNORED = "withdrawal-ignored"
    TOKEN_IGNORED = "token-ignored"  # noqa: S105  # a result counted for a call that it is not of
    ATTEMPT_REWRITTEN = "attempt-rewritten"
    LEFT_FINAL = "left-final"  # what was over is not
    GIVEN_UP = "given-up"  # a page that is owed was given up although a method is left
    DIGEST_WRONGLY = "digest-wrongly"  # joined, left or ended otherwise than its digest allows
    STORM_WRONGLY = "storm-wrongly"  # begun below its count, or ended before it was calm for long enough
    DUTY_ENDED_WRONGLY = "duty-ended-wrongly"
    DUTY_MOVED = "duty-moved"  # it is due later than it was promised
    BEAT_WRONGLY = "beat-wrongly"  # missed before its period is over, or beating without a beat


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """`subject`: the record's key; `detail`: what was seen, without anything of strangers in it."""

    code: Code
    subject: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.code.value}: {self.subject}" + (f" ({self.detail})" if self.detail else "")


Found = Iterator[tuple[Code, str]]


def told(decision: Decision[Any], kind: type) -> bool:
    """Whether something of this kind was said."""
    return any(isinstance(emit, kind) for emit in decision.emits)
