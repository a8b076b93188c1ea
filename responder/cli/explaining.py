"""`responder explain`: what would become of a webhook body, in words, from the policies and the environment alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from responder.adapters.clock import SystemClock
from responder.cli.given import read_bytes
from responder.cli.opened import need_policies
from responder.cli.options import Session
from responder.cli.outcome import Exit, Trouble
from responder.cli.output import Terminal, span
from responder.core.level import Level
from responder.dialects.alertmanager import NotABody, read_body
from responder.engine.explain import (
    AlertExplained,
    Explain,
    Explanation,
    IncidentExplained,
    Moment,
    Reached,
    Way,
)


def explain(session: Session, path: Path, at: str, folder: Path) -> Exit:
    """NOT_SO where an alert of the body cannot be read."""
    terminal = Terminal(session.form, session.zone())
    now = _moment(at, session) if at else SystemClock().now()
    raw = read_bytes(path)
    opened = need_policies(folder, session.environ)
    try:
        body = read_body(raw)
    except NotABody as problem:
        raise Trouble(
            Exit.NOT_SO, f"{path} is no webhook body: {problem}", "Alertmanager posts JSON with `alerts`"
        ) from None
    found = Explain(opened.book, opened.catalogue, opened.directory).body(body, now)
    if terminal.is_json:
        terminal.json(found)
    else:
        _tell(terminal, found)
    return Exit.NOT_SO if found.unreadable else Exit.DONE


def _moment(text: str, session: Session) -> datetime:
    """Without an offset it is a time of the reader's zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Trouble(
            Exit.USAGE,
            f"--at {text!r} is no time",
            "write it like 2026-11-23T03:00 or 2026-11-23T03:00+09:00",
        ) from None
    if found.tzinfo is not None:
        return found
    zone = session.zone()
    return found.replace(tzinfo=zone) if zone is not None else found.astimezone()


def _tell(terminal: Terminal, found: Explanation) -> None:
    if not found.version_is_known:
        terminal.say(f"warning: a body of version {found.version!r}; it is read as version 4, with an alarm")
    if found.left_out:
        terminal.say(
            f"warning: Alertmanager left {found.left_out} alerts out (max_alerts); nobody knows which"
        )
    for unreadable in found.unreadable:
        terminal.say(
            f"alert {unreadable.index + 1} cannot be read: {unreadable.why}; it is set aside with an alarm"
        )
    for alike in _alike(found.alerts):
        _tell_alerts(terminal, alike)
    for incident in found.incidents:
        _tell_incident(terminal, incident)
    _tell_lacks(terminal, found)


def _alike(alerts: Sequence[AlertExplained]) -> list[list[AlertExplained]]:
    """Those of one verdict together, so that thirty alerts of one trouble have their reason told once."""
    found: dict[tuple[object, ...], list[AlertExplained]] = {}
    for alert in alerts:
        found.setdefault(
            (alert.becomes, alert.rule, alert.why, alert.key, alert.level, alert.firing), []
        ).append(alert)
    return list(found.values())


def _tell_alerts(terminal: Terminal, alike: Sequence[AlertExplained]) -> None:
    for alert in alike:
        state = "firing" if alert.firing else "resolved"
        title = "" if alert.title == alert.name else f": {alert.title}"
        terminal.say(f"alert {alert.index + 1}, {state}: {alert.name}{title}", style="bold")
    terminal.say(*(f"  {line}" for line in _verdict(alike[0])))


def _verdict(alert: AlertExplained) -> Iterator[str]:
    match alert.becomes:
        case "heartbeat":
            yield f"no trouble: {alert.why}"
        case "notice":
            yield f"rule {alert.rule}, because {alert.why}"
            yield f"shown on {_ways(alert.channels)}; it opens no incident and pages nobody"
        case _:
            assert alert.level is not None
            yield f"rule {alert.rule}, because {alert.why}"
            yield f"level {int(alert.level)}, key {alert.key}"
            if not alert.firing:
                yield "it ends its part of that incident; an end opens nothing and pages nobody"


def _tell_incident(terminal: Terminal, incident: IncidentExplained) -> None:
    count = len(incident.alerts)
    alerts = "1 alert" if count == 1 else f"{count} alerts"
    level = f"level {int(incident.level)} {incident.level_name}"
    terminal.say("", f"{level}, escalation {incident.escalation}, {alerts}: {incident.key}", style="bold")
    terminal.say("  if none is open under this key, it opens one; if nobody answers:")
    rows = [
        (f"  {terminal.moment(moment.at)}", f"+{span(moment.after_seconds)}", moment.kind, _what(moment))
        for moment in incident.ladder
    ]
    terminal.table(("  when", "after", "what", "who and how"), rows)
    if incident.level is Level.MINOR:
        terminal.say("  level 1: what recovers by itself before a page is due pages nobody")


def _what(moment: Moment) -> str:
    told = [_reached(person) for person in moment.people]
    if moment.channels:
        told.insert(0, f"shown on {_ways(moment.channels)}")
    return "; ".join([*told, moment.words])


def _reached(person: Reached) -> str:
    who = (
        person.name
        if person.contact == person.asked_for
        else f"{person.name} (on shift for {person.asked_for})"
    )
    if not person.ways:
        return f"NOBODY for {person.asked_for}: {person.why_not}"
    passed = f", not by {', '.join(person.unusable)}: no address" if person.unusable else ""
    return f"{who} by {_ways(person.ways, ' then ')}{passed}"


def _ways(ways: Iterable[Way], between: str = ", ") -> str:
    return between.join(f"{way.channel}*" if way.lacks else str(way.channel) for way in ways)


def _tell_lacks(terminal: Terminal, found: Explanation) -> None:
    ways = [way for alert in found.alerts for way in alert.channels]
    for moment in (moment for incident in found.incidents for moment in incident.ladder):
        ways += [*moment.channels, *(way for person in moment.people for way in person.ways)]
    if lacking := dict.fromkeys(way.lacks for way in ways if way.lacks):
        terminal.say("", "* prints on the console instead:", *(f"  {each}" for each in lacking))
