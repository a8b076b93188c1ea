"""A small plan for the engine's tests: three people, one channel for notices, one for each person, all four levels."""

from __future__ import annotations

import copy
from typing import Any

from responder.core.policy.book import PolicyBook, assemble

PEOPLE = ("first", "second", "third", "customers")

LADDER: list[dict[str, Any]] = [
    {"after": "0s", "notify": "level_channels"},
    {"after": "0s", "page": ["level_contacts"]},
    {"after": "15m", "page": ["second"]},
    {"after": "30m", "page": ["third"]},
]

PLAN: dict[str, Any] = {
    "levels": {
        "version": 1,
        "levels": {
            level: {"name": name, "contacts": ["first"], "channels": ["board"]}
            for level, name in ((1, "minor"), (2, "moderate"), (3, "severe"), (4, "fatal"))
        },
        "rules": [
            {"name": "info", "match": ['severity="info"'], "notice": ["board"]},
            {
                "name": "level-label",
                "match": ['level=~"[1-4]"'],
                "level": {"from_label": "level"},
                "group_by": ["alertname"],
                "escalation": "matrix",
            },
            {"name": "anything-else", "level": 2, "group_by": ["alertname"], "escalation": "matrix"},
        ],
        "self": {"escalation": "matrix", "level": 2},
        "declared": {"escalation": "matrix"},
    },
    "contacts": {
        "version": 1,
        "contacts": {
            **{name: {"name": name.title(), "methods": [{"fake": f"to-{name}"}]} for name in PEOPLE},
            "on-call": {"roster": "primary"},
        },
    },
    "rosters": {"version": 1, "rosters": {"primary": {"always": "first"}}},
    "escalation": {
        "version": 1,
        "policies": {
            "matrix": {
                1: {
                    "steps": [
                        {"after": "0s", "remediate": "bound"},
                        {"after": "15m", "expect": "recovered"},
                        {"after": "30m", "page": ["first"]},
                        {"after": "1h", "page": ["second"]},
                    ]
                },
                2: {"steps": [*LADDER]},
                3: {"steps": [*LADDER], "duties": [{"after": "2h", "duty": "external_notice"}]},
                4: {"steps": [*LADDER], "duties": [{"after": "30m", "duty": "external_notice"}]},
            }
        },
    },
    "duties": {
        "version": 1,
        "duties": {"external_notice": {"name": "External notice", "page": ["customers"]}},
    },
    "channels": {
        "version": 1,
        "channels": {"board": {"fake": {}}, **{f"to-{name}": {"fake": {}} for name in PEOPLE}},
    },
    "heartbeats": {
        "version": 1,
        "heartbeats": {
            "watchdog": {
                "period": "15m",
                "level": 2,
                "escalation": "matrix",
                "source": {"alert": ['alertname="Watchdog"']},
            },
            "nightly": {"period": "1h", "level": 2, "escalation": "matrix", "source": {"http": True}},
        },
    },
}


def plan(**changes: Any) -> dict[str, Any]:
    """The plan with whole documents replaced."""
    return copy.deepcopy(PLAN) | changes


def book(documents: dict[str, Any] | None = None) -> PolicyBook:
    """Raises Misfits."""
    return assemble(documents or plan(), {}, channel_kinds=("fake", "console", "slack"))
