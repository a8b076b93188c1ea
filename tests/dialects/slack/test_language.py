"""What people type, and what it is taken for."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.core.level import Level
from responder.dialects.slack.language import HELP, NEAR, TEXT_MOST, WORDS, brief, duration, plain, said
from responder.dialects.slack.said import Said, Unclear, Verb
from responder.dialects.wording.words import LOCALES, words
from tests.dialects.catalogues import entries, figures

HALF_AN_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("", Said(verb=Verb.HELP)),
        ("help", Said(verb=Verb.HELP)),
        ("HELP!", Said(verb=Verb.HELP)),
        ("help ack", Said(verb=Verb.HELP)),
        ("list", Said(verb=Verb.LIST)),
        ("  List  ", Said(verb=Verb.LIST)),
        ("show", Said(verb=Verb.SHOW)),
        ("show I42", Said(verb=Verb.SHOW, incident="I42")),
        ("show i42", Said(verb=Verb.SHOW, incident="I42")),
        ("show #42", Said(verb=Verb.SHOW, incident="I42")),
        ("show 42", Said(verb=Verb.SHOW, incident="I42")),
        ("show 0042.", Said(verb=Verb.SHOW, incident="I42")),
        ("show \uff14\uff12", Said(verb=Verb.SHOW, incident="I42")),
        ("show\u00a042", Said(verb=Verb.SHOW, incident="I42")),
        ("who", Said(verb=Verb.WHO)),
        ("who 42", Said(verb=Verb.WHO, incident="I42")),
        ("ack", Said(verb=Verb.ACK)),
        ("ack 42", Said(verb=Verb.ACK, incident="I42")),
        ("ack D57", Said(verb=Verb.ACK, incident="D57")),
        ("ack d57 30m", Said(verb=Verb.ACK, incident="D57", duration=HALF_AN_HOUR)),
        ("ack 30m d57", Said(verb=Verb.ACK, incident="D57", duration=HALF_AN_HOUR)),
        ("acknowledge 42", Said(verb=Verb.ACK, incident="I42")),
        ("ack 42 for 30m", Said(verb=Verb.ACK, incident="I42", duration=HALF_AN_HOUR)),
        ("ack 42 30 min", Said(verb=Verb.ACK, incident="I42", duration=HALF_AN_HOUR)),
        ("ack for 30m", Said(verb=Verb.ACK, duration=HALF_AN_HOUR)),
        ("ack 30 minutes", Said(verb=Verb.ACK, duration=HALF_AN_HOUR)),
        ("unack 42", Said(verb=Verb.UNACK, incident="I42")),
        ("unacknowledge", Said(verb=Verb.UNACK)),
        ("resolve", Said(verb=Verb.RESOLVE)),
        ("resolve 42", Said(verb=Verb.RESOLVE, incident="I42")),
        ("resolve 42 because disk", Said(verb=Verb.RESOLVE, incident="I42", text="disk")),
        ("resolve 42 because: disk", Said(verb=Verb.RESOLVE, incident="I42", text="disk")),
        ("resolve 42 disk replaced", Said(verb=Verb.RESOLVE, incident="I42", text="disk replaced")),
        ("resolve the disk is new", Said(verb=Verb.RESOLVE, text="the disk is new")),
        ("escalate 42", Said(verb=Verb.ESCALATE, incident="I42")),
        ("escalate", Said(verb=Verb.ESCALATE)),
        ("snooze 42 30m", Said(verb=Verb.SNOOZE, incident="I42", duration=HALF_AN_HOUR)),
        ("snooze 42 for 30m", Said(verb=Verb.SNOOZE, incident="I42", duration=HALF_AN_HOUR)),
        ("snooze 30 min", Said(verb=Verb.SNOOZE, duration=HALF_AN_HOUR)),
        ("note 42 is the answer", Said(verb=Verb.NOTE, incident="I42", text="is the answer")),
        ('note "42 is the answer"', Said(verb=Verb.NOTE, text="42 is the answer")),
        ("note \u201c42 is the answer\u201d", Said(verb=Verb.NOTE, text="42 is the answer")),
        ("note I42: disk replaced", Said(verb=Verb.NOTE, incident="I42", text="disk replaced")),
        ("note on standby\nsince noon", Said(verb=Verb.NOTE, text="on standby\nsince noon")),
        ("declare Seoul is gone", Said(verb=Verb.DECLARE, text="Seoul is gone")),
        ("declare 3 nodes are gone", Said(verb=Verb.DECLARE, text="3 nodes are gone")),
        ("declare level 3 Seoul is gone", Said(verb=Verb.DECLARE, level=Level.SEVERE, text="Seoul is gone")),
        ("declare L4: Seoul\n is gone", Said(verb=Verb.DECLARE, level=Level.FATAL, text="Seoul is gone")),
        ("declare level crossing", Said(verb=Verb.DECLARE, text="level crossing")),
    ],
)
def test_a_command_is_read(typed, meant):
    assert said(typed) == meant


@pytest.mark.parametrize(
    "typed, incident, level, reason",
    [
        ("level 3 region is gone", "", 3, "region is gone"),
        ("level 3 because region is gone", "", 3, "region is gone"),
        ("level I42 3 why", "I42", 3, "why"),
        ("level 42 3 why", "I42", 3, "why"),
        ("level 42 L3 why", "I42", 3, "why"),
        ("level I3 2 why", "I3", 2, "why"),
        ("level #3 2 why", "I3", 2, "why"),
        ("level 3 12 nodes are gone", "", 3, "12 nodes are gone"),
        ("level 3 L2 why", "I3", 2, "why"),
        ("level L3 2 nodes are gone", "", 3, "2 nodes are gone"),
        ("level 3: why", "", 3, "why"),
        ("등급 42 3단계 리전 장애", "I42", 3, "리전 장애"),
        ("등급 3단계 사유: 리전 장애", "", 3, "리전 장애"),
    ],
)
def test_of_two_numbers_behind_level_the_first_is_the_incident_where_it_can_be(
    typed, incident, level, reason
):
    assert said(typed) == Said(verb=Verb.LEVEL, incident=incident, level=Level(level), text=reason)


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("목록", Said(verb=Verb.LIST)),
        ("도움말", Said(verb=Verb.HELP)),
        ("확인 42 30분", Said(verb=Verb.ACK, incident="I42", duration=HALF_AN_HOUR)),
        ("42 확인", Said(verb=Verb.ACK, incident="I42")),
        ("I42 확인 30분 동안", Said(verb=Verb.ACK, incident="I42", duration=HALF_AN_HOUR)),
        ("확인취소 42", Said(verb=Verb.UNACK, incident="I42")),
        ("확인 취소 42", Said(verb=Verb.UNACK, incident="I42")),
        ("42 확인 취소", Said(verb=Verb.UNACK, incident="I42")),
        ("해결 42 사유: 디스크 교체", Said(verb=Verb.RESOLVE, incident="I42", text="디스크 교체")),
        ("해결 42 사유 없음", Said(verb=Verb.RESOLVE, incident="I42", text="없음")),
        ("미루기 2시간", Said(verb=Verb.SNOOZE, duration=timedelta(hours=2))),
        ("메모 42 예비 리전으로 전환", Said(verb=Verb.NOTE, incident="I42", text="예비 리전으로 전환")),
        ("담당 42", Said(verb=Verb.WHO, incident="I42")),
        ("에스컬레이션 42", Said(verb=Verb.ESCALATE, incident="I42")),
        (
            "선언 3단계 서울 리전 장애",
            Said(verb=Verb.DECLARE, level=Level.SEVERE, text="서울 리전 장애"),
        ),
        (
            "선언 레벨 3 서울 리전 장애",
            Said(verb=Verb.DECLARE, level=Level.SEVERE, text="서울 리전 장애"),
        ),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_korean_is_as_good_and_so_is_a_keyboard_that_takes_it_apart(typed, meant, form):
    found = said(unicodedata.normalize(form, typed))
    assert isinstance(found, Said)
    assert unicodedata.normalize("NFC", found.text) == meant.text
    assert (found.verb, found.incident, found.duration, found.level) == (
        meant.verb,
        meant.incident,
        meant.duration,
        meant.level,
    )


@pytest.mark.parametrize(
    "typed, code, meant",
    [
        ("esclate 42", "verb", "/incident escalate 42"),
        ("acknowlege 42 for 30m", "verb", "/incident ack 42 for 30m"),
        ("학인 42", "verb", "/incident ack 42"),
        ("close 42", "verb", "/incident resolve 42"),
        ("silence 42 30m", "verb", "/incident snooze 42 30m"),
        ("종료 42", "verb", "/incident resolve 42"),
        ("Seoul is gone", "verb", ""),
        ("hello world", "verb", ""),
        ("ask him", "verb", ""),
        ("test", "verb", ""),
        ("hepl me", "verb", "/incident help"),
        ("lsit mine", "verb", "/incident list"),
        ("escalaet I42 now", "verb", "/incident escalate I42"),
        ("note42 x", "verb", ""),
        ("<!channel>", "verb", ""),
        ("42", "verb_missing", "/incident show I42"),
        ("42 Seoul", "verb", ""),
        ("list mine", "left_over", "/incident list"),
        ("escalate 42 43", "left_over", "/incident escalate I42"),
        ("who is it", "left_over", "/incident who"),
        ("snooze", "no_duration", ""),
        ("snooze 42", "no_duration", ""),
        ("snooze 42 30", "duration", "/incident snooze I42 for 30m"),
        ("snooze 42 for 30", "duration", "/incident snooze I42 for 30m"),
        ("snooze 42 0m", "duration", ""),
        ("snooze 42 for", "duration", ""),
        ("snooze 42 soon", "duration", ""),
        ("ack 42 for 30m please", "duration", "/incident ack I42 for 30m"),
        ("ack 42 1 hour please", "duration", "/incident ack I42 for 1h"),
        ("ack Seoul", "duration", ""),
        ("ack for 30m please I42", "duration", "/incident ack I42 for 30m"),
        ("ack for 30 I42", "duration", "/incident ack I42 for 30m"),
        ("ack for 30m on I42", "duration", "/incident ack I42 for 30m"),
        ("ack for 99x I42", "duration", ""),
        ("snooze 30m 42", "duration", ""),
        ("snooze 1h 30", "duration", ""),
        ("snooze I1 30m I2", "duration", ""),
        ("declare", "title", ""),
        ("declare level 3", "title", ""),
        ("declare level 5 Seoul", "level", ""),
        ("declare level 0 Seoul", "level", ""),
        ("note", "text", ""),
        ("note 42", "text", ""),
        ('note 42 ""', "text", ""),
        ("level", "no_level", ""),
        ("level I42 why", "no_level", ""),
        ("level up", "no_level", ""),
        ("level 3", "reason", ""),
        ("level 42 3", "reason", ""),
        ("level 42 3 because", "reason", ""),
        ("level 5 why", "level", ""),
        ("level 42 5 why", "level", ""),
        ("level 42", "level", ""),
        ("level 3 2 why", "level_or_incident", "/incident level I3 2 why"),
    ],
)
def test_what_cannot_be_read_is_asked_back_and_not_guessed(typed, code, meant):
    found = said(typed)
    assert isinstance(found, Unclear)
    assert (found.code, found.meant) == (f"commands.unclear.{code}", meant)
    assert found.meant == "" or not isinstance(said(found.meant.removeprefix("/incident ")), Unclear)


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("", Said(verb=Verb.ACK)),
        ("I42", Said(verb=Verb.ACK, incident="I42")),
        ("42 for 30m", Said(verb=Verb.ACK, incident="I42", duration=HALF_AN_HOUR)),
        ("42 30분", Said(verb=Verb.ACK, incident="I42", duration=HALF_AN_HOUR)),
        ("for 30m I42", Said(verb=Verb.ACK, incident="I42", duration=HALF_AN_HOUR)),
        ("for 99h i2", Said(verb=Verb.ACK, incident="I2", duration=timedelta(hours=99))),
        ("30분 #42", Said(verb=Verb.ACK, incident="I42", duration=HALF_AN_HOUR)),
        ("for I42 30m", Said(verb=Verb.ACK, incident="I42", duration=HALF_AN_HOUR)),
        ("30m", Said(verb=Verb.ACK, duration=HALF_AN_HOUR)),
        ("help", Said(verb=Verb.HELP)),
        ("도움말", Said(verb=Verb.HELP)),
    ],
)
def test_a_slash_command_may_be_the_verb_itself(typed, meant):
    assert said(typed, verb=Verb.ACK) == meant


def test_a_near_miss_of_ack_is_spelled_as_ack():
    found = said("42 30", verb=Verb.ACK)
    assert isinstance(found, Unclear)
    assert found.meant == "/ack I42 for 30m"


@pytest.mark.parametrize(
    "typed, minutes",
    [
        ("30m", 30),
        ("for 30m", 30),
        ("30 min", 30),
        ("30 Minutes", 30),
        ("1h30m", 90),
        ("1 hour 30 mins", 90),
        ("2hrs", 120),
        ("1d", 1440),
        ("90s", 1.5),
        ("30분", 30),
        ("30분간", 30),
        ("2시간", 120),
        ("1시간 30분 동안", 90),
        ("1일", 1440),
        ("\uff13\uff10분", 30),
    ],
)
def test_a_duration_is_read_as_people_write_it(typed, minutes):
    assert duration(typed) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "typed", ["", "30", "m", "0m", "-5m", "1.5h", "30m 1h", "999999999d", "for", "동안", "30x"]
)
def test_what_is_no_duration_is_none(typed):
    assert duration(typed) is None


@pytest.mark.parametrize(
    "typed, seen",
    [
        pytest.param("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d", id="escapes"),
        pytest.param("&amp;lt; &amp;gt;", "&lt; &gt;", id="an escape of an escape"),
        pytest.param("<@U123ABC> said", "@U123ABC said", id="a person"),
        pytest.param("<@U123ABC|rmr> said", "@rmr said", id="a person by name"),
        pytest.param("in <#C123ABC|ops>", "in #ops", id="a channel"),
        pytest.param("in <#C123ABC>", "in #C123ABC", id="a channel without name"),
        pytest.param("<!here> <!channel|channel>", "@here @channel", id="everybody"),
        pytest.param("<!subteam^S123|@oncall>", "@oncall", id="a group"),
        pytest.param("<!date^1392734382^{date}|noon>", "noon", id="a date"),
        pytest.param("<http://ops.example|ops.example>", "ops.example", id="an address as it was typed"),
        pytest.param("<https://ops.example/a>", "https://ops.example/a", id="a link"),
        pytest.param("<https://ops.example/a|this>", "this (https://ops.example/a)", id="a link under words"),
        pytest.param("<mailto:a@ops.example|a@ops.example>", "a@ops.example", id="mail"),
        pytest.param("a < b and c > d", "a < b and c > d", id="no markup"),
        pytest.param("a\u00a0b\u202fc\u3000d", "a b c d", id="odd spaces"),
        pytest.param("\u2018a\u2019 \u201cb\u201d \u00abc\u00bb", '\'a\' "b" "c"', id="odd quotes"),
        pytest.param("\u200ba\ufeff", "a", id="what is not seen"),
        pytest.param("a\x00\ud800", "a\ufffd\ufffd", id="what no database holds"),
    ],
)
def test_slacks_marks_are_undone(typed, seen):
    assert plain(typed) == seen


def test_a_long_text_is_cut_visibly():
    found = said("note " + "x" * 10_000)
    assert isinstance(found, Said)
    assert len(found.text) == TEXT_MOST
    assert found.text.endswith("…")
    assert len(brief("x" * 10_000)) == 40


def test_a_number_too_long_for_an_incident_is_none():
    assert said("show " + "9" * 5_000) == Unclear(
        code="commands.unclear.left_over", figures={"said": "9" * 79 + "…"}, meant="/incident show"
    )


def test_a_suggestion_is_never_a_word_of_its_own():
    assert not set(NEAR) & set(WORDS)
    assert set(WORDS.values()) == set(Verb)


UNCLEAR = [row[0] for row in test_what_cannot_be_read_is_asked_back_and_not_guessed.pytestmark[0].args[1]]


@pytest.mark.parametrize("locale", LOCALES)
def test_all_that_is_answered_has_words_and_the_figures_in_them(locale):
    known = {
        code: text
        for code, text in entries(locale).items()
        if code.startswith(("commands.unclear.", "commands.help."))
    }
    found = [answer for typed in UNCLEAR if isinstance(answer := said(typed), Unclear)]
    assert set(known) == {answer.code for answer in found} | set(HELP)
    for answer in found:
        assert figures(known[answer.code]) == set(answer.figures)


@pytest.mark.parametrize("locale", LOCALES)
def test_what_the_help_says_can_be_typed(locale):
    say = words(locale)
    for verb in Verb:
        shown = say(f"commands.help.{verb.value}").partition(": ")[0].partition(" (")[0]
        for typed in shown.split(", "):
            command, _, rest = typed.partition(" ")
            answer = said(rest, verb=Verb.ACK if command == "/ack" else None)
            assert isinstance(answer, Said)
            assert answer.verb is verb


PIECES = st.sampled_from(
    [
        *WORDS,
        *NEAR,
        "I42",
        "42",
        "3",
        "2",
        "level",
        "for",
        "30m",
        "30",
        "min",
        "because",
        "사유:",
        '"',
        "'",
        "<@U1>",
        ":",
    ]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=8).map(" ".join) | st.text(st.characters()))
def test_any_text_is_read_or_asked_back(text):
    for verb in (None, Verb.ACK):
        found = said(text, verb=verb)
        if isinstance(found, Unclear):
            assert all(words(locale).has(found.code) for locale in LOCALES)
            assert "\n" not in found.meant
            assert len(found.meant) <= 200
        else:
            assert found.verb is not Verb.SNOOZE or found.duration is not None
            assert found.verb is not Verb.LEVEL or (found.level is not None and found.text)
            assert found.verb not in (Verb.NOTE, Verb.DECLARE) or found.text
            assert found.duration is None or found.duration > timedelta(0)
            assert len(found.text) <= TEXT_MOST
            found.text.encode("utf-8")
