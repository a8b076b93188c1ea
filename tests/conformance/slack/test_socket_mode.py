"""Socket Mode, with the SDK's own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

from tests.conformance.slack.samples import (
    ACTIONS,
)
from tests.fakes.slack import (
    ALERTS,
    APP_TOKEN,
    FakeSlack,
)


def _is_ready(fake: FakeSlack) -> bool:
    return any(not one.is_leaving and not one.socket.closed for one in fake.sockets.connections)


@pytest.fixture
async def socket(fake, slack) -> AsyncIterator[SocketModeClient]:
    """Connected; it answers every envelope with the same payload."""
    client = SocketModeClient(APP_TOKEN, web_client=slack)

    async def answer(own: Any, request: Any) -> None:
        heard = {"text": f"heard {request.type}"} if request.accepts_response_payload else None
        await own.send_socket_mode_response(
            SocketModeResponse(envelope_id=request.envelope_id, payload=heard)
        )

    client.socket_mode_request_listeners.append(answer)
    await client.connect()
    await fake.until(lambda: fake.sockets.connections)
    yield client
    await client.close()


async def test_a_command_comes_by_socket_and_its_ack_comes_back(fake, socket):
    sent = await fake.slash(None, "/ack", "I42")
    assert (sent.status, sent.json()) == (0, {"text": "heard slash_commands"})
    (envelope,) = fake.sockets.sent
    assert envelope["payload"]["text"] == "I42"
    assert [one["envelope_id"] for one in fake.sockets.acked] == [envelope["envelope_id"]]


async def test_presses_and_events_come_by_socket_too(fake, slack, socket):
    await slack.chat_postMessage(channel=ALERTS, text="fire", blocks=[ACTIONS])
    pressed = await fake.press(None, fake.roots(ALERTS)[0], "responder.ack")
    mentioned = await fake.mention(None, "ack I42")

    assert pressed.json() == {"text": "heard interactive"}
    assert (mentioned.status, mentioned.body) == (0, "")
    assert [one["type"] for one in fake.sockets.sent] == ["interactive", "events_api"]


async def test_a_deaf_connection_answers_pings_and_brings_nothing(fake, socket):
    fake.sockets.is_deaf = True
    before = fake.sockets.pings
    await socket.current_session.ping(b"sdk-ping-pong:1.0")
    await fake.until(lambda: fake.sockets.pings > before)
    assert (await fake.slash(None, "/ack", "I42")).status == -1
    assert fake.sockets.sent == []
    assert await socket.is_connected()


async def test_a_client_told_to_disconnect_comes_back(fake, socket):
    await fake.sockets.say_disconnect("refresh_requested")
    await fake.until(lambda: len(fake.calls("apps.connections.open")) == 2 and _is_ready(fake))
    assert (await fake.slash(None, "/ack", "I42")).status == 0


async def test_a_ticket_is_good_for_one_connection(fake, slack):
    url = (await slack.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with ClientSession() as session:
        async with session.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        async with session.get(url) as again:
            assert again.status == 403


@pytest.mark.parametrize("ending", ["cut", "closed"])
async def test_an_envelope_whose_connection_ends_is_not_acknowledged(fake, slack, ending):
    url = (await slack.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with ClientSession() as session, session.ws_connect(url) as socket:
        await socket.receive_json()
        sending = asyncio.create_task(fake.slash(None, "/ack", "I42"))
        envelope = await socket.receive_json()
        if ending == "cut":
            fake.sockets.cut()
        else:
            await socket.close()
        assert (await sending).status == -1
    assert envelope["payload"]["text"] == "I42"
    await fake.until(lambda: not fake.sockets.connections)


async def test_our_own_edit_comes_back_by_socket(fake, slack, socket):
    fake.sends_events = True
    posted = await slack.chat_postMessage(channel=ALERTS, text="one")
    await slack.chat_update(channel=ALERTS, ts=posted["ts"], text="two")
    await fake.until(lambda: len(fake.sockets.acked) == 2)
    plain, edited = [one["payload"]["event"] for one in fake.sockets.sent]
    assert "subtype" not in plain
    assert (edited["subtype"], edited["message"]["text"]) == ("message_changed", "two")


async def test_a_connection_that_never_says_hello_is_connected_all_the_same(fake, slack):
    fake.sockets.says_hello = False
    url = (await slack.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with ClientSession() as session, session.ws_connect(url) as socket:
        await fake.until(lambda: fake.sockets.connections)
        sending = asyncio.create_task(fake.slash(None, "/ack", "I42"))
        envelope = await socket.receive_json()
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
        assert (await sending).status == 0
    assert envelope["type"] == "slash_commands"


@pytest.mark.parametrize("reason, status", [("warning", 0), ("refresh_requested", -1)])
async def test_a_connection_that_is_to_end_brings_no_more(fake, slack, reason, status):
    url = (await slack.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with ClientSession() as session, session.ws_connect(url) as socket:
        await fake.until(lambda: fake.sockets.connections)
        await fake.sockets.say_disconnect(reason)
        sending = asyncio.create_task(fake.slash(None, "/ack", "I42"))
        kinds = [(await socket.receive_json())["type"] for _ in range(2)]
        if status == 0:
            envelope = await socket.receive_json()
            await socket.send_json({"envelope_id": envelope["envelope_id"]})
        assert (await sending).status == status
    assert kinds == ["hello", "disconnect"]
