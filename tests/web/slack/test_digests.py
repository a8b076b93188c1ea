"""A storm's digest in Slack: one message, one button, one command, and who it is not for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from responder.ports.store import Standing, Store, SummaryQuery
from tests.fakes.slack import Message
from tests.web.slack.office import FIRST, SECOND, STRANGER, Office, book, office, read


@pytest.fixture
async def stormy(store: Store) -> AsyncIterator[Office]:
    """Six incidents at once, which `first` has been told of in one message."""
    async with office(store, policies=book(storm={"incidents": 4})) as found:
        await found.world.post(*(found.world.alert(name) for name in "ABCDEF"))
        await found.world.settle()
        await found.world.advance(seconds=40)
        yield found


def digest(desk: Office) -> Message:
    (found,) = [message for message in desk.slack.dm(FIRST) if "6 incidents" in message.text]
    return found


async def acknowledged(desk: Office) -> int:
    query = SummaryQuery(standings=frozenset({Standing.ACKNOWLEDGED}))
    found, _ = await desk.world.service.views.incidents(query)
    return len(found)


async def test_it_lists_what_it_carries_and_has_one_button(stormy: Office) -> None:
    message = digest(stormy)
    text = read({"blocks": list(message.blocks)})
    assert "You are paged about several incidents at once" in text
    assert "I1 L2 A — a step of the ladder came due" in text
    assert "/ack D8" in text
    elements = [each for block in message.blocks if block["type"] == "actions" for each in block["elements"]]
    assert [(each["text"]["text"], each["value"]) for each in elements] == [("Acknowledge all", "D8:0")]


async def test_its_button_acknowledges_all(stormy: Office) -> None:
    await stormy.press("ack", digest(stormy))
    assert "D8: 6 incidents acknowledged" in await stormy.told()
    assert await acknowledged(stormy) == 6


async def test_the_message_then_says_who_has_it_and_asks_for_nothing_any_more(stormy: Office) -> None:
    await stormy.typed("/ack", "D8", user=SECOND)
    await stormy.world.settle()
    (message,) = [message for message in stormy.slack.dm(FIRST) if "6 incidents" in message.text]
    assert "D8 6 incidents — Second has it" in message.text
    assert not any(block["type"] == "actions" for block in message.blocks)


async def test_pressing_again_does_nothing(stormy: Office) -> None:
    seen = digest(stormy)
    await stormy.press("ack", seen)
    await stormy.press("ack", seen, user=SECOND)
    assert await acknowledged(stormy) == 6
    assert "D8: " in await stormy.told()
    assert (await stormy.world.story()).escalation.last_holder == "first"


@pytest.mark.parametrize(
    "command, text", [("/ack", "D8"), ("/ack", "d8 for 30m"), ("/incident", "ack D8 30m")]
)
async def test_it_can_be_typed(stormy: Office, command: str, text: str) -> None:
    assert "D8: 6 incidents acknowledged" in await stormy.typed(command, text)
    assert await acknowledged(stormy) == 6


async def test_in_korean(stormy: Office) -> None:
    assert await stormy.typed("/ack", "D8", user=SECOND) == (
        "✅ D8: 인시던트 6건 확인; 묶음의 나머지 0건은 이미 확인·종료되었거나 등급이 오름"
    )


@pytest.mark.parametrize(
    "text, told",
    [
        ("ack D99", "There is no digest D99"),
        ("resolve D8", "A digest can only be acknowledged"),
        ("level D8 3 worse", "A digest can only be acknowledged"),
        ("show D99", "There is no digest D99"),
        ("who D8", "D8"),
    ],
)
async def test_nothing_else_can_be_done_with_it(stormy: Office, text: str, told: str) -> None:
    assert told in await stormy.typed("/incident", text)
    assert await acknowledged(stormy) == 0


async def test_it_is_shown_with_all_its_members_as_they_stand_now(stormy: Office) -> None:
    await stormy.typed("/ack", "I2", user=SECOND)
    await stormy.typed("/incident", "resolve I3 gone")
    told = await stormy.typed("/incident", "show d8")
    assert "D8 6 incidents" in told
    assert "For First, asked for at 12:00 UTC" in told
    assert "I1 L2 A — nobody has it" in told
    assert "I2 L2 B — Second has it" in told
    assert "I3 L2 C — it is resolved" in told
    assert "handed over to slack for First (attempt 1)" in told
    assert "Acknowledge all" in told


async def test_a_stranger_is_shown_nothing_of_it(stormy: Office) -> None:
    assert "I1" not in await stormy.typed("/incident", "show D8", user=STRANGER)


async def test_a_stranger_may_not(stormy: Office) -> None:
    await stormy.typed("/ack", "D8", user=STRANGER)
    assert await acknowledged(stormy) == 0
