"""The channels: one module a kind, loaded by name when a policy first uses that kind.

To add a channel, say `pager`:

1. Write `responder/adapters/channels/pager.py` with one class that has what `tools.ChannelKind` asks for: `kind`,
   `Config` (a `ChannelConfig`; unknown fields are refused, a `FromEnv` where a value comes from the environment),
   `make(name, config, tools)` and, from `ports.channel.Channel`, `name`, `on_repeat`, `edits`, `spelling`, `send`,
   `check`, `close`. `send` raises `Transient` where trying again may help and `Permanent` where a person has to mend
   something, in words that name the channel and hold no secret; everything it does ends by `delivery.deadline`. Name
   the class in `CHANNEL`.
2. Add `"pager"` to `KINDS` below.
3. Add a rig for it to `tests/conformance/test_channels.py`: how its receiver is made to accept, fail or hang.

Nothing else changes: policies keep the kind and its configuration as they are written, and the class checks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module

from responder.adapters.channels.tools import ChannelConfig, ChannelKind, Tools
from responder.core.identifiers import ChannelName
from responder.core.policy.channels import ChannelEntry
from responder.core.policy.messages import Template
from responder.ports.channel import Channel, Misconfigured, Unconfigured

KINDS = ("console", "slack", "webhook")


def load(kind: str) -> type[ChannelKind]:
    """The class of `kind`, imported on first use. Raises KeyError for a kind that is not in KINDS."""
    if kind not in KINDS:
        raise KeyError(kind)
    found: type[ChannelKind] = import_module(f"{__name__}.{kind}").CHANNEL
    return found


def models() -> dict[str, type[ChannelConfig]]:
    """How each kind is configured: what policies are checked with, and editors' schemas made of."""
    return {kind: load(kind).Config for kind in KINDS}


def make(
    name: ChannelName, entry: ChannelEntry, messages: Mapping[str, Template], *, tools: Tools
) -> Channel:
    """The channel that an entry of channels.yaml describes, with today's message templates. Opens nothing yet.

    Raises Misconfigured with every fault of the entry, else Unconfigured where a variable that it names is not set.
    """
    if entry.kind not in KINDS:
        what = f"no channel is of kind {entry.kind!r}; write one of {', '.join(KINDS)}"
        raise Misconfigured(name, [("", what)])
    return load(entry.kind).make(name, entry.config, replace(tools, templates=messages))


def faults_of(
    name: ChannelName, entry: ChannelEntry, messages: Mapping[str, Template], *, tools: Tools
) -> tuple[tuple[str, str], ...]:
    """What `make` would refuse, as (place within the configuration, what is wrong); a variable may be unset."""
    try:
        make(name, entry, messages, tools=tools)
    except Misconfigured as error:
        return error.faults
    except Unconfigured:
        return ()
    return ()
