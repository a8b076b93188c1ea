"""An inbox: a connection that we open, through which others speak to us. For installations without a public address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One thing that came in. `kind` and `payload` as the other side has them."""

    kind: str
    payload: Mapping[str, object]


# Takes one envelope in, and returns what the other side is answered at once; None = no more than that it arrived.
Take = Callable[[Envelope], Awaitable[Mapping[str, object] | None]]


class Inbox(Protocol):
    async def run(self, take: Take) -> None:
        """Connect, and hand on what comes until it fails. Raises `Transient`, also where the connection looks sound
        and brings nothing of what it should; `Permanent` where a person has to mend something.
        """
        ...
