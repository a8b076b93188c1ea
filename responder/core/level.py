"""The disaster level: how much is broken, from one pod (1) to the whole cloud (4)."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    MINOR = 1  # one pod or one service
    MODERATE = 2  # one node, availability zone or database
    SEVERE = 3  # a region
    FATAL = 4  # the whole cloud

    @property
    def is_disaster(self) -> bool:
        """Levels 3 and 4: exempt from every limit, and people confirm what is done."""
        return self >= Level.SEVERE
