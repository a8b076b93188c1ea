"""Message templates: text with holes, one file each, `NAME.MEDIUM`. Core keeps the source as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, get_args

from responder.core.policy.fields import NAME
from responder.core.policy.misfits import Misfit

Medium = Literal["txt", "json"]
MEDIA: tuple[Medium, ...] = get_args(Medium)


class Template(NamedTuple):
    medium: Medium  # json: every hole is escaped as the inside of a JSON string
    source: str


def templates(files: Mapping[str, str]) -> dict[str, Template]:
    """By name, of those files that are named as they should be."""
    found: dict[str, Template] = {}
    for file, source in sorted(files.items()):
        name, _, medium = file.rpartition(".")
        for known in MEDIA:
            if medium == known and re.match(NAME, name) and name not in found:
                found[name] = Template(known, source)
    return found


def misfits(files: Mapping[str, str]) -> Iterator[Misfit]:
    seen: dict[str, str] = {}
    for file, source in sorted(files.items()):
        name, _, medium = file.rpartition(".")
        if medium not in MEDIA or not re.match(NAME, name):
            yield _misfit(file, "no message has such a name", "call it NAME.txt or NAME.json, in lower case")
        elif name in seen:
            yield _misfit(file, f"the message `{name}` has another file, {seen[name]}", "keep one of them")
        elif not source.strip():
            yield _misfit(file, "this message says nothing", "write a template, or remove the file")
        if medium in MEDIA:
            seen.setdefault(name, file)


def _misfit(file: str, what: str, instead: str) -> Misfit:
    return Misfit(document=f"messages/{file}", path=(), what=what, instead=instead)
