from __future__ import annotations

import errno
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import pytest

from responder.cli.client import read_answer
from responder.cli.outcome import Exit, Trouble
from responder.cli.output import Terminal, plain, visible_line
from responder.cli.serve import told
from tests.cli.desk import at_desk, run
from tests.cli.reference import CLI, reference
from tests.engine.world import make_world
from tests.fakes.beacon import FakeBeacon
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore
from tests.house.tree import ROOT

HEAVY = (
    "aiohttp",
    "aiosqlite",
    "alembic",
    "pydantic",
    "re2",
    "rich.table",
    "ruamel.yaml",
    "sqlalchemy",
    "uvloop",
)


def test_help_loads_nothing_heavy():
    script = (
        "import sys\n"
        "from responder.cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stderr.strip() == "[]"
    for verb in ("serve", "check", "schema", "explain", "incidents", "send", "replay", "token", "status"):
        assert f"\n  {verb} " in ran.stdout


def test_the_documentation_lists_every_command_and_option_as_it_is():
    assert CLI.read_text(encoding="utf-8") == reference(), "run `python -m tests.cli.reference`"


@pytest.mark.parametrize(
    "status, body, code, what",
    [
        (200, b'{"a": 1}', None, ""),
        (201, b"{}", None, ""),
        (202, b'{"words": "not recorded yet"}', Exit.NOT_RECORDED, "not recorded yet"),
        (200, b"<html>", Exit.UNREACHABLE, "is no responder"),
        (301, b"", Exit.UNREACHABLE, "status 301"),
        (
            400,
            b'{"detail": "see errors", "errors": [{"where": "for", "what": "bad"}]}',
            Exit.USAGE,
            "for: bad",
        ),
        (401, b'{"detail": "no token; make one"}', Exit.REFUSED, "no token"),
        (403, b'{"detail": "not yours"}', Exit.REFUSED, "not yours"),
        (404, b'{"detail": "no such thing"}', Exit.NOT_SO, "no such thing"),
        (409, b'{"detail": "not now"}', Exit.REFUSED, "not now"),
        (413, b'{"detail": "too large"}', Exit.USAGE, "too large"),
        (500, b'{"detail": "our fault"}', Exit.UNREACHABLE, "our fault"),
        (502, b"Bad Gateway", Exit.UNREACHABLE, "status 502, and not as a responder does"),
        (503, b'{"detail": "stopping"}', Exit.UNREACHABLE, "stopping"),
    ],
)
def test_every_answer_has_its_exit_code_and_words(status, body, code, what):
    if code is None:
        read_answer(status, body, "http://x")
        return
    with pytest.raises(Trouble) as trouble:
        read_answer(status, body, "http://x")
    assert trouble.value.code is code
    assert what in trouble.value.what


def test_settings_that_make_no_sense_are_told_one_a_line():
    ran = run("serve", env={"RESPONDER_LISTEN": "nowhere", "RESPONDER_TIMEZONE": "Mars/Base"})
    assert ran.code == 2
    assert sorted(line.partition(":")[2].strip().partition(":")[0] for line in ran.err.splitlines()) == [
        "RESPONDER_LISTEN",
        "RESPONDER_TIMEZONE",
    ]


def test_policies_that_are_not_whole_keep_the_service_from_starting(tmp_path):
    ran = run("serve", env={"RESPONDER_POLICIES": "nowhere"})
    assert ran.code == 1
    assert "there is no such folder" in ran.err


@pytest.mark.parametrize(
    "problem, said, unsaid",
    [
        (
            OSError(errno.EADDRINUSE, "error while attempting to bind on address: in use"),
            ["in use", "RESPONDER_LISTEN"],
            "TLS",
        ),
        (
            OSError(errno.EADDRNOTAVAIL, "could not bind on address x"),
            ["bind on address", "RESPONDER_LISTEN"],
            "TLS",
        ),
        (
            PermissionError(errno.EACCES, "denied", "key.pem"),
            ["key.pem: denied", "RESPONDER_TLS_KEY"],
            "LISTEN",
        ),
        (FileNotFoundError(errno.ENOENT, "no such file"), ["no such file", "RESPONDER_TLS_CERT"], "in use"),
    ],
    ids=["in use", "not ours", "a file", "a file without its name"],
)
def test_what_keeps_the_service_from_starting_is_told_for_what_it_is(problem, said, unsaid):
    words = " ".join(told(problem))
    assert all(each in words for each in said), words
    assert unsaid not in words


def test_an_address_in_use_keeps_the_service_from_starting():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = run("serve", env={"RESPONDER_LISTEN": address})
    assert ran.code == 1
    assert "in use" in ran.err
    assert "RESPONDER_LISTEN chooses another" in ran.err
    assert "TLS" not in ran.err


def test_a_certificate_that_is_not_there_keeps_the_service_from_starting(tmp_path):
    env = {
        "RESPONDER_LISTEN": "127.0.0.1:0",
        "RESPONDER_TLS_CERT": str(tmp_path / "none.pem"),
        "RESPONDER_TLS_KEY": str(tmp_path / "none.pem"),
    }
    ran = run("serve", env=env)
    assert ran.code == 1
    assert "No such file" in ran.err
    assert "RESPONDER_TLS_CERT" in ran.err
    assert "in use" not in ran.err


def test_the_version_is_told():
    ran = run("--version")
    assert (ran.code, ran.out) == (0, f"responder {version('responder')}\n")


async def test_the_service_says_how_it_is_doing(desk):
    ran = await desk.run("status")
    assert ran.code == 0
    assert f"{desk.url}: ready" in ran.out
    assert "version 9.9" in ran.out
    assert (await desk.run("status", "-o", "json")).json()["ready"] is True
    assert "outward beat: none; set RESPONDER_BEAT_URL" in ran.out
    assert "ISOLATED" not in ran.out
    desk.world.service.is_stopping = True
    ran = await desk.run("status")
    assert ran.code == 1
    assert "NOT READY" in ran.out
    assert "service: stopping" in ran.out


async def test_the_service_says_that_nobody_hears_it_and_why():
    clock = FakeClock()
    beacon = FakeBeacon(clock)
    world = await make_world(MemoryStore(), clock=clock, beacon=beacon)
    async with at_desk(world) as desk:
        await world.service.outward.beat()
        world.service.reach.resume()
        said = (await desk.run("status")).out
        assert "ISOLATED since" in said
        assert "outward beat: last arrived never" in said
        assert "withheld, auditor: it has not looked since we started" in said
        world.service.outward.problem = "outward beat: hc-ping.com answered 404"
        assert "hc-ping.com answered 404" in (await desk.run("status")).out


@pytest.mark.parametrize(
    "text, shown",
    [
        ("  \x1b[31mred", "  \\x1b[31mred"),
        ("a\nb\r\nc", "a b c"),
        ("[red]x[/red]", "[red]x[/red]"),
        ("\u202eevil", "\\u202eevil"),
        ("\x9b2J", "\\x9b2J"),
        ("한국어", "한국어"),
    ],
)
def test_a_line_is_one_line_and_obeys_nobody(text, shown, capsys):
    assert visible_line(text) == shown
    Terminal().say(text)
    Terminal().table(("a",), [(text,)])
    out = capsys.readouterr().out.splitlines()
    assert out == [shown, "a", shown]


def test_records_become_what_json_can_say():
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert plain({Exit.DONE: (noon, timedelta(minutes=1), {3}, None, True)}) == {
        "0": ["2026-11-23T12:00:00Z", 60.0, [3], None, True]
    }
