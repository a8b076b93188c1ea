"""The modals: what Slack takes, and what comes back of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.dialects.slack.forms import DURATIONS, FIRST, About, about, entered, errors, form
from responder.dialects.slack.language import duration
from responder.dialects.slack.said import Form
from responder.dialects.wording.words import LOCALES

URL = "https://hooks.example/actions/1/2/3"


def opened(kind: Form = Form.RESOLVE, **changes: Any) -> Any:
    asked: dict[str, Any] = {
        "incident": "I42",
        "revision": 17,
        "response_url": URL,
        "title": "Seoul is gone",
        "locale": "en",
    }
    return form(kind, **(asked | changes))


def texts(node: object) -> Iterator[dict[str, Any]]:
    """Every text object in it."""
    if isinstance(node, list):
        for each in node:
            yield from texts(each)
    if isinstance(node, dict):
        if "text" in node and isinstance(node["text"], str):
            yield node
        for each in node.values():
            yield from texts(each)


def size(text: str) -> int:
    """As JavaScript counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fits(view: dict[str, Any]) -> None:
    """The documented limits of a modal with inputs."""
    assert view["type"] == "modal"
    assert len(view["callback_id"]) <= 255
    assert len(view["private_metadata"]) <= 3_000
    for name in ("title", "submit", "close"):
        assert 1 <= size(view[name]["text"]) <= 24
    for text in texts(view):
        assert text["type"] == "plain_text" or "value" in text
        assert 1 <= size(text["text"]) <= 3_000
    blocks = view["blocks"]
    assert len(blocks) <= 100
    names = [block["block_id"] for block in blocks if block["type"] == "input"]
    assert len(set(names)) == len(names)
    for block in blocks:
        if block["type"] != "input":
            continue
        assert block["element"]["action_id"] == block["block_id"]
        assert size(block["label"]["text"]) <= 2_000
        assert size(block["element"].get("placeholder", {"text": ""})["text"]) <= 150
        for option in block["element"].get("options", []):
            assert 1 <= size(option["text"]["text"]) <= 75
            assert len(option["value"]) <= 150


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", Form)
def test_a_form_is_one_that_slack_takes_and_every_label_has_words(kind, locale):
    view = opened(kind, locale=locale)
    fits(view)
    assert view["callback_id"] == f"responder.{kind.value}"
    assert not [text["text"] for text in texts(view) if text["text"].startswith("commands.")]
    assert view["blocks"][0]["text"]["text"] == "I42: Seoul is gone"


def test_resolve_asks_for_a_reason_that_may_be_left_out():
    [_, reason] = opened(Form.RESOLVE)["blocks"]
    assert reason["block_id"] == "reason"
    assert reason["optional"] is True
    assert reason["element"]["type"] == "plain_text_input"
    assert reason["element"]["multiline"] is True
    assert reason["element"]["max_length"] == 1_000


def test_snooze_offers_durations_and_a_field_for_another():
    [_, offered, other] = opened(Form.SNOOZE)["blocks"]
    assert offered["block_id"] == "duration"
    assert [option["value"] for option in offered["element"]["options"]] == ["15m", "30m", "1h", "2h", "4h"]
    assert offered["element"]["initial_option"] in offered["element"]["options"]
    assert offered["element"]["initial_option"]["value"] == FIRST
    assert all(duration(value) for value in DURATIONS)
    assert (other["block_id"], other["optional"]) == ("other", True)
    assert other["element"]["type"] == "plain_text_input"


def test_korean_labels_are_korean():
    view = opened(Form.SNOOZE, locale="ko")
    assert view["title"]["text"] == "알림 보류"
    assert view["blocks"][1]["element"]["options"][2]["text"]["text"] == "1시간"


@given(
    kind=st.sampled_from(Form),
    incident=st.integers(1, 10**17).map("I{}".format),
    revision=st.integers(0, 10**17),
    url=st.text(max_size=200) | st.just("https://hooks.example/" + "x" * 4_000) | st.just("\u200b" * 2_900),
    title=st.text(st.characters(), max_size=300) | st.just("x" * 10_000) | st.just("🔥" * 5_000),
    locale=st.sampled_from(LOCALES) | st.just("xx"),
)
def test_whatever_is_put_in_the_limits_are_kept(kind, incident, revision, url, title, locale):
    view: Any = form(kind, incident=incident, revision=revision, response_url=url, title=title, locale=locale)
    fits(view)
    json.dumps(view).encode()
    kept = about(view["private_metadata"])
    assert kept is not None
    assert (kept.incident, kept.revision) == (incident, revision)
    assert kept.response_url in (url, "")


def test_what_a_form_is_about_comes_back_with_it():
    kept = about(opened()["private_metadata"])
    assert kept == About(incident="I42", revision=17, response_url=URL)
    assert URL not in repr(kept)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(None, id="nothing"),
        pytest.param(17, id="a number"),
        pytest.param("", id="empty"),
        pytest.param("shhh-its-secret", id="no JSON"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="an empty object"),
        pytest.param('{"incident": "I42", "revision": "17", "response_url": ""}', id="a revision in quotes"),
        pytest.param('{"incident": "", "revision": 17, "response_url": ""}', id="no incident"),
        pytest.param('{"incident": "I42", "revision": 17}', id="no answer's place"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param("9" * 5_000, id="an endless number"),
    ],
)
def test_metadata_that_is_not_ours_is_none(metadata):
    assert about(metadata) is None


@pytest.mark.parametrize(
    "values, found",
    [
        pytest.param(
            {"reason": {"reason": {"type": "plain_text_input", "value": " disk \n"}}},
            {"reason": "disk"},
            id="a text",
        ),
        pytest.param(
            {"reason": {"reason": {"type": "plain_text_input", "value": None}}}, {}, id="left empty"
        ),
        pytest.param({"reason": {"reason": {"type": "plain_text_input", "value": "  "}}}, {}, id="spaces"),
        pytest.param(
            {
                "duration": {
                    "duration": {
                        "type": "static_select",
                        "selected_option": {"text": {"type": "plain_text", "text": "1 hour"}, "value": "1h"},
                    }
                }
            },
            {"duration": "1h"},
            id="a choice",
        ),
        pytest.param(
            {"duration": {"duration": {"type": "static_select", "selected_option": None}}}, {}, id="no choice"
        ),
        pytest.param({"strange": {"strange": {"value": "x"}}}, {}, id="another's field"),
        pytest.param({"reason": {"strange": {"value": "x"}}}, {}, id="another's action"),
        pytest.param({"reason": []}, {}, id="a list"),
        pytest.param(None, {}, id="nothing"),
        pytest.param([], {}, id="no object"),
    ],
)
def test_what_was_entered_is_read(values, found):
    assert entered(values) == found


def test_an_error_stands_under_its_field_in_one_line():
    answer: Any = errors("other", "no length\nof time " + "x" * 1_000)
    assert answer["response_action"] == "errors"
    assert answer["errors"]["other"].startswith("no length of time x")
    assert len(answer["errors"]["other"]) == 300
