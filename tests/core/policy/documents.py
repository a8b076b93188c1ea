"""A small set of policy documents that fit, as plain data, and ways to spoil a copy of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from responder.core.policy.book import PolicyBook, assemble
from responder.core.policy.misfits import Misfit, Misfits

KINDS = ("console", "webhook")


def _level(name: str, contacts: list[str], channels: list[str]) -> dict[str, Any]:
    return {"name": name, "contacts": contacts, "channels": channels}


def documents() -> dict[str, Any]:
    """Levels 1-4, two rules, three people, one roster, one ladder, one duty, three channels, one heartbeat."""
    paging = [
        {"after": "0s", "notify": "level_channels"},
        {"after": "15m", "page": ["level_contacts", "on-call"]},
    ]
    ladder: dict[int, dict[str, Any]] = {level: {"steps": copy.deepcopy(paging)} for level in (1, 2, 3, 4)}
    ladder[3]["duties"] = [{"after": "2h", "duty": "notice"}]
    return {
        "levels": {
            "version": 1,
            "levels": {
                1: _level("minor", ["on-call"], ["chat"]),
                2: _level("moderate", ["on-call"], ["chat"]),
                3: _level("severe", ["boss"], ["chat", "sms"]),
                4: _level("fatal", ["boss"], ["chat", "sms"]),
            },
            "rules": [
                {"name": "warning", "match": ['severity="warning"'], "level": 1, "escalation": "ladder"},
                {"name": "anything-else", "level": 2, "group_by": ["alertname"], "escalation": "ladder"},
            ],
            "self": {"escalation": "ladder", "level": 2, "kinds": {"body-version": 1}},
            "declared": {"escalation": "ladder"},
            "examples": [{"labels": {"alertname": "X"}, "rule": "anything-else", "level": 2}],
        },
        "contacts": {
            "version": 1,
            "contacts": {
                "boss": {"name": "Boss", "methods": [{"webhook": "sms", "to": {"from_env": "BOSS_PHONE"}}]},
                "ann": {"name": "Ann", "methods": [{"webhook": "sms", "to": "+10"}, {"console": "console"}]},
                "ben": {"name": "Ben"},
                "on-call": {"roster": "weekly"},
            },
        },
        "rosters": {
            "version": 1,
            "rosters": {
                "weekly": {"members": ["ann", "ben"], "starts": "2026-01-05", "timezone": "Asia/Seoul"}
            },
        },
        "escalation": {"version": 1, "policies": {"ladder": ladder}},
        "duties": {"version": 1, "duties": {"notice": {"name": "Notice", "page": ["boss"]}}},
        "channels": {
            "version": 1,
            "channels": {
                "chat": {"webhook": {"url": {"from_env": "CHAT_URL"}, "template": "chat"}},
                "sms": {"webhook": {"url": "https://sms.example/"}},
                "console": {"console": {}},
            },
        },
        "heartbeats": {
            "version": 1,
            "heartbeats": {
                "watchdog": {
                    "period": "15m",
                    "level": 2,
                    "escalation": "ladder",
                    "source": {"alert": ['alertname="Watchdog"']},
                },
                "backup": {"period": "1d", "level": 2, "escalation": "ladder", "source": {"http": True}},
            },
        },
    }


FILES = {"chat.json": '{"text": "{{ headline }}"}'}
GONE = object()


def spoiled(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The documents with `value` at `path`; GONE takes away what is there, a list grows at its length."""
    changed = documents()
    place: Any = changed
    for part in path[:-1]:
        place = place[part]
    last = path[-1]
    if value is GONE:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return changed


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """`value` with these names changed wherever they stand, as key or value."""
    if isinstance(value, dict):
        return {renamed(key, names): renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def book(changed: Mapping[str, Any] | None = None, files: Mapping[str, str] | None = None) -> PolicyBook:
    return assemble(changed or documents(), FILES if files is None else files, channel_kinds=KINDS)


def misfits(changed: Mapping[str, Any], files: Mapping[str, str] | None = None) -> list[Misfit]:
    """What keeps these documents from being a book; empty where nothing does."""
    try:
        book(changed, files)
    except Misfits as found:
        return list(found.misfits)
    return []
