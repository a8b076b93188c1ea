"""Digests: what a person reads of many incidents at once, the worst first, and no more than a person reads."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from responder.core.decision import PageReason
from responder.core.identifiers import IncidentId
from responder.core.level import Level
from responder.core.machines.page import Member, Page
from responder.dialects.slack import blocks
from responder.dialects.wording import FACTS, Listed, Situation, digest_message, listed_of
from responder.dialects.wording.words import LOCALES
from responder.ports.channel import Message, Spelling
from tests import builders
from tests.builders import NOON
from tests.dialects.slack.drawn import buttons, read
from tests.fakes.slack.blockkit import message_faults

SEOUL = ZoneInfo("Asia/Seoul")


def member(number: int, level: Level = Level.MODERATE, reason: PageReason = PageReason.STEP) -> Member:
    return Member(page=f"I{number}-p1", incident=IncidentId(f"I{number}"), level=level, reason=reason)


def digest(*members: Member, **changes: Any) -> Page:
    fields: dict[str, Any] = {"incident": None, "reason": PageReason.DIGEST, "step": None, "members": members}
    return builders.page("D57", **fields | changes)


def said(page: Page, *, is_repeat: bool = False, **changes: Any) -> Message:
    fields: dict[str, Any] = {"now": NOON, "zone": SEOUL, "spelling": Spelling.SLASH}
    base = Situation(**fields | changes)
    listed = [
        Listed(
            member=each,
            situation=Situation(
                now=NOON,
                zone=SEOUL,
                locale=base.locale,
                incident=builders.incident(
                    each.incident, level=each.level, group={"alertname": "Disk", "node": each.incident}
                ),
            ),
        )
        for each in listed_of(page)
    ]
    return digest_message(page, listed, base, is_repeat=is_repeat)


def test_it_says_how_many_which_and_how_to_answer_all() -> None:
    message = said(digest(member(1), member(2)), public_url="https://responder.example/")
    assert (
        message.headline == "[digest L2] D57 2 incidents — paged: a storm, and one acknowledgement is for all"
    )
    assert message.body == (
        "Storm: so many incidents open that pages of levels 1 and 2 come together. Levels 3 and 4 come as ever.",
        "- I1 L2 Disk node=I1 — a step of the ladder came due",
        "- I2 L2 Disk node=I2 — a step of the ladder came due",
        "Acknowledge: /ack D57",
        "Look: https://responder.example/incidents",
    )
    assert (message.purpose, message.incident, message.level, message.state) == ("page", "D57", 2, "open")
    assert set(message.facts) == set(FACTS)


@pytest.mark.parametrize(
    "members, order",
    [
        pytest.param((member(1, Level.MINOR), member(2)), ["I2", "I1"], id="the worst first"),
        pytest.param(
            (member(1, reason=PageReason.RESOLVED), member(2, Level.MINOR)), ["I2", "I1"], id="news last"
        ),
        pytest.param((member(3), member(1), member(2)), ["I3", "I1", "I2"], id="then as they came"),
        pytest.param((member(1, reason=PageReason.RESOLVED), member(1)), ["I1"], id="one line an incident"),
    ],
)
def test_the_order_of_its_members(members: tuple[Member, ...], order: list[str]) -> None:
    assert [each.incident for each in listed_of(digest(*members))] == order


def test_of_two_pages_of_one_incident_the_one_that_asks_is_named() -> None:
    (named,) = listed_of(digest(member(1, reason=PageReason.RESOLVED), member(1, reason=PageReason.REPEAT)))
    assert named.reason is PageReason.REPEAT


def test_who_left_is_neither_named_nor_counted() -> None:
    message = said(digest(member(1), member(2), left=("I1-p1",)))
    assert "D57 1 incident —" in message.headline
    assert not any(line.startswith("- I1 ") for line in message.body)


def test_of_very_many_the_first_are_named_and_the_others_counted() -> None:
    message = said(digest(*(member(number) for number in range(1, 301))))
    assert len([line for line in message.body if line.startswith("- I")]) == 20
    assert "- and 280 more; all of them: /incident show D57" in message.body
    assert "300 incidents" in message.headline


def test_a_repeat_says_so() -> None:
    assert said(digest(member(1)), is_repeat=True).body[0].startswith("This may be a repeat")


def test_news_ask_for_nothing() -> None:
    told = member(1, reason=PageReason.RESOLVED)
    message = said(digest(told, reason=PageReason.DIGEST_TOLD))
    assert (message.purpose, message.facts["acknowledge"]) == ("told", "")
    assert buttons(blocks.direct(message)) == []


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("count", [2, 500])
def test_slack_takes_it(locale: str, count: int) -> None:
    message = said(digest(*(member(number) for number in range(1, count + 1))), locale=locale)
    post = blocks.direct(message)
    assert message_faults(list(post.blocks)) == []
    assert len(buttons(post)) == 1
    assert "D57" in read(post)
