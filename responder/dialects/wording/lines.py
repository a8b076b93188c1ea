"""The lines of a message's body: what, where, since when, who has it, what comes next, and how to answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from responder.core.alert import Occurrence
from responder.core.machines import duty as duties
from responder.core.machines.escalation import Escalation
from responder.core.machines.incident import Incident, Phase
from responder.dialects.visible import cut, safe_url, visible
from responder.dialects.wording.situation import Situation, State

ALERTS = 5  # listed in a message
LABELS = 6  # of one alert
GROUP = 8  # labels of the incident's group
SUPPRESSING = 3  # silences and alerts that keep it quiet, by name


def incident_lines(situation: Situation, incident: Incident) -> Iterator[str]:
    """Every line that the incident's records give, most important first."""
    name, what = name_of(incident), visible(incident.title, 300)
    if what and what != name:
        yield situation.say("line.what", what=what)
    if detail := _detail(situation, incident):
        yield situation.say("line.detail", detail=detail)
    yield situation.say("line.level", level=int(incident.level), level_name=situation.level_name())
    if where := where_of(situation, incident):
        yield situation.say("line.where", where=where)
    yield _since(situation, incident)
    if incident.phase is Phase.OPEN and incident.may_be_twin:
        yield situation.say("line.twin")
    yield from _who(situation, incident)
    yield from _duties(situation)
    yield from _alerts(situation, incident)
    if incident.hidden:
        yield situation.say("line.hidden")
    if incident.doubted_at is not None:
        yield situation.say("line.doubted")


def answer_lines(situation: Situation, incident: Incident) -> Iterator[str]:
    """Where to look, and how to acknowledge while that makes sense."""
    if incident.phase is Phase.OPEN:
        yield situation.say("line.acknowledge", command=acknowledge_command(situation, incident))
    yield from link_lines(situation)


def link_lines(situation: Situation) -> Iterator[str]:
    links = safe_links(situation)
    for label, line in (
        ("runbook", "line.runbook"),
        ("source", "line.source"),
        ("incident", "line.look"),
    ):
        if label in links:
            yield situation.say(line, url=links[label])


def alert_lines(situation: Situation, known: frozenset[str]) -> Iterator[str]:
    """One line an alert; its labels in `known` are said elsewhere."""
    for alert in situation.alerts[:ALERTS]:
        line = "line.alert" if alert.is_open else "line.alert_ended"
        name = visible(alert_name(situation, alert), 80)
        labels = labels_in_words(situation, alert.labels, LABELS, known | {"alertname"})
        yield _tidy(situation.say(line, name=name, labels=labels, what=visible(alert_summary(alert), 160)))


def acknowledge_command(situation: Situation, incident: Incident) -> str:
    return situation.command("acknowledge", incident=incident.incident)


def safe_links(situation: Situation) -> dict[str, str]:
    """`incident` (our own page), `runbook` and `source`: http and https only, fit to be put anywhere."""
    found = dict(situation.links())
    if situation.public_url and situation.incident is not None:
        found["incident"] = f"{situation.public_url.rstrip('/')}/incidents/{situation.incident.incident}"
    return {
        label: url for label in ("incident", "runbook", "source") if (url := safe_url(found.get(label, "")))
    }


def next_words(situation: Situation, incident: Incident) -> str:
    """What happens next by itself, and when: `15:20 KST: DevOps is paged`."""
    if incident.phase is Phase.CLOSED:
        return ""
    if incident.phase is Phase.RESOLVED:
        due = incident.due()
        line = "next.recheck" if incident.firing else "next.close"
        return situation.say(line, at=situation.at(due.at)) if due is not None else ""
    escalation = situation.escalation
    if escalation is None:
        return ""
    lease, snooze = escalation.lease, escalation.snooze
    if snooze is not None and (lease is None or lease.until <= snooze.until):
        return situation.say("next.snooze", at=situation.at(snooze.until))
    if lease is not None:
        return situation.say(
            "next.lease", at=situation.at(lease.until), holder=situation.person(lease.holder)
        )
    if (quiet := escalation.suppression) is not None:
        return situation.say("next.suppressed", at=situation.at(quiet.until))
    return _next_page(situation, escalation)


def name_of(incident: Incident) -> str:
    """What it is called in one or two words: the alert's name where it is grouped by that, else its title."""
    return visible(incident.group.get("alertname") or incident.title or incident.rule, 80)


def where_of(situation: Situation, incident: Incident) -> str:
    return labels_in_words(situation, incident.group, GROUP, frozenset({"alertname"}))


def labels_in_words(
    situation: Situation, labels: Mapping[str, str], most: int, without: frozenset[str]
) -> str:
    """`cluster=seoul, node=node-03`; of very many the first few by name, and how many more."""
    names = sorted(name for name in labels if name not in without and labels[name])
    told = ", ".join(f"{visible(name, 40)}={visible(labels[name], 80)}" for name in names[:most])
    return told if len(names) <= most else situation.say("join.more", listed=told, count=len(names) - most)


def alert_name(situation: Situation, alert: Occurrence) -> str:
    return alert.labels.get("alertname", "") or situation.say("name.alert")


def alert_summary(alert: Occurrence) -> str:
    return alert.annotations.get("summary", "") or alert.annotations.get("description", "")


def _detail(situation: Situation, incident: Incident) -> str:
    """The description of the one alert there is, where it says more than the title; of many, each is listed."""
    if situation.total != 1 or not situation.alerts:
        return ""
    described = visible(situation.alerts[0].annotations.get("description", ""), 400)
    return "" if described == visible(incident.title, 400) else described


def _since(situation: Situation, incident: Incident) -> str:
    since = situation.at(incident.opened_at)
    if incident.resolved_at is not None:
        return situation.say("line.since_until", since=since, until=situation.at(incident.resolved_at))
    if situation.stays:
        return situation.say("line.since_at", since=since)
    return situation.say("line.since", since=since, ago=situation.span(situation.now - incident.opened_at))


def _who(situation: Situation, incident: Incident) -> Iterator[str]:
    escalation = situation.escalation
    match situation.state:
        case State.RESOLVED | State.CLOSED:
            yield _resolved(situation, incident)
        case State.ACKNOWLEDGED if escalation is not None and (lease := escalation.lease) is not None:
            yield situation.say(
                "line.has_it",
                holder=situation.person(lease.holder),
                since=situation.at(lease.since),
                until=situation.at(lease.until),
            )
        case State.SNOOZED if escalation is not None and (snooze := escalation.snooze) is not None:
            by, until = situation.person(snooze.by), situation.at(snooze.until)
            yield situation.say("line.snoozed", by=by, until=until)
        case State.SUPPRESSED if escalation is not None and (quiet := escalation.suppression) is not None:
            by = visible(", ".join(quiet.by[:SUPPRESSING]), 120)
            yield situation.say("line.suppressed", since=situation.at(quiet.since), by=by)
        case _ if situation.stays:
            yield situation.say("line.nobody_has_it")
        case _:
            yield situation.say("line.nobody", waited=situation.span(situation.waited()))
    if escalation is not None and escalation.reached:
        yield situation.say("line.reached", people=situation.persons(escalation.reached))
    if following := next_words(situation, incident):
        yield situation.say("line.next", next=following)


def _resolved(situation: Situation, incident: Incident) -> str:
    at = situation.at(incident.resolved_at) if incident.resolved_at is not None else "?"
    if incident.resolved_by is None:
        return situation.say("line.resolved", at=at)
    line = "line.resolved_firing" if incident.firing else "line.resolved_by"
    return situation.say(line, by=situation.person(incident.resolved_by), at=at, firing=incident.firing)


def _next_page(situation: Situation, escalation: Escalation) -> str:
    if (rung := escalation.next_rung()) is not None:
        contacts, at = escalation.terms.contacts_of(rung[0]), situation.at(rung[1])
        line = "next.page" if len(contacts) == 1 else "next.pages"
        return situation.say(line, at=at, people=situation.persons(contacts))
    repeat = escalation.next_repeat()
    if repeat is None or escalation.rung is None:
        return situation.say("next.nothing")
    contacts, at = escalation.terms.contacts_of(escalation.rung), situation.at(repeat)
    line = "next.repeat" if len(contacts) == 1 else "next.repeats"
    return situation.say(line, at=at, people=situation.persons(contacts))


def _duties(situation: Situation) -> Iterator[str]:
    for duty in situation.duties:
        if not duty.is_live:
            continue
        line = "line.duty_due" if duty.phase is duties.Phase.DUE else "line.duty_owed"
        yield situation.say(line, duty=situation.duty(duty.name), at=situation.at(duty.due_at))
        if duty.phase is duties.Phase.DUE:
            sent, waive = (
                situation.command(way, incident=duty.incident, duty=duty.name) for way in ("sent", "waive")
            )
            yield situation.say("line.duty_how", sent=sent, waive=waive)


def _alerts(situation: Situation, incident: Incident) -> Iterator[str]:
    if not situation.alerts:
        return
    yield situation.say("line.alerts", firing=incident.firing, total=situation.total)
    yield from alert_lines(situation, frozenset(incident.group))
    if (more := situation.total - min(len(situation.alerts), ALERTS)) > 0:
        yield situation.say("line.more_alerts", count=more)


def _tidy(line: str) -> str:
    """Without the marks around what an alert does not have."""
    return cut(line.replace("  —", " —").removesuffix(" — ").rstrip(" —"), 500)
