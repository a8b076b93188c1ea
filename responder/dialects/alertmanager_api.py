"""What Alertmanager's API (v2) says of its alerts and of itself, read; and what we make of it, written as a body.

Read November 2026 against 0.25: an alert that has ended is not listed; one that is silenced or inhibited is, as
`suppressed`; since 0.28 one that is muted by the time of day says so too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from responder.core.alert import Alert
from responder.dialects.alertmanager import VERSION, NotABody, read_firing
from responder.dialects.alertmanager_config import parse_duration

RESOLVE_TIMEOUT = timedelta(minutes=5)  # where the configuration names none
FIRING_ENDS = "0001-01-01T00:00:00Z"

_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*"'
_GROUP = re.compile(rf":\{{((?:{_LABEL}(?:, {_LABEL})*)?)\}}\Z", re.DOTALL)
_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class NotAnAnswer(Exception):
    """Alertmanager's API does not answer so. The text says what is missing, and repeats nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An alert of the API's list, with what stands there of it beside the alert."""

    alert: Alert
    receivers: tuple[str, ...]
    updated_at: datetime
    is_suppressed: bool
    suppressed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """`config`: its YAML, as it was loaded; secrets stand there as `<secret>`."""

    up_since: datetime
    config: str


def read_alerts(raw: bytes) -> list[Listed]:
    """GET /api/v2/alerts. Raises NotAnAnswer, also where one of the alerts cannot be read: nothing may be missing."""
    found = _json(raw)
    if not isinstance(found, list):
        raise NotAnAnswer("no list of alerts")
    return [_listed(entry, index) for index, entry in enumerate(found)]


def read_status(raw: bytes) -> Status:
    """GET /api/v2/status. Raises NotAnAnswer."""
    found = _json(raw)
    config = found.get("config") if isinstance(found, dict) else None
    text = config.get("original") if isinstance(config, dict) else None
    if not isinstance(found, dict) or not isinstance(text, str):
        raise NotAnAnswer("no configuration in its status")
    return Status(up_since=_moment(found.get("uptime"), "uptime"), config=text)


def resolve_timeout(config: Mapping[str, object]) -> timedelta:
    """How long an alert that nobody repeats is taken to fire, as the configuration says."""
    wide = config.get("global")
    written = wide.get("resolve_timeout") if isinstance(wide, Mapping) else None
    return (parse_duration(str(written)) if written is not None else None) or RESOLVE_TIMEOUT


def write_body(alerts: Sequence[Alert], *, receiver: str, peer: str) -> bytes:
    """A webhook's body of alerts that fire, as `peer` would have posted it to `receiver`."""
    return json.dumps(
        {
            "version": VERSION,
            "status": "firing",
            "receiver": receiver,
            "externalURL": f"http://{peer}",
            "groupKey": "",
            "truncatedAlerts": 0,
            "alerts": [
                {
                    "status": "firing",
                    "labels": dict(alert.labels),
                    "annotations": dict(alert.annotations),
                    "startsAt": alert.starts_at.isoformat(),
                    "endsAt": FIRING_ENDS,
                    "generatorURL": alert.generator_url,
                    "fingerprint": alert.fingerprint,
                }
                for alert in alerts
            ],
        }
    ).encode()


def labels_of_group(key: str) -> Mapping[str, str]:
    """The labels that all alerts of the group have (`{}/{level="2"}:{alertname="Disk"}`); none where it says none."""
    found = _GROUP.search(key)
    return {name: _unquoted(value) for name, value in _PAIR.findall(found[1])} if found else {}


def _unquoted(text: str) -> str:
    """As Go quotes a string."""

    def plain(found: re.Match[str]) -> str:
        byte, short, long, other = found.groups()
        code = byte or short or long
        return chr(int(code, 16)) if code else _ESCAPED.get(other, other)

    return _ESCAPE.sub(plain, text)


def _listed(entry: object, index: int) -> Listed:
    if not isinstance(entry, dict):
        raise NotAnAnswer(f"alert {index} is no object")
    status = entry.get("status")
    if not isinstance(status, dict) or not isinstance(status.get("state"), str):
        raise NotAnAnswer(f"alert {index} has no status")
    try:
        alert = read_firing(entry)
    except NotABody as fault:
        raise NotAnAnswer(f"alert {index}: {fault}") from None
    by = [_texts(status.get(field)) for field in ("silencedBy", "inhibitedBy", "mutedBy")]
    receivers = entry.get("receivers")
    return Listed(
        alert=alert,
        receivers=tuple(
            str(one.get("name")) for one in receivers or () if isinstance(one, dict) and one.get("name")
        ),
        updated_at=_moment(entry.get("updatedAt"), f"alert {index}: updatedAt"),
        is_suppressed=status["state"] == "suppressed" or any(by),
        suppressed_by=tuple(name for names in by for name in names),
    )


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise NotAnAnswer("not JSON") from None


def _moment(value: object, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise NotAnAnswer(f"{field} is no time")


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
