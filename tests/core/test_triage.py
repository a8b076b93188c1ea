"""Triage: the first rule that matches decides, and one trouble has one key whatever its labels hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.core.level import Level
from responder.core.triage import HEARTBEAT_RULE, Verdict, beats, incident_key, triage
from tests.core.policy.documents import book, documents

CHANGED = documents()
CHANGED["levels"]["rules"] = [
    {"name": "label", "match": ['level=~"[1-4]"'], "level": {"from_label": "level"}, "escalation": "ladder"},
    {"name": "any-label", "level": {"from_label": "lvl"}, "group_by": ["alertname"], "escalation": "ladder"},
    {"name": "both", "match": ['a="1"', 'b="2", c!="3"'], "level": 3, "group_by": [], "escalation": "ladder"},
    {"name": "info", "match": ['severity="info"'], "notice": ["chat", "sms"]},
    {"name": "rest", "level": 2, "group_by": ["node", "alertname"], "escalation": "ladder"},
]
CHANGED["levels"]["examples"] = []
BOOK = book(CHANGED)


@pytest.mark.parametrize(
    "labels, rule, level",
    [
        ({"level": "3"}, "label", 3),
        ({"level": "1", "severity": "info"}, "label", 1),
        ({"level": "5"}, "rest", 2),
        ({"level": "0"}, "rest", 2),
        ({"level": "33"}, "rest", 2),
        ({"level": ""}, "rest", 2),
        ({"level": " 3"}, "rest", 2),
        ({"level": "٣"}, "rest", 2),
        ({"level": "3\n"}, "rest", 2),
        ({"lvl": "4"}, "any-label", 4),
        ({"lvl": "٣"}, "rest", 2),
        ({"lvl": "four", "a": "1", "b": "2"}, "both", 3),
        ({"a": "1", "b": "2", "c": "3"}, "rest", 2),
        ({"a": "1"}, "rest", 2),
        ({"severity": "info"}, "info", None),
        ({"severity": "infos"}, "rest", 2),
        ({}, "rest", 2),
    ],
    ids=str,
)
def test_the_first_rule_that_decides_gives_the_level(labels, rule, level):
    verdict = triage(BOOK, labels)
    assert (verdict.rule, verdict.level) == (rule, level)


def test_a_notice_names_its_channels_and_no_policy():
    verdict = triage(BOOK, {"severity": "info", "alertname": "X"})
    assert (verdict.notice, verdict.escalation, verdict.level) == (("chat", "sms"), "", None)


def test_a_verdict_says_how_the_incident_is_told_from_others():
    assert triage(BOOK, {"alertname": "Down", "pod": "a"}) == Verdict(
        rule="rest",
        level=Level.MODERATE,
        notice=(),
        key='rest{alertname="Down", node=""}',
        group={"node": "", "alertname": "Down"},
        escalation="ladder",
        why="every alert",
    )


def test_a_verdict_says_why():
    assert triage(BOOK, {"a": "1", "b": "2"}).why == 'a="1", b="2", c!="3"'
    assert triage(BOOK, {"level": "2"}).why == 'level=~"[1-4]"; the label level says so'


def test_an_alert_may_be_a_heartbeats_beat():
    assert beats(BOOK, {"alertname": "Watchdog", "severity": "none"}) == ("watchdog",)
    assert beats(BOOK, {"alertname": "WatchdogX"}) == ()


def test_an_example_may_say_that_an_alert_is_a_beat():
    changed = documents()
    labels = {"alertname": "Watchdog"}
    changed["levels"]["examples"] = [
        {"labels": labels, "rule": HEARTBEAT_RULE, "level": 2, "key": 'heartbeat{heartbeat="watchdog"}'}
    ]
    assert len(book(changed).levels_document.examples) == 1


@pytest.mark.parametrize(
    "group, key",
    [
        ({}, "r{}"),
        ({"a": "1"}, 'r{a="1"}'),
        ({"b": "2", "a": "1"}, 'r{a="1", b="2"}'),
        ({"a": '"', "b": "\\"}, r'r{a="\"", b="\\"}'),
        ({"a": "1\n2\t3\x00"}, r'r{a="1\n2\u{9}3\u{0}"}'),
        ({"a": "심각"}, 'r{a="심각"}'),
        ({"a": "\u202e\ud800"}, r'r{a="\u{202e}\u{d800}"}'),
        ({"label with space": "1"}, 'r{"label with space"="1"}'),
    ],
    ids=str,
)
def test_a_key_is_one_line_that_people_can_read(group, key):
    assert incident_key("r", group) == key


def test_a_very_long_value_is_cut_and_still_tells_incidents_apart():
    one, other = incident_key("r", {"a": "x" * 100_000}), incident_key("r", {"a": "x" * 99_999})
    assert one != other
    assert len(one) < 300
    assert one != incident_key("r", {"a": one})


GROUPS = st.dictionaries(st.text(max_size=6), st.text(alphabet='ab"\\,={} \n\u2028', max_size=8), max_size=3)


@given(GROUPS, GROUPS)
def test_two_groups_have_one_key_only_when_they_are_equal(one, other):
    assert (incident_key("r", one) == incident_key("r", other)) is (one == other)


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=8), max_size=3))
def test_a_key_never_breaks_a_line_and_can_be_stored(group):
    key = incident_key("r", group)
    assert key.isprintable()
    assert key.encode()
