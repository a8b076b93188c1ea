"""What Slack's errors mean: try again, nobody knows, or a person has to mend something, and what.

Codes as the pages of the methods have them (docs.slack.dev/reference/methods, read on 2026-11-23). Nothing of an answer
is repeated but its code, the scope that it asks for and the seconds to wait.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from responder.core.delivery import RETRY_AFTER_MOST
from responder.core.errors import Busy, Failure, Permanent, Transient, Unsure

WAIT = timedelta(seconds=1)  # where Slack is busy and does not say for how long

# What passes by itself, and has certainly not been done.
PASSING = frozenset(
    {"external_channel_migrating", "request_timeout", "service_unavailable", "streaming_state_conflict"}
    | {"team_added_to_org"}
)
# "It's possible some aspect of the operation succeeded before the error was raised."
HALF_DONE = frozenset({"fatal_error", "internal_error", "update_failed"})
BUSY = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
# A message that cannot be changed any more, whatever a person mends; what is left is to send a new one.
NOT_EDITABLE = frozenset(
    {"block_mismatch", "cant_update_message", "edit_window_closed", "message_not_found", "thread_not_found"}
)

_TOKEN = "RESPONDER_SLACK_BOT_TOKEN"  # noqa: S105 - the variable's name
_AGAIN = f"install the app again and set {_TOKEN}"
_OURS = "Slack does not take the message as we write it; please report it"
_ADMIN = "an administrator of the workspace has to allow it"
_PERSON = "look at the person's Slack user id (contacts.yaml)"
_POSTING = f"the workspace or the channel does not let the app post; {_ADMIN}"

# {target}: "channel #sre-pages"; {method} and {scope} as Slack names them.
_MEND = {
    # The app and its token.
    "account_inactive": f"the app was removed, or its workspace is gone: {_AGAIN}",
    "invalid_auth": f"the token is not valid, or calls from this address are not allowed: look at {_TOKEN}",
    "not_allowed_token_type": f"the token is of the wrong type: {_TOKEN} begins with xoxb-, "
    "RESPONDER_SLACK_APP_TOKEN with xapp-",
    "not_authed": f"there is no token: set {_TOKEN}",
    "token_expired": f"the token has expired: {_AGAIN}",
    "token_revoked": f"the token was revoked: {_AGAIN}",
    "missing_scope": "the app lacks the scope {scope}: add it under OAuth & Permissions, then install the app again",
    "no_permission": "the app may not do that in {target}: invite it there (/invite @responder)",
    # The workspace.
    "access_denied": f"access is denied; {_ADMIN}",
    "accesslimited": f"calls from this network are not allowed; {_ADMIN}",
    "ekm_access_denied": "administrators have suspended posting",
    "enterprise_is_restricted": f"the organization does not allow {{method}}; {_ADMIN}",
    "org_login_required": "the workspace is being moved to an organization, and back only when that is done",
    "team_access_not_granted": f"the app has no access to this workspace; {_ADMIN}",
    "two_factor_setup_required": "the workspace asks for two factors: set them up for who installed the app",
    # The channel.
    "channel_not_found": "the app sees no {target}: look at its name, and invite the app if it is private "
    "(/invite @responder)",
    "is_archived": "{target} archived: unarchive it, or name another in channels.yaml",
    "is_inactive": "{target} archived or frozen: name another in channels.yaml",
    "not_in_channel": "the app is not in {target}: invite it (/invite @responder)",
    "restricted_action": _POSTING,
    "restricted_action_non_threadable_channel": "{target} takes no replies",
    "restricted_action_read_only_channel": f"{{target}} is read-only; {_ADMIN}",
    "restricted_action_thread_only_channel": f"{{target}} takes replies only; {_ADMIN}",
    # The person.
    "cannot_dm_bot": f"{{target}} is a bot: {_PERSON}",
    "messages_tab_disabled": "the app takes no direct messages: switch on App Home, Messages Tab",
    "user_disabled": f"{{target}} is deactivated: {_PERSON}",
    "user_not_found": f"there is no {{target}}: {_PERSON}",
    "user_not_visible": f"the app may not see {{target}}: {_PERSON}",
    # The message.
    "block_mismatch": "the message cannot be changed into this one",
    "cant_update_message": "the message is not the app's own",
    "edit_window_closed": "the workspace does not let messages be edited any more after so long",
    "message_not_found": "the message is gone",
    "thread_not_found": "the thread is gone",
    # What we write.
    "invalid_arguments": _OURS,
    "invalid_blocks": _OURS,
    "invalid_blocks_format": _OURS,
    "invalid_metadata_format": _OURS,
    "invalid_metadata_schema": _OURS,
    "metadata_too_large": _OURS,
    "msg_blocks_too_long": _OURS,
    "msg_too_long": "the message is too long for Slack; please report it",
    "no_text": _OURS,
    # Forms.
    "exchanged_trigger_id": "this button was already answered",
    "expired_trigger_id": "it took longer than the three seconds that Slack allows",
    "invalid_trigger_id": "Slack does not know what was pressed any more",
    "trigger_expired": "it took longer than the three seconds that Slack allows",
    "trigger_exchanged": "this button was already answered",
}
_SAME = {
    "user_is_restricted": "restricted_action",
    "users_not_found": "user_not_found",
    "cannot_reply_to_message": "thread_not_found",
}
_CODE = re.compile(r"[a-z0-9_]{1,80}", re.ASCII)
_SCOPES = re.compile(r"[a-z0-9_.:, -]{1,120}", re.ASCII)


class Refusal(Permanent):
    """Slack refuses for good. `code`: its own, "" where it gave none."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call, as its failure names it. `target`: what it was about, "" for nothing in particular.

    `is_write`: where nobody knows whether it was done, that matters. `is_person`: it was about somebody's user id.
    """

    method: str
    by: str = "slack"
    target: str = ""
    is_write: bool = False
    is_person: bool = False

    def unanswered(self, why: str) -> Transient:
        """It broke off after it had been asked."""
        if self.is_write:
            return Unsure(f"{self.by}: {why}; it may have arrived")
        return Transient(f"{self.by}: {why}")


def failure_of(
    asked: Asked, *, status: int, code: object = "", scope: object = "", retry_after: str = ""
) -> Failure:
    """What an answer that is no success means. `code`, `scope`: as they stand in its body, of whatever type."""
    known = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
    if status == 429 or known in BUSY:
        wait = seconds(retry_after)
        return Busy(
            f"{asked.by}: Slack asks to wait {wait.total_seconds():.0f} s ({asked.method})", retry_after=wait
        )
    if known in HALF_DONE or status >= 500:
        return asked.unanswered(f"Slack failed ({known or status})")
    if known in PASSING or status in (408, 425):
        return Transient(f"{asked.by}: Slack cannot do it now ({known or status})", retry_after=None)
    if not known:
        return _without_code(asked, status)
    return Refusal(f"{asked.by}: {_words(asked, known, scope)}", known)


def seconds(text: str) -> timedelta:
    """A Retry-After header; Slack gives whole seconds. At most RETRY_AFTER_MOST, WAIT where it cannot be read."""
    text = text.strip()
    if not (text.isascii() and text.isdecimal()):
        return WAIT
    return max(min(timedelta(seconds=int(text[:9])), RETRY_AFTER_MOST), WAIT)


def _without_code(asked: Asked, status: int) -> Failure:
    if 200 <= status < 300:
        return asked.unanswered("Slack's answer makes no sense")
    why = (
        "it redirects, and redirects are not followed"
        if 300 <= status < 400
        else "that is no answer of Slack's"
    )
    return Refusal(
        f"{asked.by}: {status} to {asked.method}: {why}; look at the API's address and at the proxy"
    )


def _words(asked: Asked, code: str, scope: object) -> str:
    same = "user_not_found" if asked.is_person and code == "channel_not_found" else _SAME.get(code, code)
    found = _MEND.get(same, "Slack refuses {method}")
    wanted = scope if isinstance(scope, str) and _SCOPES.fullmatch(scope) else "that it asks for"
    head, colon, rest = found.partition(": ")
    said = f"{head} ({code}){colon}{rest}".replace("{method}", asked.method).replace("{scope}", wanted)
    return said.replace("{target}", asked.target or "it")
