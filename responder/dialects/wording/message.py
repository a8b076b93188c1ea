"""A page or a notice, in the words of one message. Everything is said from the records, at the moment of sending."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import assert_never

from responder.core.decision import NoticeReason, PageReason
from responder.core.identifiers import ContactName
from responder.core.machines.escalation import EarlyWhy
from responder.core.machines.notice import Happening, Notice
from responder.core.machines.page import Page
from responder.core.policy.escalation import Step
from responder.dialects.visible import cut, visible
from responder.dialects.wording.lines import (
    acknowledge_command,
    alert_lines,
    alert_name,
    alert_summary,
    answer_lines,
    incident_lines,
    labels_in_words,
    link_lines,
    name_of,
    next_words,
    safe_links,
    where_of,
)
from responder.dialects.wording.situation import Situation, State
from responder.ports.channel import Message

HEADLINE = 200  # characters
TAIL = 110  # of them for what happened, which is never pushed out by long labels
BODY_LINE = 600
# The names in `Message.facts`, always all of them; "" where there is nothing to say.
FACTS = (
    "rule",
    "key",
    "name",
    "title",
    "where",
    "level_name",
    "since",
    "holder",
    "waited",
    "next",
    "firing",
    "alerts",
    "acknowledge",
)


def page_message(page: Page, situation: Situation, *, is_repeat: bool = False) -> Message:
    """What the person of `page`, no digest, is sent. `is_repeat`: an earlier attempt may have arrived; it says so."""
    tail = _page_tail(page, situation)
    purpose = "told" if page.reason.is_told else "page"
    return _message(situation, purpose, page.reason.value, tail, (), is_repeat, page.incident or "")


def notice_message(notice: Notice, situation: Situation, *, is_repeat: bool = False) -> Message:
    """What `notice`'s channel is to show: the newest happening in the headline, the others below it.

    Where the message stays, the headline says how things stand, and what happened is the message's story; it is in the
    body only of the first, which has no story below it.
    """
    if notice.incident is None or situation.incident is None:
        return _info_message(notice, situation, is_repeat)
    *earlier, last = notice.happenings or (Happening(NoticeReason.OPENED),)
    also = tuple(
        situation.say("line.also", happened=_happened("notice", happening, situation, 400))
        for happening in dict.fromkeys(earlier)
        if happening != last and happening.reason is not NoticeReason.OPENED
    )
    if last.reason is NoticeReason.NOTE:
        also = (_happened("notice", last, situation, 500), *also)
    if situation.stays and notice.posted:
        also = ()
    tail = _happened("notice", _standing(last, situation) if situation.stays else last, situation, TAIL)
    if notice.superseded:  # it is not changed again, and must not say for ever how things stood
        tail = situation.say("mark.superseded")
    message = _message(situation, "notice", last.reason.value, tail, also, is_repeat, notice.incident)
    return replace(message, story=_story(notice, situation))


def _standing(last: Happening, situation: Situation) -> Happening:
    """What a headline says that is read later: who has it, or that it is over; while it is open, the last that fits."""
    match situation.state:
        case State.ACKNOWLEDGED:
            return Happening(NoticeReason.ACKNOWLEDGED)
        case State.SNOOZED:
            return Happening(NoticeReason.SNOOZED)
        case State.SUPPRESSED:
            return Happening(NoticeReason.SUPPRESSED)
        case State.RESOLVED | State.CLOSED:
            return Happening(NoticeReason.RESOLVED)
        case State.OPEN | State.INFO:
            return last if last.reason in _WHILE_OPEN else Happening(NoticeReason.OPENED)
        case _:
            assert_never(situation.state)


_WHILE_OPEN = frozenset(
    {
        NoticeReason.LEVEL,
        NoticeReason.JOINED,
        NoticeReason.UNACKNOWLEDGED,
        NoticeReason.LEASE_ENDED,
        NoticeReason.SNOOZE_ENDED,
        NoticeReason.NOT_RECOVERED,
        NoticeReason.REOPENED,
        NoticeReason.DUTY,
        NoticeReason.PAGED,
    }
)


def _message(
    situation: Situation,
    purpose: str,
    reason: str,
    tail: str,
    also: tuple[str, ...],
    is_repeat: bool,
    name: str,
) -> Message:
    incident = situation.incident
    return Message(
        purpose=purpose,
        reason=reason,
        headline=_headline(situation, tail, name),
        body=tuple(cut(line, BODY_LINE) for line in _body(situation, also, is_repeat)),
        incident=name,
        level=int(incident.level) if incident is not None else 0,
        state=situation.state.value,
        revision=incident.revision if incident is not None else 0,
        links=safe_links(situation),
        facts=dict.fromkeys(FACTS, "") | _facts(situation),
        is_repeat=is_repeat,
        locale=situation.say.locale,
    )


def _headline(situation: Situation, tail: str, name: str) -> str:
    """`[L3 severe] I42 RegionDown cluster=seoul — paged: nobody answered for 15m`"""
    incident, tail = situation.incident, cut(tail, TAIL)
    if incident is None:
        return cut(f"{name} — {tail}", HEADLINE)
    mark = f"[L{int(incident.level)} {situation.level_name()}] {incident.incident}"
    what = " ".join(part for part in (name_of(incident), where_of(situation, incident)) if part)
    return f"{mark} {cut(what, HEADLINE - len(mark) - len(tail) - 4)} — {tail}"


def _body(situation: Situation, also: tuple[str, ...], is_repeat: bool) -> Iterator[str]:
    if is_repeat:
        yield situation.say("line.repeat")
    yield from also
    if situation.incident is not None:
        yield from incident_lines(situation, situation.incident)
        yield from answer_lines(situation, situation.incident)


def _page_tail(page: Page, situation: Situation) -> str:
    if page.reason is PageReason.STEP and _is_at_once(page, situation):
        return situation.say("page.at_once")
    escalation, incident = situation.escalation, situation.incident
    subject = page.subject
    if page.reason is PageReason.TAKEN_OVER:
        subject = situation.person(ContactName(page.subject))
    return situation.say(
        f"page.{page.reason}",
        waited=situation.span(situation.waited()),
        holder=situation.person(escalation.last_holder if escalation is not None else None),
        reopenings=len(incident.reopenings) if incident is not None else 0,
        level=int(incident.level) if incident is not None else "?",
        subject=visible(subject, TAIL),
        duty=situation.duty(page.subject),
        because=situation.say(f"early.{subject}") if subject in list(EarlyWhy) else visible(subject, TAIL),
    )


def _is_at_once(page: Page, situation: Situation) -> bool:
    """Nobody can have answered yet: the first step."""
    steps: tuple[Step, ...] = situation.escalation.terms.steps if situation.escalation is not None else ()
    is_first = page.step is not None and page.step < len(steps) and not steps[page.step].after
    return is_first or situation.waited().total_seconds() < 1


def _story(notice: Notice, situation: Situation) -> tuple[str, ...]:
    """What happened since the channel last showed it, a sentence each; that it opened, the first message says."""
    told = (
        _happened("story", happening, situation, 500)
        for happening in notice.happenings
        if happening.reason is not NoticeReason.OPENED
    )
    return tuple(cut(sentence, BODY_LINE) for sentence, _ in groupby(told))


def _happened(table: str, happening: Happening, situation: Situation, most: int) -> str:
    """The happening in the words of `table`, notice or story."""
    escalation, incident = situation.escalation, situation.incident
    lease = escalation.lease if escalation is not None else None
    snooze = escalation.snooze if escalation is not None else None
    last = escalation.last_holder if escalation is not None else None
    by_hand = incident is not None and incident.resolved_by is not None
    is_named = table == "story" and happening.reason is NoticeReason.RESOLVED and by_hand
    return situation.say(
        "story.resolved_by" if is_named else f"{table}.{happening.reason}",
        level=int(incident.level) if incident is not None else "?",
        level_name=situation.level_name() if incident is not None else "",
        resolver=situation.person(incident.resolved_by) if incident is not None else "",
        holder=situation.person(happening.person or (lease.holder if lease else None) or last),
        snoozer=situation.person(happening.person or (snooze.by if snooze else None)),
        person=situation.person(happening.person),
        subject=visible(happening.subject, most),
        duty=situation.duty(happening.subject),
    )


def _facts(situation: Situation) -> dict[str, str]:
    incident, escalation = situation.incident, situation.escalation
    if incident is None:
        return {}
    lease = escalation.lease if escalation is not None else None
    return {
        "rule": visible(incident.rule, 80),
        "key": visible(incident.key, 300),
        "name": name_of(incident),
        "title": visible(incident.title, 300),
        "where": where_of(situation, incident),
        "level_name": situation.level_name(),
        "since": situation.at(incident.opened_at),
        "holder": situation.person(lease.holder) if lease is not None else "",
        "waited": situation.span(situation.waited()),
        "next": next_words(situation, incident),
        "firing": str(incident.firing),
        "alerts": str(situation.total),
        "acknowledge": acknowledge_command(situation, incident),
    }


def _info_message(notice: Notice, situation: Situation, is_repeat: bool) -> Message:
    """An alert for information: there is no incident behind it, nobody is asked for anything."""
    alert = situation.alerts[0] if situation.alerts else None
    name = visible(alert_name(situation, alert), 80) if alert is not None else situation.say("name.alert")
    what = visible(alert_summary(alert), TAIL) if alert is not None else ""
    labels = ""
    if alert is not None:
        labels = labels_in_words(situation, alert.labels, 4, frozenset({"alertname"}))
    front = " ".join(part for part in (f"[{situation.say('mark.info')}]", name, labels) if part)
    tail = what or situation.say("notice.info")
    body = [situation.say("line.repeat")] if is_repeat else []
    body += alert_lines(situation, frozenset())
    body += link_lines(situation)
    return Message(
        purpose="notice",
        reason=NoticeReason.INFO.value,
        headline=f"{cut(front, HEADLINE - len(tail) - 3)} — {tail}",
        body=tuple(cut(line, BODY_LINE) for line in body),
        incident="",
        level=0,
        state=situation.state.value,
        revision=notice.sent,
        links=safe_links(situation),
        facts=dict.fromkeys(FACTS, "") | {"name": name, "title": what, "where": labels},
        is_repeat=is_repeat,
        locale=situation.say.locale,
    )
