"""Rosters: who is on shift when. A rotation hands over at a local time of day; overrides stand above it.

`core.on_shift` reads them; this module only says how they are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from responder.core.identifiers import ContactName
from responder.core.policy.fields import ClockTime, Document, LocalTime, Name, PositiveDuration, Zone
from responder.core.policy.misfits import Known, Misfit, Path

SHORTEST_SHIFT = timedelta(hours=1)


class Override(Document):
    """Somebody else for a while: a holiday, a swap. Local times of the roster's zone."""

    from_: LocalTime = Field(alias="from", description="local time in the roster's zone; it begins then")
    until: LocalTime = Field(description="local time in the roster's zone; it is over then")
    contact: ContactName = Field(description="who has the shift instead; a person from contacts.yaml")
    reason: str = Field(default="", description="shown where people ask who is on shift; default none")

    @model_validator(mode="after")
    def _has_length(self) -> Override:
        if self.until <= self.from_:
            raise ValueError("this override ends before it begins; put the later time in `until`")
        return self


def _shift(value: timedelta) -> timedelta:
    if value < SHORTEST_SHIFT:
        raise ValueError("a shift is at least 1h; write something like 12h or 7d")
    return value


def _plain_date(value: object) -> object:
    if isinstance(value, datetime) or not isinstance(value, str | date):
        raise ValueError(f"{value!r} is no date; write it like 2026-11-02")
    return value


class Rotation(Document):
    """The members take turns, `every` so long, from `starts` on; before that the turns are counted backwards."""

    members: tuple[ContactName, ...] = Field(
        min_length=1, description="persons from contacts.yaml, in the order of their turns"
    )
    every: Annotated[PositiveDuration, AfterValidator(_shift)] = Field(
        default=timedelta(days=7),
        description="default 7d: the length of a turn, in local time (a week stays a week when clocks change)",
    )
    starts: Annotated[date, BeforeValidator(_plain_date)] = Field(
        description="the first member's first day; pick the weekday on which you want to hand over"
    )
    handover: ClockTime = Field(
        default=time(9),
        description="default 09:00: local time of the first handover, when both people are awake",
    )
    timezone: Zone = Field(
        description="the zone of every time here, e.g. Asia/Seoul; no default, for a guess is wrong"
    )
    overrides: tuple[Override, ...] = Field(default=(), description="shifts that others have; default none")


class Always(Document):
    """One person, for as long as nobody takes turns."""

    always: ContactName = Field(description="a person from contacts.yaml")
    timezone: Zone = Field(default="UTC", description="default UTC: the zone of the overrides' times")
    overrides: tuple[Override, ...] = Field(default=(), description="shifts that others have; default none")


def _is_always(value: object) -> str:
    is_always = "always" in value if isinstance(value, Mapping) else isinstance(value, Always)
    return "one person" if is_always else "a rotation"


Roster = Annotated[
    Annotated[Rotation, Tag("a rotation")] | Annotated[Always, Tag("one person")], Discriminator(_is_always)
]


class RostersDocument(Document):
    """policies/rosters.yaml"""

    version: Literal[1] = Field(description="always 1")
    rosters: dict[Name, Roster] = Field(description="by name; each a rotation or {always: CONTACT}")

    def misfits(self, known: Known) -> Iterator[Misfit]:
        for name, roster in self.rosters.items():
            at: Path = ("rosters", name)
            if isinstance(roster, Always):
                yield from _person((*at, "always"), roster.always, known)
            else:
                for index, member in enumerate(roster.members):
                    yield from _person((*at, "members", index), member, known)
            yield from _misfits_of_overrides((*at, "overrides"), roster.overrides, known)


def _misfits_of_overrides(at: Path, overrides: tuple[Override, ...], known: Known) -> Iterator[Misfit]:
    for index, override in enumerate(overrides):
        yield from _person((*at, index, "contact"), override.contact, known)
        if any(override.from_ < other.until and other.from_ < override.until for other in overrides[:index]):
            yield _misfit(
                (*at, index), "two overrides overlap, so it is unclear who has the shift", "cut one of them"
            )


def _person(at: Path, name: str, known: Known) -> Iterator[Misfit]:
    yield from known.check("rosters", at, "contact", name)
    if name in known.names["contact"] and name not in known.persons:
        yield _misfit(at, f"`{name}` is a roster itself", "name a person")


def _misfit(path: Path, what: str, instead: str) -> Misfit:
    return Misfit(document="rosters", path=path, what=what, instead=instead)
