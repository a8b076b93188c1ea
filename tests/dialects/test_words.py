"""The catalogue: every code has its words, and no word is there for a code that is none."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

import responder.core.machines
from responder.core.decision import AlarmKind, NoticeReason, PageReason
from responder.core.level import Level
from responder.core.machines.escalation import EarlyWhy
from responder.dialects.wording import alarm_title, english, explain_why
from tests.house.tree import ROOT

SEOUL = ZoneInfo("Asia/Seoul")


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


def test_every_code_has_its_words_and_every_word_a_code():
    assert set(english.WHY) == {*machine_codes(), *command_codes()}


@pytest.mark.parametrize(
    "table, codes",
    [
        pytest.param(english.PAGE, PageReason, id="why one is paged"),
        pytest.param(english.PAGE_SHORT, PageReason, id="why one is paged, short"),
        pytest.param(english.NOTICE, NoticeReason, id="what happened"),
        pytest.param(english.NOTICE_SHORT, NoticeReason, id="what happened, short"),
        pytest.param(english.EARLY, EarlyWhy, id="early moves"),
        pytest.param(english.ALARM, AlarmKind, id="alarms"),
        pytest.param(english.LEVEL_NAME, Level, id="levels"),
    ],
)
def test_a_table_has_all_its_codes(table, codes):
    assert set(table) == set(codes)


def test_all_words_can_be_filled_in():
    tables = [table for name, table in vars(english).items() if name.isupper() and isinstance(table, dict)]
    assert len(tables) > 8
    for table in tables:
        for words in table.values():
            assert words.strip() == words
            assert words
            list(Formatter().parse(words))  # raises for an unbalanced brace


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
