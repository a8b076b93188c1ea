"""The webhook: a message POSTed to one URL, as a template writes it. Serves SMS gateways, chat webhooks and tests.

Without a template the body is the message as JSON, with the fields of `values.values_of`. A repeat may double at the
receiver unless the entry says `folds: true`: that it honours the Idempotency-Key header. Redirects are not followed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import urlsplit

import aiohttp
from pydantic import Field
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random

from responder.adapters.channels.answers import receipt_of
from responder.adapters.channels.templates import BadTemplate, Rendering
from responder.adapters.channels.tools import ChannelConfig, Tools, read_config
from responder.adapters.channels.values import values_of
from responder.adapters.sessions import within
from responder.core.errors import Permanent, Transient, Unsure
from responder.core.identifiers import ChannelName
from responder.core.policy.fields import FromEnv, TextOrEnv
from responder.ports.channel import Delivery, Misconfigured, OnRepeat, Receipt, Spelling

ATTEMPTS = 2  # within one send, where the first did not reach the receiver
PAUSE = (0.1, 0.5)  # seconds between them, at random

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
# Headers that are ours or the connection's.
_OURS = frozenset(
    {"connection", "content-length", "host", "idempotency-key", "transfer-encoding", "x-responder-signature"}
)


class Config(ChannelConfig):
    """`webhook: {url: {from_env: SMS_GATEWAY_URL}, template: sms}`"""

    url: TextOrEnv = Field(
        description="where to POST to, http or https; the only place this channel ever talks to"
    )
    template: str | None = Field(
        default=None, description="a message template (messages/), by name; default: the message as JSON"
    )
    secret: FromEnv | None = Field(
        default=None,
        description="signs each body: X-Responder-Signature: t=<unix>,v1=<HMAC-SHA256 of 't.body'>",
    )
    headers: dict[str, TextOrEnv] = Field(
        default_factory=dict, description="further headers, e.g. Authorization"
    )
    fields: dict[str, TextOrEnv] = Field(
        default_factory=dict,
        description="more for the template to name, as `fields.NAME`, e.g. a routing key that has to stand in the body",
    )
    folds: bool = Field(
        default=False,
        description="default false: the receiver shows two bodies with one Idempotency-Key as one",
    )


class Webhook:
    kind = "webhook"
    edits = False
    spelling = Spelling.CLI
    Config: ClassVar[type[ChannelConfig]] = Config

    def __init__(
        self,
        name: ChannelName,
        url: str,
        tools: Tools,
        *,
        template: Rendering | None = None,
        secret: str = "",
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        folds: bool = False,
    ) -> None:
        self.name = name
        self.on_repeat = OnRepeat.FOLDS if folds else OnRepeat.DOUBLES
        self._url = url
        self._host = urlsplit(url).hostname or ""
        self._tools = tools
        self._template = template
        self._secret = secret.encode()
        self._headers = dict(headers or {})
        self._fields = dict(fields or {})

    @classmethod
    def make(cls, name: ChannelName, config: Mapping[str, object], tools: Tools) -> Self:
        wanted = read_config(name, Config, config)
        template, faults = _template(wanted, tools)
        for header in wanted.headers:
            if not _HEADER_NAME.fullmatch(header) or header.lower() in _OURS:
                faults.append((f"headers.{header!r:.60}", "no header that can be set"))
        faults += _bad_values(wanted, tools)
        if faults:
            raise Misconfigured(name, faults)
        return cls(
            name,
            tools.need(name, "url", wanted.url),
            tools,
            template=template,
            secret=tools.need(name, "secret", wanted.secret) if wanted.secret is not None else "",
            headers={
                header: tools.need(name, f"headers.{header}", value)
                for header, value in wanted.headers.items()
            },
            fields={
                field: tools.need(name, f"fields.{field}", value) for field, value in wanted.fields.items()
            },
            folds=wanted.folds,
        )

    async def send(self, delivery: Delivery) -> Receipt:
        body, media_type = self._body(delivery)
        headers = self._signed(body, media_type, delivery.key)
        try:
            return await within(self._tools.clock, delivery.deadline, self._post_twice(body, headers))
        except TimeoutError:
            raise Unsure(f"{self.name}: {self._host} did not answer in time; it may have arrived") from None

    async def check(self, address: str | None = None) -> None:
        """A receiver that takes messages cannot be asked without sending one."""

    async def close(self) -> None:
        """The HTTP client is shared; whoever made it closes it."""

    def __repr__(self) -> str:
        return f"Webhook({self.name!r}, host={self._host!r})"

    def _body(self, delivery: Delivery) -> tuple[bytes, str]:
        values = values_of(self.name, delivery)
        if self._template is None:
            return json.dumps(values).encode(), "application/json"
        try:
            return self._template.render(values | {"fields": self._fields}).encode(
                "utf-8", "replace"
            ), self._template.media_type
        except BadTemplate as error:
            raise Permanent(f"{self.name}: template {error}") from error

    def _signed(self, body: bytes, media_type: str, key: str) -> dict[str, str]:
        headers = {
            "User-Agent": "responder",
            "Content-Type": media_type,
            **self._headers,
            "Idempotency-Key": key,
        }
        if self._secret:
            at = int(self._tools.clock.now().timestamp())
            digest = hmac.new(self._secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
            headers["X-Responder-Signature"] = f"t={at},v1={digest}"
        return headers

    async def _post_twice(self, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """A second time where the first cannot have arrived, or where the receiver would fold the two."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random(*PAUSE),
            retry=retry_if_exception(self._may_go_again),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._post, body, headers)
        except aiohttp.ClientConnectorError as error:
            raise Transient(f"{self.name}: {self._host} cannot be reached: {_reason(error)}") from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
            why = "the connection broke before an answer; it may have arrived"
            raise Unsure(f"{self.name}: {self._host}: {why}") from error
        except aiohttp.ClientHttpProxyError as error:  # its text holds the whole URL
            raise Transient(
                f"{self.name}: the proxy on the way to {self._host} answered {error.status}"
            ) from None
        except ValueError:  # the same; InvalidURL, and a host that cannot be spelled
            raise Permanent(f"{self.name}: its URL cannot be called: look at it (channels.yaml)") from None
        except aiohttp.ClientError as error:  # the same
            kind = type(error).__name__
            raise Unsure(f"{self.name}: {self._host}: the answer makes no sense ({kind})") from None

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Receipt:
        session = self._tools.sessions()
        async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
            now = self._tools.clock.now()
            return receipt_of(self.name, self._host, answer.status, answer.headers, now)

    def _may_go_again(self, error: BaseException) -> bool:
        if isinstance(error, aiohttp.ClientConnectorError):
            return True
        return self.on_repeat is OnRepeat.FOLDS and isinstance(error, aiohttp.ClientConnectionError)

    async def _sleep(self, seconds: float) -> None:
        clock = self._tools.clock
        await clock.sleep_until(clock.now() + timedelta(seconds=seconds))


def _reason(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted ({getattr(error.certificate_error, 'verify_message', 'TLS')})"
    return error.os_error.strerror or type(error.os_error).__name__


def _template(wanted: Config, tools: Tools) -> tuple[Rendering | None, list[tuple[str, str]]]:
    if wanted.template is None:
        return None, []
    if (found := tools.templates.get(wanted.template)) is None:
        known = ", ".join(sorted(tools.templates)) or "none"
        return None, [("template", f"there is no template {wanted.template!r:.60}; there are: {known}")]
    try:
        return Rendering(wanted.template, found, fields=wanted.fields), []
    except BadTemplate as error:
        return None, [("template", str(error))]


def _bad_values(wanted: Config, tools: Tools) -> list[tuple[str, str]]:
    """Faults of values that are there; what a variable holds is not repeated."""
    found = []
    for place, value in (("url", wanted.url), *((f"headers.{n}", v) for n, v in wanted.headers.items())):
        text = tools.environ.get(value.from_env, "") if isinstance(value, FromEnv) else value
        source = f" (from {value.from_env})" if isinstance(value, FromEnv) else ""
        if _CONTROL.search(text):
            found.append((place, f"holds an end of line or another control character{source}"))
        elif place == "url" and (text or not source) and not _is_url(text):
            found.append((place, f"no http or https URL with a host{source}"))
    return found


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in text
        )
    except ValueError:
        return False


CHANNEL = Webhook
