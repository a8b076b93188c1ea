"""What a person said in Slack: by a slash command, a button, a form or a mention. The types that parsing ends in.

`Said` is the same whichever way it came; what it means to an incident is the engine's. Nothing here is trusted: the
names and texts are as the person typed them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from responder.core.level import Level


class Verb(StrEnum):
    """What can be asked for, as it is typed behind /incident."""

    LIST = "list"
    SHOW = "show"
    DECLARE = "declare"
    ACK = "ack"
    UNACK = "unack"
    RESOLVE = "resolve"
    LEVEL = "level"
    ESCALATE = "escalate"
    SNOOZE = "snooze"
    NOTE = "note"
    WHO = "who"
    HELP = "help"


class Button(StrEnum):
    """The buttons on a message; their action ids are `responder.<value>`."""

    ACKNOWLEDGE = "ack"
    RESOLVE = "resolve"
    ESCALATE = "escalate"
    SNOOZE = "snooze"


class Form(StrEnum):
    """The modals; their callback ids are `responder.<value>`."""

    RESOLVE = "resolve"  # asks for a reason
    SNOOZE = "snooze"  # asks for a duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who speaks, as Slack names them. `name` is for people; only `team` and `user` identify."""

    team: str
    user: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it was said. `thread`: the timestamp of the thread's root, "" outside threads."""

    channel: str
    thread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """`incident`: as typed and made upper case ("I42"), "" where none was named."""

    verb: Verb
    incident: str = ""
    duration: timedelta | None = None
    level: Level | None = None
    text: str = ""  # a note, a reason, a title


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """What was said cannot be understood. `code` and `figures`: its words in the catalogues; `meant`: a near miss, as
    it would be typed, or "".
    """

    code: str
    figures: dict[str, str] = field(default_factory=dict)
    meant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A slash command, or a mention of our name with words behind it. `once`: the same for a replay of it."""

    caller: Caller
    place: Place
    said: Said | Unclear
    once: str = field(repr=False)
    response_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A button on a message about `incident`, as it was at `revision`."""

    caller: Caller
    place: Place
    button: Button
    incident: str
    revision: int
    once: str = field(repr=False)
    trigger: str = field(repr=False)
    response_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form, sent off. `said` as the form's fields have it; `Unclear` names the field in `figures["block"]`."""

    caller: Caller
    form: Form
    incident: str
    revision: int
    said: Said | Unclear
    once: str = field(repr=False)
    response_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """Slack asks whether an events address is ours; it is answered with the same text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoed:
    """An event that our own echo message caused: `mark` is what was written into it."""

    mark: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that we listen to."""


Heard = Spoken | Pressed | Filled | Challenged | Echoed | Ignored


class NotSlack(ValueError):
    """This is nothing that Slack sends. The text names what is missing, and repeats nothing of it."""
