"""The fake as a process, steered by HTTP: what a test would call on `FakeSlack`, under /_control/.

GET ledger · messages?channel= · dm?user= · view?user= · said · state
POST script {"method", "outcome": "Fails", ...its fields} · release · press {"to", "reference", "action_id", "user"} ·
slash {"to", "command", "text", "user", "channel"} · submit {"to", "user", "values"} · mention {"to", "text", …} ·
challenge {"to"} · send_again · workspace {"users": […], "channels": […]} · settings {"is_limited", "sends_events",
"events_url", "is_deaf", "is_frozen", "scopes", "token_refusal", "signing_secret"} · disconnect {"reason"} · cut.
`forged` goes with everything that is sent to us. Deliveries are answered once ours was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from tests.fakes.slack.outcomes import (
    Breaks,
    Call,
    Fails,
    Hangs,
    Malformed,
    Outcome,
    Status,
    TakesAndBreaks,
    Throttles,
)
from tests.fakes.slack.outgoing import Delivered, Forged
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import ALERTS, USER, Json, Message

OUTCOMES: dict[str, Callable[..., Outcome]] = {
    one.__name__: one for one in (Fails, Status, Throttles, Hangs, TakesAndBreaks, Breaks, Malformed)
}


class Control:
    def __init__(self, fake: FakeSlack) -> None:
        self._fake = fake

    def routes(self) -> list[web.RouteDef]:
        asked = {
            "ledger": self._ledger,
            "messages": self._messages,
            "dm": self._dm,
            "view": self._view,
            "said": self._said,
            "state": self._state,
        }
        told = {
            "script": self._script,
            "release": self._release,
            "workspace": self._workspace,
            "settings": self._settings,
            "slash": self._slash,
            "press": self._press,
            "submit": self._submit,
            "mention": self._mention,
            "challenge": self._challenge,
            "send_again": self._send_again,
            "disconnect": self._disconnect,
            "cut": self._cut,
        }
        return [
            *(web.get(f"/_control/{name}", _answering(one)) for name, one in asked.items()),
            *(web.post(f"/_control/{name}", _answering(one)) for name, one in told.items()),
        ]

    async def _ledger(self, given: Json) -> Any:
        return [_call(one) for one in self._fake.ledger]

    async def _messages(self, given: Json) -> Any:
        channel = given.get("channel", ALERTS)
        return [_thread(self._fake, one) for one in self._fake.roots(channel)]

    async def _dm(self, given: Json) -> Any:
        return [_thread(self._fake, one) for one in self._fake.dm(given.get("user", USER))]

    async def _view(self, given: Json) -> Any:
        own = self._fake.workspace.views.get(given.get("user", USER), [])
        return asdict(own[-1]) if own else None

    async def _said(self, given: Json) -> Any:
        return [
            {"user": one.user, "channel": one.channel, "body": one.body} for one in self._fake.responses.said
        ]

    async def _state(self, given: Json) -> Any:
        sockets = self._fake.sockets
        return {
            "connections": len(sockets.connections),
            "pings": sockets.pings,
            "sent": sockets.sent,
            "acked": sockets.acked,
            "events_lost": self._fake.events_lost,
        }

    async def _script(self, given: Json) -> Any:
        outcome = OUTCOMES[given.pop("outcome")]
        method, is_lasting = given.pop("method"), given.pop("always", False)
        if is_lasting:
            self._fake.always(method, outcome(**given))
        else:
            self._fake.script(method, outcome(**given))

    async def _release(self, given: Json) -> Any:
        self._fake.release()

    async def _workspace(self, given: Json) -> Any:
        for user in given.get("users", []):
            self._fake.workspace.add_user(**user)
        for channel in given.get("channels", []):
            self._fake.workspace.add_channel(**channel)

    async def _settings(self, given: Json) -> Any:
        fake = self._fake
        fake.limits.is_on = given.get("is_limited", fake.limits.is_on)
        fake.sends_events = given.get("sends_events", fake.sends_events)
        fake.events_url = given.get("events_url", fake.events_url)
        fake.sockets.is_deaf = given.get("is_deaf", fake.sockets.is_deaf)
        fake.sockets.is_frozen = given.get("is_frozen", fake.sockets.is_frozen)
        fake.signing_secret = given.get("signing_secret", fake.signing_secret)
        if "scopes" in given:
            fake.scopes.clear()
            fake.scopes.update(given["scopes"])
        if "token_refusal" in given:
            fake.refuse_token(given["token_refusal"])

    async def _slash(self, given: Json) -> Any:
        return _delivered(await self._fake.slash(given.pop("to", None), **_forged(given)))

    async def _press(self, given: Json) -> Any:
        message = self._fake.message(given.pop("reference"))
        sent = self._fake.press(given.pop("to", None), message, given.pop("action_id"), **_forged(given))
        return _delivered(await sent)

    async def _submit(self, given: Json) -> Any:
        view = self._fake.view(given.pop("user", USER))
        return _delivered(
            await self._fake.submit(given.pop("to", None), view, given.pop("values"), **_forged(given))
        )

    async def _mention(self, given: Json) -> Any:
        return _delivered(await self._fake.mention(given.pop("to", None), **_forged(given)))

    async def _challenge(self, given: Json) -> Any:
        return _delivered(await self._fake.challenge(given.pop("to"), **_forged(given)))

    async def _send_again(self, given: Json) -> Any:
        return _delivered(await self._fake.send_again())

    async def _disconnect(self, given: Json) -> Any:
        await self._fake.sockets.say_disconnect(given.get("reason", "refresh_requested"))

    async def _cut(self, given: Json) -> Any:
        self._fake.sockets.cut()


def _answering(ask: Callable[[Json], Awaitable[Any]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        given = await request.json() if request.can_read_body else dict(request.query)
        return web.json_response(await ask(given))

    return answer


def _call(call: Call) -> Json:
    return {
        "method": call.method,
        "args": call.args,
        "at": call.at.isoformat(),
        "status": call.status,
        "answer": call.answer,
    }


def _thread(fake: FakeSlack, root: Message) -> Json:
    replies = fake.workspace.thread(root.channel, root.ts)[1:]
    return {"reference": root.reference, **asdict(root), "replies": [asdict(one) for one in replies]}


def _delivered(sent: Delivered) -> Json:
    return {"status": sent.status, "body": sent.body, "seconds": sent.took.total_seconds()}


def _forged(given: Json) -> Json:
    if "forged" in given:
        given["forged"] = Forged(given["forged"])
    return given
