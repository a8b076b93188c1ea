"""The fake's tokens and what they may do.

Sources, read on 2026-11-23: docs.slack.dev/authentication/tokens (xoxb- bot tokens, xapp- app-level tokens), the scopes
that each method's page under docs.slack.dev/reference/methods/ names, and the errors that all methods share
(not_authed, invalid_auth, token_revoked, account_inactive, not_allowed_token_type, missing_scope with `needed` and
`provided`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BOT_TOKEN = "xoxb-fake-bot-token"
APP_TOKEN = "xapp-fake-app-token"

BOT_SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "im:history",
    "im:write",
    "users:read",
)

# What a method needs whatever it is called with; the channel's kind adds to it (see `methods`).
NEEDED: Mapping[str, str] = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.postEphemeral": "chat:write",
    "conversations.open": "im:write",
    "users.info": "users:read",
    "team.info": "team:read",
    "apps.connections.open": "connections:write",
}


@dataclass(slots=True)
class Token:
    """`refusal`: the error that every call with it ends in, "" while it is good."""

    text: str = field(repr=False)
    scopes: set[str]
    refusal: str = ""

    @property
    def is_for_the_app(self) -> bool:
        return self.text.startswith("xapp-")


class Refused(Exception):
    """A call ends in {"ok": false} with this error."""

    def __init__(self, error: str, **more: object) -> None:
        super().__init__(error)
        self.error = error
        self.more = more


def missing(scope: str, token: Token) -> Refused:
    return Refused("missing_scope", needed=scope, provided=",".join(sorted(token.scopes)))


def admit(method: str, token: Token | None, said: str) -> Token:
    """The token, where it may call `method`. `said`: what stood in the request, "" for nothing."""
    if not said:
        raise Refused("not_authed")
    if token is None:
        raise Refused("invalid_auth")
    if token.refusal:
        raise Refused(token.refusal)
    if token.is_for_the_app is not (method == "apps.connections.open"):
        raise Refused("not_allowed_token_type")
    if (scope := NEEDED.get(method)) and scope not in token.scopes:
        raise missing(scope, token)
    return token
