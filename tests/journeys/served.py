"""Served: the service as a process of its own, and what one does from outside: post to it, ask its API, use the CLI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.journeys.programs import Program, environment, python

WEBHOOK_TOKEN = "a-token-of-the-journeys"
SERVE = ("-m", "responder", "serve")
ENDS_WITHIN = 40  # seconds, for a command
GIVE_UP = aiohttp.ClientTimeout(total=20)


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(slots=True)
class Served:
    """`home` is what survives it: database, token, log. Started again in the same `home`, it goes on."""

    home: Path
    settings: Mapping[str, str]
    program: Program
    port: int

    @classmethod
    async def start(
        cls,
        home: Path,
        settings: Mapping[str, str],
        *,
        command: Sequence[str] = SERVE,
        keep: Sequence[int] = (),
    ) -> Self:
        """Returns once it serves. `settings`: environment variables, beside the usual ones."""
        settings = usual(home) | dict(settings)
        program = await Program.start(
            "responder", *python(*command), folder=home, environ=settings, keep=keep
        )
        port = await program.ready(r"serving on http://127\.0\.0\.1:(\d+)")
        return cls(home, settings, program, int(port[1]))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def webhook(self) -> str:
        return f"{self.url}/webhooks/alertmanager"

    async def post(self, body: object, *, token: str = WEBHOOK_TOKEN) -> int | None:
        """The status; None where no answer came, and whether it was taken is not known."""
        try:
            async with (
                aiohttp.ClientSession(timeout=GIVE_UP) as http,
                http.post(self.webhook, json=body, headers={"Authorization": f"Bearer {token}"}) as answer,
            ):
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def get(self, path: str) -> Any:
        """Of the API, as the local token's holder."""
        token = (self.home / "token").read_text(encoding="utf-8").strip()
        async with (
            aiohttp.ClientSession(timeout=GIVE_UP) as http,
            http.get(f"{self.url}/api/v1{path}", headers={"Authorization": f"Bearer {token}"}) as answer,
        ):
            assert answer.status == 200, (path, answer.status, await answer.text())
            return await answer.json()

    async def ask(self, method: str, path: str, *, token: str = "") -> int | None:
        """Of any of its doors, as a token's holder (the local one's): the status; None where no answer came."""
        token = token or (self.home / "token").read_text(encoding="utf-8").strip()
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=GIVE_UP) as http,
                http.request(method, self.url + path, headers=headers) as answer,
            ):
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def text(self, path: str) -> str:
        """What stands open to everybody, such as /metrics."""
        async with aiohttp.ClientSession(timeout=GIVE_UP) as http, http.get(self.url + path) as answer:
            return await answer.text()

    async def incidents(self, limit: int = 50) -> list[dict[str, Any]]:
        """The last of them, oldest first."""
        found = await self.get(f"/incidents?limit={limit}")
        return list(reversed(found["incidents"]))

    async def troubles(self) -> list[dict[str, Any]]:
        """Its incidents but those about itself: on a machine that stands still, a page that is late is one."""
        return [one for one in await self.incidents() if not one["title"].startswith("responder: ")]

    async def story(self, incident: str = "I1") -> dict[str, Any]:
        found: dict[str, Any] = await self.get(f"/incidents/{incident}")
        return found

    async def cli(self, *arguments: str) -> Ran:
        """`responder …`, as a person on the same machine runs it."""
        environ = {"RESPONDER_URL": self.url, "RESPONDER_TOKEN_FILE": str(self.home / "token")}
        return await run(*arguments, environ={**self.settings, **environ})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.program.__aexit__()


def usual(home: Path) -> dict[str, str]:
    """Every setting that says where things lie, so that nothing of the working tree is touched."""
    return {
        "RESPONDER_LISTEN": "127.0.0.1:0",
        "RESPONDER_DATABASE_URL": f"sqlite:///{home / 'responder.db'}",
        "RESPONDER_TOKEN_FILE": str(home / "token"),
        "RESPONDER_WEBHOOK_TOKEN": WEBHOOK_TOKEN,
        "RESPONDER_LOG_FORMAT": "json",
    }


async def run(*arguments: str, environ: Mapping[str, str]) -> Ran:
    """`responder ARGUMENTS`, until it ends."""
    process = await asyncio.create_subprocess_exec(
        *python("-m", "responder", *arguments),
        env=environment(environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(ENDS_WITHIN):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"responder {' '.join(arguments)} did not end within {ENDS_WITHIN} s") from None
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())
