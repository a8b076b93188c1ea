"""docs/machines.md shows the machines as they are, and every reason that they have is one that occurs."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def _draw() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_machines", DOCS / "draw_machines.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their module up
    spec.loader.exec_module(module)
    return module


DRAW = _draw()
# To walk every state of every machine takes half a minute of computing.
pytestmark = pytest.mark.timeout(300)


@cache
def arrows_of(name):
    return DRAW.arrows(next(machine for machine in DRAW.MACHINES if machine.name == name))


def test_the_diagrams_are_current():
    drawn = (DOCS / "machines.md").read_text(encoding="utf-8")
    arrows = {machine.name: arrows_of(machine.name) for machine in DRAW.MACHINES}
    assert drawn == DRAW.document(arrows), "run `python docs/draw_machines.py`"


@pytest.mark.parametrize("machine", DRAW.MACHINES, ids=lambda machine: machine.name)
def test_every_reason_occurs_and_every_phase_is_reached(machine):
    found = arrows_of(machine.name)
    whys = {why.value.partition(".")[2] for why in machine.module.Why} - {"stale"}
    assert {why for _, _, why, _ in found} == whys
    reached = {name for from_, _, _, to in found for name in (from_, to)} - {"[*]"}
    assert {phase.value for phase in machine.module.Phase} <= reached | {"climbing"}


@pytest.mark.parametrize("machine", DRAW.MACHINES, ids=lambda machine: machine.name)
def test_every_event_is_put_to_its_machine(machine):
    assert {type(event) for event in machine.events} == set(machine.module.Event.__args__)
