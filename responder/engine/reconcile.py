"""Reconcile: holds what we think fires against what the Alertmanagers have, and mends the difference.

Alertmanager posts what it has to post, and keeps quiet of the rest: that an alert is silenced or inhibited, that it
ended meanwhile, which alerts a truncated body left out, and what it forgot when it restarted. So it is asked. What it
has and we have not (missed) is taken in through the journal; what we have and none has any more (a ghost) is taken for
ended, or a person is asked; what all keep quiet holds the ladder (suppressed). A peer that does not answer decides
nothing, and a hold that nobody confirms ends by itself: `escalation` sees to that, whatever becomes of this loop.

Every replica whose policies are in force asks for itself, and what it tells is told once however many tell it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from responder.core.alert import Alert, Occurrence
from responder.core.identifiers import Fingerprint, IncidentId, Kind, RecordKey
from responder.core.machines import incident as incidents
from responder.dialects.alertmanager import fingerprint_there
from responder.dialects.alertmanager_api import labels_of_group, write_body
from responder.engine.batches import together_or_alone
from responder.engine.differences import (
    NO_NEWS,
    Outcome,
    What,
    Work,
    judge_incident,
    keep_quiet,
    let_go,
    tell_seen,
)
from responder.engine.handle import Handle
from responder.engine.intake import Intake
from responder.engine.peers import Ask, Peers, There, merged
from responder.engine.points import Points
from responder.engine.policies import Policies
from responder.engine.replicas import Replicas
from responder.engine.turn import Turn
from responder.ports.store import NewBody, Reader, Standing, SummaryQuery, Unit

SOURCE = "reconcile"  # of the bodies that we write ourselves

HELD_FOR = 10  # polls that a hold outlives its last confirmation
RENEWED_BEFORE = 6  # polls before its end it is confirmed, so that not every poll writes
ABSENT = 3  # polls running in which no peer has an alert
SEEN = 2  # polls in which an alert is seen before it is taken for missed
# A peer was told that it fires so long after we heard its end: it fires again.
TOLD_AFTER_END = timedelta(seconds=30)

PAGE = 5_000  # rows of one question
BATCH = 100  # incidents in one transaction
ALERTS = 500  # of one body that we write
GROUPS = 500  # truncated ones that are looked after at a time
SUPPRESSING = 10  # silences and alerts that are told as what keeps an incident quiet

log = structlog.get_logger("reconcile")

Told = tuple[IncidentId, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """Since when, and for how many polls running, something is so."""

    since: datetime
    polls: int = 1


class Reconcile:
    def __init__(
        self,
        points: Points,
        policies: Policies,
        handle: Handle,
        intake: Intake,
        replicas: Replicas,
        ask: Ask,
    ) -> None:
        self._points = points
        self._policies = policies
        self._handle = handle
        self._intake = intake
        self._replicas = replicas
        self._ask = ask
        self._peers = Peers(points, handle, ask)
        self._active: dict[Fingerprint, _Watched] = {}  # fires there, and is not known here
        self._absent: dict[Fingerprint, _Watched] = {}  # fires here, and no peer has it for us
        self._ghosts: set[Fingerprint] = set()  # of those: no peer has it at all, when last looked for
        self._held: dict[IncidentId, datetime] = {}  # until when we have said that it is suppressed
        self._doubted: set[IncidentId] = set()

    async def run(self) -> None:
        while True:
            soon = await self.look()
            wait = self._ask.every / 6 if soon else self._ask.every
            await self._points.clock.sleep_until(self._points.clock.now() + wait)

    async def look(self) -> bool:
        """One poll. Returns whether to look again soon: alerts that a body left out were found, or may be."""
        if self._replicas.stands_by:
            self._active.clear()
            self._absent.clear()
            return False
        groups, firing = await self._known()
        answers = await self._peers.answers()
        is_whole = len(answers) == len(self._points.peers)
        there = merged(answers, self._ask.receivers)
        unknown = await self._unknown(there, firing)
        hidden = [group for group in groups if _among(unknown, group)]
        await self._take_in(there, unknown, hidden)
        await self._hold(there, firing, is_whole=is_whole)
        is_settled = is_whole and all(answer.is_settled for answer in answers)
        await self._end_ghosts(there, firing, is_settled=is_settled)
        if is_settled:
            await self._complete([group for group in groups if group not in hidden])
        return bool(hidden)

    # What is known here, and there

    async def _known(self) -> tuple[list[str], dict[Fingerprint, IncidentId]]:
        """Before anybody is asked, so that what is heard meanwhile is judged by nobody."""
        firing: dict[Fingerprint, IncidentId] = {}
        async with self._points.reading("read.reconcile") as reader:
            groups = await reader.hidden_groups(GROUPS)
            after: Fingerprint | None = None
            while page := await reader.firing(after, PAGE):
                firing |= page
                after = next(reversed(page))  # the store's order, which need not be ours
                if len(page) < PAGE:
                    break
        return groups, firing

    # Missed: it fires there, and we do not know

    async def _unknown(
        self, there: Mapping[Fingerprint, There], firing: Mapping[Fingerprint, IncidentId]
    ) -> dict[Fingerprint, There]:
        """What fires there unsuppressed, and is not known to fire here. A heartbeat's beats are no alerts."""
        found = {
            key: one
            for key, one in there.items()
            if key not in firing and not one.is_suppressed and not self._policies.judge(one.alert.labels)[1]
        }
        if found:
            async with self._points.reading("read.reconcile") as reader:
                last = await reader.last_occurrences(found)
            found = {key: one for key, one in found.items() if _is_news(last.get(key), one)}
        now = self._points.clock.now()
        self._active = {key: _watch(self._active.get(key), now) for key in found}
        return found

    async def _take_in(
        self,
        there: Mapping[Fingerprint, There],
        unknown: Mapping[Fingerprint, There],
        hidden: Sequence[str],
    ) -> None:
        """What a body left out at once; what was lost when Alertmanager has had time to post it."""
        left_out = {key for group in hidden for key in _among(unknown, group)}
        lost = {key for key, one in unknown.items() if key not in left_out and self._is_lost(key, one)}
        for what, keys in ((What.LEFT_OUT, left_out), (What.MISSED, lost)):
            if keys:
                await self._append([there[key] for key in sorted(keys)])
                self._count(what, len(keys))

    def _is_lost(self, key: Fingerprint, one: There) -> bool:
        watched = self._active[key]
        if one.waits is None or watched.polls < SEEN:
            return False
        return self._points.clock.now() - watched.since >= one.waits

    async def _append(self, found: Sequence[There]) -> None:
        """As their peers would have posted them, so that whatever knows the journal knows them too."""
        groups: dict[tuple[str, str], list[Alert]] = defaultdict(list)
        for one in found:
            groups[one.peer, one.receiver].append(one.alert)
        for (peer, receiver), alerts in groups.items():
            for start in range(0, len(alerts), ALERTS):
                body = write_body(alerts[start : start + ALERTS], receiver=receiver, peer=peer)
                now = self._points.clock.now()
                await self._intake.accept(NewBody(received_at=now, source=SOURCE, peer=peer, body=body))

    # Suppressed: it fires, and Alertmanager keeps it quiet

    async def _hold(
        self,
        there: Mapping[Fingerprint, There],
        firing: Mapping[Fingerprint, IncidentId],
        *,
        is_whole: bool,
    ) -> None:
        """One that fires unsuppressed at one peer ends a hold, whoever else answers; a hold needs every word."""
        now = self._points.clock.now()
        loud = {incident for key, incident in firing.items() if key in there and not there[key].is_suppressed}
        async with self._points.reading("read.reconcile") as reader:
            held = {*self._held, *await _suppressed(reader)}
        for incident in held & loud:
            self._held.pop(incident, None)
        await self._tell(held & loud, let_go)
        if not is_whole:
            return
        quiet = _quiet(there, firing, self._ghosts)
        until = now + HELD_FOR * self._ask.every
        renewed = now + RENEWED_BEFORE * self._ask.every
        due = [incident for incident in quiet if self._held.get(incident, now) < renewed]

        async def keep(turn: Turn, incident: IncidentId) -> Outcome | None:
            return await keep_quiet(turn, incident, until, tuple(quiet[incident][:SUPPRESSING]))

        told = await self._tell(due, keep)
        self._held = {incident: at for incident, at in self._held.items() if at > now}
        self._held |= {outcome.incident: until for outcome in told}

    # Ghosts: it fires here, and no peer has it

    async def _end_ghosts(
        self,
        there: Mapping[Fingerprint, There],
        firing: Mapping[Fingerprint, IncidentId],
        *,
        is_settled: bool,
    ) -> None:
        seen_again = {
            incident for key, incident in firing.items() if incident in self._doubted and key in there
        }
        self._doubted -= seen_again
        await self._tell(seen_again, tell_seen)
        if not is_settled:
            self._absent.clear()
            self._ghosts.clear()
            return
        now = self._points.clock.now()
        self._absent = {key: _watch(self._absent.get(key), now) for key in firing if key not in there}
        self._ghosts &= set(self._absent)
        # Again and again: a person may have resolved meanwhile what one was asked about.
        ripe = {key for key, watched in self._absent.items() if watched.polls % ABSENT == 0}
        if not ripe:
            return
        async with self._points.reading("read.reconcile") as reader:
            last = await reader.last_occurrences(ripe)
        ghosts = {key: one for key, one in last.items() if one.is_open and _is_alertmanagers(one)}
        if ghosts and (elsewhere := await self._peers.everything()) is not None:
            # What goes to somebody else now still fires, though whether it ends we shall not hear.
            self._ghosts = (self._ghosts | set(ghosts)) - elsewhere
            await self._judge_ghosts([one for key, one in ghosts.items() if key not in elsewhere])

    async def _judge_ghosts(self, ghosts: Sequence[Occurrence]) -> None:
        by_incident: dict[IncidentId, list[Occurrence]] = defaultdict(list)
        for one in ghosts:
            assert one.incident is not None
            by_incident[one.incident].append(one)

        async def work(turn: Turn, incident: IncidentId) -> Outcome | None:
            return await judge_incident(turn, incident, by_incident[incident])

        told = await self._tell(by_incident, work)
        doubts = (What.DOUBTED, What.STILL_DOUBTED)
        self._doubted |= {outcome.incident for outcome in told if outcome.what in doubts}

    # Truncated: a body left alerts out

    async def _complete(self, groups: Sequence[str]) -> None:
        """Of these groups nothing fires any more that we do not know."""

        async def work(unit: Unit) -> int:
            told: list[Told] = [
                (incident, incidents.AlertsShown(group=group))
                for group in groups
                for incident in await unit.hidden_in(group)
            ]
            await unit.lock({incident for incident, _ in told})
            turn = Turn(unit, self._points.clock.now())
            for incident, event in told:
                turn.tell(RecordKey(Kind.INCIDENT, incident), event)
            await self._handle.finish(turn)
            return len(told)

        if groups and (count := await self._points.commit("commit.reconcile", work)):
            self._count(What.COMPLETED, count)

    async def _tell(self, told: Collection[IncidentId], work: Work) -> list[Outcome]:
        """Do `work` for each, a batch a transaction; one that cannot be worked on is left as it is, and logged."""
        found: list[Outcome] = []

        async def commit(some: Sequence[IncidentId]) -> None:
            found.extend(
                await self._points.commit("commit.reconcile", lambda unit: self._each(unit, some, work))
            )

        async def spoilt(incident: IncidentId, problem: Exception) -> None:
            log.error("not reconciled", incident=incident, exc_info=problem)
            found.append(Outcome(incident, What.FAILED))

        ordered = sorted(told)
        for start in range(0, len(ordered), BATCH):
            await together_or_alone(ordered[start : start + BATCH], commit, spoilt)
        for outcome in found:
            if outcome.what not in NO_NEWS:
                self._count(outcome.what, outcome.count, incident=outcome.incident)
        return [outcome for outcome in found if outcome.what is not What.FAILED]

    async def _each(self, unit: Unit, some: Sequence[IncidentId], work: Work) -> list[Outcome]:
        await unit.lock(some)
        found = []
        for incident in some:
            turn = Turn(unit, self._points.clock.now())
            if (outcome := await work(turn, incident)) is not None:
                found.append(outcome)
            await self._handle.finish(turn)
        return found

    def _count(self, what: What, count: int, **about: str) -> None:
        self._points.metrics.reconciled.labels(what.value).inc(count)
        log.info("reconciled", what=what.value, count=count, **about)


def _is_news(last: Occurrence | None, there: There) -> bool:
    """We have never heard of it, or heard its end, and the peer was told later than that that it fires."""
    if last is None:
        return True
    return last.ends_at is not None and there.told_at > last.ends_at + TOLD_AFTER_END


def _watch(before: _Watched | None, now: datetime) -> _Watched:
    return _Watched(since=now) if before is None else replace(before, polls=before.polls + 1)


def _among(unknown: Mapping[Fingerprint, There], group: str) -> list[Fingerprint]:
    """Those that belong to this Alertmanager group, by the labels that all of it have."""
    labels = labels_of_group(group).items()
    return [key for key, one in unknown.items() if labels <= one.alert.labels.items()]


def _quiet(
    there: Mapping[Fingerprint, There],
    firing: Mapping[Fingerprint, IncidentId],
    ghosts: Collection[Fingerprint],
) -> dict[IncidentId, list[str]]:
    """Incidents of which everything that fires is suppressed, each with what does it. A ghost fires no more."""
    total: Counter[IncidentId] = Counter()
    quiet: dict[IncidentId, list[str]] = {}
    for key, incident in firing.items():
        one = there.get(key)
        if one is None and key in ghosts:
            continue
        total[incident] += 1
        if one is not None and one.is_suppressed:
            total[incident] -= 1
            names = quiet.setdefault(incident, [])
            names += [name for name in one.by if name not in names]
    return {incident: names for incident, names in quiet.items() if not total[incident]}


def _is_alertmanagers(one: Occurrence) -> bool:
    """Its fingerprint is an Alertmanager's; what somebody else posted, or we raised ourselves, no Alertmanager has."""
    return one.fingerprint == fingerprint_there(one.labels)


async def _suppressed(reader: Reader) -> set[IncidentId]:
    """Incidents that are held, whoever said so."""
    found: set[IncidentId] = set()
    before: int | None = None
    while True:
        query = SummaryQuery(standings=frozenset({Standing.SUPPRESSED}), before=before, limit=PAGE)
        page = await reader.summaries(query)
        found |= {one.incident for one in page}
        if len(page) < PAGE:
            return found
        before = page[-1].number
