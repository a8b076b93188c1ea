"""A channel: a way by which messages reach people. One class a kind, one object a configured channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from responder.core.identifiers import ChannelName


class OnRepeat(StrEnum):
    """What the receiver makes of the same message sent twice."""

    FOLDS = "folds"  # shows one, by the idempotency key
    ASKABLE = "askable"  # can be asked whether it has the first; then the second is not sent
    DOUBLES = "doubles"  # may show two; the second says that it may be a repeat


class Spelling(StrEnum):
    """How a command is written where the message is read."""

    CLI = "cli"  # responder incidents ack I42
    SLASH = "slash"  # /ack I42


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Words in the reader's language, ready for any medium. All of it is text of strangers until that escapes it."""

    purpose: str  # page | notice | told
    reason: str  # PageReason or NoticeReason, for the receiver's own routing
    headline: str  # one line, no control characters, cut to 200 characters
    body: tuple[str, ...]  # lines, most important first
    incident: str  # "I42", "" where none
    level: int  # 0 where none
    state: str  # open | acknowledged | snoozed | resolved | …
    revision: int
    links: Mapping[str, str] = field(default_factory=dict)  # label -> URL
    facts: Mapping[str, str] = field(
        default_factory=dict
    )  # the same facts for templates: rule, key, since, holder …
    is_repeat: bool = False
    locale: str = "en"
    story: tuple[
        str, ...
    ] = ()  # what happened since the channel last showed it, a sentence each, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One call: `message` to `address` (a person's, as the contact's method has it) or to the channel itself (None)."""

    message: Message
    key: str  # idempotency key; equal for two sends of which the receiver should show only one
    address: str | None
    recipient: str  # the person's name, or the channel's
    deadline: datetime
    record: str = ""  # the page or notice, the same for all that is sent for it
    shown: str = ""  # the reference under which the channel shows this record already; "" = it does not
    since: datetime | None = None  # when it was first owed; what has arrived before is no repeat of it


@dataclass(frozen=True, slots=True)
class Receipt:
    """The channel took it. `reference` is its own name for the message, "" where it gives none."""

    reference: str = ""


class Channel(Protocol):
    """Made by the catalogue from one entry of channels.yaml.

    `send` returns once the channel has taken the message. Raises `Transient` where trying again may help (`Busy` where
    it was not even tried), `Permanent` where a person has to mend something first; the text says what, and holds no
    secret. `check` looks whether it could send to itself, or to a person's `address`, without sending anything, and
    raises the same.
    """

    @property
    def name(self) -> ChannelName: ...

    @property
    def kind(self) -> str: ...

    @property
    def on_repeat(self) -> OnRepeat: ...

    @property
    def edits(self) -> bool:
        """A message can be changed after it was sent, so that small changes are shown without disturbing anybody."""
        ...

    @property
    def spelling(self) -> Spelling:
        """How its readers write a command."""
        ...

    async def send(self, delivery: Delivery) -> Receipt: ...

    async def check(self, address: str | None = None) -> None: ...

    async def close(self) -> None: ...


class Unconfigured(Exception):
    """A credential or address that the channel needs is not set; the text names it, and where to set it.

    The catalogue falls back to the console and says so.
    """


class Misconfigured(ValueError):
    """A channel's entry makes no sense: every fault, as (place within the entry, what is wrong). No secret in it."""

    def __init__(self, channel: str, faults: Sequence[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        lines = (f"{place}: {what}" if place else what for place, what in self.faults)
        super().__init__(f"channel {channel}: " + "; ".join(lines))
