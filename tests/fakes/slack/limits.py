"""Slack's rate limits, by the test's clock.

Sources, read on 2026-11-23: docs.slack.dev/apis/web-api/rate-limits (tier 2: 20+ a minute, tier 3: 50+, tier 4: 100+,
each per method, workspace and app; posting: one message a second and channel, short bursts allowed; over it: HTTP 429
with Retry-After in seconds), and the tier that each method's page under docs.slack.dev/reference/methods/ names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from responder.ports.clock import Clock

TIERS = {2: 20, 3: 50, 4: 100}  # calls a minute
TIER_OF = {
    "chat.update": 3,
    "chat.postEphemeral": 4,
    "conversations.history": 3,
    "conversations.replies": 3,
    "conversations.info": 3,
    "conversations.list": 2,
    "conversations.open": 3,
    "users.info": 4,
    "views.open": 4,
    "team.info": 3,
    "apps.connections.open": 3,
}
POSTING = "chat.postMessage"


@dataclass(slots=True)
class _Bucket:
    filled: float
    at: float


@dataclass(slots=True)
class Limits:
    """`posting_burst`: posts to a channel at once before the one a second begins to count; `posting_in_all`: a minute's
    posts to all channels. `is_on`: switch them off.
    """

    clock: Clock
    is_on: bool = True
    posting_burst: int = 3
    posting_in_all: int = 300  # "several hundred messages per minute", says the method's page
    tiers: dict[int, int] = field(default_factory=lambda: dict(TIERS))
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)

    def wait(self, method: str, channel: str) -> int:
        """Count a call. 0 = it may pass; else it may not, and how many seconds until one may."""
        if not self.is_on:
            return 0
        if method == POSTING:
            in_all = self._draw((method, ""), self.posting_in_all, self.posting_in_all / 60)
            return in_all or self._draw((method, channel), self.posting_burst, 1.0)
        if (tier := TIER_OF.get(method)) is None:
            return 0
        return self._draw((method, ""), self.tiers[tier], self.tiers[tier] / 60)

    def _draw(self, key: tuple[str, str], size: int, per_second: float) -> int:
        now = self.clock.now().timestamp()
        bucket = self._buckets.setdefault(key, _Bucket(size, now))
        bucket.filled = min(size, bucket.filled + (now - bucket.at) * per_second)
        bucket.at = now
        if bucket.filled < 1:
            return max(1, math.ceil((1 - bucket.filled) / per_second))
        bucket.filled -= 1
        return 0
