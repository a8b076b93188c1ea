"""The ledger of a journey: what arrived at the sink, read as who was told what and why, in the order it came.

What tells that a page of ours was late is left out: on a machine that stands still for a second it is the truth.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Self

from tests.fakes.sink import Received, Sink
from tests.journeys.kills import LATE
from tests.journeys.shipped import OFFICES
from tests.journeys.waiting import CLOCK, until

WAITED = re.compile(r"(?<=nobody answered) for \d+s")


@dataclass(frozen=True, slots=True)
class Told:
    """`who`: an office, or the channel where nobody in particular is meant.

    `why`: the end of the headline, without the seconds that the machine took.
    """

    at: datetime
    who: str
    why: str
    headline: str

    @property
    def entry(self) -> tuple[str, str]:
        return self.who, self.why


class Ledger:
    """`async with Ledger(sink)`: reads along, and knows when each message came."""

    def __init__(self, sink: Sink, heard: Callable[[Told], None] = lambda told: None) -> None:
        """`heard` is called with every message as it comes."""
        self.told: list[Told] = []
        self._sink = sink
        self._heard = heard
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reading is not None
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    @property
    def entries(self) -> list[tuple[str, str]]:
        return [told.entry for told in self.told]

    async def until(self, many: int, what: str, *, within: float = 40) -> list[Told]:
        """All that was told, once it is at least so much."""

        def look() -> bool:
            if self._reading is not None and self._reading.done():
                self._reading.result()  # what came could not be read
            return len(self.told) >= many

        await until(look, f"{what} ({many} messages)", within=within)
        return self.told

    async def _read(self) -> None:
        for number in count():
            got = await self._sink.until_received(number + 1)
            told = read(got[number], CLOCK.now())
            if LATE not in told.headline:
                self.told.append(told)
                self._heard(told)


def read(received: Received, at: datetime) -> Told:
    """A message of one of the shipped templates."""
    who, headline = _read(received)
    return Told(at, who, WAITED.sub("", headline.rpartition(" — ")[2]), headline)


def _read(received: Received) -> tuple[str, str]:
    body: Any = received.json()
    channel = received.path.strip("/")
    match channel:
        case "sms":
            return OFFICES.get(body["to"], "sms-emergency"), body["text"]
        case "email":
            return body["to"] or "email-disaster", body["subject"]
        case "pagerduty":
            return f"pagerduty-{body['routing_key']}", body["payload"]["summary"]
        case _:
            return channel, body["text"].partition("\n")[0]
