"""Who may come in: the webhooks' credentials, and the API's tokens. Asked before anything of a body is read.

Webhooks are let in by any one of: a bearer token (several are valid at once), basic credentials, a client certificate
that TLS has verified. Where none is configured they are open, which the settings allow on loopback alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from responder.engine.commands import Actor, Role
from responder.engine.tokens import Tokens
from responder.web.problems import Kind, Problem
from responder.web.slack.door import SlackDoor

BODY_MOST = 64 * 1024 * 1024
REALM = 'realm="responder"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What the web has to be told of the settings. `tokens`: bearer tokens for webhooks, all of them valid."""

    tokens: tuple[str, ...] = field(default=(), repr=False)
    basic: str | None = field(default=None, repr=False)  # user:password
    client_certificates: bool = False
    body_most: int = BODY_MOST  # bytes of a webhook's body, decompressed
    version: str = ""
    slack: SlackDoor | None = field(default=None, repr=False)

    @property
    def are_open(self) -> bool:
        return not self.tokens and self.basic is None and not self.client_certificates


class Guard:
    def __init__(self, doors: Doors, tokens: Tokens) -> None:
        self._doors = doors
        self._tokens = tokens
        self._bearers = [_digest(token) for token in doors.tokens]
        self._basics = [_digest(doors.basic)] if doors.basic is not None else []

    def admit_webhook(self, request: web.Request) -> None:
        """Raises Problem where the caller may not post webhooks."""
        if self._doors.are_open:
            _refuse_browsers(request)
        elif not (self._has_certificate(request) or self._has_webhook_secret(request)):
            raise self._unauthenticated("a credential for webhooks is needed; see RESPONDER_WEBHOOK_TOKEN")

    async def admit_beat(self, request: web.Request) -> None:
        """Whoever may post webhooks may beat, and so may an API token that is more than a viewer's."""
        if not self._doors.are_open and (secret := bearer(request)) is not None:
            actor = await self._tokens.actor(secret)
            if actor is not None and actor.role.covers(Role.RESPONDER):
                return
        self.admit_webhook(request)

    async def actor(self, request: web.Request) -> Actor:
        """Whom the caller of the API acts as. Raises Problem."""
        secret = bearer(request)
        if secret is None:
            detail = "send an API token as `Authorization: Bearer …`; `responder token create` makes one"
            raise Problem(Kind.UNAUTHENTICATED, detail, headers={hdrs.WWW_AUTHENTICATE: f"Bearer {REALM}"})
        actor = await self._tokens.actor(secret)
        if actor is None:
            challenge = f'Bearer {REALM}, error="invalid_token"'
            detail = "this token is not, or no longer, valid; `responder token create` makes another"
            raise Problem(Kind.UNAUTHENTICATED, detail, headers={hdrs.WWW_AUTHENTICATE: challenge})
        return actor

    def _has_certificate(self, request: web.Request) -> bool:
        """TLS has verified it against the configured authorities, or there is none to be seen here."""
        return self._doors.client_certificates and bool(request.get_extra_info("peercert"))

    def _has_webhook_secret(self, request: web.Request) -> bool:
        scheme, given = _authorization(request)
        match scheme:
            case "bearer":
                return _is_one_of(given, self._bearers)
            case "basic":
                return _is_one_of(_decoded(given), self._basics)
            case _:
                return False

    def _unauthenticated(self, detail: str) -> Problem:
        ways = [f"Bearer {REALM}"] if self._doors.tokens else []
        ways += [f"Basic {REALM}"] if self._doors.basic is not None else []
        # A 401 has to name a way; a client certificate has no scheme.
        challenge = ", ".join(ways) or f"Bearer {REALM}"
        return Problem(Kind.UNAUTHENTICATED, detail, headers={hdrs.WWW_AUTHENTICATE: challenge})


def bearer(request: web.Request) -> str | None:
    scheme, given = _authorization(request)
    return given if scheme == "bearer" and given else None


def _authorization(request: web.Request) -> tuple[str, str]:
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return scheme.lower(), given.strip()


def _decoded(given: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return ""


def _is_one_of(given: str, digests: list[bytes]) -> bool:
    """Takes equally long whether none, the first or the last is the one."""
    found = False
    ours = _digest(given)
    for digest in digests:
        found |= hmac.compare_digest(ours, digest)
    return found


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _refuse_browsers(request: web.Request) -> None:
    """Without credentials, a web page in the browser of whoever runs this must not be able to post alerts."""
    if hdrs.ORIGIN in request.headers:
        raise Problem(Kind.FORBIDDEN, "web pages may not post here; set RESPONDER_WEBHOOK_TOKEN and send it")
