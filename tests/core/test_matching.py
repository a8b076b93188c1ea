"""Matchers mean here what they mean in Alertmanager: its documented cases, and its own binary where it is installed."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.core.matching import (
    BadMatcher,
    Matcher,
    Mode,
    Operator,
    matches_all,
    parse_all,
    parse_matchers,
)

EQ, NE, RE, NR = Operator.EQUAL, Operator.NOT_EQUAL, Operator.REGEX, Operator.NOT_REGEX


def read(text: str, mode: Mode) -> list[tuple[str, str, str]] | None:
    """Name, operator and value of each matcher; None where the text is refused."""
    try:
        return [(each.name, each.operator.value, each.value) for each in parse_matchers(text, mode)]
    except BadMatcher:
        return None


# Both parsers agree on these.
SAME = {
    "equal": ('foo="bar"', [("foo", "=", "bar")]),
    "not equal": ('foo!="bar"', [("foo", "!=", "bar")]),
    "regex": ('foo=~"bar.*"', [("foo", "=~", "bar.*")]),
    "not regex": ('foo!~"bar.*"', [("foo", "!~", "bar.*")]),
    "bare value": ("foo=bar", [("foo", "=", "bar")]),
    "bare regex": ("{foo=~bar.*}", [("foo", "=~", "bar.*")]),
    "braces": ('{foo="bar"}', [("foo", "=", "bar")]),
    "a list": ('{foo="bar", baz!="quux"}', [("foo", "=", "bar"), ("baz", "!=", "quux")]),
    "a list without braces": ("foo=bar,dings!=bums", [("foo", "=", "bar"), ("dings", "!=", "bums")]),
    "a trailing comma": ('{foo = "bar", dings != "bums", }', [("foo", "=", "bar"), ("dings", "!=", "bums")]),
    "a comma in quotes": ('{foo="bar,quux", job="job1"}', [("foo", "=", "bar,quux"), ("job", "=", "job1")]),
    "a brace in quotes": ('foo="}"', [("foo", "=", "}")]),
    "an escaped quote": ('foo="a\\"b"', [("foo", "=", 'a"b')]),
    "an escaped backslash": ('foo="a\\\\b"', [("foo", "=", "a\\b")]),
    "an escaped line break": ('foo="a\\nb"', [("foo", "=", "a\nb")]),
    "an empty value in quotes": ('{foo=""}', [("foo", "=", "")]),
    "no matcher": ("{}", []),
    "no text": ("", []),
    "a colon in the name": ("a:b=c", [("a:b", "=", "c")]),
    "text that is not ASCII": ('서버="심각"', None),
    "an unterminated quote": ('job="value', None),
    "a stray quote": ('job=value"', None),
    "only a comma": ("{,}", None),
    "no operator": ("foo!bar", None),
    "no name": ('="x"', None),
    "a bad expression": ('{foo=~"invalid[regexp"}', None),
    "an expression with look-ahead": ('foo=~"(?=x)"', None),
}
SAME_PARAMS = [
    pytest.param(*case, id=name) for name, case in SAME.items() if name != "text that is not ASCII"
]

# What each mode makes of a text on which they differ: classic, utf8, fallback.
DIFFERENT = {
    "an empty bare value": ("job=", [("job", "=", "")], None, [("job", "=", "")]),
    "an empty bare value in a list": (
        "{foo=,bar=}}",
        [("foo", "=", ""), ("bar", "=", "}")],
        None,
        [("foo", "=", ""), ("bar", "=", "}")],
    ),
    "only an opening brace": ("{foo=bar", [("foo", "=", "bar")], None, [("foo", "=", "bar")]),
    "only a closing brace": ("foo=bar}", [("foo", "=", "bar")], None, [("foo", "=", "bar")]),
    "a bare single quote": ("{foo='}", [("foo", "=", "'")], None, [("foo", "=", "'")]),
    "a bare escape": ("foo=bar\\n", [("foo", "=", "bar\n")], None, [("foo", "=", "bar\n")]),
    "an escape that is none": ('foo="a\\db"', [("foo", "=", "a\\db")], None, [("foo", "=", "a\\db")]),
    "a bare backslash at the end": ("foo=bar\\", [("foo", "=", "bar\\")], None, [("foo", "=", "bar\\")]),
    "operators in a bare value": ("tricky=~~~", [("tricky", "=~", "~~")], None, [("tricky", "=~", "~~")]),
    "a bare space": ("foo=a b", [("foo", "=", "a b")], None, [("foo", "=", "a b")]),
    "a line break in quotes": ('foo="a\nb"', [("foo", "=", "a\nb")], None, [("foo", "=", "a\nb")]),
    "a dash in the name": ("a-b=c", None, [("a-b", "=", "c")], [("a-b", "=", "c")]),
    "a quoted name": ('"foo bar"="x"', None, [("foo bar", "=", "x")], [("foo bar", "=", "x")]),
    "a name that is not ASCII": ('서버="심각"', None, [("서버", "=", "심각")], [("서버", "=", "심각")]),
    "an emoji in the name": ("foo🙂=bar", None, [("foo🙂", "=", "bar")], [("foo🙂", "=", "bar")]),
    "bytes by escapes: they disagree, classic wins": (
        'foo="\\xf0\\x9f\\x99\\x82"',
        [("foo", "=", "\\xf0\\x9f\\x99\\x82")],
        [("foo", "=", "🙂")],
        [("foo", "=", "\\xf0\\x9f\\x99\\x82")],
    ),
    "a tab by its escape: they disagree, classic wins": (
        'foo="a\\tb"',
        [("foo", "=", "a\\tb")],
        [("foo", "=", "a\tb")],
        [("foo", "=", "a\\tb")],
    ),
    "bytes that are no UTF-8": ('foo="\\xff"', [("foo", "=", "\\xff")], None, [("foo", "=", "\\xff")]),
}


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("text, expected", SAME_PARAMS)
def test_every_mode_reads_what_both_parsers_agree_on(mode, text, expected):
    assert read(text, mode) == expected


@pytest.mark.parametrize(
    "text, classic, utf8, fallback", [pytest.param(*case, id=name) for name, case in DIFFERENT.items()]
)
def test_the_modes_differ_as_alertmanagers_do(text, classic, utf8, fallback):
    assert [read(text, mode) for mode in (Mode.CLASSIC, Mode.UTF8, Mode.FALLBACK)] == [
        classic,
        utf8,
        fallback,
    ]


@pytest.mark.parametrize(
    "escape, meant",
    [
        (r"\a\b\f\r\t\v", "\a\b\f\r\t\v"),
        (r"\101", "A"),
        (r"\x41", "A"),
        (r"\u00e9", "é"),
        (r"\U0001F642", "🙂"),
        (r"\ud800", None),
        (r"\U00110000", None),
        (r"\400", None),
        (r"\'", None),
        (r"\x4", None),
    ],
    ids=repr,
)
def test_utf8_unquotes_as_go_does(escape, meant):
    found = read(f'foo="{escape}"', Mode.UTF8)
    assert found == (None if meant is None else [("foo", "=", meant)])


@pytest.mark.parametrize(
    "matcher, labels, expected",
    [
        (Matcher("a", EQ, "x"), {"a": "x"}, True),
        (Matcher("a", EQ, "x"), {"a": "xx"}, False),
        (Matcher("a", EQ, ""), {}, True),
        (Matcher("a", NE, "x"), {}, True),
        (Matcher("a", NE, ""), {}, False),
        (Matcher("a", RE, "x|y"), {"a": "y"}, True),
        (Matcher("a", RE, "x|y"), {"a": "xy"}, False),
        (Matcher("a", RE, "x"), {"a": "x\n"}, False),
        (Matcher("a", RE, ".*"), {}, True),
        (Matcher("a", RE, ".+"), {}, False),
        (Matcher("a", RE, ".*"), {"a": "two\nlines"}, False),
        (Matcher("a", RE, "(?i)HIGH"), {"a": "high"}, True),
        (Matcher("a", RE, "심."), {"a": "심각"}, True),
        (Matcher("a", RE, "."), {"a": "\ud800"}, True),
        (Matcher("a", RE, "[1-4]"), {"a": "٣"}, False),
        (Matcher("a", NR, "x.*"), {"a": "xy"}, False),
        (Matcher("a", NR, "x.*"), {}, True),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_matcher_looks_at_the_whole_value_and_a_missing_label_is_empty(matcher, labels, expected):
    assert matcher.matches(labels) is expected


def test_all_matchers_of_a_list_must_hold():
    matchers = parse_all(['a="1", b="2"', 'c!="3"'], Mode.FALLBACK)
    assert matches_all(matchers, {"a": "1", "b": "2"})
    assert not matches_all(matchers, {"a": "1", "b": "2", "c": "3"})
    assert not matches_all(matchers, {"a": "1"})
    assert matches_all((), {})


@pytest.mark.parametrize("mode", Mode)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_no_text_breaks_a_parser(mode, text):
    read(text, mode)


@given(st.from_regex(r"[a-z_]+", fullmatch=True), st.sampled_from(Operator), st.text(max_size=30))
def test_what_a_matcher_prints_is_read_as_the_same_matcher(name, operator, value):
    try:
        matcher = Matcher(name, operator, value)
    except BadMatcher:
        return
    assert parse_matchers(str(matcher), Mode.CLASSIC) == (matcher,)


ROUTE = """
route:
  receiver: other
  routes:
    - receiver: matched
      matchers: [{matcher}]
receivers: [{{name: other}}, {{name: matched}}]
"""


def amtool(tmp_path, matcher: str, labels: dict[str, str]) -> bool | None:
    """Whether Alertmanager routes an alert by the matcher; None where it refuses the matcher."""
    config = tmp_path / "alertmanager.yml"
    quoted = "'" + matcher.replace("'", "''") + "'"
    config.write_text(ROUTE.format(matcher=quoted), encoding="utf-8")
    written = [f'{name}="{value}"' for name, value in labels.items()]
    command = ["amtool", "config", "routes", "test", f"--config.file={config}", *written]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() == "matched" if result.returncode == 0 else None


@pytest.mark.servers
@pytest.mark.parametrize("labels", [{"foo": "bar"}, {"foo": "bar,quux"}, {"job": "x", "foo": ""}], ids=str)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(case[0], id=name)
        for name, case in {**SAME, **DIFFERENT}.items()
        # An empty `job=` panics there; a matcher list cannot hold what YAML or the command line cannot.
        if name
        not in ("no text", "an empty bare value", "an empty bare value in a list", "a line break in quotes")
    ],
)
def test_classic_is_what_alertmanager_does(tmp_path, text, labels):
    """Alertmanager 0.25 has only the classic parser; 0.27 and later have the others, whose cases are above."""
    found = read(text, Mode.CLASSIC)
    ours = None if found is None else matches_all(parse_matchers(text, Mode.CLASSIC), labels)
    assert ours == amtool(tmp_path, text, labels)
