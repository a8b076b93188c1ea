"""The arguments of a method, read and checked: what Slack would not take is raised as `Refused`.

Where the figures come from, `methods` says.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.fakes.slack.blockkit import ALL_TEXT, message_faults, text_length
from tests.fakes.slack.shown import with_ids
from tests.fakes.slack.tokens import Refused
from tests.fakes.slack.workspace import Json, Message, Workspace

POSTED_TEXT = 40_000
UPDATED_TEXT = 4_000
METADATA = 8_000


def content(workspace: Workspace, args: Json, longest: int) -> tuple[str, tuple[Json, ...], tuple[Json, ...]]:
    """Text, blocks and attachments, if they are sound."""
    text, blocks, attachments = args.get("text", ""), args.get("blocks", []), args.get("attachments", [])
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    if not text and not blocks and not attachments:
        raise Refused("no_text")
    if not isinstance(text, str) or not isinstance(attachments, list):
        raise Refused("invalid_arguments")
    if len(text) > longest:
        raise Refused("msg_too_long")
    if faults := message_faults(blocks):
        messages = [f"[ERROR] {one}" for one in faults]
        raise Refused("invalid_blocks", errors=faults, response_metadata={"messages": messages})
    if text_length(blocks) > ALL_TEXT:
        raise Refused("msg_blocks_too_long")
    return text, with_ids(workspace, blocks), tuple(attachments)


def metadata(args: Json) -> Json | None:
    metadata = args.get("metadata")
    if metadata is None or metadata == {}:
        return None
    if not isinstance(metadata, dict):
        raise Refused("invalid_metadata_format")
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not re.fullmatch("[a-z0-9_]+", kind) or not isinstance(payload, dict):
        raise Refused("invalid_metadata_schema")
    if not all(isinstance(one, (str, int, float, bool)) for one in payload.values()):
        raise Refused("invalid_metadata_schema")
    if len(json.dumps(metadata)) > METADATA:
        raise Refused("metadata_too_large")
    return metadata


def between(messages: Sequence[Message], args: Json) -> list[Message]:
    """Those after `oldest` and before `latest`, and with `inclusive` those at them."""
    oldest, latest = _moment(args, "oldest"), _moment(args, "latest")
    is_inclusive = flag(args, "inclusive")

    def is_wanted(ts: Decimal) -> bool:
        if is_inclusive and ts in (oldest, latest):
            return True
        return (oldest is None or ts > oldest) and (latest is None or ts < latest)

    return [one for one in messages if is_wanted(Decimal(one.ts))]


def _moment(args: Json, key: str) -> Decimal | None:
    if key not in args:
        return None
    try:
        return Decimal(str(args[key]))
    except InvalidOperation:
        raise Refused(f"invalid_ts_{key}") from None


def window(args: Json, *, default: int, most: int) -> tuple[int, int]:
    """Where the page begins, and at most how many it has."""
    try:
        limit = int(args.get("limit", default))
    except (TypeError, ValueError):
        raise Refused("invalid_limit") from None
    if not 1 <= limit <= most:
        raise Refused("invalid_limit")
    return _start(str(args.get("cursor", ""))), limit


def cursor(start: int) -> str:
    return base64.b64encode(f"next:{start}".encode()).decode()


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except (binascii.Error, ValueError):
        raise Refused("invalid_cursor") from None


def flag(args: Mapping[str, Any], key: str, *, default: bool = False) -> bool:
    """As JSON, or as slack_sdk puts it into a form: "1", "0", "true", "false"."""
    given = args.get(key, default)
    return given if isinstance(given, bool) else str(given).lower() in ("1", "true")
