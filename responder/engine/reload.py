"""Reload: a new book takes the place of the old one only if it is whole and strands no open incident."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from responder.core.errors import Failure, Fault, PolicyFaults
from responder.core.policy.book import PolicyBook
from responder.engine.catalogue import Catalogue
from responder.engine.heartbeats import Heartbeats
from responder.engine.points import Points
from responder.engine.policies import Policies
from responder.engine.replicas import Replicas

log = structlog.get_logger("policies")


@dataclass(frozen=True, slots=True)
class Loaded:
    """`faults` empty: the new book is in force. Otherwise the old one stays, and these say why."""

    hash: str
    faults: tuple[Fault, ...] = ()


class Reload:
    def __init__(
        self,
        points: Points,
        policies: Policies,
        catalogue: Catalogue,
        heartbeats: Heartbeats,
        replicas: Replicas,
    ) -> None:
        self._points = points
        self._policies = policies
        self._catalogue = catalogue
        self._heartbeats = heartbeats
        self._replicas = replicas
        self.last = Loaded(policies.book.hash)  # what the last load came to

    async def reload(self) -> Loaded:
        """Read the policies again. Never raises for what is wrong with them. Transient: the store cannot be asked."""
        try:
            self.last = await self._load()
        except Failure as problem:
            self._points.metrics.reloads.labels("failed").inc()
            log.error("policies not loaded", problem=str(problem))
            raise
        return self.last

    async def _load(self) -> Loaded:
        try:
            book = await self._points.load_policies()
        except PolicyFaults as problem:
            return self._refuse(problem.faults)
        if stranded := await self.stranded(book):
            return self._refuse(stranded)
        try:
            await self._catalogue.fill(book)
        except ValueError as problem:
            return self._refuse((Fault("channels.yaml", 0, str(problem)),))
        self._policies.replace(book)
        await self._replicas.load()
        await self._heartbeats.configure(at_start=False)
        self._points.metrics.reloads.labels("loaded").inc()
        log.info("policies loaded", hash=book.hash)
        return Loaded(book.hash)

    async def stranded(self, book: PolicyBook) -> tuple[Fault, ...]:
        """Names that incidents which are not closed rely on and `book` lacks, each with one such incident."""
        faults = []
        async with self._points.reading("read.pins") as reader:
            for pin, incident in (await reader.pins_in_use()).items():
                promise = await self._policies.promise(reader, pin)
                for name in book.missing_names(promise):
                    what = f"{name} is gone, and incident {incident}, which is not closed, relies on it"
                    instead = (
                        f"keep it until {incident} is closed; or load policies that have it and no longer use it, "
                        f"then `responder incidents repin {incident}`, then remove it"
                    )
                    faults.append(Fault("contacts.yaml, channels.yaml", 0, what, instead))
        return tuple(faults)

    def _refuse(self, faults: tuple[Fault, ...]) -> Loaded:
        self._points.metrics.reloads.labels("refused").inc()
        for fault in faults:
            log.error("policies refused; the old ones stay in force", fault=str(fault))
        return Loaded(self._policies.book.hash, faults)
