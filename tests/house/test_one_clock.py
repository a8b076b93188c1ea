"""One file reads the clock: responder/adapters/clock.py.

ruff bans the importable names (`time.time`, `asyncio.sleep`); this finds what hangs on an object, such as a
loop's `call_later`, wherever it is written.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, modules

CLOCK = "responder.adapters.clock"
LOOP_CLOCK = {"call_later", "call_at"}


def readings(root: Path | None = None) -> list[str]:
    """Every place outside the clock adapter that sets a loop's timer or asks a loop for the time."""
    found = []
    for module in modules(root) if root else modules():
        if module.name == CLOCK:
            continue
        for node in ast.walk(module.parsed()):
            match node:
                case ast.Attribute(attr=name) if name in LOOP_CLOCK:
                    found.append(f"{module.name}:{node.lineno} {name}")
                case ast.Call(func=ast.Attribute(attr="time", value=owner)) if "loop" in ast.unparse(owner):
                    found.append(f"{module.name}:{node.lineno} loop.time")
                case _:
                    pass
    return found


def test_only_the_clock_adapter_uses_the_loops_clock():
    assert readings() == []


@pytest.mark.parametrize(
    "line, seen",
    [
        ("asyncio.get_running_loop().call_later(5, f)", "call_later"),
        ("self._loop.call_at(5, f)", "call_at"),
        ("loop.time()", "loop.time"),
        ("asyncio.get_running_loop().time()", "loop.time"),
    ],
)
def test_a_loops_timer_elsewhere_is_seen(tmp_path, line, seen):
    (tmp_path / "responder" / "engine").mkdir(parents=True)
    (tmp_path / "responder" / "engine" / "timers.py").write_text(line, encoding="utf-8")
    assert readings(tmp_path) == [f"responder.engine.timers:1 {seen}"]
    (tmp_path / "responder" / "adapters").mkdir()
    (tmp_path / "responder" / "engine" / "timers.py").rename(tmp_path / "responder" / "adapters" / "clock.py")
    assert readings(tmp_path) == []


def linted(line: str, where: str) -> str:
    """What ruff says, with the project's configuration, of a file `where` that holds `line`."""
    command = [str(Path(sys.executable).with_name("ruff")), "check", "--output-format", "concise", "-q"]
    done = subprocess.run(
        [*command, "--stdin-filename", str(ROOT / where), "-"],
        cwd=ROOT,
        input=f'"""A file."""\n\nimport asyncio\nimport datetime\nimport time\n\n{line}\n',
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize(
    "reading",
    [
        "datetime.datetime.now(datetime.UTC)",
        "datetime.date.today()",
        "time.time()",
        "time.monotonic()",
        "time.perf_counter()",
        "time.sleep(1)",
        "asyncio.sleep(1)",
    ],
)
def test_a_reading_elsewhere_is_banned_by_ruff(reading):
    assert "TID251" in linted(reading, "responder/engine/timers.py")
    assert "TID251" in linted(reading, "tests/engine/test_timers.py")
    assert "TID251" not in linted(reading, "responder/adapters/clock.py")
    assert "TID251" not in linted(reading, "tests/journeys/test_real.py")
