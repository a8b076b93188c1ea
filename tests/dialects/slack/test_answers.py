"""Answers to the one who asked: what became of it, the list, one incident, who has it, and what was not understood."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from responder.dialects.slack import answers
from responder.dialects.slack.language import said
from responder.dialects.slack.said import Unclear, Verb
from responder.dialects.wording.words import LOCALES, words
from tests.dialects.slack.drawn import bold, buttons, message, parts, read

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SEOUL = ZoneInfo("Asia/Seoul")


def listed(number: int, **changes: Any) -> answers.Listed:
    fields: dict[str, Any] = {
        "incident": f"I{number}",
        "level": 2,
        "state": "open",
        "title": "Pods are down",
        "holder": "",
        "opened_at": NOON,
    }
    return answers.Listed(**{**fields, **changes})


def test_what_was_done_and_what_was_not_look_different():
    assert read(answers.told("I42 is yours", "en")) == "✅ I42 is yours"
    assert read(answers.refused("I42 is closed", "en")) == "⛔ I42 is closed"
    assert read(answers.idle("I42 is over", "en")) == "ℹ️ I42 is over"  # noqa: RUF001  as it is shown


def test_an_answer_is_one_line_whatever_it_says():
    assert read(answers.told("a\nb\u202ec", "en")) == "✅ a b\\u202ec"


def test_a_list_says_of_each_how_bad_it_is_what_since_when_and_who_has_it():
    held = listed(7, level=3, state="acknowledged", holder="DevOps on shift")
    post = answers.listed([listed(42), held], "en", NOON + timedelta(hours=1), SEOUL)
    assert read(post) == (
        "Incidents: 2\n"
        "- 🟡 [L2] I42 Pods are down — since 21:00 KST, nobody has it\n"
        "- 🟠👀 [L3] I7 Pods are down — since 21:00 KST, DevOps on shift has it"
    )


def test_a_list_is_in_the_readers_language():
    assert "담당: DevOps" in read(answers.listed([listed(1, holder="DevOps")], "ko", NOON, SEOUL))


@pytest.mark.parametrize("count, more", [(20, ""), (21, "… and 1 more"), (500, "… and 480 more")])
def test_a_long_list_says_how_many_more_there_are(count, more):
    title = "가" * 5_000
    post = answers.listed([listed(n, title=title) for n in range(1, count + 1)], "en", NOON, SEOUL)
    first, *rest = read(post).split("\n")
    assert first == f"Incidents: {count}"
    assert len([line for line in rest if line.startswith("- ")]) == 20
    assert [line for line in rest if not line.startswith("- ")] == ([more] if more else [])
    assert len(json.dumps(post.blocks, ensure_ascii=False).encode()) < 12_000


def test_a_list_of_none_says_so():
    assert read(answers.listed([], "en", NOON, SEOUL)) == "No incident is open."


def test_an_incident_is_shown_with_its_story_and_its_buttons():
    post = answers.story(message(story=("DevOps on shift was paged", "a note")))
    assert read(post).endswith("What happened\n- DevOps on shift was paged\n- a note")
    assert buttons(post) == ["Acknowledge", "Resolve", "Escalate", "Snooze"]
    assert [block["type"] for block in post.blocks][-2:] == ["actions", "context"]


def test_an_incident_that_is_over_is_shown_with_its_story():
    post = answers.story(message(story=("a note",), incident="", state="closed"))
    assert read(post).endswith("What happened\n- a note")


def test_an_incident_without_a_story_is_shown_as_its_channel_shows_it():
    assert "What happened" not in read(answers.story(message()))


def test_who_has_it_is_told_with_who_was_paged_and_who_is_next():
    post = answers.who("I42", "DevOps", ["CTO", "DevOps"], "15:30 KST: CTO is paged", "en")
    assert read(post) == (
        "Who has I42\nHolder: DevOps\nPaged so far: CTO, DevOps\nNext: 15:30 KST: CTO is paged"
    )


def test_nobody_is_told_as_nobody():
    assert read(answers.who("I42", "", [], "", "en")) == (
        "Who has I42\nHolder: nobody\nPaged so far: nobody yet\nNext: nobody else is paged by itself"
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_the_help_names_every_verb(locale):
    shown = read(answers.help(locale))
    assert [verb for verb in Verb if verb.value not in shown] == []
    assert "commands." not in shown


@pytest.mark.parametrize("locale", LOCALES)
def test_what_was_not_understood_is_told_with_what_may_have_been_meant(locale):
    found = said("akc 42")
    assert isinstance(found, Unclear)
    post = answers.unclear(found, locale)
    assert "akc" in read(post)
    assert f"{words(locale)('slack.answer.meant')}: {found.meant}" in read(post)
    assert read(post).endswith("/incident help")


def test_where_nothing_comes_near_nothing_is_suggested():
    found = Unclear(code="commands.unclear.verb", figures={"said": "?"})
    assert bold(answers.unclear(found, "en")) == []


@pytest.mark.parametrize("locale", LOCALES)
def test_whoever_knows_no_verb_is_shown_where_the_help_begins(locale):
    found = said("hello world")
    assert isinstance(found, Unclear)
    shown = read(answers.unclear(found, locale)).split("\n")
    help_ = read(answers.help(locale)).split("\n")
    assert shown[1:-1] == help_[1:5]
    assert shown[-1].endswith("/incident help")


def test_what_is_unclear_for_another_reason_is_told_without_the_help():
    found = said("note")
    assert isinstance(found, Unclear)
    assert len(read(answers.unclear(found, "en")).split("\n")) == 2


def test_without_any_roster_nobody_is_on_call():
    assert "no roster says who is on call" in read(answers.on_call([], "en", NOON, SEOUL))


def test_an_answer_is_for_the_one_who_asked_and_leaves_the_message_alone():
    sent = answers.payload(answers.told("done", "en"))
    assert sent["response_type"] == "ephemeral"
    assert sent["replace_original"] is False
    assert sent["mrkdwn"] is False
    assert sent["text"] == "✅ done"
    assert next(parts(sent["blocks"]))["type"] == "rich_text"
    json.dumps(sent)


def test_an_answer_can_be_for_everybody():
    assert answers.payload(answers.told("done", "en"), ephemeral=False)["response_type"] == "in_channel"
