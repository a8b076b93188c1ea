"""Records as text: JSON with a `schema_version`, and the steps that bring an older text up to today's shape.

A change of a record's shape raises its version in VERSIONS and adds the step from the version before to UPCASTERS; the
golden texts in the tests fail until both are done. Text of strangers survives whatever it holds, NUL and lone
surrogates included.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from responder.core.alert import Occurrence
from responder.core.errors import Permanent
from responder.core.identifiers import Kind
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.heartbeat import Heartbeat
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.core.policy.escalation import Promise
from responder.ports.store import Record

T = TypeVar("T")
Fields = dict[str, Any]
Upcaster = Callable[[Fields], Fields]

OCCURRENCE = "occurrence"
PROMISE = "promise"

TYPES: Mapping[str, Any] = {
    Kind.INCIDENT: Incident,
    Kind.ESCALATION: Escalation,
    Kind.PAGE: Page,
    Kind.NOTICE: Notice,
    Kind.DUTY: Duty,
    Kind.HEARTBEAT: Heartbeat,
    OCCURRENCE: Occurrence,
    PROMISE: Promise,
}
# What this program writes. Keyed by what is stored: a record's kind, or one of the two names above.
VERSIONS: Mapping[str, int] = dict.fromkeys(TYPES, 1)
# (what, version) -> the step to the next version. It gets the fields without `schema_version`, and may change them.
UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}


class _Form(Generic[T]):
    """One stored type: its text begins with the version, so that the usual case is seen without parsing twice."""

    def __init__(
        self, what: str, type_: Any, version: int, upcasters: Mapping[tuple[str, int], Upcaster]
    ) -> None:
        self._what = what
        self._version = version
        self._upcasters = upcasters
        self._adapter: TypeAdapter[T] = TypeAdapter(type_)
        self._opening = f'{{"schema_version":{version},'

    def encode(self, value: T) -> str:
        try:
            text = self._adapter.dump_json(value).decode()
        except PydanticSerializationError:
            # A lone surrogate, which UTF-8 cannot hold; as \ud800 it is plain ASCII.
            text = json.dumps(self._adapter.dump_python(value, mode="json"), separators=(",", ":"))
        return self._opening + text[1:]

    def decode(self, text: str) -> T:
        if text.startswith(self._opening):
            try:
                return self._adapter.validate_json("{" + text[len(self._opening) :])
            except ValidationError:
                pass  # it holds what only the slower way below can read, or is no such record; that way tells which
        try:
            return self._adapter.validate_python(self._upcast(json.loads(text)))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['type']}"
                for fault in error.errors(include_input=False)
            )
            raise Permanent(
                f"store: a stored {self._what} is not of the shape this program writes ({faults})"
            ) from error
        except json.JSONDecodeError as error:
            raise Permanent(f"store: a stored {self._what} is no JSON ({error.msg})") from error

    def _upcast(self, fields: Fields) -> Fields:
        version = fields.pop("schema_version", None)
        if not isinstance(version, int):
            raise Permanent(f"store: a stored {self._what} has no schema_version")
        if version > self._version:
            raise Permanent(
                f"store: a stored {self._what} has schema version {version}, written by a newer responder; this one "
                f"reads up to {self._version}: run the newer one"
            )
        for step in range(version, self._version):
            if (upcaster := self._upcasters.get((self._what, step))) is None:
                raise Permanent(f"store: no step from schema version {step} of {self._what} to {step + 1}")
            fields = upcaster(fields)
        return fields


class Codec:
    """`versions` and `upcasters`: this program's own, or a test's."""

    def __init__(
        self,
        versions: Mapping[str, int] = VERSIONS,
        upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    ) -> None:
        self._forms: dict[str, _Form[Any]] = {
            what: _Form(what, type_, versions[what], upcasters) for what, type_ in TYPES.items()
        }

    def encode(self, record: Record) -> str:
        return self._forms[record.KIND].encode(record)

    def decode(self, kind: str, text: str) -> Record:
        """Raises Permanent where the text is no such record, or of a newer version than this program knows."""
        return cast(Record, self._forms[kind].decode(text))

    def encode_occurrence(self, occurrence: Occurrence) -> str:
        return self._forms[OCCURRENCE].encode(occurrence)

    def decode_occurrence(self, text: str) -> Occurrence:
        return cast(Occurrence, self._forms[OCCURRENCE].decode(text))

    def encode_promise(self, promise: Promise) -> str:
        return self._forms[PROMISE].encode(promise)

    def decode_promise(self, text: str) -> Promise:
        return cast(Promise, self._forms[PROMISE].decode(text))
