"""Block Kit as Slack checks it: what is wrong with a message's blocks, or with a form, and where.

Every fault is found at once and named as Slack names it, with a JSON pointer. Blocks and elements that this module does
not know are faults too, even where Slack would take them.

Sources, read on 2026-11-23: docs.slack.dev/reference/block-kit/blocks/ (section-block: text 3000, 10 fields of 2000;
header-block: 150; context-block: 10 elements; actions-block: 25; input-block: label and hint 2000; rich-text-block),
docs.slack.dev/reference/block-kit/block-elements/ (button-element: text 75, value 2000, url 3000, action_id 255;
plain-text-input-element: placeholder 150, max_length 3000; static select: 100 options of 75, value 150),
docs.slack.dev/reference/block-kit/composition-objects/ (text object: 1 to 3000; confirm: 100, 300, 30, 30),
docs.slack.dev/reference/views/modal-views (title, submit and close 24, 100 blocks, private_metadata 3000, callback_id
255), docs.slack.dev/reference/block-kit/blocks: 50 blocks in a message, block_id 255 and unique.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
TEXT = 3000
# Above it a message's blocks are too long as a whole. Slack gives no figure; measured at 13,297 characters, less with
# more blocks: github.com/slackapi/bolt-js/issues/2509.
ALL_TEXT = 13_000

STYLES = {"bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"}
RICH_TEXT = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")


@dataclass(slots=True)
class _Faults:
    found: list[str] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        self.found.append(f"{what} [json-pointer:{where}]")

    def text_of(self, owner: Mapping[str, Any], key: str, where: str, most: int, *, least: int = 0) -> None:
        """A string, where there is one, of a length that is allowed."""
        if key not in owner:
            return
        text, at = owner[key], f"{where}/{key}"
        if not isinstance(text, str):
            self.add(at, "must be a string")
        elif len(text) > most:
            self.add(at, f"must be less than {most + 1} characters")
        elif len(text) < least:
            self.add(at, f"must be more than {least - 1} characters")

    def need(self, owner: Mapping[str, Any], where: str, *keys: str) -> None:
        for key in keys:
            if key not in owner:
                self.add(where, f"missing required field: {key}")


def message_faults(blocks: object) -> list[str]:
    """Of a message's blocks; [] for none."""
    return _blocks_faults(blocks, MESSAGE_BLOCKS, is_view=False)


def view_faults(view: object) -> list[str]:
    """Of a modal."""
    faults = _Faults()
    if not isinstance(view, dict):
        return ["must be an object [json-pointer:/view]"]
    if view.get("type") != "modal":
        faults.add("/view/type", "must be: modal")
    faults.need(view, "/view", "title", "blocks")
    for key in ("title", "submit", "close"):
        if key in view:
            _text_object(view[key], f"/view/{key}", 24, faults, plain_only=True)
    faults.text_of(view, "private_metadata", "/view", 3000)
    faults.text_of(view, "callback_id", "/view", 255)
    blocks = view.get("blocks", [])
    has_input = any(one.get("type") == "input" for one in blocks if isinstance(one, dict))
    if has_input and "submit" not in view:
        faults.add("/view/submit", "required when the view has input blocks")
    return [*faults.found, *_blocks_faults(blocks, VIEW_BLOCKS, is_view=True, root="/view/blocks")]


def text_length(blocks: Iterable[Json]) -> int:
    """The characters of all texts, labels and values together."""
    return sum(_length(block) for block in blocks)


def _length(part: object) -> int:
    match part:
        case dict():
            own = sum(len(part[key]) for key in ("text", "value", "url") if isinstance(part.get(key), str))
            return own + sum(_length(one) for one in part.values() if isinstance(one, (dict, list)))
        case list():
            return sum(_length(one) for one in part)
        case _:
            return 0


def _blocks_faults(blocks: object, most: int, *, is_view: bool, root: str = "/blocks") -> list[str]:
    faults = _Faults()
    if not isinstance(blocks, list):
        return [f"must be an array [json-pointer:{root}]"]
    if len(blocks) > most:
        faults.add(root, f"no more than {most} items allowed")
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        where = f"{root}/{number}"
        if not isinstance(block, dict):
            faults.add(where, "must be an object")
            continue
        faults.text_of(block, "block_id", where, 255)
        if (own := block.get("block_id")) and own in seen:
            faults.add(where, f"`block_id` already exists: {own}")
        seen.add(str(own))
        kind = block.get("type")
        check = _BLOCKS.get(str(kind))
        if check is None or (kind == "rich_text_input" and not is_view):
            faults.add(f"{where}/type", f"unsupported block: {kind}")
        else:
            check(block, where, faults)
    return faults.found


def _text_object(
    text: object, where: str, most: int, faults: _Faults, *, plain_only: bool = False, least: int = 1
) -> None:
    if not isinstance(text, dict):
        faults.add(where, "must be an object")
        return
    kinds = ("plain_text",) if plain_only else ("plain_text", "mrkdwn")
    if text.get("type") not in kinds:
        faults.add(f"{where}/type", f"must be: {' or '.join(kinds)}")
    allowed = {"type", "text", "emoji"} if text.get("type") == "plain_text" else {"type", "text", "verbatim"}
    for key in sorted(text.keys() - allowed):
        faults.add(where, f"invalid additional property: {key}")
    faults.need(text, where, "text")
    faults.text_of(text, "text", where, most, least=least)


def _section(block: Json, where: str, faults: _Faults) -> None:
    if "text" not in block and "fields" not in block:
        faults.add(where, "missing required field: text or fields")
    if "text" in block:
        _text_object(block["text"], f"{where}/text", TEXT, faults)
    if "fields" in block:
        _items(block, "fields", where, 10, faults, lambda one, at: _text_object(one, at, 2000, faults))
    if "accessory" in block:
        _element(block["accessory"], f"{where}/accessory", faults)


def _header(block: Json, where: str, faults: _Faults) -> None:
    faults.need(block, where, "text")
    _text_object(block.get("text"), f"{where}/text", 150, faults, plain_only=True)


def _context(block: Json, where: str, faults: _Faults) -> None:
    def check(one: object, at: str) -> None:
        if isinstance(one, dict) and one.get("type") == "image":
            faults.need(one, at, "alt_text")
        else:
            _text_object(one, at, TEXT, faults)

    _items(block, "elements", where, 10, faults, check)


def _actions(block: Json, where: str, faults: _Faults) -> None:
    _items(block, "elements", where, 25, faults, lambda one, at: _element(one, at, faults))
    ids = [one.get("action_id") for one in block.get("elements", []) if isinstance(one, dict)]
    for twice in sorted({one for one in ids if one and ids.count(one) > 1}):
        faults.add(f"{where}/elements", f"`action_id` already exists: {twice}")


def _input(block: Json, where: str, faults: _Faults) -> None:
    faults.need(block, where, "label", "element")
    if "label" in block:
        _text_object(block["label"], f"{where}/label", 2000, faults, plain_only=True)
    if "hint" in block:
        _text_object(block["hint"], f"{where}/hint", 2000, faults, plain_only=True)
    if "element" in block:
        _element(block["element"], f"{where}/element", faults, is_input=True)


def _divider(block: Json, where: str, faults: _Faults) -> None:
    for key in sorted(block.keys() - {"type", "block_id"}):
        faults.add(where, f"invalid additional property: {key}")


def _rich_text(block: Json, where: str, faults: _Faults) -> None:
    _items(block, "elements", where, None, faults, lambda one, at: _rich_part(one, at, faults, RICH_TEXT))


def _rich_part(part: object, where: str, faults: _Faults, kinds: tuple[str, ...]) -> None:
    if not isinstance(part, dict) or part.get("type") not in kinds:
        faults.add(f"{where}/type", f"must be: {' or '.join(kinds)}")
        return
    if part["type"] == "rich_text_list":
        if part.get("style") not in ("bullet", "ordered"):
            faults.add(f"{where}/style", "must be: bullet or ordered")
        inner: Callable[[object, str], None] = lambda one, at: _rich_part(one, at, faults, RICH_TEXT[:1])  # noqa: E731
    else:
        only = ("text", "link") if part["type"] == "rich_text_preformatted" else tuple(_RICH)
        inner = lambda one, at: _rich_element(one, at, faults, only)  # noqa: E731
    _items(part, "elements", where, None, faults, inner)


def _rich_element(element: object, where: str, faults: _Faults, kinds: tuple[str, ...]) -> None:
    if not isinstance(element, dict) or element.get("type") not in kinds:
        faults.add(f"{where}/type", f"must be: {' or '.join(kinds)}")
        return
    needed, allowed = _RICH[element["type"]]
    faults.need(element, where, *needed)
    for key in needed:
        faults.text_of(element, key, where, 1_000_000, least=1)
    for key in sorted(element.keys() - {"type", *needed, *allowed}):
        faults.add(where, f"invalid additional property: {key}")
    style = element.get("style", {})
    if not isinstance(style, dict) or not all(isinstance(one, bool) for one in style.values()):
        faults.add(f"{where}/style", "must be an object of booleans")
    else:
        for key in sorted(style.keys() - STYLES):
            faults.add(f"{where}/style", f"invalid additional property: {key}")


# Type -> what it needs, what it may have besides.
_RICH: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "text": (("text",), ("style",)),
    "link": (("url",), ("text", "unsafe", "style")),
    "user": (("user_id",), ("style",)),
    "usergroup": (("usergroup_id",), ("style",)),
    "channel": (("channel_id",), ("style",)),
    "emoji": (("name",), ("unicode", "skin_tone", "style")),
    "broadcast": (("range",), ("style",)),
    "color": (("value",), ("style",)),
    "date": (("format",), ("timestamp", "url", "fallback", "style")),
}


def _element(element: object, where: str, faults: _Faults, *, is_input: bool = False) -> None:
    known = _INPUTS if is_input else _ELEMENTS
    if not isinstance(element, dict) or element.get("type") not in known:
        faults.add(f"{where}/type", f"unsupported element; must be: {' or '.join(known)}")
        return
    faults.text_of(element, "action_id", where, 255, least=1)
    if "confirm" in element:
        _confirm(element["confirm"], f"{where}/confirm", faults)
    known[element["type"]](element, where, faults)


def _button(button: Json, where: str, faults: _Faults) -> None:
    faults.need(button, where, "text")
    _text_object(button.get("text"), f"{where}/text", 75, faults, plain_only=True)
    faults.text_of(button, "value", where, 2000)
    faults.text_of(button, "url", where, 3000)
    faults.text_of(button, "accessibility_label", where, 75)
    if button.get("style", "primary") not in ("primary", "danger"):
        faults.add(f"{where}/style", "must be: primary or danger")


def _confirm(confirm: object, where: str, faults: _Faults) -> None:
    if not isinstance(confirm, dict):
        faults.add(where, "must be an object")
        return
    for key, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        if key in confirm:
            _text_object(confirm[key], f"{where}/{key}", most, faults, plain_only=True)


def _plain_text_input(element: Json, where: str, faults: _Faults) -> None:
    if "placeholder" in element:
        _text_object(element["placeholder"], f"{where}/placeholder", 150, faults, plain_only=True)
    faults.text_of(element, "initial_value", where, TEXT)
    for key, least in (("min_length", 0), ("max_length", 1)):
        if key in element and not (isinstance(element[key], int) and least <= element[key] <= TEXT):
            faults.add(f"{where}/{key}", f"must be from {least} to {TEXT}")


def _choice(element: Json, where: str, faults: _Faults) -> None:
    def option(one: object, at: str) -> None:
        if not isinstance(one, dict):
            faults.add(at, "must be an object")
            return
        faults.need(one, at, "text", "value")
        _text_object(one.get("text"), f"{at}/text", 75, faults, plain_only=element["type"] != "radio_buttons")
        faults.text_of(one, "value", at, 150)

    _items(element, "options", where, 10 if element["type"] == "radio_buttons" else 100, faults, option)
    if "placeholder" in element:
        _text_object(element["placeholder"], f"{where}/placeholder", 150, faults, plain_only=True)
    if "initial_option" in element and element["initial_option"] not in element.get("options", []):
        faults.add(f"{where}/initial_option", "must be one of the options")


def _image(element: Json, where: str, faults: _Faults) -> None:
    faults.need(element, where, "alt_text")


def _items(
    owner: Json, key: str, where: str, most: int | None, faults: _Faults, check: Callable[[object, str], None]
) -> None:
    items = owner.get(key)
    if not isinstance(items, list) or not items:
        faults.add(f"{where}/{key}", "must be an array of at least 1 item")
        return
    if most is not None and len(items) > most:
        faults.add(f"{where}/{key}", f"no more than {most} items allowed")
    for number, item in enumerate(items):
        check(item, f"{where}/{key}/{number}")


_Check = Callable[[Json, str, _Faults], None]
_BLOCKS: Mapping[str, _Check] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "divider": _divider,
    "rich_text": _rich_text,
}
_ELEMENTS: Mapping[str, _Check] = {"button": _button, "static_select": _choice, "image": _image}
_INPUTS: Mapping[str, _Check] = {
    "plain_text_input": _plain_text_input,
    "static_select": _choice,
    "radio_buttons": _choice,
}
