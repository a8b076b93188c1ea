"""What Slack sends to us: the payloads as documented, and requests with them, signed or forged.

Sources, read on 2026-11-23: docs.slack.dev/interactivity/implementing-slash-commands,
docs.slack.dev/reference/interaction-payloads/block_actions-payload and .../view-interactions-payload,
docs.slack.dev/apis/events-api (event_callback, url_verification, X-Slack-Retry-Num), and
docs.slack.dev/authentication/verifying-requests-from-slack (v0:timestamp:body, HMAC-SHA256).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from tests.fakes.slack.shown import as_json, view_json
from tests.fakes.slack.workspace import APP, BOT_USER, Channel, Json, Message, View, Workspace

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Forged(StrEnum):
    """What is wrong with a request."""

    SECRET = "secret"  # signed with another
    STALE = "stale"  # signed well, ten minutes ago
    EARLY = "early"  # signed well, for ten minutes from now
    NO_SIGNATURE = "no_signature"
    NO_TIMESTAMP = "no_timestamp"
    NO_TIME = "no_time"  # the timestamp is no number
    BODY = "body"  # changed after it was signed
    VERSION = "version"  # v1=


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it was sent; `FakeSlack.send_again` sends the same."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """How a request to us was answered. `took`: by the test's clock.

    status: HTTP's; by Socket Mode 0 = acknowledged, `body` being the ack's payload, and -1 = not.
    """

    status: int
    body: str
    took: timedelta
    response_url: str = field(default="", repr=False)
    trigger_id: str = field(default="", repr=False)

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


def signature(secret: str, timestamp: str, body: bytes) -> str:
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def signed(
    url: str,
    body: bytes,
    kind: str,
    secret: str,
    now: datetime,
    *,
    forged: Forged | None = None,
    extra: Mapping[str, str] | None = None,
) -> Request:
    shift = {Forged.STALE: timedelta(minutes=-10), Forged.EARLY: timedelta(minutes=10)}.get(
        forged or Forged.BODY, timedelta(0)
    )
    timestamp = "noon" if forged is Forged.NO_TIME else str(int((now + shift).timestamp()))
    key = "another secret" if forged is Forged.SECRET else secret
    sign = signature(key, timestamp, body)
    if forged is Forged.VERSION:
        sign = sign.replace("v0=", "v1=", 1)
    headers = {
        "Content-Type": kind,
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign,
        **(extra or {}),
    }
    if forged is Forged.NO_SIGNATURE:
        del headers["X-Slack-Signature"]
    if forged is Forged.NO_TIMESTAMP:
        del headers["X-Slack-Request-Timestamp"]
    if forged is Forged.BODY:
        body = body + (b" " if kind == JSON else b"&altered=1")
    return Request(url=url, body=body, headers=headers)


def form(fields: Mapping[str, str]) -> bytes:
    return urlencode(fields).encode()


def command_fields(
    workspace: Workspace,
    command: str,
    text: str,
    user: str,
    channel: Channel,
    trigger: str,
    response_url: str,
) -> dict[str, str]:
    return {
        "token": "deprecated",
        "team_id": workspace.team,
        "team_domain": workspace.domain,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_direct else channel.name,
        "user_id": user,
        "user_name": _name(workspace, user),
        "command": command,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger,
    }


def press_payload(
    workspace: Workspace, message: Message, button: Json, user: str, trigger: str, response_url: str, at: str
) -> Json:
    """`button`: the element with its `block_id`."""
    channel = workspace.channels[message.channel]
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": bool(message.seen_by),
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    action = {
        key: button[key] for key in ("action_id", "block_id", "text", "value", "style") if key in button
    }
    payload: Json = {
        "type": "block_actions",
        "user": _user(workspace, user),
        "api_app_id": APP,
        "token": "deprecated",
        "container": container,
        "trigger_id": trigger,
        "team": {"id": workspace.team, "domain": workspace.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": channel.id, "name": "directmessage" if channel.is_direct else channel.name},
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [action | {"type": "button", "action_ts": at}],
    }
    if not message.seen_by:  # Slack sends no content of an ephemeral message
        payload["message"] = as_json(workspace, message, with_metadata=True)
    return payload


def submission_payload(workspace: Workspace, view: View, values: Mapping[str, Any], trigger: str) -> Json:
    """`values`: by block id, either a text (or an option's value), or {action_id: state} as Slack would send it."""
    shown = view_json(workspace, view)
    shown["state"] = {"values": _state(view, values)}
    return {
        "type": "view_submission",
        "team": {"id": workspace.team, "domain": workspace.domain},
        "user": _user(workspace, view.user),
        "api_app_id": APP,
        "token": "deprecated",
        "trigger_id": trigger,
        "view": shown | {"root_view_id": view.id, "app_id": APP, "external_id": ""},
        "response_urls": [],
        "is_enterprise_install": False,
        "enterprise": None,
    }


def event_payload(workspace: Workspace, event: Json, event_id: str, at: datetime) -> Json:
    return {
        "token": "deprecated",
        "team_id": workspace.team,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(at.timestamp()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }


def message_event(workspace: Workspace, new: Message, old: Message | None, at: str) -> Json:
    """A message that came, or with `old` one that was edited."""
    channel = workspace.channels[new.channel]
    where = {"channel": new.channel, "channel_type": _channel_type(channel), "event_ts": at}
    shown = as_json(workspace, new, with_metadata=True)
    if old is None:
        return shown | where
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": shown,
        "previous_message": as_json(workspace, old, with_metadata=True),
        "ts": at,
        **where,
    }


def mention_event(workspace: Workspace, text: str, user: str, channel: Channel, thread: str, at: str) -> Json:
    event: Json = {
        "type": "app_mention",
        "user": user,
        "text": f"<@{BOT_USER}> {text}",
        "ts": at,
        "team": workspace.team,
        "channel": channel.id,
        "event_ts": at,
    }
    return event | ({"thread_ts": thread} if thread else {})


def _channel_type(channel: Channel) -> str:
    return "im" if channel.is_direct else "group" if channel.is_private else "channel"


def _user(workspace: Workspace, user: str) -> Json:
    name = _name(workspace, user)
    return {"id": user, "username": name, "name": name, "team_id": workspace.team}


def _name(workspace: Workspace, user: str) -> str:
    known = workspace.users.get(user)
    return known.name if known is not None else user.lower()


def _state(view: View, values: Mapping[str, Any]) -> Json:
    state: Json = {}
    for block in view.content["blocks"]:
        if block["type"] != "input":
            continue
        element, given = block["element"], values.get(block["block_id"])
        own = given if isinstance(given, dict) else {element.get("action_id", "a"): _filled(element, given)}
        state[block["block_id"]] = own
    if unknown := values.keys() - state.keys():
        raise KeyError(f"the form has no inputs {sorted(unknown)}; it has {sorted(state)}")
    return state


def _filled(element: Json, given: object) -> Json:
    kind = element["type"]
    if kind == "plain_text_input":
        return {"type": kind, "value": element.get("initial_value") if given is None else given}
    chosen = next((one for one in element["options"] if one["value"] == given), element.get("initial_option"))
    return {"type": kind, "selected_option": chosen}
