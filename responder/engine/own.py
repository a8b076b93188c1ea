"""Own alerts: what we raise about ourselves, as alerts like any other, so that they open incidents and page.

An alarm is keyed (kind, subject) under the reserved rule `responder-self`, a missed heartbeat under `heartbeat`. They
do not pass the journal: whatever raised them commits with them.
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
    await absorb(turn, policies, [judged], OWN_JOURNAL)
    return True


async def end_with(turn: Turn, incident: Incident) -> None:
    """A person has resolved an alarm: it is over, and raised anew if what it was about goes on."""
    if incident.rule != SELF_RULE or not incident.firing:
        return
    fingerprint = _fingerprint(SELF_RULE, incident.group.get("kind", ""), incident.group.get("subject", ""))
    known = (await turn.last_occurrences({fingerprint})).get(fingerprint)
    if known is not None and known.is_open:
        turn.put_occurrence(replace(known, ends_at=turn.now))
        turn.tell(RecordKey(Kind.INCIDENT, incident.incident), AlertsEnded(count=incident.firing))


def avoided_channel(incident: Incident) -> ChannelName | None:
    """The channel that this incident is an alarm about; it is told by others."""
    if incident.rule == SELF_RULE and incident.group.get("kind") == AlarmKind.CHANNEL:
        return ChannelName(incident.group.get("subject", ""))
    return None


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
        key=f"{SELF_RULE}/{kind.value}/{subject}",
        group=group,
        escalation=policies.book.self_rule.escalation,
    )
    alert = Alert(
        fingerprint=_fingerprint(SELF_RULE, kind.value, subject),
        labels={"alertname": "ResponderAlarm", **group},
        annotations={"summary": f"responder: {kind.value} {subject}", "description": detail},
        starts_at=now,
        ends_at=now if ended else None,
    )
    return Judged(alert, verdict)


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
    return Judged(alert, verdict)


def _fingerprint(*parts: str) -> Fingerprint:
    return Fingerprint(
        hashlib.sha256("\x00".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]
    )
