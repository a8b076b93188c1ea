"""How a command ends: the exit codes that scripts may rely on, and trouble told in words."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    NOT_SO = 1  # faults were found, or what was asked for is not there
    USAGE = 2  # the command line, or a value in it, makes no sense
    UNREACHABLE = 3  # the service does not answer, or cannot do it just now
    REFUSED = 4  # no valid token, not this one's to do, or it makes no sense for the incident now
    NOT_RECORDED = 5  # the service has it, and could not say in time that it is committed


WORDS = {
    Exit.DONE: "done",
    Exit.NOT_SO: "faults were found, or what was asked for is not there",
    Exit.USAGE: "the command line, or a value in it, makes no sense",
    Exit.UNREACHABLE: "the service does not answer, or cannot do it just now",
    Exit.REFUSED: "refused: no valid token, not this token's to do, or it makes no sense for the incident now",
    Exit.NOT_RECORDED: "not recorded yet: the service has it, and could not say in time that it is committed",
}


class Trouble(Exception):
    """Ends a command. `what`: what happened, and to what; `next`: what to do about it."""

    def __init__(self, code: Exit, what: str, next_: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.next = next_


class NotThere(Trouble):
    """What was asked for does not exist."""


class Forbidden(Trouble):
    """It takes another token."""
