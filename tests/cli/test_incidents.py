from __future__ import annotations

import io
import json
import re
import socket
import sys
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from responder.cli.client import Api, open_http
from responder.cli.options import Session
from responder.cli.outcome import Exit, Forbidden
from responder.cli.story import tell_list, tell_story
from responder.core.identifiers import Kind, RecordKey
from responder.core.machines.escalation import Suppressed
from responder.core.machines.incident import AlertsDoubted
from responder.engine.commands import Role
from responder.engine.turn import Turn
from responder.engine.views import LINES
from responder.ports.store import Unit
from tests.builders import audit_line
from tests.cli.desk import at_desk
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.store import MemoryStore


async def test_the_list_shows_each_incident_in_a_row_newest_first(desk):
    await desk.world.fire("Disk", level="3")
    await desk.world.fire("Net", level="2")
    await desk.done("incidents", "ack", "I1")
    rows = [line.split() for line in (await desk.done("incidents", "list")).out.splitlines()]
    assert rows[0] == ["id", "level", "state", "firing", "age", "holder", "title"]
    assert [(row[0], row[1], row[2], row[5], row[6]) for row in rows[1:]] == [
        ("I2", "2", "open", "-", "Net"),
        ("I1", "3", "acknowledged", "first", "Disk"),
    ]


@pytest.mark.parametrize(
    "options, found",
    [
        ([], ["I3", "I2", "I1"]),
        (["--level", 3], ["I1"]),
        (["--level", 4, "--level", 3], ["I1"]),
        (["--state", "acknowledged"], ["I2"]),
        (["--state", "open", "--state", "acknowledged"], ["I3", "I2", "I1"]),
        (["--holder", "first"], ["I2"]),
        (["--text", "disk"], ["I1"]),
        (["--rule", "anything-else"], ["I3"]),
        (["--limit", 2], ["I3", "I2"]),
        (["--before", 3], ["I2", "I1"]),
        (["--state", "closed"], []),
        (["--all"], ["I3", "I2", "I1"]),
    ],
    ids=str,
)
async def test_the_list_can_be_narrowed(desk, options, found):
    await desk.world.fire("Disk", level="3")
    await desk.world.fire("Net", level="2")
    await desk.world.fire("Odd", severity="warning", level="")
    await desk.done("incidents", "ack", 2)
    listed = (await desk.done("incidents", "list", *options, "--output", "json")).json()
    assert [each["incident"] for each in listed["incidents"]] == found


async def test_closed_incidents_are_listed_only_where_they_are_asked_for(desk):
    await desk.world.fire("Disk", level="2")
    await desk.world.clear("Disk", level="2")
    await desk.world.advance(hours=2)
    assert (await desk.done("incidents", "list")).out == "no incidents\n"
    assert "closed" in (await desk.done("incidents", "list", "--all")).out


async def test_a_list_that_goes_on_says_how(desk):
    for name in ("A", "B", "C"):
        await desk.world.fire(name, level="2")
    ran = await desk.done("incidents", "list", "--limit", 2)
    assert "there are more: --before 2" in ran.err
    ran = await desk.done("incidents", "list", "--limit", 2, "--before", 2)
    assert ran.out.splitlines()[1].startswith("I1")


async def test_one_incident_is_told_whole(desk):
    await desk.world.fire("Disk", level="3", zone="a")
    await desk.world.advance(minutes=16)
    out = (await desk.done("incidents", "show", "i1")).out
    assert "I1 · level 3 severe · open · Disk" in out
    assert "since 2026-11-23 12:00 UTC" in out
    assert "1 of 1 alerts firing" in out
    assert "nobody has it" in out
    assert "next: step 4, page Third at 2026-11-23 12:30 UTC" in out
    assert "alertname=Disk; rule level-label" in out
    assert "Disk · level=3, zone=a" in out
    assert "external_notice  owed   2026-11-23 14:00 UTC  customers" in out
    assert "I1-p1  2026-11-23 12:00 UTC  accepted" in out
    assert "attempt 1 by to-first" in out
    assert "> 3" in out
    assert "opened by rule level-label at level 3" in out


async def test_it_is_told_who_has_it_and_what_comes_when_that_ends(desk):
    await desk.world.fire("Disk", level="3")
    ran = await desk.done("incidents", "ack", "I1", "--for", "30m")
    assert ran.out == "I1: first acknowledged until 2026-11-23 12:30 UTC\n"
    out = (await desk.done("incidents", "show", 1)).out
    assert "first has it until 2026-11-23 12:30 UTC" in out
    assert "next: it is open again, and its holder and the last step are paged at 2026-11-23 12:30 UTC" in out
    assert "held" in out


async def test_it_is_told_that_alertmanager_keeps_it_quiet_and_what_it_does_not_have(desk):
    await desk.world.fire("Disk", level="3")
    until = desk.world.clock.now() + timedelta(minutes=5)
    await tell(desk.world, Kind.ESCALATION, Suppressed(until=until, by=("s1", "s\x1b2")))
    out = (await desk.done("incidents", "show", 1)).out
    assert "nobody has it; Alertmanager keeps it quiet since 2026-11-23 12:00 UTC (s1, s\\x1b2)" in out
    assert (
        "next: nobody is paged while Alertmanager keeps it quiet, which it has to say again before "
        "2026-11-23 12:05 UTC"
    ) in out
    assert "suppressed" in (await desk.done("incidents", "list")).out
    assert "I1" in (await desk.done("incidents", "list", "--state", "suppressed")).out

    await tell(desk.world, Kind.INCIDENT, AlertsDoubted(subject="Disk"))
    out = (await desk.done("incidents", "show", 1)).out
    assert "no Alertmanager has its alerts any more: see whether it is over, and resolve it" in out


async def tell(world: World, kind: Kind, event: object) -> None:
    async def work(unit: Unit) -> None:
        turn = Turn(unit, world.clock.now())
        turn.tell(RecordKey(kind, "I1"), event)
        await world.service.handle.finish(turn)

    await world.service.points.commit("commit.reconcile", work)


@pytest.mark.parametrize(
    "ack, snooze, next_",
    [
        ("", "20m", "the snooze ends, and first, whoever had it last and the last step are paged at 12:20"),
        ("30m", "10m", "it is open again, and its holder and the last step are paged at 12:30"),
        (
            "10m",
            "20m",
            "the snooze ends, and first, whoever had it last and the last step are paged at 12:20",
        ),
        (
            "20m",
            "20m",
            "the snooze ends, and first, whoever had it last and the last step are paged at 12:20",
        ),
    ],
    ids=["snoozed", "snoozed within the lease", "snoozed beyond the lease", "both end at once"],
)
async def test_what_is_told_to_come_next_is_what_comes(desk, ack, snooze, next_):
    await desk.world.fire("Disk", level="3")
    if ack:
        await desk.done("incidents", "ack", 1, "--for", ack)
    await desk.done("incidents", "snooze", 1, "--for", snooze)
    out = (await desk.done("incidents", "show", 1)).out.replace("2026-11-23 ", "").replace(" UTC", "")
    assert f"next: {next_}\n" in out
    assert f"first snoozed it until 12:{snooze[:2]}" in out
    assert ("first has it until" in out) is bool(ack)
    minutes = int(next_[-2:])
    pages = len((await desk.world.story()).pages)
    await desk.world.advance(minutes=minutes - 1)
    assert len((await desk.world.story()).pages) == pages
    await desk.world.advance(minutes=1)
    assert len((await desk.world.story()).pages) > pages


async def test_what_comes_after_the_end_is_told_as_slack_tells_it(desk):
    await desk.world.fire("Disk", level="2")
    await desk.done("incidents", "resolve", 1, "--reason", "disk replaced")

    async def told() -> str:
        out = (await desk.done("incidents", "show", 1)).out.replace("2026-11-23 ", "").replace(" UTC", "")
        return str(next(line for line in out.splitlines() if "next: " in line)).strip()

    assert await told() == "next: opens again at 12:30, unless its alerts have ended"
    await desk.world.clear("Disk", level="2")
    assert await told() == "next: closed at 12:15, unless it fires again"
    await desk.world.advance(hours=24)
    assert await told() == "next: nothing"


@pytest.mark.parametrize(
    "verb, next_",
    [
        ("ack", "it is open again, and its holder is paged at"),
        ("snooze", "the snooze ends, and first and whoever had it last are paged at"),
    ],
)
async def test_where_no_step_has_paged_yet_none_is_told_to_be_paged_again(desk, capsys, verb, next_):
    await desk.world.fire("Disk", level="3")
    await desk.done("incidents", verb, 1, "--for", "10m")
    story = (await desk.done("incidents", "show", 1, "--output", "json")).json()
    for rung in story["ladder"]:
        rung["is_current"] = False
    tell_story(Session(environ={}, timezone="UTC"), story)
    assert f"next: {next_}" in capsys.readouterr().out


async def test_alerts_that_join_are_told_to_come_next(desk):
    for zone in ("a", "b", "c"):
        await desk.world.fire("Disk", level="2", zone=zone)
        if zone == "a":
            await desk.done("incidents", "ack", 1, "--for", "10m")
    out = (await desk.done("incidents", "show", 1)).out
    assert "next: first is paged about alerts that joined at 2026-11-23 12:01 UTC" in out


async def test_of_a_long_audit_the_last_lines_are_shown_and_the_title_says_so(desk):
    await desk.world.fire("Disk", level="3")
    async with desk.world.store.unit() as unit:
        await unit.put_audit([audit_line(why="escalation.noted", details={"text": "x"})] * LINES)
    await desk.done("incidents", "note", 1, "the newest")
    out = (await desk.done("incidents", "show", 1)).out
    assert f"audit, the last {LINES} lines" in out
    assert out.splitlines()[-1].endswith('"the newest"')
    story = (await desk.done("incidents", "show", 1, "--output", "json")).json()
    assert not story["audit"]["is_whole"]


@pytest.mark.parametrize("lines", [0, LINES])
async def test_an_audit_is_shown_whole_up_to_its_last_line(desk, lines):
    await desk.world.fire("Disk", level="3")
    story = (await desk.done("incidents", "show", 1, "--output", "json")).json()
    missing = max(0, lines - len(story["audit"]["lines"]))
    async with desk.world.store.unit() as unit:
        await unit.put_audit([audit_line(why="escalation.noted", details={"text": "x"})] * missing)
    out = (await desk.done("incidents", "show", 1)).out
    assert "audit" in out.splitlines()
    story = (await desk.done("incidents", "show", 1, "--output", "json")).json()
    assert story["audit"]["is_whole"]


async def test_notes_and_reasons_stand_in_the_audit_with_its_times_to_the_second(desk):
    await desk.world.fire("Disk", level="3")
    await desk.world.advance(seconds=7)
    await desk.done("incidents", "note", 1, "looking at it")
    await desk.done("incidents", "level", 1, 2, "--reason", "only one zone")
    lines = (await desk.done("incidents", "show", 1)).out.splitlines()
    assert '  2026-11-23 12:00:07 UTC  first  first left a note: "looking at it"' in lines
    [line] = [line for line in lines if "set the level" in line]
    assert line.endswith('from 3 to 2: "only one zone"')


@pytest.mark.parametrize(
    "description, shown",
    [
        ("the store\nis full", "  Detail: the store is full"),
        ("x" * 700, f"  Detail: {'x' * 599}…"),
        ("\x1b[2Jgone", "  Detail: \\x1b[2Jgone"),
        (" ", None),
    ],
    ids=["lines", "long", "hostile", "empty"],
)
async def test_the_description_of_an_alert_is_told_near_the_top(desk, description, shown):
    alert = desk.world.alert("Disk", {"level": "3"})
    await desk.world.post(alert | {"annotations": {"description": description}})
    await desk.world.settle()
    out = (await desk.done("incidents", "show", 1)).out.splitlines()
    assert [line for line in out[:6] if "Detail" in line] == ([shown] if shown else [])


@pytest.mark.parametrize(
    "verb, asked, is_capped",
    [("ack", "5m", False), ("ack", "9d", True), ("snooze", "5m", False), ("snooze", "9d", True)],
)
async def test_a_length_that_the_level_cuts_is_told(desk, verb, asked, is_capped):
    await desk.world.fire("Disk", level="3")
    await desk.done("incidents", verb, 1, "--for", "5m")
    ran = await desk.done("incidents", verb, 1, "--for", asked)
    assert ran.out.endswith(" (as long as this level allows)\n") is is_capped
    assert "as long" not in (await desk.done("incidents", verb, 1, "--for", asked, "-o", "json")).out


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_a_title_that_does_not_fit_the_screen_is_cut_where_people_read_it(desk, monkeypatch):
    await desk.world.fire("Disk" * 40, level="3")
    found = (await desk.done("incidents", "list", "-o", "json")).json()
    assert found["incidents"][0]["title"] == "Disk" * 40
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    tell_list(Session(environ={}, timezone="UTC"), found)
    lines = screen.getvalue().splitlines()
    assert [len(line) for line in lines[1:]] == [80]
    assert lines[1].endswith("…")


async def test_a_send_whose_result_nobody_knows_is_shown_as_unknown(desk, capsys):
    await desk.world.fire("Disk", level="3")
    story = (await desk.done("incidents", "show", 1, "--output", "json")).json()
    story["pages"][0]["attempts"][0] |= {
        "outcome": "unknown",
        "is_repeat": True,
        "late": True,
        "receipt": "r-7",
    }
    tell_story(Session(environ={}, timezone="UTC"), story)
    [line] = [line for line in capsys.readouterr().out.splitlines() if "attempt 1 by to-first" in line]
    assert "unknown" in line
    assert "it may have arrived, nobody knows; receipt r-7; it may be a repeat; its result came late" in line


async def test_every_command_is_done_as_the_person_of_the_token(desk):
    await desk.world.fire("Disk", level="3")
    told = [
        await desk.done("incidents", *words)
        for words in (
            ("ack", 1),
            ("unack", 1),
            ("snooze", 1, "--for", "10m"),
            ("note", 1, "looking at it"),
            ("level", 1, 2, "--reason", "only one zone"),
            ("escalate", 1),
            ("duty", "sent", 1, "external_notice", "--proof", "https://status.example/7"),
            ("resolve", 1, "--reason", "disk replaced"),
        )
    ]
    story = await desk.world.story()
    assert {line.actor for line in story.audit if line.actor} == {"first"}
    assert story.standing == "resolved"
    assert [ran.out.split(":")[0] for ran in told] == ["I1"] * 8
    out = (await desk.done("incidents", "show", 1)).out
    assert "by first" in out


async def test_a_duty_is_waived_with_a_reason(desk):
    await desk.world.fire("Disk", level="3")
    await desk.done("incidents", "duty", "waive", 1, "external_notice", "--reason", "a drill")
    out = (await desk.done("incidents", "show", 1)).out
    assert "external_notice  waived" in out
    assert "a drill" in out


async def test_an_incident_is_declared_by_hand(desk):
    ran = await desk.done(
        "incidents", "declare", "the cloud is gone", "--level", 4, "--label", "region=seoul"
    )
    assert "I1: declared by hand" in ran.out
    out = (await desk.done("incidents", "show", 1)).out
    assert "level 4 fatal · open · the cloud is gone" in out
    assert "declared by first; no alert told of it" in out
    assert "region=seoul" in out


@pytest.mark.parametrize(
    "words",
    [
        ("level", 1, 3),
        ("level", 1, 9, "--reason", "x"),
        ("duty", "waive", 1, "external_notice"),
        ("duty", "sent", 1, "external_notice"),
        ("snooze", 1),
        ("snooze", 1, "--for", "5"),
        ("note", 1),
        ("note", 1, " "),
        ("declare", "x"),
        ("declare", "x", "--level", 2, "--label", "nothing"),
        ("show", "Disk"),
        ("duty", "sent", 1, "../tokens", "--proof", "x"),
        ("list", "--state", "asleep"),
        ("list", "--limit", 0),
        ("lst",),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
async def test_what_makes_no_sense_is_a_usage_error(desk, words):
    await desk.world.fire("Disk", level="3")
    ran = await desk.run("incidents", *words)
    assert ran.code == 2, ran
    assert ran.out == ""
    assert ran.err


@pytest.mark.parametrize(
    "words", [("show",), ("ack",), ("repin",), ("note", "x")], ids=lambda words: words[0]
)
async def test_an_unknown_incident_is_told_with_those_that_are_open(desk, words):
    await desk.world.fire("Disk", level="3")
    await desk.world.fire("Gone", level="2")
    await desk.world.clear("Gone", level="2")
    verb, *rest = words
    ran = await desk.run("incidents", verb, 42, *rest)
    assert ran.code == 1
    assert "there is no incident" in ran.err
    assert "I42" in ran.err
    assert "open now: I1 (Disk)" in ran.err
    assert "Gone" not in ran.err


async def test_an_unknown_duty_is_not_taken_for_an_unknown_incident(desk):
    await desk.world.fire("Disk", level="3")
    ran = await desk.run("incidents", "duty", "waive", 1, "press", "--reason", "x")
    assert ran.code == 1
    assert "I1 has no duty 'press'" in ran.err
    assert "open now" not in ran.err


async def test_where_nothing_is_open_that_is_said(desk):
    assert "none is open now" in (await desk.run("incidents", "show", 1)).err


# Moving to today's policies


async def test_repinning_shows_the_difference_and_takes_a_typed_yes(desk):
    await desk.world.fire("Disk", level="3")
    documents = plan.plan()
    documents["escalation"]["policies"]["matrix"][3]["repeat"] = {"every": "10m"}
    desk.world.shelf.book = plan.book(documents)
    await desk.world.service.reload.reload()

    no = await desk.run("incidents", "repin", 1, stdin="n\n")
    assert no.code == 1
    assert "- level 3: repeat: 30m" in no.out
    assert "+ level 3: repeat: 10m" in no.out
    assert "I1 stays with what it was promised" in no.err
    yes = await desk.done("incidents", "repin", 1, stdin="y\n")
    assert "first moved it to today's policies" in yes.out
    again = await desk.done("incidents", "repin", 1)
    assert again.out == "I1 has what today's policies promise; nothing to do\n"


async def test_repinning_in_a_script_takes_yes_as_an_option_and_answers_in_json(desk):
    await desk.world.fire("Disk", level="3")
    documents = plan.plan()
    documents["escalation"]["policies"]["matrix"][3]["repeat"] = {"every": "10m"}
    desk.world.shelf.book = plan.book(documents)
    await desk.world.service.reload.reload()
    ran = await desk.done("incidents", "repin", 1, "--yes", "--output", "json")
    assert ran.json()["code"] == "incident.repinned"
    assert "+ level 3: repeat: 10m" in ran.err


# Who may, and whether anybody is there


async def test_a_viewers_token_may_look_and_not_act(desk):
    await desk.world.fire("Disk", level="3")
    env = {"RESPONDER_TOKEN": await desk.token_of(Role.VIEWER)}
    assert (await desk.run("incidents", "list", env=env)).code == 0
    ran = await desk.run("incidents", "ack", 1, env=env)
    assert ran.code == 4
    assert "this needs the role responder" in ran.err


@pytest.mark.parametrize("token", ["rsp_canary-of-no-use", ""], ids=["unknown", "none"])
async def test_without_a_valid_token_nothing_is_told_and_the_token_neither(desk, token):
    ran = await desk.run("incidents", "list", env={"RESPONDER_TOKEN": token})
    assert ran.code == 4
    assert "canary" not in ran.err + ran.out
    assert "token" in ran.err


@pytest.mark.parametrize(
    "args, env, origin",
    [
        ([], {"RESPONDER_TOKEN": "rsp_canary"}, "the variable RESPONDER_TOKEN"),
        ([], {"RESPONDER_TOKEN": "", "RESPONDER_TOKEN_FILE": "mine"}, "the file mine"),
        (["--token-file", "mine"], {}, "the file mine"),
        ([], {"RESPONDER_TOKEN": ""}, "the file var/token"),
    ],
    ids=["variable", "file of a variable", "file of an option", "the service's own"],
)
async def test_a_token_that_is_unknown_is_told_with_where_it_came_from(desk, tmp_path, args, env, origin):
    (tmp_path / "var").mkdir()
    for name in ("mine", "var/token"):
        (tmp_path / name).write_text("rsp_canary")
    ran = await desk.run(*args, "incidents", "list", env=env)
    assert ran.code == 4
    assert f"it came from {origin}, and went to {desk.url}" in ran.err
    assert "a restart of the service writes var/token anew" in ran.err
    assert "canary" not in ran.err + ran.out


@pytest.mark.parametrize(
    "url, is_told",
    [
        ("http://localhost:1", True),
        ("https://[::1]", True),
        ("http://127.0.0.1.example", False),
        ("https://responder.example", False),
    ],
)
async def test_only_of_the_service_on_this_machine_it_is_told_how_to_get_a_token_anew(url, is_told):
    refused = Forbidden(Exit.REFUSED, "not valid", "make another")
    async with open_http({}) as http:
        told = Api(http, url, "the file x").with_origin(refused)
    assert ("anew" in told.next) is is_told


async def test_the_token_is_looked_for_where_it_is_said_to_be(desk, tmp_path):
    (tmp_path / "mine").write_text(f"{desk.token}\n")
    (tmp_path / "var").mkdir()
    none = {"RESPONDER_TOKEN": ""}
    assert (await desk.run("--token-file", "mine", "incidents", "list", env=none)).code == 0
    assert (await desk.run("incidents", "list", env=none | {"RESPONDER_TOKEN_FILE": "mine"})).code == 0
    assert (await desk.run("incidents", "list", env=none)).code == 4
    (tmp_path / "mine").rename(tmp_path / "var" / "token")
    assert (await desk.run("incidents", "list", env=none)).code == 0
    ran = await desk.run("--token-file", "mine", "incidents", "list")
    assert ran.code == 2
    assert "mine cannot be read" in ran.err
    (tmp_path / "var" / "token").unlink()
    ran = await desk.run("--token-file", "var/token", "incidents", "list", env=none)
    assert ran.code == 2
    assert "var/token cannot be read" in ran.err


async def test_a_file_that_holds_no_token_goes_nowhere(desk, tmp_path):
    (tmp_path / "mine").write_text("canary\r\nX-Evil: 1")
    ran = await desk.run("--token-file", "mine", "incidents", "list")
    assert ran.code == 2
    assert "canary" not in ran.err


async def test_nobody_there_is_told_with_what_to_do(desk):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        ran = await desk.run("--url", url, "incidents", "list")
    assert ran.code == 3
    assert f"nothing answers at {url}/api/v1/incidents: connection refused" in ran.err
    assert "is `responder serve` running there?" in ran.err
    assert "Traceback" not in ran.err


async def test_an_address_that_is_none_is_a_usage_error(desk):
    assert (await desk.run("--url", "http://", "incidents", "list")).code == 2


async def test_the_token_goes_nowhere_but_to_the_address_that_was_named(desk):
    came: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        came.append(request.path)
        return web.Response(status=302, headers={"Location": f"{desk.url}/api/v1/incidents"})

    app = web.Application()
    app.router.add_get("/api/v1/incidents", elsewhere)
    async with TestServer(app) as server:
        ran = await desk.run("--url", str(server.make_url("")), "incidents", "list")
    assert came == ["/api/v1/incidents"]
    assert ran.code == 3
    assert "status 302" in ran.err


# Strangers' text

HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold red]x[/] \u202egnp"


async def test_no_strangers_text_can_write_to_the_terminal(desk):
    await desk.world.fire(HOSTILE, level="3", zone=HOSTILE)
    for words in (("list",), ("show", 1), ("show", 99), ("note", 1, HOSTILE)):
        ran = await desk.run("incidents", *words)
        for shown in (ran.out, ran.err):
            assert not any(bad in shown for bad in ("\x1b", "\x07", "\u202e")), words
    listed = (await desk.run("incidents", "list")).out
    assert "[bold red]x[/]" in listed
    assert "\\x1b" in listed
    raw = (await desk.run("incidents", "show", 1, "--output", "json")).out
    assert raw.isascii()
    assert "\x1b" not in raw


async def test_times_are_told_in_the_readers_zone(desk):
    await desk.world.fire("Disk", level="3")
    out = (await desk.run("--timezone", "Asia/Seoul", "incidents", "show", 1)).out
    assert "since 2026-11-23 21:00 KST" in out
    assert (await desk.run("--timezone", "Asia/Soul", "incidents", "show", 1)).code == 2


async def test_json_is_the_apis_own_answer(desk):
    await desk.world.fire("Disk", level="3")
    listed = (await desk.run("--output", "json", "incidents", "list")).json()
    assert set(listed) == {"incidents", "next"}
    assert listed["incidents"][0]["incident"] == "I1"
    reply = (await desk.run("incidents", "ack", 1, "-o", "json")).json()
    assert reply["code"] == "escalation.acknowledged"


async def test_a_proxy_of_the_environment_is_not_asked_for_what_it_must_not_be():
    async with at_desk(await make_world(MemoryStore())) as desk:
        env = {
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
        }
        assert (await desk.run("incidents", "list", env=env)).code == 0


async def test_a_digest_is_shown_with_all_that_it_carries(desk):
    documents = plan.plan()
    documents["escalation"]["storm"] = {"incidents": 2}
    desk.world.service.policies.replace(plan.book(documents))
    for name in ("Disk", "Memory", "Node"):
        await desk.world.fire(name)
    await desk.world.advance(seconds=30)
    await desk.run("incidents", "ack", 4)
    (page,) = json.loads((await desk.run("incidents", "show", 4, "-o", "json")).out)["pages"]
    ran = await desk.run("incidents", "show", page["digest"].lower())
    assert ran.code == 0
    head, what, who, *rest = ran.out.splitlines()
    assert head == f"{page['digest']} · digest of 2 incidents · accepted"
    assert "first" in what
    assert who.strip() == "first has 1, nobody has 1"
    assert rest[0].strip() == f"acknowledge all of it: responder incidents ack {page['digest']}"
    told = "\n".join(rest)
    assert re.search(r"accepted +attempt 1 by to-first", told)
    assert re.search(r"I2 +2 +open +- +Memory", told)
    assert re.search(r"I4 +2 +acknowledged +first +Node", told)
    ran = await desk.run("incidents", "show", "D99")
    assert (ran.code, "There is no digest D99" in ran.err) == (1, True)
    assert "members" in (await desk.run("incidents", "show", page["digest"], "-o", "json")).json()


async def test_a_digest_is_acknowledged_as_a_whole(desk):
    documents = plan.plan()
    documents["escalation"]["storm"] = {"incidents": 2}
    desk.world.service.policies.replace(plan.book(documents))
    for name in ("Disk", "Memory", "Node"):
        await desk.world.fire(name)
    await desk.world.advance(seconds=30)
    story = json.loads((await desk.run("incidents", "show", 4, "--output", "json")).out)  # I3 is the storm
    (page,) = story["pages"]
    assert page["words"] == f"goes in the digest {page['digest']}"
    ran = await desk.run("incidents", "ack", page["digest"].lower())
    assert ran.code == 0
    assert "2 incidents acknowledged" in ran.out
    ran = await desk.run("incidents", "resolve", page["digest"])
    assert "A digest can only be acknowledged" in ran.err
    assert (await desk.run("incidents", "ack", "D99")).code == 1
