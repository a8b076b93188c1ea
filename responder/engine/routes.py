"""Routes: who hears what a machine emits.

The machines do not know each other; this is the whole map between them. Where an emit asks for something new (a
ladder, a duty, a page) the record begins here, with what the policies and the directory say at this moment.
"""

from __future__ import annotations

from typing import assert_never

from responder.core.decision import (
    AlarmCleared,
    AlarmKind,
    AlarmRaised,
    NoticeAsked,
    NoticeReason,
    PageAsked,
)
from responder.core.identifiers import (
    ChannelName,
    ContactName,
    IncidentId,
    Kind,
    RecordKey,
    duty_id,
    kept_page_id,
    notice_id,
)
from responder.core.machines import duty as duties
from responder.core.machines import escalation as escalations
from responder.core.machines import incident as incidents
from responder.core.machines import notice as notices
from responder.core.machines import page as pages
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import (
    EarlyWhy,
    MoveAllowed,
    MoveDue,
    MoveHeld,
    MoveWanted,
    PagesWithdrawn,
    RemediationAsked,
)
from responder.core.machines.heartbeat import HeartbeatBack, HeartbeatMissed
from responder.core.machines.notice import Notice
from responder.core.machines.page import (
    DigestAccepted,
    DigestFailed,
    GatherDue,
    MemberLeft,
    Page,
    PageAccepted,
    PageFailed,
)
from responder.core.machines.storm import CountAsked
from responder.core.policy.escalation import Page as PageStep
from responder.core.policy.escalation import Terms
from responder.engine.digests import Digests, OfStorm
from responder.engine.directory import Directory, Nobody, Reachable
from responder.engine.own import avoided_channels, end_with, raise_or_clear
from responder.engine.policies import Policies
from responder.engine.reach import Reach
from responder.engine.turn import Turn
from responder.telemetry import Metrics

OfIncident = (
    incidents.IncidentOpened
    | incidents.LevelChanged
    | incidents.AlertsJoined
    | incidents.IncidentResolved
    | incidents.IncidentReopened
    | incidents.IncidentClosed
    | incidents.PinChanged
    | incidents.NoteLeft
    | incidents.IncidentDoubted
)
Emit = (
    OfIncident
    | PagesWithdrawn
    | RemediationAsked
    | MoveDue
    | PageAccepted
    | PageFailed
    | OfStorm
    | PageAsked
    | NoticeAsked
    | AlarmRaised
    | AlarmCleared
    | HeartbeatMissed
    | HeartbeatBack
)


class Routes:
    def __init__(
        self, policies: Policies, directory: Directory, digests: Digests, reach: Reach, metrics: Metrics
    ) -> None:
        self._metrics = metrics
        self._digests = digests
        self._reach = reach
        self._policies = policies
        self._directory = directory

    async def carry(self, turn: Turn, emit: Emit) -> None:
        match emit:
            case PagesWithdrawn(incident=incident):
                await self._withdraw(turn, incident)
            case RemediationAsked(incident=incident):
                # No runbook is bound to anything: nothing could start, so people are reached at once.
                turn.tell(_escalation(incident), MoveWanted(why=EarlyWhy.NO_REMEDIATION))
            case MoveDue(incident=incident):
                is_held = self._reach.seems_isolated and await self._owes_a_page(turn, incident)
                turn.tell(_escalation(incident), MoveHeld() if is_held else MoveAllowed())
            case PageAccepted():
                await self._hear_accepted(turn, emit)
            case PageFailed():
                if emit.reason.is_ladder:
                    turn.tell(
                        _escalation(emit.incident), MoveWanted(why=EarlyWhy.PAGE_FAILED, step=emit.step)
                    )
            case PageAsked():
                await self._page(turn, emit)
            case NoticeAsked():
                await self._notify(turn, emit)
            case GatherDue() | MemberLeft() | DigestAccepted() | DigestFailed() | CountAsked():
                await self._digests.carry(turn, emit)
            case AlarmRaised(kind=kind):
                if await raise_or_clear(turn, self._policies, emit):
                    self._metrics.alarms.labels(kind.value).inc()
            case AlarmCleared() | HeartbeatMissed() | HeartbeatBack():
                await raise_or_clear(turn, self._policies, emit)
            case _:
                await self._hear_incident(turn, emit)

    async def _hear_incident(self, turn: Turn, emit: OfIncident) -> None:
        match emit:
            case incidents.IncidentOpened(incident=incident):
                await self._open(turn, incident)
            case incidents.LevelChanged(incident=incident):
                await self._change_level(turn, emit)
            case incidents.AlertsJoined(incident=incident, subject=subject):
                turn.tell(_escalation(incident), escalations.Joined(subject=subject))
            case incidents.IncidentResolved(incident=incident):
                await self._resolve(turn, incident)
            case incidents.IncidentReopened(incident=incident, flapping=flapping):
                turn.tell(_escalation(incident), escalations.Reopened(flapping=flapping))
                await self._owe_again(turn, incident)
            case incidents.IncidentClosed():
                pass  # nothing waits for it: the ladder stopped when it resolved
            case incidents.PinChanged(incident=incident):
                await self._repin(turn, incident)
            case incidents.IncidentDoubted(incident=incident, subject=subject):
                turn.tell(_escalation(incident), escalations.Doubted(subject=subject))
            case incidents.NoteLeft(incident=incident, by=by, text=text):
                note = notices.Wanted(reason=NoticeReason.NOTE, subject=text, person=by)
                await self._add_to_story(turn, incident, note)
            case _:
                assert_never(emit)

    async def _terms(self, turn: Turn, incident: IncidentId) -> Terms:
        """What was promised to the incident for the level it has now."""
        state = await turn.incident(incident)
        assert state is not None, f"{incident} emitted something and is not there"
        return await self._policies.terms(turn.unit, state.pin, state.level)

    async def _open(self, turn: Turn, incident: IncidentId) -> None:
        terms = await self._terms(turn, incident)
        turn.decide("Started", escalations.begin(incident, terms, turn.now))
        self._digests.opened()
        await self._owe(turn, incident, terms)

    async def _resolve(self, turn: Turn, incident: IncidentId) -> None:
        turn.tell(_escalation(incident), escalations.Resolved())
        await self._end_duties(turn, incident, keep=frozenset())
        state = await turn.incident(incident)
        if state is not None:
            await end_with(turn, state)

    async def _change_level(self, turn: Turn, emit: incidents.LevelChanged) -> None:
        terms = await self._terms(turn, emit.incident)
        turn.tell(_incident(emit.incident), incidents.TermsChanged(reopen_window=terms.reopen_window))
        turn.tell(_escalation(emit.incident), escalations.LevelReached(terms=terms))
        if emit.rose:
            await self._digests.release(turn, emit.incident, but=self._paged_at_once(turn, terms))
        else:
            await self._end_duties(turn, emit.incident, keep=frozenset(term.name for term in terms.duties))
        await self._owe(turn, emit.incident, terms)

    def _paged_at_once(self, turn: Turn, terms: Terms) -> frozenset[ContactName]:
        """Whom the ladder that begins now pages in the same moment, and without waiting for others."""
        if not terms.level.is_disaster:
            return frozenset()
        names = {
            name
            for index, step in enumerate(terms.steps)
            if isinstance(step, PageStep) and not step.after
            for name in terms.contacts_of(index)
        }
        found = (self._directory.reach(name, turn.now) for name in names)
        return frozenset(each.contact for each in found if isinstance(each, Reachable))

    async def _owe(self, turn: Turn, incident: IncidentId, terms: Terms) -> None:
        """One duty a name; the earlier of two times counts."""
        for term in terms.duties:
            key = RecordKey(Kind.DUTY, duty_id(incident, term.name))
            due_at = turn.now + term.after
            known = await turn.get(key, of=incident)
            if isinstance(known, Duty):
                # Decided here and now: where the incident is resolved, what follows has to find it owed, to end it.
                turn.decide("Owed", duties.advance(known, duties.Owed(due_at=due_at), turn.now))
                continue
            state = Duty(
                duty=key.id,
                name=term.name,
                incident=incident,
                due_at=due_at,
                contacts=term.contacts,
                channels=terms.channels,
                remind=term.remind,
            )
            turn.decide("Owed", duties.begin(state))

    async def _end_duties(self, turn: Turn, incident: IncidentId, *, keep: frozenset[str]) -> None:
        for record in await turn.live(incident):
            if isinstance(record, Duty) and record.name not in keep:
                turn.tell(RecordKey(Kind.DUTY, record.duty), duties.Ended())

    async def _owe_again(self, turn: Turn, incident: IncidentId) -> None:
        """Duties that the resolve ended are owed again, at the time they were: it was never over."""
        ladder = await turn.escalation(incident)  # where the level rises too, it does not know that yet
        for term in ladder.terms.duties if ladder is not None else ():
            key = RecordKey(Kind.DUTY, duty_id(incident, term.name))
            known = await turn.get(key)
            if isinstance(known, Duty):
                turn.tell(key, duties.Owed(due_at=known.due_at))

    async def _repin(self, turn: Turn, incident: IncidentId) -> None:
        terms = await self._terms(turn, incident)
        turn.tell(_incident(incident), incidents.TermsChanged(reopen_window=terms.reopen_window))
        turn.tell(_escalation(incident), escalations.Repinned(terms=terms))

    async def _withdraw(self, turn: Turn, incident: IncidentId) -> None:
        for record in await turn.live(incident):
            if isinstance(record, Page) and record.reason.is_ladder:
                turn.tell(RecordKey(Kind.PAGE, record.page), pages.Withdrawn())

    async def _owes_a_page(self, turn: Turn, incident: IncidentId) -> bool:
        """Somebody will hear of it as soon as any channel takes anything; where nobody would, moving on is right."""
        return any(
            isinstance(record, Page) and record.reason.is_ladder and record.is_owed
            for record in await turn.live(incident)
        )

    async def _page(self, turn: Turn, asked: PageAsked) -> None:
        state = await turn.incident(asked.incident)
        avoided = await avoided_channels(turn, self._policies, state) if state else frozenset()
        found = self._directory.reach(asked.contact, turn.now, avoid=avoided)
        if isinstance(found, Nobody):
            turn.emit(AlarmRaised(kind=AlarmKind.CONTACT, subject=asked.contact, detail=found.why))
            if asked.reason.is_ladder:
                turn.tell(_escalation(asked.incident), MoveWanted(why=EarlyWhy.NOBODY, step=asked.step))
            return
        page = Page(
            page=asked.page,
            incident=asked.incident,
            contact=found.contact,
            asked_for=asked.contact,
            reason=asked.reason,
            asked_at=turn.now,
            methods=found.methods,
            step=asked.step,
            subject=asked.subject,
        )
        if not await self._is_paged_already(turn, page):
            await self._digests.ask(turn, page, state)

    async def _is_paged_already(self, turn: Turn, page: Page) -> bool:
        """The same person for the same reason at the same moment: two names of one step meant one person."""
        return any(
            isinstance(other, Page)
            and (other.contact, other.reason, other.asked_at, other.subject)
            == (page.contact, page.reason, page.asked_at, page.subject)
            for other in turn.changed()
            if other.incident == page.incident
        )

    async def _hear_accepted(self, turn: Turn, accepted: PageAccepted) -> None:
        if not accepted.reason.is_told:
            turn.tell(_escalation(accepted.incident), escalations.HandedOver(contact=accepted.contact))
            paged = notices.Wanted(reason=NoticeReason.PAGED, person=accepted.contact)
            await self._add_to_story(turn, accepted.incident, paged)
        if accepted.reason.is_ladder:
            await self._supersede(turn, accepted)
        if accepted.receipt and self._directory.edits(accepted.channel):
            await self._keep_current(turn, accepted)

    async def _supersede(self, turn: Turn, accepted: PageAccepted) -> None:
        """What the same person is still owed of it since before would tell them nothing more."""
        own = await turn.get(RecordKey(Kind.PAGE, accepted.page), of=accepted.incident)
        assert isinstance(own, Page)
        for other in await turn.live(accepted.incident):
            if not isinstance(other, Page) or not other.reason.is_ladder or other.contact != accepted.contact:
                continue
            if other.phase is pages.Phase.OWED and other.asked_at < own.asked_at:
                turn.tell(RecordKey(Kind.PAGE, other.page), pages.Superseded(own.page))

    async def _keep_current(self, turn: Turn, accepted: PageAccepted) -> None:
        """What the person was sent is kept up to date; an older page to them is left, once it says so."""
        key = RecordKey(Kind.NOTICE, kept_page_id(accepted.page))
        for other in await self._shown(turn, accepted.incident):
            is_older = bool(other.page) and key.id != other.notice
            if is_older and (other.contact, other.channel) == (accepted.contact, accepted.channel):
                turn.tell(RecordKey(Kind.NOTICE, other.notice), notices.Superseded())
        if await turn.get(key, of=accepted.incident) is None:
            kept = Notice(
                notice=key.id,
                incident=accepted.incident,
                channel=accepted.channel,
                page=accepted.page,
                contact=accepted.contact,
                posted=accepted.receipt,
            )
            turn.decide("Kept", notices.keep_current(kept))
            page = await turn.get(RecordKey(Kind.PAGE, accepted.page), of=accepted.incident)
            if isinstance(page, Page) and page.phase is pages.Phase.WITHDRAWN:
                # It was answered while the call was in flight: what the person reads is out of date already.
                turn.tell(key, notices.Wanted(reason=NoticeReason.ACKNOWLEDGED))

    async def _notify(self, turn: Turn, asked: NoticeAsked) -> None:
        state = await turn.incident(asked.incident)
        avoided = await avoided_channels(turn, self._policies, state) if state else frozenset()
        wanted = notices.Wanted(reason=asked.reason, subject=asked.subject, person=asked.person)
        shown = [] if asked.reason is NoticeReason.OPENED else await self._shown(turn, asked.incident)
        # Those that have shown it at another level too: what they show must not stay as it was.
        channels = dict.fromkeys((*asked.channels, *(record.channel for record in shown if not record.page)))
        for channel in [name for name in channels if name not in avoided]:
            await self._want_notice(turn, asked.incident, channel, wanted)
        if asked.reason.changes_standing:
            for record in shown:
                if record.page:
                    turn.tell(RecordKey(Kind.NOTICE, record.notice), wanted)

    async def _add_to_story(self, turn: Turn, incident: IncidentId, wanted: notices.Wanted) -> None:
        """Only where a message can be changed: elsewhere it would be one more message that nobody asked for."""
        for record in await self._shown(turn, incident):
            if not record.page and self._directory.edits(record.channel):
                turn.tell(RecordKey(Kind.NOTICE, record.notice), wanted)

    async def _shown(self, turn: Turn, incident: IncidentId) -> list[Notice]:
        return [record for record in await turn.live(incident) if isinstance(record, Notice)]

    async def _want_notice(
        self, turn: Turn, incident: IncidentId, channel: ChannelName, wanted: notices.Wanted
    ) -> None:
        key = RecordKey(Kind.NOTICE, notice_id(incident, channel))
        if await turn.get(key, of=incident) is not None:
            turn.tell(key, wanted)
            return
        if wanted.reason.is_of_shown:
            return  # it has shown nothing of the incident that this would change
        blank = Notice(notice=key.id, incident=incident, channel=channel)
        turn.decide("Wanted", notices.advance(blank, wanted, turn.now))


def _incident(incident: IncidentId) -> RecordKey:
    return RecordKey(Kind.INCIDENT, incident)


def _escalation(incident: IncidentId) -> RecordKey:
    return RecordKey(Kind.ESCALATION, incident)
