"""What people look up from Slack: what is open, one incident, who has it; which incident they mean; and what became
of what they asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from responder.core.errors import Unknown
from responder.core.identifiers import ContactName, IncidentId, Kind, is_digest_id
from responder.core.machines import escalation, incident
from responder.core.on_shift import shift_at
from responder.core.policy.contacts import Person
from responder.dialects.slack import answers
from responder.dialects.slack.answers import Listed, OnCall
from responder.dialects.slack.blocks import Post
from responder.dialects.slack.said import Place, Said, Unclear, Verb
from responder.dialects.visible import visible
from responder.dialects.wording import at, explain_why, refusal, span
from responder.dialects.wording.words import words
from responder.engine.commands import (
    NOT_RECORDED_YET,
    NOTHING_TO_DO,
    REPEATED,
    Acknowledge,
    Ask,
    Declare,
    Escalate,
    Reply,
    Snooze,
    Unacknowledge,
)
from responder.engine.service import Service
from responder.engine.situations import Seen
from responder.ports.store import Standing, Summary, SummaryQuery

OPEN = frozenset({Standing.OPEN, Standing.ACKNOWLEDGED, Standing.SNOOZED, Standing.SUPPRESSED})
LISTED = 200  # incidents that a list counts; an answer shows the first of them
OFFERED = 10  # incidents that are offered where it is not clear which is meant
TITLE = 40  # characters of each
HAPPENED = 8  # lines of the audit under an incident
TOLD = (Kind.INCIDENT, Kind.ESCALATION, Kind.DUTY)  # whose decisions are what happened; the others are how
NONE_OPEN = "desk.none_open"
TOLERANCE = timedelta(seconds=1)  # a command takes a moment, and nobody counts it
# Codes of what was asked for and changed nothing, beside whatever is stale.
IDLE = frozenset(
    {
        REPEATED,
        NOTHING_TO_DO,
        NOT_RECORDED_YET,
        escalation.Why.NOTED,
        escalation.Why.ACKNOWLEDGED_LATE,
        incident.Why.ALREADY_RESOLVED,
    }
)
PEOPLE = ("by", "from", "holder", "contact")  # details that name a contact


class Reading:
    """`seen`, everywhere: who reads."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def which(self, said: Said, place: Place) -> IncidentId | Unclear:
        """The incident that is meant: the one named, else the thread's, else the only one that is open."""
        if said.incident:
            named = IncidentId(said.incident)
            if is_digest_id(named) and said.verb is not Verb.WHO:
                return named  # who acts on it knows whether there is one
            return named if await self._service.views.summary(named) is not None else await self.no_such(said)
        if place.thread:
            shown = await self._service.views.shown_as(f"{place.channel}/{place.thread}")
            if shown is not None:
                return shown
        found = await self._open(OFFERED + 1)
        if len(found) == 1:
            return found[0].incident
        if not found:
            return Unclear(code=NONE_OPEN)
        return Unclear(code="desk.which", figures={"open": _offered(found)})

    async def no_such(self, said: Said) -> Unclear:
        """There is none of that name; what is open, and the one that may have been meant."""
        found = await self._open(OFFERED + 1)
        figures = {"incident": visible(said.incident, 20), "open": _offered(found)}
        near = difflib.get_close_matches(said.incident, [each.incident for each in found], n=1)
        return Unclear(
            code="desk.no_such" if found else "desk.no_such_none_open",
            figures=figures,
            meant=f"/incident {said.verb.value} {near[0]}" if near else "",
        )

    async def listed(self, seen: Seen) -> Post:
        found = [
            Listed(
                incident=each.incident,
                level=int(each.level),
                state=each.standing.value,
                title=each.title,
                holder=self._called(each.holder, seen) if each.holder is not None else "",
                opened_at=each.opened_at,
            )
            for each in await self._open(LISTED)
        ]
        return answers.listed(found, seen.locale, self._service.points.clock.now(), seen.zone)

    async def shown(self, incident: IncidentId, seen: Seen) -> Post:
        message = await self._service.views.message(incident, seen)
        assert message is not None, "it was found, and only retention ends it"
        now = self._service.points.clock.now()
        audit = await self._service.views.last_audit(incident)
        lines = [line for line in audit if line.record.kind in TOLD][-HAPPENED:]
        happened = (
            f"{at(line.at, now, seen.zone)} {self.explained(line.why, line.details, seen)}" for line in lines
        )
        return answers.story(replace(message, story=tuple(happened)))

    async def shown_digest(self, digest: str, seen: Seen) -> Post:
        """Raises Unknown."""
        message = await self._service.views.digest_message(digest, seen)
        if message is None:
            raise refusal(Unknown, "no_digest", digest=digest)
        return answers.story(replace(message, story=message.story[-HAPPENED:]))

    async def who(self, incident: IncidentId, seen: Seen) -> Post:
        message = await self._service.views.message(incident, seen)
        story = await self._service.views.story(incident)
        assert message is not None
        assert story is not None
        paged = dict.fromkeys(self._called(page.contact, seen) for page in story.pages)
        facts = message.facts
        return answers.who(incident, facts["holder"], paged, facts["next"], seen.locale)

    async def title(self, incident: IncidentId) -> str:
        """ "" where there is no such incident."""
        found = await self._service.views.summary(incident)
        return found.title if found is not None else ""

    def explained(self, code: str, details: Mapping[str, str], seen: Seen) -> str:
        named = {
            name: self._called(ContactName(value), seen) if name in PEOPLE else value
            for name, value in details.items()
        }
        return explain_why(code, named, seen.zone, locale=seen.locale)

    def on_call(self, seen: Seen) -> Post:
        """Every roster's person, now."""
        now = self._service.points.clock.now()
        shifts = (
            (name, shift_at(roster, now)) for name, roster in self._service.policies.book.rosters.items()
        )
        found = [
            OnCall(
                roster=name,
                person=self._called(shift.contact, seen),
                until=shift.until,
                reason=shift.override.reason if shift.override is not None else "",
            )
            for name, shift in shifts
        ]
        return answers.on_call(found, seen.locale, now, seen.zone)

    async def replied(
        self, ask: Ask | Declare, reply: Reply, seen: Seen, target: str, asked_at: datetime
    ) -> Post:
        """What became of `ask`. `target`: the incident that it was asked of, "" where there was none yet."""
        say, of = words(seen.locale), reply.incident or target
        is_idle = reply.code in IDLE or reply.code.endswith(".stale")
        told = (
            self._why_idle(ask, reply, seen, of) if is_idle else await self._done(ask, reply, seen, asked_at)
        )
        sentence = say("desk.of", incident=of, told=told) if of else told
        return answers.idle(sentence, seen.locale) if is_idle else answers.told(sentence, seen.locale)

    def _why_idle(self, ask: Ask | Declare, reply: Reply, seen: Seen, of: str) -> str:
        say = words(seen.locale)
        match reply.code, ask:
            case code, Escalate() if code == REPEATED:
                return say("desk.escalated_already", incident=of)
            case escalation.Why.NOTED, Unacknowledge():
                return say("desk.nobody_has_it")
            case escalation.Why.NOTED | escalation.Why.ACKNOWLEDGED_LATE | incident.Why.ALREADY_RESOLVED, _:
                return say("desk.is_over")
            case _:
                return self.explained(reply.code, reply.details, seen)

    async def _done(self, ask: Ask | Declare, reply: Reply, seen: Seen, asked_at: datetime) -> str:
        """And where it was done for a shorter time than was asked for, how long it may be."""
        told, until = self.explained(reply.code, reply.details, seen), reply.details.get("until")
        wanted = ask.wanted if isinstance(ask, Acknowledge | Snooze) else None
        if wanted is None or until is None or reply.incident is None:
            return told
        if datetime.fromisoformat(until) + TOLERANCE >= asked_at + wanted:
            return told
        story = await self._service.views.story(reply.incident)
        assert story is not None, "it was just done"
        terms = story.escalation.terms
        most = terms.snooze_cap if isinstance(ask, Snooze) else terms.ack_lease
        lengths = {"wanted": span(wanted, seen.locale), "most": span(most, seen.locale)}
        return words(seen.locale)("desk.capped", told=told, **lengths)

    async def _open(self, most: int) -> list[Summary]:
        found, _ = await self._service.views.incidents(SummaryQuery(standings=OPEN, limit=most))
        return found

    def _called(self, name: ContactName, seen: Seen) -> str:
        contact = self._service.policies.book.contacts.get(name)
        return _named(contact, seen) if isinstance(contact, Person) else name


def _named(person: Person, seen: Seen) -> str:
    return next((name for locale, name in person.names.items() if locale == seen.locale), person.name)


def _offered(found: list[Summary]) -> str:
    offered = [f"{each.incident} {visible(each.title, TITLE)}" for each in found[:OFFERED]]
    return ", ".join(offered) + (" …" if len(found) > OFFERED else "")
