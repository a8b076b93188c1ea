"""Messages as Slack shows them: the root in a channel, the page to a person, the reply in a thread."""

from __future__ import annotations

import json

import pytest

from responder.core.decision import PageReason
from responder.dialects.slack import blocks
from responder.dialects.slack.said import Button
from responder.dialects.slack.text import cut, fallback, link, plain
from responder.dialects.wording.words import LOCALES, words
from tests.dialects.slack.drawn import RUNBOOK, bold, buttons, links, message, parts, read, small
from tests.fakes.slack.blockkit import message_faults

ALL = ["Acknowledge", "Resolve", "Escalate", "Snooze"]


def test_a_root_shows_the_whole_message():
    assert read(blocks.root(message())) == (
        "🟠 [L3 severe] I42 RegionDown cluster=seoul — open\n"
        "What: Seoul does not answer\n"
        "Alerts (2 firing of 2):\n"
        "- RegionDown zone=a — zone a is gone\n"
        "- RegionDown zone=b — zone b is gone\n"
        f"Runbook: {RUNBOOK}"
    )


def test_the_headline_and_our_own_labels_stand_out():
    assert bold(blocks.root(message())) == [
        "[L3 severe] I42 RegionDown cluster=seoul — open",
        "What: ",
        "Runbook: ",
    ]


def test_a_label_of_strangers_does_not_stand_out():
    post = blocks.root(message(body=("Detail: Level: 4", "- What: it is", "Password: 1")))
    assert bold(post)[1:] == ["Detail: "]


def test_the_labels_are_those_of_the_readers_language():
    assert "내용: " in bold(blocks.root(message(body=("내용: x",), locale="ko")))
    assert "내용: " not in bold(blocks.root(message(body=("내용: x",), locale="en")))


@pytest.mark.parametrize(
    "level, state, mark",
    [
        pytest.param(4, "open", "🔴", id="fatal"),
        pytest.param(3, "open", "🟠", id="severe"),
        pytest.param(2, "open", "🟡", id="moderate"),
        pytest.param(1, "open", "⚪", id="minor"),
        pytest.param(0, "info", "🔹", id="for information"),
        pytest.param(4, "acknowledged", "🔴👀", id="acknowledged"),
        pytest.param(2, "snoozed", "🟡💤", id="snoozed"),
        pytest.param(3, "suppressed", "🟠🔕", id="suppressed"),
        pytest.param(4, "resolved", "✅", id="resolved"),
        pytest.param(4, "closed", "✅", id="closed"),
    ],
)
def test_level_and_state_show_at_a_glance(level, state, mark):
    post = blocks.root(message(level=level, state=state))
    assert read(post).startswith(f"{mark} [L3")
    assert post.text.startswith(f"{mark} [L3")


@pytest.mark.parametrize(
    "state, shown",
    [
        pytest.param("open", ALL, id="open"),
        pytest.param("acknowledged", ["Resolve", "Escalate", "Snooze", "Take over"], id="acknowledged"),
        pytest.param("snoozed", ["Acknowledge", "Resolve"], id="snoozed"),
        pytest.param("suppressed", ["Acknowledge", "Resolve", "Escalate"], id="suppressed"),
        pytest.param("resolved", [], id="resolved"),
        pytest.param("closed", [], id="closed"),
        pytest.param("info", [], id="for information"),
    ],
)
def test_only_buttons_that_make_sense_are_shown(state, shown):
    assert buttons(blocks.root(message(state=state))) == shown


def test_without_an_incident_there_is_nothing_to_press_or_to_type():
    post = blocks.root(message(incident="", state="open"))
    assert buttons(post) == []
    assert small(post) == ""


def test_a_button_carries_the_incident_and_the_revision_that_was_seen():
    pressed = [part for part in parts(blocks.root(message()).blocks) if part.get("type") == "button"]
    assert [part["action_id"] for part in pressed] == [f"responder.{button}" for button in Button]
    assert {part["value"] for part in pressed} == {"I42:17"}


def test_taking_over_is_an_acknowledgement():
    post = blocks.root(message(state="acknowledged"))
    *_, last = [part for part in parts(post.blocks) if part.get("type") == "button"]
    assert last["action_id"] == "responder.ack"
    assert "style" not in last


def test_a_link_shows_where_it_leads():
    assert links(blocks.root(message())) == [(RUNBOOK, RUNBOOK)]


def test_a_link_whose_line_was_too_short_for_it_is_still_a_link():
    url = "https://prometheus.example/graph?g0.expr=" + "x" * 700
    [(text, found)] = links(blocks.root(message(body=(f"Source: {url[:592]}…",), links={"source": url})))
    assert found == url
    assert text.startswith("https://prometheus.example/graph?")
    assert text.endswith("…")
    assert len(text) == 72


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("What: https://evil.example", id="an address in a text"),
        pytest.param(RUNBOOK, id="a line without a label"),
        pytest.param(f"Elsewhere: {RUNBOOK}", id="a label that is none of ours"),
        pytest.param("Runbook: https://evil.example", id="none of the message's links"),
        pytest.param("Runbook: …", id="nothing of it is left"),
    ],
)
def test_what_is_no_link_of_the_message_is_text(line):
    post = blocks.root(message(body=(line,)))
    assert links(post) == []
    assert line in read(post)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "ftp://x.example", "https://", "x", "https://x.example/" + "a" * 1_500],
    ids=["script", "ftp", "no host", "no address", "too long"],
)
def test_what_is_not_fit_for_a_link_is_text(url):
    assert link(url)["type"] == "text"


def test_how_to_acknowledge_is_said_once():
    post = blocks.root(message())
    assert "Acknowledge: " not in read(post)
    assert small(post).count("/ack I42 ") == 2
    assert "/ack I42 for 30m" in small(post)


def test_what_is_over_is_not_acknowledged():
    assert small(blocks.root(message(state="resolved"))) == "The whole story: /incident show I42"


def test_nothing_in_a_message_is_left_to_slack_to_read():
    arguments = blocks.root(message()).arguments()
    assert {name: arguments[name] for name in arguments if name not in ("text", "blocks")} == {
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    kinds = {part["type"] for part in parts(arguments["blocks"]) if part != {"bold": True}}
    assert kinds == {
        *("rich_text", "rich_text_section", "rich_text_list", "text", "link"),
        *("actions", "button", "plain_text", "context"),
    }
    assert all(
        part["emoji"] is False for part in parts(arguments["blocks"]) if part.get("type") == "plain_text"
    )


def test_the_fallback_says_all_that_the_blocks_say():
    told = blocks.root(message()).text.replace("\u2060", "").replace("\u2236", ":")
    assert told == read(blocks.root(message()))


# Direct messages


@pytest.mark.parametrize("reason", PageReason)
@pytest.mark.parametrize("locale", LOCALES)
def test_a_page_opens_with_why_it_comes(reason, locale):
    purpose = "told" if reason.is_told else "page"
    opening = read(blocks.direct(message(purpose=purpose, reason=reason, locale=locale))).split("\n")[0]
    assert opening == words(locale)(f"slack.direct.{reason}")
    assert not opening.startswith("slack.")


def test_a_lock_screen_shows_the_headline_of_a_page_first():
    first, second, *_ = blocks.direct(message(purpose="page", reason="step")).text.split("\n")
    assert first == "🟠 [L3 severe] I42 RegionDown cluster=seoul — open"
    assert second == "You are paged: it is your turn on the ladder."


HELD = ["Resolve", "Escalate", "Snooze", "Take over"]


@pytest.mark.parametrize(
    "reason, state, opening, shown",
    [
        pytest.param("step", "open", "You are paged: it is your turn", ALL, id="a page"),
        pytest.param("step", "acknowledged", "You were paged about this. It is ackn", [], id="too late"),
        pytest.param("step", "resolved", "You were paged about this. It is over", [], id="it is over"),
        pytest.param("joined", "acknowledged", "You are paged: more is firing", HELD, id="to the holder"),
        pytest.param("duty", "acknowledged", "You are paged: something has to be done", HELD, id="a duty"),
        pytest.param("duty", "resolved", "You are paged: something has to be done", [], id="a late duty"),
        pytest.param("taken_over", "acknowledged", "For your information: somebody", HELD, id="told who"),
        pytest.param("resolved", "resolved", "For your information: it is over", [], id="told the end"),
    ],
)
def test_a_direct_message_asks_only_while_there_is_something_to_ask(reason, state, opening, shown):
    post = blocks.direct(message(purpose="page", reason=reason, state=state))
    assert read(post).startswith(opening)
    assert buttons(post) == shown


@pytest.mark.parametrize(
    "state, opening, shown",
    [
        pytest.param("open", "You were paged about this. Nobody has it yet.", ALL, id="nobody has it"),
        pytest.param("acknowledged", "You were paged about this. It is acknowledged now.", [], id="held"),
        pytest.param("snoozed", "You were paged about this. It is snoozed now.", ALL[:2], id="snoozed"),
        pytest.param(
            "suppressed",
            "You were paged about this. Alertmanager keeps it quiet now.",
            ALL[:3],
            id="suppressed",
        ),
        pytest.param("resolved", "You were paged about this. It is over now.", [], id="resolved"),
        pytest.param("closed", "You were paged about this. It is over now.", [], id="closed"),
    ],
)
@pytest.mark.parametrize("reason", ["joined", "duty", "acknowledged", "step"])
def test_what_somebody_was_paged_with_says_how_it_stands(reason, state, opening, shown):
    post = blocks.direct(message(purpose="page", reason=reason, state=state), is_edit=True)
    assert read(post).split("\n")[0] == opening
    assert buttons(post) == shown


def test_a_reason_that_is_none_of_a_page_is_of_an_edit():
    post = blocks.direct(message(purpose="page", reason="acknowledged", state="acknowledged"))
    assert read(post).startswith("You were paged about this.")


def test_where_the_buttons_are_gone_it_says_what_to_type():
    post = blocks.direct(message(purpose="notice", reason="acknowledged", state="acknowledged"))
    assert "/incident resolve I42" in small(post)


# Threads, and what a newer message has replaced


def test_the_story_is_a_reply():
    told = ("DevOps on shift was paged", "DevOps on shift acknowledged")
    post = blocks.thread(message(story=told))
    assert post is not None
    assert read(post) == "- DevOps on shift was paged\n- DevOps on shift acknowledged"
    assert post.text == "\n".join(told)
    assert [block["type"] for block in post.blocks] == ["rich_text"]


def test_one_sentence_is_no_list():
    post = blocks.thread(message(story=("it is open again",)))
    assert post is not None
    assert read(post) == "it is open again"


def test_each_sentence_of_a_story_stays_one_line():
    post = blocks.thread(message(story=("a\nb", "c\u202ed")))
    assert post is not None
    assert read(post) == "- a b\n- c\\u202ed"


def test_without_a_story_there_is_no_reply():
    assert blocks.thread(message()) is None


def test_the_older_of_two_points_to_the_newer():
    post = blocks.outdated(message())
    assert read(post).startswith("No longer kept up to date")
    assert "I42 RegionDown" in read(post)
    assert buttons(post) == []
    assert post.text.startswith("No longer kept up to date")


# Limits


def long_message(text: str = "가"):
    return message(
        headline=text * 200,
        body=(*(f"What: {text * 590}" for _ in range(60)), f"Runbook: {RUNBOOK}"),
        story=tuple(text * 590 for _ in range(60)),
    )


@pytest.mark.parametrize(
    "text", ["a", "가", "😀", "&", "\\u202e"], ids=["ascii", "hangul", "emoji", "escaped", "rtl"]
)
def test_what_is_too_long_is_cut_and_says_so(text):
    long = long_message(text)
    for post in (blocks.root(long), blocks.direct(long), blocks.thread(long), blocks.outdated(long)):
        assert post is not None
        assert len(post.blocks) <= 50
        assert len(json.dumps(post.blocks, ensure_ascii=False).encode()) < 12_000
        assert len(post.text.encode()) < 4_000
        for block in post.blocks:
            assert len(json.dumps(block, ensure_ascii=False).encode()) < 3_000
    assert " more lines" in read(blocks.root(long))
    assert blocks.root(long).text.endswith("…")


def test_nothing_pushes_the_runbook_out():
    assert links(blocks.root(long_message())) == [(RUNBOOK, RUNBOOK)]


@pytest.mark.parametrize(
    "text, most, shown",
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("ab cd", 4, "ab…"),
        ("😀😀", 4, "😀😀"),
        ("😀😀", 3, "😀…"),
        ("a😀b", 3, "a…"),
    ],
)
def test_a_cut_counts_as_slack_does_and_splits_no_character(text, most, shown):
    assert cut(text, most) == shown


def test_what_says_nothing_does_not_spoil_a_message():
    empty = message(headline="", body=("", "- ", "What: "), story=("", ""))
    for post in (blocks.root(empty), blocks.direct(empty), blocks.thread(empty), blocks.outdated(empty)):
        assert post is not None
        assert message_faults(list(post.blocks)) == []


def test_a_plain_text_is_never_empty():
    assert plain("")["text"] == "-"


@pytest.mark.parametrize(
    "text, written",
    [
        pytest.param("a < b & c > d", "a &lt; b &amp; c &gt; d", id="what slack escapes"),
        pytest.param("&lt;!here&gt;", "&amp;lt;!here&amp;gt;", id="what was escaped before"),
        pytest.param("12:30 KST: CTO is paged", "12:30 KST: CTO is paged", id="a sentence of ours"),
        pytest.param("external_notice", "external_notice", id="a name"),
        pytest.param("*b* ~s~ `c`", "\u2217b\u2217 \u223cs\u223c \u02cbc\u02cb", id="markup"),
        pytest.param("_i_ a_ _b", "\uff3fi\uff3f a\uff3f \uff3fb", id="underlines"),
        pytest.param(":fire: a:b:c", "\u2236fire: a\u2236b\u2236c", id="emoji"),
        pytest.param("at 12:30:15", "at 12\u223630:15", id="what could be an emoji"),
        pytest.param("https://x", "https\u2236//x", id="an address"),
        pytest.param("mailto:x", "mailto\u2236x", id="a scheme"),
        pytest.param("evil.example", "evil\u2060.example", id="a bare domain"),
        pytest.param("@here #ops a@b", "@\u2060here #\u2060ops a@\u2060b", id="names"),
        pytest.param("> a\n  >b", "\u203a a\n  \u203ab", id="quotes"),
    ],
)
def test_the_fallback_reads_the_same_and_means_nothing_to_slack(text, written):
    assert fallback(text) == written
