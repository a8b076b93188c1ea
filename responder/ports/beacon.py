"""The beacon: whoever watches us from outside, and calls people when our beat stays away."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Beacon(Protocol):
    async def beat(self, deadline: datetime) -> None:
        """All is well. Raises `Transient` or `Permanent`; the text holds no part of the address but its host."""
        ...
