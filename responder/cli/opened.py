"""The policies of a folder, opened as the service would open them, without a service: book, channels, directory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from responder.adapters.channels import KINDS, faults_of, make, models
from responder.adapters.channels.tools import Tools
from responder.adapters.clock import SystemClock
from responder.adapters.policy_files import PolicyFiles
from responder.adapters.sessions import Sessions
from responder.adapters.slack.account import SlackAccount
from responder.app import slack_account
from responder.cli.outcome import Exit, Trouble
from responder.core.errors import Fault, PolicyFaults
from responder.core.policy.book import PolicyBook
from responder.engine.catalogue import Catalogue
from responder.engine.directory import Directory
from responder.engine.policies import Policies
from responder.settings import BadSettings, Settings


@dataclass(frozen=True, slots=True)
class Opened:
    book: PolicyBook
    catalogue: Catalogue
    directory: Directory


def open_policies(folder: Path, environ: Mapping[str, str]) -> Opened:
    """Raises PolicyFaults with everything that is wrong."""
    book = PolicyFiles(folder=folder, channel_kinds=KINDS, channel_models=models()).load()
    sessions, clock = Sessions(), SystemClock()
    tools = Tools(clock=clock, environ=environ, sessions=sessions, slack=_slack(environ, sessions, clock))
    if faults := _faults_of_channels(folder, book, tools):
        raise PolicyFaults(faults)
    catalogue = Catalogue(partial(make, tools=tools))
    asyncio.run(catalogue.fill(book))
    return Opened(book, catalogue, Directory(Policies(book), catalogue, environ))


def _slack(environ: Mapping[str, str], sessions: Sessions, clock: SystemClock) -> SlackAccount | None:
    """As the service would have it; nobody is called. What is wrong with the settings is not the policies' fault."""
    try:
        return slack_account(Settings.load(environ), sessions, clock)
    except BadSettings:
        return None


def need_policies(folder: Path, environ: Mapping[str, str]) -> Opened:
    """`open_policies` for a command that cannot go on without. Raises Trouble."""
    try:
        return open_policies(folder, environ)
    except PolicyFaults as wrong:
        first = wrong.faults[0]
        what = f"the policies in {folder} have {len(wrong.faults)} faults; the first: {first}"
        raise Trouble(Exit.NOT_SO, what, "`responder check` lists them all") from wrong


def _faults_of_channels(folder: Path, book: PolicyBook, tools: Tools) -> tuple[Fault, ...]:
    return tuple(
        Fault(str(folder / "channels.yaml"), 0, f"channel {name}, {place or 'its entry'}: {what}")
        for name, entry in book.channels.items()
        for place, what in faults_of(name, entry, book.messages, tools=tools)
    )
