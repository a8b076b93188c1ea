"""Stories: the engine's records in the API's shapes, with words beside the codes.

Labels, annotations and titles are strangers' text and go out as they are, in JSON; links only where they are http.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from responder.core.alert import Occurrence
from responder.core.delivery import Attempt, Outcome, attempt_details
from responder.core.machines import notice as notices
from responder.core.machines import page as pages
from responder.core.machines.duty import Duty
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.core.policy.fields import format_duration
from responder.dialects.visible import safe_url
from responder.dialects.wording import explain_why, why_of
from responder.engine.views import Digest, Rung, Story
from responder.ports.store import AuditLine, Standing, StoredBody, Summary, Token
from responder.web.shapes import (
    AlertShape,
    AttemptShape,
    AuditLines,
    AuditLineShape,
    BodyShape,
    DigestMember,
    DigestStory,
    DutyShape,
    IncidentStory,
    IncidentSummary,
    LastAuditLines,
    LeaseShape,
    NoticeShape,
    PageShape,
    RungShape,
    SnoozeShape,
    SuppressionShape,
    TokenShape,
)

IN_FLIGHT = "in_flight"


def of_summary(summary: Summary) -> IncidentSummary:
    return IncidentSummary(
        incident=summary.incident,
        title=summary.title,
        level=summary.level,
        state=summary.standing,
        rule=summary.rule,
        key=summary.key,
        holder=summary.holder,
        firing=summary.firing,
        opened_at=summary.opened_at,
        updated_at=summary.updated_at,
        resolved_at=summary.resolved_at,
        revision=summary.revision,
        pin=summary.pin,
    )


def of_story(story: Story) -> IncidentStory:
    incident, escalation = story.incident, story.escalation
    lease, snooze, quiet = escalation.lease, escalation.snooze, escalation.suppression
    return IncidentStory(
        incident=incident.incident,
        title=incident.title,
        level=incident.level,
        level_name=escalation.terms.name,
        state=story.standing,
        rule=incident.rule,
        key=incident.key,
        group=dict(incident.group),
        pin=incident.pin,
        revision=incident.revision,
        opened_at=incident.opened_at,
        resolved_at=incident.resolved_at,
        resolved_by=incident.resolved_by,
        declared_by=incident.declared_by,
        level_set_by=incident.level_set_by,
        firing=incident.firing,
        seen=incident.seen,
        is_incomplete=bool(incident.hidden),
        may_be_twin=incident.may_be_twin,
        links=_links(incident.links),
        lease=LeaseShape(holder=lease.holder, since=lease.since, until=lease.until) if lease else None,
        snooze=SnoozeShape(by=snooze.by, until=snooze.until) if snooze else None,
        suppression=SuppressionShape(since=quiet.since, by=list(quiet.by), until=quiet.until)
        if quiet
        else None,
        doubted_at=incident.doubted_at,
        reached_at=escalation.reached_at,
        reached=list(escalation.reached),
        next_due=story.next_due,
        alerts=[of_alert(occurrence) for occurrence in story.alerts],
        ladder=[of_rung(rung) for rung in story.ladder],
        pages=[of_page(page) for page in story.pages],
        notices=[of_notice(notice) for notice in story.notices],
        duties=[of_duty(duty) for duty in story.duties],
        audit=LastAuditLines(lines=[of_line(line) for line in story.audit], is_whole=story.is_audit_whole),
    )


def of_alert(occurrence: Occurrence) -> AlertShape:
    return AlertShape(
        fingerprint=occurrence.fingerprint,
        occurrence=occurrence.number,
        state="firing" if occurrence.is_open else "ended",
        starts_at=occurrence.starts_at,
        ends_at=occurrence.ends_at,
        labels=dict(occurrence.labels),
        annotations=dict(occurrence.annotations),
        source=safe_url(occurrence.generator_url),
    )


def of_rung(rung: Rung) -> RungShape:
    return RungShape(
        step=rung.index + 1,
        kind=rung.kind,
        after=format_duration(timedelta(seconds=rung.after_seconds)),
        happened=rung.happened,
        at=rung.at,
        names=list(rung.names),
        people=list(rung.people),
        is_current=rung.is_current,
    )


def of_page(page: Page) -> PageShape:
    return PageShape(
        page=page.page,
        contact=page.contact,
        asked_for=page.asked_for,
        reason=page.reason.value,
        state=page.phase.value,
        step=None if page.step is None else page.step + 1,
        subject=page.subject,
        asked_at=page.asked_at,
        next_at=page.next_at,
        digest=page.digest,
        words=_words_of_page(page),
        attempts=[of_attempt(attempt, why_of(page, attempt), page.contact) for attempt in page.attempts],
    )


def of_digest(digest: Digest) -> DigestStory:
    page, carried = digest.page, digest.carried
    return DigestStory(
        digest=page.page,
        contact=page.contact,
        reason=page.reason.value,
        state=page.phase.value,
        asked_at=page.asked_at,
        next_at=page.next_at,
        words=_words_of_page(page),
        holders=dict(Counter(each.holder for each in carried if each.holder is not None).most_common()),
        unanswered=sum(each.standing is Standing.OPEN for each in carried),
        attempts=[of_attempt(attempt, why_of(page, attempt), page.contact) for attempt in page.attempts],
        members=[
            DigestMember(
                incident=each.member.incident,
                page=each.member.page,
                reason=each.member.reason.value,
                told_level=each.member.level,
                has_left=each.has_left,
                title=each.incident.title if each.incident is not None else "",
                level=each.incident.level if each.incident is not None else None,
                state=each.standing,
                holder=each.holder,
            )
            for each in carried
        ],
    )


def of_notice(notice: Notice) -> NoticeShape:
    return NoticeShape(
        channel=notice.channel,
        state=notice.phase.value,
        next_at=notice.next_at,
        attempts=[of_attempt(attempt, _why_shown(notice, attempt)) for attempt in notice.attempts],
    )


def of_attempt(attempt: Attempt, why: str, contact: str = "") -> AttemptShape:
    details = {"detail": "no words", **attempt_details(attempt)} | ({"contact": contact} if contact else {})
    return AttemptShape(
        attempt=attempt.number,
        channel=attempt.channel,
        due_at=attempt.due_at,
        claimed_at=attempt.claimed_at,
        ended_at=attempt.ended_at,
        outcome=attempt.outcome.value if attempt.outcome is not None else IN_FLIGHT,
        detail=attempt.detail,
        receipt=attempt.receipt,
        is_repeat=attempt.is_repeat,
        late=attempt.late,
        words=explain_why(why, details),
    )


def of_duty(duty: Duty) -> DutyShape:
    return DutyShape(
        duty=duty.name,
        state=duty.phase.value,
        due_at=duty.due_at,
        remind_at=duty.remind_at,
        contacts=list(duty.contacts),
        done_by=duty.done_by,
        done_at=duty.done_at,
        proof=duty.proof,
    )


def of_audit(lines: Sequence[AuditLine], limit: int) -> AuditLines:
    more = lines[-1].id if lines and len(lines) == limit else None
    return AuditLines(lines=[of_line(line) for line in lines], next=more)


def of_line(line: AuditLine) -> AuditLineShape:
    return AuditLineShape(
        id=line.id,
        at=line.at,
        record=str(line.record),
        event=line.event,
        why=line.why,
        words=explain_why(line.why, line.details),
        actor=line.actor,
        revision=line.revision,
        details=dict(line.details),
    )


def of_token(token: Token) -> TokenShape:
    """Without its digest."""
    return TokenShape(
        id=token.id,
        name=token.name,
        role=token.role,
        contact=token.contact,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        used_at=token.used_at,
    )


def of_body(body: StoredBody) -> BodyShape:
    try:
        encoding, text = "text", body.body.decode("utf-8")
    except UnicodeDecodeError:
        encoding, text = "base64", base64.b64encode(body.body).decode("ascii")
    return BodyShape(
        id=body.id,
        received_at=body.received_at,
        source=body.source,
        peer=body.peer,
        state=body.state,
        attempts=body.attempts,
        done_at=body.done_at,
        detail=body.detail,
        encoding=encoding,
        body=text,
    )


def _links(links: Mapping[str, str]) -> dict[str, str]:
    return {label: safe for label, url in links.items() if (safe := safe_url(url))}


def _words_of_page(page: Page) -> str:
    """What became of it. A withdrawn one says whether it may have arrived, a gathered one what it goes in."""
    if page.digest:
        return explain_why(pages.Why.GATHERED, {"digest": page.digest})
    if page.phase is pages.Phase.GATHERING and page.next_at is not None:
        until = {"until": page.next_at.isoformat()}
        return explain_why(
            pages.Why.GATHERING, {"contact": page.contact, "reason": page.reason.value} | until
        )
    why = pages.Why.ASKED
    if page.phase is pages.Phase.WITHDRAWN:
        may_be_there = (None, Outcome.ACCEPTED, Outcome.UNKNOWN)
        went = any(attempt.outcome in may_be_there for attempt in page.attempts)
        why = pages.Why.WITHDRAWN_IN_FLIGHT if went else pages.Why.WITHDRAWN
    return explain_why(why, {"contact": page.contact, "reason": page.reason.value})


def _why_shown(notice: Notice, attempt: Attempt) -> str:
    is_last = attempt is notice.attempts[-1]
    match attempt.outcome:
        case None:
            return notices.Why.CLAIMED
        case Outcome.ACCEPTED:
            return notices.Why.ACCEPTED
        case Outcome.UNKNOWN:
            return notices.Why.UNKNOWN
        case Outcome.TRANSIENT | Outcome.PERMANENT | Outcome.BUSY:
            return (
                notices.Why.FAILED
                if is_last and notice.phase is notices.Phase.FAILED
                else notices.Why.RETRIED
            )
