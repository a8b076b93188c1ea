"""Records as text: JSON with a `schema_version`, and the steps that bring an older text up to today's shape.

A change of a record's shape raises its version in VERSIONS and adds the step from the version before to UPCASTERS; the
golden texts in the tests fail until both are done. Text of strangers survives whatever it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from responder.adapters.storage.escapes import escaped, plain, rewritten
from responder.core.alert import Occurrence
from responder.core.errors import FromNewer, Unreadable
from responder.core.identifiers import Kind
from responder.core.machines.duty import Duty
from responder.core.machines.escalation import Escalation
from responder.core.machines.heartbeat import Heartbeat
from responder.core.machines.incident import Incident
from responder.core.machines.notice import Notice
from responder.core.machines.page import Page
from responder.core.machines.storm import Storm
from responder.core.policy.escalation import Promise, Terms
from responder.ports.store import Record

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
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
    Kind.STORM: Storm,
    OCCURRENCE: Occurrence,
    PROMISE: Promise,
}
# What this program writes. Keyed by what is stored: a record's kind, or one of the two names above.
VERSIONS: Mapping[str, int] = {
    **dict.fromkeys(TYPES, 1),
    Kind.NOTICE: 3,
    Kind.PAGE: 2,
    Kind.ESCALATION: 2,
    Kind.INCIDENT: 2,
}
# (what, version) -> the step to the next version. It gets the fields without `schema_version`, and may change them.
UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    # 2: `page`, `contact` and `superseded`, and the person of a happening; a notice from before has none of them.
    (Kind.NOTICE, 1): lambda fields: fields,
    # 3: what Alertmanager says of an incident is a happening too.
    (Kind.NOTICE, 2): lambda fields: fields,
    # 2: `digest`, `members` and `left`, and `round_from`; a page from before goes by itself, and was never isolated.
    (Kind.PAGE, 1): lambda fields: fields,
    # 2: an early move may be `held`; `suppression`, which one from before has not.
    (Kind.ESCALATION, 1): lambda fields: fields,
    # 2: `doubted_at` and `quiet_until`: nobody had asked an Alertmanager.
    (Kind.INCIDENT, 1): lambda fields: fields,
}

REMEMBERED = 256  # terms, either way; policies in use have a few

_REPLACED = "\ufffd".encode()
_MARKED_TEXT = "\\u001a"  # the escapes' mark, as JSON has it
_MARKED = _MARKED_TEXT.encode()


class _Form(Generic[T]):
    """One stored type: its text begins with the version, so that the usual case is seen without parsing twice."""

    def __init__(
        self, what: str, type_: Any, version: int, upcasters: Mapping[tuple[str, int], Upcaster]
    ) -> None:
        self._what = what
        self._version = version
        self._upcasters = upcasters
        self.adapter: TypeAdapter[T] = TypeAdapter(type_)
        self._opening = f'{{"schema_version":{version},'

    def encode(self, value: T) -> str:
        text = self._dumped(value)
        if text is None or _REPLACED in text or _MARKED in text:
            text = self._dump(rewritten(value, escaped))
        return self._opening + text[1:].decode()

    def _dumped(self, value: T) -> bytes | None:
        """None where there is a lone surrogate in a text; in the key of a mapping it becomes _REPLACED instead."""
        try:
            return self._dump(value)
        except ValueError:
            return None

    def decode(self, text: str) -> T:
        try:
            if text.startswith(self._opening):
                value = self._load("{" + text[len(self._opening) :])
            else:
                value = self._load(json.dumps(self._upcast(json.loads(text))))
        except ValidationError as error:
            if any(fault["type"] == "json_invalid" for fault in error.errors()):
                raise Unreadable(f"store: a stored {self._what} is no JSON") from error
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['type']}"
                for fault in error.errors(include_input=False)
            )
            message = f"store: a stored {self._what} is not of the shape that this program writes ({faults})"
            raise Unreadable(message) from error
        except json.JSONDecodeError as error:
            raise Unreadable(f"store: a stored {self._what} is no JSON") from error
        return rewritten(value, plain) if _MARKED_TEXT in text else value

    def _dump(self, value: T) -> bytes:
        return self.adapter.dump_json(value)

    def _load(self, text: str) -> T:
        return self.adapter.validate_json(text)

    def _upcast(self, fields: Any) -> Fields:
        if not isinstance(fields, dict):
            raise Unreadable(f"store: a stored {self._what} is no JSON object")
        version = fields.pop("schema_version", None)
        if not isinstance(version, int):
            raise Unreadable(f"store: a stored {self._what} has no schema_version")
        if version > self._version:
            raise FromNewer(
                f"store: a stored {self._what} has schema version {version}, written by a newer responder; this one "
                f"reads up to {self._version}: run the newer one"
            )
        for step in range(version, self._version):
            if (upcaster := self._upcasters.get((self._what, step))) is None:
                raise Unreadable(f"store: no step from schema version {step} of {self._what} to {step + 1}")
            fields = upcaster(fields)
        return cast(Fields, fields)


class _EscalationForm(_Form[Escalation]):
    """An escalation's text begins with its terms, and a line feed ends them.

    A few terms are shared by all escalations, and are most of the text: each is turned into text, and back, once.
    """

    _TERMS = '{"terms":'

    def __init__(
        self, what: str, type_: Any, version: int, upcasters: Mapping[tuple[str, int], Upcaster]
    ) -> None:
        super().__init__(what, type_, version, upcasters)
        # By identity, which stays theirs because the terms are kept beside their text.
        self._texts: dict[int, tuple[Terms, bytes]] = {}
        self._terms: dict[str, Terms] = {}

    def _dump(self, value: Escalation) -> bytes:
        rest = self.adapter.dump_json(value, exclude={"terms"})
        return self._TERMS.encode() + self._text_of(value.terms) + b"\n," + rest[1:]

    def _text_of(self, terms: Terms) -> bytes:
        if (known := self._texts.get(id(terms))) is None:
            known = (terms, terms.model_dump_json().encode())
            _remember(self._texts, id(terms), known)
        return known[1]

    def _load(self, text: str) -> Escalation:
        head, line_feed, rest = text.partition("\n,")
        if not line_feed or not head.startswith(self._TERMS):
            return super()._load(text)
        if (terms := self._terms.get(head)) is None:
            terms = Terms.model_validate_json(head[len(self._TERMS) :])
            _remember(self._terms, head, terms)
        return self.adapter.validate_python({**json.loads("{" + rest), "terms": terms})


_FORMS: Mapping[str, type[_Form[Any]]] = {Kind.ESCALATION: _EscalationForm}


def _remember(cache: dict[K, V], key: K, value: V) -> None:
    if len(cache) >= REMEMBERED:
        cache.clear()
    cache[key] = value


class Codec:
    """`versions` and `upcasters`: this program's own, or a test's."""

    def __init__(
        self,
        versions: Mapping[str, int] = VERSIONS,
        upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    ) -> None:
        self.versions = versions
        self._forms: dict[str, _Form[Any]] = {
            what: _FORMS.get(what, _Form)(what, type_, versions[what], upcasters)
            for what, type_ in TYPES.items()
        }

    def encode(self, record: Record) -> str:
        return self._forms[record.KIND].encode(record)

    def decode(self, kind: str, text: str) -> Record:
        """Raises Unreadable where the text is no such record, FromNewer where a newer program has written it."""
        return cast(Record, self._forms[kind].decode(text))

    def encode_occurrence(self, occurrence: Occurrence) -> str:
        return self._forms[OCCURRENCE].encode(occurrence)

    def decode_occurrence(self, text: str) -> Occurrence:
        return cast(Occurrence, self._forms[OCCURRENCE].decode(text))

    def encode_promise(self, promise: Promise) -> str:
        return self._forms[PROMISE].encode(promise)

    def decode_promise(self, text: str) -> Promise:
        return cast(Promise, self._forms[PROMISE].decode(text))
