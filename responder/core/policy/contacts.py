"""Contacts: who can be reached, by what, in the order in which it is tried; or a name that stands for a roster.

A method names a channel and, where the channel needs one, an address. Core knows no channel kinds: which exist, and
that the channel named is of that kind, is checked with the names that the book brings.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, GetJsonSchemaHandler, PlainSerializer, Tag, model_validator

from responder.core.identifiers import ChannelName
from responder.core.policy.fields import Document, Locale, Name, TextOrEnv, Zone, text_or_env
from responder.core.policy.misfits import Known, Misfit, Path, suggestion

Role = Literal["viewer", "responder", "approver", "admin"]


Roles = Annotated[frozenset[Role], PlainSerializer(sorted, return_type=list[str])]


class Method(Document):
    """One way to reach a person: `{KIND: CHANNEL, to: ADDRESS}`, or `{KIND: ADDRESS}` on the channel called KIND."""

    kind: str  # of channel: slack, webhook, console, …
    value: TextOrEnv  # the channel's name, or an address on the channel that is called like its kind
    to: TextOrEnv | None = None  # the address on that channel; None where the channel itself is the address

    def way(self, channels: Container[str]) -> tuple[ChannelName, TextOrEnv | None]:
        """The channel, and the address on it; None where the channel needs none. `channels`: the names there are."""
        is_short = self.to is None and not (isinstance(self.value, str) and self.value in channels)
        if is_short and self.kind in channels:
            return ChannelName(self.kind), self.value
        return ChannelName(str(self.value)), self.to

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, raw: object) -> object:
        if not isinstance(raw, Mapping) or "kind" in raw:
            return raw
        kinds = [key for key in raw if key != "to"]
        if len(kinds) != 1 or not isinstance(kinds[0], str):
            raise ValueError("a method has one channel; write it like {webhook: sms, to: {from_env: PHONE}}")
        method: dict[str, object] = {"kind": kinds[0], "value": text_or_env(raw[kinds[0]])}
        return method | ({"to": text_or_env(raw["to"])} if "to" in raw else {})

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        env = {"type": "object", "properties": {"from_env": {"type": "string"}}, "required": ["from_env"]}
        text = {"anyOf": [{"type": "string", "minLength": 1}, env | {"additionalProperties": False}]}
        to = {
            "description": "the address on that channel, in quotes or {from_env: NAME}; default none: the channel's"
        }
        kind = {
            "description": "a channel's kind (slack, webhook, console), whose value is the channel's name; or an "
            "address, where a channel is called like its kind: {slack: U024BE7LH} is {slack: slack, to: U024BE7LH}"
        }
        return {
            "type": "object",
            "description": (cls.__doc__ or "").strip(),
            "properties": {"to": text | to},
            "additionalProperties": text | kind,
            "minProperties": 1,
            "maxProperties": 2,
        }


class Person(Document):
    """Somebody who can be paged."""

    name: str = Field(min_length=1, description="as messages call them; a person's name or an office")
    names: dict[Locale, str] = Field(default_factory=dict, description="the same by language; default none")
    roles: Roles = Field(
        default=frozenset({"responder"}),
        description="default [responder]: viewer sees, responder acts on incidents, approver also approves what can "
        "lose data, admin does all and changes tokens",
    )
    locale: Locale = Field(
        default="en",
        description="default en: the language of what they are sent; English where it has no words yet",
    )
    timezone: Zone | None = Field(
        default=None,
        description="default the service's own (RESPONDER_TIMEZONE): the zone of times they are sent",
    )
    methods: tuple[Method, ...] = Field(
        default=(),
        description="in the order in which they are tried; default none, which is said at every start",
    )


class OnRoster(Document):
    """Whoever is on shift."""

    roster: Name = Field(description="a roster from rosters.yaml")


def _is_roster(value: object) -> str:
    is_roster = "roster" in value if isinstance(value, Mapping) else isinstance(value, OnRoster)
    return "whoever is on shift" if is_roster else "a person"


Contact = Annotated[
    Annotated[Person, Tag("a person")] | Annotated[OnRoster, Tag("whoever is on shift")],
    Discriminator(_is_roster),
]


class Strangers(Document):
    """What somebody may do who writes in a chat of ours and is no contact."""

    acknowledge_for: Name | None = Field(
        default=None,
        description="a contact, person or roster, in whose name a stranger may acknowledge (and do nothing else), and "
        "who is told at once; default none = refused, for an acknowledgement stops the paging and nobody would be left "
        "to page",
    )


class ContactsDocument(Document):
    """policies/contacts.yaml"""

    version: Literal[1] = Field(description="always 1")
    contacts: dict[Name, Contact] = Field(description="by name; each a person or {roster: NAME}")
    strangers: Strangers = Field(
        default=Strangers(),
        description="default refused: what somebody may do who is no contact",
    )

    def misfits(self, known: Known) -> Iterator[Misfit]:
        if self.strangers.acknowledge_for is not None:
            at_strangers: Path = ("strangers", "acknowledge_for")
            yield from known.check("contacts", at_strangers, "contact", self.strangers.acknowledge_for)
        for name, contact in self.contacts.items():
            at: Path = ("contacts", name)
            if isinstance(contact, OnRoster):
                yield from known.check("contacts", (*at, "roster"), "roster", contact.roster)
                continue
            for index, method in enumerate(contact.methods):
                yield from _misfits_of_method((*at, "methods", index), method, known)


def _misfits_of_method(at: Path, method: Method, known: Known) -> Iterator[Misfit]:
    if method.kind not in known.kinds:
        what, instead = f"there is no kind of channel `{method.kind}`", suggestion(method.kind, known.kinds)
        yield _misfit((*at, method.kind), what, instead)
        return
    at = (*at, method.kind)
    if method.way(known.channels)[1] is method.value and known.channels[method.kind] == method.kind:
        return
    if not isinstance(method.value, str):
        yield _misfit(at, "a channel's name cannot come from the environment", "write the name; `to` may")
        return
    yield from known.check("contacts", at, "channel", method.value)
    kind = known.channels.get(method.value, method.kind)
    if kind != method.kind:
        what = f"the channel `{method.value}` is of kind {kind}, not {method.kind}"
        yield _misfit(at, what, f"write {{{kind}: {method.value}}}")


def _misfit(path: Path, what: str, instead: str) -> Misfit:
    return Misfit(document="contacts", path=path, what=what, instead=instead)
