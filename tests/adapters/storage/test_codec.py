"""Records become text and come back the same: today's, and those of every version before."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings

from responder.adapters.storage.codec import TYPES, VERSIONS, Codec
from responder.core.errors import Permanent
from responder.core.identifiers import Kind
from responder.core.policy.escalation import Promise
from tests.adapters.storage.golden import FULL, TEXTS, decode, encode, text_of
from tests.adapters.storage.shapes import PROMISES, values
from tests.builders import escalation, incident, page, terms

RECORDS = [type_ for type_ in TYPES.values() if hasattr(type_, "KIND")]
NAMES = pytest.mark.parametrize("what", TYPES)


# There and back


@pytest.mark.parametrize("type_", RECORDS, ids=lambda type_: type_.__name__)
def test_every_record_comes_back_as_it_went(type_):
    @given(values(type_))
    @settings(max_examples=50, deadline=None)
    def check(record):
        text = encode(record.KIND, record)
        text.encode()  # UTF-8 can hold it
        assert "\x00" not in text
        assert decode(record.KIND, text) == record

    check()


@given(values(TYPES["occurrence"]))
@settings(max_examples=50, deadline=None)
def test_every_occurrence_comes_back_as_it_went(occurrence):
    assert decode("occurrence", encode("occurrence", occurrence)) == occurrence


@given(PROMISES)
@settings(max_examples=50, deadline=None)
def test_every_promise_comes_back_as_it_went_under_the_same_hash(promise):
    back = decode("promise", encode("promise", promise))
    assert back == promise
    assert isinstance(back, Promise)
    assert back.pin == promise.pin


@NAMES
def test_a_value_with_every_field_set_comes_back_with_the_types_it_had(what):
    back = decode(what, encode(what, FULL[what]))
    assert back == FULL[what]
    assert repr(back).replace("TzInfo(0)", "datetime.timezone.utc") == repr(FULL[what])


@pytest.mark.parametrize(
    "text",
    ["\ufffd", "\\u001a0000", "\x1a", "\x1a0000", "\x1ad800", "\ud83d\ude00", "\u2028"],
    ids=ascii,
)
@pytest.mark.parametrize("where", ["key", "value"])
def test_text_that_looks_like_our_own_escapes_is_told_apart(text, where):
    group = {text: "x"} if where == "key" else {"x": text}
    assert decode("incident", encode("incident", incident(group=group))) == incident(group=group)


def test_terms_are_decoded_once_and_shared():
    codec = Codec()
    one, other = (codec.decode("escalation", codec.encode(escalation(id_))) for id_ in ("I1", "I2"))
    assert one.terms is other.terms  # type: ignore[union-attr]
    assert one == escalation("I1")


def test_more_terms_than_are_remembered_stay_apart():
    codec = Codec()
    many = [escalation(terms=terms(repeat=timedelta(minutes=minutes))) for minutes in range(1, 600)]
    texts = [codec.encode(one) for one in many]
    assert [codec.decode("escalation", text) for text in texts] == many
    assert [codec.encode(one) for one in many] == texts


# The shape


@NAMES
def test_the_stored_shape_is_the_one_that_was_agreed_on(what):
    """A text that differs is a change of shape: raise its version, add the step to UPCASTERS, write the golden text.

    The old ones stay, and must still be read.
    """
    assert encode(what, FULL[what]) + "\n" == text_of(what).read_text(encoding="utf-8")


@pytest.mark.parametrize("golden", sorted(TEXTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_shape_there_ever_was_is_still_read(golden):
    what = golden.name.partition(".")[0]
    assert isinstance(decode(what, golden.read_text(encoding="utf-8")), TYPES[what])


# Versions


def renamed(fields_):
    fields_["title"] = fields_.pop("headline")
    return fields_


def doubled(fields_):
    return {**fields_, "revision": fields_["revision"] * 2}


def at_version(what: str, value: object, version: int, **changed: object) -> str:
    found = json.loads(encode(what, value))
    return json.dumps({**found, **changed, "schema_version": version})


def test_an_old_record_climbs_step_by_step_to_todays_shape():
    codec = Codec({**VERSIONS, "incident": 3}, {("incident", 1): renamed, ("incident", 2): doubled})
    old = json.loads(at_version("incident", incident(revision=4), 1))
    old["headline"] = old.pop("title")
    assert decode("incident", json.dumps(old), codec) == incident(revision=8)
    second = at_version("incident", incident(revision=4), 2)
    assert decode("incident", second, codec) == incident(revision=8)
    today = at_version("incident", incident(revision=4), 3)
    assert decode("incident", today, codec) == incident(revision=4)
    assert encode("incident", incident(), codec).startswith('{"schema_version":3,')


def test_an_old_escalation_climbs_too():
    today = VERSIONS["escalation"]
    codec = Codec(
        {**VERSIONS, "escalation": today + 1}, {("escalation", today): lambda old: {**old, "pages": 9}}
    )
    old = encode("escalation", escalation())
    assert decode("escalation", old, codec) == escalation(pages=9)
    assert decode("escalation", encode("escalation", escalation(), codec), codec) == escalation()


def test_an_old_record_with_text_of_strangers_climbs_unharmed():
    codec = Codec({**VERSIONS, "incident": 2}, {("incident", 1): lambda old: old})
    one = incident(title="a\ud800\x00", group={"\ud800": "\x1a"})
    assert decode("incident", encode("incident", one), codec) == one


@pytest.mark.parametrize(
    "text, message",
    [
        pytest.param(at_version("page", page(), 3), "version 3, written by a newer responder", id="newer"),
        pytest.param(
            at_version("page", page(), 0), "no step from schema version 0 of page to 1", id="no step"
        ),
        pytest.param('{"page": "I1-p1"}', "no schema_version", id="no version"),
        pytest.param('{"schema_version": "1"}', "no schema_version", id="a version that is no number"),
        pytest.param("[]", "no JSON object", id="a list"),
        pytest.param("{", "is no JSON", id="no JSON"),
        pytest.param('{"schema_version":1,', "is no JSON", id="cut off after the version"),
        pytest.param('{"schema_version":2,"page":"I1-p1"}', "not of the shape", id="fields missing"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(text, message):
    with pytest.raises(Permanent, match=message):
        decode("page", text)


def test_a_refusal_names_the_field_and_never_what_is_in_it():
    text = encode("page", page()).replace('"contact":"cto"', '"contact":["+82-10-5555"]')
    with pytest.raises(Permanent) as refused:
        decode("page", text)
    assert "contact: string_type" in str(refused.value)
    assert "5555" not in str(refused.value)


def test_every_kind_of_record_has_a_version():
    assert set(Kind) <= set(VERSIONS)
    assert set(VERSIONS) == set(TYPES)
