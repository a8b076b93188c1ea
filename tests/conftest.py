"""What every test starts from: servers are there, or the tests that need them are skipped and say why."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

# Their assertions are written for reading too.
pytest.register_assert_rewrite("tests.conformance", "tests.builders", "tests.fakes", "tests.journeys")

PACKAGES = Path(__file__).with_name("debian-packages.txt")


def missing_packages(listed: str, path: str | None = None) -> list[str]:
    """The Debian packages in `listed` (on each line a package and its programs) that lack a program.

    path: where to look, as in PATH; None looks where the tests do.
    """
    missing = []
    for line in listed.splitlines():
        package, *programs = line.partition("#")[0].split() or [""]
        if not all(shutil.which(program, path=path) for program in programs):
            missing.append(package)
    return missing


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test marked `servers` where a server is missing; with CI set, a missing server is a failure."""
    if item.get_closest_marker("servers") is None:
        return
    missing = missing_packages(PACKAGES.read_text(encoding="utf-8"))
    if not missing:
        return
    reason = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if os.environ.get("CI"):
        pytest.fail(f"CI is set and servers are missing: {reason}", pytrace=False)
    pytest.skip(f"servers are missing: {reason}")
