"""What the fake sends to us: commands, presses, forms, events; by HTTP, signed or forged, or by Socket Mode."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import ClientError, ClientSession

from responder.ports.clock import Clock
from tests.fakes.slack import outgoing
from tests.fakes.slack.methods import Trigger
from tests.fakes.slack.outgoing import FORM, JSON, Delivered, Forged, Request
from tests.fakes.slack.responses import Responses
from tests.fakes.slack.sockets import Sockets
from tests.fakes.slack.workspace import ALERTS, BOT_USER, USER, Channel, Json, Message, View, Workspace


class Sender:
    """The half of `FakeSlack` that speaks first. `to`: an address of ours, or None for Socket Mode.

    `forged`: what is wrong with the request. `last_request` is what `send_again` repeats. `sends_events`: what the
    bot's channels see is sent to `events_url` (None: by Socket Mode), so that our own edits come back to us.
    """

    def __init__(self, clock: Clock, port: int, signing_secret: str) -> None:
        self.workspace = Workspace(clock)
        self.responses = Responses(self.workspace)
        self.sockets = Sockets(self._tell)
        self.signing_secret = signing_secret
        self.sends_events = False
        self.events_url: str | None = None
        self.events_lost: list[str] = []  # why an event could not be handed over
        self.last_request: Request | None = None
        self._clock = clock
        self._port = port
        self._came = asyncio.Condition()
        self._triggers: dict[str, Trigger] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._client: ClientSession | None = None

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    async def slash(
        self,
        to: str | None,
        command: str,
        text: str = "",
        *,
        user: str = USER,
        channel: str = ALERTS,
        forged: Forged | None = None,
    ) -> Delivered:
        place = self._channel(channel)
        trigger, door = self._pull(user), self._door(user, place.id)
        fields = outgoing.command_fields(self.workspace, command, text, user, place, trigger, door)
        if to is None:
            sent = await self._by_socket("slash_commands", dict(fields), takes_answer=True)
        else:
            sent = await self._post(to, outgoing.form(fields), FORM, forged)
        return _with(sent, door, trigger)

    async def press(
        self,
        to: str | None,
        message: Message,
        action_id: str,
        *,
        user: str = USER,
        forged: Forged | None = None,
    ) -> Delivered:
        """`message`: also one that was edited since; KeyError where it has no such button."""
        trigger, door = self._pull(user), self._door(user, message.channel, message)
        button = message.buttons()[action_id]
        payload = outgoing.press_payload(
            self.workspace, message, button, user, trigger, door, self.workspace.next_ts()
        )
        return _with(await self._interact(to, payload, forged), door, trigger)

    async def submit(
        self,
        to: str | None,
        view: View,
        values: Mapping[str, Any],
        *,
        forged: Forged | None = None,
    ) -> Delivered:
        """Send the form off; answered well, it closes, and with `errors` it stays."""
        trigger = self._pull(view.user)
        payload = outgoing.submission_payload(self.workspace, view, values, trigger)
        sent = await self._interact(to, payload, forged)
        answer = as_object(sent.body)
        if sent.status in (0, 200) and answer.get("response_action") not in ("errors", "update", "push"):
            own = self.workspace.views[view.user]
            self.workspace.views[view.user] = [one for one in own if one.id != view.id]
        return _with(sent, "", trigger)

    async def event(
        self, to: str | None, event: Json, *, retry: int = 0, forged: Forged | None = None
    ) -> Delivered:
        """Any event; `retry` > 0 says so as Slack does when it sends one again."""
        payload = outgoing.event_payload(
            self.workspace, event, self.workspace.new_id("Ev"), self._clock.now()
        )
        if to is None:
            more = {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
            return await self._by_socket("events_api", payload, takes_answer=False, **more)
        extra = {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"} if retry else {}
        return await self._post(to, json.dumps(payload).encode(), JSON, forged, extra)

    async def mention(
        self,
        to: str | None,
        text: str,
        *,
        user: str = USER,
        channel: str = ALERTS,
        thread: str = "",
        retry: int = 0,
        forged: Forged | None = None,
    ) -> Delivered:
        """`user` writes "@responder TEXT"."""
        place = self._channel(channel)
        event = outgoing.mention_event(self.workspace, text, user, place, thread, self.workspace.next_ts())
        return await self.event(to, event, retry=retry, forged=forged)

    async def challenge(self, to: str, *, forged: Forged | None = None) -> Delivered:
        """Ask whether the events address is ours."""
        body = {"token": "deprecated", "challenge": "fake-challenge-3eZbrw1a", "type": "url_verification"}
        return await self._post(to, json.dumps(body).encode(), JSON, forged)

    async def send_again(self) -> Delivered:
        """The last request to us, byte for byte."""
        assert self.last_request is not None, "nothing was sent yet"
        return await self._send(self.last_request)

    def write(self, text: str, *, user: str = USER, channel: str = ALERTS, thread: str = "") -> Message:
        """A person's message, not ours."""
        place = self._channel(channel)
        message = self.workspace.put(
            Message(channel=place.id, ts=self.workspace.next_ts(), user=user, text=text, thread_ts=thread)
        )
        self._echo(message, None)
        return message

    async def _interact(self, to: str | None, payload: Json, forged: Forged | None) -> Delivered:
        if to is None:
            return await self._by_socket("interactive", payload, takes_answer=True)
        return await self._post(to, outgoing.form({"payload": json.dumps(payload)}), FORM, forged)

    async def _post(
        self, to: str, body: bytes, kind: str, forged: Forged | None, extra: Mapping[str, str] | None = None
    ) -> Delivered:
        now = self._clock.now()
        request = outgoing.signed(to, body, kind, self.signing_secret, now, forged=forged, extra=extra)
        return await self._send(request)

    async def _send(self, request: Request) -> Delivered:
        assert self._client is not None, "the fake is not running"
        self.last_request = request
        begun = self._clock.now()
        async with self._client.post(request.url, data=request.body, headers=request.headers) as answer:
            body = await answer.text()
            return Delivered(status=answer.status, body=body, took=self._clock.now() - begun)

    async def _by_socket(self, kind: str, payload: Json, *, takes_answer: bool, **more: Any) -> Delivered:
        begun = self._clock.now()
        ack = await self.sockets.deliver(kind, payload, takes_answer=takes_answer, **more)
        body = json.dumps(ack["payload"]) if ack is not None and "payload" in ack else ""
        return Delivered(status=0 if ack is not None else -1, body=body, took=self._clock.now() - begun)

    def _echo(self, new: Message, old: Message | None) -> None:
        if not self.sends_events or BOT_USER not in self.workspace.channels[new.channel].members:
            return
        event = outgoing.message_event(self.workspace, new, old, self.workspace.next_ts())
        task = asyncio.get_running_loop().create_task(self._send_event(event))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_event(self, event: Json) -> None:
        try:
            await self.event(self.events_url, event)
        except (ClientError, OSError) as error:
            self.events_lost.append(repr(error))
            await self._tell()

    def _pull(self, user: str) -> str:
        trigger = f"{len(self._triggers) + 1}.{self.workspace.new_id('')}.fakesecret"
        self._triggers[trigger] = Trigger(user, self._clock.now())
        return trigger

    def _door(self, user: str, channel: str, original: Message | None = None) -> str:
        return f"{self.url}/{self.responses.open(user, channel, original)}"

    async def _tell(self) -> None:
        """Whoever waits by `until` looks again."""
        async with self._came:
            self._came.notify_all()

    def _channel(self, named: str) -> Channel:
        return self.workspace.channels.get(named) or self.workspace.named(named) or _missing(named)


def _missing(named: str) -> Channel:
    raise KeyError(f"the fake workspace has no channel {named}")


def _with(sent: Delivered, response_url: str, trigger: str) -> Delivered:
    return replace(sent, response_url=response_url, trigger_id=trigger)


def as_object(text: str) -> Json:
    """{} for what is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
