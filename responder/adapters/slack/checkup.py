"""A look at everything that Slack needs to be of use: token, scopes, channels, people, secrets; in words that say what
to mend. Nothing is sent, and nothing in Slack is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from responder.adapters.slack.account import FOR_THE_APP, SlackAccount
from responder.adapters.slack.failures import Refusal
from responder.adapters.slack.manifest import SCOPES
from responder.adapters.slack.places import next_cursor
from responder.core.errors import Busy, Failure, Transient
from responder.dialects.visible import visible

CALL = timedelta(seconds=10)  # for one answer
PATIENCE = timedelta(minutes=2)  # for the whole look, where Slack asks to wait
PAGES = 20  # of a list of channels

_PERSON = re.compile(r"[UW][A-Z0-9]{4,30}", re.ASCII)
_CHANNEL = re.compile(r"[CG][A-Z0-9]{4,30}", re.ASCII)
_SECRET = re.compile(r"[0-9a-f]{32}", re.ASCII)
_AGAIN = "under OAuth & Permissions, then install the app again"


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it works, and somebody may want to look
    WRONG = "wrong"  # something will not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`what` was looked at; `words`: how it is, and what to do about it."""

    what: str
    state: State
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A channel of channels.yaml that shows incidents. `place`: "#name", or the id of a channel of Slack's."""

    name: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A person of contacts.yaml. `address`: a Slack user id; it is never repeated, for it may come from a variable."""

    contact: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """How Slack comes in. `signing`: all that are valid. `has_app_token`: Socket Mode. `echo`: its channel."""

    signing: Sequence[str] = field(default=(), repr=False)
    has_app_token: bool = False
    echo: str = ""


async def look(
    account: SlackAccount,
    *,
    channels: Sequence[Shown],
    people: Sequence[Reached],
    team_id: str = "",
    secrets: Secrets | None = None,
) -> list[Finding]:
    """Everything there is to say, in the order in which it is best mended. Raises nothing of Slack's.

    team_id: the workspace as the settings have it, "" where they do not say.
    """
    coming = secrets or Secrets()
    looking = _Looking(account)
    found = await looking.at_token(team_id)
    if looking.is_known:
        found += looking.at_scopes()
        found += await looking.at_channels(_places(channels, coming))
        found += [await looking.at_person(each) for each in people]
    elif channels or people:
        why = "the token has to be mended first" if looking.is_answered else "Slack does not answer"
        found.append(_warning("channels and people", f"not looked at: {why}"))
    found.append(_signing(coming))
    if coming.has_app_token and looking.is_answered:
        found.append(await looking.at_app_token())
    return found


def _places(channels: Sequence[Shown], coming: Secrets) -> dict[str, str]:
    """ "#name" or id, by what it is there for."""
    places = {f"channel {each.name}": each.place for each in channels}
    return places | ({"echo channel": coming.echo} if coming.has_app_token and coming.echo else {})


class _Looking:
    """One look. Who the app is, is known once its token was found good."""

    def __init__(self, account: SlackAccount) -> None:
        self._account = account
        self._until = account.clock.now() + PATIENCE
        self._bot = ""
        self._team = ""
        self.is_answered = True

    @property
    def is_known(self) -> bool:
        return bool(self._team)

    async def at_token(self, wanted: str) -> list[Finding]:
        try:
            answer = await self._ask("auth.test", "the token")
        except Transient as failure:
            self.is_answered = False
            return [_wrong("Slack", self._unanswered(failure))]
        except Failure as failure:
            return [_wrong("token", str(failure))]
        self._team, self._bot = _text(answer, "team_id"), _text(answer, "user")
        if not self._team:
            return [_wrong("token", "Slack does not say which workspace it belongs to")]
        workspace = f"workspace {visible(_text(answer, 'team'), 60)} ({self._team})"
        return [_token(answer, f"it speaks as @{self._bot} in the {workspace}"), self._workspace(wanted)]

    def _unanswered(self, failure: Transient) -> str:
        """Nothing is known of the token then."""
        if isinstance(failure, Busy):
            return f"{failure}: try again later"
        return (
            f"no answer from {self._account.host} ({failure}): look at the network, at HTTPS_PROXY and NO_PROXY, "
            "and try again"
        )

    def _workspace(self, wanted: str) -> Finding:
        setting = "RESPONDER_SLACK_TEAM_ID"
        if not wanted:
            return _warning(
                "workspace", f"{setting} is not set: set it to {self._team}, and no other is heard"
            )
        if wanted != self._team:
            words = f"{setting} is {visible(wanted, 40)}, and the token is of {self._team}: its people are refused"
            return _wrong("workspace", words)
        return _ok("workspace", f"{setting} is that of the token")

    def at_scopes(self) -> Iterator[Finding]:
        has = self._account.scopes
        if has is None:
            yield _warning(
                "scopes", "Slack does not say which the token has; compare them with the manifest's"
            )
            return
        lacking = [scope for scope in SCOPES if scope not in has]
        for scope in lacking:
            yield _wrong(f"scope {scope}", f"it is missing: {SCOPES[scope]}. Add it {_AGAIN}")
        for scope in sorted(has - SCOPES.keys()):
            yield _warning(f"scope {visible(scope, 60)}", f"it is not needed. Take it out {_AGAIN}")
        if not lacking:
            yield _ok("scopes", f"all {len(SCOPES)} that are needed are there")

    async def at_channels(self, places: Mapping[str, str]) -> list[Finding]:
        """Names are looked up together, for Slack counts how often its list is asked for."""
        found: list[Finding] = []
        listed: Mapping[str, Mapping[str, Any]] | None = None
        if any(place.startswith("#") for place in places.values()):
            try:
                listed = await self._listed()
            except Failure as failure:
                found.append(_wrong("channels", str(failure)))
        for what, place in places.items():
            if not place.startswith("#"):
                found.append(await self.at_channel(what, place))
            elif listed is not None:
                found.append(self._judge_channel(what, place, listed.get(place.removeprefix("#"))))
        return found

    async def at_channel(self, what: str, id_: str) -> Finding:
        if not _CHANNEL.fullmatch(id_):
            return _wrong(
                what, "this is no channel's id: it begins with C or G, as the channel's details show it"
            )
        try:
            answer = await self._ask("conversations.info", f"channel {id_}", channel=id_)
        except Failure as failure:
            return _wrong(what, str(failure))
        return self._judge_channel(what, id_, _mapping(answer.get("channel")))

    def _judge_channel(self, what: str, place: str, found: Mapping[str, Any] | None) -> Finding:
        shown, invite = visible(place, 80), f"/invite @{self._bot}"
        if found is None:
            words = f"the app sees no channel {shown}: look at its name, and invite the app if it is private: {invite}"
            return _wrong(what, words)
        if found.get("is_archived"):
            return _wrong(what, f"{shown} is archived: unarchive it, or name another in channels.yaml")
        if not found.get("is_member"):
            return _wrong(what, f"the app is not in {shown}. Invite it: {invite}")
        return _ok(what, f"the app is in {shown}")

    async def at_person(self, person: Reached) -> Finding:
        what = f"contact {person.contact}"
        if not _PERSON.fullmatch(person.address):
            words = "the address is no Slack user id like U024BE7LH: copy it from the profile, More, Copy member ID"
            return _wrong(what, words)
        try:
            answer = await self._ask("users.info", f"Slack user of {person.contact}", user=person.address)
        except Failure as failure:
            return _wrong(what, str(failure))
        return self._judge_person(what, _mapping(answer.get("user")))

    def _judge_person(self, what: str, user: Mapping[str, Any]) -> Finding:
        name = visible(_text(user, "real_name") or _text(user, "name"), 60)
        if user.get("deleted"):
            return _wrong(what, f"{name} is deactivated in Slack: nobody would read a page there")
        if user.get("is_bot"):
            return _wrong(what, f"{name} is a bot: it takes no direct messages")
        # In an organization one person is in several workspaces, of which `team_id` names one.
        others = _mapping(user.get("enterprise_user")).get("teams")
        teams = {user.get("team_id"), *(others if isinstance(others, list) else ())}
        if self._team not in teams:
            return _wrong(what, f"{name} is in another workspace than the app, and cannot act from there")
        return _ok(what, f"{name} can be reached")

    async def at_app_token(self) -> Finding:
        what = "app token"
        try:
            await self._ask(FOR_THE_APP, "the app token")
        except Refusal as refusal:
            why = f"Slack refuses RESPONDER_SLACK_APP_TOKEN ({refusal.code or 'no answer of its own'})"
            mend = "make one with the scope connections:write (Basic Information, App-Level Tokens)"
            return _wrong(what, f"{why}: {mend}, and switch Socket Mode on")
        except Failure as failure:
            return _wrong(what, str(failure))
        return _ok(what, "Socket Mode would open a connection")

    async def _listed(self) -> dict[str, Mapping[str, Any]]:
        """Every channel that the app sees, by name."""
        found: dict[str, Mapping[str, Any]] = {}
        more: dict[str, object] = {}
        for _ in range(PAGES):
            answer = await self._ask(
                "conversations.list",
                "channels",
                types="public_channel,private_channel",
                limit=999,
                **more,
            )
            channels = answer.get("channels")
            for channel in map(_mapping, channels if isinstance(channels, list) else ()):
                found.setdefault(_text(channel, "name"), channel)
            if not (following := next_cursor(answer)):
                break
            more = {"cursor": following}
        return found

    async def _ask(self, method: str, target: str, **arguments: Any) -> Mapping[str, Any]:
        """Waits where Slack asks for it, as long as there is patience."""
        clock = self._account.clock
        while True:
            try:
                return await self._account.call(
                    method, deadline=clock.now() + CALL, target=target, **arguments
                )
            except Busy as busy:
                again = clock.now() + (busy.retry_after or timedelta(seconds=1))
                if again > self._until:
                    raise
                await clock.sleep_until(again)


def _token(answer: Mapping[str, Any], words: str) -> Finding:
    """`expires_in` is there only where token rotation is on, which cannot be switched off again."""
    seconds = answer.get("expires_in")
    if isinstance(seconds, int) and not isinstance(seconds, bool):
        hours = max(seconds, 0) / 3600
        ends = (
            f"token rotation is on, and this token ends in {hours:.1f} h: make the app anew from the manifest"
        )
        return _wrong("token", f"{words}; {ends}")
    return _ok("token", words)


def _signing(coming: Secrets) -> Finding:
    what, setting = "signing secret", "RESPONDER_SLACK_SIGNING_SECRET"
    if not coming.signing:
        if coming.has_app_token:
            return _ok(what, "not needed: Slack comes in by Socket Mode")
        words = f"{setting} is not set, so no button and no command is taken; it is under Basic Information"
        return _wrong(what, words)
    if not all(_SECRET.fullmatch(each) for each in coming.signing):
        words = f"{setting} does not look like one, 32 digits of 0-9 and a-f: look under Basic Information"
        return _warning(what, words)
    count = len(coming.signing)
    told = (
        "it is set" if count == 1 else f"{count} are valid; take the old one out once the new one is in use"
    )
    return _ok(what, f"{told}. It is proved by the first signed request: type /incident help in Slack")


def _ok(what: str, words: str) -> Finding:
    return Finding(what=what, state=State.OK, words=words)


def _warning(what: str, words: str) -> Finding:
    return Finding(what=what, state=State.WARNING, words=words)


def _wrong(what: str, words: str) -> Finding:
    return Finding(what=what, state=State.WRONG, words=words)


def _text(answer: Mapping[str, Any], key: str) -> str:
    found = answer.get(key)
    return found if isinstance(found, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
