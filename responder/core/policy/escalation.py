"""Escalation policies: per level a ladder of steps, what repeats after the last, and the duties that reaching it creates.

`Terms` is one level of a policy together with that level's definition, and `Promise` all of a policy's levels: what is
pinned to an incident when it opens. Documents (`Steps`, `EscalationDocument`) are what people write.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import cached_property
from typing import Literal

from pydantic import Field

from responder.core.identifiers import ChannelName, ContactName, PinHash
from responder.core.level import Level
from responder.core.policy.fields import Document, Duration, Name, PositiveDuration

LEVEL_CHANNELS: Literal["level_channels"] = "level_channels"
LEVEL_CONTACTS = ContactName("level_contacts")


class Notify(Document):
    """Show the incident on channels; no answer is asked for."""

    after: Duration = Field(description="unanswered time since the level was reached")
    notify: Literal["level_channels"] | tuple[ChannelName, ...] = Field(
        description="level_channels = those of levels.yaml, or a list of channel names"
    )


class Page(Document):
    """Reach people until one of them acknowledges. `level_contacts` stands for the level's own contacts."""

    after: Duration = Field(description="unanswered time since the level was reached")
    page: tuple[ContactName, ...] = Field(min_length=1, description="contacts or rosters, or level_contacts")


class Remediate(Document):
    """Start what remediation.yaml binds to the alerts. Where nothing can be started the next page step moves here."""

    after: Duration = Field(description="unanswered time since the level was reached")
    remediate: Literal["bound"]


class Expect(Document):
    """Say on the level's channels that the incident has not recovered by itself. Pages nobody."""

    after: Duration = Field(description="unanswered time since the level was reached")
    expect: Literal["recovered"]


Step = Notify | Page | Remediate | Expect


class DutyStep(Document):
    """Something owed to the outside from `after` on, counted from the level being reached; no answer stops it."""

    after: Duration = Field(description="time since the level was reached, acknowledged or not")
    duty: Name = Field(description="a name from duties.yaml")


class Repeat(Document):
    every: PositiveDuration = Field(
        default=timedelta(minutes=30),
        description="default 30m: after the last page step its page repeats, because an open incident above level 1 "
        "that nobody has answered must never go quiet",
    )


class Steps(Document):
    """One level of an escalation policy."""

    steps: tuple[Step, ...] = Field(min_length=1, description="in the order of their `after`")
    repeat: Repeat = Field(default_factory=Repeat)
    catch_up: Duration = Field(
        default=timedelta(minutes=5),
        description="default 5m: rungs that came due while we were down fire at least this far apart, so that the "
        "first person has time to answer before the next is woken",
    )
    duties: tuple[DutyStep, ...] = ()


class EscalationDocument(Document):
    """policies/escalation.yaml"""

    version: Literal[1]
    policies: dict[Name, dict[Level, Steps]]


class DutyTerm(Document):
    """A duty as it is promised: when, and whom it is put to."""

    name: Name
    after: Duration
    contacts: tuple[ContactName, ...]
    remind: PositiveDuration


class Terms(Document):
    """What is promised to an incident at one level."""

    level: Level
    name: str
    ack_lease: PositiveDuration
    snooze_cap: PositiveDuration
    reopen_window: PositiveDuration
    contacts: tuple[ContactName, ...]
    channels: tuple[ChannelName, ...]
    steps: tuple[Step, ...]
    repeat: PositiveDuration
    catch_up: Duration
    duties: tuple[DutyTerm, ...] = ()

    def contacts_of(self, step: int) -> tuple[ContactName, ...]:
        """Whom page step `step` reaches, level_contacts replaced. Empty for other kinds of step."""
        match self.steps[step]:
            case Page(page=names):
                spread = (self.contacts if name == LEVEL_CONTACTS else (name,) for name in names)
                return tuple(dict.fromkeys(name for part in spread for name in part))
            case _:
                return ()

    def channels_of(self, step: int) -> tuple[ChannelName, ...]:
        match self.steps[step]:
            case Notify(notify=str()):
                return self.channels
            case Notify(notify=tuple() as names):
                return names
            case _:
                return ()


class Promise(Document):
    """All that an incident may come to rely on, pinned when it opens."""

    policy: Name
    levels: dict[Level, Terms]

    @cached_property
    def pin(self) -> PinHash:
        """The content hash; equal promises have equal hashes whoever wrote them, and when."""
        return PinHash(hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32])

    def names(self) -> tuple[frozenset[ContactName], frozenset[ChannelName]]:
        """The contacts and channels that must exist for as long as an incident relies on this."""
        contacts: set[ContactName] = set()
        channels: set[ChannelName] = set()
        for terms in self.levels.values():
            contacts.update(terms.contacts)
            channels.update(terms.channels)
            for step in range(len(terms.steps)):
                contacts.update(terms.contacts_of(step))
                channels.update(terms.channels_of(step))
            for duty in terms.duties:
                contacts.update(duty.contacts)
        return frozenset(contacts), frozenset(channels)
