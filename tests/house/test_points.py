"""Every call through a port that does I/O passes engine/points.py, which names, measures and bounds it.

So no other module of the engine, and none of the web, can name such a port: they are handed `Points`, never a
`Store`.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import Import, imports, modules

# Points calls the ports; the catalogue makes the channels and calls none.
POINTS = ("responder.engine.points", "responder.engine.catalogue")
HELD = ("responder.engine", "responder.web")

# The ports that do I/O, and so are reached through points only.
THROUGH_POINTS = {"Beacon", "Channel", "Chat", "Faults", "Inbox", "Peer", "PolicySource", "Store"}
# The Protocols that may be held by anybody, with the reason.
FREE = {
    "Clock": "the time is no call to the world, and tests advance it",
    "Reader": "only points opens one, and names and bounds the whole of it",
    "Unit": "the same: the point is the commit",
}


def is_bypass(wanted: Import) -> bool:
    """It brings in a port that does I/O, by its own name, by a star, or with its whole module."""
    if wanted.module == "responder" and wanted.name == "ports":
        return True
    if wanted.module == "responder.ports" or (
        not wanted.name and wanted.module.startswith("responder.ports.")
    ):
        return True
    return wanted.module.startswith("responder.ports.") and wanted.name in {*THROUGH_POINTS, "*"}


def bypasses(root: Path | None = None) -> list[str]:
    """Every import by which a module of the engine or the web could call a port on its own."""
    return [
        f"{module.name}:{wanted.line} imports {wanted.dotted}"
        for module in (modules(root) if root else modules())
        if module.name not in POINTS and f"{module.name}.".startswith(tuple(f"{held}." for held in HELD))
        for wanted in imports(module.parsed())
        if is_bypass(wanted)
    ]


def test_only_points_can_call_a_port():
    assert bypasses() == []


@pytest.mark.parametrize("room", ["engine", "web"])
@pytest.mark.parametrize(
    "line",
    [
        *(f"from responder.ports.any_port import {name}" for name in sorted(THROUGH_POINTS)),
        "from responder.ports.store import Row, Store as S",
        "from responder.ports.store import *",
        "from responder.ports import store",
        "from responder import ports",
        "import responder.ports.store",
        "import responder.ports.store as s",
        "def late():\n    from responder.ports.store import Store",
    ],
)
def test_a_bypass_is_seen(tmp_path, room, line):
    (tmp_path / "responder" / room).mkdir(parents=True)
    (tmp_path / "responder" / room / "timers.py").write_text(line, encoding="utf-8")
    assert len(bypasses(tmp_path)) == 1


@pytest.mark.parametrize(
    "place, line",
    [
        pytest.param("engine/points.py", "from responder.ports.store import Store", id="points itself"),
        pytest.param("engine/timers.py", "from responder.ports.store import Row", id="a record"),
        pytest.param("engine/timers.py", "from responder.ports.clock import Clock", id="the clock"),
        pytest.param("adapters/memory.py", "from responder.ports.store import Store", id="an adapter"),
        pytest.param("app.py", "from responder.ports.store import Store", id="the wiring"),
    ],
)
def test_what_is_allowed_stays_allowed(tmp_path, place, line):
    path = tmp_path / "responder" / place
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")
    assert bypasses(tmp_path) == []


def test_every_port_is_either_reached_through_points_or_free():
    protocols = {
        node.name
        for module in modules()
        if module.room == "responder.ports"
        for node in ast.walk(module.parsed())
        if isinstance(node, ast.ClassDef)
        and any("Protocol" in ast.unparse(base).split("[")[0] for base in node.bases)
    }
    assert sorted(protocols - THROUGH_POINTS - set(FREE)) == []
