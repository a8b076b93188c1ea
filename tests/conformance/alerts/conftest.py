"""A peer of each kind, and what a test does with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ruamel.yaml import YAML

from responder.adapters.alertmanager import Alertmanager
from responder.adapters.clock import SystemClock
from responder.adapters.sessions import Sessions
from responder.ports.alerts import Peer
from tests.fakes.alertmanager import FakePeer, Labels
from tests.fakes.clock import FakeClock
from tests.journeys.alertmanagers import ALERTMANAGER, LISTENING
from tests.journeys.programs import Program

SOURCE, TARGET = {"alertname": "RegionDown"}, {"alertname": "PodDown"}
OTHER = {"team": "other"}  # the label of alerts that go to another receiver


@dataclass
class Rig:
    """`post`: labels, ends_at; `silence`, which returns its id; `expire` ends it; `now`: by the peer's clock."""

    peer: Peer
    now: Callable[[], datetime]
    post: Callable[..., Awaitable[object]]
    silence: Callable[[Labels], Awaitable[str]]
    expire: Callable[[str], Awaitable[object]]
    restart: Callable[[], Awaitable[object]]


@asynccontextmanager
async def fake(_folder: Path) -> AsyncIterator[Rig]:
    clock = FakeClock()
    peer = FakePeer(clock)
    peer.inhibit(SOURCE, TARGET)

    async def post(labels: Labels, ends_at: datetime | None = None) -> None:
        clock.advance(seconds=1)
        receiver = "other" if OTHER.items() <= labels.items() else None
        await peer.post(labels, ends_at=ends_at, receiver=receiver)

    async def restart() -> None:
        clock.advance(seconds=1)
        await peer.restart()

    yield Rig(peer, clock.now, post, peer.silence, peer.expire, restart)


class Real:
    """Debian's Alertmanager, posting to nobody."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program: Program | None = None
        self._port = 0

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self._port}/api/v2"

    async def start(self) -> None:
        config = self._folder / "alertmanager.yml"
        nowhere: dict[str, Any] = {"url": "http://127.0.0.1:9/"}
        found = {
            "global": {"resolve_timeout": "5m"},
            "route": {
                "receiver": "responder",
                "group_wait": "1h",
                "routes": [{"matchers": ['team="other"'], "receiver": "other"}],
            },
            "receivers": [{"name": name, "webhook_configs": [nowhere]} for name in ("responder", "other")],
            "inhibit_rules": [
                {"source_matchers": ['alertname="RegionDown"'], "target_matchers": ['alertname="PodDown"']}
            ],
        }
        YAML(typ="safe").dump(found, config)
        self._program = await Program.start(
            "alertmanager",
            ALERTMANAGER,
            f"--config.file={config}",
            f"--storage.path={self._folder / 'kept'}",
            "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{self._port}",
            folder=self._folder,
            environ={},
        )
        self._port = int((await self._program.ready(LISTENING))[1])

    async def stop(self) -> None:
        assert self._program is not None
        await self._program.stop()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def post(self, labels: Labels, ends_at: datetime | None = None) -> None:
        alert: dict[str, Any] = {"labels": dict(labels), "annotations": {}}
        if ends_at is not None:
            alert["endsAt"] = ends_at.isoformat()
        await self._ask("POST", "/alerts", [alert])

    async def silence(self, labels: Labels) -> str:
        now = SystemClock().now()
        found = await self._ask(
            "POST",
            "/silences",
            {
                "matchers": [{"name": k, "value": v, "isRegex": False} for k, v in labels.items()],
                "startsAt": now.isoformat(),
                "endsAt": (now + timedelta(hours=1)).isoformat(),
                "createdBy": "a test",
                "comment": "a test",
            },
        )
        return str(found["silenceID"])

    async def expire(self, silence: str) -> None:
        await self._ask("DELETE", f"/silence/{silence}")

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, self.api + path, json=body) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else None


@asynccontextmanager
async def real(folder: Path) -> AsyncIterator[Rig]:
    found = Real(folder)
    await found.start()
    sessions = Sessions(trust_env=False)
    try:
        peer = Alertmanager(found.api.removesuffix("/api/v2"), sessions)
        now = SystemClock().now
        yield Rig(peer, now, found.post, found.silence, found.expire, found.restart)
    finally:
        await sessions.close()
        await found.stop()


@pytest.fixture(params=[fake, pytest.param(real, marks=pytest.mark.servers)], ids=["fake", "real"])
async def rig(request, tmp_path):
    async with request.param(tmp_path) as found:
        yield found
