"""Strangers' text in one line."""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.dialects.visible import cut, safe_url, visible

# Allowed among the format characters: the joiners that scripts and emoji are written with, and marks that are seen.
SEEN = {"\u200c", "\u200d"}


@pytest.mark.parametrize(
    "text, seen",
    [
        pytest.param("Seoul is gone", "Seoul is gone", id="plain"),
        pytest.param("서울 리전 장애 🔥", "서울 리전 장애 🔥", id="Korean and an emoji"),
        pytest.param("a\r\nb\n\n c\td", "a b c d", id="ends of lines and tabs"),
        pytest.param("a\u2028b\u2029c\x85d\x0be", "a b c d e", id="other ends of lines"),
        pytest.param("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m", id="colours of a terminal"),
        pytest.param("\x1b]0;title\x07", "\\x1b]0;title\\x07", id="a terminal's title"),
        pytest.param("a\x00b\x9bc\x7f", "a\\x00b\\x9bc\\x7f", id="NUL, C1 and DEL"),
        pytest.param("\u202egnp.exe", "\\u202egnp.exe", id="right to left"),
        pytest.param("a\u2066b\u2069\u200f", "a\\u2066b\\u2069\\u200f", id="isolates and marks"),
        pytest.param("a\u200bb\ufeffc\xadd", "a\\u200bb\\ufeffc\\xadd", id="without width"),
        pytest.param("a\ud800", "a\\ud800", id="a lone surrogate"),
        pytest.param("a\U000e0041", "a\\U000e0041", id="a tag"),
        pytest.param("  a  ", "a", id="spaces around"),
        pytest.param("<!channel> *x* @here", "<!channel> *x* @here", id="markup is the medium's"),
    ],
)
def test_what_would_mislead_a_reader_is_shown(text, seen):
    assert visible(text) == seen


def test_what_is_cut_off_is_seen_to_be():
    assert visible("x" * 1_000_000, 10) == "xxxxxxxxx…"
    assert visible("\x00" * 10, 10) == "\\x00\\x00\\…"
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
    assert cut("abcd", 0) == "…"


@given(st.text(st.characters()), st.integers(1, 50))
def test_any_text_becomes_one_line_that_can_be_printed(text, most):
    seen = visible(text, most)
    assert len(seen) <= most
    assert seen.encode("utf-8").decode() == seen
    assert not [c for c in seen if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [
        c for c in seen if unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI")
    ]


@pytest.mark.parametrize(
    "text, url",
    [
        ("https://runbooks.example/disk", "https://runbooks.example/disk"),
        (
            "http://vm:9090/graph?g0.expr=a+%3E+0.9&g0.tab=1#x",
            "http://vm:9090/graph?g0.expr=a+%3E+0.9&g0.tab=1#x",
        ),
        ("http://[::1]:9090/", "http://[::1]:9090/"),
        ("https://runbooks.example/디스크", "https://runbooks.example/%EB%94%94%EC%8A%A4%ED%81%AC"),
        (" https://runbooks.example/a b ", "https://runbooks.example/a%20b"),
        ('https://runbooks.example/"><b>', "https://runbooks.example/%22%3E%3Cb%3E"),
        ("javascript:alert(1)", ""),
        ("JavaScript://runbooks.example/%0aalert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("//runbooks.example/", ""),
        ("runbooks.example/disk", ""),
        ("http://", ""),
        ("http://a:b:c/", ""),
        ("http://[::1/", ""),
        ("http://runbooks.example:99999/", ""),
        ("http://runbooks.example/\nx", ""),
        ("http://runbooks.example/\u202e", ""),
        ("http://runbooks.example/" + "x" * 3000, ""),
        ("", ""),
    ],
)
def test_a_link_is_http_and_fit_to_be_put_anywhere_or_it_is_none(text, url):
    assert safe_url(text) == url


@given(st.text() | st.text().map(lambda text: f"https://{text}"))
def test_any_text_is_a_link_or_none(text):
    if url := safe_url(text):
        assert url.isascii()
        assert not set(url) & set(' "<>\\^`{|}\n\r\t')
        assert urlsplit(url).scheme in ("http", "https")
