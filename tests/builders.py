"""Records as tests want them: every field has a plain value, and a test names only those that it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from responder.core.alert import Occurrence
from responder.core.decision import PageReason
from responder.core.identifiers import (
    ChannelName,
    ContactName,
    Fingerprint,
    IncidentId,
    JournalId,
    Kind,
    PinHash,
    RecordKey,
)
from responder.core.level import Level
from responder.core.machines import duty as duties
from responder.core.machines import page as pages
from responder.core.machines.escalation import Escalation
from responder.core.machines.heartbeat import Heartbeat
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Notice
from responder.core.policy.escalation import DutyTerm, Notify, Page, Promise, Terms
from responder.ports.store import AuditLine, NewBody, Replica, Standing, Summary, Token

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

I1 = IncidentId("I1")
I2 = IncidentId("I2")
CTO = ContactName("cto")
DEVOPS = ContactName("devops")
SLACK = ChannelName("slack-critical")


def terms(level: Level = Level.SEVERE, **changed: Any) -> Terms:
    """A short ladder: the channels and the level's contacts at once, devops at 15 m, the CTO at 30 m."""
    fields: dict[str, Any] = {
        "level": level,
        "name": level.name.lower(),
        "ack_lease": HOUR,
        "snooze_cap": 2 * HOUR,
        "reopen_window": 30 * MINUTE,
        "contacts": (CTO,),
        "channels": (SLACK,),
        "steps": (
            Notify(after=timedelta(0), notify="level_channels"),
            Page(after=timedelta(0), page=(ContactName("level_contacts"),)),
            Page(after=15 * MINUTE, page=(DEVOPS,)),
            Page(after=30 * MINUTE, page=(CTO,)),
        ),
        "repeat": 30 * MINUTE,
        "catch_up": 5 * MINUTE,
        "duties": (DutyTerm(name="external_notice", after=2 * HOUR, contacts=(CTO,), remind=30 * MINUTE),),
    }
    return Terms(**{**fields, **changed})


def promise(policy: str = "matrix", **changed: Any) -> Promise:
    return Promise(policy=policy, levels={level: terms(level, **changed) for level in Level})


def incident(id_: str = I1, **changed: Any) -> Incident:
    """Its key and its pin are its own, unless the test says otherwise."""
    made = Incident(
        incident=IncidentId(id_),
        key=f"level-label|{id_}",
        rule="level-label",
        group={"alertname": "PodDown"},
        title=f"Pods of {id_} are down",
        level=Level.SEVERE,
        pin=PinHash("0" * 32),
        reopen_window=30 * MINUTE,
        opened_at=NOON,
        firing=1,
        seen=1,
    )
    return replace(made, **changed)


def escalation(id_: str = I1, **changed: Any) -> Escalation:
    made = Escalation(incident=IncidentId(id_), terms=terms(), reached_at=NOON, since=NOON)
    return replace(made, **changed)


def page(id_: str = "I1-p1", **changed: Any) -> pages.Page:
    """Owed to the CTO since noon, who has a method that folds repeats and one that does not."""
    methods = (
        pages.Method(index=0, channel=ChannelName("slack-people"), folds=True),
        pages.Method(index=1, channel=ChannelName("sms"), folds=False),
    )
    made = pages.Page(
        page=id_,
        incident=IncidentId(id_.partition("-")[0]),
        contact=CTO,
        asked_for=CTO,
        reason=PageReason.STEP,
        asked_at=NOON,
        methods=methods,
        step=1,
        next_at=NOON,
    )
    return replace(made, **changed)


def notice(incident: str = I1, channel: str = SLACK, **changed: Any) -> Notice:
    made = Notice(notice=f"{incident}/{channel}", incident=IncidentId(incident), channel=ChannelName(channel))
    return replace(made, **changed)


def duty(incident: str = I1, name: str = "external_notice", **changed: Any) -> duties.Duty:
    """Owed two hours after noon."""
    made = duties.Duty(
        duty=f"{incident}/{name}",
        name=name,
        incident=IncidentId(incident),
        due_at=NOON + 2 * HOUR,
        contacts=(CTO,),
        channels=(SLACK,),
        remind=30 * MINUTE,
    )
    return replace(made, **changed)


def heartbeat(name: str = "watchdog", **changed: Any) -> Heartbeat:
    return replace(Heartbeat(name=name, period=15 * MINUTE), **changed)


def occurrence(fingerprint: str = "00000000000000a1", number: int = 1, **changed: Any) -> Occurrence:
    """Firing since noon, for I1."""
    made = Occurrence(
        fingerprint=Fingerprint(fingerprint),
        number=number,
        starts_at=NOON,
        ends_at=None,
        incident=I1,
        journal=JournalId(1),
        labels={"alertname": "PodDown", "level": "3"},
        annotations={"summary": "Pods are down"},
    )
    return replace(made, **changed)


def summary(id_: str = I1, **changed: Any) -> Summary:
    made = Summary(
        incident=IncidentId(id_),
        number=int(id_.removeprefix("I")),
        key=f"level-label|{id_}",
        rule="level-label",
        level=Level.SEVERE,
        standing=Standing.OPEN,
        title=f"Pods of {id_} are down",
        holder=None,
        opened_at=NOON,
        updated_at=NOON,
        resolved_at=None,
        revision=1,
        firing=1,
        pin=PinHash("0" * 32),
    )
    return replace(made, **changed)


def audit_line(incident: str | None = I1, why: str = "incident.opened", **changed: Any) -> AuditLine:
    made = AuditLine(
        at=NOON,
        incident=None if incident is None else IncidentId(incident),
        record=RecordKey(Kind.INCIDENT, incident or "-"),
        event="AlertsFired",
        why=why,
    )
    return replace(made, **changed)


def body(text: bytes = b'{"alerts": []}', **changed: Any) -> NewBody:
    return replace(NewBody(received_at=NOON, source="alertmanager", peer="127.0.0.1", body=text), **changed)


def token(id_: str = "t1", **changed: Any) -> Token:
    made = Token(
        id=id_, name="console", digest=f"digest of {id_}", role="responder", contact=CTO, created_at=NOON
    )
    return replace(made, **changed)


def replica(id_: str = "r1", **changed: Any) -> Replica:
    made = Replica(id=id_, version="0.1.0", book="0" * 32, loaded_at=NOON, seen_at=NOON)
    return replace(made, **changed)
