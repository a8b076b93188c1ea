"""Triage: which rule an alert falls under, and so its level, its incident and its escalation policy.

An alert that is a heartbeat's beat is not trouble: ask `beats` first. Triage remembers nothing; matching costs some
ten microseconds an expression, so whoever asks often keeps the answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from responder.core.identifiers import ChannelName
from responder.core.level import Level
from responder.core.policy.book import PolicyBook
from responder.core.policy.levels import (
    DECLARED_RULE,
    HEARTBEAT_RULE,
    SELF_RULE,
    FromLabel,
    Rule,
    incident_key,
)

__all__ = ["DECLARED_RULE", "HEARTBEAT_RULE", "SELF_RULE", "Verdict", "beats", "incident_key", "triage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`level` None: the alert opens no incident and is shown on `notice`."""

    rule: str
    level: Level | None
    notice: tuple[ChannelName, ...]
    key: str  # of the incident it belongs to
    group: Mapping[str, str]  # the values that its rule groups by; a label it lacks is ""
    escalation: str  # "" for a notice
    why: str = ""  # the rule's condition, for people


def triage(book: PolicyBook, labels: Mapping[str, str]) -> Verdict:
    """The verdict of the first rule that decides; the last one always does."""
    rule, level = book.levels_document.decide(labels)
    group = rule.group_of(labels)
    return Verdict(
        rule=rule.name,
        level=None if level == "notice" else level,
        notice=rule.notice or (),
        key=incident_key(rule.name, group),
        group=group,
        escalation=rule.escalation or "",
        why=_why(rule),
    )


def beats(book: PolicyBook, labels: Mapping[str, str]) -> tuple[str, ...]:
    """The heartbeats whose beat an alert with these labels is."""
    return book.beats(labels)


def _why(rule: Rule) -> str:
    conditions = ", ".join(rule.match) or "every alert"
    return (
        f"{conditions}; the label {rule.level.from_label} says so"
        if isinstance(rule.level, FromLabel)
        else conditions
    )
