"""Debian's Alertmanager and Prometheus as processes on loopback, with the route that is shipped, made quicker."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import aiohttp
from ruamel.yaml import YAML

from tests.house.tree import ROOT
from tests.journeys.programs import Program
from tests.journeys.waiting import CLOCK

ALERTMANAGER = "prometheus-alertmanager"
ROUTE = ROOT / "policies" / "alertmanager-route.yml"
LISTENING = r'msg="Listening on" address=127\.0\.0\.1:(\d+)'


def is_installed() -> bool:
    return shutil.which(ALERTMANAGER) is not None


def shipped_route(
    webhook: str, credentials: Path, *, resolve_timeout: str = "5m", max_alerts: int = 0
) -> dict[str, Any]:
    """The shipped configuration, posting to `webhook`, with every wait of a branch as short as it may be."""
    found: dict[str, Any] = YAML(typ="safe").load(ROUTE)
    for branch in (found["route"], *found["route"]["routes"]):
        branch |= {"group_wait": "0s", "group_interval": "1s"}
    found["global"]["resolve_timeout"] = resolve_timeout
    for receiver in found["receivers"]:
        for hook in receiver["webhook_configs"]:
            hook |= {"url": webhook, "max_alerts": max_alerts}
            hook["http_config"]["authorization"]["credentials_file"] = str(credentials)
    return found


@dataclass(slots=True)
class Alertmanager:
    program: Program
    port: int

    @classmethod
    async def start(
        cls,
        folder: Path,
        webhook: str,
        token: str,
        *,
        name: str = "alertmanager",
        port: int = 0,
        **route: Any,
    ) -> Self:
        """Without peers, posting to `webhook` by the shipped route, which `route` changes. Started again in the same
        folder it has its silences, and no alerts. port: 0 = any that is free.
        """
        secret, config = folder / f"{name}-token", folder / f"{name}.yml"
        secret.write_text(token, encoding="utf-8")
        YAML(typ="safe").dump(shipped_route(webhook, secret, **route), config)
        program = await Program.start(
            name,
            ALERTMANAGER,
            f"--config.file={config}",
            f"--storage.path={folder / name}",
            "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{port}",
            folder=folder,
            environ={},
        )
        return cls(program, int((await program.ready(LISTENING))[1]))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def alert(
        self,
        labels: Mapping[str, str],
        annotations: Mapping[str, str] | None = None,
        *,
        ends_at: datetime | None = None,
    ) -> None:
        """What a Prometheus would post: it fires, or with `ends_at` has ended then."""
        alert: dict[str, Any] = {"labels": dict(labels), "annotations": dict(annotations or {})}
        if ends_at is not None:
            alert["endsAt"] = ends_at.isoformat()
        url = f"http://{self.address}/api/v2/alerts"
        async with aiohttp.ClientSession() as http, http.post(url, json=[alert]) as answer:
            assert answer.status == 200, await answer.text()

    async def silence(self, labels: Mapping[str, str]) -> str:
        """For an hour, unless `expire` ends it; returns its id."""
        now = CLOCK.now()
        silence = {
            "matchers": [{"name": name, "value": value, "isRegex": False} for name, value in labels.items()],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "a journey",
            "comment": "maintenance",
        }
        url = f"http://{self.address}/api/v2/silences"
        async with aiohttp.ClientSession() as http, http.post(url, json=silence) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["silenceID"])

    async def expire(self, silence: str) -> None:
        url = f"http://{self.address}/api/v2/silence/{silence}"
        async with aiohttp.ClientSession() as http, http.delete(url) as answer:
            assert answer.status == 200, await answer.text()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.program.__aexit__()


@dataclass(slots=True)
class Prometheus:
    """Scrapes one exporter and evaluates one rule, each second, for one Alertmanager."""

    program: Program

    @classmethod
    async def start(cls, folder: Path, name: str, *, exporter: str, rule: Mapping[str, Any], to: str) -> Self:
        config, rules = folder / f"{name}.yml", folder / f"{name}-rules.yml"
        yaml = YAML(typ="safe")
        yaml.dump({"groups": [{"name": "journey", "interval": "1s", "rules": [dict(rule)]}]}, rules)
        found = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "region", "static_configs": [{"targets": [exporter]}]}],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [to]}]}]},
        }
        yaml.dump(found, config)
        program = await Program.start(
            name,
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / name}",
            "--web.listen-address=127.0.0.1:0",
            "--rules.alert.resend-delay=1s",
            folder=folder,
            environ={},
        )
        await program.ready("Server is ready to receive web requests")
        return cls(program)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.program.__aexit__()
