"""Tokens in the database itself, for as long as no service has it open; with the answers that the API would give."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from responder import app
from responder.adapters.storage.lockfile import InUse
from responder.cli.outcome import Exit, NotThere, Trouble
from responder.cli.output import plain
from responder.core.errors import Failure, PolicyFaults, Refused
from responder.core.identifiers import ContactName
from responder.core.policy.fields import parse_duration
from responder.dialects.wording import refusal
from responder.engine.commands import Role
from responder.engine.service import Service
from responder.ports.store import Token
from responder.settings import BadSettings, Settings

SHOWN = ("id", "name", "role", "contact", "created_at", "expires_at", "revoked_at", "used_at")


async def tokens(
    environ: Mapping[str, str], method: str, name: str, body: Mapping[str, str]
) -> dict[str, Any]:
    """What the API's operation on /tokens would do and answer. Raises Trouble."""
    house = await _opened(environ)
    try:
        return await _do(house.service, method, name, body)
    except Refused as no:
        kind = NotThere if method == "DELETE" else Trouble
        raise kind(Exit.NOT_SO if method == "DELETE" else Exit.REFUSED, str(no)) from None
    finally:
        await house.close()


async def _opened(environ: Mapping[str, str]) -> app.House:
    try:
        return await app.build(Settings.load(environ), environ)
    except BadSettings as wrong:
        raise Trouble(
            Exit.USAGE, "the settings make no sense: " + "; ".join(str(wrong).splitlines())
        ) from None
    except PolicyFaults as wrong:
        raise Trouble(
            Exit.NOT_SO, f"the policies have faults: {wrong.faults[0]}", "see `responder check`"
        ) from None
    except InUse as busy:
        next_ = "leave --offline out to go through that service, with an admin's token"
        raise Trouble(Exit.REFUSED, str(busy), next_) from None
    except Failure as failure:
        raise Trouble(Exit.NOT_SO, str(failure)) from None


async def _do(service: Service, method: str, name: str, body: Mapping[str, str]) -> dict[str, Any]:
    match method:
        case "POST":
            return await _make(service, body)
        case "DELETE":
            return _shape(await service.tokens.revoke(name))
        case _:
            return {"tokens": [_shape(token) for token in await service.tokens.all()]}


async def _make(service: Service, body: Mapping[str, str]) -> dict[str, Any]:
    contact = ContactName(body["contact"]) if "contact" in body else None
    if contact is not None and service.directory.person(contact) is None:
        raise refusal(Refused, "token_of_nobody", contact=contact)
    fresh = await service.tokens.make(
        name=body["name"], role=Role(body["role"]), contact=contact, lasts=_lasts(body.get("lasts"))
    )
    return {"token": _shape(fresh.token), "secret": fresh.secret}


def _lasts(written: str | None) -> timedelta | None:
    if written is None:
        return None
    try:
        found = parse_duration(written)
    except ValueError as wrong:
        raise Trouble(Exit.USAGE, f"--lasts: {wrong}") from None
    if found <= timedelta(0):
        raise Trouble(Exit.USAGE, "--lasts must be longer than nothing")
    return found


def _shape(token: Token) -> dict[str, Any]:
    return {name: plain(getattr(token, name)) for name in SHOWN}
