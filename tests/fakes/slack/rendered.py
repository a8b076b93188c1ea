"""What a Slack client would make of a message: which parts are letters and nothing more, and which take effect.

The model errs on the side of effect: where it is not documented whether something is a mention, a link or an emoji, it
is one here. A message's `text` is always judged, also beneath blocks, since notifications show it. What this module
cannot tell, it refuses.

Sources, read on 2026-11-23: docs.slack.dev/messaging/formatting-message-text (escaping, mrkdwn, <@U…>, <#C…>, <!here>,
<!subteam^…>, <!date^…>, <url|label>, `verbatim`), docs.slack.dev/reference/methods/chat.postMessage (`parse`,
`link_names`, `mrkdwn`: markup is also read with parse "none", and ignored with "full"), .../chat.update (`parse` is
"client" unless said otherwise; it has no `mrkdwn`), docs.slack.dev/reference/block-kit/composition-objects/text-object
(`emoji`), docs.slack.dev/reference/block-kit/blocks/rich-text-block. Not documented, and so assumed: plain_text shows
emoji unless `emoji` is false, and shows &lt; as it stands; `mrkdwn: false` leaves mentions, links and emoji.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.fakes.slack.workspace import Json, Message


class Effect(StrEnum):
    BOLD = "bold"
    ITALIC = "italic"
    STRIKE = "strike"
    CODE = "code"
    QUOTE = "quote"
    LINK = "link"
    USER = "user"  # a mention of one person, who is notified
    GROUP = "group"
    BROADCAST = "broadcast"  # @here, @channel, @everyone
    CHANNEL = "channel"
    EMOJI = "emoji"
    DATE = "date"
    IMAGE = "image"
    BUTTON = "button"
    OTHER = "other"


# Ours to use for emphasis; all else points somewhere, or calls somebody.
LOOKS = frozenset({Effect.BOLD, Effect.ITALIC, Effect.STRIKE, Effect.CODE, Effect.QUOTE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """`text`: as it is read, for an emoji its name. `target`: the URL, the id, or what a button does.

    where: "text", or a path such as "blocks/0/elements/1".
    """

    text: str
    where: str
    effects: frozenset[Effect] = frozenset()
    target: str = ""

    @property
    def is_literal(self) -> bool:
        return not self.effects


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a text is read: its markup (*bold*), its names (@here, #general), bare addresses (example.com), URLs."""

    markup: bool = True
    names: bool = False
    addresses: bool = False
    urls: bool = True


def rendered(message: Message | Mapping[str, Any]) -> list[Piece]:
    """Of a message, of `chat.postMessage`'s arguments, or of an answer to a command: the blocks, then the `text`."""
    blocks: Iterable[Json]
    if isinstance(message, Message):
        blocks, attachments, text = message.blocks, message.attachments, message.text
        parse, link_names, mrkdwn = message.parse, message.link_names, message.mrkdwn
    else:
        blocks, attachments = message.get("blocks") or (), message.get("attachments") or ()
        text, parse = str(message.get("text") or ""), str(message.get("parse") or "none")
        link_names, mrkdwn = bool(message.get("link_names")), message.get("mrkdwn") is not False
    pieces = [*of_blocks(blocks)]
    for number, attachment in enumerate(attachments):
        pieces += _attachment(attachment, f"attachments/{number}")
    return [*pieces, *read(text, "text", reading(parse, link_names=link_names, mrkdwn=mrkdwn))]


def rendered_view(view: Mapping[str, Any]) -> list[Piece]:
    """Of a form, as it is sent to `views.open`."""
    titles = (key for key in ("title", "submit", "close") if key in view)
    return [piece for key in titles for piece in _object(view[key], key)] + [*of_blocks(view["blocks"])]


def words(pieces: Iterable[Piece]) -> str:
    """Everything that is read, pieces of one place joined, places by a line break."""
    lines: dict[str, str] = {}
    for piece in pieces:
        lines[piece.where] = lines.get(piece.where, "") + piece.text
    return "\n".join(lines.values())


def reading(parse: str, *, link_names: bool, mrkdwn: bool) -> Reading:
    """Of a message's `text`."""
    is_full = parse == "full"
    return Reading(
        markup=mrkdwn and not is_full,
        names=link_names or parse in ("full", "client"),
        addresses=parse in ("full", "client"),
    )


def of_blocks(blocks: Iterable[Json]) -> Iterator[Piece]:
    for number, block in enumerate(blocks):
        yield from _block(block, f"blocks/{number}")


def _block(block: Json, where: str) -> Iterator[Piece]:
    match block["type"]:
        case "divider":
            return
        case "header":
            yield from _object(block["text"], where)
        case "section":
            if "text" in block:
                yield from _object(block["text"], f"{where}/text")
            for number, one in enumerate(block.get("fields", [])):
                yield from _object(one, f"{where}/fields/{number}")
            if "accessory" in block:
                yield from _element(block["accessory"], f"{where}/accessory")
        case "context" | "actions":
            for number, one in enumerate(block["elements"]):
                yield from _element(one, f"{where}/elements/{number}")
        case "input":
            yield from _object(block["label"], f"{where}/label")
            if "hint" in block:
                yield from _object(block["hint"], f"{where}/hint")
            yield from _element(block["element"], f"{where}/element")
        case "rich_text":
            for number, one in enumerate(block["elements"]):
                yield from _rich(one, f"{where}/elements/{number}", frozenset())
        case unknown:
            raise ValueError(f"{where}: cannot tell what a {unknown} block looks like")


def _element(element: Json, where: str) -> Iterator[Piece]:
    match element["type"]:
        case "plain_text" | "mrkdwn":
            yield from _object(element, where)
        case "image":
            target = str(element.get("image_url", ""))
            yield Piece(
                text=element["alt_text"], where=where, effects=frozenset({Effect.IMAGE}), target=target
            )
        case "button":
            effects = frozenset({Effect.BUTTON}) | ({Effect.LINK} if "url" in element else set())
            target = str(element.get("url") or element.get("action_id", ""))
            label = words(_object(element["text"], where))
            yield Piece(text=label, where=where, effects=effects, target=target)
        case "plain_text_input":
            if "initial_value" in element:
                yield Piece(text=element["initial_value"], where=f"{where}/initial_value")
            if "placeholder" in element:
                yield from _object(element["placeholder"], f"{where}/placeholder")
        case "static_select" | "radio_buttons":
            for number, option in enumerate(element["options"]):
                yield from _object(option["text"], f"{where}/options/{number}")
        case unknown:
            raise ValueError(f"{where}: cannot tell what a {unknown} looks like")


def _object(text: Json, where: str) -> Iterator[Piece]:
    if text["type"] == "mrkdwn":
        is_verbatim = text.get("verbatim") is True
        yield from read(text["text"], where, Reading(names=not is_verbatim, urls=not is_verbatim))
        return
    if text.get("emoji") is False:
        yield Piece(text=text["text"], where=where)
        return
    start = 0
    for found in EMOJI.finditer(text["text"]):
        if before := text["text"][start : found.start()]:
            yield Piece(text=before, where=where)
        yield Piece(text=found[0], where=where, effects=frozenset({Effect.EMOJI}), target=found[0].strip(":"))
        start = found.end()
    if rest := text["text"][start:]:
        yield Piece(text=rest, where=where)


def _rich(part: Json, where: str, effects: frozenset[Effect]) -> Iterator[Piece]:
    own = {"rich_text_quote": Effect.QUOTE, "rich_text_preformatted": Effect.CODE}.get(part["type"])
    effects = effects | ({own} if own else set())
    for number, one in enumerate(part["elements"]):
        if one["type"].startswith("rich_text_"):
            yield from _rich(one, f"{where}/elements/{number}", effects)
        else:
            yield _rich_piece(one, where, effects | _style(one))


def _style(element: Json) -> frozenset[Effect]:
    style = element.get("style", {})
    return frozenset(effect for effect in LOOKS if style.get(effect.value))


_RICH: Mapping[str, tuple[Effect, str]] = {
    "link": (Effect.LINK, "url"),
    "user": (Effect.USER, "user_id"),
    "usergroup": (Effect.GROUP, "usergroup_id"),
    "channel": (Effect.CHANNEL, "channel_id"),
    "emoji": (Effect.EMOJI, "name"),
    "broadcast": (Effect.BROADCAST, "range"),
    "date": (Effect.DATE, "format"),
    "color": (Effect.OTHER, "value"),
}


def _rich_piece(element: Json, where: str, effects: frozenset[Effect]) -> Piece:
    if element["type"] == "text":
        return Piece(text=element["text"], where=where, effects=effects)
    effect, key = _RICH[element["type"]]
    target = str(element[key])
    label = str(element.get("text") or element.get("fallback") or target)
    return Piece(text=label, where=where, effects=effects | {effect}, target=target)


def _attachment(attachment: Json, where: str) -> Iterator[Piece]:
    for key in ("pretext", "title", "text", "fallback", "footer", "author_name"):
        if key in attachment:
            yield from read(str(attachment[key]), f"{where}/{key}", Reading(names=True))
    for number, field in enumerate(attachment.get("fields", [])):
        for key in ("title", "value"):
            yield from read(str(field.get(key, "")), f"{where}/fields/{number}/{key}", Reading(names=True))
    yield from of_blocks(attachment.get("blocks", []))


# A text is read in two steps: what stands in <> is taken out first and leaves HOLE in its place, so that no markup
# around it can hide it; then markup, emoji, URLs and names are looked for from left to right, and within each other.
HOLE = "\0"
ENTITY = re.compile(r"<([^<>\n]+)>")
EMOJI = re.compile(r":[^\s:/<>\0]+(?:::skin-tone-[2-6])?:")
URL = r"(?:https?://|mailto:|tel:|www\.)[^\s<>\0|]+"
ADDRESS = r"(?<![\w@.])[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:/[^\s<>\0]*)?|[\w.+-]+@[\w-]+\.[\w.-]+"
NAME = r"(?<!\w)[@#][\w.-]+"
MARKUP = (
    ("fence", r"```(?P<fence>.+?)```"),
    ("code", r"`(?P<code>[^`\n]+)`"),
    ("bold", r"(?<![^\W_])\*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?![^\W_])"),
    ("italic", r"(?<![^\W_])_(?P<italic>[^\s_](?:[^_\n]*[^\s_])?)_(?![^\W_])"),
    ("strike", r"(?<![^\W_])~(?P<strike>[^\s~](?:[^~\n]*[^\s~])?)~(?![^\W_])"),
    ("quote", r"^(?:>|&gt;)(?P<quote>[^\n]*)"),
)
_EFFECT = {
    "fence": Effect.CODE,
    "code": Effect.CODE,
    "bold": Effect.BOLD,
    "italic": Effect.ITALIC,
    "strike": Effect.STRIKE,
    "quote": Effect.QUOTE,
}


def read(text: str, where: str, how: Reading) -> Iterator[Piece]:
    """The pieces of a text that is markup."""
    text = text.replace(HOLE, "")
    entities = iter(ENTITY.findall(text))
    return _inside(ENTITY.sub(HOLE, text), entities, where, how, frozenset())


def _inside(
    text: str, entities: Iterator[str], where: str, how: Reading, effects: frozenset[Effect]
) -> Iterator[Piece]:
    start = 0
    for found in _pattern(how).finditer(text):
        if before := _unescaped(text[start : found.start()]):
            yield Piece(text=before, where=where, effects=effects)
        start = found.end()
        kind = found.lastgroup or ""
        if kind == "hole":
            yield _entity(next(entities), where, effects)
        elif kind in _EFFECT:
            yield from _inside(found[kind], entities, where, how, effects | {_EFFECT[kind]})
        else:
            yield _shorthand(kind, found[0], where, effects)
    if rest := _unescaped(text[start:]):
        yield Piece(text=rest, where=where, effects=effects)


def _pattern(how: Reading) -> re.Pattern[str]:
    kinds = [("hole", f"(?P<hole>{HOLE})")]
    kinds += MARKUP if how.markup else ()
    kinds += [("url", f"(?P<url>{URL})")] if how.urls else []
    kinds += [("address", f"(?P<address>{ADDRESS})")] if how.addresses else []
    kinds += [("name", f"(?P<name>{NAME})")] if how.names else []
    kinds += [("emoji", f"(?P<emoji>{EMOJI.pattern})")]
    return re.compile("|".join(pattern for _, pattern in kinds), re.MULTILINE | re.DOTALL)


def _shorthand(kind: str, text: str, where: str, effects: frozenset[Effect]) -> Piece:
    """A URL, an address, a name or an emoji that stands in the text as such."""
    if kind == "emoji":
        return Piece(text=text, where=where, effects=effects | {Effect.EMOJI}, target=text.strip(":"))
    plain = _unescaped(text)
    if kind == "name":
        everyone = plain in ("@here", "@channel", "@everyone", "@group")
        own = Effect.BROADCAST if everyone else Effect.USER if plain[0] == "@" else Effect.CHANNEL
        return Piece(text=plain, where=where, effects=effects | {own}, target=plain[1:])
    return Piece(text=plain, where=where, effects=effects | {Effect.LINK}, target=plain)


def _entity(inner: str, where: str, effects: frozenset[Effect]) -> Piece:
    """What stood in <>: a mention, something special, or else a link."""
    target, _, label = inner.partition("|")
    if target.startswith("!"):
        own, target = _special(target[1:])
    elif target[:1] in ("@", "#"):
        own, target = (Effect.USER if target[0] == "@" else Effect.CHANNEL), target[1:]
    else:
        own = Effect.LINK
    shown = _unescaped(label or target)
    return Piece(text=shown, where=where, effects=effects | {own}, target=_unescaped(target))


def _special(word: str) -> tuple[Effect, str]:
    kind, _, rest = word.partition("^")
    if kind == "date":
        return Effect.DATE, rest
    if kind == "subteam":
        return Effect.GROUP, rest
    return Effect.BROADCAST, word


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
