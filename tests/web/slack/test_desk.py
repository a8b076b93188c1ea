"""What people type, press and fill in: one act each, answered in their own language, from what was committed."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from responder.dialects.wording.words import words
from responder.engine.commands import Resolve
from responder.ports.inbox import Envelope
from responder.ports.store import Standing, Store
from responder.telemetry import configure_logging
from tests.fakes.slack import ALERTS, APP_TOKEN, BOT_TOKEN, Fails, Hangs, Status
from tests.fakes.slack.outgoing import command_fields
from tests.web.slack.office import FIRST, SECOND, STRANGER, TWICE, VIEWER, Office, book, office, read

# What is typed


VERBS = {
    "ack": ("/ack", "I1", "I1: First acknowledged until 2026-11-23 14:00 UTC", Standing.ACKNOWLEDGED),
    "ack for a while": (
        "/ack",
        "I1 for 30m",
        "I1: First acknowledged until 2026-11-23 12:30 UTC",
        Standing.ACKNOWLEDGED,
    ),
    "incident ack": ("/incident", "ack i1", "I1: First acknowledged", Standing.ACKNOWLEDGED),
    "unack": (
        "/incident",
        "unack 1",
        "I1: nothing was done: nobody has it, and nobody snoozed it",
        Standing.OPEN,
    ),
    "resolve": ("/incident", "resolve I1 disk replaced", "I1: resolved by First", Standing.RESOLVED),
    "level": ("/incident", "level I1 3 it grows", "I1: First set the level from 2 to 3", Standing.OPEN),
    "escalate": ("/incident", "escalate I1", "I1: First asked for the next page step at once", Standing.OPEN),
    "snooze": ("/incident", "snooze I1 30m", "I1: First snoozed it until 2026-11-23 12:30", Standing.SNOOZED),
    "note": ("/incident", "note I1 looking", "I1: First left a note", Standing.OPEN),
    "list": ("/incident", "list", "[L2] I1 Disk", Standing.OPEN),
    "show": ("/incident", "show I1", "the ladder of level 2 started", Standing.OPEN),
    "who": ("/incident", "who I1", "First", Standing.OPEN),
    "help": ("/incident", "help", "/incident snooze I42 for 30m", Standing.OPEN),
    "nothing": ("/incident", "", "What you can type", Standing.OPEN),
    "unclear": ("/incident", "akc I1", "/incident ack I1", Standing.OPEN),
}


@pytest.mark.parametrize("command, text, answer, standing", VERBS.values(), ids=VERBS)
async def test_every_verb_is_done_and_answered(
    desk: Office, command: str, text: str, answer: str, standing: Standing
) -> None:
    assert answer in await desk.typed(command, text)
    assert (await desk.world.story()).standing is standing


async def test_declaring_opens_an_incident_at_the_level_that_is_named(desk: Office) -> None:
    assert "I2: declared by hand at level 3" in await desk.typed("/incident", "declare level 3 Seoul is dark")
    assert "I3: declared by hand at level 2" in await desk.typed("/incident", "declare Something smells")
    assert await desk.world.incidents() == ["Disk", "Seoul is dark", "Something smells"]


async def test_a_korean_contact_is_answered_in_korean_and_in_their_own_time(desk: Office) -> None:
    answer = await desk.typed("/ack", "I1", user=SECOND)
    assert answer == "✅ I1: 확인: 둘째, 만료 2026-11-23 23:00 KST"
    assert "진행 중" in await desk.typed("/ack", "I9", user=SECOND)


async def test_who_tells_the_holder_who_was_paged_and_who_is_next(desk: Office) -> None:
    before = await desk.typed("/incident", "who I1")
    assert "First" in before
    assert "Second is paged" in before
    await desk.typed("/ack", "I1", user=SECOND)
    assert (await desk.typed("/incident", "who I1")).splitlines() == [
        "Who has I1",
        "Holder: Second",
        "Paged so far: First",
        "Next: 14:00 UTC: the acknowledgement of Second ends, and paging goes on",
    ]


async def test_a_story_is_told_with_its_buttons(desk: Office) -> None:
    await desk.typed("/ack", "I1")
    answer = (await desk.type("/incident", "show I1")).json()
    assert "12:00 UTC First acknowledged until" in read(answer)
    buttons = [
        each["action_id"] for block in answer["blocks"] for each in block["elements"] if "value" in each
    ]
    assert "responder.resolve" in buttons


async def test_a_long_story_is_told_from_its_end(desk: Office) -> None:
    for number in range(12):
        await desk.typed("/incident", f"note I1 number {number}")
    told = read((await desk.type("/incident", "show I1")).json())
    assert told.count("First left a note") == 8


NOTHING = {
    "ack": ("resolved", "ack I1", "it is resolved already"),
    "unack of what nobody has": ("open", "unack I1", "nobody has it, and nobody snoozed it"),
    "unack": ("resolved", "unack I1", "nobody has it, and nobody snoozed it"),
    "resolve": ("resolved", "resolve I1 once more", "it is resolved already"),
    "escalate": ("resolved", "escalate I1", "it is resolved already"),
    "snooze": ("resolved", "snooze I1 30m", "it is resolved already"),
    "of what is closed": ("closed", "ack I1", "it is resolved already"),
}


@pytest.mark.parametrize("standing, text, why", NOTHING.values(), ids=NOTHING)
async def test_what_changes_nothing_is_told_with_its_reason_and_not_as_done(
    desk: Office, standing: str, text: str, why: str
) -> None:
    if standing != "open":
        await desk.world.clear("Disk", cluster="seoul")
    if standing == "closed":
        await desk.world.advance(hours=24)
    told = await desk.typed("/incident", text)
    assert told.startswith("ℹ️ I1: noth")  # noqa: RUF001  as it is shown
    assert why in told


async def test_what_changes_nothing_is_told_in_korean_too(desk: Office) -> None:
    await desk.world.clear("Disk", cluster="seoul")
    assert "이미 해결된 장애" in await desk.typed("/ack", "I1", user=SECOND)
    assert "맡은 사람도" in await desk.typed("/incident", "unack I1", user=SECOND)


CAPPED = {
    "ack for too long": ("ack I1 for 9h", "less than the 9h you asked for: its level allows 2h at most"),
    "ack for as long as it may": ("ack I1 for 2h", ""),
    "ack for no time named": ("ack I1", ""),
    "snooze for too long": ("snooze I1 9h", "less than the 9h you asked for: its level allows 4h at most"),
    "snooze for as long as it may": ("snooze I1 4h", ""),
}


@pytest.mark.parametrize("text, less", CAPPED.values(), ids=CAPPED)
async def test_who_gets_less_time_than_they_asked_for_is_told_so(desk: Office, text: str, less: str) -> None:
    told = await desk.typed("/incident", text)
    assert told.startswith("✅ I1: First ")
    assert (less in told) if less else ("less than" not in told)


async def test_less_time_than_asked_is_told_in_korean_too(desk: Office) -> None:
    assert "요청한 시간(9시간)보다 짧음" in await desk.typed("/ack", "I1 9h", user=SECOND)


async def test_a_form_that_gets_less_time_than_it_asked_for_is_told_so_too(desk: Office) -> None:
    await desk.press("snooze")
    await desk.desk.settle()
    await desk.submit({"other": "9h"})
    assert "less than the 9h" in await desk.told()


# Who is on call


TURNS = {
    "weekly": {"members": ["second", "first"], "starts": "2026-11-23", "timezone": "UTC"},
    "nights": {
        "always": "first",
        "overrides": [
            {"from": "2026-11-23T08:00", "until": "2026-11-23T18:00", "contact": "third", "reason": "a swap"}
        ],
    },
}


@pytest.mark.parametrize("text", ["who", "당직", "담당"])
async def test_while_nothing_is_open_who_tells_who_is_on_call_of_every_roster(
    store: Store, text: str
) -> None:
    async with office(store, policies=book(rosters=TURNS)) as found:
        assert (await found.typed("/incident", text)).splitlines() == [
            "No incident is open. On call now",
            "primary: First",
            "weekly: Second, until 2026-11-30 09:00 UTC",
            "nights: Third, until 18:00 UTC (because: a swap)",
        ]


async def test_who_is_on_call_is_told_in_the_readers_language_and_time(store: Store) -> None:
    async with office(store, policies=book(rosters=TURNS)) as found:
        assert (await found.typed("/incident", "당직", user=SECOND)).splitlines() == [
            "진행 중인 장애 없음. 현재 당직",
            "primary: First",
            "weekly: 둘째, 교대: 2026-11-30 18:00 KST",
            "nights: Third, 교대: 2026-11-24 03:00 KST (사유: a swap)",
        ]


async def test_of_an_incident_that_is_named_who_tells_as_ever(desk: Office) -> None:
    await desk.world.clear("Disk", cluster="seoul")
    assert (await desk.typed("/incident", "who I1")).splitlines()[0] == "Who has I1"


async def test_a_stranger_is_not_told_who_is_on_call(store: Store) -> None:
    async with office(store) as found:
        found.slack.workspace.add_user(STRANGER, "kim")
        assert "First" not in await found.typed("/incident", "who", user=STRANGER)


# Which incident


async def test_without_a_name_the_only_open_incident_is_meant(desk: Office) -> None:
    assert "I1: First acknowledged" in await desk.typed("/ack", "30m")


async def test_without_a_name_and_with_several_open_nothing_is_guessed(desk: Office) -> None:
    await desk.world.fire("Memory")
    answer = await desk.typed("/ack")
    assert "I2 Memory, I1 Disk" in answer
    assert [(await desk.world.story(each)).standing for each in ("I1", "I2")] == [Standing.OPEN] * 2


async def test_an_acknowledged_incident_is_still_open_and_a_resolved_one_is_not(desk: Office) -> None:
    await desk.typed("/ack", "I1")
    assert "I1:" in await desk.typed("/incident", "escalate")
    await desk.typed("/incident", "resolve")
    assert "No incident is open" in await desk.typed("/incident", "escalate")


@pytest.mark.parametrize(
    "text, told",
    [
        pytest.param("ack I42", "There is no incident I42. Open: I12 N12, I11 N11", id="what is open"),
        pytest.param("ack I112", "/incident ack I12", id="the one that was meant"),
    ],
)
async def test_an_unknown_incident_is_answered_with_what_there_is(desk: Office, text: str, told: str) -> None:
    for number in range(2, 13):
        await desk.world.fire(f"N{number}")
    answer = await desk.typed("/incident", text)
    assert told in answer
    assert "…" in answer  # of eleven, ten are offered


async def test_an_unknown_incident_where_none_is_open_is_said_so(store: Store) -> None:
    async with office(store) as found:
        assert "There is no incident I42, and none is open" in await found.typed("/ack", "I42")
        assert "No incident is open" in await found.typed("/ack")


async def test_in_its_thread_an_incident_need_not_be_named(desk: Office) -> None:
    first = desk.board()
    await desk.world.fire("Memory")
    await desk.world.advance(seconds=5)
    second = desk.board()
    assert first.ts != second.ts
    url = f"{desk.url}/slack/events"
    assert (await desk.slack.mention(url, "ack", thread=first.ts)).status == 200
    assert (await desk.world.story("I1")).standing is Standing.ACKNOWLEDGED
    assert (await desk.world.story("I2")).standing is Standing.OPEN
    await desk.slack.mention(url, "ack", thread=second.ts)
    assert (await desk.world.story("I2")).standing is Standing.ACKNOWLEDGED


async def test_in_the_thread_of_what_is_over_the_open_one_is_not_meant(desk: Office) -> None:
    over = desk.board()
    await desk.world.clear("Disk", cluster="seoul")
    await desk.world.fire("Memory")
    await desk.slack.mention(f"{desk.url}/slack/events", "ack", thread=over.ts)
    assert (await desk.world.story("I2")).standing is Standing.OPEN


async def test_a_mention_that_is_sent_again_is_one_act(desk: Office) -> None:
    await desk.slack.mention(f"{desk.url}/slack/events", "note I1 looking")
    await desk.slack.send_again()
    assert (await desk.whys()).count("incident.note") == 1


# What is pressed


async def test_a_press_is_committed_and_the_person_alone_is_told(desk: Office) -> None:
    answer = await desk.press("ack")
    assert (answer.status, answer.body) == (200, "")
    assert (await desk.world.story()).standing is Standing.ACKNOWLEDGED
    assert "I1: First acknowledged" in await desk.told()
    [said] = desk.slack.responses.said
    assert (said.user, said.body["response_type"], said.body["replace_original"]) == (
        FIRST,
        "ephemeral",
        False,
    )


async def test_a_press_is_answered_before_slack_has_taken_what_is_told(desk: Office) -> None:
    desk.slack.always("response_url", Hangs())
    assert (await desk.press("ack")).status == 200
    assert (await desk.world.story()).standing is Standing.ACKNOWLEDGED
    await desk.slack.until_called("response_url")
    desk.slack.release()


async def test_two_presses_on_what_one_saw_are_one_act(desk: Office) -> None:
    seen = desk.board()
    await desk.press("escalate", seen)
    await desk.press("escalate", seen)
    told = await desk.told()
    assert told.startswith("ℹ️ I1: you had asked for that step already")  # noqa: RUF001  as it is shown
    assert "/incident escalate I1" in told
    assert (await desk.whys()).count("escalation.escalated") == 1


async def test_to_escalate_again_is_typed_and_pages_one_step_further(desk: Office) -> None:
    seen = desk.board()
    await desk.press("escalate", seen)
    await desk.press("escalate", seen)
    await desk.typed("/incident", "escalate I1")
    assert (await desk.whys()).count("escalation.escalated") == 2


async def test_whoever_gave_it_back_acknowledges_again_on_what_they_saw(desk: Office) -> None:
    seen = desk.board()
    await desk.press("ack", seen)
    await desk.typed("/incident", "unack I1")
    await desk.press("ack", seen)
    assert "✅ I1: First acknowledged until" in await desk.told()
    assert (await desk.world.story()).standing is Standing.ACKNOWLEDGED


async def test_whoever_has_it_renews_it_by_another_press(desk: Office) -> None:
    seen = desk.board()
    await desk.press("ack", seen)
    desk.world.clock.advance(seconds=2)
    await desk.press("ack", seen)
    assert "First renewed the acknowledgement until" in await desk.told()


async def test_two_people_who_press_at_once_both_count(desk: Office) -> None:
    seen = desk.board()
    await asyncio.gather(desk.press("ack", seen), desk.press("ack", seen, user=SECOND))
    assert sorted(why for why in await desk.whys() if "ack" in why or "taken" in why) == [
        "escalation.acknowledged",
        "escalation.taken_over",
    ]


async def test_a_press_that_arrives_while_the_incident_resolves_is_told_so(desk: Office) -> None:
    seen = desk.board()
    resolving = desk.world.ask(Resolve(), by="third")
    await asyncio.gather(resolving, desk.press("ack", seen))
    whys = [why for why in await desk.whys() if why.startswith("escalation.ack") or "resolved" in why]
    assert (await desk.world.story()).standing is Standing.RESOLVED
    assert whys in (
        ["incident.resolved_still_firing", "escalation.resolved", "escalation.acknowledged_late"],
        ["escalation.acknowledged", "incident.resolved_still_firing", "escalation.resolved"],
    )


async def test_a_press_on_what_is_resolved_already_says_that_it_stays_so(desk: Office) -> None:
    seen = desk.board()
    await desk.world.clear("Disk", cluster="seoul")
    await desk.press("ack", seen)
    told = await desk.told()
    assert told == "ℹ️ I1: nothing was done: it is resolved already, and stays resolved"  # noqa: RUF001  as shown
    assert (await desk.world.story()).standing is Standing.RESOLVED


async def test_an_answer_that_cannot_be_told_is_logged_without_its_address(desk: Office) -> None:
    with capture_logs() as logs:
        desk.slack.always("response_url", Status(404))
        await desk.press("ack")
        await desk.desk.settle()
    assert (await desk.world.story()).standing is Standing.ACKNOWLEDGED
    [line] = [line for line in logs if line["event"] == "answer not told"]
    assert "expired" in line["problem"]
    assert "fakesecret" not in json.dumps(logs, default=str)


# Forms


async def test_resolving_asks_for_the_reason_which_is_kept(desk: Office) -> None:
    assert (await desk.press("resolve")).body == ""
    await desk.desk.settle()
    view = desk.slack.view()
    assert "I1: Disk" in json.dumps(view.content, ensure_ascii=False)
    answer = await desk.submit({"reason": "disk replaced"})
    assert answer.json() == {"response_action": "clear"}
    assert "I1: resolved by First" in await desk.told()
    story = await desk.world.story()
    assert story.standing is Standing.RESOLVED
    assert "disk replaced" in {line.details.get("text") for line in story.audit}


async def test_snoozing_asks_for_how_long(desk: Office) -> None:
    await desk.press("snooze")
    await desk.desk.settle()
    wrong = (await desk.submit({"other": "soon"})).json()
    assert wrong["response_action"] == "errors"
    assert "is no length of time" in wrong["errors"]["other"]
    nothing = (await desk.submit({"other": "0m"})).json()
    assert nothing["response_action"] == "errors"
    assert (await desk.submit({"duration": "1h"})).json() == {"response_action": "clear"}
    snooze = (await desk.world.story()).escalation.snooze
    assert snooze is not None
    assert (snooze.until - desk.world.clock.now()).total_seconds() == 3600


async def test_a_second_form_on_what_one_saw_counts_too(desk: Office) -> None:
    seen = desk.board()
    for duration, minutes in (("30m", 30), ("1h", 60)):
        await desk.press("snooze", seen)
        await desk.desk.settle()
        assert (await desk.submit({"duration": duration})).json() == {"response_action": "clear"}
        snooze = (await desk.world.story()).escalation.snooze
        assert snooze is not None
        assert (snooze.until - desk.world.clock.now()).total_seconds() == 60 * minutes


async def test_a_form_that_is_sent_again_is_one_act(desk: Office) -> None:
    await desk.press("snooze")
    await desk.desk.settle()
    await desk.submit({"duration": "30m"})
    assert (await desk.slack.send_again()).json() == {"response_action": "clear"}
    assert (await desk.whys()).count("escalation.snoozed") == 1


async def test_a_form_is_in_the_language_of_who_pressed(desk: Office) -> None:
    await desk.press("snooze", user=SECOND)
    await desk.desk.settle()
    assert desk.slack.view(SECOND).content["title"]["text"] == words("ko")("commands.form.snooze.title")
    assert "시간" in json.dumps(
        (await desk.submit({"other": "soon"}, user=SECOND)).json()["errors"], ensure_ascii=False
    )


async def test_a_form_that_cannot_be_opened_says_what_to_type(desk: Office) -> None:
    desk.slack.script("views.open", Fails("expired_trigger_id"))
    await desk.press("resolve")
    assert "Type it instead: /incident resolve I1" in await desk.told()


# Who may


@pytest.mark.parametrize("text", ["ack I1", "resolve I1", "note I1 x", "declare x", "snooze I1 5m"])
async def test_a_viewer_is_refused_and_told_what_is_missing(desk: Office, text: str) -> None:
    answer = await desk.typed("/incident", text, user=VIEWER)
    assert "needs the role responder; Looker (slack) has viewer" in answer
    assert (await desk.world.story()).standing is Standing.OPEN


async def test_a_viewer_may_look(desk: Office) -> None:
    assert "I1 Disk" in await desk.typed("/incident", "list", user=VIEWER)


@pytest.mark.parametrize(
    "text", ["list", "show I1", "who I1", "ack I1", "ack", "ack I9", "resolve I1", "declare x", "note I1 x"]
)
async def test_a_stranger_is_told_how_to_become_a_contact_and_nothing_else(desk: Office, text: str) -> None:
    desk.slack.workspace.add_user(STRANGER, "kim")
    answer = await desk.typed("/incident", text, user=STRANGER)
    assert "kim (U024BE7LH)" in answer
    assert "{slack: U024BE7LH}" in answer
    assert "Disk" not in answer
    assert (await desk.world.story()).standing is Standing.OPEN


@pytest.mark.parametrize("button", ["ack", "escalate", "resolve", "snooze"])
async def test_a_stranger_who_presses_is_told_the_same(desk: Office, button: str) -> None:
    await desk.press(button, user=STRANGER)
    assert "{slack: U024BE7LH}" in await desk.told()
    assert desk.slack.calls("views.open") == []
    assert (await desk.world.story()).standing is Standing.OPEN


async def test_in_an_emergency_a_stranger_acknowledges_and_the_on_call_is_told(store: Store) -> None:
    async with office(store, policies=book(acknowledge_for="on-call")) as found:
        found.slack.workspace.add_user(STRANGER, "kim")
        await found.world.fire("Disk")
        await found.press("ack", user=STRANGER)
        told = await found.told()
        assert "kim (U024BE7LH), who is no contact, acknowledged in the name of First" in told
        await found.world.settle()
        assert found.world.reasons("first")[-1] == "stranger"
        assert "{slack: U024BE7LH}" in await found.typed("/incident", "resolve I1", user=STRANGER)


async def test_a_user_who_stands_with_two_contacts_is_neither(desk: Office) -> None:
    answer = await desk.typed("/ack", "I1", user=TWICE)
    assert "stands with third, customers in contacts.yaml" in answer
    assert (await desk.world.story()).standing is Standing.OPEN


async def test_what_a_stranger_calls_themselves_is_one_visible_line(desk: Office) -> None:
    desk.slack.workspace.add_user(STRANGER, "kim\n(U0FIRST001) \u202e<!channel>")
    answer = await desk.typed("/ack", "I1", user=STRANGER)
    assert "{slack: U024BE7LH}" in answer
    assert "\u202e" not in answer


# What goes wrong


async def test_what_cannot_be_recorded_is_told_and_may_be_asked_again(desk: Office) -> None:
    seen = desk.board()
    await desk.world.store.close()
    assert "could not be recorded" in await desk.typed("/ack", "I1")
    await desk.press("ack", seen)
    assert "could not be recorded" in await desk.told()


async def test_past_two_seconds_the_answer_is_that_it_is_not_recorded_yet(desk: Office) -> None:
    async with desk.world.store.unit():  # somebody else's transaction, which takes long
        asking = asyncio.ensure_future(desk.type("/ack", "I1"))
        while not [moment for moment in desk.world.clock.waited_for() if moment > desk.world.clock.now()]:
            await desk.world.clock.until_sleeping()
        await asyncio.to_thread(int)
        desk.world.clock.advance(seconds=2)
        told = read((await asking).json())
        assert told.startswith("ℹ️ I1: not recorded yet")  # noqa: RUF001  as it is shown
    await desk.world.service.commands.settle()
    assert (await desk.world.story()).standing is Standing.ACKNOWLEDGED


async def test_how_long_an_answer_took_is_measured(desk: Office) -> None:
    await desk.typed("/incident", "list")
    await desk.press("ack")
    registry = desk.world.service.points.metrics.registry
    name = "responder_slack_answer_seconds_count"
    assert registry.get_sample_value(name, {"said": "spoken"}) == 1
    assert registry.get_sample_value(name, {"said": "pressed"}) == 1


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    out = io.StringIO()
    configure_logging(json_lines=True, stream=out, level=0)
    yield out
    structlog.reset_defaults()


async def test_nothing_secret_reaches_the_log(desk: Office, everything_logged: io.StringIO) -> None:
    sent = [
        await desk.type("/ack", "I1"),
        await desk.press("resolve"),
        await desk.press("escalate"),
        await desk.type("/ack", "I1", user=STRANGER),
    ]
    desk.slack.refuse_token("token_revoked")
    sent.append(await desk.press("snooze"))
    desk.slack.responses.doors.clear()
    sent.append(await desk.press("ack"))
    desk.slack.signing_secret = "rotated"
    sent.append(await desk.type("/ack", "I1"))
    await desk.desk.settle()
    logged = everything_logged.getvalue()
    secrets = {BOT_TOKEN, APP_TOKEN, "fake-signing-secret", "rotated", "fakesecret"}
    secrets |= {each.trigger_id for each in sent} | {each.response_url for each in sent}
    assert "RESPONDER_SLACK_SIGNING_SECRET" in logged
    assert not [secret for secret in secrets if secret and secret in logged]


# Socket Mode


async def test_what_comes_by_socket_mode_is_answered_alike(desk: Office) -> None:
    place = desk.slack.workspace.channels[ALERTS]
    fields = command_fields(desk.slack.workspace, "/ack", "I1", FIRST, place, "trigger", "https://x/response")
    answer = await desk.desk.take(Envelope(kind="slash_commands", payload=fields))
    assert answer is not None
    assert "I1: First acknowledged" in read(dict(answer))


@pytest.mark.parametrize(
    "kind, payload",
    [
        pytest.param("hello", {}, id="of another kind"),
        pytest.param("slash_commands", {"command": "/nobodys"}, id="not ours"),
        pytest.param("interactive", {"type": 3}, id="nonsense"),
        pytest.param("events_api", {}, id="empty"),
    ],
)
async def test_what_socket_mode_brings_and_nobody_understands_is_let_go(
    desk: Office, kind: str, payload: dict[str, Any]
) -> None:
    assert await desk.desk.take(Envelope(kind=kind, payload=payload)) is None


async def test_people_of_another_workspace_are_not_heard_by_socket_mode(desk: Office) -> None:
    place = desk.slack.workspace.channels[ALERTS]
    fields = command_fields(desk.slack.workspace, "/ack", "I1", FIRST, place, "trigger", "https://x/response")
    assert await desk.desk.take(Envelope(kind="slash_commands", payload=fields | {"team_id": "T1"})) is None
    assert (await desk.world.story()).standing is Standing.OPEN


async def test_a_korean_contact_is_refused_in_korean_too(desk: Office) -> None:
    await desk.world.fire("RegionDown", level="3")
    assert "없는 장애 번호" in await desk.typed("/ack", "I9", user=SECOND)
    await desk.press("snooze", user=SECOND)
    await desk.desk.settle()
    answer = await desk.submit({"duration": "0m", "other": "0m"}, user=SECOND)
    assert re.search("[가-힣]", str(answer.json()))


async def test_a_mention_is_answered_in_its_thread_to_whoever_spoke_alone(desk: Office) -> None:
    await desk.world.fire("RegionDown", level="3")
    root = desk.board()
    await desk.slack.mention(f"{desk.url}/slack/events", "ack for 30m", thread=root.ts)
    await desk.desk.settle()
    (whispered,) = desk.slack.workspace.ephemerals(FIRST)
    assert (whispered.channel, whispered.thread_ts) == (root.channel, root.ts)
    assert "acknowledged until" in read({"blocks": list(whispered.blocks), "text": whispered.text})


async def test_a_mention_that_is_refused_is_told_so_too(desk: Office) -> None:
    await desk.slack.mention(f"{desk.url}/slack/events", "ack I9")
    await desk.desk.settle()
    (whispered,) = desk.slack.workspace.ephemerals(FIRST)
    assert "I9" in read({"blocks": list(whispered.blocks), "text": whispered.text})
