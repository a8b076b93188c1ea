"""The commands that messages tell people to type are commands of ours, with the options that they name."""

from __future__ import annotations

import click
import pytest
import typer

from responder.cli.main import app
from responder.dialects.wording.english import COMMAND

PROGRAM = typer.main.get_command(app)


@pytest.mark.parametrize("told", COMMAND.values(), ids=list(COMMAND))
def test_a_command_that_a_message_tells_can_be_typed(told):
    name, *words = told.format(incident="I1", duty="external_notice").split()
    assert name == "responder"
    command: click.Command = PROGRAM  # type: ignore[assignment]  # typer's Command is click's
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    context = click.Context(command)
    command.parse_args(context, words)
    assert context.params["incident"] == "I1"
