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
from responder.dialects.wording.words import LOCALES, words
from responder.ports.channel import Spelling
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


def urgent(**changes: Any) -> Situation:
    """Everything that a message can tell of an incident that nobody has answered."""
    links = {"runbook": "https://runbooks.example/region", "source": "http://prometheus.example/graph"}
    incident = builders.incident(group=GROUP, title="Seoul does not answer", revision=7, links=links)
    fields = {"public_url": "https://responder.example/", "incident": incident, "duties": (builders.duty(),)}
    return situation(**{**fields, **changes})


def test_a_page_says_the_same_in_korean():
    message = page_message(paged(), urgent(locale="ko"))
    assert message.headline == "[L3 심각] I1 RegionDown cluster=seoul — 호출: 15분 동안 응답 없음"
    assert message.body == (
        "내용: Seoul does not answer",
        "등급: 3 심각",
        "위치: cluster=seoul",
        "발생: 21:00 KST (15분 전)",
        "담당: 없음, 15분 경과",
        "다음: 21:30 KST: 호출 예정, 대상: CTO",
        "의무: External notice, 기한 23:00 KST",
        "경보 (전체 1건 중 1건 발생 중):",
        "- RegionDown zone=a — zone a is gone",
        "확인 방법: responder incidents ack I1",
        "런북: https://runbooks.example/region",
        "출처: http://prometheus.example/graph",
        "보기: https://responder.example/incidents/I1",
    )
    assert message.locale == "ko"
    assert message.facts["next"] == "21:30 KST: 호출 예정, 대상: CTO"
    assert (message.facts["level_name"], message.facts["waited"]) == ("심각", "15분")


FIRST_OF_ALL = ("line.what", "line.level", "line.where", "line.since", "line.nobody", "line.next")


@pytest.mark.parametrize(
    "spelling, command", [(Spelling.CLI, "responder incidents ack I1"), (Spelling.SLASH, "/ack I1")]
)
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", ["page", "notice"])
def test_every_message_says_what_where_since_when_who_and_what_comes_next(kind, locale, spelling, command):
    say, told = words(locale), urgent(locale=locale, spelling=spelling)
    message = page_message(paged(), told) if kind == "page" else notice_message(builders.notice(), told)
    labels = [say(code).partition(": ")[0] for code in (*FIRST_OF_ALL, "line.acknowledge", "line.runbook")]
    where = [[text.startswith(f"{label}: ") for text in message.body].index(True) for label in labels]
    assert where == sorted(where)
    assert {*labels} <= say.labels
    assert say("line.acknowledge", command=command) in message.body
    assert message.facts["acknowledge"] == command
    assert message.headline.startswith(
        f"[L3 {say('level.3') if locale == 'ko' else 'severe'}] I1 RegionDown cluster=seoul — "
    )


@pytest.mark.parametrize("locale, how", [("en", "--proof WHERE"), ("ko", "--proof 위치")])
def test_a_duty_is_answered_on_the_command_line_wherever_it_is_read(locale, how):
    due = urgent(duties=(builders.duty(phase=duties.Phase.DUE),), locale=locale, spelling=Spelling.SLASH)
    [told] = [text for text in page_message(paged(), due).body if "duty sent" in text]
    assert f"responder incidents duty sent I1 external_notice {how}" in told


@pytest.mark.parametrize(
    "locale, names, told",
    [
        pytest.param("en", {}, "high", id="as it was promised"),
        pytest.param("en", {Level.SEVERE: "sev3"}, "sev3", id="as the policies say today"),
        pytest.param("ko", {}, "심각", id="Korean, where the policies have no name"),
        pytest.param("ko", {Level.SEVERE: "3급"}, "3급", id="Korean, as the policies say"),
    ],
)
def test_a_level_is_called_as_the_reader_calls_it(locale, names, told):
    ladder_of = situation().escalation
    assert ladder_of is not None
    promised = replace(ladder_of, terms=builders.terms(name="high"))
    message = page_message(paged(), situation(escalation=promised, level_names=names, locale=locale))
    assert message.facts["level_name"] == told


@pytest.mark.parametrize(
    "locale, named",
    [
        ("en", ("minor", "moderate", "severe", "fatal")),
        ("ko", ("경미", "보통", "심각", "치명")),
    ],
)
def test_a_level_that_nobody_named_has_our_word(locale, named):
    told = [
        situation(escalation=None, incident=builders.incident(level=level), locale=locale).level_name()
        for level in Level
    ]
    assert tuple(told) == named


def test_a_level_that_its_ladder_has_not_heard_of_is_not_called_by_the_ladders_name():
    fallen = situation(incident=builders.incident(level=Level.MODERATE))
    assert fallen.level_name() == "moderate"


def test_in_a_language_that_we_do_not_speak_it_is_english():
    message = page_message(paged(), situation(locale="tlh"))
    assert message.locale == "en"
    assert line(message, "Who has it") == "Who has it: nobody, for 15m"


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
        pytest.param(
            paged(PageReason.STRANGER, subject="kim (U024BE7LH)"),
            "acknowledged in your name by kim (U024BE7LH), who is no contact",
            id="a stranger acknowledged",
        ),
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


def test_that_its_alerts_are_nowhere_any_more_is_told():
    message = page_message(paged(), situation(incident=builders.incident(doubted_at=NOON)))
    assert [text for text in message.body if text.startswith("Doubtful: no Alertmanager has its alerts")]


def test_a_message_that_stays_says_that_it_is_kept_quiet():
    quiet = heard(ladder.Suppressed(until=NOON + HOUR, by=("s1",)))
    notice = builders.notice(happenings=(Happening(NoticeReason.PAGED, person=CTO),))
    message = notice_message(notice, replace(quiet, stays=True))
    assert message.headline.endswith("Alertmanager keeps it quiet: nobody is paged")


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
            ladder.Suppressed(until=NOON + 20 * MINUTE, by=("s1", "s2", "s3", "s4")),
            "suppressed",
            "Who has it: nobody; Alertmanager keeps it quiet since 21:15 KST: s1, s2, s3",
            "Next: nobody is paged while Alertmanager keeps it quiet; if it cannot be asked, paging goes on at "
            "21:20 KST",
            id="suppressed",
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
            "Resolved by CTO at 21:10 KST; still firing: 2",
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


@pytest.mark.parametrize(
    "people, told",
    [
        ((CTO,), "지금까지 호출: CTO"),
        ((CTO, DEVOPS), "지금까지 호출: CTO 및 DevOps on shift"),
        (tuple(ContactName(f"p{number}") for number in range(7)), "지금까지 호출: p0, p1, p2, p3, p4 외 2"),
    ],
)
def test_people_are_listed_as_korean_lists_them(people, told):
    before = situation().escalation
    assert before is not None
    message = page_message(paged(), situation(escalation=replace(before, reached=people), locale="ko"))
    assert told in message.body


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


@pytest.mark.parametrize(
    "length, told",
    [
        (0 * SECOND, "0초"),
        (90 * SECOND, "1분 30초"),
        (15 * MINUTE + 3 * SECOND, "15분"),
        (HOUR + 20 * MINUTE + 59 * SECOND, "1시간 20분"),
        (50 * HOUR + MINUTE, "2일 2시간 1분"),
    ],
)
def test_spans_are_told_in_korean(length, told):
    assert span(length, "ko") == told


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
        (Happening(NoticeReason.SUPPRESSED), "Alertmanager keeps it quiet: nobody is paged"),
        (Happening(NoticeReason.GHOST, "PodDown"), "is it over? No Alertmanager has PodDown any more"),
        (Happening(NoticeReason.DUTY, "external_notice"), "due now: External notice"),
        (Happening(NoticeReason.NOTE, "the cable is cut"), "note: the cable is cut"),
        (Happening(NoticeReason.RESOLVED), "resolved"),
        (Happening(NoticeReason.PAGED, person=CTO), "paged: CTO"),
        (
            Happening(NoticeReason.STRANGER, "kim (U1)"),
            "acknowledged in the on-call's name by kim (U1), who is no contact",
        ),
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
    assert message.body[0] == "Also: more is firing: PodDown"  # that it opened reads like how it stands
    assert message.body[1].startswith("What:")


def test_a_long_note_is_whole_in_the_body():
    note = "x" * 300
    message = notice_message(builders.notice(happenings=(Happening(NoticeReason.NOTE, note),)), situation())
    assert message.headline.endswith("…")
    assert message.body[0] == f"note: {note}"


STORY = (
    Happening(NoticeReason.OPENED),
    Happening(NoticeReason.JOINED, "PodDown"),
    Happening(NoticeReason.JOINED, "PodDown"),
    Happening(NoticeReason.PAGED, person=CTO),
    Happening(NoticeReason.NOTE, "n" * 600, person=DEVOPS),
    Happening(NoticeReason.LEVEL),
)


@pytest.mark.parametrize(
    "locale, told",
    [
        (
            "en",
            (
                "More is firing: PodDown",
                "CTO was paged",
                f"DevOps on shift left a note: {'n' * 499}…",
                "The level is 3 severe now",
            ),
        ),
        (
            "ko",
            (
                "경보가 추가되었습니다: PodDown",
                "호출했습니다: CTO",
                f"메모 (작성: DevOps on shift): {'n' * 499}…",
                "현재 등급은 3 심각입니다",
            ),
        ),
    ],
)
def test_a_channel_that_keeps_a_thread_is_told_the_story(locale, told):
    notice = builders.notice(happenings=STORY, posted="C1/1.1")
    message = notice_message(notice, situation(locale=locale, stays=True))
    assert message.story == told
    assert message.body[0].startswith(words(locale)("line.what", what=""))
    also = words(locale)("line.also", happened="")
    assert not [text for text in message.body if text.startswith(also)]
    elsewhere = notice_message(notice, situation(locale=locale))
    assert elsewhere.story == told
    assert [text for text in elsewhere.body if text.startswith(also)]


@pytest.mark.parametrize(
    "changes, told",
    [
        pytest.param({"resolved_by": CTO}, "CTO resolved it", id="by hand"),
        pytest.param({}, "Resolved", id="cleared"),
    ],
)
def test_the_story_says_who_resolved_it(changes, told):
    over = builders.incident(phase=troubles.Phase.RESOLVED, resolved_at=NOON, firing=0, **changes)
    notice = builders.notice(happenings=(Happening(NoticeReason.RESOLVED),))
    assert notice_message(notice, situation(incident=over)).story == (told,)


def test_a_note_stands_only_in_the_story_where_there_is_one():
    notice = builders.notice(
        happenings=(Happening(NoticeReason.NOTE, "the cable is cut", CTO),), posted="C1/1.1"
    )
    message = notice_message(notice, situation(stays=True))
    assert message.story == ("CTO left a note: the cable is cut",)
    assert message.body[0].startswith("What:")


def test_what_only_opened_has_no_story_and_a_page_never_has_one():
    opened = builders.notice(happenings=STORY[:1])
    assert notice_message(opened, situation(stays=True)).story == ()
    assert notice_message(builders.notice(), situation(stays=True)).story == ()
    assert page_message(paged(), situation()).story == ()


def test_an_alert_for_information_is_told_in_the_readers_language():
    gone = situation(incident=None, escalation=None, alerts=(), alerts_total=0, locale="ko")
    message = notice_message(replace(builders.notice(), incident=None), gone)
    assert message.headline == "[참고] 이름 없는 경보 — 참고용"
    assert message.locale == "ko"


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


@pytest.mark.parametrize("locale, joined", [("en", "more is firing"), ("ko", "경보 추가")])
def test_hostile_labels_break_no_line_and_push_nothing_out(locale, joined):
    told = situation(
        locale=locale,
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
    assert f" — {joined}: a\\x1b[31m b" in message.headline
    happened = tuple(Happening(reason, HOSTILE, CTO) for reason in NoticeReason)
    shown = notice_message(builders.notice(happenings=happened), told)
    assert len(shown.story) == len(NoticeReason) - 1
    for text in (message.headline, *message.body, *message.facts.values(), *shown.body, *shown.story):
        assert text.isprintable()
        assert len(text) <= 600


LABELS = st.dictionaries(st.text(), st.text(), max_size=12)


@given(LABELS, st.text(), LABELS, st.text(), st.sampled_from(PageReason), st.sampled_from(LOCALES))
def test_any_labels_make_a_message_of_whole_lines(group, title, annotations, subject, reason, locale):
    told = situation(
        locale=locale,
        incident=builders.incident(group=group, title=title, links=annotations),
        alerts=(builders.occurrence(labels=group, annotations=annotations),),
    )
    message = page_message(paged(reason, subject=subject), told)
    assert len(message.headline) <= 200
    happened = (Happening(NoticeReason.NOTE, subject), Happening(NoticeReason.STRANGER, subject))
    shown = notice_message(builders.notice(happenings=happened), replace(told, stays=True))
    assert len(shown.story) == 2
    for text in (message.headline, *message.body, shown.headline, *shown.body, *shown.story):
        assert len(text) <= 600
        assert "\n" not in text
        assert "\x1b" not in text
        text.encode()
    assert set(message.facts) == set(FACTS)
