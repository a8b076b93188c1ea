"""Settings: every fault of the environment at once, in words, and no secret in any of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from responder.settings import PREFIX, Address, BadSettings, Settings
from tests.house.tree import ROOT

SLACK = {"RESPONDER_SLACK_BOT_TOKEN": "xoxb-1", "RESPONDER_SLACK_SIGNING_SECRET": "s1, ,s2,"}


def faults(**environ: str) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        Settings.load({PREFIX + name: value for name, value in environ.items()})
    return str(caught.value).splitlines()


def test_an_empty_environment_is_a_service_on_this_machine():
    found = Settings.load({})
    assert found.listen == Address("127.0.0.1", 8080)
    assert found.listen.is_loopback
    assert found.is_open_to_anybody
    assert not found.takes_slack
    assert (found.locale, found.public_listen) == ("en", None)


def test_slack_needs_a_token_and_a_secret():
    found = Settings.load(SLACK)
    assert found.takes_slack
    assert [secret.get_secret_value() for secret in found.slack_signing_secret] == ["s1", "s2"]
    assert found.slack_bot_token is not None
    assert found.slack_bot_token.get_secret_value() == "xoxb-1"


@pytest.mark.parametrize(
    "environ, said",
    [
        pytest.param({"LISTEN": "8080"}, "LISTEN: write it like 127.0.0.1:8080", id="an address"),
        pytest.param({"LISTEN": "0.0.0.0:8080"}, "webhooks would need no credential there", id="open to all"),
        pytest.param({"TIMEZONE": "Seoul"}, "no such time zone", id="a zone"),
        pytest.param({"LOCALE": "fr"}, "LOCALE", id="a language that there is none of"),
        pytest.param({"TLS_KEY": "k"}, "go together", id="a key without its certificate"),
        pytest.param({"TLS_CLIENT_CA": "c"}, "needs RESPONDER_TLS_CERT", id="authorities without TLS"),
        pytest.param({"WEBHOOK_BASIC": "user"}, "write it like user:password", id="basic credentials"),
        pytest.param({"DATABASE_URL": "mysql://x"}, "sqlite:///", id="a database"),
        pytest.param({"SLACK_BOT_TOKEN": "xoxp-1"}, "begin with xoxb-", id="a person's token"),
        pytest.param(
            {"SLACK_APP_TOKEN": "xapp-1"}, "needs RESPONDER_SLACK_BOT_TOKEN", id="it could not answer"
        ),
        pytest.param(
            {"SLACK_APP_TOKEN": "xapp-1", "SLACK_BOT_TOKEN": "xoxb-1"},
            "needs RESPONDER_SLACK_ECHO_CHANNEL",
            id="Socket Mode without an echo",
        ),
        pytest.param(
            {"PUBLIC_LISTEN": "0.0.0.0:8443"}, "SLACK_SIGNING_SECRET", id="a public listener of nothing"
        ),
        pytest.param({"SLACK_API_URL": "http://slack.example/api/"}, "in the open", id="a token in the open"),
        pytest.param(
            {"SLACK_API_URL": "http://localhost.example/api/"}, "in the open", id="a host that only begins so"
        ),
        pytest.param(
            {"SLACK_APP_TOKEN": "xoxb-1", "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_ECHO_CHANNEL": "C1"},
            "SLACK_APP_TOKEN: Slack's begin with xapp-",
            id="the bot's token as the app's",
        ),
    ],
)
def test_what_makes_no_service_is_said(environ: dict[str, str], said: str):
    assert [line for line in faults(**environ) if said in line]


def test_every_fault_is_said_at_once_and_no_value_of_a_secret():
    found = "\n".join(
        faults(LISTEN="x", TIMEZONE="y", WEBHOOK_BASIC_FILE="/nowhere/at/all", SLACK_BOT_TOKEN="canary")
    )
    assert [name for name in ("LISTEN", "TIMEZONE", "WEBHOOK_BASIC_FILE") if name not in found] == []
    assert "canary" not in found
    assert "canary" not in "\n".join(faults(SLACK_BOT_TOKEN="canary"))


def test_a_secret_may_lie_in_a_file(tmp_path: Path):
    (tmp_path / "token").write_text("xoxb-from-a-file\n", encoding="utf-8")
    found = Settings.load({"RESPONDER_SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")})
    assert found.slack_bot_token is not None
    assert found.slack_bot_token.get_secret_value() == "xoxb-from-a-file"


def test_both_a_value_and_a_file_is_one_too_many(tmp_path: Path):
    (tmp_path / "token").write_text("xoxb-a", encoding="utf-8")
    said = faults(SLACK_BOT_TOKEN="xoxb-b", SLACK_BOT_TOKEN_FILE=str(tmp_path / "token"))
    assert said == ["RESPONDER_SLACK_BOT_TOKEN and RESPONDER_SLACK_BOT_TOKEN_FILE are both set; keep one"]


def test_a_secret_is_in_nothing_that_can_be_printed():
    assert "xoxb-1" not in repr(Settings.load(SLACK))
    assert "s1" not in repr(Settings.load(SLACK))


def test_the_readme_names_every_setting():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`{PREFIX}{name.upper()}`" not in text] == []
