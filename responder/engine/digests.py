"""Digests: in a storm a person's pages of levels 1 and 2 wait a little for each other, and go as one.

Until its time is over a page waits by itself, with a due row of its own; the transaction that begins the digest cancels
those rows, and only that. So whatever fails in between, every page is owed by itself or by its digest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import assert_never

from responder.core.decision import DueKind, NoticeReason, PageReason
from responder.core.identifiers import ContactName, IncidentId, Kind, RecordKey, digest_id, kept_page_id
from responder.core.machines import notice as notices
from responder.core.machines import page as pages
from responder.core.machines.escalation import Acknowledged
from responder.core.machines.escalation import Phase as LadderPhase
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Notice
from responder.core.machines.page import (
    DigestAccepted,
    DigestFailed,
    GatherDue,
    Member,
    MemberLeft,
    Page,
    Phase,
)
from responder.core.machines.storm import CountAsked
from responder.core.policy.levels import SELF_RULE
from responder.engine.directory import Directory, Reachable
from responder.engine.policies import Policies
from responder.engine.storms import Storms
from responder.engine.turn import Turn
from responder.telemetry import Metrics

MOST = 500  # members; the next digest takes the others
AHEAD = timedelta(days=1)  # no page waits for so long

OfStorm = GatherDue | MemberLeft | DigestAccepted | DigestFailed | CountAsked


class Digests:
    def __init__(self, policies: Policies, directory: Directory, storms: Storms, metrics: Metrics) -> None:
        self._policies = policies
        self._directory = directory
        self._storms = storms
        self._metrics = metrics

    def opened(self) -> None:
        """One more incident."""
        self._storms.opened()

    async def ask(self, turn: Turn, page: Page, state: Incident | None) -> None:
        """Begin `page`, of the incident `state`: owed at once, or in a storm after it has waited for others."""
        if state is not None and await self._waits(turn, page, state):
            until = turn.now + self._policies.book.storm.digest_after
            turn.decide("Asked", pages.gather(page, until))
        else:
            turn.decide("Asked", pages.begin(page))

    async def _waits(self, turn: Turn, page: Page, state: Incident) -> bool:
        """Not at levels 3 and 4, nor what we say of ourselves; what follows on a digest does, storm or none."""
        if state.level.is_disaster or state.rule == SELF_RULE or not page.reason.may_wait:
            return False
        if not self._policies.book.storm.incidents:
            return False
        return await self._storms.rages(turn) or any(
            isinstance(record, Page) and record.digest for record in await turn.live(state.incident)
        )

    async def release(self, turn: Turn, incident: IncidentId, *, but: Collection[ContactName]) -> None:
        """Its level has risen: what waits for it, or is owed by a digest, goes by itself at once.

        `but`: whom the higher ladder pages in the same moment. One page is enough for them, where none has gone yet.
        """
        for page in await turn.live(incident):
            if isinstance(page, Page) and page.phase in (Phase.GATHERING, Phase.GATHERED):
                digest = await turn.get(RecordKey(Kind.PAGE, page.digest)) if page.digest else None
                may_repeat = isinstance(digest, Page) and bool(digest.attempts)
                is_told_anyway = page.reason.is_ladder and page.contact in but and not may_repeat
                event = pages.Withdrawn() if is_told_anyway else pages.Released(is_repeat=may_repeat)
                turn.tell(RecordKey(Kind.PAGE, page.page), event)

    async def carry(self, turn: Turn, emit: OfStorm) -> None:
        match emit:
            case GatherDue(page=first, contact=contact):
                await self._gather(turn, first, contact)
            case MemberLeft(digest=digest, page=page):
                turn.tell(RecordKey(Kind.PAGE, digest), pages.Left(page))
            case DigestAccepted(members=members, channel=channel):
                await self._tell_all(turn, members, pages.Carried(channel))
                if emit.receipt and self._directory.edits(channel):
                    await self._keep_current(turn, emit)
            case DigestFailed(members=members):
                await self._tell_all(turn, members, pages.Dropped())
            case CountAsked():
                await self._storms.count(turn)
            case _:
                assert_never(emit)

    async def _tell_all(self, turn: Turn, members: Sequence[Member], event: pages.Event) -> None:
        await fetch_members(turn, members)
        for member in members:
            turn.tell(RecordKey(Kind.PAGE, member.page), event)

    async def _keep_current(self, turn: Turn, accepted: DigestAccepted) -> None:
        """What the person was sent says once that it is acknowledged, and asks for nothing any more."""
        key = RecordKey(Kind.NOTICE, kept_page_id(accepted.page))
        if await turn.get(key) is not None:
            return
        kept = Notice(
            notice=key.id,
            incident=None,
            channel=accepted.channel,
            page=accepted.page,
            contact=accepted.contact,
            posted=accepted.receipt,
        )
        turn.decide("Kept", notices.keep_current(kept))
        digest = await turn.get(RecordKey(Kind.PAGE, accepted.page))
        if isinstance(digest, Page) and digest.phase is Phase.WITHDRAWN:
            turn.tell(key, notices.Wanted(reason=NoticeReason.ACKNOWLEDGED))

    async def _gather(self, turn: Turn, first: str, contact: ContactName) -> None:
        """Begin a digest of `first` and all that wait for the same person; alone, it goes by itself."""
        waiting = await self._waiting(turn, first, contact)
        found = self._directory.reach(contact, turn.now)
        if len(waiting) < 2 or not isinstance(found, Reachable):
            return
        members = tuple([await self._member(turn, page) for page in waiting])
        is_told = all(page.reason.is_told for page in waiting)
        digest = Page(
            page=digest_id(await turn.unit.next_number()),
            incident=None,
            contact=contact,
            asked_for=contact,
            reason=PageReason.DIGEST_TOLD if is_told else PageReason.DIGEST,
            asked_at=turn.now,
            methods=found.methods,
            members=members,
        )
        turn.decide("Asked", pages.begin(digest))
        for page in waiting:
            turn.tell(RecordKey(Kind.PAGE, page.page), pages.Gathered(digest.page))
        self._metrics.digests.inc()
        self._metrics.gathered.inc(len(waiting))

    async def _waiting(self, turn: Turn, first: str, contact: ContactName) -> list[Page]:
        """`first`, and the pages that wait for `contact`, longest first; their incidents are locked."""
        rows = await turn.unit.overdue(DueKind.GATHER, turn.now + AHEAD, MOST)
        await turn.unit.lock({row.incident for row in rows if row.incident is not None})
        records = await turn.unit.records([row.key for row in rows])
        key = RecordKey(Kind.PAGE, first)
        own = await turn.get(key)
        assert isinstance(own, Page)
        others = [
            record
            for row in rows
            if row.key != key
            and isinstance(record := records.get(row.key), Page)
            and record.phase is Phase.GATHERING
            and record.contact == contact
        ]
        await turn.unit.records(
            [RecordKey(Kind.INCIDENT, page.incident) for page in others if page.incident is not None]
        )
        return [own, *others]

    async def _member(self, turn: Turn, page: Page) -> Member:
        assert page.incident is not None
        state = await turn.incident(page.incident)
        assert state is not None
        return Member(page=page.page, incident=state.incident, level=state.level, reason=page.reason)


async def answer_all(turn: Turn, digest: Page, event: Acknowledged) -> int:
    """Acknowledge every open incident of `digest` that nobody has answered, but what has risen since.

    Returns how many: none the second time.
    """
    await fetch_members(turn, digest.members)
    answered = 0
    for incident in dict.fromkeys(member.incident for member in digest.members):
        told = max(member.level for member in digest.members if member.incident == incident)
        ladder = await turn.escalation(incident)
        if ladder is None or ladder.phase is LadderPhase.STOPPED or ladder.is_answered or ladder.level > told:
            continue
        turn.tell(RecordKey(Kind.ESCALATION, incident), event)
        answered += 1
    shown = RecordKey(Kind.NOTICE, kept_page_id(digest.page))
    if answered and await turn.get(shown) is not None:
        turn.tell(shown, notices.Wanted(reason=NoticeReason.ACKNOWLEDGED, person=event.by))
    return answered


async def fetch_members(turn: Turn, members: Sequence[Member]) -> None:
    """Lock the incidents of a digest, and ask for what is theirs in one question."""
    incidents = {member.incident for member in members}
    await turn.unit.lock(incidents)
    await turn.unit.live_records(incidents)
