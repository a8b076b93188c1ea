"""The plan's escalation matrix as terms, and the people in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from responder.core.identifiers import ChannelName, ContactName, IncidentId
from responder.core.level import Level
from responder.core.policy.escalation import (
    LEVEL_CONTACTS,
    DutyTerm,
    Expect,
    Notify,
    Page,
    Remediate,
    Step,
    Terms,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NOW = timedelta(0)
I1 = IncidentId("I1")

ON_CALL, DEVOPS, DBA, LEAD, CTO, VP, SUCCESS, CEO, LEGAL = map(
    ContactName,
    ("on-call", "devops", "dba", "devops-lead", "cto", "vp-engineering", "customer-success", "ceo", "legal"),
)
OPS, CRITICAL = ChannelName("slack-ops"), ChannelName("slack-critical")


def pages(after: timedelta, *names: str) -> Page:
    return Page(after=after, page=tuple(map(ContactName, names)))


def duty(name: str, after: timedelta) -> DutyTerm:
    return DutyTerm(name=name, after=after, contacts=(LEGAL,), remind=30 * MINUTE)


def terms_of(
    level: Level,
    *steps: Step,
    contacts: tuple[ContactName, ...] = (CTO,),
    lease: timedelta = HOUR,
    duties: tuple[DutyTerm, ...] = (),
    catch_up: timedelta = 5 * MINUTE,
) -> Terms:
    return Terms(
        level=level,
        name=level.name.lower(),
        ack_lease=lease,
        snooze_cap=2 * lease,
        reopen_window=30 * MINUTE,
        contacts=contacts,
        channels=(CRITICAL,) if level.is_disaster else (OPS,),
        steps=steps,
        repeat=30 * MINUTE,
        catch_up=catch_up,
        duties=duties,
    )


MINOR = terms_of(
    Level.MINOR,
    Remediate(after=NOW, remediate="bound"),
    Expect(after=15 * MINUTE, expect="recovered"),
    pages(30 * MINUTE, ON_CALL),
    pages(1 * HOUR, DEVOPS),
    contacts=(ON_CALL,),
    lease=4 * HOUR,
)
MODERATE = terms_of(
    Level.MODERATE,
    Notify(after=NOW, notify="level_channels"),
    Remediate(after=NOW, remediate="bound"),
    pages(15 * MINUTE, ON_CALL),
    pages(30 * MINUTE, DEVOPS),
    pages(1 * HOUR, CTO),
    pages(2 * HOUR, CEO),
    contacts=(LEAD, DBA),
    lease=2 * HOUR,
)
SEVERE = terms_of(
    Level.SEVERE,
    Notify(after=NOW, notify="level_channels"),
    pages(NOW, LEVEL_CONTACTS),
    pages(15 * MINUTE, DEVOPS),
    pages(30 * MINUTE, CTO),
    pages(1 * HOUR, CEO),
    contacts=(CTO, VP, SUCCESS),
    lease=1 * HOUR,
    duties=(duty("external_notice", 2 * HOUR),),
)
FATAL = terms_of(
    Level.FATAL,
    Notify(after=NOW, notify="level_channels"),
    pages(NOW, LEVEL_CONTACTS),
    pages(15 * MINUTE, CTO, CEO),
    contacts=(CEO, LEGAL),
    lease=30 * MINUTE,
    duties=(
        duty("external_notice", 30 * MINUTE),
        duty("regulator", 1 * HOUR),
        duty("media", 2 * HOUR),
    ),
)
MATRIX = {terms.level: terms for terms in (MINOR, MODERATE, SEVERE, FATAL)}
