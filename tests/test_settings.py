"""Settings: every fault of the environment at once, in words, and no secret in any of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from responder.settings import PREFIX, Address, BadSettings, Servers, Settings
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
        pytest.param({"ALERTMANAGER_URLS": "am:9093"}, "URL number 1: write it like", id="no URL"),
        pytest.param({"ALERTMANAGER_URLS": "http://a:1,ftp://b"}, "URL number 2", id="the second is none"),
        pytest.param({"ALERTMANAGER_URLS": "http://a/?x=1"}, "URL number 1", id="a URL with a query"),
        pytest.param(
            {"ALERTMANAGER_URLS": "http://a:1,http://me:pw@a:1/p"},
            "one host and port",
            id="one of them twice",
        ),
        pytest.param({"ALERTMANAGER_RECEIVERS": " , "}, "ALERTMANAGER_RECEIVERS", id="no receiver"),
        pytest.param({"DATABASE_URL": "sqlite:///"}, "write it like", id="SQLite without a file"),
        pytest.param({"DATABASE_URL": "postgresql://db/x"}, "names no user", id="a database without a user"),
        pytest.param(
            {"DATABASE_URL": "postgresql://u:p@/x"}, "names no host", id="a database without a host"
        ),
        pytest.param({"DATABASE_URL": "postgresql://u@a,/x"}, "names no host", id="one host of two"),
        pytest.param({"DATABASE_URL": "postgresql://u@db"}, "names no database", id="a server only"),
        pytest.param({"DATABASE_URL": "postgresql://u@db:x/y"}, "a port is a number", id="a port in words"),
        pytest.param({"DATABASE_URL": "postgresql://u@[db/y"}, "IPv6", id="half an address"),
        pytest.param({"DATABASE_URL": "postgresql://u:p@q@db/y"}, "@ is %40", id="an @ in a password"),
        pytest.param({"DATABASE_URL": "postgresql://u:p@q/r?s@db/y"}, "@ is %40", id="a ? in a password"),
        pytest.param(
            {"DATABASE_URL": "postgresql://u@db/y?target_session_attrs=any"},
            "cannot be chosen",
            id="any server",
        ),
        pytest.param({"DATABASE_URL": "postgresql://u@db/y?sslmode=yes"}, "verify-full", id="a mode of TLS"),
        pytest.param({"BEAT_URL": "hc-ping.com/x"}, "BEAT_URL: write an http or https URL", id="half a URL"),
        pytest.param({"BEAT_URL": "ftp://hc-ping.com/x"}, "BEAT_URL: write", id="no URL that can be called"),
        pytest.param(
            {"BEAT_URL": "https://hc-ping.com/x\n"}, "BEAT_URL: write", id="a URL and an end of line"
        ),
        pytest.param({"BEAT_METHOD": "PUT"}, "BEAT_METHOD", id="a method that no switch takes"),
        pytest.param({"BEAT_EVERY": "0s"}, "BEAT_EVERY", id="a beat without a pause"),
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


def test_alertmanagers_are_named_with_their_credentials_which_nothing_prints():
    urls = "https://me:secret-word@one:9093/am, http://two:9093"
    found = Settings.load({"RESPONDER_ALERTMANAGER_URLS": urls, "RESPONDER_ALERTMANAGER_RECEIVERS": "a, b"})
    assert [url.get_secret_value() for url in found.alertmanager_urls] == urls.split(", ")
    assert found.alertmanager_receivers == ("a", "b")
    assert "secret-word" not in repr(found)
    wrong = faults(ALERTMANAGER_URLS="https://me:secret-word@one:9093:1")
    assert "secret-word" not in "\n".join(wrong)
    assert Settings.load({}).alertmanager_receivers == ("responder",)


def test_a_switch_outside_is_called_by_a_url_that_nothing_prints(tmp_path: Path):
    (tmp_path / "beat").write_text("https://hc-ping.com/canary?x=1\n", encoding="utf-8")
    found = Settings.load(
        {"RESPONDER_BEAT_URL_FILE": str(tmp_path / "beat"), "RESPONDER_BEAT_METHOD": "POST"}
    )
    assert found.beat_url is not None
    assert found.beat_url.get_secret_value() == "https://hc-ping.com/canary?x=1"
    assert (found.beat_method, found.beat_every) == ("POST", timedelta(seconds=30))
    assert "canary" not in repr(found)
    assert "canary" not in "\n".join(faults(BEAT_URL="hc-ping.com/canary"))


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


@pytest.mark.parametrize(
    "url, shown",
    [
        pytest.param("sqlite:///var/x.db", "var/x.db", id="a file"),
        pytest.param("sqlite:////var/x.db", "/var/x.db", id="a file from the root"),
        pytest.param("postgresql://me:canary@db/x", "postgresql://me@db/x", id="a server"),
        pytest.param("postgres://me:can%40ary@a:1,[::1]:2/x", "postgresql://me@a:1,[::1]:2/x", id="several"),
        pytest.param("postgresql://me@db/x?sslmode=verify-full", "postgresql://me@db/x", id="with TLS"),
    ],
)
def test_a_database_is_shown_without_its_password(tmp_path: Path, url: str, shown: str):
    (tmp_path / "url").write_text(url + "\n", encoding="utf-8")
    found = Settings.load({"RESPONDER_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert str(found.database_url) == shown
    assert "ary@" not in repr(found)
    if isinstance(found.database_url, Servers):
        assert found.database_url.url.get_secret_value() == url


@pytest.mark.parametrize(
    "around", ["postgresql://me:{}@db:x/y", "postgresql://me:a@b/{}?{}@db/y", "mysql://{}@x"]
)
def test_a_wrong_database_url_says_nothing_of_its_password(around: str):
    assert "canary" not in "".join(faults(DATABASE_URL=around.replace("{}", "canary")))


@pytest.mark.parametrize("mark", ["/", "?", "#", "@"])
def test_a_password_that_is_not_encoded_is_told_how_to_be(mark: str):
    (said,) = faults(DATABASE_URL=f"postgresql://me:can{mark}ary@db:5432/x")
    assert f"{mark} is %" in said
    assert "ary" not in said


@pytest.mark.parametrize(
    "variable, meant",
    [
        pytest.param("RESPONDER_DATABSE_URL", "RESPONDER_DATABASE_URL", id="misspelt"),
        pytest.param("RESPONDER_WEBHOOK_TOKENS_FILE", "RESPONDER_WEBHOOK_TOKEN_FILE", id="a file's"),
        pytest.param("RESPONDER_URI", "RESPONDER_URL", id="the command line's"),
        pytest.param("RESPONDER_QQQ", "", id="near to nothing"),
    ],
)
def test_a_variable_that_nobody_reads_is_named_with_the_one_that_was_meant(variable: str, meant: str):
    assert Settings.unknown({variable: "canary", "PATH": "/bin", "RESPONDR_URL": "x"}) == {variable: meant}


def test_what_is_read_is_no_stranger():
    read = {PREFIX + name.upper() for name in Settings.model_fields}
    others = {"RESPONDER_URL", "RESPONDER_TOKEN", "RESPONDER_DATABASE_URL_FILE"}
    assert Settings.unknown(dict.fromkeys(read | others, "x")) == {}


def test_what_a_policy_reads_is_no_stranger_either():
    assert Settings.unknown({"RESPONDER_OUR_PHONE": "x"}, {"RESPONDER_OUR_PHONE"}) == {}


def test_the_readme_names_every_setting():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`{PREFIX}{name.upper()}`" not in text] == []
