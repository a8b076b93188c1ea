"""The ledgers: what was seen from outside, and what has to be true of it whatever struck.

The sender knows what each post was answered, the sink and Slack what was handed over, the terminal what was printed.
The incident's story, its audit and the auditor's alarms are the service's own account, and must agree with them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from responder.core.decision import AlarmKind, PageReason
from responder.engine.lateness import LATE
from tests.faults.lives import Lived
from tests.journeys.slack import record_of

NEVER = (AlarmKind.STRANDED, AlarmKind.INVARIANT)  # whatever strikes
TOLD = {reason.value for reason in PageReason if reason.is_told}
SOON = timedelta(seconds=15)  # for an alert after the fault, on a busy machine


class Outcome(StrEnum):
    """What somebody notices."""

    POSTED_AGAIN = "the alert is posted again"
    ASKED_AGAIN = "the person asks again"
    NOT_YET = "the person is told: not recorded yet"
    NO_START = "the start fails, the next one succeeds"
    LATE = "a page is late, with an alarm"
    OTHERWISE = "a page goes by another method"
    AGAIN = "a page comes again, and says so"
    LOST = "an attempt counts as unknown"
    LOOP = "a loop is started again"
    SET_ASIDE = "it is set aside, with an alarm"
    CHANNEL = "an alarm about the channel"


@dataclass(frozen=True, slots=True)
class Noticed:
    """By people, and in the log: which lines at warning or error."""

    outcomes: tuple[Outcome, ...]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        told = "; ".join(self.outcomes) or "nobody notices anything"
        return f"{told} (log: {', '.join(self.warnings)})" if self.warnings else told


class Broken(AssertionError):
    """Promises that were not kept."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A page as it arrived. `page`: which one it is, as far as the receiver can tell."""

    page: str
    to: str
    is_repeat: bool
    key: str = ""


@dataclass(slots=True)
class Seen:
    """Everything, at the end of a life."""

    posts: Mapping[str, Sequence[int | None]]
    asked: Sequence[int | None]
    handed: Sequence[Handed]
    stories: Sequence[Mapping[str, Any]]  # of the incidents that are not about ourselves
    alarms: Sequence[Mapping[str, Any]]
    status: Mapping[str, Any]
    proved_after: timedelta  # from an alert after the fault to its page
    was_refused_a_start: bool = False
    warnings: Sequence[str] = ()

    def alarms_of(self, *kinds: AlarmKind) -> list[str]:
        return [one["key"] for one in self.alarms if one["key"].split("/")[1] in kinds]


async def seen(lived: Lived, proved_after: timedelta) -> Seen:
    incidents = await lived.incidents()
    return Seen(
        posts=lived.posts,
        asked=lived.asked,
        handed=list(handed(lived)),
        stories=[await lived.life.service.story(one["incident"]) for one in incidents],
        alarms=await lived.alarms(),
        status=await lived.life.service.get("/status"),
        proved_after=proved_after,
        was_refused_a_start=lived.was_refused_a_start,
        warnings=warnings(lived.log),
    )


def warnings(log: str) -> list[str]:
    """The events of a log that somebody may want to look at, each once."""
    found = set()
    for line in log.splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("level") in ("warning", "error"):
            found.add(str(said["event"]))
    return sorted(found)


# -- what arrived


def handed(lived: Lived) -> Iterator[Handed]:
    """At the sink, then in Slack, then on the terminal; of each in its order."""
    for received in lived.life.sink.ledger:
        body = received.json()
        if body["purpose"] in ("page", "told"):
            page = body["key"].rpartition(".")[0]
            yield Handed(page, received.path.strip("/"), body["is_repeat"], body["key"])
    if lived.slack is not None:
        for message in lived.slack.fake.dm(lived.slack.user):
            yield Handed(record_of(message), "slack", False, record_of(message))
    yield from _printed(lived.log)


_BLOCK = re.compile(
    r"─── (page|told) to ([^\n]*?) by (\S+)[^\n]*\n\[[^\]]*\] (I\d+) ([^\n]*)((?:\n  [^\n]*)*)"
)


def _printed(log: str) -> Iterator[Handed]:
    """A terminal shows no key: a page is to whom, about which incident, and why."""
    for block in _BLOCK.finditer(log):
        _, to, channel, incident, headline, body = block.groups()
        why = headline.rpartition(" — ")[2]
        yield Handed(f"{incident} {to} {why}", channel, "repeat" in body.lower())


# -- what has to be true


def judge(found: Seen) -> Noticed:
    """Raises Broken with every promise that was not kept."""
    broken = [
        *_lost_alerts(found),
        *_pages_not_handed(found),
        *_repeats_not_told(found),
        *_sent_after_acknowledgement(found),
        *_late_without_alarm(found),
        *_stranded(found),
        *_not_well_again(found),
    ]
    if broken:
        raise Broken("\n".join(broken))
    return Noticed(tuple(_noticed(found)), tuple(found.warnings))


def _lost_alerts(found: Seen) -> Iterator[str]:
    """Every alert that was accepted is on one incident, or set aside with an alarm."""
    for post, answers in found.posts.items():
        name, _, status = post.partition(" ")
        if 200 not in answers or status != "firing":
            continue
        on = [story for story in found.stories if any(_is(alert, name) for alert in story["alerts"])]
        if len(on) != 1 and not (not on and found.alarms_of(AlarmKind.SET_ASIDE)):
            yield f"{name} was accepted and is on {[story['incident'] for story in on]}"


def _is(alert: Mapping[str, Any], name: str) -> bool:
    return bool(alert["labels"]["alertname"] == name)


def _pages_not_handed(found: Seen) -> Iterator[str]:
    """Every page that fell due arrived; what was withdrawn had an acknowledgement or an end before it."""
    for story in found.stories:
        for page in story["pages"]:
            if page["state"] not in ("accepted", "withdrawn"):
                yield f"page {page['page']} to {page['contact']} is {page['state']}"
            elif page["state"] == "accepted" and not _arrived(page, found.handed):
                yield f"page {page['page']} counts as accepted, and nobody got it"


def _arrived(page: Mapping[str, Any], arrived: Sequence[Handed]) -> bool:
    printed = f"{page['page'].partition('-')[0]} {page['contact'].title()}"  # how a terminal tells it
    return any(one.page == page["page"] or one.page.startswith(printed) for one in arrived)


def _repeats_not_told(found: Seen) -> Iterator[str]:
    """What came for a page that had come before says so, and to one place under one key."""
    for index, one in enumerate(found.handed):
        earlier = [other for other in found.handed[:index] if other.page == one.page]
        if earlier and not one.is_repeat:
            yield f"page {one.page} came again to {one.to} and does not say so"
        if any(other.to == one.to and other.key != one.key for other in earlier):
            yield f"page {one.page} came twice to {one.to} under different keys"


def _sent_after_acknowledgement(found: Seen) -> Iterator[str]:
    """No page of the ladder was claimed in a transaction after the acknowledgement's."""
    for story in found.stories:
        told = {page["page"] for page in story["pages"] if page["reason"] in TOLD}
        lines = [(line["why"], line["record"].rpartition("/")[2]) for line in story["audit"]["lines"]]
        whys = [why for why, _ in lines]
        if "escalation.acknowledged" not in whys:
            continue
        for why, record in lines[whys.index("escalation.acknowledged") :]:
            if why == "page.claimed" and record not in told:
                yield f"page {record} was claimed after the acknowledgement"


def _late_without_alarm(found: Seen) -> Iterator[str]:
    """A page that was handed over late, as its own attempts tell, raised an alarm."""
    if found.alarms_of(AlarmKind.PAGE_LATE):
        return
    for page in _pages(found):
        for attempt in page["attempts"]:
            behind = _moment(attempt["claimed_at"]) - _moment(attempt["due_at"])
            if attempt["outcome"] == "accepted" and behind > LATE + timedelta(milliseconds=500):
                yield f"page {page['page']} was {behind.total_seconds():.1f} s late without an alarm"


def _stranded(found: Seen) -> Iterator[str]:
    """The auditor is content, and nothing waits that should not."""
    for key in found.alarms_of(*NEVER):
        yield f"an alarm that nothing explains: {key}"
    is_set_aside = any("journal" not in key for key in found.alarms_of(AlarmKind.SET_ASIDE))
    for kind, seconds in found.status["oldest_overdue_seconds"].items():
        if seconds > SOON.total_seconds() and not is_set_aside:
            yield f"a {kind} row is overdue since {seconds} s"
    if found.status["waiting_bodies"]:
        yield f"{found.status['waiting_bodies']} bodies were never consumed"


def _not_well_again(found: Seen) -> Iterator[str]:
    if found.proved_after > SOON:
        yield f"an alert after the fault was paged after {found.proved_after.total_seconds():.1f} s"


# -- what was noticed


def _noticed(found: Seen) -> Iterator[Outcome]:
    attempts = [attempt for page in _pages(found) for attempt in page["attempts"]]
    checks = {
        Outcome.NO_START: found.was_refused_a_start,
        Outcome.POSTED_AGAIN: any(len(answers) > 1 for answers in found.posts.values()),
        Outcome.ASKED_AGAIN: any(answer not in (200, 201, 202) for answer in found.asked),
        Outcome.NOT_YET: 202 in found.asked,
        Outcome.SET_ASIDE: bool(found.alarms_of(AlarmKind.SET_ASIDE)),
        Outcome.LATE: bool(found.alarms_of(AlarmKind.PAGE_LATE)),
        Outcome.LOST: any(attempt["outcome"] == "unknown" for attempt in attempts),
        Outcome.AGAIN: any(
            one.is_repeat and one.page in {other.page for other in found.handed[:index]}
            for index, one in enumerate(found.handed)
        ),
        Outcome.OTHERWISE: any(attempt["outcome"] in ("permanent", "transient") for attempt in attempts),
        Outcome.CHANNEL: bool(found.alarms_of(AlarmKind.CHANNEL)),
        Outcome.LOOP: not {"loop failed", "loop kept from working"}.isdisjoint(found.warnings),
    }
    return (outcome for outcome, is_seen in checks.items() if is_seen)


def _pages(found: Seen) -> list[Mapping[str, Any]]:
    return [page for story in found.stories for page in story["pages"]]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
