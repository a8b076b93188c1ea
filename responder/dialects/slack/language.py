"""What people type behind /incident, /ack and our name, read into `Said`, or `Unclear` with what may have been meant.

The verbs are English or Korean, in any case. What is close to a verb is asked back and never guessed: a wrong guess
acknowledges or resolves in somebody's name. Which incident is meant where none is named is decided by who knows the
thread and what is open.

An incident is `I42`, `i42`, `#42` or `42`, right behind the verb, or before it, as Korean has it (`42 확인`);
a digest of several is `D42`:

- A number right behind a verb that takes an incident is the incident: `note 42 is the answer` writes "is the answer"
  on I42. Text in quotes is never one: `note "42 is the answer"`.
- A number with a unit is a duration: `snooze 30m` and `snooze 30 min` name no incident; `snooze 42 30m` does, and so
  does `snooze 30m I42`, where the I cannot be left out.
- Of one number behind `level`, it is the level: `level 3 region is gone`. Of two, the first is the incident
  (`level 42 3 why`), unless it could be a level and the second could not (`level 3 12 nodes are gone`). Where both
  could be levels nobody can tell (`level 3 2 why`), and `level I3 2 why` is asked for.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from responder.core.level import Level
from responder.core.policy.fields import format_duration
from responder.dialects.slack.said import Said, Unclear, Verb
from responder.dialects.visible import cut, visible

SHORT = 5  # letters of a verb; in one as short as that a single slip is taken for one
TEXT_MOST = 2_000  # characters of a note, a reason or a title; more than that is cut, visibly

NO_VERB = "commands.unclear.verb"

# Exactly as good as the verb itself.
WORDS: dict[str, Verb] = {
    **{verb.value: verb for verb in Verb},
    "acknowledge": Verb.ACK,
    "unacknowledge": Verb.UNACK,
    "목록": Verb.LIST,
    "보기": Verb.SHOW,
    "상세": Verb.SHOW,
    "선언": Verb.DECLARE,
    "확인": Verb.ACK,
    "확인취소": Verb.UNACK,
    "확인해제": Verb.UNACK,
    "해결": Verb.RESOLVE,
    "등급": Verb.LEVEL,
    "레벨": Verb.LEVEL,
    "에스컬레이션": Verb.ESCALATE,
    "미루기": Verb.SNOOZE,
    "보류": Verb.SNOOZE,
    "메모": Verb.NOTE,
    "기록": Verb.NOTE,
    "담당": Verb.WHO,
    "담당자": Verb.WHO,
    "당직": Verb.WHO,
    "도움말": Verb.HELP,
}
# What people say elsewhere. Suggested only: to "close" or to "silence" is not what ours does everywhere.
NEAR: dict[str, Verb] = {
    "close": Verb.RESOLVE,
    "done": Verb.RESOLVE,
    "fixed": Verb.RESOLVE,
    "recovered": Verb.RESOLVE,
    "silence": Verb.SNOOZE,
    "mute": Verb.SNOOZE,
    "take": Verb.ACK,
    "claim": Verb.ACK,
    "mine": Verb.ACK,
    "release": Verb.UNACK,
    "open": Verb.DECLARE,
    "create": Verb.DECLARE,
    "new": Verb.DECLARE,
    "status": Verb.SHOW,
    "severity": Verb.LEVEL,
    "comment": Verb.NOTE,
    "oncall": Verb.WHO,
    "on-call": Verb.WHO,
    "owner": Verb.WHO,
    "종료": Verb.RESOLVE,
    "복구": Verb.RESOLVE,
    "완료": Verb.RESOLVE,
    "무음": Verb.SNOOZE,
    "생성": Verb.DECLARE,
    "상태": Verb.SHOW,
    "전파": Verb.ESCALATE,
    "호출": Verb.ESCALATE,
}
# The answer to `help`, a line each.
HELP = ("commands.help.title", *(f"commands.help.{verb.value}" for verb in Verb), "commands.help.incident")


def said(text: str, *, verb: Verb | None = None) -> Said | Unclear:
    """What `text` asks for. `verb`: the one that the slash command itself names, as /ack does; else `text` names it."""
    line = plain(text)
    if verb is not None:
        first, _ = _split(line)
        if WORDS.get(_folded(first)) is Verb.HELP:
            return Said(verb=Verb.HELP)
        return _read(_Line(verb, f"/{verb.value}", line))
    if not line:
        return Said(verb=Verb.HELP)
    found = _named(line) or _named(_turned(line))
    return _read(found) if found is not None else _unknown(line)


def duration(text: str) -> timedelta | None:
    """`30m`, `1h30m`, `for 2 hours`, `1시간 30분 동안`; None where it is none, or no time at all."""
    spelled = unicodedata.normalize("NFKC", text).casefold().strip()
    found = _DURATION.fullmatch(spelled)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) or None


def brief(text: str) -> str:
    """`text` as an answer repeats it: one line, short."""
    return visible(plain(text), 40)


def plain(text: str) -> str:
    """`text` as the person sees it: links, mentions and escapes of Slack undone, odd spaces and quotes made plain."""
    text = _DIRT.sub("\ufffd", text)
    text = _MARKED.sub(_shown, text)
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return unicodedata.normalize("NFC", _HIDDEN.sub("", text.translate(_ODD))).strip()


# A number of five digits is more than any duration needs, and never too long for time itself.
_DURATION = re.compile(
    r"(?:for\s+)?(?=\d)"
    r"(?:(\d{1,5})\s*(?:d|days?|일)\s*)?"
    r"(?:(\d{1,5})\s*(?:h|hrs?|hours?|시간)\s*)?"
    r"(?:(\d{1,5})\s*(?:m|mins?|minutes?|분)\s*)?"
    r"(?:(\d{1,5})\s*(?:s|secs?|seconds?|초)\s*)?"
    r"(?:간|동안)?",
    re.ASCII,
)
_INCIDENT = re.compile(r"(?P<mark>i|d|#)?0*(?P<number>[1-9]\d{0,17})[:,.]?", re.ASCII)
_LEVEL = re.compile(r"(?P<mark>l|level|레벨|등급)?(?P<number>\d{1,4})(?P<unit>단계|등급)?[:,.]?", re.ASCII)
_DECLARED = re.compile(
    r"(?:(?:level|l|레벨|등급)\s*[:=]?\s*(\d+)|(\d+)단계)[:,]?(?:\s+|$)", re.ASCII | re.IGNORECASE
)
_BECAUSE = re.compile(r"(?:because\b\s*:?|사유\s*:|사유(?=\s))\s*", re.IGNORECASE)

_DIRT = re.compile("[\x00\ud800-\udfff]")
_MARKED = re.compile(r"<(@|#|!|[A-Za-z][A-Za-z0-9+.-]*:)([^<>|]*)(?:\|([^<>]*))?>")
_ODD = {ord(space): " " for space in "\u00a0\u1680\u202f\u205f\u3000"}
_ODD |= dict.fromkeys(range(0x2000, 0x200B), " ")
_ODD |= dict.fromkeys((0xAB, 0xBB, *range(0x201C, 0x2020)), '"') | dict.fromkeys(range(0x2018, 0x201C), "'")
_HIDDEN = re.compile("[\u200b\u2060\ufeff]")


@dataclass(frozen=True, slots=True)
class _Line:
    """`start`: the command up to and with its verb, as it would be typed; `rest`: what stands behind it."""

    verb: Verb
    start: str
    rest: str


def _named(line: str) -> _Line | None:
    first, rest = _split(line)
    second, after = _split(rest)
    if _folded(first) == "확인" and _folded(second) in ("취소", "해제"):  # written as two words by half of us
        return _Line(Verb.UNACK, _incident_command(Verb.UNACK), after)
    verb = WORDS.get(_folded(first).rstrip(":,.!?"))
    return None if verb is None else _Line(verb, _incident_command(verb), rest)


def _turned(line: str) -> str:
    """`42 확인 30분` as `확인 I42 30분`; anything else as it is."""
    incident, rest = _incident(line)
    line_without = _named(rest) if incident else None
    return line if line_without is None else f"{line_without.verb.value} {incident} {line_without.rest}"


def _unknown(line: str) -> Unclear:
    incident, after = _incident(line)
    if incident and not after:
        meant = f"{_incident_command(Verb.SHOW)} {incident}"
        return Unclear(code="commands.unclear.verb_missing", figures={"incident": incident}, meant=meant)
    first, rest = _split(line)
    verb = _closest(_folded(first))
    meant = "" if verb is None else _meant(_Line(verb, _incident_command(verb), rest))
    return Unclear(code=NO_VERB, figures={"said": visible(first, 40)}, meant=meant)


def _meant(line: _Line) -> str:
    """What is suggested can be typed as it stands: never what would be asked back again."""
    if line.verb is Verb.HELP or not line.rest:
        return line.start
    found = _read(line)
    return found.meant if isinstance(found, Unclear) else visible(f"{line.start} {line.rest}")


def _closest(word: str) -> Verb | None:
    """Compared letter by letter, those of Hangul too; a syllable with one wrong letter is not a different word."""
    known = {unicodedata.normalize("NFD", name): verb for name, verb in (NEAR | WORDS).items()}
    typed = unicodedata.normalize("NFD", word[:40])
    near = difflib.get_close_matches(typed, known, n=3, cutoff=0.65)
    slips = {name: _slips(typed, name) for name in near}
    return next((known[name] for name in near if slips[name] <= (1 if len(name) <= SHORT else 2)), None)


def _slips(typed: str, meant: str) -> int:
    """How many letters were left out, added, mistaken or swapped with the next; `hello` is two away from `help`."""
    before, above = list(range(len(meant) + 1)), [0] * (len(meant) + 1)
    for row, letter in enumerate(typed, 1):
        here = [row]
        for column, wanted in enumerate(meant, 1):
            slips = min(before[column] + 1, here[-1] + 1, before[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == meant[column - 2] and typed[row - 2] == wanted:
                slips = min(slips, above[column - 2] + 1)
            here.append(slips)
        above, before = before, here
    return before[-1]


def _read(line: _Line) -> Said | Unclear:
    match line.verb:
        case Verb.HELP:
            return Said(verb=Verb.HELP)
        case Verb.LIST:
            return _alone(line, "", line.rest)
        case Verb.SHOW | Verb.UNACK | Verb.ESCALATE | Verb.WHO:
            return _alone(line, *_incident(line.rest))
        case Verb.ACK | Verb.SNOOZE:
            return _timed(line)
        case Verb.RESOLVE:
            incident, reason = _incident(line.rest)
            return Said(verb=line.verb, incident=incident, text=_reason(reason))
        case Verb.NOTE:
            return _noted(line)
        case Verb.LEVEL:
            return _levelled(line)
        case Verb.DECLARE:
            return _declared(line)
        case _:
            assert_never(line.verb)


def _alone(line: _Line, incident: str, rest: str) -> Said | Unclear:
    """A verb that takes no more than an incident: what is typed behind it was meant to do something, and would not."""
    if rest:
        meant = f"{line.start} {incident}".strip()
        return Unclear(code="commands.unclear.left_over", figures={"said": visible(rest, 80)}, meant=meant)
    return Said(verb=line.verb, incident=incident)


def _timed(line: _Line) -> Said | Unclear:
    """The duration may be left out of an acknowledgement, whose lease has a length of its own."""
    if (length := duration(line.rest)) is not None:
        return Said(verb=line.verb, duration=length)
    incident, rest = _incident(line.rest)
    if not incident:
        incident, rest = _behind(line.rest)
    if (length := duration(rest)) is not None or (line.verb is Verb.ACK and not rest):
        return Said(verb=line.verb, incident=incident, duration=length)
    if not rest:
        return Unclear(code="commands.unclear.no_duration")
    meant = f"{line.start} {incident}".strip()
    near = _near_duration(rest)
    return Unclear(
        code="commands.unclear.duration",
        figures={"said": visible(rest, 40)},
        meant=f"{meant} for {near}" if near else "",
    )


def _behind(text: str) -> tuple[str, str]:
    """The incident that stands behind a duration, or "", and the rest; a number alone may be more of the duration."""
    words = text.split()
    for place, word in enumerate(words):
        found = _INCIDENT.fullmatch(_folded(word))
        if found and found["mark"]:
            return _called(found), " ".join(words[:place] + words[place + 1 :])
    return "", text


def _near_duration(text: str) -> str:
    """Minutes where a number has no unit; a duration with more words behind it, without them; else ""."""
    words = text.split()
    if words[0].casefold() == "for":
        words = words[1:]
    if len(words) > 1 and _INCIDENT.fullmatch(_folded(words[-1])):
        return ""  # it may be the incident, and what is suggested must not be about another
    if len(words) == 1 and (minutes := duration(f"{words[0]}m")) is not None:
        return format_duration(minutes)
    for end in (2, 1):  # a number and its unit may stand apart
        if (length := duration(" ".join(words[:end]))) is not None:
            return format_duration(length)
    return ""


def _noted(line: _Line) -> Said | Unclear:
    incident, rest = _incident(line.rest)
    text = _text(rest)
    return (
        Said(verb=line.verb, incident=incident, text=text) if text else Unclear(code="commands.unclear.text")
    )


def _declared(line: _Line) -> Said | Unclear:
    found = _DECLARED.match(line.rest)
    title = " ".join(_text(line.rest[found.end() :] if found else line.rest).split())
    level = _level(found[1] or found[2]) if found else None
    if found and level is None:
        return Unclear(code="commands.unclear.level", figures={"said": visible(found[1] or found[2], 20)})
    if not title:
        return Unclear(code="commands.unclear.title")
    return Said(verb=line.verb, level=level, text=title)


def _levelled(line: _Line) -> Said | Unclear:
    """By the rules that this module opens with."""
    first, after = _split(line.rest)
    second, tail = _split(after)
    incident, number, reason = "", first, after
    named, next_ = _INCIDENT.fullmatch(_folded(first)), _LEVEL.fullmatch(_folded(second))
    if named is not None and (named["mark"] or next_ is not None):
        is_open = _level(first) is not None  # it could be the level as well; one with its I never is
        if (
            is_open
            and _level(second) is not None
            and next_ is not None
            and not (next_["mark"] or next_["unit"])
        ):
            figures = {"said": visible(f"{first} {second}", 40)}
            meant = visible(f"{line.start} {_called(named)} {second} {tail}")
            return Unclear(code="commands.unclear.level_or_incident", figures=figures, meant=meant)
        if not is_open or _level(second) is not None:
            incident, number, reason = _called(named), second, tail
    if not _LEVEL.fullmatch(_folded(number)):
        return Unclear(code="commands.unclear.no_level")
    if (level := _level(number)) is None:
        return Unclear(code="commands.unclear.level", figures={"said": visible(number, 20)})
    if not (why := _reason(reason)):
        return Unclear(code="commands.unclear.reason")
    return Said(verb=line.verb, incident=incident, level=level, text=why)


def _level(word: str) -> Level | None:
    found = _LEVEL.fullmatch(_folded(word))
    number = int(found["number"]) if found else 0
    return Level(number) if number in list(Level) else None


def _incident(rest: str) -> tuple[str, str]:
    """The incident that `rest` begins with, or "", and what stands behind it."""
    first, after = _split(rest)
    found = _INCIDENT.fullmatch(_folded(first))
    return (_called(found), after) if found else ("", rest)


def _called(found: re.Match[str]) -> str:
    """`I42`, or a digest's `D42`."""
    return f"{'D' if found['mark'] == 'd' else 'I'}{found['number']}"


def _reason(text: str) -> str:
    return _text(text[found.end() :] if (found := _BECAUSE.match(text)) else text)


def _text(text: str) -> str:
    """Without the quotes around all of it."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return cut(text, TEXT_MOST)


def _split(text: str) -> tuple[str, str]:
    """The first word, and the rest as it was typed."""
    words = text.split(maxsplit=1)
    return (words[0], words[1].rstrip()) if len(words) == 2 else (text.strip(), "")


def _folded(word: str) -> str:
    """For comparing: Hangul composed and digits plain, whatever the keyboard made of them; any case."""
    return unicodedata.normalize("NFKC", word).casefold()


def _incident_command(verb: Verb) -> str:
    return f"/incident {verb.value}"


def _shown(found: re.Match[str]) -> str:
    """What Slack shows for `<@U1>`, `<#C1|ops>`, `<!here>`, `<https://…|words>`."""
    sign, target, label = found[1], found[2], found[3] or ""
    if sign in "@#":
        return sign + (label or target)
    if sign == "!":
        name = label or target.partition("^")[0]
        return name if target.startswith("date^") or name.startswith("@") else f"@{name}"
    url = sign + target
    if not label:
        return url
    return label if _bare(label) == _bare(url) else f"{label} ({url})"


def _bare(url: str) -> str:
    """Without what Slack adds to an address that was typed."""
    return re.sub(r"^(?:https?://|mailto:|tel:)", "", url).rstrip("/")
