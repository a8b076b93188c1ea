"""The webhook: who may post, what a 2xx promises, and what is made of every kind of bad body."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from responder.core.errors import Permanent, Transient
from responder.core.identifiers import ContactName, JournalId
from responder.engine.commands import Role
from responder.ports.store import Store, Stored, SummaryQuery
from responder.web.auth import Doors
from tests.engine.world import World, make_world
from tests.fakes.clock import let_others_run
from tests.house.tree import ROOT
from tests.web.face import WEBHOOK, Face, body_of, facing
from tests.web.faults import Gate, Trouble
from tests.web.raw import calling, webhook_head

in_memory = pytest.mark.parametrize("store", ["memory"], indirect=True)
SAMPLES = sorted((ROOT / "tests" / "samples" / "alertmanager").glob("*.json"))
GUARDED = Doors(tokens=("token-one", "token-two"), basic="alertmanager:päss:word", body_most=10_000)
MIB = 1024 * 1024


def alert(**changed: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "Disk"},
        "annotations": {},
        "startsAt": "2026-11-23T12:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
    } | changed


async def journal(face: Face) -> list[Stored]:
    """The state of every body that was accepted."""
    return [body.state for body in await face.world.service.views.journal(after=0, limit=1000)]


async def incidents(face: Face) -> list[tuple[str, str]]:
    """Rule and title of every incident, oldest first."""
    found, _ = await face.world.service.views.incidents(SummaryQuery(limit=500))
    return [(summary.rule, summary.title) for summary in reversed(found)]


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Face]:
    async with facing(world, GUARDED) as found:
        yield found


# What a 2xx promises


async def test_a_body_that_was_answered_is_in_the_journal(face):
    said = await face.webhook(body_of(alert()))
    assert said.status == 200
    assert said.json() == {"journal": 1}
    [body] = await face.world.service.views.journal(after=0, limit=10)
    assert json.loads(body.body) == body_of(alert())
    assert (body.source, body.peer, body.received_at) == ("alertmanager", "127.0.0.1", face.world.clock.now())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
async def test_what_a_real_alertmanager_sent_is_accepted_and_consumed(shipped_face, sample):
    raw = sample.read_bytes()
    assert (await shipped_face.webhook(raw)).status == 200
    await shipped_face.world.settle()
    assert await journal(shipped_face) == [Stored.DONE]
    fires = any(one["status"] == "firing" for one in json.loads(raw)["alerts"])
    opened = [rule for rule, _ in await incidents(shipped_face)]
    assert bool(opened) is (fires and "watchdog" not in sample.stem)
    assert "responder-self" not in opened


@pytest.mark.parametrize(
    "failure, detail",
    [
        pytest.param(Transient("the disk is full"), "send it again", id="for now"),
        pytest.param(Permanent("the database is damaged"), "mended", id="for good"),
        pytest.param(
            Transient("/var/x.db (SQLITE_FULL)", outward="the database's disk is full"),
            "the database's disk is full; send it again",
            id="for now, in words",
        ),
        pytest.param(
            Permanent("role x may not", outward="the database cannot be used"),
            "the database cannot be used",
            id="for good, in words",
        ),
    ],
)
async def test_a_body_that_cannot_be_kept_is_to_be_sent_again(store, failure, detail):
    trouble = Trouble({"commit.journal": failure})
    async with facing(await make_world(store, faults=trouble)) as face:
        said = await face.webhook(body_of(alert()))
        assert said.problem == "unavailable"
        assert int(said.headers["Retry-After"]) >= 1
        assert detail in said.json()["detail"]
        assert str(failure) not in said.json()["detail"]
        trouble.failures.clear()
        assert (await face.webhook(body_of(alert()))).status == 200
        assert len(await journal(face)) == 1
        figures = face.world.service.points.metrics.registry
        for result in ("not-kept", "accepted"):
            assert figures.get_sample_value("responder_ingest_bodies_total", {"result": result}) == 1


@in_memory
async def test_a_body_that_is_not_kept_in_time_is_to_be_sent_again_and_may_be_kept_all_the_same(store: Store):
    gate = Gate("commit.journal")
    world = await make_world(store, faults=gate)
    async with facing(world) as face:
        asking = asyncio.ensure_future(face.webhook(body_of(alert())))
        await gate.came.wait()
        world.clock.advance(seconds=9)
        await let_others_run(20)
        assert not asking.done()
        world.clock.advance(seconds=1)
        said = await asking
        assert said.problem == "unavailable"
        assert said.json()["detail"] == "the database takes too long; send it again"
        gate.open.set()
        await gate.done.wait()
        assert await journal(face) == [Stored.WAITING]
        assert (await face.webhook(body_of(alert()))).status == 200


@in_memory
async def test_a_store_that_has_refused_a_body_is_not_ready_until_it_takes_something(store: Store):
    trouble = Trouble()
    world = await make_world(store, faults=trouble)
    async with facing(world) as face:
        assert (await face.get("/readyz")).status == 200
        trouble.failures = {"commit.journal": Transient("full", outward="the database's disk is full")}
        await face.webhook(body_of(alert()))
        await world.settle()  # a commit in which nothing is written shows nothing
        said = await face.get("/readyz")
        assert said.problem == "not-ready"
        since = f"it has taken no commit since {world.clock.now().isoformat()}"
        assert said.json()["errors"] == [{"where": "store", "what": f"{since}: the database's disk is full"}]
        await world.service.replicas.tell()
        assert (await face.get("/readyz")).status == 200


async def test_a_caller_that_hangs_up_takes_nothing_back(store: Store):
    gate = Gate("commit.journal")
    world = await make_world(store, faults=gate)
    raw = json.dumps(body_of(alert())).encode()
    async with facing(world) as face:
        async with calling(face.base) as caller:
            await caller.send(webhook_head(len(raw)) + raw)
            await gate.came.wait()
        gate.open.set()
        await gate.done.wait()
        assert await journal(face) == [Stored.WAITING]


async def test_while_it_stops_alertmanager_is_asked_to_come_again(face):
    face.world.service.is_stopping = True
    said = await face.webhook(body_of(alert()))
    assert said.problem == "stopping"
    assert int(said.headers["Retry-After"]) >= 1


async def test_a_stop_waits_for_what_is_under_way(store: Store):
    gate = Gate("commit.journal")
    world = await make_world(store, faults=gate)
    async with facing(world) as face:
        asked = asyncio.create_task(face.webhook(body_of(alert())))
        await gate.came.wait()
        closing = asyncio.create_task(face.listener.close())
        while face.listener.is_open:
            await let_others_run()
        gate.open.set()
        assert (await asked).status == 200
        await closing


# Who may


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@in_memory
@pytest.mark.parametrize(
    "authorization, may",
    [
        pytest.param("Bearer token-one", True, id="first token"),
        pytest.param("Bearer token-two", True, id="second token"),
        pytest.param("bearer  token-two ", True, id="scheme in small letters"),
        pytest.param(basic("alertmanager:päss:word"), True, id="basic"),
        pytest.param(None, False, id="nothing"),
        pytest.param("", False, id="empty"),
        pytest.param("Bearer", False, id="no token"),
        pytest.param("Bearer token", False, id="a part of a token"),
        pytest.param("Bearer token-one-more", False, id="more than a token"),
        pytest.param("Bearer token-one,token-two", False, id="all of them"),
        pytest.param("Bearer tökén", False, id="not ASCII"),
        pytest.param("Bearer " + "x" * 5000, False, id="very long"),
        pytest.param(basic("alertmanager:wrong"), False, id="wrong password"),
        pytest.param(basic("somebody:päss:word"), False, id="wrong user"),
        pytest.param(basic("token-one"), False, id="a token as basic"),
        pytest.param("Basic ####", False, id="no base64"),
        pytest.param("Basic " + "/w==", False, id="no UTF-8"),
        pytest.param("Digest token-one", False, id="another scheme"),
    ],
)
@pytest.mark.parametrize("path", [WEBHOOK, "/heartbeats/nightly"])
async def test_only_a_valid_credential_may_post(guarded, path, authorization, may):
    headers = {} if authorization is None else {"Authorization": authorization}
    said = await guarded.post(path, json=body_of(alert()), headers=headers)
    if may:
        assert said.status == 200
    else:
        assert said.problem == "unauthenticated"
        assert said.headers["WWW-Authenticate"] == 'Bearer realm="responder", Basic realm="responder"'


@in_memory
async def test_nothing_of_a_body_is_waited_for_without_a_credential(guarded):
    async with calling(guarded.base) as caller:
        await caller.send(webhook_head(9_000))
        assert " 401 " in await caller.head()


@in_memory
@pytest.mark.parametrize("token, answers", [("token-one", ["100", "200"]), ("wrong", ["401"])])
async def test_only_who_may_post_is_asked_for_a_body_that_waits_to_be_asked_for(guarded, token, answers):
    raw = json.dumps(body_of(alert())).encode()
    async with calling(guarded.base) as caller:
        await caller.send(webhook_head(len(raw), "Expect: 100-continue", f"Authorization: Bearer {token}"))
        heads = [await caller.head()]
        if len(answers) > 1:
            await caller.send(raw)
            heads.append(await caller.head())
    assert [head.split()[1] for head in heads] == answers


@in_memory
async def test_an_expectation_that_nobody_knows_is_passed_over(face):
    assert (await face.webhook(body_of(alert()), headers={"Expect": "miracles"})).status == 200


@in_memory
async def test_open_doors_are_not_open_to_web_pages(face):
    said = await face.webhook(body_of(alert()), headers={"Origin": "https://evil.example"})
    assert said.problem == "forbidden"
    assert await journal(face) == []


# How large, how slow, how packed


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // MIB):
        yield b" " * MIB


@in_memory
async def test_a_body_of_70_mb_is_too_large_by_what_it_says(shipped_face):
    said = await shipped_face.webhook(b" " * (70 * MIB))
    assert said.problem == "too-large"
    assert str(64 * MIB) in said.json()["detail"]
    assert (await shipped_face.webhook(body_of(alert()))).status == 200


@in_memory
async def test_a_body_that_says_that_it_is_too_large_is_not_waited_for(shipped_face):
    async with calling(shipped_face.base) as caller:
        await caller.send(webhook_head(64 * MIB + 1))
        assert " 413 " in await caller.head()


@in_memory
async def test_a_body_of_70_mb_that_does_not_say_so_is_too_large_when_it_is(shipped_face):
    said = await shipped_face.post(WEBHOOK, data=chunks(70 * MIB))
    assert said.problem == "too-large"


@in_memory
async def test_a_body_that_comes_at_once_and_does_not_say_how_large_it_is_has_a_limit_too(world):
    async with facing(world, Doors(body_most=99)) as face, calling(face.base) as caller:
        head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        await caller.send(head + b"64\r\n" + b" " * 100 + b"\r\n0\r\n\r\n")
        assert " 413 " in await caller.head()


@in_memory
async def test_a_body_of_60_mb_is_accepted(shipped_face):
    raw = json.dumps(body_of(alert(), padding="x" * (60 * MIB))).encode()
    assert (await shipped_face.webhook(raw)).status == 200
    await shipped_face.world.settle()
    assert [title for _, title in await incidents(shipped_face)] == ["Disk"]


PLAIN = json.dumps(body_of(alert())).encode()


def raw_deflate(raw: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(raw) + packer.flush()


PACKERS = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "GZIP": ("GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate without a frame": ("deflate", raw_deflate),
    "identity": ("identity", bytes),
}


@in_memory
@pytest.mark.parametrize("encoding, pack", PACKERS.values(), ids=PACKERS.keys())
async def test_a_packed_body_is_unpacked(face, encoding, pack):
    raw = json.dumps(body_of(alert())).encode()
    said = await face.webhook(pack(raw), headers={"Content-Encoding": encoding})
    assert said.status == 200, said
    [body] = await face.world.service.views.journal(after=0, limit=1)
    assert body.body == raw


@in_memory
@pytest.mark.parametrize("encoding, pack", PACKERS.values(), ids=PACKERS.keys())
async def test_a_small_body_that_unpacks_to_a_large_one_is_too_large(world, encoding, pack):
    async with facing(world, Doors(body_most=MIB)) as face:
        exactly = json.dumps(body_of(alert())).encode().ljust(MIB)
        headers = {"Content-Encoding": encoding}
        assert (await face.webhook(pack(exactly), headers=headers)).status == 200
        assert (await face.webhook(pack(exactly + b" "), headers=headers)).problem == "too-large"


@in_memory
@pytest.mark.parametrize(
    "encoding, raw, problem",
    [
        pytest.param("gzip", PLAIN, "unreadable", id="no gzip"),
        pytest.param("gzip", gzip.compress(PLAIN)[:-4], "unreadable", id="cut off"),
        pytest.param("gzip", gzip.compress(PLAIN) + b"more", "unreadable", id="something behind"),
        pytest.param("gzip", b"", "unreadable", id="nothing"),
        pytest.param("deflate", b"\xff\xff\xff", "unreadable", id="no deflate"),
        pytest.param("br", PLAIN, "encoding", id="brotli"),
        pytest.param("gzip, gzip", PLAIN, "encoding", id="twice"),
    ],
)
async def test_a_body_that_does_not_unpack_is_refused(face, encoding, raw, problem):
    said = await face.post(WEBHOOK, data=raw, headers={"Content-Encoding": encoding})
    assert said.problem == problem


async def test_a_body_that_comes_too_slowly_is_to_be_sent_again(face):
    raw = json.dumps(body_of(alert())).encode()
    async with calling(face.base) as caller:
        await caller.send(webhook_head(len(raw)) + raw[:-1])
        await face.world.clock.until_sleeping()
        face.world.clock.advance(seconds=60)
        assert " 503 " in await caller.head()
    assert await journal(face) == []


async def test_a_body_that_comes_slowly_is_taken(face):
    raw = json.dumps(body_of(alert())).encode()
    async with calling(face.base) as caller:
        await caller.send(webhook_head(len(raw)) + raw[:100])
        await face.world.clock.until_sleeping()
        face.world.clock.advance(seconds=59)
        await let_others_run(20)
        await caller.send(raw[100:])
        assert " 200 " in await caller.head()


@in_memory
async def test_a_body_that_breaks_off_moves_nobody(face):
    async with calling(face.base) as caller:
        await caller.send(webhook_head(1_000) + b'{"alerts"')
        await face.world.clock.until_sleeping()
    assert (await face.webhook(body_of(alert()))).status == 200
    assert len(await journal(face)) == 1


# What is in it

SELF = "responder-self"
GOOD = alert(labels={"alertname": "Good"})
THIRTY = [alert(labels={"alertname": "Good", "node": f"n{index}"}) for index in range(29)]

REFUSED = {
    "not JSON": b"alert!",
    "nothing": b"",
    "a list": b"[]",
    "no alerts": b'{"version": "4"}',
    "alerts is null": b'{"alerts": null}',
    "alerts is an object": b'{"alerts": {}}',
    "invalid UTF-8": b'{"alerts": ["\xff\xfe"]}',
    "UTF-16": json.dumps(body_of(GOOD)).encode("utf-16"),
    "cut off": json.dumps(body_of(GOOD)).encode()[:-1],
    "two bodies": json.dumps(body_of(GOOD)).encode() * 2,
    "a NUL byte": b'{"alerts": ["\x00"]}',
    "deep nesting": b'{"alerts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 5000 digits": b'{"alerts": [], "truncatedAlerts": ' + b"9" * 5_000 + b"}",
}


@in_memory
@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_no_body_is_refused_and_moves_nobody(shipped_face, raw):
    said = await shipped_face.webhook(raw)
    assert said.problem == "unreadable"
    assert "\n" not in said.json()["detail"]
    assert await journal(shipped_face) == []
    assert (await shipped_face.webhook(body_of(GOOD))).status == 200
    await shipped_face.world.settle()
    assert [title for _, title in await incidents(shipped_face)] == ["Good"]


# Each is accepted, and all that can be read of it is there afterwards: (body, whether an alarm tells of the rest).
ACCEPTED: dict[str, tuple[dict[str, Any], bool]] = {
    "no alerts at all": (body_of(), False),
    "wrong version": (body_of(GOOD, version="3"), True),
    "version is a number": (body_of(GOOD, version=4), True),
    "no version": ({"alerts": [GOOD]}, True),
    "missing labels": (body_of(GOOD, alert(labels={})), True),
    "labels are null": (body_of(GOOD, alert(labels=None)), True),
    "labels are a list": (body_of(GOOD, alert(labels=["a"])), True),
    "a label is a number": (body_of(GOOD, alert(labels={"alertname": 1})), True),
    "an alert is a number": (body_of(GOOD, 7), True),
    "an alert is deep, but not too deep": (
        body_of(GOOD, alert(annotations=json.loads("[" * 500 + "]" * 500))),
        True,
    ),
    "100,000 labels": (
        body_of(GOOD | {"labels": {"alertname": "Good"} | {f"l{n}": str(n) for n in range(100_000)}}),
        False,
    ),
    "NUL characters": (body_of(alert(labels={"alertname": "Good", "a\x00b": "c\x00d"})), False),
    "lone surrogates": (body_of(alert(labels={"alertname": "Good", "a": "\ud800"})), False),
    "a year too far": (body_of(GOOD, alert(startsAt="99999-01-01T00:00:00Z")), True),
    "a year that is not set": (body_of(GOOD, alert(startsAt="0001-01-01T00:00:00Z")), True),
    "a date that is none": (body_of(GOOD, alert(startsAt="yesterday")), True),
    "a date without a zone": (body_of(GOOD, alert(startsAt="2026-11-23T12:00:00")), True),
    "a date that is a number": (body_of(GOOD, alert(startsAt=1_700_000_000)), True),
    "no date": (body_of(GOOD, alert(startsAt=None)), True),
    "a status that is none": (body_of(GOOD, alert(status="burning")), True),
    "one unreadable alert among thirty": (body_of(*THIRTY[:15], "what?", *THIRTY[15:]), True),
    "fields nobody knows": (body_of(GOOD | {"new": {"field": []}}, later="yes"), False),
    "a label of a megabyte": (body_of(alert(labels={"alertname": "Good", "a": "x" * MIB})), False),
    "truncated": (body_of(GOOD, truncatedAlerts=25), False),
    "truncated by nonsense": (body_of(GOOD, truncatedAlerts="many"), False),
    "the same alert twice": (body_of(GOOD, GOOD), False),
}


@pytest.mark.parametrize("body, alarms", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_a_body_with_a_list_of_alerts_is_accepted_and_nothing_of_it_is_lost(shipped_face, body, alarms):
    assert (await shipped_face.webhook(body)).status == 200
    await shipped_face.world.settle()
    assert await journal(shipped_face) == [Stored.DONE]
    found = await incidents(shipped_face)
    assert [title for rule, title in found if rule != SELF] == (["Good"] if body["alerts"] else [])
    assert any(rule == SELF for rule, _ in found) is alarms
    assert (await shipped_face.get("/healthz")).status == 200


async def test_all_readable_alerts_of_thirty_are_counted(shipped_face):
    await shipped_face.webhook(ACCEPTED["one unreadable alert among thirty"][0])
    await shipped_face.world.settle()
    assert (await shipped_face.world.story("I1")).incident.firing == 29


HOSTILE = "Disk\r\nlevel=error \x1b[2J<script>alert(1)</script> *b* <!channel> \u202e gnp.exe"


async def test_a_hostile_name_breaks_no_log_and_no_message(shipped_face, capsys):
    body = body_of(alert(labels={"alertname": HOSTILE, "level": "3"}, annotations={"summary": HOSTILE}))
    assert (await shipped_face.webhook(body)).status == 200
    await shipped_face.world.settle()
    sent = [one.message for channel in shipped_face.world.channels.values() for one in channel.ledger]
    assert sent
    for message in sent:
        for line in (message.headline, *message.body):
            assert not set(line) & set("\r\n\x1b\u202e"), line
    logged = capsys.readouterr()
    assert "level=error \x1b[2J" not in logged.out + logged.err
    assert not [line for line in logged.out.splitlines() if line.startswith("level=error")]


TEXTS = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
TIMES = st.sampled_from(
    ["2026-11-23T12:00:00Z", "0001-01-01T00:00:00Z", "2026-11-23T11:00:00+09:00", "9999-12-31T23:59:59Z"]
)
ALERTS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["firing", "resolved"]) | JSON,
        "labels": st.dictionaries(
            st.sampled_from(["alertname", "level", "severity", "cluster"]) | TEXTS, TEXTS
        )
        | JSON,
        "annotations": st.dictionaries(st.sampled_from(["summary", "runbook_url"]) | TEXTS, TEXTS) | JSON,
        "startsAt": TIMES | JSON,
        "endsAt": TIMES | JSON,
        "generatorURL": JSON,
        "fingerprint": st.sampled_from(["0123456789abcdef", ""]) | JSON,
    },
)
BODIES = st.fixed_dictionaries(
    {"alerts": st.lists(ALERTS | JSON, max_size=5)},
    optional={
        "version": st.just("4") | JSON,
        "status": st.sampled_from(["firing", "resolved"]) | JSON,
        "groupKey": JSON,
        "truncatedAlerts": JSON,
        "receiver": JSON,
        "externalURL": JSON,
    },
)
fuzz = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@in_memory
@fuzz
@given(body=BODIES)
async def test_any_object_with_a_list_of_alerts_is_accepted_and_consumed(shipped_face, body):
    said = await shipped_face.webhook(body)
    assert said.status == 200, said
    await shipped_face.world.service.intake.consume()
    after = JournalId(said.json()["journal"] - 1)
    [stored] = await shipped_face.world.service.views.journal(after=after, limit=1)
    assert stored.state is Stored.DONE, stored.detail


@in_memory
@fuzz
@given(raw=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
async def test_any_bytes_are_answered_and_never_with_a_5xx(face, raw):
    said = await face.webhook(raw)
    try:
        found = json.loads(raw.decode("utf-8-sig"))
    except ValueError:
        found = None
    taken = isinstance(found, dict) and isinstance(found.get("alerts"), list)
    assert said.status == (200 if taken else 400), said


# Who keeps being refused


async def rejected(face: Face) -> list[tuple[str, str]]:
    """Title and state of each alarm about a peer."""
    await face.world.settle()
    found, _ = await face.world.service.views.incidents(SummaryQuery(rule=SELF))
    return [(summary.title, summary.standing.value) for summary in found if "rejected" in summary.key]


@pytest.mark.parametrize(
    "headers, data, status",
    [
        pytest.param({"Authorization": "Bearer wrong"}, b"{}", 401, id="401"),
        pytest.param({"Authorization": "Bearer token-one"}, b"nonsense", 400, id="400"),
        pytest.param({"Authorization": "Bearer token-one"}, b" " * 10_001, 413, id="413"),
    ],
)
async def test_a_peer_that_is_refused_ten_times_is_an_alarm_until_it_is_accepted(
    guarded, headers, data, status
):
    for _ in range(9):
        assert (await guarded.post(WEBHOOK, data=data, headers=headers)).status == status
    assert await rejected(guarded) == []
    for _ in range(3):
        assert (await guarded.post(WEBHOOK, data=data, headers=headers)).status == status
    assert await rejected(guarded) == [("responder: rejected 127.0.0.1", "open")]

    assert (await guarded.webhook(body_of(alert()), token="token-two")).status == 200
    assert await rejected(guarded) == [("responder: rejected 127.0.0.1", "resolved")]


async def test_few_refusals_in_a_long_time_are_no_alarm(guarded):
    for _ in range(30):
        assert (await guarded.webhook({}, token="wrong")).status == 401
        guarded.world.clock.advance(seconds=34)
    assert await rejected(guarded) == []


async def test_an_alarm_that_cannot_be_recorded_changes_no_answer_and_is_raised_by_the_next(store):
    trouble = Trouble({"commit.alarm": Transient("the disk is full")})
    async with facing(await make_world(store, faults=trouble), GUARDED) as face:
        for _ in range(12):
            assert (await face.webhook({}, token="wrong")).status == 401
        assert await rejected(face) == []
        trouble.failures.clear()
        assert (await face.webhook({}, token="wrong")).status == 401
        assert len(await rejected(face)) == 1


# Heartbeats


async def test_a_beat_is_heard(face):
    said = await face.post("/heartbeats/nightly")
    assert said.status == 200
    await face.world.advance(minutes=59)
    assert await incidents(face) == []
    await face.world.advance(minutes=2)
    assert [rule for rule, _ in await incidents(face)] == ["heartbeat"]
    assert (await face.post("/heartbeats/nightly", data=b"whatever it says")).status == 200


@in_memory
@pytest.mark.parametrize("name", ["nothing", "watchdog", "%00", "a" * 300, "%2e%2e%2f"])
async def test_a_beat_of_what_is_not_heard_by_http_is_not_found(face, name):
    assert (await face.post(f"/heartbeats/{name}")).problem == "unknown"


@pytest.mark.parametrize("role, may", [(Role.VIEWER, False), (Role.RESPONDER, True), (Role.ADMIN, True)])
async def test_an_api_token_may_beat_if_it_is_more_than_a_viewers(guarded, role, may):
    fresh = await guarded.world.service.tokens.make(name="cron", role=role, contact=ContactName("first"))
    said = await guarded.post("/heartbeats/nightly", token=fresh.secret)
    assert (said.status == 200) is may
    assert (await guarded.webhook(body_of(), token=fresh.secret)).problem == "unauthenticated"
