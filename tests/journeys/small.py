"""A small plan of the journeys: one person a rung, each with two ways to be reached, and all of them lead to one sink.

Level 3, so that nothing of a storm, a digest or a remediation comes between an alert and its people.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PEOPLE = ("first", "second", "third", "operator")
LEVELS = {1: "minor", 2: "moderate", 3: "severe", 4: "fatal"}
FAR = "1h"


def small_plan(
    sink: str, *, rungs: Mapping[str, str], ack_lease: str = FAR, folds: bool = False
) -> dict[str, Any]:
    """`rungs`: who is paged, and after how long. `folds`: the SMS gateway shows a repeat as one.

    Each person is reached at `/sms/NAME`, then at `/mail/NAME`; incidents are shown at `/board`.
    """
    channels: dict[str, Any] = {"board": {"webhook": {"url": f"{sink}board"}}}
    contacts: dict[str, Any] = {}
    for name in PEOPLE:
        channels[f"sms-{name}"] = {"webhook": {"url": f"{sink}sms/{name}", "folds": folds}}
        channels[f"mail-{name}"] = {"webhook": {"url": f"{sink}mail/{name}"}}
        methods = [{"webhook": f"sms-{name}"}, {"webhook": f"mail-{name}"}]
        contacts[name] = {"name": name.title(), "methods": methods}
    ladder = {
        "steps": [{"after": after, "page": [who]} for who, after in rungs.items()],
        "repeat": {"every": FAR},
        "catch_up": "1s",
    }
    level = {"contacts": ["first"], "channels": ["board"], "ack_lease": ack_lease}
    rule = {"name": "all", "level": 3, "group_by": ["alertname"], "escalation": "matrix"}
    return {
        "levels": {
            "version": 1,
            "levels": {number: {"name": name, **level} for number, name in LEVELS.items()},
            "rules": [rule],
            "self": {"escalation": "matrix", "level": 2},
            "declared": {"escalation": "matrix"},
        },
        "contacts": {"version": 1, "contacts": contacts},
        "rosters": {"version": 1, "rosters": {}},
        "escalation": {"version": 1, "policies": {"matrix": dict.fromkeys(LEVELS, ladder)}},
        "duties": {"version": 1, "duties": {}},
        "channels": {"version": 1, "channels": channels},
        "heartbeats": {"version": 1, "heartbeats": {}},
    }


def write_plan(folder: Path, plan: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    yaml = YAML(typ="safe")
    yaml.representer.ignore_aliases = lambda _data: True
    for name, document in plan.items():
        yaml.dump(document, folder / f"{name}.yaml")
    return folder
