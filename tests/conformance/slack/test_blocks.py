"""What is wrong with blocks and forms, and where."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from tests.conformance.slack.samples import (
    ACTIONS,
    BUTTON,
    FORM,
    plain,
    said,
)
from tests.fakes.slack import (
    ALERTS,
    USER,
)
from tests.fakes.slack.blockkit import message_faults, view_faults


def button(**changes: Any) -> list[dict[str, Any]]:
    return [{"type": "actions", "elements": [BUTTON | changes]}]


def rich(*elements: Any, kind: str = "rich_text_section") -> list[dict[str, Any]]:
    return [{"type": "rich_text", "elements": [{"type": kind, "elements": list(elements)}]}]


@pytest.mark.parametrize(
    "blocks, where",
    [
        pytest.param([{"type": "header", "text": plain("x" * 151)}], "/blocks/0/text/text", id="header"),
        pytest.param(
            [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "/blocks/0/text/type", id="kind"
        ),
        pytest.param([said("x" * 3001)], "/blocks/0/text/text", id="section"),
        pytest.param([said("")], "/blocks/0/text/text", id="empty section"),
        pytest.param(
            [{"type": "context", "elements": [plain("x")] * 11}], "/blocks/0/elements", id="context"
        ),
        pytest.param([{"type": "actions", "elements": []}], "/blocks/0/elements", id="no actions"),
        pytest.param(button(text=plain("x" * 76)), "/blocks/0/elements/0/text/text", id="button"),
        pytest.param(button(value="x" * 2001), "/blocks/0/elements/0/value", id="value"),
        pytest.param(button(action_id="x" * 256), "/blocks/0/elements/0/action_id", id="action id"),
        pytest.param(button(style="red"), "/blocks/0/elements/0/style", id="style"),
        pytest.param(
            [{"type": "actions", "elements": [BUTTON, BUTTON]}], "/blocks/0/elements", id="an action twice"
        ),
        pytest.param([ACTIONS, ACTIONS], "/blocks/1", id="a block id twice"),
        pytest.param([{"type": "poem"}], "/blocks/0/type", id="unknown block"),
        pytest.param(
            rich({"type": "text", "text": ""}), "/blocks/0/elements/0/elements/0/text", id="empty rich"
        ),
        pytest.param(rich({"type": "link"}), "/blocks/0/elements/0/elements/0", id="link to nowhere"),
        pytest.param(
            rich({"type": "text", "text": "x", "style": {"loud": True}}),
            "/blocks/0/elements/0/elements/0/style",
            id="rich style",
        ),
        pytest.param(
            rich({"type": "text", "text": "x"}, kind="text"), "/blocks/0/elements/0/type", id="bare"
        ),
    ],
)
async def test_a_fault_in_blocks_is_found_where_it_is(slack, blocks, where):
    with pytest.raises(SlackApiError) as refused:
        await slack.chat_postMessage(channel=ALERTS, text="x", blocks=blocks)
    answer = refused.value.response
    assert answer["error"] == "invalid_blocks"
    assert [one for one in answer["response_metadata"]["messages"] if f"[json-pointer:{where}]" in one]


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param([{"type": "header", "text": plain("x" * 150)}], id="header"),
        pytest.param([said("x" * 3000)], id="section"),
        pytest.param(button(text=plain("x" * 75), value="x" * 2000, action_id="x" * 255), id="button"),
        pytest.param([{"type": "context", "elements": [plain("x")] * 10}], id="context"),
        pytest.param(rich({"type": "text", "text": "x", "style": {"bold": True}}), id="rich text"),
        pytest.param(rich({"type": "link", "url": "https://a.example"}, kind="rich_text_quote"), id="quote"),
        pytest.param(
            [
                {
                    "type": "rich_text",
                    "elements": [
                        {
                            "type": "rich_text_list",
                            "style": "bullet",
                            "elements": [
                                {
                                    "type": "rich_text_section",
                                    "elements": [{"type": "user", "user_id": USER}],
                                }
                            ],
                        }
                    ],
                }
            ],
            id="list",
        ),
        pytest.param([{"type": "divider"}] * 50, id="fifty"),
    ],
)
def test_blocks_within_the_limits_are_sound(blocks):
    assert message_faults(blocks) == []


@pytest.mark.parametrize(
    "changes, where",
    [
        pytest.param({}, None, id="sound"),
        pytest.param({"title": plain("x" * 25)}, "/view/title/text", id="title"),
        pytest.param({"private_metadata": "x" * 3001}, "/view/private_metadata", id="private metadata"),
        pytest.param({"callback_id": "x" * 256}, "/view/callback_id", id="callback id"),
        pytest.param(
            {"blocks": [FORM["blocks"][0] | {"label": plain("x" * 2001)}]},
            "/view/blocks/0/label/text",
            id="label",
        ),
        pytest.param({"submit": plain("x" * 25)}, "/view/submit/text", id="submit"),
    ],
)
def test_a_form_is_checked(changes, where):
    faults = view_faults(FORM | changes)
    assert faults == [] if where is None else any(f"[json-pointer:{where}]" in one for one in faults)


def test_a_form_with_inputs_can_be_sent_off():
    assert view_faults({key: one for key, one in FORM.items() if key != "submit"})


def test_a_fault_is_worded_as_slack_words_it():
    (fault,) = message_faults([{"type": "header", "text": plain("x" * 151)}])
    assert fault == "must be less than 151 characters [json-pointer:/blocks/0/text/text]"
