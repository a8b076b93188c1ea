"""Where in Slack something stands: channels by their names and ids, and the direct messages with a person.

Slack knows a channel by its id; people write its name. What was once looked up is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from responder.adapters.slack.account import SlackAccount, Turn
from responder.adapters.slack.failures import Asked, failure_of

PAGES = 20  # of a list of channels; more is a workspace where channels are configured by their ids
PEOPLE = 1_000  # remembered at most


class Places:
    """`by`: who asks, in the words of a failure."""

    def __init__(self, account: SlackAccount, by: str) -> None:
        self._account = account
        self._by = by
        self._directs: dict[str, str] = {}

    async def by_id(self, channel: str, target: str, deadline: datetime) -> Mapping[str, Any]:
        """The channel as Slack describes it. Raises Refusal where the app sees none."""
        answer = await self._account.call(
            "conversations.info", deadline=deadline, by=self._by, target=target, channel=channel
        )
        return _mapping(answer.get("channel"))

    async def by_name(self, name: str, target: str, deadline: datetime) -> Mapping[str, Any]:
        """The channel called `name`, which begins with "#". Raises Refusal where the app sees none."""
        cursor: dict[str, object] = {}
        for _ in range(PAGES):
            answer = await self._account.call(
                "conversations.list",
                deadline=deadline,
                by=self._by,
                target=target,
                turn=Turn(record=name),
                types="public_channel,private_channel",
                limit=999,
                **cursor,
            )
            for channel in answer.get("channels") or ():
                if _mapping(channel).get("name") == name.removeprefix("#"):
                    return _mapping(channel)
            if not (following := next_cursor(answer)):
                break
            cursor = {"cursor": following}
        asked = Asked(method="conversations.list", by=self._by, target=target)
        raise failure_of(asked, status=200, code="channel_not_found")

    async def direct(self, user: str, target: str, deadline: datetime) -> str:
        """The id of the direct messages with `user`. Raises Refusal where there can be none."""
        if user not in self._directs:
            answer = await self._account.call(
                "conversations.open", deadline=deadline, by=self._by, target=target, users=user
            )
            self.learn_direct(user, str(_mapping(answer.get("channel")).get("id", "")))
        return self._directs.get(user, "")

    def learn_direct(self, user: str, channel: str) -> None:
        if channel:
            while len(self._directs) >= PEOPLE:
                del self._directs[next(iter(self._directs))]
            self._directs[user] = channel


def next_cursor(answer: Mapping[str, Any]) -> str:
    """What to ask with for the next page, "" where this was the last."""
    return str(_mapping(answer.get("response_metadata")).get("next_cursor") or "")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
