"""One process a database: a file beside it, locked for as long as the store is open.

The lock is the kernel's and ends with the process, however it ends; the process id in the file is for people.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from responder.core.errors import Permanent


class InUse(Permanent):
    """Another process has this database open."""


class LockFile:
    """`path`: beside the database. The file stays when the lock ends, because removing it would race with the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, database: Path) -> None:
        """Raises InUse where another process has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise InUse(
                f"{database} is in use by process {holder} (it holds {self._path}): stop that process first; two "
                "processes would corrupt the database"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def give_back(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
