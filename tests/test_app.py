"""The wiring: what the settings ask for is what runs, is reachable where they say, and is said at the start."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
import structlog

from responder import app
from responder.adapters.clock import DatabaseClock
from responder.adapters.slack.socket import SlackSocket
from responder.ports.channel import Spelling
from responder.settings import Settings
from tests.fakes.slack import APP_TOKEN, BOT_TOKEN
from tests.house.tree import ROOT
from tests.journeys.served import Served, usual
from tests.journeys.slack import CRITICAL, Workspace, workspace
from tests.servers.postgresql import PASSWORD, Database

TOKEN = {"RESPONDER_SLACK_BOT_TOKEN": BOT_TOKEN}
SECRET = {"RESPONDER_SLACK_SIGNING_SECRET": "8f742231b10e"}
SOCKET = {"RESPONDER_SLACK_APP_TOKEN": APP_TOKEN, "RESPONDER_SLACK_ECHO_CHANNEL": "C0ECHO0001"}
POLICIES = {"RESPONDER_POLICIES": str(ROOT / "policies")}
LEAD = "DEVOPS_LEAD"  # of the shipped policies


def asked(home: Path, environ: Mapping[str, str]) -> Settings:
    return Settings.load(usual(home) | {"RESPONDER_POLICIES": str(ROOT / "policies")} | dict(environ))


@asynccontextmanager
async def built(settings: Settings) -> AsyncIterator[app.House]:
    house = await app.build(settings, {})
    yield house
    await house.close()


# What is built


async def test_a_reader_who_names_no_language_has_the_services(tmp_path: Path) -> None:
    async with built(
        asked(tmp_path, {"RESPONDER_LOCALE": "ko", "RESPONDER_TIMEZONE": "Asia/Seoul"})
    ) as house:
        reader = house.service.views.reader(None, Spelling.SLASH)
    assert (reader.locale, reader.zone.key) == ("ko", "Asia/Seoul")


@pytest.mark.parametrize(
    "environ, is_opened",
    [
        pytest.param({}, False, id="nothing of Slack"),
        pytest.param(TOKEN | SECRET, False, id="Slack posts to us"),
        pytest.param(TOKEN | SOCKET, True, id="Socket Mode"),
    ],
)
async def test_a_connection_to_slack_is_opened_only_where_it_is_asked_for(
    environ: dict[str, str], is_opened: bool, tmp_path: Path
) -> None:
    settings = asked(tmp_path, environ)
    async with built(settings) as house:
        inbox = app.slack_inbox(settings, house.slack)
    assert isinstance(inbox, SlackSocket) == is_opened
    assert "C0ECHO0001" in repr(inbox) or not is_opened


# What is said


@pytest.mark.parametrize(
    "environ, said",
    [
        pytest.param({}, [], id="nothing of Slack"),
        pytest.param(TOKEN | SECRET, [], id="a token and a secret"),
        pytest.param(TOKEN | SOCKET, [], id="a token and Socket Mode"),
        pytest.param(TOKEN, ["buttons and commands are refused"], id="a token alone"),
        pytest.param(SECRET, ["its channels print here: set RESPONDER_SLACK_BOT_TOKEN"], id="a secret alone"),
    ],
)
async def test_half_a_configuration_of_slack_is_said_at_the_start(
    environ: dict[str, str], said: list[str], tmp_path: Path
) -> None:
    settings = asked(tmp_path, environ)
    async with built(settings) as house:
        lines = app.greeting(house.service, settings, [8080], None)
    found = [line for line in lines if "Slack's" in line]
    assert len(found) == len(said)
    assert [words for words in said if words not in "\n".join(found)] == []


@pytest.mark.parametrize("secret", [{}, SECRET], ids=["alone", "beside a signing secret"])
async def test_socket_mode_is_said_at_the_start_with_where_its_echo_is(
    secret: dict[str, str], tmp_path: Path
) -> None:
    settings = asked(tmp_path, TOKEN | SOCKET | secret)
    async with built(settings) as house:
        lines = app.greeting(house.service, settings, [8080], None)
    echo = settings.slack_echo_channel
    assert f"responder: Slack speaks through Socket Mode; its echo is kept in {echo}" in lines


async def test_a_variable_that_nobody_reads_is_told_at_the_start(tmp_path: Path) -> None:
    async with await Served.start(tmp_path, POLICIES | {"RESPONDER_DATABSE_URL": "canary"}) as served:
        told = served.program.lines()
    assert "variable not known" in told
    assert "RESPONDER_DATABASE_URL" in told
    assert "canary" not in told


# On PostgreSQL


@pytest.mark.postgresql
async def test_the_database_is_said_without_its_password(
    tmp_path: Path, postgresql_database: Database
) -> None:
    settings = asked(tmp_path, {"RESPONDER_DATABASE_URL": postgresql_database.url})
    async with built(settings) as house:
        lines = app.greeting(house.service, settings, [8080], None)
        where = f"127.0.0.1:{postgresql_database.port}/{postgresql_database.name}"
        assert f"responder: database postgresql://responder@{where}" in lines
        secrets = (PASSWORD, quote(PASSWORD, safe=""), PASSWORD.split("/")[0])
        assert [one for one in secrets if one in "\n".join([*lines, repr(settings), repr(house)])] == []


@pytest.mark.postgresql
async def test_who_shares_a_database_goes_by_its_time(tmp_path: Path, postgresql_database: Database) -> None:
    settings = asked(tmp_path, {"RESPONDER_DATABASE_URL": postgresql_database.url})
    async with built(settings) as house:
        assert isinstance(house.service.points.clock, DatabaseClock)
    async with built(asked(tmp_path, {})) as house:
        assert not isinstance(house.service.points.clock, DatabaseClock)


@pytest.mark.postgresql
async def test_each_of_two_on_one_machine_has_a_local_token_that_goes_on(
    tmp_path: Path, postgresql_database: Database
) -> None:
    where = {"RESPONDER_DATABASE_URL": postgresql_database.url}
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    async with (
        await Served.start(tmp_path / "one", where | POLICIES) as one,
        await Served.start(tmp_path / "other", where | POLICIES) as other,
    ):
        assert await one.incidents() == await other.incidents() == []
        kept = (tmp_path / "one" / "token").read_text(encoding="utf-8")
        assert kept != (tmp_path / "other" / "token").read_text(encoding="utf-8")
        assert PASSWORD.split("/")[0] not in one.program.lines() + other.program.lines()
    async with await Served.start(tmp_path / "one", where | POLICIES) as again:
        assert await again.incidents() == []
    assert (tmp_path / "one" / "token").read_text(encoding="utf-8") == kept


# What is reachable


@asynccontextmanager
async def serving(home: Path, slack: Workspace, environ: Mapping[str, str]) -> AsyncIterator[Served]:
    service = await Served.start(home, slack.settings(LEAD) | dict(environ))
    async with service:
        yield service


async def statuses(url: str, paths: tuple[str, ...]) -> dict[str, int]:
    found = {}
    async with aiohttp.ClientSession() as http:
        for path in paths:
            async with http.get(url + path) as answer:
                found[path] = answer.status
    return found


async def test_a_public_listener_has_slacks_requests_and_a_sign_of_life_and_nothing_else(
    tmp_path: Path,
) -> None:
    own = ("/readyz", "/metrics", "/api/v1/incidents", "/api/openapi.json", "/webhooks/alertmanager")
    async with (
        workspace() as slack,
        serving(tmp_path, slack, {"RESPONDER_PUBLIC_LISTEN": "127.0.0.1:0"}) as service,
    ):
        said = await service.program.says(r"Slack's requests on (http://127\.0\.0\.1:\d+)")
        public = said[1]
        assert public != service.url
        assert await statuses(public, ("/healthz", *own)) == {"/healthz": 200} | dict.fromkeys(own, 404)
        assert 404 not in (await statuses(service.url, ("/healthz", *own))).values()
        assert (await slack.slash(public, "/incident", "list")).status == 200
        assert (await slack.slash(service.url, "/incident", "list")).status != 200
        slack.fake.workspace.team = "T0OTHER001"
        assert (await slack.slash(public, "/incident", "list")).status == 401


async def test_socket_mode_takes_a_command_and_a_mention_and_answers_both(tmp_path: Path) -> None:
    async with workspace() as slack:
        room = slack.fake.workspace.named(CRITICAL)
        assert room is not None
        echo = {"RESPONDER_SLACK_ECHO_CHANNEL": room.id}
        async with serving(tmp_path, slack, SOCKET | echo):
            await slack.fake.until_called("apps.connections.open")
            await slack.fake.until(lambda: slack.fake.roots(CRITICAL))  # the echo: it is connected
            answer = await slack.fake.slash(None, "/incident", "list", user=slack.user, channel=CRITICAL)
            assert answer.status == 0
            assert answer.body
            await slack.fake.mention(None, "list", user=slack.user, channel=CRITICAL)
            (whisper,) = await slack.fake.until_called("chat.postEphemeral")
            assert whisper.args["user"] == slack.user


@pytest.fixture
def lines_as_they_were() -> Iterator[None]:
    """A start writes the lines its own way, for the whole process."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("lines_as_they_were")
async def test_where_one_of_two_addresses_is_taken_the_other_is_left_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        ports = [sock.getsockname()[1] for sock in (free, taken)]
        free.close()
        settings = asked(
            tmp_path,
            SECRET
            | {
                "RESPONDER_LISTEN": f"127.0.0.1:{ports[0]}",
                "RESPONDER_PUBLIC_LISTEN": f"127.0.0.1:{ports[1]}",
            },
        )
        with pytest.raises(OSError, match=str(ports[1])):
            await app.serve(settings, {})
        socket.create_server(("127.0.0.1", ports[0])).close()
