"""The cases: for every point what is done to come to it, times every fault that can strike there, times the databases.

`SITES` names each point once; `tests/faults/test_points.py` holds it to the points that the code has.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from tests.fakes.faults import Does, Side, Strike
from tests.faults.acts import (
    START,
    Acknowledged,
    Act,
    Alerted,
    Asked,
    Climbed,
    Mentioned,
    Pressed,
    Refused,
    Reloaded,
    Started,
    StartedAgain,
    StartedWithout,
)
from tests.faults.faults import Blow, Fault, blows
from tests.faults.lives import Way
from tests.faults.places import Database
from tests.faults.points import points

QUARTERS = 4
BOTH = frozenset(Database)


@dataclass(frozen=True, slots=True)
class Site:
    """How a point is come to. `past`: the loops pass it idly too, and have work there from that point on. `nth`: which
    of the passes that count.
    """

    act: Act
    past: str = ""
    nth: int = 1
    databases: frozenset[Database] = BOTH


def _broken(times: int) -> tuple[Strike, ...]:
    """A fault of ours that the work on a body runs into."""
    return (Strike(Side.BEFORE, "commit.handle", does=Does.BREAK, times=times),)


ALERT = Alerted()
SHOWN = {way: Alerted(way=way, board=True) for way in Way}
LOOP_BREAKS = (Strike(Side.BEFORE, "commit.retention", does=Does.BREAK),)
WATCHED = Started(watched=True)
INCIDENT = "/api/v1/incidents/I1"

SITES: Mapping[str, Site] = {
    "alertmanager.alerts": Site(WATCHED),
    "alertmanager.status": Site(WATCHED),
    "beat.send": Site(WATCHED),
    "chat.open_form": Site(Pressed(button="resolve")),
    "chat.tell": Site(Pressed()),
    "chat.whisper": Site(Mentioned()),
    "check.console": Site(START[Way.CONSOLE]),
    "check.slack": Site(START[Way.SLACK]),
    "check.webhook": Site(START[Way.WEBHOOK]),
    "claim.journal": Site(ALERT, past="commit.journal"),
    "commit.alarm": Site(Refused()),
    "commit.audit": Site(Act(from_start=True, with_it=LOOP_BREAKS)),
    "commit.beat": Site(Asked(method="POST", path="/heartbeats/pulse")),
    "commit.checkup": Site(START[Way.SLACK]),
    "commit.claim": Site(ALERT, past="commit.handle"),
    "commit.command": Site(Acknowledged()),
    "commit.handle": Site(ALERT),
    "commit.heartbeats": Site(START[Way.WEBHOOK]),
    "commit.journal": Site(ALERT),
    "commit.outward": Site(WATCHED),
    "commit.reconcile": Site(WATCHED),
    "commit.recover": Site(StartedAgain(), databases=frozenset({Database.SQLITE})),
    "commit.replica": Site(START[Way.WEBHOOK]),
    "commit.result": Site(ALERT),
    "commit.retention": Site(START[Way.WEBHOOK]),
    "commit.set_aside": Site(Alerted(with_it=_broken(3), people=0)),
    "commit.set_back": Site(StartedWithout()),
    "commit.timers": Site(Climbed()),
    "commit.token": Site(START[Way.WEBHOOK]),
    "notice.send.console": Site(SHOWN[Way.CONSOLE]),
    "notice.send.slack": Site(SHOWN[Way.SLACK]),
    "notice.send.webhook": Site(SHOWN[Way.WEBHOOK]),
    "page.send.console": Site(Alerted(way=Way.CONSOLE)),
    "page.send.slack": Site(Alerted(way=Way.SLACK)),
    "page.send.webhook": Site(ALERT),
    "policies.load": Site(Reloaded()),
    "read.audit": Site(START[Way.WEBHOOK]),
    "read.backlog": Site(Asked(path="/api/v1/status")),
    "read.difference": Site(Asked(path=f"{INCIDENT}/repin")),
    "read.in_flight": Site(START[Way.WEBHOOK], databases=frozenset({Database.SQLITE})),
    "read.incident": Site(Asked(path=INCIDENT)),
    "read.incidents": Site(Asked(path="/api/v1/incidents")),
    "read.journal": Site(Asked(path="/api/v1/journal")),
    "read.message": Site(ALERT),
    "read.next_due": Site(ALERT, past="commit.handle"),
    "read.pins": Site(Reloaded()),
    "read.reconcile": Site(WATCHED),
    "read.token": Site(Asked(path="/api/v1/incidents")),
    "read.tokens": Site(Asked(path="/api/v1/tokens", needs_admin=True)),
    "release.journal": Site(Alerted(with_it=_broken(1))),
}


# Points that nobody can come to on purpose, with the reason.
UNSTRUCK: Mapping[str, str] = {
    "read.digest": "a storm has to have been told first; it is asked for and answered as read.incident is",
    "read.asked": "only where another commits the same key between two statements of one unit",
}


@dataclass(frozen=True, slots=True)
class Case:
    point: str
    blow: Blow
    database: Database

    @property
    def id(self) -> str:
        return f"{self.point} {self.blow} {self.database}"

    @property
    def site(self) -> Site:
        return SITES[self.point]

    def is_in(self, quarter: int) -> bool:
        """Of the four that all cases are dealt to, always in the same way."""
        return zlib.crc32(self.id.encode()) % QUARTERS == quarter % QUARTERS


@cache
def cases() -> Sequence[Case]:
    """All of them, the kills first. What the sites and the code do not both have is passed over here; a test fails."""
    code = points()
    found = [
        Case(point, blow, database)
        for point, site in SITES.items()
        if point in code
        for blow in blows(code[point])
        for database in Database
        if database in site.databases
    ]
    return sorted(found, key=lambda case: (case.database, case.blow.fault is not Fault.KILL, case.point))
