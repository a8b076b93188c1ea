"""`make demo`: one alert's walk, from a real Alertmanager to the people, told line by line in the terminal.

The shipped policies, with seconds in the place of minutes. What it tells is what a sink outside of the service got, and
the sink's ledger decides the exit code: 0 = everybody was told what the plan says and nobody anything else.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from tests.journeys.alertmanagers import is_installed
from tests.journeys.estate import CHANNELS, CONTACTS, REGION_DOWN, Estate, estate
from tests.journeys.ledger import Told
from tests.journeys.slack import CRITICAL, headline
from tests.journeys.waiting import CLOCK, let_pass

STOPPED = 130  # what a shell says of Ctrl-C
QUIET = 2  # seconds of silence that show that an acknowledgement holds
HOLDER = "DevOps lead"
RAN_OUT = f"the acknowledgement of {HOLDER} ran out"
SUMMARY = "no availability zone of the region answers"
NAMES = {
    "CTO": "CTO",
    "VP_ENGINEERING": "VP Engineering",
    "CUSTOMER_SUCCESS": "Customer Success lead",
    "DEVOPS_LEAD": HOLDER,
    "CEO": "CEO",
    "pagerduty-critical": "PagerDuty critical",
    "email-disaster": "the disaster mail list",
    "sms-emergency": "the emergency SMS group",
}

Entry = tuple[str, str]  # who was told, and why


class Missing(Exception):
    """Somebody was not told in time."""


@dataclass(slots=True)
class Teller:
    """Writes the story. Times are seconds since it began."""

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    began: datetime = field(default_factory=CLOCK.now)

    def chapter(self, title: str, *words: str) -> None:
        self.console.print()
        self.console.print(Text(title, style="bold"))
        for line in words:
            self.console.print(Text(f"  {line}", style="dim"))

    def act(self, words: str) -> None:
        """What the demo itself does."""
        self._line("→", words, "cyan")

    def heard(self, told: Told) -> None:
        """What somebody was told."""
        is_person = told.who not in CHANNELS
        mark, style = ("☎", "bold yellow") if is_person else ("▪", "blue")
        if is_person and told.why == "resolved":
            mark, style = "✓", "green"
        who = NAMES.get(told.who, told.who)
        self._line(mark, f"{who:<24}", style, told.headline)

    def seen(self, words: str) -> None:
        self._line("✓", words, "green")

    def wrong(self, words: str) -> None:
        self._line("✗", words, "bold red")

    def _line(self, mark: str, words: str, style: str, more: str = "") -> None:
        at = (CLOCK.now() - self.began).total_seconds()
        self.console.print(
            Text.assemble((f"  {at:5.1f} s  ", "dim"), (f"{mark} {words}", style), f" {more}".rstrip())
        )


@dataclass(slots=True)
class Walk:
    """The story, and what the ledger has to hold by now."""

    found: Estate
    teller: Teller
    expected: list[set[Entry]] = field(default_factory=list)

    async def wait_for(self, *parts: tuple[Iterable[str], str]) -> None:
        """Until everybody of these is told; each part is who, and why."""
        chapter = {(who, why) for names, why in parts for who in names}
        self.expected.append(chapter)
        try:
            await self.found.ledger.until(sum(map(len, self.expected)), "all of them are told")
        except AssertionError:
            told = set(self.found.ledger.entries)
            lacking = ", ".join(f"{NAMES.get(who, who)} ({why})" for who, why in sorted(chapter - told))
            raise Missing(f"not told in time: {lacking}") from None

    async def shown(self, words: str) -> None:
        """Until the one message in Slack says so."""
        try:
            message = await self.found.slack.shows(words)
        except AssertionError as late:
            raise Missing(str(late)) from None
        count = len(self.found.slack.roots())
        if count != 1:
            raise Missing(f"there are {count} messages in #{CRITICAL}, and one incident")
        self.teller.seen(f"Slack #{CRITICAL}, one message, changed: {headline(message)}")

    async def fire(self) -> None:
        if (alertmanager := self.found.alertmanager) is not None:
            await alertmanager.alert(REGION_DOWN, {"summary": SUMMARY})
        else:
            await self._post("firing", "0001-01-01T00:00:00Z")

    async def clear(self) -> None:
        now = CLOCK.now()
        if (alertmanager := self.found.alertmanager) is not None:
            await alertmanager.alert(REGION_DOWN, ends_at=now)
        else:
            await self._post("resolved", now.isoformat())

    async def _post(self, status: str, ends_at: str) -> None:
        """The body that an Alertmanager would post, where there is none."""
        alert = {
            "status": status,
            "labels": REGION_DOWN,
            "annotations": {"summary": SUMMARY},
            "startsAt": self.teller.began.isoformat(),
            "endsAt": ends_at,
        }
        body: dict[str, Any] = {"version": "4", "status": status, "groupKey": "{}", "alerts": [alert]}
        answer = await self.found.service.post(body)
        if answer != 200:
            raise Missing(f"the webhook was answered with {answer}")


def verdict(expected: Sequence[set[Entry]], got: Sequence[Entry]) -> str:
    """ "" where the ledger holds what the plan says, chapter by chapter, and nothing else; else what is wrong."""
    start = 0
    for chapter in expected:
        part = got[start : start + len(chapter)]
        if set(part) != chapter:
            return f"expected {sorted(chapter)}, and the sink got {part}"
        start += len(chapter)
    return f"nobody should have been told {got[start:]}" if got[start:] else ""


async def walk(found: Estate, teller: Teller) -> str:
    """Journey 1. Returns what was wrong, "" if nothing. Raises Missing."""
    story = Walk(found, teller)
    by = "a real Alertmanager, by the route that is shipped" if found.alertmanager else "the demo itself"
    teller.chapter(
        "1. An alert fires: a region does not answer",
        "Level 3: every channel of the level is told, and its three contacts are paged at once.",
    )
    teller.act(f"RegionDown, level 3, posted by {by}")
    await story.fire()
    await story.wait_for((CHANNELS, "open"), (CONTACTS, "paged"))

    teller.chapter(
        "2. Nobody answers",
        "After 15 min the DevOps on shift is paged (4 s here), after 30 min the CTO (8 s).",
    )
    await story.wait_for((("DEVOPS_LEAD",), "paged: nobody answered"))
    await story.wait_for((("CTO",), "paged: nobody answered"))

    teller.chapter(
        "3. Somebody takes it", "Nobody else is paged, as long as the acknowledgement lasts (1 h; 6 s here)."
    )
    teller.act(f"{HOLDER} types in Slack: /ack I1")
    ack = await found.slack.slash(found.service.url, "/ack", "I1")
    if ack.status != 200:
        raise Missing(f"Slack was answered with {ack.status}: {ack.body}")
    teller.act(f"and reads: {ack.json()['text']}")
    await story.wait_for((CHANNELS, f"{HOLDER} has it"))
    await story.shown(f"{HOLDER} has it")
    await let_pass(QUIET)
    teller.seen("quiet")

    teller.chapter(
        "4. It is forgotten", "An acknowledgement is a lease: who has it, and the last rung, are paged again."
    )
    await story.wait_for((CHANNELS, RAN_OUT), (("DEVOPS_LEAD", "CTO"), f"paged again: {RAN_OUT}"))

    teller.chapter("5. The region answers again", "Everybody who was paged is told that it is over.")
    teller.act("RegionDown ends" if found.alertmanager else "the resolve is posted")
    await story.clear()
    await story.wait_for(((*CHANNELS, *CONTACTS, "DEVOPS_LEAD"), "resolved"))
    await story.shown("resolved")
    await let_pass(QUIET)
    return verdict(story.expected, found.ledger.entries)


async def demo(teller: Teller, folder: Path) -> int:
    with_alertmanager = is_installed()
    teller.console.print(Text("responder: one alert's walk", style="bold"))
    if not with_alertmanager:
        teller.console.print(
            "  There is no prometheus-alertmanager on this machine: the demo posts to the webhook itself."
        )
    teller.console.print(Text("  The policies that are shipped, with minutes made seconds", style="dim"))
    async with estate(folder, with_alertmanager=with_alertmanager, heard=teller.heard) as found:
        teller.began = CLOCK.now()
        try:
            wrong = await walk(found, teller)
        except Missing as missing:
            wrong = str(missing)
        count = len(found.ledger.told)
        teller.console.print()
        if wrong:
            teller.wrong(wrong)
            teller.console.print(f"\n  The last lines of its log:\n{_tail(found.service.program.lines())}")
            return 1
    teller.seen(f"the sink got {count} messages: everyone whom the plan names, in its order, and nobody else")
    return 0


def _tail(lines: str) -> str:
    return "\n".join(f"  {line}" for line in lines.splitlines()[-15:])


async def until_done_or_told(work: asyncio.Task[int]) -> int:
    """Its exit code; STOPPED where Ctrl-C or SIGTERM came first, when everything that it started has ended too."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    try:
        return await work
    except asyncio.CancelledError:
        return STOPPED


async def main() -> int:
    teller = Teller()
    folder = Path(tempfile.mkdtemp(prefix="responder-demo-"))
    code = await until_done_or_told(asyncio.ensure_future(demo(teller, folder)))
    if code == STOPPED:
        teller.console.print("\n  stopped; everything that was started has ended")
    if code in (0, STOPPED):
        shutil.rmtree(folder)
    else:
        teller.console.print(f"  Its logs and its database stay in {folder}")
    return code


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
