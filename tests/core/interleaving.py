"""Random lives of an incident: a list of small acts, and how the world does each.

An act is a name and two small numbers, so that hypothesis can shrink a life to the few acts that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from responder.core.alert import Alert
from responder.core.decision import NoticeReason
from responder.core.delivery import Accepted, Outcome, Rejected
from responder.core.identifiers import ContactName, Fingerprint, Kind, PinHash, RecordKey
from responder.core.invariants import Code
from responder.core.level import Level
from responder.core.machines import duty, escalation, heartbeat, incident, notice
from responder.core.machines.heartbeat import Heartbeat
from responder.core.machines.page import Page
from tests.core.matrix import CEO, CTO, DEVOPS, MINUTE, ON_CALL, SECOND
from tests.core.world import MACHINES, Advance, World

PEOPLE = (DEVOPS, CTO, CEO, ContactName("volunteer"))
LENGTHS = (
    5 * SECOND,
    29 * SECOND,
    31 * SECOND,
    2 * MINUTE,
    7 * MINUTE,
    16 * MINUTE,
    31 * MINUTE,
    125 * MINUTE,
)
LEVELS = (Level.MINOR, Level.MODERATE, Level.SEVERE, Level.FATAL)
WEATHERS = ("fine", "silent", "failing", "refusing", "isolated", "unsure")
WATCHDOG = "watchdog"
Act = tuple[str, int, int]


def _alert(world: World, which: int, starts: datetime, ends: datetime | None = None) -> Alert:
    name = f"alert-{which % 3}"
    return Alert(fingerprint=Fingerprint(name), labels={"alertname": name}, starts_at=starts, ends_at=ends)


def _level(which: int, extra: int) -> Level:
    """Most alerts of a trouble are alike; one is worse."""
    return LEVELS[(extra + (which % 3 == 2)) % 4]


def fire(world: World, a: int, b: int) -> None:
    world.message(_alert(world, a, world.now - b * 5 * SECOND), _level(a, b))


def refire(world: World, a: int, b: int) -> None:
    """The same occurrence as before, reported by the other one of a pair."""
    known = world.occurrences.get(Fingerprint(f"alert-{a % 3}"))
    starts = known.starts_at if known is not None else world.now
    world.message(_alert(world, a, starts - b * SECOND), _level(a, b))


def clear(world: World, a: int, b: int) -> None:
    known = world.occurrences.get(Fingerprint(f"alert-{a % 3}"))
    starts = known.starts_at if known is not None else world.now - MINUTE
    world.message(_alert(world, a, starts - b * SECOND, world.now), _level(a, b))


def clear_all(world: World, a: int, b: int) -> None:
    for which in range(3):
        clear(world, which, b)


def out_of_order(world: World, a: int, b: int) -> None:
    """The resolve of an alert is read before the message that it fires."""
    journal = world.journal + 2
    starts = world.now - (b + 1) * SECOND
    world.message(_alert(world, a, starts, world.now), _level(a, b), journal)
    world.message(_alert(world, a, starts), _level(a, b), journal - 1)


def _person(a: int) -> ContactName:
    return PEOPLE[a % len(PEOPLE)]


def _to(kind: Kind, make: Callable[[World, int, int], object]) -> Callable[[World, int, int], None]:
    def act(world: World, a: int, b: int) -> None:
        state = world.current()
        if state is not None:
            world.ask(kind, state.incident, make(world, a, b))

    return act


def hold(world: World, a: int, b: int) -> None:
    """Somebody takes it for as long as they may, and perhaps asks for quiet besides."""
    state = world.current()
    assert state is not None
    world.ask(Kind.ESCALATION, state.incident, escalation.Acknowledged(by=_person(a)))
    if b % 2:
        world.ask(Kind.ESCALATION, state.incident, escalation.Snoozed(by=_person(b), wanted=20 * MINUTE))


def pass_time(world: World, a: int, b: int) -> None:
    world.pass_time(LENGTHS[a % len(LENGTHS)])


def be_down(world: World, a: int, b: int) -> None:
    world.be_down(LENGTHS[a % len(LENGTHS)])


def weather(world: World, a: int, b: int) -> None:
    world.weather = WEATHERS[a % len(WEATHERS)]
    world.note(f"the weather is {world.weather}")


def accept(world: World, a: int, b: int) -> None:
    world.answer(a, Accepted(attempt=0, receipt=f"r{b}"))


def reject(world: World, a: int, b: int) -> None:
    wait = timedelta(seconds=40) if b % 3 == 2 else None
    world.answer(
        a,
        Rejected(
            attempt=0,
            outcome=(Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.UNKNOWN)[b % 3],
            detail="no",
            retry_after=wait,
        ),
    )


def lose(world: World, a: int, b: int) -> None:
    world.answer(a, None)


def stale(world: World, a: int, b: int) -> None:
    """A result of an attempt that is not in flight, of any message."""
    sends = [send for _, send in world.sent]
    if sends:
        send = sends[a * 7 % len(sends)]
        result = (
            Accepted(attempt=b + 1)
            if a % 2
            else Rejected(attempt=b + 1, outcome=Outcome.PERMANENT, detail="no")
        )
        world.ask(send.kind, send.record, result)


def restart(world: World, a: int, b: int) -> None:
    world.restart()


def early_timer(world: World, a: int, b: int) -> None:
    world.early_timer(a * 5 + b)


def nobody(world: World, a: int, b: int) -> None:
    world.nobody ^= {(ON_CALL, DEVOPS, CTO)[a % 3]}


def done(world: World, a: int, b: int) -> None:
    state = world.current()
    owed = world.of(state.incident, Kind.DUTY) if state is not None else []
    if owed:
        which = owed[a % len(owed)]
        by = _person(b)
        event = duty.Sent(by=by, proof="seen") if b % 2 else duty.Waived(by=by, reason="not ours")
        world.ask(Kind.DUTY, which.id, event)


def declare(world: World, a: int, b: int) -> None:
    state = world.current()
    if state is None or not state.is_live:
        world.open(LEVELS[a % 4], by=_person(b))
        world.finish()


def beat(world: World, a: int, b: int) -> None:
    key = RecordKey(Kind.HEARTBEAT, WATCHDOG)
    world.records.setdefault(key, Heartbeat(name=WATCHDOG, period=10 * MINUTE))
    events = (
        heartbeat.Beat(),
        heartbeat.Configured(period=(b + 5) * MINUTE, expected=b % 2 == 0),
        heartbeat.Configured(period=10 * MINUTE, expected=True, deaf_until=world.now),
        heartbeat.Removed(),
    )
    world.ask(Kind.HEARTBEAT, WATCHDOG, events[a % 4])


def miss(world: World, a: int, b: int) -> None:
    beat(world, 0, b)
    world.pass_time(16 * MINUTE)


def show(world: World, a: int, b: int) -> None:
    """A notice that nobody else asks for."""
    state = world.current()
    shown = world.of(state.incident, Kind.NOTICE) if state is not None else []
    if shown:
        world.ask(Kind.NOTICE, shown[a % len(shown)].id, notice.Wanted(reason=NoticeReason.NOTE))


def storm(world: World, a: int, b: int) -> None:
    """So many incidents open, or so few, as the next counts will have it."""
    world.opening = (30, 0, 15, 14)[a % 4]
    world.note(f"{world.opening} incidents a minute")
    world.count()
    world.finish()


def neighbours(world: World, a: int, b: int) -> None:
    """Troubles besides, which page the same people while a storm rages."""
    storm(world, 0, b)
    for _ in range(b % 2 + 1):
        world.open(LEVELS[a % 2 + (b == 4)], by=_person(b))
        world.finish()


def answer_digest(world: World, a: int, b: int) -> None:
    found = [record for record in world.records.values() if isinstance(record, Page) and record.members]
    if found:
        world.answer_digest(found[a % len(found)], _person(b))


def rise(world: World, a: int, b: int) -> None:
    """An incident rises, be it the newest or a neighbour's."""
    every = [key.id for key in world.records if key.kind is Kind.INCIDENT]
    world.ask(
        Kind.INCIDENT, every[-1 - a % len(every)], incident.LevelSet(by=_person(b), level=LEVELS[b % 4])
    )


def vanish(world: World, a: int, b: int) -> None:
    """No Alertmanager has any of its alerts: they are taken for ended, or somebody is asked."""
    state = world.current()
    if state is None or not state.is_live:
        return
    gone = {
        key: one for key, one in world.occurrences.items() if one.is_open and one.incident == state.incident
    }
    if not gone:
        return
    if not incident.may_end_unseen(state):
        world.ask(Kind.INCIDENT, state.incident, incident.AlertsDoubted(subject="all"))
        return
    for key, one in gone.items():
        world.occurrences[key] = replace(one, ends_at=max(world.now, one.starts_at))
    world.ask(Kind.INCIDENT, state.incident, incident.AlertsGone(count=len(gone)))


def _in_minutes(world: World, b: int) -> datetime:
    return world.now + (b * 5 + 2) * MINUTE


ACTS: Mapping[str, Callable[[World, int, int], None]] = {
    "fire": fire,
    "refire": refire,
    "clear": clear,
    "clear_all": clear_all,
    "out_of_order": out_of_order,
    "hide": _to(Kind.INCIDENT, lambda w, a, b: incident.AlertsHidden(group=f"g{a % 2}")),
    "show_all": _to(Kind.INCIDENT, lambda w, a, b: incident.AlertsShown(group=f"g{a % 2}")),
    "resolve": _to(Kind.INCIDENT, lambda w, a, b: incident.PersonResolved(by=_person(a))),
    "level": _to(Kind.INCIDENT, lambda w, a, b: incident.LevelSet(by=_person(b), level=LEVELS[a % 4])),
    "repin": _to(Kind.INCIDENT, lambda w, a, b: incident.Repinned(by=_person(b), pin=PinHash("1"))),
    "note": _to(Kind.INCIDENT, lambda w, a, b: incident.Noted(by=_person(a))),
    "ack": _to(
        Kind.ESCALATION,
        lambda w, a, b: escalation.Acknowledged(by=_person(a), wanted=None if b < 3 else b * 10 * MINUTE),
    ),
    "ack_for": _to(
        Kind.ESCALATION, lambda w, a, b: escalation.Acknowledged(by=_person(a), stranger="kim (U1)")
    ),
    "unack": _to(Kind.ESCALATION, lambda w, a, b: escalation.Unacknowledged(by=_person(a))),
    "snooze": _to(
        Kind.ESCALATION, lambda w, a, b: escalation.Snoozed(by=_person(a), wanted=(b + 1) * 20 * MINUTE)
    ),
    "escalate": _to(Kind.ESCALATION, lambda w, a, b: escalation.Escalated(by=_person(a))),
    "run_failed": _to(
        Kind.ESCALATION, lambda w, a, b: escalation.MoveWanted(why=escalation.EarlyWhy.REMEDIATION_FAILED)
    ),
    "suppress": _to(
        Kind.ESCALATION, lambda w, a, b: escalation.Suppressed(until=_in_minutes(w, b), by=("silence",))
    ),
    "unsuppress": _to(Kind.ESCALATION, lambda w, a, b: escalation.Unsuppressed()),
    "vanish": vanish,
    "seen": _to(Kind.INCIDENT, lambda w, a, b: incident.AlertsSeen()),
    "quiet": _to(Kind.INCIDENT, lambda w, a, b: incident.AlertsSuppressed(until=_in_minutes(w, b))),
    "loud": _to(Kind.INCIDENT, lambda w, a, b: incident.AlertsUnsuppressed()),
    "hold": hold,
    "pass_time": pass_time,
    "be_down": be_down,
    "weather": weather,
    "accept": accept,
    "reject": reject,
    "lose": lose,
    "stale": stale,
    "restart": restart,
    "early_timer": early_timer,
    "nobody": nobody,
    "done": done,
    "declare": declare,
    "beat": beat,
    "miss": miss,
    "show": show,
    "storm": storm,
    "neighbours": neighbours,
    "answer_digest": answer_digest,
    "rise": rise,
}
# What happens most is listed most.
_OFTEN = (
    "fire",
    "fire",
    "refire",
    "clear",
    "clear_all",
    "hold",
    "hold",
    "level",
    "weather",
    "accept",
    "reject",
    "stale",
    "neighbours",
)
_MOST = ("pass_time",) * 6
acts = st.tuples(st.sampled_from((*ACTS, *_OFTEN, *_MOST)), st.integers(0, 7), st.integers(0, 4))
lives = st.lists(acts, min_size=10, max_size=30)


def live(
    life: Sequence[Act], machines: Mapping[Kind, Advance] = MACHINES, looked_for: Code | None = None
) -> World:
    """Raises Broken at the first step or state that breaks an invariant; with `looked_for` Found, at that one."""
    world = World(machines, looked_for)
    weather(world, life[0][1], 0)
    fire(world, 0, life[0][2] % 4)
    for name, a, b in life:
        world.note(f"{name} {a} {b}")
        ACTS[name](world, a, b)
        if looked_for is None:
            _count(world)
    return world


def _count(world: World) -> None:
    """The incident's count of firing alerts is that of the occurrences which are open."""
    state = world.current()
    assert state is not None
    firing = sum(1 for each in world.occurrences.values() if each.is_open and each.incident == state.incident)
    assert state.firing == firing, f"{state.firing} counted, {firing} fire"
