"""`responder messages preview`: every kind of message on one page, without a service."""

from __future__ import annotations

import pytest

from responder.cli.examples import examples
from responder.cli.outcome import Exit
from responder.dialects.slack.blocks import Post
from tests.cli.desk import run
from tests.fakes.slack.blockkit import message_faults, view_faults

KINDS = (
    *(
        "level 3, open for 15 minutes, people paged",
        "acknowledged",
        "snoozed",
        "suppressed",
        "resolved by hand, alerts still fire",
    ),
    *("level 1", "it keeps coming back", "a duty is due", "labels that would like to be markup"),
    *(
        "labels that are too long",
        "for information",
        "what happened since",
        "one incident",
        "help",
        "the list",
    ),
    *("form: resolve", "form: snooze"),
)


def test_a_preview_shows_every_kind_of_message_in_both_languages(tmp_path):
    ran = run("messages", "preview", "--file", tmp_path / "messages.html")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert str(tmp_path / "messages.html") in ran.out
    html = (tmp_path / "messages.html").read_text(encoding="utf-8")
    for kind in KINDS:
        assert html.count(f"{kind}</h2>") >= 2
    assert "Seoul does not answer" in html
    assert "서울 리전 응답 없음" in html


@pytest.mark.parametrize(
    "locale, shown, left_out", [("en", "Acknowledge", "확인"), ("ko", "확인", "Acknowledge")]
)
def test_one_language_is_shown_alone(locale, shown, left_out):
    ran = run("messages", "preview", "--locale", locale)
    assert ran.code == Exit.DONE
    assert ran.out.startswith("<!doctype html>")
    assert shown in ran.out
    assert left_out not in ran.out


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    ran = run("messages", "preview", "--file", tmp_path / "nowhere" / "messages.html")
    assert ran.code == Exit.USAGE
    assert "cannot be written" in ran.err


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_slack_would_take_every_example(locale):
    for caption, example in examples(locale):
        faults = message_faults(list(example.blocks)) if isinstance(example, Post) else view_faults(example)
        assert faults == [], caption


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_an_example_shows_what_its_caption_says(locale):
    shown = dict(examples(locale))
    resolved = shown["channel: resolved by hand, alerts still fire"]
    snoozed = shown["channel: snoozed"]
    assert isinstance(resolved, Post)
    assert isinstance(snoozed, Post)
    assert resolved.text.startswith("✅")
    assert snoozed.text.startswith("🟠💤")
