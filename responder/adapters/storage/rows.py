"""How what the port speaks of lies in rows: the columns that are derived from a record, and a row read back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from responder.adapters.storage.codec import Codec
from responder.core.alert import Occurrence
from responder.core.decision import DueKind
from responder.core.identifiers import ContactName, IncidentId, JournalId, Kind, PinHash, RecordKey
from responder.core.level import Level
from responder.core.machines.incident import Incident, Phase
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.ports.store import (
    Act,
    Asked,
    AuditLine,
    DueRow,
    NewBody,
    Record,
    Replica,
    Standing,
    Stored,
    StoredBody,
    Summary,
    Token,
)

Fields = dict[str, Any]


def record_row(record: Record, codec: Codec, version: int, now: datetime) -> Fields:
    is_over = record.incident is None and not record.is_live
    return {
        "kind": record.KIND.value,
        "id": record.id,
        "incident": record.incident,
        "live": record.is_live,
        "body": codec.encode(record),
        "shown": (record.posted or None) if isinstance(record, Notice) else None,
        "digest": _digest_of(record),
        "ended_at": now if is_over else None,
        "version": version,
    }


def _digest_of(record: Record) -> str | None:
    match record:
        case Page():
            return record.digest or None
        case Notice(incident=None):
            return record.page or None
        case _:
            return None


def due_row(record: Record, codec: Codec) -> Fields | None:
    """None where the record waits for nothing."""
    if (due := record.due()) is None:
        return None
    return {
        "record_kind": record.KIND.value,
        "record": record.id,
        "incident": record.incident,
        "kind": due.kind.value,
        "at": due.at,
        "claimable_at": due.at,
        "failures": 0,
        "needs": codec.versions[record.KIND],
    }


def incident_row(incident: Incident) -> Fields:
    return {
        "incident": incident.incident,
        "key": incident.key,
        "pin": incident.pin,
        "closed": incident.phase is Phase.CLOSED,
        "resolved_at": incident.resolved_at,
    }


def occurrence_row(occurrence: Occurrence, codec: Codec, version: int) -> Fields:
    return {
        "fingerprint": occurrence.fingerprint,
        "number": occurrence.number,
        "incident": occurrence.incident,
        "starts_at": occurrence.starts_at,
        "ends_at": occurrence.ends_at,
        "body": codec.encode_occurrence(occurrence),
        "version": version,
    }


def summary_row(summary: Summary) -> Fields:
    return {
        "incident": summary.incident,
        "number": summary.number,
        "key": summary.key,
        "rule": summary.rule,
        "level": int(summary.level),
        "standing": summary.standing.value,
        "title": summary.title,
        "holder": summary.holder,
        "opened_at": summary.opened_at,
        "updated_at": summary.updated_at,
        "resolved_at": summary.resolved_at,
        "revision": summary.revision,
        "firing": summary.firing,
        "pin": summary.pin,
        "searched": searched(summary),
    }


def searched(summary: Summary) -> str:
    return f"{summary.title}\n{summary.key}".casefold()


def audit_row(line: AuditLine) -> Fields:
    return {
        "at": line.at,
        "incident": line.incident,
        "record_kind": line.record.kind.value,
        "record": line.record.id,
        "event": line.event,
        "why": line.why,
        "actor": line.actor,
        "revision": line.revision,
        "details": line.details,
    }


def act_row(act: Act) -> Fields:
    return {
        "actor": act.actor,
        "incident": act.incident,
        "revision": act.revision,
        "verb": act.verb,
        "at": act.at,
        "reply": act.reply,
    }


def asked_row(asked: Asked) -> Fields:
    return {
        "once": asked.once,
        "incident": asked.incident,
        "at": asked.at,
        "reply": asked.reply,
    }


def token_row(token: Token) -> Fields:
    return {
        "id": token.id,
        "name": token.name,
        "digest": token.digest,
        "role": token.role,
        "contact": token.contact,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "used_at": token.used_at,
    }


def replica_row(replica: Replica) -> Fields:
    return {
        "id": replica.id,
        "version": replica.version,
        "book": replica.book,
        "loaded_at": replica.loaded_at,
        "seen_at": replica.seen_at,
    }


def journal_row(body: NewBody) -> Fields:
    return {
        "received_at": body.received_at,
        "source": body.source,
        "peer": body.peer,
        "size": len(body.body),
        "state": Stored.WAITING.value,
        "attempts": 0,
        "detail": "",
    }


def due_of_row(row: Row[Any]) -> DueRow:
    return DueRow(
        key=RecordKey(Kind(row.record_kind), row.record),
        incident=row.incident,
        kind=DueKind(row.kind),
        at=row.at,
        failures=row.failures,
    )


def summary_of_row(row: Row[Any]) -> Summary:
    return Summary(
        incident=IncidentId(row.incident),
        number=row.number,
        key=row.key,
        rule=row.rule,
        level=Level(row.level),
        standing=Standing(row.standing),
        title=row.title,
        holder=None if row.holder is None else ContactName(row.holder),
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        resolved_at=row.resolved_at,
        revision=row.revision,
        firing=row.firing,
        pin=PinHash(row.pin),
    )


def audit_of_row(row: Row[Any]) -> AuditLine:
    return AuditLine(
        at=row.at,
        incident=row.incident,
        record=RecordKey(Kind(row.record_kind), row.record),
        event=row.event,
        why=row.why,
        actor=row.actor,
        revision=row.revision,
        details=row.details,
        id=row.id,
    )


def act_of_row(row: Row[Any]) -> Act:
    return Act(
        actor=row.actor,
        incident=IncidentId(row.incident),
        revision=row.revision,
        verb=row.verb,
        at=row.at,
        reply=row.reply,
    )


def asked_of_row(row: Row[Any]) -> Asked:
    return Asked(once=row.once, incident=IncidentId(row.incident), at=row.at, reply=row.reply)


def token_of_row(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        digest=row.digest,
        role=row.role,
        contact=None if row.contact is None else ContactName(row.contact),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_at=row.used_at,
    )


def replica_of_row(row: Row[Any]) -> Replica:
    return Replica(
        id=row.id, version=row.version, book=row.book, loaded_at=row.loaded_at, seen_at=row.seen_at
    )


def body_of_row(row: Row[Any]) -> StoredBody:
    return StoredBody(
        id=JournalId(row.id),
        received_at=row.received_at,
        source=row.source,
        peer=row.peer,
        body=row.body,
        attempts=row.attempts,
        state=Stored(row.state),
        lease_until=row.lease_until,
        done_at=row.done_at,
        detail=row.detail,
    )
