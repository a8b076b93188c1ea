"""The app as Slack has to know it: its commands, events and addresses, and the scopes that it needs, with reasons.

docs.slack.dev/reference/app-manifest, read on 2026-11-23. Scopes are the least: a test holds them to the methods that
are called here and to the events that are listened to.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

NAME = "responder"

# Where Slack posts to, on the address that it is given.
COMMANDS, INTERACTIONS, EVENTS = "/slack/commands", "/slack/interactions", "/slack/events"

# The bot's. In the order in which the page that asks for consent is read: what it does, then what it sees.
SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "chat:write": "shows incidents and pages people, and keeps those messages current",
        "commands": "takes /ack and /incident",
        "app_mentions:read": "hears a message that begins with its name, and no other",
        "im:write": "opens its direct messages with a person who is paged, to look there for a page sent already",
        "channels:history": "after a crash, finds its own message again instead of posting a second one",
        "groups:history": "the same in private channels that it was invited to",
        "im:history": "the same in its own direct messages",
        "channels:read": "finds a channel by its name, and checks that it is a member and the channel not archived",
        "groups:read": "the same for private channels that it was invited to",
        "users:read": "checks that the people in contacts.yaml exist (responder slack check)",
    }
)

MENTIONS = "app_mention"
# With Socket Mode: the changes of its own echo message prove that the connection hears.
MESSAGES = ("message.channels", "message.groups")


def manifest(address: str | None) -> dict[str, Any]:
    """What to paste at api.slack.com/apps. `address`: as `base` gives it; None = Socket Mode, which needs none."""
    return {
        "display_information": {
            "name": NAME,
            "description": "Alerts become incidents, and somebody answers",
            "background_color": "#1d1c1d",
        },
        "features": {
            # Writable, because a slash command is typed where a message is.
            "app_home": {
                "home_tab_enabled": False,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": NAME, "always_online": True},
            "slash_commands": [
                _command("/ack", "Take an incident: you have it", "[I42] [for 30m]", address),
                _command(
                    "/incident",
                    "See incidents and act on them",
                    "list | show | declare | ack | unack | resolve | level | escalate | snooze | note | who | help",
                    address,
                ),
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "interactivity": {"is_enabled": True} | _at("request_url", address, INTERACTIONS),
            "event_subscriptions": _at("request_url", address, EVENTS)
            | {"bot_events": [MENTIONS, *(MESSAGES if address is None else ())]},
            "org_deploy_enabled": False,
            "socket_mode_enabled": address is None,
            # A token that ends every twelve hours would have to be fetched anew by whoever holds it.
            "token_rotation_enabled": False,
        },
    }


def base(written: str) -> str:
    """The address that Slack is to post to, without a slash at its end. Raises ValueError for what is none."""
    parts = urlsplit(written)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("Slack posts to an https address; write it like https://responder.example")
    return written.rstrip("/")


def _command(command: str, description: str, usage: str, address: str | None) -> dict[str, Any]:
    told = {"command": command, "description": description, "usage_hint": usage, "should_escape": False}
    return _at("url", address, COMMANDS) | told


def _at(field: str, address: str | None, path: str) -> dict[str, Any]:
    return {} if address is None else {field: f"{address}{path}"}
