"""Alertmanager's matcher language: one or more of `a="b"`, `a!="b"`, `a=~"re"`, `a!~"re"`, anchored RE2, in its modes.

Both parsers follow Alertmanager's own sources (pkg/labels/parse.go for classic, matcher/parse for UTF-8, and
matcher/compat for how they combine; read November 2026), down to what they tolerate, so that a matcher copied from a
route or a silence means here what it means there. A label that an alert lacks is the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import re2


class Mode(StrEnum):
    """Which of Alertmanager's parsers reads a matcher."""

    CLASSIC = "classic"  # the only one before Alertmanager 0.27
    UTF8 = "utf8"  # stricter about quotes; label names may be any text
    FALLBACK = (
        "fallback"  # utf8 where it can read the text and classic does not read it differently, else classic
    )


class Operator(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


class BadMatcher(ValueError):
    """The text is no matcher; the message says where it stops being one."""


class _Pattern(Protocol):
    def search(self, text: bytes) -> object | None: ...


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label. Raises BadMatcher for an expression that RE2 refuses."""

    name: str
    operator: Operator
    value: str
    _pattern: _Pattern | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wanted = self.operator in (Operator.REGEX, Operator.NOT_REGEX)
        object.__setattr__(self, "_pattern", _compiled(self.value) if wanted else None)

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        return f'{self.name}{self.operator}"{escaped}"'

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.name, "")
        match self.operator:
            case Operator.EQUAL:
                return value == self.value
            case Operator.NOT_EQUAL:
                return value != self.value
            case Operator.REGEX:
                return self._searches(value)
            case Operator.NOT_REGEX:
                return not self._searches(value)

    def _searches(self, value: str) -> bool:
        assert self._pattern is not None
        return self._pattern.search(_utf8(value)) is not None


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether every one of them holds; none at all match everything."""
    return all(matcher.matches(labels) for matcher in matchers)


def parse_matchers(text: str, mode: Mode = Mode.FALLBACK) -> tuple[Matcher, ...]:
    """The matchers of `{a="b", c=~"d"}`, with or without braces. Raises BadMatcher."""
    match mode:
        case Mode.CLASSIC:
            return _parse_classic(text)
        case Mode.UTF8:
            return _Utf8Parser(text).parse()
        case Mode.FALLBACK:
            return _parse_fallback(text)


def parse_all(texts: Iterable[str], mode: Mode) -> tuple[Matcher, ...]:
    """All matchers of a `match` list, each text one or more. Raises BadMatcher."""
    return tuple(matcher for text in texts for matcher in parse_matchers(text, mode))


def _parse_fallback(text: str) -> tuple[Matcher, ...]:
    try:
        new = _Utf8Parser(text).parse()
    except BadMatcher:
        return _parse_classic(text)
    try:
        classic = _parse_classic(text)
    except BadMatcher:
        return new
    return classic


def _compiled(value: str) -> _Pattern:
    options = re2.Options()
    options.log_errors = False
    try:
        pattern: _Pattern = re2.compile(b"^(?:" + _utf8(value) + b")$", options)
    except re2.error as refused:
        said = refused.args[0] if refused.args else "unreadable"
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise BadMatcher(f"the expression {value!r} is refused by RE2: {words}") from refused
    return pattern


def _utf8(text: str) -> bytes:
    """As Go holds it: a lone surrogate, which JSON can smuggle in, is the replacement character."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


# The classic parser, after pkg/labels

_GO_SPACE = r"[\t\n\f\r ]*"
_CLASSIC = re.compile(
    rf"{_GO_SPACE}([a-zA-Z_:][a-zA-Z0-9_:]*){_GO_SPACE}(=~|=|!=|!~){_GO_SPACE}(.*?){_GO_SPACE}", re.DOTALL
)


def _parse_classic(text: str) -> tuple[Matcher, ...]:
    return tuple(_classic_matcher(part) for part in _split_classic(text.removeprefix("{").removesuffix("}")))


def _split_classic(text: str) -> Iterator[str]:
    """The parts between commas that stand outside quotes; an empty last part does not count."""
    quoted = escaped = False
    part = ""
    for char in text:
        if char == "," and not quoted:
            yield part
            part = ""
            continue
        if char == '"':
            quoted ^= not escaped
            escaped = False
        elif char == "\\":
            escaped = not escaped
        elif char != ",":
            escaped = False
        part += char
    if _strip_go(part):
        yield _strip_go(part)


def _classic_matcher(text: str) -> Matcher:
    found = _CLASSIC.fullmatch(text)
    if found is None:
        raise BadMatcher(f'{text!r} is no matcher; write it like severity="critical"')
    name, operator, raw = found.groups()
    return Matcher(name, Operator(operator), _unquote_classic(raw))


def _unquote_classic(raw: str) -> str:
    opened = raw.startswith('"')
    body = raw.removeprefix('"')
    value = ""
    escaped = False
    for index, char in enumerate(body):
        is_last = index == len(body) - 1
        if escaped:
            escaped = False
            value += {"n": "\n", '"': '"', "\\": "\\"}.get(char, f"\\{char}")
        elif char == "\\" and not is_last:
            escaped = True
        elif char == '"':
            if not (opened and is_last):
                raise BadMatcher(f"{raw!r} contains a double quote that is not escaped")
            opened = False
        else:
            value += char
    if opened:
        raise BadMatcher(f"{raw!r} lacks its closing double quote")
    return value


# The UTF-8 parser, after matcher/parse

_RESERVED = frozenset("{}!=~,\\\"'`")
_SIMPLE_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
}
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"])|([0-3][0-7]{2})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"
)


def _is_space(char: str) -> bool:
    """Go's unicode.IsSpace, which does not count the four information separators."""
    return char.isspace() and not "\x1c" <= char <= "\x1f"


def _strip_go(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_space(text[start]):
        start += 1
    while end > start and _is_space(text[end - 1]):
        end -= 1
    return text[start:end]


class _Utf8Parser:
    """One pass over the text, looking one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parse(self) -> tuple[Matcher, ...]:
        braced = self._accept("{")
        matchers: list[Matcher] = []
        while not self._is_over() and self._peek() != "}":
            matchers.append(self._matcher())
            if self._is_over() or self._peek() == "}":
                break
            self._expect(",", "a comma or a closing brace")
        if braced:
            self._expect("}", "a closing brace")
        if not self._is_over():
            raise self._wrong("the end")
        return tuple(matchers)

    def _matcher(self) -> Matcher:
        name = self._word("a label name")
        operator = self._operator()
        return Matcher(name, operator, self._word("a value"))

    def _operator(self) -> Operator:
        self._skip_space()
        for operator in (Operator.REGEX, Operator.NOT_REGEX, Operator.NOT_EQUAL, Operator.EQUAL):
            if self._text.startswith(operator, self._at):
                self._at += len(operator)
                return operator
        raise self._wrong("one of = != =~ !~")

    def _word(self, wanted: str) -> str:
        if self._is_over():
            raise self._wrong(wanted)
        if self._peek() == '"':
            return self._quoted()
        start = self._at
        while self._at < len(self._text) and not self._is_reserved(self._text[self._at]):
            self._at += 1
        if self._at == start:
            raise self._wrong(wanted)
        return self._text[start : self._at]

    def _quoted(self) -> str:
        start = self._at + 1
        end = start
        while end < len(self._text) and self._text[end] != '"':
            end += 2 if self._text[end] == "\\" else 1
        if end >= len(self._text):
            raise BadMatcher(f"{self._text[self._at :]!r} lacks its closing double quote")
        self._at = end + 1
        return _unquote_go(self._text[start:end])

    def _accept(self, char: str) -> bool:
        found = not self._is_over() and self._peek() == char
        self._at += found
        return found

    def _expect(self, char: str, wanted: str) -> None:
        if not self._accept(char):
            raise self._wrong(wanted)

    def _peek(self) -> str:
        return self._text[self._at]

    def _is_over(self) -> bool:
        self._skip_space()
        return self._at >= len(self._text)

    def _skip_space(self) -> None:
        while self._at < len(self._text) and _is_space(self._text[self._at]):
            self._at += 1

    def _is_reserved(self, char: str) -> bool:
        return char in _RESERVED or _is_space(char)

    def _wrong(self, wanted: str) -> BadMatcher:
        rest = self._text[self._at :]
        return BadMatcher(f"{self._text!r} has {rest[:20]!r} where {wanted} belongs")


def _unquote_go(body: str) -> str:
    """What stands between double quotes, by the rules of Go's strconv.Unquote."""
    out = bytearray()
    at = 0
    while at < len(body):
        if body[at] == "\n":
            raise BadMatcher(f"{body!r} has a line break in its quotes; write \\n")
        if body[at] != "\\":
            out += _utf8(body[at])
            at += 1
            continue
        found = _ESCAPE.match(body, at)
        if found is None:
            raise BadMatcher(f"{body!r} has an escape that is none; a backslash itself is written \\\\")
        out += _unescaped(found)
        at = found.end()
    try:
        return out.decode()
    except UnicodeDecodeError as broken:
        raise BadMatcher(f"{body!r} is not UTF-8") from broken


def _unescaped(found: re.Match[str]) -> bytes:
    simple, octal, byte, short, long = found.groups()
    if simple:
        return _SIMPLE_ESCAPES[simple].encode()
    if octal or byte:
        return bytes([int(octal, 8) if octal else int(byte, 16)])
    code = int(short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise BadMatcher(f"{found.group()} is no character")
    return chr(code).encode()
