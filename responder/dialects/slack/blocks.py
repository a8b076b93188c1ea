"""A message as Slack shows it: the incident's root in a channel, a page to a person, a reply in the thread.

Every word comes from the message or from the catalogues; the message's own words are strangers' text, so all of it
is put in as `text` takes it: literally. The marks in front of a headline are the only emoji, and they are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from responder.core.decision import PageReason
from responder.core.identifiers import is_digest_id
from responder.dialects.slack.said import Button
from responder.dialects.slack.text import (
    BUTTON,
    LINE,
    Block,
    Line,
    fallback,
    item,
    line,
    link,
    piece,
    plain,
    rich_text,
)
from responder.dialects.visible import visible
from responder.dialects.wording.words import Words, words
from responder.ports.channel import Message

LINKS = 5_500  # bytes of the lines that are links; they have their own room, so that nothing pushes them out
STORY = 4_000  # bytes of a reply in the thread
LEVEL = {1: "⚪", 2: "🟡", 3: "🟠", 4: "🔴"}
STATE = {"acknowledged": "👀", "snoozed": "💤", "suppressed": "🔕", "resolved": "✅", "closed": "✅"}
INFO = "🔹"
OVER = ("resolved", "closed")
# Which buttons make sense; nothing is asked for where it is over, or where there is no incident.
BUTTONS: dict[str, tuple[Button, ...]] = {
    "open": tuple(Button),
    "acknowledged": (Button.RESOLVE, Button.ESCALATE, Button.SNOOZE, Button.ACKNOWLEDGE),
    "snoozed": (Button.ACKNOWLEDGE, Button.RESOLVE),
    "suppressed": (Button.ACKNOWLEDGE, Button.RESOLVE, Button.ESCALATE),
}


@dataclass(frozen=True, slots=True)
class Post:
    """What is handed to Slack. `text` is the fallback, for notifications and for screen readers."""

    text: str
    blocks: tuple[Block, ...]

    def arguments(self) -> dict[str, object]:
        """Of chat.postMessage, with all that Slack would make of a text by itself turned off."""
        return {
            "text": self.text,
            "blocks": list(self.blocks),
            "mrkdwn": False,
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }


def root(message: Message) -> Post:
    """The one message about it in a channel; edited as it changes, so it is always the whole."""
    say = words(message.locale)
    return Post(
        text=_fallback(message, ()),
        blocks=(*_content(message, say, ()), *_actions(message, say), *_context(message, say)),
    )


def direct(message: Message, *, is_edit: bool = False) -> Post:
    """A page to one person, or what they are told: it opens with why it comes to them. `is_edit`: they have it already.

    Once an acknowledgement or the end has made a page needless, it says so and asks for nothing any more.
    """
    say = words(message.locale)
    is_kept = is_edit or message.reason not in list(PageReason)
    is_needless = _is_needless(message, is_kept=is_kept)
    opening = (say(_standing(message) if is_kept or is_needless else f"slack.direct.{message.reason}"),)
    buttons = [] if is_needless else _actions(message, say)
    context = _context(message, say, has_buttons=bool(buttons))
    return Post(
        text=_fallback(message, opening), blocks=(*_content(message, say, opening), *buttons, *context)
    )


def thread(message: Message) -> Post | None:
    """What has happened since the channel last showed it, as a reply; None where there is nothing to tell."""
    if not message.story:
        return None
    say = words(message.locale)
    return Post(
        text=fallback("\n".join(visible(each, LINE) for each in message.story)),
        blocks=tuple(rich_text(story_lines(message.story), more(say), STORY)),
    )


def outdated(message: Message) -> Post:
    """What the older of two roots about the same becomes: a pointer to the newer, with nothing to press."""
    say = words(message.locale)
    told, headline = say("slack.outdated"), visible(message.headline, LINE)
    lines = (line(told, bold=True), line(headline))
    return Post(text=fallback(f"{told}\n{headline}"), blocks=tuple(rich_text(lines, more(say))))


def marks(level: int, state: str) -> str:
    """How bad it is and how it stands, at a glance; its end outweighs its level."""
    if state in OVER:
        return STATE[state]
    return LEVEL.get(level, INFO) + STATE.get(state, "")


def value(incident: str, revision: int) -> str:
    """What a button carries back: the incident, and which version of it was seen."""
    return f"{incident}:{revision}"


def actions(incident: str, revision: int, state: str, locale: str) -> list[Block]:
    """The buttons that make sense for an incident in `state`; none = an empty list."""
    say, chosen = words(locale), BUTTONS.get(state, ()) if incident else ()
    elements: list[Block] = []
    is_digest = is_digest_id(incident)
    for button in chosen:
        if is_digest and button is not Button.ACKNOWLEDGE:
            continue  # of a digest all is acknowledged, or each incident by itself
        is_takeover = button is Button.ACKNOWLEDGE and state == "acknowledged"
        element: Block = {
            "type": "button",
            "action_id": f"responder.{button.value}",
            "text": plain(say(_label(button, is_takeover=is_takeover, is_digest=is_digest)), BUTTON),
            "value": value(incident, revision),
        }
        is_wanted = button is Button.ACKNOWLEDGE and not is_takeover
        elements.append(element | {"style": "primary"} if is_wanted else element)
    return [{"type": "actions", "elements": elements}] if elements else []


def _label(button: Button, *, is_takeover: bool, is_digest: bool) -> str:
    if is_digest:
        return "slack.button.all"
    return "slack.button.takeover" if is_takeover else f"slack.button.{button.value}"


def more(say: Words) -> Callable[[int], str]:
    """How many lines there was no room for, in words."""
    return lambda count: say("slack.more_lines", count=count)


def story_lines(story: Sequence[str]) -> list[Line]:
    """One sentence stands for itself; several are a list."""
    return [line(story[0])] if len(story) == 1 else [item(each) for each in story]


def body_lines(message: Message, say: Words) -> tuple[list[Line], list[Line]]:
    """The body's lines, and those of them that are links. How to acknowledge is left to the context line."""
    texts: list[Line] = []
    links: list[Line] = []
    for text in _told(message):
        label, found, rest = text.partition(": ")
        is_labelled = bool(found) and label in say.labels
        url = _url(rest, message.links.values()) if is_labelled else ""
        front = piece(f"{label}: ", bold=True)
        if url:
            links.append(Line((front, link(url))))
        elif is_labelled:
            texts.append(Line((front, piece(rest))))
        else:
            texts.append(item(text.removeprefix("- ")) if text.startswith("- ") else line(text))
    return texts, links


def _told(message: Message) -> Iterator[str]:
    """The body as strangers' text, without the line that the context line says as well."""
    command = message.facts.get("acknowledge", "")
    for text in message.body:
        if not command or not text.endswith(f": {command}"):
            yield visible(text, LINE)


def _url(text: str, urls: Iterable[str]) -> str:
    """The link that a line shows, also where the line was too short for all of it."""
    for url in urls:
        if text == url or (text.endswith("…") and len(text) > 1 and url.startswith(text[:-1])):
            return url
    return ""


def _content(message: Message, say: Words, opening: Sequence[str]) -> list[Block]:
    mark = marks(message.level, message.state)
    headline = Line((piece(f"{mark} "), piece(visible(message.headline, LINE), bold=True)))
    texts, links = body_lines(message, say)
    front = [line(text) for text in opening]
    return [*rich_text([*front, headline, *texts], more(say)), *rich_text(links, more(say), LINKS)]


def _actions(message: Message, say: Words) -> list[Block]:
    return actions(message.incident, message.revision, message.state, say.locale)


def _context(message: Message, say: Words, *, has_buttons: bool = True) -> list[Block]:
    """What to type instead of pressing, or where there is nothing to press."""
    if not message.incident:
        return []
    live = "slack.context.live" if has_buttons else "slack.context.held"
    if is_digest_id(message.incident):
        live = "slack.context.digest"
    code = "slack.context.over" if message.state in OVER else live
    return [{"type": "context", "elements": [plain(say(code, incident=visible(message.incident, 20)))]}]


def _fallback(message: Message, opening: Iterable[str]) -> str:
    """The headline first: it is what a lock screen shows."""
    mark = marks(message.level, message.state)
    return fallback("\n".join((f"{mark} {visible(message.headline, LINE)}", *opening, *_told(message))))


def _is_needless(message: Message, *, is_kept: bool) -> bool:
    """It asked for an acknowledgement, and there is one, or it is over. Of what joins, the one who holds it is told."""
    if not is_kept and not PageReason(message.reason).is_ladder:
        return False
    is_held = message.state == "acknowledged" and (is_kept or message.reason != PageReason.JOINED)
    return is_held or message.state in OVER


def _standing(message: Message) -> str:
    """The words for how what they were paged with stands now."""
    if message.state in OVER:
        return "slack.direct.over"
    known = {"acknowledged": "held", "snoozed": "snoozed", "suppressed": "suppressed"}
    return f"slack.direct.{known.get(message.state, 'open')}"
