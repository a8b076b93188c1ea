"""The shipped policies express the operator's plan exactly, are explained field by field, and do what they say."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from responder.adapters.channels import KINDS, faults_of, models
from responder.adapters.channels.templates import Rendering
from responder.adapters.channels.tools import Tools
from responder.adapters.channels.values import SAMPLES
from responder.adapters.policy_files import PolicyFiles, read_yaml
from responder.adapters.sessions import Sessions
from responder.core.level import Level
from responder.core.matching import Mode, matches_all, parse_all
from responder.core.on_shift import who_is_on
from responder.core.policy.book import DOCUMENTS, PolicyBook, schemas
from responder.core.policy.contacts import OnRoster, Person
from responder.core.policy.escalation import Expect, Notify, Page, Remediate, Step, Terms
from responder.core.policy.fields import FromEnv
from responder.core.policy.levels import HEARTBEAT_RULE, FromLabel
from responder.core.triage import beats, triage
from tests.fakes.clock import NOON, FakeClock
from tests.house.policy_fields import README, with_tables
from tests.house.tree import ROOT

FOLDER = ROOT / "policies"
ROUTE = FOLDER / "alertmanager-route.yml"


@pytest.fixture(scope="module")
def book() -> PolicyBook:
    return PolicyFiles(folder=FOLDER, channel_kinds=KINDS, channel_models=models()).load()


# The plan, section 8. A step: (minutes, what).
LADDERS: dict[int, list[tuple[int, str]]] = {
    1: [(0, "remediate"), (15, "expect recovered"), (30, "page on-call"), (60, "page devops")],
    2: [
        (0, "notify level_channels"),
        (0, "remediate"),
        (15, "page on-call"),
        (30, "page devops"),
        (60, "page cto"),
        (120, "page ceo"),
    ],
    3: [
        (0, "notify level_channels"),
        (0, "page level_contacts"),
        (15, "page devops"),
        (30, "page cto"),
        (60, "page ceo"),
    ],
    4: [(0, "notify level_channels"), (0, "page level_contacts"), (15, "page cto, ceo")],
}
DUTIES: dict[int, list[tuple[int, str]]] = {
    1: [],
    2: [],
    3: [(120, "external_notice")],
    4: [(30, "external_notice"), (60, "regulator"), (120, "media")],
}
CONTACTS = {
    1: ("on-call",),
    2: ("devops-lead", "dba"),
    3: ("cto", "vp-engineering", "customer-success"),
    4: ("ceo", "legal"),
}
EVERYWHERE = ("slack-critical", "pagerduty-critical", "email-disaster", "sms-emergency")
CHANNELS = {1: ("slack-ops",), 2: ("slack-ops", "pagerduty-high"), 3: EVERYWHERE, 4: EVERYWHERE}
LEASES = {1: timedelta(hours=4), 2: timedelta(hours=2), 3: timedelta(hours=1), 4: timedelta(minutes=30)}


def told(step: Step) -> tuple[int, str]:
    minutes = int(step.after / timedelta(minutes=1))
    match step:
        case Notify(notify=channels):
            return minutes, f"notify {channels}"
        case Page(page=contacts):
            return minutes, f"page {', '.join(contacts)}"
        case Remediate():
            return minutes, "remediate"
        case Expect(expect=what):
            return minutes, f"expect {what}"


@pytest.mark.parametrize("level", Level)
def test_the_ladder_of_each_level_is_the_plans(book, level):
    terms: Terms = book.promise("matrix").levels[level]
    assert [told(step) for step in terms.steps] == LADDERS[level]
    assert [(duty.after / timedelta(minutes=1), duty.name) for duty in terms.duties] == DUTIES[level]
    assert (terms.contacts, terms.channels) == (CONTACTS[level], CHANNELS[level])
    assert (terms.ack_lease, terms.repeat) == (LEASES[level], timedelta(minutes=30))


def test_levels_are_called_what_the_plan_calls_them(book):
    assert [(book.level(level).name, book.level(level).names) for level in Level] == [
        ("minor", {"ko": "경미"}),
        ("moderate", {"ko": "보통"}),
        ("severe", {"ko": "심각"}),
        ("fatal", {"ko": "치명"}),
    ]


@pytest.mark.parametrize(
    "labels, level",
    [
        # the plan's own alert rules
        ({"alertname": "MultiPodFailure", "severity": "critical", "level": "2"}, 2),
        ({"alertname": "DatabaseConnectionFailure", "severity": "critical", "level": "2"}, 2),
        ({"alertname": "AvailabilityZoneFailure", "severity": "critical", "level": "3"}, 3),
        ({"alertname": "BackupFailure", "severity": "high", "level": "2"}, 2),
        ({"alertname": "RPOAtRisk", "severity": "warning"}, 1),
        # and what it leaves open
        ({"alertname": "X", "severity": "critical"}, 2),
        ({"alertname": "X", "severity": "high"}, 2),
        ({"alertname": "X", "severity": "info"}, None),
        ({"alertname": "X", "severity": "disaster"}, 2),
        ({"alertname": "X", "level": "4"}, 4),
        ({"alertname": "X", "level": "5"}, 2),
        ({}, 2),
    ],
    ids=str,
)
def test_an_alert_gets_the_level_that_the_plan_gives_it(book, labels, level):
    assert triage(book, labels).level == level


def test_severity_alone_never_makes_a_disaster(book):
    rules = book.levels_document.rules
    assert all(isinstance(rule.level, FromLabel) or rule.level is None or rule.level <= 2 for rule in rules)


def test_no_rule_groups_by_the_level(book):
    assert not [
        rule.name for rule in book.levels_document.rules if {"level", "severity"} & set(rule.group_by)
    ]


def test_every_rule_is_hit_by_an_example(book):
    document = book.levels_document
    hit = {
        triage(book, example.labels).rule for example in document.examples if not beats(book, example.labels)
    }
    assert hit == {rule.name for rule in document.rules}
    assert {example.level for example in document.examples} >= {1, 2, 3, 4, "notice"}


def test_our_own_trouble_owes_nobody_a_notice(book):
    own = [
        book.self_rule.level,
        *book.self_rule.kinds.values(),
        *(each.level for each in book.heartbeats.values()),
    ]
    promise = book.promise(book.self_rule.escalation)
    assert not [level for level in own if promise.levels[level].duties]


def test_everybody_has_two_methods_by_different_channels(book):
    people = {name: contact for name, contact in book.contacts.items() if isinstance(contact, Person)}
    del people["operator"]  # who reads the console that everything falls back to
    assert not [name for name, each in people.items() if len({method.value for method in each.methods}) < 2]
    assert not [
        name for name, each in people.items() if any(method.value == "console" for method in each.methods)
    ]


def test_every_roster_has_somebody_on_it(book):
    rosters = [contact.roster for contact in book.contacts.values() if isinstance(contact, OnRoster)]
    assert sorted(rosters) == ["devops-weekly", "on-call"]
    assert [who_is_on(book.roster(name), NOON) for name in sorted(rosters)] == [
        "devops-lead",
        "on-call-engineer",
    ]


# Schema and README


def as_json(data: Any) -> Any:
    """Keys as text, as an editor sees them."""
    if isinstance(data, dict):
        return {str(key): as_json(each) for key, each in data.items()}
    return [as_json(each) for each in data] if isinstance(data, list) else data


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_document_is_valid_by_its_json_schema(name):
    schema = schemas(models())[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(
        as_json(read_yaml((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")).data), schema
    )


@pytest.mark.parametrize(
    "name, before, after",
    [
        ("escalation", "after: 15m", "afer: 15m"),
        ("escalation", "after: 15m", "after: 15"),
        ("levels", "  1:  #", "  7:  #"),
        ("levels", "from_label: level", "label: level"),
        ("contacts", "roster: on-call", "rooster: on-call"),
        ("contacts", "roles: [responder]", "roles: [boss]"),
        ("rosters", "every: 7d", "every: week"),
        ("channels", "template: sms", "templat: sms"),
        ("duties", "page: [legal]", "page: []"),
        ("heartbeats", "period: 15m", "period: 900"),
    ],
)
def test_a_schema_refuses_what_is_wrong(name, before, after):
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert before in text
    wrong = as_json(read_yaml(text.replace(before, after, 1)).data)
    assert list(jsonschema.Draft202012Validator(schemas(models())[name]).iter_errors(wrong))


def test_the_readme_explains_every_field_as_it_is():
    """`python -m tests.house.policy_fields` writes the tables anew."""
    text = README.read_text(encoding="utf-8")
    assert text == with_tables(text)
    assert set(re.findall(r"<!-- fields of (\w+) -->", text)) == set(DOCUMENTS)


def test_the_readme_names_every_variable_of_the_policies():
    text = README.read_text(encoding="utf-8")
    named = {
        name
        for path in FOLDER.glob("*.yaml")
        for name in re.findall(r"from_env: *(\w+)", path.read_text(encoding="utf-8"))
    }
    assert sorted(name for name in named if f"`{name}`" not in text) == []
    table = text.partition("## channels.yaml")[2].partition("As shipped:")[2].partition("Both gateways")[0]
    assert sorted(set(re.findall(r"`([A-Z_]{4,})`", table)) - named) == []


# Channels and messages


def test_every_channel_can_be_made_once_its_variables_are_set(book):
    tools = Tools(clock=FakeClock(), environ={}, sessions=Sessions())
    assert {
        name: faults_of(name, each, book.messages, tools=tools) for name, each in book.channels.items()
    } == (dict.fromkeys(book.channels, ()))


def test_no_channel_goes_anywhere_unless_somebody_says_where(book):
    webhooks = [entry.config for entry in book.channels.values() if entry.kind == "webhook"]
    assert all(isinstance(config["url"], FromEnv) for config in webhooks)
    # Slack goes nowhere without a token, which is none of the policies'.
    assert {entry.kind for entry in book.channels.values()} == {"webhook", "slack", "console"}


def test_every_message_is_used_and_every_use_has_one(book):
    assert {entry.config.get("template") for entry in book.channels.values()} - {None} == set(book.messages)


FIELDS = {"routing_key": "a routing key"}


def rendered(book: PolicyBook, name: str, **changes: object) -> Any:
    values = SAMPLES[0] | {"is_repeat": False, "headline": "[L3 severe] I42 RegionDown"} | changes
    return json.loads(rendering(book, name).render({**values, "fields": FIELDS}))


def rendering(book: PolicyBook, name: str) -> Rendering:
    return Rendering(name, book.messages[name], fields=FIELDS)


@pytest.mark.parametrize("sample", SAMPLES, ids=["everything", "nothing"])
@pytest.mark.parametrize("name", ["sms", "pagerduty", "email"])
def test_every_message_renders_as_json(book, name, sample):
    assert json.loads(rendering(book, name).render({**sample, "fields": FIELDS}))


@pytest.mark.parametrize("is_repeat", [False, True])
def test_an_sms_is_one_sms_and_says_which_incident(book, is_repeat):
    sent = rendered(book, "sms", headline="x" * 200, is_repeat=is_repeat, to="+82100000000")
    assert len(sent["text"]) <= 160
    assert "I42" in sent["text"]
    assert sent["text"].startswith("(repeat)") is is_repeat
    assert sent["to"] == "+82100000000"
    assert rendered(book, "sms")["text"] == "[L3 severe] I42 RegionDown"


@pytest.mark.parametrize(
    "state, action",
    [
        ("open", "trigger"),
        ("acknowledged", "trigger"),
        ("snoozed", "trigger"),
        ("resolved", "resolve"),
        ("closed", "resolve"),
    ],
)
def test_pagerduty_hears_of_one_alert_an_incident_until_it_is_over(book, state, action):
    sent = rendered(book, "pagerduty", state=state)
    assert (sent["event_action"], sent["dedup_key"]) == (action, "I42")


@pytest.mark.parametrize(
    "level, severity", [(0, "info"), (1, "warning"), (2, "error"), (3, "critical"), (4, "critical")]
)
def test_pagerduty_is_told_the_severity_in_its_own_words(book, level, severity):
    assert rendered(book, "pagerduty", level=level)["payload"]["severity"] == severity


# The other side


def route() -> Any:
    return YAML(typ="safe").load(ROUTE.read_text(encoding="utf-8"))


def branch_of(labels: dict[str, str]) -> Any:
    """The branch of the shipped route that such an alert takes, with what it inherits."""
    root = route()["route"]
    for branch in root["routes"]:
        if matches_all(parse_all(branch["matchers"], Mode.CLASSIC), labels):
            return root | branch
    return root


@pytest.mark.parametrize("level", ["", "1", "2", "3", "4"])
def test_every_level_reaches_us(level):
    [receiver] = [
        each for each in route()["receivers"] if each["name"] == branch_of({"level": level})["receiver"]
    ]
    [webhook] = receiver["webhook_configs"]
    assert (webhook["send_resolved"], webhook["max_alerts"]) == (True, 0)
    assert webhook["url"].endswith("/webhooks/alertmanager")
    assert set(webhook["http_config"]["authorization"]) == {"type", "credentials_file"}


def test_disasters_wait_for_nobody():
    assert {branch_of({"level": level})["group_wait"] for level in "34"} == {"0s"}
    assert {branch_of({"level": level})["repeat_interval"] for level in "34"} == {"15m"}
    assert branch_of({"level": "2"})["group_wait"] == "30s"


def test_the_watchdog_comes_three_times_a_period(book):
    branch = branch_of({"alertname": "Watchdog"})
    minutes = [int(branch[word].removesuffix("m")) for word in ("group_interval", "repeat_interval")]
    assert book.heartbeats["watchdog"].period >= 3 * timedelta(minutes=sum(minutes))
    assert triage(book, {"alertname": "Watchdog"}).rule != HEARTBEAT_RULE
    assert beats(book, {"alertname": "Watchdog"}) == ("watchdog",)


@pytest.mark.servers
def test_alertmanager_accepts_the_route():
    subprocess.run(["amtool", "check-config", str(ROUTE)], check=True, capture_output=True)


@pytest.mark.servers
@pytest.mark.parametrize(
    "labels", [["level=1"], ["level=2"], ["level=3"], ["level=4"], ["alertname=Watchdog"], ["a=b"]]
)
def test_alertmanager_routes_everything_to_us(labels):
    command = ["amtool", "config", "routes", "test", f"--config.file={ROUTE}", *labels]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "responder"
