"""Words: records become messages (`page_message`, `notice_message`), codes become sentences (`explain_why`).

All words stand in catalogues, one folder a language (`words`); nothing here decides anything or reads a clock.
"""

from __future__ import annotations

from responder.dialects.wording.audit import alarm_title, explain_why, why_of
from responder.dialects.wording.digest import Listed, digest_message, digest_story, listed_of, members_of
from responder.dialects.wording.message import FACTS, notice_message, page_message
from responder.dialects.wording.refusal import explain_refusal, refusal
from responder.dialects.wording.situation import Situation, State, at, links_of, span
from responder.dialects.wording.veil import veiled, veiled_incident

__all__ = [
    "FACTS",
    "Listed",
    "Situation",
    "State",
    "alarm_title",
    "at",
    "digest_message",
    "digest_story",
    "explain_refusal",
    "explain_why",
    "links_of",
    "listed_of",
    "members_of",
    "notice_message",
    "page_message",
    "refusal",
    "span",
    "veiled",
    "veiled_incident",
    "why_of",
]
