"""Escalation policies: per level a ladder of steps, what repeats after the last, and the duties that it creates.

`Terms` is one level of a policy together with that level's definition, and `Promise` all of a policy's levels: what is
pinned to an incident when it opens. Documents (`Steps`, `EscalationDocument`) are what people write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from responder.core.identifiers import ChannelName, ContactName, PinHash
from responder.core.level import Level
from responder.core.policy.fields import Document, Duration, LevelNumber, Name, PositiveDuration
from responder.core.policy.misfits import Known, Misfit, Path

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
    remediate: Literal["bound"] = Field(description="always bound: what remediation.yaml binds to the alerts")


class Expect(Document):
    """Say on the level's channels that the incident has not recovered by itself. Pages nobody."""

    after: Duration = Field(description="unanswered time since the level was reached")
    expect: Literal["recovered"] = Field(description="always recovered: that the alerts have ended by then")


KINDS: Mapping[str, type[Document]] = {
    "notify": Notify,
    "page": Page,
    "remediate": Remediate,
    "expect": Expect,
}


def _kind_of(step: object) -> str | None:
    if isinstance(step, Mapping):
        found = [kind for kind in KINDS if kind in step]
    else:
        found = [kind for kind, model in KINDS.items() if isinstance(step, model)]
    return f"{found[0]} step" if len(found) == 1 else None


def _no_duty(step: object) -> object:
    if isinstance(step, Mapping) and "duty" in step:
        raise ValueError(
            "a duty is no step, for no acknowledgement stops it; move it to `duties:` of the same level"
        )
    return step


Step = Annotated[
    Annotated[Notify, Tag("notify step")]
    | Annotated[Page, Tag("page step")]
    | Annotated[Remediate, Tag("remediate step")]
    | Annotated[Expect, Tag("expect step")],
    Discriminator(
        _kind_of,
        custom_error_type="one_of",
        custom_error_message="a step does one thing; give it one of notify, page, remediate, expect, and `after`",
    ),
    BeforeValidator(_no_duty),
]


class DutyStep(Document):
    """Something owed to the outside from `after` on, counted from the level being reached; no answer stops it."""

    after: Duration = Field(description="time since the level was reached, acknowledged or not")
    duty: Name = Field(description="a name from duties.yaml")


class Repeat(Document):
    """What happens after the last step."""

    every: PositiveDuration = Field(
        default=timedelta(minutes=30),
        description="default 30m: after the last page step its page repeats, because an open incident above level 1 "
        "that nobody has answered must never go quiet",
    )


class Steps(Document):
    """One level of an escalation policy."""

    steps: tuple[Step, ...] = Field(min_length=1, description="in the order of their `after`")
    repeat: Repeat = Field(
        default_factory=Repeat, description="default {every: 30m}: what follows the last step"
    )
    catch_up: Duration = Field(
        default=timedelta(minutes=5),
        description="default 5m: rungs that came due while we were down fire at least this far apart, so that the "
        "first person has time to answer before the next is woken",
    )
    duties: tuple[DutyStep, ...] = Field(
        default=(), description="what reaching the level owes to the outside; default none"
    )


class Storm(Document):
    """When the pages of levels 1 and 2 are gathered, so that the few that matter are read. Levels 3 and 4 never are."""

    incidents: int = Field(
        default=30,
        ge=0,
        le=1000,
        description="default 30: so many new incidents within `per` are a storm; more than anybody reads one by "
        "one, and far above a bad day. 0 = there is none, and every page goes by itself",
    )
    per: PositiveDuration = Field(
        default=timedelta(minutes=1),
        description="default 1m: within how long they open; a trouble that spreads shows in its first minute",
    )
    digest_after: PositiveDuration = Field(
        default=timedelta(seconds=30),
        description="default 30s: for so long a person's first page waits for the others, and then all of them go as "
        "one; long enough for a wave, and short against the 15m of the ladder",
    )
    calm_after: PositiveDuration = Field(
        default=timedelta(minutes=5),
        description="default 5m: the storm ends once fewer than half of `incidents` have opened within `per` for so "
        "long; storms come in waves, one of Alertmanager's group_interval apart",
    )


class EscalationDocument(Document):
    """policies/escalation.yaml"""

    version: Literal[1] = Field(description="always 1")
    policies: dict[Name, dict[LevelNumber, Steps]] = Field(description="by name; each has all four levels")
    storm: Storm = Field(
        default_factory=Storm,
        description="default {incidents: 30, per: 1m, digest_after: 30s, calm_after: 5m}: when pages are gathered",
    )

    def misfits(self, known: Known) -> Iterator[Misfit]:
        """What no single field can say: levels that lack, steps out of order, names that nothing has."""
        if LEVEL_CONTACTS in known.names["contact"]:
            what, instead = f"`{LEVEL_CONTACTS}` stands for the contacts of a level", "choose another name"
            yield Misfit(document="contacts", path=("contacts", LEVEL_CONTACTS), what=what, instead=instead)
        for name, levels in self.policies.items():
            for lacking in sorted(set(Level) - set(levels)):
                yield _misfit(
                    ("policies", name),
                    f"level {int(lacking)} is missing",
                    "every policy has all four, for an incident's level may rise to any of them",
                )
            for level, steps in levels.items():
                yield from _misfits_of_steps(("policies", name, int(level)), level, steps, known)


def _misfits_of_steps(at: Path, level: Level, steps: Steps, known: Known) -> Iterator[Misfit]:
    before = timedelta(0)
    for index, step in enumerate(steps.steps):
        if step.after < before:
            here = (*at, "steps", index)
            yield _misfit(
                (*here, "after"), "this step is due before the one above it", "order steps by `after`"
            )
        before = max(before, step.after)
        yield from _unknown_names((*at, "steps", index), step, known)
    if level > Level.MINOR and not any(isinstance(step, Page) for step in steps.steps):
        yield _misfit((*at, "steps"), f"nobody is paged at level {int(level)}", "add a `page` step")
    seen: set[str] = set()
    for index, duty in enumerate(steps.duties):
        here = (*at, "duties", index, "duty")
        yield from known.check("escalation", here, "duty", duty.duty)
        if duty.duty in seen:
            yield _misfit(here, f"the duty `{duty.duty}` is listed twice", "keep the earlier one")
        seen.add(duty.duty)


def _unknown_names(at: Path, step: Step, known: Known) -> Iterator[Misfit]:
    if isinstance(step, Page):
        for index, contact in enumerate(step.page):
            if contact != LEVEL_CONTACTS:
                yield from known.check("escalation", (*at, "page", index), "contact", contact)
    if isinstance(step, Notify) and not isinstance(step.notify, str):
        for index, channel in enumerate(step.notify):
            yield from known.check("escalation", (*at, "notify", index), "channel", channel)


def _misfit(path: Path, what: str, instead: str) -> Misfit:
    return Misfit(document="escalation", path=path, what=what, instead=instead)


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
