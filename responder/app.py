"""The wiring: settings in, a running service out. The only place where adapters, engine and web meet."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TextIO, assert_never

import structlog

from responder.adapters import local_token
from responder.adapters.alertmanager import Alertmanager
from responder.adapters.beacon import HttpBeacon
from responder.adapters.channels import KINDS, make, models
from responder.adapters.channels.tools import Tools
from responder.adapters.clock import DatabaseClock, SystemClock
from responder.adapters.no_faults import NoFaults
from responder.adapters.policy_files import PolicyFiles
from responder.adapters.sessions import Sessions
from responder.adapters.slack.account import SlackAccount
from responder.adapters.slack.chat import SlackChat
from responder.adapters.slack.socket import SlackSocket
from responder.adapters.storage.moving import Moved, move
from responder.adapters.storage.postgres import PostgresStore, open_postgres
from responder.adapters.storage.sqlite import SqliteStore, open_sqlite
from responder.core.errors import Failure
from responder.core.identifiers import ContactName
from responder.engine.catalogue import Catalogue
from responder.engine.commands import Role
from responder.engine.peers import Ask
from responder.engine.points import Points
from responder.engine.replicas import Name
from responder.engine.retention import Kept
from responder.engine.service import Service, put_together
from responder.engine.situations import Place
from responder.ports.clock import Clock
from responder.ports.faults import Faults
from responder.ports.inbox import Inbox
from responder.settings import Servers, Settings
from responder.telemetry import Metrics, configure_logging
from responder.web.auth import Doors
from responder.web.server import Listener, listen, make_app, public_app, tls_context
from responder.web.slack.desk import Desk
from responder.web.slack.door import SlackDoor

LOCAL = "local"  # what the local token is called; the file that holds it is in the settings

DEFAULT_ADDRESS = "http://127.0.0.1:8080"  # where the command line looks

log = structlog.get_logger("app")


@dataclass(slots=True)
class House:
    """Everything that runs, and what has to be closed at the end."""

    service: Service
    store: SqliteStore | PostgresStore
    sessions: Sessions
    slack: SlackAccount | None

    async def close(self) -> None:
        await self.sessions.close()
        await self.store.close()


def policy_files(settings: Settings) -> PolicyFiles:
    return PolicyFiles(folder=settings.policies, channel_kinds=KINDS, channel_models=models())


async def build(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    clock: Clock | None = None,
    faults: Faults | None = None,
    stdout: TextIO | None = None,
) -> House:
    """Open the store and put the service together. Raises PolicyFaults, Permanent or Transient."""
    files = policy_files(settings)
    book = await asyncio.to_thread(files.load)
    async with AsyncExitStack() as undo:
        store = await open_store(settings)
        undo.push_async_callback(store.close)
        clock = clock or await clock_of(store)
        sessions = Sessions()
        account = slack_account(settings, sessions, clock)
        tools = Tools(clock=clock, environ=environ, sessions=sessions, stdout=stdout, slack=account)
        catalogue = Catalogue(partial(make, tools=tools))
        await catalogue.fill(book)
        points = Points(
            store=store,
            catalogue=catalogue,
            policies=files,
            clock=clock,
            faults=faults or NoFaults(),
            metrics=Metrics(),
            chat=SlackChat(account) if account is not None else None,
            beacon=beacon(settings, sessions, clock),
            peers=alertmanagers(settings, sessions),
        )
        service = put_together(
            points,
            book,
            catalogue,
            environ=environ,
            place=Place(zone=settings.zone, locale=settings.locale),
            kept=Kept(bodies=settings.keep_bodies, incidents=settings.keep_incidents),
            beat_every=settings.beat_every,
            ask=Ask(receivers=settings.alertmanager_receivers, every=settings.alertmanager_every),
            name=Name(id=f"{socket.gethostname()}-{secrets.token_hex(2)}", version=version("responder")),
        )
        undo.pop_all()
        return House(service, store, sessions, account)


async def open_store(settings: Settings) -> SqliteStore | PostgresStore:
    """Where the settings say; made or upgraded where needed. Raises Permanent or Transient."""
    match settings.database_url:
        case Path() as path:
            return await open_sqlite(path)
        case Servers() as servers:
            return await open_postgres(servers.url.get_secret_value(), clock=SystemClock())
        case _:
            assert_never(settings.database_url)


async def clock_of(store: SqliteStore | PostgresStore) -> Clock:
    """Who shares a database goes by its time."""
    return await DatabaseClock.measured(store.time) if isinstance(store, PostgresStore) else SystemClock()


def _join_others(service: Service, store: SqliteStore | PostgresStore) -> None:
    """Who shares a database keeps to its time, and hears what the others have put there."""
    if not isinstance(store, PostgresStore):
        return
    service.supervisor.start("hints", partial(store.hear, service.points.bells.ring_by))
    if isinstance(clock := service.points.clock, DatabaseClock):
        service.supervisor.start("clock", partial(clock.run, store.connected))


async def move_database(path: Path, servers: Servers, told: Callable[[Moved], None]) -> list[Moved]:
    """The SQLite installation at `path` goes into the empty database of `servers`. Raises Permanent or Transient."""
    async with AsyncExitStack() as opened:
        source = await open_sqlite(
            path
        )  # nobody else has it, and whoever had claimed something there is no more
        opened.push_async_callback(source.close)
        target = PostgresStore(servers.url.get_secret_value())
        opened.push_async_callback(target.close)
        async with target.upgraded() as into:
            return await move(path, into, str(servers), told)


def beacon(settings: Settings, sessions: Sessions, clock: Clock) -> HttpBeacon | None:
    """None where nobody outside waits for our beat."""
    if settings.beat_url is None:
        return None
    return HttpBeacon(settings.beat_url.get_secret_value(), settings.beat_method, sessions, clock)


def alertmanagers(settings: Settings, sessions: Sessions) -> list[Alertmanager]:
    """Those that can be asked."""
    token = settings.alertmanager_token.get_secret_value() if settings.alertmanager_token is not None else ""
    return [Alertmanager(url.get_secret_value(), sessions, token=token) for url in settings.alertmanager_urls]


def slack_account(settings: Settings, sessions: Sessions, clock: Clock) -> SlackAccount | None:
    """None where no token is set; Slack's channels print on the console then."""
    if settings.slack_bot_token is None:
        return None
    app_token = settings.slack_app_token
    return SlackAccount(
        token=settings.slack_bot_token.get_secret_value(),
        app_token=app_token.get_secret_value() if app_token is not None else "",
        api_url=settings.slack_api_url,
        sessions=sessions,
        clock=clock,
    )


async def serve(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    faults: Faults | None = None,
    stdout: TextIO | None = None,
) -> int:
    """Run until SIGTERM or SIGINT; SIGHUP reloads the policies. Returns the exit code."""
    out = stdout or sys.stdout
    json_lines = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    configure_logging(json_lines=json_lines)
    house = await build(settings, environ, faults=faults, stdout=stdout)
    for name, meant in Settings.unknown(environ, house.service.policies.book.variables).items():
        log.warning("variable not known", variable=name, meant=meant or "nothing that is read here")
    try:
        service = house.service
        tokenless = await _keep_local_token(service, settings)
        # Before anything runs: where the address is taken, nothing has been started that would have to be stopped.
        desk = Desk(service, settings.slack_team_id)
        listeners = await _listen(service, settings, desk)
        try:
            await service.start()
            _join_others(service, house.store)
            if (inbox := slack_inbox(settings, house.slack)) is not None:
                service.supervisor.start("slack-socket", partial(inbox.run, desk.take))
            lines = greeting(service, settings, [listener.port for listener in listeners], tokenless)
            stranded = await service.reload.stranded(service.policies.book)
            lines += [f"responder: {fault.what}; {fault.instead}" for fault in stranded]
            out.writelines(f"{line}\n" for line in lines)
            out.flush()
            await _until_told(service)
        finally:
            for listener in listeners:
                await listener.close()
            await service.stop()
            await desk.settle()
    finally:
        await house.close()
    return 0


def slack_inbox(settings: Settings, account: SlackAccount | None) -> Inbox | None:
    """The connection through which Slack speaks where it cannot reach us; None where it is not wanted."""
    if account is None or settings.slack_app_token is None:
        return None
    return SlackSocket(account, echo_channel=settings.slack_echo_channel, clock=account.clock)


async def _listen(service: Service, settings: Settings, desk: Desk) -> list[Listener]:
    """The listener for everything; where one is asked for, another that the Internet may reach. Raises OSError."""
    signing = tuple(secret.get_secret_value() for secret in settings.slack_signing_secret)
    slack = SlackDoor(signing, settings.slack_team_id, service.points.clock) if settings.takes_slack else None
    doors = Doors(
        tokens=tuple(token.get_secret_value() for token in settings.webhook_token),
        basic=settings.webhook_basic.get_secret_value() if settings.webhook_basic else None,
        client_certificates=settings.tls_client_ca is not None,
        body_most=settings.webhook_body_most,
        version=version("responder"),
        slack=slack,
    )
    context = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        context = tls_context(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    wanted = [(settings.listen, make_app(service, doors, desk))]
    if settings.public_listen is not None:
        inside = make_app(service, replace(doors, slack=None), desk)
        wanted = [(settings.listen, inside), (settings.public_listen, public_app(service, doors, desk))]
    listeners: list[Listener] = []
    try:
        for address, app in wanted:
            listeners.append(await listen(app, address.host, address.port, context))
    except OSError:
        for listener in listeners:
            await listener.close()
        raise
    return listeners


async def _keep_local_token(service: Service, settings: Settings) -> str | None:
    """On loopback the command line just works: the first start leaves a token where only our own user reads it.

    Returns why there is none.
    """
    if not settings.listen.is_loopback:
        return f"no local token on {settings.listen}; make one with `responder token create`"
    contact = ContactName(settings.local_contact)
    if service.directory.person(contact) is None:
        return f"no local token: {contact} (RESPONDER_LOCAL_CONTACT) is no person in contacts.yaml"
    kept = local_token.read(settings.token_file)
    actor = await service.tokens.actor(kept) if kept is not None else None
    if actor is None or actor.contact != contact:
        name = _name_of_local_token(service, settings)
        fresh = await service.tokens.replace(name=name, role=Role.RESPONDER, contact=contact)
        local_token.write(settings.token_file, fresh.secret)
    return None


def _name_of_local_token(service: Service, settings: Settings) -> str:
    """Where a database has several services, each keeps its own, and none ends another's."""
    if service.points.are_alone:
        return LOCAL
    place = f"{socket.gethostname()}:{settings.token_file.absolute()}"
    return f"{LOCAL} {hashlib.sha256(place.encode()).hexdigest()[:8]}"


def greeting(service: Service, settings: Settings, ports: Sequence[int], tokenless: str | None) -> list[str]:
    """What a person who has started it needs to know, a line each. `ports`: LISTEN's, then PUBLIC_LISTEN's."""
    port = ports[0]
    scheme = "https" if settings.tls_cert is not None else "http"
    lines = [f"responder: serving on {scheme}://{settings.listen.host}:{port}"]
    lines.append(f"responder: policies {service.policies.book.hash} from {settings.policies}")
    lines.append(f"responder: database {settings.database_url}")
    if settings.is_open_to_anybody:
        lines.append(
            "responder: webhooks need no credential here; set RESPONDER_WEBHOOK_TOKEN before others can reach it"
        )
    if settings.public_listen is not None:
        lines.append(f"responder: Slack's requests on {scheme}://{settings.public_listen.host}:{ports[1]}")
    if settings.beat_url is not None:
        lines.append(
            f"responder: beats outward every {settings.beat_every.total_seconds():g} s while all is well"
        )
    if peers := service.points.peers:
        lines.append(f"responder: asks {', '.join(peers)} what fires and what is silenced")
    lines += _on_slack(settings)
    for name, missing in sorted(service.catalogue.fallbacks.items()):
        lines.append(f"responder: channel {name} prints here instead: {missing}")
    for contact, why in sorted(service.directory.speechless().items()):
        lines.append(f"responder: contact {contact} cannot be reached: {why}")
    lines.append(
        f"responder: {tokenless}" if tokenless else f"responder: the command line uses {settings.token_file}"
    )
    address = f"{scheme}://{settings.listen.host}:{port}"
    where = "" if address == DEFAULT_ADDRESS else f"RESPONDER_URL={address} "
    lines.append(f"responder: send a first alert with: {where}.venv/bin/responder send")
    return lines


def _on_slack(settings: Settings) -> list[str]:
    """Half a configuration is said, and where Slack speaks through a connection of ours; else no word is needed."""
    has_token = settings.slack_bot_token is not None
    if has_token and settings.slack_app_token is not None:
        echo = settings.slack_echo_channel
        return [f"responder: Slack speaks through Socket Mode; its echo is kept in {echo}"]
    if has_token and not settings.takes_slack:
        return [
            "responder: Slack's buttons and commands are refused: set RESPONDER_SLACK_SIGNING_SECRET, "
            "or RESPONDER_SLACK_APP_TOKEN for Socket Mode"
        ]
    if settings.takes_slack and not has_token:
        return [
            "responder: Slack's commands are taken, and its channels print here: set RESPONDER_SLACK_BOT_TOKEN"
        ]
    return []


async def _until_told(service: Service) -> None:
    """Return at SIGTERM or SIGINT. A SIGHUP reloads, and the answer is in the log."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    async def reloaded() -> None:
        with suppress(Failure):  # it stands in the log
            await service.reload.reload()

    def reload() -> None:
        task = asyncio.ensure_future(reloaded())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
        if reloads:
            await asyncio.wait(reloads)
