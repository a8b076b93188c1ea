"""The situation a message is written in: the records, the names by which people know things, and the reader.

`Situation` is filled by whoever sends, with what was read in one transaction; it answers in words, cut and made visible
(`dialects.visible`), because labels and names are strangers' text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from zoneinfo import ZoneInfo

from responder.core.alert import Occurrence
from responder.core.identifiers import ContactName
from responder.core.level import Level
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.incident import Incident, Phase
from responder.core.policy.fields import format_duration
from responder.dialects.visible import visible
from responder.dialects.wording.words import ENGLISH, Words, words
from responder.ports.channel import Spelling

NAMES = 5  # people named in one line
EXACT = timedelta(minutes=10)  # shorter spans are told to the second


class State(StrEnum):
    """How an incident stands, in a word that templates can rely on."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    SUPPRESSED = "suppressed"  # Alertmanager keeps it quiet
    RESOLVED = "resolved"
    CLOSED = "closed"
    INFO = "info"  # an alert that opened no incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """`alerts` are a few of the incident's occurrences, those to be listed; `alerts_total` counts all of them.

    `level_names`, `duty_names` and `people` are in the reader's language where the policies have them in it; a level
    that is not in `level_names` is called by our own word.
    """

    now: datetime
    zone: ZoneInfo  # the reader's
    incident: Incident | None = None
    escalation: Escalation | None = None
    duties: tuple[Duty, ...] = ()
    alerts: tuple[Occurrence, ...] = ()
    alerts_total: int = 0
    level_names: Mapping[Level, str] = field(default_factory=dict)
    duty_names: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[ContactName, str] = field(
        default_factory=dict
    )  # contacts and rosters -> as they are called
    public_url: str = ""
    locale: str = ENGLISH  # the reader's
    spelling: Spelling = Spelling.CLI  # of the commands that the reader can type
    # The message stays where it is and is looked at later: it says how things stand, by the clock, and not what has
    # just happened, or how long ago.
    stays: bool = False

    @property
    def say(self) -> Words:
        return words(self.locale)

    @property
    def state(self) -> State:
        if self.incident is None:
            return State.INFO
        if self.incident.phase is not Phase.OPEN:
            return State(self.incident.phase.value)
        if self.escalation is not None and self.escalation.lease is not None:
            return State.ACKNOWLEDGED
        if self.escalation is not None and self.escalation.snooze is not None:
            return State.SNOOZED
        if self.escalation is not None and self.escalation.suppression is not None:
            return State.SUPPRESSED
        return State.OPEN

    @property
    def total(self) -> int:
        return max(self.alerts_total, len(self.alerts))

    def level_name(self) -> str:
        assert self.incident is not None
        level = self.incident.level
        return visible(
            self.level_names.get(level) or self._promised(level) or self.say(f"level.{int(level)}"), 40
        )

    def _promised(self, level: Level) -> str:
        """The name it had when the incident opened, which is kept in one language."""
        if self.say.locale != ENGLISH or self.escalation is None or self.escalation.level != level:
            return ""
        return self.escalation.terms.name

    def person(self, name: ContactName | None) -> str:
        return self.say("name.person") if name is None else visible(self.people.get(name) or name, 60)

    def persons(self, names: Iterable[ContactName]) -> str:
        """`DevOps, DBA and CTO`; of very many the first few, and how many more."""
        told = [self.person(name) for name in dict.fromkeys(names)]
        if len(told) > NAMES:
            return self.say("join.more", listed=", ".join(told[:NAMES]), count=len(told) - NAMES)
        if len(told) > 1:
            return self.say("join.and", listed=", ".join(told[:-1]), last=told[-1])
        return "".join(told)

    def duty(self, name: str) -> str:
        return visible(self.duty_names.get(name) or name, 80)

    def at(self, moment: datetime) -> str:
        return at(moment, self.now, self.zone)

    def span(self, length: timedelta) -> str:
        return span(length, self.locale)

    def command(self, verb: str, **figures: object) -> str:
        """What the reader types; what has no slash form is told as the command line's."""
        code = f"command.{self.spelling}.{verb}"
        return self.say(code if self.say.has(code) else f"command.{Spelling.CLI}.{verb}", **figures)

    def waited(self) -> timedelta:
        """How long nobody has answered; zero where there is no ladder."""
        return self.escalation.unanswered(self.now) if self.escalation is not None else timedelta(0)

    def links(self) -> Mapping[str, str]:
        """Where to look, by whatever was given: `runbook` and `source`; not checked yet."""
        found: dict[str, str] = {}
        for alert in self.alerts:
            for label, url in links_of(alert.annotations, alert.generator_url).items():
                found.setdefault(label, url)
        return {**found, **(self.incident.links if self.incident is not None else {})}


def links_of(annotations: Mapping[str, str], generator_url: str) -> dict[str, str]:
    """What an alert says of where to look: its `runbook` (annotation runbook_url or runbook) and its `source`."""
    runbook = annotations.get("runbook_url", "") or annotations.get("runbook", "")
    return {label: url for label, url in (("runbook", runbook), ("source", generator_url)) if url}


def at(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """`15:20 KST`, with the date where it is not today's, all in `zone`."""
    local = moment.astimezone(zone)
    name = local.tzname() or "UTC"
    name = f"UTC{name}" if name[0] in "+-" else name
    day = "" if local.date() == now.astimezone(zone).date() else f"{local.date().isoformat()} "
    return f"{day}{local:%H:%M} {name}"


def span(length: timedelta, locale: str = ENGLISH) -> str:
    """`45s`, `15m`, `1h20m`, in Korean `1시간 20분`: to the second below ten minutes, to the minute above."""
    say = words(locale)
    told = format_duration(length if length < EXACT else length - length % timedelta(minutes=1))
    parts = (say(f"span.{unit}", count=count) for count, unit in re.findall(r"(-?\d+)([dhms])", told))
    return reduce(lambda greater, smaller: say("span.two", greater=greater, smaller=smaller), parts)
