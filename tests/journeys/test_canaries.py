"""Canaries: every secret of a running service is one that can be told anywhere, and after a walk with every failure on
the way it is looked for everywhere: log, database, metrics, answers, the command line, and what the receivers got.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.sink import RESET, Answer, Received, Sink, refuse, throttle
from tests.journeys.kills import ALERT, body_of
from tests.journeys.served import Ran, Served, run, usual
from tests.journeys.small import small_plan, write_plan
from tests.journeys.waiting import CLOCK, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PHONE = "+82-2-7777-0001"
WEBHOOK = "canary-webhook-token"
BASIC = "canary-basic-password"
SIGNING = "canary-signing-secret"
HEADER = "canary-authorization-header"
FIELD = "canary-in-a-field-of-the-body"
URL = "canary-in-the-url"
GUESS = "canary-of-a-caller-who-is-wrong"
SECRETS = (PHONE, WEBHOOK, BASIC, SIGNING, HEADER, FIELD, URL, GUESS)
TEMPLATE = (
    '{"to": "{{ to }}", "text": "{{ headline }}{{ body | join }}", "routing_key": "{{ fields.routing_key }}"}'
)
LOUD = Answer(
    status=400, body=f"no such key: {HEADER} {SIGNING} at {URL} for {PHONE}"
)  # a gateway that repeats all


def plan_of_secrets(sink: str, **more: Any) -> dict[str, Any]:
    """The small plan; the way to the first person is full of secrets, all from the environment."""
    plan = small_plan(sink, rungs={"first": "0s", "second": "2s", "third": "1h"})
    secret: dict[str, Any] = {"url": {"from_env": "GATEWAY"}, "secret": {"from_env": "SIGNING"}}
    secret |= {"headers": {"Authorization": {"from_env": "HEADER"}}, "template": "gateway"}
    secret |= {"fields": {"routing_key": {"from_env": "FIELD"}}}
    for ladder in plan["escalation"]["policies"]["matrix"].values():
        ladder["steps"] = [{"after": "0s", "notify": "level_channels"}, *ladder["steps"]]
    channels = plan["channels"]["channels"]
    channels["sms-first"] = {"webhook": secret | more}
    channels["mail-first"] = {"webhook": secret | {"url": {"from_env": "NOBODY_LISTENS"}}}
    methods = plan["contacts"]["contacts"]["first"]["methods"]
    for method in methods:
        method["to"] = {"from_env": "PHONE"}
    plan["contacts"]["contacts"]["first"]["methods"] = [*methods, {"webhook": "sms-operator"}]
    return plan


def write_secrets(folder: Path, plan: Mapping[str, Any]) -> Path:
    messages = write_plan(folder, plan) / "messages"
    messages.mkdir(exist_ok=True)
    (messages / "gateway.json").write_text(TEMPLATE, encoding="utf-8")
    return folder


def environ_of(sink: str) -> dict[str, str]:
    return {
        "PHONE": PHONE,
        "SIGNING": SIGNING,
        "FIELD": FIELD,
        "HEADER": f"Bearer {HEADER}",
        "GATEWAY": f"{sink}sms/first?key={URL}",
        "NOBODY_LISTENS": f"http://127.0.0.1:9/{URL}",
        "RESPONDER_WEBHOOK_TOKEN": f"{WEBHOOK},{WEBHOOK}-2",
        "RESPONDER_WEBHOOK_BASIC": f"alertmanager:{BASIC}",
    }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret may have come to."""

    name: str
    holds: bytes

    def found(self, secrets: Mapping[str, str]) -> Iterator[str]:
        for name, secret in secrets.items():
            if secret.encode() in self.holds:
                yield f"{name} in {self.name}"


async def garble(port: int) -> None:
    """A caller whose request is no HTTP, with a credential in it."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST /webhooks/alertmanager HTTP/9.9\r\nAuthorization Bearer {WEBHOOK}\r\n\r\n".encode())
    await writer.drain()
    writer.close()


async def walk(service: Served, sink: Sink, policies: Path) -> list[Place]:
    """Whatever can fail on the way fails; then the answers of every face."""
    sink.script(refuse(500), LOUD, throttle("1"), RESET, refuse(401))
    assert await service.post(body_of(started=CLOCK.now()), token=GUESS) == 401
    assert await service.post({"alerts": GUESS}, token=WEBHOOK) == 400
    assert await service.post(body_of(started=CLOCK.now()), token=f"{WEBHOOK}-2") == 200
    await garble(service.port)
    await until(lambda: len(sink.ledger) >= 8, "it goes on, whatever fails", within=40)

    write_secrets(policies, plan_of_secrets(sink.url, template="no-such-template"))
    service.program.send(signal.SIGHUP)
    await service.program.says("no-such-template")
    answers = [
        Place(f"responder {' '.join(command)}", _bytes(await service.cli(*command)))
        for command in (
            ("incidents", "ack", "I1"),
            ("incidents", "show", "I1"),
            ("incidents", "show", "I1", "--output", "json"),
            ("incidents", "list", "--all"),
            ("check", "--policies", str(policies)),
            ("status",),
            ("incidents", "resolve", "I1", "--reason", "over"),
        )
    ]
    api = ("/policies", "/status", "/journal", "/incidents/I1/audit")
    answers += [Place(path, repr(await service.get(path)).encode()) for path in api]
    answers += [Place(path, (await service.text(path)).encode()) for path in ("/metrics", "/readyz")]
    return answers


async def test_no_secret_is_found_where_it_does_not_belong(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    async with AsyncExitStack() as stack:
        sink = await stack.enter_async_context(Sink())
        policies = write_secrets(tmp_path / "policies", plan_of_secrets(sink.url))
        environ = environ_of(sink.url) | {"RESPONDER_POLICIES": str(policies)}
        admin = await run(
            *("token", "create", "boss", "--role", "admin", "--offline"), environ=usual(home) | environ
        )
        assert admin.code == 0, admin.err
        service = await stack.enter_async_context(await Served.start(home, environ))
        places = await walk(service, sink, policies)
        assert await service.program.stop() == 0
        tokens = {
            "the admin's token": admin.out.strip(),
            "the local token": (home / "token").read_text().strip(),
        }
        places += [Place(file.name, file.read_bytes()) for file in home.iterdir() if file.name != "token"]
        places += [
            Place(f"a message to {one.path.partition('?')[0]}", _unaddressed(one)) for one in sink.ledger
        ]

    secrets = {secret: secret for secret in SECRETS} | tokens
    assert [found for place in places for found in place.found(secrets)] == []

    # It is no proof that nothing was found where nothing was looked at.
    database = next(place for place in places if place.name == "responder.db")
    assert ALERT["alertname"].encode() in database.holds
    for token in tokens.values():
        assert hashlib.sha256(token.encode()).hexdigest().encode() in database.holds
    assert {PHONE, ""} == {
        one.json()["to"] for one in sink.ledger if one.path.startswith(("/sms/first", "/board"))
    }
    assert {one.headers.get("Authorization") for one in sink.ledger} == {f"Bearer {HEADER}", None}
    assert b"not handed over" in next(place.holds for place in places if place.name == "responder.log")


def _unaddressed(received: Received) -> bytes:
    """A message, and what its headers say, without what is for its receiver alone: address and credentials."""
    body = {name: value for name, value in received.json().items() if name not in ("to", "routing_key")}
    headers = {name: value for name, value in received.headers.items() if name != "Authorization"}
    return repr((body, headers)).encode()


def _bytes(ran: Ran) -> bytes:
    return f"{ran.out}\n{ran.err}".encode()
