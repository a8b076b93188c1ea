"""Where the web's tests hurt the service: a call that fails, or one that stands still until it is let go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Trouble:
    """`failures`: what each point raises before it is called, as long as it stands here."""

    failures: dict[str, Exception] = field(default_factory=dict)

    async def before(self, point: str) -> None:
        if (failure := self.failures.get(point)) is not None:
            raise failure

    async def after(self, point: str) -> None:
        return None


@dataclass
class Gate:
    """The call named `point` stands still, once it has come, until `open` is set; then it is `done`."""

    point: str
    came: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def before(self, point: str) -> None:
        if point == self.point:
            self.came.set()
            await self.open.wait()

    async def after(self, point: str) -> None:
        if point == self.point:
            self.done.set()
