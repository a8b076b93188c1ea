"""`python -m tests.fakes.skewed SECONDS`: `responder serve` on a machine whose wall clock is so much ahead."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial


def _wall(read: Callable[[], float], ahead: float) -> float:
    return read() + ahead


if __name__ == "__main__":
    # Before anything that reads it is imported.
    time.time = partial(_wall, time.time, float(sys.argv[1]))  # noqa: TID251  it is what is tried
    from responder.cli.main import main

    sys.argv[1:] = ["serve"]
    main()
