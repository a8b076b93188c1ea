"""What every peer keeps: the real Alertmanager behind its adapter, and the fake that the engine is tried with."""

from __future__ import annotations

from datetime import timedelta

from responder.dialects.alertmanager import fingerprint_there
from responder.dialects.alertmanager_api import resolve_timeout
from responder.dialects.alertmanager_config import read_config
from tests.conformance.alerts.conftest import OTHER, SOURCE, TARGET

DISK = {"alertname": "Disk", "node": "n-1"}


async def names(rig, receivers=("responder",)):
    return sorted(one.alert.name for one in await rig.peer.alerts(receivers))


async def test_an_alert_that_fires_is_listed_with_its_labels_and_its_fingerprint(rig):
    await rig.post(DISK)

    (found,) = await rig.peer.alerts(["responder"])

    assert (found.alert.labels, found.alert.fingerprint) == (DISK, fingerprint_there(DISK))
    assert (found.alert.is_firing, found.receivers) == (True, ("responder",))
    assert (found.is_suppressed, found.suppressed_by) == (False, ())


async def test_it_began_and_was_told_when_it_was_first_posted(rig):
    before = rig.now()
    await rig.post(DISK)

    (first,) = await rig.peer.alerts(["responder"])
    assert before <= first.alert.starts_at <= rig.now()
    assert before <= first.updated_at <= rig.now()


async def test_told_again_it_began_when_it_did_and_was_told_later(rig):
    await rig.post(DISK)
    (first,) = await rig.peer.alerts(["responder"])
    await rig.post(DISK)

    (second,) = await rig.peer.alerts(["responder"])

    assert second.alert.starts_at == first.alert.starts_at
    assert second.updated_at > first.updated_at


async def test_an_alert_that_has_ended_is_not_listed(rig):
    await rig.post(DISK)
    await rig.post(DISK, ends_at=rig.now())

    assert await names(rig) == []


async def test_only_the_alerts_of_the_receivers_that_are_named_are_listed(rig):
    await rig.post(DISK)
    await rig.post({"alertname": "Theirs", **OTHER})

    assert await names(rig) == ["Disk"]
    assert await names(rig, ["other"]) == ["Theirs"]
    assert await names(rig, ["other", "responder"]) == ["Disk", "Theirs"]
    assert await names(rig, ["respond", "responde.", ".*"]) == []
    assert await names(rig, None) == ["Disk", "Theirs"]


async def test_a_silence_suppresses_until_it_is_expired(rig):
    await rig.post(DISK)
    silence = await rig.silence({"alertname": "Disk"})

    (found,) = await rig.peer.alerts(["responder"])
    assert (found.is_suppressed, found.suppressed_by) == (True, (silence,))

    await rig.expire(silence)
    (found,) = await rig.peer.alerts(["responder"])
    assert (found.is_suppressed, found.suppressed_by) == (False, ())


async def test_an_alert_that_fires_inhibits_another_until_it_ends(rig):
    await rig.post(SOURCE)
    await rig.post(TARGET)

    found = {one.alert.name: one for one in await rig.peer.alerts(["responder"])}
    assert found["PodDown"].suppressed_by == (fingerprint_there(SOURCE),)
    assert [name for name, one in found.items() if one.is_suppressed] == ["PodDown"]

    await rig.post(SOURCE, ends_at=rig.now())
    (left,) = await rig.peer.alerts(["responder"])
    assert (left.alert.name, left.is_suppressed) == ("PodDown", False)


async def test_a_peer_that_was_restarted_has_its_silences_and_no_alerts(rig):
    await rig.post(DISK)
    silence = await rig.silence({"alertname": "Disk"})
    up_since = (await rig.peer.status()).up_since
    await rig.restart()

    assert await names(rig) == []
    assert (await rig.peer.status()).up_since > up_since
    await rig.post(DISK)
    (found,) = await rig.peer.alerts(["responder"])
    assert found.suppressed_by == (silence,)


async def test_its_status_tells_since_when_it_is_up_and_its_configuration(rig):
    status = await rig.peer.status()

    config = read_config(status.config)
    assert timedelta(0) <= rig.now() - status.up_since < timedelta(minutes=1)
    assert resolve_timeout(status.config) == timedelta(minutes=5)
    assert config.route is not None
    assert config.route.receiver == "responder"
    assert "responder" in [receiver.name for receiver in config.receivers]
