"""Perform: one committed send, carried out. Renders the message as things are now and hands it to the channel.

It decides nothing: whatever happens becomes a result, and the record's machine says what that means.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from responder.core.decision import Send
from responder.core.delivery import Accepted, Outcome, Rejected, Result
from responder.core.errors import Busy, Failure, Permanent, Transient, Unsure
from responder.core.identifiers import Kind, RecordKey
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.dialects.wording import digest_message, notice_message, page_message
from responder.engine.directory import Directory
from responder.engine.points import Points
from responder.engine.reach import Reach
from responder.engine.situations import Seen, Situations, keys_of
from responder.ports.channel import Delivery, Message, Receipt
from responder.ports.store import Reader

log = structlog.get_logger("perform")


@dataclass(frozen=True, slots=True)
class Carried:
    """A send, carried out. `asked_at`: when its channel was; where it never was, when that was known."""

    result: Result
    asked_at: datetime


class Perform:
    def __init__(self, points: Points, directory: Directory, situations: Situations, reach: Reach) -> None:
        self._points = points
        self._directory = directory
        self._situations = situations
        self._reach = reach

    async def __call__(self, send: Send) -> Carried:
        """Never raises, but for being cancelled."""
        clock = self._points.clock
        asked_at: datetime | None = None
        result: Result
        try:
            delivery = await self._delivery(send)
            asked_at = clock.now()
            result = self._accepted(send, await self._hand_over(send, delivery))
        except Transient as failure:
            result = self._rejected(send, str(failure), failure)
        except Permanent as failure:
            result = self._rejected(send, str(failure), failure)
        except Exception as problem:
            # A fault of ours must not lose the page: it is told, counted, and tried again like a failure for now.
            log.error("send failed unexpectedly", record=send.record, channel=send.channel, exc_info=problem)
            result = self._rejected(send, f"{send.channel}: unexpected {type(problem).__name__}", problem)
        return Carried(result, asked_at or clock.now())

    def _accepted(self, send: Send, receipt: Receipt) -> Accepted:
        self._points.metrics.sends.labels(send.channel, "accepted").inc()
        log.info("handed over", record=send.record, channel=send.channel, attempt=send.attempt)
        return Accepted(attempt=send.attempt, receipt=receipt.reference[:200])

    async def _hand_over(self, send: Send, delivery: Delivery) -> Receipt:
        """What the channel itself says; that a message cannot be made says nothing of it."""
        recipient = str(send.contact or send.channel)
        with self._reach.calling():
            try:
                receipt = await self._points.send(send.kind.value, send.channel, delivery)
            except Failure as failure:
                self._reach.heard(send.channel, recipient, _outcome(failure))
                raise
            self._reach.heard(send.channel, recipient, Outcome.ACCEPTED)
            return receipt

    def _rejected(self, send: Send, detail: str, failure: Exception) -> Rejected:
        outcome = _outcome(failure)
        self._points.metrics.sends.labels(send.channel, outcome).inc()
        tell = log.info if outcome is Outcome.BUSY else log.warning
        tell("not handed over", record=send.record, channel=send.channel, outcome=outcome, detail=detail)
        retry_after = failure.retry_after if isinstance(failure, Transient) else None
        return Rejected(attempt=send.attempt, outcome=outcome, detail=detail[:500], retry_after=retry_after)

    async def _delivery(self, send: Send) -> Delivery:
        async with self._points.reading("read.message") as reader:
            message, shown = await self._message(reader, send)
        address = None
        if send.contact is not None and send.method is not None:
            address = self._directory.address(send.contact, send.method, send.channel)
        person = self._directory.person(send.contact) if send.contact is not None else None
        return Delivery(
            message=message,
            key=send.key,
            address=address,
            recipient=person.name if person is not None else str(send.contact or send.channel),
            deadline=send.deadline,
            record=send.record,
            shown=shown,
            since=send.owed_since,
        )

    async def _message(self, reader: Reader, send: Send) -> tuple[Message, str]:
        """The message as things are now, and under which reference the channel shows it already, if it does."""
        key = RecordKey(send.kind, send.record)
        about = keys_of(send.incident) if send.incident is not None else ()
        known = await reader.records([key, *about])
        record = known.get(key)
        now = self._points.clock.now()
        seen = self._situations.reader_of(send.channel, send.contact)
        repeat = send.is_repeat
        match record:
            case Page(incident=None):
                listed, situation = await self._situations.of_digest(reader, record, now, seen)
                return digest_message(record, listed, situation, is_repeat=repeat), ""
            case Page(incident=str(incident)):
                situation = await self._situations.of_incident(reader, incident, now, seen, known)
                return page_message(record, situation, is_repeat=repeat), ""
            case Notice(incident=None, page=str(page)) if page:
                return await self._kept_digest(reader, record, seen), record.posted
            case Notice(incident=None, occurrence=str(fingerprint)):
                situation = await self._situations.of_occurrence(reader, fingerprint, now, seen)
                return notice_message(record, situation, is_repeat=repeat), record.posted
            case Notice(incident=str(incident), page=""):
                situation = await self._situations.of_incident(reader, incident, now, seen, known)
                return notice_message(record, situation, is_repeat=repeat), record.posted
            case Notice(incident=str(incident)):
                situation = await self._situations.of_incident(reader, incident, now, seen, known)
                purpose = "outdated" if record.superseded else "page"
                message = notice_message(record, situation)
                return replace(message, purpose=purpose, story=()), record.posted
            case _:
                raise Permanent(f"{key} is no message any more")

    async def _kept_digest(self, reader: Reader, notice: Notice, seen: Seen) -> Message:
        """The digest that the person has, now that somebody has acknowledged it."""
        key = RecordKey(Kind.PAGE, notice.page)
        digest = (await reader.records([key])).get(key)
        if not isinstance(digest, Page):
            raise Permanent(f"{key} is no message any more")
        listed, situation = await self._situations.of_digest(reader, digest, self._points.clock.now(), seen)
        by = notice.happenings[-1].person if notice.happenings else None
        return digest_message(digest, listed, situation, answered_by=situation.person(by))


def _outcome(failure: Exception) -> Outcome:
    match failure:
        case Unsure():
            return Outcome.UNKNOWN
        case Busy():
            return Outcome.BUSY
        case Permanent():
            return Outcome.PERMANENT
        case _:
            return Outcome.TRANSIENT
