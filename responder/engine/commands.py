"""Commands: what people ask for, from wherever they ask: who may, what it means to the machines, and the reply.

Every face (API, CLI, Slack) ends here, so a person has one identity, one set of rights and one answer everywhere. A
command commits within its request. The same command of the same person on the same revision is one act, however often
it is pressed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import assert_never

import structlog

from responder.core.errors import Forbidden, Refused, Unknown
from responder.core.identifiers import (
    ContactName,
    IncidentId,
    Kind,
    PinHash,
    RecordKey,
    duty_id,
    is_digest_id,
)
from responder.core.level import Level
from responder.core.machines import duty, escalation, incident
from responder.core.machines.duty import Duty
from responder.core.machines.page import Page
from responder.dialects.wording import refusal
from responder.engine.digests import answer_all
from responder.engine.directory import Directory
from responder.engine.handle import Handle
from responder.engine.joining import open_incident
from responder.engine.own import declared
from responder.engine.points import Points
from responder.engine.policies import Policies
from responder.engine.turn import Turn
from responder.ports.store import Act, Asked, AskedAlready, Unit

ANSWER_WITHIN = timedelta(seconds=2)
TEXT_MOST = 2_000  # characters of a reason, a note or a title

log = structlog.get_logger("commands")


class Role(StrEnum):
    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMIN = "admin"

    def covers(self, other: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `contact` is the person in contacts.yaml; `via` the face and the token they came through."""

    contact: ContactName | None
    role: Role
    via: str
    stranger: str = ""  # who it is where a chat knows them and contacts.yaml does not: "kim (U024BE7LH)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asker:
    """Whom the machines hear it from. `name` stands in the audit."""

    name: str
    contact: ContactName
    stranger: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declare:
    """A trouble that no alert tells of; a dead cloud sends none."""

    title: str
    level: Level
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    wanted: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unacknowledge: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLevel:
    level: Level
    reason: str


@dataclass(frozen=True, slots=True)
class Escalate: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    wanted: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DutySent:
    """`proof`: where it can be seen that it was sent."""

    duty: str
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyWaived:
    duty: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repin:
    """Move to today's policy. `pin` is the hash that the person was shown the difference to."""

    pin: PinHash


Ask = (
    Acknowledge
    | Unacknowledge
    | Resolve
    | SetLevel
    | Escalate
    | Snooze
    | Note
    | DutySent
    | DutyWaived
    | Repin
)

VERBS: dict[type, str] = {
    Declare: "declare",
    Acknowledge: "ack",
    Unacknowledge: "unack",
    Resolve: "resolve",
    SetLevel: "level",
    Escalate: "escalate",
    Snooze: "snooze",
    Note: "note",
    DutySent: "duty-sent",
    DutyWaived: "duty-waive",
    Repin: "repin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`code` is a why-code, or one of the codes below; `wording` has its words."""

    code: str
    incident: IncidentId | None
    revision: int = 0
    details: Mapping[str, str] = field(default_factory=dict)


REPEATED = "command.repeated"  # the same act again
ALL_ACKNOWLEDGED = "command.digest_acknowledged"
NOTHING_TO_DO = "command.nothing_to_do"  # the incident is closed, or is so already
NOT_RECORDED_YET = "command.not_recorded_yet"  # still under way after ANSWER_WITHIN


class Commands:
    def __init__(self, points: Points, policies: Policies, directory: Directory, handle: Handle) -> None:
        self._points = points
        self._policies = policies
        self._directory = directory
        self._handle = handle
        self._under_way: set[asyncio.Task[Reply]] = set()

    async def declare(self, actor: Actor, ask: Declare, *, once: str = "") -> Reply:
        """Open an incident by hand. `once`: see `ask`. Raises Refused."""
        asker = self._asker(actor, Declare)
        return await self._answer(ask, self._once(once, self._declare(asker.contact, ask, once)))

    async def ask(
        self, actor: Actor, target: IncidentId, ask: Ask, *, revision: int | None = None, once: str = ""
    ) -> Reply:
        """Do it, or raise Refused with the reason. `revision`: the one that the person saw, where a face knows it.

        `target`: an incident, or a digest, of which all can be acknowledged at once, and nothing else be done.
        `once`: a key by which the face knows a replay; the same one again is the same act, whatever it then says.
        "" = there is none.
        """
        asker = self._asker(actor, type(ask))
        if is_digest_id(target):
            work = self._ask_digest(asker, target, ask, once)
        else:
            work = self._ask(asker, target, ask, revision, once)
        return await self._answer(ask, self._once(once, work))

    def admit(self, actor: Actor, ask: type[Ask] | type[Declare]) -> None:
        """Raises Forbidden where `ask` would be refused to them whatever it is about: before a form is shown, say."""
        self._asker(actor, ask)

    async def settle(self) -> None:
        """Return once nothing is under way."""
        while self._under_way:
            await asyncio.wait(set(self._under_way))

    def _asker(self, actor: Actor, ask: type) -> _Asker:
        verb = VERBS[ask]
        if actor.stranger:
            return self._stranger(actor, ask)
        if not actor.role.covers(Role.RESPONDER):
            raise refusal(Forbidden, "role", verb=verb, via=self._called(actor), role=actor.role.value)
        if actor.contact is None:
            raise refusal(Forbidden, "nobody", verb=verb, via=actor.via)
        if self._directory.person(actor.contact) is None:
            raise refusal(Forbidden, "no_person", contact=actor.contact)
        return _Asker(name=actor.contact, contact=actor.contact)

    def _called(self, actor: Actor) -> str:
        """The person as they read their own name, and through what they came: a token has a role of its own."""
        person = self._directory.person(actor.contact) if actor.contact is not None else None
        if person is None:
            return actor.via
        return f"{person.names.get(person.locale, person.name)} ({actor.via})"

    def _stranger(self, actor: Actor, ask: type) -> _Asker:
        """Somebody who is no contact may acknowledge, where the policies say in whose name; and do nothing else."""
        acknowledge_for = self._policies.book.acknowledge_for
        if acknowledge_for is None or ask is not Acknowledge:
            raise refused_to_strangers(actor, VERBS[ask])
        contact = self._directory.person_on(acknowledge_for, self._points.clock.now())
        assert contact is not None, "the book has checked the name, and a roster always has somebody"
        return _Asker(name=actor.stranger, contact=contact, stranger=actor.stranger)

    async def _answer(self, ask: object, work: Coroutine[object, object, Reply]) -> Reply:
        """The reply, or after two seconds that there is none yet; the command goes on all the same."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        waiting = asyncio.ensure_future(
            self._points.clock.sleep_until(self._points.clock.now() + ANSWER_WITHIN)
        )
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        verb = VERBS[type(ask)]
        if not task.done():
            self._points.metrics.commands.labels(verb, NOT_RECORDED_YET).inc()
            return Reply(code=NOT_RECORDED_YET, incident=None)
        reply = task.result()
        self._points.metrics.commands.labels(verb, reply.code).inc()
        return reply

    async def _once(self, once: str, work: Coroutine[object, object, Reply]) -> Reply:
        """What `work` replies; where another has taken its key meanwhile, nothing of it has happened."""
        try:
            return await work
        except AskedAlready:
            async with self._points.reading("read.asked") as reader:
                asked = await reader.asked(once)
            assert asked is not None
            return _repeated(asked)

    async def _declare(self, person: ContactName, ask: Declare, once: str) -> Reply:
        title = _text(ask.title, "title")

        async def work(unit: Unit) -> Reply:
            if once and (asked := await unit.asked(once)) is not None:
                return _repeated(asked)
            turn = Turn(unit, self._points.clock.now(), actor=person)
            verdict = declared(self._policies, dict(ask.labels))
            name = await open_incident(
                turn, self._policies, verdict=verdict, level=ask.level, title=title, declared_by=person
            )
            await self._handle.finish(turn)
            if once:
                await unit.put_asked(
                    Asked(once=once, incident=name, at=turn.now, reply=incident.Why.DECLARED)
                )
            details = {"by": str(person), "level": str(int(ask.level))}
            return Reply(
                code=incident.Why.DECLARED, incident=name, revision=turn.revision(name), details=details
            )

        reply = await self._points.commit("commit.command", work)
        if reply.code == REPEATED:
            return reply
        log.info("declared", incident=reply.incident, by=person, level=int(ask.level))
        return reply

    async def _ask(
        self, asker: _Asker, target: IncidentId, ask: Ask, revision: int | None, once: str
    ) -> Reply:
        verb = VERBS[type(ask)]

        async def work(unit: Unit) -> Reply:
            await unit.lock([target])
            if once and (asked := await unit.asked(once)) is not None:
                return _repeated(asked)
            turn = Turn(unit, self._points.clock.now(), actor=asker.name)
            state = await turn.incident(target)
            if state is None:
                raise refusal(Unknown, "no_incident", incident=target)
            if revision is not None and await unit.act(asker.name, target, revision, verb) is not None:
                return Reply(code=REPEATED, incident=target, revision=state.revision)
            key, event = await self._event(turn, asker, target, ask)
            turn.tell(key, event)
            await self._handle.finish(turn)
            reply = self._reply(turn, target, key)
            if revision is not None:
                await unit.put_act(
                    Act(
                        actor=asker.name,
                        incident=target,
                        revision=revision,
                        verb=verb,
                        at=turn.now,
                        reply=reply.code,
                    )
                )
            if once:
                await unit.put_asked(Asked(once=once, incident=target, at=turn.now, reply=reply.code))
            return reply

        return self._told(await self._points.commit("commit.command", work), asker, verb, target)

    async def _ask_digest(self, asker: _Asker, target: IncidentId, ask: Ask, once: str) -> Reply:
        """One acknowledgement for all; there is nothing to do the second time, so it needs no revision."""
        if not isinstance(ask, Acknowledge):
            raise refusal(Refused, "digest_only_ack")
        event = escalation.Acknowledged(by=asker.contact, wanted=_length(ask.wanted), stranger=asker.stranger)

        async def work(unit: Unit) -> Reply:
            if once and (asked := await unit.asked(once)) is not None:
                return _repeated(asked)
            turn = Turn(unit, self._points.clock.now(), actor=asker.name)
            digest = await turn.get(RecordKey(Kind.PAGE, target))
            if not isinstance(digest, Page) or not digest.members:
                raise refusal(Unknown, "no_digest", digest=target)
            count = await answer_all(turn, digest, event)
            await self._handle.finish(turn)
            others = len({member.incident for member in digest.members}) - count
            details = {"by": str(asker.contact), "count": str(count), "others": str(others)}
            reply = Reply(code=ALL_ACKNOWLEDGED, incident=target, details=details)
            if not count:
                reply = Reply(code=NOTHING_TO_DO, incident=target)
            if once:
                await unit.put_asked(Asked(once=once, incident=target, at=turn.now, reply=reply.code))
            return reply

        reply = await self._points.commit("commit.command", work)
        return self._told(reply, asker, VERBS[type(ask)], target)

    def _told(self, reply: Reply, asker: _Asker, verb: str, target: IncidentId) -> Reply:
        """What is committed is logged."""
        if reply.code == REPEATED:
            return reply
        if asker.stranger:
            log.warning(
                "a stranger's command",
                verb=verb,
                incident=target,
                stranger=asker.stranger,
                by=asker.contact,
                why=reply.code,
            )
        else:
            log.info("command", verb=verb, incident=target, by=asker.name, why=reply.code)
        return reply

    def _reply(self, turn: Turn, target: IncidentId, key: RecordKey) -> Reply:
        answer = turn.answer(key)
        revision = turn.revision(target)
        if answer is None:
            return Reply(code=NOTHING_TO_DO, incident=target, revision=revision)
        return Reply(code=answer.why, incident=target, revision=revision, details=answer.details)

    async def _event(
        self, turn: Turn, asker: _Asker, target: IncidentId, ask: Ask
    ) -> tuple[RecordKey, object]:
        """Which machine hears what. Raises Refused where the words are missing, or make no sense for this incident."""
        person = asker.contact
        ladder = RecordKey(Kind.ESCALATION, target)
        trouble = RecordKey(Kind.INCIDENT, target)
        match ask:
            case Acknowledge(wanted=wanted):
                return ladder, escalation.Acknowledged(
                    by=person, wanted=_length(wanted), stranger=asker.stranger
                )
            case Unacknowledge():
                return ladder, escalation.Unacknowledged(by=person)
            case Escalate():
                return ladder, escalation.Escalated(by=person)
            case Snooze(wanted=wanted):
                length = _length(wanted)
                assert length is not None
                return ladder, escalation.Snoozed(by=person, wanted=length)
            case Resolve(reason=reason):
                return trouble, incident.PersonResolved(by=person, reason=reason.strip()[:TEXT_MOST])
            case SetLevel(level=level, reason=reason):
                why = _text(reason, "level_reason")
                return trouble, incident.LevelSet(by=person, level=level, reason=why)
            case Note(text=text):
                return trouble, incident.Noted(by=person, text=_text(text, "note"))
            case DutySent(duty=name, proof=proof):
                key = await _duty(turn, target, name)
                return key, duty.Sent(by=person, proof=_text(proof, "proof"))
            case DutyWaived(duty=name, reason=reason):
                key = await _duty(turn, target, name)
                return key, duty.Waived(by=person, reason=_text(reason, "reason"))
            case Repin(pin=pin):
                return trouble, await self._repin(turn, person, target, pin)
            case _:
                assert_never(ask)

    async def _repin(self, turn: Turn, person: ContactName, target: IncidentId, pin: PinHash) -> object:
        state = await turn.incident(target)
        assert state is not None
        old = await self._policies.promise(turn.unit, state.pin)
        if old.policy not in self._policies.book.policies:
            raise refusal(Refused, "no_policy", policy=old.policy)
        new = self._policies.book.promise(old.policy)
        if new.pin != pin:
            raise refusal(Refused, "policies_changed")
        turn.put_promise(new)
        self._policies.remember(new)
        return incident.Repinned(by=person, pin=new.pin)


def _repeated(asked: Asked) -> Reply:
    return Reply(code=REPEATED, incident=asked.incident)


def refused_to_strangers(actor: Actor, what: str) -> Forbidden:
    """And how a stranger becomes a contact; their address stands in brackets at the end of what they are called."""
    address = actor.stranger.rpartition("(")[2].rstrip(")")
    method = f"{{{actor.via}: {address}}}"
    return refusal(Forbidden, "stranger", what=what, stranger=actor.stranger, method=method)


async def _duty(turn: Turn, target: IncidentId, name: str) -> RecordKey:
    key = RecordKey(Kind.DUTY, duty_id(target, name))
    if not isinstance(await turn.get(key), Duty):
        raise refusal(Unknown, "no_duty", incident=target, duty=repr(name))
    return key


def _text(text: str, what: str) -> str:
    found = text.strip()
    if not found:
        raise refusal(Refused, f"needs_{what}")
    return found[:TEXT_MOST]


def _length(wanted: timedelta | None) -> timedelta | None:
    if wanted is not None and wanted <= timedelta(0):
        raise refusal(Refused, "duration")
    return wanted
