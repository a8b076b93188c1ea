"""What is wrong with a set of documents, before anybody knows in which file and line it stands.

A `Misfit` has the path of keys to the place, says what is wrong there and what to write instead. This module puts
pydantic's errors in such words, and offers the name that was probably meant where one is unknown.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from responder.core.matching import BadMatcher, Mode, parse_matchers

Path = tuple[str | int, ...]
Schema = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """`document` is a document's name (`levels`) or a message's file (`messages/sms.json`)."""

    document: str
    path: Path
    what: str
    instead: str = ""
    meant: str | None = field(
        default=None, compare=False
    )  # of an unknown field: the one it was meant to be, or ""


class Misfits(Exception):
    """A set of documents that makes no book, with everything that was found in it."""

    def __init__(self, misfits: Iterable[Misfit]) -> None:
        self.misfits = tuple(misfits)
        super().__init__(
            "\n".join(f"{m.document} {list(m.path)}: {m.what}; {m.instead}" for m in self.misfits)
        )


# What is called by name, and where it is defined.
HOMES = {
    "contact": "contacts.yaml",
    "roster": "rosters.yaml",
    "channel": "channels.yaml",
    "escalation policy": "escalation.yaml",
    "duty": "duties.yaml",
    "message": "messages/",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The names that the documents define, faulty or not, so that one fault is not reported twice."""

    names: Mapping[str, frozenset[str]]  # by what they name, as in HOMES
    persons: frozenset[str]  # those contacts that do not stand for a roster
    channels: Mapping[str, str]  # name -> kind
    kinds: frozenset[str]  # of channels, that this installation has
    unread: frozenset[str] = frozenset()  # homes that could not be read, so that any name may be there

    def check(self, document: str, path: Path, what: str, name: str) -> Iterator[Misfit]:
        """A misfit at `path` where nothing has this name."""
        among = self.names[what]
        if name not in among and HOMES[what] not in self.unread:
            instead = suggestion(name, among) or f"name one of those in {HOMES[what]}"
            yield Misfit(document=document, path=path, what=f"there is no {what} `{name}`", instead=instead)


def suggestion(name: str, among: Collection[str]) -> str:
    """`did you mean …?`, or the names there are if they are few, or nothing."""
    if near := nearest(name, among):
        return f"did you mean `{near}`?"
    if 0 < len(among) <= 12:
        return "write one of " + ", ".join(f"`{each}`" for each in sorted(among))
    return ""


def misfits_of_matchers(document: str, at: Path, texts: Sequence[str], mode: Mode) -> Iterator[Misfit]:
    for index, text in enumerate(texts):
        try:
            found = parse_matchers(text, mode)
        except BadMatcher as bad:
            what, instead = str(bad), "policies/README.md shows how matchers are written"
        else:
            if found:
                continue
            what, instead = (
                f"{text!r} holds no matcher",
                'write one like severity="critical", or leave it out',
            )
        yield Misfit(document=document, path=(*at, index), what=what, instead=instead)


def nearest(name: str, among: Collection[str]) -> str:
    """The name that was probably meant; "" where none is near."""
    return next(iter(difflib.get_close_matches(name, sorted(among), n=1, cutoff=0.6)), "")


# pydantic's errors in words

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping (`name: value` lines)",
    "model_type": "a mapping (`name: value` lines)",
    "model_attributes_type": "a mapping (`name: value` lines)",
    "date_type": "a date like 2026-11-02",
    "date_parsing": "a date like 2026-11-02",
    "date_from_datetime_parsing": "a date like 2026-11-02",
}


def misfits_of(
    error: ValidationError, document: str, raw: object, schema: Schema, at: Path = (), *, quotes: bool = True
) -> list[Misfit]:
    """One misfit a place. `at`: where `raw` stands in its document; `quotes`: whether a value may be repeated."""
    by_path: dict[Path, list[Misfit]] = {}
    for each in error.errors(include_url=False):
        if each["type"] == "too_short" and each["input"]:
            continue  # its items are faulty themselves, and have been counted out
        path = _path_in(raw, each["loc"])
        found = by_path.setdefault(path, [])
        if each["type"] == "extra_forbidden":
            found.append(_unknown_field(document, at, path, _fields_at(schema, raw, path[:-1])))
        else:
            what, instead = _words(dict(each), quotes=quotes)
            found.append(Misfit(document=document, path=at + path, what=what, instead=instead))
    return _without_misspelt([merged for found in by_path.values() for merged in _merge(found)])


def _unknown_field(document: str, at: Path, path: Path, fields: Collection[str]) -> Misfit:
    name = str(path[-1])
    what, meant = f"unknown field `{name}`", nearest(name, fields)
    return Misfit(document=document, path=at + path, what=what, instead=suggestion(name, fields), meant=meant)


def as_meant(raw: object, misfits: Iterable[Misfit]) -> object:
    """A copy without its unknown fields; one that was misspelt has its right name."""
    raw = copy.deepcopy(raw)
    for misfit in misfits:
        if misfit.meant is not None:
            place: Any = raw
            for part in misfit.path[:-1]:
                place = place[part]
            value = place.pop(misfit.path[-1], None)
            if misfit.meant and value is not None:
                place.setdefault(misfit.meant, value)
    return raw


def _path_in(raw: object, loc: Sequence[str | int]) -> Path:
    """As far as `loc` leads through what was written; pydantic's own marks for branches of a union are no keys."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(raw, Mapping) and part in raw:
            raw = raw[part]
        elif isinstance(raw, Mapping) and isinstance(part, str) and part.isdecimal() and int(part) in raw:
            part = int(part)
            raw = raw[part]
        elif isinstance(raw, list) and isinstance(part, int) and part < len(raw):
            raw = raw[part]
        else:
            continue
        path.append(part)
    return tuple(path)


def _words(error: Mapping[str, Any], *, quotes: bool) -> tuple[str, str]:
    context, name = error.get("ctx", {}), error["loc"][-1] if error["loc"] else ""
    match error["type"]:
        case "missing":
            return f"`{name}` is missing", f"add `{name}: …`"
        case "value_error" | "one_of" as kind:
            said = context["error"] if kind == "value_error" else error["msg"]
            what, _, instead = str(said).partition("; ")
            return what, instead
        case "too_short":
            return "nothing stands here", "write at least one"
        case kind:
            value = error["input"]
            shown = f"`{value}`" if quotes and _is_short(value) else "what stands here"
            return f"{shown} does not belong here", f"write {_wanted(str(kind), context, str(error['msg']))}"


def _wanted(kind: str, context: Mapping[str, object], message: str) -> str:
    match kind:
        case "literal_error" | "enum":
            return str(context["expected"])
        case "string_pattern_mismatch" if str(context["pattern"]).startswith("^[a-z0-9]"):
            return "a name of lower-case letters, digits, - and _ that begins with a letter or digit"
        case "string_pattern_mismatch":
            return f"text that matches {context['pattern']}"
        case _:
            return _WANTED.get(kind) or f"something else: {message}"


def _is_short(value: object) -> bool:
    return isinstance(value, str | int | float) and len(str(value)) <= 60 and "\n" not in str(value)


def _merge(found: list[Misfit]) -> list[Misfit]:
    """Errors of one place: those of a union's branches become one."""
    wants = [misfit for misfit in found if misfit.what.endswith("does not belong here")]
    others = [misfit for misfit in found if misfit not in wants]
    if others or not wants:
        return list(dict.fromkeys(others))
    either = dict.fromkeys(misfit.instead.removeprefix("write ") for misfit in wants)
    first = wants[0]
    instead = "write " + ", or ".join(either)
    return [Misfit(document=first.document, path=first.path, what=first.what, instead=instead)]


def _without_misspelt(misfits: list[Misfit]) -> list[Misfit]:
    """Without "`after` is missing" where an unknown field beside it was meant to be `after`."""
    meant = {
        (misfit.path[:-1], f"`{misfit.meant}` is missing") for misfit in misfits if misfit.meant is not None
    }
    return [misfit for misfit in misfits if (misfit.path, misfit.what) not in meant]


def _fields_at(schema: Schema, raw: object, path: Path) -> frozenset[str]:
    """The fields that may stand at `path`."""
    nodes = list(_branches(schema, schema))
    for part in path:
        nodes = [
            deeper for node in nodes for child in _children(node, part) for deeper in _branches(child, schema)
        ]
    return frozenset(name for node in nodes for name in _mapping(node.get("properties")))


def _branches(node: Schema, root: Schema) -> Iterator[Schema]:
    reference = node.get("$ref")
    if isinstance(reference, str):
        target: object = root
        for part in reference.removeprefix("#/").split("/"):
            target = _mapping(target)[part]
        yield from _branches(_mapping(target), root)
        return
    yield node
    for word in ("anyOf", "oneOf", "allOf"):
        branches = node.get(word)
        for branch in branches if isinstance(branches, list) else ():
            yield from _branches(branch, root)


def _children(node: Schema, part: str | int) -> Iterator[Schema]:
    if isinstance(items := node.get("items"), Mapping) and isinstance(part, int):
        yield items
    elif str(part) in (properties := _mapping(node.get("properties"))):
        yield _mapping(properties[str(part)])
    else:
        rest = [*_mapping(node.get("patternProperties")).values(), node.get("additionalProperties")]
        yield from (each for each in rest if isinstance(each, Mapping))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
