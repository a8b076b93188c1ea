"""Text of strangers, made fit for one line that a person reads.

Labels, annotations and names come from anybody who can write an alert. What would move a cursor, turn the reading
direction, hide or end a line is shown as an escape here; escaping for a medium (JSON, HTML, Slack) is the medium's.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

# Ends of lines and tabs, in all their spellings: one space, so that a sentence stays readable.
_SPACES = re.compile("[\t\n\x0b\x0c\r\x85\u2028\u2029]+ *")
# Other control characters (escape sequences of terminals start with one), lone surrogates, marks without width that
# reorder or hide text, tags, and what no text holds. The joiners U+200C and U+200D stay: scripts and emoji need them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e0fff]"
)
_URL_MOST = 2_000
# What may stand in a URL as it is; the rest is percent-encoded.
_URL_SAFE = "%/:?#[]@!$&'()*+,;=-._~"


def visible(text: str, most: int = 200) -> str:
    """`text` as one line of at most `most` characters; what was cut off is shown as "…"."""
    text = text[: most + 1]  # before anything that costs time by the character
    return cut(_UNSEEN.sub(_escape, _SPACES.sub(" ", text)).strip(), most)


def cut(text: str, most: int) -> str:
    """At most `most` characters, the last one "…" where something is missing."""
    return text if len(text) <= most else text[: max(most - 1, 0)].rstrip() + "…"


def safe_url(text: str) -> str:
    """`text` where it is an http or https URL with a host, else "". Odd characters are percent-encoded."""
    text = text.strip()
    if len(text) > _URL_MOST:
        return ""
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        return ""
    if not known or _SPACES.search(text) or _UNSEEN.search(text):
        return ""
    return quote(text, safe=_URL_SAFE)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
