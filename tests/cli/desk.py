"""The command line as people use it, in front of a whole engine behind a real listener.

Commands run in a thread of their own, because each brings its own event loop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from responder.cli.main import app
from responder.core.identifiers import ContactName
from responder.engine.commands import Role
from responder.web.auth import Doors
from tests.engine.world import World
from tests.house.tree import ROOT
from tests.web.face import facing

# What a developer's own environment must not bring into a test.
CLEAN: dict[str, str | None] = {
    "RESPONDER_URL": None,
    "RESPONDER_TOKEN": None,
    "RESPONDER_TOKEN_FILE": None,
    "RESPONDER_WEBHOOK_TOKEN": None,
    "RESPONDER_WEBHOOK_TOKEN_FILE": None,
    "RESPONDER_WEBHOOK_BASIC": None,
    "RESPONDER_DATABASE_URL": None,
    "RESPONDER_LISTEN": None,
    "RESPONDER_TIMEZONE": "UTC",
    "RESPONDER_POLICIES": str(ROOT / "policies"),
    "HTTP_PROXY": None,
    "http_proxy": None,
    "NO_PROXY": "127.0.0.1",
}


@dataclass(frozen=True, slots=True)
class Ran:
    """`out` and `err` are kept apart, as a program would see them."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def run(*args: object, env: Mapping[str, str] | None = None, stdin: str | bytes | None = None) -> Ran:
    """`responder ARGS`. An exception that is no exit is the test's."""
    result = CliRunner().invoke(
        app, [str(arg) for arg in args], env=CLEAN | dict(env or {}), input=stdin, catch_exceptions=False
    )
    return Ran(result.exit_code, result.stdout, result.stderr)


@dataclass
class Desk:
    """`token` acts as the engine's plan's `first`, with the role responder; `env` is what every command sees."""

    world: World
    url: str
    token: str
    env: dict[str, str] = field(default_factory=dict)

    async def run(
        self, *args: object, env: Mapping[str, str] | None = None, stdin: str | bytes | None = None
    ) -> Ran:
        whole = {"RESPONDER_URL": self.url, "RESPONDER_TOKEN": self.token, **self.env, **(env or {})}
        return await asyncio.to_thread(run, *args, env=whole, stdin=stdin)

    async def done(self, *args: object, **more: Any) -> Ran:
        """`run` for a command that is to end well; what it caused is then settled."""
        ran = await self.run(*args, **more)
        assert ran.code == 0, ran
        await self.world.settle()
        return ran

    async def token_of(self, role: Role, contact: str | None = None) -> str:
        fresh = await self.world.service.tokens.make(
            name=f"{role.value} {contact}", role=role, contact=ContactName(contact) if contact else None
        )
        return fresh.secret


@asynccontextmanager
async def at_desk(world: World, contact: str = "first", doors: Doors | None = None) -> AsyncIterator[Desk]:
    async with facing(world, doors or Doors(version="9.9")) as face:
        desk = Desk(world, face.base, "")
        desk.token = await desk.token_of(Role.RESPONDER, contact)
        yield desk


def policies_with(folder: Path, document: str, old: str, new: str) -> Path:
    """A copy of the shipped policies in which `old` stands once in `document`, and is `new`."""
    copy = folder / "policies"
    for path in (ROOT / "policies").rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(ROOT / "policies")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    text = (copy / document).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {document}"
    (copy / document).write_text(text.replace(old, new), encoding="utf-8")
    return copy
