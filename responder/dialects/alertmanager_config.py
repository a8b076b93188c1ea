"""An Alertmanager configuration, read as far as it says which alert goes to which receiver, and how often.

`read_config` takes plain data and notes what Alertmanager itself would refuse; `Route.walk` follows an alert through
the tree as Alertmanager's dispatcher does (dispatch/route.go, read November 2026). What a configuration would keep
from us is judged by `alertmanager_check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from responder.core.matching import BadMatcher, Matcher, Mode, Operator, matches_all, parse_matchers

Path = tuple[str | int, ...]

GROUP_WAIT = timedelta(seconds=30)
GROUP_INTERVAL = timedelta(minutes=5)
REPEAT_INTERVAL = timedelta(hours=4)
GROUP_BY_ALL = "..."

_UNITS = (
    ("y", timedelta(days=365)),
    ("w", timedelta(weeks=1)),
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
    ("ms", timedelta(milliseconds=1)),
)
_DURATION = re.compile(r"(?=\d)" + "".join(rf"(?:(\d+){unit}(?![a-z]))?" for unit, _ in _UNITS), re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about a configuration: at which keys, what it is, and what to write instead.

    `is_fault` False: it works, and somebody should know.
    """

    path: Path
    what: str
    instead: str = ""
    is_fault: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A node of the tree, with what it inherits filled in."""

    path: Path
    receiver: str
    matchers: tuple[Matcher, ...] = ()
    continues: bool = False
    group_by: tuple[str, ...] = ()
    group_wait: timedelta = GROUP_WAIT
    group_interval: timedelta = GROUP_INTERVAL
    repeat_interval: timedelta = REPEAT_INTERVAL
    is_timed: bool = False  # at some times of day nothing is sent from here
    routes: tuple[Route, ...] = ()

    def walk(self, labels: Mapping[str, str]) -> list[Route]:
        """The nodes at which an alert with these labels is sent; empty where this one does not match."""
        if not matches_all(self.matchers, labels):
            return []
        found: list[Route] = []
        for child in self.routes:
            matched = child.walk(labels)
            found += matched
            if matched and not child.continues:
                break
        return found or [self]

    def lines(self) -> Iterator[tuple[Route, ...]]:
        """Every node with the way to it, from the root on."""
        yield (self,)
        for child in self.routes:
            for line in child.lines():
                yield (self, *line)

    @property
    def every(self) -> timedelta:
        """How far apart repeats can be: they are looked at each group_interval, and one that is just short waits.

        Measured on 0.25: with a group_interval of 1s and a repeat_interval of 2s they came 3s apart.
        """
        if self.group_interval <= timedelta(0):
            return self.repeat_interval
        return (self.repeat_interval // self.group_interval + 1) * self.group_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    path: Path
    name: str
    webhooks: tuple[tuple[Path, Mapping[object, object]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """`route` None: the configuration has none that can be read."""

    route: Route | None
    receivers: tuple[Receiver, ...]
    findings: tuple[Finding, ...]


def read_config(data: object) -> Config:
    """Never raises; what cannot be read is a finding."""
    reading = _Reading()
    if not isinstance(data, Mapping):
        reading.complain((), "this is no Alertmanager configuration", "it has `route` and `receivers`")
        return Config(route=None, receivers=(), findings=tuple(reading.findings))
    receivers = tuple(reading.receivers(data.get("receivers")))
    route = None
    if isinstance(data.get("route"), Mapping):
        route = reading.route(data["route"], ("route",), None)
    else:
        reading.complain(("route",), "there is no `route`, so no alert goes anywhere", "add one")
    return Config(route=route, receivers=receivers, findings=tuple(reading.findings))


def truth(value: object, *, default: bool) -> bool:
    """A truth value as Alertmanager's YAML 1.1 has it, where `no` and `off` are false."""
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in ("n", "no", "off", "false"):
        return False
    return True if word in ("y", "yes", "on", "true") else default


class _Reading:
    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def complain(self, path: Path, what: str, instead: str, *, is_fault: bool = True) -> None:
        self.findings.append(Finding(path=path, what=what, instead=instead, is_fault=is_fault))

    # receivers

    def receivers(self, raw: object) -> Iterator[Receiver]:
        known: set[str] = set()
        for index, entry in enumerate(raw if isinstance(raw, list) else ()):
            path: Path = ("receivers", index)
            name = entry.get("name") if isinstance(entry, Mapping) else None
            if not isinstance(entry, Mapping) or not isinstance(name, str | int) or name == "":
                self.complain(path, "this receiver has no name", "write `name: …`")
                continue
            if str(name) in known:
                self.complain((*path, "name"), f"two receivers are called `{name}`", "give each its own name")
            known.add(str(name))
            webhooks = entry.get("webhook_configs")
            found = (
                ((*path, "webhook_configs", place), webhook)
                for place, webhook in enumerate(webhooks if isinstance(webhooks, list) else ())
                if isinstance(webhook, Mapping)
            )
            yield Receiver(path=path, name=str(name), webhooks=tuple(found))

    # routes

    def route(self, raw: Mapping[object, object], path: Path, parent: Route | None) -> Route:
        own = parent or Route(path=path, receiver="")
        route = replace(
            own,
            path=path,
            receiver=str(raw.get("receiver") or own.receiver),
            matchers=tuple(self._matchers(raw, path)),
            continues=truth(raw.get("continue"), default=False),
            group_by=self._group_by(raw, path, own.group_by),
            group_interval=self._duration(raw, path, "group_interval", own.group_interval),
            group_wait=self._duration(raw, path, "group_wait", own.group_wait, may_be_zero=True),
            repeat_interval=self._duration(raw, path, "repeat_interval", own.repeat_interval),
            is_timed=any(raw.get(field) for field in ("mute_time_intervals", "active_time_intervals")),
            routes=(),
        )
        if parent is None:
            self._check_root(route)
            route = replace(route, matchers=(), continues=False)
        return replace(route, routes=tuple(self._children(raw.get("routes"), route)))

    def _check_root(self, root: Route) -> None:
        if not root.receiver:
            self.complain(root.path, "the outermost route has no receiver", "write `receiver: …`")
        if root.matchers:
            self.complain(
                root.path, "the outermost route has matchers, which Alertmanager refuses", "remove them"
            )
        if root.continues:
            self.complain(
                root.path, "the outermost route has `continue`, which Alertmanager refuses", "remove it"
            )

    def _children(self, raw: object, parent: Route) -> Iterator[Route]:
        for index, entry in enumerate(raw if isinstance(raw, list) else ()):
            path = (*parent.path, "routes", index)
            if isinstance(entry, Mapping):
                yield self.route(entry, path, parent)
            else:
                self.complain(path, "this is no route", "a route is a mapping (`name: value` lines)")

    def _matchers(self, raw: Mapping[object, object], path: Path) -> Iterator[Matcher]:
        texts = raw.get("matchers")
        for index, text in enumerate(texts if isinstance(texts, list) else [texts] if texts else ()):
            yield from self._parsed(str(text), (*path, "matchers", index))
        for field, operator in (("match", Operator.EQUAL), ("match_re", Operator.REGEX)):
            old = raw.get(field)
            if not isinstance(old, Mapping):
                continue
            found = [
                matcher
                for name, value in old.items()
                if (matcher := self._old(name, operator, value, (*path, field))) is not None
            ]
            yield from found
            instead = "write matchers: [" + ", ".join(f"'{matcher}'" for matcher in found) + "]"
            self.complain((*path, field), f"`{field}` is deprecated", instead, is_fault=False)

    def _parsed(self, text: str, path: Path) -> tuple[Matcher, ...]:
        try:
            found = parse_matchers(text, Mode.FALLBACK)
        except BadMatcher as wrong:
            self.complain(path, str(wrong), 'a matcher is written like severity="critical"')
            return ()
        try:
            parse_matchers(text, Mode.CLASSIC)
        except BadMatcher as wrong:
            instead = "Alertmanager before 0.27 does not start with it; quote the value with double quotes"
            self.complain(path, f"only newer Alertmanagers read this: {wrong}", instead, is_fault=False)
        return found

    def _old(self, name: object, operator: Operator, value: object, path: Path) -> Matcher | None:
        if not _LABEL.fullmatch(str(name)):
            self.complain((*path, str(name)), f"{name!r} is no label name", "letters, digits and _")
            return None
        try:
            return Matcher(str(name), operator, _text(value))
        except BadMatcher as wrong:
            self.complain((*path, str(name)), str(wrong), "mend the expression")
            return None

    def _group_by(
        self, raw: Mapping[object, object], path: Path, inherited: tuple[str, ...]
    ) -> tuple[str, ...]:
        written = raw.get("group_by")
        if not isinstance(written, list) or not written:
            return inherited
        found = tuple(str(each) for each in written)
        if GROUP_BY_ALL in found and len(found) > 1:
            what = "`...` groups by all labels, and cannot stand beside others"
            self.complain((*path, "group_by"), what, "write ['...'] alone, or labels")
        return found

    def _duration(
        self,
        raw: Mapping[object, object],
        path: Path,
        field: str,
        inherited: timedelta,
        *,
        may_be_zero: bool = False,
    ) -> timedelta:
        if raw.get(field) is None:
            return inherited
        found = parse_duration(_text(raw[field]))
        if found is None:
            self.complain(
                (*path, field), f"{_text(raw[field])!r} is no duration", "write it like 30s, 5m, 4h"
            )
            return inherited
        if found == timedelta(0) and not may_be_zero:
            self.complain((*path, field), f"`{field}` cannot be zero", "write it like 30s, 5m, 4h")
            return inherited
        return found


def parse_duration(text: str) -> timedelta | None:
    """As Prometheus writes them (`1h30m`, `1w`, `100ms`); None where it is none."""
    if text == "0":
        return timedelta(0)
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    try:
        parts = (int(part or 0) * size for part, (_, size) in zip(found.groups(), _UNITS, strict=True))
        return sum(parts, timedelta(0))
    except OverflowError:
        return None


def _text(value: object) -> str:
    """As it was written, for what YAML takes for a truth value or a number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
