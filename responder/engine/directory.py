"""The directory: from a name in a policy to the person who is meant now, and the ways to reach them.

It reads the live book, so a new phone number or an override counts from the next page on. Addresses stay here until
the moment of sending; what is stored names a method by its place in the contact's list.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from responder.core.errors import Permanent
from responder.core.identifiers import ChannelName, ContactName
from responder.core.machines.page import Method
from responder.core.on_shift import who_is_on
from responder.core.policy.contacts import Person
from responder.core.policy.fields import TextOrEnv, resolve
from responder.engine.catalogue import Catalogue
from responder.engine.policies import Policies
from responder.ports.channel import Spelling


@dataclass(frozen=True, slots=True)
class Reachable:
    contact: ContactName
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True)
class Nobody:
    """Why no person, or no way to them, stands behind a name; shown to people."""

    why: str


class Directory:
    def __init__(self, policies: Policies, catalogue: Catalogue, environ: Mapping[str, str]) -> None:
        self._policies = policies
        self._catalogue = catalogue
        self._environ = environ

    def reach(
        self, name: ContactName, now: datetime, *, avoid: Collection[ChannelName] = ()
    ) -> Reachable | Nobody:
        """Who `name` is now, and how to reach them; methods by channels of `avoid` only where there is no other."""
        person = self.person_on(name, now)
        if person is None:
            return Nobody(f"nobody is on shift for {name}; mend rosters.yaml or add an override")
        methods = self._methods(person)
        if not methods:
            return Nobody(f"{person} has no usable method; give them one in contacts.yaml")
        others = tuple(method for method in methods if method.channel not in avoid)
        return Reachable(person, others or methods)

    def person_on(self, name: ContactName, now: datetime) -> ContactName | None:
        contact = self._policies.book.contacts.get(name)
        if contact is None:
            return None
        if isinstance(contact, Person):
            return name
        return who_is_on(self._policies.book.roster(contact.roster), now)

    def person(self, name: ContactName) -> Person | None:
        contact = self._policies.book.contacts.get(name)
        return contact if isinstance(contact, Person) else None

    def contact_at(self, kind: str, address: str) -> ContactName | None:
        """Whose address this is on channels of this kind. None where it is nobody's, or of several persons, which of
        whom it is nobody can tell; `contacts_at` has them.
        """
        found = self.contacts_at(kind, address)
        return found[0] if len(found) == 1 else None

    def contacts_at(self, kind: str, address: str) -> list[ContactName]:
        return [
            name
            for name, contact in self._policies.book.contacts.items()
            if isinstance(contact, Person) and address and address in self._addresses(contact, kind)
        ]

    def _addresses(self, person: Person, kind: str) -> set[str]:
        of_kind = (index for index, method in enumerate(person.methods) if method.kind == kind)
        return {found for index in of_kind if (found := self._address(person, index)) is not None}

    def address(self, name: ContactName, index: int, channel: ChannelName) -> str | None:
        """The address of the contact's method `index`, which was by `channel` when the page was asked for.

        None where the channel needs none. Raises Permanent where the live policies no longer have such a method.
        """
        person = self.person(name)
        if person is None or index >= len(person.methods) or self._way(person, index)[0] != channel:
            raise Permanent(
                f"{name}: the method by {channel} that this page was asked for is no longer in contacts.yaml"
            )
        address = self._address(person, index)
        is_lacking = address is None and self._way(person, index)[1] is not None
        if is_lacking and not self._catalogue.needs_no_address(channel):
            raise Permanent(f"{name}: no address for {channel} is set")
        return address

    def addresses(self) -> list[tuple[ContactName, ChannelName, str]]:
        """Every address of every person, by its channel."""
        found = []
        for name, contact in self._policies.book.contacts.items():
            if isinstance(contact, Person):
                for index in range(len(contact.methods)):
                    channel, address = self._way(contact, index)[0], self._address(contact, index)
                    if address and self._catalogue.has(channel):
                        found.append((name, channel, address))
        return found

    def edits(self, channel: ChannelName) -> bool:
        """What was sent there can be changed."""
        return self._catalogue.edits(channel)

    def spelling(self, channel: ChannelName) -> Spelling:
        return self._catalogue.spelling(channel)

    def speechless(self) -> dict[ContactName, str]:
        """Every person who cannot be reached at all, and why; said at start."""
        found = {}
        for name, contact in self._policies.book.contacts.items():
            if isinstance(contact, Person) and not self._methods(name):
                ways = [self._way(contact, index)[0] for index in range(len(contact.methods))]
                found[name] = f"no usable method ({', '.join(ways) or 'none is listed'})"
        return found

    def _methods(self, name: ContactName) -> tuple[Method, ...]:
        person = self.person(name)
        if person is None:
            return ()
        found = []
        for index in range(len(person.methods)):
            channel, to = self._way(person, index)
            if not self._catalogue.has(channel):
                continue
            if to is None or self._address(person, index) or self._catalogue.needs_no_address(channel):
                found.append(Method(index=index, channel=channel, folds=self._catalogue.folds(channel)))
        return tuple(found)

    def _address(self, person: Person, index: int) -> str | None:
        to = self._way(person, index)[1]
        return None if to is None else resolve(to, self._environ)

    def _way(self, person: Person, index: int) -> tuple[ChannelName, TextOrEnv | None]:
        return person.methods[index].way(self._policies.book.channels)
