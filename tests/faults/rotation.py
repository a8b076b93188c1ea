"""The rotation: which quarter of the cases is run today, so that four days, or four runs, have seen them all."""

from __future__ import annotations

import os

from tests.faults.cases import QUARTERS
from tests.journeys.waiting import CLOCK

VARIABLE = "RESPONDER_FAULTS_QUARTER"


def quarter() -> int:
    """From 0. What VARIABLE says (any number, such as a run's), else the day."""
    said = os.environ.get(VARIABLE, "")
    return (int(said) if said else CLOCK.now().toordinal()) % QUARTERS
