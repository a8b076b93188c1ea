from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from responder.adapters.slack.checkup import Finding, Reached, Secrets, Shown, State, look
from responder.adapters.slack.manifest import (
    COMMANDS,
    EVENTS,
    INTERACTIONS,
    MENTIONS,
    MESSAGES,
    SCOPES,
    base,
    manifest,
)
from responder.dialects.slack import incoming
from tests.adapters.slack.bench import Bench, bench
from tests.fakes.clock import let_others_run
from tests.fakes.slack import ALERTS, APP_TOKEN, BOT_TOKEN, BOT_USER, TEAM, USER, Fails, Status, Throttles
from tests.house.tree import ROOT

SIGNING = "0123456789abcdef0123456789abcdef"
GOOD = {
    "channels": [Shown(name="sre", place="#alerts")],
    "people": [Reached(contact="cto", address=USER)],
    "team_id": TEAM,
    "secrets": Secrets(signing=[SIGNING]),
}

# By Slack's pages of the methods and events (docs.slack.dev/reference, read on 2026-11-23): what a bot's token needs
# for them, of conversations only for the kinds that we call them with.
OF_METHODS = {
    "apps.connections.open": set(),  # the app's token, with connections:write
    "auth.test": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history", "im:history"},
    "conversations.info": {"channels:read", "groups:read"},
    "conversations.list": {"channels:read", "groups:read"},
    "conversations.open": {"im:write"},
    "conversations.replies": {"channels:history", "groups:history"},
    "users.info": {"users:read"},
    "views.open": set(),
}
OF_EVENTS = {
    "app_mention": {"app_mentions:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
}


@pytest.fixture
async def at() -> AsyncIterator[Bench]:
    """Everything is as it should be, until a test changes it."""
    async with bench() as found:
        found.slack.scopes.intersection_update(SCOPES)
        yield found


async def looked(at: Bench, **changes: Any) -> dict[str, Finding]:
    """The findings by what was looked at."""
    found = await look(at.account(), **{**GOOD, **changes})
    assert len({each.what for each in found}) == len(found)
    return {each.what: each for each in found}


def wrong(found: Mapping[str, Finding]) -> list[str]:
    return [what for what, each in found.items() if each.state is not State.OK]


async def test_where_nothing_is_wrong_everything_is_told_to_be_well(at):
    found = await looked(at)
    assert {what: each.words for what, each in found.items()} == {
        "token": f"it speaks as @responder in the workspace Example ({TEAM})",
        "workspace": "RESPONDER_SLACK_TEAM_ID is that of the token",
        "scopes": f"all {len(SCOPES)} that are needed are there",
        "channel sre": "the app is in #alerts",
        "contact cto": "first can be reached",
        "signing secret": "it is set. It is proved by the first signed request: type /incident help in Slack",
    }
    assert wrong(found) == []


@pytest.mark.parametrize(
    "place, changes, words",
    [
        ("#alerts", {}, ""),
        (ALERTS, {}, ""),
        (
            "#alerts",
            {"is_archived": True},
            "#alerts is archived: unarchive it, or name another in channels.yaml",
        ),
        (ALERTS, {"is_archived": True}, f"{ALERTS} is archived"),
        (
            "#alerts",
            {"members": frozenset({USER})},
            "the app is not in #alerts. Invite it: /invite @responder",
        ),
        (ALERTS, {"members": frozenset({USER})}, f"not in {ALERTS}. Invite it: /invite @responder"),
        ("#alerts", {"is_private": True}, ""),
        (
            "#alerts",
            {"is_private": True, "members": frozenset({USER})},
            "the app sees no channel #alerts: look at its name, and invite the app if it is private: "
            "/invite @responder",
        ),
        ("#alert", {}, "the app sees no channel #alert: look at its name"),
        ("C0NOTHERE1", {}, "sees no channel C0NOTHERE1 (channel_not_found)"),
        ("alerts", {}, "this is no channel's id"),
    ],
)
async def test_a_channel_is_there_is_open_and_the_app_is_in_it(at, place, changes, words):
    at.slack.workspace.change_channel(ALERTS, **changes)
    finding = (await looked(at, channels=[Shown(name="sre", place=place)]))["channel sre"]
    assert finding.state is (State.WRONG if words else State.OK)
    assert words in finding.words


@pytest.mark.parametrize(
    "address, changes, words",
    [
        (USER, {}, ""),
        (USER, {"is_deleted": True}, "first is deactivated in Slack"),
        (USER, {"is_bot": True}, "first is a bot"),
        ("U0NOBODY01", {}, "there is no Slack user of cto (user_not_found)"),
        ("first@example.org", {}, "no Slack user id like U024BE7LH"),
        (ALERTS, {}, "no Slack user id like U024BE7LH"),
    ],
)
async def test_a_person_is_there_is_active_and_is_one(at, address, changes, words):
    at.slack.workspace.change_user(USER, **changes)
    finding = (await looked(at, people=[Reached(contact="cto", address=address)]))["contact cto"]
    assert finding.state is (State.WRONG if words else State.OK)
    assert words in finding.words
    assert "example.org" not in finding.words


@pytest.mark.parametrize(
    "user, state",
    [
        ({"team_id": TEAM}, State.OK),
        ({"team_id": "T0OTHER001"}, State.WRONG),
        ({"team_id": "T0OTHER001", "enterprise_user": {"teams": ["T0OTHER001", TEAM]}}, State.OK),
        ({"team_id": "T0OTHER001", "enterprise_user": {"teams": ["T0OTHER001"]}}, State.WRONG),
    ],
)
async def test_a_person_is_in_the_apps_workspace(at, user, state):
    answer = {"ok": True, "user": {"id": USER, "real_name": "First", **user}}
    at.slack.script("users.info", _answers(answer))
    finding = (await looked(at))["contact cto"]
    assert finding.state is state
    assert ("is in another workspace than the app" in finding.words) is (state is State.WRONG)


@pytest.mark.parametrize("error", ["token_revoked", "account_inactive", "invalid_auth"])
async def test_nothing_else_is_asked_with_a_token_that_slack_refuses(at, error):
    at.slack.refuse_token(error)
    found = await looked(at)
    assert found["token"].state is State.WRONG
    assert error in found["token"].words
    assert found["channels and people"].state is State.WARNING
    assert at.methods() == ["auth.test"]
    assert found["signing secret"].state is State.OK


async def test_a_slack_that_cannot_be_reached_is_told_in_words(at):
    socket = GOOD | {"secrets": Secrets(has_app_token=True, echo=ALERTS)}
    found = await look(at.account(api_url="http://127.0.0.1:1/api/"), **socket)  # type: ignore[arg-type]  # a dict's values
    assert [(each.what, each.state) for each in found] == [
        ("Slack", State.WRONG),
        ("channels and people", State.WARNING),
        ("signing secret", State.OK),
    ]
    assert "127.0.0.1 cannot be reached" in found[0].words
    assert "look at the network, at HTTPS_PROXY and NO_PROXY" in found[0].words
    assert found[1].words == "not looked at: Slack does not answer"


@pytest.mark.parametrize(
    "outcome, words",
    [
        (Status(503), "no answer from 127.0.0.1 (slack: Slack failed (503)): look at the network"),
        (Throttles(600), "Slack asks to wait 300 s (auth.test): try again later"),
    ],
    ids=["503", "429"],
)
async def test_a_slack_that_does_not_answer_is_no_fault_of_the_token(at, outcome, words):
    at.slack.always("auth.test", outcome)
    found = await looked(at)
    assert words in found["Slack"].words
    assert "token" not in found
    assert "token" not in found["channels and people"].words


@pytest.mark.parametrize(
    "team_id, state, words",
    [
        (TEAM, State.OK, "is that of the token"),
        ("", State.WARNING, f"set it to {TEAM}"),
        ("T0OTHER001", State.WRONG, f"is T0OTHER001, and the token is of {TEAM}"),
    ],
)
async def test_the_workspace_is_the_one_in_the_settings(at, team_id, state, words):
    finding = (await looked(at, team_id=team_id))["workspace"]
    assert finding.state is state
    assert words in finding.words


async def test_a_token_that_ends_is_told(at):
    at.slack.script(
        "auth.test", _answers({"ok": True, "team_id": TEAM, "team": "E", "user": "r", "expires_in": 5400})
    )
    finding = (await looked(at))["token"]
    assert finding.state is State.WRONG
    assert "ends in 1.5 h" in finding.words


async def test_a_token_of_no_workspace_is_told(at):
    at.slack.script("auth.test", _answers({"ok": True}))
    assert wrong(await looked(at)) == ["token", "channels and people"]


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_that_is_missing_is_told_with_what_it_is_for(at, scope):
    at.slack.scopes.remove(scope)
    found = await looked(at)
    assert found[f"scope {scope}"].state is State.WRONG
    assert SCOPES[scope] in found[f"scope {scope}"].words
    assert "scopes" not in found


async def test_a_scope_too_many_is_told_and_does_no_harm(at):
    at.slack.scopes.add("files:write")
    found = await looked(at)
    assert found["scope files:write"].state is State.WARNING
    assert wrong(found) == ["scope files:write"]


async def test_scopes_that_slack_does_not_say_are_to_be_compared_by_hand(at):
    at.slack.script("auth.test", _answers({"ok": True, "team_id": TEAM, "team": "E", "user": "r"}))
    found = await looked(at)
    assert found["scopes"].state is State.WARNING


async def test_scopes_are_those_of_the_bots_token_whatever_the_apps_has(at):
    account = at.account()
    assert account.scopes is None
    await account.call("auth.test", deadline=at.deadline())
    await account.call("apps.connections.open", deadline=at.deadline())
    assert account.scopes == set(SCOPES)


async def test_what_a_missing_scope_hides_is_told_where_it_hides_it(at):
    at.slack.scopes.difference_update({"groups:read", "users:read"})
    found = await looked(at)
    assert "groups:read" in found["channels"].words
    assert "channel sre" not in found
    assert "users:read" in found["contact cto"].words


@pytest.mark.parametrize(
    "secrets, state, words",
    [
        (Secrets(signing=[SIGNING]), State.OK, "it is set. It is proved by the first signed request"),
        (Secrets(signing=[SIGNING, SIGNING[::-1]]), State.OK, "2 are valid; take the old one out"),
        (Secrets(signing=["xoxb-1234"]), State.WARNING, "does not look like one"),
        (Secrets(signing=[SIGNING, SIGNING.upper()]), State.WARNING, "does not look like one"),
        (Secrets(), State.WRONG, "no button and no command is taken"),
        (Secrets(has_app_token=True, echo=ALERTS), State.OK, "Slack comes in by Socket Mode"),
    ],
)
async def test_the_signing_secret_is_there_and_looks_like_one(at, secrets, state, words):
    finding = (await looked(at, secrets=secrets))["signing secret"]
    assert finding.state is state
    assert words in finding.words
    assert not any(secret in finding.words for secret in secrets.signing)


@pytest.mark.parametrize("echo", [ALERTS, "#alerts"])
async def test_with_socket_mode_the_app_token_opens_a_connection_and_the_echo_has_its_channel(at, echo):
    found = await looked(at, secrets=Secrets(has_app_token=True, echo=echo))
    assert found["app token"].state is State.OK
    assert found["echo channel"].state is State.OK
    assert "echo channel" not in await looked(at, secrets=Secrets(signing=[SIGNING], echo=echo))
    at.slack.refuse_token("invalid_auth", APP_TOKEN)
    at.slack.workspace.change_channel(ALERTS, members=frozenset({USER}))
    found = await looked(at, channels=[], secrets=Secrets(has_app_token=True, echo=echo))
    assert sorted(wrong(found)) == ["app token", "echo channel"]
    assert "Slack refuses RESPONDER_SLACK_APP_TOKEN (invalid_auth)" in found["app token"].words
    assert "/invite @responder" in found["echo channel"].words


async def test_an_app_token_that_cannot_be_asked_about_is_told_as_that(at):
    at.slack.script("apps.connections.open", Fails("internal_error"))
    found = await looked(at, secrets=Secrets(has_app_token=True))
    assert found["app token"].state is State.WRONG
    assert "internal_error" in found["app token"].words
    assert "echo channel" not in found


async def test_many_channels_are_looked_up_by_one_list_however_long(at):
    for number in range(2_500):
        at.slack.workspace.add_channel(f"team-{number}", members=(BOT_USER,))
    channels = [Shown(name=f"c{number}", place=f"#team-{number}") for number in range(0, 2_500, 100)]
    assert wrong(await looked(at, channels=channels)) == []
    assert len(at.slack.calls("conversations.list")) == 3


async def test_a_look_waits_as_long_as_slack_asks_for(at):
    at.slack.script("users.info", Throttles(30))
    looking = asyncio.ensure_future(looked(at))
    while not looking.done() and at.deadline(30) not in at.clock.waited_for():
        await let_others_run()
    at.clock.advance(seconds=29)
    await let_others_run(20)
    assert len(at.slack.calls("users.info")) == 1
    at.clock.advance(seconds=1)
    assert wrong(await looking) == []
    assert len(at.slack.calls("users.info")) == 2


async def test_a_look_does_not_wait_for_ever(at):
    at.slack.always("users.info", Throttles(3_600))
    finding = (await looked(at))["contact cto"]
    assert finding.state is State.WRONG
    assert "Slack asks to wait" in finding.words


async def test_nothing_is_sent_and_nothing_changed(at):
    at.slack.workspace.change_channel(ALERTS, is_archived=True)
    await looked(at, secrets=Secrets(has_app_token=True, echo=ALERTS))
    assert not [
        method for method in at.methods() if method.startswith(("chat.", "views.", "conversations.open"))
    ]


@pytest.mark.parametrize("error", ["token_revoked", "missing_scope", "internal_error", BOT_TOKEN])
async def test_no_secret_is_in_any_finding(at, error):
    for method in ("users.info", "conversations.list", "conversations.info", "apps.connections.open"):
        at.slack.always(method, Fails(error, {"needed": "users:read", "provided": APP_TOKEN}))
    account = at.account()
    secrets = Secrets(signing=[SIGNING, "no-secret-of-slacks"], has_app_token=True, echo=ALERTS)
    found = await look(
        account,
        channels=[Shown(name="sre", place="#alerts"), Shown(name="ops", place=ALERTS)],
        people=[Reached(contact="cto", address=USER)],
        secrets=secrets,
    )
    assert len([each for each in found if each.state is State.WRONG]) == 5
    for secret in (BOT_TOKEN, APP_TOKEN, SIGNING, "no-secret-of-slacks"):
        assert secret not in repr((found, secrets, account))


# The manifest


def called_methods() -> set[str]:
    """Whatever is named like a method of Slack's in the adapters."""
    name = re.compile(
        r"(apps|auth|bots|chat|conversations|files|reactions|team|usergroups|users|views)\.[a-zA-Z.]+\w"
    )
    files = (ROOT / "responder" / "adapters").rglob("*.py")
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in files)
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {each for each in constants if isinstance(each, str) and name.fullmatch(each)}


def test_the_scopes_are_those_of_what_is_called_and_heard_and_no_other():
    assert called_methods() == set(OF_METHODS)
    assert {MENTIONS, *MESSAGES} == set(OF_EVENTS)
    needed = set().union(*OF_METHODS.values(), *OF_EVENTS.values(), {"commands"})
    assert set(SCOPES) == needed


@pytest.mark.parametrize("address", ["https://responder.example", None], ids=["posts", "socket"])
def test_the_manifest_is_as_slack_documents_it(address):
    """docs.slack.dev/reference/app-manifest, read on 2026-11-23: fields, lengths, and what goes together."""
    made = manifest(address)
    assert set(made) == {"display_information", "features", "oauth_config", "settings"}
    display, features, settings = made["display_information"], made["features"], made["settings"]
    assert set(display) == {"name", "description", "background_color"}
    assert 1 <= len(display["name"]) <= 35
    assert 1 <= len(display["description"]) <= 140
    assert re.fullmatch(r"#[0-9a-f]{6}", display["background_color"])
    assert set(features) == {"app_home", "bot_user", "slash_commands"}
    assert features["app_home"] == {
        "home_tab_enabled": False,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    assert re.fullmatch(r"[a-z0-9._-]{1,80}", features["bot_user"]["display_name"])
    for command in features["slash_commands"]:
        assert set(command) - {"url"} == {"command", "description", "usage_hint", "should_escape"}
        assert re.fullmatch(r"/[a-z]{1,31}", command["command"])
        assert 1 <= len(command["description"]) <= 2_000
        assert 1 <= len(command["usage_hint"]) <= 1_000
        assert command["should_escape"] is False
    assert made["oauth_config"] == {"scopes": {"bot": list(SCOPES)}}
    assert settings["interactivity"]["is_enabled"] is True
    assert settings["org_deploy_enabled"] is settings["token_rotation_enabled"] is False
    assert settings["socket_mode_enabled"] is (address is None)


def test_slack_posts_to_the_addresses_that_are_ours():
    made = manifest("https://responder.example")
    assert {command["url"] for command in made["features"]["slash_commands"]} == {
        "https://responder.example/slack/commands"
    }
    assert made["settings"]["interactivity"]["request_url"] == "https://responder.example/slack/interactions"
    assert made["settings"]["event_subscriptions"] == {
        "request_url": "https://responder.example/slack/events",
        "bot_events": ["app_mention"],
    }
    assert (COMMANDS, INTERACTIONS, EVENTS) == ("/slack/commands", "/slack/interactions", "/slack/events")


def test_with_socket_mode_there_is_no_address_and_its_echo_is_heard():
    made = manifest(None)
    assert "https" not in repr(made)
    assert made["settings"]["event_subscriptions"]["bot_events"] == [
        "app_mention",
        "message.channels",
        "message.groups",
    ]


def test_the_commands_are_those_that_are_understood():
    assert {each["command"] for each in manifest(None)["features"]["slash_commands"]} == set(
        incoming.COMMANDS
    )


@pytest.mark.parametrize(
    "written, address",
    [
        ("https://responder.example", "https://responder.example"),
        ("https://responder.example/", "https://responder.example"),
        ("https://example.org:8443/pager/", "https://example.org:8443/pager"),
        ("http://responder.example", None),
        ("responder.example", None),
        ("https://", None),
        ("https://responder.example/?a=b", None),
        ("https://me:secret@responder.example", None),
        ("https://[::1", None),
    ],
)
def test_slack_posts_to_https_only(written, address):
    if address is not None:
        assert base(written) == address
        return
    with pytest.raises(ValueError, match=r".") as refused:
        base(written)
    assert "secret" not in str(refused.value)


def _answers(body: Mapping[str, object]) -> Any:
    """An answer of Slack's own, without the header that lists scopes."""
    return Status(200, json.dumps(body), {"Content-Type": "application/json"})
