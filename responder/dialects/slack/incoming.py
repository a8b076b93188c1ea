"""What Slack posts to us, read into what a person said, pressed or filled in. Pure: signatures were checked before.

Any JSON at all ends in a `Heard` or in NotSlack, which repeats nothing of it. A payload of another app's or of a kind
that we do not listen to is `Ignored`; one that should be ours and lacks what we need is NotSlack, so that the person
sees that it failed. `once` is a digest: what it is made of (a trigger id opens forms) must not reach a log or a row.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import assert_never

from responder.dialects.slack import forms, language
from responder.dialects.slack.said import (
    Button,
    Caller,
    Challenged,
    Echoed,
    Filled,
    Form,
    Heard,
    Ignored,
    NotSlack,
    Place,
    Pressed,
    Said,
    Spoken,
    Unclear,
    Verb,
)

ECHO = "responder_echo"  # the metadata's event_type on a message that we listen for ourselves
OURS = "responder."  # our action ids begin with it
COMMANDS: dict[str, Verb | None] = {"/ack": Verb.ACK, "/incident": None}

_VALUE = re.compile(r"([ID][1-9]\d{0,17}):(\d{1,18})", re.ASCII)
_MENTION = re.compile(r"<@([UW][0-9A-Z]+)(?:\|[^<>]*)?>", re.ASCII)
_ECHOED = re.compile(rf"\b{ECHO}:([0-9A-Za-z_-]{{1,64}})", re.ASCII)
_DIRT = re.compile("[\x00\ud800-\udfff]")


def command(fields: Mapping[str, object]) -> Spoken:
    """A slash command's form. Raises NotSlack, for a command of another name too."""
    name = _text(fields, "command")
    if name not in COMMANDS:
        raise NotSlack("this is no slash command of ours")
    return Spoken(
        caller=Caller(
            team=_needed(fields, "team_id"), user=_needed(fields, "user_id"), name=_text(fields, "user_name")
        ),
        place=Place(channel=_needed(fields, "channel_id"), thread=_text(fields, "thread_ts")),
        said=language.said(_text(fields, "text"), verb=COMMANDS[name]),
        once=_once("slash", _needed(fields, "trigger_id")),
        response_url=_text(fields, "response_url"),
    )


def interaction(payload: Mapping[str, object]) -> Heard:
    """A button, or a form sent off. Raises NotSlack."""
    match _needed(payload, "type"):
        case "block_actions":
            return _pressed(payload)
        case "view_submission":
            return _filled(payload)
        case _:
            return Ignored()


def event(body: Mapping[str, object]) -> Heard:
    """What the Events API posts. Raises NotSlack."""
    match _needed(body, "type"):
        case "url_verification":
            return Challenged(text=_needed(body, "challenge"))
        case "event_callback":
            return _happened(body, _part(body, "event"))
        case _:
            return Ignored()


def envelope(kind: str, payload: object) -> Heard:
    """What comes through Socket Mode: the same bodies, wrapped. Raises NotSlack."""
    if kind not in ("slash_commands", "interactive", "events_api"):
        return Ignored()
    if not isinstance(payload, Mapping):
        raise NotSlack(f"an envelope of {kind} without a payload")
    match kind:
        case "slash_commands":
            return command(payload)
        case "interactive":
            return interaction(payload)
        case _:
            return event(payload)


def _pressed(payload: Mapping[str, object]) -> Heard:
    action, button = _button(payload.get("actions"))
    if button is None:
        return Ignored()
    found = _VALUE.fullmatch(_text(action, "value"))
    if found is None:
        raise NotSlack("a button of ours that names no incident and revision")
    caller, container, message = _caller(payload), _part(payload, "container"), _part(payload, "message")
    channel = _text(_part(payload, "channel"), "id") or _needed(container, "channel_id")
    trigger = _needed(payload, "trigger_id")
    shown = _text(container, "message_ts") or _text(message, "ts")
    moment = _text(action, "action_ts")
    pressed = (caller.team, channel, shown, moment, _text(action, "action_id"), caller.user)
    return Pressed(
        caller=caller,
        place=Place(channel=channel, thread=_text(message, "thread_ts") or _text(container, "thread_ts")),
        button=button,
        incident=found[1],
        revision=int(found[2]),
        once=_once("press", *(pressed if shown and moment else (trigger,))),
        trigger=trigger,
        response_url=_text(payload, "response_url"),
    )


def _button(actions: object) -> tuple[Mapping[str, object], Button | None]:
    """The first of our buttons among them."""
    ours = {OURS + button.value: button for button in Button}
    for action in actions if isinstance(actions, list) else ():
        if isinstance(action, Mapping) and (button := ours.get(_text(action, "action_id"))):
            return action, button
    return {}, None


def _filled(payload: Mapping[str, object]) -> Heard:
    """A form that is sent off again after an error has the same `once`: nothing was done the first time."""
    view = _part(payload, "view")
    form = {forms.OURS + each.value: each for each in Form}.get(_text(view, "callback_id"))
    if form is None:
        return Ignored()
    about = forms.about(view.get("private_metadata"))
    if about is None or not _VALUE.fullmatch(f"{about.incident}:{about.revision}"):
        raise NotSlack("a form of ours that does not say what it is about")
    return Filled(
        caller=_caller(payload),
        form=form,
        incident=about.incident,
        revision=about.revision,
        said=_entered(form, about.incident, forms.entered(_part(view, "state").get("values"))),
        once=_once("form", _needed(view, "id")),
        response_url=_clean(about.response_url),
    )


def _entered(form: Form, incident: str, values: Mapping[str, str]) -> Said | Unclear:
    match form:
        case Form.RESOLVE:
            reason = _clean(values.get(forms.REASON, ""))[: forms.REASON_MOST]
            return Said(verb=Verb.RESOLVE, incident=incident, text=reason)
        case Form.SNOOZE:
            length = _length(values)
            if isinstance(length, Unclear):
                return length
            return Said(verb=Verb.SNOOZE, incident=incident, duration=length)
        case _:
            assert_never(form)


def _length(values: Mapping[str, str]) -> timedelta | Unclear:
    """What was typed goes before what was chosen, as something is chosen from the start."""
    block = forms.OTHER if forms.OTHER in values else forms.DURATION
    if block not in values:
        return Unclear(code="commands.unclear.no_duration", figures={"block": block})
    if (length := language.duration(values[block])) is None:
        said = language.brief(values[block])
        return Unclear(code="commands.unclear.duration", figures={"block": block, "said": said})
    return length


def _happened(body: Mapping[str, object], event: Mapping[str, object]) -> Heard:
    match _text(event, "type"):
        case "app_mention":
            return _mentioned(body, event)
        case "message" | "message_metadata_posted":
            mark = _mark(event) or _mark(_part(event, "message"))
            return Echoed(mark=mark) if mark else Ignored()
        case _:
            return Ignored()


def _mentioned(body: Mapping[str, object], event: Mapping[str, object]) -> Heard:
    """Bots are not listened to: two of them can talk to each other all night."""
    us, user = _ourselves(body), _text(event, "user")
    if _is_of_a_bot(event) or not user or user == us:
        return Ignored()
    return Spoken(
        caller=Caller(team=_text(event, "team") or _needed(body, "team_id"), user=user),
        place=Place(channel=_needed(event, "channel"), thread=_text(event, "thread_ts")),
        said=language.said(_behind(_text(event, "text"), us)),
        once=_once("mention", _needed(body, "event_id")),
    )


def _behind(text: str, us: str) -> str:
    """What stands behind our name, or behind the first name where ours is not known."""
    found = list(_MENTION.finditer(text))
    ours = next((each for each in found if each[1] == us), found[0] if found else None)
    return (text[ours.end() :] if ours else text).strip().lstrip(":,").strip()


def _ourselves(body: Mapping[str, object]) -> str:
    """Our bot's user, where Slack says it."""
    listed = body.get("authorizations")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, Mapping) and each.get("is_bot") is True:
            return _text(each, "user_id")
    return ""


def _is_of_a_bot(event: Mapping[str, object]) -> bool:
    return bool(
        _text(event, "bot_id") or _text(event, "subtype") == "bot_message" or event.get("bot_profile")
    )


def _mark(message: Mapping[str, object]) -> str:
    """In the metadata, or in the text of a bot: people may write what they like."""
    match message.get("metadata"):
        case {"event_type": kind, "event_payload": {"mark": str(mark)}} if kind == ECHO:
            return _clean(mark)
        case _:
            found = _ECHOED.search(_text(message, "text")) if _is_of_a_bot(message) else None
            return found[1] if found else ""


def _caller(payload: Mapping[str, object]) -> Caller:
    """The user's own team goes first: in a channel that is shared, people of other companies press our buttons too."""
    user = _part(payload, "user")
    return Caller(
        team=_text(user, "team_id") or _needed(_part(payload, "team"), "id"),
        user=_needed(user, "id"),
        name=_text(user, "name") or _text(user, "username"),
    )


def _part(found: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = found.get(name)
    return part if isinstance(part, Mapping) else {}


def _text(found: Mapping[str, object], name: str) -> str:
    value = found.get(name)
    return _clean(value) if isinstance(value, str) else ""


def _needed(found: Mapping[str, object], name: str) -> str:
    if not (value := _text(found, name)):
        raise NotSlack(f"it has no {name}")
    return value


def _clean(text: str) -> str:
    """Without what no database and no UTF-8 holds."""
    return _DIRT.sub("\ufffd", text)


def _once(kind: str, *parts: str) -> str:
    return f"{kind}:{hashlib.sha256('/'.join(parts).encode()).hexdigest()[:32]}"
