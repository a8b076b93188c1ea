"""A delivery as plain values: what a template can name, and the fields of a webhook's body without one."""

from __future__ import annotations

from responder.core.identifiers import ChannelName
from responder.dialects.wording import FACTS
from responder.ports.channel import Delivery


def values_of(channel: ChannelName, delivery: Delivery) -> dict[str, object]:
    """What a template can name, and the fields of the body where there is none."""
    message = delivery.message
    return {
        "channel": str(channel),
        "key": delivery.key,
        "to": delivery.address or "",
        "recipient": delivery.recipient,
        "purpose": message.purpose,
        "reason": message.reason,
        "headline": message.headline,
        "body": list(message.body),
        "incident": message.incident,
        "level": message.level,
        "state": message.state,
        "revision": message.revision,
        "links": dict(message.links),
        "facts": dict.fromkeys(FACTS, "") | dict(message.facts),
        "is_repeat": message.is_repeat,
    }


_TEXTS = ("channel", "key", "to", "recipient", "purpose", "reason", "headline", "incident", "state")

# A message with everything, in text that must be escaped everywhere, and one with nothing.
SAMPLES: tuple[dict[str, object], ...] = (
    {
        "channel": "sms",
        "key": "I42-p1.0",
        "to": "+82-2-000-0000",
        "recipient": 'CTO "C" \\ {{ x }}',
        "purpose": "page",
        "reason": "step",
        "headline": '[L3 severe] I42 "RegionDown" \\ — paged\n',
        "body": ['What: "all" is \\ down', "Level: 3 severe"],
        "incident": "I42",
        "level": 3,
        "state": "open",
        "revision": 1,
        "links": dict.fromkeys(("incident", "runbook", "source"), "https://responder.example/"),
        "facts": dict.fromkeys(FACTS, 'a "fact" \\'),
        "is_repeat": True,
    },
    {
        **dict.fromkeys(_TEXTS, ""),
        "body": [],
        "level": 0,
        "revision": 0,
        "links": {},
        "facts": dict.fromkeys(FACTS, ""),
        "is_repeat": False,
    },
)


# What a template may name.
VARIABLES = frozenset(SAMPLES[0]) | {"fields"}  # the channel's own, by name
