"""The desk: whoever speaks in Slack becomes the contact they are, what they said a command, and its reply an answer.

A command is committed before it is answered; what has to go to Slack besides (a form to open, an answer to a button) is
sent after that, and nobody waits for it. Nothing here knows how it came: HTTP and Socket Mode bring the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import assert_never

import structlog

from responder.core.errors import Failure, Forbidden, Refused
from responder.core.identifiers import ContactName, IncidentId, is_digest_id
from responder.dialects.slack import answers, forms, incoming
from responder.dialects.slack.blocks import Post
from responder.dialects.slack.said import (
    Caller,
    Challenged,
    Echoed,
    Filled,
    Form,
    Heard,
    Ignored,
    NotSlack,
    Pressed,
    Spoken,
    Unclear,
    Verb,
)
from responder.dialects.visible import visible
from responder.dialects.wording import explain_refusal, refusal
from responder.dialects.wording.words import words
from responder.engine.commands import Actor, Ask, Declare, Escalate, Role, refused_to_strangers
from responder.engine.service import Service
from responder.engine.situations import Seen
from responder.ports.channel import Spelling
from responder.ports.inbox import Envelope
from responder.web.slack.asks import OF_FORM, OF_VERB, ask_of, declared, pressed
from responder.web.slack.reading import NONE_OPEN, Reading

KIND = "slack"  # of channel, on which people have their addresses; and the face in audit and log
CLOSE: Mapping[str, object] = {"response_action": "clear"}  # a form that was taken
NAME = 60  # characters of what a stranger calls themselves
# What does the same where a form cannot be had.
TYPED = {Form.RESOLVE: "/incident resolve {}", Form.SNOOZE: "/incident snooze {} 30m"}

log = structlog.get_logger("slack")


class OtherTeam(Exception):
    """Somebody of another workspace speaks."""


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Who speaks: as what they act, and how they read."""

    actor: Actor
    seen: Seen
    mixed_up: tuple[ContactName, ...] = ()  # the contacts that it could be, where there are several

    @property
    def locale(self) -> str:
        return self.seen.locale


class Desk:
    """`team`: the workspace whose people are listened to; "" = whoever comes."""

    def __init__(self, service: Service, team: str = "") -> None:
        self._service = service
        self._team = team
        self._reading = Reading(service)
        self._later: set[asyncio.Task[None]] = set()

    async def take(self, envelope: Envelope) -> Mapping[str, object] | None:
        """From Socket Mode, whose connection proves where it comes from."""
        try:
            return await self.answer(incoming.envelope(envelope.kind, envelope.payload))
        except (NotSlack, OtherTeam) as problem:
            log.warning("Slack not understood", kind=visible(envelope.kind, 40), problem=str(problem))
            return None

    async def answer(self, heard: Heard) -> Mapping[str, object] | None:
        """What Slack is answered at once; None = that it has arrived. Raises OtherTeam."""
        started = self._service.points.clock.now()
        found: Mapping[str, object] | None
        match heard:
            case Spoken():
                found = await self._spoken(heard)
            case Pressed():
                await self._pressed(heard)
                found = None
            case Filled():
                found = await self._filled(heard)
            case Challenged() | Echoed() | Ignored():
                return None
            case _:
                assert_never(heard)
        taken = (self._service.points.clock.now() - started).total_seconds()
        self._service.points.metrics.chat_answers.labels(type(heard).__name__.lower()).observe(taken)
        return found

    async def settle(self) -> None:
        """Return once everything that is told afterwards has been told, or could not be."""
        while self._later:
            await asyncio.wait(set(self._later))

    # What comes in

    async def _spoken(self, spoken: Spoken) -> Mapping[str, object] | None:
        visitor = self._visitor(spoken.caller)
        post = await self._posted(visitor, self._said(visitor, spoken))
        if not spoken.response_url:  # a mention: it is answered where it was said
            self._after(self._whisper(spoken, post))
            return None
        return answers.payload(post)

    async def _pressed(self, press: Pressed) -> None:
        visitor = self._visitor(press.caller)
        ask = pressed(press.button)
        if isinstance(ask, Form):
            self._after(self._open(visitor, press, ask))
            return
        # Whoever presses twice before the message is edited would page two steps; all else makes sense again.
        revision = press.revision if isinstance(ask, Escalate) else None
        work = self._done(visitor, press.incident, ask, once=press.once, revision=revision)
        self._after(self._tell(press.response_url, await self._posted(visitor, work)))

    async def _filled(self, filled: Filled) -> Mapping[str, object]:
        visitor = self._visitor(filled.caller)
        say, block = words(visitor.locale), OF_FORM[filled.form][1]
        said = filled.said
        if isinstance(said, Unclear):
            return forms.errors(said.figures.get("block", block), say(said.code, **said.figures))
        try:
            post = await self._done(visitor, filled.incident, ask_of(said), once=filled.once)
        except Refused as no:
            return forms.errors(block, explain_refusal(no, visitor.locale))
        except Failure as failure:
            log.warning("not recorded", problem=str(failure))
            return forms.errors(block, say("desk.failed"))
        self._after(self._tell(filled.response_url, post))
        return CLOSE

    # What is done

    async def _posted(self, visitor: _Visitor, work: Awaitable[Post]) -> Post:
        """What `work` answers, or why it could not."""
        try:
            return await work
        except Refused as no:
            return answers.refused(explain_refusal(no, visitor.locale), visitor.locale)
        except Failure as failure:
            log.warning("not recorded", problem=str(failure))
            return answers.refused(words(visitor.locale)("desk.failed"), visitor.locale)

    async def _said(self, visitor: _Visitor, spoken: Spoken) -> Post:
        said = spoken.said
        if isinstance(said, Unclear):
            return answers.unclear(said, visitor.locale)
        match said.verb:
            case Verb.HELP:
                return answers.help(visitor.locale)
            case Verb.LIST:
                _look(visitor)
                return await self._reading.listed(visitor.seen)
            case Verb.DECLARE:
                _known(visitor)
                return await self._declared(visitor, declared(said), once=spoken.once)
            case Verb.SHOW | Verb.WHO:
                _look(visitor)
            case _:
                self._admit(visitor, OF_VERB[said.verb])
        incident = await self._reading.which(said, spoken.place)
        if isinstance(incident, Unclear):
            if said.verb is Verb.WHO and incident.code == NONE_OPEN:
                return self._reading.on_call(visitor.seen)
            return answers.unclear(incident, visitor.locale)
        if said.verb is Verb.SHOW and is_digest_id(incident):
            return await self._reading.shown_digest(incident, visitor.seen)
        if said.verb is Verb.SHOW:
            return await self._reading.shown(incident, visitor.seen)
        if said.verb is Verb.WHO:
            return await self._reading.who(incident, visitor.seen)
        return await self._done(visitor, incident, ask_of(said), once=spoken.once)

    async def _done(
        self, visitor: _Visitor, incident: str, ask: Ask, *, once: str, revision: int | None = None
    ) -> Post:
        """Raises Refused or Failure."""
        _known(visitor)
        asked_at = self._service.points.clock.now()
        reply = await self._service.commands.ask(
            visitor.actor, IncidentId(incident), ask, revision=revision, once=once
        )
        return await self._reading.replied(ask, reply, visitor.seen, incident, asked_at)

    async def _declared(self, visitor: _Visitor, ask: Declare, *, once: str) -> Post:
        """Raises Refused or Failure."""
        asked_at = self._service.points.clock.now()
        reply = await self._service.commands.declare(visitor.actor, ask, once=once)
        return await self._reading.replied(ask, reply, visitor.seen, "", asked_at)

    # What is told afterwards

    def _after(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._later.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            # Its text, and its frames, may hold the address that was to be answered at.
            log.error("telling failed unexpectedly", problem=type(problem).__name__)

    async def _open(self, visitor: _Visitor, press: Pressed, kind: Form) -> None:
        """The form that the button asks for; where it cannot be had, the person is told what to type instead."""
        say = words(visitor.locale)
        try:
            self._admit(visitor, OF_FORM[kind][0])
            form = forms.form(
                kind,
                incident=press.incident,
                revision=press.revision,
                response_url=press.response_url,
                title=await self._reading.title(IncidentId(press.incident)),
                locale=visitor.locale,
            )
            await self._service.points.open_form(press.trigger, form)
        except Refused as no:
            refused = answers.refused(explain_refusal(no, visitor.locale), visitor.locale)
            await self._tell(press.response_url, refused)
        except Failure as failure:
            log.warning("form not opened", incident=press.incident, problem=str(failure))
            sentence = say("desk.no_form", command=TYPED[kind].format(press.incident))
            await self._tell(press.response_url, answers.refused(sentence, visitor.locale))

    async def _tell(self, place: str, post: Post) -> None:
        if not place:
            return
        try:
            await self._service.points.tell(place, answers.payload(post))
        except Failure as failure:
            log.warning("answer not told", problem=str(failure))

    async def _whisper(self, spoken: Spoken, post: Post) -> None:
        place, person = spoken.place, spoken.caller.user
        try:
            await self._service.points.whisper(place.channel, person, post.arguments(), thread=place.thread)
        except Failure as failure:
            log.warning("answer not told", problem=str(failure))

    # Who it is

    def _visitor(self, caller: Caller) -> _Visitor:
        """Raises OtherTeam."""
        if self._team and caller.team != self._team:
            raise OtherTeam("this is another workspace than RESPONDER_SLACK_TEAM_ID names")
        directory = self._service.directory
        contact = directory.contact_at(KIND, caller.user)
        seen = self._service.views.reader(contact, Spelling.SLASH)
        person = directory.person(contact) if contact is not None else None
        if person is not None:
            return _Visitor(Actor(contact=contact, role=_role(person.roles), via=KIND), seen)
        stranger = f"{visible(caller.name, NAME)} ({visible(caller.user, NAME)})".strip()
        several = tuple(directory.contacts_at(KIND, caller.user))
        return _Visitor(Actor(contact=None, role=Role.RESPONDER, via=KIND, stranger=stranger), seen, several)

    def _admit(self, visitor: _Visitor, ask: type[Ask]) -> None:
        """Raises Forbidden where they may not ask this of any incident."""
        _known(visitor)
        self._service.commands.admit(visitor.actor, ask)


def _known(visitor: _Visitor) -> None:
    if visitor.mixed_up:
        named = ", ".join(visitor.mixed_up)
        raise refusal(Forbidden, "several_contacts", stranger=visitor.actor.stranger, contacts=named)


def _look(visitor: _Visitor) -> None:
    """Every contact may look; a stranger may not, as what broke is nobody's business but ours."""
    _known(visitor)
    if visitor.actor.stranger:
        raise refused_to_strangers(visitor.actor, words(visitor.locale)("desk.this"))


def _role(roles: Collection[str]) -> Role:
    """The most that any of them allows; to approve is not asked of anybody here."""
    if "admin" in roles:
        return Role.ADMIN
    return Role.RESPONDER if {"responder", "approver"} & set(roles) else Role.VIEWER
