"""What the app has posted before, found again by the metadata that its messages carry.

A message whose post was never answered may stand there all the same; whoever asks here first does not post it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from responder.adapters.slack.account import SlackAccount, Turn
from responder.adapters.slack.messages import EVENT, Sending, Shown
from responder.adapters.slack.places import next_cursor

MARGIN = timedelta(minutes=2)  # by which Slack's clock may differ from ours
PAGES = 5
PAGE = 200  # messages


class Past:
    def __init__(self, account: SlackAccount) -> None:
        self._account = account

    async def roots(self, sending: Sending, channel: str, since: datetime | None) -> list[Shown]:
        """The record's messages in the channel, oldest first.

        since: what is older is not looked at; None = as far back as PAGES go.
        """
        found = await self._messages("conversations.history", sending, channel, since, {})
        stamps = [str(message["ts"]) for message, payload in found if payload.get("record") == sending.record]
        return [Shown(channel, ts) for ts in sorted(stamps, key=age)]

    async def has_reply(self, sending: Sending, root: Shown, since: datetime | None) -> bool:
        """Whether the thread of `root` has a reply that was sent with the same key."""
        found = await self._messages("conversations.replies", sending, root.channel, since, {"ts": root.ts})
        return any(
            message["ts"] != root.ts and payload.get("key") == sending.key for message, payload in found
        )

    async def _messages(
        self,
        method: str,
        sending: Sending,
        channel: str,
        since: datetime | None,
        more: Mapping[str, object],
    ) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        found: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
        asking = dict(more)
        if since is not None:
            asking["oldest"] = f"{(since - MARGIN).timestamp():.6f}"
        for _ in range(PAGES):
            answer = await self._account.call(
                method,
                deadline=sending.deadline,
                by=sending.by,
                target=sending.target,
                turn=Turn(record=sending.record),
                channel=channel,
                include_all_metadata=True,
                limit=PAGE,
                **asking,
            )
            found += _ours(answer.get("messages"))
            if not (following := next_cursor(answer)):
                break
            asking["cursor"] = following
        return found


def age(ts: str) -> tuple[int, int]:
    """A timestamp of Slack's ("1503435956.000247"), to sort by; as a float it would lose digits."""
    seconds, _, rest = ts.partition(".")
    return (int(seconds) if seconds.isdecimal() else 0, int(rest) if rest.isdecimal() else 0)


def _ours(messages: object) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The messages that carry our metadata, each with what it carries."""
    for message in messages if isinstance(messages, list) else ():
        carried = message.get("metadata") if isinstance(message, Mapping) else None
        if isinstance(carried, Mapping) and carried.get("event_type") == EVENT and message.get("ts"):
            payload = carried.get("event_payload")
            yield message, payload if isinstance(payload, Mapping) else {}
