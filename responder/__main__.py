"""`python -m responder` is the command `responder`."""

from __future__ import annotations

from responder.cli.main import main

if __name__ == "__main__":
    main()
