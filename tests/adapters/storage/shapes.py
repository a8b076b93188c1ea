"""Any value of a stored type, drawn from its annotations: whatever a record can hold, hypothesis tries."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from responder.core.identifiers import ChannelName, ContactName
from responder.core.level import Level
from responder.core.policy.escalation import DutyTerm, Expect, Notify, Page, Promise, Remediate, Terms
from tests.builders import NOON

T = TypeVar("T")

# Every character there is, lone surrogates and NUL among them.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,10}", fullmatch=True)
# What policies can say: whole seconds.
DURATIONS = st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds))
POSITIVE = st.integers(1, 10**6).map(lambda seconds: timedelta(seconds=seconds))
CONTACTS = st.lists(NAMES.map(ContactName), max_size=3).map(tuple)
CHANNELS = st.lists(NAMES.map(ChannelName), max_size=3).map(tuple)
SOME_CONTACTS = st.lists(NAMES.map(ContactName), min_size=1, max_size=3).map(tuple)

STEPS = st.one_of(
    st.builds(Notify, after=DURATIONS, notify=st.one_of(st.just("level_channels"), CHANNELS)),
    st.builds(Page, after=DURATIONS, page=SOME_CONTACTS),
    st.builds(Remediate, after=DURATIONS, remediate=st.just("bound")),
    st.builds(Expect, after=DURATIONS, expect=st.just("recovered")),
)
TERMS = st.builds(
    Terms,
    level=st.sampled_from(Level),
    name=st.text(max_size=10),
    ack_lease=POSITIVE,
    snooze_cap=POSITIVE,
    reopen_window=POSITIVE,
    contacts=CONTACTS,
    channels=CHANNELS,
    steps=st.lists(STEPS, max_size=4).map(tuple),
    repeat=POSITIVE,
    catch_up=DURATIONS,
    duties=st.lists(
        st.builds(DutyTerm, name=NAMES, after=DURATIONS, contacts=CONTACTS, remind=POSITIVE), max_size=2
    ).map(tuple),
)
PROMISES = st.builds(Promise, policy=NAMES, levels=st.dictionaries(st.sampled_from(Level), TERMS))

ANY_MOMENT = st.datetimes(timezones=st.just(UTC))
# Far enough from both ends of time that a lease or a reopen window can be added.
USUAL_MOMENT = st.datetimes(
    min_value=NOON.replace(year=1990, tzinfo=None),
    max_value=NOON.replace(year=2100, tzinfo=None),
    timezones=st.just(UTC),
)
ANY_LENGTH = st.timedeltas()
USUAL_LENGTH = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=365))


def values(
    of: type[T],
    moments: st.SearchStrategy[datetime] = ANY_MOMENT,
    lengths: st.SearchStrategy[timedelta] = ANY_LENGTH,
) -> st.SearchStrategy[T]:
    """`of`: a stored dataclass."""
    hints = get_type_hints(of)
    drawn = {each.name: _of(hints[each.name], moments, lengths) for each in fields(of)}  # type: ignore[arg-type]
    return st.builds(of, **drawn)


def _of(
    hint: Any, moments: st.SearchStrategy[datetime], lengths: st.SearchStrategy[timedelta]
) -> st.SearchStrategy[Any]:
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXT,
        bool: st.booleans(),
        int: st.integers(-(2**63), 2**63 - 1),
        type(None): st.none(),
        datetime: moments,
        timedelta: lengths,
        Terms: TERMS,
    }
    if hint in plain:
        return plain[hint]
    if isinstance(hint, NewType):
        return _of(hint.__supertype__, moments, lengths)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    parts = [_of(part, moments, lengths) for part in get_args(hint) if part is not Ellipsis]
    origin = get_origin(hint)
    if origin in (types.UnionType, Union):
        return st.one_of(*parts)
    if origin is tuple:
        return st.lists(parts[0], max_size=3).map(tuple)
    if origin is frozenset:
        return st.frozensets(parts[0], max_size=3)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(*parts, max_size=3)
    return values(hint, moments, lengths)
