"""The beacon against a receiver on loopback: what it is sent, and what its answers mean."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from responder.adapters.beacon import HttpBeacon
from responder.adapters.sessions import Sessions
from responder.core.errors import Failure, Permanent, Transient
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.sink import FAIL, RESET, Answer, Sink, refuse, throttle

LATER = NOON + timedelta(seconds=10)
KEY = "canary-key-of-the-check"


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with Sink() as running:
        yield running


@pytest.fixture
async def sessions() -> AsyncIterator[Sessions]:
    sessions = Sessions(trust_env=False)
    yield sessions
    await sessions.close()


def beacon(sink: Sink, sessions: Sessions, method: str = "GET") -> HttpBeacon:
    return HttpBeacon(f"{sink.url}ping/{KEY}?status=up", method, sessions, FakeClock())


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_it_calls_the_url_as_it_is(sink, sessions, method):
    await beacon(sink, sessions, method).beat(LATER)
    (received,) = sink.ledger
    assert (received.method, received.path, received.body) == (method, f"/ping/{KEY}?status=up", b"")
    assert received.headers["User-Agent"] == "responder"


@pytest.mark.parametrize(
    "answer, failure",
    [
        pytest.param(FAIL, Transient, id="it fails"),
        pytest.param(throttle("60"), Transient, id="it wants fewer"),
        pytest.param(Answer(body="OK (rate limited)"), Transient, id="it wants fewer, and says 200"),
        pytest.param(Answer(body="OK (not found)"), Permanent, id="it knows no such beat, and says 200"),
        pytest.param(refuse(404), Permanent, id="it knows no such beat"),
        pytest.param(refuse(405), Permanent, id="it takes no such method"),
        pytest.param(
            Answer(status=302, headers={"Location": "/elsewhere"}), Permanent, id="it sends us elsewhere"
        ),
        pytest.param(RESET, Transient, id="it hangs up"),
    ],
)
async def test_an_answer_that_is_no_yes_is_a_failure_and_tells_no_secret(sink, sessions, answer, failure):
    sink.always(answer)
    with pytest.raises(Failure) as caught:
        await beacon(sink, sessions).beat(LATER)
    assert isinstance(caught.value, failure)
    assert "127.0.0.1" in str(caught.value)
    _tells_nothing(caught.value)
    assert {received.path.partition("?")[0] for received in sink.ledger} == {f"/ping/{KEY}"}


async def test_nobody_there_is_a_failure_for_now_and_tells_no_secret(sessions):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    lost = HttpBeacon(f"http://127.0.0.1:{port}/{KEY}", "GET", sessions, FakeClock())
    with pytest.raises(Transient) as caught:
        await lost.beat(LATER)
    _tells_nothing(caught.value)


async def test_a_url_that_cannot_be_called_is_a_failure_and_tells_no_secret(sessions):
    wrong = HttpBeacon(f"http://127.0.0.1:port/{KEY}", "GET", sessions, FakeClock())
    with pytest.raises(Transient) as caught:
        await wrong.beat(LATER)
    _tells_nothing(caught.value)


async def test_what_it_prints_is_no_secret(sink, sessions):
    assert repr(beacon(sink, sessions)) == "HttpBeacon(host='127.0.0.1')"


def _tells_nothing(failure: BaseException | None) -> None:
    """Neither it nor what it was raised from, as a traceback would print them."""
    while failure is not None:
        assert KEY not in repr(failure)
        failure = failure.__cause__ or (None if failure.__suppress_context__ else failure.__context__)
