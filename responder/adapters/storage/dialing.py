"""Connections to whichever PostgreSQL server takes writes, and the end of all of them when it answers no more.

A server whose machine or network is gone closes nothing: each connection would have to be waited for by itself. So the
first one that is not answered in time ends all, and the next connection is tried at the other servers first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

CONNECTING = 3.0  # seconds for each server to answer
# Weaker than `on`: what is promised could be lost with the server. What is stronger stays as the server has it.
WEAK = frozenset({"off", "local", "remote_write"})
# Of one server: another may take us.
ELSEWHERE = (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched)


class Dialer:
    """`answering`: seconds for each statement of its connections; None = no limit."""

    def __init__(self, url: str, settings: Mapping[str, str], *, answering: float | None) -> None:
        self._urls = each_of(url)  # the one that took us last is the first
        self._settings = dict(settings)
        self._answering = answering
        self._open: set[Any] = set()

    async def connect(self) -> Any:
        """A connection of asyncpg's. Raises what the last server that was tried has said."""
        *others, last = tuple(self._urls)
        for url in others:
            try:
                return await self._connect(url)
            except ELSEWHERE:
                continue
        return await self._connect(last)

    def give_up(self, connection: Any) -> None:
        """Its server does not answer, or takes no writes any more: end what we have, and ask the others first."""
        if connection not in self._open:
            return  # another was heard of before it
        self._urls.append(self._urls.pop(0))
        for each in tuple(self._open):
            each.terminate()
        self._open.clear()

    async def _connect(self, url: str) -> Any:
        connection = await asyncpg.connect(
            url,
            target_session_attrs="read-write",
            timeout=CONNECTING,
            command_timeout=self._answering,
            server_settings=self._settings,
        )
        try:
            if await connection.fetchval("SHOW synchronous_commit") in WEAK:
                await connection.execute("SET synchronous_commit = on")
        except BaseException:
            connection.terminate()
            raise
        connection.add_termination_listener(self._open.discard)
        self._open.add(connection)
        self._urls.sort(key=lambda known: known != url)
        return connection


def each_of(url: str) -> list[str]:
    """The URL of each server. asyncpg would give all of them together the time that one may take."""
    scheme, slashes, rest = url.partition("://")
    end = min((place for mark in "/?" if (place := rest.find(mark)) >= 0), default=len(rest))
    account, at, hosts = rest[:end].rpartition("@")
    return [f"{scheme}{slashes}{account}{at}{host}{rest[end:]}" for host in hosts.split(",")]
