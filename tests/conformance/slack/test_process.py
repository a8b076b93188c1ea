"""The fake as a process."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from tests.conformance.slack.samples import ACTIONS, FORM, payload, refusal
from tests.fakes.slack import ALERTS, USER


@pytest.fixture
async def started() -> AsyncIterator[dict[str, Any]]:
    """The line that the process wrote; it stops well when it is told to."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.slack", "0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        rest, _ = await process.communicate()
    assert (process.returncode, rest) == (0, b"")


class Steering:
    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def tell(self, what: str, **given: Any) -> Any:
        async with self._session.post(f"/_control/{what}", json=given) as answer:
            assert answer.status == 200
            return await answer.json()

    async def ask(self, what: str, **given: str) -> Any:
        async with self._session.get(f"/_control/{what}", params=given) as answer:
            assert answer.status == 200
            return await answer.json()


@pytest.fixture
async def steer(started) -> AsyncIterator[Steering]:
    async with ClientSession(started["url"]) as session:
        yield Steering(session)


@pytest.fixture
def remote(started) -> AsyncWebClient:
    return AsyncWebClient(started["bot_token"], base_url=started["api_url"])


async def test_it_is_a_process_that_is_steered_by_http(steer, remote):
    await steer.tell("script", method="auth.test", outcome="Fails", error="fatal_error")
    assert await refusal(remote.auth_test()) == "fatal_error"
    await steer.tell(
        "workspace", users=[{"id": "U0SECOND01"}], channels=[{"name": "more", "id": "C0MORE0001"}]
    )
    await remote.chat_postMessage(channel="#more", text="fire")
    await remote.chat_postMessage(channel="U0SECOND01", text="wake up")

    assert [one["text"] for one in await steer.ask("messages", channel="more")] == ["fire"]
    assert [one["text"] for one in await steer.ask("dm", user="U0SECOND01")] == ["wake up"]
    assert [(one["method"], one["status"]) for one in await steer.ask("ledger")] == [
        ("auth.test", 200),
        ("chat.postMessage", 200),
        ("chat.postMessage", 200),
    ]


async def test_people_act_when_they_are_told_to(steer, remote, ours):
    posted = await remote.chat_postMessage(channel=ALERTS, text="fire", blocks=[ACTIONS])
    pressed = await steer.tell(
        "press", to=ours.url, reference=f"{ALERTS}/{posted['ts']}", action_id="responder.ack"
    )
    said = await steer.tell("slash", to=ours.url, command="/ack", text="I42", forged="secret")
    await steer.tell("mention", to=ours.url, text="ack I42")
    await steer.tell("challenge", to=ours.url)
    await steer.tell("send_again")

    assert (pressed["status"], said["status"]) == (200, 200)
    assert payload(ours.ledger[0])["actions"][0]["value"] == "I42:17"
    trigger = payload(ours.ledger[0])["trigger_id"]
    await remote.views_open(trigger_id=trigger, view=FORM)
    assert (await steer.ask("view"))["content"]["callback_id"] == "responder.resolve"
    await steer.tell("submit", to=ours.url, values={"reason": "disk was full"})
    assert await steer.ask("view") is None
    assert [len(one.body) > 0 for one in ours.ledger] == [True] * 6
    assert ours.ledger[3].body == ours.ledger[4].body


async def test_its_settings_can_be_changed(steer, remote):
    await steer.tell("settings", is_limited=False, scopes=["chat:write"])
    for _ in range(8):
        await remote.chat_postMessage(channel=ALERTS, text="x")
    assert await refusal(remote.users_info(user=USER)) == "missing_scope"
    await steer.tell("settings", token_refusal="token_revoked")
    assert await refusal(remote.auth_test()) == "token_revoked"
    assert (await steer.ask("state"))["connections"] == 0
    assert await steer.ask("said") == []
