"""The catalogues are whole: in every language, compiled, with figures that can be filled in; and `words` reads them."""

from __future__ import annotations

import pytest

from responder.dialects.wording.words import LABELLED, LOCALES, read, words
from tests.dialects.catalogues import compiled, entries, faults, figures, sources

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'


def test_the_catalogues_have_no_fault():
    assert faults() == []


def test_every_locale_has_its_folder():
    assert {path.parent.name for path in sources()} == set(LOCALES)
    assert len(entries("en")) > 200


def entry(code: str, told: str) -> str:
    return f'\nmsgid "{code}"\nmsgstr "{told}"\n'


@pytest.fixture
def written(tmp_path):
    """Catalogues of one domain: written(en, ko) is compiled, and its faults are found."""

    def write(english: str, korean: str) -> list[str]:
        for locale, text in (("en", english), ("ko", korean)):
            path = tmp_path / locale / "messages.po"
            path.parent.mkdir(exist_ok=True)
            path.write_text(HEADER + text, encoding="utf-8")
            path.with_suffix(".mo").write_bytes(compiled(path))
        return faults(tmp_path)

    return write


GOOD = entry("a", "It is {what}")
GUT = entry("a", "내용: {what}")


def test_whole_catalogues_have_no_fault(written):
    assert written(GOOD, GUT) == []


@pytest.mark.parametrize(
    "english, korean, found",
    [
        pytest.param(GOOD, "", "ko a: missing", id="not in Korean"),
        pytest.param("", GUT, "en a: missing", id="not in English"),
        pytest.param(GOOD, entry("a", "내용"), "ko a: other figures than in English", id="a figure lost"),
        pytest.param(GOOD, entry("a", "Is {what}"), "ko/messages a: no Hangul", id="not translated"),
        pytest.param(
            GOOD,
            entry("a", "담당은 {what}는"),
            "ko/messages a: a particle glued to a figure: }는",
            id="glued",
        ),
        pytest.param(
            entry("command.cli.show", "show"),
            entry("command.cli.show", "보기"),
            "ko/messages command.cli.show: stands in WITHOUT_HANGUL and need not",
            id="no exception any more",
        ),
        pytest.param(GOOD + GOOD, GUT, "en a: 2 times", id="twice"),
        pytest.param(
            "\n#, fuzzy" + GOOD,
            GUT,
            "en/messages a: fuzzy, a plural or in a context; none of them is read",
            id="fuzzy",
        ),
        pytest.param(
            '\nmsgctxt "x"' + GOOD,
            GUT,
            "en/messages a: fuzzy, a plural or in a context; none of them is read",
            id="in a context",
        ),
        pytest.param(
            entry("b", ""), entry("b", "나"), "en/messages b: empty, or with spaces around it", id="empty"
        ),
        pytest.param(
            entry("b", " x"), entry("b", "나"), "en/messages b: empty, or with spaces around it", id="spaces"
        ),
        pytest.param(
            entry("b", "{x"),
            entry("b", "나 {x}"),
            "en/messages b: expected '}' before end of string",
            id="brace",
        ),
        pytest.param(
            entry("b", "{x.y}"),
            entry("b", "나 {x.y}"),
            "en/messages b: {x.y} is more than the name of a figure",
        ),
        pytest.param(
            entry("b", "{x:>9}"), entry("b", "나 {x}"), "en/messages b: {x} is more than the name of a figure"
        ),
        pytest.param(
            entry("b", "{}"), entry("b", "나 {}"), "en/messages b: {} is more than the name of a figure"
        ),
        pytest.param(
            GOOD + '\n#~ msgid "old"\n#~ msgstr "x"\n',
            GUT,
            "en/messages: entries that are commented out",
            id="commented out",
        ),
    ],
)
def test_each_fault_of_a_catalogue_is_found(written, english, korean, found):
    assert found in written(english, korean)


def test_what_was_not_compiled_again_is_found(written, tmp_path):
    written(GOOD, GUT)
    source, orphan = tmp_path / "en" / "messages.po", tmp_path / "ko" / "messages.po"
    source.write_text(HEADER + entry("a", "It was {what}"), encoding="utf-8")
    orphan.unlink()
    assert faults(tmp_path)[:2] == [
        "en/messages: its .mo is missing or an older one; run python -m tests.dialects.catalogues",
        "ko/messages: a .mo without its .po",
    ]


def test_what_was_never_compiled_is_found(written, tmp_path):
    written(GOOD, GUT)
    (tmp_path / "ko" / "messages.mo").unlink()
    assert faults(tmp_path) == [
        "ko/messages: its .mo is missing or an older one; run python -m tests.dialects.catalogues"
    ]


def test_equal_words_are_equal_bytes(tmp_path):
    path = tmp_path / "messages.po"
    path.write_text(HEADER + '"POT-Creation-Date: 2026-11-23 12:00+0000\\n"\n' + GOOD, encoding="utf-8")
    first = compiled(path)
    path.write_text("# a remark\n" + HEADER + '"Project-Id-Version: 2\\n"\n' + GOOD, encoding="utf-8")
    assert compiled(path) == first


# What `words` makes of them


@pytest.mark.parametrize("locale", LOCALES)
def test_every_entry_is_said_as_it_stands_in_its_language(locale):
    say = words(locale)
    assert say.locale == locale
    for code, told in entries(locale).items():
        assert say.has(code)
        assert say(code, **{name: f"{{{name}}}" for name in figures(told)}) == told


def test_what_a_language_lacks_is_said_in_english(written, tmp_path):
    written(GOOD + entry("b", "Both"), GUT)
    (tmp_path / "ko" / "notes.txt").touch()
    korean = read(tmp_path, "ko")
    assert (korean("a", what=1), korean("b"), korean("c")) == ("내용: 1", "Both", "c")
    assert korean.has("b")


@pytest.mark.parametrize(
    "locale, spoken",
    [("en", "en"), ("ko", "ko"), ("ko-KR", "ko"), ("ko_KR", "ko"), ("KO", "ko"), ("tlh", "en"), ("", "en")],
)
def test_a_language_that_we_do_not_speak_is_english(locale, spoken):
    assert words(locale).locale == spoken
    assert words(locale) is words(spoken)


def test_a_figure_that_is_missing_shows():
    assert words("en")("line.has_it", holder="CTO") == "Who has it: CTO, since ?, until ?"


def test_figures_may_be_called_anything_and_are_no_templates():
    assert words("en")(
        "why.incident.level_set", **{"from": "{by}", "level": 3, "self": 1, "code": 2, "by": "x"}
    ) == ("x set the level from {by} to 3")


@pytest.mark.parametrize("code", ["future.code", "", "{level}", "Content-Type"])
@pytest.mark.parametrize("locale", LOCALES)
def test_a_code_without_words_is_said_as_it_is(locale, code):
    assert not words(locale).has(code)
    assert words(locale)(code, level=1) == code


@pytest.mark.parametrize(
    "locale, some",
    [
        ("en", {"Level", "Where", "Who has it", "Since", "Next", "Runbook", "Acknowledge"}),
        ("ko", {"등급", "위치", "담당", "발생", "다음", "런북", "확인 방법"}),
    ],
)
def test_the_labels_of_lines_are_known(locale, some):
    labels = words(locale).labels
    assert some < labels
    assert len(labels) == len(LABELLED)


@pytest.mark.parametrize("locale", LOCALES)
def test_lines_that_begin_alike_have_one_label(locale):
    told = entries(locale)
    for one, others in {
        "line.nobody": ("line.has_it", "line.snoozed"),
        "line.since": ("line.since_until",),
    }.items():
        assert {told[code].partition(": ")[0] for code in (one, *others)} <= words(locale).labels


@pytest.mark.parametrize("locale", LOCALES)
def test_a_label_holds_no_figure(locale):
    assert not [label for label in words(locale).labels if "{" in label or len(label) > 20]
