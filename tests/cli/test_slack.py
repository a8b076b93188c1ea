from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from responder.adapters.clock import SystemClock
from responder.adapters.slack.manifest import SCOPES, manifest
from responder.settings import Settings
from tests.cli.desk import Ran, run
from tests.fakes.slack import ALERTS, APP_TOKEN, BOT_TOKEN, TEAM, USER, FakeSlack
from tests.house.tree import ROOT
from tests.journeys.small import small_plan, write_plan

SIGNING = "0123456789abcdef0123456789abcdef"
CHANNELS = {
    "slack": {"slack": {}},
    "slack-sre": {"slack": {"channel": "#alerts", "locale": "ko"}},
    "slack-dr": {"slack": {"channel": {"from_env": "DR_CHANNEL"}}},
}
METHODS = [{"slack": USER}, {"slack": "slack", "to": {"from_env": "CTO_SLACK"}}]
UNSET = dict.fromkeys(
    f"RESPONDER_SLACK_{name}{file}"
    for name in ("BOT_TOKEN", "SIGNING_SECRET", "APP_TOKEN", "TEAM_ID", "ECHO_CHANNEL", "API_URL")
    for file in ("", "_FILE")
)


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(SystemClock()) as fake:
        fake.scopes.intersection_update(SCOPES)
        yield fake


@pytest.fixture
def plan() -> dict[str, Any]:
    """A small one, with Slack."""
    found = small_plan("http://127.0.0.1:9/", rungs={"first": "0s"})
    found["channels"]["channels"] |= CHANNELS
    found["contacts"]["contacts"]["operator"]["methods"] += METHODS
    return found


@pytest.fixture
def policies(tmp_path: Path, plan: dict[str, Any]) -> Path:
    return write_plan(tmp_path / "policies", plan)


async def checked(slack: FakeSlack, policies: Path, *args: str, **env: str | None) -> Ran:
    """`responder slack check`, with everything set as it should be but for what `env` says."""
    whole: Any = {
        **UNSET,
        "RESPONDER_SLACK_API_URL": f"{slack.url}/api/",
        "RESPONDER_SLACK_BOT_TOKEN": BOT_TOKEN,
        "RESPONDER_SLACK_SIGNING_SECRET": SIGNING,
        "RESPONDER_SLACK_TEAM_ID": TEAM,
        "DR_CHANNEL": ALERTS,
        "CTO_SLACK": USER,
        **env,
    }
    return await asyncio.to_thread(run, "slack", "check", "--policies", str(policies), *args, env=whole)


async def test_where_all_is_well_it_says_so_and_ends_well(slack, policies):
    ran = await checked(slack, policies)
    assert ran.code == 0, ran.out
    assert ran.out.splitlines()[-1] == "ok"
    assert re.search(r"ok +channel slack-sre +the app is in #alerts", ran.out)
    assert re.search(rf"ok +channel slack-dr +the app is in {ALERTS}", ran.out)
    assert re.search(r"ok +channel slack +for direct messages only", ran.out)
    assert "warning" not in ran.out


async def test_a_person_is_asked_about_once_for_each_of_their_addresses(slack, policies):
    ran = await checked(slack, policies)
    assert ran.out.count("contact operator") == 1
    assert len(slack.calls("users.info")) == 1
    slack.workspace.add_user("U0SECOND01", is_deleted=True)
    ran = await checked(slack, policies, CTO_SLACK="U0SECOND01")
    assert ran.out.count("contact operator") == 2
    assert ran.code == 1


async def test_what_is_wrong_is_told_with_what_to_mend_and_is_the_exit_code(slack, policies):
    slack.workspace.change_channel(ALERTS, members=frozenset({USER}))
    ran = await checked(slack, policies)
    assert ran.code == 1
    assert re.search(
        r"wrong +channel slack-sre +the app is not in #alerts. Invite it: /invite @responder", ran.out
    )
    assert ran.out.splitlines()[-1] == "2 to mend; docs/slack.md walks through it"


async def test_what_is_only_odd_is_told_and_is_no_fault(slack, policies):
    slack.scopes.add("files:write")
    ran = await checked(slack, policies, RESPONDER_SLACK_TEAM_ID=None, DR_CHANNEL=None, CTO_SLACK=None)
    assert ran.code == 0
    for words in (
        "RESPONDER_SLACK_TEAM_ID is not set: set it to",
        "it is not needed",
        "channel slack-dr  it is read from DR_CHANNEL, which is not set here",
        "contact operator  it is read from CTO_SLACK, which is not set here",
    ):
        assert re.search(r"warning .*" + re.sub(" +", " +", words), ran.out), words
    assert ran.out.splitlines()[-1] == "ok"


async def test_programs_read_the_same_as_json(slack, policies):
    good = await checked(slack, policies, "--output", "json")
    assert good.code == 0
    assert good.json()["ok"] is True
    assert {"what": "channel slack-sre", "state": "ok", "words": "the app is in #alerts"} in good.json()[
        "findings"
    ]
    slack.refuse_token("token_revoked")
    bad = await checked(slack, policies, "--output", "json")
    assert bad.code == 1
    assert bad.json()["ok"] is False
    assert bad.json()["findings"][0]["state"] == "wrong"


async def test_socket_mode_is_looked_at_where_it_is_set(slack, policies):
    socket = {"RESPONDER_SLACK_APP_TOKEN": APP_TOKEN, "RESPONDER_SLACK_ECHO_CHANNEL": ALERTS}
    ran = await checked(slack, policies, RESPONDER_SLACK_SIGNING_SECRET=None, **socket)
    assert ran.code == 0, ran.out
    assert re.search(r"ok +app token", ran.out)
    assert re.search(r"ok +echo channel", ran.out)
    slack.refuse_token("invalid_auth", APP_TOKEN)
    ran = await checked(slack, policies, RESPONDER_SLACK_SIGNING_SECRET=None, **socket)
    assert ran.code == 1
    assert re.search(r"wrong +app token", ran.out)


async def test_a_secret_may_be_in_a_file(slack, policies, tmp_path):
    (tmp_path / "token").write_text(f"{BOT_TOKEN}\n", encoding="utf-8")
    ran = await checked(
        slack,
        policies,
        RESPONDER_SLACK_BOT_TOKEN=None,
        RESPONDER_SLACK_BOT_TOKEN_FILE=str(tmp_path / "token"),
    )
    assert ran.code == 0, ran.out


async def test_a_slack_that_cannot_be_reached_is_said_so_and_where_it_was_looked_for(slack, policies):
    ran = await checked(slack, policies, RESPONDER_SLACK_API_URL="http://127.0.0.1:1/api/")
    assert ran.code == 1
    assert re.search(r"wrong +Slack +no answer from 127.0.0.1 .*HTTPS_PROXY", ran.out)
    assert not re.search(r"wrong +token", ran.out)


async def test_without_a_token_it_says_which_variable_to_set_and_where_to_read_on(slack, policies):
    ran = await checked(slack, policies, RESPONDER_SLACK_BOT_TOKEN=None)
    assert ran.code == 1
    assert "RESPONDER_SLACK_BOT_TOKEN is not set" in ran.err
    assert "docs/slack.md" in ran.err
    assert slack.ledger == []
    assert (ROOT / "docs" / "slack.md").is_file()


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize(
    "env, code",
    [
        ({}, 1),
        ({"RESPONDER_SLACK_BOT_TOKEN": "xoxb-other-secret"}, 1),
        ({"RESPONDER_SLACK_BOT_TOKEN": "other-secret"}, 2),
        ({"RESPONDER_SLACK_SIGNING_SECRET": "other-secret"}, 1),
        ({"RESPONDER_SLACK_APP_TOKEN": "xapp-other-secret", "RESPONDER_SLACK_ECHO_CHANNEL": ALERTS}, 1),
        ({"RESPONDER_SLACK_APP_TOKEN": "xapp-other-secret"}, 2),
        ({"CTO_SLACK": "other-secret"}, 1),
    ],
)
async def test_no_secret_is_printed(slack, policies, env, code, form):
    slack.workspace.change_channel(ALERTS, is_archived=True)
    ran = await checked(slack, policies, "--output", form, **env)
    assert ran.code == code
    for secret in (BOT_TOKEN, APP_TOKEN, SIGNING, "other-secret"):
        assert secret not in ran.out + ran.err


async def test_policies_with_faults_are_told_and_nothing_is_asked(slack, policies):
    (policies / "channels.yaml").write_text(
        "version: 1\nchannels: {slack: {slack: {colour: red}}}\n", encoding="utf-8"
    )
    ran = await checked(slack, policies)
    assert ran.code == 1
    assert "`responder check` lists them all" in ran.err
    assert slack.ledger == []


async def test_policies_without_slack_are_told_what_is_missing(slack, tmp_path):
    folder = write_plan(tmp_path / "policies", small_plan("http://127.0.0.1:9/", rungs={"first": "0s"}))
    ran = await checked(slack, folder)
    assert ran.code == 0, ran.out
    assert re.search(r"warning +channels +channels.yaml has none of kind slack", ran.out)


@pytest.mark.parametrize(
    "method, words",
    [({"slack": "slack"}, "no Slack user id for slack; write"), ({"slack": "slack-sre"}, "")],
    ids=["for direct messages", "that shows"],
)
async def test_a_method_without_an_address_needs_a_channel_that_shows(slack, plan, tmp_path, method, words):
    plan["contacts"]["contacts"]["operator"]["methods"] = [method]
    ran = await checked(slack, write_plan(tmp_path / "policies", plan))
    assert ran.code == (1 if words else 0)
    assert ("contact operator" in ran.out) is bool(words)
    assert words in ran.out


def test_the_page_for_newcomers_says_what_each_scope_is_for():
    text = (ROOT / "docs" / "slack.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `([a-z_.]+(?::[a-z]+)?)` \| (.+) \|$", text)
    assert dict(rows) == SCOPES


def test_every_variable_that_the_page_for_newcomers_names_is_a_setting():
    text = (ROOT / "docs" / "slack.md").read_text(encoding="utf-8")
    named = {name.removesuffix("_FILE") for name in re.findall(r"RESPONDER_([A-Z_]+)", text)}
    assert {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_TEAM_ID", "SLACK_APP_TOKEN"} <= named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


# The manifest


@pytest.mark.parametrize(
    "args, address",
    [
        (["--url", "https://pager.example.org/"], "https://pager.example.org"),
        (["--socket"], None),
        ([], "https://responder.example"),
    ],
    ids=["an address", "socket", "none yet"],
)
def test_the_manifest_is_yaml_to_paste_with_a_reason_for_each_scope(args, address):
    ran = run("slack", "manifest", *args)
    assert ran.code == 0
    assert YAML(typ="safe").load(ran.out) == manifest(address)
    for scope, reason in SCOPES.items():
        assert re.search(rf"- {scope} +# {re.escape(reason)}\n", ran.out)
    assert ("--url" in ran.err) is (not args)
    assert run("slack", "manifest", *args, "-o", "json").json() == manifest(address)


@pytest.mark.parametrize(
    "args, words",
    [
        (["--url", "http://pager.example.org"], "https"),
        (["--url", "https://pager.example.org", "--socket"], "exclude each other"),
    ],
)
def test_a_manifest_that_slack_would_not_take_is_refused(args, words):
    ran = run("slack", "manifest", *args)
    assert ran.code == 2
    assert words in ran.err
    assert ran.out == ""
