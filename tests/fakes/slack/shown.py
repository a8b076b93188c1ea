"""Messages, channels and forms as Slack's JSON shows them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fakes.slack.workspace import BOT, BOT_USER, Channel, Json, Message, View, Workspace


def as_json(workspace: Workspace, message: Message, *, with_metadata: bool) -> Json:
    """As Slack shows it."""
    shown: Json = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "team": workspace.team,
        "text": message.text,
    }
    if message.user == BOT_USER:
        shown["bot_id"] = BOT
    if message.blocks:
        shown["blocks"] = list(message.blocks)
    if message.attachments:
        shown["attachments"] = list(message.attachments)
    if message.edited_ts:
        shown["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.metadata:
        kind = {"event_type": message.metadata["event_type"]}
        shown["metadata"] = message.metadata if with_metadata else kind
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    answers = [] if message.thread_ts else workspace.thread(message.channel, message.ts)[1:]
    if answers:
        shown |= {"thread_ts": message.ts, "reply_count": len(answers), "latest_reply": answers[-1].ts}
    return shown


def channel_json(channel: Channel) -> Json:
    if channel.is_direct:
        return {"id": channel.id, "is_im": True, "user": channel.partner, "is_archived": channel.is_archived}
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": True,
        "is_im": False,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_member": BOT_USER in channel.members,
    }


def view_json(workspace: Workspace, view: View) -> Json:
    own = {
        "id": view.id,
        "team_id": workspace.team,
        "hash": view.hash,
        "bot_id": BOT,
        "state": {"values": {}},
    }
    return {"private_metadata": "", "callback_id": "", **view.content, **own}


def with_ids(workspace: Workspace, blocks: Sequence[Json]) -> tuple[Json, ...]:
    """Slack gives every block an id that has none."""
    return tuple({"block_id": workspace.new_id("b")} | block for block in blocks)
