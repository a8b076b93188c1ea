from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from responder.adapters.policy_files import read_yaml
from tests.cli.desk import policies_with, run
from tests.house.tree import ROOT

PLAN = ROOT / "tests" / "dialects" / "dr-plan-alertmanager.yml"
SHIPPED = ROOT / "policies"


def test_the_shipped_policies_have_no_fault_and_say_what_lacks_here():
    ran = run("check")
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "ok"
    assert "channel slack-ops would print on the console: RESPONDER_SLACK_BOT_TOKEN is not set" in ran.out
    assert "channel sms-emergency would print on the console: url is read from SMS_GATEWAY_URL" in ran.out
    assert "13 examples" in ran.out
    assert "every example comes out as it says" in ran.out


def test_a_credential_that_is_set_is_not_warned_about():
    env = {"EMAIL_GATEWAY_URL": "http://127.0.0.1:9/", "EMAIL_GATEWAY_AUTHORIZATION": "canary"}
    ran = run("check", env=env | {"RESPONDER_SLACK_BOT_TOKEN": "xoxb-canary"})
    assert "email-disaster" not in ran.out
    assert "slack" not in ran.out
    assert "sms-emergency" in ran.out
    assert "127.0.0.1:9" not in ran.out
    assert "canary" not in ran.out


def test_a_variable_that_nobody_reads_is_warned_about_and_one_that_a_policy_reads_is_not(tmp_path):
    number = "{webhook: sms-emergency, to: {from_env: DBA_PHONE}}"
    folder = policies_with(tmp_path, "contacts.yaml", number, number.replace("DBA", "RESPONDER_DBA"))
    env = {"RESPONDER_DATABSE_URL": "canary", "RESPONDER_DBA_PHONE": "+8210", "RESPONDER_FUNNY": "x"}
    ran = run("check", "--policies", folder, env=env)
    assert (
        "warning: environment: RESPONDER_DATABSE_URL is set, and nothing reads it — did you mean "
        "RESPONDER_DATABASE_URL?" in ran.out
    )
    assert "RESPONDER_FUNNY is set, and nothing reads it — leave it out" in ran.out
    assert "RESPONDER_DBA_PHONE is set" not in ran.out
    assert ran.code == 0
    assert "canary" not in ran.out


def test_a_contact_without_a_method_is_warned_about(tmp_path):
    phone = "      - {webhook: sms-emergency, to: {from_env: DBA_PHONE}}\n"
    chat = "      - {slack: {from_env: DBA_SLACK}}\n"
    mail = "      - {webhook: email-disaster, to: {from_env: DBA_EMAIL}}\n"
    folder = policies_with(tmp_path, "contacts.yaml", phone + chat + mail, "      []\n")
    assert "warning: " in run("check", "--policies", folder).out
    assert "contact dba cannot be reached: no usable method" in run("check", "--policies", folder).out


def test_every_fault_is_told_at_once_with_its_line_and_what_to_write(tmp_path):
    folder = policies_with(
        tmp_path, "levels.yaml", "contacts: [cto, vp-engineering", "contacts: [ctoo, vp-engineerin"
    )
    (folder / "escalation.yaml").write_text(
        "version: 1\npolicies: {matrix: {1: {steps: []}}}\n", encoding="utf-8"
    )
    ran = run("check", "--policies", folder)
    assert ran.code == 1
    assert f"{folder}/levels.yaml:18: there is no contact `ctoo` — did you mean `cto`?" in ran.out
    assert (
        f"{folder}/levels.yaml:18: there is no contact `vp-engineerin` — did you mean `vp-engineering`?"
        in ran.out
    )
    assert f"{folder}/escalation.yaml:2: " in ran.out
    assert ran.out.splitlines()[-1].endswith(" faults")


def test_an_example_that_comes_out_otherwise_is_a_fault(tmp_path):
    folder = policies_with(
        tmp_path, "levels.yaml", "match: ['severity=\"warning\"']", "match: ['severity=\"warn\"']"
    )
    ran = run("check", "--policies", folder)
    assert ran.code == 1
    assert "by these policies the rule is `anything-else`, not `severity-warning`" in ran.out


def test_a_fault_of_a_channels_own_configuration_is_told(tmp_path):
    folder = policies_with(
        tmp_path, "channels.yaml", "  console: {console: {}}", "  console: {console: {colour: red}}"
    )
    ran = run("check", "--policies", folder)
    assert ran.code == 1
    assert "channels.yaml" in ran.out
    assert "colour" in ran.out


def test_what_only_the_channel_itself_can_tell_is_a_fault_too(tmp_path):
    folder = policies_with(tmp_path, "messages/sms.json", "{{ to }}", "{{ whom }}")
    ran = run("check", "--policies", folder)
    assert ran.code == 1
    assert f"{folder}/channels.yaml: channel sms-emergency, template: " in ran.out
    assert "whom" in ran.out


def test_programs_read_the_same_as_json(tmp_path):
    good = run("check", "--output", "json").json()
    assert good["ok"] is True
    assert good["faults"] == []
    assert {"file", "line", "what", "instead"} == set(good["warnings"][0])
    folder = policies_with(tmp_path, "levels.yaml", "matrix\n  level: 2", "matrix\n  level: 7")
    bad = run("--output", "json", "check", "--policies", folder)
    assert bad.code == 1
    assert bad.json()["ok"] is False
    assert bad.json()["faults"][0]["line"] > 1


def test_an_alertmanager_configuration_is_held_against_the_policies():
    ran = run("check", "--alertmanager", PLAN, "--alertmanager", SHIPPED / "alertmanager-route.yml")
    assert ran.code == 1
    assert f"{PLAN}:6: the receiver `default` is not defined" in ran.out
    assert f"{PLAN}:5: no alert of level 4 ever comes here" in ran.out
    assert f"warning: {PLAN}:12: `match` is deprecated" in ran.out
    assert (
        "alertmanager-route.yml: receivers that post to us: responder; levels that can reach us: 1, 2, 3, 4"
        in ran.out
    )


def test_a_receiver_can_be_named(tmp_path):
    text = (SHIPPED / "alertmanager-route.yml").read_text().replace("/webhooks/alertmanager", "/in")
    (tmp_path / "am.yml").write_text(text)
    assert run("check", "--alertmanager", "am.yml").code == 1
    assert run("check", "--alertmanager", "am.yml", "--receiver", "responder").code == 0


@pytest.mark.parametrize(
    "content, code, words",
    [
        pytest.param(None, 2, "am.yml cannot be read: No such file or directory", id="missing"),
        pytest.param(b"\xff", 1, "am.yml:1: it is not UTF-8 here", id="not-utf-8"),
        pytest.param(b"route: [", 1, "this is no YAML", id="not-yaml"),
        pytest.param(b"", 1, "it holds 0 documents", id="empty"),
        pytest.param(b"a: 1\na: 2", 1, "am.yml:2: `a` stands here twice", id="double-key"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_told(tmp_path, content, code, words):
    if content is not None:
        (tmp_path / "am.yml").write_bytes(content)
    ran = run("check", "--alertmanager", "am.yml")
    assert ran.code == code
    assert words in ran.out + ran.err


def test_with_faulty_policies_the_configuration_is_said_to_be_unchecked(tmp_path):
    ran = run("check", "--policies", "nowhere", "--alertmanager", PLAN)
    assert ran.code == 1
    assert "nowhere: there is no such folder" in ran.out
    assert f"{PLAN}: not looked at, because the policies have faults" in ran.out


@pytest.mark.parametrize(
    "document", ["levels", "contacts", "rosters", "escalation", "duties", "channels", "heartbeats"]
)
def test_the_shipped_documents_are_valid_by_the_schema_that_editors_get(document):
    schema = run("schema", document).json()
    jsonschema.Draft202012Validator.check_schema(schema)
    data = read_yaml((SHIPPED / f"{document}.yaml").read_text()).data
    jsonschema.validate(_with_text_keys(data), schema)


def test_the_schema_knows_the_fields_of_each_kind_of_channel():
    schema = run("schema", "channels.yaml").json()
    entries: list[object] = [{"webhook": {"ulr": "http://127.0.0.1/"}}, {"pigeon": {}}]
    for entry in entries:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"version": 1, "channels": {"a": entry}}, schema)


def test_all_schemas_are_told_by_name_and_a_near_miss_is_named():
    assert set(run("schema").json()) >= {"levels", "channels"}
    ran = run("schema", "level")
    assert ran.code == 2
    assert "did you mean `levels`?" in ran.err


def _with_text_keys(value: object) -> object:
    match value:
        case dict():
            return {str(key): _with_text_keys(each) for key, each in value.items()}
        case list():
            return [_with_text_keys(each) for each in value]
        case _:
            return value


def test_a_policy_that_is_no_folder_is_one_fault(tmp_path):
    Path("file").touch()
    assert run("check", "--policies", "file").code == 1
