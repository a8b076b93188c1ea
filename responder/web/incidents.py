"""The API's operations on incidents: reading them, and the commands of people."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from responder.core.errors import Refused, Unknown
from responder.core.identifiers import IncidentId, PinHash
from responder.dialects.wording import explain_why, refusal
from responder.engine import commands
from responder.engine.commands import NOT_RECORDED_YET, Ask, Reply, Role
from responder.ports.store import SummaryQuery
from responder.web.operations import Answer, Call, Operation
from responder.web.problems import Kind
from responder.web.shapes import (
    AcknowledgeRequest,
    AuditLines,
    AuditQuery,
    Command,
    CommandReply,
    DeclareRequest,
    DifferenceShape,
    DigestStory,
    Incidents,
    IncidentsQuery,
    IncidentStory,
    LevelRequest,
    NoteRequest,
    RepinRequest,
    ResolveRequest,
    SentRequest,
    Shape,
    SnoozeRequest,
    WaiveRequest,
)
from responder.web.stories import of_audit, of_digest, of_story, of_summary

REPLIES: dict[int, type[Shape]] = {200: CommandReply, 202: CommandReply}

_ID = re.compile(r"[Ii]?([1-9][0-9]{0,17})", re.ASCII)
_DIGEST = re.compile(r"[Dd]([1-9][0-9]{0,17})", re.ASCII)


def incident_of(call: Call) -> IncidentId:
    """The incident that the path names: `I42`, `i42` and `42` are the same. Raises Unknown for what can be none."""
    found = _ID.fullmatch(call.path["incident"])
    if found is None:
        raise _unknown(call.path["incident"])
    return IncidentId(f"I{found[1]}")


def target_of(call: Call) -> IncidentId:
    """The same for a command, which may be about a digest as well: `D57`, `d57`."""
    found = _DIGEST.fullmatch(call.path["incident"])
    return IncidentId(f"D{found[1]}") if found is not None else incident_of(call)


def _unknown(incident: str) -> Unknown:
    return refusal(Unknown, "no_incident", incident=repr(incident[:40]))


# Reading


async def list_incidents(call: Call) -> Answer:
    asked: IncidentsQuery = call.query
    query = SummaryQuery(
        standings=frozenset(asked.state),
        levels=frozenset(asked.level),
        rule=asked.rule,
        holder=asked.holder,
        text=asked.text,
        before=asked.before,
        limit=asked.limit,
    )
    found, following = await call.service.views.incidents(query)
    return Answer(Incidents(incidents=[of_summary(summary) for summary in found], next=following))


async def show_incident(call: Call) -> Answer:
    incident = incident_of(call)
    story = await call.service.views.story(incident)
    if story is None:
        raise _unknown(incident)
    return Answer(of_story(story))


async def show_digest(call: Call) -> Answer:
    found = _DIGEST.fullmatch(call.path["digest"])
    digest = await call.service.views.digest(f"D{found[1]}") if found is not None else None
    if digest is None:
        raise refusal(Unknown, "no_digest", digest=call.path["digest"][:40])
    return Answer(of_digest(digest))


async def audit_of_incident(call: Call) -> Answer:
    asked: AuditQuery = call.query
    incident = incident_of(call)
    if await call.service.views.summary(incident) is None:
        raise _unknown(incident)
    lines = await call.service.views.audit(incident, after=asked.after, limit=asked.limit)
    return Answer(of_audit(lines, asked.limit))


async def difference_of_incident(call: Call) -> Answer:
    incident = incident_of(call)
    found = await call.service.views.difference(incident)
    if found is None:
        if await call.service.views.summary(incident) is None:
            raise _unknown(incident)
        raise refusal(Refused, "no_policy_of", incident=incident)
    return Answer(
        DifferenceShape(
            incident=incident,
            policy=found.new.policy,
            pinned=found.old.pin,
            pin=found.pin,
            lines=list(found.lines),
            next_before=found.next_before,
            next_after=found.next_after,
        )
    )


# Commands


async def declare_incident(call: Call) -> Answer:
    asked: DeclareRequest = call.body
    ask = commands.Declare(title=asked.title, level=asked.level, labels=asked.labels)
    reply = await call.service.commands.declare(call.actor, ask)
    return _answer(reply, None, done=201)


@dataclass(frozen=True, slots=True)
class Commanding:
    """Asks what `make` makes of the request's body and the path's duty."""

    make: Callable[[Any, str], Ask]

    async def __call__(self, call: Call) -> Answer:
        incident = target_of(call)
        asked: Command = call.body
        ask = self.make(asked, call.path.get("duty", ""))
        reply = await call.service.commands.ask(call.actor, incident, ask, revision=asked.revision)
        return _answer(reply, incident)


def _answer(reply: Reply, incident: IncidentId | None, *, done: int = 200) -> Answer:
    told = CommandReply(
        code=reply.code,
        words=explain_why(reply.code, reply.details),
        incident=reply.incident or incident,
        revision=reply.revision,
        details=dict(reply.details),
    )
    return Answer(told, 202 if reply.code == NOT_RECORDED_YET else done)


def _command(
    verb: str, summary: str, body: type[Command], make: Callable[[Any, str], Ask], path: str = ""
) -> Operation:
    return Operation(
        id=f"{verb.replace('/', '-')}-incident" if not path else verb,
        method="POST",
        path=f"/incidents/{{incident}}/{path or verb}",
        summary=summary,
        role=Role.RESPONDER,
        act=Commanding(make),
        body=body,
        answers=REPLIES,
        refusals=(Kind.UNKNOWN, Kind.REFUSED),
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="list-incidents",
        method="GET",
        path="/incidents",
        summary="Incidents, newest first; all filters that are given must hold",
        role=Role.VIEWER,
        act=list_incidents,
        query=IncidentsQuery,
        answers={200: Incidents},
    ),
    Operation(
        id="declare-incident",
        method="POST",
        path="/incidents",
        summary="Open an incident by hand: a trouble that no alert tells of",
        role=Role.RESPONDER,
        act=declare_incident,
        body=DeclareRequest,
        answers={201: CommandReply, 202: CommandReply},
        refusals=(Kind.REFUSED,),
    ),
    Operation(
        id="show-incident",
        method="GET",
        path="/incidents/{incident}",
        summary="One incident, whole: alerts, ladder, pages with each attempt, duties, audit with reasons",
        role=Role.VIEWER,
        act=show_incident,
        answers={200: IncidentStory},
        refusals=(Kind.UNKNOWN,),
    ),
    Operation(
        id="show-digest",
        method="GET",
        path="/digests/{digest}",
        summary="A storm's digest (D57): to whom, each attempt, and all incidents that it carries as they stand now",
        role=Role.VIEWER,
        act=show_digest,
        answers={200: DigestStory},
        refusals=(Kind.UNKNOWN,),
    ),
    Operation(
        id="audit-of-incident",
        method="GET",
        path="/incidents/{incident}/audit",
        summary="What was decided, when and why, oldest first",
        role=Role.VIEWER,
        act=audit_of_incident,
        query=AuditQuery,
        answers={200: AuditLines},
        refusals=(Kind.UNKNOWN,),
    ),
    Operation(
        id="difference-of-incident",
        method="GET",
        path="/incidents/{incident}/repin",
        summary="What moving it to today's policies would change",
        role=Role.VIEWER,
        act=difference_of_incident,
        answers={200: DifferenceShape},
        refusals=(Kind.UNKNOWN, Kind.REFUSED),
    ),
    _command(
        "ack",
        "Take it, for a while; of a digest (D57) all that it carries and nobody has",
        AcknowledgeRequest,
        lambda body, _: commands.Acknowledge(wanted=body.length),
    ),
    _command("unack", "Give it back: page again", Command, lambda _body, _: commands.Unacknowledge()),
    _command(
        "resolve", "Say that it is over", ResolveRequest, lambda body, _: commands.Resolve(reason=body.reason)
    ),
    _command(
        "level",
        "Set its level, with a reason",
        LevelRequest,
        lambda body, _: commands.SetLevel(level=body.level, reason=body.reason),
    ),
    _command("escalate", "Take the next page step now", Command, lambda _body, _: commands.Escalate()),
    _command(
        "snooze", "Keep quiet for a while", SnoozeRequest, lambda body, _: commands.Snooze(wanted=body.length)
    ),
    _command("note", "Write something down", NoteRequest, lambda body, _: commands.Note(text=body.text)),
    _command(
        "repin",
        "Move it to today's policies, after having seen the difference",
        RepinRequest,
        lambda body, _: commands.Repin(pin=PinHash(body.pin)),
    ),
    _command(
        "duty-sent",
        "A duty has been done",
        SentRequest,
        lambda body, duty: commands.DutySent(duty=duty, proof=body.proof),
        "duties/{duty}/sent",
    ),
    _command(
        "duty-waived",
        "A duty need not be done",
        WaiveRequest,
        lambda body, duty: commands.DutyWaived(duty=duty, reason=body.reason),
        "duties/{duty}/waive",
    ),
)
