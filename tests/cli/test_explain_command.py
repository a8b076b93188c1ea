from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.desk import Ran, policies_with, run
from tests.house.tree import ROOT

SAMPLES = ROOT / "tests" / "samples" / "alertmanager"
AT = "2026-11-23T03:00Z"


def explain(body: object, *options: object, env: dict[str, str] | None = None) -> Ran:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return run("explain", "-", "--at", AT, *options, stdin=raw, env=env)


def alert(**labels: str) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": labels,
        "startsAt": "2026-11-23T02:59:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }


def body(*alerts: dict[str, Any], **top: Any) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "alerts": list(alerts)} | top


def test_an_alert_is_explained_down_to_who_is_reached_by_what():
    env = {
        "SMS_GATEWAY_URL": "http://127.0.0.1:9/",
        "SMS_GATEWAY_AUTHORIZATION": "x",
        "CTO_PHONE": "+82-2-canary",
    }
    ran = explain(body(alert(alertname="Zone", level="3")), env=env)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[:3] == [
        "alert 1, firing: Zone",
        '  rule level-label, because level=~"[1-4]"; the label level says so',
        '  level 3, key level-label{alertname="Zone", cluster=""}',
    ]
    assert any(line.startswith("level 3 severe, escalation matrix, 1 alert: level-label{") for line in lines)
    ladder = [line.split()[4] for line in lines if line.strip().startswith("2026-11-23")]
    assert "2026-11-23 03:15 UTC" in ran.out
    lead = (
        "DevOps lead (on shift for devops) by slack* then email-disaster*, not by sms-emergency: no address"
    )
    assert lead in ran.out
    assert "CTO by sms-emergency then slack* then email-disaster*" in ran.out
    assert "canary" not in ran.out
    assert ladder == ["notify", "page", "page", "page", "page", "repeat", "duty"]
    assert "channel slack-critical: RESPONDER_SLACK_BOT_TOKEN is not set" in ran.out


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*.json")))
def test_every_recorded_body_is_explained(name):
    ran = run("explain", SAMPLES / name, "--at", AT)
    assert ran.code == 0, ran
    count = len(json.loads((SAMPLES / name).read_text())["alerts"])
    assert ran.out.count("alert ") >= count
    found = run("explain", SAMPLES / name, "--at", AT, "--output", "json").json()
    assert len(found["alerts"]) == count


def test_thirty_alerts_of_one_trouble_have_one_ladder():
    out = run("explain", SAMPLES / "firing-grouped-30.json", "--at", AT).out
    assert out.count("rule severity-critical") == 1
    assert "30 alerts: severity-critical" in out


def test_what_opens_nothing_says_what_it_does():
    ended = alert(alertname="Zone", level="3") | {"status": "resolved", "endsAt": "2026-11-23T03:00:00Z"}
    ran = explain(body(ended, alert(alertname="Done", severity="info"), alert(alertname="Watchdog")))
    assert "it ends its part of that incident" in ran.out
    assert "shown on slack-ops*; it opens no incident and pages nobody" in ran.out
    assert "no trouble: a beat of watchdog, whose silence for 15m opens an incident of level 2" in ran.out
    assert "if nobody answers" not in ran.out


def test_what_cannot_be_read_is_told_and_the_rest_explained():
    ran = explain(body({"labels": {}}, alert(alertname="Zone", level="3"), version="7", truncatedAlerts=4))
    assert ran.code == 1
    assert "alert 1 cannot be read: it has no labels" in ran.out
    assert "a body of version '7'" in ran.out
    assert "left 4 alerts out" in ran.out
    assert "2026-11-23 03:15 UTC" in ran.out


@pytest.mark.parametrize(
    "options, raw, code, said",
    [
        pytest.param(["--at", "noon"], b"{}", 2, "write it like 2026-11-23T03:00", id="no-time"),
        pytest.param([], b"[]", 1, "is no webhook body: not a JSON object", id="no-body"),
        pytest.param(
            ["--policies", "nowhere"], b"{}", 1, "`responder check` lists them all", id="no-policies"
        ),
    ],
)
def test_what_cannot_be_explained_is_told(options, raw, code, said):
    ran = explain(raw, *options)
    assert ran.code == code
    assert said in ran.err


def test_a_file_that_is_not_there_is_a_usage_error():
    assert run("explain", "nowhere.json").code == 2


def test_a_time_without_an_offset_is_the_readers():
    raw = json.dumps(body(alert(alertname="Zone", level="3")))
    out = run("--timezone", "Asia/Seoul", "explain", "-", "--at", "2026-11-23T03:00", stdin=raw).out
    assert "2026-11-23 03:15 KST" in out


def test_a_person_without_a_method_is_told_as_nobody(tmp_path):
    phone = "      - {webhook: sms-emergency, to: {from_env: CEO_PHONE}}\n"
    chat = "      - {slack: {from_env: CEO_SLACK}}\n"
    mail = "      - {webhook: email-disaster, to: {from_env: CEO_EMAIL}}\n"
    folder = policies_with(tmp_path, "contacts.yaml", phone + chat + mail, "      []\n")
    out = explain(body(alert(alertname="Zone", level="3")), "--policies", folder).out
    assert "NOBODY for ceo: ceo has no usable method" in out


def test_no_strangers_text_can_write_to_the_terminal():
    hostile = "\x1b[2J[bold]x[/]\u202e"
    bad = alert(alertname=hostile, level="3") | {"annotations": {"summary": hostile}}
    out = explain(body(bad)).out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[bold]x[/]" in out
