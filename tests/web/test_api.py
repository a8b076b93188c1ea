"""The API: every operation, its answers as described, who may, and what is refused in which words."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from responder.core.errors import Fault, PolicyFaults
from responder.core.identifiers import ContactName
from responder.engine.commands import Role
from responder.web.api import OPERATIONS, ROOT
from responder.web.operations import Operation
from tests.engine.plan import LADDER, book, plan
from tests.engine.world import make_world
from tests.fakes.beacon import FakeBeacon
from tests.fakes.channel import FailsForGood, FailsForNow, Hangs
from tests.fakes.clock import FakeClock
from tests.web.described import Described
from tests.web.face import Face, body_of, facing

# Tables about what does not reach the store.
in_memory = pytest.mark.parametrize("store", ["memory"], indirect=True)
EXERCISED: set[str] = set()


@pytest.fixture
async def admin(face: Face) -> str:
    fresh = await face.world.service.tokens.make(name="root", role=Role.ADMIN, contact=ContactName("first"))
    return fresh.secret


@pytest.fixture
async def api(face: Face, admin: str) -> AsyncIterator[Described]:
    """As the person `first`, who may do everything."""
    document = (await face.get("/api/openapi.json")).json()
    found = Described(face, document, admin)
    yield found
    EXERCISED.update(found.asked)


async def token_of(api: Described, role: str, contact: str | None = None) -> Described:
    body = {"name": f"a {role} {contact}", "role": role, "contact": contact}
    made = await api.post("/tokens", body)
    assert made.status == 201, made
    return api.as_(made.json()["secret"])


# The description


async def test_the_description_is_openapi(face):
    document = (await face.get("/api/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()


def test_every_operation_has_an_id_and_a_path_of_its_own():
    assert len({one.id for one in OPERATIONS}) == len(OPERATIONS)
    assert len({(one.method, one.path) for one in OPERATIONS}) == len(OPERATIONS)


async def test_what_a_request_may_hold_is_described(api):
    ack = api.document["paths"]["/api/v1/incidents/{incident}/ack"]["post"]
    assert ack["requestBody"]["required"] is False
    schema = ack["requestBody"]["content"]["application/json"]["schema"]
    shape = api.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert set(shape["properties"]) == {"for", "revision"}
    assert shape["additionalProperties"] is False
    listing = api.document["paths"]["/api/v1/incidents"]["get"]["parameters"]
    assert [one["name"] for one in listing] == ["state", "level", "rule", "holder", "text", "before", "limit"]


# Reading


async def test_incidents_are_listed_newest_first_page_by_page(api):
    for name in ("Disk", "Node", "Zone"):
        await api.face.world.fire(name)
    first = (await api.get("/incidents?limit=2")).json()
    assert [one["incident"] for one in first["incidents"]] == ["I3", "I2"]
    second = (await api.get("/incidents", params={"limit": 2, "before": first["next"]})).json()
    assert [one["title"] for one in second["incidents"]] == ["Disk"]
    assert second["next"] is None


@pytest.mark.parametrize(
    "query, found",
    [
        pytest.param("state=open", ["I3", "I2"], id="state"),
        pytest.param("state=acknowledged", ["I1"], id="another state"),
        pytest.param("state=open&state=acknowledged", ["I3", "I2", "I1"], id="states"),
        pytest.param("state=open,acknowledged", ["I3", "I2", "I1"], id="states by comma"),
        pytest.param("level=3", ["I2"], id="level"),
        pytest.param("level=2&level=3", ["I3", "I2", "I1"], id="levels"),
        pytest.param("rule=level-label", ["I2"], id="rule"),
        pytest.param("holder=first", ["I1"], id="holder"),
        pytest.param("text=DIS", ["I1"], id="text"),
        pytest.param("text=node&state=resolved", [], id="both must hold"),
        pytest.param("state=closed", [], id="none"),
    ],
)
async def test_incidents_are_filtered(api, query, found):
    await api.face.world.fire("Disk")
    await api.face.world.fire("Node", level="3")
    await api.face.world.fire("Zone")
    await api.post("/incidents/I1/ack")
    said = (await api.get(f"/incidents?{query}")).json()
    assert [one["incident"] for one in said["incidents"]] == found


async def test_an_incident_is_shown_whole(api):
    world = api.face.world
    await world.fire("Disk", level="3", node="n1")
    await world.advance(minutes=15)
    shown = (await api.get("/incidents/I1")).json()

    assert shown["title"] == "Disk"
    assert shown["state"] == "open"
    assert shown["level"] == 3
    assert shown["level_name"] == "severe"
    assert [alert["labels"]["node"] for alert in shown["alerts"]] == ["n1"]
    assert [(rung["after"], rung["happened"], rung["people"]) for rung in shown["ladder"]] == [
        ("0s", True, []),
        ("0s", True, ["First"]),
        ("15m", True, ["Second"]),
        ("30m", False, ["Third"]),
    ]
    assert [rung["step"] for rung in shown["ladder"]] == [1, 2, 3, 4]
    assert [rung["is_current"] for rung in shown["ladder"]] == [False, False, True, False]
    assert shown["ladder"][3]["at"] == shown["next_due"] == "2026-11-23T12:30:00Z"
    assert [(page["contact"], page["state"], page["step"]) for page in shown["pages"]] == [
        ("first", "accepted", 2),
        ("second", "accepted", 3),
    ]
    [attempt] = shown["pages"][0]["attempts"]
    assert attempt["outcome"] == "accepted"
    assert attempt["words"] == "handed over to to-first for first (attempt 1)"
    assert [(duty["duty"], duty["state"]) for duty in shown["duties"]] == [("external_notice", "owed")]
    assert [notice["channel"] for notice in shown["notices"]] == ["board"]
    assert shown["audit"]["lines"][0]["words"] == "opened by rule level-label at level 3"


@pytest.mark.parametrize("name", ["I1", "i1", "1"])
async def test_an_incident_goes_by_its_number_too(api, name):
    await api.face.world.fire()
    assert (await api.get(f"/incidents/{name}")).json()["incident"] == "I1"


@in_memory
@pytest.mark.parametrize("name", ["I2", "x", "I0", "-1", "I" + "9" * 30, "I%00", "%E2%80%AE", "I1%0A"])
@pytest.mark.parametrize("rest", ["", "/audit", "/repin"])
async def test_an_incident_that_there_is_not_is_not_found(api, name, rest):
    await api.face.world.fire()
    assert (await api.get(f"/incidents/{name}{rest}")).problem == "unknown"


async def test_a_command_on_an_incident_that_there_is_not_is_not_found(api):
    said = await api.post("/incidents/I9/ack")
    assert said.problem == "unknown"
    assert "responder incidents list" in said.json()["detail"]


async def test_the_audit_is_read_on_from_where_it_was(api):
    await api.face.world.fire()
    await api.post("/incidents/I1/note", {"text": "seen"})
    whole = (await api.get("/incidents/I1/audit")).json()
    assert whole["next"] is None
    first = (await api.get("/incidents/I1/audit?limit=1")).json()
    rest = (await api.get(f"/incidents/I1/audit?after={first['next']}")).json()
    assert first["lines"] + rest["lines"] == whole["lines"]
    assert whole["lines"][-1]["actor"] == "first"


# Attempts, in words


async def test_a_page_sent_before_the_acknowledgement_is_told_so(api):
    world = api.face.world
    (await world.post(world.alert(), truncated=0))
    await world.service.intake.consume()
    world.channels["to-first"].script(Hangs())
    await world.service.timers.fire_due()
    await world.service.outbox.claim()
    await world.channels["to-first"].until_handed()
    assert (await api.post("/incidents/I1/ack")).json()["code"] == "escalation.acknowledged"
    in_flight = (await api.get("/incidents/I1")).json()["pages"][0]
    assert in_flight["attempts"][0]["outcome"] == "in_flight"
    assert in_flight["words"] == "not needed any more, but it was on its way already"

    world.channels["to-first"].release()
    await world.settle()
    [page, *_] = (await api.get("/incidents/I1")).json()["pages"]
    assert page["state"] == "withdrawn"
    assert page["attempts"][0]["words"].startswith("sent before the acknowledgement")


async def test_each_attempt_says_what_came_of_it(api):
    world = api.face.world
    world.channels["to-first"].script(FailsForNow(), FailsForGood())
    await world.fire()
    await world.advance(minutes=1)
    [page, *_] = (await api.get("/incidents/I1")).json()["pages"]
    assert [attempt["outcome"] for attempt in page["attempts"]] == ["transient", "permanent"]
    assert page["attempts"][0]["words"].endswith("scripted to fail for now; tried again")
    assert page["attempts"][1]["words"].startswith("no method of first took it")
    assert page["state"] == "failed"


# Commands


async def test_an_incident_is_taken_and_given_back(api):
    await api.face.world.fire()
    taken = (await api.post("/incidents/I1/ack", {"for": "30m"})).json()
    assert taken["code"] == "escalation.acknowledged"
    assert taken["words"] == "first acknowledged until 2026-11-23 12:30 UTC"
    assert taken["incident"] == "I1"
    shown = (await api.get("/incidents/I1")).json()
    assert shown["revision"] == taken["revision"]
    assert shown["lease"] == {
        "holder": "first",
        "since": "2026-11-23T12:00:00Z",
        "until": "2026-11-23T12:30:00Z",
    }
    given = (await api.post("/incidents/I1/unack")).json()
    assert given["code"] == "escalation.unacknowledged"


async def test_the_same_command_on_the_same_revision_is_one_act(api):
    await api.face.world.fire()
    first = (await api.post("/incidents/I1/note", {"text": "seen", "revision": 1})).json()
    again = (await api.post("/incidents/I1/note", {"text": "seen", "revision": 1})).json()
    assert (first["code"], again["code"]) == ("incident.note", "command.repeated")


async def test_every_command_is_done(api):
    await api.face.world.fire("Disk", level="3")
    for path, body, code in [
        ("level", {"level": 4, "reason": "the cloud is gone"}, "incident.level_set"),
        ("escalate", {}, "escalation.escalated"),
        ("snooze", {"for": "5m"}, "escalation.snoozed"),
        ("note", {"text": "  looked at it  "}, "incident.note"),
        ("duties/external_notice/sent", {"proof": "https://status.example/1"}, "duty.sent"),
        ("duties/external_notice/waive", {"reason": "no need"}, "duty.already_done"),
        ("resolve", {"reason": "it is over"}, "incident.resolved_still_firing"),
        ("ack", {}, "escalation.acknowledged_late"),
    ]:
        said = await api.post(f"/incidents/I1/{path}", body)
        assert said.status == 200, said
        assert said.json()["code"] == code
        assert said.json()["words"] != code
    assert (await api.get("/incidents/I1")).json()["state"] == "resolved"


async def test_a_duty_that_there_is_not_is_not_found(api):
    await api.face.world.fire("Disk", level="3")
    assert (await api.post("/incidents/I1/duties/regulator/sent", {"proof": "x"})).problem == "unknown"


async def test_an_incident_is_declared_by_hand(api):
    body = {"title": "The cloud is gone", "level": 4, "labels": {"cloud": "all"}}
    made = await api.post("/incidents", body)
    assert made.status == 201
    shown = (await api.get(f"/incidents/{made.json()['incident']}")).json()
    assert shown["title"] == "The cloud is gone"
    assert shown["declared_by"] == "first"
    assert shown["group"] == {"cloud": "all"}


async def test_a_command_that_takes_long_is_not_recorded_yet_and_done_all_the_same(api):
    world = api.face.world
    await world.fire()
    await api.get("/status")  # the token's use is noted now, and not within the next five minutes
    async with world.store.unit():  # somebody else writes
        call = asyncio.create_task(api.post("/incidents/I1/ack"))
        await world.clock.until_sleeping()
        world.clock.advance(seconds=2)
        answer = await call
    said = answer.json()
    assert answer.status == 202
    assert said["code"] == "command.not_recorded_yet"
    assert said["incident"] == "I1"
    await world.service.commands.settle()
    assert (await api.get("/incidents/I1")).json()["lease"]["holder"] == "first"


# Policies


async def test_an_incident_moves_to_todays_policies_after_the_difference_was_seen(api):
    world = api.face.world
    await world.fire()
    same = (await api.get("/incidents/I1/repin")).json()
    assert same["lines"] == []

    documents = plan()
    documents["escalation"]["policies"]["matrix"][2] = {
        "steps": [*LADDER, {"after": "2h", "page": ["first"]}]
    }
    world.shelf.book = book(documents)
    assert (await api.post("/policies/reload")).json()["faults"] == []
    difference = (await api.get("/incidents/I1/repin")).json()
    assert any(line.startswith("+ level 2") for line in difference["lines"])
    stale = await api.post("/incidents/I1/repin", {"pin": same["pin"]})
    assert stale.problem == "refused"
    moved = (await api.post("/incidents/I1/repin", {"pin": difference["pin"]})).json()
    assert moved["code"] == "incident.repinned"
    assert (await api.get("/incidents/I1")).json()["pin"] == difference["pin"]


async def test_an_incident_whose_policy_is_gone_cannot_be_moved(api):
    world = api.face.world
    await world.fire()
    documents = plan()
    documents["escalation"]["policies"] = {"other": documents["escalation"]["policies"]["matrix"]}
    for rule in [*documents["levels"]["rules"], documents["levels"]["self"], documents["levels"]["declared"]]:
        if "escalation" in rule:
            rule["escalation"] = "other"
    for heartbeat in documents["heartbeats"]["heartbeats"].values():
        heartbeat["escalation"] = "other"
    world.shelf.book = book(documents)
    assert (await api.post("/policies/reload")).json()["faults"] == []
    assert (await api.get("/incidents/I1/repin")).problem == "refused"


async def test_policies_that_are_not_whole_are_refused_with_every_fault(api):
    before = (await api.get("/policies")).json()
    assert before["faults"] == []
    api.face.world.shelf.faults = PolicyFaults((Fault("levels.yaml", 7, "no such level", "write 1 to 4"),))
    said = (await api.post("/policies/reload")).json()
    assert said["hash"] == before["hash"]
    assert said["faults"] == [
        {"file": "levels.yaml", "line": 7, "what": "no such level", "instead": "write 1 to 4"}
    ]
    assert (await api.get("/policies")).json() == said


# The service


async def test_the_status_tells_how_the_service_is_doing(api):
    world = api.face.world
    await world.fire()
    await api.face.webhook(body_of(world.alert("Node")))
    world.clock.advance(minutes=16)
    await world.service.replicas.tell()
    said = (await api.get("/status")).json()
    assert said["ready"] is True
    assert said["problems"] == {}
    assert said["waiting_bodies"] == 1
    assert said["set_aside_bodies"] == 0
    assert said["oldest_overdue_seconds"]["timer"] == 60.0
    assert said["speechless_contacts"] == {}


async def test_the_status_tells_whether_anybody_watches_us_and_what_they_hear(store):
    clock = FakeClock()
    beacon = FakeBeacon(clock)
    world = await make_world(store, clock=clock, beacon=beacon)
    fresh = await world.service.tokens.make(name="root", role=Role.ADMIN, contact=ContactName("first"))
    async with facing(world) as face:
        api = Described(face, (await face.get("/api/openapi.json")).json(), fresh.secret)
        await world.service.outward.beat()
        beat = (await api.get("/status")).json()["outward_beat"]
        assert (beat["arrived_at"], beat["problem"]) == (None, "")
        assert set(beat["withheld"]) == {"auditor"}
        await world.service.replicas.load()
        await world.service.auditor.look()
        await world.service.outward.beat()
        beat = (await api.get("/status")).json()["outward_beat"]
        assert (beat["arrived_at"], beat["withheld"]) == ("2026-11-23T12:00:00Z", {})
        beacon.always(FailsForNow())
        await world.service.outward.beat()
        beat = (await api.get("/status")).json()["outward_beat"]
        assert beat["problem"] == "outward beat: scripted to fail for now"


async def test_the_status_tells_that_no_channel_takes_anything(api):
    world = api.face.world
    said = (await api.get("/status")).json()
    assert (said["isolated_since"], said["outward_beat"]) == (None, None)
    for channel in world.channels.values():
        channel.always(FailsForNow())
    await world.fire()
    assert (await api.get("/status")).json()["isolated_since"] == "2026-11-23T12:00:00Z"


async def test_channels_that_print_and_people_without_a_method_are_named(api):
    world = api.face.world
    world.unconfigured.add("board")
    documents = plan()
    documents["contacts"]["contacts"]["third"]["methods"] = []
    documents["channels"]["channels"]["board"] = {"fake": {"changed": True}}
    world.shelf.book = book(documents)
    await api.post("/policies/reload")
    said = (await api.get("/status")).json()
    assert said["fallback_channels"] == {"board": "channel board: its address is not set"}
    assert list(said["speechless_contacts"]) == ["third"]


async def test_the_journal_is_read_on_from_where_it_was(api):
    raw = ['{"alerts": [1]}', '{"alerts": [2]}', '{"alerts": [3]}']
    for body in raw:
        assert (await api.face.webhook(body.encode())).status == 200
    first = (await api.get("/journal?limit=2")).json()
    assert [body["body"] for body in first["bodies"]] == raw[:2]
    rest = (await api.get(f"/journal?after={first['next']}")).json()
    assert [body["body"] for body in rest["bodies"]] == raw[2:]
    assert rest["next"] is None
    assert {body["encoding"] for body in first["bodies"]} == {"text"}
    assert first["bodies"][0]["peer"] == "127.0.0.1"


@in_memory
async def test_a_page_of_the_journal_ends_when_it_is_large(api):
    for _ in range(3):
        await api.face.world.post_raw(b" " * (9 * 1024 * 1024))
    first = (await api.get("/journal")).json()
    assert [body["id"] for body in first["bodies"]] == [1, 2]
    assert [body["id"] for body in (await api.get("/journal?after=2")).json()["bodies"]] == [3]


async def test_a_body_that_is_no_text_is_told_in_base64(api):
    await api.face.world.post_raw(b"\xff\x00")
    [body] = (await api.get("/journal")).json()["bodies"]
    assert body["encoding"] == "base64"
    assert base64.b64decode(body["body"]) == b"\xff\x00"


# Tokens


async def test_a_token_is_made_used_replaced_without_a_gap_and_revoked(api):
    old = await token_of(api, "viewer")
    made = (await api.post("/tokens", {"name": "next", "role": "viewer", "lasts": "90d"})).json()
    assert made["token"]["expires_at"] == "2027-02-21T12:00:00Z"
    new = api.as_(made["secret"])
    assert (await old.get("/status")).status == (await new.get("/status")).status == 200
    listed = (await api.get("/tokens")).json()["tokens"]
    assert sorted(one["name"] for one in listed) == ["a viewer None", "next", "root"]
    assert made["secret"] not in str(listed)

    gone = await api.delete("/tokens/a%20viewer%20None")
    assert gone.json()["revoked_at"] == "2026-11-23T12:00:00Z"
    refused = await old.get("/status")
    assert refused.problem == "unauthenticated"
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert (await api.delete("/tokens/nobody")).problem == "unknown"


async def test_an_expired_token_is_none(api):
    made = (await api.post("/tokens", {"name": "short", "role": "viewer", "lasts": "1h"})).json()
    api.face.world.clock.advance(hours=1)
    assert (await api.as_(made["secret"]).get("/status")).problem == "unauthenticated"


@in_memory
@pytest.mark.parametrize(
    "body, problem",
    [
        pytest.param({"name": "root", "role": "viewer"}, "refused", id="the name is taken"),
        pytest.param({"name": "x", "role": "viewer", "contact": "nobody"}, "refused", id="no such person"),
        pytest.param({"name": "x", "role": "viewer", "contact": "on-call"}, "refused", id="a roster"),
        pytest.param({"name": "x", "role": "king"}, "invalid", id="no such role"),
        pytest.param({"name": "x\ny", "role": "viewer"}, "invalid", id="a name of two lines"),
        pytest.param({"name": "x", "role": "viewer", "lasts": "0s"}, "invalid", id="lasts no time"),
        pytest.param({"name": "x", "role": "viewer", "lasts": 30}, "invalid", id="a bare number"),
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(api, body, problem):
    assert (await api.post("/tokens", body)).problem == problem


# Who may


def path_of(operation: Operation) -> str:
    return ROOT + operation.path.format(incident="I1", digest="D1", duty="external_notice", token="nobody")


@in_memory
@pytest.mark.parametrize("role", list(Role))
async def test_an_operation_is_for_its_role_and_those_above(face, role):
    fresh = await face.world.service.tokens.make(name="t", role=role, contact=ContactName("first"))
    said = {one.id: await face.call(one.method, path_of(one), token=fresh.secret) for one in OPERATIONS}
    let_in = {name for name, answer in said.items() if answer.status != 403}
    assert let_in == {one.id for one in OPERATIONS if role.covers(one.role)}


@in_memory
@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Bearer ", "Basic cm9vdDpyb290", "\xff"])
async def test_nobody_asks_without_a_valid_token(face, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    for operation in OPERATIONS:
        said = await face.call(operation.method, path_of(operation), headers=headers)
        assert said.problem == "unauthenticated", operation.id
        assert said.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_that_belongs_to_nobody_commands_nothing(api):
    await api.face.world.fire()
    machine = await token_of(api, "responder")
    assert (await machine.get("/incidents/I1")).status == 200
    assert (await machine.post("/incidents/I1/ack")).problem == "forbidden"


async def test_a_digest_is_shown_with_every_incident_that_it_carries(api):
    documents = plan()
    documents["escalation"]["storm"] = {"incidents": 4}
    world = api.face.world
    world.service.policies.replace(book(documents))
    await world.post(*(world.alert(f"A{number}") for number in range(30)))
    await world.settle()
    await world.advance(seconds=40)
    [page] = (await api.get("/incidents/I1")).json()["pages"]
    await api.post("/incidents/I2/ack")
    await api.post("/incidents/I3/level", {"level": 3, "reason": "it grew"})
    await api.post("/incidents/I4/resolve")
    shown = (await api.get(f"/digests/{page['digest']}")).json()
    assert (shown["digest"], shown["contact"], shown["state"]) == (page["digest"], "first", "accepted")
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["accepted"]
    told = {
        each["incident"]: (each["title"], each["told_level"], each["level"], each["state"])
        for each in shown["members"]
    }
    assert sorted(told) == sorted(f"I{number}" for number in range(1, 31))
    assert told["I1"] == ("A0", 2, 2, "open")
    assert told["I2"] == ("A1", 2, 2, "acknowledged")
    assert told["I3"] == ("A2", 2, 3, "open")
    assert told["I4"] == ("A3", 2, 2, "resolved")
    assert (shown["holders"], shown["unanswered"]) == ({"first": 1}, 28)
    assert (await api.get("/digests/d99")).problem == "unknown"
    assert (await api.get("/digests/I1")).problem == "unknown"
    assert (await api.get("/digests/I1-p1")).problem == "unknown"


# What is asked wrongly


@in_memory
@pytest.mark.parametrize(
    "path, body, where",
    [
        pytest.param("ack", {"foo": 1}, "foo", id="unknown field"),
        pytest.param("ack", {"for": "0s"}, "for", id="no time"),
        pytest.param("ack", {"for": 30}, "for", id="a bare number"),
        pytest.param("ack", {"for": "soon"}, "for", id="no duration"),
        pytest.param("ack", {"revision": "1"}, "revision", id="a number as text"),
        pytest.param("ack", {"revision": -1}, "revision", id="a revision below nought"),
        pytest.param("ack", {"revision": 2**70}, "revision", id="a revision beyond all"),
        pytest.param("ack", [], "body", id="a list"),
        pytest.param("ack", None, "", id="not JSON"),
        pytest.param("level", {"level": 5, "reason": "x"}, "level", id="level 5"),
        pytest.param("level", {"level": True, "reason": "x"}, "level", id="level true"),
        pytest.param("level", {"level": 3}, "reason", id="no reason"),
        pytest.param("level", {"level": 3, "reason": "  "}, "reason", id="a blank reason"),
        pytest.param("note", {"text": "a\x00b"}, "text", id="NUL"),
        pytest.param("note", {"text": "x" * 2001}, "text", id="too long a text"),
        pytest.param("resolve", {"reason": "x\x00"}, "reason", id="NUL in what may be empty"),
        pytest.param("snooze", {}, "for", id="a snooze without end"),
    ],
)
async def test_a_command_that_cannot_be_read_names_what_is_wrong(api, path, body, where):
    await api.face.world.fire()
    before = (await api.get("/incidents/I1")).json()
    more: dict[str, Any] = {"data": b"{nope"} if body is None else {"json": body}
    said = await api.call("POST", f"/incidents/I1/{path}", **more)
    assert said.problem == "invalid"
    assert where in {part["where"] for part in said.json()["errors"]} or not where
    assert (await api.get("/incidents/I1")).json() == before


@in_memory
@pytest.mark.parametrize(
    "path, where",
    [
        ("/incidents?state=nonsense", "state.0"),
        ("/incidents?level=7", "level.0"),
        ("/incidents?limit=0", "limit"),
        ("/incidents?limit=201", "limit"),
        ("/incidents?limit=1&limit=2", "limit"),
        ("/incidents?before=x", "before"),
        ("/incidents?colour=red", "colour"),
        ("/incidents?before=99999999999999999999", "before"),
        ("/status?x=1", "x"),
        ("/journal?after=-1", "after"),
    ],
)
async def test_a_query_that_makes_no_sense_names_what_is_wrong(api, path, where):
    said = await api.face.get(f"/api/v1{path}", token=api.token)
    assert said.problem == "invalid"
    assert [part["where"] for part in said.json()["errors"]] == [where]


async def test_a_large_request_is_refused(api):
    await api.face.world.fire()
    said = await api.call("POST", "/incidents/I1/note", data=b" " * (256 * 1024 + 1))
    assert said.problem == "too-large"


@in_memory
@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"text":' * 20_000, b'{"text": "\\ud800"}', b"\xff\xfe"])
async def test_a_hostile_body_is_only_unreadable(api, body):
    await api.face.world.fire()
    said = await api.call("POST", "/incidents/I1/note", data=body)
    assert said.problem == "invalid"


async def test_while_it_stops_it_answers_questions_and_takes_no_commands(world):
    async with facing(world) as face:
        fresh = await world.service.tokens.make(name="t", role=Role.ADMIN, contact=ContactName("first"))
        world.service.is_stopping = True
        assert (await face.get("/api/v1/incidents", token=fresh.secret)).status == 200
        said = await face.post("/api/v1/incidents", token=fresh.secret, json={"title": "x", "level": 1})
        assert said.problem == "stopping"
        assert said.headers["Retry-After"]


async def test_every_operation_was_seen_to_succeed():
    """The last of this file: what the tests above have asked."""
    assert sorted({one.id for one in OPERATIONS} - EXERCISED) == []
