from __future__ import annotations

from datetime import timedelta

import pytest

from responder.core.machines.incident import Phase
from tests.cli.desk import Desk, policies_with


async def sent(desk: Desk, name: str, **labels: str) -> None:
    words = [word for label, value in labels.items() for word in ("--label", f"{label}={value}")]
    await desk.done("send", "--alertname", name, "--summary", name, *words)


async def test_the_same_policies_treat_everything_as_it_was_treated(shipped_desk):
    desk = shipped_desk
    await sent(desk, "Zone", level="3")
    await sent(desk, "Disk", severity="critical")
    await sent(desk, "Done", severity="info")
    await sent(desk, "Watchdog", severity="none")
    await sent(desk, "Disk", severity="critical")
    await desk.done("send", "--alertname", "Zone", "--level", 3, "--resolved")
    ran = await desk.done("replay")
    assert ran.out == "6 bodies, 5 alerts: 0 would be treated otherwise\n"


async def test_what_edited_policies_would_treat_otherwise_is_told_and_counted(shipped_desk, tmp_path):
    desk = shipped_desk
    await sent(desk, "Zone", level="3")
    await sent(desk, "Rpo", severity="warning")
    folder = policies_with(
        tmp_path,
        "levels.yaml",
        "    match: ['severity=\"warning\"']\n    level: 1\n    group_by: [alertname, cluster]",
        "    match: ['severity=\"warning\"']\n    level: 2\n    group_by: [alertname]",
    )
    text = (folder / "levels.yaml").read_text()
    (folder / "levels.yaml").write_text(text[: text.index("examples:")])

    ran = await desk.run("replay", "--policies", folder)
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "row 2, alert 1: Rpo (I2)",
        "  level: 1 -> 2",
        '  key: severity-warning{alertname="Rpo", cluster=""} -> severity-warning{alertname="Rpo"}',
        "2 bodies, 2 alerts: 1 would be treated otherwise",
    ]
    found = (await desk.run("replay", "--policies", folder, "-o", "json")).json()
    assert (found["bodies"], found["alerts"], found["unreadable"]) == (2, 2, 0)
    [change] = found["changes"]
    assert (change["journal"], change["incident"], change["differs"]["level"]) == (2, "I2", ["1", "2"])


@pytest.mark.parametrize(
    "options, bodies",
    [([], 4), (["--from", 2], 3), (["--until", 2], 2), (["--from", 2, "--until", 3], 2), (["--from", 9], 0)],
    ids=str,
)
async def test_a_stretch_of_the_journal_can_be_named(shipped_desk, options, bodies):
    for name in ("A", "B", "C", "D"):
        await sent(shipped_desk, name, level="2")
    ran = await shipped_desk.done("replay", *options)
    assert ran.out.startswith(f"{bodies} bodies, {bodies} alerts: 0 ")


async def test_what_was_an_incident_and_would_be_none_is_told(shipped_desk, tmp_path):
    await sent(shipped_desk, "Watch", severity="none")
    folder = policies_with(tmp_path, "heartbeats.yaml", 'alertname="Watchdog"', 'alertname=~"Watch.*"')
    ran = await shipped_desk.run("replay", "--policies", folder)
    assert ran.code == 1
    assert "  becomes: incident -> no incident" in ran.out


async def test_a_level_that_a_person_set_is_no_difference(shipped_desk):
    await sent(shipped_desk, "Zone", level="2")
    await shipped_desk.done("incidents", "level", 1, 4, "--reason", "worse than it looks")
    assert "0 would be treated otherwise" in (await shipped_desk.done("replay")).out


async def test_an_incident_has_the_highest_level_of_its_alerts(shipped_desk):
    await sent(shipped_desk, "Zone", level="2")
    await sent(shipped_desk, "Zone", level="3")
    assert "2 bodies, 2 alerts: 0 would" in (await shipped_desk.done("replay")).out


async def test_bodies_and_alerts_that_cannot_be_read_are_counted(shipped_desk):
    await shipped_desk.world.post_raw(b'{"alerts": [{"labels": {}}], "version": "4"}')
    await shipped_desk.world.post_raw(b"\xff\xfe")
    await shipped_desk.world.settle()
    ran = await shipped_desk.done("replay")
    assert ran.out == "2 bodies, 0 alerts, 2 unreadable: 0 would be treated otherwise\n"


@pytest.mark.parametrize("days", [-400, 400], ids=["a year behind", "a year ahead"])
async def test_a_senders_clock_need_not_be_ours(shipped_desk, days):
    world = shipped_desk.world
    began = world.clock.now() + timedelta(days=days)
    for name in ("Over", "Open"):
        await world.post(world.alert(name, {"level": "3"}, started=began))
    await world.settle()
    over = world.alert("Over", {"level": "3"}, started=began) | {
        "status": "resolved",
        "endsAt": began.isoformat(),
    }
    await world.post(over, status="resolved")
    await world.settle()
    assert (await world.story("I1")).incident.phase is Phase.RESOLVED
    ran = await shipped_desk.done("replay")
    assert ran.out == "3 bodies, 2 alerts: 0 would be treated otherwise\n"
