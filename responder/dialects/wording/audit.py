"""Codes in words: why a machine did what it did, and what an alarm about ourselves is called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from responder.core.decision import AlarmKind
from responder.core.delivery import Attempt, Outcome
from responder.core.machines import page as pages
from responder.core.machines.page import Page
from responder.dialects.visible import visible
from responder.dialects.wording.words import ENGLISH, Words, words

_UTC = ZoneInfo("UTC")


def explain_why(code: str, details: Mapping[str, str], zone: ZoneInfo = _UTC, locale: str = ENGLISH) -> str:
    """An audit line's reason in one sentence; times in `zone`. A code that we do not know is shown as it is."""
    say = words(locale)
    if not say.has(f"why.{code}"):
        told = ", ".join(f"{visible(name, 40)}={visible(value)}" for name, value in details.items())
        return f"{visible(code)} ({told})" if told else visible(code)
    figures = {name: _figure(say, code, name, value, zone) for name, value in details.items()}
    return say(f"why.{code}", **figures)


def alarm_title(kind: AlarmKind, subject: str, locale: str = ENGLISH) -> str:
    """What the incident of an alarm about ourselves is called."""
    return words(locale)(f"alarm.{kind}", subject=visible(subject, 120))


def why_of(page: Page, attempt: Attempt) -> str:
    """The code under which the audit told how this attempt of `page` ended."""
    withdrawn = page.phase is pages.Phase.WITHDRAWN
    is_last = attempt.number == len(page.attempts)
    match attempt.outcome:
        case None:
            return pages.Why.CLAIMED
        case Outcome.ACCEPTED:
            return pages.Why.ACCEPTED_BEFORE_WITHDRAWAL if withdrawn else pages.Why.ACCEPTED
        case Outcome.UNKNOWN:
            is_end = is_last and page.phase is not pages.Phase.OWED
            return pages.Why.UNKNOWN_WITHDRAWN if is_end else pages.Why.UNKNOWN
        case Outcome.TRANSIENT | Outcome.PERMANENT | Outcome.BUSY if is_last and withdrawn:
            return pages.Why.RESULT_AFTER_WITHDRAWAL
        case Outcome.TRANSIENT | Outcome.PERMANENT | Outcome.BUSY if (
            is_last and page.phase is pages.Phase.FAILED
        ):
            return pages.Why.FAILED
        case Outcome.TRANSIENT | Outcome.PERMANENT | Outcome.BUSY:
            following = page.next_method if is_last else page.attempts[attempt.number].method
            return pages.Why.RETRIED if following == attempt.method else pages.Why.NEXT_METHOD


def _figure(say: Words, code: str, name: str, value: str, zone: ZoneInfo) -> str:
    match name:
        case "until" | "due" | "last" | "held":
            return _moment(value, zone)
        case "step":
            return str(int(value) + 1) if value.isdecimal() else visible(value)
        case "because":
            return _named(say, "early", value)
        case "reason":
            return _named(say, f"{code.partition('.')[0]}_short", value)
        case _:
            return visible(value, 300)


def _named(say: Words, table: str, value: str) -> str:
    code = f"{table}.{value}"
    return say(code) if say.has(code) else visible(value)


def _moment(value: str, zone: ZoneInfo) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return visible(value)
    local = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"
