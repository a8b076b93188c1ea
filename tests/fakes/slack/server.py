"""The fake's server: it takes calls of the Web API, remembers them, and answers as Slack would or as it is scripted.

Time is the clock's that it was given; what hangs goes on when the test says so; nothing waits for a time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar

from aiohttp import ClientSession, web

from responder.ports.clock import Clock
from tests.fakes.slack.limits import Limits
from tests.fakes.slack.methods import METHODS, Desk
from tests.fakes.slack.outcomes import Call, Outcome
from tests.fakes.slack.outgoing import JSON
from tests.fakes.slack.script import Answer, Exchange, Script
from tests.fakes.slack.sending import Sender, as_object
from tests.fakes.slack.tokens import APP_TOKEN, BOT_SCOPES, BOT_TOKEN, Refused, Token, admit
from tests.fakes.slack.workspace import USER, Json, Message, View

T = TypeVar("T")


class FakeSlack(Sender):
    """`async with FakeSlack(clock) as fake`: `AsyncWebClient(BOT_TOKEN, base_url=fake.url + "/api/")` talks to it.

    `ledger`: every call, oldest first, and as "response_url" every answer by one. `workspace`: who and what is there.
    `limits`, `sockets`, `responses`, `tokens`: to look at and to change.
    """

    def __init__(self, clock: Clock, port: int = 0, *, signing_secret: str = "fake-signing-secret") -> None:
        """port: 0 = any that is free."""
        super().__init__(clock, port, signing_secret)
        self.ledger: list[Call] = []
        self.limits = Limits(clock)
        self.tokens = {
            BOT_TOKEN: Token(BOT_TOKEN, set(BOT_SCOPES)),
            APP_TOKEN: Token(APP_TOKEN, {"connections:write"}),
        }
        self._script = Script(self._tell)
        self._routes: list[web.RouteDef] = []
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._take_call)
        app.router.add_post("/response/{key:.+}", self._take_response)
        app.router.add_get("/link/", self.sockets.accept)
        app.router.add_routes(self._routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._client = ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._script.close()
        await self.sockets.close()
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        assert self._client is not None
        assert self._runner is not None
        await self._client.close()
        await self._runner.cleanup()

    def also_serve(self, routes: Iterable[web.RouteDef]) -> None:
        """Beside Slack's own; before it is entered."""
        self._routes.extend(routes)

    # What is there.

    def roots(self, channel: str) -> list[Message]:
        """Of a channel by id or name, oldest first."""
        return self.workspace.roots(self._channel(channel).id)

    def thread(self, channel: str, ts: str) -> list[Message]:
        return self.workspace.thread(self._channel(channel).id, ts)

    def dm(self, user: str) -> list[Message]:
        """What the bot wrote to `user` directly, oldest first, without threads."""
        channel = self.workspace.direct(user)
        return self.workspace.roots(channel.id) if channel is not None else []

    def message(self, reference: str) -> Message:
        """By "channel/ts"."""
        channel, _, ts = reference.partition("/")
        return self.workspace.messages[channel][ts]

    def calls(self, method: str) -> list[Call]:
        return [call for call in self.ledger if call.method == method]

    def view(self, user: str = USER) -> View:
        """The form that `user` has open, the topmost."""
        return self.workspace.views[user][-1]

    @property
    def scopes(self) -> set[str]:
        """The bot's, to be changed in place."""
        return self.tokens[BOT_TOKEN].scopes

    async def until(self, holds: Callable[[], T]) -> T:
        """What `holds` returns, once it is true; asked again whenever something came or was answered."""
        async with self._came:
            return await self._came.wait_for(holds)

    async def until_called(self, method: str, count: int = 1) -> list[Call]:
        """The method's calls, once there are at least `count`."""
        await self.until(lambda: len(self.calls(method)) >= count)
        return self.calls(method)

    # What goes wrong.

    def script(self, method: str, *outcomes: Outcome) -> None:
        """The next calls of the method end so, one each; then as `always` says, or as Slack would.

        The method "response_url" is what is posted to any of those.
        """
        self._script.add(method, *outcomes)

    def always(self, method: str, outcome: Outcome | None) -> None:
        """Every call of the method; None: as Slack would again."""
        self._script.always(method, outcome)

    def release(self) -> None:
        """Whatever hangs goes on; what hangs later waits for the next release."""
        self._script.release()

    def refuse_token(self, error: str, token: str = BOT_TOKEN) -> None:
        """ "token_revoked", "account_inactive" and so on for every call; "" makes it good again."""
        self.tokens[token].refusal = error

    # The Web API.

    async def _take_call(self, request: web.Request) -> web.StreamResponse:
        said, args = await _arguments(request)
        call = Call(method=request.match_info["method"], args=args, at=self._clock.now())
        await self._note(call)
        token = self.tokens.get(said)
        return await self._script.end(
            Exchange(
                request=request,
                call=call,
                do=lambda: self._do(call, token, said),
                refuse=lambda outcome: _refused(outcome.error, outcome.more),
                headers={"x-oauth-scopes": ",".join(sorted(token.scopes))} if token is not None else {},
            )
        )

    def _do(self, call: Call, token: Token | None, said: str) -> Answer:
        """As Slack would."""
        desk = Desk(self.workspace, self._triggers, self._echo, self._issue_socket, self.url + "/")
        function = METHODS.get(call.method)
        try:
            if function is None:
                raise Refused("unknown_method", req_method=call.method)
            admitted = admit(call.method, token, said)
            if wait := self.limits.wait(call.method, self._place(call.args)):
                ratelimited = {"ok": False, "error": "ratelimited"}
                return Answer(status=429, said=ratelimited, retry_after=str(wait))
            return Answer(status=200, said={"ok": True, **function(desk, admitted, call.args)})
        except Refused as refused:
            return _refused(refused.error, refused.more)

    def _place(self, args: Json) -> str:
        """The same for a channel however it was named: its id, or of direct messages the person's."""
        named = str(args.get("channel", ""))
        known = self.workspace.channels.get(named) or self.workspace.named(named)
        return (known.partner or known.id) if known is not None else named

    async def _take_response(self, request: web.Request) -> web.StreamResponse:
        body = as_object(await request.text())
        call = Call(method="response_url", args=body, at=self._clock.now())
        await self._note(call)
        key = request.match_info["key"]
        return await self._script.end(
            Exchange(
                request=request,
                call=call,
                do=lambda: self._respond(key, body),
                refuse=lambda outcome: _plainly(404, outcome.error),
                headers={},
            )
        )

    def _respond(self, key: str, body: Json) -> Answer:
        return _plainly(*self.responses.take(key, body))

    async def _note(self, call: Call) -> None:
        self.ledger.append(call)
        await self._tell()

    def _issue_socket(self) -> str:
        return f"ws://127.0.0.1:{self._port}/link/?ticket={self.sockets.issue()}"


def _refused(error: str, more: dict[str, Any]) -> Answer:
    return Answer(status=200, said={"ok": False, "error": error, **more})


def _plainly(status: int, text: str) -> Answer:
    """A response URL answers in plain words; the ledger has them as if they were an answer of the Web API."""
    said: Json = {"ok": True} if status == 200 else {"ok": False, "error": text}
    return Answer(status=status, said=said, text=text)


async def _arguments(request: web.Request) -> tuple[str, Json]:
    """The token, and the arguments without it. A form's blocks, metadata and so on are JSON inside."""
    if request.content_type == JSON:
        given = as_object(await request.text())
    else:
        given = {
            **request.query,
            **{key: _decoded(key, str(one)) for key, one in (await request.post()).items()},
        }
    said = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    in_body = str(given.pop("token", ""))
    return said or in_body, given


def _decoded(key: str, value: str) -> Any:
    if key not in ("blocks", "attachments", "metadata", "view"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
