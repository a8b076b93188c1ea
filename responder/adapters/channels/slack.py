"""Slack: one message an incident in a channel, edited as it changes, its story in the thread; and direct messages.

A message is found by the reference in its receipt; where the receipt was lost, by the metadata that it carries. What
is written is the dialect's, what fails is worded by the account. Nothing waits here: who has to wait comes back.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, Self

import structlog
from pydantic import Field

from responder.adapters.channels.tools import ChannelConfig, Tools, read_config
from responder.adapters.slack.account import SlackAccount, Turn
from responder.adapters.slack.failures import Asked, Refusal, failure_of
from responder.adapters.slack.messages import Messages, Sending, Shown
from responder.adapters.slack.past import Past, age
from responder.adapters.slack.places import Places
from responder.core.errors import Busy, Permanent, Transient
from responder.core.identifiers import ChannelName
from responder.core.policy.fields import FromEnv, TextOrEnv
from responder.dialects.slack.blocks import Post, direct, outdated, root, thread
from responder.dialects.visible import visible
from responder.ports.channel import Delivery, Misconfigured, OnRepeat, Receipt, Spelling, Unconfigured

ASKING = timedelta(seconds=3)  # for what a page looks up
AGAIN = timedelta(seconds=2)  # for the post of one that may have arrived: what hung once may hang again
PAGING = timedelta(seconds=5)  # for the post of a direct message: whoever it is for has other methods
CHECKING = timedelta(seconds=10)
REMEMBERED = 2_000  # replies

_CHANNEL = re.compile(r"#[^\s#@<>]{1,80}|[CG][A-Z0-9]{4,30}")
_ADDRESS = re.compile(r"[UWCDG][A-Z0-9]{4,30}")

log = structlog.get_logger("slack")


class Config(ChannelConfig):
    """`slack: {channel: "#sre"}`"""

    channel: TextOrEnv | None = Field(
        default=None,
        description="where incidents are shown: #name, or the channel's id; default none: only direct messages",
    )


class Slack:
    kind = "slack"
    on_repeat = OnRepeat.ASKABLE
    edits = True
    spelling = Spelling.SLASH
    Config: ClassVar[type[ChannelConfig]] = Config

    def __init__(self, name: ChannelName, account: SlackAccount, channel: str = "") -> None:
        """channel: "#name" or an id; "" = only direct messages."""
        self.name = name
        self._account = account
        self._channel = channel
        self._id = "" if channel.startswith("#") else channel  # "" = not known yet
        self._elsewhere: set[str] = set()  # ids of channels that are not this one
        self._messages = Messages(account)
        self._past = Past(account)
        self._places = Places(account, name)
        self._replied: OrderedDict[str, None] = OrderedDict()  # keys

    @classmethod
    def make(cls, name: ChannelName, config: Mapping[str, object], tools: Tools) -> Self:
        wanted = read_config(name, Config, config)
        if faults := _faults(wanted, tools):
            raise Misconfigured(name, faults)
        if tools.slack is None:
            raise Unconfigured(f"channel {name}: RESPONDER_SLACK_BOT_TOKEN is not set")
        return cls(name, tools.slack, tools.need(name, "channel", wanted.channel) if wanted.channel else "")

    async def send(self, delivery: Delivery) -> Receipt:
        sending = self._sending(delivery)
        shown = await self._where_shown(delivery, sending)
        if shown is not None and await self._messages.edit(sending, shown):
            await self._reply(delivery, sending, shown)
            return Receipt(shown.reference)
        if _is_kept_page(delivery):
            return Receipt(delivery.shown)  # it is gone, and there is nothing to keep up to date
        if delivery.message.is_repeat:
            return Receipt((await self._send_once(delivery, sending)).reference)
        return Receipt((await self._send(sending)).reference)

    async def check(self, address: str | None = None) -> None:
        """A person who has left the workspace still takes messages, as far as Slack says; so they are asked after."""
        deadline = self._account.clock.now() + CHECKING
        if address is not None:
            await self._check_person(address, deadline)
            return
        await self._account.call("auth.test", deadline=deadline, by=self.name)
        if not self._channel:
            return
        look = self._places.by_name if self._channel.startswith("#") else self._places.by_id
        found = await look(self._channel, self._target, deadline)
        asked = Asked(method="check", by=self.name, target=self._target)
        if found.get("is_archived"):
            raise failure_of(asked, status=200, code="is_archived")
        if not found.get("is_member"):
            raise failure_of(asked, status=200, code="not_in_channel")

    async def _check_person(self, user: str, deadline: datetime) -> None:
        target = f"Slack user {user}"
        try:
            answer = await self._account.call(
                "users.info",
                deadline=deadline,
                by=self.name,
                target=target,
                turn=Turn(record=user),
                user=user,
            )
        except Refusal as refusal:
            if refusal.code != "missing_scope":
                raise
            log.info("people cannot be asked after", channel=self.name, why=str(refusal))
            return
        found = answer.get("user")
        if isinstance(found, Mapping) and found.get("deleted"):
            raise failure_of(
                Asked(method="users.info", by=self.name, target=target), status=200, code="user_disabled"
            )

    async def close(self) -> None:
        """The account is shared; whoever made it closes what it uses."""

    def __repr__(self) -> str:
        return f"Slack({self.name!r}, {self._channel!r})"

    @property
    def _target(self) -> str:
        return f"channel {self._channel}"

    def _sending(self, delivery: Delivery) -> Sending:
        message, place, target = delivery.message, self._channel, self._target
        if _is_kept_page(delivery):
            place, target = delivery.shown.partition("/")[0], f"a page to {visible(delivery.recipient, 60)}"
        elif delivery.address is not None:
            place, who = delivery.address, visible(delivery.recipient, 60)
            if not _ADDRESS.fullmatch(place):
                why = f"the Slack address of {who} is no id like U0123ABCD: look at contacts.yaml"
                raise Permanent(f"{self.name}: {why}")
            target = f"Slack {'user' if place.startswith(('U', 'W')) else 'channel'} of {who}"
        elif not place:
            raise Permanent(f"{self.name}: it has no channel to show this in: name one (channels.yaml)")
        return Sending(
            place=place,
            post=_post(delivery),
            record=delivery.record or delivery.key,
            key=delivery.key,
            deadline=delivery.deadline,
            by=self.name,
            target=target,
            is_page=delivery.address is not None and message.purpose == "page",
        )

    # Where it is shown already

    async def _where_shown(self, delivery: Delivery, sending: Sending) -> Shown | None:
        """By the receipt. None where there is none, or where it is of a place that is not this channel's any more."""
        channel, slash, ts = delivery.shown.partition("/")
        if not slash or not ts:
            return None
        to_person = delivery.address is not None or _is_kept_page(delivery)
        is_here = to_person or await self._is_ours(sending, channel)
        return Shown(channel, ts) if is_here else None

    async def _is_ours(self, sending: Sending, channel: str) -> bool:
        if not self._id and channel not in self._elsewhere:
            try:
                found = await self._places.by_id(channel, sending.target, sending.deadline)
                is_ours = found.get("name") == self._channel.removeprefix("#")
            except Refusal as refusal:
                if refusal.code not in ("channel_not_found", "missing_scope"):
                    raise
                is_ours = refusal.code == "missing_scope"  # it cannot be asked, so it is taken for unchanged
            if is_ours:
                self._id = channel
            else:
                self._elsewhere.add(channel)
        return channel == self._id

    async def _send_once(self, delivery: Delivery, sending: Sending) -> Shown:
        """An earlier send may have arrived: look, and look again once this one stands.

        Where Slack does not answer now, nothing is sent: a page's next method is better than what may be a second page
        into silence. Where it answers that we may not look, or not yet, a page is sent all the same.
        """
        asking = replace(sending, deadline=self._until(sending)) if sending.is_page else sending
        earlier: list[Shown] = []
        try:
            channel = await self._channel_of(delivery, asking)
            earlier = await self._past.roots(asking, channel, delivery.since)
        except Refusal as refusal:
            log.warning("sent without looking for an earlier send", channel=self.name, why=str(refusal))
            return await self._send(sending)
        except Busy as busy:
            if not sending.is_page:
                raise
            log.warning("paged before looking for an earlier send", channel=self.name, why=str(busy))
        if earlier:
            *older, newest = earlier
            await self._mark(delivery, sending, older)
            if await self._adopt(sending, newest):
                return newest
        sent = await self._send(sending, AGAIN)
        await self._look_again(delivery, sending, sent)
        return sent

    def _until(self, sending: Sending, within: timedelta = ASKING) -> datetime:
        return min(sending.deadline, self._account.clock.now() + within)

    async def _channel_of(self, delivery: Delivery, sending: Sending) -> str:
        """The id of where it is sent to."""
        if delivery.address is not None:
            return await self._places.direct(delivery.address, sending.target, sending.deadline)
        if not self._id:
            found = await self._places.by_name(self._channel, sending.target, sending.deadline)
            self._id = str(found.get("id", ""))
        return self._id

    async def _adopt(self, sending: Sending, found: Shown) -> bool:
        """Whether it stands for this send. A page that has arrived needs no edit to be one."""
        try:
            return await self._messages.edit(sending, found) or sending.is_page
        except Transient as failure:
            if not sending.is_page:
                raise
            log.warning("found, and not brought up to date", channel=self.name, why=str(failure))
            return True

    async def _look_again(self, delivery: Delivery, sending: Sending, sent: Shown) -> None:
        """The earlier send may have arrived meanwhile. What was just sent stands, whatever comes of this."""
        asking = replace(sending, deadline=self._until(sending))
        try:
            found = await self._past.roots(asking, sent.channel, delivery.since)
        except (Refusal, Transient) as failure:
            log.warning("not looked for a second message", channel=self.name, why=str(failure))
            return
        await self._mark(delivery, asking, [each for each in found if age(each.ts) < age(sent.ts)])

    async def _mark(self, delivery: Delivery, sending: Sending, older: list[Shown]) -> None:
        """Whoever sees one of the older messages is told that there is a newer one."""
        for each in older:
            try:
                await self._messages.mark(sending, each, outdated(delivery.message))
            except (Refusal, Transient) as failure:
                log.warning("an older message could not be marked", channel=self.name, why=str(failure))

    # Writing

    async def _send(self, sending: Sending, paging: timedelta = PAGING) -> Shown:
        is_shared = sending.place == self._channel
        until = sending.deadline if is_shared else self._until(sending, paging)
        sent = await self._messages.post(replace(sending, deadline=until))
        if is_shared:
            self._id = sent.channel
        else:
            self._places.learn_direct(sending.place, sent.channel)
        return sent

    async def _reply(self, delivery: Delivery, sending: Sending, shown: Shown) -> None:
        """The story so far, below what it is about; once for each key."""
        post = thread(delivery.message) if delivery.message.purpose == "notice" else None
        if post is None or sending.key in self._replied:
            return
        if not (delivery.message.is_repeat and await self._has_reply(delivery, sending, shown)):
            await self._messages.reply(sending, shown, post)
        self._replied[sending.key] = None
        while len(self._replied) > REMEMBERED:
            self._replied.popitem(last=False)

    async def _has_reply(self, delivery: Delivery, sending: Sending, shown: Shown) -> bool:
        try:
            return await self._past.has_reply(sending, shown, delivery.since)
        except Refusal as refusal:
            log.warning("replied without looking for an earlier reply", channel=self.name, why=str(refusal))
            return False


def _is_kept_page(delivery: Delivery) -> bool:
    """A page that was taken before, brought up to date where it stands; it is never sent anew."""
    return delivery.address is None and delivery.message.purpose != "notice" and bool(delivery.shown)


def _post(delivery: Delivery) -> Post:
    message = delivery.message
    if message.purpose == "outdated":
        return outdated(message)
    if message.purpose == "notice":
        return root(message)
    return direct(message, is_edit=_is_kept_page(delivery))


def _faults(wanted: Config, tools: Tools) -> list[tuple[str, str]]:
    """What a variable holds is not repeated; one that is not set is no fault."""
    value = wanted.channel
    if value is None:
        return []
    text = (tools.environ.get(value.from_env) or None) if isinstance(value, FromEnv) else value
    if text is None or _CHANNEL.fullmatch(text):
        return []
    source = f" (from {value.from_env})" if isinstance(value, FromEnv) else ""
    return [("channel", f"no channel of Slack's; write #name, in quotes, or its id, like C0123ABCD{source}")]


CHANNEL = Slack
