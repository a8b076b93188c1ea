"""The clock. Everything else is told the time or asks here; nothing else sleeps."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, UTC; never earlier than an answer before."""
        ...

    async def sleep_until(self, moment: datetime, wake: asyncio.Event | None = None) -> None:
        """Return once `moment` has come, or `wake` is set, whichever is first."""
        ...
