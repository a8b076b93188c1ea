"""Slack as a chat: forms that are opened, and answers to whoever asked. What they say is made by the dialect."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from responder.adapters.sessions import within
from responder.adapters.slack.account import SlackAccount, broken
from responder.adapters.slack.failures import Asked, failure_of
from responder.core.errors import Permanent
from responder.ports.chat import Payload

FORM = timedelta(seconds=2.5)  # the trigger is good for three seconds
ANSWER = timedelta(seconds=5)
SLACK = "slack.com"
_SAID = ("text", "blocks", "parse", "link_names")  # of an answer, what chat.postEphemeral takes


class SlackChat:
    def __init__(self, account: SlackAccount) -> None:
        self._account = account

    async def open_form(self, trigger: str, form: Payload) -> None:
        deadline = self._account.clock.now() + FORM
        await self._account.call(
            "views.open", deadline=deadline, target="form", trigger_id=trigger, view=dict(form)
        )

    async def tell(self, place: str, answer: Payload) -> None:
        """Raises Permanent where `place` is no address of Slack's, so that nobody has us call where they want."""
        account = self._account
        if not self._is_slacks(place):
            raise Permanent("slack: the place to answer at is none of Slack's")
        asked = Asked(method="response_url", is_write=True)
        try:
            await within(account.clock, account.clock.now() + ANSWER, self._post(asked, place, answer))
        except TimeoutError:
            raise asked.unanswered("Slack did not take the answer in time") from None

    async def whisper(self, channel: str, person: str, answer: Payload, *, thread: str = "") -> None:
        said: dict[str, Any] = {name: answer[name] for name in _SAID if name in answer}
        if thread:
            said["thread_ts"] = thread
        await self._account.call(
            "chat.postEphemeral",
            deadline=self._account.clock.now() + ANSWER,
            target="answer to a mention",
            channel=channel,
            user=person,
            **said,
        )

    async def _post(self, asked: Asked, place: str, answer: Payload) -> None:
        session = self._account.sessions()
        try:
            async with session.post(place, json=dict(answer), allow_redirects=False) as taken:
                status, wait = taken.status, taken.headers.get("Retry-After", "")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Their texts may hold the address.
            raise broken(asked, urlsplit(place).hostname or "", error) from None
        if status in (404, 410):
            raise Permanent(
                "slack: the place to answer at has expired: it is good for 30 minutes and five answers"
            )
        if not 200 <= status < 300:
            raise failure_of(asked, status=status, retry_after=wait)

    def _is_slacks(self, place: str) -> bool:
        """https at hooks.slack.com; where another API was configured, at that one's hooks, or at its own address."""
        api = urlsplit(self._account.api_url)
        allowed = {("https", f"hooks.{self._account.host}")}
        if self._account.host != SLACK:
            allowed.add((api.scheme, api.netloc))
        try:
            parts = urlsplit(place)
        except ValueError:
            return False
        return (parts.scheme, parts.netloc) in allowed

    def __repr__(self) -> str:
        return f"SlackChat({self._account!r})"
