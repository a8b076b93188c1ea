"""Channels: the names by which policies call the ways out, each with its kind and that kind's own configuration.

Core keeps the configuration as it is; the adapter of the kind checks it with its own model. Secrets stay `{from_env}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from pydantic import Field, GetJsonSchemaHandler, model_validator

from responder.core.policy.fields import Document, FromEnv, Locale, Name
from responder.core.policy.misfits import Known, Misfit, Path, suggestion


class ChannelEntry(Document):
    """One channel, written `{KIND: {configuration}}`."""

    kind: str
    config: Mapping[str, object]  # FromEnv where {from_env: NAME} is written, however deep

    @property
    def locale(self) -> Locale | None:
        """The language of what it is shown, where its configuration names one; its kind's model has checked it."""
        found = self.config.get("locale")
        return found if found in get_args(Locale) else None  # type: ignore[return-value]  # it is one of them

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, raw: object) -> object:
        if not isinstance(raw, Mapping) or "config" in raw:
            return raw
        if len(raw) != 1 or not isinstance(kind := next(iter(raw)), str):
            raise ValueError("a channel is of one kind; write it like {webhook: {url: …}} or {console: {}}")
        if not isinstance(config := raw[kind], Mapping):
            raise ValueError(f"the configuration of a channel is a mapping; write {{{kind}: {{…}}}}")
        return {"kind": kind, "config": _with_env(config)}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "type": "object",
            "description": (cls.__doc__ or "").strip(),
            "additionalProperties": {
                "type": "object",
                "description": "the configuration of a channel of this kind",
            },
            "minProperties": 1,
            "maxProperties": 1,
        }


def _with_env(value: object) -> object:
    match value:
        case {"from_env": str(name), **rest} if not rest:
            return FromEnv(from_env=name)
        case Mapping():
            return {key: _with_env(each) for key, each in value.items()}
        case list():
            return [_with_env(each) for each in value]
        case _:
            return value


class ChannelsDocument(Document):
    """policies/channels.yaml"""

    version: Literal[1] = Field(description="always 1")
    channels: dict[Name, ChannelEntry] = Field(
        min_length=1, description="by name; each {KIND: {configuration}}"
    )

    def misfits(self, known: Known) -> Iterator[Misfit]:
        for name, entry in self.channels.items():
            at: Path = ("channels", name, entry.kind)
            if entry.kind not in known.kinds:
                what, instead = (
                    f"there is no kind of channel `{entry.kind}`",
                    suggestion(entry.kind, known.kinds),
                )
                yield Misfit(document="channels", path=at, what=what, instead=instead)
            template = entry.config.get("template")
            if isinstance(template, str):
                yield from known.check("channels", (*at, "template"), "message", template)
