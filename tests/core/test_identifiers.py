"""What a name tells of the thing that it names."""

from __future__ import annotations

import pytest

from responder.core.identifiers import (
    ChannelName,
    IncidentId,
    Kind,
    RecordKey,
    digest_id,
    duty_id,
    duty_page_id,
    incident_of,
    kept_page_id,
    ladder_page_id,
    notice_id,
)

I42 = IncidentId("I42")


@pytest.mark.parametrize(
    "kind, id_",
    [
        (Kind.INCIDENT, I42),
        (Kind.ESCALATION, I42),
        (Kind.PAGE, ladder_page_id(I42, 3)),
        (Kind.PAGE, duty_page_id(I42, "external_notice", 1)),
        (Kind.NOTICE, notice_id(I42, ChannelName("slack-critical"))),
        (Kind.NOTICE, kept_page_id(ladder_page_id(I42, 3))),
        (Kind.DUTY, duty_id(I42, "external_notice")),
    ],
)
def test_everything_of_an_incident_is_known_by_its_name(kind, id_):
    assert incident_of(RecordKey(kind, id_)) == I42


@pytest.mark.parametrize(
    "kind, id_",
    [
        (Kind.HEARTBEAT, "I42"),
        (Kind.HEARTBEAT, "watchdog"),
        (Kind.NOTICE, "00000000000000a1.1/slack-critical"),
        (Kind.NOTICE, "I42x/slack"),
        (Kind.PAGE, digest_id(42)),
        (Kind.INCIDENT, "I"),
        (Kind.INCIDENT, ""),
    ],
)
def test_what_is_of_no_incident_names_none(kind, id_):
    assert incident_of(RecordKey(kind, id_)) is None
