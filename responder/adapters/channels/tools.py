"""What every kind of channel is made with, and what a class has to have to be one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self, TextIO, TypeVar

import aiohttp
from pydantic import ConfigDict, ValidationError

from responder.core.identifiers import ChannelName
from responder.core.policy.fields import Document, TextOrEnv, resolve
from responder.core.policy.messages import Template
from responder.ports.channel import Channel, Misconfigured, Unconfigured
from responder.ports.clock import Clock

T = TypeVar("T")
C = TypeVar("C", bound="ChannelConfig")


class ChannelConfig(Document):
    """A channel's part of channels.yaml. What was written is never repeated in an error: it may be a secret."""

    model_config = ConfigDict(hide_input_in_errors=True)


class Sessions:
    """The HTTP client that all channels share, opened when the first of them needs it.

    Connections are not kept: a kept one may have been closed by the other side, which is noticed only when a page is
    written into it, and then nobody knows whether the page arrived. Proxies (HTTPS_PROXY, NO_PROXY) are honoured.
    """

    def __init__(self, *, trust_env: bool = True) -> None:
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None

    def __call__(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, limit=100),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # every call has its own deadline, by our clock
                trust_env=self._trust_env,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`environ`: where `{from_env: …}` is read. `templates`: of messages, by name. `stdout`: None = the process's."""

    clock: Clock
    environ: Mapping[str, str] = field(repr=False)
    sessions: Sessions
    templates: Mapping[str, Template] = field(default_factory=dict)
    stdout: TextIO | None = None

    def need(self, channel: ChannelName, place: str, value: TextOrEnv) -> str:
        """The value itself, or that of the variable it names. Raises Unconfigured where that is not set."""
        found = resolve(value, self.environ)
        if found is None:
            variable = value if isinstance(value, str) else value.from_env
            raise Unconfigured(
                f"channel {channel}: {place} is read from {variable or 'nothing'}, which is not set"
            )
        return found


class ChannelKind(Channel, Protocol):
    """A class that the catalogue can make a configured channel of."""

    Config: ClassVar[type[ChannelConfig]]

    @classmethod
    def make(cls, name: ChannelName, config: Mapping[str, object], tools: Tools) -> Self: ...


def read_config(channel: ChannelName, model: type[C], config: Mapping[str, object]) -> C:
    """`config` as `model` has it. Raises Misconfigured with every fault."""
    try:
        return model.model_validate(dict(config))
    except ValidationError as error:
        faults = [(".".join(str(part) for part in fault["loc"]), fault["msg"]) for fault in error.errors()]
        raise Misconfigured(channel, faults) from None


async def within(clock: Clock, deadline: datetime, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Raises TimeoutError at `deadline`, by which time `work` has been cancelled."""
    done = asyncio.Event()
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda _: done.set())
    try:
        await clock.sleep_until(deadline, done)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # looked at, so that nothing is reported as never retrieved
