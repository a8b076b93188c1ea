"""What holds of every incident at every moment, and of every step that a machine takes, whatever came in between.

Written once: the property tests drive the machines against it, and the auditor holds the stored records to it. It
knows the machines' records and events, and nothing of how they are decided.
"""

from __future__ import annotations

from responder.core.invariants.states import Bundle, violations_of_carried, violations_of_state
from responder.core.invariants.steps import violations_of_step
from responder.core.invariants.violation import Code, Violation

__all__ = [
    "Bundle",
    "Code",
    "Violation",
    "violations_of_carried",
    "violations_of_state",
    "violations_of_step",
]
