"""The console: what is printed, whatever the text and the terminal are."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.adapters.channels.console import Console
from responder.core.errors import Transient
from responder.core.identifiers import ChannelName
from tests.adapters.channels.messages import delivery

NAME = ChannelName("sms")


async def printed(**changes: object) -> str:
    stream = io.StringIO()
    await Console(NAME, stream).send(delivery(**changes))
    return stream.getvalue()


async def test_a_message_is_a_block_of_lines():
    assert await printed() == (
        "─── page to CTO by sms · level 3 · open\n"
        "[L3 severe] I42 RegionDown cluster=seoul — paged: nobody answered for 15m\n"
        "  What: Seoul does not answer\n"
        "  Acknowledge: responder incidents ack I42\n"
    )


async def test_what_has_no_level_is_printed_without_one():
    assert (await printed(level=0, purpose="notice", recipient="sms")).startswith(
        "─── notice to sms by sms\n"
    )


async def test_without_a_stream_of_its_own_it_prints_on_standard_output(capsys):
    await Console(NAME).send(delivery())
    assert "I42 RegionDown" in capsys.readouterr().out


@given(st.text(st.characters()))
async def test_no_text_gets_at_the_terminal(text):
    shown = await printed(headline=text, body=(text,), recipient=text)
    assert shown.count("\n") == 3
    assert not [c for c in shown.replace("\n", "") if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp949", "utf-8", "utf-16"])
async def test_a_terminal_that_lacks_characters_shows_escapes(encoding):
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding)
    await Console(NAME, terminal).send(delivery(headline="서울 🔥 é"))
    shown = raw.getvalue().decode(encoding)
    assert ("🔥" in shown) or ("\\U0001f525" in shown)


class Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [Broken, closed])
async def test_a_closed_pipe_is_tried_again(stream):
    with pytest.raises(Transient, match=r"^sms: standard output is closed$"):
        await Console(NAME, stream()).send(delivery())
