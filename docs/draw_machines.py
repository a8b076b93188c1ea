"""Draws docs/machines.md from the machines themselves: `python docs/draw_machines.py`.

Each machine is tried out: from its beginnings every event is put to it, at once and when its time has come, and what it
answers is followed until nothing new turns up. States are told apart by what is set in them and what their timer would
do, not by their figures. The file is kept current by tests/core/test_machines_drawn.py.
"""
# ruff: noqa: INP001 - a script beside the page that it writes, and no package

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from responder.core.decision import Decision, NoticeReason, PageReason
from responder.core.delivery import Accepted, Outcome, Rejected, SendDue, SenderGone
from responder.core.identifiers import ChannelName, ContactName, IncidentId, PinHash
from responder.core.level import Level
from responder.core.machines import duty, escalation, heartbeat, incident, notice, page, storm
from responder.core.policy.escalation import Expect, Notify, Page, Remediate, Terms

FILE = Path(__file__).with_name("machines.md")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ONE = IncidentId("I1")
ANA, BO = ContactName("ana"), ContactName("bo")
OPS = ChannelName("ops")

Beginning = Decision[Any]
Name = Callable[[Any], str]
Arrow = tuple[str, str, str, str]  # from, event, why, to


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`name_of`: which box of the diagram a state is in; `waits`: what else than its due time may pass, from now.

    `passed_over`: fields that no decision but what is said depends on, so that states which differ in them are alike.
    """

    name: str
    module: Any
    beginnings: Sequence[Beginning]
    events: Sequence[object]
    name_of: Name
    waits: Sequence[timedelta] = ()
    passed_over: frozenset[str] = frozenset()

    @property
    def promise(self) -> str:
        """What the module says of itself, its first paragraphs."""
        return str(self.module.__doc__).strip().partition(": ")[2]


def arrows(machine: Machine) -> set[Arrow]:
    """Every step that the machine takes from anywhere it can get to, by the shortest way there."""
    found: set[Arrow] = set()
    known: set[object] = set()
    waiting = deque((decision.state, NOON) for decision in machine.beginnings)
    for decision in machine.beginnings:
        found.add(("[*]", "", _why(decision), machine.name_of(decision.state)))
    while waiting:
        state, now = waiting.popleft()
        shape = (
            _shape(state, machine.passed_over),
            _next(machine, state, now),
            *(now - NOON >= wait for wait in machine.waits),
        )
        if shape in known:
            continue
        known.add(shape)
        for event, at in _tried(machine, state, now):
            decision = machine.module.advance(state, event, at)
            if not _why(decision).endswith("stale"):
                arrow = (
                    machine.name_of(state),
                    _said(event),
                    _why(decision),
                    machine.name_of(decision.state),
                )
                found.add(arrow)
                waiting.append((decision.state, at))
    return found


def _next(machine: Machine, state: Any, now: datetime) -> str:
    """What its timer would do."""
    due = state.due()
    timer = next(event for event in machine.events if _said(event) in ("TimerDue", "SendDue"))
    return "" if due is None else _why(machine.module.advance(state, timer, max(now, due.at)))


def _tried(machine: Machine, state: Any, now: datetime) -> Iterator[tuple[object, datetime]]:
    due = state.due()
    times = {now, *(now + wait for wait in machine.waits), *((max(now, due.at),) if due is not None else ())}
    for at in sorted(times):
        for event in machine.events:
            yield event, at


def _why(decision: Decision[Any]) -> str:
    return decision.why.value.partition(".")[2]


def _said(event: object) -> str:
    return type(event).__name__


def _shape(value: Any, passed_over: frozenset[str]) -> object:
    """What is set in a state, up to figures: two states of one shape behave alike."""
    if isinstance(value, bool | Enum) or value is None:
        return value
    if isinstance(value, int):
        return min(value, 2)
    if isinstance(value, tuple | frozenset):
        return tuple(_shape(each, passed_over) for each in tuple(value)[-2:])
    if hasattr(value, "__dataclass_fields__"):
        names = [each.name for each in fields(value) if each.name not in passed_over]
        return (type(value).__name__, *(_shape(getattr(value, name), passed_over) for name in names))
    if isinstance(value, Terms):
        return value.level
    return bool(value) if isinstance(value, str) else type(value).__name__


# The machines, and what is put to them


def _terms(level: Level) -> Terms:
    hour = 60 * MINUTE
    return Terms(
        level=level,
        name=level.name.lower(),
        ack_lease=hour,
        snooze_cap=2 * hour,
        reopen_window=30 * MINUTE,
        contacts=(ANA,),
        channels=(OPS,),
        steps=(
            Notify(after=timedelta(0), notify="level_channels"),
            Remediate(after=timedelta(0), remediate="bound"),
            Expect(after=5 * MINUTE, expect="recovered"),
            Page(after=15 * MINUTE, page=(ANA,)),
            Page(after=30 * MINUTE, page=(BO,)),
        ),
        repeat=30 * MINUTE,
        catch_up=5 * MINUTE,
    )


def _incident(**changed: Any) -> Beginning:
    made = incident.Incident(
        incident=ONE,
        key="trouble",
        rule="level-label",
        group={},
        title="trouble",
        level=Level.MODERATE,
        pin=PinHash("0"),
        reopen_window=30 * MINUTE,
        opened_at=NOON,
        firing=1,
        seen=1,
    )
    return incident.begin(replace(made, **changed))


def _name_incident(state: incident.Incident) -> str:
    if state.phase is not incident.Phase.RESOLVED or not state.firing:
        return state.phase.value
    return "twin_held" if state.twin_since is not None else "resolved_still_firing"


def _name_ladder(state: escalation.Escalation) -> str:
    if state.phase is escalation.Phase.STOPPED:
        return "stopped"
    if state.lease is not None:
        name = "held_and_snoozed" if state.snooze is not None else "held"
    else:
        name = "snoozed" if state.snooze is not None else "climbing"
    if state.suppression is None:
        return name
    return f"{name}_suppressed" if state.is_answered else "suppressed"


def _page(reason: PageReason) -> Beginning:
    methods = (
        page.Method(index=0, channel=ChannelName("push"), folds=True),
        page.Method(index=1, channel=ChannelName("sms"), folds=False),
    )
    made = page.Page(
        page="I1-p1", incident=ONE, contact=ANA, asked_for=ANA, reason=reason, asked_at=NOON, methods=methods
    )
    return page.begin(made)


def _gathering() -> Beginning:
    return page.gather(_page(PageReason.STEP).state, NOON + MINUTE)


def _digest() -> Beginning:
    two = IncidentId("I2")
    members = (
        page.Member(page="I1-p1", incident=ONE, level=Level.MODERATE, reason=PageReason.STEP),
        page.Member(page="I2-p1", incident=two, level=Level.MODERATE, reason=PageReason.STEP),
    )
    made = replace(
        _page(PageReason.DIGEST).state, page="D3", incident=None, members=members, methods=_SMS, next_at=None
    )
    return page.begin(made)


_SMS = (page.Method(index=1, channel=ChannelName("sms"), folds=False),)


def _results(attempts: int) -> tuple[object, ...]:
    return tuple(
        result
        for attempt in range(1, attempts + 1)
        for result in (
            Accepted(attempt=attempt, receipt="r"),
            Rejected(attempt=attempt, outcome=Outcome.TRANSIENT, detail="busy"),
            Rejected(attempt=attempt, outcome=Outcome.PERMANENT, detail="gone"),
            Rejected(attempt=attempt, outcome=Outcome.UNKNOWN, detail="connection broke"),
            Rejected(attempt=attempt, outcome=Outcome.BUSY, detail="in a second"),
        )
    )


def _isolated(attempts: int) -> tuple[object, ...]:
    return tuple(
        Rejected(attempt=attempt, outcome=Outcome.PERMANENT, detail="gone", is_isolated=True)
        for attempt in range(1, attempts + 1)
    )


def _name_page(state: page.Page) -> str:
    is_flying = state.phase is page.Phase.WITHDRAWN and state.in_flight is not None
    return "withdrawn_in_flight" if is_flying else state.phase.value


def _phase(state: Any) -> str:
    return str(state.phase.value)


def _notices() -> tuple[Beginning, ...]:
    blank = notice.Notice(notice="I1/ops", incident=ONE, channel=OPS)
    kept = notice.Notice(
        notice="I1-p1/shown", incident=ONE, channel=OPS, page="I1-p1", contact=ANA, posted="r"
    )
    return (
        notice.advance(blank, notice.Wanted(reason=NoticeReason.OPENED), NOON),
        notice.keep_current(kept),
    )


def _duty() -> Beginning:
    made = duty.Duty(
        duty="I1/regulator",
        name="regulator",
        incident=ONE,
        due_at=NOON + 60 * MINUTE,
        contacts=(ANA,),
        channels=(OPS,),
        remind=30 * MINUTE,
    )
    return duty.begin(made)


def _heartbeat() -> tuple[Beginning, ...]:
    blank = heartbeat.Heartbeat(name="watchdog", period=10 * MINUTE)
    expected = heartbeat.Configured(period=10 * MINUTE, expected=True)
    return (heartbeat.advance(blank, heartbeat.Beat(), NOON), heartbeat.advance(blank, expected, NOON))


def _counted(state: storm.Storm, incidents: int) -> Beginning:
    counted = storm.Counted(incidents=incidents, many=30, per=MINUTE, calm_after=5 * MINUTE)
    return storm.advance(state, counted, NOON)


MACHINES = (
    Machine(
        name="Incident",
        module=incident,
        beginnings=(_incident(), _incident(level=Level.SEVERE), _incident(firing=0, seen=0, declared_by=ANA)),
        events=(
            incident.TimerDue(),
            incident.AlertsFired(count=1, level=Level.MINOR, subject="b"),
            incident.AlertsFired(count=1, level=Level.FATAL, subject="b"),
            incident.AlertsRefired(count=1),
            incident.AlertsEnded(count=1),
            incident.AlertsGone(count=1),
            incident.AlertsDoubted(subject="b"),
            incident.AlertsSeen(),
            incident.AlertsSuppressed(until=NOON + 100 * MINUTE),
            incident.AlertsSuppressed(until=NOON + 110 * MINUTE),
            incident.AlertsUnsuppressed(),
            incident.AlertsHidden(group="g"),
            incident.AlertsShown(group="g"),
            incident.PersonResolved(by=ANA),
            incident.LevelSet(by=ANA, level=Level.MODERATE),
            incident.LevelSet(by=ANA, level=Level.SEVERE),
            incident.Noted(by=ANA),
            incident.Repinned(by=ANA, pin=PinHash("1")),
            incident.TermsChanged(reopen_window=30 * MINUTE),
        ),
        name_of=_name_incident,
        passed_over=frozenset({"reopenings", "flapping_at", "may_be_twin", "level_set_by", "links"}),
    ),
    Machine(
        name="Escalation",
        module=escalation,
        beginnings=(
            escalation.begin(ONE, _terms(Level.MODERATE), NOON),
            escalation.begin(ONE, _terms(Level.SEVERE), NOON),
        ),
        events=(
            escalation.TimerDue(),
            escalation.LevelReached(terms=_terms(Level.MODERATE)),
            escalation.LevelReached(terms=_terms(Level.SEVERE)),
            escalation.Acknowledged(by=ANA),
            escalation.Acknowledged(by=BO, wanted=20 * MINUTE),
            escalation.Acknowledged(by=BO, stranger="kim"),
            escalation.Unacknowledged(by=ANA),
            escalation.Snoozed(by=ANA, wanted=30 * MINUTE),
            escalation.Suppressed(until=NOON + 100 * MINUTE, by=("silence",)),
            escalation.Suppressed(until=NOON + 110 * MINUTE, by=("silence",)),
            escalation.Unsuppressed(),
            escalation.Doubted(subject="b"),
            escalation.Escalated(by=ANA),
            escalation.MoveWanted(why=escalation.EarlyWhy.REMEDIATION_FAILED),
            escalation.MoveAllowed(),
            escalation.MoveHeld(),
            escalation.Joined(subject="b"),
            escalation.HandedOver(contact=ANA),
            escalation.Resolved(),
            escalation.Reopened(),
            escalation.Reopened(flapping="page"),
            escalation.Reopened(flapping="quiet"),
            escalation.Repinned(terms=_terms(Level.MODERATE)),
        ),
        name_of=_name_ladder,
        passed_over=frozenset({"reached", "told", "pages"}),
    ),
    Machine(
        name="Page",
        module=page,
        beginnings=(_page(PageReason.STEP), _page(PageReason.RESOLVED), _gathering(), _digest()),
        events=(
            SendDue(),
            SenderGone(),
            page.Withdrawn(),
            page.Superseded("I1-p9"),
            page.Gathered("D3"),
            page.Released(),
            page.Carried(ChannelName("sms")),
            page.Dropped(),
            page.Left("I1-p1"),
            page.Left("I2-p1"),
            *_results(3),
            *_isolated(2),
        ),
        name_of=_name_page,
        waits=(60 * MINUTE,),
        passed_over=frozenset({"left"}),
    ),
    Machine(
        name="Notice",
        module=notice,
        beginnings=_notices(),
        events=(
            notice.Wanted(reason=NoticeReason.LEVEL),
            notice.Superseded(),
            SendDue(),
            SenderGone(),
            *_results(2),
        ),
        name_of=_phase,
        waits=(60 * MINUTE, 24 * 60 * MINUTE),
        passed_over=frozenset({"happenings", "posted", "is_repeat", "receipt", "late", "failures"}),
    ),
    Machine(
        name="Duty",
        module=duty,
        beginnings=(_duty(),),
        events=(
            duty.TimerDue(),
            duty.Owed(due_at=NOON + 10 * MINUTE),
            duty.Sent(by=ANA, proof="ticket"),
            duty.Waived(by=ANA, reason="no data"),
            duty.Ended(),
        ),
        name_of=_phase,
    ),
    Machine(
        name="Heartbeat",
        module=heartbeat,
        beginnings=_heartbeat(),
        events=(
            heartbeat.TimerDue(),
            heartbeat.Beat(),
            heartbeat.Configured(period=5 * MINUTE, expected=True),
            heartbeat.Removed(),
        ),
        name_of=_phase,
    ),
    Machine(
        name="Storm",
        module=storm,
        beginnings=(_counted(storm.Storm(), 30),),
        events=(
            storm.TimerDue(),
            storm.Counted(incidents=30, many=30, per=MINUTE, calm_after=5 * MINUTE),
            storm.Counted(incidents=0, many=30, per=MINUTE, calm_after=5 * MINUTE),
        ),
        name_of=_phase,
        waits=(5 * MINUTE,),
    ),
)

# The page


def document(found: Mapping[str, set[Arrow]]) -> str:
    """The whole page; `found`: the arrows of each machine, by its name."""
    return "\n".join([_HEAD, *(_section(machine, found[machine.name]) for machine in MACHINES), _races()])


_HEAD = """# The machines

<!-- Written by `python docs/draw_machines.py` from the code; a test fails when it is out of date. -->

Each machine is a pure function, `advance(state, event, now) -> Decision(state, why, emits, effects)`, and none knows
another. Below, an arrow is a change of state, with the codes of why and the events that cause it. What leaves a
machine in its state stands in the list under its picture. `stale` (there is nothing to do) is left out everywhere.
`TimerDue` and `SendDue` mean that the record's own due row was claimed.
"""


def _section(machine: Machine, found: set[Arrow]) -> str:
    moves: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for from_, event, why, to in found:
        moves[from_, to][why].add(event)
    leaves = {ends: whys for ends, whys in moves.items() if ends[0] != ends[1]}
    stays = {ends[0]: whys for ends, whys in moves.items() if ends[0] == ends[1]}
    return "\n".join(
        [
            f"## {machine.name}\n",
            f"{machine.promise[:1].upper()}{machine.promise[1:]}\n",
            "```mermaid",
            "stateDiagram-v2",
            *(f"    {from_} --> {to}: {_label(whys)}" for (from_, to), whys in sorted(leaves.items())),
            "```\n",
            *_stays(stays),
        ]
    )


def _label(whys: dict[str, set[str]]) -> str:
    return "<br/>".join(_because(why, events) for why, events in sorted(whys.items()))


def _because(why: str, events: set[str]) -> str:
    named = ", ".join(sorted(events - {""}))
    return f"{why} ({named})" if named else why


def _stays(stays: dict[str, dict[str, set[str]]]) -> Iterator[str]:
    if not stays:
        return
    yield "| while | these change no state |"
    yield "|---|---|"
    for name, whys in sorted(stays.items()):
        yield f"| {name} | {_label(whys)} |"
    yield ""


def _races() -> str:
    rows = [f"| {race.comes} | {race.meanwhile} | {race.result} |" for race in incident.RACES]
    return "\n".join(
        [
            "## Races\n",
            "What wins when things come together (`responder/core/machines/incident.py`, `RACES`).\n",
            "| what comes | while | result |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    FILE.write_text(document({machine.name: arrows(machine) for machine in MACHINES}), encoding="utf-8")
