"""Digest, row by row: pages that wait for each other, the one that carries them, and who leaves it when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from responder.core.decision import AlarmRaised, Due, DueKind, PageReason
from responder.core.delivery import LEASE, Accepted, Outcome, Rejected, SendDue
from responder.core.identifiers import ChannelName, ContactName, IncidentId
from responder.core.level import Level
from responder.core.machines.page import (
    Carried,
    DigestAccepted,
    DigestFailed,
    Dropped,
    Event,
    GatherDue,
    Gathered,
    Left,
    Member,
    MemberLeft,
    Method,
    Page,
    PageAccepted,
    PageFailed,
    Phase,
    Released,
    Superseded,
    Why,
    Withdrawn,
    advance,
    begin,
    gather,
)
from tests.core.matrix import I1, MINUTE, NOON, SECOND

ANA = ContactName("ana")
PUSH = Method(index=0, channel=ChannelName("push"), folds=False)
SMS = Method(index=1, channel=ChannelName("sms"), folds=False)
WINDOW = 30 * SECOND
LATER = NOON + MINUTE


def page(**changed: Any) -> Page:
    state = Page(
        page="I1-p1",
        incident=I1,
        contact=ANA,
        asked_for=ANA,
        reason=PageReason.EARLY,
        asked_at=NOON,
        methods=(PUSH, SMS),
        step=2,
    )
    return replace(state, **changed)


def member(number: int) -> Member:
    return Member(
        page=f"I{number}-p1", incident=IncidentId(f"I{number}"), level=Level.MODERATE, reason=PageReason.EARLY
    )


def digest(*numbers: int) -> Page:
    members = tuple(member(number) for number in numbers or (1, 2))
    state = page(page="D3", incident=None, reason=PageReason.DIGEST, step=None, members=members)
    return begin(state).state


def refused(attempt: int) -> Rejected:
    return Rejected(attempt=attempt, outcome=Outcome.PERMANENT, detail="gone")


def after(state: Page, *events: Event, at: datetime = NOON) -> Page:
    for event in events:
        state = advance(state, event, at).state
    return state


TAKEN = PageAccepted(
    page="I1-p1", incident=I1, contact=ANA, reason=PageReason.EARLY, channel=SMS.channel, receipt=""
)
LOST = PageFailed(incident=I1, contact=ANA, reason=PageReason.EARLY, step=2)
LEFT = MemberLeft(digest="D3", page="I1-p1")

GATHERING = gather(page(), NOON + WINDOW).state
WAITED = after(GATHERING, SendDue(), at=NOON + WINDOW)
GATHERED = after(GATHERING, Gathered("D3"))
CARRIED = after(GATHERED, Carried(SMS.channel))
WITHDRAWN = after(GATHERED, Withdrawn())
DROPPED = after(GATHERED, Dropped())
RELEASED = after(GATHERED, Released())
TRIED = after(begin(page()).state, SendDue(), refused(1))


def row(
    id_: str,
    state: Page,
    event: Event,
    phase: Phase,
    why: Why,
    *emits: object,
    due: Due | None = None,
) -> Any:
    return pytest.param(state, event, phase, why, emits, due, id=id_)


def gathering_until(moment: datetime) -> Due:
    return Due(moment, DueKind.GATHER)


def owed_at(moment: datetime) -> Due:
    return Due(moment, DueKind.SEND)


@pytest.mark.parametrize(
    "state, event, phase, why, emits, due",
    [
        row(
            "gathering: it has waited long enough, and is owed whoever else waits",
            GATHERING,
            SendDue(),
            Phase.OWED,
            Why.WAITED,
            GatherDue(page="I1-p1", contact=ANA),
            due=owed_at(LATER),
        ),
        row("gathering: gathered", GATHERING, Gathered("D3"), Phase.GATHERED, Why.GATHERED),
        row("waited: gathered in the same moment", WAITED, Gathered("D3"), Phase.GATHERED, Why.GATHERED),
        row("gathering: withdrawn", GATHERING, Withdrawn(), Phase.WITHDRAWN, Why.WITHDRAWN),
        row(
            "gathering: a newer one arrived", GATHERING, Superseded("I1-p9"), Phase.WITHDRAWN, Why.SUPERSEDED
        ),
        row("gathering: released", GATHERING, Released(), Phase.OWED, Why.RELEASED, due=owed_at(LATER)),
        row(
            "gathering: no digest to be carried by",
            GATHERING,
            Carried(SMS.channel),
            Phase.GATHERING,
            Why.STALE,
            due=gathering_until(NOON + WINDOW),
        ),
        row("gathered: it waits for nothing itself", GATHERED, SendDue(), Phase.GATHERED, Why.STALE),
        row("gathered: by another", GATHERED, Gathered("D4"), Phase.GATHERED, Why.STALE),
        row("gathered: carried", GATHERED, Carried(SMS.channel), Phase.ACCEPTED, Why.CARRIED, TAKEN),
        row("gathered: dropped", GATHERED, Dropped(), Phase.FAILED, Why.DROPPED, LOST),
        row(
            "gathered: a newer one arrived",
            GATHERED,
            Superseded("I1-p9"),
            Phase.WITHDRAWN,
            Why.SUPERSEDED,
            LEFT,
        ),
        row("gathered: withdrawn, and leaves", GATHERED, Withdrawn(), Phase.WITHDRAWN, Why.WITHDRAWN, LEFT),
        row(
            "gathered: released, and leaves",
            GATHERED,
            Released(),
            Phase.OWED,
            Why.RELEASED,
            LEFT,
            due=owed_at(LATER),
        ),
        row("tried by itself: not gathered", TRIED, Gathered("D3"), Phase.OWED, Why.STALE, due=owed_at(NOON)),
        row("tried by itself: not released", TRIED, Released(), Phase.OWED, Why.STALE, due=owed_at(NOON)),
        row(
            "released: its digest arrived all the same",
            RELEASED,
            Carried(SMS.channel),
            Phase.OWED,
            Why.STALE,
            due=owed_at(NOON),
        ),
        row("carried: again", CARRIED, Carried(SMS.channel), Phase.ACCEPTED, Why.STALE),
        row("carried: withdrawn", CARRIED, Withdrawn(), Phase.ACCEPTED, Why.STALE),
        row("carried: dropped", CARRIED, Dropped(), Phase.ACCEPTED, Why.STALE),
        row("carried: released", CARRIED, Released(), Phase.ACCEPTED, Why.STALE),
        row(
            "withdrawn in flight: carried all the same",
            WITHDRAWN,
            Carried(SMS.channel),
            Phase.WITHDRAWN,
            Why.CARRIED_BEFORE_WITHDRAWAL,
            TAKEN,
        ),
        row("withdrawn: dropped", WITHDRAWN, Dropped(), Phase.WITHDRAWN, Why.STALE),
        row("dropped: a late result", DROPPED, Carried(SMS.channel), Phase.ACCEPTED, Why.CARRIED, TAKEN),
    ],
)
def test_what_a_member_hears(state, event, phase, why, emits, due):
    decision = advance(state, event, LATER)
    assert (decision.state.phase, decision.why, decision.emits, decision.state.due()) == (
        phase,
        why,
        emits,
        due,
    )


def test_it_waits_no_longer_than_its_time():
    assert GATHERING.due() == gathering_until(NOON + WINDOW)
    assert advance(GATHERING, SendDue(), NOON + 29 * SECOND).why is Why.STALE


def test_what_left_a_digest_that_may_have_arrived_says_that_it_may_be_a_repeat():
    for is_repeat in (True, False):
        (send,) = advance(after(GATHERED, Released(is_repeat=is_repeat)), SendDue(), NOON).effects
        assert send.is_repeat is is_repeat


def test_what_a_digest_carried_stays_with_its_incident():
    assert [state.is_live for state in (GATHERING, GATHERED, CARRIED, WITHDRAWN)] == [True] * 4
    assert not after(begin(page()).state, Withdrawn()).is_live


# The digest

OWED = digest()
SENDING = after(OWED, SendDue())
UNKNOWN = after(SENDING, SendDue(), at=NOON + LEASE)
HALF_LEFT = after(SENDING, Left("I1-p1"))
ALL_LEFT = after(HALF_LEFT, Left("I2-p1"))


def test_a_digest_is_sent_like_any_page_of_nobodys_incident():
    (send,) = advance(OWED, SendDue(), NOON).effects
    assert (send.incident, send.contact, send.key, send.owed_since) == (None, ANA, "D3.0", NOON)


@pytest.mark.parametrize(
    "state, event, members",
    [
        pytest.param(SENDING, Accepted(attempt=1, receipt="r"), (1, 2), id="it is told of all its members"),
        pytest.param(
            HALF_LEFT,
            Accepted(attempt=1, receipt="r"),
            (1, 2),
            id="also of those that left while it was sent",
        ),
        pytest.param(ALL_LEFT, Accepted(attempt=1, receipt="r"), (1, 2), id="even where all of them left"),
        pytest.param(UNKNOWN, Accepted(attempt=1, receipt="r"), (1, 2), id="also when the result comes late"),
    ],
)
def test_an_accepted_digest(state, event, members):
    decision = advance(state, event, LATER)
    assert decision.emits[0] == DigestAccepted(
        page="D3", contact=ANA, members=tuple(map(member, members)), channel=PUSH.channel, receipt="r"
    )
    assert not any(isinstance(emit, PageAccepted) for emit in decision.emits)


def test_a_digest_that_every_method_refuses_fails_for_all_its_members_and_is_one_alarm():
    state = after(OWED, SendDue(), refused(1), SendDue())
    decision = advance(state, refused(2), NOON)
    assert decision.state.phase is Phase.FAILED
    assert DigestFailed(members=(member(1), member(2))) in decision.emits
    assert (
        len([emit for emit in decision.emits if isinstance(emit, AlarmRaised)]) == 2
    )  # the channel, and Ana


@pytest.mark.parametrize(
    "state, page, phase, why, members, left",
    [
        pytest.param(OWED, "I1-p1", Phase.OWED, Why.MEMBER_LEFT, 1, (), id="before it is tried: forgotten"),
        pytest.param(
            SENDING, "I1-p1", Phase.SENDING, Why.MEMBER_LEFT, 2, ("I1-p1",), id="in flight: remembered"
        ),
        pytest.param(
            UNKNOWN, "I1-p1", Phase.OWED, Why.MEMBER_LEFT, 2, ("I1-p1",), id="it may have arrived: remembered"
        ),
        pytest.param(
            after(OWED, Left("I2-p1")), "I1-p1", Phase.WITHDRAWN, Why.WITHDRAWN, 1, ("I1-p1",), id="the last"
        ),
        pytest.param(
            HALF_LEFT,
            "I2-p1",
            Phase.WITHDRAWN,
            Why.WITHDRAWN_IN_FLIGHT,
            2,
            ("I1-p1", "I2-p1"),
            id="the last, in flight",
        ),
        pytest.param(HALF_LEFT, "I1-p1", Phase.SENDING, Why.STALE, 2, ("I1-p1",), id="twice"),
        pytest.param(OWED, "I9-p1", Phase.OWED, Why.STALE, 2, (), id="no member"),
        pytest.param(
            after(SENDING, Accepted(attempt=1)),
            "I1-p1",
            Phase.ACCEPTED,
            Why.STALE,
            2,
            (),
            id="after it arrived",
        ),
    ],
)
def test_a_member_leaves(state, page, phase, why, members, left):
    decision = advance(state, Left(page), NOON + LEASE)
    now = decision.state
    assert (now.phase, decision.why, len(now.members), now.left) == (phase, why, members, left)


def test_what_is_only_told_is_given_up_after_an_hour_and_a_digest_of_pages_is_not():
    busy = Rejected(attempt=1, outcome=Outcome.TRANSIENT, detail="busy")
    for reason, phase in ((PageReason.DIGEST, Phase.OWED), (PageReason.DIGEST_TOLD, Phase.FAILED)):
        state = after(replace(digest(), reason=reason), SendDue())
        assert advance(state, busy, NOON + 60 * MINUTE).state.phase is phase
