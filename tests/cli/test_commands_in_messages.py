"""The commands that messages tell people to type are commands of ours, with the options that they name."""

from __future__ import annotations

import click
import pytest
import typer

from responder.cli.main import app
from responder.dialects.wording.words import LOCALES, words

PROGRAM = typer.main.get_command(app)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("verb", ["acknowledge", "show", "sent", "waive"])
def test_a_command_that_a_message_tells_can_be_typed(verb, locale):
    told = words(locale)(f"command.cli.{verb}", incident="I1", duty="external_notice")
    name, *typed = told.split()
    assert name == "responder"
    command: click.Command = PROGRAM  # type: ignore[assignment]  # typer's Command is click's
    while hasattr(command, "commands"):
        command = command.commands[typed.pop(0)]
    context = click.Context(command)
    command.parse_args(context, typed)
    assert context.params["incident"] == "I1"
