"""Words: what is said for a code, in a reader's language.

The words stand in `catalogues/<locale>/<domain>.po`; what is read here is their compiled form beside them. All domains
of a locale are one catalogue. What a locale lacks is said in English, and what English lacks is said as the code, so
that a message is never lost for want of a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from gettext import GNUTranslations
from importlib import resources
from importlib.resources.abc import Traversable

ENGLISH = "en"
LOCALES = (ENGLISH, "ko")
# The lines of a message that begin with a label, which a medium may set apart: `Level: 3 severe`.
LABELLED = (
    "line.what",
    "line.detail",
    "line.level",
    "line.where",
    "line.since",
    "line.nobody",
    "line.reached",
    "line.next",
    "line.duty_owed",
    "line.duty_how",
    "line.also",
    "line.runbook",
    "line.source",
    "line.acknowledge",
    "line.look",
)


class Words:
    """`say = words("ko")`, then `say("line.since", since=…)`; `labels` are the texts before ": " of LABELLED."""

    def __init__(self, locale: str, catalogue: GNUTranslations) -> None:
        self.locale = locale
        self._catalogue = catalogue
        self.labels = frozenset(
            self._template(code).partition(": ")[0] for code in LABELLED if self.has(code)
        )

    def __call__(self, code: str, /, **figures: object) -> str:
        """The code's words with their figures; a figure that is missing shows as "?"."""
        return self._template(code).format_map(_Figures(figures)) if self.has(code) else code

    def has(self, code: str) -> bool:
        """Whether there are words for it, in this language or in English."""
        return self._template(code) != code

    def _template(self, code: str) -> str:
        return self._catalogue.gettext(code) if code else ""  # the entry of no code is the file's header


class _Figures(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return "?"


def words(locale: str) -> Words:
    """The words of `ko` or `ko-KR`; English where we do not speak it."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return _read(language if language in LOCALES else ENGLISH)


@cache
def _read(locale: str) -> Words:
    return read(resources.files("responder.dialects.wording") / "catalogues", locale)


def read(folder: Traversable, locale: str) -> Words:
    """The words of `locale` as they stand in `folder`, with English behind them."""
    first, *others = (
        found for language in dict.fromkeys((locale, ENGLISH)) for found in _domains(folder / language)
    )
    for other in others:
        first.add_fallback(other)
    return Words(locale, first)


def _domains(folder: Traversable) -> Iterator[GNUTranslations]:
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".mo"):
            with path.open("rb") as compiled:
                yield GNUTranslations(compiled)
