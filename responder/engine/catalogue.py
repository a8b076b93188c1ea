"""The catalogue: one channel object for each entry of channels.yaml, made by the class of its kind.

A channel that lacks a credential falls back to the console, and says so; a page that is printed beats one that is not
sent. Objects whose entry did not change survive a reload, with what they hold open. Only `engine.points` calls them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from responder.core.identifiers import ChannelName
from responder.core.policy.book import PolicyBook
from responder.core.policy.channels import ChannelEntry
from responder.core.policy.messages import Template
from responder.ports.channel import Channel, OnRepeat, Spelling, Unconfigured

CONSOLE = ChannelEntry(kind="console", config={})


class Maker(Protocol):
    """Raises Unconfigured where a credential is missing, ValueError where the entry makes no sense."""

    def __call__(
        self, name: ChannelName, entry: ChannelEntry, messages: Mapping[str, Template]
    ) -> Channel: ...


class Catalogue:
    def __init__(self, make: Maker) -> None:
        self._make = make
        self._entries: dict[ChannelName, tuple[ChannelEntry, Mapping[str, Template]]] = {}
        self._channels: dict[ChannelName, Channel] = {}
        self.fallbacks: dict[ChannelName, str] = {}  # channel -> what it lacks

    async def fill(self, book: PolicyBook) -> None:
        """Make what is new or changed, close what is gone. Raises ValueError before anything is replaced."""
        made: dict[ChannelName, Channel] = {}
        fallbacks: dict[ChannelName, str] = {}
        for name, entry in book.channels.items():
            if name not in self.fallbacks and self._entries.get(name) == (entry, book.messages):
                made[name] = self._channels[name]
                continue
            try:
                made[name] = self._make(name, entry, book.messages)
            except Unconfigured as missing:
                made[name] = self._make(name, CONSOLE, book.messages)
                fallbacks[name] = str(missing)
        gone = [channel for channel in self._channels.values() if channel not in made.values()]
        self._channels, self.fallbacks = made, fallbacks
        self._entries = {name: (entry, book.messages) for name, entry in book.channels.items()}
        for channel in gone:
            await channel.close()

    def names(self) -> list[ChannelName]:
        return list(self._channels)

    def has(self, name: ChannelName) -> bool:
        return name in self._channels

    def folds(self, name: ChannelName) -> bool:
        """A second send with the same key is not shown twice, be it that the channel itself looks first."""
        return self._channels[name].on_repeat in (OnRepeat.FOLDS, OnRepeat.ASKABLE)

    def edits(self, name: ChannelName) -> bool:
        return name in self._channels and self._channels[name].edits

    def spelling(self, name: ChannelName) -> Spelling:
        return self._channels[name].spelling if name in self._channels else Spelling.CLI

    def needs_no_address(self, name: ChannelName) -> bool:
        """It prints, so a person without an address there is still reached by whoever reads it."""
        return self._channels[name].kind == CONSOLE.kind

    def open(self, name: ChannelName) -> Channel | None:
        """For `engine.points` alone."""
        return self._channels.get(name)

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()
