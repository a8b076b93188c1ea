"""`responder send`: a body, or a sample alert made of options, posted to the webhook as Alertmanager would."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from responder.adapters.clock import SystemClock
from responder.cli.client import open_http, read_answer, request
from responder.cli.given import labels_of, read_bytes
from responder.cli.options import Session
from responder.cli.outcome import Exit, Trouble
from responder.cli.output import Terminal, plain
from responder.dialects.alertmanager import VERSION

ENDPOINT = "/webhooks/alertmanager"
LEVEL = 2  # of a sample: it pages whoever is on call, and owes nobody outside anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """`labels` are written NAME=VALUE."""

    alertname: str
    labels: list[str]
    level: int | None
    summary: str
    resolved: bool

    def all_labels(self) -> dict[str, str]:
        """Raises Trouble."""
        found = {"alertname": self.alertname, **labels_of(self.labels)}
        if self.level is not None:
            found["level"] = str(self.level)
        elif not found.keys() & {"level", "severity"}:
            found["level"] = str(LEVEL)
        return found

    def body(self, now: datetime) -> dict[str, Any]:
        status = "resolved" if self.resolved else "firing"
        moment = plain(now)
        alert = {
            "status": status,
            "labels": self.all_labels(),
            "annotations": {"summary": self.summary},
            "startsAt": moment,
            "endsAt": moment if self.resolved else "0001-01-01T00:00:00Z",
        }
        group = f'responder-send:{{alertname="{self.alertname}"}}'
        return {
            "version": VERSION,
            "status": status,
            "receiver": "responder-send",
            "groupKey": group,
            "alerts": [alert],
        }


def send(session: Session, path: Path | None, to: str, sample: Sample) -> None:
    """Raises Trouble where it is not accepted."""
    if path is None:
        raw = json.dumps(sample.body(SystemClock().now())).encode()
    else:
        raw = read_bytes(path)
    url = to or f"{session.url}{ENDPOINT}"
    found = asyncio.run(_post(session, url, raw))
    terminal = Terminal(session.form)
    if terminal.is_json:
        terminal.json({"url": url, "journal": found.get("journal")})
        return
    terminal.say(f"{url} accepted {_told(path, sample)} as journal row {found.get('journal')}")
    terminal.say("see what it became:  responder incidents list")
    if path is None and not sample.resolved:
        terminal.say("end it:              responder send --resolved, with the same options")


def _told(path: Path | None, sample: Sample) -> str:
    if path is not None:
        return "standard input" if str(path) == "-" else str(path)
    labels = ", ".join(f"{name}={value}" for name, value in sample.all_labels().items())
    return f"{'the end of ' if sample.resolved else ''}a sample alert ({labels})"


async def _post(session: Session, url: str, raw: bytes) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", **_credential(session)}
    async with open_http(headers) as http:
        status, answer = await request(http, "POST", url, data=raw)
    try:
        return read_answer(status, answer, url)
    except Trouble as trouble:
        if status == 401:
            next_ = "set RESPONDER_WEBHOOK_TOKEN to what the service has"
            raise Trouble(Exit.REFUSED, trouble.what, trouble.next or next_) from None
        raise


def _credential(session: Session) -> dict[str, str]:
    """The first of the webhook's tokens, else its user and password, else none."""
    if tokens := session.secret("RESPONDER_WEBHOOK_TOKEN"):
        return {"Authorization": f"Bearer {tokens.split(',')[0].strip()}"}
    if basic := session.secret("RESPONDER_WEBHOOK_BASIC"):
        user, _, password = basic.partition(":")
        return {"Authorization": aiohttp.encode_basic_auth(user, password, "utf-8")}
    return {}
