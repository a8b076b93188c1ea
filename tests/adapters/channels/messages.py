"""A delivery to send, where a test does not care what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from responder.ports.channel import Delivery, Message
from tests.fakes.clock import NOON

MESSAGE = Message(
    purpose="page",
    reason="step",
    headline="[L3 severe] I42 RegionDown cluster=seoul — paged: nobody answered for 15m",
    body=("What: Seoul does not answer", "Acknowledge: responder incidents ack I42"),
    incident="I42",
    level=3,
    state="open",
    revision=7,
    links={"runbook": "https://runbooks.example/region"},
    facts={"rule": "region"},
)


def message(**changes: Any) -> Message:
    return replace(MESSAGE, **changes)


def delivery(**changes: Any) -> Delivery:
    """To the CTO, due in ten seconds; what is no field of a delivery is one of its message."""
    own = {name: changes.pop(name) for name in ("key", "address", "recipient", "deadline") if name in changes}
    made = Delivery(
        message=message(**changes),
        key="I42-p1.0",
        address="+82-2-555-0142",
        recipient="CTO",
        deadline=NOON + timedelta(seconds=10),
    )
    return replace(made, **own)
