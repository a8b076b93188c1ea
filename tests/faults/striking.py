"""Striking: one case from its beginning to its end, and many of them side by side.

Whatever struck, a life ends alike: a process that is gone is started again, the sender and the person insist, somebody
acknowledges, the alert resolves, an alert after it is paged as ever, and an auditor has looked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from responder.core.decision import AlarmKind
from tests.faults.cases import Case
from tests.faults.faults import Fault, delay
from tests.faults.ledgers import Noticed, judge, seen
from tests.faults.lives import ALERT, EVERY, LONG, PROOF, Lived, lived
from tests.faults.places import Place
from tests.journeys.side_by_side import Start
from tests.journeys.waiting import CLOCK, until

SIDE_BY_SIDE = 16  # lives at a time: most of a life is waiting

Told = Callable[[Case, Noticed | BaseException], None]


async def outcome_of(case: Case, home: Path, place: Place, starts: Start) -> Noticed:
    """Raises Broken, or AssertionError where the life does not come to its end."""
    act = case.site.act
    async with lived(
        home,
        place,
        starts,
        way=act.way,
        second=act.second,
        duty=act.duty,
        board=act.board,
        watched=act.watched,
    ) as found:
        over_at = await strike(case, found)
        return await ended(case, found, over_at)


async def strike(case: Case, found: Lived) -> datetime:
    """When it is over: a delay's end."""
    act, site = case.site.act, case.site
    if act.needs_admin:
        await found.make_admin()
    if act.from_start:
        await act.prepare(found)
        await found.start(*act.with_it, case.blow.strike(case.point, past=site.past, nth=site.nth))
    else:
        await found.start()
        since = await act.prepare(found)
        for other in act.with_it:
            await found.life.arm(other)
        await found.life.arm(case.blow.strike(case.point, past=site.past, since=since, nth=site.nth))
    acting = asyncio.create_task(act.act(found))
    if case.blow.fault is Fault.KILL:
        await found.died()
    else:
        assert found.life.trigger is not None
        await found.life.trigger.pulled(within=LONG)
    struck_at = CLOCK.now()
    await acting
    seconds = delay(case.point) + 1 if case.blow.fault is Fault.DELAY else 0
    return struck_at + timedelta(seconds=seconds)


async def ended(case: Case, found: Lived, over_at: datetime) -> Noticed:
    act = case.site.act
    if found.was_refused_a_start:
        await found.died()
    await found.up()
    await found.post_until_taken()
    await act.insist(found)
    if await went_through(found):
        await found.settled(ALERT, act.people)
        await resolve(found, ALERT)
    began = CLOCK.now()
    await found.post_until_taken(PROOF)
    await found.settled(PROOF)
    proved_after = CLOCK.now() - began
    await resolve(found, PROOF)
    await CLOCK.sleep_until(over_at)
    await found.looked_at()
    return judge(await seen(found, proved_after))


async def went_through(found: Lived) -> bool:
    """The alert has its incident; else it was set aside, and an alarm says so."""

    async def look() -> str:
        if await found.incident(ALERT):
            return "incident"
        return "" if not any(_is_set_aside(one) for one in await found.alarms()) else "set aside"

    return await until(look, "the alert has come to something", within=LONG, every=EVERY) == "incident"


def _is_set_aside(alarm: Mapping[str, object]) -> bool:
    return f"/{AlarmKind.SET_ASIDE.value}/" in str(alarm["key"])


async def resolve(found: Lived, name: str) -> None:
    """Somebody has it, and it is over."""
    incident = await found.incident(name)
    await found.ask_until_done("POST", f"/api/v1/incidents/{incident}/ack")
    await found.post_until_taken(name, "resolved")

    async def is_over() -> bool:
        story = await found.settled(name)
        return bool(story["state"] == "resolved")

    await until(is_over, f"{name} is resolved", within=LONG, every=EVERY)


async def all_of(
    cases: Sequence[Case], home: Path, place: Callable[[Case], Place], told: Told
) -> dict[str, Noticed | BaseException]:
    """What each came to, side by side. `told`: as each ends."""
    starts, lives = Start(3), asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(number: int, case: Case) -> Noticed | BaseException:
        found: Noticed | BaseException
        async with lives:
            try:
                found = await outcome_of(case, home / f"life-{number}", place(case), starts)
            except Exception as problem:  # noqa: BLE001 - each case is told by itself, whatever became of it
                found = problem
        told(case, found)
        return found

    found = await asyncio.gather(*(one(number, case) for number, case in enumerate(cases)))
    return dict(zip([case.id for case in cases], found, strict=True))
