"""The clock. Everything else is told the time or asks here; nothing else sleeps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Jump:
    """The clock was put right by so much (`by`; forward where it is positive) that others may still go by the old time.

    `at`: when it was, in the new time.
    """

    at: datetime
    by: timedelta


class Clock(Protocol):
    @property
    def jump(self) -> Jump | None:
        """The last one, or None where there was none."""
        ...

    def now(self) -> datetime:
        """The time, aware, UTC; never earlier than an answer before."""
        ...

    async def sleep_until(self, moment: datetime, wake: asyncio.Event | None = None) -> None:
        """Return once `moment` has come, or `wake` is set, whichever is first."""
        ...
