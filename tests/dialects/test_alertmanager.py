"""Webhook bodies: what a real Alertmanager posted, and what nobody should."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from responder.dialects.alertmanager import MOST_ALERTS, MOST_TOLD, Body, NotABody, peek, read_body

SAMPLES = Path(__file__).parents[1] / "samples" / "alertmanager"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def alert(**changes: Any) -> dict[str, Any]:
    """One alert as Alertmanager writes it; a change to None leaves the field out."""
    written = {
        "status": "firing",
        "labels": {"alertname": "RegionDown", "cluster": "seoul"},
        "annotations": {"summary": "Seoul is gone"},
        "startsAt": "2026-11-23T12:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": "90708ead7900ea8e",
    } | changes
    return {name: value for name, value in written.items() if value is not None}


def body(*alerts: object, **changes: Any) -> bytes:
    written = {"version": "4", "status": "firing", "receiver": "responder", "alerts": list(alerts)}
    return json.dumps(written | changes).encode()


def only(raw: bytes) -> Any:
    """The one alert of a body that was read whole."""
    found = read_body(raw)
    assert found.unreadable == ()
    [it] = found.alerts
    return it


# What was recorded


@pytest.mark.parametrize(
    "name, status, firing, resolved, truncated",
    [
        ("firing-single", "firing", 1, 0, 0),
        ("firing-watchdog", "firing", 1, 0, 0),
        ("firing-grouped-30", "firing", 30, 0, 0),
        ("firing-truncated-max5-of-30", "firing", 5, 0, 25),
        ("mixed-firing-and-resolved", "firing", 2, 1, 0),
        ("resolved-single", "resolved", 0, 1, 0),
        ("resolved-grouped-30", "resolved", 0, 30, 0),
        ("resolved-truncated-max5-of-30", "resolved", 0, 5, 25),
    ],
)
def test_a_recorded_body_is_read_whole(name, status, firing, resolved, truncated):
    raw = (SAMPLES / f"{name}.json").read_bytes()
    found = read_body(raw)
    assert found.unreadable == ()
    assert found.status == status
    assert sum(alert.is_firing for alert in found.alerts) == firing
    assert sum(not alert.is_firing for alert in found.alerts) == resolved
    assert found.truncated == truncated
    assert found.version_is_known
    written = [alert["fingerprint"] for alert in json.loads(raw)["alerts"]]
    assert [alert.fingerprint for alert in found.alerts] == written


def test_every_recorded_body_is_in_the_table():
    marks = test_a_recorded_body_is_read_whole.pytestmark
    assert {path.stem for path in SAMPLES.glob("*.json")} == {row[0] for row in marks[0].args[1]}


def test_the_fields_of_a_recorded_body_are_what_was_written():
    found = read_body((SAMPLES / "resolved-single.json").read_bytes())
    [it] = found.alerts
    assert found.receiver == "single"
    assert found.external_url == "http://vm:19193"
    assert found.group_key == '{}/{node="node-03"}:{alertname="DiskPressure", node="node-03"}'
    assert it.labels["mount"] == "/var"
    assert it.annotations == {
        "runbook_url": "https://runbooks.example/disk",
        "summary": "Disk /var on node-03 is 97% full",
    }
    assert it.starts_at == datetime(2026, 11, 23, 3, 34, 4, 568_000, tzinfo=UTC)
    assert it.ends_at is not None
    assert it.ends_at > it.starts_at
    assert it.generator_url.startswith("http://vm:19190/graph?g0.expr=disk_used_ratio+%3E+0.9&")


# What is no body


@pytest.mark.parametrize(
    "raw, why",
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"hello", "not JSON", id="text"),
        pytest.param(b'{"alerts": [', "not JSON", id="cut off"),
        pytest.param(b'{"alerts": []} x', "not JSON", id="more after it"),
        pytest.param(b'{"alerts": [{"labels": {"a": "\x00"}}]}', "not JSON", id="a NUL byte as it is"),
        pytest.param(b'{"alerts": [], "x": "\xff\xfe"}', "not UTF-8", id="invalid UTF-8"),
        pytest.param('{"alerts": []}'.encode("utf-16"), "not UTF-8", id="UTF-16"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="a hundred thousand lists"),
        pytest.param(b'{"a":' * 100_000, "nested too deeply", id="a hundred thousand objects"),
        pytest.param(
            b'{"alerts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply", id="deep and whole"
        ),
        pytest.param(b'{"alerts": [], "x": ' + b"9" * 5_000 + b"}", "too long", id="an endless number"),
        pytest.param(b"[]", "not a JSON object", id="a list"),
        pytest.param(b'"alerts"', "not a JSON object", id="a text"),
        pytest.param(b"null", "not a JSON object", id="null"),
        pytest.param(b"{}", "no list of alerts", id="no alerts"),
        pytest.param(b'{"alerts": null}', "no list of alerts", id="alerts are null"),
        pytest.param(b'{"alerts": {}}', "no list of alerts", id="alerts are an object"),
        pytest.param(b'{"alerts": "[]"}', "no list of alerts", id="alerts are text"),
    ],
)
def test_what_is_no_body_is_refused_with_the_reason(raw, why):
    with pytest.raises(NotABody, match=why):
        read_body(raw)
    with pytest.raises(NotABody, match=why):
        peek(raw)


def test_a_look_at_a_body_that_can_be_read_raises_nothing():
    peek(body(alert(), {"nonsense": 1}))


def test_a_byte_order_mark_is_no_reason_to_lose_a_body():
    assert only(b"\xef\xbb\xbf" + body(alert())).name == "RegionDown"


# What an alert says


@pytest.mark.parametrize(
    "changes, is_firing",
    [
        pytest.param({}, True, id="year 1"),
        pytest.param({"endsAt": "2026-11-23T13:00:00Z"}, True, id="firing, to be given up later"),
        pytest.param({"endsAt": "2026-11-23T11:00:00Z"}, True, id="firing, although its end has passed"),
        pytest.param({"endsAt": None}, True, id="firing without an end"),
        pytest.param({"endsAt": "no time"}, True, id="firing with an end that is none"),
        pytest.param({"status": "resolved", "endsAt": "2026-11-23T12:30:00Z"}, False, id="resolved"),
        pytest.param({"status": None}, True, id="no status of its own, in a firing body"),
    ],
)
def test_the_alerts_own_status_decides(changes, is_firing):
    assert only(body(alert(**changes))).is_firing is is_firing


def test_an_alert_without_a_status_has_the_bodys():
    raw = body(alert(status=None, endsAt="2026-11-23T12:30:00Z"), status="resolved")
    assert only(raw).ends_at == NOON + timedelta(minutes=30)


@pytest.mark.parametrize(
    "text, moment",
    [
        ("2026-11-23T12:00:00Z", NOON),
        ("2026-11-23T21:00:00+09:00", NOON),
        ("2026-11-23T03:30:00.5-08:30", NOON.replace(microsecond=500_000)),
        ("2026-11-23T12:00:00.826974602Z", NOON.replace(microsecond=826_974)),
        ("2026-11-23T12:00:00.1Z", NOON.replace(microsecond=100_000)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_any_zone_and_to_the_nanosecond(text, moment):
    assert only(body(alert(startsAt=text))).starts_at == moment


@pytest.mark.parametrize(
    "changes, why",
    [
        pytest.param({"startsAt": None}, "it has no startsAt", id="no startsAt"),
        pytest.param({"startsAt": 1_700_000_000}, "startsAt is a number", id="startsAt is a number"),
        pytest.param({"startsAt": "yesterday"}, "startsAt is no time", id="startsAt is a word"),
        pytest.param({"startsAt": "2026-11-23T12:00:00"}, "no time zone", id="startsAt without a zone"),
        pytest.param({"startsAt": "0000-01-01T00:00:00Z"}, "startsAt is no time", id="year 0"),
        pytest.param({"startsAt": "0001-01-01T00:00:00Z"}, "not set, or out of range", id="year 1"),
        pytest.param({"startsAt": "0001-01-01T00:00:00+09:00"}, "startsAt is no time", id="before year 1"),
        pytest.param({"startsAt": "9999-12-31T23:59:59-09:00"}, "startsAt is no time", id="after year 9999"),
        pytest.param({"startsAt": "9999-12-31T00:00:00Z"}, "out of range", id="year 9999"),
        pytest.param({"startsAt": "10000-01-01T00:00:00Z"}, "startsAt is no time", id="year 10000"),
        pytest.param({"startsAt": "2026-11-23T12:00:00+99:99"}, "startsAt is no time", id="no such offset"),
        pytest.param({"startsAt": "9" * 1_000_000}, "startsAt is no time", id="a megabyte of startsAt"),
        pytest.param({"status": "resolved"}, "endsAt is not set", id="resolved without an end"),
        pytest.param({"status": "resolved", "endsAt": None}, "it has no endsAt", id="resolved, no endsAt"),
        pytest.param({"status": "suppressed"}, "neither firing nor resolved", id="another status"),
        pytest.param({"status": ["firing"]}, "its status is a list", id="a status that is no text"),
        pytest.param({"labels": None}, "it has no labels", id="no labels"),
        pytest.param({"labels": {}}, "it has no labels", id="empty labels"),
        pytest.param({"labels": []}, "labels is a list", id="labels are a list"),
        pytest.param({"labels": {"a": 4}}, "labels: a is a number", id="a label that is a number"),
        pytest.param({"labels": {"a": None}}, "labels: a is null", id="a label that is null"),
        pytest.param(
            {"annotations": {"a": {}}}, "annotations: a is an object", id="an annotation that is an object"
        ),
        pytest.param({"annotations": "x"}, "annotations is text", id="annotations are text"),
    ],
)
def test_an_alert_that_makes_no_sense_is_set_aside_and_its_neighbours_go_on(changes, why):
    found = read_body(body(alert(fingerprint="a1"), alert(**changes), alert(fingerprint="a3")))
    assert [it.fingerprint for it in found.alerts] == ["a1", "a3"]
    [it] = found.unreadable
    assert it.index == 1
    assert why in it.why
    assert len(it.why) <= 200


@pytest.mark.parametrize("entry", [None, 1, "alert", [], True], ids=repr)
def test_what_is_no_object_among_the_alerts_is_set_aside(entry):
    found = read_body(body(alert(), entry))
    assert len(found.alerts) == 1
    assert found.unreadable[0].index == 1


def test_the_reason_of_an_unreadable_alert_breaks_no_log_line():
    found = read_body(body(alert(labels={"a\n\x1b[31mb\u202e": 4})))
    assert found.unreadable[0].why == "labels: a \\x1b[31mb\\u202e is a number"


def test_annotations_may_be_missing():
    assert only(body(alert(annotations=None))).annotations == {}


@pytest.mark.parametrize("given", [None, "", 7, "x" * 65, "a b", "ab\n", "é"], ids=repr)
def test_a_fingerprint_that_is_none_is_made_of_the_labels(given):
    one = only(body(alert(fingerprint=given, labels={"a": "1", "b": "2"})))
    same = only(body(alert(fingerprint=given, labels={"b": "2", "a": "1"})))
    other = only(body(alert(fingerprint=given, labels={"a": "12", "b": ""})))
    assert one.fingerprint == same.fingerprint
    assert one.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 16


@pytest.mark.parametrize(
    "version, is_known", [("4", True), ("5", False), (4, False), (None, False), ("", False)]
)
def test_a_body_of_an_unknown_version_is_read_and_says_so(version, is_known):
    found = read_body(body(alert(), version=version))
    assert found.version_is_known is is_known
    assert len(found.alerts) == 1


@pytest.mark.parametrize(
    "written, count", [(25, 25), (0, 0), (-3, 0), (None, 0), ("25", 0), (True, 0), (1.5, 0)]
)
def test_the_number_of_hidden_alerts_is_a_number(written, count):
    assert read_body(body(alert(), truncatedAlerts=written)).truncated == count


@pytest.mark.parametrize("field", ["status", "receiver", "groupKey", "externalURL", "version"])
@pytest.mark.parametrize("value", [None, 7, [], {}], ids=repr)
def test_a_field_beside_the_alerts_never_loses_them(field, value):
    assert len(read_body(body(alert(), **{field: value})).alerts) == 1


def test_nul_and_lone_surrogates_become_what_every_database_holds():
    raw = body(alert(labels={"alertname": "a\x00b", "x\ud800": "\udfff!"}, annotations={"summary": "\x00"}))
    found = only(raw)
    assert found.labels == {"alertname": "a\u2400b", "x\ufffd": "\ufffd!"}
    assert found.annotations == {"summary": "\u2400"}
    assert found.fingerprint == "90708ead7900ea8e"


def test_a_pair_of_surrogates_is_one_character_and_stays():
    assert only(body(alert(labels={"alertname": "\U0001f525"}))).name == "\U0001f525"


def test_a_hundred_thousand_labels_and_a_megabyte_of_value_are_kept():
    labels = {f"label_{number}": "x" for number in range(100_000)} | {"alertname": "y" * 1_000_000}
    found = read_body(body(alert(fingerprint=None, labels=labels), alert()))
    assert found.unreadable == ()
    assert found.alerts[0].labels == labels


# Anything

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
FIELDS = ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint")


@given(st.binary() | st.text().map(str.encode) | JSON.map(lambda value: json.dumps(value).encode()))
@example(b'{"alerts": [[[]]]}')
def test_whatever_comes_is_a_body_or_none(raw):
    try:
        assert isinstance(read_body(raw), Body)
    except NotABody:
        with pytest.raises(NotABody):
            peek(raw)


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON, max_size=5), st.data())
def test_a_good_alert_survives_any_neighbours(others, data):
    place = data.draw(st.integers(0, len(others)))
    neighbours = [alert(**other) if isinstance(other, dict) else other for other in others]
    found = read_body(body(*neighbours[:place], alert(fingerprint="c0ffee"), *neighbours[place:]))
    assert "c0ffee" in [it.fingerprint for it in found.alerts]
    assert len(found.alerts) + len(found.unreadable) == len(others) + 1
    assert place not in [it.index for it in found.unreadable]


@given(st.dictionaries(st.text(), st.text(), min_size=1))
def test_what_was_read_can_be_stored_and_compared(labels):
    found = only(body(alert(labels=labels, fingerprint=None)))
    written = json.dumps(found.labels, ensure_ascii=False).encode()  # raises for a lone surrogate
    assert b"\\u0000" not in written
    assert len(found.fingerprint) == 16


def test_a_body_of_nothing_but_junk_is_counted_and_not_told_one_by_one():
    body = read_body(b'{"alerts":[' + b",".join([b"[]"] * (MOST_ALERTS + 5)) + b"]}")
    assert body.unreadable_total == MOST_ALERTS + 5
    assert len(body.unreadable) == MOST_TOLD + 1
    assert body.unreadable[-1].why == f"5 alerts beyond the first {MOST_ALERTS} are not read"
