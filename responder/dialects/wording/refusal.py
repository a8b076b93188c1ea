"""Refusals in words: made with their code, in English for programs and logs; told to a person in their language."""

from __future__ import annotations

from typing import TypeVar

from responder.core.errors import Refused
from responder.dialects.wording.words import ENGLISH, words

R = TypeVar("R", bound=Refused)


def refusal(kind: type[R], code: str, /, **figures: str) -> R:
    """To be raised. `code`: behind `refused.` in the catalogues."""
    code = f"refused.{code}"
    return kind(words(ENGLISH)(code, **figures), code=code, figures=figures)


def explain_refusal(refused: Refused, locale: str = ENGLISH) -> str:
    """One without a code is told as it is."""
    return words(locale)(refused.code, **refused.figures) if refused.code else str(refused)
