"""Two Alertmanagers that do not know each other, fed by two Prometheis: one trouble told twice, with two startsAt."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from tests.fakes.sink import Sink
from tests.journeys.alertmanagers import Alertmanager, Prometheus
from tests.journeys.exporter import METRIC, Exporter
from tests.journeys.kills import handed, of_troubles, pages_of
from tests.journeys.served import WEBHOOK_TOKEN, Served
from tests.journeys.small import FAR, small_plan, write_plan
from tests.journeys.waiting import let_pass, until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(120)]

RULE = {
    "alert": "RegionDown",
    "expr": f"{METRIC} == 0",
    "labels": {"severity": "critical", "level": "3"},
    "annotations": {"summary": "no answer from any zone"},
}


async def starts_of(alertmanager: Alertmanager) -> list[datetime]:
    """When it has been told that its alerts began."""
    url = f"http://{alertmanager.address}/api/v2/alerts"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        found: list[dict[str, Any]] = await answer.json()
    return [datetime.fromisoformat(alert["startsAt"]) for alert in found]


async def test_a_pair_whose_rules_fired_seconds_apart_is_one_incident_and_one_page_a_person(tmp_path):
    async with AsyncExitStack() as stack:
        sink = await stack.enter_async_context(Sink())
        exporter = await stack.enter_async_context(Exporter())
        plan = small_plan(sink.url, rungs={"first": "0s", "second": FAR})
        settings = {"RESPONDER_POLICIES": str(write_plan(tmp_path / "policies", plan))}
        service = await stack.enter_async_context(await Served.start(tmp_path, settings))
        pair = []
        for name in ("early", "late"):
            starting = Alertmanager.start(
                tmp_path, service.webhook, WEBHOOK_TOKEN, name=f"alertmanager-{name}"
            )
            pair.append(await stack.enter_async_context(await starting))

        async def prometheus(name: str, to: Alertmanager) -> None:
            starting = Prometheus.start(tmp_path, name, exporter=exporter.address, rule=RULE, to=to.address)
            await stack.enter_async_context(await starting)

        exporter.answers = 0
        await prometheus("prometheus-early", pair[0])
        await until(lambda: len(sink.ledger) >= 1, "the first page")
        await let_pass(2)
        await prometheus("prometheus-late", pair[1])
        (late,) = await until(lambda: starts_of(pair[1]), "the other one knows")
        (early,) = await starts_of(pair[0])
        assert (late - early).total_seconds() > 1
        await until_posted(service, 2)
        await let_pass(1.5)

        (incident,) = await service.troubles()
        assert (incident["state"], incident["firing"]) == ("open", 1)
        assert [(one.to, one.reason) for one in pages_of(sink)] == [("sms/first", "step")]

        exporter.answers = 1
        await until_posted(service, 4)
        await let_pass(1.5)
        (incident,) = await service.troubles()
        assert (incident["state"], incident["firing"]) == ("resolved", 0)
        story = await service.story()
        assert [story["seen"], story["may_be_twin"]] == [1, False]
        assert [handed(one).reason for one in of_troubles(sink) if one.path == "/sms/first"] == [
            "step",
            "resolved",
        ]


async def until_posted(service: Served, count: int) -> None:
    """Until the journal holds as many bodies, and all of them are consumed."""

    async def look() -> bool:
        metrics = await service.text("/metrics")
        return f'responder_ingest_bodies_total{{result="consumed"}} {count}.0' in metrics

    await until(look, f"{count} bodies consumed", within=30)
