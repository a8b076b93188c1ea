"""`responder serve`: runs the service; what keeps it from starting is said line by line."""

from __future__ import annotations

from collections.abc import Mapping

import uvloop

from responder import app
from responder.cli.outcome import Exit
from responder.cli.output import Terminal
from responder.core.errors import Failure, PolicyFaults
from responder.settings import BadSettings, Settings


def serve(environ: Mapping[str, str]) -> int:
    """Runs until told to stop. USAGE for settings, NOT_SO for policies and a store that cannot be opened."""
    terminal = Terminal()
    try:
        settings = Settings.load(environ)
    except BadSettings as wrong:
        terminal.complain(*(f"responder: {line}" for line in str(wrong).splitlines()))
        return Exit.USAGE
    try:
        return uvloop.run(app.serve(settings, environ))
    except PolicyFaults as wrong:
        terminal.complain(*(f"responder: {fault}" for fault in wrong.faults))
        return Exit.NOT_SO
    except Failure as failure:
        terminal.complain(f"responder: {failure}")
        return Exit.NOT_SO
    except OSError as problem:
        terminal.complain(f"responder: {problem.strerror or problem}")
        terminal.hint(
            "  where an address is in use, another one may be running; RESPONDER_LISTEN chooses another"
        )
        return Exit.NOT_SO
