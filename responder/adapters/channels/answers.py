"""What an HTTP receiver's answer means: taken, try again, or a person has to mend something.

Only the status and a few headers are looked at, never the body: it may repeat what we sent, secrets included.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from responder.core.delivery import RETRY_AFTER_MOST
from responder.core.errors import Permanent, Transient
from responder.dialects.visible import visible
from responder.ports.channel import Receipt

# These pass by themselves: request timeout, too early, too many requests.
PASSING = frozenset({408, 425, 429})

_MEND = {
    400: "it does not understand the request: look at the template",
    401: "it refuses our credentials",
    403: "it refuses our credentials",
    404: "there is nothing under this URL",
    405: "it takes no POST under this URL",
    410: "there is nothing under this URL any more",
    411: "it does not understand the request",
    413: "the message is too long for it: look at the template",
    415: "it does not take this content type: a template's name ends in .json or .txt",
    422: "it does not understand the request: look at the template",
}


def receipt_of(channel: str, host: str, status: int, headers: Mapping[str, str], now: datetime) -> Receipt:
    """The receipt of a 2xx answer. Raises Transient for what passes by itself, Permanent for everything else."""
    if 200 <= status < 300:
        return Receipt(_reference(headers))
    if status in PASSING or status >= 500:
        wait = retry_after(headers.get("Retry-After", ""), now)
        raise Transient(f"{channel}: {host} answered {status}", retry_after=wait)
    if 300 <= status < 400:
        why = "it redirects, and redirects are not followed: configure the URL where it ends"
    else:
        why = _MEND.get(status, "it refuses the request")
    raise Permanent(f"{channel}: {host} answered {status}: {why} (channels.yaml)")


def retry_after(text: str, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date, at most RETRY_AFTER_MOST; None where it says nothing that can be read."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=min(int(text[:9]), RETRY_AFTER_MOST.total_seconds()))
    try:
        moment = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None
    return min(max(moment - now, timedelta(0)), RETRY_AFTER_MOST)


def _reference(headers: Mapping[str, str]) -> str:
    """The receiver's own name for it; a Location without its query, which may hold a key."""
    location = headers.get("Location", "").partition("?")[0].partition("#")[0].rpartition("@")[2]
    return visible(headers.get("X-Request-Id") or location)
