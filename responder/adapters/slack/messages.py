"""Messages in Slack: posting, editing and marking one, each with the metadata by which it is found again.

What stands somewhere already is not written there again, so that a send that comes back for its second half repeats
only that.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from responder.adapters.slack.account import SlackAccount, Turn
from responder.adapters.slack.failures import NOT_EDITABLE, Refusal
from responder.dialects.slack.blocks import Post

EVENT = "responder_message"
OUTDATED = "responder_outdated"  # a message that was marked; it is not found any more
REMEMBERED = 2_000  # messages

# What chat.update knows of chat.postMessage's arguments.
_EDITABLE = frozenset({"text", "blocks", "parse", "link_names"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One send: `post` to `place`, which is a channel's name or id, or a user's id.

    `record`: what is sent for, the same each time; `key`: the same for a repeat of this send. `by`, `target`: who sends
    and where, in the words of a failure.
    """

    place: str
    post: Post
    record: str
    key: str
    deadline: datetime
    by: str
    target: str
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A message in Slack."""

    channel: str
    ts: str

    @property
    def reference(self) -> str:
        return f"{self.channel}/{self.ts}"


class Messages:
    """Every method raises Busy, Transient, Unsure or Refusal."""

    def __init__(self, account: SlackAccount) -> None:
        self._account = account
        self._written: OrderedDict[str, bytes] = OrderedDict()  # by reference, what stands there

    async def post(self, sending: Sending) -> Shown:
        answer = await self._post(sending, sending.post, channel=sending.place)
        shown = Shown(str(answer.get("channel", "")), str(answer.get("ts", "")))
        self._remember(shown, _digest(sending.post))
        return shown

    async def reply(self, sending: Sending, below: Shown, post: Post) -> None:
        await self._post(sending, post, channel=below.channel, thread_ts=below.ts)

    async def edit(self, sending: Sending, shown: Shown) -> bool:
        """Whether `shown` now is what is sent. False: it is gone, or cannot be edited any more."""
        digest = _digest(sending.post)
        if self._written.get(shown.reference) == digest:
            return True
        self._written.pop(shown.reference, None)  # until an answer says so, nobody knows what stands there
        try:
            await self._update(sending, shown, sending.post, turn=Turn(record=sending.record))
        except Refusal as refusal:
            if refusal.code not in NOT_EDITABLE:
                raise
            return False
        self._remember(shown, digest)
        return True

    async def mark(self, sending: Sending, older: Shown, post: Post) -> None:
        """Turn `older` into `post`, and into a message that is not found again."""
        carried = metadata(sending.record, sending.key, OUTDATED)
        await self._update(sending, older, post, metadata=carried)

    async def _post(self, sending: Sending, post: Post, **more: object) -> dict[str, object]:
        answer = await self._account.call(
            "chat.postMessage",
            deadline=sending.deadline,
            by=sending.by,
            target=sending.target,
            turn=Turn(record=sending.record, place=sending.place, is_page=sending.is_page),
            metadata=metadata(sending.record, sending.key),
            **post.arguments(),
            **more,
        )
        return dict(answer)

    async def _update(
        self, sending: Sending, shown: Shown, post: Post, *, turn: Turn | None = None, **more: object
    ) -> None:
        await self._account.call(
            "chat.update",
            deadline=sending.deadline,
            by=sending.by,
            target=sending.target,
            turn=turn,
            channel=shown.channel,
            ts=shown.ts,
            **{name: value for name, value in post.arguments().items() if name in _EDITABLE},
            **more,
        )

    def _remember(self, shown: Shown, digest: bytes) -> None:
        self._written[shown.reference] = digest
        self._written.move_to_end(shown.reference)
        while len(self._written) > REMEMBERED:
            self._written.popitem(last=False)


def metadata(record: str, key: str, event: str = EVENT) -> dict[str, object]:
    """What a message carries, unseen: what it is for, and which send of it."""
    return {"event_type": event, "event_payload": {"record": record, "key": key}}


def _digest(post: Post) -> bytes:
    return hashlib.sha256(json.dumps(post.arguments(), sort_keys=True).encode()).digest()
