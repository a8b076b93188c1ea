"""Messages: what a person reads of a page and of a notice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.core.decision import NoticeReason, PageReason
from responder.core.identifiers import ContactName
from responder.core.level import Level
from responder.core.machines import duty as duties
from responder.core.machines import escalation as ladder
from responder.core.machines import incident as troubles
from responder.core.machines.notice import Happening
from responder.dialects.wording import FACTS, Situation, notice_message, page_message, span
from tests import builders
from tests.builders import CTO, DEVOPS, HOUR, MINUTE, NOON

SEOUL = ZoneInfo("Asia/Seoul")
PEOPLE = {CTO: "CTO", DEVOPS: "DevOps on shift"}
GROUP = {"alertname": "RegionDown", "cluster": "seoul"}
SECOND = timedelta(seconds=1)


def situation(**changes: Any) -> Situation:
    """Level 3, a quarter of an hour after it opened, nobody has answered; DevOps is paged just now."""
    state = ladder.begin(builders.I1, builders.terms(), NOON).state
    for minutes in (0, 0, 15):
        state = ladder.advance(state, ladder.TimerDue(), NOON + minutes * MINUTE).state
    fields: dict[str, Any] = {
        "now": NOON + 15 * MINUTE,
        "zone": SEOUL,
        "incident": builders.incident(group=GROUP, title="Seoul does not answer", revision=7),
        "escalation": state,
        "alerts": (
            builders.occurrence(labels={**GROUP, "zone": "a"}, annotations={"summary": "zone a is gone"}),
        ),
        "alerts_total": 1,
        "people": PEOPLE,
        "duty_names": {"external_notice": "External notice"},
    }
    return Situation(**{**fields, **changes})


def heard(event: ladder.Event, now=NOON + 15 * MINUTE, **changes: Any) -> Situation:
    """The same, after its ladder heard `event`."""
    before = situation()
    assert before.escalation is not None
    return situation(escalation=ladder.advance(before.escalation, event, now).state, now=now, **changes)


def paged(reason: PageReason = PageReason.STEP, **changes: Any) -> Any:
    return builders.page(**{"reason": reason, "step": 2, **changes})


def line(message, start: str):
    """The one line of the body that starts so."""
    [found] = [text for text in message.body if text.startswith(start)]
    return found


def test_a_page_says_all_that_somebody_needs_at_three_in_the_morning():
    message = page_message(
        paged(),
        situation(
            public_url="https://responder.example/",
            duties=(builders.duty(),),
            incident=builders.incident(
                group=GROUP,
                title="Seoul does not answer",
                revision=7,
                links={
                    "runbook": "https://runbooks.example/region",
                    "source": "http://prometheus.example/graph",
                },
            ),
        ),
    )
    assert message.headline == "[L3 severe] I1 RegionDown cluster=seoul — paged: nobody answered for 15m"
    assert message.body == (
        "What: Seoul does not answer",
        "Level: 3 severe",
        "Where: cluster=seoul",
        "Since: 21:00 KST (15m ago)",
        "Who has it: nobody, for 15m",
        "Next: 21:30 KST: CTO is paged",
        "Owed: External notice, due 23:00 KST",
        "Alerts (1 firing of 1):",
        "- RegionDown zone=a — zone a is gone",
        "Acknowledge: responder incidents ack I1",
        "Runbook: https://runbooks.example/region",
        "Source: http://prometheus.example/graph",
        "Look: https://responder.example/incidents/I1",
    )
    assert (message.purpose, message.reason, message.state) == ("page", "step", "open")
    assert (message.incident, message.level, message.revision) == ("I1", 3, 7)
    assert message.links["incident"] == "https://responder.example/incidents/I1"
    assert message.facts["next"] == "21:30 KST: CTO is paged"


def test_without_a_public_address_there_is_no_link_to_ourselves():
    message = page_message(paged(), situation())
    assert "incident" not in message.links
    assert not [text for text in message.body if text.startswith("Look")]


@pytest.mark.parametrize(
    "page, tail",
    [
        pytest.param(paged(step=1), "paged", id="the first step"),
        pytest.param(paged(), "paged: nobody answered for 15m", id="a step"),
        pytest.param(paged(step=99), "paged: nobody answered for 15m", id="a step that is no more"),
        pytest.param(
            paged(PageReason.EARLY, subject="no_remediation"),
            "paged at once: no remediation could be started",
            id="an early step",
        ),
        pytest.param(
            paged(PageReason.ESCALATED), "paged: a person asked for the next step", id="a person asked"
        ),
        pytest.param(paged(PageReason.REPEAT), "paged again: nobody answered for 15m", id="a repeat"),
        pytest.param(paged(PageReason.REOPENED), "paged again: it is back", id="re-opened"),
        pytest.param(
            paged(PageReason.JOINED, subject="PodDown (3)"), "more is firing: PodDown (3)", id="joined"
        ),
        pytest.param(
            paged(PageReason.DUTY, subject="external_notice"), "due now: External notice", id="a duty"
        ),
        pytest.param(
            paged(PageReason.DUTY_REMINDER, subject="media"), "still owed: media", id="a duty without a name"
        ),
        pytest.param(
            paged(PageReason.TAKEN_OVER, subject="devops"), "DevOps on shift has taken over", id="taken over"
        ),
        pytest.param(paged(PageReason.RESOLVED), "resolved", id="resolved"),
    ],
)
def test_the_headline_ends_with_why_one_is_paged(page, tail):
    assert page_message(page, situation()).headline == f"[L3 severe] I1 RegionDown cluster=seoul — {tail}"


def test_one_who_let_a_lease_run_out_is_named():
    now = NOON + 20 * MINUTE
    held = heard(ladder.Acknowledged(by=CTO, wanted=5 * MINUTE))
    assert held.escalation is not None
    over = ladder.advance(held.escalation, ladder.TimerDue(), now).state
    message = page_message(paged(PageReason.LEASE_ENDED), situation(escalation=over, now=now))
    assert message.headline.endswith("— paged again: the acknowledgement of CTO ran out")


def test_flapping_says_how_often():
    flapping = builders.incident(reopenings=(NOON, NOON, NOON))
    message = page_message(paged(PageReason.FLAPPING), situation(incident=flapping))
    assert message.headline.endswith("it keeps coming back, 3 times within the hour")


@pytest.mark.parametrize("reason", PageReason)
def test_what_only_informs_is_told(reason):
    assert page_message(paged(reason), situation()).purpose == ("told" if reason.is_told else "page")


def test_a_repeat_says_that_it_may_be_one():
    message = page_message(paged(), situation(), is_repeat=True)
    assert message.is_repeat
    assert message.body[0] == "This may be a repeat: an earlier attempt may have arrived."
    assert not page_message(paged(), situation()).is_repeat
    assert (
        notice_message(builders.notice(), situation(), is_repeat=True)
        .body[0]
        .startswith("This may be a repeat")
    )


def test_a_late_twin_says_that_it_may_be_one():
    message = page_message(
        paged(PageReason.REOPENED), situation(incident=builders.incident(may_be_twin=True))
    )
    assert "It may be a late twin: an ended alert was reported firing once more." in message.body


def test_alerts_that_alertmanager_left_out_are_told():
    message = page_message(paged(), situation(incident=builders.incident(hidden=frozenset({"{}"}))))
    assert [text for text in message.body if "there may be more than are listed" in text]


# Who has it, and what comes next


@pytest.mark.parametrize(
    "event, state, who, following",
    [
        pytest.param(
            None, "open", "Who has it: nobody, for 15m", "Next: 21:30 KST: CTO is paged", id="nobody answers"
        ),
        pytest.param(
            ladder.Acknowledged(by=DEVOPS),
            "acknowledged",
            "Who has it: DevOps on shift, since 21:15 KST, until 22:15 KST",
            "Next: 22:15 KST: the acknowledgement of DevOps on shift ends, and paging goes on",
            id="acknowledged",
        ),
        pytest.param(
            ladder.Snoozed(by=CTO, wanted=30 * MINUTE),
            "snoozed",
            "Who has it: nobody; snoozed by CTO until 21:45 KST",
            "Next: 21:45 KST: the snooze ends, and paging goes on",
            id="snoozed",
        ),
        pytest.param(
            ladder.Escalated(by=DEVOPS),
            "open",
            "Who has it: nobody, for 15m",
            "Next: 21:45 KST: CTO is paged again",
            id="only repeats are left",
        ),
    ],
)
def test_it_says_who_has_it_and_what_comes_next(event, state, who, following):
    now = situation() if event is None else heard(event)
    message = page_message(paged(), now)
    assert message.state == state
    assert line(message, "Who has it") == who
    assert line(message, "Next") == following


def test_a_ladder_without_pages_says_that_nobody_comes():
    quiet = ladder.begin(builders.I1, builders.terms(steps=builders.terms().steps[:1]), NOON).state
    quiet = ladder.advance(quiet, ladder.TimerDue(), NOON).state
    message = page_message(paged(), situation(escalation=quiet))
    assert line(message, "Next") == "Next: nobody else is paged by itself"


@pytest.mark.parametrize(
    "changes, who, following",
    [
        pytest.param(
            {}, "Resolved at 21:10 KST", "Next: 21:40 KST: closed, unless it fires again", id="cleared"
        ),
        pytest.param(
            {"resolved_by": CTO},
            "Resolved by CTO at 21:10 KST",
            "Next: 21:40 KST: closed, unless it fires again",
            id="by hand",
        ),
        pytest.param(
            {"resolved_by": CTO, "firing": 2},
            "Resolved by CTO at 21:10 KST; 2 of its alerts still fire",
            "Next: 21:20 KST: opens again, unless its alerts have ended",
            id="by hand, still firing",
        ),
    ],
)
def test_when_it_is_over_it_says_so(changes, who, following):
    over = builders.incident(
        **{"phase": troubles.Phase.RESOLVED, "resolved_at": NOON + 10 * MINUTE, "firing": 0, **changes}
    )
    message = page_message(paged(PageReason.RESOLVED), situation(incident=over))
    assert message.state == "resolved"
    assert line(message, "Resolved") == who
    assert line(message, "Next") == following
    assert line(message, "Since") == "Since: 21:00 KST, until 21:10 KST"
    assert not [text for text in message.body if text.startswith("Acknowledge")]


def test_what_is_closed_has_nothing_to_come():
    closed = builders.incident(phase=troubles.Phase.CLOSED, resolved_at=NOON, firing=0)
    message = page_message(paged(PageReason.RESOLVED), situation(incident=closed))
    assert message.state == "closed"
    assert not [text for text in message.body if text.startswith("Next")]


def test_people_who_were_reached_are_named_and_very_many_counted():
    many = tuple(ContactName(f"person-{number}") for number in range(7))
    before = situation().escalation
    assert before is not None
    message = page_message(paged(), situation(escalation=replace(before, reached=(CTO, DEVOPS))))
    assert line(message, "Paged so far") == "Paged so far: CTO and DevOps on shift"
    message = page_message(paged(), situation(escalation=replace(before, reached=many)))
    assert line(message, "Paged so far").endswith("person-4 and 2 more")


def test_a_duty_that_is_due_says_how_to_be_done_with_it():
    due = builders.duty(phase=duties.Phase.DUE)
    done = builders.duty(name="media", phase=duties.Phase.SENT)
    message = page_message(paged(PageReason.DUTY, subject="external_notice"), situation(duties=(due, done)))
    assert "DUE since 23:00 KST: External notice" in message.body
    assert line(message, "When it is done") == (
        "When it is done: responder incidents duty sent I1 external_notice --proof WHERE"
        "   or: responder incidents duty waive I1 external_notice --reason WHY"
    )
    assert not [text for text in message.body if "media" in text]


# Times


@pytest.mark.parametrize(
    "zone, now, since",
    [
        ("Asia/Seoul", NOON + MINUTE, "21:00 KST"),
        ("UTC", NOON + MINUTE, "12:00 UTC"),
        ("America/New_York", NOON + MINUTE, "07:00 EST"),
        ("Asia/Dubai", NOON + MINUTE, "16:00 UTC+04"),
        ("Asia/Seoul", NOON + 3 * HOUR, "2026-11-23 21:00 KST"),
    ],
)
def test_times_are_the_readers_and_have_a_date_when_it_is_not_todays(zone, now, since):
    message = page_message(paged(), situation(zone=ZoneInfo(zone), now=now))
    assert line(message, "Since").startswith(f"Since: {since} (")


@pytest.mark.parametrize(
    "length, told",
    [
        (0 * SECOND, "0s"),
        (45 * SECOND, "45s"),
        (90 * SECOND, "1m30s"),
        (15 * MINUTE + 3 * SECOND, "15m"),
        (HOUR + 20 * MINUTE + 59 * SECOND, "1h20m"),
        (50 * HOUR, "2d2h"),
    ],
)
def test_spans_are_told_as_exactly_as_matters(length, told):
    assert span(length) == told


# Alerts


def test_a_few_alerts_are_listed_and_the_rest_counted():
    alerts = tuple(
        builders.occurrence(f"a{n}", labels={"alertname": "PodDown", "pod": f"api-{n}"}) for n in range(9)
    )
    message = page_message(paged(), situation(alerts=alerts, alerts_total=30))
    assert "Alerts (1 firing of 30):" in message.body
    assert len([text for text in message.body if text.startswith("- PodDown")]) == 5
    assert "- and 25 more" in message.body


def test_an_alert_that_ended_is_marked():
    ended = builders.occurrence(labels={"alertname": "PodDown"}, annotations={}, ends_at=NOON)
    message = page_message(paged(), situation(alerts=(ended,)))
    assert "- (ended) PodDown" in message.body


def test_a_lone_alerts_description_is_told_once():
    one = builders.occurrence(
        annotations={"summary": "gone", "description": "All zones of Seoul are silent."}
    )
    message = page_message(paged(), situation(alerts=(one,)))
    assert line(message, "Detail") == "Detail: All zones of Seoul are silent."
    message = page_message(paged(), situation(alerts=(one, one), alerts_total=2))
    assert not [text for text in message.body if text.startswith("Detail")]


@pytest.mark.parametrize(
    "annotations, links, runbook",
    [
        ({"runbook_url": "https://r.example/1", "runbook": "https://r.example/2"}, {}, "https://r.example/1"),
        ({"runbook": "https://r.example/2"}, {}, "https://r.example/2"),
        ({"runbook": "https://r.example/2"}, {"runbook": "https://r.example/3"}, "https://r.example/3"),
        ({"runbook": "javascript:alert(1)"}, {}, None),
        ({}, {}, None),
    ],
)
def test_the_runbook_is_a_link_or_not_there(annotations, links, runbook):
    told = situation(
        alerts=(builders.occurrence(annotations=annotations),), incident=builders.incident(links=links)
    )
    assert page_message(paged(), told).links.get("runbook") == runbook


# Notices


@pytest.mark.parametrize(
    "happening, tail",
    [
        (Happening(NoticeReason.OPENED), "open"),
        (Happening(NoticeReason.LEVEL), "level 3 now"),
        (Happening(NoticeReason.JOINED, "PodDown (3)"), "more is firing: PodDown (3)"),
        (Happening(NoticeReason.ACKNOWLEDGED), "DevOps on shift has it"),
        (Happening(NoticeReason.SNOOZED), "snoozed by CTO"),
        (Happening(NoticeReason.DUTY, "external_notice"), "due now: External notice"),
        (Happening(NoticeReason.NOTE, "the cable is cut"), "note: the cable is cut"),
        (Happening(NoticeReason.RESOLVED), "resolved"),
    ],
)
def test_a_notices_headline_ends_with_what_happened(happening, tail):
    acknowledged = heard(ladder.Acknowledged(by=DEVOPS)).escalation
    assert acknowledged is not None
    both = replace(acknowledged, snooze=ladder.Snooze(by=CTO, until=NOON + HOUR))
    message = notice_message(builders.notice(happenings=(happening,)), situation(escalation=both))
    assert message.headline == f"[L3 severe] I1 RegionDown cluster=seoul — {tail}"
    assert (message.purpose, message.reason) == ("notice", happening.reason.value)


def test_what_happened_while_a_notice_waited_is_told_with_it_once_each():
    happenings = (
        Happening(NoticeReason.OPENED),
        Happening(NoticeReason.JOINED, "PodDown"),
        Happening(NoticeReason.JOINED, "PodDown"),
        Happening(NoticeReason.LEVEL),
    )
    message = notice_message(builders.notice(happenings=happenings), situation())
    assert message.headline.endswith("— level 3 now")
    assert message.body[:2] == ("Also: open", "Also: more is firing: PodDown")
    assert message.body[2].startswith("What:")


def test_a_long_note_is_whole_in_the_body():
    note = "x" * 300
    message = notice_message(builders.notice(happenings=(Happening(NoticeReason.NOTE, note),)), situation())
    assert message.headline.endswith("…")
    assert message.body[0] == f"note: {note}"


def test_an_alert_for_information_is_told_without_an_incident():
    alert = builders.occurrence(
        labels={"alertname": "BackupDone", "job": "daily"},
        annotations={"summary": "the daily backup is done", "runbook": "https://r.example/backup"},
        incident=None,
    )
    told = situation(incident=None, escalation=None, alerts=(alert,))
    message = notice_message(replace(builders.notice(), incident=None, occurrence=alert.fingerprint), told)
    assert message.headline == "[info] BackupDone job=daily — the daily backup is done"
    assert message.body == (
        "- BackupDone job=daily — the daily backup is done",
        "Runbook: https://r.example/backup",
    )
    assert (message.incident, message.level, message.state, message.reason) == ("", 0, "info", "info")
    assert set(message.facts) == set(FACTS)


def test_an_alert_for_information_that_is_gone_is_still_a_message():
    gone = situation(incident=None, escalation=None, alerts=(), alerts_total=0)
    assert (
        notice_message(replace(builders.notice(), incident=None), gone).headline
        == "[info] unnamed alert — for information"
    )


def test_a_page_whose_incident_is_gone_is_still_a_message():
    message = page_message(paged(PageReason.REOPENED), situation(incident=None, escalation=None, alerts=()))
    assert message.headline == "I1 — paged again: it is back"
    assert set(message.facts) == set(FACTS)


# Strangers' text

HOSTILE = "a\x1b[31m\r\nb\u202ec\x00" + "d" * 300


def test_hostile_labels_break_no_line_and_push_nothing_out():
    told = situation(
        incident=builders.incident(
            rule=HOSTILE,
            key=HOSTILE,
            title=HOSTILE,
            group={"alertname": HOSTILE, HOSTILE: HOSTILE, "z": HOSTILE},
        ),
        alerts=tuple(
            builders.occurrence(labels={HOSTILE: HOSTILE}, annotations={"summary": HOSTILE}) for _ in "abc"
        ),
        people=dict.fromkeys(PEOPLE, HOSTILE),
        level_names=dict.fromkeys(Level, HOSTILE),
        duty_names={"external_notice": HOSTILE},
        duties=(builders.duty(),),
    )
    message = page_message(paged(PageReason.JOINED, subject=HOSTILE), told)
    assert len(message.headline) <= 200
    assert message.headline.startswith("[L3 a\\x1b[31m b\\u202ec")
    assert " — more is firing: a\\x1b[31m b" in message.headline
    for text in (message.headline, *message.body, *message.facts.values()):
        assert text.isprintable()
        assert len(text) <= 600


LABELS = st.dictionaries(st.text(), st.text(), max_size=12)


@given(LABELS, st.text(), LABELS, st.text(), st.sampled_from(PageReason))
def test_any_labels_make_a_message_of_whole_lines(group, title, annotations, subject, reason):
    told = situation(
        incident=builders.incident(group=group, title=title, links=annotations),
        alerts=(builders.occurrence(labels=group, annotations=annotations),),
    )
    message = page_message(paged(reason, subject=subject), told)
    assert len(message.headline) <= 200
    for text in (message.headline, *message.body):
        assert "\n" not in text
        assert "\x1b" not in text
        text.encode()
    assert set(message.facts) == set(FACTS)
