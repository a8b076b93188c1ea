"""The service: the engine's parts, put together once, started and stopped in order.

The web and the CLI are given this and nothing behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from responder.core.policy.book import PolicyBook
from responder.engine.auditor import Auditor
from responder.engine.bells import Bells
from responder.engine.catalogue import Catalogue
from responder.engine.checkups import Checkups
from responder.engine.commands import Commands
from responder.engine.directory import Directory
from responder.engine.handle import Handle
from responder.engine.heartbeats import Heartbeats
from responder.engine.intake import Intake
from responder.engine.outbox import Outbox
from responder.engine.perform import Perform
from responder.engine.points import Points
from responder.engine.policies import Policies
from responder.engine.rejections import Rejections
from responder.engine.reload import Reload
from responder.engine.retention import Kept, Retention
from responder.engine.routes import Routes
from responder.engine.situations import Place, Situations
from responder.engine.supervise import Supervisor
from responder.engine.timers import Timers
from responder.engine.tokens import Tokens
from responder.engine.views import Views

log = structlog.get_logger("service")


@dataclass(slots=True)
class Service:
    points: Points
    policies: Policies
    catalogue: Catalogue
    directory: Directory
    handle: Handle
    bells: Bells
    intake: Intake
    timers: Timers
    outbox: Outbox
    heartbeats: Heartbeats
    commands: Commands
    views: Views
    tokens: Tokens
    reload: Reload
    rejections: Rejections
    auditor: Auditor
    retention: Retention
    checkups: Checkups
    supervisor: Supervisor
    is_stopping: bool = False

    async def start(self) -> None:
        """Heartbeats first: no switch may fire for a beat that we were not there to hear. Then the loops."""
        await self.heartbeats.configure(at_start=True)
        await self.outbox.recover()
        self.supervisor.start("intake", self.intake.run)
        self.supervisor.start("timers", self.timers.run)
        self.supervisor.start("outbox", self.outbox.run_pages)
        self.supervisor.start("showing", self.outbox.run_notices)
        self.supervisor.start("results", self.outbox.run_results)
        self.supervisor.start("auditor", self.auditor.run)
        self.supervisor.start("retention", self.retention.run)
        self.supervisor.start("checkups", self.checkups.run)

    async def stop(self) -> None:
        """No new claims; calls in flight are let end, and what they came to is written down."""
        self.is_stopping = True
        await self.commands.settle()
        await self.tokens.settle()
        await self.supervisor.stop()
        await self.outbox.settle()
        await self.catalogue.close()
        log.info("stopped")

    def readiness(self) -> dict[str, str]:
        """What is not as it should be, each with its words; empty = ready."""
        if self.is_stopping:
            return {"service": "stopping"}
        return {f"loop {name}": problem for name, problem in self.supervisor.unsound().items()}


def put_together(
    points: Points,
    book: PolicyBook,
    catalogue: Catalogue,
    *,
    environ: Mapping[str, str],
    place: Place,
    kept: Kept,
) -> Service:
    """The engine's parts on top of `points`; `catalogue` is filled with `book`."""
    policies = Policies(book)
    directory = Directory(policies, catalogue, environ)
    handle = Handle(Routes(policies, directory, points.metrics))
    bells = Bells(points.clock)
    heartbeats = Heartbeats(points, policies, handle, bells)
    situations = Situations(policies, directory, place)
    perform = Perform(points, directory, situations)
    supervisor = Supervisor(points.clock, points.metrics)
    return Service(
        points=points,
        policies=policies,
        catalogue=catalogue,
        directory=directory,
        handle=handle,
        bells=bells,
        intake=Intake(points, policies, handle, bells),
        timers=Timers(points, handle, bells),
        outbox=Outbox(points, handle, perform, bells),
        heartbeats=heartbeats,
        commands=Commands(points, policies, directory, handle, bells),
        views=Views(points, policies, directory, situations),
        tokens=Tokens(points),
        reload=Reload(points, policies, catalogue, heartbeats),
        rejections=Rejections(points, handle, bells),
        auditor=Auditor(points, handle, bells, supervisor),
        retention=Retention(points, kept),
        checkups=Checkups(points, catalogue, directory, handle, bells),
        supervisor=supervisor,
    )
