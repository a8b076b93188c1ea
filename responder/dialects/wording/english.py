"""The English words for every code: one table a kind of code, and nothing but words.

A language is a module like this one. `{names}` are filled with the figures of a decision or a record; a figure that
is missing shows as "?". A test holds the tables to the codes: each has an entry, none has two.
"""

from __future__ import annotations

from collections.abc import Mapping

from responder.core.decision import AlarmKind, NoticeReason, PageReason
from responder.core.machines.escalation import EarlyWhy

# Why a machine did what it did; for the audit. The codes are the machines' own, so they stand here as text.
WHY: Mapping[str, str] = {
    "incident.opened": "opened by rule {rule} at level {level}",
    "incident.declared": "declared by hand at level {level}",
    "incident.joined": "{alerts} more firing: {subject}",
    "incident.rose": "{alerts} more firing at a higher level: {subject}; the level is {level} now",
    "incident.reopened": "open again: {subject} fires ({alerts} new); re-opening {reopenings} within the hour",
    "incident.reopened_twin": "open again: an alert that had ended fires again; it may be a late twin",
    "incident.reopened_still_firing": "open again: it was resolved by hand, and its alerts never stopped firing",
    "incident.twin_held": "an alert that had ended fires again; held 30 s, because it may be a late twin",
    "incident.twin_passed": "what fired again ended too: it was a late twin; it stays resolved",
    "incident.refired": "{alerts} of its alerts fire again",
    "incident.still_firing": "{alerts} ended; {firing} still firing",
    "incident.cleared_incomplete": "all alerts that we were shown ended, but Alertmanager left some out; stays open",
    "incident.cleared": "resolved: its alerts ended",
    "incident.cleared_after_hand": "its alerts ended, after it had been resolved by hand",
    "incident.resolved_by_hand": "resolved by {by}",
    "incident.resolved_still_firing": "resolved by {by} while {firing} still fire; opens again if they go on",
    "incident.already_resolved": "{by} resolved it; it was resolved already",
    "incident.level_set": "{by} set the level from {from} to {level}",
    "incident.level_same": "{by} confirmed level {level}",
    "incident.hidden": "Alertmanager left alerts out of a message (max_alerts); we do not know which",
    "incident.complete": "Alertmanager showed all of its alerts again",
    "incident.note": "{by} left a note",
    "incident.repinned": "{by} moved it to today's policies",
    "incident.closed": "closed: nothing fired again within the re-open window",
    "incident.stale": "nothing to do: that had been dealt with",
    "escalation.started": "the ladder of level {level} started",
    "escalation.rose": "the level rose to {level}: the higher ladder started",
    "escalation.fell": "the level was lowered to {level}: its ladder started",
    "escalation.notified": "step {step} came due: shown on its channels",
    "escalation.step_due": "step {step} came due: its people are paged",
    "escalation.step_early": "step {step} moved early, because {because}",
    "escalation.remediation_asked": "step {step} came due: a remediation was asked for",
    "escalation.not_recovered": "step {step} came due: it has not recovered by itself",
    "escalation.repeated": "nobody answered step {step}: paged again",
    "escalation.early_wanted": "the next page moves here, because {because}",
    "escalation.early_not_needed": "no page had to move early, although {because}",
    "escalation.acknowledged": "{by} acknowledged until {until}",
    "escalation.renewed": "{by} renewed the acknowledgement until {until}",
    "escalation.taken_over": "{by} took over from {from}, until {until}",
    "escalation.acknowledged_late": "{by} acknowledged after it was resolved; it stays resolved",
    "escalation.unacknowledged": "{by} undid the acknowledgement of {holder}: paged again",
    "escalation.lease_ended": "the acknowledgement of {holder} ran out: paged again",
    "escalation.lease_ended_snoozed": "the acknowledgement of {holder} ran out; snoozed, so nobody is paged yet",
    "escalation.snoozed": "{by} snoozed it until {until}",
    "escalation.snooze_ended": "the snooze ended",
    "escalation.escalated": "{by} asked for the next page step at once",
    "escalation.joined": "told that more alerts joined: {joined}",
    "escalation.joined_folded": "more alerts joined: {joined}; the holder was paged less than a minute ago",
    "escalation.joined_ended_lease": "{joined} joined; at this level that ends the acknowledgement of {holder}",
    "escalation.resolved": "the ladder stopped: resolved; everybody who was paged is told",
    "escalation.reopened": "the ladder goes on where it was: open again",
    "escalation.flapping": "it keeps coming back: paged once as flapping",
    "escalation.flapping_quiet": "it came back once more; that it is flapping has been told",
    "escalation.repinned": "the ladder follows today's policies",
    "escalation.reached": "{contact} was reached, and will be told the end",
    "escalation.noted": "noted: it was over, or held by nobody",
    "escalation.stale": "nothing to do: that had been dealt with",
    "page.asked": "{contact} is to be paged: {reason}",
    "page.claimed": "attempt {attempt}, by {channel}",
    "page.accepted": "handed over to {channel} for {contact} (attempt {attempt})",
    "page.accepted_before_withdrawal": "sent before the acknowledgement: {channel} took it (attempt {attempt})",
    "page.retried": "{channel} failed (attempt {attempt}): {detail}; tried again",
    "page.next_method": "{channel} failed (attempt {attempt}): {detail}; the next method is tried",
    "page.failed": "no method of {contact} took it; last {channel} (attempt {attempt}): {detail}",
    "page.unknown": "attempt {attempt} by {channel} has no result: it may have arrived; sent again",
    "page.unknown_withdrawn": "attempt {attempt} by {channel} has no result: it may have arrived",
    "page.withdrawn": "not needed any more; it was not sent",
    "page.withdrawn_in_flight": "not needed any more, but it was on its way already",
    "page.result_after_withdrawal": "{channel} failed (attempt {attempt}): {detail}; not needed any more",
    "page.late_result": "the result of attempt {attempt} came late",
    "page.stale": "nothing to do: that had been dealt with",
    "notice.wanted": "to be shown on {channel}: {reason}",
    "notice.folded": "{channel} shows it with the message that is owed: {reason}",
    "notice.claimed": "attempt {attempt}, on {channel}",
    "notice.accepted": "shown on {channel} (attempt {attempt})",
    "notice.accepted_behind": "shown on {channel} (attempt {attempt}); more has happened since",
    "notice.retried": "{channel} failed (attempt {attempt}): {detail}; tried again",
    "notice.failed": "{channel} failed (attempt {attempt}): {detail}; given up until something changes",
    "notice.unknown": "attempt {attempt} on {channel} has no result: it may have arrived; sent again",
    "notice.late_result": "the result of attempt {attempt} came late",
    "notice.stale": "nothing to do: that had been dealt with",
    "duty.owed": "{duty} is owed at {due}",
    "duty.owed_earlier": "{duty} is owed earlier, at {due}",
    "duty.came_due": "{duty} came due: those who see to it are paged",
    "duty.reminded": "{duty} is still owed: paged again",
    "duty.sent": "{by} says that {duty} was sent; proof: {proof}",
    "duty.waived": "{by} waived {duty}: {proof}",
    "duty.ended": "{duty} ended before it was due",
    "duty.owed_again": "{duty} is owed again, at {due}",
    "duty.already_done": "{by} reported {duty}; it had been done",
    "duty.stale": "nothing to do: that had been dealt with",
    "heartbeat.armed": "the first beat: its absence is told from now on",
    "heartbeat.beat": "a beat",
    "heartbeat.missed": "no beat since {last}",
    "heartbeat.back": "it beats again",
    "heartbeat.changed": "the policies changed it",
    "heartbeat.removed": "the policies no longer name it",
    "heartbeat.stale": "nothing to do: that had been dealt with",
    "command.repeated": "the same command again: it had been done",
    "command.nothing_to_do": "nothing to do: it is closed, or it is so already",
    "command.not_recorded_yet": "not recorded yet: it is still under way; look again in a moment",
}

# Why somebody is paged, or what is to be shown: short, for the audit.
PAGE_SHORT: Mapping[PageReason, str] = {
    PageReason.STEP: "a step of the ladder came due",
    PageReason.EARLY: "a step moved early",
    PageReason.ESCALATED: "a person asked for the next step",
    PageReason.REPEAT: "nobody answered the last step",
    PageReason.LEASE_ENDED: "the acknowledgement ran out",
    PageReason.SNOOZE_ENDED: "the snooze ended",
    PageReason.UNACKNOWLEDGED: "the acknowledgement was undone",
    PageReason.REOPENED: "it is open again",
    PageReason.FLAPPING: "it keeps coming back",
    PageReason.ROSE: "its level rose",
    PageReason.JOINED: "more alerts joined",
    PageReason.DUTY: "a duty came due",
    PageReason.DUTY_REMINDER: "a duty is still owed",
    PageReason.RESOLVED: "told that it is resolved",
    PageReason.TAKEN_OVER: "told who has taken over",
}
NOTICE_SHORT: Mapping[NoticeReason, str] = {
    NoticeReason.OPENED: "it opened",
    NoticeReason.LEVEL: "its level changed",
    NoticeReason.JOINED: "more alerts joined",
    NoticeReason.ACKNOWLEDGED: "it was acknowledged",
    NoticeReason.UNACKNOWLEDGED: "the acknowledgement was undone",
    NoticeReason.LEASE_ENDED: "the acknowledgement ran out",
    NoticeReason.SNOOZED: "it was snoozed",
    NoticeReason.SNOOZE_ENDED: "the snooze ended",
    NoticeReason.NOT_RECOVERED: "it has not recovered by itself",
    NoticeReason.RESOLVED: "it is resolved",
    NoticeReason.REOPENED: "it is open again",
    NoticeReason.DUTY: "a duty came due",
    NoticeReason.NOTE: "somebody left a note",
    NoticeReason.INFO: "an alert for information",
}

# The end of a page's headline.
PAGE: Mapping[PageReason, str] = {
    PageReason.STEP: "paged: nobody answered for {waited}",
    PageReason.EARLY: "paged at once: {because}",
    PageReason.ESCALATED: "paged: a person asked for the next step",
    PageReason.REPEAT: "paged again: nobody answered for {waited}",
    PageReason.LEASE_ENDED: "paged again: the acknowledgement of {holder} ran out",
    PageReason.SNOOZE_ENDED: "paged again: the snooze is over",
    PageReason.UNACKNOWLEDGED: "paged again: it is no longer acknowledged",
    PageReason.REOPENED: "paged again: it is back",
    PageReason.FLAPPING: "paged again: it keeps coming back, {reopenings} times within the hour",
    PageReason.ROSE: "paged again: its level rose to {level}",
    PageReason.JOINED: "more is firing: {subject}",
    PageReason.DUTY: "due now: {duty}",
    PageReason.DUTY_REMINDER: "still owed: {duty}",
    PageReason.RESOLVED: "resolved",
    PageReason.TAKEN_OVER: "{subject} has taken over",
}
STEP_AT_ONCE = "paged"  # PageReason.STEP where nobody can have answered yet

# What happened, for the end of a notice's headline.
NOTICE: Mapping[NoticeReason, str] = {
    NoticeReason.OPENED: "open",
    NoticeReason.LEVEL: "level {level} now",
    NoticeReason.JOINED: "more is firing: {subject}",
    NoticeReason.ACKNOWLEDGED: "{holder} has it",
    NoticeReason.UNACKNOWLEDGED: "no longer acknowledged",
    NoticeReason.LEASE_ENDED: "the acknowledgement of {holder} ran out",
    NoticeReason.SNOOZED: "snoozed by {snoozer}",
    NoticeReason.SNOOZE_ENDED: "the snooze is over",
    NoticeReason.NOT_RECOVERED: "has not recovered by itself",
    NoticeReason.RESOLVED: "resolved",
    NoticeReason.REOPENED: "open again",
    NoticeReason.DUTY: "due now: {duty}",
    NoticeReason.NOTE: "note: {subject}",
    NoticeReason.INFO: "for information",
}

EARLY: Mapping[EarlyWhy, str] = {
    EarlyWhy.NO_REMEDIATION: "no remediation could be started",
    EarlyWhy.REMEDIATION_FAILED: "the remediation failed",
    EarlyWhy.PAGE_FAILED: "nobody could be reached by the step before",
    EarlyWhy.NOBODY: "there was nobody to page",
}

# The title of the incident that an alarm about ourselves opens.
ALARM: Mapping[AlarmKind, str] = {
    AlarmKind.CHANNEL: "channel {subject} does not take our messages",
    AlarmKind.CONTACT: "{subject} cannot be reached",
    AlarmKind.PAGE_LATE: "pages are late: {subject}",
    AlarmKind.STRANDED: "{subject} is open and nobody would be paged next",
    AlarmKind.SET_ASIDE: "{subject} could not be worked on and was set aside",
    AlarmKind.BODY_VERSION: "Alertmanager messages of an unknown version: {subject}",
    AlarmKind.REJECTED: "{subject} keeps sending what we must refuse",
    AlarmKind.LOOP: "our loop {subject} keeps failing",
    AlarmKind.INVARIANT: "our own records contradict each other: {subject}",
    AlarmKind.CLOCK: "the clock jumped: {subject}",
}

# The lines of a message.
LINE: Mapping[str, str] = {
    "repeat": "This may be a repeat: an earlier attempt may have arrived.",
    "twin": "It may be a late twin: an ended alert was reported firing once more.",
    "what": "What: {what}",
    "detail": "Detail: {detail}",
    "level": "Level: {level} {level_name}",
    "where": "Where: {where}",
    "since": "Since: {since} ({ago} ago)",
    "since_until": "Since: {since}, until {until}",
    "nobody": "Who has it: nobody, for {waited}",
    "has_it": "Who has it: {holder}, since {since}, until {until}",
    "snoozed": "Who has it: nobody; snoozed by {by} until {until}",
    "resolved": "Resolved at {at}",
    "resolved_by": "Resolved by {by} at {at}",
    "resolved_firing": "Resolved by {by} at {at}; {firing} of its alerts still fire",
    "reached": "Paged so far: {people}",
    "next": "Next: {next}",
    "duty_owed": "Owed: {duty}, due {at}",
    "duty_due": "DUE since {at}: {duty}",
    "duty_how": "When it is done: {sent}   or: {waive}",
    "alerts": "Alerts ({firing} firing of {total}):",
    "alert": "- {name} {labels} — {what}",
    "alert_ended": "- (ended) {name} {labels} — {what}",
    "more_alerts": "- and {count} more",
    "hidden": "Alertmanager left alerts out of its message (max_alerts): there may be more than are listed.",
    "also": "Also: {happened}",
    "runbook": "Runbook: {url}",
    "source": "Source: {url}",
    "acknowledge": "Acknowledge: {command}",
    "look": "Look: {url}",
}

# What comes next, after the time it comes at.
NEXT: Mapping[str, str] = {
    "page": "{at}: {people} is paged",
    "pages": "{at}: {people} are paged",
    "repeat": "{at}: {people} is paged again",
    "repeats": "{at}: {people} are paged again",
    "lease": "{at}: the acknowledgement of {holder} ends, and paging goes on",
    "snooze": "{at}: the snooze ends, and paging goes on",
    "close": "{at}: closed, unless it fires again",
    "recheck": "{at}: opens again, unless its alerts have ended",
    "nothing": "nobody else is paged by itself",
}

LEVEL_NAME: Mapping[int, str] = {1: "minor", 2: "moderate", 3: "severe", 4: "fatal"}

# How a person answers; the verbs of `responder.cli.incidents`.
COMMAND: Mapping[str, str] = {
    "acknowledge": "responder incidents ack {incident}",
    "show": "responder incidents show {incident}",
    "sent": "responder incidents duty sent {incident} {duty} --proof WHERE",
    "waive": "responder incidents duty waive {incident} {duty} --reason WHY",
}

INFO = "info"  # the mark of an alert that opens no incident
UNNAMED = "unnamed alert"
SOMEBODY = "somebody"
AND = " and "
AND_MORE = "{listed} and {count} more"
