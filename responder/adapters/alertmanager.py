"""An Alertmanager that is asked through its API, version 2.

Credentials stand in the URL (basic) or are a bearer token; neither is ever shown, and redirects are not followed, so
that they go nowhere else. How long an answer may take is the caller's to say.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from responder.adapters.sessions import Sessions
from responder.core.errors import Permanent, Transient
from responder.dialects.alertmanager_api import NotAnAnswer, read_alerts, read_status
from responder.ports.alerts import PeerAlert, PeerStatus

MOST = 64 * 1024 * 1024  # bytes of an answer

PASSING = frozenset({408, 425, 429})
_MEND = {
    401: "it refuses our credentials: look at RESPONDER_ALERTMANAGER_URLS and RESPONDER_ALERTMANAGER_TOKEN",
    403: "it refuses our credentials: look at RESPONDER_ALERTMANAGER_URLS and RESPONDER_ALERTMANAGER_TOKEN",
    404: "there is no API under this URL: look at RESPONDER_ALERTMANAGER_URLS",
}


class Alertmanager:
    """`url`: http or https, with its user and password where it needs them, and with its path where it has one.

    most: bytes of an answer.
    """

    def __init__(self, url: str, sessions: Sessions, *, token: str = "", most: int = MOST) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        self.name = f"{host}:{parts.port}" if parts.port else host
        self._base = f"{parts.scheme}://{self.name}{parts.path.rstrip('/')}/api/v2"
        self._sessions = sessions
        self._most = most
        self._headers = {"Accept": "application/json", "User-Agent": "responder"}
        if parts.username is not None:
            user, password = unquote(parts.username), unquote(parts.password or "")
            given = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {given}"
        elif token:
            self._headers["Authorization"] = f"Bearer {token}"

    def __repr__(self) -> str:
        return f"Alertmanager({self.name!r})"

    async def status(self) -> PeerStatus:
        raw = await self._get("status", {})
        try:
            found = read_status(raw)
            config = await asyncio.to_thread(YAML(typ="safe").load, found.config)
        except NotAnAnswer as fault:
            raise self._odd(fault) from fault
        except YAMLError as fault:
            raise self._odd("its configuration cannot be read") from fault
        if not isinstance(config, dict):
            raise self._odd("its configuration cannot be read")
        return PeerStatus(up_since=found.up_since, config=config)

    async def alerts(self, receivers: Collection[str] | None = None) -> Sequence[PeerAlert]:
        wanted = {"active": "true", "silenced": "true", "inhibited": "true", "unprocessed": "true"}
        if receivers is not None:
            wanted["receiver"] = "|".join(re.escape(name) for name in sorted(receivers))
        raw = await self._get("alerts", wanted)
        try:
            found = await asyncio.to_thread(read_alerts, raw)
        except NotAnAnswer as fault:
            raise self._odd(fault) from fault
        return [
            PeerAlert(
                alert=one.alert,
                receivers=one.receivers,
                updated_at=one.updated_at,
                is_suppressed=one.is_suppressed,
                suppressed_by=one.suppressed_by,
            )
            for one in found
        ]

    async def _get(self, what: str, parameters: Mapping[str, str]) -> bytes:
        try:
            async with self._sessions().get(
                f"{self._base}/{what}", params=parameters, headers=self._headers, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise self._refused(answer.status)
                return await self._read(answer)
        except aiohttp.ClientConnectorError as error:
            raise Transient(f"alertmanager {self.name}: cannot be reached: {_reason(error)}") from error
        except aiohttp.ClientHttpProxyError as error:  # its text may hold the whole URL
            raise Transient(
                f"alertmanager {self.name}: the proxy on the way answered {error.status}"
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Transient(
                f"alertmanager {self.name}: the connection broke ({type(error).__name__})"
            ) from None
        except ValueError:  # InvalidURL, and a host that cannot be spelled
            raise Permanent(
                f"alertmanager {self.name}: its URL cannot be called: look at RESPONDER_ALERTMANAGER_URLS"
            ) from None

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        found = bytearray()
        async for part in answer.content.iter_any():
            found += part
            if len(found) > self._most:
                raise self._odd(f"its answer is larger than {self._most} bytes")
        return bytes(found)

    def _refused(self, status: int) -> Transient | Permanent:
        said = f"alertmanager {self.name}: it answered {status}"
        if status in PASSING or status >= 500:
            return Transient(said)
        if 300 <= status < 400:
            return Permanent(f"{said}: it redirects, and redirects are not followed: name the URL it ends at")
        return Permanent(f"{said}: {_MEND.get(status, 'it refuses the request')}")

    def _odd(self, what: object) -> Permanent:
        return Permanent(f"alertmanager {self.name}: its answer makes no sense: {what}")


def _reason(error: aiohttp.ClientConnectorError) -> Any:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted ({getattr(error.certificate_error, 'verify_message', 'TLS')})"
    return error.os_error.strerror or type(error.os_error).__name__
