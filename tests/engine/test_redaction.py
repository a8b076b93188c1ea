"""Redaction: what a policy says no message may show is in none, whatever repeats it; what is stored stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from responder.dialects.wording import veiled, veiled_incident
from responder.dialects.wording.veil import VEIL
from responder.engine.commands import Note
from responder.ports.store import Store
from tests.builders import incident, occurrence
from tests.engine import plan
from tests.engine.world import World, make_world

SECRET = "acme-corp & sons"
LABELS = {"alertname": "TenantDown", "customer": SECRET, "level": "3"}


@pytest.fixture
async def discreet(store: Store) -> World:
    document = plan.plan()
    document["levels"]["redact"] = ["customer", "email"]
    document["levels"]["rules"][1]["group_by"] = ["alertname", "customer"]
    return await make_world(store, book=plan.book(document))


def alert(world: World, **more: Any) -> dict[str, Any]:
    return world.alert("TenantDown", LABELS) | {
        "annotations": {
            "summary": f"{SECRET} cannot log in",
            "description": "write to ops@acme.example",
            "email": "ops@acme.example",
            "runbook_url": "https://runbooks.example/?tenant=acme-corp%20%26%20sons",
        },
        "generatorURL": "https://prometheus.example/graph?g0.expr=up%7Bcustomer%3D%22acme-corp%20%26%20sons%22%7D",
        **more,
    }


async def test_no_message_shows_what_is_redacted(discreet: World) -> None:
    await discreet.post(alert(discreet))
    await discreet.settle()
    await discreet.post(alert(discreet, labels=LABELS | {"pod": "b"}))
    await discreet.advance(seconds=1)
    await discreet.ask(Note(text="they know"))
    await discreet.settle()
    told = [*discreet.handed("board"), *discreet.handed("to-first")]
    assert {"opened", "joined", "step"} <= {delivery.message.reason for delivery in told}
    for delivery in told:
        assert "acme" not in repr(delivery.message), delivery.message
        assert VEIL in "\n".join(delivery.message.body)


async def test_the_record_keeps_the_value(discreet: World) -> None:
    await discreet.post(alert(discreet))
    await discreet.settle()
    story = await discreet.story()
    assert story.incident.group["customer"] == SECRET
    assert SECRET in story.incident.key
    assert story.alerts[0].labels["customer"] == SECRET


@pytest.mark.parametrize(
    "text, shown",
    [
        pytest.param("acme is down", f"{VEIL} is down", id="a word"),
        pytest.param("acmeville and acme-2", f"{VEIL}ville and {VEIL}-2", id="within another"),
        pytest.param("nothing of it", "nothing of it", id="not there"),
        pytest.param("https://x.example/acme", "", id="a link"),
        pytest.param("https://x.example/%61cme", "", id="a link that spells it otherwise"),
    ],
)
def test_a_value_is_covered_wherever_it_is_repeated(text: str, shown: str) -> None:
    made = occurrence(labels={"customer": "acme"}, annotations={"summary": text})
    assert veiled(made, {"customer"}).annotations["summary"] == shown


def test_a_short_value_covers_only_whole_words() -> None:
    made = occurrence(labels={"zone": "a"}, annotations={"summary": "a cable in zone a-1 has failed again"})
    assert veiled(made, {"zone"}).annotations["summary"] == f"{VEIL} cable in zone {VEIL}-1 has failed again"


def test_a_value_within_another_leaves_nothing_of_it() -> None:
    made = occurrence(
        labels={"customer": "acme", "tenant": "acme-corp", "zone": ""},
        annotations={"summary": "acme-corp, acme"},
    )
    found = veiled(made, {"customer", "tenant", "zone"})
    assert found.annotations["summary"] == f"{VEIL}, {VEIL}"
    assert found.labels == {"customer": VEIL, "tenant": VEIL, "zone": ""}


@pytest.mark.parametrize(
    "rule, key, shown",
    [
        pytest.param("acme", 'acme{customer="acme"}', f'acme{{customer="{VEIL}"}}', id="made of its group"),
        pytest.param("declared", "acme is down", f"{VEIL} is down", id="made of something else"),
    ],
)
def test_an_incident_is_covered_in_its_title_its_key_and_its_links(rule: str, key: str, shown: str) -> None:
    links = {"runbook": "https://x.example/acme", "source": "https://x.example/"}
    made = incident(rule=rule, key=key, group={"customer": "acme"}, title="acme cannot log in", links=links)
    found = veiled_incident(made, {"customer"})
    assert (found.title, found.key) == (f"{VEIL} cannot log in", shown)
    assert found.group == {"customer": VEIL}
    assert found.links == {"source": "https://x.example/"}


async def test_what_is_only_shown_is_covered_too(discreet: World) -> None:
    await discreet.post(alert(discreet, labels=LABELS | {"severity": "info"}))
    await discreet.settle()
    (delivery,) = discreet.handed("board")
    assert delivery.message.reason == "info"
    assert "acme" not in repr(delivery.message)


def test_without_such_labels_nothing_is_touched() -> None:
    made = occurrence(labels={"pod": "a"}, annotations={"summary": "a"})
    assert veiled(made, {"customer"}) is made
