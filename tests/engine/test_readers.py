"""Readers: each person and each channel is written to in their language, their zone, and the commands they type."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from responder.core.identifiers import ChannelName, ContactName
from responder.engine.commands import Acknowledge
from responder.engine.situations import Place, Seen, Situations
from responder.ports.channel import Spelling
from responder.ports.store import Store
from tests.engine import plan
from tests.engine.world import World, make_world

SEOUL, UTC, BERLIN = ZoneInfo("Asia/Seoul"), ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")


@pytest.fixture
async def mixed(store: Store) -> World:
    """The board and `second` read Korean, and so has the policy its names; the pager of `first` types with a slash."""
    document: dict[str, Any] = plan.plan()
    document["channels"]["channels"]["board"] = {"fake": {"locale": "ko"}}
    document["contacts"]["contacts"]["second"] |= {
        "locale": "ko",
        "timezone": "Asia/Seoul",
        "names": {"ko": "둘째"},
    }
    document["levels"]["levels"][3]["names"] = {"ko": "삼급"}
    document["duties"]["duties"]["external_notice"]["names"] = {"ko": "고객 공지"}
    world = await make_world(store, book=plan.book(document))
    world.channels["to-first"].spelling = Spelling.SLASH
    return world


@pytest.mark.parametrize(
    "channel, contact, seen",
    [
        pytest.param("board", None, Seen(zone=BERLIN, locale="ko"), id="a channel with a language"),
        pytest.param("to-third", None, Seen(zone=BERLIN, locale="en"), id="a channel without"),
        pytest.param("board", "second", Seen(zone=SEOUL, locale="ko"), id="a person with a zone"),
        pytest.param(
            "board", "first", Seen(zone=BERLIN, locale="en"), id="a person without, by a channel with"
        ),
        pytest.param(
            "to-first",
            "first",
            Seen(zone=BERLIN, locale="en", spelling=Spelling.SLASH),
            id="a person who types /",
        ),
        pytest.param(
            "to-first",
            None,
            Seen(zone=BERLIN, locale="en", spelling=Spelling.SLASH),
            id="a channel to type / in",
        ),
    ],
)
async def test_who_reads_decides_how_it_is_written(
    mixed: World, channel: str, contact: str | None, seen: Seen
) -> None:
    service = mixed.service
    found = Situations(service.policies, service.directory, Place(zone=BERLIN)).reader_of(
        ChannelName(channel), ContactName(contact) if contact else None
    )
    assert found == seen


async def test_where_nothing_is_said_the_services_own_language_is_written(mixed: World) -> None:
    service = mixed.service
    ours = Situations(service.policies, service.directory, Place(zone=UTC, locale="ko"))
    assert ours.reader_of(ChannelName("to-third"), None).locale == "ko"
    assert ours.reader_of(ChannelName("to-first"), ContactName("first")).locale == "en"


async def test_what_the_policies_name_in_a_language_is_called_so(mixed: World) -> None:
    await mixed.fire("RegionDown", level="3")
    await mixed.advance(minutes=16)
    (page,) = mixed.handed("to-second")
    text = "\n".join((page.message.headline, *page.message.body))
    assert "3 삼급" in text
    assert "고객 공지" in text
    await mixed.ask(Acknowledge(), by="second")
    board = mixed.handed("board")[-1].message
    assert "둘째" in "\n".join((board.headline, *board.body))
    assert "Second" not in "\n".join((board.headline, *board.body))


async def test_a_level_that_the_policies_name_in_no_such_language_is_called_by_our_own_word(
    mixed: World,
) -> None:
    await mixed.fire("RegionDown", level="2")
    board = mixed.handed("board")[-1].message
    assert "moderate" not in "\n".join((board.headline, *board.body))
