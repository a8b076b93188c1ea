"""A digest, in the words of one message: what it carries, the worst first, and how to answer all of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from responder.core.decision import PageReason
from responder.core.level import Level
from responder.core.machines.page import Member, Page
from responder.dialects.visible import cut, safe_url
from responder.dialects.wording.lines import name_of, where_of
from responder.dialects.wording.message import BODY_LINE, FACTS, HEADLINE
from responder.dialects.wording.situation import Situation, State
from responder.ports.channel import Message

LISTED = 20  # members that a message names; the others are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A member that is named, and its incident as it is now."""

    member: Member
    situation: Situation


def listed_of(page: Page) -> list[Member]:
    """The members that its message names."""
    return members_of(page)[:LISTED]


def members_of(page: Page) -> list[Member]:
    """Those that need it: one an incident, what wants an answer first, then the worst, then the oldest."""
    ordered = sorted(_staying(page), key=lambda each: (each.reason.is_told, -each.level))
    return list({member.incident: member for member in reversed(ordered)}.values())[::-1]


def digest_message(
    page: Page,
    listed: Sequence[Listed],
    situation: Situation,
    *,
    is_repeat: bool = False,
    answered_by: str = "",
) -> Message:
    """What the person of the digest `page` is sent. `situation`: theirs, of no incident.

    `answered_by`: who has acknowledged it, where it is shown for as long as they have the message.
    """
    say, staying = situation.say, _staying(page)
    level = max((member.level for member in staying), default=Level.MINOR)
    what = _what(situation, len({member.incident for member in staying}))
    front = f"[{say('mark.digest')} L{int(level)}] {page.page} {what}"
    asks = page.reason is PageReason.DIGEST and not answered_by
    tail = say("notice.acknowledged", holder=answered_by) if answered_by else say(f"page.{page.reason}")
    command = situation.command("acknowledge", incident=page.page) if asks else ""
    link = safe_url(f"{situation.public_url.rstrip('/')}/incidents") if situation.public_url else ""
    body = _body(page, situation, listed, command, link, is_repeat)
    return Message(
        purpose="told" if page.reason.is_told else "page",
        reason=page.reason.value,
        headline=cut(f"{front} — {tail}", HEADLINE),
        body=tuple(cut(line, BODY_LINE) for line in body),
        incident=page.page,
        level=int(level),
        state=_state(page, answered_by).value,
        revision=0,
        links={"incident": link} if link else {},
        facts=dict.fromkeys(FACTS, "") | {"name": what, "acknowledge": command},
        is_repeat=is_repeat,
        locale=say.locale,
    )


def digest_story(
    page: Page, listed: Sequence[Listed], situation: Situation, *, story: Iterable[str] = ()
) -> Message:
    """The digest for whoever looks it up: to whom it went, and how each of its members stands now.

    `listed`: all of them. `story`: its attempts, a line each. It may be acknowledged as long as somebody has to.
    """
    say = situation.say
    level = max((member.level for member in page.members), default=Level.MINOR)
    what = _what(situation, len(listed))
    is_open = any(each.situation.state is State.OPEN for each in listed)
    sent = say("line.digest_for", person=situation.person(page.contact), at=situation.at(page.asked_at))
    standing = (_line(each, _stands(each.situation)) for each in listed)
    return Message(
        purpose="told",
        reason=page.reason.value,
        headline=cut(f"[{say('mark.digest')} L{int(level)}] {page.page} {what}", HEADLINE),
        body=tuple(cut(line, BODY_LINE) for line in (sent, *standing)),
        incident=page.page,
        level=int(level),
        state=(State.OPEN if is_open and not page.reason.is_told else State.INFO).value,
        revision=0,
        links={},
        facts=dict.fromkeys(FACTS, "") | {"name": what},
        story=tuple(story),
        locale=say.locale,
    )


def _what(situation: Situation, count: int) -> str:
    return situation.say("name.incident") if count == 1 else situation.say("name.incidents", count=count)


def _stands(situation: Situation) -> str:
    match situation.state:
        case State.OPEN | State.INFO:
            return situation.say("line.member_open")
        case State.ACKNOWLEDGED:
            lease = situation.escalation.lease if situation.escalation is not None else None
            holder = lease.holder if lease is not None else None
            return situation.say("notice.acknowledged", holder=situation.person(holder))
        case State.SNOOZED:
            return situation.say("notice_short.snoozed")
        case State.SUPPRESSED:
            return situation.say("notice_short.suppressed")
        case State.RESOLVED | State.CLOSED:
            return situation.say("notice_short.resolved")
        case _:
            assert_never(situation.state)


def _state(page: Page, answered_by: str) -> State:
    if page.reason.is_told:
        return State.INFO
    return State.ACKNOWLEDGED if answered_by else State.OPEN


def _staying(page: Page) -> list[Member]:
    return [member for member in page.members if member.page not in page.left]


def _body(
    page: Page, situation: Situation, listed: Sequence[Listed], command: str, link: str, is_repeat: bool
) -> Iterator[str]:
    if is_repeat:
        yield situation.say("line.repeat")
    yield situation.say("line.storm")
    for each in listed:
        yield _line(each, situation.say(f"page_short.{each.member.reason}"))
    if more := len(members_of(page)) - len(listed):
        every = situation.command("show", incident=page.page)
        yield situation.say("line.more_members", count=more, command=every)
    if command:
        yield situation.say("line.acknowledge", command=command)
    if link:
        yield situation.say("line.look", url=link)


def _line(listed: Listed, why: str) -> str:
    situation, incident = listed.situation, listed.situation.incident
    assert incident is not None
    said = situation.say(
        "line.member",
        incident=incident.incident,
        level=int(incident.level),
        name=name_of(incident),
        where=where_of(situation, incident),
        why=why,
    )
    return " ".join(said.split())
