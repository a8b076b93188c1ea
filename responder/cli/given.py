"""What was given on the command line, read: labels, and the bytes of a file or of standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from responder.cli.outcome import Exit, Trouble


def labels_of(written: list[str]) -> dict[str, str]:
    """Raises Trouble for what is no NAME=VALUE."""
    found = {}
    for each in written:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise Trouble(Exit.USAGE, f"--label {each!r} is no label", "write it like --label cluster=kerp")
        found[name] = value
    return found


def read_bytes(path: Path) -> bytes:
    """Of the file, or of standard input for "-". Raises Trouble."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Trouble(
            Exit.USAGE, f"{path} cannot be read: {problem.strerror}", "name a file, or - for standard input"
        ) from None
