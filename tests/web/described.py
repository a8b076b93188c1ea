"""A caller of the API that believes nothing: every answer is held against the API's own description."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema

from tests.web.face import Face, Said

ROOT = "/api/v1"


@dataclass
class Described:
    """`asked`: the operations whose success was seen."""

    face: Face
    document: Mapping[str, Any]
    token: str
    asked: set[str] = field(default_factory=set)

    def as_(self, token: str) -> Described:
        return Described(self.face, self.document, token, self.asked)

    async def get(self, path: str, **more: Any) -> Said:
        return await self.call("GET", path, **more)

    async def post(self, path: str, body: object = None, **more: Any) -> Said:
        return await self.call("POST", path, **({} if body is None else {"json": body}), **more)

    async def delete(self, path: str, **more: Any) -> Said:
        return await self.call("DELETE", path, **more)

    async def call(self, method: str, path: str, **more: Any) -> Said:
        said = await self.face.call(method, ROOT + path, token=self.token, **more)
        operation = self._operation(method, path)
        self._hold(operation, said)
        if said.status < 300:
            self.asked.add(operation["operationId"])
        return said

    def _operation(self, method: str, path: str) -> Mapping[str, Any]:
        wanted = ROOT + path.partition("?")[0]
        for template, operations in self.document["paths"].items():
            pattern = re.sub(r"{\w+}", "[^/]+", template)
            if re.fullmatch(pattern, wanted) and method.lower() in operations:
                found: Mapping[str, Any] = operations[method.lower()]
                return found
        raise AssertionError(f"{method} {path} is not described")

    def _hold(self, operation: Mapping[str, Any], said: Said) -> None:
        """Its status is described, and its body is of that status' schema."""
        answers = operation["responses"]
        assert str(said.status) in answers, (operation["operationId"], said.status, said.body)
        [(media, content)] = answers[str(said.status)]["content"].items()
        assert said.headers["Content-Type"] == media
        schema = {**content["schema"], "components": self.document["components"]}
        validator = jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
        validator.validate(said.json())
