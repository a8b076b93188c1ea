"""The Web API's methods, each a function of the same shape; what a method does not allow, it raises as `Refused`.

Sources, read on 2026-11-23: each method's page under docs.slack.dev/reference/methods/. Beyond them:
 - `chat.postMessage` to a deactivated user's id succeeds, only nobody reads it (a maintainer in
   github.com/slackapi/python-slack-sdk/issues/1156); `conversations.open` says `user_disabled`.
 - `chat.postMessage` refuses a text above 40,000 characters here; Slack cuts it, says its page.
   `chat.update` refuses above 4,000, as its page says, and knows no `mrkdwn`.
 - `metadata_too_large` is documented without a figure; `asked.METADATA` is the fake's. Metadata is flat here (no
   objects in it), its type of small letters, digits and _; reading it back takes no scope but the channel's history.
 - Without `include_all_metadata`, `event_type` alone comes back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tests.fakes.slack.asked import (
    POSTED_TEXT,
    UPDATED_TEXT,
    between,
    content,
    cursor,
    flag,
    metadata,
    window,
)
from tests.fakes.slack.blockkit import view_faults
from tests.fakes.slack.shown import as_json, channel_json, view_json, with_ids
from tests.fakes.slack.tokens import Refused, Token, missing
from tests.fakes.slack.workspace import BOT, BOT_USER, Channel, Json, Message, User, View, Workspace

VIEW = 250_000
TRIGGER_IS_GOOD = timedelta(seconds=3)


@dataclass(slots=True)
class Trigger:
    user: str
    made_at: datetime
    is_used: bool = False


@dataclass(slots=True)
class Desk:
    """What a method works on. `echo`: told of every message that came or changed, with what it was before."""

    workspace: Workspace
    triggers: dict[str, Trigger]
    echo: Callable[[Message, Message | None], None]
    issue_socket: Callable[[], str]
    url: str


Method = Callable[[Desk, Token, Json], Json]


def auth_test(desk: Desk, token: Token, args: Json) -> Json:
    return {
        "url": desk.url,
        "team": desk.workspace.name,
        "user": desk.workspace.users[BOT_USER].name,
        "team_id": desk.workspace.team,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def team_info(desk: Desk, token: Token, args: Json) -> Json:
    workspace = desk.workspace
    return {"team": {"id": workspace.team, "name": workspace.name, "domain": workspace.domain}}


def post_message(desk: Desk, token: Token, args: Json) -> Json:
    channel = _addressed(desk.workspace, token, args)
    text, blocks, attachments = content(desk.workspace, args, POSTED_TEXT)
    ts = desk.workspace.next_ts()
    message = desk.workspace.put(
        Message(
            channel=channel.id,
            ts=ts,
            user=BOT_USER,
            text=text,
            blocks=blocks,
            attachments=attachments,
            thread_ts=_thread(desk.workspace, channel, args),
            metadata=metadata(args),
            is_broadcast=flag(args, "reply_broadcast"),
            mrkdwn=flag(args, "mrkdwn", default=True),
            parse=str(args.get("parse", "none")),
            link_names=flag(args, "link_names"),
            unfurl_links=flag(args, "unfurl_links"),
            unfurl_media=flag(args, "unfurl_media", default=True),
        )
    )
    desk.echo(message, None)
    return {"channel": channel.id, "ts": ts, "message": as_json(desk.workspace, message, with_metadata=True)}


def update(desk: Desk, token: Token, args: Json) -> Json:
    """Only its own messages, in a conversation given by its id.

    A text without blocks takes the blocks away; blocks without a text keep it; what is not said of formatting falls
    back to the method's own defaults.
    """
    channel = _seen(desk.workspace, str(args.get("channel", "")))
    old = desk.workspace.message(channel.id, str(args.get("ts", "")))
    if old is None or old.seen_by:
        raise Refused("message_not_found")
    if old.user != BOT_USER:
        raise Refused("cant_update_message")
    if channel.is_archived:
        raise Refused("is_inactive")
    text, blocks, attachments = content(desk.workspace, args, UPDATED_TEXT)
    if "text" not in args:
        text = old.text
    if "blocks" not in args and "text" not in args:
        blocks = old.blocks
    new = replace(
        old,
        text=text,
        blocks=blocks,
        attachments=attachments if "attachments" in args else old.attachments,
        metadata=(metadata(args) or None) if "metadata" in args else old.metadata,
        edited_ts="" if blocks else desk.workspace.next_ts(),
        mrkdwn=True,
        parse=str(args.get("parse", "client")),
        link_names=flag(args, "link_names"),
    )
    desk.workspace.put(new)
    desk.echo(new, old)
    shown = as_json(desk.workspace, new, with_metadata=True)
    return {"channel": channel.id, "ts": new.ts, "text": new.text, "message": shown}


def post_ephemeral(desk: Desk, token: Token, args: Json) -> Json:
    channel = _addressed(desk.workspace, token, args)
    user = str(args.get("user", ""))
    if user not in channel.members:
        raise Refused("user_not_in_channel")
    text, blocks, attachments = content(desk.workspace, args, POSTED_TEXT)
    message = desk.workspace.put(
        Message(
            channel=channel.id,
            ts=desk.workspace.next_ts(),
            user=BOT_USER,
            text=text,
            blocks=blocks,
            attachments=attachments,
            thread_ts=str(args.get("thread_ts", "")),
            seen_by=user,
            parse=str(args.get("parse", "none")),
            link_names=flag(args, "link_names"),
        )
    )
    return {"message_ts": message.ts}


def history(desk: Desk, token: Token, args: Json) -> Json:
    """Newest first, without what was said in threads."""
    channel = _readable(desk.workspace, token, args)
    found = between(desk.workspace.roots(channel.id), args)
    return _page(desk.workspace, [*reversed(found)], args, default=100, most=999)


def replies(desk: Desk, token: Token, args: Json) -> Json:
    """Oldest first, the root in front."""
    channel = _readable(desk.workspace, token, args)
    known = desk.workspace.message(channel.id, str(args.get("ts", "")))
    if known is None or known.seen_by:
        raise Refused("thread_not_found")
    root, *answers = desk.workspace.thread(channel.id, known.thread_ts or known.ts)
    return _page(desk.workspace, [root, *between(answers, args)], args, default=1000, most=1000)


def conversation(desk: Desk, token: Token, args: Json) -> Json:
    channel = _seen(desk.workspace, str(args.get("channel", "")))
    _scope(token, f"{channel.kind}:read")
    return {"channel": channel_json(channel)}


def conversations(desk: Desk, token: Token, args: Json) -> Json:
    kinds = {"public_channel": "channels", "private_channel": "groups", "im": "im"}
    asked = str(args.get("types", "public_channel")).split(",")
    if unknown := [one for one in asked if one not in (*kinds, "mpim")]:
        raise Refused("invalid_types", detail=unknown)
    wanted = {kinds[one] for one in asked if one in kinds}
    for kind in sorted(wanted):
        _scope(token, f"{kind}:read")
    found = [
        one
        for one in desk.workspace.channels.values()
        if one.kind in wanted
        and (BOT_USER in one.members or not one.is_private)
        and not (one.is_archived and flag(args, "exclude_archived"))
    ]
    start, limit = window(args, default=100, most=999)
    return {
        "channels": [channel_json(one) for one in found[start : start + limit]],
        "response_metadata": {"next_cursor": cursor(start + limit) if len(found) > start + limit else ""},
    }


def open_conversation(desk: Desk, token: Token, args: Json) -> Json:
    users = [one for one in str(args.get("users", "")).split(",") if one]
    if not users:
        raise Refused("users_list_not_supplied")
    if len(users) > 1:
        raise Refused("method_not_supported_for_channel_type")
    user = _user(desk.workspace, users[0])
    if user.is_deleted:
        raise Refused("user_disabled")
    known = desk.workspace.direct(user.id) is not None
    channel = desk.workspace.open_direct(user.id)
    return {"no_op": known, "already_open": known, "channel": {"id": channel.id}}


def user_info(desk: Desk, token: Token, args: Json) -> Json:
    user = _user(desk.workspace, str(args.get("user", "")))
    found = {
        "id": user.id,
        "team_id": desk.workspace.team,
        "name": user.name,
        "deleted": user.is_deleted,
        "real_name": user.name,
        "tz": user.tz,
        "profile": {"real_name": user.name, "display_name": user.name},
        "is_bot": user.is_bot,
    }
    return {"user": found | ({"locale": user.locale} if flag(args, "include_locale") else {})}


def open_view(desk: Desk, token: Token, args: Json) -> Json:
    asked = args.get("view")
    if faults := view_faults(asked):
        raise Refused(
            "invalid_arguments", response_metadata={"messages": [f"[ERROR] {one}" for one in faults]}
        )
    assert isinstance(asked, dict)
    if len(json.dumps(asked)) > VIEW:
        raise Refused("view_too_large")
    trigger = desk.triggers.get(str(args.get("trigger_id", "")))
    if trigger is None:
        raise Refused("invalid_trigger_id")
    if trigger.is_used:
        raise Refused("exchanged_trigger_id")
    if desk.workspace.clock.now() - trigger.made_at > TRIGGER_IS_GOOD:
        raise Refused("expired_trigger_id")
    trigger.is_used = True
    filled = asked | {"blocks": list(with_ids(desk.workspace, asked["blocks"]))}
    view = View(
        id=desk.workspace.new_id("V"), user=trigger.user, content=filled, hash=desk.workspace.next_ts()
    )
    desk.workspace.views.setdefault(trigger.user, []).append(view)
    return {"view": view_json(desk.workspace, view)}


def open_socket(desk: Desk, token: Token, args: Json) -> Json:
    return {"url": desk.issue_socket()}


METHODS: Mapping[str, Method] = {
    "auth.test": auth_test,
    "team.info": team_info,
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.postEphemeral": post_ephemeral,
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.info": conversation,
    "conversations.list": conversations,
    "conversations.open": open_conversation,
    "users.info": user_info,
    "views.open": open_view,
    "apps.connections.open": open_socket,
}


def _addressed(workspace: Workspace, token: Token, args: Json) -> Channel:
    """Where a message may go: by id, by name, or by a user's id."""
    channel = _destination(workspace, str(args.get("channel", "")))
    if channel.is_archived:
        raise Refused("is_archived")
    if BOT_USER not in channel.members and "chat:write.public" not in token.scopes:
        raise Refused("not_in_channel")
    return channel


def _destination(workspace: Workspace, named: str) -> Channel:
    if named in workspace.users and named != BOT_USER:
        return workspace.open_direct(named)
    known = named if named in workspace.channels else getattr(workspace.named(named), "id", "")
    return _seen(workspace, known)


def _seen(workspace: Workspace, id: str) -> Channel:
    """By its id. A private channel does not exist for a bot that is not in it."""
    channel = workspace.channels.get(id)
    if channel is None or (channel.is_private and BOT_USER not in channel.members):
        raise Refused("channel_not_found")
    return channel


def _readable(workspace: Workspace, token: Token, args: Json) -> Channel:
    channel = _seen(workspace, str(args.get("channel", "")))
    _scope(token, f"{channel.kind}:history")
    if BOT_USER not in channel.members:
        raise Refused("not_in_channel")
    return channel


def _scope(token: Token, scope: str) -> None:
    if scope not in token.scopes:
        raise missing(scope, token)


def _user(workspace: Workspace, id: str) -> User:
    if (user := workspace.users.get(id)) is None:
        raise Refused("user_not_found")
    return user


def _thread(workspace: Workspace, channel: Channel, args: Json) -> str:
    """Of the root, also where a reply's ts was given. A ts that is nowhere makes a message of its own."""
    ts = str(args.get("thread_ts", ""))
    if not ts:
        return ""
    known = workspace.message(channel.id, ts)
    return (known.thread_ts or known.ts) if known is not None and not known.seen_by else ""


def _page(workspace: Workspace, found: Sequence[Message], args: Json, *, default: int, most: int) -> Json:
    start, limit = window(args, default=default, most=most)
    with_metadata = flag(args, "include_all_metadata")
    has_more = len(found) > start + limit
    shown = [as_json(workspace, one, with_metadata=with_metadata) for one in found[start : start + limit]]
    answer: Json = {"messages": shown, "has_more": has_more}
    if has_more:
        answer["response_metadata"] = {"next_cursor": cursor(start + limit)}
    return answer
