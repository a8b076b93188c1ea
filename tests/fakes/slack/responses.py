"""The response URLs that Slack hands out with a command or a press, and what is posted to them.

Source, read on 2026-11-23: docs.slack.dev/interactivity/handling-user-interaction (up to five times within thirty
minutes; response_type ephemeral by default, in_channel; replace_original; delete_original). What comes after is
answered with 404 and used_url or expired_url.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.fakes.slack.blockkit import message_faults
from tests.fakes.slack.shown import with_ids
from tests.fakes.slack.workspace import BOT_USER, Json, Message, Workspace

USES = 5
GOOD_FOR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came back by a response URL. `message`: as it stands now, None where it was deleted."""

    user: str
    channel: str
    body: Json
    at: datetime
    message: Message | None


@dataclass(slots=True, kw_only=True)
class Door:
    """One response URL. `original`: the message whose button was pressed."""

    user: str
    channel: str
    made_at: datetime
    original: Message | None = None
    uses: int = 0


@dataclass(slots=True)
class Responses:
    workspace: Workspace
    said: list[Said] = field(default_factory=list)
    doors: dict[str, Door] = field(default_factory=dict)

    def open(self, user: str, channel: str, original: Message | None = None) -> str:
        """The path of a new one."""
        key = f"{self.workspace.team}/{len(self.doors) + 1}/fakesecret{len(self.doors) + 1:04}"
        self.doors[key] = Door(
            user=user, channel=channel, made_at=self.workspace.clock.now(), original=original
        )
        return f"response/{key}"

    def take(self, key: str, body: Json) -> tuple[int, str]:
        """HTTP status and body of the answer."""
        door = self.doors.get(key)
        if door is None:
            return 404, "invalid_url"
        if self.workspace.clock.now() - door.made_at > GOOD_FOR:
            return 404, "expired_url"
        if door.uses >= USES:
            return 404, "used_url"
        if message_faults(body.get("blocks", [])):
            return 400, "invalid_blocks"
        if not (body.get("text") or body.get("blocks") or body.get("delete_original")):
            return 400, "no_text"
        door.uses += 1
        message = self._show(door, body)
        now = self.workspace.clock.now()
        self.said.append(Said(user=door.user, channel=door.channel, body=body, at=now, message=message))
        return 200, "ok"

    def _show(self, door: Door, body: Json) -> Message | None:
        original = door.original
        if original is not None and body.get("delete_original"):
            self.workspace.remove(original)
            return None
        blocks = with_ids(self.workspace, body.get("blocks", []))
        text = str(body.get("text", ""))
        if original is not None and body.get("replace_original"):
            return self.workspace.put(replace(original, text=text, blocks=blocks))
        return self.workspace.put(
            Message(
                channel=door.channel,
                ts=self.workspace.next_ts(),
                user=BOT_USER,
                text=text,
                blocks=blocks,
                thread_ts=str(body.get("thread_ts", "")),
                seen_by="" if body.get("response_type") == "in_channel" else door.user,
                mrkdwn=body.get("mrkdwn", True) is not False,
                parse=str(body.get("parse", "none")),
                link_names=bool(body.get("link_names", False)),
            )
        )
