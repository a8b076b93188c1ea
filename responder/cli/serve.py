"""`responder serve`: runs the service; what keeps it from starting is said line by line."""

from __future__ import annotations

from collections.abc import Mapping

import uvloop

from responder import app
from responder.cli.outcome import Exit
from responder.cli.output import Terminal
from responder.core.errors import Failure, PolicyFaults
from responder.settings import BadSettings, Settings

ADDRESS = "bind on address"  # the loop says so of an address in use, not this machine's, or not allowed to us
TLS = "RESPONDER_TLS_CERT, RESPONDER_TLS_KEY and RESPONDER_TLS_CLIENT_CA"


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
        what, next_ = told(problem)
        terminal.complain(f"responder: {what}")
        terminal.hint(f"  {next_}")
        return Exit.NOT_SO


def told(problem: OSError) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    what = problem.strerror or str(problem)
    if ADDRESS in what:
        return (
            what,
            "another one may be running, or the address is not this machine's; RESPONDER_LISTEN chooses another",
        )
    if problem.filename is not None:
        return f"{problem.filename}: {what}", f"one of {TLS} may point to it"
    # A certificate that cannot be loaded comes without its file's name.
    return what, f"where it is about a file, {TLS} may point to it; RESPONDER_LISTEN says where we listen"
