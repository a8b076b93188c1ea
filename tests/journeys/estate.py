"""The estate of journey 1: sink, Slack, the service on the shipped policies, and before it a real Alertmanager."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.sink import Sink
from tests.journeys.alertmanagers import Alertmanager
from tests.journeys.ledger import Ledger, Told
from tests.journeys.served import WEBHOOK_TOKEN, Served
from tests.journeys.shipped import credentials, quick_policies
from tests.journeys.slack import Workspace, workspace

HOLDER = "devops-lead"  # whom the command line acts as, and who is known in Slack
REGION_DOWN = {
    "alertname": "RegionDown",
    "severity": "critical",
    "level": "3",
    "cluster": "kerp",
    "region": "ap-northeast-2",
}
CHANNELS = ("pagerduty-critical", "email-disaster", "sms-emergency")  # those behind the sink
CONTACTS = ("CTO", "VP_ENGINEERING", "CUSTOMER_SUCCESS")


@dataclass(slots=True)
class Estate:
    """`alertmanager` None: there is none on this machine."""

    ledger: Ledger
    slack: Workspace
    service: Served
    alertmanager: Alertmanager | None


@asynccontextmanager
async def estate(
    folder: Path,
    *,
    with_alertmanager: bool = True,
    heard: Callable[[Told], None] = lambda told: None,
) -> AsyncIterator[Estate]:
    """`folder` is empty, and gets everything. Whatever was started has ended when it is left."""
    async with AsyncExitStack() as stack:
        sink = await stack.enter_async_context(Sink())
        ledger = await stack.enter_async_context(Ledger(sink, heard))
        slack = await stack.enter_async_context(workspace())
        settings = (
            credentials(sink.url)
            | slack.settings("DEVOPS_LEAD")
            | {
                "RESPONDER_POLICIES": str(quick_policies(folder / "policies")),
                "RESPONDER_LOCAL_CONTACT": HOLDER,
            }
        )
        service = await stack.enter_async_context(await Served.start(folder, settings))
        alertmanager = None
        if with_alertmanager:
            starting = Alertmanager.start(folder, service.webhook, WEBHOOK_TOKEN)
            alertmanager = await stack.enter_async_context(await starting)
        yield Estate(ledger, slack, service, alertmanager)
