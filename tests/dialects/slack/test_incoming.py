"""What Slack posts: the documented bodies with ours put into them, and what nobody should post."""

from __future__ import annotations

import copy
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.dialects.slack import forms
from responder.dialects.slack.incoming import command, envelope, event, interaction
from responder.dialects.slack.said import (
    Button,
    Caller,
    Challenged,
    Echoed,
    Filled,
    Form,
    Heard,
    Ignored,
    NotSlack,
    Place,
    Pressed,
    Said,
    Spoken,
    Unclear,
    Verb,
)

SAMPLES = Path(__file__).parents[2] / "samples" / "slack"
KINDS = {
    "block_actions": "interactive",
    "view_submission": "interactive",
    "url_verification": "events_api",
    "app_mention": "events_api",
    "message": "events_api",
    "message_changed": "events_api",
    "message_metadata_posted": "events_api",
}
URL = "https://hooks.slack.com/actions/AABA1ABCD/1232321423432/D09sSasdasdAS9091209"
TRIGGER = "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def slash(**changes: str) -> dict[str, str]:
    """The documented slash command, with `/incident` in it."""
    written = (SAMPLES / "slash_command.txt").read_text(encoding="utf-8").replace("\n", "")
    return dict(parse_qsl(written)) | {"command": "/incident", "text": "show I42"} | changes


def press(button: str = "ack", value: object = "I42:17", **changes: Any) -> Any:
    body = sample("block_actions")
    body["actions"][0] |= {"action_id": f"responder.{button}", "value": value} | changes
    return body


def submission(kind: Form, values: object, **changes: Any) -> Any:
    view: Any = forms.form(
        kind, incident="I42", revision=17, response_url=URL, title="Seoul is gone", locale="en"
    )
    body = sample("view_submission")
    body["view"] |= {
        "callback_id": view["callback_id"],
        "private_metadata": view["private_metadata"],
        "state": {"values": values},
    } | changes
    return body


def snooze(chosen: str | None = "30m", other: str | None = None) -> Any:
    option = chosen and {"text": {"type": "plain_text", "text": "?"}, "value": chosen}
    return submission(
        Form.SNOOZE,
        {
            "duration": {"duration": {"type": "static_select", "selected_option": option}},
            "other": {"other": {"type": "plain_text_input", "value": other}},
        },
    )


def mention(text: str = "<@U0LAN0Z89> ack 42", *, us: str = "", **changes: Any) -> Any:
    body = sample("app_mention")
    body["event"] |= {"text": text} | changes
    if us:
        body["authorizations"][0] |= {"user_id": us, "is_bot": True}
    return body


def posted(name: str = "message", **changes: Any) -> Any:
    body = sample(name)
    body["event"] |= changes
    return body


def echo(mark: object = "m-17") -> dict[str, object]:
    return {"event_type": "responder_echo", "event_payload": {"mark": mark}}


# Slash commands


def test_a_documented_command_of_another_name_is_not_ours():
    with pytest.raises(NotSlack):
        command(slash(command="/weather"))


def test_a_slash_command_is_who_where_and_what():
    found = command(slash(text="ack 42 for 30m"))
    assert found.caller == Caller(team="T0001", user="U2147483697", name="Steve")
    assert found.place == Place(channel="C2147483705")
    assert found.said == Said(verb=Verb.ACK, incident="I42", duration=timedelta(minutes=30))
    assert found.response_url == "https://hooks.slack.com/commands/1234/5678"


def test_ack_is_a_command_of_its_own():
    assert command(slash(command="/ack", text="42")).said == Said(verb=Verb.ACK, incident="I42")
    assert command(slash(command="/incident", text="42")).said == Unclear(
        code="commands.unclear.verb_missing", figures={"incident": "I42"}, meant="/incident show I42"
    )


def test_a_thread_is_honoured_where_slack_tells_it():
    assert command(slash(thread_ts="1355517523.000005")).place.thread == "1355517523.000005"


def test_a_command_is_once_by_its_trigger_and_does_not_show_it():
    first, again = command(slash()), command(slash(text="list"))
    other = command(slash(trigger_id="1.2.3"))
    assert first.once == again.once != other.once
    assert first.once.startswith("slash:")
    assert "13345224609" not in first.once
    for secret in (first.once, first.response_url, "13345224609"):
        assert secret not in repr(first)


@pytest.mark.parametrize("name", ["team_id", "user_id", "channel_id", "trigger_id", "command"])
def test_a_command_without_what_we_need_is_refused_and_not_repeated(name):
    fields = slash()
    del fields[name]
    with pytest.raises(NotSlack) as refused:
        command(fields)
    assert not [value for value in fields.values() if len(value) > 4 and value in str(refused.value)]


# Buttons


def test_the_documented_press_is_of_another_apps_button():
    assert interaction(sample("block_actions")) == Ignored()


@pytest.mark.parametrize("button", Button)
def test_a_press_is_who_where_and_on_what(button):
    found = interaction(press(button.value))
    assert isinstance(found, Pressed)
    assert found.button is button
    assert (found.incident, found.revision) == ("I42", 17)
    assert found.caller == Caller(team="T9TK3CUKW", user="UA8RXUSPL", name="jtorrance")
    assert found.place == Place(channel="CBR2V3XEX")
    assert (found.trigger, found.response_url) == (TRIGGER, URL)
    for secret in (TRIGGER, URL, found.once):
        assert secret not in repr(found)


def test_a_press_in_a_thread_knows_its_root():
    body = press()
    body["message"]["thread_ts"] = "1548261000.000100"
    found = interaction(body)
    assert isinstance(found, Pressed)
    assert found.place.thread == "1548261000.000100"


def once(body: Any) -> str:
    found = interaction(body)
    assert isinstance(found, (Pressed, Filled))
    return found.once


def test_a_replayed_press_is_the_same_and_another_is_another():
    again = press() | {"trigger_id": "another.try", "response_url": "https://hooks.slack.com/actions/x"}
    assert once(press()) == once(again)
    others = [press(action_ts="1548426418.000001"), press("resolve")]
    for part, change in (
        ("user", {"id": "U2"}),
        ("container", {"message_ts": "1548261231.000201"}),
        ("channel", {"id": "C2"}),
    ):
        others.append(press())
        others[-1][part] |= change
    assert len({once(body) for body in [press(), *others]}) == 6
    assert once(press()).startswith("press:")


def test_a_press_without_a_moment_is_once_by_its_trigger():
    assert once(press(action_ts=None)) == once(press(action_ts=None))
    assert once(press(action_ts=None)) != once(press(action_ts=None) | {"trigger_id": "1.2"})


def test_a_guest_of_another_company_is_of_their_team():
    body = press()
    body["user"]["team_id"] = "T2"
    found = interaction(body)
    assert isinstance(found, Pressed)
    assert found.caller.team == "T2"


@pytest.mark.parametrize(
    "value", ["", "I42", "I42:", "I42:x", "42:17", "I42:17 ", "I0:1", "I42:-1", "I42:" + "9" * 30, None, 17]
)
def test_a_button_of_ours_that_names_nothing_is_refused(value):
    with pytest.raises(NotSlack):
        interaction(press(value=value))


# Forms


def test_the_documented_submission_is_of_another_apps_form():
    assert interaction(sample("view_submission")) == Ignored()


@pytest.mark.parametrize(
    "values, reason",
    [
        pytest.param(
            {"reason": {"reason": {"type": "plain_text_input", "value": "디스크 교체\n끝"}}},
            "디스크 교체\n끝",
            id="given",
        ),
        pytest.param({"reason": {"reason": {"type": "plain_text_input", "value": None}}}, "", id="left out"),
        pytest.param({}, "", id="nothing at all"),
        pytest.param({"reason": {"reason": {"value": "x" * 5_000}}}, "x" * 1_000, id="too long"),
    ],
)
def test_a_resolve_form_brings_its_reason(values, reason):
    found = interaction(submission(Form.RESOLVE, values))
    assert isinstance(found, Filled)
    assert found.said == Said(verb=Verb.RESOLVE, incident="I42", text=reason)
    assert (found.form, found.incident, found.revision) == (Form.RESOLVE, "I42", 17)
    assert found.caller == Caller(team="T1234567", user="U1234567", name="example-user")
    assert found.response_url == URL
    assert URL not in repr(found)


@pytest.mark.parametrize(
    "chosen, other, minutes",
    [("30m", None, 30), ("4h", None, 240), ("30m", "45 min", 45), (None, "1시간 30분", 90)],
)
def test_a_snooze_form_brings_its_duration_and_what_was_typed_goes_first(chosen, other, minutes):
    found = interaction(snooze(chosen, other))
    assert isinstance(found, Filled)
    assert found.said == Said(verb=Verb.SNOOZE, incident="I42", duration=timedelta(minutes=minutes))


@pytest.mark.parametrize(
    "chosen, other, code, block",
    [
        (None, None, "no_duration", "duration"),
        (None, " ", "no_duration", "duration"),
        ("30m", "soon", "duration", "other"),
        ("30m", "45", "duration", "other"),
        ("x", None, "duration", "duration"),
    ],
)
def test_a_duration_that_cannot_be_read_is_told_under_its_field(chosen, other, code, block):
    found = interaction(snooze(chosen, other))
    assert isinstance(found, Filled)
    assert isinstance(found.said, Unclear)
    assert found.said.code == f"commands.unclear.{code}"
    assert found.said.figures["block"] == block


def test_a_form_is_once_by_its_view():
    one = submission(Form.RESOLVE, {})
    assert once(one) == once(one | {"trigger_id": "another"})
    assert once(one) != once(submission(Form.RESOLVE, {}, id="V2"))
    assert once(one).startswith("form:")


@pytest.mark.parametrize(
    "metadata",
    ["", "shhh-its-secret", '{"incident": "x", "revision": 1, "response_url": ""}', '{"incident": "I1"}'],
)
def test_a_form_of_ours_about_nothing_is_refused(metadata):
    with pytest.raises(NotSlack):
        interaction(submission(Form.RESOLVE, {}, private_metadata=metadata))


@pytest.mark.parametrize("kind", ["view_closed", "shortcut", "message_action", "block_suggestion"])
def test_other_interactions_are_ignored(kind):
    assert interaction(press() | {"type": kind}) == Ignored()


# Events


def test_the_documented_challenge_is_answered():
    body = sample("url_verification")
    assert event(body) == Challenged(text=body["challenge"])


def test_the_documented_mention_is_heard_and_not_understood():
    found = event(sample("app_mention"))
    assert isinstance(found, Spoken)
    assert found.caller == Caller(team="T123ABC456", user="U061F7AUR")
    assert found.place == Place(channel="C123ABC456")
    assert isinstance(found.said, Unclear)
    assert found.once.startswith("mention:")


@pytest.mark.parametrize(
    "text, us, meant",
    [
        pytest.param("<@U0LAN0Z89> ack 42", "", Said(verb=Verb.ACK, incident="I42"), id="our name first"),
        pytest.param("<@U0LAN0Z89|responder>: ack 42", "", Said(verb=Verb.ACK, incident="I42"), id="a colon"),
        pytest.param("hey <@U0LAN0Z89>, 42 확인", "", Said(verb=Verb.ACK, incident="I42"), id="Korean"),
        pytest.param("<@U0LAN0Z89>", "", Said(verb=Verb.HELP), id="only our name"),
        pytest.param(
            "<@U1> see <@U2> who 42", "U2", Said(verb=Verb.WHO, incident="I42"), id="ours is the second"
        ),
        pytest.param(
            "<@U2> note <@U1> knows", "U2", Said(verb=Verb.NOTE, text="@U1 knows"), id="ours is the first"
        ),
        pytest.param(
            "<@U1> note <@U2> knows", "U9", Said(verb=Verb.NOTE, text="@U2 knows"), id="ours is not there"
        ),
        pytest.param("<@U0LAN0Z89> note a &lt; b", "", Said(verb=Verb.NOTE, text="a < b"), id="escapes"),
    ],
)
def test_what_stands_behind_our_name_is_a_command(text, us, meant):
    found = event(mention(text, us=us))
    assert isinstance(found, Spoken)
    assert found.said == meant


def test_a_mention_in_a_thread_is_of_that_thread():
    found = event(mention(thread_ts="1515449000.000001"))
    assert isinstance(found, Spoken)
    assert found.place == Place(channel="C123ABC456", thread="1515449000.000001")


def test_a_mention_sent_twice_is_the_same():
    one, again, other = event(mention()), event(mention()), event(mention() | {"event_id": "Ev2"})
    assert isinstance(one, Spoken)
    assert isinstance(again, Spoken)
    assert isinstance(other, Spoken)
    assert one.once == again.once != other.once


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(mention(bot_id="B1"), id="a bot"),
        pytest.param(mention(bot_profile={"id": "B1"}), id="a bot with a profile"),
        pytest.param(mention(subtype="bot_message"), id="an old bot"),
        pytest.param(mention(user=None), id="nobody"),
        pytest.param(mention(user=None, us="U0LAN0Z89"), id="nobody, where we know our name"),
        pytest.param(mention(us="U061F7AUR"), id="ourselves"),
    ],
)
def test_a_bot_that_says_our_name_is_not_listened_to(body):
    assert event(body) == Ignored()


def test_a_person_who_installed_the_app_is_no_bot():
    body = mention()
    body["event"]["user"] = body["authorizations"][0]["user_id"]
    assert isinstance(event(body), Spoken)


@pytest.mark.parametrize("name", ["message", "message_changed", "message_metadata_posted"])
def test_the_documented_messages_are_none_of_ours(name):
    assert event(sample(name)) == Ignored()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(posted(metadata=echo()), id="a message"),
        pytest.param(posted("message_changed", message={"ts": "1", "metadata": echo()}), id="an edited one"),
        pytest.param(posted("message_metadata_posted", metadata=echo()), id="the metadata's own event"),
        pytest.param(posted(bot_id="B1", text="responder_echo:m-17"), id="a text of a bot"),
    ],
)
def test_our_own_echo_is_heard(body):
    assert event(body) == Echoed(mark="m-17")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(posted(text="responder_echo:m-17"), id="typed by a person"),
        pytest.param(posted(metadata=echo(17)), id="a number"),
        pytest.param(posted(metadata=echo("")), id="no mark"),
        pytest.param(posted(metadata={"event_type": "responder_message", "event_payload": {}}), id="a page"),
        pytest.param(posted(metadata=[]), id="a list"),
    ],
)
def test_what_is_no_echo_is_ignored(body):
    assert event(body) == Ignored()


@pytest.mark.parametrize("kind", ["app_rate_limited", "something_new"])
def test_other_bodies_and_events_are_ignored(kind):
    assert event({"type": kind}) == Ignored()
    assert event(posted(type=kind)) == Ignored()


# Socket Mode


def test_the_documented_envelope_is_unwrapped():
    wrapped = sample("socket_mode_interactive")
    assert envelope(wrapped["type"], wrapped["payload"]) == Ignored()
    wrapped["payload"]["actions"][0] |= {"action_id": "responder.ack", "value": "I42:17"}
    assert envelope(wrapped["type"], wrapped["payload"]) == interaction(wrapped["payload"])


def test_an_envelope_is_heard_as_its_body_is():
    assert envelope("slash_commands", slash()) == command(slash())
    assert envelope("events_api", mention()) == event(mention())
    assert envelope("hello", {}) == Ignored()
    assert envelope("disconnect", None) == Ignored()
    with pytest.raises(NotSlack):
        envelope("interactive", None)


def test_every_sample_is_in_use():
    names = {path.stem for path in SAMPLES.iterdir() if path.suffix in (".json", ".txt")}
    assert names == {*KINDS, "slash_command", "socket_mode_interactive"}


# Anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OURS: list[tuple[str, Any]] = [
    *((kind, sample(name)) for name, kind in KINDS.items()),
    ("slash_commands", slash()),
    ("slash_commands", slash(command="/ack", text="42 for 30m")),
    ("interactive", press()),
    ("interactive", submission(Form.RESOLVE, {"reason": {"reason": {"value": "x"}}})),
    ("interactive", snooze(None, "1h")),
    ("events_api", mention(us="U0LAN0Z89", thread_ts="1.2")),
    ("events_api", posted(metadata=echo())),
    ("events_api", posted("message_changed", message={"metadata": echo()})),
]


# All that NotSlack says; it repeats nothing of what came in.
REFUSAL = re.compile(
    r"it has no [a-z_]+|this is no slash command of ours|a button of ours that names no incident and revision"
    r"|a form of ours that does not say what it is about|an envelope of [a-z_]+ without a payload"
)


def heard(kind: str, payload: object) -> Heard | str:
    """Or the text of NotSlack."""
    try:
        found = envelope(kind, payload)
    except NotSlack as refused:
        return str(refused)
    repr(found).encode("utf-8")
    return found


def places(node: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, value in inner for found in places(value, (*path, key)))]


@given(st.sampled_from(["slash_commands", "interactive", "events_api", "hello"]), JSON)
def test_any_json_is_heard_or_refused(kind, payload):
    found = heard(kind, payload)
    assert not isinstance(found, str) or REFUSAL.fullmatch(found)


@given(st.data(), st.sampled_from(OURS), JSON)
def test_a_body_with_anything_in_any_place_is_heard_or_refused(data, ours, anything):
    kind, body = ours
    body = copy.deepcopy(body)
    path = data.draw(st.sampled_from(places(body)[1:]))
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    if data.draw(st.booleans()):
        holder[path[-1]] = anything
    else:
        del holder[path[-1]]
    found = heard(kind, body)
    assert not isinstance(found, str) or REFUSAL.fullmatch(found)


@pytest.mark.parametrize("nothing", [None, 17, "x", {}, {"x": 1}, [None, 17]])
def test_a_list_that_is_none_is_as_good_as_empty(nothing):
    assert interaction(press() | {"actions": nothing}) == Ignored()
    assert isinstance(event(mention() | {"authorizations": nothing}), Spoken)


def test_what_no_database_holds_is_replaced_wherever_it_stands():
    dirty, clean = "a\x00\ud800", "a\ufffd\ufffd"
    body = press()
    body["user"]["name"] = dirty
    found = interaction(body)
    assert isinstance(found, Pressed)
    assert found.caller.name == clean
    assert event(posted(metadata=echo(dirty))) == Echoed(mark=clean)
    filled = interaction(submission(Form.RESOLVE, {"reason": {"reason": {"value": dirty}}}))
    assert isinstance(filled, Filled)
    assert isinstance(filled.said, Said)
    assert filled.said.text == clean


def test_each_of_ours_is_heard_as_it_is():
    assert not [found for kind, body in OURS if isinstance(found := heard(kind, body), str)]
