"""From what was said in Slack to what is asked of the engine: by a typed verb, a button or a form."""

from __future__ import annotations

from typing import assert_never

from responder.core.level import Level
from responder.dialects.slack import forms
from responder.dialects.slack.said import Button, Form, Said, Verb
from responder.engine.commands import (
    Acknowledge,
    Ask,
    Declare,
    Escalate,
    Note,
    Resolve,
    SetLevel,
    Snooze,
    Unacknowledge,
)

DECLARED = Level.MODERATE  # where none is named: as an alert that no rule knows

# What can be asked of an incident, by its verb.
OF_VERB: dict[Verb, type[Ask]] = {
    Verb.ACK: Acknowledge,
    Verb.UNACK: Unacknowledge,
    Verb.RESOLVE: Resolve,
    Verb.LEVEL: SetLevel,
    Verb.ESCALATE: Escalate,
    Verb.SNOOZE: Snooze,
    Verb.NOTE: Note,
}
# What a form asks for, and the field under which a person reads why not.
OF_FORM: dict[Form, tuple[type[Ask], str]] = {
    Form.RESOLVE: (Resolve, forms.REASON),
    Form.SNOOZE: (Snooze, forms.OTHER),
}


def ask_of(said: Said) -> Ask:
    """For the verbs of OF_VERB; the dialect sees to it that nothing is missing."""
    match said.verb:
        case Verb.ACK:
            return Acknowledge(wanted=said.duration)
        case Verb.UNACK:
            return Unacknowledge()
        case Verb.RESOLVE:
            return Resolve(reason=said.text)
        case Verb.LEVEL:
            assert said.level is not None
            return SetLevel(level=said.level, reason=said.text)
        case Verb.ESCALATE:
            return Escalate()
        case Verb.SNOOZE:
            assert said.duration is not None
            return Snooze(wanted=said.duration)
        case Verb.NOTE:
            return Note(text=said.text)
        case Verb.LIST | Verb.SHOW | Verb.WHO | Verb.HELP | Verb.DECLARE:
            raise AssertionError(f"{said.verb} is asked of no incident")
        case _:
            assert_never(said.verb)


def declared(said: Said) -> Declare:
    return Declare(title=said.text, level=said.level or DECLARED)


def pressed(button: Button) -> Ask | Form:
    """A form where the button alone does not say enough."""
    match button:
        case Button.ACKNOWLEDGE:
            return Acknowledge()
        case Button.ESCALATE:
            return Escalate()
        case Button.RESOLVE:
            return Form.RESOLVE
        case Button.SNOOZE:
            return Form.SNOOZE
        case _:
            assert_never(button)
