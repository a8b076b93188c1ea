"""Codes in words: why a machine did what it did, and what an alarm about ourselves is called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from responder.core.decision import AlarmKind, NoticeReason, PageReason
from responder.core.machines.escalation import EarlyWhy
from responder.dialects.visible import visible
from responder.dialects.wording import english
from responder.dialects.wording.situation import say

_UTC = ZoneInfo("UTC")


def explain_why(code: str, details: Mapping[str, str], zone: ZoneInfo = _UTC) -> str:
    """An audit line's reason in one sentence; times in `zone`. A code that we do not know is shown as it is."""
    template = english.WHY.get(code)
    if template is None:
        told = ", ".join(f"{visible(name, 40)}={visible(value)}" for name, value in details.items())
        return f"{visible(code)} ({told})" if told else visible(code)
    return say(template, **{name: _figure(code, name, value, zone) for name, value in details.items()})


def alarm_title(kind: AlarmKind, subject: str) -> str:
    """What the incident of an alarm about ourselves is called."""
    return say(english.ALARM[kind], subject=visible(subject, 120))


def _figure(code: str, name: str, value: str, zone: ZoneInfo) -> str:
    match name:
        case "until" | "due" | "last":
            return _moment(value, zone)
        case "step":
            return str(int(value) + 1) if value.isdecimal() else visible(value)
        case "because":
            return english.EARLY[EarlyWhy(value)] if value in list(EarlyWhy) else visible(value)
        case "reason":
            return _reason(code, value)
        case _:
            return visible(value, 300)


def _reason(code: str, value: str) -> str:
    if code.startswith("page.") and value in list(PageReason):
        return english.PAGE_SHORT[PageReason(value)]
    if code.startswith("notice.") and value in list(NoticeReason):
        return english.NOTICE_SHORT[NoticeReason(value)]
    return visible(value)


def _moment(value: str, zone: ZoneInfo) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return visible(value)
    local = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"
