"""The points: every name under which the engine calls a port, read from the code, so that none can be forgotten.

A point is a literal where a port is called (`points.commit("commit.timers", …)`), or an f-string whose holes are filled
from what can stand there (`{what}.send.{channel.kind}`), or handed on through a constructor. A call whose point cannot
be read here is an error.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from responder.adapters.channels import KINDS
from responder.core.identifiers import Kind
from tests.house.tree import ROOT, Module, modules

WRAPPER = "responder.engine.points"
OPENS = ("commit", "reading")  # what others call of the wrapper with a point
CALLS = "_call"  # what the wrapper's own calls pass through

# What can stand in the hole of an f-string.
HOLES: Mapping[str, Sequence[str]] = {
    "what": (Kind.PAGE.value, Kind.NOTICE.value),
    "channel.kind": KINDS,
}


class Unreadable(Exception):
    """A port is called at a point whose name this file cannot find out."""


@dataclass(frozen=True, slots=True)
class Found:
    """`has_after`: the call has a second side, where its effect is done; a reading has none."""

    point: str
    where: str
    has_after: bool = True


def points(root: Path = ROOT) -> dict[str, Found]:
    """By name, in alphabetical order. Raises Unreadable."""
    trees = [
        (module, module.parsed())
        for module in modules(root)
        if module.name.startswith(("responder.engine", "responder.web"))
    ]
    found: list[Found] = []
    for module, tree in trees:
        if module.name == WRAPPER:
            found += _own(module, tree)
        else:
            found += _others(module, tree, [one for _, one in trees])
    return {one.point: one for one in sorted(found, key=lambda one: one.point)}


def _own(module: Module, tree: ast.Module) -> Iterator[Found]:
    """The wrapper's calls of channels, chats and files."""
    for function in _functions(tree):
        for call in _calls(function):
            if isinstance(call.func, ast.Attribute) and call.func.attr == CALLS:
                for name in _names(call.args[0], function, module):
                    yield Found(name, f"{module.name}:{call.lineno}")


def _others(module: Module, tree: ast.Module, trees: Sequence[ast.Module]) -> Iterator[Found]:
    for call in _calls(tree):
        opens = _opens(call)
        if not opens:
            continue
        where = f"{module.name}:{call.lineno}"
        point = call.args[0]
        if isinstance(point, ast.Attribute):  # self._point, given to the class by whoever makes one
            names = list(_given(tree, point.attr, trees))
        else:
            names = list(_names(point, tree, module))
        if not names:
            raise Unreadable(f"{where}: {ast.unparse(point)}")
        yield from (Found(name, where, has_after=opens == "commit") for name in names)


def _opens(call: ast.Call) -> str:
    """`commit` or `reading`, where it is the wrapper's: of something called points."""
    match call.func:
        case ast.Attribute(attr=attr, value=ast.Name(id=name)) if attr in OPENS and name.endswith("points"):
            return attr
        case ast.Attribute(attr=attr, value=ast.Attribute(attr=name)) if attr in OPENS and name.endswith(
            "points"
        ):
            return attr
        case _:
            return ""


def _names(point: ast.expr, inside: ast.AST, module: Module) -> Iterator[str]:
    match point:
        case ast.Constant(value=str(name)):
            yield name
        case ast.JoinedStr(values=parts):
            yield from map("".join, itertools.product(*(_fillings(part, module) for part in parts)))
        case ast.Name(id=name):
            for assigned in _assigned(inside, name):
                yield from _names(assigned, inside, module)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _names(body, inside, module)
            yield from _names(orelse, inside, module)
        case _:
            raise Unreadable(f"{module.name}:{point.lineno}: {ast.unparse(point)}")


def _fillings(part: ast.expr, module: Module) -> Sequence[str]:
    match part:
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.FormattedValue(value=hole) if ast.unparse(hole) in HOLES:
            return HOLES[ast.unparse(hole)]
        case _:
            raise Unreadable(f"{module.name}:{part.lineno}: what can stand in {ast.unparse(part)}?")


def _assigned(inside: ast.AST, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(inside):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                yield value


def _given(tree: ast.Module, attribute: str, trees: Sequence[ast.Module]) -> Iterator[str]:
    """What the classes of `tree` that keep a point in `attribute` are made with, anywhere."""
    for cls in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        place = _place(cls, attribute)
        if place is None:
            continue
        for call in itertools.chain.from_iterable(map(_calls, trees)):
            if isinstance(call.func, ast.Name) and call.func.id == cls.name and len(call.args) > place:
                given = call.args[place]
                if not (isinstance(given, ast.Constant) and isinstance(given.value, str)):
                    raise Unreadable(f"{cls.name}: {ast.unparse(given)}")
                yield given.value


def _place(cls: ast.ClassDef, attribute: str) -> int | None:
    """Which argument of the class becomes `self.ATTRIBUTE`, from 0."""
    for function in _functions(cls):
        if function.name != "__init__":
            continue
        arguments = [one.arg for one in function.args.args[1:]]
        for node in ast.walk(function):
            match node:
                case ast.Assign(targets=[ast.Attribute(attr=found)], value=ast.Name(id=name)) if (
                    found == attribute and name in arguments
                ):
                    return arguments.index(name)
    return None


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))
