"""Heartbeats: what has to be heard from again and again, and what happens when it falls silent.

A beat is an alert that always fires (Prometheus' Watchdog), or a request to `POST /heartbeats/NAME`. An alert that is
a beat is no trouble: triage rules are not asked about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from responder.core.matching import Matcher, Mode, matches_all, parse_all
from responder.core.policy.fields import Document, LevelNumber, Name, PositiveDuration
from responder.core.policy.misfits import Known, Misfit, Path, misfits_of_matchers

SHORTEST_PERIOD = timedelta(minutes=1)
LONGEST_PERIOD = timedelta(days=31)


class FromAlert(Document):
    """Firing alerts that match are its beats."""

    alert: tuple[str, ...] = Field(min_length=1, description="Alertmanager matchers, all of which must hold")


class FromHttp(Document):
    """Requests to `POST /heartbeats/NAME` are its beats."""

    http: Literal[True] = Field(description="always true")


def _source(value: object) -> str | None:
    if isinstance(value, Mapping):
        found = [word for word in ("alert", "http") if word in value]
        return f"from {found[0]}" if len(found) == 1 else None
    return "from alert" if isinstance(value, FromAlert) else "from http"


Source = Annotated[
    Annotated[FromAlert, Tag("from alert")] | Annotated[FromHttp, Tag("from http")],
    Discriminator(
        _source,
        custom_error_type="one_of",
        custom_error_message="a source is one thing; write {alert: [matchers]} or {http: true}",
    ),
]


class HeartbeatDefinition(Document):
    """One thing that has to be heard from."""

    period: PositiveDuration = Field(
        description="the longest silence, 1m to 31d; at least three times as long as the beats are apart, so that one "
        "lost beat wakes nobody; no default, for only the sender's rhythm can say"
    )
    level: LevelNumber = Field(description="of the incident that its silence opens")
    escalation: Name = Field(description="a policy from escalation.yaml")
    expected: bool = Field(
        default=False,
        description="default false: whether silence counts from the start, or only after the first beat, so that a new "
        "installation is not paged about a sender that is not set up yet",
    )
    source: Source = Field(description="{alert: [matchers]} or {http: true}")


class HeartbeatsDocument(Document):
    """policies/heartbeats.yaml"""

    version: Literal[1] = Field(description="always 1")
    heartbeats: dict[Name, HeartbeatDefinition] = Field(
        default_factory=dict, description="by name; default none"
    )

    def compiled(self, mode: Mode) -> dict[str, tuple[Matcher, ...]]:
        """The matchers of those that alerts feed."""
        found = ((name, beat.source) for name, beat in self.heartbeats.items())
        return {name: parse_all(of.alert, mode) for name, of in found if isinstance(of, FromAlert)}

    def misfits(self, known: Known, mode: Mode) -> Iterator[Misfit]:
        for name, beat in self.heartbeats.items():
            at: Path = ("heartbeats", name)
            yield from known.check("heartbeats", (*at, "escalation"), "escalation policy", beat.escalation)
            if not SHORTEST_PERIOD <= beat.period <= LONGEST_PERIOD:
                instead = "choose 1m to 31d, three times as long as the beats are apart"
                yield _misfit((*at, "period"), "no heartbeat has such a period", instead)
            if isinstance(beat.source, FromAlert):
                yield from _misfits_of_source((*at, "source", "alert"), beat.source.alert, mode)


def _misfits_of_source(at: Path, texts: tuple[str, ...], mode: Mode) -> Iterator[Misfit]:
    bad = list(misfits_of_matchers("heartbeats", at, texts, mode))
    yield from bad
    if not bad and matches_all(parse_all(texts, mode), {}):
        what = "an alert without labels would be a beat, so real trouble would be taken for one"
        yield _misfit(at, what, 'name the alert: alertname="Watchdog"')


def _misfit(path: Path, what: str, instead: str) -> Misfit:
    return Misfit(document="heartbeats", path=path, what=what, instead=instead)
