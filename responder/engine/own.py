"""Own alerts: what we raise about ourselves, as alerts like any other, so that they open incidents and page.

An alarm is keyed (kind, subject) under the reserved rule `responder-self`, a missed heartbeat under `heartbeat`. Those
about channels that fail for one cause are alerts of one incident: a revoked token is one trouble, however many channels
use it. They do not pass the journal: whatever raised them commits with them.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from responder.core.alert import Alert
from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised
from responder.core.identifiers import ChannelName, Fingerprint, JournalId, Kind, RecordKey
from responder.core.level import Level
from responder.core.machines.heartbeat import HeartbeatBack, HeartbeatMissed
from responder.core.machines.incident import AlertsEnded, Incident
from responder.core.policy.levels import DECLARED_RULE, HEARTBEAT_RULE, SELF_RULE
from responder.core.triage import Verdict
from responder.engine.joining import Judged, absorb
from responder.engine.policies import Policies
from responder.engine.turn import Turn

OwnEmit = AlarmRaised | AlarmCleared | HeartbeatMissed | HeartbeatBack
FOLDED = 1_000  # alarms of one incident; there are not so many channels
CAUSE_MOST = 150  # characters of a cause that tell it from others
OWN_JOURNAL = JournalId(0)  # no body stands behind it


async def raise_or_clear(turn: Turn, policies: Policies, emit: OwnEmit) -> bool:
    """Fire or end the own alert that `emit` is about. False where it is raised, or is over, already."""
    match emit:
        case AlarmRaised(kind=kind, subject=subject):
            level = emit.level or policies.book.alarm_level(kind)
            judged = _alarm(policies, kind, subject, turn.now, detail=emit.detail, level=level)
        case AlarmCleared(kind=kind, subject=subject):
            judged = _alarm(policies, kind, subject, turn.now, ended=True)
        case HeartbeatMissed(name=name, last_at=last_at):
            judged = _heartbeat(policies, name, turn.now, last_at=last_at)
        case HeartbeatBack(name=name):
            judged = _heartbeat(policies, name, turn.now)
        case _:
            assert_never(emit)
    known = (await turn.last_occurrences({judged.alert.fingerprint})).get(judged.alert.fingerprint)
    is_open = known is not None and known.is_open
    if judged.alert.is_firing is is_open:
        return False
    await absorb(turn, policies, [judged])
    return True


async def end_with(turn: Turn, incident: Incident) -> None:
    """A person has resolved an alarm: it is over, and raised anew if what it was about goes on."""
    if incident.rule != SELF_RULE or not incident.firing:
        return
    alarms = await turn.unit.occurrences_of(incident.incident, FOLDED)
    open_ = [known for known in alarms if known.is_open]
    for known in open_:
        turn.put_occurrence(replace(known, ends_at=turn.now))
    if open_:
        turn.tell(RecordKey(Kind.INCIDENT, incident.incident), AlertsEnded(count=incident.firing))


def fingerprint_of_alarm(kind: AlarmKind, subject: str) -> Fingerprint:
    return _fingerprint(SELF_RULE, kind.value, subject)


async def avoided_channels(turn: Turn, policies: Policies, incident: Incident) -> frozenset[ChannelName]:
    """Where this incident is an alarm about a channel: that one, and all that have an alarm; others tell of it."""
    if incident.rule != SELF_RULE or incident.group.get("kind") != AlarmKind.CHANNEL:
        return frozenset()
    names = {fingerprint_of_alarm(AlarmKind.CHANNEL, name): name for name in policies.book.channels}
    known = await turn.last_occurrences(set(names))
    failing = {names[fingerprint] for fingerprint, occurrence in known.items() if occurrence.is_open}
    return frozenset({*failing, ChannelName(incident.group.get("subject", ""))})


def declared(policies: Policies, labels: dict[str, str]) -> Verdict:
    """The verdict on what a person declares; its key is made of the incident itself."""
    return Verdict(
        rule=DECLARED_RULE,
        level=None,
        notice=(),
        key="",
        group=labels,
        escalation=policies.book.declared.escalation,
    )


def _alarm(
    policies: Policies,
    kind: AlarmKind,
    subject: str,
    now: datetime,
    *,
    detail: str = "",
    level: Level | None = None,
    ended: bool = False,
) -> Judged:
    group = {"kind": kind.value, "subject": subject}
    verdict = Verdict(
        rule=SELF_RULE,
        level=level or Level.MODERATE,
        notice=(),
        key=f"{SELF_RULE}/{kind.value}/{_cause(kind, subject, detail)}",
        group=group,
        escalation=policies.book.self_rule.escalation,
    )
    alert = Alert(
        fingerprint=fingerprint_of_alarm(kind, subject),
        labels={"alertname": "ResponderAlarm", **group},
        annotations={"summary": f"responder: {kind.value} {subject}", "description": detail},
        starts_at=now,
        ends_at=now if ended else None,
    )
    return Judged(alert, verdict, OWN_JOURNAL)


def _cause(kind: AlarmKind, subject: str, detail: str) -> str:
    """What tells its incident from others. A channel's failure begins with the channel's name, and then says why."""
    if kind is not AlarmKind.CHANNEL:
        return subject
    return detail.removeprefix(f"{subject}: ")[:CAUSE_MOST] or subject


def _heartbeat(policies: Policies, name: str, now: datetime, *, last_at: datetime | None = None) -> Judged:
    """With `last_at` it was missed, without it is back. One that the policies no longer name keeps their default."""
    rule = policies.book.heartbeats.get(name)
    verdict = Verdict(
        rule=HEARTBEAT_RULE,
        level=rule.level if rule else Level.MODERATE,
        notice=(),
        key=f"{HEARTBEAT_RULE}/{name}",
        group={"heartbeat": name},
        escalation=rule.escalation if rule else policies.book.self_rule.escalation,
    )
    since = f"no beat since {last_at.isoformat(timespec='seconds')}" if last_at else ""
    alert = Alert(
        fingerprint=_fingerprint(HEARTBEAT_RULE, name),
        labels={"alertname": "HeartbeatMissed", "heartbeat": name},
        annotations={"summary": f"heartbeat {name} missed: {since}"},
        starts_at=now,
        ends_at=None if last_at else now,
    )
    return Judged(alert, verdict, OWN_JOURNAL)


def _fingerprint(*parts: str) -> Fingerprint:
    return Fingerprint(
        hashlib.sha256("\x00".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]
    )
