"""The shapes of the API: what is sent and what is answered, field by field. `openapi` draws the description from them.

Times are UTC; durations are written like 30m or 1h30m. A request with a field that is not listed is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from responder.core.level import Level
from responder.core.policy.fields import LevelNumber, PositiveDuration
from responder.engine.commands import TEXT_MOST, Role
from responder.ports.store import Standing, Stored

PAGE_MOST = 200
BODIES_MOST = 50
LABELS_MOST = 64


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


def _clean(text: str) -> str:
    if "\x00" in text:
        raise ValueError("there is a NUL character in it")
    return text


def _listed(value: object) -> object:
    """`state=open&state=snoozed` and `state=open,snoozed` are the same."""
    if not isinstance(value, list):
        return value
    return [part for item in value for part in (item.split(",") if isinstance(item, str) else [item])]


def _level(value: object) -> object:
    """In a query everything is text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


Text = Annotated[
    str, StringConstraints(min_length=1, max_length=TEXT_MOST, strip_whitespace=True), AfterValidator(_clean)
]
MaybeText = Annotated[str, StringConstraints(max_length=TEXT_MOST), AfterValidator(_clean)]
Label = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_clean)]
LabelName = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_clean)]
QueryLevel = Annotated[Level, BeforeValidator(_level)]

# What is sent


class IncidentsQuery(Shape):
    state: Annotated[tuple[Standing, ...], BeforeValidator(_listed)] = Field(
        default=(), description="any of these; none = every state"
    )
    level: Annotated[tuple[QueryLevel, ...], BeforeValidator(_listed)] = Field(
        default=(), description="any of these"
    )
    rule: str = Field(default="", max_length=200, description="the triage rule")
    holder: str = Field(default="", max_length=200, description="the contact who has acknowledged")
    text: str = Field(default="", max_length=200, description="anywhere in title or key, case ignored")
    before: int | None = Field(default=None, ge=1, le=2**53, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=PAGE_MOST)


class AuditQuery(Shape):
    after: int = Field(default=0, ge=0, le=2**53, description="only lines with a higher id")
    limit: int = Field(default=PAGE_MOST, ge=1, le=PAGE_MOST)


class JournalQuery(Shape):
    after: int = Field(default=0, ge=0, le=2**53, description="only bodies with a higher id")
    limit: int = Field(default=20, ge=1, le=BODIES_MOST)


class Command(Shape):
    """What every command may bring."""

    revision: int | None = Field(
        default=None,
        ge=0,
        le=2**53,
        description="the incident's revision that the person saw: the same command on the same one is one act",
    )


class AcknowledgeRequest(Command):
    length: PositiveDuration | None = Field(
        default=None, alias="for", description="default and most: the level's whole lease"
    )


class ResolveRequest(Command):
    reason: MaybeText = ""


class LevelRequest(Command):
    level: LevelNumber
    reason: Text


class SnoozeRequest(Command):
    length: PositiveDuration = Field(alias="for", description="the level caps it")


class NoteRequest(Command):
    text: Text


class RepinRequest(Command):
    pin: str = Field(max_length=64, description="`pin` of the difference that the person was shown")


class SentRequest(Command):
    proof: Text = Field(description="where it can be seen that it was sent")


class WaiveRequest(Command):
    reason: Text


class DeclareRequest(Shape):
    title: Text
    level: LevelNumber
    labels: dict[LabelName, Label] = Field(default_factory=dict, max_length=LABELS_MOST)


class TokenRequest(Shape):
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,62}$")]
    role: Role
    contact: str | None = Field(
        default=None, max_length=63, description="the person in contacts.yaml whose commands these are"
    )
    lasts: PositiveDuration | None = Field(default=None, description="default: until it is revoked")


# What is answered


class IncidentSummary(Shape):
    incident: str
    title: str
    level: Level
    state: Standing
    rule: str
    key: str
    holder: str | None
    firing: int = Field(description="alerts that fire now")
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    revision: int
    pin: str


class Incidents(Shape):
    incidents: list[IncidentSummary] = Field(description="newest first")
    next: int | None = Field(description="ask with before=… for the next page; null at the end")


class AlertShape(Shape):
    fingerprint: str
    occurrence: int = Field(description="which interval of this fingerprint, from 1")
    state: str = Field(description="firing or ended")
    starts_at: datetime
    ends_at: datetime | None
    labels: dict[str, str]
    annotations: dict[str, str]
    source: str = Field(description="its generatorURL where that is a link, else empty")


class RungShape(Shape):
    step: int = Field(description="from 1")
    kind: str = Field(description="notify, page, remediate or expect")
    after: str = Field(description="unanswered time since the level was reached")
    happened: bool
    at: datetime | None = Field(
        description="when, if nobody answers; null where it happened or the clock stands"
    )
    names: list[str] = Field(description="channels and contacts as the policy names them")
    people: list[str] = Field(description="whom the contacts mean now")
    is_current: bool = Field(description="the page step that fired last")


class AttemptShape(Shape):
    attempt: int
    channel: str
    due_at: datetime
    claimed_at: datetime
    ended_at: datetime | None
    outcome: str = Field(description="accepted, transient, permanent, unknown, or in_flight")
    detail: str = Field(description="what the channel said")
    receipt: str = Field(description="the channel's own reference")
    is_repeat: bool = Field(description="an earlier attempt may have arrived")
    late: bool = Field(description="its result came after it had been given up")
    words: str


class PageShape(Shape):
    page: str
    contact: str
    asked_for: str = Field(
        description="the name in the policy: the contact, or the roster they were on shift for"
    )
    reason: str
    state: str
    step: int | None = Field(description="from 1")
    subject: str
    asked_at: datetime
    next_at: datetime | None
    digest: str = Field(
        default="",
        description="the digest that it went in, which has its attempts; acknowledge it like an incident",
    )
    words: str
    attempts: list[AttemptShape]


class DigestMember(Shape):
    incident: str
    page: str = Field(description="the incident's own page, which went in the digest")
    reason: str
    told_level: Level = Field(description="the incident's when the page joined")
    has_left: bool = Field(description="it was answered, or had risen, before the digest arrived")
    title: str = Field(description="empty where the incident is not stored any more, and so are the others")
    level: Level | None = Field(description="now")
    state: Standing | None = Field(description="now")
    holder: str | None


class DigestStory(Shape):
    """The pages of a storm that went to one person as one, as of one moment."""

    digest: str
    contact: str
    reason: str
    state: str
    asked_at: datetime
    next_at: datetime | None
    words: str
    holders: dict[str, int] = Field(
        description="who has acknowledged how many of its incidents, and has them now"
    )
    unanswered: int = Field(description="its incidents that are open and nobody has")
    attempts: list[AttemptShape]
    members: list[DigestMember] = Field(description="one an incident, in the order of the message")


class NoticeShape(Shape):
    channel: str
    state: str
    next_at: datetime | None
    attempts: list[AttemptShape] = Field(description="the last of them")


class DutyShape(Shape):
    duty: str
    state: str
    due_at: datetime
    remind_at: datetime | None
    contacts: list[str]
    done_by: str | None
    done_at: datetime | None
    proof: str = Field(description="where it can be seen that it was sent, or why it was waived")


class AuditLineShape(Shape):
    id: int
    at: datetime
    record: str
    event: str
    why: str = Field(description="a code")
    words: str
    actor: str
    revision: int
    details: dict[str, str]


class AuditLines(Shape):
    lines: list[AuditLineShape] = Field(description="oldest first")
    next: int | None = Field(description="ask with after=… for the next page; null at the end")


class LastAuditLines(Shape):
    lines: list[AuditLineShape] = Field(description="the last of them, oldest first")
    is_whole: bool = Field(description="false = there are earlier ones, at /incidents/{incident}/audit")


class LeaseShape(Shape):
    holder: str
    since: datetime
    until: datetime


class SnoozeShape(Shape):
    by: str
    until: datetime


class SuppressionShape(Shape):
    since: datetime
    by: list[str] = Field(
        description="the silences and the alerts that keep it quiet, as Alertmanager names them"
    )
    until: datetime = Field(description="when people hear of it, unless Alertmanager says it again before")


class IncidentStory(Shape):
    """One incident, whole, as of one moment."""

    incident: str
    title: str
    level: Level
    level_name: str
    state: Standing
    rule: str
    key: str
    group: dict[str, str]
    pin: str
    revision: int
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    declared_by: str | None
    level_set_by: str | None
    firing: int
    seen: int = Field(description="alerts that ever belonged to it; `alerts` lists the first of them")
    is_incomplete: bool = Field(description="Alertmanager left alerts out (max_alerts)")
    may_be_twin: bool
    links: dict[str, str]
    lease: LeaseShape | None
    snooze: SnoozeShape | None
    suppression: SuppressionShape | None = Field(
        description="Alertmanager keeps all its alerts quiet, so nobody is paged"
    )
    doubted_at: datetime | None = Field(
        description="when a person was asked to look: no Alertmanager has its alerts, and none has told their end"
    )
    reached_at: datetime = Field(description="when its level was reached")
    reached: list[str] = Field(description="contacts to whom a page was handed over")
    next_due: datetime | None = Field(
        description="when the ladder is looked at next; once it is resolved, when it may open again, or closes"
    )
    alerts: list[AlertShape]
    ladder: list[RungShape]
    pages: list[PageShape]
    notices: list[NoticeShape]
    duties: list[DutyShape]
    audit: LastAuditLines


class CommandReply(Shape):
    code: str
    words: str
    incident: str | None
    revision: int
    details: dict[str, str]


class DifferenceShape(Shape):
    incident: str
    policy: str
    pinned: str = Field(description="what the incident relies on now")
    pin: str = Field(description="today's; send it to repin")
    lines: list[str] = Field(description="`- …` gone, `+ …` new; empty = nothing changes")
    next_before: str
    next_after: str


class FaultShape(Shape):
    file: str
    line: int = Field(description="from 1; 0 = the file as a whole")
    what: str
    instead: str


class PoliciesShape(Shape):
    hash: str = Field(description="of the policies in force")
    faults: list[FaultShape] = Field(
        description="why the last load was refused and the old ones stayed; empty = it was not"
    )


class LoopShape(Shape):
    name: str
    started_at: datetime
    failures: int
    problem: str = Field(description="of its last failure; empty = none")


class OutwardBeatShape(Shape):
    arrived_at: datetime | None = Field(description="when the last one that arrived was sent")
    withheld: dict[str, str] = Field(description="why the last one was not sent; empty = it was")
    problem: str = Field(description="why the last one that was sent did not arrive; empty = it did")


class StatusShape(Shape):
    version: str
    ready: bool
    problems: dict[str, str]
    loops: list[LoopShape]
    policies: str = Field(description="the hash of those in force")
    fallback_channels: dict[str, str] = Field(description="channels that print, and what they lack")
    speechless_contacts: dict[str, str] = Field(description="people who cannot be reached, and why")
    oldest_overdue_seconds: dict[str, float]
    waiting_bodies: int = Field(description="accepted and not consumed")
    set_aside_bodies: int
    replicas: int | None = Field(
        description="those of this database that are there, this one included; null = it can have only one"
    )
    isolated_since: datetime | None = Field(
        description="no channel takes anything; null = one does, or none was tried"
    )
    outward_beat: OutwardBeatShape | None = Field(
        description="our own, to a switch outside; null = none is set"
    )


class TokenShape(Shape):
    id: str
    name: str
    role: str
    contact: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None = Field(description="to five minutes")


class TokensShape(Shape):
    tokens: list[TokenShape]


class FreshToken(Shape):
    token: TokenShape
    secret: str = Field(description="told this once")


class BodyShape(Shape):
    id: int
    received_at: datetime
    source: str
    peer: str
    state: Stored
    attempts: int
    done_at: datetime | None
    detail: str = Field(description="why it was set aside")
    encoding: str = Field(description="text, or base64 where the body is no UTF-8")
    body: str


class JournalShape(Shape):
    bodies: list[BodyShape] = Field(description="oldest first")
    next: int | None = Field(description="ask with after=… for the next page; null at the end")
