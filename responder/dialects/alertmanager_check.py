"""What an Alertmanager configuration would keep from us: levels without a way here, ends that are never told, beats
that come too seldom.

It walks the route tree with the labels that our own policies speak of (their level label, their examples, their
heartbeats). Times of day at which routes are muted are not looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from responder.core.level import Level
from responder.core.matching import Matcher, Operator
from responder.core.policy.book import PolicyBook
from responder.core.policy.fields import format_duration
from responder.core.policy.heartbeats import FromAlert
from responder.core.policy.levels import HEARTBEAT_RULE, FromLabel
from responder.core.policy.misfits import suggestion
from responder.dialects.alertmanager_config import (
    GROUP_BY_ALL,
    Config,
    Finding,
    Path,
    Route,
    read_config,
    truth,
)

ENDPOINT = "/webhooks/alertmanager"
BEATS = 3  # that must fit into a heartbeat's period
NAMED = 3  # label sets that one finding names

# What Alertmanager 0.25, which Debian 12 ships, does not know, and so does not start with.
TOO_NEW_IN_WEBHOOKS = ("url_file", "timeout")
TOO_NEW_IN_HTTP = ("http_headers",)

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Checked:
    """`ours`: the receivers that post to us; `reached`: the levels of which an alert can come here."""

    findings: tuple[Finding, ...]
    ours: tuple[str, ...]
    reached: tuple[Level, ...]


def check_config(data: object, book: PolicyBook, receivers: Collection[str] = ()) -> Checked:
    """Everything about the configuration `data` that somebody should know, faults first.

    receivers: names that post to us although their URL does not show it.
    """
    config = read_config(data)
    ours = _ours(config, receivers)
    findings = [*config.findings, *_of_receivers(config, receivers), *_of_webhooks(config, ours)]
    reached: list[Level] = []
    if config.route is not None and ours:
        findings += _of_levels(config.route, ours, book, reached)
        findings += _of_heartbeats(config.route, ours, book)
        findings += _of_grouping(config.route, ours)
    if not ours:
        what = f"nothing here posts to us: no webhook's url ends in {ENDPOINT}"
        instead = (
            f"add a receiver with webhook_configs: [{{url: http://127.0.0.1:8080{ENDPOINT}}}], or name yours "
            "with --receiver"
        )
        findings.append(Finding(path=("receivers",), what=what, instead=instead))
    findings.sort(key=lambda finding: not finding.is_fault)
    return Checked(tuple(findings), tuple(ours), tuple(reached))


def _ours(config: Config, receivers: Collection[str]) -> list[str]:
    return [
        receiver.name
        for receiver in config.receivers
        if receiver.name in receivers or any(_is_our_url(webhook) for _, webhook in receiver.webhooks)
    ]


def _is_our_url(webhook: Mapping[object, object]) -> bool:
    try:
        return urlsplit(str(webhook.get("url", ""))).path.rstrip("/").endswith(ENDPOINT)
    except ValueError:  # an address in brackets that is none
        return False


# Receivers


def _of_receivers(config: Config, receivers: Collection[str]) -> Iterator[Finding]:
    defined = {receiver.name for receiver in config.receivers}
    for name in sorted(set(receivers) - defined):
        what = f"there is no receiver `{name}`, which --receiver names"
        yield Finding(path=("receivers",), what=what, instead=suggestion(name, defined))
    used: set[str] = set()
    for *_, route in config.route.lines() if config.route is not None else ():
        if route.receiver and route.receiver not in defined | used:
            what = f"the receiver `{route.receiver}` is not defined, so Alertmanager does not start with this"
            instead = suggestion(route.receiver, defined) or "define it under `receivers`"
            yield Finding(path=(*route.path, "receiver"), what=what, instead=instead)
        used.add(route.receiver)
    for receiver in config.receivers:
        if receiver.name not in used:
            what = f"no route uses the receiver `{receiver.name}`"
            yield Finding(
                path=(*receiver.path, "name"), what=what, instead="remove it, or route to it", is_fault=False
            )


def _of_webhooks(config: Config, ours: Collection[str]) -> Iterator[Finding]:
    for receiver in config.receivers:
        for path, webhook in receiver.webhooks:
            yield from _too_new(path, webhook)
            if _is_our_url(webhook) or (receiver.name in ours and len(receiver.webhooks) == 1):
                yield from _of_our_webhook(path, webhook)


def _too_new(path: Path, webhook: Mapping[object, object]) -> Iterator[Finding]:
    http = webhook.get("http_config")
    newer = [(*path, field) for field in TOO_NEW_IN_WEBHOOKS if field in webhook]
    if isinstance(http, Mapping):
        newer += [(*path, "http_config", field) for field in TOO_NEW_IN_HTTP if field in http]
    for place in newer:
        what = f"Alertmanager 0.25 does not know `{place[-1]}`, and does not start with it"
        yield Finding(path=place, what=what, instead="remove it, unless yours is newer", is_fault=False)


def _of_our_webhook(path: Path, webhook: Mapping[object, object]) -> Iterator[Finding]:
    if not truth(webhook.get("send_resolved"), default=True):
        what = "we are never told that an alert ended, so no incident ends by itself"
        yield Finding(path=(*path, "send_resolved"), what=what, instead="write send_resolved: true")
    if str(webhook.get("max_alerts", 0)) != "0":
        what = f"after {webhook['max_alerts']} alerts the others of a body are left out, and nobody is told which"
        yield Finding(path=(*path, "max_alerts"), what=what, instead="write max_alerts: 0, which sends all")


# Levels


def _of_levels(
    root: Route, ours: Collection[str], book: PolicyBook, reached: list[Level]
) -> Iterator[Finding]:
    probes = _probes(book)
    for level in Level:
        come = [labels for labels in probes[level] if _comes(root, ours, labels)]
        if come:
            reached.append(level)
            yield from _left_out(root, level, [labels for labels in probes[level] if labels not in come])
        elif further := _further(root, ours, probes[level], level, book):
            reached.append(level)
            what = f"alerts of level {int(level)} come here only if they also have {_told(further)}"
            yield _at_end(root, level, probes[level][0], what, ours, is_fault=False)
        elif probes[level]:
            what = f"no alert of level {int(level)} ever comes here; tried {_listed(probes[level])}"
            yield _at_end(root, level, probes[level][0], what, ours)


def _probes(book: PolicyBook) -> dict[Level, list[Labels]]:
    """For each level, labels of alerts that have it."""
    names = [
        rule.level.from_label for rule in book.levels_document.rules if isinstance(rule.level, FromLabel)
    ]
    found: dict[Level, list[Labels]] = {}
    for level in Level:
        examples = [
            example.labels
            for example in book.levels_document.examples
            if example.level == level and example.rule != HEARTBEAT_RULE
        ]
        found[level] = [*({name: str(int(level))} for name in dict.fromkeys(names)), *examples]
    return found


def _comes(root: Route, ours: Collection[str], labels: Labels) -> bool:
    return any(route.receiver in ours for route in root.walk(labels))


def _further(
    root: Route, ours: Collection[str], probes: list[Labels], level: Level, book: PolicyBook
) -> Labels | None:
    """Labels that one of these lacks to come here, and that leave it at its level: a way to us asks for them."""
    ways = [
        {
            matcher.name: matcher.value
            for route in way
            for matcher in route.matchers
            if matcher.operator is Operator.EQUAL
        }
        for way in root.lines()
        if way[-1].receiver in ours
    ]
    for labels in probes:
        for asked in ways:
            whole = {**asked, **labels}
            is_alike = book.levels_document.decide(whole)[1] == level and not book.beats(whole)
            if is_alike and _comes(root, ours, whole):
                return {name: value for name, value in asked.items() if name not in labels}
    return None


def _left_out(root: Route, level: Level, probes: list[Labels]) -> Iterator[Finding]:
    """Others of this level do come."""
    if probes:
        end = root.walk(probes[0])[-1]
        what = f"of level {int(level)}, {_listed(probes)} end here at `{end.receiver}`, and do not come to us"
        yield Finding(path=end.path, what=what, instead="route them to us too", is_fault=False)


def _at_end(
    root: Route, level: Level, labels: Labels, what: str, ours: Collection[str], *, is_fault: bool = True
) -> Finding:
    """Points at the route where such an alert ends."""
    end = root.walk(labels)[-1]
    instead = f"add a route: {{matchers: ['{_told(labels)}'], receiver: {next(iter(ours))}, continue: true}}"
    return Finding(
        path=end.path, what=f"{what}: ends here at `{end.receiver}`", instead=instead, is_fault=is_fault
    )


def _listed(probes: list[Labels]) -> str:
    told = ", ".join(f"{{{_told(labels)}}}" for labels in probes[:NAMED])
    return told + (f" and {len(probes) - NAMED} more" if len(probes) > NAMED else "")


def _told(labels: Labels) -> str:
    return ", ".join(str(Matcher(name, Operator.EQUAL, value)) for name, value in labels.items())


# Heartbeats and grouping


def _of_heartbeats(root: Route, ours: Collection[str], book: PolicyBook) -> Iterator[Finding]:
    compiled = book.heartbeats_document.compiled(book.levels_document.matchers)
    for name, matchers in compiled.items():
        labels = _sample(matchers, book)
        came = [route for route in root.walk(labels) if route.receiver in ours]
        if not came:
            end = root.walk(labels)[-1]
            what = f"the beats of `{name}` ({{{_told(labels)}}}) end here at `{end.receiver}`, so it counts as silent"
            yield Finding(path=end.path, what=what, instead="route them to us")
            continue
        yield from _too_slow(name, book, min(came, key=lambda route: route.every))


def _sample(matchers: tuple[Matcher, ...], book: PolicyBook) -> Labels:
    """Labels of such a beat: an example of the policies that matches, else what the matchers ask to be equal."""
    for example in book.levels_document.examples:
        if all(matcher.matches(example.labels) for matcher in matchers):
            return example.labels
    return {matcher.name: matcher.value for matcher in matchers if matcher.operator is Operator.EQUAL}


def _too_slow(name: str, book: PolicyBook, route: Route) -> Iterator[Finding]:
    beat = book.heartbeats[name]
    assert isinstance(beat.source, FromAlert)
    if beat.period >= BEATS * route.every:
        return
    most = format_duration(beat.period / BEATS)
    what = (
        f"beats of `{name}` come up to {format_duration(route.every)} apart here (repeat_interval "
        f"{format_duration(route.repeat_interval)}, looked at every group_interval of "
        f"{format_duration(route.group_interval)}), and its period is {format_duration(beat.period)}"
    )
    instead = (
        f"give it a route of its own whose repeat_interval and group_interval make at most {most} together, "
        f"or the heartbeat a period of {format_duration(BEATS * route.every)}"
    )
    yield Finding(path=route.path, what=what, instead=instead)


def _of_grouping(root: Route, ours: Collection[str]) -> Iterator[Finding]:
    told: set[tuple[str, ...]] = set()
    for *_, route in root.lines():
        if route.receiver in ours and GROUP_BY_ALL in route.group_by and route.group_by not in told:
            told.add(route.group_by)
            what = "every alert comes in a body of its own; we group by ourselves, so this only costs"
            yield Finding(path=route.path, what=what, instead="group_by: [alertname]", is_fault=False)
