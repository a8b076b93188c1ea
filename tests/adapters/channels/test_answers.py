"""What an HTTP answer means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from responder.adapters.channels.answers import receipt_of, retry_after
from responder.core.errors import Permanent, Transient

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_two_hundred_and_something_is_taken(status):
    assert receipt_of("sms", "gateway.example", status, {}, NOON).reference == ""


@pytest.mark.parametrize(
    "headers, reference",
    [
        ({"X-Request-Id": "r-1"}, "r-1"),
        ({"X-Request-Id": "r-1", "Location": "/messages/1"}, "r-1"),
        (
            {"Location": "https://user:pass@gateway.example/messages/1?key=secret#x"},
            "gateway.example/messages/1",
        ),
        ({"X-Request-Id": "a\x1b[31m" + "b" * 500}, "a\\x1b[31m" + "b" * 190 + "…"),
    ],
)
def test_the_receivers_own_name_for_it_is_kept(headers, reference):
    assert receipt_of("sms", "gateway.example", 202, headers, NOON).reference == reference


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_passes_by_itself_is_tried_again(status):
    with pytest.raises(Transient, match=f"^sms: gateway.example answered {status}$") as raised:
        receipt_of("sms", "gateway.example", status, {"Retry-After": "7"}, NOON)
    assert raised.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    "status, why",
    [
        (301, "redirects are not followed"),
        (302, "redirects are not followed"),
        (304, "redirects are not followed"),
        (400, "look at the template"),
        (401, "refuses our credentials"),
        (403, "refuses our credentials"),
        (404, "nothing under this URL"),
        (410, "nothing under this URL any more"),
        (413, "too long"),
        (422, "look at the template"),
        (418, "it refuses the request"),
    ],
)
def test_what_somebody_has_to_mend_says_what(status, why):
    with pytest.raises(Permanent, match=f"^sms: gateway.example answered {status}: .*{why}"):
        receipt_of("sms", "gateway.example", status, {"Location": "http://evil.example/"}, NOON)


@pytest.mark.parametrize(
    "text, wait",
    [
        ("0", timedelta(0)),
        ("120", timedelta(minutes=2)),
        (" 5 ", timedelta(seconds=5)),
        ("86400", timedelta(minutes=5)),
        ("9" * 10_000, timedelta(minutes=5)),
        ("Mon, 23 Nov 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Mon, 23 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("Tue, 24 Nov 2026 12:00:00 GMT", timedelta(minutes=5)),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("Mon, 23 Nov 20266 12:01:00 GMT", None),
    ],
)
def test_the_wait_that_is_asked_for_is_read_and_bounded(text, wait):
    assert retry_after(text, NOON) == wait
