"""What the Web API refuses, with its own error codes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.conformance.slack.samples import (
    ARCHIVED,
    FORM,
    GONE,
    LEFT,
    PRIVATE,
    QUIET,
    refusal,
    said,
)
from tests.fakes.slack import (
    ALERTS,
    BOT_TOKEN,
    USER,
)

Call = Callable[[AsyncWebClient], Awaitable[Any]]
METHODS: dict[str, Call] = {
    "an unknown method": lambda slack: slack.api_call("chat.shout"),
    "an unknown channel": lambda slack: slack.chat_postMessage(channel="C0NOWHERE1", text="x"),
    "an unknown name": lambda slack: slack.chat_postMessage(channel="#nowhere", text="x"),
    "a private channel without us": lambda slack: slack.chat_postMessage(channel=PRIVATE, text="x"),
    "a channel without us": lambda slack: slack.chat_postMessage(channel=LEFT, text="x"),
    "an archived channel": lambda slack: slack.chat_postMessage(channel=ARCHIVED, text="x"),
    "no text": lambda slack: slack.api_call("chat.postMessage", json={"channel": ALERTS}),
    "a text too long": lambda slack: slack.chat_postMessage(channel=ALERTS, text="x" * 40_001),
    "blocks that are none": lambda slack: slack.chat_postMessage(channel=ALERTS, text="x", blocks="[{"),
    "too many blocks": lambda slack: slack.chat_postMessage(
        channel=ALERTS, text="x", blocks=[{"type": "divider"}] * 51
    ),
    "blocks too long together": lambda slack: slack.chat_postMessage(
        channel=ALERTS, text="x", blocks=[said("x" * 3000)] * 5
    ),
    "metadata without a type": lambda slack: slack.chat_postMessage(
        channel=ALERTS, text="x", metadata={"event_payload": {}}
    ),
    "metadata of an odd type": lambda slack: slack.chat_postMessage(
        channel=ALERTS, text="x", metadata={"event_type": "Odd Type", "event_payload": {}}
    ),
    "metadata that is nested": lambda slack: slack.chat_postMessage(
        channel=ALERTS, text="x", metadata={"event_type": "a", "event_payload": {"b": {}}}
    ),
    "metadata too large": lambda slack: slack.chat_postMessage(
        channel=ALERTS, text="x", metadata={"event_type": "a", "event_payload": {"b": "x" * 9000}}
    ),
    "an edit of nothing": lambda slack: slack.chat_update(channel=ALERTS, ts="1.000001", text="x"),
    "an edit by a channel's name": lambda slack: slack.chat_update(channel="#alerts", ts="1.0", text="x"),
    "an ephemeral for a stranger": lambda slack: slack.chat_postEphemeral(
        channel=ALERTS, user=QUIET, text="x"
    ),
    "the history of a channel without us": lambda slack: slack.conversations_history(channel=LEFT),
    "the history of a hidden channel": lambda slack: slack.conversations_history(channel=PRIVATE),
    "a cursor that is none": lambda slack: slack.conversations_history(channel=ALERTS, cursor="?"),
    "a thread that is none": lambda slack: slack.conversations_replies(channel=ALERTS, ts="1.000001"),
    "an unknown user": lambda slack: slack.users_info(user="U0NOBODY01"),
    "opening a talk with someone who left": lambda slack: slack.conversations_open(users=GONE),
    "opening a talk with nobody": lambda slack: slack.conversations_open(users="U0NOBODY01"),
    "a trigger that never was": lambda slack: slack.views_open(trigger_id="1.2.3", view=FORM),
    "a form that is none": lambda slack: slack.views_open(trigger_id="1.2.3", view={"type": "modal"}),
    "sockets with the bot's token": lambda slack: slack.apps_connections_open(app_token=BOT_TOKEN),
}
ERRORS = [
    ("an unknown method", "unknown_method"),
    ("an unknown channel", "channel_not_found"),
    ("an unknown name", "channel_not_found"),
    ("a private channel without us", "channel_not_found"),
    ("a channel without us", "not_in_channel"),
    ("an archived channel", "is_archived"),
    ("no text", "no_text"),
    ("a text too long", "msg_too_long"),
    ("blocks that are none", "invalid_blocks_format"),
    ("too many blocks", "invalid_blocks"),
    ("blocks too long together", "msg_blocks_too_long"),
    ("metadata without a type", "invalid_metadata_schema"),
    ("metadata of an odd type", "invalid_metadata_schema"),
    ("metadata that is nested", "invalid_metadata_schema"),
    ("metadata too large", "metadata_too_large"),
    ("an edit of nothing", "message_not_found"),
    ("an edit by a channel's name", "channel_not_found"),
    ("an ephemeral for a stranger", "user_not_in_channel"),
    ("the history of a channel without us", "not_in_channel"),
    ("the history of a hidden channel", "channel_not_found"),
    ("a cursor that is none", "invalid_cursor"),
    ("a thread that is none", "thread_not_found"),
    ("an unknown user", "user_not_found"),
    ("opening a talk with someone who left", "user_disabled"),
    ("opening a talk with nobody", "user_not_found"),
    ("a trigger that never was", "invalid_trigger_id"),
    ("a form that is none", "invalid_arguments"),
    ("sockets with the bot's token", "not_allowed_token_type"),
]


@pytest.mark.parametrize("case, error", ERRORS, ids=[case for case, _ in ERRORS])
async def test_it_refuses_as_slack_does(fake, slack, case, error):
    assert await refusal(METHODS[case](slack)) == error
    assert fake.ledger[-1].error == error


async def test_every_refusal_has_a_row():
    assert {case for case, _ in ERRORS} == METHODS.keys()


@pytest.mark.parametrize(
    "scope, call",
    [
        pytest.param("chat:write", lambda it: it.chat_postMessage(channel=ALERTS, text="x"), id="posting"),
        pytest.param("channels:history", lambda it: it.conversations_history(channel=ALERTS), id="history"),
        pytest.param("channels:read", lambda it: it.conversations_info(channel=ALERTS), id="a channel"),
        pytest.param("groups:read", lambda it: it.conversations_list(types="private_channel"), id="channels"),
        pytest.param("im:write", lambda it: it.conversations_open(users=USER), id="direct messages"),
        pytest.param("users:read", lambda it: it.users_info(user=USER), id="a user"),
        pytest.param("team:read", lambda it: it.team_info(), id="the team"),
    ],
)
async def test_a_missing_scope_is_named(fake, slack, scope, call):
    fake.scopes.discard(scope)
    with pytest.raises(SlackApiError) as refused:
        await call(slack)
    answer = refused.value.response
    assert (answer["error"], answer["needed"]) == ("missing_scope", scope)
    assert scope not in answer["provided"].split(",")


@pytest.mark.parametrize("error", ["token_revoked", "account_inactive"])
async def test_a_token_goes_bad_and_good_again(fake, slack, error):
    fake.refuse_token(error)
    assert await refusal(slack.auth_test()) == error
    fake.refuse_token("")
    assert (await slack.auth_test())["ok"]


@pytest.mark.parametrize("token, error", [(None, "not_authed"), ("xoxb-another", "invalid_auth")])
async def test_a_call_without_a_good_token_is_refused(fake, token, error):
    assert await refusal(AsyncWebClient(token, base_url=f"{fake.url}/api/").auth_test()) == error


async def test_a_persons_message_is_not_ours_to_edit(fake, slack):
    theirs = fake.write("hello")
    assert await refusal(slack.chat_update(channel=ALERTS, ts=theirs.ts, text="x")) == "cant_update_message"


async def test_an_edit_is_shorter_than_a_message(fake, slack):
    posted = await slack.chat_postMessage(channel=ALERTS, text="x" * 40_000)
    long = slack.chat_update(channel=ALERTS, ts=posted["ts"], text="x" * 4_001)
    assert await refusal(long) == "msg_too_long"


async def test_a_message_in_an_archived_channel_stays_as_it_is(fake, slack):
    posted = await slack.chat_postMessage(channel=ALERTS, text="x")
    fake.workspace.change_channel(ALERTS, is_archived=True)
    assert await refusal(slack.chat_update(channel=ALERTS, ts=posted["ts"], text="y")) == "is_inactive"
