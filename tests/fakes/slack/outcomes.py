"""What a test scripts a method to end in, instead of what it would have done; and the calls as they are remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Fails:
    """{"ok": false} with this of Slack's error codes. `more`: further fields of the answer."""

    error: str
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Status:
    """An HTTP status with a body that is not Slack's JSON, as a proxy or a broken server gives."""

    status: int
    body: str = "upstream error"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Throttles:
    """HTTP 429, as a rate limit gives it. retry_after: seconds, or whatever else stands in the header."""

    retry_after: int | str = 1


@dataclass(frozen=True, slots=True)
class Hangs:
    """No answer until `release`; then as if nothing had been. `is_taken`: it happened before the hang."""

    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class TakesAndBreaks:
    """It is done, and the connection closed without a word: the caller cannot know."""


@dataclass(frozen=True, slots=True)
class Breaks:
    """Nothing is done, and the connection closed: the caller cannot know either."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """HTTP 200 with what is no JSON. `is_taken`: it happened all the same."""

    body: str = '{"ok": tru'
    is_taken: bool = False


Outcome = Fails | Status | Throttles | Hangs | TakesAndBreaks | Breaks | Malformed


@dataclass(slots=True, kw_only=True)
class Call:
    """One call as it came. `args`: without the token, JSON arguments decoded. `answer`: None while there is none, and
    for good where the connection broke.
    """

    method: str
    args: dict[str, Any]
    at: datetime
    status: int = 0  # HTTP; 0 as long as `answer` is None
    answer: dict[str, Any] | None = None

    @property
    def is_ok(self) -> bool:
        return self.answer is not None and self.answer.get("ok") is True

    @property
    def error(self) -> str:
        """Slack's error code, "" for none."""
        return str((self.answer or {}).get("error", ""))
