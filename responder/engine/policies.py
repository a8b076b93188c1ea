"""The policies in force: today's book, and what was promised to incidents under older ones.

A promise is found by its hash and never changes, so it is kept once read. Triage of a label set is remembered for as
long as the book stands: matching costs microseconds a matcher, and alerts repeat.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from responder.core.identifiers import PinHash
from responder.core.level import Level
from responder.core.policy.book import PolicyBook
from responder.core.policy.escalation import Promise, Terms
from responder.core.triage import Verdict, triage
from responder.ports.store import Reader

REMEMBERED = 20_000  # label sets; at some 600 bytes each about 12 MB at the most


class UnknownPromise(Exception):
    """An incident relies on a promise that the store does not have; the database is damaged."""


class Policies:
    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._promises: dict[PinHash, Promise] = {}
        self._verdicts: OrderedDict[frozenset[tuple[str, str]], tuple[Verdict, tuple[str, ...]]] = (
            OrderedDict()
        )

    @property
    def book(self) -> PolicyBook:
        return self._book

    def replace(self, book: PolicyBook) -> None:
        self._book = book
        self._verdicts.clear()

    def judge(self, labels: Mapping[str, str]) -> tuple[Verdict, tuple[str, ...]]:
        """What triage says of these labels, and the heartbeats whose beat such an alert is."""
        key = frozenset(labels.items())
        if (known := self._verdicts.get(key)) is not None:
            self._verdicts.move_to_end(key)
            return known
        found = (triage(self._book, labels), self._book.beats(labels))
        self._verdicts[key] = found
        if len(self._verdicts) > REMEMBERED:
            self._verdicts.popitem(last=False)
        return found

    def remember(self, promise: Promise) -> None:
        """It is being stored in this transaction."""
        self._promises.setdefault(promise.pin, promise)

    async def promise(self, reader: Reader, pin: PinHash) -> Promise:
        """Raises UnknownPromise where the store does not have it."""
        if pin not in self._promises:
            found = (await reader.promises([pin])).get(pin)
            if found is None:
                raise UnknownPromise(f"no promise is stored under {pin}")
            self._promises[pin] = found
        return self._promises[pin]

    async def terms(self, reader: Reader, pin: PinHash, level: Level) -> Terms:
        return (await self.promise(reader, pin)).levels[level]
