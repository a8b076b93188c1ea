"""What Slack posts: slash commands, interactions and events, each proved to be Slack's before it is parsed.

Slack waits three seconds for an answer and shows a person an error after that; so what is answered here is what the
desk has committed, and everything that takes longer is told to the person afterwards.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

import structlog
from aiohttp import hdrs, web

from responder.dialects.slack import incoming
from responder.dialects.slack.said import Challenged, Heard, NotSlack
from responder.engine.service import Service
from responder.web.bodies import read_body, unasked
from responder.web.problems import Kind, Problem, stopping
from responder.web.slack.desk import Desk, OtherTeam
from responder.web.slack.door import SETTING, SIGNATURE, NotSigned, SlackDoor

BODY_MOST = 1024 * 1024  # bytes; Slack's are a few kilobytes
FIELDS_MOST = 100  # of a form; a slash command has some fifteen
TOLD = (400, 401, 413)  # what Slack is refused with that somebody has to hear of, when it goes on
LATELY = timedelta(minutes=15)  # for so long a good request shows that our secret is the right one
PEER = "slack"  # it posts from many addresses, and is one peer that is refused or is not

log = structlog.get_logger("slack")

Read = Callable[[bytes], Heard]


class Foreign(Problem):
    """A 401 for somebody of another workspace. It is no alarm: in a channel that two companies share, people of the
    other one see our buttons too.
    """


@dataclass(slots=True)
class SlackPosts:
    """`door`: None where Slack may not post, which is said to whoever tries."""

    service: Service
    desk: Desk
    door: SlackDoor | None
    _let_in_at: datetime | None = None

    def routes(self) -> list[web.RouteDef]:
        ways: dict[str, Read] = {"commands": _command, "interactions": _interaction, "events": _event}
        return [
            web.post(f"/slack/{name}", self._taking(read), expect_handler=unasked)
            for name, read in ways.items()
        ]

    def _taking(self, read: Read) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def taken(request: web.Request) -> web.Response:
            try:
                answer = await self._take(request, read)
            except Problem as problem:
                await self._refused(request, problem)
                raise
            self._let_in_at = self.service.points.clock.now()
            await self.service.rejections.accepted(PEER)
            return answer

        return taken

    async def _take(self, request: web.Request, read: Read) -> web.Response:
        heard = await self._heard(request, read)
        if isinstance(heard, Challenged):
            return web.json_response({"challenge": heard.text})
        try:
            # Shielded: a caller that hangs up does not take back what it has asked for.
            answer = await asyncio.shield(self.desk.answer(heard))
        except OtherTeam as problem:
            raise Foreign(Kind.UNAUTHENTICATED, str(problem)) from None
        return web.Response() if answer is None else web.json_response(answer)

    async def _heard(self, request: web.Request, read: Read) -> Heard:
        if self.door is None:
            detail = (
                f"Slack is not let in here: {SETTING} is not set, or it comes in by RESPONDER_PUBLIC_LISTEN"
            )
            raise Problem(Kind.UNKNOWN, detail)
        signed = self.door.signed(request)
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() not in ("", "identity"):
            # What was signed is the body as it came, and nothing is unpacked for somebody who has proved nothing.
            raise Problem(Kind.ENCODING, "Slack sends its bodies as they are")
        raw = await read_body(request, BODY_MOST, self.service.points.clock)
        self.door.admit(signed, raw)
        if self.service.is_stopping:
            raise stopping()
        try:
            return read(raw)
        except NotSlack as problem:
            raise Problem(Kind.UNREADABLE, str(problem)) from None

    async def _refused(self, request: web.Request, problem: Problem) -> None:
        peer = request.remote or "unknown"
        log.warning("Slack refused", status=problem.status, problem=problem.detail, peer=peer)
        # Who does not even try to sign is some visitor, and while Slack is let in, whoever signs wrongly is one too:
        # this address is open to the Internet, and a stranger must not be able to wake anybody by knocking.
        is_visitor = isinstance(problem, NotSigned | Foreign) or SIGNATURE not in request.headers
        if problem.status in TOLD and not is_visitor and not self._was_slack_let_in():
            await self.service.rejections.refused(PEER, problem.status, credentials=SETTING)

    def _was_slack_let_in(self) -> bool:
        now = self.service.points.clock.now()
        return self._let_in_at is not None and now - self._let_in_at < LATELY


def _command(raw: bytes) -> Heard:
    return incoming.command(_fields(raw))


def _interaction(raw: bytes) -> Heard:
    return incoming.interaction(_json(_fields(raw).get("payload", "")))


def _event(raw: bytes) -> Heard:
    return incoming.event(_json(raw))


def _fields(raw: bytes) -> dict[str, str]:
    """A form. Raises NotSlack. Of a field that comes twice the last counts."""
    try:
        found = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=FIELDS_MOST)
    except ValueError:
        raise NotSlack("this is no form") from None
    return dict(found)


def _json(raw: str | bytes) -> Mapping[str, object]:
    """An object. Raises NotSlack."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise NotSlack("this is no JSON") from None
    if not isinstance(found, dict):
        raise NotSlack("this is no JSON object")
    return found
