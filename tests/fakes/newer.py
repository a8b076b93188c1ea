"""`python -m tests.fakes.newer`: the service as its next version may be: this one cannot read its pages and ladders."""

from __future__ import annotations

import sys
from typing import Any, cast

from responder.adapters.storage import codec
from responder.cli.main import main
from responder.core.identifiers import Kind

CHANGED = (Kind.PAGE, Kind.ESCALATION)


def age() -> None:
    """Every version of `CHANGED` is one higher than in earnest; nothing else about them is new."""
    versions, upcasters = cast(dict[str, int], codec.VERSIONS), cast(dict[Any, Any], codec.UPCASTERS)
    for kind in CHANGED:
        upcasters[kind, versions[kind]] = lambda fields: fields
        versions[kind] += 1


if __name__ == "__main__":
    age()
    sys.argv[1:] = ["serve"]
    main()
