"""Contacts: how a method is written, which channel and which address it means, and what it cannot mean."""

from __future__ import annotations

from typing import Any

import pytest

from responder.core.policy.contacts import Method
from responder.core.policy.fields import FromEnv
from tests.core.policy.documents import documents, misfits

CHANNELS = ("sms", "webhook")
NO_SHORT = ("sms",)


@pytest.mark.parametrize(
    "written, channels, channel, address",
    [
        pytest.param({"webhook": "sms", "to": "+1"}, CHANNELS, "sms", "+1", id="a channel and an address"),
        pytest.param({"webhook": "sms"}, CHANNELS, "sms", None, id="a channel that is the address"),
        pytest.param({"webhook": "U1"}, CHANNELS, "webhook", "U1", id="an address alone"),
        pytest.param(
            {"webhook": {"from_env": "A"}},
            CHANNELS,
            "webhook",
            FromEnv(from_env="A"),
            id="an address alone, from the environment",
        ),
        pytest.param({"webhook": "U1"}, NO_SHORT, "U1", None, id="no channel is called like the kind"),
        pytest.param(
            {"webhook": "smss", "to": "+1"}, CHANNELS, "smss", "+1", id="with an address it names a channel"
        ),
    ],
)
def test_a_method_means_a_channel_and_maybe_an_address(written, channels, channel, address):
    assert Method.model_validate(written).way(channels) == (channel, address)


def with_method(method: dict[str, Any], **channels: dict[str, Any]) -> dict[str, Any]:
    made = documents()
    made["contacts"]["contacts"]["ann"]["methods"] = [method]
    made["channels"]["channels"] |= channels
    return made


def test_an_address_alone_fits_where_a_channel_is_called_like_its_kind():
    assert misfits(with_method({"webhook": "U1"}, webhook={"webhook": {"url": "https://x.example/"}})) == []


@pytest.mark.parametrize(
    "method, words",
    [
        pytest.param({"webhook": "U1"}, "`U1`", id="that channel is of another kind"),
        pytest.param({"webhook": "smss", "to": "+1"}, "`smss`", id="with an address it names a channel"),
        pytest.param(
            {"webhook": {"from_env": "A"}, "to": "+1"}, "environment", id="a variable for a channel"
        ),
    ],
)
def test_what_no_channel_is_meant_by_is_a_misfit(method, words):
    (found,) = misfits(with_method(method, webhook={"console": {}}))
    assert words in found.what
    assert found.path == ("contacts", "ann", "methods", 0, "webhook")
