"""Where a test may hurt the service: every call through a port has a name, and passes here before and after.

The product is wired with a Faults that does nothing; the tests bring their own, which kills, delays or fails.
"""

from __future__ import annotations

from typing import Protocol


class Faults(Protocol):
    async def before(self, point: str) -> None:
        """The call named `point` has not begun. Raising makes it fail without being made."""
        ...

    async def after(self, point: str) -> None:
        """The call named `point` has had its effect. Raising makes it look failed all the same."""
        ...
