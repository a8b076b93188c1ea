"""Calls of the Web API: taken, answered, limited, and ended as a test scripts them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession
from slack_sdk.errors import SlackApiError

from tests.conformance.slack.samples import (
    ACTIONS,
    GONE,
    METADATA,
    refusal,
    said,
)
from tests.fakes.clock import NOON
from tests.fakes.slack import (
    ALERTS,
    BOT_TOKEN,
    BOT_USER,
    TEAM,
    USER,
    Breaks,
    Fails,
    Hangs,
    Malformed,
    Status,
    TakesAndBreaks,
    Throttles,
)


async def test_a_message_is_posted_edited_and_read_back(fake, slack):
    posted = await slack.chat_postMessage(channel="#alerts", text="fire", blocks=[ACTIONS], metadata=METADATA)
    edited = await slack.chat_update(
        channel=posted["channel"], ts=posted["ts"], text="out", blocks=[said("out")]
    )
    read = await slack.conversations_history(channel=ALERTS, include_all_metadata=True)

    assert (posted["channel"], edited["ts"]) == (ALERTS, posted["ts"])
    assert [(one["text"], one["metadata"]) for one in read["messages"]] == [("out", METADATA)]
    assert [one.text for one in fake.roots("alerts")] == ["out"]
    assert [call.method for call in fake.ledger] == [
        "chat.postMessage",
        "chat.update",
        "conversations.history",
    ]


async def test_the_ledger_has_no_token(fake, slack):
    await slack.chat_postMessage(channel=ALERTS, text="fire")
    await slack.conversations_history(channel=ALERTS, limit=5)
    async with ClientSession() as plain:
        await plain.post(f"{fake.url}/api/auth.test", data={"token": BOT_TOKEN})

    assert [call.is_ok for call in fake.ledger] == [True, True, True]
    assert BOT_TOKEN not in repr(fake.ledger)


async def test_who_we_are(slack):
    answer = await slack.auth_test()
    assert (answer["team_id"], answer["user_id"]) == (TEAM, BOT_USER)
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_a_reply_stands_in_its_thread_and_not_in_the_channel(fake, slack):
    root = await slack.chat_postMessage(channel=ALERTS, text="root")
    await slack.chat_postMessage(channel=ALERTS, text="reply", thread_ts=root["ts"], metadata=METADATA)

    channel = await slack.conversations_history(channel=ALERTS)
    thread = await slack.conversations_replies(channel=ALERTS, ts=root["ts"], include_all_metadata=True)

    assert [(one["text"], one["reply_count"]) for one in channel["messages"]] == [("root", 1)]
    assert [one["text"] for one in thread["messages"]] == ["root", "reply"]
    assert thread["messages"][1]["metadata"] == METADATA
    assert [one.text for one in fake.thread(ALERTS, root["ts"])] == ["root", "reply"]


async def test_the_payload_of_metadata_comes_back_only_where_it_is_asked_for(slack):
    await slack.chat_postMessage(channel=ALERTS, text="fire", metadata=METADATA)
    read = await slack.conversations_history(channel=ALERTS)
    assert read["messages"][0]["metadata"] == {"event_type": "responder_message"}


async def test_a_message_to_a_user_opens_the_direct_messages(fake, slack):
    posted = await slack.chat_postMessage(channel=USER, text="wake up")
    opened = await slack.conversations_open(users=USER)

    assert posted["channel"].startswith("D")
    assert opened["channel"]["id"] == posted["channel"]
    assert [one.text for one in fake.dm(USER)] == ["wake up"]
    await slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="sleep")
    assert [one.text for one in fake.dm(USER)] == ["sleep"]


async def test_a_message_to_someone_who_left_is_taken_all_the_same(fake, slack):
    assert (await slack.chat_postMessage(channel=GONE, text="wake up"))["ok"]
    assert (await slack.users_info(user=GONE))["user"]["deleted"] is True


@pytest.mark.parametrize(
    "edit, text, blocks, is_marked",
    [
        pytest.param({"text": "new"}, "new", 0, True, id="a text alone takes the blocks away"),
        pytest.param({"blocks": [said("new")]}, "old", 1, False, id="blocks alone leave the text"),
        pytest.param({"text": "new", "blocks": [said("n")]}, "new", 1, False, id="both"),
    ],
)
async def test_an_edit_does_what_its_page_says(fake, slack, edit, text, blocks, is_marked):
    posted = await slack.chat_postMessage(channel=ALERTS, text="old", blocks=[ACTIONS, said("old")])
    await slack.api_call("chat.update", json={"channel": ALERTS, "ts": posted["ts"], **edit})

    (message,) = fake.roots(ALERTS)
    assert (message.text, len(message.blocks), bool(message.edited_ts)) == (text, blocks, is_marked)


async def test_history_is_cut_by_moments_and_pages(clock, slack):
    stamps = []
    for number in range(5):
        clock.advance(seconds=60)
        stamps.append((await slack.chat_postMessage(channel=ALERTS, text=str(number)))["ts"])

    async def texts(**asked: Any) -> list[str]:
        read = await slack.conversations_history(channel=ALERTS, **asked)
        return [one["text"] for one in read["messages"]]

    assert await texts() == ["4", "3", "2", "1", "0"]
    assert await texts(oldest=stamps[2]) == ["4", "3"]
    assert await texts(oldest=stamps[2], inclusive=True) == ["4", "3", "2"]
    assert await texts(latest=stamps[2]) == ["1", "0"]
    first = await slack.conversations_history(channel=ALERTS, limit=3)
    assert first["has_more"] is True
    assert await texts(limit=3, cursor=first["response_metadata"]["next_cursor"]) == ["1", "0"]


async def test_channels_are_listed_and_a_private_one_without_us_is_not(slack):
    listed = await slack.conversations_list(types="public_channel,private_channel", exclude_archived=True)
    assert [one["name"] for one in listed["channels"]] == ["alerts", "left"]
    assert (await slack.conversations_info(channel=ALERTS))["channel"]["is_member"] is True


async def test_an_ephemeral_message_is_seen_by_one(fake, slack):
    await slack.chat_postEphemeral(channel=ALERTS, user=USER, text="only you")
    assert [one.text for one in fake.workspace.ephemerals(USER)] == ["only you"]
    assert fake.roots(ALERTS) == []


async def test_timestamps_are_the_clocks_and_grow(fake, clock, slack):
    first = await slack.chat_postMessage(channel=ALERTS, text="x")
    second = await slack.chat_postMessage(channel=USER, text="x")
    fake.workspace.skew = timedelta(seconds=2)
    third = await slack.chat_postMessage(channel=ALERTS, text="x")
    assert float(first["ts"]) == NOON.timestamp()
    assert first["ts"] < second["ts"] < third["ts"]
    assert float(third["ts"]) == NOON.timestamp() + 2


async def test_a_channel_takes_a_message_a_second_after_a_short_burst(fake, clock, slack):
    fake.limits.posting_burst = 2

    async def post(channel: str = ALERTS) -> int:
        """0 = taken, else the seconds to wait."""
        try:
            await slack.chat_postMessage(channel=channel, text="x")
        except SlackApiError as refused:
            return int(refused.response.headers["Retry-After"])
        return 0

    assert [await post(), await post(), await post()] == [0, 0, 1]
    assert await post(USER) == 0  # another channel
    clock.advance(seconds=1)
    assert [await post(), await post()] == [0, 1]
    assert (fake.ledger[-1].status, fake.ledger[-1].answer) == (429, {"ok": False, "error": "ratelimited"})
    fake.limits.is_on = False
    assert [await post(), await post()] == [0, 0]


async def test_a_tier_is_so_many_calls_a_minute(fake, clock, slack):
    fake.limits.tiers[3] = 2
    for _ in range(2):
        await slack.conversations_history(channel=ALERTS)
    assert await refusal(slack.conversations_history(channel=ALERTS)) == "ratelimited"
    assert await refusal(slack.conversations_replies(channel=ALERTS, ts="1.0")) == "thread_not_found"
    clock.advance(seconds=30)
    assert (await slack.conversations_history(channel=ALERTS))["ok"]


@pytest.mark.parametrize(
    "outcome, seen, is_there",
    [
        pytest.param(Fails("internal_error"), SlackApiError, False, id="fails"),
        pytest.param(Status(503), SlackApiError, False, id="a status"),
        pytest.param(Throttles(7), SlackApiError, False, id="throttles"),
        pytest.param(Malformed(), SlackApiError, False, id="malformed"),
        pytest.param(Malformed(is_taken=True), SlackApiError, True, id="malformed, but taken"),
        pytest.param(Breaks(), ClientError, False, id="breaks"),
        pytest.param(TakesAndBreaks(), ClientError, True, id="takes and breaks"),
    ],
)
async def test_a_call_ends_as_it_is_scripted_and_the_next_as_ever(fake, slack, outcome, seen, is_there):
    slack.retry_handlers = []
    fake.script("chat.postMessage", outcome)
    with pytest.raises(seen):
        await slack.chat_postMessage(channel=ALERTS, text="one")
    assert [one.text for one in fake.roots(ALERTS)] == (["one"] if is_there else [])
    assert (await slack.chat_postMessage(channel=ALERTS, text="two"))["ok"]


@pytest.mark.parametrize("is_taken", [False, True], ids=["before", "after it was taken"])
async def test_a_call_hangs_until_it_is_released(fake, slack, is_taken):
    fake.script("chat.postMessage", Hangs(is_taken))
    posting = asyncio.create_task(slack.chat_postMessage(channel=ALERTS, text="one"))
    (call,) = await fake.until_called("chat.postMessage")

    assert call.answer is None
    assert len(fake.roots(ALERTS)) == is_taken
    fake.release()
    assert (await posting)["ok"]
    assert len(fake.roots(ALERTS)) == 1


async def test_what_always_happens_stops_when_it_is_told(fake, slack):
    fake.always("auth.test", Fails("fatal_error"))
    assert [await refusal(slack.auth_test()) for _ in range(2)] == ["fatal_error"] * 2
    fake.always("auth.test", None)
    assert (await slack.auth_test())["ok"]


async def test_a_channel_has_one_limit_by_whichever_name(fake, slack):
    fake.limits.posting_burst = 1
    await slack.chat_postMessage(channel="#alerts", text="x")
    assert await refusal(slack.chat_postMessage(channel=ALERTS, text="x")) == "ratelimited"
    await slack.chat_postMessage(channel=USER, text="x")
    assert await refusal(slack.chat_postMessage(channel=fake.dm(USER)[0].channel, text="x")) == "ratelimited"


async def test_all_channels_together_have_a_limit_too(fake, slack):
    fake.limits.posting_in_all = 2
    await slack.chat_postMessage(channel=ALERTS, text="x")
    await slack.chat_postMessage(channel=USER, text="x")
    assert await refusal(slack.chat_postMessage(channel=GONE, text="x")) == "ratelimited"
