"""The local token's file: read and written so that only our own user sees it."""

from __future__ import annotations

import os
from pathlib import Path


def read(path: Path) -> str | None:
    """None where there is no such file, or nothing in it."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def write(path: Path, secret: str) -> None:
    """The whole file or none, mode 0600 from its first byte. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(f"{secret}\n")
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)
