"""The catalogue: every code has its words, and no word is there for a code that is none."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from zoneinfo import ZoneInfo

import pytest

import responder.core.machines
from responder.core.decision import AlarmKind, NoticeReason, PageReason
from responder.core.level import Level
from responder.core.machines.escalation import EarlyWhy
from responder.dialects.wording import alarm_title, explain_why
from tests.dialects.catalogues import entries
from tests.house.tree import ROOT

SEOUL = ZoneInfo("Asia/Seoul")
WORDING = ROOT / "responder" / "dialects" / "wording"
MESSAGES = entries("en", domain="messages")


def machine_codes() -> Iterator[str]:
    """The `Why` of every machine, whichever there are."""
    for found in pkgutil.iter_modules(responder.core.machines.__path__):
        why = import_module(f"responder.core.machines.{found.name}").Why
        assert issubclass(why, StrEnum)
        yield from (code.value for code in why)


def command_codes() -> Iterator[str]:
    """The codes that the engine answers a command with, beside those of the machines."""
    parsed = ast.parse((ROOT / "responder" / "engine" / "commands.py").read_text(encoding="utf-8"))
    for node in ast.walk(parsed):
        if isinstance(node, ast.Constant) and re.fullmatch(r"command\.[a-z_]+", str(node.value)):
            yield str(node.value)


def table(name: str) -> set[str]:
    """The codes of one table, without its name."""
    return {code.removeprefix(f"{name}.") for code in MESSAGES if code.startswith(f"{name}.")}


def test_every_why_has_its_words_and_every_word_a_why():
    assert table("why") == {*machine_codes(), *command_codes()}


@pytest.mark.parametrize(
    "name, codes",
    [
        pytest.param("page", {*PageReason, "at_once"}, id="why one is paged"),
        pytest.param("page_short", {*PageReason}, id="why one is paged, short"),
        pytest.param("notice", {*NoticeReason}, id="what happened"),
        pytest.param("notice_short", {*NoticeReason}, id="what happened, short"),
        pytest.param(
            "story",
            {*NoticeReason, "resolved_by"} - {NoticeReason.OPENED, NoticeReason.INFO},
            id="what happened, as a sentence",
        ),
        pytest.param("early", {*EarlyWhy}, id="early moves"),
        pytest.param("alarm", {*AlarmKind}, id="alarms"),
        pytest.param("level", {str(int(level)) for level in Level}, id="levels"),
        pytest.param("command.cli", {"acknowledge", "show", "sent", "waive"}, id="commands"),
        pytest.param("command.slash", {"acknowledge", "show"}, id="slash commands"),
        pytest.param("span", {"d", "h", "m", "s", "two"}, id="spans"),
    ],
)
def test_a_table_has_all_its_codes(name, codes):
    assert table(name) == codes


@pytest.mark.parametrize("name", ["line", "next", "join", "mark", "name"])
def test_a_word_is_said_somewhere(name):
    sources = (path for path in WORDING.glob("*.py") if path.name != "words.py")
    said = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert table(name)
    assert [
        code for code in table(name) if f'{name}.{code}"' not in said and f"{name}.{code}'" not in said
    ] == []


def test_there_are_no_other_words():
    tables = "why page page_short notice notice_short story early alarm level command span line next join mark name"
    assert {code.partition(".")[0] for code in MESSAGES} == {*tables.split(), "refused"}


def test_every_refusal_has_words_and_every_such_word_is_said():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "responder").rglob("*.py")]
    raised = {code for source in sources for code in re.findall(r'refusal\(\s*\w+,\s*"(\w+)"', source)}
    commands = (ROOT / "responder" / "engine" / "commands.py").read_text(encoding="utf-8")
    needed = {f"needs_{what}" for what in re.findall(r'_text\([\w.]+, "(\w+)"\)', commands)}
    assert raised | needed == table("refused")


@pytest.mark.parametrize(
    "code, details, told",
    [
        ("incident.opened", {"rule": "region", "level": "3"}, "opened by rule region at level 3"),
        ("escalation.step_due", {"step": "2"}, "step 3 came due: its people are paged"),
        (
            "escalation.acknowledged",
            {"by": "cto", "until": "2026-11-23T13:00:00+00:00"},
            "cto acknowledged until 2026-11-23 22:00 KST",
        ),
        (
            "escalation.step_early",
            {"because": "nobody", "step": "0"},
            "step 1 moved early, because there was nobody to page",
        ),
        (
            "page.asked",
            {"contact": "cto", "reason": "repeat"},
            "cto is to be paged: nobody answered the last step",
        ),
        (
            "notice.wanted",
            {"channel": "slack", "reason": "repeat"},
            "to be shown on slack: repeat",
        ),
        ("notice.wanted", {"channel": "slack", "reason": "opened"}, "to be shown on slack: it opened"),
        (
            "duty.sent",
            {"by": "cto", "duty": "media", "proof": "a\nb"},
            "cto says that media was sent; proof: a b",
        ),
        ("incident.opened", {"level": "3"}, "opened by rule ? at level 3"),
        ("incident.level_set", {"from": "2", "level": "3", "by": "cto"}, "cto set the level from 2 to 3"),
        ("heartbeat.missed", {"last": "long ago"}, "no beat since long ago"),
        (
            "escalation.early_wanted",
            {"because": "{by.__class__}"},
            "the next page moves here, because {by.__class__}",
        ),
        ("future.code", {}, "future.code"),
        ("future.code", {"a": "1", "b": "x\x1b"}, "future.code (a=1, b=x\\x1b)"),
        ("command.repeated", {"template": "x"}, "the same command again: it had been done"),
    ],
)
def test_a_code_with_its_figures_is_a_sentence(code, details, told):
    assert explain_why(code, details, SEOUL) == told


def test_an_alarm_says_what_it_is_about():
    assert alarm_title(AlarmKind.CHANNEL, "sms\n") == "channel sms does not take our messages"


@pytest.mark.parametrize(
    "code, details, told",
    [
        ("incident.opened", {"rule": "region", "level": "3"}, "규칙 region: 등급 3 장애 발생"),
        (
            "escalation.acknowledged",
            {"by": "cto", "until": "2026-11-23T13:00:00+00:00"},
            "확인: cto, 만료 2026-11-23 22:00 KST",
        ),
        (
            "escalation.step_early",
            {"because": "nobody", "step": "0"},
            "1단계를 앞당김, 이유: 호출할 사람이 없음",
        ),
        (
            "page.asked",
            {"contact": "cto", "reason": "repeat"},
            "호출 예정: cto, 이유: 지난 단계에 아무도 응답하지 않음",
        ),
        ("notice.wanted", {"channel": "slack", "reason": "opened"}, "게시 예정 채널 slack: 장애 발생"),
        ("future.code", {"a": "1"}, "future.code (a=1)"),
    ],
)
def test_a_code_is_a_sentence_in_the_readers_language(code, details, told):
    assert explain_why(code, details, SEOUL, "ko") == told


def test_who_acknowledged_in_anothers_name_is_told():
    details = {"stranger": "kim (U1)", "by": "cto", "until": "2026-11-23T13:00:00+00:00"}
    assert explain_why("escalation.acknowledged_by_stranger", details) == (
        "kim (U1), who is no contact, acknowledged in the name of cto until 2026-11-23 13:00 UTC"
    )


def test_an_alarm_says_what_it_is_about_in_the_readers_language():
    assert alarm_title(AlarmKind.CHANNEL, "sms\n", "ko") == "채널 sms 메시지 전송 실패"
