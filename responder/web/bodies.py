"""Bodies: reading what a caller sends, within a size and a time, decompressed.

A size is held against what has arrived and against what it unpacks to, so that a small body cannot become a large
one. Nothing here knows what a body means.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from aiohttp import ClientError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from responder.ports.clock import Clock
from responder.web.problems import Kind, Problem, unavailable

WITHIN = timedelta(seconds=60)  # for a whole body to arrive
CHUNK = 1024 * 1024  # bytes unpacked at a time
ENCODINGS = "gzip, deflate, identity"

T = TypeVar("T")


async def unasked(_request: web.Request) -> None:
    """The `expect_handler` of routes that read bodies: a caller that waits to be asked for its body (curl does, with
    large ones) is asked by `read_body`, and so never without a credential.
    """


async def read_body(request: web.Request, most: int, clock: Clock) -> bytes:
    """The body, decompressed. Raises Problem: over `most` bytes, not in time, or not what its encoding says."""
    if request.content_length is not None and request.content_length > most:
        raise too_large(most)
    raw = await _arrived(request, most, clock)
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    match encoding:
        case "" | "identity":
            return raw
        case "gzip" | "x-gzip":
            return await _unpacked(raw, (zlib.MAX_WBITS | 16,), most)
        case "deflate":  # zlib's frame by the standard, none by some senders
            return await _unpacked(raw, (zlib.MAX_WBITS, -zlib.MAX_WBITS), most)
        case _:
            detail = f"Content-Encoding may be one of {ENCODINGS}"
            raise Problem(Kind.ENCODING, detail, headers={hdrs.ACCEPT_ENCODING: ENCODINGS})


def too_large(most: int) -> Problem:
    detail = f"a body may have {most} bytes, unpacked; send less at a time (in Alertmanager: max_alerts)"
    return Problem(Kind.TOO_LARGE, detail)


async def _arrived(request: web.Request, most: int, clock: Clock) -> bytes:
    try:
        await _ask(request)
        if request.content.is_eof():  # the usual case: it came with its headers
            return _bounded(request.content.read_nowait(-1), most)
        return await _by(clock, _collected(request, most))
    except (ClientError, HttpProcessingError, web.RequestPayloadError, ConnectionError) as problem:
        raise Problem(
            Kind.UNREADABLE, f"the body broke off ({type(problem).__name__}); send it again"
        ) from None


async def _ask(request: web.Request) -> None:
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        return
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer itself has not begun


async def _collected(request: web.Request, most: int) -> bytes:
    chunks: list[bytes] = []
    left = most
    while chunk := await request.content.readany():
        chunks.append(chunk)
        left -= len(chunk)
        if left < 0:
            raise too_large(most)
    return b"".join(chunks)


def _bounded(found: bytes, most: int) -> bytes:
    if len(found) > most:
        raise too_large(most)
    return found


async def _by(clock: Clock, reading: Awaitable[T]) -> T:
    """Alertmanager does not soon repeat what got a 4xx, so a body that comes too slowly is a 503."""
    task = asyncio.ensure_future(reading)
    ringing = asyncio.ensure_future(clock.sleep_until(clock.now() + WITHIN))
    try:
        await asyncio.wait({task, ringing}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            seconds = int(WITHIN.total_seconds())
            raise unavailable(f"the body did not arrive within {seconds} s; send it again")
        return task.result()
    finally:
        for each in (task, ringing):
            each.cancel()
        await asyncio.gather(task, ringing, return_exceptions=True)


async def _unpacked(raw: bytes, windows: tuple[int, ...], most: int) -> bytes:
    for window in windows:
        try:
            return await asyncio.to_thread(_inflate, raw, window, most)
        except zlib.error:
            continue
    raise Problem(Kind.UNREADABLE, "the body is not what its Content-Encoding says")


def _inflate(raw: bytes, window: int, most: int) -> bytes:
    """Raises zlib.error for what is not one whole stream, Problem over `most` bytes."""
    found: list[bytes] = []
    left = most
    stream = zlib.decompressobj(window)
    while not stream.eof:
        chunk = stream.decompress(raw, min(CHUNK, left + 1))
        raw = stream.unconsumed_tail
        left -= len(chunk)
        if left < 0:
            raise too_large(most)
        if not chunk and not raw and not stream.eof:
            raise zlib.error("it breaks off")
        found.append(chunk)
    if stream.unused_data:
        raise zlib.error("something follows it")
    return b"".join(found)
