"""What we think fires is held against what the Alertmanagers have; two fakes stand for a pair."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from responder.core.errors import Permanent, Transient
from responder.core.identifiers import IncidentId
from responder.dialects.alertmanager import fingerprint_there
from responder.engine.commands import Acknowledge, Escalate, Resolve
from responder.engine.reconcile import SOURCE
from responder.engine.views import Story
from responder.ports.store import Standing
from tests.engine.world import World, make_world
from tests.fakes.alertmanager import FakePeer
from tests.fakes.clock import FakeClock, let_others_run

DISK = {"alertname": "Disk"}
SEVERE = {"alertname": "Region", "level": "3"}
QUICK = {"group_wait": "0s", "group_interval": "1s"}
EVERY = timedelta(seconds=30)
SETTLED = timedelta(minutes=11)  # a peer is up for longer than twice its resolve_timeout
DOWN = Transient("alertmanager b: cannot be reached")


@dataclass
class Pair:
    """A world and two peers, which have what is posted to both, as a pair has."""

    world: World
    clock: FakeClock
    peers: tuple[FakePeer, FakePeer]

    async def fires(self, labels: Mapping[str, str], *, posts: bool = True) -> None:
        """At both, and one of them posts it to us."""
        for peer in self.peers:
            await peer.post(labels)
        if posts:
            await self.world.post(self.as_posted(labels))
            await self.world.settle()

    def as_posted(self, labels: Mapping[str, str]) -> dict[str, Any]:
        alert = self.world.alert("", labels, started=self.clock.now())
        return alert | {"labels": dict(labels), "fingerprint": fingerprint_there(labels)}

    async def ends(self, labels: Mapping[str, str]) -> None:
        """At both, and nobody tells us."""
        for peer in self.peers:
            await peer.post(labels, ends_at=self.clock.now())

    async def silence(self, labels: Mapping[str, str]) -> list[str]:
        return [await peer.silence(labels) for peer in self.peers]

    async def expire(self, silences: list[str]) -> None:
        for peer, silence in zip(self.peers, silences, strict=True):
            await peer.expire(silence)

    async def polls(self, times: int = 1) -> None:
        """So many, each half a minute after the one before."""
        for _ in range(times):
            await self.world.advance(seconds=30)
            await self.world.service.reconcile.look()
            await self.world.settle()

    async def standing(self, incident: str = "I1") -> Standing:
        return (await self.world.story(incident)).standing

    def told(self, channel: str = "board", incident: str = "I1") -> list[str]:
        messages = [delivery.message for delivery in self.world.handed(channel)]
        return [message.reason for message in messages if message.incident == incident]

    def metric(self, name: str, **labels: str) -> float:
        found = self.world.service.points.metrics.registry.get_sample_value(f"responder_{name}_total", labels)
        return found or 0.0

    def reconciled(self, what: str) -> float:
        return self.metric("reconciled", what=what)


@pytest.fixture
async def pair(store) -> Pair:
    clock = FakeClock()
    peers = (FakePeer(clock, "a:9093", route=dict(QUICK)), FakePeer(clock, "b:9093", route=dict(QUICK)))
    world = await make_world(store, clock=clock, peers=peers)
    await world.advance(minutes=SETTLED.total_seconds() / 60)
    return Pair(world, clock, peers)


async def sources(pair: Pair) -> list[str]:
    return [body.source for body in await pair.world.service.views.journal(after=0, limit=100)]


# What is as it should be


async def test_what_fires_here_and_there_is_left_alone(pair):
    await pair.fires(DISK)
    before = await pair.world.whys()
    await pair.polls(5)
    assert await pair.world.whys() == before
    assert await sources(pair) == ["alertmanager"]


# Ghosts


async def test_an_alert_that_no_peer_has_in_three_polls_is_taken_for_ended(pair):
    await pair.fires(DISK)
    await pair.ends(DISK)

    await pair.polls(2)
    assert await pair.standing() is Standing.OPEN
    await pair.polls(1)

    story = await pair.world.story()
    assert (story.standing, story.incident.firing) == (Standing.RESOLVED, 0)
    assert "incident.cleared_gone" in [line.why for line in story.audit]
    assert [one.is_open for one in story.alerts] == [False]
    assert pair.world.reasons("first")[-1] == "resolved"
    assert pair.reconciled("ghost") == 1


async def test_one_of_several_that_is_gone_leaves_the_others(pair):
    await pair.fires(DISK | {"node": "1"})
    await pair.fires(DISK | {"node": "2"})
    await pair.ends(DISK | {"node": "1"})

    await pair.polls(3)

    story = await pair.world.story()
    assert (story.standing, story.incident.firing) == (Standing.OPEN, 1)
    assert "incident.gone" in [line.why for line in story.audit]


async def test_it_is_no_ghost_while_one_peer_has_it(pair):
    await pair.fires(DISK)
    await pair.peers[0].post(DISK, ends_at=pair.clock.now())
    await pair.polls(5)
    assert await pair.standing() is Standing.OPEN


@pytest.mark.parametrize("failure", [DOWN, Permanent("alertmanager b: it answered 401")], ids=["down", "401"])
async def test_a_peer_that_cannot_be_asked_decides_nothing(pair, failure):
    await pair.fires(DISK)
    await pair.ends(DISK)
    pair.peers[1].failure = failure
    await pair.polls(5)
    assert await pair.standing() is Standing.OPEN


async def test_the_polls_are_three_running(pair):
    await pair.fires(DISK)
    await pair.ends(DISK)
    await pair.polls(1)
    pair.peers[1].failure = DOWN
    await pair.polls(1)
    pair.peers[1].failure = None
    await pair.polls(2)
    assert await pair.standing() is Standing.OPEN
    await pair.polls(1)
    assert await pair.standing() is Standing.RESOLVED


async def test_peers_that_were_just_restarted_have_nothing_and_end_nothing(pair):
    await pair.fires(DISK)
    for peer in pair.peers:
        await peer.restart()

    await pair.polls(20)
    assert await pair.standing() is Standing.OPEN

    await pair.polls(3)  # more than ten minutes: twice resolve_timeout
    assert await pair.standing() is Standing.RESOLVED


async def test_one_peer_that_was_just_restarted_is_enough_to_wait(pair):
    await pair.fires(DISK)
    await pair.ends(DISK)
    await pair.peers[1].restart()
    await pair.polls(5)
    assert await pair.standing() is Standing.OPEN


async def test_what_fires_there_for_somebody_else_now_is_no_ghost(pair):
    await pair.fires(DISK)
    for peer in pair.peers:
        await peer.post(DISK, receiver="other")
    await pair.polls(7)
    assert await pair.standing() is Standing.OPEN


async def test_what_no_alertmanager_posted_is_no_ghost(pair):
    await pair.world.fire("Handmade", team="us")
    await pair.polls(5)
    assert await pair.standing() is Standing.OPEN


async def test_an_alarm_about_ourselves_is_no_ghost(pair):
    pair.peers[1].failure = DOWN
    await pair.polls(10)
    assert await pair.world.incidents() == ["responder: alertmanager b:9093"]
    await pair.polls(5)
    assert await pair.standing() is Standing.OPEN


async def test_what_is_heard_of_between_the_question_and_the_judgement_is_no_ghost(pair):
    await pair.fires(DISK)
    await pair.ends(DISK)
    await pair.polls(2)

    class FiresMeanwhile(FakePeer):
        async def alerts(self, receivers=None):
            found = await super().alerts(receivers)
            if receivers is None:
                await pair.world.post(pair.as_posted(DISK))
                await pair.world.service.intake.consume()
            return found

    pair.peers[1].__class__ = FiresMeanwhile
    await pair.polls(1)
    assert await pair.standing() is Standing.OPEN


async def test_at_level_3_a_person_is_asked_once_and_nothing_is_ended(pair):
    await pair.fires(SEVERE)
    await pair.ends(SEVERE)

    await pair.polls(3)

    story = await pair.world.story()
    assert (story.standing, story.incident.firing) == (Standing.OPEN, 1)
    assert story.incident.doubted_at is not None
    assert pair.world.reasons("first")[-1] == "ghost"
    assert pair.told()[-1] == "ghost"
    await pair.polls(6)
    assert pair.world.reasons("first").count("ghost") == 1
    assert pair.reconciled("doubted") == 1


async def test_at_level_3_nobody_is_asked_while_one_of_them_fires(pair):
    await pair.fires(SEVERE | {"zone": "a"})
    await pair.fires(SEVERE | {"zone": "b"})
    await pair.ends(SEVERE | {"zone": "a"})
    await pair.polls(4)
    assert "ghost" not in pair.world.reasons("first")


async def test_a_ghost_among_silenced_alerts_keeps_nothing_going(pair):
    await pair.fires(SEVERE | {"zone": "a"})
    await pair.fires(SEVERE | {"zone": "b"})
    await pair.ends(SEVERE | {"zone": "a"})
    await pair.silence({"zone": "b"})
    await pair.polls(3)
    assert await pair.standing() is Standing.OPEN
    await pair.polls(1)
    assert await pair.standing() is Standing.SUPPRESSED


async def test_an_alert_that_fires_for_somebody_else_now_keeps_it_going(pair):
    await pair.fires(SEVERE | {"zone": "a"})
    await pair.fires(SEVERE | {"zone": "b"})
    for peer in pair.peers:
        await peer.post(SEVERE | {"zone": "a"}, receiver="other")
    await pair.silence({"zone": "b"})
    await pair.polls(6)
    assert await pair.standing() is Standing.OPEN


async def test_the_holder_is_asked_where_somebody_has_it(pair):
    await pair.fires(SEVERE)
    await pair.world.ask(Acknowledge(), by="third")
    await pair.ends(SEVERE)
    await pair.polls(3)
    assert pair.world.reasons("third") == ["ghost"]
    assert "ghost" not in pair.world.reasons("first")


async def test_what_a_person_resolves_after_being_asked_is_over(pair):
    await pair.fires(SEVERE)
    await pair.ends(SEVERE)
    await pair.polls(3)
    await pair.world.ask(Resolve(reason="looked"))
    await pair.polls(3)

    await pair.world.advance(minutes=15)

    story = await pair.world.story()
    assert (story.standing, story.incident.firing) == (Standing.RESOLVED, 0)


async def test_what_is_seen_again_is_asked_about_again_when_it_is_gone_again(pair):
    await pair.fires(SEVERE)
    await pair.ends(SEVERE)
    await pair.polls(3)
    await pair.fires(SEVERE, posts=False)
    await pair.polls(3)
    assert (await pair.world.story()).incident.doubted_at is None
    assert pair.reconciled("seen_again") == 1
    await pair.ends(SEVERE)
    await pair.polls(3)
    assert pair.world.reasons("first").count("ghost") == 2


async def test_after_a_restart_of_ours_nobody_is_asked_twice(pair, store):
    await pair.fires(SEVERE)
    await pair.ends(SEVERE)
    await pair.polls(3)
    again = Pair(await make_world(store, clock=pair.clock, peers=pair.peers), pair.clock, pair.peers)
    await again.polls(5)
    assert again.world.reasons("first").count("ghost") == 0


async def test_resolved_by_hand_and_gone_there_is_not_opened_again(pair):
    await pair.fires(DISK)
    await pair.world.ask(Resolve(reason="done"))
    await pair.ends(DISK)
    await pair.polls(3)
    assert (await pair.world.story()).incident.firing == 0
    await pair.world.advance(minutes=40)
    assert await pair.standing() is Standing.CLOSED


# Missed


async def test_an_alert_that_was_never_posted_is_taken_in_through_the_journal(pair):
    await pair.fires(SEVERE, posts=False)

    await pair.polls(1)
    assert await pair.world.incidents() == []
    await pair.polls(1)

    assert await pair.world.incidents() == ["Region"]
    assert await sources(pair) == [SOURCE]
    assert (await pair.world.story()).incident.level == 3
    assert pair.reconciled("missed") == 1
    await pair.polls(3)
    assert await sources(pair) == [SOURCE]


async def test_alertmanager_is_given_the_time_that_its_route_gives_it(pair):
    for peer in pair.peers:
        peer.route = {"group_wait": "10s", "group_interval": "2m"}
    await pair.fires(DISK, posts=False)
    await pair.polls(4)
    assert await pair.world.incidents() == []
    await pair.polls(1)
    assert await pair.world.incidents() == ["Disk"]


@pytest.mark.parametrize("field", ["mute_time_intervals", "active_time_intervals"])
async def test_what_may_be_muted_by_the_time_of_day_is_not_missed(pair, field):
    for peer in pair.peers:
        peer.route = {"routes": [{"matchers": ["alertname=Disk"], field: ["nights"], **QUICK}]}
    await pair.fires(DISK, posts=False)
    await pair.fires(SEVERE, posts=False)
    await pair.polls(12)
    assert await pair.world.incidents() == ["Region"]


async def test_what_is_silenced_is_not_missed(pair):
    await pair.silence(DISK)
    await pair.fires(DISK, posts=False)
    await pair.polls(4)
    assert await pair.world.incidents() == []


async def test_a_beat_that_was_not_posted_is_not_made_up_for(pair):
    await pair.fires({"alertname": "Watchdog"}, posts=False)
    await pair.polls(4)
    assert await sources(pair) == []


async def test_an_alert_for_information_is_known(pair):
    await pair.fires({"alertname": "News", "severity": "info"})
    await pair.polls(4)
    assert await sources(pair) == ["alertmanager"]


async def test_what_ended_here_and_was_told_to_fire_after_that_is_taken_in(pair):
    await pair.fires(DISK)
    await pair.world.post({**pair.as_posted(DISK), **ended(pair)}, status="resolved")
    await pair.world.settle()
    assert await pair.standing() is Standing.RESOLVED

    await pair.world.advance(minutes=1)
    await pair.peers[0].post(DISK)
    await pair.polls(2)
    await pair.world.advance(seconds=30)  # it may have been a late twin

    assert await pair.standing() is Standing.OPEN
    assert await sources(pair) == ["alertmanager", "alertmanager", SOURCE]


async def test_a_peer_that_has_only_not_heard_the_end_yet_is_passed_over(pair):
    await pair.fires(DISK)
    await pair.world.post({**pair.as_posted(DISK), **ended(pair)}, status="resolved")
    await pair.polls(6)
    assert await pair.standing() is Standing.RESOLVED


def ended(pair: Pair) -> dict[str, str]:
    return {"status": "resolved", "endsAt": pair.clock.now().isoformat()}


# Truncated


async def test_what_a_body_left_out_is_fetched_at_once_and_the_incident_is_whole(pair):
    for peer in pair.peers:
        peer.route = {}  # five minutes to post
    nodes = [DISK | {"node": str(number)} for number in range(4)]
    for labels in nodes:
        await pair.fires(labels, posts=False)
    key = '{}:{alertname="Disk"}'
    await pair.world.post(pair.as_posted(nodes[0]), truncated=3, groupKey=key)
    await pair.world.settle()
    assert (await pair.world.story()).incident.hidden == {key}

    await pair.polls(1)
    story = await pair.world.story()
    assert (story.incident.firing, story.incident.hidden) == (4, {key})

    await pair.polls(1)
    assert (await pair.world.story()).incident.hidden == frozenset()
    assert [pair.reconciled(what) for what in ("left_out", "completed", "missed")] == [3, 1, 0]


async def test_after_alerts_were_left_out_it_looks_again_soon(pair):
    await pair.fires(DISK, posts=False)
    await pair.world.post(pair.as_posted({"alertname": "Disk", "node": "1"}), truncated=1)
    await pair.world.settle()
    assert await pair.world.service.reconcile.look()
    await pair.world.settle()
    assert not await pair.world.service.reconcile.look()


async def test_an_incomplete_incident_whose_known_alerts_ended_resolves_when_it_is_whole(pair):
    await pair.fires(DISK)
    await pair.world.post(pair.as_posted(DISK), truncated=1, groupKey='{}:{alertname="Disk"}')
    await pair.world.post({**pair.as_posted(DISK), **ended(pair)}, status="firing")
    await pair.ends(DISK)
    await pair.world.settle()
    assert await pair.standing() is Standing.OPEN
    await pair.polls(1)
    assert await pair.standing() is Standing.RESOLVED


async def test_nothing_is_called_whole_by_a_peer_that_was_just_restarted(pair):
    await pair.fires(DISK)
    await pair.world.post(pair.as_posted(DISK), truncated=1)
    await pair.world.settle()
    await pair.peers[0].restart()
    await pair.polls(3)
    assert (await pair.world.story()).incident.hidden


# Suppressed


async def held(pair: Pair, labels: Mapping[str, str] = SEVERE) -> list[str]:
    """It fires, is silenced, and is held."""
    await pair.fires(labels)
    silences = await pair.silence({"alertname": labels["alertname"]})
    await pair.polls(1)
    assert await pair.standing() is Standing.SUPPRESSED
    return silences


async def test_a_silence_holds_the_ladder_and_the_channel_is_told(pair):
    await held(pair)
    assert pair.told()[-1] == "suppressed"
    before = pair.world.reasons("second")

    await pair.polls(240)  # two hours

    story = await pair.world.story()
    assert (story.standing, story.escalation.since) == (Standing.SUPPRESSED, None)
    assert pair.world.reasons("second") == before == []
    assert pair.told().count("suppressed") == 1
    assert [line.why for line in story.audit].count("escalation.suppressed") == 1
    assert pair.reconciled("suppressed") == 1


async def test_the_hold_shows_why_and_until_when(pair):
    await held(pair)
    found: Story = await pair.world.story()
    assert found.escalation.suppression is not None
    assert found.escalation.suppression.by == ("silence-1",)
    assert found.next_due == found.escalation.suppression.until


async def test_when_the_silence_ends_the_ladder_goes_on_where_it_stood(pair):
    await pair.fires(SEVERE)
    await pair.world.advance(minutes=10)
    silences = await pair.silence(SEVERE)
    await pair.polls(60)
    await pair.expire(silences)

    await pair.polls(1)

    assert await pair.standing() is Standing.OPEN
    assert pair.told()[-1] == "unsuppressed"
    assert pair.world.reasons("first") == ["step", "unsuppressed"]
    assert pair.world.reasons("second") == []
    await pair.world.advance(minutes=5)  # 15 in all
    assert pair.world.reasons("second") == ["step"]


async def test_duties_are_due_at_their_time_all_the_same(pair):
    await held(pair)
    await pair.polls(240)
    assert pair.world.reasons("customers") == ["duty"]


async def test_one_of_two_that_is_not_silenced_keeps_the_ladder_going(pair):
    await pair.fires(SEVERE | {"zone": "a"})
    await pair.fires(SEVERE | {"zone": "b"})
    await pair.silence({"zone": "a"})
    await pair.polls(2)
    assert await pair.standing() is Standing.OPEN


async def test_it_is_held_only_where_every_peer_that_has_it_silences_it(pair):
    await pair.fires(SEVERE)
    await pair.peers[0].silence(SEVERE)
    await pair.polls(2)
    assert await pair.standing() is Standing.OPEN
    await pair.peers[1].silence(SEVERE)
    await pair.polls(1)
    assert await pair.standing() is Standing.SUPPRESSED


async def test_a_peer_that_does_not_have_it_has_no_say(pair):
    await pair.fires(SEVERE)
    await pair.peers[0].silence(SEVERE)
    await pair.peers[1].post(SEVERE, ends_at=pair.clock.now())
    await pair.polls(1)
    assert await pair.standing() is Standing.SUPPRESSED


async def test_inhibited_is_as_good_as_silenced(pair):
    for peer in pair.peers:
        peer.inhibit({"alertname": "Cloud"}, {"alertname": "Region"})
    await pair.fires(SEVERE)
    await pair.fires({"alertname": "Cloud", "level": "4"})
    await pair.polls(1)
    assert (await pair.standing("I1"), await pair.standing("I2")) == (Standing.SUPPRESSED, Standing.OPEN)


async def test_a_new_alert_of_it_ends_the_hold_at_once(pair):
    await held(pair, SEVERE | {"zone": "a"})
    await pair.peers[0].expire("silence-1")
    await pair.world.post(pair.as_posted(SEVERE | {"zone": "b"}))
    await pair.world.settle()
    assert await pair.standing() is Standing.OPEN
    assert pair.world.reasons("first")[-1] == "joined"


async def test_an_incident_of_which_something_is_hidden_is_not_held(pair):
    await pair.fires(SEVERE)
    await pair.world.post(pair.as_posted(SEVERE), truncated=1, groupKey='{}:{alertname="Region"}')
    await pair.world.settle()
    await pair.silence(SEVERE)
    pair.peers[1].failure = None
    await pair.peers[1].restart()  # nothing is called whole
    await pair.polls(1)
    assert await pair.standing() is Standing.OPEN


async def test_acknowledged_it_stays_acknowledged_and_the_end_of_the_lease_pages_nobody(pair):
    await pair.fires(SEVERE)
    await pair.world.ask(Acknowledge())
    silences = await pair.silence(SEVERE)
    await pair.polls(1)
    assert await pair.standing() is Standing.ACKNOWLEDGED
    before = pair.world.reasons("first")

    await pair.polls(200)

    assert await pair.standing() is Standing.SUPPRESSED
    assert pair.world.reasons("first") == before
    await pair.expire(silences)
    await pair.polls(1)
    assert pair.world.reasons("first")[-1] == "unsuppressed"


async def test_a_person_may_ask_for_the_next_step_while_it_is_held(pair):
    await held(pair)
    await pair.world.ask(Escalate())
    assert pair.world.reasons("second") == ["escalated"]
    assert await pair.standing() is Standing.SUPPRESSED


async def test_a_hold_that_nobody_confirms_ends_by_itself_and_says_so(pair):
    await held(pair)
    pair.peers[1].failure = DOWN

    await pair.polls(9)
    assert await pair.standing() is Standing.SUPPRESSED
    await pair.polls(2)

    assert await pair.standing() is Standing.OPEN
    assert pair.world.reasons("first")[-1] == "unconfirmed"
    assert "unconfirmed" in pair.told()


async def test_it_ends_without_any_poll(pair):
    await held(pair)
    await pair.world.advance(minutes=6)
    assert await pair.standing() is Standing.OPEN
    assert pair.world.reasons("first")[-1] == "unconfirmed"


async def test_one_peer_that_fires_it_ends_the_hold_though_the_other_cannot_be_asked(pair):
    silences = await held(pair)
    pair.peers[1].failure = DOWN
    await pair.peers[0].expire(silences[0])
    await pair.polls(1)
    assert await pair.standing() is Standing.OPEN


async def test_a_hold_that_another_process_said_is_ended_by_this_one(pair, store):
    silences = await held(pair)
    again = Pair(await make_world(store, clock=pair.clock, peers=pair.peers), pair.clock, pair.peers)
    await pair.expire(silences)
    await again.polls(1)
    assert await again.standing() is Standing.OPEN


async def test_ended_while_silenced_it_is_resolved_at_level_2_and_asked_about_at_level_3(pair):
    await held(pair, DISK)
    await pair.fires(SEVERE)
    await pair.silence({"alertname": "Region"})
    await pair.polls(1)
    await pair.ends(DISK)
    await pair.ends(SEVERE)

    await pair.polls(3)

    assert (await pair.standing("I1"), await pair.standing("I2")) == (Standing.RESOLVED, Standing.OPEN)
    assert pair.world.reasons("first", "I2")[-1] == "ghost"
    await pair.polls(10)
    assert "unconfirmed" not in pair.world.reasons("first", "I2")


async def test_resolved_by_hand_and_silenced_is_not_opened_again_until_the_silence_ends(pair):
    await pair.fires(SEVERE)
    silences = await pair.silence(SEVERE)
    await pair.world.ask(Resolve(reason="known"))
    await pair.polls(60)  # half an hour
    assert await pair.standing() is Standing.RESOLVED

    await pair.expire(silences)
    await pair.polls(1)
    assert await pair.standing() is Standing.OPEN


async def test_resolved_by_hand_and_silenced_is_opened_again_when_nobody_confirms_it(pair):
    await pair.fires(SEVERE)
    await pair.silence(SEVERE)
    await pair.world.ask(Resolve(reason="known"))
    await pair.polls(30)
    pair.peers[0].failure = DOWN
    await pair.polls(12)
    assert await pair.standing() is Standing.OPEN


async def test_a_confirmation_is_no_new_revision(pair):
    await held(pair)
    before = (await pair.world.story()).incident.revision
    until = (await pair.world.story()).next_due
    await pair.polls(3)
    assert (await pair.world.story()).next_due == until  # nor is every poll one
    await pair.polls(20)
    story = await pair.world.story()
    assert story.incident.revision == before
    assert story.next_due is not None
    assert until is not None
    assert story.next_due > until


async def test_who_is_held_is_not_stranded(pair):
    await held(pair)
    assert await pair.world.service.auditor.look() == []


# Peers


async def test_a_peer_that_cannot_be_asked_for_five_minutes_is_an_alarm_until_it_answers(pair):
    pair.peers[1].failure = DOWN
    await pair.polls(9)
    assert await pair.world.incidents() == []
    await pair.polls(1)
    assert await pair.world.incidents() == ["responder: alertmanager b:9093"]
    assert pair.metric("alertmanager_polls", peer="b:9093", outcome="transient") == 10

    pair.peers[1].failure = None
    await pair.polls(1)
    assert await pair.standing() is Standing.RESOLVED
    pair.peers[1].failure = DOWN
    await pair.polls(9)
    assert await pair.standing() is Standing.RESOLVED


async def test_what_a_person_has_to_mend_is_told_sooner(pair):
    pair.peers[1].failure = Permanent("alertmanager b: it answered 401")
    await pair.polls(3)
    assert await pair.world.incidents() == ["responder: alertmanager b:9093"]


async def test_a_peer_without_a_receiver_of_ours_is_not_believed(pair):
    await pair.fires(DISK)
    pair.peers[0].receiver = "ops"
    await pair.ends(DISK)
    await pair.polls(5)
    story = await pair.world.story(IncidentId("I2"))
    assert await pair.standing() is Standing.OPEN
    assert "RESPONDER_ALERTMANAGER_RECEIVERS" in story.alerts[0].annotations["description"]


async def test_an_alarm_that_a_dead_process_raised_is_ended_by_the_first_answer(pair, store):
    pair.peers[1].failure = DOWN
    await pair.polls(10)
    pair.peers[1].failure = None
    again = Pair(await make_world(store, clock=pair.clock, peers=pair.peers), pair.clock, pair.peers)
    await again.polls(1)
    assert await again.standing() is Standing.RESOLVED


async def test_two_processes_that_ask_tell_it_once(pair, store):
    other = Pair(await make_world(store, clock=pair.clock, peers=pair.peers), pair.clock, pair.peers)
    await pair.fires(SEVERE)
    silences = await pair.silence(SEVERE)
    for _ in range(4):
        await pair.polls(1)
        await other.polls(1)
    await pair.expire(silences)
    await pair.polls(1)
    await other.polls(1)
    await pair.fires({"alertname": "Lost"}, posts=False)
    for _ in range(3):
        await pair.polls(1)
        await other.polls(1)

    whys = await pair.world.whys()
    assert [whys.count(f"escalation.{why}") for why in ("suppressed", "unsuppressed")] == [1, 1]
    assert (await pair.world.story("I2")).incident.seen == 1


async def test_its_loop_asks_at_once_and_then_every_half_minute(pair):
    running = asyncio.ensure_future(pair.world.service.reconcile.run())
    asked = pair.peers[0].asked
    for polls in (1, 2, 3):
        while pair.clock.now() + EVERY not in pair.clock.waited_for():
            await let_others_run()
        assert asked == ["status", "alerts"] * polls
        pair.clock.advance(seconds=30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
