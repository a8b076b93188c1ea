"""What every kind of channel is made with, and what a class has to have to be one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self, TextIO, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from responder.adapters.sessions import Sessions
from responder.adapters.slack.account import SlackAccount
from responder.core.identifiers import ChannelName
from responder.core.policy.fields import Document, Locale, TextOrEnv, resolve
from responder.core.policy.messages import Template
from responder.ports.channel import Channel, Misconfigured, Unconfigured
from responder.ports.clock import Clock

C = TypeVar("C", bound="ChannelConfig")


class ChannelConfig(Document):
    """A channel's part of channels.yaml. What was written is never repeated in an error: it may be a secret."""

    model_config = ConfigDict(hide_input_in_errors=True)

    locale: Locale | None = Field(
        default=None,
        description="the language of what the channel itself is shown, en or ko; default the service's own. "
        "People are addressed in theirs",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`environ`: where `{from_env: …}` is read. `templates`: of messages, by name. `stdout`: None = the process's.

    `slack`: None = there is no Slack app to speak as.
    """

    clock: Clock
    environ: Mapping[str, str] = field(repr=False)
    sessions: Sessions
    templates: Mapping[str, Template] = field(default_factory=dict)
    stdout: TextIO | None = None
    slack: SlackAccount | None = None

    def need(self, channel: ChannelName, place: str, value: TextOrEnv) -> str:
        """The value itself, or that of the variable it names. Raises Unconfigured where that is not set."""
        found = resolve(value, self.environ)
        if found is None:
            variable = value if isinstance(value, str) else value.from_env
            raise Unconfigured(
                f"channel {channel}: {place} is read from {variable or 'nothing'}, which is not set"
            )
        return found


class ChannelKind(Channel, Protocol):
    """A class that the catalogue can make a configured channel of."""

    Config: ClassVar[type[ChannelConfig]]

    @classmethod
    def make(cls, name: ChannelName, config: Mapping[str, object], tools: Tools) -> Self: ...


def read_config(channel: ChannelName, model: type[C], config: Mapping[str, object]) -> C:
    """`config` as `model` has it. Raises Misconfigured with every fault."""
    try:
        return model.model_validate(dict(config))
    except ValidationError as error:
        faults = [(".".join(str(part) for part in fault["loc"]), fault["msg"]) for fault in error.errors()]
        raise Misconfigured(channel, faults) from None
