"""The alerts that an Alertmanager has now: what it can be asked, beside what it posts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from responder.core.alert import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAlert:
    """An alert that has not ended there. While it is suppressed nothing is posted of it, its end neither."""

    alert: Alert
    receivers: tuple[str, ...]
    updated_at: datetime  # when it was last told, by whoever evaluates its rule
    is_suppressed: bool = False
    suppressed_by: tuple[
        str, ...
    ] = ()  # silences by their id, then the alerts that inhibit it by their fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStatus:
    """`config`: its configuration as plain data, without its secrets."""

    up_since: datetime
    config: Mapping[str, object]


class Peer(Protocol):
    """One Alertmanager. Both raise `Transient` or `Permanent`; the text names it, and holds no credential."""

    @property
    def name(self) -> str:
        """Its address, safe to show: host and port."""
        ...

    async def status(self) -> PeerStatus: ...

    async def alerts(self, receivers: Collection[str] | None = None) -> Sequence[PeerAlert]:
        """All that go to one of `receivers`, suppressed or not; None: to any."""
        ...
