"""Journey 1: a real Alertmanager fires, the ladder climbs, somebody acknowledges in Slack, it goes on, and it ends."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.journeys.estate import CHANNELS, CONTACTS, REGION_DOWN, estate
from tests.journeys.ledger import Told
from tests.journeys.served import Served
from tests.journeys.waiting import CLOCK, let_pass, until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(120)]

BUTTONS = {f"responder.{button}" for button in ("ack", "resolve", "escalate", "snooze")}
RAN_OUT = "the acknowledgement of DevOps lead ran out"


def each(who: Iterable[str], why: str) -> set[tuple[str, str]]:
    return {(one, why) for one in who}


# What the ledger has to hold, and nothing else: the chapters in their order, each in any order.
CHAPTERS = (
    each(CHANNELS, "open") | each(CONTACTS, "paged"),
    {("DEVOPS_LEAD", "paged: nobody answered")},
    {("CTO", "paged: nobody answered")},
    each(CHANNELS, "DevOps lead has it"),
    each(CHANNELS, RAN_OUT) | each(("DEVOPS_LEAD", "CTO"), f"paged again: {RAN_OUT}"),
    each(CHANNELS, "DevOps lead has it"),
    each((*CHANNELS, *CONTACTS, "DEVOPS_LEAD"), "resolved"),
)
FIRST, DEVOPS, CTO, HELD, LAPSED, TAKEN, OVER = range(len(CHAPTERS))


def told_by(chapter: int) -> int:
    """How many messages there are when `chapter` is over."""
    return sum(len(found) for found in CHAPTERS[: chapter + 1])


def chapters_of(told: list[Told]) -> list[set[tuple[str, str]]]:
    """`told`, cut where the chapters end; what comes after the last is one more."""
    ends = [told_by(chapter) for chapter in range(len(CHAPTERS))]
    cuts = zip([0, *ends], [*ends, len(told)], strict=True)
    return [{one.entry for one in told[start:end]} for start, end in cuts]


def seconds_between(told: list[Told], earlier: int, later: int) -> float:
    """From the last message of chapter `earlier` to the first of chapter `later`."""
    return (told[told_by(later - 1)].at - told[told_by(earlier) - 1].at).total_seconds()


async def test_an_alert_climbs_its_ladder_until_it_is_acknowledged_and_goes_on_when_that_ends(tmp_path):
    async with estate(tmp_path) as found:
        ledger, slack, service, alertmanager = found.ledger, found.slack, found.service, found.alertmanager
        assert alertmanager is not None

        await alertmanager.alert(REGION_DOWN, {"summary": "no answer from any zone"})
        await ledger.until(told_by(FIRST), "step 0")
        first = await until(slack.roots, "the channel is told")
        await ledger.until(told_by(DEVOPS), "the step at 15 min, which is 4 s here")
        await ledger.until(told_by(CTO), "the step at 30 min, which is 8 s here")

        ack = await slack.slash(service.url, "/ack", "I1")
        assert ack.status == 200
        assert "acknowledged" in ack.json()["text"]
        await ledger.until(told_by(HELD), "the channels are told who has it")
        assert set((await slack.shows("DevOps lead has it")).buttons()) == BUTTONS
        await ledger.until(told_by(LAPSED), "the acknowledgement ran out")

        # In its story, for the headline is that of whatever came next.
        await until(lambda: "ran out" in "\n".join(slack.story()), "the channel is told that it ran out")
        assert (await slack.press(service.url, "ack")).status == 200
        await ledger.until(told_by(TAKEN), "a button does the same")
        await slack.shows("DevOps lead has it")

        await alertmanager.alert(REGION_DOWN, ends_at=CLOCK.now())
        await ledger.until(told_by(OVER), "everybody is told the end")
        last = await slack.shows("resolved")
        await let_pass(2)

        assert [root.reference for root in slack.roots()] == [first[0].reference]
        assert last.buttons() == {}
        story = "\n".join(slack.story())
        told = ["DevOps lead was paged", "CTO was paged", "DevOps lead acknowledged", "ran out", "Resolved"]
        assert [words for words in told if words not in story] == []

        assert chapters_of(ledger.told) == [*CHAPTERS, set()]
        # Never early, on however slow a machine; how late at most is the benchmark's.
        assert seconds_between(ledger.told, FIRST, DEVOPS) > 3
        assert seconds_between(ledger.told, DEVOPS, CTO) > 3
        assert seconds_between(ledger.told, HELD, LAPSED) > 5
        incident = await service.story()
        assert (incident["state"], incident["firing"]) == ("resolved", 0)
        assert await service.program.stop() == 0


async def test_an_alert_that_fires_while_we_are_down_is_delivered_when_we_are_back(tmp_path):
    async with estate(tmp_path) as found:
        ledger, service, alertmanager = found.ledger, found.service, found.alertmanager
        assert alertmanager is not None
        assert await service.program.stop() == 0
        await alertmanager.alert(REGION_DOWN)
        await alertmanager.program.says("connection refused")
        assert ledger.entries == []

        address = {"RESPONDER_LISTEN": f"127.0.0.1:{service.port}"}
        async with await Served.start(service.home, {**service.settings, **address}) as back:
            await ledger.until(told_by(FIRST), "step 0", within=30)
            assert chapters_of(ledger.told)[FIRST] == CHAPTERS[FIRST]
            assert (await back.story())["title"] == "RegionDown"
