"""The two failures, and the fault of a policy.

An adapter translates its vendor's errors into one of the two, names the thing and the limit ("slack: channel
#sre-pages archived (is_archived)") and chains the original with `from`. The text is shown to people: no secret in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType


class Failure(Exception):
    """A call to the world did not do what it was asked.

    `outward`: the same for whoever asked us, without our insides; empty where the adapter has no words for it.
    """

    def __init__(self, message: str = "", *, outward: str = "") -> None:
        super().__init__(message)
        self.outward = outward


class Transient(Failure):
    """It may succeed later. `retry_after`: what the other side asked for; None = our own backoff."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None, outward: str = "") -> None:
        super().__init__(message, outward=outward)
        self.retry_after = retry_after


class Unsure(Transient):
    """Nobody knows whether it was done: the connection broke, or the deadline passed, after it had been asked."""


class Conflict(Transient):
    """Somebody else wrote what was read, at the same time; nothing was done, and the same again will do."""


class Busy(Transient):
    """Nothing was sent, and nothing is wrong: the channel's own pace asks to come back after `retry_after`."""


class Permanent(Failure):
    """It will not succeed until a person mends something; the text says what."""


class Unreadable(Permanent):
    """A stored record is not what any program of ours has written; others may be read all the same."""


class FromNewer(Permanent):
    """A newer program wrote it. While versions change, that one works on it; else it has to be run again."""


class Refused(Exception):
    """A person asked for something that makes no sense now. The text tells them why, and what would.

    `code`, `figures`: the same for the catalogues, where the text has to be in the person's language.
    """

    def __init__(
        self, text: str, *, code: str = "", figures: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(text)
        self.code = code
        self.figures = figures


class Forbidden(Refused):
    """It is not theirs to do."""


class Unknown(Refused):
    """What they named does not exist."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a policy document: where, what, and what to write instead."""

    file: str
    line: int  # from 1; 0 = the file as a whole
    what: str
    instead: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}" + (f" — {self.instead}" if self.instead else "")


class PolicyFaults(Exception):
    """A policy set that cannot be used, with every fault that was found in it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults
