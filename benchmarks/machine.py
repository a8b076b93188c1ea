"""The machine that was measured on, as far as figures depend on it: no names of hosts, no paths."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("responder", "aiohttp", "uvloop", "SQLAlchemy", "aiosqlite", "asyncpg", "pydantic", "google-re2")


def machine() -> dict[str, str | int | float]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count() or 0,
        "cpu": _cpu(Path("/proc/cpuinfo").read_text(encoding="utf-8")),
        "memory_mb": memory // 10**6,
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "wrk": wrk_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except ModuleNotFoundError:  # PackageNotFoundError is one: not everybody has every database's driver
            continue
    return found


def wrk_version() -> str:
    said = subprocess.run(("wrk", "--version"), capture_output=True, text=True, check=False).stdout
    found = re.search(r"wrk \S*?(\d+(?:\.\d+)+)", said)
    return found[1] if found else "unknown"


def _cpu(said: str) -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", said, re.MULTILINE)
    return found[1].strip() if found else "unknown"
