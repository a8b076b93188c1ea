"""Posts as the tests look at them: the text that a person reads, the links, the buttons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from responder.dialects.slack.blocks import Post
from responder.ports.channel import Message

RUNBOOK = "https://runbooks.example/region"


def message(**changes: Any) -> Message:
    """Level 3, open, as a channel would be told of it in English."""
    fields: dict[str, Any] = {
        "purpose": "notice",
        "reason": "opened",
        "headline": "[L3 severe] I42 RegionDown cluster=seoul — open",
        "body": (
            "What: Seoul does not answer",
            "Alerts (2 firing of 2):",
            "- RegionDown zone=a — zone a is gone",
            "- RegionDown zone=b — zone b is gone",
            "Acknowledge: /ack I42",
            f"Runbook: {RUNBOOK}",
        ),
        "incident": "I42",
        "level": 3,
        "state": "open",
        "revision": 17,
        "links": {"runbook": RUNBOOK},
        "facts": {"acknowledge": "/ack I42"},
    }
    return Message(**{**fields, **changes})


def parts(found: object) -> Iterator[dict[str, Any]]:
    """Every JSON object in it, at any depth."""
    if isinstance(found, dict):
        yield found
        for each in found.values():
            yield from parts(each)
    elif isinstance(found, list | tuple):
        for each in found:
            yield from parts(each)


def read(post: Post) -> str:
    """What stands in the blocks: a line each, list items with "- ", buttons and what is small left out."""
    return "\n".join(
        line for block in post.blocks if block["type"] == "rich_text" for line in _lines(block["elements"])
    )


def _lines(elements: Any) -> Iterator[str]:
    for element in elements:
        if element["type"] == "rich_text_list":
            for each in element["elements"]:
                yield "- " + _said(each)
        else:
            yield from _said(element).split("\n")


def _said(section: Any) -> str:
    return "".join(piece.get("text") or piece["url"] for piece in section["elements"])


def bold(post: Post) -> list[str]:
    return [each["text"] for each in parts(post.blocks) if each.get("style") == {"bold": True}]


def links(post: Post) -> list[tuple[str, str]]:
    return [(each["text"], each["url"]) for each in parts(post.blocks) if each.get("type") == "link"]


def buttons(post: Post) -> list[str]:
    return [each["text"]["text"] for each in parts(post.blocks) if each.get("type") == "button"]


def small(post: Post) -> str:
    """The context line; "" where there is none."""
    return "".join(
        part["text"]
        for block in post.blocks
        if block["type"] == "context"
        for part in parts(block["elements"])
    )
