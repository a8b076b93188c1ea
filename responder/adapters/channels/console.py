"""The console: a message as a block of lines on standard output. What a channel without credentials falls back to.

It writes in the loop, as the log does: a terminal that takes nothing stops the log as well.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import ClassVar, Self, TextIO

from responder.adapters.channels.tools import ChannelConfig, Tools, read_config
from responder.core.errors import Transient
from responder.core.identifiers import ChannelName
from responder.dialects.visible import visible
from responder.ports.channel import Delivery, OnRepeat, Receipt, Spelling

LINE = 1_000  # characters


class Config(ChannelConfig):
    """`console: {}`; it has nothing to set."""


class Console:
    kind = "console"
    on_repeat = OnRepeat.DOUBLES
    edits = False
    spelling = Spelling.CLI
    Config: ClassVar[type[ChannelConfig]] = Config

    def __init__(self, name: ChannelName, stream: TextIO | None = None) -> None:
        """stream: None = the process's standard output, as it is at the moment of writing."""
        self.name = name
        self._stream = stream

    @classmethod
    def make(cls, name: ChannelName, config: Mapping[str, object], tools: Tools) -> Self:
        read_config(name, cls.Config, config)
        return cls(name, tools.stdout)

    async def send(self, delivery: Delivery) -> Receipt:
        """Raises Transient where nobody is at the other end any more."""
        stream = self._stream or sys.stdout
        try:
            stream.write(_printable(block(self.name, delivery), stream))
            stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            raise Transient(f"{self.name}: standard output is closed") from error
        return Receipt()

    async def check(self, address: str | None = None) -> None:
        """There is nothing that could be looked at without writing."""

    async def close(self) -> None:
        """The stream is the process's; it stays open."""

    def __repr__(self) -> str:
        return f"Console({self.name!r})"


def block(channel: ChannelName, delivery: Delivery) -> str:
    """The message as it is printed: a line that says to whom, the headline, and the body below it."""
    message = delivery.message
    head = f"─── {message.purpose} to {visible(delivery.recipient, 60)} by {channel}"
    if message.level:
        head += f" · level {message.level} · {message.state}"
    lines = [head, visible(message.headline, LINE), *(f"  {visible(line, LINE)}" for line in message.body)]
    return "\n".join(lines) + "\n"


def _printable(text: str, stream: TextIO) -> str:
    """What the stream's encoding does not have is written as an escape."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


CHANNEL = Console
