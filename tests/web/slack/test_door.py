"""Only what Slack has signed, just now and for our workspace, is read; who is refused is told why, and counted."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier
from structlog.testing import capture_logs

from responder.adapters.storage.sqlite import open_sqlite
from responder.ports.store import Standing, Store
from responder.web.auth import Doors
from responder.web.server import listen, public_app
from responder.web.slack.desk import Desk
from responder.web.slack.door import SlackDoor, signature_of
from responder.web.slack.http import BODY_MOST
from tests.fakes.clock import FakeClock
from tests.fakes.slack import ALERTS, TEAM, Forged
from tests.fakes.slack.outgoing import FORM, JSON, signed
from tests.web.face import Said
from tests.web.slack.office import FIRST, Office, door_of, office, read

PATHS = ("/slack/commands", "/slack/interactions", "/slack/events")
REFUSED = {
    Forged.SECRET: "the signature is by no secret of ours; RESPONDER_SLACK_SIGNING_SECRET must be",
    Forged.STALE: "its clock is 600 s behind ours, or this is an old request sent again",
    Forged.EARLY: "its clock is 600 s ahead of ours",
    Forged.NO_SIGNATURE: "X-Slack-Signature is missing",
    Forged.NO_TIMESTAMP: "X-Slack-Request-Timestamp is missing",
    Forged.NO_TIME: "X-Slack-Signature or X-Slack-Request-Timestamp is not as Slack writes it",
    Forged.BODY: "the signature is by no secret of ours",
    Forged.VERSION: "X-Slack-Signature or X-Slack-Request-Timestamp is not as Slack writes it",
}


async def post(
    office: Office, path: str, body: bytes, *, headers: Mapping[str, str] | None = None, kind: str = FORM
) -> Said:
    """A request that is signed well, with other headers on top; a value of "" takes the header away."""
    request = signed(office.url + path, body, kind, office.slack.signing_secret, office.world.clock.now())
    sent = {name: value for name, value in {**request.headers, **(headers or {})}.items() if value}
    async with (
        aiohttp.ClientSession() as session,
        session.post(request.url, data=io.BytesIO(request.body), headers=sent) as answer,
    ):
        return Said(answer.status, answer.headers, await answer.read())


def test_every_way_of_forging_is_refused_in_its_words():
    assert set(REFUSED) == set(Forged)


@pytest.mark.parametrize("forged", Forged)
@pytest.mark.parametrize("way", ["command", "press", "event"])
async def test_a_forged_request_is_refused_and_does_nothing(desk: Office, forged: Forged, way: str) -> None:
    match way:
        case "command":
            answer = await desk.type("/ack", "I1", forged=forged)
        case "press":
            answer = await desk.press("ack", forged=forged)
        case _:
            answer = await desk.slack.mention(f"{desk.url}/slack/events", "ack I1", forged=forged)
    problem = answer.json()
    assert (answer.status, problem["type"]) == (401, "urn:responder:problem:unauthenticated")
    assert problem["detail"].startswith(REFUSED[forged])
    assert (await desk.world.story()).standing is Standing.OPEN


@pytest.mark.parametrize("ahead", [-301, -300, 0, 300, 301], ids=lambda seconds: f"{seconds} s ahead")
async def test_five_minutes_either_way_are_let_in(desk: Office, ahead: int) -> None:
    timestamp = str(int(desk.world.clock.now().timestamp()) + ahead)
    body = urlencode({"command": "/x"}).encode()
    sign = signature_of(desk.slack.signing_secret.encode(), timestamp, body)
    headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": sign}
    answer = await post(desk, "/slack/commands", body, headers=headers)
    assert answer.status == (400 if abs(ahead) <= 300 else 401)


ODD: dict[str, Mapping[str, str]] = {
    "a signature of another length": {"X-Slack-Signature": "v0=00"},
    "capitals": {"X-Slack-Signature": "v0=" + "A" * 64},
    "a signature that is no ASCII": {"X-Slack-Signature": "v0=" + "\u0663" * 64},
    "a fraction of a second": {"X-Slack-Request-Timestamp": "1795435200.0"},
    "a negative time": {"X-Slack-Request-Timestamp": "-1"},
    "a time beyond all years": {"X-Slack-Request-Timestamp": "9" * 30},
    "digits of another script": {"X-Slack-Request-Timestamp": "\u0661\u0662"},
}


@pytest.mark.parametrize("headers", ODD.values(), ids=ODD)
async def test_odd_headers_are_refused(desk: Office, headers: Mapping[str, str]) -> None:
    answer = await post(desk, "/slack/commands", b"command=/ack", headers=headers)
    assert (answer.status, answer.problem) == (401, "unauthenticated")


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
async def test_a_header_that_is_there_twice_is_refused(desk: Office, name: str) -> None:
    url = f"{desk.url}/slack/commands"
    request = signed(url, b"command=/ack", FORM, desk.slack.signing_secret, desk.world.clock.now())
    headers = [*request.headers.items(), (name, request.headers[name])]
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=request.body, headers=headers) as answer,
    ):
        assert answer.status == 401
        assert (await answer.json(content_type=None))["detail"] == f"{name} is there twice"


async def test_any_of_several_secrets_lets_in(store: Store) -> None:
    async with office(store, secrets=("the next one", "fake-signing-secret")) as found:
        assert (await found.type("/incident", "list")).status == 200
        found.slack.signing_secret = "the next one"
        assert (await found.type("/incident", "list")).status == 200
        found.slack.signing_secret = "the one before"
        assert (await found.type("/incident", "list")).status == 401


@pytest.mark.parametrize("secrets", [(), ("",), ("good", " ")], ids=["none", "empty", "one of them blank"])
def test_a_door_without_a_secret_cannot_be_made(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="RESPONDER_SLACK_SIGNING_SECRET is empty"):
        SlackDoor(secrets, TEAM, FakeClock())


@given(secret=st.text(min_size=1).filter(str.strip), body=st.text())
def test_a_signature_is_the_one_that_slacks_own_client_makes(secret: str, body: str) -> None:
    with_surrogates = any("\ud800" <= each <= "\udfff" for each in secret + body)
    if not with_surrogates:
        theirs = SignatureVerifier(secret).generate_signature(timestamp="1795435200", body=body)
        assert signature_of(secret.encode(), "1795435200", body.encode()) == theirs


async def test_what_is_compressed_is_not_unpacked_for_anybody(desk: Office) -> None:
    answer = await post(desk, "/slack/commands", b"x", headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.problem) == (415, "encoding")


async def test_a_body_over_a_mebibyte_is_refused(desk: Office) -> None:
    assert (await post(desk, "/slack/commands", b"a" * BODY_MOST)).status == 400
    answer = await post(desk, "/slack/commands", b"a" * (BODY_MOST + 1))
    assert (answer.status, answer.problem) == (413, "too-large")


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_signing_secret_slack_is_told_what_to_set(store: Store, path: str) -> None:
    async with office(store, secrets=()) as found:
        answer = await post(found, path, b"{}")
        assert (answer.status, answer.problem) == (404, "unknown")
        assert "RESPONDER_SLACK_SIGNING_SECRET is not set" in answer.json()["detail"]


async def test_people_of_another_workspace_are_refused(desk: Office) -> None:
    desk.slack.workspace.team = "T0OTHER001"
    answers = [
        await desk.type("/ack", "I1"),
        await desk.press("ack"),
        await desk.slack.mention(f"{desk.url}/slack/events", "ack I1"),
    ]
    assert [answer.status for answer in answers] == [401] * 3
    assert "another workspace" in answers[0].json()["detail"]
    assert (await desk.world.story()).standing is Standing.OPEN


async def test_where_no_workspace_is_named_any_may_speak(desk: Office) -> None:
    desk.slack.workspace.team = "T0OTHER001"
    anybodys = Desk(desk.world.service)
    doors = Doors(slack=door_of(desk.world.service, desk.slack))
    listener = await listen(public_app(desk.world.service, doors, anybodys), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.port}/slack/commands"
    assert (await desk.slack.slash(url, "/ack", "I1")).status == 200
    await listener.close()


async def test_the_events_address_says_that_it_is_ours(desk: Office) -> None:
    answer = await desk.slack.challenge(f"{desk.url}/slack/events")
    assert (answer.status, answer.json()) == (200, {"challenge": "fake-challenge-3eZbrw1a"})


# Telling


async def test_a_secret_that_was_rotated_raises_an_alarm_that_the_next_good_request_ends(
    desk: Office,
) -> None:
    desk.slack.signing_secret = "rotated"
    with capture_logs() as logs:
        for _ in range(10):
            await desk.type("/incident", "list")
    await desk.world.settle()
    [_, alarm] = await desk.world.incidents()
    assert "slack" in alarm
    assert [line["detail"] for line in logs if line["event"] == "alarm"] == [
        "slack was refused 10 times within 5 minutes, last with 401; what it delivers is lost: see its credentials "
        "(RESPONDER_SLACK_SIGNING_SECRET) and what it sends"
    ]
    desk.slack.signing_secret = "fake-signing-secret"
    await desk.type("/incident", "list")
    await desk.world.settle()
    assert (await desk.world.story("I2")).standing is Standing.RESOLVED


async def test_visitors_without_a_signature_wake_nobody(desk: Office) -> None:
    for _ in range(10):
        await desk.type("/incident", "list", forged=Forged.NO_SIGNATURE)
    await desk.world.settle()
    assert await desk.world.incidents() == ["Disk"]


async def test_nobody_is_woken_by_who_signs_wrongly_while_slack_is_let_in(desk: Office) -> None:
    await desk.type("/incident", "list")
    for _ in range(30):
        await desk.type("/incident", "list", forged=Forged.SECRET)
    await desk.world.settle()
    assert await desk.world.incidents() == ["Disk"]
    await desk.world.advance(minutes=16)
    for _ in range(10):
        await desk.type("/incident", "list", forged=Forged.SECRET)
    await desk.world.settle()
    assert await desk.world.incidents() == ["Disk", "responder: rejected slack"]


async def test_people_of_another_workspace_make_no_alarm(desk: Office) -> None:
    desk.slack.workspace.team = "T0OTHER001"
    for _ in range(10):
        await desk.type("/ack", "I1")
    await desk.world.settle()
    assert await desk.world.incidents() == ["Disk"]


async def test_while_stopping_nothing_is_taken_in(desk: Office) -> None:
    desk.world.service.is_stopping = True
    answer = await desk.type("/ack", "I1")
    assert (answer.status, answer.json()["type"]) == (503, "urn:responder:problem:stopping")
    assert (await desk.world.story()).standing is Standing.OPEN


# Replays


async def test_a_request_that_is_sent_again_is_one_act(desk: Office) -> None:
    await desk.type("/incident", "note I1 looking")
    again = await desk.slack.send_again()
    assert "the same command again" in read(again.json())
    assert (await desk.whys()).count("incident.note") == 1


async def test_a_press_that_is_sent_again_after_a_restart_is_one_act(desk: Office, store: Store) -> None:
    await desk.press("escalate")
    request = desk.slack.last_request
    assert request is not None
    async with office(store, slack=desk.slack, clock=desk.world.clock) as after:
        async with aiohttp.ClientSession() as session:
            url = f"{after.url}/slack/interactions"
            async with session.post(url, data=request.body, headers=request.headers) as answer:
                assert answer.status == 200
        assert "you had asked for that step already" in await after.told()
    assert (await desk.whys()).count("escalation.escalated") == 1


async def test_an_old_request_is_no_act_at_all(desk: Office) -> None:
    await desk.type("/incident", "unack I1")
    await desk.world.advance(minutes=6)
    assert (await desk.slack.send_again()).status == 401


# Nothing breaks it


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
JUNK = JSONS | st.sampled_from((TEAM, FIRST, ALERTS, "I1", "I1:1", "responder.ack", {"id": "U1"}))


def mostly(payload: Any) -> st.SearchStrategy[Any]:
    """`payload`, with something else in some of its places."""
    good: st.SearchStrategy[Any]
    match payload:
        case dict():
            good = st.fixed_dictionaries({name: mostly(value) for name, value in payload.items()})
        case list():
            good = st.tuples(*map(mostly, payload)).map(list)
        case _:
            good = st.just(payload)
    return st.integers(0, 19).flatmap(lambda dice: good if dice else JUNK)


ASIDE = {"user": {"id": FIRST, "name": "first", "team_id": TEAM}, "team": {"id": TEAM}, "trigger_id": "1.2.x"}
PRESS = ASIDE | {
    "type": "block_actions",
    "container": {"message_ts": "17.1", "channel_id": ALERTS, "thread_ts": "17.0"},
    "channel": {"id": ALERTS},
    "response_url": "https://hooks.slack.com/x",
    "actions": [{"type": "button", "action_id": "responder.ack", "value": "I1:1", "action_ts": "17.2"}],
}
FILLED = ASIDE | {
    "type": "view_submission",
    "view": {
        "id": "V1",
        "callback_id": "responder.resolve",
        "private_metadata": '{"incident": "I1", "revision": 1, "response_url": ""}',
        "state": {"values": {"reason": {"reason": {"value": "done"}}}},
    },
}
MENTION = {
    "type": "event_callback",
    "team_id": TEAM,
    "event_id": "Ev1",
    "event": {
        "type": "app_mention",
        "user": FIRST,
        "channel": ALERTS,
        "text": "<@U0BOT> ack I1",
        "ts": "17.3",
    },
}
SLASH = {"command": "/ack", "text": "I1", "team_id": TEAM, "user_id": FIRST, "channel_id": ALERTS}
BODIES = st.one_of(
    st.binary(max_size=300),
    JSONS.map(lambda found: json.dumps(found).encode()),
    mostly(MENTION).map(lambda found: json.dumps(found).encode()),
    mostly(PRESS).map(lambda found: urlencode({"payload": json.dumps(found)}).encode()),
    mostly(FILLED).map(lambda found: urlencode({"payload": json.dumps(found)}).encode()),
    st.fixed_dictionaries(
        {
            name: st.just(value) | st.text(st.characters(exclude_categories=["Cs"]))
            for name, value in SLASH.items()
        }
    ).map(lambda found: urlencode({"trigger_id": "1.2", "response_url": "x"} | found).encode()),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), body=BODIES)
def test_no_body_at_all_breaks_it(running: tuple[asyncio.Runner, Office], path: str, body: bytes) -> None:
    runner, found = running
    answer = runner.run(post(found, path, body, kind=JSON))
    assert answer.status in (200, 400, 401), answer.body


@pytest.fixture
def running(tmp_path):
    """An office in a loop of its own, which hypothesis can come back to."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def open_() -> Office:
            store = await open_sqlite(tmp_path / "responder.db", pragmas={"synchronous": "OFF"})
            stack.push_async_callback(store.close)
            found = await stack.enter_async_context(office(store))
            await found.world.fire("Disk")
            return found

        found = runner.run(open_())
        yield runner, found
        runner.run(stack.aclose())


# A listener of its own


async def test_the_public_listener_has_slacks_ways_and_nothing_else(desk: Office) -> None:
    service = desk.world.service
    app = public_app(service, Doors(slack=door_of(service, desk.slack)), desk.desk)
    listener = await listen(app, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{listener.port}"
    try:
        assert (await desk.slack.slash(f"{base}/slack/commands", "/ack", "I1")).status == 200
        async with aiohttp.ClientSession() as session:
            found = {}
            for path in ("/healthz", "/readyz", "/metrics", "/", "/api/v1/incidents", "/api/openapi.json"):
                async with session.get(base + path) as answer:
                    found[path] = answer.status
            async with session.post(f"{base}/webhooks/alertmanager", data=b"{}") as answer:
                found["/webhooks/alertmanager"] = answer.status
    finally:
        await listener.close()
    assert found.pop("/healthz") == 200
    assert set(found.values()) == {404}
