"""The lines of a message's body: what, where, since when, who has it, what comes next, and how to answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from responder.core.alert import Occurrence
from responder.core.identifiers import ContactName
from responder.core.machines import duty as duties
from responder.core.machines.escalation import Escalation
from responder.core.machines.incident import Incident, Phase
from responder.dialects.visible import cut, safe_url, visible
from responder.dialects.wording import english
from responder.dialects.wording.situation import Situation, State, say, span

ALERTS = 5  # listed in a message
LABELS = 6  # of one alert
GROUP = 8  # labels of the incident's group


def incident_lines(situation: Situation, incident: Incident) -> Iterator[str]:
    """Every line that the incident's records give, most important first."""
    name, what = name_of(incident), visible(incident.title, 300)
    if what and what != name:
        yield say(english.LINE["what"], what=what)
    if detail := _detail(situation, incident):
        yield say(english.LINE["detail"], detail=detail)
    yield say(english.LINE["level"], level=int(incident.level), level_name=situation.level_name())
    if where := where_of(incident):
        yield say(english.LINE["where"], where=where)
    yield _since(situation, incident)
    if incident.phase is Phase.OPEN and incident.may_be_twin:
        yield english.LINE["twin"]
    yield from _who(situation, incident)
    yield from _duties(situation)
    yield from _alerts(situation, incident)
    if incident.hidden:
        yield english.LINE["hidden"]


def answer_lines(situation: Situation, incident: Incident) -> Iterator[str]:
    """Where to look, and how to acknowledge while that makes sense."""
    if incident.phase is Phase.OPEN:
        yield say(english.LINE["acknowledge"], command=acknowledge_command(incident))
    yield from link_lines(situation)


def link_lines(situation: Situation) -> Iterator[str]:
    links = safe_links(situation)
    for label, line in (("runbook", "runbook"), ("source", "source"), ("incident", "look")):
        if label in links:
            yield say(english.LINE[line], url=links[label])


def alert_lines(alerts: tuple[Occurrence, ...], known: frozenset[str]) -> Iterator[str]:
    """One line an alert; its labels in `known` are said elsewhere."""
    for alert in alerts[:ALERTS]:
        line = english.LINE["alert" if alert.is_open else "alert_ended"]
        name = visible(alert_name(alert), 80)
        labels = labels_in_words(alert.labels, LABELS, known | {"alertname"})
        yield _tidy(say(line, name=name, labels=labels, what=visible(alert_summary(alert), 160)))


def acknowledge_command(incident: Incident) -> str:
    return say(english.COMMAND["acknowledge"], incident=incident.incident)


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
        key = "recheck" if incident.firing else "close"
        return say(english.NEXT[key], at=situation.at(due.at)) if due is not None else ""
    escalation = situation.escalation
    if escalation is None:
        return ""
    if escalation.lease is not None:
        lease = escalation.lease
        return say(english.NEXT["lease"], at=situation.at(lease.until), holder=situation.person(lease.holder))
    if escalation.snooze is not None:
        return say(english.NEXT["snooze"], at=situation.at(escalation.snooze.until))
    return _next_page(situation, escalation)


def name_of(incident: Incident) -> str:
    """What it is called in one or two words: the alert's name where it is grouped by that, else its title."""
    return visible(incident.group.get("alertname") or incident.title or incident.rule, 80)


def where_of(incident: Incident) -> str:
    return labels_in_words(incident.group, GROUP, frozenset({"alertname"}))


def labels_in_words(labels: Mapping[str, str], most: int, without: frozenset[str]) -> str:
    """`cluster=seoul, node=node-03`; of very many the first few by name, and how many more."""
    names = sorted(name for name in labels if name not in without and labels[name])
    told = ", ".join(f"{visible(name, 40)}={visible(labels[name], 80)}" for name in names[:most])
    return told if len(names) <= most else say(english.AND_MORE, listed=told, count=len(names) - most)


def alert_name(alert: Occurrence) -> str:
    return alert.labels.get("alertname", "") or english.UNNAMED


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
        return say(english.LINE["since_until"], since=since, until=situation.at(incident.resolved_at))
    return say(english.LINE["since"], since=since, ago=span(situation.now - incident.opened_at))


def _who(situation: Situation, incident: Incident) -> Iterator[str]:
    escalation = situation.escalation
    match situation.state:
        case State.RESOLVED | State.CLOSED:
            yield _resolved(situation, incident)
        case State.ACKNOWLEDGED if escalation is not None and (lease := escalation.lease) is not None:
            yield say(
                english.LINE["has_it"],
                holder=situation.person(lease.holder),
                since=situation.at(lease.since),
                until=situation.at(lease.until),
            )
        case State.SNOOZED if escalation is not None and (snooze := escalation.snooze) is not None:
            by, until = situation.person(snooze.by), situation.at(snooze.until)
            yield say(english.LINE["snoozed"], by=by, until=until)
        case _:
            yield say(english.LINE["nobody"], waited=span(situation.waited()))
    if escalation is not None and escalation.reached:
        yield say(english.LINE["reached"], people=situation.persons(escalation.reached))
    if following := next_words(situation, incident):
        yield say(english.LINE["next"], next=following)


def _resolved(situation: Situation, incident: Incident) -> str:
    at = situation.at(incident.resolved_at) if incident.resolved_at is not None else "?"
    if incident.resolved_by is None:
        return say(english.LINE["resolved"], at=at)
    key = "resolved_firing" if incident.firing else "resolved_by"
    return say(english.LINE[key], by=situation.person(incident.resolved_by), at=at, firing=incident.firing)


def _next_page(situation: Situation, escalation: Escalation) -> str:
    if (rung := escalation.next_rung()) is not None:
        return _paged(situation, "page", escalation.terms.contacts_of(rung[0]), situation.at(rung[1]))
    repeat = escalation.next_repeat()
    if repeat is None or escalation.rung is None:
        return english.NEXT["nothing"]
    return _paged(situation, "repeat", escalation.terms.contacts_of(escalation.rung), situation.at(repeat))


def _paged(situation: Situation, key: str, contacts: tuple[ContactName, ...], at: str) -> str:
    return say(
        english.NEXT[key if len(contacts) == 1 else f"{key}s"], at=at, people=situation.persons(contacts)
    )


def _duties(situation: Situation) -> Iterator[str]:
    for duty in situation.duties:
        if not duty.is_live:
            continue
        line = "duty_due" if duty.phase is duties.Phase.DUE else "duty_owed"
        yield say(english.LINE[line], duty=situation.duty(duty.name), at=situation.at(duty.due_at))
        if duty.phase is duties.Phase.DUE:
            sent, waive = (
                say(english.COMMAND[way], incident=duty.incident, duty=duty.name) for way in ("sent", "waive")
            )
            yield say(english.LINE["duty_how"], sent=sent, waive=waive)


def _alerts(situation: Situation, incident: Incident) -> Iterator[str]:
    if not situation.alerts:
        return
    yield say(english.LINE["alerts"], firing=incident.firing, total=situation.total)
    yield from alert_lines(situation.alerts, frozenset(incident.group))
    if (more := situation.total - min(len(situation.alerts), ALERTS)) > 0:
        yield say(english.LINE["more_alerts"], count=more)


def _tidy(line: str) -> str:
    """Without the marks around what an alert does not have."""
    return cut(line.replace("  —", " —").removesuffix(" — ").rstrip(" —"), 500)
