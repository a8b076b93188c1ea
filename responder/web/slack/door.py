"""The door that Slack comes through: no body is read for its meaning before its signature has been found right.

Slack signs the raw body and the time of sending with the app's signing secret
(docs.slack.dev/authentication/verifying-requests-from-slack, read 2026-11). Several secrets are valid at once, so that
one can be replaced without a gap.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import hdrs, web

from responder.ports.clock import Clock
from responder.web.problems import Kind, Problem

SETTING = "RESPONDER_SLACK_SIGNING_SECRET"
SIGNATURE = "X-Slack-Signature"
TIMESTAMP = "X-Slack-Request-Timestamp"
WINDOW = timedelta(minutes=5)  # between the sender's clock and ours, both ways; as Slack recommends
VERSION = b"v0"

_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)  # seconds since 1970


class NotSigned(Problem):
    """A 401 for what bears no mark of Slack at all: anybody's visit."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request's headers say; whether it is true, `SlackDoor.admit` knows."""

    timestamp: str
    signature: str = field(repr=False)


class SlackDoor:
    """`signing_secrets`: any of them will do. `team`: the workspace whose people may speak, which the desk holds them
    to; "" = whoever our app can hear.
    """

    def __init__(self, signing_secrets: tuple[str, ...], team: str, clock: Clock) -> None:
        if not signing_secrets or not all(secret.strip() for secret in signing_secrets):
            raise ValueError(f"{SETTING} is empty")
        self.team = team
        self._secrets = tuple(secret.encode() for secret in signing_secrets)
        self._clock = clock

    def signed(self, request: web.Request) -> Signed:
        """Raises Problem where the headers alone say no: one is missing, odd or there twice, or the time is not now."""
        signature, timestamp = _one(request, SIGNATURE), _one(request, TIMESTAMP)
        if not _SIGNATURE.fullmatch(signature) or not _TIMESTAMP.fullmatch(timestamp):
            raise _refused(NotSigned, f"{SIGNATURE} or {TIMESTAMP} is not as Slack writes it")
        ahead = int(timestamp) - int(self._clock.now().timestamp())
        if abs(ahead) > WINDOW.total_seconds():
            where = "ahead of ours" if ahead > 0 else "behind ours, or this is an old request sent again"
            raise _refused(Problem, f"its clock is {abs(ahead)} s {where}; set this host's clock by NTP")
        return Signed(timestamp, signature)

    def admit(self, signed: Signed, body: bytes) -> None:
        """Raises Problem where none of our secrets has signed `body`, exactly as it came. Equally long for each."""
        found = False
        for secret in self._secrets:
            ours = signature_of(secret, signed.timestamp, body)
            found |= hmac.compare_digest(ours.encode(), signed.signature.encode())
        if not found:
            raise _refused(
                Problem,
                f"the signature is by no secret of ours; {SETTING} must be the app's Signing Secret",
            )


def signature_of(secret: bytes, timestamp: str, body: bytes) -> str:
    signed = b":".join((VERSION, timestamp.encode(), body))
    return f"{VERSION.decode()}={hmac.new(secret, signed, hashlib.sha256).hexdigest()}"


def _one(request: web.Request, name: str) -> str:
    found = request.headers.getall(name, [])
    if len(found) != 1:
        raise _refused(NotSigned, f"{name} is {'missing' if not found else 'there twice'}")
    return found[0]


def _refused(kind: type[Problem], detail: str) -> Problem:
    # A 401 has to name a way; there is no scheme for this one.
    return kind(
        Kind.UNAUTHENTICATED, detail, headers={hdrs.WWW_AUTHENTICATE: f'{SIGNATURE} realm="responder"'}
    )
