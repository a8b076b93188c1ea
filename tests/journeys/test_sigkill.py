"""SIGKILL at every point where something is committed or sent, before and after it, and what is true after a restart.

Nothing that was accepted is lost; every page that was due is handed over, and where it may be a repeat it says so; and
once an acknowledgement had its reply, nobody is paged any more. The stories wait for real leases, so they run side by
side, once for the module; each row of the table judges its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from responder.core.delivery import LEASE
from responder.core.policy.levels import SELF_RULE
from tests.fakes.faults import Side, Strike
from tests.journeys.kills import LATE, TITLE, Handed, Life, body_of, due_of, life
from tests.journeys.served import Served
from tests.journeys.side_by_side import Start, all_at_once
from tests.journeys.small import FAR
from tests.journeys.waiting import CLOCK, let_pass, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

BEFORE, AFTER = Side.BEFORE, Side.AFTER
TEST = "test_killed_and_started_again_nothing_is_lost_and_a_repeat_says_so"
UNDER_LOAD = "test_killed_under_load_everything_that_was_accepted_is_paged"
SENT = 90  # alerts at once
SOON = 15  # seconds; far less than a lease, far more than a busy machine takes
QUIET = 1.5  # seconds in which nothing more may come


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`at_kill`, `in_the_end`: what the sink has got, each as where to, with "again" where it says that it may be a
    repeat. `answered`: the act that was under way had its answer before the kill.
    """

    id: str
    act: str  # alert | rung | ack | ack in flight
    side: Side
    point: str
    answered: bool = True
    at_kill: Sequence[str] = ()
    in_the_end: Sequence[str] = ("sms/first",)
    is_unknown: bool = False  # and told as such
    state: str = "open"
    folds: bool = False


def alert(side: Side, point: str, **more: Any) -> Case:
    """Killed on an alert's way from the webhook to the first person."""
    suffix = ", folding" if more.get("folds") else ""
    return Case(id=f"an alert, {side} {point}{suffix}", act="alert", side=side, point=point, **more)


def rung(side: Side, point: str, **more: Any) -> Case:
    """Killed when the second person's time has come."""
    more = {"at_kill": ["sms/first"], "in_the_end": ["sms/first", "sms/second"]} | more
    return Case(id=f"a rung, {side} {point}", act="rung", side=side, point=point, **more)


MAIL_AGAIN = {"in_the_end": ["mail/first again"], "is_unknown": True}
BOTH = {"at_kill": ["sms/first"], "in_the_end": ["sms/first", "mail/first again"], "is_unknown": True}
TWICE = {"at_kill": ["sms/first"], "in_the_end": ["sms/first", "sms/first again"], "is_unknown": True}

CASES = (
    # A lease has to end before what may have arrived is sent again: these begin first.
    alert(AFTER, "commit.claim", **MAIL_AGAIN),
    alert(BEFORE, "page.send.webhook", **MAIL_AGAIN),
    alert(AFTER, "page.send.webhook", **BOTH),
    alert(BEFORE, "commit.result", **BOTH),
    alert(AFTER, "page.send.webhook", folds=True, **TWICE),
    Case(
        id="an acknowledgement, while the next page is claimed and not sent",
        act="ack in flight",
        side=BEFORE,
        point="page.send.webhook",
        at_kill=["sms/first"],
        is_unknown=True,
        state="acknowledged",
    ),
    alert(BEFORE, "commit.journal", answered=False),
    alert(AFTER, "commit.journal", answered=False),
    alert(BEFORE, "claim.journal"),
    alert(AFTER, "claim.journal"),
    alert(BEFORE, "commit.handle"),
    alert(AFTER, "commit.handle"),
    alert(BEFORE, "commit.claim"),
    alert(AFTER, "commit.result", at_kill=["sms/first"]),
    rung(BEFORE, "commit.timers"),
    rung(AFTER, "commit.timers"),
    rung(BEFORE, "commit.claim"),
    Case(
        id="an acknowledgement, before commit.command",
        act="ack",
        side=BEFORE,
        point="commit.command",
        answered=False,
        at_kill=["sms/first"],
        in_the_end=["sms/first", "sms/second"],
    ),
    Case(
        id="an acknowledgement, after commit.command",
        act="ack",
        side=AFTER,
        point="commit.command",
        answered=False,
        at_kill=["sms/first"],
        state="acknowledged",
    ),
)


@dataclass(slots=True)
class Evidence:
    """What the parent saw."""

    answered: bool = False
    at_kill: list[Handed] = field(default_factory=list)
    in_the_end: list[Handed] = field(default_factory=list)
    incidents: list[dict[str, Any]] = field(default_factory=list)
    story: dict[str, Any] = field(default_factory=dict)
    shown: str = ""
    waited: float = 0.0  # seconds from the restart to the last page


# Loops that look every second: from here on they find the alert's work.
HAS_WORK_AFTER = {"claim.journal": "commit.journal", "commit.claim": "commit.handle"}


async def killed_on_an_alert(case: Case, found: Life, seen: Evidence) -> None:
    await found.serve_armable()
    await found.arm(Strike(case.side, case.point, past=HAS_WORK_AFTER.get(case.point, "")))
    posting = asyncio.create_task(found.post())
    await found.pulled()
    if case.answered:
        await posting
    await killed(found, seen)
    seen.answered = await posting == 200


async def killed_on_a_rung(case: Case, found: Life, seen: Evidence) -> None:
    await found.serve_armable()
    await found.post()
    await found.until_paged(1)
    due = due_of(await found.until_recorded(), "second")
    await found.arm(Strike(case.side, case.point, since=due.isoformat()))
    await found.pulled()
    seen.answered = True
    await killed(found, seen)


async def killed_on_an_ack(case: Case, found: Life, seen: Evidence) -> None:
    await found.serve_armable()
    await found.post()
    await found.until_paged(1)
    await found.until_recorded()
    await found.arm(Strike(case.side, case.point))
    asking = asyncio.create_task(found.cli("incidents", "ack", "I1"))
    await found.pulled()
    await killed(found, seen)
    seen.answered = (await asking).code == 0


async def killed_with_a_claim(case: Case, found: Life, seen: Evidence) -> None:
    """The second person's page is claimed when the acknowledgement comes, has its reply, and then we die."""
    await found.serve_armable()
    await found.post()
    await found.until_paged(1)
    due = due_of(await found.until_recorded(), "second")
    await found.arm(Strike(case.side, case.point, since=due.isoformat()))
    await found.pulled()
    seen.answered = (await found.cli("incidents", "ack", "I1")).code == 0
    await killed(found, seen)


async def killed(found: Life, seen: Evidence) -> None:
    seen.at_kill = found.pages()
    await found.kill()


Act = Callable[[Case, Life, Evidence], Awaitable[None]]
# What is under way at the kill, and the ladder that it needs.
ACTS: Mapping[str, tuple[Act, Mapping[str, str]]] = {
    "alert": (killed_on_an_alert, {"first": "0s", "second": FAR}),
    "rung": (killed_on_a_rung, {"first": "0s", "second": "3s", "third": FAR}),
    "ack": (killed_on_an_ack, {"first": "0s", "second": "12s", "third": FAR}),
    "ack in flight": (killed_with_a_claim, {"first": "0s", "second": "3s", "third": FAR}),
}


async def story_of(case: Case, home: Path, start: Start) -> Evidence:
    act, rungs = ACTS[case.act]
    seen = Evidence()
    async with life(home, start, rungs=rungs, folds=case.folds) as found:
        await act(case, found, seen)
        await found.serve()
        started = CLOCK.now()
        await found.post_until_taken()
        await found.until_paged(len(case.in_the_end))
        seen.waited = (CLOCK.now() - started).total_seconds()
        if case.act == "ack":
            await CLOCK.sleep_until(found.began + timedelta(seconds=13))
        if case.act == "ack in flight":
            await let_pass(LEASE.total_seconds())
        await found.until_recorded()
        await let_pass(QUIET)
        seen.in_the_end = [one for one in found.pages() if one.page.startswith("I1-")]
        seen.incidents = await found.service.incidents()
        seen.story = await found.story()
        seen.shown = (await found.cli("incidents", "show", "I1")).out
    return seen


@dataclass(slots=True)
class UnderLoad:
    """What came of many alerts at once: the names of those that were accepted, of all incidents, and of those paged."""

    accepted: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    paged: list[Handed] = field(default_factory=list)
    incidents: list[dict[str, Any]] = field(default_factory=list)


async def killed_under_load(home: Path, start: Start) -> UnderLoad:
    """Many senders at once, and a kill that falls where it falls."""
    seen = UnderLoad()
    async with life(home, start, rungs={"first": "0s", "second": FAR}) as found:
        service = await found.serve()

        async def send(name: str) -> None:
            if await service.post(body_of(started=found.began, name=name)) == 200:
                seen.accepted.add(name)

        sending = [asyncio.create_task(send(f"Alert{number}")) for number in range(SENT)]
        await until(lambda: len(seen.accepted) >= SENT // 3, "a third is accepted")
        await found.kill()
        await asyncio.gather(*sending)

        back = await found.serve()
        await until(lambda: _all_paged(found, back, seen), "everything accepted is paged", within=90)
    return seen


async def _all_paged(found: Life, service: Served, seen: UnderLoad) -> bool:
    seen.incidents = [one for one in await service.incidents(limit=200) if one["rule"] != SELF_RULE]
    seen.opened = {one["key"].split('"')[1] for one in seen.incidents}
    seen.paged = found.pages()
    first_pages = {f"{one['incident']}-p1" for one in seen.incidents}
    return seen.accepted <= seen.opened and first_pages <= {one.page for one in seen.paged}


@pytest.fixture(scope="module")
def stories(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Those of the tests that were selected, all at once."""
    wanted = {item.nodeid for item in request.session.items}
    base = tmp_path_factory.mktemp("lives")
    found: dict[str, Callable[[Start], Awaitable[Any]]] = {
        case.id: partial(story_of, case, base / str(number))
        for number, case in enumerate(CASES)
        if f"{request.node.nodeid}::{TEST}[{case.id}]" in wanted
    }
    if f"{request.node.nodeid}::{UNDER_LOAD}" in wanted:
        found[UNDER_LOAD] = partial(killed_under_load, base / "load")
    return all_at_once(found)


def test_killed_under_load_everything_that_was_accepted_is_paged(stories):
    seen = stories[UNDER_LOAD]
    if isinstance(seen, BaseException):
        raise seen
    assert seen.accepted
    assert seen.accepted - seen.opened == set()
    assert len(seen.opened) == len(seen.incidents)
    assert _unflagged_repeats(seen.paged) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_killed_and_started_again_nothing_is_lost_and_a_repeat_says_so(case, stories):
    seen = stories[case.id]
    if isinstance(seen, BaseException):
        raise seen

    assert seen.answered is case.answered
    assert [incident["title"] for incident in seen.incidents if incident["rule"] != SELF_RULE] == [TITLE]
    alarms = {incident["title"] for incident in seen.incidents if incident["rule"] == SELF_RULE}
    assert case.is_unknown or alarms <= {LATE}  # what had to wait for the restart is late, and says so
    assert seen.story["state"] == case.state
    assert [_where(one) for one in seen.at_kill] == list(case.at_kill)
    assert [_where(one) for one in seen.in_the_end] == list(case.in_the_end)
    assert seen.waited < (LEASE.total_seconds() + SOON if case.is_unknown else SOON)
    assert _unflagged_repeats(seen.in_the_end) == []
    assert _keys_that_differ(seen.in_the_end) == []
    assert _told_unknown(seen) == (case.is_unknown, case.is_unknown, case.is_unknown)


def _where(one: Handed) -> str:
    return f"{one.to} again" if one.is_repeat else one.to


def _unflagged_repeats(pages: Sequence[Handed]) -> list[Handed]:
    """Those that came for a page that had come before, and did not say so."""
    return [
        one
        for index, one in enumerate(pages)
        if not one.is_repeat and one.page in {earlier.page for earlier in pages[:index]}
    ]


def _keys_that_differ(pages: Sequence[Handed]) -> list[Handed]:
    """Those of one page to one place whose receiver could not know them for one."""
    return [
        one
        for one in pages
        for other in pages
        if (one.to, one.page) == (other.to, other.page) and one.key != other.key
    ]


def _told_unknown(seen: Evidence) -> tuple[bool, bool, bool]:
    """Whether the attempts, `responder incidents show`, and the audit say that one may have arrived."""
    attempts = [attempt for page in seen.story["pages"] for attempt in page["attempts"]]
    whys = [line["why"] for line in seen.story["audit"]["lines"]]
    return (
        any(attempt["outcome"] == "unknown" for attempt in attempts),
        "it may have arrived, nobody knows" in seen.shown,
        any(why.startswith("page.unknown") for why in whys),
    )
