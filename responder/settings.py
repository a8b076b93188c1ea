"""Settings: what a running service is told by its environment, prefix RESPONDER_.

Every secret can also be given as a file: RESPONDER_WEBHOOK_TOKEN_FILE names one whose content, without the line end,
is the value. Everything wrong is said at once, in words; a secret's value never is.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from responder.core.policy.fields import Locale, PositiveDuration

PREFIX = "RESPONDER_"
OF_THE_COMMAND_LINE = ("RESPONDER_URL", "RESPONDER_TOKEN")  # what it reads beside the settings
# What may stand behind the ? of a PostgreSQL URL. Which of several servers takes writes is not among it: we look.
TLS_WORDS = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl"})
ENCODED = "a password in a URL is percent-encoded: @ is %40, / is %2F, ? is %3F, # is %23"
TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


class BadSettings(Exception):
    """The environment makes no service; every fault, one a line."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener binds."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _address(value: object) -> object:
    if not isinstance(value, str):
        return value
    host, colon, port = value.rpartition(":")
    if not host or not colon or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise ValueError("write it like 127.0.0.1:8080")
    return Address(host.strip("[]"), int(port))


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("no such time zone; write it like Asia/Seoul")
    return value


def _tokens(value: object) -> object:
    """Comma-separated; all of them are valid, so that one can be replaced without a gap."""
    if isinstance(value, str):
        return tuple(SecretStr(part.strip()) for part in value.split(",") if part.strip())
    return value


@dataclass(frozen=True, slots=True)
class Servers:
    """A PostgreSQL database, on one server or on several of which one takes writes. Printed without its password."""

    url: SecretStr
    shown: str

    def __str__(self) -> str:
        return self.shown


def database(value: object) -> object:
    """What a database URL names: a Path for SQLite, Servers for PostgreSQL. Raises ValueError without the value."""
    if not isinstance(value, str):
        return value
    scheme, mark, rest = value.partition("://")
    if mark and scheme == "sqlite" and rest.startswith("/") and rest != "/":
        return Path(rest[1:])
    if mark and scheme in ("postgresql", "postgres"):
        return Servers(SecretStr(value), f"postgresql://{_shown(value)}")
    raise ValueError(
        "write it like sqlite:///var/responder.db or postgresql://responder:password@db:5432/responder"
    )


def _shown(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(
            "it is no URL; an IPv6 address stands in [ ], and a password is percent-encoded"
        ) from None
    account, at, hosts = parts.netloc.rpartition("@")
    user, _, _ = account.partition(":")
    if "@" in account or "#" in url or (not at and "@" in url):
        raise ValueError(ENCODED)
    if not at or not user:
        raise ValueError("it names no user: postgresql://user:password@host/name")
    for host in hosts.split(","):
        name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not (name if colon else host):
            raise ValueError("it names no host: postgresql://user:password@host/name")
        if colon and not (port.isdigit() and 0 < int(port) <= 65_535):
            raise ValueError("a port is a number; several hosts are written host1:5432,host2:5432")
    if not parts.path.strip("/") or "/" in parts.path.strip("/"):
        raise ValueError("it names no database: postgresql://user:password@host/name")
    _refuse_words(parts.query)
    return f"{user}@{hosts}{parts.path}"


def _refuse_words(query: str) -> None:
    words = dict(parse_qsl(query, keep_blank_values=True))
    if not all(re.fullmatch("[a-z_]+", word) for word in words):
        raise ValueError(ENCODED)
    if strange := sorted(set(words) - TLS_WORDS):
        raise ValueError(
            f"{', '.join(strange)} cannot be chosen; behind the ? may stand {', '.join(sorted(TLS_WORDS))}"
        )
    if words.get("sslmode", "prefer") not in TLS_MODES:
        raise ValueError(f"sslmode is one of {', '.join(TLS_MODES)}")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return is_whole and not parts.query and not parts.fragment
    except ValueError:
        return False


def _urls(urls: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    """The words repeat nothing of a URL: a password may stand in it."""
    for number, url in enumerate(urls, start=1):
        if not _is_url(url.get_secret_value()):
            raise ValueError(f"URL number {number}: write it like http://alertmanager:9093")
    names = [urlsplit(url.get_secret_value()).netloc.rpartition("@")[2] for url in urls]
    if len(set(names)) < len(names):
        raise ValueError("two URLs with one host and port; name each Alertmanager once")
    return urls


def _beat_url(url: SecretStr) -> SecretStr:
    """The words repeat nothing of it: it is all the credential there is."""
    try:
        parts = urlsplit(url.get_secret_value())
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or not url.get_secret_value().isprintable() or " " in url.get_secret_value():
        raise ValueError("write an http or https URL, as the service that waits for the beat gives it")
    return url


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Bind = Annotated[Address, BeforeValidator(_address)]
Database = Annotated[Path | Servers, BeforeValidator(database)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_tokens)]


class Settings(BaseModel):
    """One field a variable; the variable's name is the field's in capitals, behind the prefix."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    listen: Bind = Field(
        default=Address("127.0.0.1", 8080), description="where Alertmanager and the API come in"
    )
    tls_cert: Path | None = Field(
        default=None, description="certificate chain, PEM; with TLS_KEY the listener is HTTPS"
    )
    tls_key: Path | None = None
    tls_client_ca: Path | None = Field(
        default=None, description="authorities whose client certificates may post webhooks"
    )
    database_url: Database = Field(
        default=Path("var/responder.db"),
        description="sqlite:///var/responder.db, or postgresql://user:password@host/name; several hosts: host1,host2",
    )
    policies: Path = Path("policies")
    webhook_token: Secrets = Field(
        default=(), description="bearer tokens for webhooks, comma-separated, all valid"
    )
    webhook_basic: SecretStr | None = Field(default=None, description="user:password for webhooks")
    webhook_body_most: int = Field(default=64 * 1024 * 1024, gt=0, description="bytes; a larger body is 413")
    alertmanager_urls: Annotated[Secrets, AfterValidator(_urls)] = Field(
        default=(),
        description="every Alertmanager that posts here, comma-separated, to be asked what fires and what is silenced; "
        "user and password may stand in a URL; none: nobody is asked",
    )
    alertmanager_token: SecretStr | None = Field(
        default=None, description="bearer token for those whose URL has no user"
    )
    alertmanager_every: PositiveDuration = Field(
        default=timedelta(seconds=30), description="from one time of asking them to the next"
    )
    alertmanager_receivers: Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1)] = Field(
        default=("responder",),
        description="what our receivers are called in their configuration, comma-separated",
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="for readers who name none"
    )
    locale: Locale = Field(
        default="en", description="for readers who name none, and channels that have none: en or ko"
    )
    public_listen: Bind | None = Field(
        default=None,
        description="where Slack comes in from outside, apart from everything else; default: with the rest, on LISTEN",
    )
    slack_bot_token: SecretStr | None = Field(
        default=None, description="xoxb-…: what channels of kind slack send with"
    )
    slack_signing_secret: Secrets = Field(
        default=(),
        description="what Slack signs requests with, comma-separated, all valid; none: no request is taken",
    )
    slack_app_token: SecretStr | None = Field(
        default=None,
        description="xapp-…: with it Slack speaks to us through a connection that we open (Socket Mode), "
        "for installations without a public address",
    )
    slack_team_id: str = Field(
        default="", description="T…: the workspace whose requests are taken; none: any"
    )
    slack_echo_channel: str = Field(
        default="",
        description="C…: where Socket Mode keeps one message of its own, whose changes prove that it hears",
    )
    slack_api_url: str = Field(default="https://slack.com/api/", description="where Slack's Web API is")
    log_format: str = Field(
        default="auto", pattern="^(auto|json|console)$", description="auto: console on a terminal"
    )
    token_file: Path = Field(
        default=Path("var/token"), description="the local token, written at the first start"
    )
    local_contact: str = Field(default="operator", description="the person whom the local token acts as")
    beat_url: Annotated[SecretStr, AfterValidator(_beat_url)] | None = Field(
        default=None,
        description="a dead man's switch outside, called while all is well (healthchecks.io and its like); none: "
        "nobody notices when we are gone",
    )
    beat_method: Literal["GET", "POST"] = Field(
        default="GET", description="how the switch is called: GET or POST"
    )
    beat_every: PositiveDuration = Field(
        default=timedelta(seconds=30),
        description="between two calls; the switch should wait for five of them",
    )
    keep_bodies: PositiveDuration = Field(
        default=timedelta(days=30), description="the journal's bodies, once done"
    )
    keep_incidents: PositiveDuration = Field(
        default=timedelta(days=400), description="incidents, once closed"
    )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def takes_slack(self) -> bool:
        """Slack may post here."""
        return bool(self.slack_signing_secret)

    @property
    def is_open_to_anybody(self) -> bool:
        """Webhooks need no credential."""
        return not self.webhook_token and self.webhook_basic is None and self.tls_client_ca is None

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Settings:
        """Raises BadSettings with every fault."""
        faults: list[str] = []
        values: dict[str, Any] = {}
        for name in cls.model_fields:
            variable = PREFIX + name.upper()
            if (value := _read(variable, environ, faults)) is not None:
                values[name] = value
        try:
            found = cls.model_validate(values)
        except ValidationError as problem:
            faults += [
                f"{PREFIX}{str(error['loc'][0]).upper()}: {error['msg'].removeprefix('Value error, ')}"
                for error in problem.errors(include_input=False, include_url=False)
            ]
            found = None
        if found is not None:
            faults += found._faults()
        if faults or found is None:
            raise BadSettings("\n".join(faults))
        return found

    @classmethod
    def unknown(cls, environ: Mapping[str, str], others: Collection[str] = ()) -> dict[str, str]:
        """The variables with our prefix that nobody reads, and for each the one that was meant ("" = none is near).

        others: what else is read, by the policies say.
        """
        ours = {PREFIX + name.upper() for name in cls.model_fields}
        known = {*ours, *(f"{name}_FILE" for name in ours), *OF_THE_COMMAND_LINE, *others}
        # Those that are near are sought without the prefix, which makes everything look alike.
        bare = {name.removeprefix(PREFIX): name for name in sorted(known)}
        found = {}
        for name in sorted(name for name in environ if name.startswith(PREFIX) and name not in known):
            near = get_close_matches(name.removeprefix(PREFIX), bare, n=1)
            found[name] = bare[near[0]] if near else ""
        return found

    def _faults(self) -> list[str]:
        faults = []
        if (self.tls_cert is None) is not (self.tls_key is None):
            faults.append(f"{PREFIX}TLS_CERT and {PREFIX}TLS_KEY go together; set both")
        if self.tls_client_ca is not None and self.tls_cert is None:
            faults.append(
                f"{PREFIX}TLS_CLIENT_CA needs {PREFIX}TLS_CERT: without TLS there are no certificates"
            )
        if self.webhook_basic is not None and ":" not in self.webhook_basic.get_secret_value():
            faults.append(f"{PREFIX}WEBHOOK_BASIC: write it like user:password")
        faults += self._slack_faults()
        if self.is_open_to_anybody and not self.listen.is_loopback:
            faults.append(
                f"{PREFIX}LISTEN is {self.listen}, and webhooks would need no credential there; set "
                f"{PREFIX}WEBHOOK_TOKEN, or listen on 127.0.0.1"
            )
        return faults

    def _slack_faults(self) -> list[str]:
        faults = []
        if not self.slack_api_url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            faults.append(
                f"{PREFIX}SLACK_API_URL: write an https URL; a token would go over the wire in the open"
            )
        if self.slack_app_token is not None and self.slack_bot_token is None:
            faults.append(
                f"{PREFIX}SLACK_APP_TOKEN needs {PREFIX}SLACK_BOT_TOKEN: it can hear, and could not answer"
            )
        if self.slack_app_token is not None and not self.slack_echo_channel:
            faults.append(
                f"{PREFIX}SLACK_APP_TOKEN needs {PREFIX}SLACK_ECHO_CHANNEL, the id of a channel that the app is in: "
                "a Socket Mode connection can look sound and be deaf, and an echo shows it"
            )
        if self.public_listen is not None and not self.takes_slack:
            faults.append(
                f"{PREFIX}PUBLIC_LISTEN takes Slack's requests, which need {PREFIX}SLACK_SIGNING_SECRET"
            )
        for name, token, mark in (
            ("BOT", self.slack_bot_token, "xoxb-"),
            ("APP", self.slack_app_token, "xapp-"),
        ):
            if token is not None and not token.get_secret_value().startswith(mark):
                faults.append(f"{PREFIX}SLACK_{name}_TOKEN: Slack's begin with {mark}")
        return faults


def _read(variable: str, environ: Mapping[str, str], faults: list[str]) -> str | None:
    """The variable's value, or the content of the file that its _FILE twin names."""
    value, file = environ.get(variable), environ.get(f"{variable}_FILE")
    if value is not None and file is not None:
        faults.append(f"{variable} and {variable}_FILE are both set; keep one")
    if file is None:
        return value
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as problem:
        faults.append(f"{variable}_FILE: {file} cannot be read ({type(problem).__name__})")
        return None
