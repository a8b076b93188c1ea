"""Tokens: who an API caller is. Only a SHA-256 is stored; the token itself is shown once, when it is made.

Several are valid at once, so one is replaced by making the next, moving over, and revoking the old.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from responder.core.errors import Failure, Refused, Unknown
from responder.core.identifiers import ContactName
from responder.dialects.wording import refusal
from responder.engine.commands import Actor, Role
from responder.engine.points import Points
from responder.ports.store import Token, Unit

log = structlog.get_logger("tokens")

PREFIX = "rsp_"  # so that secret scanners know one when they see it
USED_EVERY = timedelta(minutes=5)  # how exactly the last use is noted


@dataclass(frozen=True, slots=True)
class Fresh:
    """`secret` is told once, and never again."""

    token: Token
    secret: str


class Tokens:
    def __init__(self, points: Points) -> None:
        self._points = points
        self._noting: set[asyncio.Task[None]] = set()

    async def make(
        self, *, name: str, role: Role, contact: ContactName | None = None, lasts: timedelta | None = None
    ) -> Fresh:
        """Raises Refused where the name is taken by a token that is still valid."""
        now = self._points.clock.now()
        fresh = _fresh(name, role, contact, now, lasts)

        async def work(unit: Unit) -> None:
            if any(known.name == name and is_valid(known, now) for known in await unit.tokens()):
                raise refusal(Refused, "token_is_valid", token=repr(name))
            await unit.put_token(fresh.token)

        await self._points.commit("commit.token", work)
        return fresh

    async def replace(self, *, name: str, role: Role, contact: ContactName) -> Fresh:
        """A token in the place of every other of this name."""
        now = self._points.clock.now()
        fresh = _fresh(name, role, contact, now, None)

        async def work(unit: Unit) -> None:
            for known in await unit.tokens():
                if known.name == name and is_valid(known, now):
                    await unit.put_token(replace(known, revoked_at=now))
            await unit.put_token(fresh.token)

        await self._points.commit("commit.token", work)
        return fresh

    async def revoke(self, id_or_name: str) -> Token:
        """Not valid any more from now on. Raises Unknown where there is none."""
        now = self._points.clock.now()

        async def work(unit: Unit) -> Token:
            found = [t for t in await unit.tokens() if id_or_name in (t.id, t.name) and is_valid(t, now)]
            if not found:
                raise refusal(Unknown, "no_token", token=repr(id_or_name))
            revoked = replace(found[0], revoked_at=now)
            await unit.put_token(revoked)
            return revoked

        return await self._points.commit("commit.token", work)

    async def all(self) -> list[Token]:
        async with self._points.reading("read.tokens") as reader:
            return await reader.tokens()

    async def actor(self, secret: str) -> Actor | None:
        """Whom the bearer of `secret` acts as; None where it is not, or no longer, valid.

        Looked up by its digest, so that a comparison tells nobody anything about a valid one.
        """
        async with self._points.reading("read.token") as reader:
            token = await reader.token_by_digest(_digest(secret))
        now = self._points.clock.now()
        if token is None or not is_valid(token, now):
            return None
        if token.used_at is None or now - token.used_at >= USED_EVERY:
            self._note_use(replace(token, used_at=now))
        return Actor(contact=token.contact, role=Role(token.role), via=f"token {token.name}")

    def _note_use(self, token: Token) -> None:
        """Beside the request: nobody waits for it, and a store that is busy or full lets people in all the same."""
        task = asyncio.create_task(self._put(token))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _put(self, token: Token) -> None:
        async def work(unit: Unit) -> None:
            known = await unit.token_by_digest(token.digest)
            if known is not None:
                await unit.put_token(replace(known, used_at=token.used_at))

        try:
            await self._points.commit("commit.token", work)
        except Failure as problem:
            log.warning("a token's use was not noted", token=token.name, problem=str(problem))

    async def settle(self) -> None:
        """Return once every use is noted."""
        while self._noting:
            await asyncio.wait(set(self._noting))


def _fresh(
    name: str, role: Role, contact: ContactName | None, now: datetime, lasts: timedelta | None
) -> Fresh:
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        id=secrets.token_hex(4),
        name=name,
        digest=_digest(secret),
        role=role.value,
        contact=contact,
        created_at=now,
        expires_at=now + lasts if lasts is not None else None,
    )
    return Fresh(token, secret)


def is_valid(token: Token, now: datetime) -> bool:
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
