"""An Alertmanager in memory, for the engine: its alerts, silences and inhibitions, and a test that says how it answers.

`conformance` holds it to the real one, as far as both can be asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from responder.core.alert import Alert
from responder.core.errors import Permanent, Transient
from responder.dialects.alertmanager import fingerprint_there
from responder.ports.alerts import PeerAlert, PeerStatus
from responder.ports.clock import Clock

Labels = Mapping[str, str]


@dataclass
class Known:
    """An alert that it was told of."""

    labels: Labels
    annotations: Labels
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    receiver: str


@dataclass
class FakePeer:
    """Every alert goes to `receiver`, unless it is posted with another; one that is not repeated ends by itself."""

    clock: Clock
    name: str = "alertmanager:9093"
    receiver: str = "responder"
    resolve_timeout: str = "5m"
    route: dict[str, Any] = field(default_factory=dict)  # beside the receiver
    failure: Transient | Permanent | None = None  # what asking it comes to
    asked: list[str] = field(default_factory=list)  # what it was asked for
    up_since: datetime = field(init=False)
    _alerts: dict[str, Known] = field(default_factory=dict)
    _silences: dict[str, Labels] = field(default_factory=dict)  # id -> labels that all have to be there
    _inhibitions: list[tuple[Labels, Labels]] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        self.up_since = self.clock.now()

    # What a test does with it

    async def post(
        self,
        labels: Labels,
        annotations: Labels | None = None,
        *,
        ends_at: datetime | None = None,
        receiver: str | None = None,
    ) -> str:
        """What a Prometheus posts; returns the alert's fingerprint."""
        now = self.clock.now()
        key = fingerprint_there(labels)
        before = self._alerts.get(key)
        goes_on = before is not None and before.ends_at > now
        self._alerts[key] = Known(
            labels=labels,
            annotations=annotations or {},
            starts_at=before.starts_at if before is not None and goes_on else now,
            ends_at=ends_at or now + timedelta(days=1),
            updated_at=now,
            receiver=receiver or self.receiver,
        )
        return key

    async def silence(self, labels: Labels) -> str:
        self._made += 1
        name = f"silence-{self._made}"
        self._silences[name] = labels
        return name

    async def expire(self, silence: str) -> None:
        del self._silences[silence]

    def inhibit(self, source: Labels, target: Labels) -> None:
        """An alert with labels `source` suppresses those with `target`."""
        self._inhibitions.append((source, target))

    async def restart(self) -> None:
        """It keeps its silences, and none of its alerts."""
        self._alerts.clear()
        self.up_since = self.clock.now()

    # What a peer answers

    async def status(self) -> PeerStatus:
        self._ask("status")
        receivers = {self.receiver, *(known.receiver for known in self._alerts.values())}
        config = {
            "global": {"resolve_timeout": self.resolve_timeout},
            "route": {"receiver": self.receiver} | self.route,
            "receivers": [{"name": name} for name in sorted(receivers)],
        }
        return PeerStatus(up_since=self.up_since, config=config)

    async def alerts(self, receivers: Collection[str] | None = None) -> Sequence[PeerAlert]:
        self._ask("alerts" if receivers is not None else "all alerts")
        return [
            self._listed(key, known)
            for key, known in self._alerts.items()
            if known.ends_at > self.clock.now() and (receivers is None or known.receiver in receivers)
        ]

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.failure is not None:
            raise self.failure

    def _listed(self, key: str, known: Known) -> PeerAlert:
        silences = [name for name, labels in self._silences.items() if labels.items() <= known.labels.items()]
        inhibited = [
            other
            for other, source in self._alerts.items()
            for wanted, target in self._inhibitions
            if other != key
            and source.ends_at > self.clock.now()
            and wanted.items() <= source.labels.items()
            and target.items() <= known.labels.items()
        ]
        return PeerAlert(
            alert=Alert(
                fingerprint=fingerprint_there(known.labels),
                labels=known.labels,
                annotations=known.annotations,
                starts_at=known.starts_at,
            ),
            receivers=(known.receiver,),
            updated_at=known.updated_at,
            is_suppressed=bool(silences or inhibited),
            suppressed_by=(*silences, *inhibited),
        )
