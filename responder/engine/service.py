"""The service: the engine's parts, put together once, started and stopped in order.

The web and the CLI are given this and nothing behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from responder.core.policy.book import PolicyBook
from responder.engine.auditor import Auditor
from responder.engine.catalogue import Catalogue
from responder.engine.checkups import Checkups
from responder.engine.commands import Commands
from responder.engine.digests import Digests
from responder.engine.directory import Directory
from responder.engine.handle import Handle
from responder.engine.heartbeats import Heartbeats
from responder.engine.intake import Intake
from responder.engine.outbox import Outbox
from responder.engine.outward import EVERY as BEAT_EVERY
from responder.engine.outward import Outward
from responder.engine.peers import Ask
from responder.engine.perform import Perform
from responder.engine.points import Points
from responder.engine.policies import Policies
from responder.engine.reach import Reach
from responder.engine.reconcile import Reconcile
from responder.engine.rejections import Rejections
from responder.engine.reload import Reload
from responder.engine.replicas import Name, Replicas
from responder.engine.retention import Kept, Retention
from responder.engine.routes import Routes
from responder.engine.situations import Place, Situations
from responder.engine.storms import Storms
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
    replicas: Replicas
    reach: Reach
    outward: Outward
    reconcile: Reconcile
    is_stopping: bool = False

    async def take_up(self) -> None:
        """Our policies are in force again; nobody has heard beats by them meanwhile."""
        await self.heartbeats.configure(at_start=True)

    async def start(self) -> None:
        """Heartbeats first: no switch may fire for a beat that we were not there to hear. Then the loops."""
        await self.replicas.load()
        await self.heartbeats.configure(at_start=True)
        await self.outbox.recover()
        await self.auditor.resume()
        self.supervisor.start("replicas", lambda: self.replicas.run(self.take_up))
        self.supervisor.start("intake", self.intake.run)
        self.supervisor.start("timers", self.timers.run)
        self.supervisor.start("outbox", self.outbox.run_pages)
        self.supervisor.start("showing", self.outbox.run_notices)
        self.supervisor.start("results", self.outbox.run_results)
        self.supervisor.start("auditor", self.auditor.run)
        self.supervisor.start("retention", self.retention.run)
        self.supervisor.start("checkups", self.checkups.run)
        if self.points.is_watched:
            self.supervisor.start("outward", self.outward.run)
        if self.points.peers:
            self.supervisor.start("reconcile", self.reconcile.run)

    async def stop(self) -> None:
        """No new claims; calls in flight are let end, and what they came to is written down."""
        self.is_stopping = True
        await self.commands.settle()
        await self.tokens.settle()
        await self.supervisor.stop()
        await self.replicas.leave()
        await self.outbox.settle()
        await self.catalogue.close()
        log.info("stopped")

    def readiness(self) -> dict[str, str]:
        """What is not as it should be, each with its words; empty = ready."""
        if self.is_stopping:
            return {"service": "stopping"}
        problems = {f"loop {name}": problem for name, problem in self.supervisor.unsound().items()}
        if untaken := self.points.commits.problem():
            problems["store"] = untaken
        if behind := self.replicas.problem():
            problems["policies"] = behind
        return problems


def put_together(
    points: Points,
    book: PolicyBook,
    catalogue: Catalogue,
    *,
    environ: Mapping[str, str],
    place: Place,
    kept: Kept,
    name: Name,
    beat_every: timedelta = BEAT_EVERY,
    ask: Ask | None = None,
) -> Service:
    """The engine's parts on top of `points`; `catalogue` is filled with `book`. `name`: of this process.

    ask: how the Alertmanagers are asked, where `points` has any.
    """
    policies = Policies(book)
    directory = Directory(policies, catalogue, environ)
    reach = Reach(points.clock, catalogue, points.metrics)
    digests = Digests(policies, directory, Storms(policies), points.metrics)
    replicas = Replicas(points, policies, name)
    handle = Handle(Routes(policies, directory, digests, reach, points.metrics), replicas)
    heartbeats = Heartbeats(points, policies, handle)
    situations = Situations(policies, directory, place)
    perform = Perform(points, directory, situations, reach)
    supervisor = Supervisor(points.clock, points.metrics)
    auditor = Auditor(points, handle, supervisor, replicas, reach)
    intake = Intake(points, policies, handle, replicas)
    outward = Outward(
        points,
        handle,
        auditor=auditor,
        reach=reach,
        supervisor=supervisor,
        every=beat_every,
    )
    return Service(
        points=points,
        policies=policies,
        catalogue=catalogue,
        directory=directory,
        handle=handle,
        intake=intake,
        timers=Timers(points, handle, replicas),
        outbox=Outbox(points, handle, replicas, perform, reach),
        heartbeats=heartbeats,
        commands=Commands(points, policies, directory, handle),
        views=Views(points, policies, directory, situations),
        tokens=Tokens(points),
        reload=Reload(points, policies, catalogue, heartbeats, replicas),
        rejections=Rejections(points, handle),
        auditor=auditor,
        retention=Retention(points, kept),
        checkups=Checkups(points, catalogue, directory, handle, replicas),
        supervisor=supervisor,
        replicas=replicas,
        reach=reach,
        outward=outward,
        reconcile=Reconcile(points, policies, handle, intake, replicas, ask or Ask()),
    )
