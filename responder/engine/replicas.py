"""Replicas: who serves from this store, and by whose policies.

Every process says again and again that it is there, and what book it works by. The book in force is the one that was
loaded last among those that are there. A replica which works by another stands by: it takes webhooks in and does what
people ask, ends the calls that it has in flight, and leaves what depends on the policies to those that have them: it
judges, fires, sends and looks after nothing. So a rolling change of the policies decides everything by one book, and a
book whose last holder has died gives way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from responder.core.errors import Failure
from responder.engine.points import Points
from responder.engine.policies import Policies
from responder.ports.store import Reader, Replica, Unit

EVERY = timedelta(seconds=5)
GONE = timedelta(seconds=30)  # after which one that says nothing counts for nothing
EVER = datetime.max.replace(tzinfo=UTC)
FORGOTTEN = timedelta(hours=1)  # after which its row is deleted

log = structlog.get_logger("replicas")


@dataclass(frozen=True, slots=True)
class Name:
    """Of this process. `id` tells it from every other, and from its own earlier starts."""

    id: str
    version: str


class Replicas:
    def __init__(self, points: Points, policies: Policies, name: Name) -> None:
        self._points = points
        self._policies = policies
        self._loaded_at: datetime | None = None
        self._instead: Replica | None = None  # whose policies are in force instead of ours, as last seen
        self._has_to_take_up = False  # ours are in force again, and what hangs on them is not set up
        self.told_at: datetime | None = None  # when we last said that we are there
        self.name = name

    async def run(self, take_up: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._points.clock.sleep_until(self._points.clock.now() + EVERY)
            await self.once(take_up)

    async def once(self, take_up: Callable[[], Awaitable[None]]) -> None:
        """Tell. `take_up`: what there is to do where our policies have come into force without being loaded."""
        await self.tell()
        if self._has_to_take_up:
            await take_up()
            self._has_to_take_up = False

    async def load(self) -> None:
        """Our book is the newest from now on."""
        self._loaded_at = self._points.clock.now()
        before = await self.tell()
        self._has_to_take_up = False  # whoever loads does it
        if before is not None:
            log.warning(
                "our policies are in force from now on, in place of others",
                ours=self._policies.book.hash,
                **_said(before),
            )

    async def tell(self) -> Replica | None:
        """Say that we are there. Returns whose other policies were in force until then, where ours are now."""
        before, there = await self._points.commit("commit.replica", self._put)
        now = self._points.clock.now()
        self.told_at = now
        self._points.metrics.replicas.set(len(alive(there, now)))
        if not self._see(there) or before is None or before.id == self.name.id:
            return None
        if before.book == self._policies.book.hash:
            return None
        self._has_to_take_up = True  # we slept, and were missed, without knowing it
        return before

    async def _put(self, unit: Unit) -> tuple[Replica | None, list[Replica]]:
        """Who had the policies in force so far, and who is there now."""
        now = self._points.clock.now()
        ours = Replica(
            id=self.name.id,
            version=self.name.version,
            book=self._policies.book.hash,
            loaded_at=self._loaded_at or now,
            seen_at=now,
        )
        # Where the store is ours alone, whoever else stands there has died, whatever the clock says.
        await unit.delete_replicas_before(EVER if self._points.are_alone else now - FORGOTTEN)
        before = decisive(await unit.replicas(), now)
        await unit.put_replica(ours)
        return before, await unit.replicas()

    async def leave(self) -> None:
        """We take nothing on any more; others need not wait until they miss us. Never raises."""
        if self._points.are_alone or self._loaded_at is None:
            return
        long_ago = self._points.clock.now() - FORGOTTEN
        gone = Replica(
            id=self.name.id,
            version=self.name.version,
            book=self._policies.book.hash,
            loaded_at=self._loaded_at,
            seen_at=long_ago,
        )
        try:
            await self._points.commit("commit.replica", lambda unit: unit.put_replica(gone))
        except Failure as problem:
            log.warning("others will miss us only later", problem=str(problem))

    @property
    def stands_by(self) -> bool:
        """Other policies than ours were in force when we last asked."""
        return self._instead is not None

    async def is_in_force(self, reader: Reader) -> bool:
        """Our policies are. Where nobody has said anything lately, ours are as good as any."""
        return self._points.are_alone or self._see(await reader.replicas())

    def _see(self, there: Sequence[Replica]) -> bool:
        """Note whether our policies are in force."""
        found = decisive(there, self._points.clock.now())
        # What we have said ourselves may be of the book before, while we load.
        is_ours = found is None or found.id == self.name.id or found.book == self._policies.book.hash
        instead = None if is_ours else found
        self._points.metrics.judges.set(instead is None)
        if instead is None and self._instead is not None:
            log.warning("our policies are in force", ours=self._policies.book.hash)
            self._has_to_take_up = True
        elif instead is not None and (self._instead is None or self._instead.book != instead.book):
            log.warning(
                "other policies are in force; reload (SIGHUP) or restart this replica to put its own in force",
                ours=self._policies.book.hash,
                **_said(instead),
            )
        self._instead = instead
        return instead is None

    def problem(self) -> str:
        """What /readyz says of our policies; empty where they are in force."""
        if self._instead is None:
            return ""
        said = "{theirs}, loaded at {loaded_at} by {by}".format(**_said(self._instead))
        return (
            f"other policies are in force ({said}), ours ({self._policies.book.hash}) are not: this replica stands by; "
            "reload (SIGHUP) or restart it to put its own in force"
        )


def alive(replicas: Sequence[Replica], now: datetime) -> list[Replica]:
    return [replica for replica in replicas if replica.seen_at > now - GONE]


def decisive(replicas: Sequence[Replica], now: datetime) -> Replica | None:
    """Whose policies are in force: who loaded last among those that are there. None where nobody is."""
    return max(alive(replicas, now), key=lambda replica: (replica.loaded_at, replica.id), default=None)


def _said(theirs: Replica) -> dict[str, str]:
    loaded_at = theirs.loaded_at.isoformat(timespec="seconds")
    return {"theirs": theirs.book, "loaded_at": loaded_at, "by": theirs.id}
