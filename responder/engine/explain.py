"""Explain: what would become of a body now, told without doing it: verdicts, ladders by the clock, who is reached how.

The ladder is no second account of the policies: the escalation machine itself is run ahead, with what `routes` would
tell it, on the assumption that nobody answers and every page is taken. Nothing here reads or writes a store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from responder.core.alert import Alert
from responder.core.decision import Decision, NoticeAsked, PageAsked
from responder.core.identifiers import ChannelName, ContactName, IncidentId
from responder.core.level import Level
from responder.core.machines import escalation as escalations
from responder.core.machines.escalation import EarlyWhy, Escalation, MoveWanted, RemediationAsked
from responder.core.policy.book import PolicyBook
from responder.core.policy.channels import ChannelEntry
from responder.core.policy.escalation import Terms
from responder.core.policy.fields import format_duration
from responder.core.triage import Verdict, beats, triage
from responder.dialects.alertmanager import Body, Unreadable
from responder.dialects.wording import explain_why
from responder.engine.catalogue import Catalogue
from responder.engine.directory import Directory, Nobody

MOMENTS_MOST = 100  # of one ladder; policies have a dozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A channel, and with `lacks` what keeps it from being used: it then prints on the console, or is passed over."""

    channel: ChannelName
    kind: str
    lacks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Whom a name means at that moment. `ways` in the order in which they are tried; `why_not` where there is none.

    `unusable`: ways of that person's that have no address.
    """

    asked_for: ContactName
    contact: ContactName | None
    name: str
    ways: tuple[Way, ...] = ()
    unusable: tuple[ChannelName, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happens. `kind`: notify, page, remediate, expect, repeat or duty."""

    at: datetime
    after_seconds: float
    kind: str
    words: str
    channels: tuple[Way, ...] = ()
    people: tuple[Reached, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertExplained:
    """`becomes`: incident, notice (shown and nothing else) or heartbeat (a beat, and no trouble)."""

    index: int
    name: str
    title: str
    firing: bool
    becomes: str
    rule: str
    why: str
    level: Level | None = None
    key: str = ""
    escalation: str = ""
    heartbeats: tuple[str, ...] = ()
    channels: tuple[Way, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentExplained:
    """The incident that firing alerts of one key would open, were there none."""

    key: str
    rule: str
    level: Level
    level_name: str
    escalation: str
    alerts: tuple[int, ...]
    ladder: tuple[Moment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`left_out`: alerts that Alertmanager kept from the body; nobody knows which."""

    at: datetime
    version: str
    version_is_known: bool
    left_out: int
    alerts: tuple[AlertExplained, ...]
    incidents: tuple[IncidentExplained, ...]
    unreadable: tuple[Unreadable, ...]


class Explain:
    """`catalogue` is filled with `book`, and `directory` stands on both."""

    def __init__(self, book: PolicyBook, catalogue: Catalogue, directory: Directory) -> None:
        self._book = book
        self._catalogue = catalogue
        self._directory = directory

    def body(self, body: Body, now: datetime) -> Explanation:
        verdicts = [triage(self._book, alert.labels) for alert in body.alerts]
        explained = [
            self._alert(index, alert, verdict)
            for index, (alert, verdict) in enumerate(zip(body.alerts, verdicts, strict=True))
        ]
        return Explanation(
            at=now,
            version=body.version,
            version_is_known=body.version_is_known,
            left_out=body.truncated,
            alerts=tuple(explained),
            incidents=tuple(self._incidents(explained, now)),
            unreadable=body.unreadable,
        )

    def ladder(self, terms: Terms, now: datetime) -> list[Moment]:
        """What happens when, from `now` on, if nobody answers; until the first repeat. Duties stand among the steps."""
        duties = [self._duty(terms, index, now) for index in range(len(terms.duties))]
        return sorted([*self._climb(terms, now), *duties], key=lambda moment: moment.at)

    def _alert(self, index: int, alert: Alert, verdict: Verdict) -> AlertExplained:
        names = beats(self._book, alert.labels)
        if names:
            why = "; ".join(self._beat(name) for name in names)
            return AlertExplained(
                index=index,
                name=alert.name,
                title=alert.title,
                firing=alert.is_firing,
                becomes="heartbeat",
                rule="heartbeat",
                why=why,
                heartbeats=names,
            )
        return AlertExplained(
            index=index,
            name=alert.name,
            title=alert.title,
            firing=alert.is_firing,
            becomes="notice" if verdict.level is None else "incident",
            rule=verdict.rule,
            why=verdict.why,
            level=verdict.level,
            key=verdict.key,
            escalation=verdict.escalation,
            channels=self._ways(verdict.notice),
        )

    def _beat(self, name: str) -> str:
        beat = self._book.heartbeats[name]
        silence = format_duration(beat.period)
        return f"a beat of {name}, whose silence for {silence} opens an incident of level {int(beat.level)}"

    def _incidents(self, alerts: Sequence[AlertExplained], now: datetime) -> Iterator[IncidentExplained]:
        firing = [alert for alert in alerts if alert.firing and alert.becomes == "incident"]
        for key in dict.fromkeys(alert.key for alert in firing):
            group = [alert for alert in firing if alert.key == key]
            level = max(alert.level for alert in group if alert.level is not None)
            terms = self._book.promise(group[0].escalation).levels[level]
            yield IncidentExplained(
                key=key,
                rule=group[0].rule,
                level=level,
                level_name=terms.name,
                escalation=group[0].escalation,
                alerts=tuple(alert.index for alert in group),
                ladder=tuple(self.ladder(terms, now)),
            )

    def _climb(self, terms: Terms, now: datetime) -> Iterator[Moment]:
        state = escalations.begin(IncidentId("I0"), terms, now).state
        for _ in range(MOMENTS_MOST):
            due = state.due()
            if due is None:
                return
            at = max(due.at, now)
            decision = escalations.advance(state, escalations.TimerDue(), at)
            if any(isinstance(emit, escalations.MoveDue) for emit in decision.emits):
                decision = escalations.advance(decision.state, escalations.MoveAllowed(), at)
            people = self._people(decision.emits, at)
            yield self._moment(decision, people, at, now)
            if decision.why is escalations.Why.REPEATED:
                return
            state = self._told(decision, people, at)

    def _told(self, decision: Decision[Escalation], people: Sequence[Reached], at: datetime) -> Escalation:
        """The state once the engine has done what was asked: what cannot be done moves the next page step."""
        state = decision.state
        for emit in decision.emits:
            match emit:
                case RemediationAsked():
                    wanted = MoveWanted(why=EarlyWhy.NO_REMEDIATION)
                    state = escalations.advance(state, wanted, at).state
                case PageAsked(contact=name, step=step) if any(
                    person.asked_for == name and person.why_not for person in people
                ):
                    state = escalations.advance(state, MoveWanted(why=EarlyWhy.NOBODY, step=step), at).state
                case _:
                    pass
        return state

    def _moment(
        self, decision: Decision[Escalation], people: tuple[Reached, ...], at: datetime, now: datetime
    ) -> Moment:
        shown = [name for emit in decision.emits if isinstance(emit, NoticeAsked) for name in emit.channels]
        return Moment(
            at=at,
            after_seconds=(at - now).total_seconds(),
            kind=_KINDS[escalations.Why(decision.why)],
            words=explain_why(decision.why, decision.details),
            channels=self._ways(shown),
            people=people,
        )

    def _duty(self, terms: Terms, index: int, now: datetime) -> Moment:
        term = terms.duties[index]
        at = now + term.after
        duty = self._book.duties.get(term.name)
        return Moment(
            at=at,
            after_seconds=term.after.total_seconds(),
            kind="duty",
            words=f"{duty.name if duty else term.name}; no acknowledgement stops it",
            channels=self._ways(terms.channels),
            people=tuple(self._reached(name, at) for name in term.contacts),
        )

    def _people(self, emits: Iterable[object], at: datetime) -> tuple[Reached, ...]:
        """Each person once, as the engine pages them."""
        found: dict[ContactName, Reached] = {}
        for emit in emits:
            if isinstance(emit, PageAsked):
                reached = self._reached(emit.contact, at)
                found.setdefault(reached.contact or emit.contact, reached)
        return tuple(found.values())

    def _reached(self, name: ContactName, at: datetime) -> Reached:
        on = self._directory.person_on(name, at)
        person = self._directory.person(on) if on is not None else None
        if person is None:
            return Reached(asked_for=name, contact=None, name=name, why_not=self._why_not(name, at))
        found = self._directory.reach(name, at)
        usable = () if isinstance(found, Nobody) else found.methods
        places = {method.index for method in usable}
        return Reached(
            asked_for=name,
            contact=on,
            name=person.name,
            ways=self._ways(method.channel for method in usable),
            unusable=tuple(
                method.way(self._book.channels)[0]
                for index, method in enumerate(person.methods)
                if index not in places
            ),
            why_not=found.why if isinstance(found, Nobody) else "",
        )

    def _why_not(self, name: ContactName, at: datetime) -> str:
        found = self._directory.reach(name, at)
        return found.why if isinstance(found, Nobody) else f"{name} is nobody in contacts.yaml"

    def _ways(self, channels: Iterable[ChannelName]) -> tuple[Way, ...]:
        return tuple(
            Way(
                channel=name,
                kind=self._book.channels.get(name, _GONE).kind,
                lacks=self._catalogue.fallbacks.get(name, ""),
            )
            for name in channels
        )


_GONE = ChannelEntry(kind="", config={})
_KINDS = {
    escalations.Why.NOTIFIED: "notify",
    escalations.Why.STEP_DUE: "page",
    escalations.Why.STEP_EARLY: "page",
    escalations.Why.REMEDIATION_ASKED: "remediate",
    escalations.Why.NOT_RECOVERED: "expect",
    escalations.Why.REPEATED: "repeat",
}


# Replay: the journal's bodies through today's policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What had become of an alert: the incident it belongs to, and what that one has."""

    incident: IncidentId
    rule: str
    level: Level
    key: str
    escalation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One alert that today's policies would treat otherwise. `differs`: word -> (then, now)."""

    journal: int
    index: int
    alert: str
    incident: IncidentId | None
    differs: dict[str, tuple[str, str]]


def compare(then: Then | None, verdict: Verdict, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Where what was and what would be differ: word -> (then, now). `names`: the heartbeats it would be a beat of."""
    was = {"becomes": "no incident"}
    if then is not None:
        was = {
            "becomes": "incident",
            "rule": then.rule,
            "level": str(int(then.level)),
            "key": then.key,
            "escalation": then.escalation,
        }
    now = {"becomes": "no incident"}
    if verdict.level is not None and not names:
        now = {
            "becomes": "incident",
            "rule": verdict.rule,
            "level": str(int(verdict.level)),
            "key": verdict.key,
            "escalation": verdict.escalation,
        }
    words = list(dict.fromkeys([*was, *now]))
    return {
        word: (was.get(word, ""), now.get(word, ""))
        for word in words
        if was.get(word, "") != now.get(word, "")
    }
