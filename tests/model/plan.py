"""The policies that the model test lives under, said once and read twice: as documents by the engine, as plain values
by the model. There are editions of them, so that a reload has something to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any

from responder.core.policy.book import PolicyBook, assemble

MINUTE = timedelta(minutes=1)
AT_ONCE = timedelta(0)
SELF = "responder-self"
REMIND = 25 * MINUTE


@dataclass(frozen=True, slots=True)
class Step:
    after: timedelta
    kind: str  # notify | page | remediate | expect
    who: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """One level: what an incident that has it is promised."""

    contacts: tuple[str, ...]
    lease: timedelta
    snooze_cap: timedelta
    window: timedelta
    steps: tuple[Step, ...]
    repeat: timedelta = 30 * MINUTE
    catch_up: timedelta = 5 * MINUTE
    duties: Mapping[str, timedelta] = field(default_factory=dict)

    def people(self, step: int) -> tuple[str, ...]:
        """Contacts that page step `step` names, `level_contacts` spelled out."""
        return tuple(
            name for who in self.steps[step].who for name in (self.contacts if who == LEVEL else (who,))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Policies at one time. `ways`: each person's channels, in the order in which they are tried."""

    name: str
    levels: Mapping[int, Promised]
    ways: Mapping[str, tuple[str, ...]]
    on_call: str  # who is on shift
    duties: Mapping[str, str]  # a duty, and who sees to it


LEVEL = "level_contacts"
BOARD = "board"
LINES = ("push", "sms", "mail")  # what people are paged by
OWN_LINE = "own-line"  # by which we tell of ourselves; no weather touches it
KEEPER = "keeper"

FIRST = Edition(
    name="first",
    on_call="ben",
    ways={
        "ann": ("push", "sms"),
        "ben": ("push", "sms", "mail"),
        "cat": ("push",),
        "dan": ("mail", "push"),
        "eve": ("sms",),
        "law": ("mail",),
    },
    duties={"notice": "law", "media": "law"},
    levels={
        1: Promised(
            contacts=("ann",),
            lease=40 * MINUTE,
            snooze_cap=50 * MINUTE,
            window=15 * MINUTE,
            steps=(
                Step(AT_ONCE, "remediate"),
                Step(15 * MINUTE, "expect"),
                Step(30 * MINUTE, "page", ("on-call",)),
                Step(60 * MINUTE, "page", ("cat",)),
            ),
        ),
        2: Promised(
            contacts=("ann",),
            lease=30 * MINUTE,
            snooze_cap=40 * MINUTE,
            window=15 * MINUTE,
            steps=(
                Step(AT_ONCE, "notify"),
                Step(AT_ONCE, "page", (LEVEL,)),
                Step(15 * MINUTE, "page", ("ben", "cat")),
                Step(30 * MINUTE, "page", ("dan",)),
            ),
        ),
        3: Promised(
            contacts=("ann", "cat"),
            lease=20 * MINUTE,
            snooze_cap=20 * MINUTE,
            window=20 * MINUTE,
            steps=(
                Step(AT_ONCE, "notify"),
                Step(AT_ONCE, "page", (LEVEL,)),
                Step(10 * MINUTE, "page", ("on-call", "ben")),
                Step(10 * MINUTE, "page", ("dan",)),
                Step(25 * MINUTE, "page", ("eve",)),
            ),
            repeat=20 * MINUTE,
            duties={"notice": 45 * MINUTE},
        ),
        4: Promised(
            contacts=("dan", "eve"),
            lease=15 * MINUTE,
            snooze_cap=15 * MINUTE,
            window=40 * MINUTE,
            steps=(
                Step(AT_ONCE, "notify"),
                Step(AT_ONCE, "page", (LEVEL,)),
                Step(8 * MINUTE, "page", ("ann", "ben")),
                Step(11 * MINUTE, "page", ("cat",)),
            ),
            repeat=20 * MINUTE,
            duties={"notice": 20 * MINUTE, "media": 60 * MINUTE},
        ),
    },
)

# Other times, another shift, and nobody of whom an incident under the first edition could be deprived.
SECOND = replace(
    FIRST,
    name="second",
    on_call="cat",
    levels={
        **FIRST.levels,
        2: replace(
            FIRST.levels[2],
            lease=25 * MINUTE,
            window=10 * MINUTE,
            steps=(
                Step(AT_ONCE, "notify"),
                Step(AT_ONCE, "page", (LEVEL,)),
                Step(5 * MINUTE, "page", ("on-call",)),
                Step(15 * MINUTE, "page", ("ben", "cat")),
            ),
        ),
        3: replace(
            FIRST.levels[3],
            contacts=("ben",),
            steps=(
                Step(AT_ONCE, "notify"),
                Step(AT_ONCE, "page", (LEVEL,)),
                Step(12 * MINUTE, "page", ("dan",)),
            ),
            duties={"notice": 30 * MINUTE, "media": 50 * MINUTE},
        ),
    },
)

# Eve has left: whoever is promised her keeps this edition out.
WITHOUT_EVE = replace(
    SECOND,
    name="without eve",
    ways={name: ways for name, ways in FIRST.ways.items() if name != "eve"},
    levels={**SECOND.levels, 4: replace(SECOND.levels[4], contacts=("dan", "ann"))},
)
EDITIONS = (FIRST, SECOND, WITHOUT_EVE)


def edition(name: str) -> Edition:
    return next(each for each in EDITIONS if each.name == name)


@cache
def book(name: str) -> PolicyBook:
    return assemble(_documents(edition(name)), {}, channel_kinds=("line",))


def _documents(edition: Edition) -> dict[str, Any]:
    return {
        "levels": {
            "version": 1,
            "levels": {number: _level(number, level) for number, level in edition.levels.items()},
            "rules": [
                {
                    "name": "labelled",
                    "match": ['level=~"[1-4]"'],
                    "level": {"from_label": "level"},
                    "group_by": ["alertname"],
                    "escalation": "matrix",
                },
                {"name": "others", "level": 2, "group_by": ["alertname"], "escalation": "matrix"},
            ],
            "self": {"escalation": "own", "level": 2},
            "declared": {"escalation": "matrix"},
        },
        "contacts": {
            "version": 1,
            "contacts": {
                **{name: _person(name, ways) for name, ways in edition.ways.items()},
                KEEPER: _person(KEEPER, (OWN_LINE,)),
                "on-call": {"roster": "primary"},
            },
        },
        "rosters": {"version": 1, "rosters": {"primary": {"always": edition.on_call}}},
        "escalation": {
            "version": 1,
            "storm": {"incidents": 0},  # the model knows nothing of storms
            "policies": {
                "matrix": {number: _ladder(level) for number, level in edition.levels.items()},
                "own": {
                    number: {
                        "steps": [{"after": "0s", "page": [KEEPER]}],
                        "repeat": {"every": "30d"},
                    }
                    for number in edition.levels
                },
            },
        },
        "duties": {
            "version": 1,
            "duties": {
                name: {"name": name, "page": [who], "remind": _written(REMIND)}
                for name, who in edition.duties.items()
            },
        },
        "channels": {"version": 1, "channels": {name: {"line": {}} for name in (BOARD, *LINES, OWN_LINE)}},
    }


def _level(number: int, level: Promised) -> dict[str, Any]:
    return {
        "name": f"level {number}",
        "contacts": list(level.contacts),
        "channels": [BOARD],
        "ack_lease": _written(level.lease),
        "snooze_cap": _written(level.snooze_cap),
        "reopen_window": _written(level.window),
    }


def _person(name: str, ways: tuple[str, ...]) -> dict[str, Any]:
    return {"name": name.title(), "methods": [{"line": way, "to": name} for way in ways]}


def _ladder(level: Promised) -> dict[str, Any]:
    return {
        "steps": [_step(step) for step in level.steps],
        "repeat": {"every": _written(level.repeat)},
        "catch_up": _written(level.catch_up),
        "duties": [{"after": _written(after), "duty": name} for name, after in level.duties.items()],
    }


def _step(step: Step) -> dict[str, Any]:
    what: dict[str, Any] = {
        "notify": "level_channels",
        "page": list(step.who),
        "remediate": "bound",
        "expect": "recovered",
    }
    return {"after": _written(step.after), step.kind: what[step.kind]}


def _written(length: timedelta) -> str:
    return f"{int(length.total_seconds())}s"
