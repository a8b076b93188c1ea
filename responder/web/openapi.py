"""The API's description, OpenAPI 3.1, drawn from the operations and their shapes; nothing of it is written by hand.

The shapes that read a request and write an answer are the ones described, so the two cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from responder.web.operations import Operation
from responder.web.problems import MEDIA, ProblemBody
from responder.web.shapes import Shape

REFS = "#/components/schemas/{model}"
WORDS = {
    400: "The request cannot be read, or makes no sense",
    401: "No valid token",
    403: "Not the caller's to do",
    404: "There is no such thing",
    409: "That makes no sense now",
    413: "The body is too large",
    415: "The body's encoding is not known",
    500: "Something broke here",
    503: "It cannot be done just now; Retry-After says when to come again",
}

_IN_PATH = re.compile(r"{(\w+)}")

Schema = dict[str, Any]


def describe(operations: Sequence[Operation], root: str, version: str) -> Schema:
    """The whole document, as JSON values."""
    refs, schemas = _schemas(operations)
    paths: dict[str, Schema] = {}
    for operation in operations:
        paths.setdefault(root + operation.path, {})[operation.method.lower()] = _described(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "responder",
            "version": version or "0",
            "description": "Alerts become incidents, and somebody answers. Times are UTC, durations like 30m or 1h30m.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`responder token create` makes one",
                }
            },
        },
    }


Refs = dict[tuple[type[BaseModel], JsonSchemaMode], Schema]


def _schemas(operations: Sequence[Operation]) -> tuple[Refs, Schema]:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(ProblemBody, "serialization"): None}
    for operation in operations:
        if operation.body is not None:
            wanted[operation.body, "validation"] = None
        for shape in operation.answers.values():
            wanted[shape, "serialization"] = None
    refs, found = models_json_schema(list(wanted), ref_template=REFS)
    return {key: refs[key] for key in wanted}, found["$defs"]


def _described(operation: Operation, refs: Refs) -> Schema:
    found: Schema = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": f"Role {operation.role.value} or higher.",
        "parameters": [*_path_parameters(operation), *_query_parameters(operation.query)],
        "responses": {
            **{
                str(status): _answer(refs[shape, "serialization"])
                for status, shape in operation.answers.items()
            },
            **{str(status): _problem(status, refs) for status in operation.problems},
        },
    }
    if operation.body is not None:
        content = {"application/json": {"schema": refs[operation.body, "validation"]}}
        found["requestBody"] = {"required": _needs_body(operation.body), "content": content}
    return found


def _path_parameters(operation: Operation) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _IN_PATH.findall(operation.path)
    ]


def _query_parameters(model: type[Shape] | None) -> list[Schema]:
    """Their schemas stand where they are used; the few that they refer to are put in place."""
    if model is None:
        return []
    found = model.model_json_schema(mode="validation")
    definitions = found.get("$defs", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": name in found.get("required", []),
            "schema": _inlined(schema, definitions),
        }
        for name, schema in found["properties"].items()
    ]


def _inlined(schema: Any, definitions: Schema) -> Any:
    match schema:
        case {"$ref": str(ref)}:
            return _inlined(definitions[ref.rpartition("/")[2]], definitions)
        case dict():
            return {name: _inlined(part, definitions) for name, part in schema.items()}
        case list():
            return [_inlined(part, definitions) for part in schema]
        case _:
            return schema


def _needs_body(model: type[Shape]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _answer(schema: Schema) -> Schema:
    return {"description": "Done", "content": {"application/json": {"schema": schema}}}


def _problem(status: int, refs: Refs) -> Schema:
    schema = refs[ProblemBody, "serialization"]
    return {"description": WORDS[status], "content": {MEDIA: {"schema": schema}}}
