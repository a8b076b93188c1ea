"""Calls of the Web API over real sockets: what arrives at Slack, and what its answers mean to a person."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from datetime import timedelta
from typing import Any

import pytest

from responder.adapters.sessions import Sessions
from responder.adapters.slack.account import SlackAccount, Turn
from responder.adapters.slack.failures import Refusal
from responder.core.errors import Busy, Failure, Permanent, Transient, Unsure
from tests.adapters.slack.bench import Bench
from tests.fakes.clock import FakeClock
from tests.fakes.sink import Answer, Sink
from tests.fakes.slack import (
    ALERTS,
    APP_TOKEN,
    BOT_TOKEN,
    USER,
    Breaks,
    Fails,
    Hangs,
    Malformed,
    Outcome,
    Status,
    TakesAndBreaks,
    Throttles,
)

CHANNEL = "channel #sre-pages"
PERSON = "Slack user of CTO"

# What Slack answers to a post in #sre-pages, and what a person reads of it.
ROWS: list[tuple[Outcome, type[Failure], str]] = [
    # It passes by itself.
    (Throttles(7), Busy, "Slack asks to wait 7 s (chat.postMessage)"),
    (Throttles("soon"), Busy, "Slack asks to wait 1 s (chat.postMessage)"),
    (Throttles(86_400), Busy, "Slack asks to wait 300 s (chat.postMessage)"),
    (Fails("ratelimited"), Busy, "Slack asks to wait 1 s (chat.postMessage)"),
    (Fails("rate_limited"), Busy, "Slack asks to wait 1 s (chat.postMessage)"),
    (Fails("service_unavailable"), Transient, "Slack cannot do it now (service_unavailable)"),
    (Fails("team_added_to_org"), Transient, "Slack cannot do it now (team_added_to_org)"),
    (Fails("request_timeout"), Transient, "Slack cannot do it now (request_timeout)"),
    (Status(408), Transient, "Slack cannot do it now (408)"),
    # Nobody knows.
    (Status(500), Unsure, "Slack failed (500); it may have arrived"),
    (Status(503), Unsure, "Slack failed (503); it may have arrived"),
    (Fails("internal_error"), Unsure, "Slack failed (internal_error); it may have arrived"),
    (Fails("fatal_error"), Unsure, "Slack failed (fatal_error); it may have arrived"),
    (Breaks(), Unsure, "127.0.0.1: the connection broke before an answer; it may have arrived"),
    (TakesAndBreaks(), Unsure, "127.0.0.1: the connection broke before an answer; it may have arrived"),
    (Malformed(), Unsure, "Slack's answer makes no sense; it may have arrived"),
    (Malformed(body="[]"), Unsure, "Slack's answer makes no sense; it may have arrived"),
    (Malformed(body="{}"), Unsure, "Slack's answer makes no sense; it may have arrived"),
    (Status(200, "ok"), Unsure, "Slack's answer makes no sense; it may have arrived"),
    # Somebody has to mend the app, the workspace, the channel, or us.
    (
        Fails("invalid_auth"),
        Refusal,
        "the token is not valid, or calls from this address are not allowed (invalid_auth): "
        "look at RESPONDER_SLACK_BOT_TOKEN",
    ),
    (Fails("not_authed"), Refusal, "there is no token (not_authed): set RESPONDER_SLACK_BOT_TOKEN"),
    (
        Fails("token_revoked"),
        Refusal,
        "the token was revoked (token_revoked): install the app again and set RESPONDER_SLACK_BOT_TOKEN",
    ),
    (
        Fails("token_expired"),
        Refusal,
        "the token has expired (token_expired): install the app again and set RESPONDER_SLACK_BOT_TOKEN",
    ),
    (
        Fails("account_inactive"),
        Refusal,
        "the app was removed, or its workspace is gone (account_inactive): install the app again and set "
        "RESPONDER_SLACK_BOT_TOKEN",
    ),
    (
        Fails("org_login_required"),
        Refusal,
        "the workspace is being moved to an organization, and back only when that is done (org_login_required)",
    ),
    (
        Fails("missing_scope", {"needed": "chat:write", "provided": "commands"}),
        Refusal,
        "the app lacks the scope chat:write (missing_scope): add it under OAuth & Permissions, then install the "
        "app again",
    ),
    (
        Fails("missing_scope", {"needed": "<b>", "provided": 1}),
        Refusal,
        "the app lacks the scope that it asks for (missing_scope): add it under OAuth & Permissions, then install "
        "the app again",
    ),
    (
        Fails("channel_not_found"),
        Refusal,
        "the app sees no channel #sre-pages (channel_not_found): look at its name, and invite the app if it is "
        "private (/invite @responder)",
    ),
    (
        Fails("not_in_channel"),
        Refusal,
        "the app is not in channel #sre-pages (not_in_channel): invite it (/invite @responder)",
    ),
    (
        Fails("is_archived"),
        Refusal,
        "channel #sre-pages archived (is_archived): unarchive it, or name another in channels.yaml",
    ),
    (
        Fails("restricted_action"),
        Refusal,
        "the workspace or the channel does not let the app post; an administrator of the workspace has to allow it "
        "(restricted_action)",
    ),
    (
        Fails("restricted_action_read_only_channel"),
        Refusal,
        "channel #sre-pages is read-only; an administrator of the workspace has to allow it "
        "(restricted_action_read_only_channel)",
    ),
    (
        Fails("msg_too_long"),
        Refusal,
        "the message is too long for Slack; please report it (msg_too_long)",
    ),
    (
        Fails("invalid_blocks", {"errors": ["canary"]}),
        Refusal,
        "Slack does not take the message as we write it; please report it (invalid_blocks)",
    ),
    (Fails("something_new"), Refusal, "Slack refuses chat.postMessage (something_new)"),
    (
        Fails("<!channel> canary"),
        Unsure,
        "Slack's answer makes no sense; it may have arrived",
    ),
    (
        Status(404),
        Refusal,
        "404 to chat.postMessage: that is no answer of Slack's; look at the API's address and at the proxy",
    ),
]
# The same where the message goes to a person.
PERSONAL = [
    (
        code,
        Refusal,
        words + ": look at the person's Slack user id (contacts.yaml)",
    )
    for code, words in (
        ("channel_not_found", "there is no Slack user of CTO (channel_not_found)"),
        ("user_not_found", "there is no Slack user of CTO (user_not_found)"),
        ("user_disabled", "Slack user of CTO is deactivated (user_disabled)"),
        ("cannot_dm_bot", "Slack user of CTO is a bot (cannot_dm_bot)"),
        ("user_not_visible", "the app may not see Slack user of CTO (user_not_visible)"),
    )
] + [
    (
        "messages_tab_disabled",
        Refusal,
        "the app takes no direct messages (messages_tab_disabled): switch on App Home, Messages Tab",
    )
]


def ids(rows: list[Any]) -> list[str]:
    return [str(row[0] if isinstance(row[0], str) else repr(row[0]))[:60] for row in rows]


async def post(bench: Bench, account: SlackAccount | None = None, **changes: Any) -> Any:
    asked: dict[str, Any] = {
        "deadline": bench.deadline(),
        "by": "sre",
        "target": CHANNEL,
        "channel": "#alerts",
        "text": "canary-text",
    }
    return await (account or bench.account()).call("chat.postMessage", **(asked | changes))


def everything_said(failure: BaseException) -> str:
    """As far as a log could go: the words, the causes, and the whole traceback without its frames' variables."""
    return "".join(traceback.format_exception(failure)) + repr(failure) + repr(failure.__cause__)


# What arrives


async def test_a_call_arrives_and_its_answer_is_handed_back(bench):
    answer = await post(bench)
    assert answer["channel"] == ALERTS
    assert [message.text for message in bench.roots()] == ["canary-text"]


async def test_what_only_reads_is_asked_without_json(bench):
    await post(bench)
    answer = await bench.account().call(
        "conversations.history", deadline=bench.deadline(), channel=ALERTS, limit=5, include_all_metadata=True
    )
    assert [message["text"] for message in answer["messages"]] == ["canary-text"]
    assert bench.slack.ledger[-1].args["limit"] == "5"


async def test_socket_mode_is_opened_with_the_apps_own_token(bench):
    answer = await bench.account().call("apps.connections.open", deadline=bench.deadline())
    assert answer["url"].startswith("ws")


# What fails


@pytest.mark.parametrize("outcome, kind, words", ROWS, ids=ids(ROWS))
async def test_a_failure_says_what_it_is_and_what_to_mend(bench, outcome, kind, words):
    bench.slack.script("chat.postMessage", outcome)
    with pytest.raises(Failure) as raised:
        await post(bench)
    assert type(raised.value) is kind
    assert str(raised.value) == f"sre: {words}"
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("code, kind, words", PERSONAL, ids=ids(PERSONAL))
async def test_a_failure_about_a_person_says_so(bench, code, kind, words):
    bench.slack.script("chat.postMessage", Fails(code))
    with pytest.raises(kind) as raised:
        await post(bench, channel=USER, target=PERSON)
    assert str(raised.value) == f"sre: {words}"


@pytest.mark.parametrize(
    "outcome",
    [Status(500), Fails("internal_error"), Breaks(), Malformed()],
    ids=["500", "internal_error", "breaks", "malformed"],
)
async def test_what_was_only_read_is_never_unsure(bench, outcome):
    bench.slack.always("conversations.info", outcome)  # the HTTP client asks once more by itself
    with pytest.raises(Transient) as raised:
        await bench.account().call("conversations.info", deadline=bench.deadline(), channel=ALERTS)
    assert type(raised.value) is Transient
    assert "may have arrived" not in str(raised.value)


async def test_a_refusal_has_slacks_code(bench):
    bench.slack.script("chat.postMessage", Fails("is_archived"))
    with pytest.raises(Refusal) as raised:
        await post(bench)
    assert raised.value.code == "is_archived"
    assert isinstance(raised.value, Permanent)
    assert raised.value.__cause__ is not None


async def test_what_cannot_be_reached_has_not_arrived(bench):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Transient, match=r"^sre: 127\.0\.0\.1 cannot be reached: ") as raised:
        await post(bench, bench.account(api_url=f"http://127.0.0.1:{port}/api/"))
    assert type(raised.value) is Transient


@pytest.mark.parametrize(
    "method, kind", [("chat.postMessage", Unsure), ("conversations.info", Transient)], ids=["written", "read"]
)
async def test_a_call_ends_at_its_deadline_and_not_before(bench, method, kind):
    bench.slack.script(method, Hangs())
    deadline = bench.deadline(3)
    calling = asyncio.ensure_future(
        bench.account().call(method, deadline=deadline, by="sre", channel="C1", text="x")
    )
    await bench.slack.until_called(method)
    await bench.clock.until_sleeping()
    bench.clock.advance(seconds=2.999)
    assert bench.clock.waited_for() == [deadline]
    bench.clock.advance(seconds=0.001)
    with pytest.raises(kind, match=r"^sre: 127\.0\.0\.1 did not answer in time") as raised:
        await calling
    assert type(raised.value) is kind
    assert bench.clock.waited_for() == []


# Whom it talks to


async def test_a_redirect_is_not_followed(bench):
    async with Sink() as elsewhere:
        bench.slack.script("chat.postMessage", Status(307, headers={"Location": f"{elsewhere.url}api/"}))
        with pytest.raises(
            Refusal, match=r"307 to chat.postMessage: it redirects, and redirects are not followed"
        ):
            await post(bench)
        assert elsewhere.ledger == []


async def test_a_proxy_is_used_unless_the_host_needs_none(bench, monkeypatch):
    sessions = Sessions(trust_env=True)
    account = SlackAccount(
        token=BOT_TOKEN, api_url=f"{bench.slack.url}/api/", sessions=sessions, clock=bench.clock
    )
    async with Sink() as proxy:
        proxy.always(Answer(status=502))
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(Unsure, match=r"Slack failed \(502\)"):
            await post(bench, account)
        assert [got.method for got in proxy.ledger] == ["POST"]
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        await post(bench, account)
        assert len(proxy.ledger) == 1
    await sessions.close()


# Pace


async def test_what_slack_asks_to_wait_for_is_not_asked_again(bench):
    account, turn = bench.account(), Turn(record="I42@sre", place="#alerts")
    bench.slack.script("chat.postMessage", Throttles(30))
    with pytest.raises(Busy) as first:
        await post(bench, account, turn=turn)
    assert first.value.retry_after == timedelta(seconds=30)
    bench.clock.advance(seconds=29)
    with pytest.raises(Busy, match=r"^sre: its turn at channel #sre-pages comes in 1\.0 s") as second:
        await post(bench, account, turn=turn)
    assert second.value.retry_after == timedelta(seconds=1)
    assert len(bench.slack.ledger) == 1
    bench.clock.advance(seconds=1)
    await post(bench, account, turn=turn)


async def test_another_place_is_not_held_up(bench):
    account = bench.account()
    bench.slack.script("chat.postMessage", Throttles(30))
    with pytest.raises(Busy):
        await post(bench, account, turn=Turn(record="a", place="#alerts"))
    await post(bench, account, turn=Turn(record="b", place=USER, is_page=True), channel=USER)


# Secrets


@pytest.mark.parametrize("error", ["token_revoked", "invalid_auth", "account_inactive"])
async def test_a_token_is_in_nothing_that_is_said(bench, error, caplog):
    caplog.set_level(logging.DEBUG)
    account = bench.account()
    bench.slack.refuse_token(error)
    with pytest.raises(Refusal) as raised:
        await post(bench, account)
    said = everything_said(raised.value) + repr(account) + caplog.text
    assert BOT_TOKEN not in said
    assert APP_TOKEN not in said
    assert "canary-text" not in said


async def test_no_body_is_logged(bench, caplog):
    caplog.set_level(logging.DEBUG)
    await post(bench)
    assert "canary-text" not in caplog.text
    assert BOT_TOKEN not in caplog.text


async def test_an_account_says_where_it_is(bench):
    assert repr(bench.account()) == "SlackAccount(host='127.0.0.1')"
    assert SlackAccount(token="xoxb-1", sessions=bench.sessions, clock=FakeClock()).host == "slack.com"
