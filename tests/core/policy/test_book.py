"""A book is made only of documents that fit; every misfit is found at once, at its place, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from responder.core.decision import AlarmKind
from responder.core.identifiers import ChannelName, ContactName
from responder.core.level import Level
from responder.core.policy.book import assemble, schemas
from responder.core.policy.fields import FromEnv, resolve
from responder.core.policy.misfits import Misfit, Misfits
from tests.core.policy.documents import FILES, GONE, KINDS, book, documents, misfits, renamed, spoiled

RULES = ("levels", "rules")
LADDER = ("escalation", "policies", "ladder")
STEP = {"after": "15m", "page": ["on-call"]}

# Each: where the documents are spoiled, with what, where that is to be seen, and words that have to be said.
FAULTS = {
    "an unknown field": (
        (*LADDER, 2, "steps", 1),
        {"afer": "15m", "page": ["ann"]},
        "afer",
        "did you mean `after`?",
    ),
    "an unknown field of a level": (("levels", "levels", 1, "contact"), ["boss"], "contact", "`contacts`"),
    "an unknown field at the top": (("levels", "rule"), [], "rule", "did you mean `rules`?"),
    "an unknown document": (("contact",), {}, None, "did you mean `contacts`?"),
    "a missing document": (("escalation",), GONE, None, "this document is missing"),
    "a document that is no mapping": (("duties",), ["notice"], None, "a mapping"),
    "a missing version": (("duties", "version"), GONE, None, "`version` is missing"),
    "a version of the future": (("duties", "version"), 2, "version", "write 1"),
    "a duration without a unit": ((*LADDER, 2, "steps", 1, "after"), 30, "after", "write it like 90s"),
    "a duration of nothing": (
        ("duties", "duties", "notice", "remind"),
        "0s",
        "remind",
        "longer than nothing",
    ),
    "a level of text": ((*RULES, 0, "level"), "2", "level", "no level"),
    "a level of truth": ((*RULES, 0, "level"), True, "level", "no level"),
    "a level that is none": ((*RULES, 0, "level"), 5, "level", "1, 2, 3 or 4"),
    "a level that is none, as a key": ((*LADDER, 5), {"steps": [STEP]}, 5, "1, 2, 3 or 4"),
    "a missing level": (("levels", "levels", 4), GONE, "levels", "level 4 is missing"),
    "a policy without a level": ((*LADDER, 4), GONE, "ladder", "level 4 is missing"),
    "steps out of order": (
        (*LADDER, 2, "steps", 2),
        {"after": "1m", "page": ["boss"]},
        "after",
        "order steps",
    ),
    "nobody paged": (
        (*LADDER, 2, "steps"),
        [{"after": "0s", "remediate": "bound"}],
        "steps",
        "nobody is paged",
    ),
    "only a faulty step": ((*LADDER, 2, "steps"), [{"after": "0s", "pge": ["boss"]}], 0, "does one thing"),
    "no step": ((*LADDER, 2, "steps"), [], "steps", "at least one"),
    "a duty among the steps": (
        (*LADDER, 2, "steps", 2),
        {"after": "1h", "duty": "notice"},
        2,
        "move it to `duties:`",
    ),
    "a step that does two things": (
        (*LADDER, 2, "steps", 2),
        {"after": "1h", "page": ["boss"], "notify": ["chat"]},
        2,
        "one of notify, page, remediate, expect",
    ),
    "a step that does nothing": (
        (*LADDER, 2, "steps", 2),
        {"after": "1h", "pge": ["boss"]},
        2,
        "does one thing",
    ),
    "a notify that is a name": (
        (*LADDER, 2, "steps", 0, "notify"),
        "chat",
        "notify",
        "write 'level_channels', or a list",
    ),
    "a page that nobody has": ((*LADDER, 2, "steps", 1, "page"), ["bos"], 0, "did you mean `boss`?"),
    "a notify on no channel": ((*LADDER, 2, "steps", 0, "notify"), ["chatt"], 0, "did you mean `chat`?"),
    "an unknown duty": ((*LADDER, 3, "duties", 0, "duty"), "notices", "duty", "did you mean `notice`?"),
    "a duty twice": ((*LADDER, 3, "duties", 1), {"after": "3h", "duty": "notice"}, "duty", "listed twice"),
    "a duty put to nobody": (("duties", "duties", "notice", "page"), ["bos"], 0, "did you mean `boss`?"),
    "two things in a rule": ((*RULES, 0, "notice"), ["chat"], 0, "exactly one of `level` and `notice`"),
    "nothing in a rule": ((*RULES, 0, "level"), GONE, 0, "exactly one of `level` and `notice`"),
    "a rule without escalation": ((*RULES, 0, "escalation"), GONE, 0, "`escalation` is missing"),
    "a rule with an unknown policy": (
        (*RULES, 0, "escalation"),
        "lader",
        "escalation",
        "did you mean `ladder`?",
    ),
    "a rule with our own name": ((*RULES, 0, "name"), "declared", "name", "a name of our own"),
    "two rules of one name": ((*RULES, 0, "name"), "anything-else", "name", "two rules are called"),
    "a bad name": ((*RULES, 0, "name"), "Warning!", "name", "lower-case letters"),
    "a bad matcher": ((*RULES, 0, "match", 0), 'severity="x', 0, "closing double quote"),
    "a matcher that RE2 refuses": ((*RULES, 0, "match", 0), 'a=~"(?!x)"', 0, "refused by RE2"),
    "a matcher of nothing": ((*RULES, 0, "match", 0), "{}", 0, "holds no matcher"),
    "a label grouped by twice": ((*RULES, 0, "group_by"), ["a", "a"], 1, "name each label once"),
    "a rule that no alert reaches": (
        (*RULES, 2),
        {"name": "late", "level": 1, "escalation": "ladder"},
        2,
        "move it up",
    ),
    "no rule for the rest": ((*RULES, 1, "match"), ['a="b"'], "rules", "end with a rule that has no `match`"),
    "the rest by a label": ((*RULES, 1, "level"), {"from_label": "level"}, "rules", "end with a rule"),
    "the rest only shown": ((*RULES, 1), {"name": "rest", "notice": ["chat"]}, 1, "would page nobody"),
    "a notice nowhere": (
        (*RULES, 0),
        {"name": "info", "match": ['a="b"'], "notice": ["chatt"]},
        0,
        "did you mean `chat`?",
    ),
    "a level's unknown contact": (("levels", "levels", 3, "contacts"), ["bos"], 0, "did you mean `boss`?"),
    "a level's unknown channel": (("levels", "levels", 3, "channels"), ["smss"], 0, "did you mean `sms`?"),
    "our own unknown policy": (("levels", "self", "escalation"), "x", "escalation", "write one of `ladder`"),
    "an unknown kind of alarm": (("levels", "self", "kinds"), {"chanel": 1}, "chanel", "'channel'"),
    "an unknown policy for what is declared": (
        ("levels", "declared", "escalation"),
        "x",
        "escalation",
        "`ladder`",
    ),
    "an example of another rule": (
        ("levels", "examples", 0, "rule"),
        "warning",
        "rule",
        "is `anything-else`",
    ),
    "an example of another level": (
        ("levels", "examples", 0, "level"),
        3,
        "level",
        "the level is `2`, not `3`",
    ),
    "an example of another key": (
        ("levels", "examples", 0, "key"),
        "x",
        "key",
        'anything-else{alertname="X"}',
    ),
    "an unknown roster": (
        ("contacts", "contacts", "on-call", "roster"),
        "wekly",
        "roster",
        "did you mean `weekly`?",
    ),
    "strangers acknowledge for nobody that is known": (
        ("contacts", "strangers"),
        {"acknowledge_for": "onn-call"},
        "acknowledge_for",
        "did you mean `on-call`?",
    ),
    "strangers who may do something else": (
        ("contacts", "strangers"),
        {"resolve_for": "on-call"},
        "resolve_for",
        "acknowledge_for",
    ),
    "an unknown role": (("contacts", "contacts", "ann", "roles"), ["boss"], 0, "'approver'"),
    "an unknown language": (("contacts", "contacts", "ann", "locale"), "de", "locale", "'en' or 'ko'"),
    "an unknown zone": (("contacts", "contacts", "ann", "timezone"), "Asia/Soul", "timezone", "Asia/Seoul"),
    "a folder for a zone": (("contacts", "contacts", "ann", "timezone"), "Asia", "timezone", "no time zone"),
    "a contact with a reserved name": (
        ("contacts", "contacts", "level_contacts"),
        {"name": "X"},
        "level_contacts",
        "choose another name",
    ),
    "a method of no kind": (
        ("contacts", "contacts", "ann", "methods", 0),
        {"to": "+1"},
        0,
        "a method has one channel",
    ),
    "a method of two kinds": (
        ("contacts", "contacts", "ann", "methods", 0),
        {"webhook": "sms", "console": "console"},
        0,
        "a method has one channel",
    ),
    "a method of an unknown kind": (
        ("contacts", "contacts", "ann", "methods", 0),
        {"webhok": "sms"},
        "webhok",
        "did you mean `webhook`?",
    ),
    "a method on no channel": (
        ("contacts", "contacts", "ann", "methods", 0),
        {"webhook": "smss"},
        "webhook",
        "did you mean `sms`?",
    ),
    "a method on a channel of another kind": (
        ("contacts", "contacts", "ann", "methods", 0),
        {"webhook": "console"},
        "webhook",
        "write {console: console}",
    ),
    "a method whose channel is a variable": (
        ("contacts", "contacts", "ann", "methods", 0),
        {"webhook": {"from_env": "X"}},
        "webhook",
        "write the name",
    ),
    "an address that is a number": (
        ("contacts", "contacts", "ann", "methods", 0, "to"),
        821012345678,
        0,
        "write it in quotes",
    ),
    "a variable with a bad name": (
        ("contacts", "contacts", "ann", "methods", 0, "to"),
        {"from_env": "BOSS PHONE"},
        0,
        "{from_env: NAME}",
    ),
    "an unknown member": (("rosters", "rosters", "weekly", "members", 0), "an", 0, "did you mean `ann`?"),
    "a roster as a member": (("rosters", "rosters", "weekly", "members", 0), "on-call", 0, "name a person"),
    "a roster without members": (("rosters", "rosters", "weekly", "members"), [], "members", "at least one"),
    "a shift of minutes": (("rosters", "rosters", "weekly", "every"), "30m", "every", "at least 1h"),
    "a handover without minutes": (("rosters", "rosters", "weekly", "handover"), 9, "handover", '"09:00"'),
    "a start that is no date": (("rosters", "rosters", "weekly", "starts"), 20260105, "starts", "2026-11-02"),
    "a start in February 30": (
        ("rosters", "rosters", "weekly", "starts"),
        "2026-02-30",
        "starts",
        "a date like",
    ),
    "a roster without a zone": (
        ("rosters", "rosters", "weekly", "timezone"),
        GONE,
        "weekly",
        "`timezone` is missing",
    ),
    "an override with an offset": (
        ("rosters", "rosters", "weekly", "overrides"),
        [{"from": "2026-12-24 09:00Z", "until": "2026-12-25 09:00", "contact": "ben"}],
        "from",
        "without an offset",
    ),
    "an override on no day": (
        ("rosters", "rosters", "weekly", "overrides"),
        [{"from": "2026-02-30 09:00", "until": "2026-12-25 09:00", "contact": "ben"}],
        "from",
        "no local time",
    ),
    "an override that ends first": (
        ("rosters", "rosters", "weekly", "overrides"),
        [{"from": "2026-12-26 09:00", "until": "2026-12-25 09:00", "contact": "ben"}],
        0,
        "ends before it begins",
    ),
    "overrides that overlap": (
        ("rosters", "rosters", "weekly", "overrides"),
        [
            {"from": "2026-12-24 09:00", "until": "2026-12-26 09:00", "contact": "ben"},
            {"from": "2026-12-25 09:00", "until": "2026-12-27 09:00", "contact": "ann"},
        ],
        1,
        "overlap",
    ),
    "an override by nobody": (
        ("rosters", "rosters", "weekly", "overrides"),
        [{"from": "2026-12-24 09:00", "until": "2026-12-26 09:00", "contact": "bn"}],
        "contact",
        "did you mean `ben`?",
    ),
    "a channel of no kind": (("channels", "channels", "sms"), {}, "sms", "a channel is of one kind"),
    "a channel without configuration": (
        ("channels", "channels", "sms"),
        {"webhook": None},
        "sms",
        "is a mapping",
    ),
    "a channel of an unknown kind": (
        ("channels", "channels", "x"),
        {"pager": {}},
        "pager",
        "write one of `console`",
    ),
    "a channel with an unknown message": (
        ("channels", "channels", "chat", "webhook", "template"),
        "chatt",
        "template",
        "did you mean `chat`?",
    ),
    "a heartbeat with an unknown policy": (
        ("heartbeats", "heartbeats", "backup", "escalation"),
        "x",
        "escalation",
        "write one of `ladder`",
    ),
    "a heartbeat of seconds": (
        ("heartbeats", "heartbeats", "backup", "period"),
        "10s",
        "period",
        "1m to 31d",
    ),
    "a heartbeat of a year": (
        ("heartbeats", "heartbeats", "backup", "period"),
        "365d",
        "period",
        "1m to 31d",
    ),
    "a heartbeat of any alert": (
        ("heartbeats", "heartbeats", "watchdog", "source", "alert"),
        ['severity!="x"'],
        "alert",
        "name the alert",
    ),
    "a heartbeat from nowhere": (
        ("heartbeats", "heartbeats", "backup", "source"),
        {},
        "source",
        "{http: true}",
    ),
    "a heartbeat from false": (
        ("heartbeats", "heartbeats", "backup", "source"),
        {"http": False},
        "http",
        "write True",
    ),
    "a heartbeat's bad matcher": (
        ("heartbeats", "heartbeats", "watchdog", "source", "alert"),
        ['alertname="'],
        0,
        "closing double quote",
    ),
}


def test_the_documents_that_the_faults_are_made_of_fit():
    assert misfits(documents()) == []


@pytest.mark.parametrize(
    "path, value, place, words", [pytest.param(*case, id=name) for name, case in FAULTS.items()]
)
def test_a_fault_is_found_at_its_place_and_nothing_else_is(path, value, place, words):
    [found] = misfits(spoiled(path, value))
    assert found.document in (path[0], "contacts" if path[0] == "contact" else path[0])
    assert (found.path or (None,))[-1] == place
    assert words in f"{found.what}; {found.instead}"
    assert found.what


def test_every_fault_is_reported_at_once():
    changed = spoiled(("levels", "levels", 1, "contacts"), ["bos"])
    changed["rosters"]["rosters"]["weekly"]["members"] = ["an", "bn"]
    changed["channels"]["channels"]["sms"] = {"webhok": {}}
    changed["duties"]["duties"]["notice"]["remind"] = 5
    del changed["escalation"]["policies"]["ladder"][4]
    assert sorted((each.document, each.path[-1]) for each in misfits(changed)) == [
        ("channels", "webhok"),
        ("contacts", "webhook"),
        ("contacts", "webhook"),
        ("duties", "remind"),
        ("escalation", "ladder"),
        ("levels", 0),
        ("rosters", 0),
        ("rosters", 1),
    ]


def test_an_unknown_field_does_not_hide_what_else_is_wrong():
    changed = spoiled((*LADDER, 2, "steps", 1), {"afer": "15m", "page": ["bos"]})
    changed["escalation"]["polices"] = {}
    assert [(each.path[-1], each.instead) for each in misfits(changed)] == [
        ("afer", "did you mean `after`?"),
        ("polices", "did you mean `policies`?"),
        (0, "did you mean `boss`?"),
    ]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    for key, each in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(each, (*path, key))


NONSENSE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just("15m")
    | st.just("boss"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.integers(0, 5) | st.sampled_from(["after", "page", "to"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def put(tree: Any, path: tuple[str | int, ...], value: object) -> None:
    """`value` at `path`, where there still is such a place."""
    for part in path[:-1]:
        try:
            tree = tree[part]
        except (LookupError, TypeError):
            return
    if isinstance(tree, dict):
        tree[path[-1]] = value


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(places(documents()), key=str)), NONSENSE), min_size=1, max_size=3
    )
)
def test_whatever_is_written_is_a_book_or_misfits(edits):
    changed: Any = documents()
    for path, nonsense in edits:
        put(changed, path, nonsense)
    for found in misfits(changed):
        assert found.what


def test_names_of_a_faulty_entry_are_still_known():
    changed = spoiled(("contacts", "contacts", "boss", "lokale"), "ko")
    assert [each.path for each in misfits(changed)] == [("contacts", "boss", "lokale")]


def test_what_could_not_be_read_lets_any_name_pass():
    changed = documents()
    del changed["contacts"], changed["channels"]
    with pytest.raises(Misfits) as caught:
        assemble(changed, FILES, channel_kinds=KINDS, unread=["contacts", "channels"])
    assert caught.value.misfits == ()


def test_what_may_be_secret_is_not_repeated():
    for path in (
        ("contacts", "contacts", "ann", "methods", 0, "to"),
        ("contacts", "contacts", "ann", "name"),
        ("channels", "channels", "sms", "webhook"),
    ):
        said = misfits(spoiled(path, 4040404))
        assert said
        assert "4040404" not in str(said)


class SmsConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str | FromEnv
    retries: int = 1


def test_a_channels_configuration_is_checked_by_the_model_of_its_kind():
    changed = spoiled(
        ("channels", "channels", "sms", "webhook"), {"ulr": "https://sms.example/", "retries": "s3cret"}
    )
    changed["channels"]["channels"]["chat"] = {"webhook": {"url": {"from_env": "CHAT_URL"}}}
    with pytest.raises(Misfits) as caught:
        assemble(changed, FILES, channel_kinds=KINDS, channel_models={"webhook": SmsConfig})
    at = ("channels", "sms", "webhook")
    assert set(caught.value.misfits) == {
        Misfit(
            document="channels", path=(*at, "ulr"), what="unknown field `ulr`", instead="did you mean `url`?"
        ),
        Misfit(
            document="channels",
            path=(*at, "retries"),
            what="what stands here does not belong here",
            instead="write a whole number",
        ),
    }


def test_a_misspelt_list_of_channels_is_still_checked():
    changed = documents()
    changed["channels"]["chanels"] = changed["channels"].pop("channels")
    with pytest.raises(Misfits) as caught:
        assemble(changed, FILES, channel_kinds=KINDS, channel_models={"webhook": SmsConfig})
    assert [each.instead for each in caught.value.misfits] == ["did you mean `channels`?"]


@pytest.mark.parametrize(
    "files, words",
    [
        ({"Chat.JSON": "x"}, "no message has such a name"),
        ({"chat.html": "x"}, "no message has such a name"),
        ({"chat": "x"}, "no message has such a name"),
        ({"chat.json": "x", "chat.txt": "y"}, "has another file, chat.json"),
        ({"chat.json": " \n"}, "says nothing"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_a_message_has_one_file_with_a_name_and_a_text(files, words):
    found = misfits(documents(), {"chat.json": "x"} | files)
    assert [words in each.what for each in found] == [True]
    assert found[0].document.startswith("messages/")


# What a book answers


def test_a_promise_holds_the_level_its_ladder_and_its_duties():
    promise = book().promise("ladder")
    assert sorted(promise.levels) == [1, 2, 3, 4]
    terms = promise.levels[Level.SEVERE]
    assert (terms.name, terms.contacts, terms.channels) == ("severe", ("boss",), ("chat", "sms"))
    assert terms.contacts_of(1) == ("boss", "on-call")
    assert [(duty.name, duty.after, duty.contacts) for duty in terms.duties] == [
        ("notice", timedelta(hours=2), ("boss",))
    ]
    assert terms.repeat == timedelta(minutes=30)


@pytest.mark.parametrize(
    "level, lease, snooze, window",
    [(1, "4h", "8h", "15m"), (2, "2h", "4h", "15m"), (3, "1h", "1h", "30m"), (4, "30m", "30m", "1h")],
)
def test_each_level_has_its_own_defaults(level, lease, snooze, window):
    terms = book().promise("ladder").levels[Level(level)].model_dump(mode="json")
    assert (terms["ack_lease"], terms["snooze_cap"], terms["reopen_window"]) == (lease, snooze, window)


def test_what_a_level_says_itself_wins_over_the_default():
    changed = spoiled(("levels", "levels", 1, "ack_lease"), "10m")
    assert book(changed).promise("ladder").levels[Level.MINOR].ack_lease == timedelta(minutes=10)


def test_a_promise_is_made_once_and_equal_policies_promise_the_same():
    one, other = book(), book()
    assert one.promise("ladder") is one.promise("ladder")
    assert one.promise("ladder").pin == other.promise("ladder").pin


def test_the_pin_changes_with_what_is_promised_and_with_nothing_else():
    pin = book().promise("ladder").pin
    assert book(spoiled(("contacts", "contacts", "ann", "name"), "Anna")).promise("ladder").pin == pin
    assert book(spoiled(("levels", "levels", 3, "channels"), ["sms"])).promise("ladder").pin != pin
    assert book(spoiled(("duties", "duties", "notice", "page"), ["ann"])).promise("ladder").pin != pin


def test_the_hash_is_of_the_content_not_of_its_order():
    changed = documents()
    changed["contacts"]["contacts"] = dict(reversed(changed["contacts"]["contacts"].items()))
    changed["contacts"]["contacts"]["ann"]["roles"] = ["responder"]  # the default
    assert book(changed).hash == book().hash
    assert book(files={"chat.json": "other"}).hash != book().hash
    assert book(spoiled(("heartbeats", "heartbeats", "backup", "period"), "2d")).hash != book().hash
    assert book(spoiled(("contacts", "contacts", "ann", "methods", 0, "to"), "+11")).hash != book().hash


def test_the_hash_is_the_same_in_every_process():
    """Sets have another order in each; a hash that followed it would make every restart look like an edit."""
    changed = spoiled(("contacts", "contacts", "ann", "roles"), ["admin", "approver", "responder", "viewer"])
    dumped = book(changed).contacts_document.model_dump(mode="json")
    assert dumped["contacts"]["ann"]["roles"] == ["admin", "approver", "responder", "viewer"]


def test_a_book_says_which_names_of_a_promise_it_no_longer_has():
    promise = book().promise("ladder")
    assert book().missing_names(promise) == []
    assert book(renamed(documents(), {"boss": "chief", "sms": "text"})).missing_names(promise) == [
        "contact boss",
        "channel sms",
    ]


def test_alarms_have_the_level_of_their_kind():
    found = book()
    assert found.alarm_level(AlarmKind.BODY_VERSION) is Level.MINOR
    assert found.alarm_level(AlarmKind.LOOP) is Level.MODERATE


def test_documents_that_may_be_left_out_are_empty():
    changed = documents()
    changed["escalation"]["policies"]["ladder"][3].pop("duties")
    changed["contacts"]["contacts"]["on-call"] = {"name": "On call"}
    for name in ("rosters", "duties", "heartbeats"):
        del changed[name]
    found = book(changed)
    assert (dict(found.rosters), dict(found.duties), dict(found.heartbeats)) == ({}, {}, {})


def test_a_secret_stays_a_name():
    found = book()
    entry = found.channel(ChannelName("chat"))
    assert entry.config["url"] == FromEnv(from_env="CHAT_URL")
    contact = found.contacts[ContactName("boss")]
    assert contact.methods[0].to == FromEnv(from_env="BOSS_PHONE")  # type: ignore[union-attr]  # a person
    assert (contact.methods[0].kind, contact.methods[0].value) == ("webhook", "sms")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "value, found",
    [("x", "x"), ("", None), (None, None), (FromEnv(from_env="A"), "a"), (FromEnv(from_env="B"), None)],
    ids=str,
)
def test_a_value_is_looked_up_where_it_is_used(value, found):
    assert resolve(value, {"A": "a", "B": ""}) == found


def test_every_document_has_a_schema_with_a_description_for_each_field():
    for name, schema in schemas().items():
        definitions = schema.get("$defs", {})
        assert isinstance(definitions, dict), name
        for title, definition in definitions.items():
            for field, described in definition.get("properties", {}).items():
                assert "description" in described, (title, field)
