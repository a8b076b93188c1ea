"""A workspace, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from tests.conformance.slack.samples import (
    ARCHIVED,
    GONE,
    LEFT,
    PRIVATE,
    QUIET,
)
from tests.fakes.clock import FakeClock
from tests.fakes.sink import Sink
from tests.fakes.slack import (
    BOT_TOKEN,
    USER,
    FakeSlack,
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def fake(clock) -> AsyncIterator[FakeSlack]:
    async with FakeSlack(clock) as fake:
        fake.workspace.add_channel("secret", id=PRIVATE, is_private=True, members=[USER])
        fake.workspace.add_channel("left", id=LEFT, members=[USER])
        fake.workspace.add_channel("old", id=ARCHIVED, is_archived=True)
        fake.workspace.add_user(GONE, is_deleted=True)
        fake.workspace.add_user(QUIET)
        yield fake


@pytest.fixture
def slack(fake) -> AsyncWebClient:
    return AsyncWebClient(BOT_TOKEN, base_url=f"{fake.url}/api/")


class SlackClock:
    """The verifier's, from ours."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()


@pytest.fixture
async def ours() -> AsyncIterator[Sink]:
    async with Sink() as sink:
        yield sink


@pytest.fixture
def verified(fake, clock) -> Callable[[Any], bool]:
    verifier = SignatureVerifier(fake.signing_secret, SlackClock(clock))  # type: ignore[arg-type]

    def judge(received: Any) -> bool:
        try:
            return verifier.is_valid_request(received.body, dict(received.headers))
        except ValueError:  # the timestamp is no number
            return False

    return judge
