"""How long the core's property tests search: the same cases each time, or with RESPONDER_SEARCH=deep ever new ones."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

IS_DEEP = os.environ.get("RESPONDER_SEARCH") == "deep"


def _search(short: int, deep: int) -> settings:
    return settings(
        max_examples=deep if IS_DEEP else short,
        derandomize=not IS_DEEP,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


SEARCH = _search(short=150, deep=5_000)
SEARCH_LIVES = _search(short=60, deep=2_000)  # a life takes some 10 ms, and a test has a minute
