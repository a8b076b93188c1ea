"""Strangers' text on its way through the words into Slack: nothing of it takes effect, whatever it is.

Titles, labels, annotations, notes, addresses and people's names are strangers' here. A post is judged twice: by its
structure, and as the fake workspace's client would show it, posted and as an edit, which reads a text by more rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from responder.core.decision import NoticeReason, PageReason
from responder.core.level import Level
from responder.core.machines import escalation as ladder
from responder.core.machines.notice import Happening
from responder.dialects.slack import answers, blocks
from responder.dialects.slack.blocks import Post
from responder.dialects.slack.preview import page
from responder.dialects.slack.said import Unclear
from responder.dialects.slack.text import fallback
from responder.dialects.visible import safe_url
from responder.dialects.wording import Situation, notice_message, page_message
from responder.ports.channel import Message, Spelling
from tests import builders
from tests.builders import CTO, DEVOPS, MINUTE, NOON
from tests.dialects.slack.drawn import parts
from tests.dialects.slack.test_preview import OURS, Seen
from tests.fakes.slack.blockkit import message_faults
from tests.fakes.slack.rendered import Effect, rendered

SEOUL = ZoneInfo("Asia/Seoul")
ELEMENTS = {"text", "link"}
LOOKS = (Effect.BOLD, Effect.LINK, Effect.BUTTON)
ALLOWED = {frozenset(), *(frozenset({effect}) for effect in LOOKS)}
BLOCKS = {"rich_text", "rich_text_section", "rich_text_list", "actions", "button", "context", "plain_text"}

NASTY = (
    *(
        "<!channel>",
        "<!here>",
        "<!everyone>",
        "<@U024BE7LH>",
        "<#C024BE7LR>",
        "<!subteam^S1>",
        "<!date^1^{date}|x>",
    ),
    *(
        "<https://evil.example|click>",
        "<mailto:a@evil.example|x>",
        "https://evil.example/a:b:c",
        "evil.example",
    ),
    *("mailto:a@b.example", "slack://open", "HTTPS://EVIL.EXAMPLE", "a@evil.example", "www.evil.example"),
    *(
        "*bold*",
        "_it_",
        "~gone~",
        "`code`",
        "```code```",
        "*_~`x`~_*",
        "__x__",
        "** x **",
        "> quoted",
        ">>> all",
    ),
    *(
        ":fire:",
        ":+1::skin-tone-2:",
        ":한국:",
        "a:b:c:d",
        "@here",
        "@channel",
        "#general",
        "1. x",
        "• x",
        "- x",
    ),
    *("\n", "\r\n> x", "\u2028*x*", "\u202e\u2066", "\u200b*x*\u200b", "\u2060:fire:\u2060", "\ufeff_x_"),
    *(
        "&lt;!here&gt;",
        "&amp;lt;!here&amp;gt;",
        "&#60;!here&#62;",
        "\\u003c!here\\u003e",
        "\x1b[31m",
        "\ud800",
        "\0",
    ),
    *(
        "Level: 4",
        "What: ",
        "Runbook: https://evil.example",
        "Acknowledge: /ack I1",
        "[L1 minor] I9",
        "{holder}",
        "%s",
    ),
)
LONG = {"stars": "*" * 700, "underlines": "a_" * 2_000, "hangul": "가" * 2_000, "emoji": "😀" * 2_000}
HUGE = "<!here> " * 12_500
words = (
    st.sampled_from(NASTY) | st.sampled_from(list(LONG)).map(lambda name: LONG[name]) | st.text(max_size=12)
)
texts = st.lists(words, max_size=5).map(" ".join) | st.lists(st.sampled_from(NASTY), max_size=5).map("".join)
names = st.dictionaries(texts, texts, max_size=4)


@st.composite
def messages(draw: Any) -> Message:
    """A message as the words make it, of records full of strangers' text."""
    state = ladder.begin(builders.I1, builders.terms(), NOON).state
    for minutes in (0, 0, 15):
        state = ladder.advance(state, ladder.TimerDue(), NOON + minutes * MINUTE).state
    state = ladder.advance(state, ladder.HandedOver(contact=DEVOPS), NOON + 15 * MINUTE).state
    if draw(st.booleans()):
        state = ladder.advance(state, ladder.Acknowledged(by=CTO), NOON + 16 * MINUTE).state
    alerts = tuple(
        builders.occurrence(
            f"{number:016x}",
            labels=draw(names) | {"alertname": draw(texts)},
            annotations={name: draw(texts) for name in ("summary", "description", "runbook_url", "runbook")},
            generator_url=draw(texts),
        )
        for number in range(draw(st.integers(0, 3)))
    )
    situation = Situation(
        now=NOON + 20 * MINUTE,
        zone=SEOUL,
        incident=builders.incident(
            group=draw(names) | {"alertname": draw(texts)},
            title=draw(texts),
            links={"runbook": draw(texts | texts.map("https://x.example/".__add__)), "source": draw(texts)},
        ),
        escalation=state,
        duties=(builders.duty(),),
        alerts=alerts,
        alerts_total=len(alerts) + 1,
        people={CTO: draw(texts), DEVOPS: draw(texts)},
        duty_names={"external_notice": draw(texts)},
        level_names={draw(st.sampled_from(list(Level))): draw(texts)},
        locale=draw(st.sampled_from(("en", "ko"))),
        spelling=Spelling.SLASH,
    )
    if draw(st.booleans()):
        reason = draw(st.sampled_from(list(PageReason)))
        return page_message(
            builders.page(reason=reason, subject=draw(texts)), situation, is_repeat=draw(st.booleans())
        )
    happenings = tuple(
        Happening(draw(st.sampled_from(list(NoticeReason))), draw(texts), DEVOPS)
        for _ in range(draw(st.integers(0, 4)))
    )
    posted = draw(st.sampled_from(["", "C1/1.1"]))
    return notice_message(
        builders.notice(happenings=happenings, posted=posted), replace(situation, stays=draw(st.booleans()))
    )


def posts(message: Message) -> Iterator[Post]:
    yield blocks.root(message)
    yield blocks.direct(message)
    yield blocks.outdated(message)
    yield answers.story(message)
    if (reply := blocks.thread(message)) is not None:
        yield reply


@given(messages())
@settings(max_examples=80, deadline=None)
def test_nothing_of_strangers_takes_effect_in_a_message(message):
    for post in posts(message):
        holds(post, message.links.values())


@given(texts, names)
@settings(max_examples=50, deadline=None)
def test_nothing_of_strangers_takes_effect_in_an_answer(text, figures):
    listed = answers.Listed(incident=text, level=2, state=text, title=text, holder=text, opened_at=NOON)
    unclear = Unclear(code="commands.unclear.verb", figures=figures | {"said": text}, meant=text)
    for post in (
        answers.told(text, "en"),
        answers.refused(text, "ko"),
        answers.listed([listed] * 21, "ko", NOON, SEOUL),
        answers.who(text, text, [text, text], text, "en"),
        answers.unclear(unclear, "ko"),
    ):
        holds(post, ())


def holds(post: Post, ours: Any) -> None:
    """Slack takes it as it is, and takes it."""
    for part in parts(post.blocks):
        assert "mrkdwn" not in json.dumps(sorted(part))
        if "type" in part:
            assert part["type"] in ELEMENTS | BLOCKS
        if part.get("type") == "link":
            assert part["url"] in ours
            assert safe_url(part["url"]) == part["url"]
            assert part["url"].startswith(part["text"].removesuffix("…"))
        if part.get("type") == "plain_text":
            assert part["emoji"] is False
            assert 0 < len(part["text"]) <= 3_000
        if part.get("type") == "text":
            assert part["text"]
            assert "\n" not in part["text"] or part["text"] == "\n"
            assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\ud800-\udfff\x1b\x00]", part["text"])
    assert len(post.blocks) <= 50
    assert len(json.dumps(post.blocks, ensure_ascii=False).encode()) < 12_800
    assert len(post.text.encode()) <= 3_600
    for arguments in (post.arguments(), {"text": post.text, "blocks": post.blocks, "parse": "client"}):
        for piece in rendered(arguments):
            assert piece.effects in ALLOWED, piece
            assert piece.is_literal or piece.where != "text", piece
    assert message_faults(list(post.blocks)) == []
    assert "<" not in post.text
    assert ">" not in post.text
    assert {tag for tag, _ in Seen(page([("x", post)])).tags} <= OURS


@given(texts)
@settings(deadline=None)
def test_a_fallback_says_what_was_said(text):
    """The same to a person: undone are the escapes, the marks without width, and the letters that look alike."""
    told = fallback(text, 200_000)
    for written, meant in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        told = told.replace(written, meant)
    for look, meant in ("\u2217*", "\u223c~", "\u02cb`", "\uff3f_", "\u2236:", "\u203a>"):
        told = told.replace(look, meant)
    assert told.replace("\u2060", "") == text.replace("\u2060", "")


@pytest.mark.parametrize("nasty", [*NASTY, *LONG.values(), HUGE], ids=lambda text: ascii(text)[:24])
def test_each_known_trick_is_only_text(nasty):
    situation = Situation(
        now=NOON,
        zone=SEOUL,
        incident=builders.incident(
            title=nasty, group={"alertname": nasty, nasty: nasty}, links={"runbook": nasty}
        ),
        alerts=(builders.occurrence(labels={nasty: nasty}, annotations={"summary": nasty}),),
        people={CTO: nasty},
    )
    message = notice_message(
        builders.notice(happenings=(Happening(NoticeReason.NOTE, nasty, CTO),)), situation
    )
    for post in posts(message):
        holds(post, message.links.values())
