"""The book: all policy documents of one moment, checked against each other. What does not fit makes no book.

`assemble` takes documents as plain data and collects every misfit before it gives up. The book holds no secret and
never changes; what an incident relies on is a `Promise` made from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from responder.core.decision import AlarmKind
from responder.core.identifiers import ChannelName, ContactName
from responder.core.level import Level
from responder.core.matching import Matcher, Mode, matches_all
from responder.core.policy import messages
from responder.core.policy.channels import ChannelEntry, ChannelsDocument
from responder.core.policy.contacts import Contact, ContactsDocument
from responder.core.policy.duties import Duty, DutyDocument
from responder.core.policy.escalation import DutyTerm, EscalationDocument, Promise, Steps, Storm, Terms
from responder.core.policy.fields import Document, schema_of, variables_of
from responder.core.policy.heartbeats import HeartbeatDefinition, HeartbeatsDocument
from responder.core.policy.levels import (
    ACK_LEASES,
    HEARTBEAT_RULE,
    REOPEN_WINDOWS,
    SNOOZE_CAPS,
    Declared,
    Example,
    LevelDefinition,
    LevelsDocument,
    SelfRule,
    incident_key,
)
from responder.core.policy.messages import Template
from responder.core.policy.misfits import Known, Misfit, Misfits, as_meant, misfits_of, suggestion
from responder.core.policy.rosters import Roster, RostersDocument

DOCUMENTS: Mapping[str, type[Document]] = MappingProxyType(
    {
        "levels": LevelsDocument,
        "contacts": ContactsDocument,
        "rosters": RostersDocument,
        "escalation": EscalationDocument,
        "duties": DutyDocument,
        "channels": ChannelsDocument,
        "heartbeats": HeartbeatsDocument,
    }
)
# Without these there is no policy; the others may be left out.
REQUIRED = ("levels", "contacts", "escalation", "channels")


@dataclass(frozen=True, kw_only=True)
class PolicyBook:
    """Look-ups raise KeyError for names that no document has; those inside the book have all been checked."""

    levels_document: LevelsDocument
    contacts_document: ContactsDocument
    escalation_document: EscalationDocument
    channels_document: ChannelsDocument
    rosters_document: RostersDocument = field(default_factory=lambda: RostersDocument(version=1, rosters={}))
    duties_document: DutyDocument = field(default_factory=lambda: DutyDocument(version=1, duties={}))
    heartbeats_document: HeartbeatsDocument = field(default_factory=lambda: HeartbeatsDocument(version=1))
    messages: Mapping[str, Template] = field(default_factory=dict)

    @property
    def contacts(self) -> Mapping[ContactName, Contact]:
        return cast(Mapping[ContactName, Contact], self.contacts_document.contacts)

    @property
    def acknowledge_for(self) -> ContactName | None:
        """In whose name somebody who is no contact may acknowledge; None = in nobody's."""
        return cast(ContactName | None, self.contacts_document.strangers.acknowledge_for)

    @property
    def redacted(self) -> frozenset[str]:
        """Labels and annotations whose values no message shows."""
        return self.levels_document.redact

    @property
    def variables(self) -> frozenset[str]:
        """The environment variables that anything here is read from."""
        return frozenset((*variables_of(self.contacts_document), *variables_of(self.channels_document)))

    @property
    def rosters(self) -> Mapping[str, Roster]:
        return self.rosters_document.rosters

    @property
    def channels(self) -> Mapping[ChannelName, ChannelEntry]:
        return cast(Mapping[ChannelName, ChannelEntry], self.channels_document.channels)

    @property
    def heartbeats(self) -> Mapping[str, HeartbeatDefinition]:
        return self.heartbeats_document.heartbeats

    @property
    def duties(self) -> Mapping[str, Duty]:
        return self.duties_document.duties

    @property
    def policies(self) -> Mapping[str, Mapping[Level, Steps]]:
        return self.escalation_document.policies

    @property
    def storm(self) -> Storm:
        """From when on pages of levels 1 and 2 are gathered; an incident is promised nothing of it."""
        return self.escalation_document.storm

    @property
    def self_rule(self) -> SelfRule:
        return self.levels_document.self_rule

    @property
    def declared(self) -> Declared:
        return self.levels_document.declared

    def level(self, level: Level) -> LevelDefinition:
        return self.levels_document.levels[level]

    def contact(self, name: ContactName) -> Contact:
        return self.contacts[name]

    def roster(self, name: str) -> Roster:
        return self.rosters[name]

    def channel(self, name: ChannelName) -> ChannelEntry:
        return self.channels[name]

    def alarm_level(self, kind: AlarmKind) -> Level:
        return self.self_rule.kinds.get(kind, self.self_rule.level)

    def promise(self, policy: str) -> Promise:
        """What an incident under this escalation policy is promised today, at every level."""
        if policy not in self._promises:
            levels = {
                level: self._terms(level, steps) for level, steps in sorted(self.policies[policy].items())
            }
            self._promises[policy] = Promise(policy=policy, levels=levels)
        return self._promises[policy]

    def missing_names(self, promise: Promise) -> list[str]:
        """Contacts and channels that an incident with this promise relies on and this book no longer has, in words."""
        contacts, channels = promise.names()
        lost = [f"contact {name}" for name in sorted(contacts) if name not in self.contacts]
        return lost + [f"channel {name}" for name in sorted(channels) if name not in self.channels]

    def beats(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The heartbeats whose beat an alert with these labels is."""
        return tuple(name for name, matchers in self._beats.items() if matches_all(matchers, labels))

    @cached_property
    def hash(self) -> str:
        """Of everything in it; equal books have equal hashes, whatever their files look like."""
        digest = hashlib.sha256()
        for name in DOCUMENTS:
            document: Document = getattr(self, f"{name}_document")
            digest.update(f"{name}\x00{_canonical(document)}\x00".encode())
        for name, template in sorted(self.messages.items()):
            digest.update(f"{name}\x00{template.medium}\x00{template.source}\x00".encode())
        return digest.hexdigest()[:32]

    @cached_property
    def _promises(self) -> dict[str, Promise]:
        return {}

    @cached_property
    def _beats(self) -> dict[str, tuple[Matcher, ...]]:
        return self.heartbeats_document.compiled(self.levels_document.matchers)

    def _terms(self, level: Level, steps: Steps) -> Terms:
        definition = self.level(level)
        return Terms(
            level=level,
            name=definition.name,
            ack_lease=definition.ack_lease or ACK_LEASES[level],
            snooze_cap=definition.snooze_cap or SNOOZE_CAPS[level],
            reopen_window=definition.reopen_window or REOPEN_WINDOWS[level],
            contacts=definition.contacts,
            channels=definition.channels,
            steps=steps.steps,
            repeat=steps.repeat.every,
            catch_up=steps.catch_up,
            duties=tuple(self._duty_term(step.duty, step.after) for step in steps.duties),
        )

    def _duty_term(self, name: str, after: timedelta) -> DutyTerm:
        duty = self.duties[name]
        return DutyTerm(name=name, after=after, contacts=duty.page, remind=duty.remind)


def _canonical(document: Document) -> str:
    return json.dumps(document.model_dump(mode="json", by_alias=True), sort_keys=True)


def assemble(
    documents: Mapping[str, object],
    files: Mapping[str, str] = MappingProxyType({}),
    *,
    channel_kinds: Collection[str],
    channel_models: Mapping[str, type[BaseModel]] = MappingProxyType({}),
    unread: Collection[str] = (),
) -> PolicyBook:
    """The book of these documents, by name as in DOCUMENTS, each as plain data with text keys (levels: numbers).

    files: message templates by file name (`sms.json`). channel_kinds: what this installation has; channel_models: the
    configuration of those that bring a model. unread: documents that are there and could not be read; the others are
    checked as far as they can be. Raises Misfits with everything that is wrong.
    """
    known = _known(documents, files, channel_kinds, unread)
    misfits = list(_wrong_documents(documents, unread))
    parsed: dict[str, Document] = {}
    for name, model in DOCUMENTS.items():
        if name in documents:
            document, found = _parsed(name, model, documents[name])
            misfits += found
            if document is not None:
                parsed[name] = document
    misfits += messages.misfits(files)
    misfits += _cross_checked(parsed, known)
    misfits += _misfits_of_configurations(documents.get("channels"), channel_models)
    if misfits or unread:
        raise Misfits(misfits)
    book = PolicyBook(
        messages=MappingProxyType(messages.templates(files)),
        **{f"{name}_document": document for name, document in parsed.items()},  # type: ignore[arg-type]  # by name
    )
    if misfits := list(_wrong_examples(book)):
        raise Misfits(misfits)
    return book


_schema_of = cache(schema_of)


def _parsed(name: str, model: type[Document], raw: object) -> tuple[Document | None, list[Misfit]]:
    """The document, and what is wrong with it. One with no fault but unknown fields is made without them, to go on."""
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        misfits = misfits_of(error, name, raw, _schema_of(model), quotes=name not in PRIVATE)
    try:
        return model.model_validate(as_meant(raw, misfits)), misfits
    except ValidationError:  # of the faults that have been found already
        return None, misfits


# Their values are not repeated: an address or a secret may stand where it does not belong.
PRIVATE = frozenset({"contacts", "channels"})


def _wrong_documents(documents: Mapping[str, object], unread: Collection[str]) -> Iterator[Misfit]:
    for name in sorted(documents.keys() - DOCUMENTS.keys()):
        what, instead = f"there is no policy document `{name}`", suggestion(name, DOCUMENTS)
        yield Misfit(document=name, path=(), what=what, instead=instead)
    for name in REQUIRED:
        if name not in documents and name not in unread:
            instead = "start from the one that is shipped"
            yield Misfit(document=name, path=(), what="this document is missing", instead=instead)


def _cross_checked(parsed: Mapping[str, Document], known: Known) -> Iterator[Misfit]:
    mode = Mode.FALLBACK
    for document in parsed.values():
        match document:
            case LevelsDocument():
                mode = document.matchers
                yield from document.misfits(known)
            case HeartbeatsDocument():
                yield from document.misfits(known, mode)
            case (
                ContactsDocument()
                | RostersDocument()
                | EscalationDocument()
                | DutyDocument()
                | ChannelsDocument()
            ):
                yield from document.misfits(known)
            case _:
                raise AssertionError(f"{type(document).__name__} is checked nowhere")


def _misfits_of_configurations(raw: object, models: Mapping[str, type[BaseModel]]) -> Iterator[Misfit]:
    """Each channel's configuration, as the model of its kind sees it."""
    for name, entry in (_entries({"channels": raw}, "channels", "channels") or {}).items():
        kind = _kind_of(entry)
        model, written = models.get(kind), entry.get(kind) if isinstance(entry, Mapping) else None
        if model is None or not isinstance(written, Mapping):
            continue
        try:
            model.model_validate(written)
        except ValidationError as error:
            at = ("channels", name, kind)
            yield from misfits_of(error, "channels", written, _schema_of(model), at, quotes=False)


def _wrong_examples(book: PolicyBook) -> Iterator[Misfit]:
    for index, example in enumerate(book.levels_document.examples):
        at = ("examples", index)
        for word, wanted, found in _differences(book, example):
            what = f"by these policies the {word} is `{found}`, not `{wanted}`"
            instead = "correct the example, or the rules"
            yield Misfit(document="levels", path=(*at, word), what=what, instead=instead)


def _differences(book: PolicyBook, example: Example) -> Iterator[tuple[str, object, object]]:
    """What the example says and what is, where they differ."""
    level: Level | str
    if beats := book.beats(example.labels):
        rule, level = HEARTBEAT_RULE, book.heartbeats[beats[0]].level
        key = incident_key(HEARTBEAT_RULE, {"heartbeat": beats[0]})
    else:
        found, level = book.levels_document.decide(example.labels)
        rule, key = found.name, incident_key(found.name, found.group_of(example.labels))
    if example.rule != rule:
        yield "rule", example.rule, rule
    elif example.level not in (None, level):
        yield "level", example.level, level
    elif example.key not in (None, key):
        yield "key", example.key, key


# Names, read before anything is checked


# Where each document lists what it names.
_LISTS = {
    "contact": ("contacts", "contacts"),
    "roster": ("rosters", "rosters"),
    "channel": ("channels", "channels"),
    "escalation policy": ("escalation", "policies"),
    "duty": ("duties", "duties"),
}


def _known(
    documents: Mapping[str, object],
    files: Mapping[str, str],
    channel_kinds: Collection[str],
    unread: Collection[str],
) -> Known:
    entries = {what: _entries(documents, *place) for what, place in _LISTS.items()}
    unlisted = {_LISTS[what][0] for what, found in entries.items() if found is None}
    contacts, channels = entries["contact"] or {}, entries["channel"] or {}
    names = {what: frozenset(found or ()) for what, found in entries.items()}
    return Known(
        names=names | {"message": frozenset(messages.templates(files))},
        persons=frozenset(name for name, entry in contacts.items() if not _has(entry, "roster")),
        channels={name: kind for name, entry in channels.items() if (kind := _kind_of(entry))},
        kinds=frozenset(channel_kinds),
        unread=frozenset(f"{name}.yaml" for name in unlisted.union(unread)),
    )


def _entries(documents: Mapping[str, object], document: str, word: str) -> dict[str, object] | None:
    """What the document lists, faulty or not; None where it is there, or has to be, and no list can be seen."""
    if document not in documents:
        return None if document in REQUIRED else {}
    raw = documents[document]
    entries = raw.get(word) if isinstance(raw, Mapping) else None
    return {str(name): entry for name, entry in entries.items()} if isinstance(entries, Mapping) else None


def _has(entry: object, field: str) -> bool:
    return isinstance(entry, Mapping) and field in entry


def _kind_of(entry: object) -> str:
    return str(next(iter(entry), "")) if isinstance(entry, Mapping) else ""


def schemas(
    channel_models: Mapping[str, type[BaseModel]] = MappingProxyType({}),
) -> dict[str, dict[str, Any]]:
    """A JSON Schema for each document, for editors; with `channel_models`, of each kind's configuration too."""
    found = {name: {"$schema": DIALECT} | schema_of(model) for name, model in DOCUMENTS.items()}
    definitions = found["channels"]["$defs"]
    for kind, model in channel_models.items():
        configuration = schema_of(model)
        definitions |= configuration.pop("$defs", {}) | {f"{kind}-configuration": configuration}
        reference = {"$ref": f"#/$defs/{kind}-configuration"}
        definitions["ChannelEntry"].setdefault("properties", {})[kind] = reference
    return found


DIALECT = "https://json-schema.org/draft/2020-12/schema"
