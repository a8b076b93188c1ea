"""What a person is answered in Slack, seen by nobody else: what became of a command, a list, one incident, the help.

`payload` is the shape of a slash command's answer and of a response_url; replacing the message that was pressed on is
never asked for, because that message belongs to everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from responder.dialects.slack.blocks import STORY, Post, marks, more, root
from responder.dialects.slack.language import HELP, NO_VERB
from responder.dialects.slack.said import Unclear
from responder.dialects.slack.text import LINE, Line, fallback, item, line, piece, rich_text
from responder.dialects.visible import visible
from responder.dialects.wording import at
from responder.dialects.wording.words import Words, words
from responder.ports.channel import Message

LISTED = 20  # incidents in one answer
TITLE = 80  # characters of each
BEGINNINGS = HELP[1:5]  # what whoever knows no verb is shown of the help
ANSWER = 10_000  # bytes of its lines; there is nothing else in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An incident in a list. `state` as in `Message`; `holder` "" where nobody has it."""

    incident: str
    level: int
    state: str
    title: str
    holder: str
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCall:
    """Who has a roster's shift. `until`: None = for good; `reason`: why it is theirs out of turn, "" = it is not."""

    roster: str
    person: str
    until: datetime | None = None
    reason: str = ""


def told(sentence: str, locale: str) -> Post:
    """What was done."""
    return _post([line(f"✅ {sentence}")], words(locale))


def idle(sentence: str, locale: str) -> Post:
    """What is as it was, and why: nothing was done, and nothing is wrong."""
    return _post([line(f"\N{INFORMATION SOURCE}\ufe0f {sentence}")], words(locale))


def refused(sentence: str, locale: str) -> Post:
    """What was not done, and why."""
    return _post([line(f"⛔ {sentence}")], words(locale))


def listed(incidents: Sequence[Listed], locale: str, now: datetime, zone: ZoneInfo) -> Post:
    """The first of them in the order given, and how many more there are; times in `zone`."""
    say = words(locale)
    if not incidents:
        return _post([line(say("slack.answer.none"))], say)
    lines = [line(say("slack.answer.list", count=len(incidents)), bold=True)]
    lines += [_listed(each, say, now, zone) for each in incidents[:LISTED]]
    if (count := len(incidents) - LISTED) > 0:
        lines.append(line(say("slack.answer.more", count=count)))
    return _post(lines, say)


def story(message: Message) -> Post:
    """All about one incident, with its buttons: what its root shows, and `message.story` in front of the buttons."""
    shown, say = root(message), words(message.locale)
    if not message.story:
        return shown
    lines = [line(say("slack.answer.happened"), bold=True), *(item(each) for each in message.story)]
    happened = rich_text(lines, more(say), STORY)
    place = next(
        (i for i, block in enumerate(shown.blocks) if block["type"] != "rich_text"), len(shown.blocks)
    )
    return Post(shown.text, (*shown.blocks[:place], *happened, *shown.blocks[place:]))


def who(incident: str, holder: str, paged: Iterable[str], following: str, locale: str) -> Post:
    """Who has it, who was paged so far, and who is next (`following`, in words). Each may be empty."""
    say = words(locale)
    people = ", ".join(paged)
    return _post(
        [
            line(say("slack.answer.who", incident=incident), bold=True),
            _labelled(say("slack.answer.who.holder"), holder or say("slack.answer.who.nobody")),
            _labelled(say("slack.answer.who.paged"), people or say("slack.answer.who.paged.none")),
            _labelled(say("slack.answer.who.next"), following or say("slack.answer.who.next.none")),
        ],
        say,
    )


def on_call(shifts: Iterable[OnCall], locale: str, now: datetime, zone: ZoneInfo) -> Post:
    """Who is on call while nothing is open; times in `zone`."""
    say = words(locale)
    lines = [_labelled(visible(each.roster, TITLE), _on_call(each, say, now, zone)) for each in shifts]
    if not lines:
        return _post([line(say("slack.answer.on_call.none"))], say)
    return _post([line(say("slack.answer.on_call"), bold=True), *lines], say)


def help(locale: str) -> Post:
    """What can be typed, a line each."""
    say = words(locale)
    title, *verbs = (say(code) for code in HELP)
    return _post([line(title, bold=True), *(item(each) for each in verbs)], say)


def unclear(found: Unclear, locale: str) -> Post:
    """What was not understood, what may have been meant, and where the help is."""
    say = words(locale)
    lines = [line(say(found.code, **found.figures))]
    if found.meant:
        lines.append(_labelled(say("slack.answer.meant"), found.meant))
    elif found.code == NO_VERB:
        lines += [item(say(code)) for code in BEGINNINGS]
    lines.append(line(say("slack.answer.help")))
    return _post(lines, say)


def payload(post: Post, *, ephemeral: bool = True) -> dict[str, object]:
    """The JSON of an answer to a slash command, or to its response_url."""
    kind = "ephemeral" if ephemeral else "in_channel"
    return {"response_type": kind, "replace_original": False, **post.arguments()}


def _listed(each: Listed, say: Words, now: datetime, zone: ZoneInfo) -> Line:
    holder = visible(each.holder, TITLE)
    facts = (
        say("slack.answer.since", since=at(each.opened_at, now, zone)),
        say("slack.answer.holder", holder=holder) if holder else say("slack.answer.nobody"),
    )
    mark, name = marks(each.level, each.state), visible(each.incident, 20)
    title = visible(each.title, TITLE)
    front = (piece(f"{mark} "), piece(f"[L{each.level}] {name}", bold=True))
    return Line((*front, piece(f" {title} — {', '.join(facts)}")), is_item=True)


def _on_call(each: OnCall, say: Words, now: datetime, zone: ZoneInfo) -> str:
    told = visible(each.person, TITLE)
    if each.until is not None:
        told = say("slack.answer.on_call.until", person=told, until=at(each.until, now, zone))
    return (
        say("slack.answer.on_call.because", told=told, reason=visible(each.reason)) if each.reason else told
    )


def _labelled(label: str, text: str) -> Line:
    return Line((piece(f"{label}: ", bold=True), piece(visible(text, LINE))))


def _post(lines: Sequence[Line], say: Words) -> Post:
    spoken = "\n".join("".join(str(part["text"]) for part in each.pieces) for each in lines)
    return Post(fallback(spoken), tuple(rich_text(lines, more(say), ANSWER)))
