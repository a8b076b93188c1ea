"""The workspace behind the fake: its people, channels, messages and open forms. It answers nothing and checks nothing.

Messages are values: an edit puts a new one in the old one's place, so that a test may keep, and press, what was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from responder.ports.clock import Clock

Json = dict[str, Any]

TEAM = "T0TEAM0001"
APP = "A0APP00001"
BOT = "B0BOT00001"
BOT_USER = "U0BOT00001"
USER = "U0FIRST001"  # a member of ALERTS, there from the start
ALERTS = "C0ALERTS01"  # '#alerts', public, with the bot in it, there from the start


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: str
    name: str
    is_deleted: bool = False
    is_bot: bool = False
    tz: str = "Asia/Seoul"
    locale: str = "ko-KR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """`members`: user ids, the bot's among them where it was invited. A direct message has its one `partner`."""

    id: str
    name: str = ""
    is_private: bool = False
    is_archived: bool = False
    members: frozenset[str] = frozenset()
    partner: str = ""

    @property
    def is_direct(self) -> bool:
        return bool(self.partner)

    @property
    def kind(self) -> str:
        """As in the names of scopes: channels, groups or im."""
        return "im" if self.is_direct else "groups" if self.is_private else "channels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`thread_ts`: of the root it replies to, "" for a root. `seen_by`: the one user of an ephemeral, "" for everyone.

    `mrkdwn`, `parse` and `link_names` decide what becomes of `text`; `rendered` knows how.
    """

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: tuple[Json, ...] = ()
    attachments: tuple[Json, ...] = ()
    thread_ts: str = ""
    metadata: Json | None = None
    edited_ts: str = ""
    seen_by: str = ""
    is_broadcast: bool = False
    mrkdwn: bool = True
    parse: str = "none"
    link_names: bool = False
    unfurl_links: bool = False
    unfurl_media: bool = True

    @property
    def reference(self) -> str:
        return f"{self.channel}/{self.ts}"

    @property
    def is_root(self) -> bool:
        return not self.thread_ts or self.thread_ts == self.ts

    def buttons(self) -> dict[str, Json]:
        """The buttons by their action ids, each with the `block_id` it stands in."""
        return {
            element["action_id"]: element | {"block_id": block.get("block_id", "")}
            for block in self.blocks
            for element in [*block.get("elements", []), block.get("accessory") or {}]
            if element.get("type") == "button"
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A form as `views.open` showed it to `user`. `content`: as it was sent."""

    id: str
    user: str
    content: Json
    hash: str


@dataclass(slots=True)
class Workspace:
    """`skew`: how far Slack's clock is ahead of `clock`, which shows in the messages' timestamps."""

    clock: Clock
    team: str = TEAM
    name: str = "Example"
    domain: str = "example"
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: dict[str, dict[str, Message]] = field(default_factory=dict)  # by channel, then by ts
    views: dict[str, list[View]] = field(default_factory=dict)  # open ones by user, the last on top
    skew: timedelta = timedelta(0)
    _last_ts: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.add_user(BOT_USER, "responder", is_bot=True)
        self.add_user(USER, "first")
        self.add_channel("alerts", id=ALERTS, members=(BOT_USER, USER))

    def add_user(self, id: str, name: str = "", *, is_deleted: bool = False, is_bot: bool = False) -> User:
        user = User(id=id, name=name or id.lower(), is_deleted=is_deleted, is_bot=is_bot)
        self.users[id] = user
        return user

    def add_channel(
        self,
        name: str,
        *,
        id: str = "",
        is_private: bool = False,
        is_archived: bool = False,
        members: Iterable[str] = (BOT_USER,),
    ) -> Channel:
        """`members`: the bot alone, unless said otherwise."""
        channel = Channel(
            id=id or self.new_id("C"),
            name=name,
            is_private=is_private,
            is_archived=is_archived,
            members=frozenset(members),
        )
        self.channels[channel.id] = channel
        return channel

    def change_channel(self, id: str, **changes: Any) -> Channel:
        """`change_channel(id, is_archived=True)`."""
        self.channels[id] = replace(self.channels[id], **changes)
        return self.channels[id]

    def change_user(self, id: str, **changes: Any) -> User:
        self.users[id] = replace(self.users[id], **changes)
        return self.users[id]

    def named(self, name: str) -> Channel | None:
        """The channel called `name`, with or without '#'."""
        bare = name.removeprefix("#")
        return next((one for one in self.channels.values() if bare and one.name == bare), None)

    def direct(self, user: str) -> Channel | None:
        """The bot's direct messages with `user`, if they were ever opened."""
        return next((one for one in self.channels.values() if one.partner == user), None)

    def open_direct(self, user: str) -> Channel:
        """The same each time."""
        if (known := self.direct(user)) is not None:
            return known
        channel = Channel(id=self.new_id("D"), members=frozenset({user, BOT_USER}), partner=user)
        self.channels[channel.id] = channel
        return channel

    def next_ts(self) -> str:
        """Unique, and later than every one before; like Slack's, the seconds since 1970 with six digits."""
        now = self.clock.now() + self.skew
        self._last_ts = max(int(now.timestamp()) * 1_000_000 + now.microsecond, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06}"

    def put(self, message: Message) -> Message:
        """Store it, or replace the one with its channel and ts."""
        self.messages.setdefault(message.channel, {})[message.ts] = message
        return message

    def message(self, channel: str, ts: str) -> Message | None:
        return self.messages.get(channel, {}).get(ts)

    def remove(self, message: Message) -> None:
        self.messages.get(message.channel, {}).pop(message.ts, None)

    def roots(self, channel: str) -> list[Message]:
        """What stands in the channel itself, oldest first, without what only one person sees."""
        return [one for one in self._shown(channel) if one.is_root or one.is_broadcast]

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The root and its replies, oldest first; [] where there is no such root."""
        return [one for one in self._shown(channel) if ts in (one.ts, one.thread_ts)]

    def ephemerals(self, user: str) -> list[Message]:
        everything = (one for messages in self.messages.values() for one in messages.values())
        return sorted((one for one in everything if one.seen_by == user), key=lambda one: Decimal(one.ts))

    def new_id(self, prefix: str) -> str:
        return f"{prefix}0{next(self._numbers):08}"

    def _shown(self, channel: str) -> list[Message]:
        found = [one for one in self.messages.get(channel, {}).values() if not one.seen_by]
        return sorted(found, key=lambda one: Decimal(one.ts))
