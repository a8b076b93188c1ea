"""Socket Mode: what people do in Slack comes in through a connection that we open, and that we watch.

Slack's protocol is spoken directly, on `link`. slack_sdk's own client (3.47) sleeps and reads the time by itself, looks
for proxies by itself, tries to connect forever and logs the failures with their texts, which hold the address with its
ticket; it drops the old connection before it opens the new one, and leaves tasks behind. The watchdog (`echo`) finds a
connection that looks sound and is deaf.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from responder.adapters.sessions import within
from responder.adapters.slack.account import SlackAccount
from responder.adapters.slack.echo import Echo, mark_in
from responder.adapters.slack.link import WHO, Link, open_link, reason_of
from responder.core.errors import Failure, Permanent, Transient
from responder.ports.clock import Clock
from responder.ports.inbox import Envelope, Take

ECHO_EVERY = timedelta(minutes=2)
ECHO_WITHIN = timedelta(seconds=30)
ECHO_AGAIN = timedelta(seconds=5)  # where it could not be written
# Whoever supervises takes a run of 30 s for sound. While the fault of before is still there, a run ends earlier.
UNSOUND_WITHIN = timedelta(seconds=20)
DEAF = 2  # echoes in a row that did not come back

ANSWER_WITHIN = timedelta(seconds=3)  # Slack's limit; what is late is worth a warning
TAKEN_WITHIN = timedelta(seconds=30)  # what takes longer is ended, so that it holds no place
AT_ONCE = 20  # taken one beside the other
WAITING = 200  # of them at most; Slack sends again what is not acknowledged

CONNECT_AGAIN = tuple(timedelta(seconds=each) for each in (1, 2, 4))  # waits between attempts
LINGER = timedelta(seconds=30)  # an old connection may bring and acknowledge a few things more
SETTLED = timedelta(seconds=10)
UNSETTLED = 5  # connections in a row that ended sooner

log = structlog.get_logger("slack")


class SlackSocket:
    """`echo_channel`: an id or "#name", where the app is a member and whose messages it is told of (message.channels).

    One process an app token: Slack gives each envelope to any one of the app's connections.
    """

    def __init__(self, account: SlackAccount, *, echo_channel: str, clock: Clock) -> None:
        self.account = account
        self.clock = clock
        self.echo = Echo(account, echo_channel, clock)
        self.echo_channel = echo_channel
        self.missed = 0  # echoes in a row, through however many runs

    async def run(self, take: Take) -> None:
        run = _Run(self, take)
        try:
            await run.keep_connected()
        finally:
            await run.stop()

    def __repr__(self) -> str:
        return f"SlackSocket({self.echo_channel!r}, {self.account!r})"


class _Run:
    """One run: the connection in use, those that linger, and what goes on beside them."""

    def __init__(self, inbox: SlackSocket, take: Take) -> None:
        self._inbox = inbox
        self._clock = inbox.clock
        self._take = take
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._news: asyncio.Queue[tuple[Link, str] | BaseException] = asyncio.Queue()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._brought = 0  # envelopes since the echo was last written

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in [*self._links]:
            await link.close("we stop")

    # Connecting

    async def keep_connected(self) -> None:
        """Until it fails. The next connection says hello before the one that Slack asks to leave is dropped."""
        link = await self._connect()
        unsettled = 0
        while True:
            watching = self._use(link)
            why = await self._end_of(link)
            watching.cancel()
            (log.warning if link.why else log.info)("socket mode reconnects", why=why)
            unsettled = unsettled + 1 if self._clock.now() - link.opened_at < SETTLED else 0
            if unsettled >= UNSETTLED:
                raise Transient(
                    f"{WHO}: {unsettled} connections in a row ended at once, the last because {why}"
                )
            old, link = link, await self._connect_again()
            if not old.why:
                self._start(self._let_go(old))

    async def _connect(self) -> Link:
        link = await open_link(self._inbox.account, self._clock, self._links)
        log.info("socket mode connected", connections=link.connections)
        return link

    async def _connect_again(self) -> Link:
        for wait in CONNECT_AGAIN:
            try:
                return await self._connect()
            except Transient as failure:
                log.warning("socket mode not connected", why=str(failure))
            await self._clock.sleep_until(self._clock.now() + wait)
        return await self._connect()

    def _use(self, link: Link) -> asyncio.Task[None]:
        """Its watchdog."""
        self._start(self._listen(link))
        return self._start(self._watch(link))

    async def _end_of(self, link: Link) -> str:
        """Why another has to be opened. Raises whatever failed meanwhile."""
        while True:
            match await self._news.get():
                case BaseException() as failure:
                    raise failure
                case (left, why) if left is link:
                    return why

    async def _let_go(self, link: Link) -> None:
        await self._clock.sleep_until(self._clock.now() + LINGER)
        await link.close("another is in use")

    # Listening

    async def _listen(self, link: Link) -> None:
        keeping = self._start(link.keep())
        try:
            while (said := await link.receive()) is not None:
                self._hear(link, said)
        finally:
            keeping.cancel()
        await link.close("Slack closed it")
        self._links.discard(link)
        self._news.put_nowait((link, link.why))

    def _hear(self, link: Link, said: Mapping[str, object]) -> None:
        match said:
            case {"type": "disconnect", "reason": "link_disabled"}:
                raise Permanent(f"{WHO} is switched off in the app: switch it on (Settings, Socket Mode)")
            case {"type": "disconnect"}:
                self._news.put_nowait((link, f"Slack asks for it ({reason_of(said)})"))
            case {"type": str(kind), "envelope_id": str(name)}:
                self._come(link, name, kind, said)
            case _:
                pass  # nothing that waits for an answer

    def _come(self, link: Link, name: str, kind: str, said: Mapping[str, object]) -> None:
        payload = said.get("payload")
        if mark := mark_in(kind, payload):
            self._inbox.echo.hear(mark)
            self._start(self._acknowledge(link, name, kind, None))
            return
        self._brought += 1
        if self._waiting >= WAITING:
            log.error("envelope not taken", kind=kind, why=f"{WAITING} are waiting")
            return
        self._waiting += 1
        envelope = Envelope(kind=kind, payload=payload if isinstance(payload, Mapping) else {})
        wants_answer = said.get("accepts_response_payload") is True
        self._start(self._hand_over(link, name, envelope, self._clock.now(), wants_answer=wants_answer))

    async def _hand_over(
        self, link: Link, name: str, envelope: Envelope, came_at: datetime, *, wants_answer: bool
    ) -> None:
        try:
            async with self._places:
                answer = await within(self._clock, came_at + TAKEN_WITHIN, self._taken(envelope))
        except Exception as problem:  # one envelope's fault ends that envelope, and Slack sends it again
            log.error(
                "envelope not taken", kind=envelope.kind, problem=type(problem).__name__, exc_info=problem
            )
            return
        finally:
            self._waiting -= 1
        if (took := self._clock.now() - came_at) > ANSWER_WITHIN:
            log.warning("envelope answered late", kind=envelope.kind, seconds=took.total_seconds())
        await self._acknowledge(link, name, envelope.kind, answer if wants_answer else None)

    async def _taken(self, envelope: Envelope) -> Mapping[str, object] | None:
        return await self._take(envelope)

    async def _acknowledge(
        self, link: Link, name: str, kind: str, answer: Mapping[str, object] | None
    ) -> None:
        if not await link.acknowledge(name, answer):
            log.warning("envelope not acknowledged", kind=kind, why=link.why or "the connection broke")

    # Watching

    async def _watch(self, link: Link) -> None:
        """A new connection has to prove itself at once, and now and then again."""
        while not link.why:
            wait = await self._prove(link)
            await self._clock.sleep_until(self._clock.now() + wait)

    async def _prove(self, link: Link) -> timedelta:
        """How long until the next time."""
        inbox = self._inbox
        self._brought = 0
        try:
            await inbox.echo.write()
        except Permanent as failure:
            log.warning("echo refused", why=str(failure))
            await self._serve_on()
            raise
        except Transient as failure:  # that it cannot be written says nothing about what is heard
            log.info("echo not written", why=str(failure))
            return max(failure.retry_after or ECHO_AGAIN, ECHO_AGAIN)
        if await inbox.echo.comes_back(ECHO_WITHIN if inbox.missed < DEAF else UNSOUND_WITHIN):
            inbox.missed = 0
            return ECHO_EVERY
        inbox.missed += 1
        log.warning("socket mode is deaf", missed=inbox.missed, connections=link.connections)
        if inbox.missed >= DEAF:
            raise self._deafness(link)
        await link.close("its echo did not come back")
        return ECHO_AGAIN

    async def _serve_on(self) -> None:
        """Nobody can say whether the connection hears, but it may: whoever presses a button meanwhile is heard."""
        await self._clock.sleep_until(self._clock.now() + UNSOUND_WITHIN)

    def _deafness(self, link: Link) -> Failure:
        channel = self._inbox.echo_channel
        mend = (
            f"see that the app hears of messages in channel {channel} (Event Subscriptions, bot events: "
            "message.channels, or message.groups where it is private), and that no other process uses its token"
        )
        if self._brought:
            return Permanent(f"{WHO} brings other things but not its echo: {mend}")
        several = f"; the app has {link.connections} connections" if link.connections > 1 else ""
        return Transient(f"{WHO} is connected and brings nothing{several}; if that stays so, {mend}")

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            self._news.put_nowait(problem)
