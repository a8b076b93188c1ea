"""Chat: what talking with a person needs beyond messages: forms to fill in, and answers that only they see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

Payload = Mapping[str, object]  # JSON, as the chat speaks it; made by the chat's dialect


class Chat(Protocol):
    """All raise `Transient` or `Permanent`; the text holds neither `trigger` nor `place`, which are as good as keys."""

    async def open_form(self, trigger: str, form: Payload) -> None:
        """Show `form` to whoever pulled `trigger`, which is good for some three seconds."""
        ...

    async def tell(self, place: str, answer: Payload) -> None:
        """Answer where the chat said (a URL of its own), seen by the one who asked."""
        ...

    async def whisper(self, channel: str, person: str, answer: Payload, *, thread: str = "") -> None:
        """Say it in a channel, or in the thread whose root `thread` names, to one person alone."""
        ...
