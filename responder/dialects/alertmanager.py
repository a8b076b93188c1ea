"""Alertmanager's webhook body, version 4, read into alerts.

A body that is JSON with an `alerts` list is always read: an alert that makes no sense is set aside with a reason, and
its neighbours go on. Times are UTC; NUL and lone surrogates, which no database and no UTF-8 holds, become U+2400 and
U+FFFD. What an alert means (new, repeat, twin) is decided by `core.alert`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from responder.core.alert import Alert
from responder.core.identifiers import Fingerprint
from responder.dialects.visible import visible

VERSION = "4"
# Times outside are nobody's: year 1 is Go's "not set", and near year 9999 no zone can be told any more.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)

MOST_ALERTS = 250_000  # of one body; 64 MiB of real alerts hold about as many
MOST_TOLD = 100  # unreadable alerts that are told one by one

_FINGERPRINT = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)
_DIRT = re.compile("[\x00\ud800-\udfff]")
_MAYBE_DIRTY = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class NotABody(Exception):
    """Not JSON, no object, or without an `alerts` list. The text says which, and is safe to send back."""


class _Unreadable(Exception):
    """An alert that cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Alert number `index` (from 0) of the body could not be read; `why` is one line, cut."""

    index: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One webhook body. `truncated`: how many alerts Alertmanager left out (`max_alerts`); which, it does not say."""

    alerts: tuple[Alert, ...]
    unreadable: tuple[Unreadable, ...]  # the first MOST_TOLD
    unreadable_total: int
    status: str
    receiver: str
    group_key: str
    truncated: int
    version: str
    external_url: str

    @property
    def version_is_known(self) -> bool:
        return self.version == VERSION


def peek(raw: bytes) -> None:
    """Raises NotABody where `read_body` would: asked before a body is accepted into the journal."""
    _parse(raw)


def read_body(raw: bytes) -> Body:
    """Everything in `raw` that can be read. Raises NotABody."""
    found, is_dirty = _parse(raw)
    status = _text(found, "status", is_dirty)
    alerts: list[Alert] = []
    unreadable: list[Unreadable] = []
    total = 0
    for index, entry in enumerate(found["alerts"][:MOST_ALERTS]):
        try:
            alerts.append(_alert(entry, status, is_dirty))
        except _Unreadable as fault:
            total += 1
            if total <= MOST_TOLD:
                unreadable.append(Unreadable(index, visible(str(fault))))
    if (beyond := len(found["alerts"]) - MOST_ALERTS) > 0:
        total += beyond
        unreadable.append(
            Unreadable(MOST_ALERTS, f"{beyond} alerts beyond the first {MOST_ALERTS} are not read")
        )
    return Body(
        alerts=tuple(alerts),
        unreadable=tuple(unreadable),
        unreadable_total=total,
        status=status,
        receiver=_text(found, "receiver", is_dirty),
        group_key=_text(found, "groupKey", is_dirty),
        truncated=_count(found.get("truncatedAlerts")),
        version=_text(found, "version", is_dirty),
        external_url=_text(found, "externalURL", is_dirty),
    )


def read_firing(entry: Mapping[str, object]) -> Alert:
    """An alert that fires, as Alertmanager's API lists it: what it says of its status is not looked at.

    Raises NotABody where it makes no sense.
    """
    try:
        return _alert({**entry, "status": "firing"}, "", is_dirty=True)
    except _Unreadable as fault:
        raise NotABody(visible(str(fault))) from None


def _parse(raw: bytes) -> tuple[dict[str, Any], bool]:
    """The body's object, with a list under `alerts`, and whether characters may be in it that have to be replaced."""
    try:
        text = raw.decode("utf-8-sig")
        found = json.loads(text)
    except UnicodeDecodeError as error:
        raise NotABody(f"not UTF-8: byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise NotABody(f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise NotABody("not JSON that can be read: nested too deeply") from None
    except ValueError:  # an integer of thousands of digits
        raise NotABody("not JSON that can be read: a number is too long") from None
    if not isinstance(found, dict):
        raise NotABody("not a JSON object")
    if not isinstance(found.get("alerts"), list):
        raise NotABody("no list of alerts under `alerts`")
    return found, _MAYBE_DIRTY.search(text) is not None


def _alert(entry: object, body_status: str, is_dirty: bool) -> Alert:
    if not isinstance(entry, dict):
        raise _Unreadable(f"an alert is an object, not {_kind(entry)}")
    labels = _texts(entry, "labels", is_dirty)
    if not labels:
        raise _Unreadable("it has no labels")
    generator = entry.get("generatorURL")
    return Alert(
        fingerprint=_fingerprint(entry.get("fingerprint"), labels),
        labels=labels,
        annotations=_texts(entry, "annotations", is_dirty),
        starts_at=_moment(entry, "startsAt"),
        ends_at=_moment(entry, "endsAt") if _is_resolved(entry, body_status) else None,
        generator_url=_cleaned(generator, is_dirty) if isinstance(generator, str) else "",
    )


def _is_resolved(entry: dict[str, Any], body_status: str) -> bool:
    """The alert's own status decides; Alertmanager sets it from endsAt by its own clock, which we do not have.

    One that fires keeps no endsAt: there it is "0001-01-01", or when it will be given up unless it is repeated.
    """
    own = entry.get("status")
    match body_status if own is None else own:
        case "resolved":
            return True
        case "firing" | "":
            return False
        case str(other):
            raise _Unreadable(f"its status is neither firing nor resolved: {other!r:.50}")
        case other:
            raise _Unreadable(f"its status is {_kind(other)}")


def _moment(entry: dict[str, Any], field: str) -> datetime:
    text = entry.get(field)
    if not isinstance(text, str):
        raise _Unreadable(f"it has no {field}" if text is None else f"{field} is {_kind(text)}")
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise _Unreadable(f"{field} has no time zone: {text!r:.50}")
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Unreadable(f"{field} is no time: {text!r:.50}") from None
    if not EARLIEST <= moment < LATEST:
        raise _Unreadable(f"{field} is not set, or out of range: {text!r:.50}")
    return moment


def _texts(entry: dict[str, Any], field: str, is_dirty: bool) -> dict[str, str]:
    found = entry.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _Unreadable(f"{field} is {_kind(found)}")
    for name, value in found.items():
        if not isinstance(value, str):
            raise _Unreadable(f"{field}: {name:.100} is {_kind(value)}")
    if not is_dirty:
        return found
    return {_cleaned(name, True): _cleaned(value, True) for name, value in found.items()}


def _fingerprint(given: object, labels: dict[str, str]) -> Fingerprint:
    """Alertmanager's, or where there is none that can be one: a hash of the labels, equal for equal labels."""
    if isinstance(given, str) and _FINGERPRINT.fullmatch(given):
        return Fingerprint(given)
    return fingerprint_of(labels)


def fingerprint_there(labels: Mapping[str, str]) -> Fingerprint:
    """The fingerprint that Alertmanager itself gives to these labels (FNV-1a, prometheus/common model/signature.go).

    An alert that has another one did not come from an Alertmanager.
    """
    found = 0xCBF29CE484222325
    for name in sorted(labels):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            found = (found ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return Fingerprint(f"{found:016x}")


def fingerprint_of(labels: Mapping[str, str]) -> Fingerprint:
    """A hash of the labels, equal for equal labels; for alerts that bring none, or one that another alert has too."""
    spelled = json.dumps(dict(labels), sort_keys=True, separators=(",", ":"))
    return Fingerprint(hashlib.sha256(spelled.encode()).hexdigest()[:16])


def _text(found: dict[str, Any], field: str, is_dirty: bool) -> str:
    value = found.get(field)
    return _cleaned(value, is_dirty) if isinstance(value, str) else ""


def _cleaned(text: str, is_dirty: bool) -> str:
    return _DIRT.sub(lambda found: "\u2400" if found[0] == "\x00" else "\ufffd", text) if is_dirty else text


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
