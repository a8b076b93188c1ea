"""Every import contract of pyproject.toml is seen to break, in every room it holds.

The package is copied, violations are written into the copy, and the real `lint-imports` runs there. One run
carries all violations of one kind, and must name each of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import ROOT, modules

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS: list[dict[str, Any]] = CONFIG["contracts"]
MODULES = {module.name for module in modules()}
PACKAGES = sorted(module.name for module in modules() if module.is_package)
# Packages that may hold any file.
WITHOUT_CONTRACT: set[str] = set()


def of_type(kind: str) -> list[Any]:
    """The contracts of one type, as test parameters with readable ids."""
    return [pytest.param(c, id=c["id"]) for c in CONTRACTS if c["type"] == kind]


def forbidden_pairs(contract: dict[str, Any]) -> list[tuple[str, str]]:
    """For each room below the top of a layers contract an import upwards, for rooms side by side one more.

    Rooms that do not exist yet are left out.
    """
    container = contract["containers"][0]
    layers: list[list[str]] = []
    sideways: list[tuple[str, str]] = []
    for layer in contract["layers"]:
        named = [f"{container}.{name.strip(' ()')}" for name in layer.replace(":", "|").split("|")]
        there = [name for name in named if name in MODULES]
        if there:
            layers.append(there)
        if ":" not in layer:
            sideways += pairwise(there)
    upwards = [(room, above[0]) for above, below in pairwise(layers) for room in below]
    return upwards + sideways


def children_of(package: str) -> list[str]:
    return sorted(name for name in MODULES if name.rpartition(".")[0] == package)


class Copy:
    """A copy of the package, to be broken."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "responder", root / "responder", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", root)

    def write(self, module: str, line: str) -> None:
        """Adds `line` at the end of `module`, which is made if it is not there."""
        path = self.root.joinpath(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")

    def lint(self, *contracts: str) -> str:
        """What `lint-imports` says; about all contracts where none is named."""
        command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
        for contract in contracts:
            command += ["--contract", contract]
        environment = os.environ | {"COLUMNS": "1000", "NO_COLOR": "1"}
        done = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path) -> Copy:
    return Copy(tmp_path)


def test_the_untouched_copy_keeps_every_contract(copy):
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in copy.lint()


@pytest.mark.parametrize("contract", of_type("layers"))
def test_a_room_that_imports_upwards_or_sideways_breaks_its_contract(copy, contract):
    pairs = forbidden_pairs(contract)
    if not pairs:
        pytest.skip("this contract's rooms are yet to be built")
    for importer, imported in pairs:
        copy.write(importer, f"import {imported}")

    said = copy.lint(contract["id"])

    assert "0 kept, 1 broken" in said
    for importer, imported in pairs:
        assert f"{importer} is not allowed to import {imported}:" in said


@pytest.mark.parametrize("contract", of_type("forbidden"))
def test_a_room_that_imports_what_is_forbidden_breaks_its_contract(copy, contract):
    sources = contract["source_modules"]
    rooms = [name for name in sorted(MODULES) if any(f"{name}.".startswith(f"{s}.") for s in sources)]
    for room in rooms:
        for forbidden in contract["forbidden_modules"]:
            copy.write(room, f"import {forbidden}")

    said = copy.lint(contract["id"])

    assert "0 kept, 1 broken" in said
    for room in rooms:
        for forbidden in contract["forbidden_modules"]:
            assert f"{room} -> {forbidden} (" in said


@pytest.mark.parametrize("contract", of_type("acyclic_siblings"))
def test_a_circle_in_any_room_breaks_its_contract(copy, contract):
    rooms = {package: siblings for package in PACKAGES if len(siblings := children_of(package)) > 1}
    for one, other, *_ in rooms.values():
        copy.write(one, f"import {other}")
        copy.write(other, f"import {one}")

    said = copy.lint(contract["id"])

    assert "0 kept, 1 broken" in said
    for package in rooms:
        assert f"No cycles are allowed in {package}.\n" in said


def test_a_new_file_in_any_room_breaks_that_rooms_contract(copy):
    for package in PACKAGES:
        copy.write(f"{package}.stray", '"""Belongs nowhere."""')

    said = copy.lint()

    unguarded = [package for package in PACKAGES if f"- {package}.stray\n" not in said]
    assert unguarded == sorted(WITHOUT_CONTRACT), (
        "each package needs an exhaustive contract in pyproject.toml"
    )


def test_the_vendors_contract_holds_every_floor_below_the_adapters():
    [contract] = [contract for contract in CONTRACTS if contract["id"] == "vendors"]
    below = {f"responder.{floor}" for floor in ("core", "ports", "dialects", "engine")}
    assert set(contract["source_modules"]) == below & MODULES


def test_every_contract_has_a_type_that_is_seen_to_break():
    assert {contract["type"] for contract in CONTRACTS} <= {"layers", "forbidden", "acyclic_siblings"}


def test_no_room_that_exists_is_still_called_optional():
    """A room in parentheses may go missing unnoticed."""
    optional = [
        f"{contract['containers'][0]}.{name.strip()[1:-1]}"
        for contract in CONTRACTS
        if contract["type"] == "layers"
        for layer in contract["layers"]
        for name in layer.replace(":", "|").split("|")
        if name.strip().startswith("(")
    ]
    assert [name for name in optional if name in MODULES] == []
