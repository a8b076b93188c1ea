"""The modals, there and back: a view that Slack opens, and what a person entered in it.

A form carries in `private_metadata` what it is about, as nothing else of the message comes back with it. Texts are
plain_text objects and cut to Slack's limits (docs.slack.dev, modal views, input block, select menu, plain-text input).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from responder.dialects.slack.said import Form
from responder.dialects.slack.text import Block, plain
from responder.dialects.visible import visible
from responder.dialects.wording.words import Words, words

OURS = "responder."  # our callback ids begin with it

REASON = "reason"  # block ids, and the action ids in them
DURATION = "duration"
OTHER = "other"

REASON_MOST = 1_000  # characters
DURATIONS = ("15m", "30m", "1h", "2h", "4h")
FIRST = "30m"  # chosen until the person chooses another

_TITLE = 24
_LABEL = 2_000
_PLACEHOLDER = 150
_OPTION = 75
_METADATA = 3_000
_ERROR = 300  # not documented; one short sentence under a field


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a form is about. `revision`: the one that the person saw when the form was opened."""

    incident: str
    revision: int
    response_url: str = field(default="", repr=False)


def form(
    kind: Form, *, incident: str, revision: int, response_url: str, title: str, locale: str
) -> dict[str, object]:
    """The view for views.open. `title`: the incident's, a stranger's text."""
    say = words(locale)
    about = f"{incident}: {visible(title)}" if title else incident
    return {
        "type": "modal",
        "callback_id": OURS + kind.value,
        "title": plain(say(f"commands.form.{kind.value}.title"), _TITLE),
        "submit": plain(say(f"commands.form.{kind.value}.submit"), _TITLE),
        "close": plain(say("commands.form.close"), _TITLE),
        "private_metadata": _written(About(incident=incident, revision=revision, response_url=response_url)),
        "blocks": [{"type": "section", "text": plain(about)}, *_fields(kind, say)],
    }


def errors(block: str, text: str) -> dict[str, object]:
    """The answer to a submission that keeps the form open, with `text` under the field of `block`."""
    return {"response_action": "errors", "errors": {block: visible(text, _ERROR)}}


def about(metadata: object) -> About | None:
    """What `form` wrote into the metadata; None where it is not ours."""
    if not isinstance(metadata, str):
        return None
    try:
        found = json.loads(metadata)
    except (ValueError, RecursionError):
        return None
    match found:
        case {"incident": str(incident), "revision": int(revision), "response_url": str(url)} if incident:
            return About(incident=incident, revision=int(revision), response_url=url)
        case _:
            return None


def entered(values: object) -> dict[str, str]:
    """By block, what was entered in a view's `state.values`; "" and absent are the same."""
    if not isinstance(values, Mapping):
        return {}
    found = {block: _value(values.get(block), block) for block in (REASON, DURATION, OTHER)}
    return {block: value for block, value in found.items() if value}


def _value(block: object, action: str) -> str:
    match block:
        case {**actions}:
            field = actions.get(action)
        case _:
            return ""
    match field:
        case {"value": str(text)}:
            return text.strip()
        case {"selected_option": {"value": str(text)}}:
            return text
        case _:
            return ""


def _fields(kind: Form, say: Words) -> list[Block]:
    match kind:
        case Form.RESOLVE:
            return [_input(REASON, _line(REASON, say, is_long=True), say)]
        case Form.SNOOZE:
            return [
                _input(DURATION, _choice(say), say),
                _input(OTHER, _line(OTHER, say), say),
            ]
        case _:
            assert_never(kind)


def _input(block: str, element: Block, say: Words) -> Block:
    """None is demanded by Slack: a reason may be left out, and of two fields for a duration one is enough."""
    label = plain(say(f"commands.form.{block}"), _LABEL)
    return {"type": "input", "block_id": block, "label": label, "element": element, "optional": True}


def _line(block: str, say: Words, *, is_long: bool = False) -> Block:
    return {
        "type": "plain_text_input",
        "action_id": block,
        "multiline": is_long,
        "max_length": REASON_MOST if is_long else 40,
        "placeholder": plain(say(f"commands.form.{block}.example"), _PLACEHOLDER),
    }


def _choice(say: Words) -> Block:
    options = {value: _option(value, say) for value in DURATIONS}
    return {
        "type": "static_select",
        "action_id": DURATION,
        "options": list(options.values()),
        "initial_option": options[FIRST],
    }


def _option(value: str, say: Words) -> Block:
    return {"text": plain(say(f"commands.form.duration.{value}"), _OPTION), "value": value}


def _written(what: About) -> str:
    """An answer to a URL that does not fit is lost; the form is not."""
    found = {"incident": what.incident, "revision": what.revision, "response_url": what.response_url}
    text = json.dumps(found)
    return text if len(text) <= _METADATA else json.dumps(found | {"response_url": ""})
