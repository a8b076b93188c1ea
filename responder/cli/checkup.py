"""`responder slack check` and `responder slack manifest`: Slack itself is asked, and no service."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from responder.adapters.clock import SystemClock
from responder.adapters.sessions import Sessions
from responder.adapters.slack.checkup import Finding, Reached, Secrets, Shown, State, look
from responder.adapters.slack.manifest import SCOPES, base
from responder.adapters.slack.manifest import manifest as made
from responder.app import slack_account
from responder.cli.opened import need_policies
from responder.cli.options import Session
from responder.cli.outcome import Exit, Trouble
from responder.cli.output import Terminal
from responder.core.policy.book import PolicyBook
from responder.core.policy.contacts import Person
from responder.core.policy.fields import FromEnv, TextOrEnv, resolve
from responder.settings import BadSettings, Settings

KIND = "slack"
READ_ON = "docs/slack.md walks through it"


def check(session: Session, folder: Path) -> Exit:
    """NOT_SO where something is wrong; what is only odd is told, and DONE."""
    settings = _settings(session.environ)
    if settings.slack_bot_token is None:
        what = "RESPONDER_SLACK_BOT_TOKEN is not set, and neither is RESPONDER_SLACK_BOT_TOKEN_FILE"
        raise Trouble(Exit.NOT_SO, what, f"it begins with xoxb-, under OAuth & Permissions; {READ_ON}")
    book = need_policies(folder, session.environ).book
    asked = _Asked(book, session.environ)
    found = [*asyncio.run(_look(settings, asked)), *asked.odd]
    _tell(Terminal(session.form), found)
    return Exit.NOT_SO if any(each.state is State.WRONG for each in found) else Exit.DONE


def _settings(environ: Mapping[str, str]) -> Settings:
    try:
        return Settings.load(environ)
    except BadSettings as wrong:
        what = "the settings make no sense: " + "; ".join(str(wrong).splitlines())
        raise Trouble(Exit.USAGE, what, READ_ON) from None


class _Asked:
    """What the policies want of Slack. `odd`: what cannot be asked about, because the policies do not say it."""

    def __init__(self, book: PolicyBook, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.odd: list[Finding] = []
        self.channels: list[Shown] = []
        self.people: list[Reached] = []
        of_kind = {name: entry for name, entry in book.channels.items() if entry.kind == KIND}
        if not of_kind:
            self._note("channels", State.WARNING, f"channels.yaml has none of kind {KIND}; {READ_ON}")
        for name, entry in of_kind.items():
            self._add_channel(name, entry.config.get("channel"))
        for who, contact in book.contacts.items():
            if isinstance(contact, Person):
                self._add_person(who, contact, book)

    def _add_channel(self, name: str, place: object) -> None:
        what = f"channel {name}"
        if not isinstance(place, str | FromEnv):
            self._note(what, State.OK, "for direct messages only")
        elif (found := self._value(what, place)) is not None:
            self.channels.append(Shown(name=name, place=found))

    def _add_person(self, name: str, person: Person, book: PolicyBook) -> None:
        for method in person.methods:
            if method.kind != KIND:
                continue
            what = f"contact {name}"
            channel, to = method.way(book.channels)
            if to is not None:
                self._add_address(what, name, to)
            elif book.channels[channel].config.get("channel") is None:
                words = f"no Slack user id for {channel}; write {{slack: {channel}, to: U024BE7LH}}"
                self._note(what, State.WRONG, words)

    def _add_address(self, what: str, name: str, to: TextOrEnv) -> None:
        """Once, however many channels reach them there."""
        if (address := self._value(what, to)) is None:
            return
        reached = Reached(contact=name, address=address)
        if reached not in self.people:
            self.people.append(reached)

    def _value(self, what: str, written: TextOrEnv) -> str | None:
        found = resolve(written, self._environ)
        if found is None:
            variable = written.from_env if isinstance(written, FromEnv) else "nothing"
            self._note(what, State.WARNING, f"it is read from {variable}, which is not set here")
        return found

    def _note(self, what: str, state: State, words: str) -> None:
        self.odd.append(Finding(what=what, state=state, words=words))


async def _look(settings: Settings, asked: _Asked) -> list[Finding]:
    sessions = Sessions()
    account = slack_account(settings, sessions, SystemClock())
    assert account is not None
    try:
        return await look(
            account,
            channels=asked.channels,
            people=asked.people,
            team_id=settings.slack_team_id,
            secrets=Secrets(
                signing=[secret.get_secret_value() for secret in settings.slack_signing_secret],
                has_app_token=settings.slack_app_token is not None,
                echo=settings.slack_echo_channel,
            ),
        )
    finally:
        await sessions.close()


def _tell(terminal: Terminal, found: list[Finding]) -> None:
    wrong = sum(each.state is State.WRONG for each in found)
    if terminal.is_json:
        terminal.json({"ok": not wrong, "findings": found})
        return
    terminal.table(("state", "what", "how it is"), [(each.state, each.what, each.words) for each in found])
    terminal.say("", f"{wrong} to mend; {READ_ON}" if wrong else "ok")


def manifest(session: Session, url: str, example: str, *, is_socket: bool) -> None:
    """As YAML, with a reason beside each scope; `--output json` without. `example`: the address where none is given."""
    if url and is_socket:
        raise Trouble(Exit.USAGE, "--url and --socket exclude each other", "with Socket Mode we call Slack")
    try:
        found = made(None if is_socket else base(url or example))
    except ValueError as wrong:
        raise Trouble(Exit.USAGE, f"--url {url!r}: {wrong}", "or leave it out, and give --socket") from None
    terminal = Terminal(session.form)
    if terminal.is_json:
        terminal.json(found)
    else:
        _write(found)
    if not url and not is_socket:
        terminal.hint(f"put your own address for {example}: --url; without a public address: --socket")


def _write(found: dict[str, Any]) -> None:
    scopes = CommentedSeq(found["oauth_config"]["scopes"]["bot"])
    for index, scope in enumerate(scopes):
        scopes.yaml_add_eol_comment(SCOPES[scope], index, column=34)
    found["oauth_config"]["scopes"]["bot"] = scopes
    yaml = YAML()
    yaml.width = 1_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(found, sys.stdout)
