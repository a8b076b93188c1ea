"""Forms and answers in Slack: in time, only to Slack, and without the keys in what is said."""

from __future__ import annotations

import asyncio
import socket
import traceback
from datetime import timedelta

import pytest

from responder.adapters.slack.account import SlackAccount
from responder.adapters.slack.chat import SlackChat
from responder.core.errors import Busy, Failure, Permanent, Transient, Unsure
from tests.adapters.slack.bench import Bench
from tests.fakes.sink import Sink, throttle
from tests.fakes.slack import ALERTS, BOT_TOKEN, USER, Hangs, Status, TakesAndBreaks

FORM = {
    "type": "modal",
    "callback_id": "responder.resolve",
    "title": {"type": "plain_text", "text": "Resolve"},
    "submit": {"type": "plain_text", "text": "Resolve"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "reason"},
        }
    ],
}
ANSWER = {"response_type": "ephemeral", "text": "Acknowledged."}


def place_of(bench: Bench) -> str:
    return f"{bench.slack.url}/{bench.slack.responses.open(USER, ALERTS)}"


async def trigger_of(bench: Bench) -> str:
    """As it comes with a slash command."""
    async with Sink() as ours:
        return (await bench.slack.slash(ours.url, "/incident")).trigger_id


def everything_said(failure: BaseException) -> str:
    return "".join(traceback.format_exception(failure)) + repr(failure)


async def test_a_form_is_shown_to_whoever_pulled_the_trigger(bench):
    await SlackChat(bench.account()).open_form(await trigger_of(bench), FORM)
    assert bench.slack.view(USER).content["callback_id"] == "responder.resolve"


async def test_a_trigger_that_has_expired_says_so_and_is_not_repeated(bench):
    trigger = await trigger_of(bench)
    bench.clock.advance(seconds=4)
    with pytest.raises(
        Permanent, match=r"^slack: it took longer than the three seconds that Slack allows"
    ) as raised:
        await SlackChat(bench.account()).open_form(trigger, FORM)
    assert trigger not in everything_said(raised.value)


async def test_a_form_is_given_up_before_its_trigger_expires(bench):
    bench.slack.script("views.open", Hangs())
    opening = asyncio.ensure_future(SlackChat(bench.account()).open_form("1.2.canary", FORM))
    await bench.slack.until_called("views.open")
    await bench.clock.until_sleeping()
    bench.clock.advance(seconds=2.5)
    with pytest.raises(Transient) as raised:
        await opening
    assert "canary" not in everything_said(raised.value)


async def test_an_answer_is_seen_by_who_asked(bench):
    await SlackChat(bench.account()).tell(place_of(bench), ANSWER)
    (said,) = bench.slack.responses.said
    assert (said.user, said.body) == (USER, ANSWER)


async def test_an_answer_that_comes_too_late_is_for_good(bench):
    place = place_of(bench)
    bench.clock.advance(minutes=31)
    with pytest.raises(Permanent, match="has expired"):
        await SlackChat(bench.account()).tell(place, ANSWER)


@pytest.mark.parametrize(
    "outcome, kind",
    [
        (Status(500), Unsure),
        (Status(429, headers={"Retry-After": "3"}), Busy),
        (Status(302, headers={"Location": "https://elsewhere.example/"}), Permanent),
        (Status(400), Permanent),
        (TakesAndBreaks(), Unsure),
    ],
    ids=["500", "429", "302", "400", "takes-and-breaks"],
)
async def test_an_answer_that_is_not_taken_says_nothing_of_where_it_went(bench, outcome, kind):
    place = place_of(bench)
    bench.slack.script("response_url", outcome)
    with pytest.raises(Failure) as raised:
        await SlackChat(bench.account()).tell(place, ANSWER)
    assert isinstance(raised.value, kind)
    assert "fakesecret" not in everything_said(raised.value)
    assert BOT_TOKEN not in everything_said(raised.value)


async def test_an_answer_is_given_up_in_time(bench):
    place = place_of(bench)
    bench.slack.script("response_url", Hangs())
    telling = asyncio.ensure_future(SlackChat(bench.account()).tell(place, ANSWER))
    await bench.slack.until_called("response_url")
    await bench.clock.until_sleeping()
    bench.clock.advance(seconds=5)
    with pytest.raises(Unsure, match="did not take the answer in time") as raised:
        await telling
    assert "fakesecret" not in everything_said(raised.value)


async def test_an_answer_that_cannot_be_brought_has_not_arrived(bench):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    chat, place = SlackChat(bench.account(api_url=f"{nobody}/api/")), f"{nobody}/response/fakesecret"
    with pytest.raises(Transient, match="cannot be reached") as raised:
        await chat.tell(place, ANSWER)
    assert not isinstance(raised.value, Unsure)
    assert "fakesecret" not in everything_said(raised.value)


async def test_no_redirect_is_followed(bench):
    async with Sink() as elsewhere:
        bench.slack.script("response_url", Status(307, headers={"Location": elsewhere.url}))
        with pytest.raises(Permanent):
            await SlackChat(bench.account()).tell(place_of(bench), ANSWER)
        assert elsewhere.ledger == []


@pytest.mark.parametrize(
    "place",
    [
        "http://hooks.slack.com/commands/1",
        "https://hooks.slack.com.elsewhere.example/commands/1",
        "https://elsewhere.example/hooks.slack.com",
        "https://hooks.slack.com@elsewhere.example/",
        "https://me@hooks.slack.com/",
        "https://hooks.slack.com:8443/",
        "https://slack.com/api/chat.postMessage",
        "//hooks.slack.com/commands/1",
        "file:///hooks.slack.com",
        "https://[hooks.slack.com/",
        "",
    ],
)
async def test_nobody_has_us_call_where_they_want(bench, place):
    account = SlackAccount(token=BOT_TOKEN, sessions=bench.sessions, clock=bench.clock)
    with pytest.raises(Permanent, match=r"^slack: the place to answer at is none of Slack's$"):
        await SlackChat(account).tell(place, ANSWER)


async def test_another_api_has_its_own_place_and_no_other(bench):
    async with Sink() as elsewhere:
        for place in (f"{elsewhere.url}response/1", "https://hooks.slack.com/commands/1"):
            with pytest.raises(Permanent, match="none of Slack's"):
                await SlackChat(bench.account()).tell(place, ANSWER)
        assert elsewhere.ledger == []


async def test_a_chat_holds_no_token_where_it_can_be_seen(bench):
    assert repr(SlackChat(bench.account())) == "SlackChat(SlackAccount(host='127.0.0.1'))"


async def test_where_slack_says_how_long_an_answer_comes_back_then(bench):
    async with Sink() as busy:
        busy.script(throttle("3"))
        with pytest.raises(Busy) as raised:
            await SlackChat(bench.account(api_url=f"{busy.url}api/")).tell(f"{busy.url}response/1", ANSWER)
    assert raised.value.retry_after == timedelta(seconds=3)


async def test_a_whisper_is_seen_by_one_person_in_the_thread_where_they_spoke(bench):
    root = bench.slack.write("@responder ack")
    answer = {"text": "Acknowledged.", "mrkdwn": False, "parse": "none"}
    await SlackChat(bench.account()).whisper(ALERTS, USER, answer, thread=root.ts)
    (said,) = bench.slack.workspace.ephemerals(USER)
    assert (said.text, said.thread_ts, said.channel) == ("Acknowledged.", root.ts, ALERTS)


async def test_a_whisper_where_the_app_is_not_says_what_to_do(bench):
    bench.slack.workspace.change_channel(ALERTS, members=frozenset({USER}))
    with pytest.raises(Permanent, match="invite"):
        await SlackChat(bench.account()).whisper(ALERTS, USER, {"text": "Acknowledged."})
