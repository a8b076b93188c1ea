"""The shipped policies, made quick: the same people, channels, rules and steps, with seconds in the place of minutes.

What is secret or differs by installation comes from the environment, as in earnest; here all of it leads to one sink,
but for Slack.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.house.tree import ROOT

POLICIES = ROOT / "policies"
PHONES = {
    "ON_CALL_PHONE": "+82-2-555-0101",
    "DEVOPS_LEAD_PHONE": "+82-2-555-0102",
    "DBA_PHONE": "+82-2-555-0103",
    "CTO_PHONE": "+82-2-555-0104",
    "VP_ENGINEERING_PHONE": "+82-2-555-0105",
    "CUSTOMER_SUCCESS_PHONE": "+82-2-555-0106",
    "CEO_PHONE": "+82-2-555-0107",
    "LEGAL_PHONE": "+82-2-555-0108",
}
OFFICES = {number: name.removesuffix("_PHONE") for name, number in PHONES.items()}


TIMES = {
    "15m": "4s",
    "30m": "8s",
}  # what the plan's times become; whole seconds. The others are left far away
ACK_LEASE = "6s"


def quick_policies(folder: Path) -> Path:
    """A copy of the shipped policies at that pace, in English, so that the journey can be read in every catalogue."""
    shutil.copytree(POLICIES, folder)
    yaml = YAML(typ="safe")
    escalation = yaml.load(folder / "escalation.yaml")
    for step in _steps(escalation):
        step["after"] = TIMES.get(step["after"], step["after"])
    yaml.dump(escalation, folder / "escalation.yaml")
    levels = yaml.load(folder / "levels.yaml")
    for level in levels["levels"].values():
        level["ack_lease"] = ACK_LEASE
    yaml.dump(levels, folder / "levels.yaml")
    contacts = yaml.load(folder / "contacts.yaml")
    for contact in contacts["contacts"].values():
        contact.pop("locale", None)
    yaml.dump(contacts, folder / "contacts.yaml")
    channels = yaml.load(folder / "channels.yaml")
    for channel in channels["channels"].values():
        for configuration in channel.values():
            configuration.pop("locale", None)
    yaml.dump(channels, folder / "channels.yaml")
    return folder


def _steps(escalation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for levels in escalation["policies"].values():
        for level in levels.values():
            yield from level["steps"]
            yield from level.get("duties", ())


def credentials(sink: str) -> dict[str, str]:
    """Everything that the shipped channels and contacts take from the environment; the sink is behind all of it."""
    found = {
        "PAGERDUTY_EVENTS_URL": f"{sink}pagerduty",
        "PAGERDUTY_CRITICAL_KEY": "critical",
        "PAGERDUTY_HIGH_KEY": "high",
        "EMAIL_GATEWAY_URL": f"{sink}email",
        "EMAIL_GATEWAY_AUTHORIZATION": "Bearer of-the-mail-gateway",
        "SMS_GATEWAY_URL": f"{sink}sms",
        "SMS_GATEWAY_AUTHORIZATION": "Bearer of-the-sms-gateway",
    }
    emails = {name.replace("_PHONE", "_EMAIL"): f"{name.lower()}@k-erp.example" for name in PHONES}
    return found | PHONES | emails
