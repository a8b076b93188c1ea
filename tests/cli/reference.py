"""docs/cli.md, drawn from the commands. `python -m tests.cli.reference` writes it; a test holds it current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from responder.cli.main import app
from responder.cli.outcome import WORDS
from tests.house.tree import ROOT

CLI: Path = ROOT / "docs" / "cli.md"

HEAD = """# The command line

Drawn from the commands themselves; change those, then run `python -m tests.cli.reference`.

`responder` speaks to the service through its API, except for `serve`, `check`, `schema`, `explain`, `messages` and
`slack`, which need none, `db copy`, and `token … --offline`. On the machine of the service it just works: the first
start writes a token to `var/token`. Elsewhere `RESPONDER_URL` says where the service is and `RESPONDER_TOKEN` (or a
file) who you are. A token is never a word of the command line, where others could read it.

Tables and lines are for people. `--output json`, before or after the command, prints one JSON object on standard output
(`incidents watch`: one a line), whatever else is said goes to standard error. Times in it are UTC, durations seconds.

## Exit codes

| code | meaning |
|---|---|
"""

SHAPES = """
## What `--output json` prints

| command | object |
|---|---|
| `check` | `{"ok", "faults": [{"file", "line", "what", "instead"}], "warnings": […], "checked": […]}` |
| `schema` | the JSON Schema of one document, or `{document: schema}` |
| `explain` | `{"at", "version", "left_out", "alerts": […], "incidents": […], "unreadable": […]}` |
| `incidents list` | `{"incidents": […], "next"}`, as the API answers; `next` is for `--before` |
| `incidents show` | the incident, as the API answers |
| `incidents watch` | one object a line: the incident as in the list, and `change` |
| other commands on incidents | `{"code", "words", "incident", "revision", "details"}`, as the API answers |
| `send` | `{"url", "journal"}` |
| `replay` | `{"bodies", "alerts", "unreadable", "changes": [{"journal", "index", "differs": {…}}]}` |
| `token create` | `{"token": {…}, "secret"}` |
| `token list` | `{"tokens": […]}` |
| `db copy` | `{"from", "to", "rows", "tables": {table: rows}}` |
| `slack check` | `{"ok", "findings": [{"what", "state", "words"}]}`; a state is `ok`, `warning` or `wrong` |
| `slack manifest` | the manifest, which Slack takes as JSON too |
| `status` | as the API answers; where it cannot look the token up, `ready` and `problems` alone, from `/readyz` |

The API's own shapes stand in its description, `/api/openapi.json`.
"""


def reference() -> str:
    root = typer.main.get_command(app)
    codes = "".join(f"| {int(code)} | {words} |\n" for code, words in WORDS.items())
    parts = [HEAD, codes, SHAPES, "\n## Options before the command\n\n", *_options(root)]
    for command, words in _leaves(root, ("responder",)):
        parts.append(f"\n## {' '.join(words)}\n\n```\n{_usage(command, words)}\n```\n\n{_help(command)}\n\n")
        parts += _options(command)
    return "".join(parts).rstrip("\n") + "\n"


def _leaves(command: Any, words: tuple[str, ...]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Every command that does something, in the order in which help lists them."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield command, words
        return
    for name, child in inner.items():
        yield from _leaves(child, (*words, name))


def _usage(command: Any, words: tuple[str, ...]) -> str:
    arguments = [
        _name(parameter) if parameter.required else f"[{_name(parameter)}]"
        for parameter in command.params
        if parameter.param_type_name == "argument"
    ]
    return " ".join([*words, "[OPTIONS]", *arguments])


def _name(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).upper().strip("_")


def _help(command: Any) -> str:
    return " ".join((command.help or "").split())


def _options(command: Any) -> Iterator[str]:
    rows = [row for parameter in command.params if (row := _row(parameter))]
    if rows:
        yield "| option | what it says |\n|---|---|\n"
        yield from rows


def _row(parameter: Any) -> str:
    if parameter.name in ("install_completion", "show_completion"):
        return ""
    is_argument = parameter.param_type_name == "argument"
    name = _name(parameter) if is_argument else ", ".join(f"`{option}`" for option in parameter.opts)
    told = [" ".join((parameter.help or "").split())]
    if parameter.envvar:
        told.append(f"Variable `{parameter.envvar}`.")
    if parameter.required and not is_argument:
        told.append("Needed.")
    default = getattr(parameter.default, "value", parameter.default)
    if default and not is_argument and default is not True:
        told.append(f"Default `{default}`.")
    return f"| {name} | {' '.join(told)} |\n"


if __name__ == "__main__":
    CLI.parent.mkdir(exist_ok=True)
    CLI.write_text(reference(), encoding="utf-8")
