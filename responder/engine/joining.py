"""Joining: from alerts to incidents. Which occurrence an alert is, and which incident the occurrence belongs to.

Alerts that came together and belong together are told to their incident as one event, so thirty alerts of one trouble
are one opening and not an opening and twenty-nine joins. What fires is told before what ends: where one alert ends and
another begins together, the incident must not be resolved in between.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from responder.core.alert import Alert, Occurrence, Sighting, sight
from responder.core.decision import NoticeReason
from responder.core.identifiers import (
    ChannelName,
    ContactName,
    Fingerprint,
    IncidentId,
    JournalId,
    Kind,
    RecordKey,
    incident_id,
)
from responder.core.level import Level
from responder.core.machines import incident as incidents
from responder.core.machines import notice as notices
from responder.core.machines.incident import AlertsEnded, AlertsFired, AlertsRefired, Incident
from responder.core.machines.notice import Notice
from responder.core.triage import Verdict
from responder.dialects.alertmanager import fingerprint_of
from responder.dialects.wording import veiled
from responder.engine.policies import Policies
from responder.engine.turn import Turn
from responder.ports.store import key_of

NAMED = 3  # alerts that a joining message names; the others are counted


@dataclass(frozen=True, slots=True)
class Judged:
    """An alert with what triage says of it. `journal`: the body that brought it."""

    alert: Alert
    verdict: Verdict
    journal: JournalId


async def absorb(turn: Turn, policies: Policies, judged: Sequence[Judged]) -> Counter[Sighting]:
    """Take in alerts that came together, in their order. Which incidents they touch is the turn's to say."""
    known = await turn.last_occurrences({one.alert.fingerprint for one in judged})
    fired: dict[str, list[tuple[Occurrence, Verdict]]] = defaultdict(list)
    refired: Counter[IncidentId] = Counter()
    ended: Counter[IncidentId] = Counter()
    seen: Counter[Sighting] = Counter()
    for one in await _told_apart(turn, judged, known):
        sighting, occurrence = sight(known.get(one.alert.fingerprint), one.alert, one.journal)
        if sighting is Sighting.TWIN and not await _is_live(turn, occurrence.incident):
            # Its incident is closed: whatever this is, nobody is looking at it any more.
            sighting, occurrence = (
                Sighting.NEW,
                replace(occurrence, number=occurrence.number + 1, incident=None),
            )
        seen[sighting] += 1
        known[occurrence.fingerprint] = occurrence
        turn.put_occurrence(occurrence)
        match sighting:
            case Sighting.NEW:
                fired[one.verdict.key].append((occurrence, one.verdict))
            case Sighting.TWIN if occurrence.incident is not None:
                refired[occurrence.incident] += 1
            case Sighting.ENDED if occurrence.incident is not None:
                ended[occurrence.incident] += 1
            case _:
                pass
    for group in fired.values():
        await _fire(turn, policies, group)
    for incident, count in refired.items():
        turn.tell(RecordKey(Kind.INCIDENT, incident), AlertsRefired(count=count))
    for incident, count in ended.items():
        turn.tell(RecordKey(Kind.INCIDENT, incident), AlertsEnded(count=count))
    return seen


async def _told_apart(
    turn: Turn, judged: Sequence[Judged], known: dict[Fingerprint, Occurrence]
) -> Sequence[Judged]:
    """Alerts whose fingerprint another alert has too, with other labels, get one of their own; `known` is completed.

    Alertmanager's never collide; a sender of one's own may give all its alerts the same, and none must be swallowed.
    """
    found: list[Judged] = []
    labels = {fingerprint: occurrence.labels for fingerprint, occurrence in known.items()}
    for one in judged:
        if labels.setdefault(one.alert.fingerprint, one.alert.labels) != one.alert.labels:
            own = fingerprint_of(one.alert.labels)
            known.update(await turn.last_occurrences({own}))
            found.append(replace(one, alert=replace(one.alert, fingerprint=own)))
        else:
            found.append(one)
    return found


async def _is_live(turn: Turn, incident: IncidentId | None) -> bool:
    found = await turn.incident(incident) if incident is not None else None
    return found is not None and found.is_live


async def _fire(turn: Turn, policies: Policies, group: list[tuple[Occurrence, Verdict]]) -> None:
    verdict = group[0][1]
    if verdict.level is None:
        await _show(turn, [_blank(one, channel) for one, each in group for channel in each.notice])
        return
    incident = await turn.open_incident(verdict.key)
    level = max(each.level for _, each in group if each.level is not None)
    occurrences = [occurrence for occurrence, _ in group]
    shown = [veiled(occurrence, policies.book.redacted) for occurrence in occurrences]
    if incident is None:
        incident = await open_incident(
            turn,
            policies,
            verdict=verdict,
            level=level,
            title=title_of(shown[0]),
            occurrences=shown,
        )
    else:
        event = AlertsFired(count=len(group), level=level, subject=named(shown), links=links_of(shown[0]))
        turn.tell(RecordKey(Kind.INCIDENT, incident), event)
    for occurrence in occurrences:
        turn.put_occurrence(replace(occurrence, incident=incident))


async def _show(turn: Turn, blanks: Sequence[Notice]) -> None:
    """Alerts that open no incident are shown once, on the channels that triage names.

    Once an occurrence is forgotten its number is given again: the notice then takes the place of the one of before.
    """
    known = await turn.unit.records([key_of(blank) for blank in blanks])
    for blank in blanks:
        before = known.get(key_of(blank))
        if before is None or not before.is_live:
            decision = notices.advance(blank, notices.Wanted(reason=NoticeReason.INFO), turn.now)
            turn.decide("Wanted", decision)


def _blank(occurrence: Occurrence, channel: ChannelName) -> Notice:
    name = f"{occurrence.fingerprint}.{occurrence.number}/{channel}"
    return Notice(notice=name, incident=None, channel=channel, occurrence=occurrence.fingerprint)


async def open_incident(
    turn: Turn,
    policies: Policies,
    *,
    verdict: Verdict,
    level: Level,
    title: str,
    occurrences: Sequence[Occurrence] = (),
    declared_by: ContactName | None = None,
) -> IncidentId:
    """A new incident with today's promise pinned to it; its ladder begins in the same turn."""
    promise = policies.book.promise(verdict.escalation)
    turn.put_promise(promise)
    policies.remember(promise)
    name = incident_id(await turn.unit.next_number())
    state = Incident(
        incident=name,
        key=verdict.key or f"{verdict.rule}/{name}",
        rule=verdict.rule,
        group=verdict.group,
        title=title,
        level=level,
        pin=promise.pin,
        reopen_window=promise.levels[level].reopen_window,
        opened_at=turn.now,
        firing=len(occurrences),
        seen=len(occurrences),
        declared_by=declared_by,
        links=links_of(occurrences[0]) if occurrences else {},
    )
    turn.open(incidents.begin(state))
    return name


def title_of(occurrence: Occurrence) -> str:
    return occurrence.annotations.get("summary") or occurrence.labels.get("alertname") or "unnamed alert"


def named(occurrences: Sequence[Occurrence]) -> str:
    names = [title_of(occurrence) for occurrence in occurrences[:NAMED]]
    more = len(occurrences) - len(names)
    return "; ".join(names) + (f" and {more} more" if more else "")


def links_of(occurrence: Occurrence) -> Mapping[str, str]:
    """Where to read on: the runbook, and the rule's own graph. Only addresses a browser opens."""
    runbook = occurrence.annotations.get("runbook_url") or occurrence.annotations.get("runbook") or ""
    found = {"runbook": runbook, "source": occurrence.generator_url}
    return {name: url for name, url in found.items() if url.startswith(("http://", "https://"))}
