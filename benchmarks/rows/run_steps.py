"""What runs cost: a step's own overhead, and the takeover of an idle step. This version has no runs."""

from __future__ import annotations

from benchmarks.figures import Row

OVERHEAD = Row(
    name="run-step", what="a run step's own overhead, below 10 ms", not_yet="no runs in this version"
)
TAKEOVER = Row(
    name="run-takeover",
    what="takeover of a killed replica's idle run step, below 1 s past its lease",
    not_yet="no runs in this version",
)
