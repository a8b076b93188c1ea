"""What these tests post, press and fill in."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qs

import pytest
from slack_sdk.errors import SlackApiError

PRIVATE, LEFT, ARCHIVED = "C0PRIVATE1", "C0LEFT0001", "C0ARCHIVE1"
GONE, QUIET = "U0GONE0001", "U0QUIET001"
METADATA = {"event_type": "responder_message", "event_payload": {"record": "notice/I1", "key": "k1"}}
BUTTON: dict[str, Any] = {
    "type": "button",
    "action_id": "responder.ack",
    "text": {"type": "plain_text", "text": "Acknowledge"},
    "value": "I42:17",
}
ACTIONS: dict[str, Any] = {"type": "actions", "block_id": "do", "elements": [BUTTON]}
FORM: dict[str, Any] = {
    "type": "modal",
    "callback_id": "responder.resolve",
    "private_metadata": '{"incident": "I42"}',
    "title": {"type": "plain_text", "text": "Resolve"},
    "submit": {"type": "plain_text", "text": "Resolve"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "reason"},
        }
    ],
}


def said(text: str, *, kind: str = "plain_text") -> dict[str, Any]:
    return {"type": "section", "text": {"type": kind, "text": text}}


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


async def refusal(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


def payload(received: Any) -> dict[str, Any]:
    found = json.loads(parse_qs(received.body.decode())["payload"][0])
    assert isinstance(found, dict)
    return found
