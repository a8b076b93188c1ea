"""Literal text for Slack: plain_text objects, rich_text elements, and the fallback, each cut visibly to Slack's limits.

What blocks are made of here Slack shows as it is. The fallback is read by Slack's own rules, and not every call can
turn them off (chat.update knows no `mrkdwn`, and its `parse` is `client` unless told otherwise), so it is written such
that the rules find nothing in it. Limits: docs.slack.dev, Block Kit reference and chat.update; the sum of all blocks
and the bytes of an edited text are limited without being documented, as bolt-js 2509 found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from responder.dialects.visible import safe_url, visible

Block = dict[str, object]  # a block, or a part of one, as Slack's JSON has it

HEADER = 150  # characters, as JavaScript counts them
BUTTON = 75
PLAIN = 2_900  # of 3,000 in a text object
LINE = 600
URL_TEXT = 72  # one line on a phone held upright is less, on a screen it is about this
URL_MOST = 1_500  # a longer one is text and no link: three of them fit into a message
SECTION = 2_900  # bytes of one rich_text block
TEXT = 6_000  # bytes of all lines of one message: with links and buttons well below the 13,200 of all blocks
FALLBACK = 3_600  # bytes of 4,000, counted after escaping

_JOINER = "\u2060"  # no width and no space: breaks a name or an address, and nobody sees it
# Markup in one character becomes one that looks alike; a mark without width would not stop it.
_LOOKALIKE = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "\u02cb"})
_UNDERLINE = re.compile(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")  # within a_name it is no markup
_COLON = re.compile(
    r":(?=[^\s:]*:|[^\s\d])"
)  # of :emoji:, https:// and mailto:, but not of 12:30 and `Level: 3`
_NAMED = re.compile(r"[@#](?=\S)")
_DOT = re.compile(r"(?<=[\w-])\.(?=\S)")
_QUOTE = re.compile(r"^(\s*)>", re.MULTILINE)
_ENTITY = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a message. `is_item`: it belongs to a list."""

    pieces: tuple[Block, ...]
    is_item: bool = False

    @property
    def weight(self) -> int:
        """Bytes that it takes in the message."""
        return len(json.dumps(self.pieces, ensure_ascii=False).encode()) + 60


def cut(text: str, most: int) -> str:
    """At most `most` characters as JavaScript counts them, the last one "…" where something is missing."""
    if len(text) * 2 <= most or _length(text) <= most:
        return text
    kept: list[str] = []
    left = most - 1
    for character in text:
        left -= _length(character)
        if left < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def plain(text: str, most: int = PLAIN) -> Block:
    """A plain_text object; Slack takes none that is empty."""
    return {"type": "plain_text", "text": cut(text, most) or "-", "emoji": False}


def piece(text: str, *, bold: bool = False) -> Block:
    """An element of a line. It is taken literally, whatever it says; Slack takes none that is empty."""
    found: Block = {"type": "text", "text": cut(text, LINE) or " "}
    return found | {"style": {"bold": True}} if bold else found


def link(url: str) -> Block:
    """A link that shows where it leads; where it is none, or too long, its text."""
    safe = safe_url(url)
    if not safe or len(safe) > URL_MOST:
        return piece(cut(visible(url, LINE), LINE))
    return {"type": "link", "url": safe, "text": cut(safe, URL_TEXT)}


def line(text: str, *, bold: bool = False) -> Line:
    return Line((piece(visible(text, LINE), bold=bold),))


def item(text: str) -> Line:
    return Line((piece(visible(text, LINE)),), is_item=True)


def rich_text(lines: Sequence[Line], more: Callable[[int], str], most: int = TEXT) -> list[Block]:
    """The lines in as few blocks as take them, in at most `most` bytes; `more(count)` says how many are missing."""
    kept, left = 0, most
    while kept < len(lines) and (left := left - lines[kept].weight) >= 0:
        kept += 1
    shown = list(lines[:kept])
    if kept < len(lines):
        shown.append(line(more(len(lines) - kept)))
    blocks: list[list[Line]] = []
    room = 0
    for each in shown:
        if not blocks or each.weight > room:
            blocks.append([])
            room = SECTION
        room -= each.weight
        blocks[-1].append(each)
    return [{"type": "rich_text", "elements": _elements(block)} for block in blocks]


def fallback(text: str, most: int = FALLBACK) -> str:
    """`text` for notifications and screen readers: to people the same, to Slack without markup, mention, link or emoji.

    Its lines are kept. `most`: bytes, counted after escaping.
    """
    text = _QUOTE.sub("\\1\u203a", text[:most].translate(_LOOKALIKE))
    text = _UNDERLINE.sub("\uff3f", text)
    text = _COLON.sub("\u2236", text)
    text = _NAMED.sub(lambda found: found[0] + _JOINER, text)
    text = _DOT.sub(_JOINER + ".", text)
    kept: list[str] = []
    left = most - len("…".encode())
    for character in text:
        written = _ENTITY.get(character, character)
        left -= len(written.encode(errors="replace"))
        if left < 0:
            return "".join(kept).rstrip() + "…"
        kept.append(written)
    return "".join(kept)


def _elements(lines: Sequence[Line]) -> list[Block]:
    """Neighbouring lines as one section, neighbouring items as one list."""
    elements: list[Block] = []
    run: list[Line] = []
    for each in (*lines, None):
        if run and (each is None or each.is_item != run[0].is_item):
            elements.append(_list(run) if run[0].is_item else _section(run))
            run = []
        if each is not None:
            run.append(each)
    return elements


def _section(lines: Sequence[Line]) -> Block:
    pieces = [part for each in lines for part in (piece("\n"), *each.pieces)][1:]
    return {"type": "rich_text_section", "elements": pieces}


def _list(items: Sequence[Line]) -> Block:
    return {"type": "rich_text_list", "style": "bullet", "elements": [_section([each]) for each in items]}


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2
