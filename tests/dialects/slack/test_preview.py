"""The preview: everything of a post is on the page, and nothing of it takes effect there."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from responder.dialects.slack import blocks
from responder.dialects.slack.blocks import Post
from responder.dialects.slack.forms import form
from responder.dialects.slack.preview import page
from responder.dialects.slack.said import Form
from responder.dialects.slack.text import fallback
from tests.dialects.slack.drawn import RUNBOOK, message

OURS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "h2",
        "h3",
        "article",
        "div",
        "span",
        "b",
        "a",
        "ul",
        "li",
    ),
    *("button", "details", "summary", "pre", "hr", "label"),
}
NASTY = "<script>alert(1)</script>\" onmouseover='x' &amp; </pre></details><img src=x>"


class Seen(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_shows_what_a_post_says():
    seen = Seen(page([("a root", blocks.root(message()))]))
    for text in (
        "a root",
        "I42 RegionDown cluster=seoul — open",
        "zone a is gone",
        "Acknowledge",
        "/ack I42",
    ):
        assert text in seen.text
    assert [each["href"] for tag, each in seen.tags if tag == "a"] == [RUNBOOK]


def test_a_page_shows_the_notification_as_slack_reads_it():
    post = Post(fallback("1 < 2 &lt; 3"), ())
    assert "1 < 2 &lt; 3" in Seen(page([("x", post)])).text


@pytest.mark.parametrize(
    "block",
    [
        pytest.param({"type": "header", "text": {"type": "plain_text", "text": NASTY}}, id="header"),
        pytest.param({"type": "section", "text": {"type": "plain_text", "text": NASTY}}, id="section"),
        pytest.param({"type": "section", "text": {"type": "mrkdwn", "text": NASTY}}, id="what we never send"),
        pytest.param({"type": NASTY}, id="a block that is not known"),
        pytest.param({"type": "rich_text", "elements": [{"type": NASTY}]}, id="an element that is not known"),
        pytest.param(
            {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": NASTY}]}]},
            id="a piece that is not known",
        ),
        pytest.param({"type": "actions", "elements": [{"type": "button", "style": NASTY}]}, id="a style"),
        pytest.param({"type": "actions", "elements": [{"type": NASTY}]}, id="an action that is not known"),
        pytest.param({"type": "input", "label": NASTY, "element": NASTY}, id="an input that is none"),
        pytest.param(
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [{"type": "link", "url": f"https://x/{NASTY}", "text": NASTY}],
                    }
                ],
            },
            id="link",
        ),
    ],
)
def test_nothing_of_strangers_takes_effect_and_nothing_is_left_out(block):
    seen = Seen(page([(NASTY, Post(fallback(NASTY), (block,)))], title=NASTY))
    assert {tag for tag, _ in seen.tags} <= OURS
    assert not any(name.startswith("on") for _, each in seen.tags for name in each)
    held = [seen.text.replace("\\", ""), *(value or "" for _, each in seen.tags for value in each.values())]
    assert (
        sum(text.count("<img src=x>") for text in held) >= 4
    )  # title, headline, caption and the block itself


def test_a_divider_is_drawn():
    assert "hr" in {tag for tag, _ in Seen(page([("x", Post("", ({"type": "divider"},)))])).tags}


@pytest.mark.parametrize("kind", Form)
def test_a_form_shows_its_title_its_fields_and_its_buttons(kind):
    view = form(kind, incident="I42", revision=1, response_url="https://hooks/secret", title="x", locale="en")
    seen = Seen(page([("a form", view)]))
    assert "I42: x" in seen.text
    assert "Cancel" in seen.text
    assert "secret" not in seen.text


def test_a_page_needs_nothing_from_elsewhere():
    html = page([("x", blocks.root(message()))])
    assert "script" not in html
    assert "default-src 'none'" in html
    assert re.findall(r"(?:src|@import|url)\s*[=(]", html.partition("</style>")[0]) == []
