"""Levels and triage rules: what each disaster level promises, and which alert gets which level.

Rules are tried in order and the first match decides. The document also says what becomes of incidents that no alert
opens: those about ourselves, and those that people declare. `incident_key` names the incident that an alert belongs to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from responder.core.decision import AlarmKind
from responder.core.identifiers import ChannelName, ContactName
from responder.core.level import Level
from responder.core.matching import Matcher, Mode, matches_all, parse_all
from responder.core.policy.fields import Document, LevelNumber, Locale, Name, PositiveDuration
from responder.core.policy.misfits import Known, Misfit, Path, misfits_of_matchers

SELF_RULE = "responder-self"
DECLARED_RULE = "declared"
HEARTBEAT_RULE = "heartbeat"
RESERVED_RULES = frozenset({SELF_RULE, DECLARED_RULE, HEARTBEAT_RULE})

ACK_LEASES = {1: timedelta(hours=4), 2: timedelta(hours=2), 3: timedelta(hours=1), 4: timedelta(minutes=30)}
SNOOZE_CAPS = {1: timedelta(hours=8), 2: timedelta(hours=4), 3: timedelta(hours=1), 4: timedelta(minutes=30)}
REOPEN_WINDOWS = {
    1: timedelta(minutes=15),
    2: timedelta(minutes=15),
    3: timedelta(minutes=30),
    4: timedelta(hours=1),
}


class LevelDefinition(Document):
    """One level: its name, whom it reaches, and how long an answer counts."""

    name: str = Field(min_length=1, description="one word for it; it stands in every message")
    names: dict[Locale, str] = Field(
        default_factory=dict, description="the same by language, e.g. {ko: …}; default none"
    )
    ack_lease: PositiveDuration | None = Field(
        default=None,
        description="default 4h, 2h, 1h, 30m for levels 1 to 4: for so long an acknowledgement counts; then its "
        "holder is paged again, because people fall asleep, and the worse it is the sooner that must show",
    )
    snooze_cap: PositiveDuration | None = Field(
        default=None,
        description="default 8h, 4h, 1h, 30m for levels 1 to 4: the longest quiet that a person may ask for; a night "
        "at level 1, at levels 3 and 4 no longer than the acknowledgement, so that a snooze is no way around it",
    )
    reopen_window: PositiveDuration | None = Field(
        default=None,
        description="default 15m, 15m, 30m, 1h for levels 1 to 4: trouble that comes back within it is the same "
        "incident; three of Alertmanager's group_interval of 5m, longer where recovery is slow",
    )
    contacts: tuple[ContactName, ...] = Field(
        min_length=1, description="whom a page step with level_contacts reaches; names from contacts.yaml"
    )
    channels: tuple[ChannelName, ...] = Field(
        min_length=1, description="where its incidents are shown; names from channels.yaml"
    )


class FromLabel(Document):
    """The level that a label says: "1" to "4". An alert whose label says anything else goes on to the next rule."""

    from_label: str = Field(min_length=1, description="the label's name")


def _level_tag(value: object) -> str:
    return "level label" if isinstance(value, Mapping | FromLabel) else "level number"


RuleLevel = Annotated[
    Annotated[LevelNumber, Tag("level number")] | Annotated[FromLabel, Tag("level label")],
    Discriminator(_level_tag),
]


class Rule(Document):
    """Alerts that match get this level, or are only shown. Exactly one of `level` and `notice`."""

    name: Name = Field(
        description="stands in the incident's key, so renaming it splits open incidents from new alerts"
    )
    match: tuple[str, ...] = Field(
        default=(), description="Alertmanager matchers, all of which must hold; default none = every alert"
    )
    level: RuleLevel | None = Field(default=None, description="1 to 4, or {from_label: NAME}")
    notice: tuple[ChannelName, ...] | None = Field(
        default=None,
        description="channels on which the alert is shown once; it opens no incident and pages nobody",
    )
    group_by: tuple[str, ...] = Field(
        default=("alertname", "cluster"),
        description="default [alertname, cluster]: alerts with equal values are one incident, so that one trouble on "
        "many pods is one page; a label that an alert lacks counts as empty",
    )
    escalation: Name | None = Field(
        default=None, description="a policy from escalation.yaml; needed with `level`"
    )

    def group_of(self, labels: Mapping[str, str]) -> dict[str, str]:
        """What tells this alert's incident from the others of the rule."""
        return {label: labels.get(label, "") for label in self.group_by}

    @model_validator(mode="after")
    def _is_one_thing(self) -> Rule:
        if (self.level is None) is (self.notice is None):
            raise ValueError("a rule has exactly one of `level` and `notice`; keep one of them")
        if self.level is not None and self.escalation is None:
            raise ValueError("`escalation` is missing; name a policy from escalation.yaml")
        if self.level is None and self.escalation is not None:
            raise ValueError("a notice has no `escalation`; remove it, or give the rule a `level`")
        return self


class SelfRule(Document):
    """Incidents about ourselves: a channel that fails, a page that is late, a body that cannot be read."""

    escalation: Name = Field(description="a policy from escalation.yaml")
    level: LevelNumber = Field(description="where `kinds` does not say otherwise")
    kinds: dict[AlarmKind, LevelNumber] = Field(
        default_factory=dict, description="level by kind of alarm; default none: all have `level`"
    )


class Declared(Document):
    """Incidents that a person opens by hand; whoever declares one says its level."""

    escalation: Name = Field(description="a policy from escalation.yaml")


def _level_or_notice(value: object) -> object:
    if value == "notice" or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f"{value!r} is no level; write 1, 2, 3, 4 or notice")


class Example(Document):
    """An alert and what is to become of it; `responder check` tries every one."""

    labels: dict[str, str] = Field(description="the alert's labels")
    rule: str = Field(
        description="the rule that decides; `heartbeat` for an alert that is a heartbeat's beat"
    )
    level: Annotated[Level | Literal["notice"], BeforeValidator(_level_or_notice)] | None = Field(
        default=None, description="the level it gets, or notice; default: not looked at"
    )
    key: str | None = Field(default=None, description="the incident's key; default: not looked at")


@dataclass(frozen=True, slots=True)
class CompiledRule:
    rule: Rule
    matchers: tuple[Matcher, ...]

    @property
    def is_catch_all(self) -> bool:
        return not self.matchers and not isinstance(self.rule.level, FromLabel)

    def level_of(self, labels: Mapping[str, str]) -> Level | Literal["notice"] | None:
        """None where this rule does not decide."""
        if not matches_all(self.matchers, labels):
            return None
        match self.rule.level:
            case None:
                return "notice"
            case FromLabel(from_label=label):
                value = labels.get(label, "")
                return Level(int(value)) if value in ("1", "2", "3", "4") else None
            case level:
                return level


class LevelsDocument(Document):
    """policies/levels.yaml"""

    version: Literal[1] = Field(description="always 1")
    matchers: Mode = Field(
        default=Mode.FALLBACK,
        description="default fallback, which is Alertmanager's own: which of its parsers reads the matchers; its other "
        "two modes are utf8 and classic",
    )
    levels: dict[LevelNumber, LevelDefinition] = Field(description="all four, by number")
    rules: tuple[Rule, ...] = Field(min_length=1, description="in order; the first match decides")
    self_rule: SelfRule = Field(alias="self", description="incidents about ourselves")
    declared: Declared = Field(description="incidents that people open by hand")
    redact: frozenset[str] = Field(
        default=frozenset(),
        description="labels and annotations whose values no message shows, wherever they are repeated, e.g. [customer, "
        "email]; default none",
    )
    examples: tuple[Example, ...] = Field(
        default=(), description="alerts and what is to become of them, tried at every load; default none"
    )

    @cached_property
    def compiled(self) -> tuple[CompiledRule, ...]:
        return tuple(CompiledRule(rule, parse_all(rule.match, self.matchers)) for rule in self.rules)

    def decide(self, labels: Mapping[str, str]) -> tuple[Rule, Level | Literal["notice"]]:
        """The first rule that decides, and how. The last one always does: `misfits` lets no other set pass."""
        for each in self.compiled:
            if (level := each.level_of(labels)) is not None:
                return each.rule, level
        raise AssertionError("these rules were never checked: none of them catches every alert")

    def misfits(self, known: Known) -> Iterator[Misfit]:
        for lacking in sorted(set(Level) - set(self.levels)):
            yield _misfit(("levels",), f"level {int(lacking)} is missing", "define all four")
        for level, definition in self.levels.items():
            yield from _names_of_level(("levels", int(level)), definition, known)
        yield from self._misfits_of_rules(known)
        for word, escalation in (("self", self.self_rule.escalation), ("declared", self.declared.escalation)):
            yield from known.check("levels", (word, "escalation"), "escalation policy", escalation)

    def _misfits_of_rules(self, known: Known) -> Iterator[Misfit]:
        catching = None
        names: set[str] = set()
        for index, rule in enumerate(self.rules):
            at: Path = ("rules", index)
            if catching is not None:
                yield _misfit(
                    at, f"no alert reaches this rule, for `{catching}` above it matches all", "move it up"
                )
            if rule.name in names:
                yield _misfit((*at, "name"), f"two rules are called `{rule.name}`", "give each its own name")
            names.add(rule.name)
            bad = list(_misfits_of_rule(at, rule, self.matchers, known))
            yield from bad
            is_readable = not any(misfit.path[2:3] == ("match",) for misfit in bad)
            if is_readable and CompiledRule(rule, parse_all(rule.match, self.matchers)).is_catch_all:
                catching = catching or rule.name
                if rule.level is None:
                    instead = "give the rule that catches everything a level"
                    yield _misfit(at, "an alert that nobody thought of would page nobody", instead)
        if catching is None:
            yield _misfit(
                ("rules",), "an alert may match no rule", "end with a rule that has no `match` and a level"
            )


def _misfits_of_rule(at: Path, rule: Rule, mode: Mode, known: Known) -> Iterator[Misfit]:
    if rule.name in RESERVED_RULES:
        yield _misfit((*at, "name"), f"`{rule.name}` is a name of our own", "choose another")
    yield from misfits_of_matchers("levels", (*at, "match"), rule.match, mode)
    for index, label in enumerate(rule.group_by):
        if not label or label in rule.group_by[:index]:
            yield _misfit((*at, "group_by", index), f"{label!r} groups nothing", "name each label once")
    yield from _channels((*at, "notice"), rule.notice or (), known)
    if rule.escalation is not None:
        yield from known.check("levels", (*at, "escalation"), "escalation policy", rule.escalation)


def _names_of_level(at: Path, definition: LevelDefinition, known: Known) -> Iterator[Misfit]:
    for index, contact in enumerate(definition.contacts):
        yield from known.check("levels", (*at, "contacts", index), "contact", contact)
    yield from _channels((*at, "channels"), definition.channels, known)


def _channels(at: Path, channels: tuple[ChannelName, ...], known: Known) -> Iterator[Misfit]:
    for index, channel in enumerate(channels):
        yield from known.check("levels", (*at, index), "channel", channel)


def _misfit(path: Path, what: str, instead: str) -> Misfit:
    return Misfit(document="levels", path=path, what=what, instead=instead)


# Keys

LONGEST_VALUE = 200  # characters of a label that stand in a key; of longer ones a hash tells them apart
_PLAIN_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def incident_key(rule: str, group: Mapping[str, str]) -> str:
    """`rule{alertname="x", cluster=""}`: equal only for the same rule and values, on one line whatever they hold."""
    parts = (f"{_label(name)}={_value(value)}" for name, value in sorted(group.items()))
    return f"{rule}{{{', '.join(parts)}}}"


def _label(name: str) -> str:
    return name if _PLAIN_LABEL.fullmatch(name) else f'"{_escaped(name)}"'


def _value(value: str) -> str:
    if len(value) <= LONGEST_VALUE:
        return f'"{_escaped(value)}"'
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f'"{_escaped(value[:LONGEST_VALUE])}"…{digest[:32]}'


def _escaped(text: str) -> str:
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(
        _ESCAPES.get(char) or (char if char.isprintable() else f"\\u{{{ord(char):x}}}") for char in text
    )


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n"}
