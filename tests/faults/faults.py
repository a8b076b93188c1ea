"""The faults: what can strike at a point, and on which side of it.

A fault is one that the world has: a call that was not made fails for now or for good, one that had its effect may only
leave its caller unsure. How long a delay is depends on what waits for the point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from responder.core.delivery import DEADLINE, LEASE
from responder.engine.checkups import WITHIN
from responder.engine.commands import ANSWER_WITHIN
from responder.engine.intake import LEASE as BODY_LEASE
from responder.engine.outward import WITHIN as BEAT_WITHIN
from responder.engine.points import ASKED, TOLD, TRIGGER
from tests.fakes.faults import Does, Side, Strike
from tests.faults.points import Found
from tests.journeys.served import GIVE_UP

OVER = 2  # seconds that a delay goes beyond what waits for it
SHORT = ANSWER_WITHIN.total_seconds() + OVER

# What a delay has to outlast, by the point, in seconds; every other point's is SHORT.
OUTLASTS: Mapping[str, float] = {
    "claim.journal": BODY_LEASE.total_seconds(),
    "commit.handle": BODY_LEASE.total_seconds(),
    "commit.claim": LEASE.total_seconds(),
    "commit.result": LEASE.total_seconds(),
    "commit.journal": GIVE_UP.total or 0.0,  # the sender's patience
    "chat.open_form": TRIGGER.total_seconds(),
    "chat.tell": TOLD.total_seconds(),
    "chat.whisper": TOLD.total_seconds(),
    "alertmanager": ASKED.total_seconds(),
    "beat": BEAT_WITHIN.total_seconds(),
    "check": WITHIN.total_seconds(),
    "send": DEADLINE.total_seconds(),
}


class Fault(StrEnum):
    KILL = "kill"
    FAILURE = "failure"
    REFUSAL = "refusal"
    DELAY = "delay"


@dataclass(frozen=True, slots=True, order=True)
class Blow:
    """One fault on one side of a point."""

    side: Side
    fault: Fault

    def strike(self, point: str, *, past: str = "", since: str = "", nth: int = 1) -> Strike:
        does = does_of(self)
        seconds = delay(point) if does is Does.DELAY else 0.0
        return Strike(self.side, point, since=since, past=past, does=does, seconds=seconds, nth=nth)

    def __str__(self) -> str:
        return f"{self.fault} {self.side}"


def does_of(blow: Blow) -> Does:
    match blow.fault, blow.side:
        case Fault.KILL, _:
            return Does.KILL
        case Fault.DELAY, _:
            return Does.DELAY
        case Fault.REFUSAL, _:
            return Does.REFUSE
        case Fault.FAILURE, Side.BEFORE:
            return Does.FAIL
        case _:
            return Does.DOUBT  # it is done, and its caller hears that the connection broke


def blows(found: Found) -> Iterator[Blow]:
    """Every one that the world has for this point."""
    for side in Side if found.has_after else (Side.BEFORE,):
        yield Blow(side, Fault.KILL)
        yield Blow(side, Fault.FAILURE)
        yield Blow(side, Fault.DELAY)
    if is_of_others(found.point):
        yield Blow(Side.BEFORE, Fault.REFUSAL)


def is_of_others(point: str) -> bool:
    return ".send." in point or point.startswith(("check.", "chat.", "alertmanager.", "beat."))


def delay(point: str) -> float:
    """Seconds, a little more than anybody waits for it."""
    kind = "send" if ".send." in point else point.partition(".")[0]
    waits = OUTLASTS.get(point) or OUTLASTS.get(kind)
    return waits + OVER if waits is not None else SHORT
