"""Checkups: asks every channel now and then whether it could send, and whether people are still where it would send to.

A revoked token, or a person who has left the chat, is found by day and not by the page that nobody read. What is found
is an alarm, about a channel through the others; that it is well again ends the alarm. A channel that cannot be asked
without sending says nothing here. While another replica's policies are in force ours say nothing either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from responder.core.decision import AlarmCleared, AlarmKind, AlarmRaised
from responder.core.errors import Busy, Failure, Permanent
from responder.core.identifiers import ChannelName
from responder.engine.catalogue import Catalogue
from responder.engine.directory import Directory
from responder.engine.handle import Handle
from responder.engine.points import Points
from responder.engine.replicas import Replicas
from responder.engine.turn import Turn
from responder.ports.store import Unit

EVERY = timedelta(minutes=5)
WITHIN = timedelta(seconds=20)  # for one answer
ALARM_AFTER = 3  # looks in a row that failed for now; what fails for good is told at once

log = structlog.get_logger("checkups")

Subject = tuple[AlarmKind, str]


class Checkups:
    def __init__(
        self,
        points: Points,
        catalogue: Catalogue,
        directory: Directory,
        handle: Handle,
        replicas: Replicas,
    ) -> None:
        self._points = points
        self._catalogue = catalogue
        self._directory = directory
        self._handle = handle
        self._replicas = replicas
        self._failures: dict[Subject, int] = {}  # looks in a row

    async def run(self) -> None:
        while True:
            await self.look()
            await self._points.clock.sleep_until(self._points.clock.now() + EVERY)

    async def look(self) -> None:
        """Ask every channel, then after the people of those that are well, and tell what changed."""
        if self._replicas.stands_by:
            return
        channels = await self._ask_channels()
        people = await self._ask_after_people({name for name, failure in channels.items() if failure is None})
        found: dict[Subject, Failure | None] = {
            (AlarmKind.CHANNEL, name): failure for name, failure in channels.items()
        }
        found |= {(AlarmKind.CONTACT, subject): failure for subject, failure in people.items()}
        if told := [one for subject, failure in found.items() if (one := self._judge(subject, failure))]:
            await self._tell(told)

    async def _ask_channels(self) -> Mapping[ChannelName, Failure | None]:
        names = self._catalogue.names()
        answers = await asyncio.gather(*(self._ask(name) for name in names))
        return dict(zip(names, answers, strict=True))

    async def _ask_after_people(self, well: set[ChannelName]) -> Mapping[str, Failure | None]:
        """One after the other: nobody is waiting, and a chat counts its calls."""
        found: dict[str, Failure | None] = {}
        for contact, channel, address in self._directory.addresses():
            if channel in well:
                found[f"{contact} by {channel}"] = await self._ask(channel, address)
        return found

    async def _ask(self, name: ChannelName, address: str | None = None) -> Failure | None:
        try:
            await self._points.check(name, self._points.clock.now() + WITHIN, address)
        except Busy:
            return None  # it would send, later
        except Failure as failure:
            log.warning("not well", channel=name, problem=str(failure))
            return failure
        return None

    def _judge(self, subject: Subject, failure: Failure | None) -> AlarmRaised | AlarmCleared | None:
        kind, name = subject
        if failure is None:
            was_told = self._failures.pop(subject, 0) >= ALARM_AFTER
            # Nobody but us hears of a person, so what another process raised ends here; a channel that refuses to send
            # is not well for being there.
            return AlarmCleared(kind=kind, subject=name) if was_told or kind is AlarmKind.CONTACT else None
        before = self._failures.get(subject, 0)
        self._failures[subject] = ALARM_AFTER if isinstance(failure, Permanent) else before + 1
        if self._failures[subject] < ALARM_AFTER:
            return None
        # Every time: one that is raised already is not raised twice, and one that a person has resolved is again.
        return AlarmRaised(kind=kind, subject=name, detail=str(failure)[:500])

    async def _tell(self, told: list[AlarmRaised | AlarmCleared]) -> None:
        async def work(unit: Unit) -> None:
            if not await self._replicas.is_in_force(unit):
                return
            turn = Turn(unit, self._points.clock.now())
            for one in told:
                turn.emit(one)
            await self._handle.finish(turn)

        await self._points.commit("commit.checkup", work)
