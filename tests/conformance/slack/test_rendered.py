"""What a client makes of a text: the model that says whether anything in a message takes effect."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.slack.samples import FORM, METADATA, plain, said
from tests.fakes.slack import ALERTS, USER
from tests.fakes.slack.rendered import Effect, Piece, rendered, rendered_view, words

ALL = {"parse": "full"}
NAMES = {"link_names": True}
DULL = {"mrkdwn": False}


def drawn(piece: Piece) -> tuple[str, str]:
    return piece.text, "+".join(sorted(piece.effects))


def shown(text: str, **args: Any) -> list[tuple[str, str]]:
    return [drawn(piece) for piece in rendered({"text": text, **args})]


@pytest.mark.parametrize(
    "text, args, pieces",
    [
        pytest.param("disk full", {}, [("disk full", "")], id="plain"),
        pytest.param("a &lt;b&gt; &amp;amp; c", {}, [("a <b> &amp; c", "")], id="escaped once"),
        pytest.param("&amp;lt;", {}, [("&lt;", "")], id="escaped twice"),
        pytest.param("<@U1><@U2>", {}, [("U1", "user"), ("U2", "user")], id="one after another"),
        pytest.param("a *b* c", {}, [("a ", ""), ("b", "bold"), (" c", "")], id="bold"),
        pytest.param("_b_", {}, [("b", "italic")], id="italic"),
        pytest.param("~b~", {}, [("b", "strike")], id="strike"),
        pytest.param("`b *c*`", {}, [("b ", "code"), ("c", "bold+code")], id="code"),
        pytest.param("```b\nc```", {}, [("b\nc", "code")], id="fence"),
        pytest.param("a\n&gt; b", {}, [("a\n", ""), (" b", "quote")], id="quote, escaped"),
        pytest.param("*_b_*", {}, [("b", "bold+italic")], id="both"),
        pytest.param("2*3*4 snake_case_name", {}, [("2*3*4 snake_case_name", "")], id="within words"),
        pytest.param("a *b* c", DULL, [("a *b* c", "")], id="no markup"),
        pytest.param("a *b* c", ALL, [("a *b* c", "")], id="no markup with parse full"),
        pytest.param("<@U1>", {}, [("U1", "user")], id="user"),
        pytest.param("<@U1|lee>", DULL, [("lee", "user")], id="user, without markup"),
        pytest.param("<#C1|general>", {}, [("general", "channel")], id="channel"),
        pytest.param("<!channel>", {}, [("channel", "broadcast")], id="broadcast"),
        pytest.param("<!here|x>", DULL, [("x", "broadcast")], id="here"),
        pytest.param("<!subteam^S1>", {}, [("S1", "group")], id="group"),
        pytest.param("<!date^1^{date}|then>", {}, [("then", "date")], id="date"),
        pytest.param("<https://a.example|here>", {}, [("here", "link")], id="link"),
        pytest.param("<whatever>", {}, [("whatever", "link")], id="anything else in brackets"),
        pytest.param("*a <@U1> b*", {}, [("a ", "bold"), ("U1", "bold+user"), (" b", "bold")], id="in bold"),
        pytest.param("*a <@U1*>", {}, [("*a ", ""), ("U1*", "user")], id="brackets before markup"),
        pytest.param(
            "see https://a.example now",
            {},
            [("see ", ""), ("https://a.example", "link"), (" now", "")],
            id="url",
        ),
        pytest.param("see a.example", {}, [("see a.example", "")], id="bare address"),
        pytest.param("see a.example", ALL, [("see ", ""), ("a.example", "link")], id="bare address, parsed"),
        pytest.param(
            ":fire: 12:30:45",
            {},
            [(":fire:", "emoji"), (" 12", ""), (":30:", "emoji"), ("45", "")],
            id="emoji",
        ),
        pytest.param(":화재:", {}, [(":화재:", "emoji")], id="emoji in any script"),
        pytest.param("@here @lee #x", {}, [("@here @lee #x", "")], id="names"),
        pytest.param("@here @lee", NAMES, [("@here", "broadcast"), (" ", ""), ("@lee", "user")], id="linked"),
        pytest.param("#x", {"parse": "client"}, [("#x", "channel")], id="as in the client"),
        pytest.param("&lt;@U1&gt;", {}, [("<@U1>", "")], id="an escaped mention"),
    ],
)
def test_a_text_is_read_as_slack_reads_it(text, args, pieces):
    assert shown(text, **args) == pieces


@given(st.text(st.one_of(st.sampled_from("<>&@!#*_~`|:;lt g"), st.characters(codec="utf-8"))))
def test_what_is_escaped_calls_nobody_and_is_read_as_it_was(text):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    pieces = rendered({"text": escaped, "mrkdwn": False})
    assert words(pieces) == text.replace("\0", "")
    assert {effect for piece in pieces for effect in piece.effects} <= {Effect.EMOJI, Effect.LINK}


def rich(*elements: Any, kind: str = "rich_text_section") -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements)}]}


@pytest.mark.parametrize(
    "block, pieces",
    [
        pytest.param(
            said("*a* <!here> https://a.example"), [("*a* <!here> https://a.example", "")], id="plain text"
        ),
        pytest.param(
            said("a :fire: b"), [("a ", ""), (":fire:", "emoji"), (" b", "")], id="emoji in plain text"
        ),
        pytest.param(
            {"type": "header", "text": plain(":fire:") | {"emoji": False}}, [(":fire:", "")], id="emoji off"
        ),
        pytest.param(
            said("*a* @here", kind="mrkdwn"), [("a", "bold"), (" ", ""), ("@here", "broadcast")], id="mrkdwn"
        ),
        pytest.param(
            rich({"type": "text", "text": "*a* <!here> :x:"}), [("*a* <!here> :x:", "")], id="rich text"
        ),
        pytest.param(
            rich({"type": "text", "text": "a", "style": {"bold": True}}), [("a", "bold")], id="rich bold"
        ),
        pytest.param(rich({"type": "user", "user_id": "U1"}), [("U1", "user")], id="rich user"),
        pytest.param(rich({"type": "broadcast", "range": "here"}), [("here", "broadcast")], id="rich here"),
        pytest.param(
            rich({"type": "link", "url": "https://a.example", "text": "a"}), [("a", "link")], id="rich link"
        ),
        pytest.param(
            rich({"type": "text", "text": "a"}, kind="rich_text_quote"), [("a", "quote")], id="rich quote"
        ),
        pytest.param({"type": "divider"}, [], id="divider"),
    ],
)
def test_a_block_is_shown_as_slack_shows_it(block, pieces):
    assert [drawn(piece) for piece in rendered({"blocks": [block]})] == pieces


def test_what_it_does_not_know_it_does_not_judge():
    with pytest.raises(ValueError, match="poem"):
        rendered({"blocks": [{"type": "poem"}]})


def test_a_button_names_what_it_does():
    button = {"type": "button", "text": plain("Look"), "url": "https://a.example", "action_id": "look"}
    (piece,) = rendered({"blocks": [{"type": "actions", "elements": [button]}]})
    assert (piece.text, piece.target) == ("Look", "https://a.example")
    assert piece.effects == {Effect.BUTTON, Effect.LINK}


def test_a_form_is_read_too():
    assert words(rendered_view(FORM)) == "Resolve\nResolve\nReason"


def test_the_text_beneath_blocks_is_judged(fake):
    pieces = rendered({"text": "<!here>", "blocks": [said("calm")]})
    assert [piece.where for piece in pieces] == ["blocks/0/text", "text"]
    assert pieces[1].effects == {Effect.BROADCAST}


async def test_an_edit_reads_its_text_by_its_own_rules(fake, slack):
    """`chat.update` knows no `mrkdwn`, and without `parse` it reads names."""
    posted = await slack.chat_postMessage(
        channel=ALERTS, text="*a* @here", mrkdwn=False, parse="none", metadata=METADATA
    )
    assert all(piece.is_literal for piece in rendered(fake.roots(ALERTS)[0]))

    await slack.chat_update(channel=ALERTS, ts=posted["ts"], text="*a* @here", mrkdwn=False)
    assert [drawn(piece) for piece in rendered(fake.roots(ALERTS)[0])] == [
        ("a", "bold"),
        (" ", ""),
        ("@here", "broadcast"),
    ]
    await slack.chat_update(channel=ALERTS, ts=posted["ts"], text=f"@here <@{USER}>", parse="none")
    assert [drawn(piece) for piece in rendered(fake.roots(ALERTS)[0])] == [("@here ", ""), (USER, "user")]
