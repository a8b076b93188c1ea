from __future__ import annotations

import json

import pytest

from responder.web.auth import Doors
from tests.cli.desk import Desk, at_desk
from tests.engine.world import make_world
from tests.fakes.store import MemoryStore
from tests.house.tree import ROOT

SAMPLE = ROOT / "tests" / "samples" / "alertmanager" / "firing-grouped-30.json"


async def titles(desk: Desk) -> list[str]:
    await desk.world.settle()
    return await desk.world.incidents()


async def test_one_command_sends_a_first_alert_and_says_where_to_look(desk):
    ran = await desk.done("send")
    assert (
        f"{desk.url}/webhooks/alertmanager accepted a sample alert (alertname=ResponderSample, level=2)"
        in ran.out
    )
    assert "responder incidents list" in ran.out
    assert "responder send --resolved" in ran.out
    story = await desk.world.story()
    assert (story.incident.title, int(story.incident.level)) == (
        "A sample alert sent by hand: nothing is broken",
        2,
    )
    assert desk.world.handed("to-first")


async def test_the_same_sample_again_is_the_same_trouble_and_its_end_ends_it(desk):
    for _ in range(2):
        await desk.done("send", "--level", 3, "--label", "zone=a")
    assert len(await titles(desk)) == 1
    ran = await desk.done("send", "--level", 3, "--label", "zone=a", "--resolved")
    assert "the end of a sample alert" in ran.out
    assert (await desk.world.story()).standing == "resolved"


@pytest.mark.parametrize(
    "options, labels",
    [
        ([], {"alertname": "ResponderSample", "level": "2"}),
        (["--level", 4], {"alertname": "ResponderSample", "level": "4"}),
        (["--label", "severity=info"], {"alertname": "ResponderSample", "severity": "info"}),
        (["--label", "level=3"], {"alertname": "ResponderSample", "level": "3"}),
        (["--label", "level=3", "--level", 1], {"alertname": "ResponderSample", "level": "1"}),
        (["--alertname", "X", "--label", "a=b=c"], {"alertname": "X", "a": "b=c", "level": "2"}),
    ],
    ids=str,
)
async def test_the_sample_is_made_of_the_options(desk, options, labels):
    await desk.done("send", *options, "--summary", "just so")
    async with desk.world.store.reading() as reader:
        [stored] = await reader.bodies(0, 10)
    [alert] = json.loads(stored.body)["alerts"]
    assert alert["labels"] == labels
    assert alert["annotations"] == {"summary": "just so"}


async def test_a_file_or_standard_input_is_posted_as_it_is(desk):
    ran = await desk.done("send", SAMPLE, "--output", "json")
    assert ran.json() == {"url": f"{desk.url}/webhooks/alertmanager", "journal": 1}
    await desk.done("send", "-", stdin=SAMPLE.read_bytes())
    async with desk.world.store.reading() as reader:
        bodies = [stored.body for stored in await reader.bodies(0, 10)]
    assert bodies == [SAMPLE.read_bytes()] * 2


@pytest.mark.parametrize(
    "words, code, said",
    [
        (("nowhere.json",), 2, "nowhere.json cannot be read"),
        (("--label", "x"), 2, "is no label"),
        (("--level", 5), 2, "--level"),
    ],
    ids=str,
)
async def test_what_cannot_be_sent_is_told(desk, words, code, said):
    ran = await desk.run("send", *words)
    assert ran.code == code
    assert said in ran.err


async def test_what_is_no_body_is_refused_with_the_reason(desk):
    ran = await desk.run("send", "-", stdin=b"[1, 2")
    assert ran.code == 2
    assert "not JSON" in ran.err


@pytest.mark.parametrize(
    "env, code",
    [
        ({"RESPONDER_WEBHOOK_TOKEN": "canary-2,canary-1"}, 0),
        ({"RESPONDER_WEBHOOK_TOKEN": "canary-3"}, 4),
        ({"RESPONDER_WEBHOOK_TOKEN_FILE": "token"}, 0),
        ({"RESPONDER_WEBHOOK_TOKEN_FILE": "nowhere"}, 2),
        ({"RESPONDER_WEBHOOK_BASIC": "am:canary:päss"}, 0),
        ({"RESPONDER_WEBHOOK_BASIC": "am:canary"}, 4),
        ({}, 4),
    ],
    ids=str,
)
async def test_the_credential_is_that_of_the_settings_and_never_told(tmp_path, env, code):
    (tmp_path / "token").write_text("canary-1\n")
    doors = Doors(tokens=("canary-1", "canary-2"), basic="am:canary:päss")
    async with at_desk(await make_world(MemoryStore()), doors=doors) as desk:
        ran = await desk.run("send", env=env)
        assert ran.code == code, ran
        assert "canary" not in ran.out + ran.err
        if code == 4:
            assert "RESPONDER_WEBHOOK_TOKEN" in ran.err


async def test_another_address_can_be_named(desk):
    ran = await desk.run("--url", "http://127.0.0.1:9", "send", "--to", f"{desk.url}/webhooks/alertmanager")
    assert ran.code == 0
    ran = await desk.run("send", "--to", f"{desk.url}/nowhere")
    assert ran.code == 1
    assert "nothing is at this path" in ran.err


async def test_what_answers_and_is_no_responder_is_told(desk):
    ran = await desk.run("send", "--to", f"{desk.url}/")
    assert ran.code == 2
    assert "this path takes" in ran.err
