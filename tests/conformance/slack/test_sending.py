"""Requests to us: commands, presses, forms, events; signed, forged and sent again; and our answers by response URL."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.conformance.slack.samples import (
    ACTIONS,
    FORM,
    LEFT,
    payload,
    refusal,
)
from tests.fakes.sink import Answer
from tests.fakes.slack import (
    ALERTS,
    BOT_USER,
    TEAM,
    USER,
    Fails,
    Forged,
    Malformed,
    Status,
    Throttles,
)


def _answer(body: str) -> Answer:
    return Answer(body=body, headers={"Content-Type": "application/json"})


async def test_a_command_is_sent_as_documented_and_signed(fake, ours, verified):
    sent = await fake.slash(ours.url, "/ack", "I42 for 30m & more")

    (received,) = ours.ledger
    fields = {key: one[0] for key, one in parse_qs(received.body.decode()).items()}
    assert sent.status == 200
    assert verified(received)
    assert (fields["command"], fields["text"]) == ("/ack", "I42 for 30m & more")
    assert (fields["team_id"], fields["user_id"], fields["channel_id"]) == (TEAM, USER, ALERTS)
    assert fields["response_url"] == sent.response_url
    assert fields["trigger_id"] == sent.trigger_id


@pytest.mark.parametrize("forged", Forged)
async def test_a_forged_request_is_not_verified(fake, ours, verified, forged):
    await fake.slash(ours.url, "/ack", "I42", forged=forged)
    await fake.mention(ours.url, "ack I42", forged=forged)
    assert [verified(one) for one in ours.ledger] == [False, False]


async def test_a_request_is_sent_again_as_it_was(fake, ours, clock, verified):
    await fake.slash(ours.url, "/ack", "I42")
    clock.advance(minutes=4)
    await fake.send_again()
    clock.advance(minutes=2)
    first, second = ours.ledger

    assert first.body == second.body
    assert first.headers["X-Slack-Signature"] == second.headers["X-Slack-Signature"]
    assert not verified(second)  # six minutes after it was signed


async def test_a_press_says_what_was_pressed_also_on_a_message_edited_since(fake, slack, ours, verified):
    posted = await slack.chat_postMessage(channel=ALERTS, text="fire", blocks=[ACTIONS])
    (seen,) = fake.roots(ALERTS)
    await slack.chat_update(channel=ALERTS, ts=posted["ts"], text="out")

    await fake.press(ours.url, seen, "responder.ack")

    (received,) = ours.ledger
    pressed = payload(received)
    (action,) = pressed["actions"]
    assert verified(received)
    assert (action["action_id"], action["value"], action["block_id"]) == ("responder.ack", "I42:17", "do")
    assert pressed["container"]["message_ts"] == pressed["message"]["ts"] == posted["ts"]
    assert (pressed["user"]["id"], pressed["channel"]["id"]) == (USER, ALERTS)
    with pytest.raises(KeyError):
        await fake.press(ours.url, fake.roots(ALERTS)[0], "responder.ack")


async def test_a_form_opens_once_and_within_three_seconds(fake, slack, ours, clock):
    first = await fake.slash(ours.url, "/incident", "resolve I42")
    clock.advance(seconds=3)
    await slack.views_open(trigger_id=first.trigger_id, view=FORM)
    assert await refusal(slack.views_open(trigger_id=first.trigger_id, view=FORM)) == "exchanged_trigger_id"

    late = await fake.slash(ours.url, "/incident", "resolve I42")
    clock.advance(seconds=3, milliseconds=1)
    assert await refusal(slack.views_open(trigger_id=late.trigger_id, view=FORM)) == "expired_trigger_id"


async def test_a_form_is_sent_off_and_stays_while_there_are_errors(fake, slack, ours):
    asked = await fake.slash(ours.url, "/incident", "resolve I42")
    await slack.views_open(trigger_id=asked.trigger_id, view=FORM)
    ours.always(_answer('{"response_action": "errors", "errors": {"reason": "too short"}}'))
    await fake.submit(ours.url, fake.view(), {"reason": "x"})
    assert fake.view().content["callback_id"] == "responder.resolve"

    ours.always(_answer(""))
    await fake.submit(ours.url, fake.view(), {"reason": "disk was full"})

    filled = payload(ours.ledger[-1])["view"]
    assert filled["state"]["values"] == {
        "reason": {"reason": {"type": "plain_text_input", "value": "disk was full"}}
    }
    assert json.loads(filled["private_metadata"]) == {"incident": "I42"}
    assert fake.workspace.views[USER] == []


async def test_a_mention_comes_as_an_event_and_says_when_it_is_a_retry(fake, ours, verified):
    await fake.mention(ours.url, "ack I42", retry=1)

    (received,) = ours.ledger
    event = received.json()
    assert verified(received)
    assert (event["type"], event["event"]["type"]) == ("event_callback", "app_mention")
    assert event["event"]["text"] == f"<@{BOT_USER}> ack I42"
    assert received.headers["X-Slack-Retry-Num"] == "1"


async def test_the_events_address_is_challenged(fake, ours, verified):
    await fake.challenge(ours.url)
    assert ours.ledger[0].json()["type"] == "url_verification"
    assert verified(ours.ledger[0])


async def test_our_own_edit_comes_back_as_an_event(fake, slack, ours):
    fake.sends_events, fake.events_url = True, ours.url
    posted = await slack.chat_postMessage(channel=ALERTS, text="one")
    await ours.until_received(1)
    await slack.chat_update(channel=ALERTS, ts=posted["ts"], text="two")
    plain_event, edited = [one.json()["event"] for one in await ours.until_received(2)]

    assert (plain_event["type"], plain_event["text"]) == ("message", "one")
    assert edited["subtype"] == "message_changed"
    assert (edited["message"]["text"], edited["previous_message"]["text"]) == ("two", "one")


async def test_a_response_url_works_five_times_in_thirty_minutes(fake, ours, clock):
    sent = await fake.slash(ours.url, "/ack", "I42")
    hook = AsyncWebhookClient(sent.response_url)
    clock.advance(minutes=30)
    answers = [await hook.send(text=f"{number}") for number in range(6)]

    assert [one.status_code for one in answers] == [200] * 5 + [404]
    assert answers[-1].body == "used_url"
    assert [one.text for one in fake.workspace.ephemerals(USER)] == ["0", "1", "2", "3", "4"]

    late = await fake.slash(ours.url, "/ack", "I42")
    clock.advance(minutes=30, seconds=1)
    assert (await AsyncWebhookClient(late.response_url).send(text="x")).body == "expired_url"


async def test_a_response_can_be_for_all_or_in_the_messages_place(fake, slack, ours):
    await slack.chat_postMessage(channel=ALERTS, text="fire", blocks=[ACTIONS])
    pressed = await fake.press(ours.url, fake.roots(ALERTS)[0], "responder.ack")
    hook = AsyncWebhookClient(pressed.response_url)
    await hook.send(text="for all", response_type="in_channel")
    await hook.send(text="instead", replace_original=True)
    assert [one.text for one in fake.roots(ALERTS)] == ["instead", "for all"]


async def test_a_channel_without_us_is_not_heard(fake, ours):
    fake.sends_events, fake.events_url = True, ours.url
    fake.write("not for us", channel=LEFT)
    fake.write("for us")
    (heard,) = await ours.until_received(1)
    assert heard.json()["event"]["text"] == "for us"


async def test_an_event_that_cannot_be_handed_over_is_noted(fake):
    fake.sends_events, fake.events_url = True, "http://127.0.0.1:1/"
    fake.write("nobody listens")
    await fake.until(lambda: fake.events_lost)
    assert fake.roots(ALERTS)[0].text == "nobody listens"


@pytest.mark.parametrize(
    "outcome, status, is_said",
    [
        pytest.param(Fails("used_url"), 404, False, id="fails"),
        pytest.param(Status(500), 500, False, id="a status"),
        pytest.param(Throttles(1), 429, False, id="throttles"),
        pytest.param(Malformed(is_taken=True), 200, True, id="malformed"),
    ],
)
async def test_an_answer_by_response_url_ends_as_it_is_scripted(fake, ours, outcome, status, is_said):
    sent = await fake.slash(ours.url, "/ack", "I42")
    fake.script("response_url", outcome)
    hook = AsyncWebhookClient(sent.response_url)
    assert (await hook.send(text="one")).status_code == status
    assert bool(fake.responses.said) is is_said
    assert (await hook.send(text="two")).status_code == 200
    assert [call.args["text"] for call in fake.calls("response_url")] == ["one", "two"]
    assert sent.response_url not in repr(fake.ledger)
