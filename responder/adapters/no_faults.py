"""The faults of a service that runs in earnest: none."""

from __future__ import annotations


class NoFaults:
    async def before(self, point: str) -> None:
        return None

    async def after(self, point: str) -> None:
        return None
