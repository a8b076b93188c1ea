"""Duties: what is owed to customers, regulators and the public, in words, and to whom each is put when it comes due."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from responder.core.identifiers import ContactName
from responder.core.policy.fields import Document, Name, PositiveDuration


class Duty(Document):
    name: str = Field(description="what a person is told has to be done")
    names: dict[str, str] = Field(default_factory=dict, description="the same by language, e.g. {ko: …}")
    page: tuple[ContactName, ...] = Field(min_length=1, description="who has to see to it")
    remind: PositiveDuration = Field(
        default=timedelta(minutes=30),
        description="default 30m: a duty that is due is asked for again until it is sent or waived",
    )


class DutyDocument(Document):
    """policies/duties.yaml"""

    version: Literal[1]
    duties: dict[Name, Duty]
