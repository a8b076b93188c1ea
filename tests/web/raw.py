"""A caller below HTTP: it sends the bytes that it is told to send, when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.web.face import WEBHOOK


@dataclass
class Raw:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> str:
        """Status line and headers of the next answer."""
        return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    async def rest(self) -> bytes:
        """Everything until the other side closes."""
        return await self.reader.read()


@asynccontextmanager
async def calling(base: str) -> AsyncIterator[Raw]:
    parts = urlsplit(base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


def webhook_head(length: int, *headers: str) -> bytes:
    lines = [f"POST {WEBHOOK} HTTP/1.1", "Host: responder", f"Content-Length: {length}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")
