"""The API, spoken: requests with the token, and every way in which they fail told in words, with what to do next.

It follows no redirect, so the token goes nowhere but to the address that was named, and never into an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from responder.cli.options import TOKEN_FILE, Session
from responder.cli.outcome import Exit, Forbidden, NotThere, Trouble
from responder.core.policy.fields import parse_duration
from responder.dialects.visible import visible

WITHIN = aiohttp.ClientTimeout(total=60, connect=10)
API = "/api/v1"
NOT_RECORDED = 202
UNKNOWN_TOKEN = 401
LOOPBACK = re.compile(r"https?://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?(/|$)", re.ASCII | re.IGNORECASE)
SLACK = timedelta(seconds=1)  # by which an end may come early

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Api:
    """`path`s are within /api/v1. Raises Trouble for whatever is no success."""

    session: aiohttp.ClientSession
    url: str
    origin: str  # where the token came from, in words

    async def get(self, path: str, query: Mapping[str, object] | None = None) -> Answer:
        return await self.call("GET", path, query=query)

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> Answer:
        return await self.call("POST", path, body=body or {})

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        url = f"{self.url}{API}{path}"
        params = {name: str(value) for name, value in (query or {}).items() if value not in (None, "")}
        status, raw = await request(self.session, method, url, params=params, json=body)
        try:
            return read_answer(status, raw, f"{self.url}{API}")
        except Forbidden as refused:
            raise self.with_origin(refused) if status == UNKNOWN_TOKEN else refused from None

    def with_origin(self, refused: Forbidden) -> Forbidden:
        """Where a token that is not known came from, and went; never the token."""
        what = f"{refused.what}; it came from {self.origin}, and went to {self.url}"
        anew = f"on its own machine a restart of the service writes {TOKEN_FILE} anew"
        parts = (refused.next, anew if LOOPBACK.match(self.url) else "")
        return Forbidden(refused.code, what, "; ".join(part for part in parts if part))


@asynccontextmanager
async def open_api(session: Session) -> AsyncIterator[Api]:
    """Raises Trouble where there is no token to come with."""
    token = session.token()
    if not token:
        raise Trouble(
            Exit.REFUSED,
            "there is no API token",
            "the service writes var/token at its first start; on another machine set RESPONDER_TOKEN or --token-file",
        )
    headers = {"Authorization": f"Bearer {token}"}
    if any(not 0x21 <= ord(char) <= 0x7E for char in token):
        raise Trouble(Exit.USAGE, "the API token holds characters that no token has", "is it the right file?")
    async with open_http(headers) as http:
        yield Api(http, session.url, session.origin_of_token())


async def ask(session: Session, method: str, path: str, body: Mapping[str, object] | None = None) -> Answer:
    """One request, and nothing else."""
    async with open_api(session) as api:
        return await api.call(method, path, body=body)


async def is_cut_short(api: Api, reply: Answer, wanted: str) -> bool:
    """Whether the reply's `until` comes before `wanted` (`1h30m`) has passed. Raises Trouble.

    The audit says when it began, by the service's clock; that of this computer may show another time.
    """
    until = reply["details"].get("until")
    if not wanted or not until:
        return False
    began = await _began(api, reply)
    return began is not None and _moment(until) < began + parse_duration(wanted) - SLACK


async def _began(api: Api, reply: Answer) -> datetime | None:
    """When the audit got the line that the reply tells of, the newest where there are several."""
    found = None
    after: object = 0
    while after is not None:
        page = await api.get(f"/incidents/{reply['incident']}/audit", {"after": after})
        for line in page["lines"]:
            if line["why"] == reply["code"] and line["details"].get("until") == reply["details"]["until"]:
                found = line["at"]
        after = page["next"]
    return None if found is None else _moment(found)


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


@asynccontextmanager
async def open_http(headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientSession]:
    """Proxies (HTTPS_PROXY, NO_PROXY) are honoured."""
    async with aiohttp.ClientSession(headers=headers, timeout=WITHIN, trust_env=True) as http:
        yield http


async def request(
    http: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    json: Mapping[str, object] | None = None,
    data: bytes | None = None,
) -> tuple[int, bytes]:
    """Status and body. Raises Trouble where no answer came."""
    try:
        async with http.request(
            method, url, params=params, json=json, data=data, allow_redirects=False
        ) as response:
            return response.status, await response.read()
    except aiohttp.InvalidURL:
        raise Trouble(Exit.USAGE, f"{url} is no address", "write it like http://127.0.0.1:8080") from None
    except aiohttp.ClientConnectorCertificateError as error:
        why = visible(str(error.certificate_error))
        raise Trouble(
            Exit.UNREACHABLE, f"{url} shows a certificate that is not trusted: {why}", _TRUST
        ) from None
    except aiohttp.ClientConnectorError as error:
        is_refused = isinstance(error.os_error, ConnectionRefusedError)
        why = "connection refused" if is_refused else visible(error.strerror or str(error.os_error))
        raise Trouble(Exit.UNREACHABLE, f"nothing answers at {url}: {why}", _RUNNING) from None
    except TimeoutError:
        raise Trouble(Exit.UNREACHABLE, f"{url} gave no answer in time", _UNSURE) from None
    except aiohttp.ClientError as error:
        what = f"{url} broke off ({type(error).__name__})"
        raise Trouble(Exit.UNREACHABLE, what, _UNSURE) from None


_RUNNING = "is `responder serve` running there? RESPONDER_URL or --url says where it is"
_UNSURE = "whether it was done is not known: look with `responder incidents show`, then try again"
_TRUST = "SSL_CERT_FILE names the authorities that are trusted"


def read_answer(status: int, raw: bytes, where: str) -> Answer:
    """The answer's object. Raises Trouble for a problem (RFC 9457), in its words."""
    read = _object(raw)
    found = read or {}
    if status == NOT_RECORDED:
        words = str(found.get("words") or "it is not recorded yet")
        raise Trouble(
            Exit.NOT_RECORDED, words, "it goes on all the same; look with `responder incidents show`"
        )
    if 200 <= status < 300:
        if read is None:
            raise Trouble(Exit.UNREACHABLE, f"what answers at {where} is no responder", _RUNNING)
        return found
    what, next_ = _words(found, status, where)
    match status:
        case 404:
            raise NotThere(Exit.NOT_SO, what, next_)
        case 401 | 403:
            raise Forbidden(Exit.REFUSED, what, next_)
        case 409:
            raise Trouble(Exit.REFUSED, what, next_)
        case _ if status < 400 or status >= 500:
            raise Trouble(Exit.UNREACHABLE, what, next_)
        case _:
            raise Trouble(Exit.USAGE, what, next_)


def read_problem(raw: bytes) -> dict[str, str]:
    """Of a problem (RFC 9457): each part that is wrong, and how; empty where it is none."""
    wrong = (_object(raw) or {}).get("errors")
    parts = wrong if isinstance(wrong, list) else []
    return {str(each.get("where")): str(each.get("what")) for each in parts if isinstance(each, dict)}


def _object(raw: bytes) -> Answer | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _words(found: Answer, status: int, where: str) -> tuple[str, str]:
    if "detail" not in found:
        return f"{where} answered with status {status}, and not as a responder does", _RUNNING
    wrong = found.get("errors")
    if isinstance(wrong, list) and wrong:
        parts = [f"{each.get('where')}: {each.get('what')}" for each in wrong if isinstance(each, dict)]
        return "; ".join(parts), ""
    what, _, next_ = str(found["detail"]).partition("; ")
    return what, next_
