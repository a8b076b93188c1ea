"""The echo: a message of our own, edited now and then, whose edit has to come back to us as an event.

A connection can look sound, answer pings, and bring nothing (python-slack-sdk #1701 and #945, bolt-python #1529); that
the echo comes back proves that it hears. One message is edited again and again, also one from before a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from responder.adapters.slack.account import SlackAccount, Turn
from responder.adapters.slack.failures import NOT_EDITABLE, Refusal
from responder.adapters.slack.places import Places
from responder.dialects.slack import incoming
from responder.dialects.slack.said import Echoed, NotSlack
from responder.ports.clock import Clock

WHO = "slack: Socket Mode's echo"
WRITTEN_WITHIN = timedelta(seconds=10)  # for each call
LOOKED_AT = 100  # messages, for one from before a restart


class Echo:
    """`channel`: an id, or a name that begins with "#"."""

    def __init__(self, account: SlackAccount, channel: str, clock: Clock) -> None:
        self._account = account
        self._channel = channel
        self._clock = clock
        self._places = Places(account, WHO)
        self._id = "" if channel.startswith("#") else channel
        self._stamp = ""  # of the message; "" = none is known
        self._count = 0
        self._mark = ""
        self._came = asyncio.Event()

    def hear(self, mark: str) -> None:
        """An echo came in. One that is not ours, or not the last, proves nothing."""
        if mark == self._mark:
            self._came.set()

    async def write(self) -> None:
        """Write a fresh mark. Raises Busy, Transient, or Permanent in words that say what to mend."""
        self._count += 1
        self._mark = f"{self._clock.now():%Y%m%dT%H%M%S%f}-{self._count}"
        self._came = asyncio.Event()
        self._stamp = self._stamp or await self._find()
        if not self._stamp or not await self._edit():
            # A post that is not answered may stand there all the same; without a stamp it is looked for.
            self._stamp = ""
            await self._post()

    async def comes_back(self, within: timedelta) -> bool:
        """Whether what was last written came in, waiting for it no longer than `within`."""
        await self._clock.sleep_until(self._clock.now() + within, self._came)
        return self._came.is_set()

    async def _find(self) -> str:
        """The newest echo in the channel, "" for none: our own from before a restart, or one that we cannot edit."""
        if not self._id:
            deadline = self._clock.now() + WRITTEN_WITHIN
            found = await self._places.by_name(self._channel, self._target, deadline)
            self._id = str(found.get("id", ""))
        answer = await self._call(
            "conversations.history", channel=self._id, include_all_metadata=True, limit=LOOKED_AT
        )
        for message in answer.get("messages") or ():
            if isinstance(message, Mapping) and _is_an_echo(message):
                return str(message.get("ts", ""))
        return ""

    async def _edit(self) -> bool:
        """False: it is gone, or cannot be edited."""
        try:
            await self._call("chat.update", channel=self._id, ts=self._stamp, **self._message())
        except Refusal as refusal:
            if refusal.code not in NOT_EDITABLE:
                raise
            return False
        return True

    async def _post(self) -> None:
        more = {"unfurl_links": False, "unfurl_media": False}
        answer = await self._call("chat.postMessage", channel=self._id, **self._message(), **more)
        self._stamp = str(answer.get("ts", ""))

    def _message(self) -> dict[str, object]:
        """The mark stands in the text too: Slack tells of an edit where the text has changed."""
        words = "responder: this message proves that Socket Mode hears; leave it here"
        return {
            "text": f"{words} ({incoming.ECHO}:{self._mark})",
            "metadata": {"event_type": incoming.ECHO, "event_payload": {"mark": self._mark}},
            "parse": "none",
            "link_names": False,
        }

    async def _call(self, method: str, **arguments: object) -> Mapping[str, Any]:
        return await self._account.call(
            method,
            deadline=self._clock.now() + WRITTEN_WITHIN,
            by=WHO,
            target=self._target,
            turn=Turn(
                record=incoming.ECHO,
                place=self._id if method == "chat.postMessage" else "",
                is_page=True,  # behind edits it would come late, and a connection is judged by it
            ),
            **arguments,
        )

    @property
    def _target(self) -> str:
        return f"channel {self._channel}"


def mark_in(kind: str, payload: object) -> str:
    """The mark of the echo that an envelope brings, "" where it brings anything else."""
    if kind != "events_api":
        return ""
    try:
        heard = incoming.envelope(kind, payload)
    except NotSlack:
        return ""  # whoever takes it says so
    return heard.mark if isinstance(heard, Echoed) else ""


def _is_an_echo(message: Mapping[str, object]) -> bool:
    return bool(mark_in("events_api", {"type": "event_callback", "event": message}))
