"""Message templates: Jinja in a sandbox, each expression escaped for the template's medium.

json: an expression is the content of a JSON string, so it stands between quotes that the template writes; a whole
value is written with `| tojson`. txt: as it is. A template is tried when it is loaded, on a message with everything and
on one with nothing, so that what can fail fails at `check` and not at three in the morning. Rendering is bounded: no
loops but over the message, no repetition, no padding, and `MOST` characters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from responder.adapters.channels.values import SAMPLES, VARIABLES
from responder.core.policy.messages import Medium, Template
from responder.dialects.visible import visible

MOST = 256 * 1024  # characters of what is rendered
SOURCE_MOST = 64 * 1024
_FILTERS = frozenset(
    {
        "abs",
        "capitalize",
        "count",
        "d",
        "default",
        "first",
        "int",
        "items",
        "join",
        "last",
        "length",
        "list",
        "lower",
        "reject",
        "replace",
        "reverse",
        "select",
        "sort",
        "string",
        "title",
        "trim",
        "truncate",
        "unique",
        "upper",
        "urlencode",
    }
)
_TEXT_METHODS = frozenset(
    {
        "count",
        "endswith",
        "find",
        "isdigit",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "title",
        "upper",
    }
)
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values"})
# What a template can do wrong; the sandbox lets the errors of what it calls through.
_WRONG = (TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError)


class BadTemplate(Exception):
    """A template, or what it renders, cannot be used. The text names template and line."""

    def __init__(self, name: str, line: int, why: str) -> None:
        super().__init__(f"{name}, line {line}: {why}" if line else f"{name}: {why}")


class Rendering:
    """A template that has been tried out. `media_type` is what it renders."""

    def __init__(self, name: str, template: Template, *, fields: Collection[str] = ()) -> None:
        """`fields`: what the channel gives it to name as `fields.NAME`. Raises BadTemplate."""
        self.name = f"{name}.{template.medium}"
        if len(template.source) > SOURCE_MOST:
            raise BadTemplate(self.name, 0, f"longer than {SOURCE_MOST} characters")
        self._is_json = template.medium == "json"
        self.media_type, finalize = _MEDIA[template.medium]
        environment = _Sandbox(finalize)
        try:
            _refuse_unknown(self.name, environment.parse(template.source))
            self._template = environment.from_string(template.source)
        except TemplateSyntaxError as error:
            raise BadTemplate(self.name, error.lineno, error.message or "syntax error") from error
        except _WRONG as error:
            raise BadTemplate(self.name, 0, visible(str(error))) from error
        for sample in SAMPLES:
            self.render({**sample, "fields": dict.fromkeys(fields, 'a "field" \\')})

    def render(self, values: Mapping[str, object]) -> str:
        """Raises BadTemplate."""
        parts: list[str] = []
        left = MOST
        try:
            for part in self._template.generate(values):
                left -= len(part)
                if left < 0:
                    raise BadTemplate(self.name, 0, f"renders more than {MOST} characters")
                parts.append(part)
            rendered = "".join(parts)
            if self._is_json:
                json.loads(rendered)
        except json.JSONDecodeError as error:
            why = (
                f"what it renders is no JSON, at line {error.lineno} column {error.colno} of it: {error.msg}"
            )
            raise BadTemplate(self.name, 0, why) from None
        except _WRONG as error:
            raise BadTemplate(self.name, _line(error), visible(str(error))) from error
        return rendered


class _Json(str):
    """A whole JSON value, to be written as it is."""

    __slots__ = ()


class _Sandbox(ImmutableSandboxedEnvironment):
    """Reads the message and writes text: no globals, few filters, and no way to make much of little."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, finalize: Callable[[object], str]) -> None:
        super().__init__(
            undefined=StrictUndefined,
            finalize=finalize,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.globals = {}
        self.filters = {name: self.filters[name] for name in _FILTERS} | {"tojson": _to_json}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        match obj:
            case str():
                return attr in _TEXT_METHODS
            case Mapping():
                return attr in _MAPPING_METHODS
            case LoopContext():
                return not attr.startswith("_")
            case _:
                return False

    def wrap_str_format(self, value: Any) -> None:
        """`"…".format` is no method that a template may call; `is_safe_attribute` says so."""

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        small = all(isinstance(side, int) and abs(side) < 1_000_000 for side in (left, right))
        if operator == "**" or not small:
            raise SecurityError(f"{operator} is for small numbers")
        return super().call_binop(context, operator, left, right)


def _refuse_unknown(name: str, parsed: nodes.Template) -> None:
    """A variable that no message has would fail at the moment of sending; it fails here."""
    own = {found.name for found in parsed.find_all(nodes.Name) if found.ctx != "load"}
    own |= {"loop", "caller", "varargs", "kwargs"} | {macro.name for macro in parsed.find_all(nodes.Macro)}
    for found in parsed.find_all(nodes.Name):
        if found.ctx == "load" and found.name not in VARIABLES | own:
            known = ", ".join(sorted(VARIABLES))
            raise BadTemplate(name, found.lineno, f"a message has no {found.name!r}; it has {known}")


def _line(error: BaseException) -> int:
    """The template's line at which `error` was raised; Jinja puts frames of the template into the traceback."""
    line, traceback = 0, error.__traceback__
    while traceback is not None:
        if "__jinja_exception__" in traceback.tb_frame.f_globals:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _to_json(value: object) -> str:
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    return _Json(json.dumps(value))


def _plain(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _json_content(value: object) -> str:
    return value if isinstance(value, _Json) else json.dumps(_plain(value))[1:-1]


_MEDIA: Mapping[Medium, tuple[str, Callable[[object], str]]] = {
    "json": ("application/json", _json_content),
    "txt": ("text/plain; charset=utf-8", _plain),
}
