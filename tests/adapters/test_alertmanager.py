"""The Alertmanager adapter: what it asks, what it makes of answers that are none, and what it never shows."""

from __future__ import annotations

import base64
import json

import pytest

from responder.adapters.alertmanager import Alertmanager
from responder.adapters.sessions import Sessions
from responder.core.errors import Permanent, Transient
from tests.fakes.sink import RESET, RESET_MID_ANSWER, Answer, Sink

CANARY = "secret-word"


@pytest.fixture
async def sink():
    async with Sink() as sink:
        yield sink


@pytest.fixture
async def peer(sink):
    sessions = Sessions(trust_env=False)
    yield Alertmanager(with_user(sink.url), sessions)
    await sessions.close()


def with_user(url: str, path: str = "") -> str:
    return url.replace("http://", f"http://me:{CANARY}@") + path


def status(config: str) -> Answer:
    said = {"uptime": "2026-11-23T12:00:00Z", "config": {"original": config}}
    return Answer(body=json.dumps(said))


def path_of(sink) -> str:
    return str(sink.ledger[-1].path)


async def test_it_asks_for_everything_that_goes_to_our_receivers(sink, peer):
    sink.always(Answer(body="[]"))

    assert await peer.alerts(["responder", "on call"]) == []

    assert path_of(sink) == (
        "/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true&receiver=on%5C+call%7Cresponder"
    )


async def test_without_receivers_it_asks_for_everything(sink, peer):
    sink.always(Answer(body="[]"))
    await peer.alerts()
    assert "receiver" not in path_of(sink)


async def test_its_user_and_password_are_sent_and_its_name_is_host_and_port(sink, peer):
    sink.always(Answer(body="[]"))
    await peer.alerts()

    given = sink.ledger[-1].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(given).decode() == f"me:{CANARY}"
    assert peer.name == sink.url.removeprefix("http://").rstrip("/")
    assert CANARY not in repr(peer)


async def test_a_token_is_sent_where_the_url_has_no_user(sink):
    sink.always(Answer(body="[]"))
    sessions = Sessions(trust_env=False)
    await Alertmanager(sink.url + "am/", sessions, token=CANARY).alerts()
    await Alertmanager(with_user(sink.url), sessions, token=CANARY).alerts()
    await sessions.close()

    assert [one.headers["Authorization"].split()[0] for one in sink.ledger] == ["Bearer", "Basic"]
    assert sink.ledger[0].path.startswith("/am/api/v2/alerts?")


async def test_its_configuration_is_read_and_resolve_timeout_with_it(sink, peer):
    sink.always(status("global:\n  resolve_timeout: 7m\nroute:\n  receiver: responder\n"))
    found = await peer.status()
    assert found.config == {"global": {"resolve_timeout": "7m"}, "route": {"receiver": "responder"}}
    assert found.up_since.isoformat() == "2026-11-23T12:00:00+00:00"


@pytest.mark.parametrize(
    "answer, kind, said",
    [
        pytest.param(Answer(status=500, body=CANARY), Transient, "answered 500", id="500"),
        pytest.param(Answer(status=503), Transient, "answered 503", id="503"),
        pytest.param(Answer(status=429), Transient, "answered 429", id="too many requests"),
        pytest.param(Answer(status=401), Permanent, "refuses our credentials", id="401"),
        pytest.param(Answer(status=404), Permanent, "no API under this URL", id="404"),
        pytest.param(Answer(status=400, body=CANARY), Permanent, "refuses the request", id="400"),
        pytest.param(
            Answer(status=302, headers={"Location": f"http://{CANARY}/"}),
            Permanent,
            "redirects are not followed",
            id="a redirect",
        ),
        pytest.param(Answer(body="<html>"), Permanent, "makes no sense: not JSON", id="no JSON"),
        pytest.param(Answer(body="{}"), Permanent, "no list of alerts", id="no list"),
        pytest.param(Answer(body='[{"labels": {"a": "b"}}]'), Permanent, "alert 0", id="half an alert"),
        pytest.param(RESET, Transient, "the connection broke", id="cut off before an answer"),
        pytest.param(RESET_MID_ANSWER, Transient, "the connection broke", id="cut off within the answer"),
    ],
)
async def test_what_is_no_answer_is_a_failure_that_names_it_and_shows_no_secret(
    sink, peer, answer, kind, said
):
    sink.always(answer)
    with pytest.raises(kind) as caught:
        await peer.alerts(["responder"])
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"alertmanager {peer.name}: ")
    assert CANARY not in str(caught.value)


async def test_nobody_at_its_address_passes_by_itself(sink):
    sessions = Sessions(trust_env=False)
    with pytest.raises(Transient, match="cannot be reached") as caught:
        await Alertmanager(f"http://me:{CANARY}@127.0.0.1:1", sessions).alerts()
    await sessions.close()
    assert CANARY not in str(caught.value)


async def test_an_answer_without_end_is_given_up(sink):
    sink.always(Answer(body="[" + " " * 100 + "]"))
    sessions = Sessions(trust_env=False)
    with pytest.raises(Permanent, match="larger than 10 bytes"):
        await Alertmanager(sink.url, sessions, most=10).alerts()
    await sessions.close()


@pytest.mark.parametrize("config", ["a: [", "- a", "{a: 1, a: 2}"], ids=["broken", "a list", "a key twice"])
async def test_a_configuration_that_cannot_be_read_is_no_answer(sink, peer, config):
    sink.always(status(config))
    with pytest.raises(Permanent, match="its configuration cannot be read"):
        await peer.status()
