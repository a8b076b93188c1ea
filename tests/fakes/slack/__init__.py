"""A workspace of Slack on loopback: its Web API, its requests to us, Socket Mode, and what its clients would show.

`FakeSlack` is the server; `rendered` says what a message looks like. `python -m tests.fakes.slack PORT` runs it as a
process of its own.
"""

from tests.fakes.slack.outcomes import (
    Breaks,
    Call,
    Fails,
    Hangs,
    Malformed,
    Outcome,
    Status,
    TakesAndBreaks,
    Throttles,
)
from tests.fakes.slack.outgoing import Delivered, Forged
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.tokens import APP_TOKEN, BOT_TOKEN
from tests.fakes.slack.workspace import ALERTS, APP, BOT, BOT_USER, TEAM, USER, Channel, Message, User, View

__all__ = [
    "ALERTS",
    "APP",
    "APP_TOKEN",
    "BOT",
    "BOT_TOKEN",
    "BOT_USER",
    "TEAM",
    "USER",
    "Breaks",
    "Call",
    "Channel",
    "Delivered",
    "Fails",
    "FakeSlack",
    "Forged",
    "Hangs",
    "Malformed",
    "Message",
    "Outcome",
    "Status",
    "TakesAndBreaks",
    "Throttles",
    "User",
    "View",
]
