"""Duties: what is owed to customers, regulators and the public, in words, and to whom each is put when it comes due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import Field

from responder.core.identifiers import ContactName
from responder.core.policy.fields import Document, Locale, Name, PositiveDuration
from responder.core.policy.misfits import Known, Misfit


class Duty(Document):
    """Something that the outside has to be told."""

    name: str = Field(description="what a person is told has to be done")
    names: dict[Locale, str] = Field(
        default_factory=dict, description="the same by language, e.g. {ko: …}; default none"
    )
    page: tuple[ContactName, ...] = Field(min_length=1, description="who has to see to it")
    remind: PositiveDuration = Field(
        default=timedelta(minutes=30),
        description="default 30m: a duty that is due is asked for again until it is sent or waived",
    )


class DutyDocument(Document):
    """policies/duties.yaml"""

    version: Literal[1] = Field(description="always 1")
    duties: dict[Name, Duty] = Field(description="by name")

    def misfits(self, known: Known) -> Iterator[Misfit]:
        for name, duty in self.duties.items():
            for index, contact in enumerate(duty.page):
                yield from known.check("duties", ("duties", name, "page", index), "contact", contact)
