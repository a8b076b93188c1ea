from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from responder.adapters.channels import KINDS, models
from responder.adapters.policy_files import PolicyFiles, read_yaml
from responder.core.policy.book import PolicyBook
from responder.dialects.alertmanager_check import Checked, check_config
from responder.dialects.alertmanager_config import Route, parse_duration, read_config
from tests.house.tree import ROOT

PLAN = Path(__file__).with_name("dr-plan-alertmanager.yml")
SHIPPED = ROOT / "policies" / "alertmanager-route.yml"
OURS = "http://127.0.0.1:8080/webhooks/alertmanager"


@pytest.fixture(scope="module")
def book() -> PolicyBook:
    return PolicyFiles(folder=ROOT / "policies", channel_kinds=KINDS, channel_models=models()).load()


def told(text: str, book: PolicyBook, *receivers: str) -> tuple[Checked, list[tuple[int, bool, str]]]:
    """What is found, and each finding as (line, whether it is a fault, words)."""
    read = read_yaml(text)
    found = check_config(read.data, book, receivers)
    return found, [
        (read.line(each.path), each.is_fault, f"{each.what} — {each.instead}") for each in found.findings
    ]


def route_of(text: str) -> Route:
    found = read_config(read_yaml(text).data)
    assert found.route is not None
    assert found.findings == ()
    return found.route


def config(routes: str = "", *, webhook: str = "", root: str = "receiver: us") -> str:
    """A configuration of which everything comes to us, but for what a test changes."""
    return f"""
route: {{{root}, routes: [
  {{matchers: ['alertname="Watchdog"'], group_interval: 1m, repeat_interval: 4m}},
  {routes}
]}}
receivers:
- name: us
  webhook_configs: [{{url: {OURS}{", " + webhook if webhook else ""}}}]
- name: others
"""


# What is kept from us


def test_the_shipped_route_keeps_nothing_from_us(book):
    checked, found = told(SHIPPED.read_text(), book)
    assert found == []
    assert checked.ours == ("responder",)
    assert [int(level) for level in checked.reached] == [1, 2, 3, 4]


def test_the_plans_own_configuration_is_told_what_it_keeps_from_us(book):
    checked, found = told(PLAN.read_text(), book)
    assert [(line, is_fault, words.partition(" — ")[0]) for line, is_fault, words in found] == [
        (6, True, "the receiver `default` is not defined, so Alertmanager does not start with this"),
        (
            5,
            True,
            'no alert of level 1 ever comes here; tried {level="1"}, {alertname="PodRestarting", '
            'severity="critical", level="1"}, {alertname="RPOAtRisk", severity="warning"}: ends here at `default`',
        ),
        (
            5,
            True,
            'no alert of level 4 ever comes here; tried {level="4"}, {alertname="WholeCloudGone", level="4"}: '
            "ends here at `default`",
        ),
        (
            5,
            True,
            'the beats of `watchdog` ({alertname="Watchdog", severity="none"}) end here at `default`, so it '
            "counts as silent",
        ),
        (12, False, "`match` is deprecated"),
        (17, False, "`match` is deprecated"),
        (
            5,
            False,
            'of level 2, {alertname="KubeNodeNotReady", severity="critical", level="five"}, '
            '{alertname="BackupFailure", severity="high"}, {alertname="SomethingNew"} and 1 more end here at '
            "`default`, and do not come to us",
        ),
    ]
    assert checked.ours == ("level-3-disaster", "level-2-ops")
    assert [int(level) for level in checked.reached] == [2, 3]
    assert any(words.endswith("""write matchers: ['level="3"']""") for _, _, words in found)


@pytest.mark.parametrize(
    "text, line, is_fault, words",
    [
        pytest.param(
            config(webhook="send_resolved: false"), 8, True, "no incident ends by itself", id="no-resolved"
        ),
        pytest.param(
            config(webhook="send_resolved: no"), 8, True, "no incident ends by itself", id="yaml-1.1"
        ),
        pytest.param(
            config(webhook="max_alerts: 20"), 8, True, "after 20 alerts the others", id="max-alerts"
        ),
        pytest.param(config(webhook="timeout: 5s"), 8, False, "0.25 does not know `timeout`", id="timeout"),
        pytest.param(config(webhook="url_file: x"), 8, False, "0.25 does not know `url_file`", id="url-file"),
        pytest.param(
            config(webhook="http_config: {http_headers: {}}"),
            8,
            False,
            "0.25 does not know `http_headers`",
            id="http-headers",
        ),
        pytest.param(
            config("{matchers: ['level=\"4\"'], receiver: others}"),
            4,
            True,
            "no alert of level 4 ever comes here",
            id="a-level-goes-elsewhere",
        ),
        pytest.param(
            config("{matchers: ['severity=\"warning\"'], receiver: others}"),
            4,
            False,
            'of level 1, {alertname="RPOAtRisk", severity="warning"} end here at `others`',
            id="a-part-of-a-level-goes-elsewhere",
        ),
        pytest.param(
            config("{receiver: others, continue: false}", root="receiver: us"),
            4,
            True,
            "no alert of level 3 ever comes here",
            id="an-open-route-takes-all",
        ),
        pytest.param(config("{receiver: other}"), 4, True, "did you mean `others`?", id="undefined"),
        pytest.param(config(), 9, False, "no route uses the receiver `others`", id="unused"),
        pytest.param(
            config(root="receiver: us, group_by: ['...']"), 2, False, "a body of its own", id="group-by-all"
        ),
        pytest.param(config("{matchers: ['a']}"), 4, True, "is no matcher", id="bad-matcher"),
        pytest.param(config("{match_re: {a: '('}}"), 4, True, "refused by RE2", id="bad-expression"),
        pytest.param(
            config('{matchers: [\'"a.b"="c"\']}'), 4, False, "only newer Alertmanagers", id="utf8-matcher"
        ),
        pytest.param(config("{repeat_interval: soon}"), 4, True, "'soon' is no duration", id="bad-duration"),
        pytest.param(config("{group_interval: 0s}"), 4, True, "cannot be zero", id="zero-interval"),
        pytest.param(config("[]"), 4, True, "this is no route", id="no-route-at-all"),
        pytest.param(
            config(root="receiver: us, matchers: ['a=b']"), 2, True, "outermost route has matchers", id="root"
        ),
        pytest.param(config(root="continue: true"), 2, True, "has `continue`", id="root-continue"),
        pytest.param(config(root="group_by: [a]"), 2, True, "has no receiver", id="root-receiver"),
        pytest.param(
            "route: {receiver: a}\nreceivers: [{name: a}]", 2, True, "nothing here posts to us", id="not-ours"
        ),
        pytest.param("receivers: []", 1, True, "there is no `route`", id="no-route"),
        pytest.param("[]", 1, True, "this is no Alertmanager configuration", id="no-mapping"),
        pytest.param(
            "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]", 2, True, "two receivers", id="twice"
        ),
        pytest.param("route: {receiver: a}\nreceivers: [{}]", 2, True, "has no name", id="nameless"),
    ],
)
def test_what_is_wrong_is_found_where_it_stands(book, text, line, is_fault, words):
    _, found = told(text, book)
    assert [each for each in found if words in each[2] and each[:2] == (line, is_fault)], found


def test_a_level_that_comes_only_with_a_further_label_is_told_which(book):
    text = f"""
route:
  receiver: others
  routes:
  - {{matchers: ['team="erp"'], receiver: us, group_interval: 1m, repeat_interval: 4m}}
receivers:
- {{name: us, webhook_configs: [{{url: {OURS}}}]}}
- {{name: others}}
"""
    checked, found = told(text, book)
    assert [int(level) for level in checked.reached] == [1, 2, 3, 4]
    assert (2, False) in {
        (line, is_fault) for line, is_fault, words in found if 'only if they also have team="erp"' in words
    }


def test_a_further_label_that_would_change_the_level_is_no_way(book):
    text = config("{matchers: ['level!=\"3\"'], receiver: others}")
    checked, _ = told(text, book)
    assert [int(level) for level in checked.reached] == [3]


def test_a_receiver_whose_url_says_nothing_is_named(book):
    text = SHIPPED.read_text().replace("/webhooks/alertmanager", "/in/42")
    assert not told(text, book)[0].ours
    checked, found = told(text, book, "responder")
    assert checked.ours == ("responder",)
    assert found == []
    assert "there is no receiver `respond`" in str(told(text, book, "respond")[1])


@pytest.mark.parametrize(
    "group_interval, repeat_interval, apart",
    [
        ("1m", "4m", None),
        ("5m", "1m", None),
        ("1m", "5m", "6m"),
        ("5m", "5m", "10m"),
        ("30s", "4h", "4h30s"),
    ],
)
def test_a_heartbeats_route_has_to_bring_three_beats_in_its_period(
    book, group_interval, repeat_interval, apart
):
    intervals = f"group_interval: {group_interval}, repeat_interval: {repeat_interval}"
    text = config().replace("group_interval: 1m, repeat_interval: 4m", intervals)
    slow = [words for _, is_fault, words in told(text, book)[1] if is_fault]
    if apart is None:
        assert slow == []
    else:
        assert len(slow) == 1
        assert f"beats of `watchdog` come up to {apart} apart here" in slow[0]
        assert "at most 5m together" in slow[0]


@pytest.mark.parametrize("odd", [5, "text", [], [[]], {}, {"a": 1}, None, True, [{"a": []}]], ids=str)
@pytest.mark.parametrize(
    "field",
    ["matchers", "match", "match_re", "routes", "group_by", "group_wait", "repeat_interval", "receiver"],
)
def test_nothing_that_a_route_may_hold_breaks_the_check(book, field, odd):
    data = {
        "route": {"receiver": "us", field: odd},
        "receivers": [{"name": "us", "webhook_configs": [{"url": OURS}]}],
    }
    check_config(data, book)
    check_config({"route": {"receiver": "us"}, "receivers": odd}, book)
    check_config({"route": odd, "receivers": [{"name": "us", "webhook_configs": odd}]}, book)
    check_config(
        {"route": {"receiver": "us"}, "receivers": [{"name": "us", "webhook_configs": [{"url": odd}]}]}, book
    )


# How an alert walks

TREE = """
route:
  receiver: root
  routes:
  - matchers: ['severity=~"critical|high"']
    receiver: critical
    continue: true
    routes:
    - matchers: ['level="3"']
      receiver: disaster
    - match: {level: "2"}
      receiver: moderate
      continue: true
    - match_re: {cluster: 'kerp-.*'}
      receiver: kerp
  - matchers: [team="db", env!="test"]
    receiver: db
  - matchers: ['{team=~"db|web", zone!~"a.*"}']
    receiver: web
  - matchers: [missing=""]
    receiver: present
    continue: true
  - matchers: ['alertname="Watchdog"']
    receiver: watchdog
receivers: [{name: root}, {name: critical}, {name: disaster}, {name: moderate}, {name: kerp}, {name: db}, {name: web},
  {name: present}, {name: watchdog}]
"""
WALKS = [
    ({"alertname": "X"}, ["present"]),
    ({"alertname": "X", "missing": "no"}, ["root"]),
    ({"alertname": "Watchdog"}, ["present", "watchdog"]),
    ({"severity": "critical"}, ["critical", "present"]),
    ({"severity": "criticals", "missing": "1"}, ["root"]),
    ({"severity": "critical", "level": "3", "cluster": "kerp-1", "missing": "1"}, ["disaster"]),
    ({"severity": "high", "level": "2", "cluster": "kerp-1", "missing": "1"}, ["moderate", "kerp"]),
    ({"severity": "high", "level": "2", "team": "db"}, ["moderate", "db"]),
    ({"team": "db", "env": "test"}, ["web"]),
    ({"team": "db", "env": "test", "zone": "a1"}, ["present"]),
    ({"team": "web", "zone": "b"}, ["web"]),
]


@pytest.mark.parametrize("labels, receivers", WALKS, ids=[str(i) for i in range(len(WALKS))])
def test_an_alert_walks_the_tree_as_alertmanager_walks_it(labels, receivers):
    found = read_config(read_yaml(TREE).data)
    assert found.route is not None
    assert [route.receiver for route in found.route.walk(labels)] == receivers


@pytest.mark.servers
@pytest.mark.parametrize("labels, receivers", WALKS, ids=[str(i) for i in range(len(WALKS))])
def test_amtool_walks_it_the_same_way(tmp_path, labels, receivers):
    file = tmp_path / "alertmanager.yml"
    file.write_text(TREE, encoding="utf-8")
    command = ["amtool", "config", "routes", "test", f"--config.file={file}"]
    command += [f"{name}={value}" for name, value in labels.items()]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ",".join(receivers)


@pytest.mark.servers
@pytest.mark.parametrize(
    "text, starts",
    [
        pytest.param(SHIPPED.read_text(), True, id="shipped"),
        pytest.param(PLAN.read_text(), False, id="plan"),
        pytest.param(config(), True, id="as-it-should-be"),
        pytest.param(config(webhook="timeout: 5s"), False, id="timeout"),
        pytest.param(config(webhook="http_config: {http_headers: {}}"), False, id="http-headers"),
        pytest.param(config('{matchers: [\'"a.b"="c"\']}'), False, id="utf8-matcher"),
        pytest.param(config("{receiver: other}"), False, id="undefined"),
        pytest.param(config("{group_interval: 0s}"), False, id="zero-interval"),
        pytest.param(config(root="receiver: us, matchers: ['a=b']"), False, id="root-matchers"),
        pytest.param(config(root="receiver: us, continue: true"), False, id="root-continue"),
        pytest.param(config(root="receiver: us, group_by: ['...', a]"), False, id="group-by-all-and-more"),
    ],
)
def test_amtool_refuses_what_we_say_that_alertmanager_refuses(book, tmp_path, text, starts):
    file = tmp_path / "alertmanager.yml"
    file.write_text(text, encoding="utf-8")
    checked = subprocess.run(["amtool", "check-config", file], capture_output=True, text=True, check=False)
    assert (checked.returncode == 0) is starts, checked.stdout + checked.stderr
    _, found = told(text, book)
    assert starts or found


def test_a_route_inherits_what_it_does_not_say():
    route = route_of("""
route:
  receiver: a
  group_by: [x]
  repeat_interval: 1h
  routes:
  - group_interval: 1m
    routes: [{receiver: b}]
receivers: [{name: a}, {name: b}]
""")
    inner = route.routes[0].routes[0]
    assert (inner.receiver, inner.group_by) == ("b", ("x",))
    assert (inner.group_interval, inner.repeat_interval) == (timedelta(minutes=1), timedelta(hours=1))
    assert (route.group_interval, route.routes[0].receiver) == (timedelta(minutes=5), "a")


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("2w", 2 * 7 * 86400),
        ("100ms", 0.1),
        ("1m100ms", 60.1),
        ("0", 0),
        ("", None),
        ("5", None),
        ("m", None),
        ("1m1h", None),
        ("1.5h", None),
        ("9" * 30 + "y", None),
    ],
)
def test_durations_are_prometheus_own(text, seconds):
    assert parse_duration(text) == (None if seconds is None else timedelta(seconds=seconds))
