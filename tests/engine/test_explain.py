from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from responder.core.identifiers import ContactName, IncidentId
from responder.core.level import Level
from responder.core.triage import triage
from responder.dialects.alertmanager import Body, read_body
from responder.engine.explain import Explain, Explanation, Moment, Then, compare
from tests.engine import plan
from tests.engine.world import World, make_world
from tests.fakes.clock import NOON
from tests.fakes.store import MemoryStore


def body_of(*alerts: dict[str, Any], **top: Any) -> Body:
    return read_body(json.dumps({"version": "4", "status": "firing", "alerts": list(alerts)} | top).encode())


def explained(world: World, *alerts: dict[str, Any], **top: Any) -> Explanation:
    service = world.service
    explain = Explain(service.policies.book, service.catalogue, service.directory)
    return explain.body(body_of(*alerts, **top), world.clock.now())


def told(moments: tuple[Moment, ...]) -> list[tuple[int, str, list[str]]]:
    """Each moment as (minutes, kind, who)."""
    return [
        (
            int(moment.after_seconds / 60),
            moment.kind,
            [str(way.channel) for way in moment.channels] + [str(person.contact) for person in moment.people],
        )
        for moment in moments
    ]


def with_first_by(methods: list[dict[str, Any]]) -> dict[str, Any]:
    """The plan, with these methods for the person called first."""
    documents = plan.plan()
    documents["contacts"]["contacts"]["first"]["methods"] = methods
    return documents


def channels_with(**changed: dict[str, Any]) -> dict[str, Any]:
    documents = plan.plan()
    documents["channels"]["channels"] |= changed
    return documents


@pytest.fixture
async def world() -> World:
    return await make_world(MemoryStore())


@pytest.mark.parametrize("level", [1, 2, 3, 4])
async def test_the_ladder_that_is_told_is_the_one_that_is_climbed(world, level):
    alert = world.alert("Disk", {"level": str(level)})
    [incident] = explained(world, alert).incidents
    foreseen = [
        (moment.at, person.asked_for)
        for moment in incident.ladder
        if moment.kind in ("page", "repeat")
        for person in moment.people
    ]

    await world.post(alert)
    await world.settle()
    await world.advance(hours=5)
    story = await world.story()
    pages = [(page.asked_at, page.asked_for) for page in story.pages if page.reason.is_ladder]

    assert foreseen == pages[: len(foreseen)]
    assert pages[len(foreseen) :], "after the first repeat it goes on, and is not told any more"
    duties = [(moment.at, moment.words) for moment in incident.ladder if moment.kind == "duty"]
    assert [at for at, _ in duties] == [duty.due_at for duty in story.duties]


async def test_a_ladder_tells_steps_duties_and_the_first_repeat_by_the_clock(world):
    [incident] = explained(world, world.alert("Disk", {"level": "3"})).incidents
    assert incident.level is Level.SEVERE
    assert incident.key == 'level-label{alertname="Disk"}'
    steps = told(incident.ladder)
    assert steps[:4] == [
        (0, "notify", ["board"]),
        (0, "page", ["first"]),
        (15, "page", ["second"]),
        (30, "page", ["third"]),
    ]
    assert steps[-1][1] in ("repeat", "duty")
    assert [moment.at for moment in incident.ladder] == sorted(moment.at for moment in incident.ladder)
    assert incident.ladder[2].at == NOON + timedelta(minutes=15)


async def test_alerts_of_one_key_are_one_incident_of_the_highest_level(world):
    found = explained(
        world,
        world.alert("Disk", {"level": "2", "mount": "/"}),
        world.alert("Disk", {"level": "3", "mount": "/var"}),
        world.alert("Net", {"level": "2"}),
        world.alert("Disk", {"level": "4"}, resolved=True),
    )
    assert [(incident.key, int(incident.level), incident.alerts) for incident in found.incidents] == [
        ('level-label{alertname="Disk"}', 3, (0, 1)),
        ('level-label{alertname="Net"}', 2, (2,)),
    ]
    assert [alert.firing for alert in found.alerts] == [True, True, True, False]


async def test_each_alert_has_its_rule_and_why(world):
    found = explained(
        world,
        world.alert("Disk", {"level": "3"}),
        world.alert("Disk", {"severity": "info"}),
        world.alert("Odd", {}),
    )
    assert [(alert.rule, alert.becomes, alert.level) for alert in found.alerts] == [
        ("level-label", "incident", 3),
        ("info", "notice", None),
        ("anything-else", "incident", 2),
    ]
    assert found.alerts[0].why == 'level=~"[1-4]"; the label level says so'
    assert [str(way.channel) for way in found.alerts[1].channels] == ["board"]


async def test_a_beat_is_no_trouble(world):
    found = explained(world, world.alert("Watchdog"))
    assert [(alert.becomes, alert.heartbeats) for alert in found.alerts] == [("heartbeat", ("watchdog",))]
    assert "silence for 15m opens an incident of level 2" in found.alerts[0].why
    assert found.incidents == ()


async def test_what_cannot_be_read_is_told_and_the_rest_is_explained(world):
    found = explained(world, {"labels": {}}, world.alert("Disk"), version="5", truncatedAlerts=7)
    assert [(each.index, each.why) for each in found.unreadable] == [(0, "it has no labels")]
    assert len(found.alerts) == 1
    assert (found.version, found.version_is_known, found.left_out) == ("5", False, 7)


async def test_a_channel_without_credentials_is_told_with_what_it_lacks(world):
    catalogue = world.service.catalogue
    world.unconfigured.add("board")
    await catalogue.fill(plan.book(channels_with(board={"fake": {"of": "another address"}})))
    [incident] = explained(world, world.alert("Disk", {"level": "3"})).incidents
    [way] = incident.ladder[0].channels
    assert "its address is not set" in way.lacks


async def test_nobody_is_told_and_moves_the_next_page_here():
    world = await make_world(MemoryStore(), book=plan.book(with_first_by([])))
    [incident] = explained(world, world.alert("Disk", {"level": "3"})).incidents
    [person] = incident.ladder[1].people
    assert person.ways == ()
    assert "no usable method" in person.why_not
    assert told(incident.ladder)[2] == (0, "page", ["second"])


async def test_a_roster_is_told_as_who_is_on_shift_and_an_address_that_lacks_as_lacking():
    methods: list[dict[str, Any]] = [{"fake": "to-first", "to": {"from_env": "PHONE"}}, {"fake": "board"}]
    book = plan.book(with_first_by(methods))
    world = await make_world(MemoryStore(), book=book)
    explain = Explain(book, world.service.catalogue, world.service.directory)
    terms = book.promise("matrix").levels[Level.SEVERE]
    changed = terms.model_copy(update={"contacts": (ContactName("on-call"),)})
    [person] = explain.ladder(changed, NOON)[1].people
    assert (person.asked_for, person.contact, person.name) == ("on-call", "first", "First")
    assert [str(way.channel) for way in person.ways] == ["board"]
    assert person.unusable == ("to-first",)


# Replay


def then(**changed: Any) -> Then:
    fields: dict[str, Any] = {
        "incident": IncidentId("I1"),
        "rule": "level-label",
        "level": Level.SEVERE,
        "key": 'level-label{alertname="Disk"}',
        "escalation": "matrix",
    }
    return Then(**{**fields, **changed})


LABELS = {"alertname": "Disk", "level": "3"}


@pytest.mark.parametrize(
    "was, labels, names, differs",
    [
        pytest.param(then(), LABELS, (), {}, id="the-same"),
        pytest.param(then(level=Level.FATAL), LABELS, (), {"level": ("4", "3")}, id="level"),
        pytest.param(then(rule="old", key="k"), LABELS, (), {"rule", "key"}, id="rule-and-key"),
        pytest.param(
            then(escalation="calm"), LABELS, (), {"escalation": ("calm", "matrix")}, id="escalation"
        ),
        pytest.param(None, LABELS, (), {"becomes", "rule", "level", "key", "escalation"}, id="new-incident"),
        pytest.param(
            then(), LABELS, ("watchdog",), {"becomes", "rule", "level", "key", "escalation"}, id="a-beat"
        ),
        pytest.param(None, {"severity": "info"}, (), {}, id="still-a-notice"),
        pytest.param(None, LABELS, ("watchdog",), {}, id="still-a-beat"),
    ],
)
def test_what_was_and_what_would_be_are_compared_word_by_word(was, labels, names, differs):
    found = compare(was, triage(plan.book(), labels), names)
    assert (set(found) if isinstance(differs, set) else found) == differs
