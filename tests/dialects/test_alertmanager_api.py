"""What the API's answers mean, and the body that is written of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from responder.dialects.alertmanager import fingerprint_there, read_body
from responder.dialects.alertmanager_api import (
    NotAnAnswer,
    labels_of_group,
    read_alerts,
    read_status,
    resolve_timeout,
    write_body,
)

AT = "2026-11-23T12:21:58.403Z"


def listed(**changes):
    """An alert, as 0.25 lists it."""
    status = {"inhibitedBy": [], "silencedBy": [], "state": "active"} | changes.pop("status", {})
    return {
        "annotations": {"summary": "s"},
        "endsAt": "2026-11-23T12:26:58.403Z",
        "fingerprint": "542395cf783e8cdb",
        "receivers": [{"name": "responder"}, {"name": "other"}],
        "startsAt": AT,
        "status": status,
        "updatedAt": AT,
        "generatorURL": "http://x/y",
        "labels": {"alertname": "Small"},
    } | changes


def read(*entries):
    return read_alerts(json.dumps(list(entries)).encode())


def test_an_alert_of_the_list_fires_whatever_its_end_will_be():
    (found,) = read(listed())
    assert found.alert.is_firing
    assert (found.alert.name, found.alert.title, found.alert.generator_url) == ("Small", "s", "http://x/y")
    assert found.alert.starts_at == found.updated_at == datetime(2026, 11, 23, 12, 21, 58, 403000, tzinfo=UTC)
    assert found.receivers == ("responder", "other")


@pytest.mark.parametrize(
    "status, is_suppressed, by",
    [
        pytest.param({}, False, (), id="active"),
        pytest.param({"state": "unprocessed"}, False, (), id="not looked at yet"),
        pytest.param({"state": "suppressed", "silencedBy": ["s1"]}, True, ("s1",), id="silenced"),
        pytest.param({"state": "suppressed", "inhibitedBy": ["f1"]}, True, ("f1",), id="inhibited"),
        pytest.param(
            {"state": "suppressed", "inhibitedBy": ["f1"], "silencedBy": ["s1", "s2"]},
            True,
            ("s1", "s2", "f1"),
            id="both",
        ),
        pytest.param({"state": "active", "mutedBy": ["nights"]}, True, ("nights",), id="muted by the time"),
    ],
)
def test_what_suppresses_it_is_told(status, is_suppressed, by):
    (found,) = read(listed(status=status))
    assert (found.is_suppressed, found.suppressed_by) == (is_suppressed, by)


@pytest.mark.parametrize(
    "entry, said",
    [
        pytest.param("x", "alert 1 is no object", id="no object"),
        pytest.param(listed(status={"state": 1}), "alert 1 has no status", id="no state"),
        pytest.param({**listed(), "status": "active"}, "alert 1 has no status", id="a webhook's status"),
        pytest.param(listed(labels={}), "alert 1: it has no labels", id="no labels"),
        pytest.param(listed(startsAt="soon"), "alert 1: startsAt is no time", id="no start"),
        pytest.param(listed(updatedAt=None), "alert 1: updatedAt is no time", id="never told"),
        pytest.param(
            listed(updatedAt="2026-11-23T12:00:00"), "updatedAt is no time", id="a time without a zone"
        ),
    ],
)
def test_one_alert_that_cannot_be_read_is_no_answer_for_something_would_be_missing(entry, said):
    with pytest.raises(NotAnAnswer, match=said):
        read(listed(), entry)


@pytest.mark.parametrize("raw", [b"", b"<", b"\xff", b"{}", b"null", b"[" * 100_000], ids=range(6))
def test_what_is_no_list_is_no_answer(raw):
    with pytest.raises(NotAnAnswer):
        read_alerts(raw)


def test_its_status_tells_since_when_it_is_up():
    found = read_status(json.dumps({"uptime": AT, "config": {"original": "a: b"}}).encode())
    assert (found.up_since.minute, found.config) == (21, "a: b")


@pytest.mark.parametrize(
    "said",
    [{}, {"uptime": AT}, {"uptime": AT, "config": {}}, {"config": {"original": ""}}, []],
    ids=["nothing", "no config", "no text", "no uptime", "a list"],
)
def test_a_status_without_its_parts_is_no_answer(said):
    with pytest.raises(NotAnAnswer):
        read_status(json.dumps(said).encode())


@pytest.mark.parametrize(
    "config, minutes",
    [({"global": {"resolve_timeout": "1h30m"}}, 90), ({"global": {}}, 5), ({}, 5), ({"global": None}, 5)],
    ids=["written", "not written", "no global", "null"],
)
def test_resolve_timeout_is_what_is_written_or_alertmanagers_own(config, minutes):
    assert resolve_timeout(config) == timedelta(minutes=minutes)


def test_what_is_written_as_a_body_is_read_as_the_same_alerts():
    (found,) = read(listed(labels={"alertname": "Small", "text": 'a"b\n€'}))

    body = read_body(write_body([found.alert], receiver="responder", peer="am:9093"))

    assert body.alerts == (found.alert,)
    assert (body.unreadable_total, body.receiver, body.truncated) == (0, "responder", 0)
    assert body.version_is_known


@pytest.mark.parametrize(
    "key, labels",
    [
        pytest.param('{}:{alertname="Disk"}', {"alertname": "Disk"}, id="the root"),
        pytest.param(
            '{}/{level=~"[34]"}:{alertname="Disk", level="3"}',
            {"alertname": "Disk", "level": "3"},
            id="a branch",
        ),
        pytest.param("{}:{}", {}, id="no labels"),
        pytest.param("{}", {}, id="no key at all"),
        pytest.param(
            r'{}/{a="x:{b=1}"}:{path="C:\\x \"y\"\n", t="é"}',
            {"path": 'C:\\x "y"\n', "t": "é"},
            id="quoted as Go does",
        ),
        pytest.param('{}/{a=~"x:{}"}:{b="1"}', {"b": "1"}, id="what looks like one within the route"),
        pytest.param(r'{}:{a="\x00\u00e9\U0001f600"}', {"a": "\x00é😀"}, id="by number"),
    ],
)
def test_a_groups_labels_stand_at_the_end_of_its_key(key, labels):
    assert labels_of_group(key) == labels


def test_a_fingerprint_is_alertmanagers_own():
    """Those that 0.25 gave."""
    assert fingerprint_there({"alertname": "Big"}) == "28e5c246e4fa8f50"
    assert fingerprint_there({"alertname": "Small"}) == "542395cf783e8cdb"
    assert fingerprint_there({"b": "2", "a": "1"}) == fingerprint_there({"a": "1", "b": "2"})
