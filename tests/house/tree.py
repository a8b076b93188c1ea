"""The package as text: its modules and what each of them imports. Nothing here runs the code it reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    name: str  # responder.core.level
    path: Path
    is_package: bool

    @property
    def room(self) -> str:
        """The package it lies in; a package's own __init__.py lies in that package."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    def parsed(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported name: `from a.b import c` is module "a.b", name "c"; `import a.b` has no name."""

    module: str
    name: str
    line: int

    @property
    def dotted(self) -> str:
        return f"{self.module}.{self.name}" if self.name else self.module


def modules(root: Path = ROOT) -> list[Module]:
    """Every module of the package `responder` that lies in `root`, by name."""
    found = []
    for path in sorted((root / "responder").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found.append(Module(name=name, path=path, is_package=is_package))
    return found


def imports(parsed: ast.Module) -> Iterator[Import]:
    """Every import, wherever it stands: at the top, in a function, under TYPE_CHECKING, by `__import__`."""
    for node in ast.walk(parsed):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield Import(module=alias.name, name="", line=node.lineno)
            case ast.ImportFrom(module=module, names=names):
                for alias in names:
                    yield Import(module=module or "", name=alias.name, line=node.lineno)
            case ast.Call(func=ast.Name(id="__import__")):
                yield Import(module="__import__", name="", line=node.lineno)
            case _:
                pass
