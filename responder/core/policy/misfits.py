"""What is wrong with a set of documents, before anybody knows in which file and line it stands.

A `Misfit` has the path of keys to the place, says what is wrong there and what to write instead. This module puts
pydantic's errors in such words, and offers the name that was probably meant where one is unknown.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

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
    if near := difflib.get_close_matches(name, sorted(among), n=1, cutoff=0.6):
        return f"did you mean `{near[0]}`?"
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
        what, instead = _words(dict(each), path, raw, schema, quotes=quotes)
        by_path.setdefault(path, []).append(
            Misfit(document=document, path=at + path, what=what, instead=instead)
        )
    return [merged for found in by_path.values() for merged in _merge(found)]


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


def _words(
    error: Mapping[str, object], path: Path, raw: object, schema: Schema, *, quotes: bool
) -> tuple[str, str]:
    context = error.get("ctx")
    context = context if isinstance(context, Mapping) else {}
    loc = error["loc"]
    assert isinstance(loc, tuple)
    match error["type"]:
        case "missing":
            return f"`{loc[-1]}` is missing", f"add `{loc[-1]}: …`"
        case "extra_forbidden":
            return f"unknown field `{loc[-1]}`", suggestion(str(loc[-1]), _fields_at(schema, raw, path[:-1]))
        case "value_error" | "one_of" as kind:
            said = context["error"] if kind == "value_error" else error["msg"]
            what, _, instead = str(said).partition("; ")
            return what, instead
        case kind:
            value = error["input"]
            shown = f"`{value}`" if quotes and _is_short(value) else "what stands here"
            return f"{shown} does not belong here", f"write {_wanted(str(kind), context, str(error['msg']))}"


def _wanted(kind: str, context: Mapping[str, object], message: str) -> str:
    match kind:
        case "literal_error" | "enum":
            return str(context["expected"])
        case "too_short":
            return "at least one"
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
    elif isinstance(rest := node.get("additionalProperties"), Mapping):
        yield rest


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def schema_of(model: type[BaseModel]) -> dict[str, object]:
    """The JSON Schema of a document as it is written; keys of levels are text there, as in JSON."""
    return dict(model.model_json_schema(by_alias=True, mode="validation"))
