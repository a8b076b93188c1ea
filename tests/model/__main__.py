"""`make model MINUTES=…`: ever new lives until the time is over, or one differs from the model. Each seed is told."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from datetime import timedelta

from responder.adapters.clock import SystemClock

LIVES = 100  # a round


def main() -> int:
    asked = argparse.ArgumentParser(prog="make model")
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--steps", type=int, default=60, help="of the longest lives (default 60)")
    asked.add_argument("--only", default="", help="of which tests, as pytest's -k has it; default all")
    given = asked.parse_args()
    clock, numbers = SystemClock(), random.SystemRandom()
    end = clock.now() + timedelta(minutes=given.minutes)
    while clock.now() < end:
        number = numbers.getrandbits(32)
        said = {"SEED": number, "LIVES": LIVES, "STEPS": given.steps}
        told = {f"RESPONDER_MODEL_{name}": str(value) for name, value in said.items()}
        sys.stdout.write(" ".join(f"{name}={value}" for name, value in told.items()) + "\n")
        sys.stdout.flush()
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "tests/model",
            "-k",
            given.only,
            "-o",
            "timeout=0",
        ]
        done = subprocess.run(command, env={**os.environ, **told}, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
