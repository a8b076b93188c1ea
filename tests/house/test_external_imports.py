"""What each room may import from outside the package: the part of the house that import-linter cannot hold.

import-linter forbids names one by one, so a new library slips through; here everything is forbidden that a
room's row does not name. A row is a package; a module with a row of its own (the clock) leaves its package's
row. A file for which there is no row fails, so a new room is thought about once.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.tree import Module, imports, modules

# Standard library that neither waits, nor reads the world, nor rolls dice.
PURE = frozenset(
    {
        "__future__",
        "abc",
        "bisect",
        "collections",
        "copy",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "enum",
        "functools",
        "hashlib",
        "heapq",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
        "zoneinfo",
    }
)
# What waiting code is written with.
WAITING = PURE | {"asyncio", "contextlib", "structlog"}

ALLOWED: dict[str, frozenset[str]] = {
    # The top: wiring and beginnings.
    "responder": frozenset(),
    "responder.__main__": PURE,
    # What a replica is called: its machine, and something that no other start has.
    "responder.app": WAITING
    | {"importlib.metadata", "os", "pathlib", "secrets", "signal", "socket", "sys", "uvloop"},
    "responder.settings": PURE
    | {"ipaddress", "os", "pathlib", "pydantic", "pydantic_settings", "urllib.parse"},
    "responder.telemetry": PURE | {"contextlib", "logging", "prometheus_client", "structlog", "sys"},
    # Floor 0: of outsiders only pydantic and re2.
    "responder.core": PURE | {"re2"},
    "responder.core.policy": PURE | {"pydantic"},
    "responder.core.machines": PURE,
    "responder.core.machines.escalation": PURE,
    "responder.core.invariants": PURE,
    # Floor 1: Protocols and the plain records that cross them.
    "responder.ports": PURE | {"contextlib"},
    "responder.ports.clock": PURE | {"asyncio"},  # the type of the event that wakes a sleeper
    # Floor 1½: what strangers speak.
    "responder.dialects": PURE | {"pydantic", "urllib.parse"},
    "responder.dialects.wording": PURE | {"urllib.parse"},
    "responder.dialects.wording.words": PURE | {"gettext", "importlib.resources"},
    "responder.dialects.slack": PURE | {"html"},
    # Floor 2: no SQL, no HTTP, no vendor, no dice but for making a token.
    "responder.engine": WAITING,
    "responder.engine.tokens": WAITING | {"secrets"},
    # Floor 3a: each vendor in its own room.
    "responder.adapters": PURE,
    "responder.adapters.alertmanager": WAITING | {"aiohttp", "base64", "ruamel.yaml", "urllib.parse"},
    "responder.adapters.local_token": PURE | {"os", "pathlib"},
    "responder.adapters.beacon": PURE | {"aiohttp", "urllib.parse"},
    "responder.adapters.clock": PURE | {"asyncio", "time"},
    "responder.adapters.policy_files": WAITING | {"os", "pathlib", "pydantic", "ruamel.yaml"},
    "responder.adapters.storage": WAITING
    | {
        "aiosqlite",
        "alembic",
        "asyncpg",
        "concurrent.futures",
        "fcntl",
        "os",
        "pathlib",
        "pydantic",
        "sqlalchemy",
        "urllib.parse",
    },
    "responder.adapters.storage.migrations": PURE | {"alembic", "sqlalchemy"},
    "responder.adapters.storage.migrations.versions": PURE | {"alembic", "sqlalchemy"},
    "responder.adapters.sessions": PURE | {"aiohttp", "asyncio"},
    "responder.adapters.slack": WAITING | {"aiohttp", "logging", "slack_sdk", "urllib.parse"},
    "responder.adapters.channels": WAITING
    | {"aiohttp", "hmac", "importlib", "jinja2", "pydantic", "sys", "tenacity", "urllib.parse"},
    # Floor 3b.
    "responder.web": WAITING
    | {"aiohttp", "base64", "binascii", "hmac", "pathlib", "prometheus_client", "pydantic", "ssl", "zlib"},
    "responder.web.slack": WAITING | {"aiohttp", "hmac", "urllib.parse"},
    # Floor 4: a terminal, and a client of the API.
    "responder.cli": WAITING
    | {"aiohttp", "importlib.metadata", "os", "pathlib", "pydantic", "rich", "ruamel.yaml", "signal", "sys"}
    | {"typer", "uvloop"},
}

# Rows whose room has not been built yet.
COMING = {row for row in ALLOWED if not row.startswith(("responder.core", "responder.ports"))}

# Tried on every row that does not allow them: I/O, clock, dice, a vendor, and a way around this test.
CANARIES = ("socket", "subprocess", "time", "random", "slack_sdk", "importlib", "os.path")


def row_of(module: Module) -> str | None:
    """The row that governs a module: its own, else its room's."""
    return next((name for name in (module.name, module.room) if name in ALLOWED), None)


def covers(allowed: str, wanted: str) -> bool:
    return wanted == allowed or wanted.startswith(f"{allowed}.")


def faults(root: Path | None = None) -> list[str]:
    """Every import that its row does not allow, and every file without a row."""
    found = []
    for module in modules(root) if root else modules():
        row = row_of(module)
        if row is None:
            found.append(f"{module.name}: no row in ALLOWED for the room {module.room}")
            continue
        for wanted in imports(module.parsed()):
            if wanted.module.partition(".")[0] == "responder":
                continue
            if not any(
                covers(allowed, name) for allowed in ALLOWED[row] for name in (wanted.module, wanted.dotted)
            ):
                found.append(f"{module.name}:{wanted.line} imports {wanted.dotted}, which {row} may not")
    return found


def test_each_room_imports_only_the_outsiders_of_its_row():
    assert faults() == []


@pytest.mark.parametrize("row", ALLOWED)
def test_each_row_is_seen_to_fail(tmp_path, row):
    is_package = row == "responder" or any(other.startswith(f"{row}.") for other in ALLOWED)
    path = tmp_path.joinpath(*row.split("."))
    path = path / "__init__.py" if is_package else path.with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    forbidden = [name for name in CANARIES if not any(covers(allowed, name) for allowed in ALLOWED[row])]

    for name in forbidden:
        path.write_text(f"def late():\n    import {name}\n", encoding="utf-8")
        assert faults(tmp_path) == [f"{row}:2 imports {name}, which {row} may not"]
    assert len(forbidden) >= len(CANARIES) - 2


@pytest.mark.parametrize(
    "line",
    [
        "import socket",
        "import collections.abc, socket",
        "from socket import *",
        "if TYPE_CHECKING: import socket",
        "__import__('socket')",
        "from urllib import request",
        "from urllib.request import urlopen",
        "from . import socket",
    ],
)
def test_no_way_of_importing_goes_unseen(tmp_path, line):
    (tmp_path / "responder" / "dialects").mkdir(parents=True)
    (tmp_path / "responder" / "dialects" / "slack.py").write_text(line, encoding="utf-8")
    assert len(faults(tmp_path)) == 1


def test_a_file_in_a_room_without_a_row_is_a_fault(tmp_path):
    (tmp_path / "responder" / "core" / "utils").mkdir(parents=True)
    (tmp_path / "responder" / "core" / "utils" / "misc.py").touch()
    assert faults(tmp_path) == [
        "responder.core.utils.misc: no row in ALLOWED for the room responder.core.utils"
    ]


def test_every_row_governs_a_file():
    governing = {row_of(module) for module in modules()}
    assert sorted(set(ALLOWED) - governing - COMING) == []
