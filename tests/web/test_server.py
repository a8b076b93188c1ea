"""The listener and the envelope of every request: health, ids, problems, what no answer and no log may hold."""

from __future__ import annotations

import asyncio
import re

import pytest

from responder.core.errors import Permanent, Transient
from responder.core.identifiers import ContactName
from responder.engine.commands import Role
from responder.web.auth import Doors
from responder.web.server import listen, make_app
from tests.engine.world import World, make_world
from tests.web.face import Face, body_of, facing
from tests.web.faults import Trouble
from tests.web.raw import calling, webhook_head

in_memory = pytest.mark.parametrize("store", ["memory"], indirect=True)
pytestmark = in_memory

# Health


async def test_the_process_says_that_it_is_alive(face):
    assert (await face.get("/healthz")).status == 200


async def test_it_is_ready_until_a_loop_fails(face):
    supervisor = face.world.service.supervisor
    assert (await face.get("/readyz")).status == 200

    async def broken() -> None:
        raise RuntimeError("no such thing")

    supervisor.start("outbox", broken)
    await face.world.clock.until_sleeping()
    said = await face.get("/readyz")
    assert said.problem == "not-ready"
    assert said.json()["errors"] == [{"where": "loop outbox", "what": "RuntimeError: no such thing"}]
    assert (await face.get("/healthz")).status == 200
    await supervisor.stop()


async def test_a_service_that_stops_is_not_ready_and_alive(face):
    face.world.service.is_stopping = True
    assert (await face.get("/readyz")).problem == "not-ready"
    assert (await face.get("/healthz")).status == 200


async def test_the_figures_are_prometheus(face):
    await face.webhook(body_of(face.world.alert()))
    await face.webhook(b"nonsense")
    said = await face.get("/metrics")
    assert said.headers["Content-Type"].startswith("text/plain; version=")
    figures = said.body.decode()
    assert 'responder_ingest_bodies_total{result="accepted"} 1.0' in figures
    assert 'responder_ingest_bodies_total{result="refused-400"} 1.0' in figures


async def test_whoever_looks_in_is_told_where_things_are(face):
    said = (await face.get("/")).body.decode()
    assert "/api/openapi.json" in said
    assert "/webhooks/alertmanager" in said


# The envelope


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/v1", "/api/v1/", "/api/v1/incidents/", "//", "/%00", "/webhooks"]
)
async def test_a_path_where_nothing_is_is_a_problem(face, path):
    assert (await face.get(path)).problem == "unknown"


async def test_a_method_that_a_path_does_not_take_is_a_problem(face):
    said = await face.get("/webhooks/alertmanager")
    assert said.problem == "method"
    assert said.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "given, kept",
    [("abc-123", True), ("", False), ("a b", False), ("<script>", False), ("x" * 65, False), ("ü", False)],
)
async def test_a_request_has_an_id_of_its_own_or_the_callers(face, given, kept):
    said = await face.get("/nothing", headers={"X-Request-ID": given})
    found = said.headers["X-Request-ID"]
    assert (found == given) is kept
    assert re.fullmatch(r"[\w.-]+", found)
    assert said.json()["request"] == found


async def test_two_requests_have_two_ids(face):
    ids = {(await face.get("/healthz")).headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("path", ["/", "/nothing", "/webhooks/alertmanager", "/api/v1/status"])
async def test_no_answer_says_which_version_answers(face, path):
    said = await face.get(path)
    assert said.headers["Server"] == "responder"
    assert said.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "failure, status",
    [
        pytest.param(Transient("sqlite: the disk is full"), 503, id="for now"),
        pytest.param(Permanent("sqlite: malformed"), 503, id="for good"),
        pytest.param(RuntimeError("sqlite: our fault"), 500, id="our own fault"),
    ],
)
async def test_a_failure_within_is_told_outside_without_its_words(store, failure, status, capsys):
    trouble = Trouble()
    world = await make_world(store, faults=trouble)
    fresh = await world.service.tokens.make(name="t", role=Role.VIEWER)
    async with facing(world) as face:
        trouble.failures["read.incidents"] = failure
        said = await face.get("/api/v1/incidents", token=fresh.secret)
        assert said.status == status
        assert said.problem == ("internal" if status == 500 else "unavailable")
        assert "sqlite" not in said.body.decode()
        logged = capsys.readouterr().out
        assert str(failure) in logged
        assert f"request={said.json()['request']}" in logged
        assert said.json()["request"] == said.headers["X-Request-ID"]
        trouble.failures.clear()
        assert (await face.get("/api/v1/incidents", token=fresh.secret)).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no HTTP"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n\r\n", id="TLS"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 9_000 + b"\r\n\r\n", id="a header of 9000 bytes"
        ),
        pytest.param(b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="a path of 9000 bytes"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", id="a length below nought"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            id="two lengths",
        ),
    ],
)
async def test_what_is_no_http_is_a_problem_too(face, sent):
    async with calling(face.base) as caller:
        await caller.send(sent)
        head = await caller.head()
    assert " 400 " in head.splitlines()[0]
    assert "application/problem+json" in head
    assert "Server: responder\r\n" in head
    assert (await face.get("/healthz")).status == 200


# What nobody may see

CANARY = "canary-5f1c0e"


async def test_no_secret_is_in_a_log_a_figure_or_an_answer(world: World, capsys, caplog):
    caplog.set_level("DEBUG")
    doors = Doors(tokens=(f"{CANARY}-webhook",), basic=f"user:{CANARY}-basic")
    assert CANARY not in repr(doors)
    fresh = await world.service.tokens.make(name="t", role=Role.ADMIN, contact=ContactName("first"))
    answers = []
    async with facing(world, doors) as face:
        for token in (f"{CANARY}-webhook", f"{CANARY}-wrong", fresh.secret):
            answers.append(await face.webhook(body_of(world.alert()), token=token))
            answers.append(await face.webhook(CANARY.encode(), token=token))
            answers.append(await face.get(f"/api/v1/tokens?{CANARY}=1", token=token))
            answers.append(await face.get("/api/v1/tokens", token=token))
        for header in (f"Basic {CANARY}", f"Bearer {CANARY} {CANARY}", CANARY, *[f"Bearer {CANARY}"] * 9):
            answers += [await face.webhook({}, headers={"Authorization": header})]
        async with calling(face.base) as caller:
            await caller.send(f"GET / HTTP/1.1\r\nAuthorization: Bearer {CANARY}\x00\r\n\r\n".encode())
            head = await caller.head()
            rest = await caller.rest()
        await world.settle()
        answers.append(await face.get("/metrics"))
    said = capsys.readouterr()
    logged = said.out + said.err + caplog.text
    assert "answered" in logged
    assert "alarm" in logged
    for secret in (CANARY, fresh.secret):
        assert secret not in logged
        assert secret not in head + rest.decode()
        for answer in answers:
            assert f"{secret}-webhook" not in answer.body.decode()
            if answer.status != 400:  # a parameter that is not known is named
                assert secret not in answer.body.decode()
    sent = [repr(one.message) for channel in world.channels.values() for one in channel.ledger]
    assert sent
    assert not [message for message in sent if CANARY in message or fresh.secret in message]


# The listener


async def test_it_says_where_it_listens_and_then_listens_no_more(world):
    listener = await listen(make_app(world.service, Doors()), "127.0.0.1", 0)
    async with calling(f"http://127.0.0.1:{listener.port}") as caller:
        await caller.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert " 200 " in await caller.head()
        await listener.close()  # and does not wait for a caller that only holds a connection
        assert b"alive" in await caller.rest()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", listener.port)


async def test_an_address_that_is_taken_is_said(world):
    listener = await listen(make_app(world.service, Doors()), "127.0.0.1", 0)
    try:
        with pytest.raises(OSError, match="address already in use"):
            await listen(make_app(world.service, Doors()), "127.0.0.1", listener.port)
    finally:
        await listener.close()


async def test_a_caller_who_is_cut_off_moves_nobody(face: Face):
    async with calling(face.base) as caller:
        await caller.send(webhook_head(10)[:30])
    async with calling(face.base) as caller:
        await caller.send(webhook_head(10) + b"{")
    assert (await face.webhook(body_of())).status == 200


async def test_many_callers_at_once_are_all_answered(face):
    bodies = [body_of(face.world.alert(f"A{number}")) for number in range(200)]
    said = await asyncio.gather(*(face.webhook(body) for body in bodies))
    assert sorted(one.json()["journal"] for one in said) == list(range(1, 201))
