"""The webhook against a receiver on loopback: what arrives there, and what becomes of its answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from responder.adapters.channels import faults_of, load, make, models
from responder.adapters.channels.tools import Tools
from responder.adapters.sessions import Sessions
from responder.core.errors import Permanent, Transient
from responder.core.identifiers import ChannelName
from responder.core.policy.channels import ChannelEntry
from responder.core.policy.fields import FromEnv
from responder.core.policy.messages import Template
from responder.ports.channel import Channel, Misconfigured, OnRepeat, Unconfigured
from tests.adapters.channels.messages import delivery
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.sink import (
    FAIL,
    HANG,
    RESET,
    RESET_MID_ANSWER,
    SLOW,
    Answer,
    Sink,
    refuse,
    throttle,
)

SMS = ChannelName("sms")
SECRETS = {"GATEWAY_KEY": "canary-key", "SIGNING": "canary-secret", "URL": "canary-url"}


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with Sink() as running:
        yield running


class Bench:
    """Makes webhooks, and has what they are made with."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.environ: dict[str, str] = {}
        self.messages: dict[str, Template] = {}
        self.sessions = Sessions(trust_env=False)

    @property
    def tools(self) -> Tools:
        return Tools(clock=self.clock, environ=self.environ, sessions=self.sessions)

    def webhook(self, **config: Any) -> Channel:
        return make(SMS, ChannelEntry(kind="webhook", config=config), self.messages, tools=self.tools)

    def faults(self, **config: Any) -> dict[str, str]:
        entry = ChannelEntry(kind="webhook", config=config)
        return dict(faults_of(SMS, entry, self.messages, tools=self.tools))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.sessions.close()


def refused_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
async def tls_port(tmp_path) -> AsyncIterator[int]:
    """A TLS server whose certificate nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, NOON - timedelta(days=3650), NOON + timedelta(days=3650)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    unlocked = serialization.NoEncryption()
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


# What arrives


async def test_a_templates_fields_are_the_channels_own_and_may_come_from_the_environment(sink, bench):
    bench.messages["keyed"] = Template(
        "json", '{"routing_key": "{{ fields.key }}", "kind": "{{ fields.kind }}"}'
    )
    bench.environ["KEY"] = "s3"
    hook = bench.webhook(
        url=sink.url, template="keyed", fields={"key": FromEnv(from_env="KEY"), "kind": "page"}
    )
    await hook.send(delivery())
    assert sink.ledger[0].json() == {"routing_key": "s3", "kind": "page"}


async def test_without_a_template_the_message_arrives_as_json(sink, bench):
    receipt = await bench.webhook(url=f"{sink.url}hook?key=1").send(delivery())
    [got] = sink.ledger
    assert receipt.reference == ""
    assert (got.method, got.path) == ("POST", "/hook?key=1")
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Idempotency-Key"] == "I42-p1.0"
    assert got.headers["User-Agent"] == "responder"
    assert "X-Responder-Signature" not in got.headers
    found = got.json()
    assert found["facts"].pop("rule") == "region"
    assert set(found.pop("facts").values()) == {""}
    assert found == {
        "channel": "sms",
        "key": "I42-p1.0",
        "to": "+82-2-555-0142",
        "recipient": "CTO",
        "purpose": "page",
        "reason": "step",
        "headline": "[L3 severe] I42 RegionDown cluster=seoul — paged: nobody answered for 15m",
        "body": ["What: Seoul does not answer", "Acknowledge: responder incidents ack I42"],
        "incident": "I42",
        "level": 3,
        "state": "open",
        "revision": 7,
        "links": {"runbook": "https://runbooks.example/region"},
        "is_repeat": False,
    }


@pytest.mark.parametrize(
    "template, headers, body, media_type",
    [
        pytest.param(
            Template("json", '{"to": "{{ to }}", "text": "{{ headline }}"}'),
            {},
            '{"to": "+82-2-555-0142", "text": "say \\"hi\\""}',
            "application/json",
            id="json",
        ),
        pytest.param(
            Template("txt", "{{ headline }} 서울"),
            {},
            'say "hi" 서울',
            "text/plain; charset=utf-8",
            id="text",
        ),
        pytest.param(
            Template("txt", "To={{ to | urlencode }}&Body={{ headline | urlencode }}"),
            {"Content-Type": "application/x-www-form-urlencoded"},
            "To=%2B82-2-555-0142&Body=say%20%22hi%22",
            "application/x-www-form-urlencoded",
            id="a form",
        ),
    ],
)
async def test_a_template_writes_the_body(sink, bench, template, headers, body, media_type):
    bench.messages["short"] = template
    await bench.webhook(url=sink.url, template="short", headers=headers).send(delivery(headline='say "hi"'))
    [got] = sink.ledger
    assert got.body.decode() == body
    assert got.headers["Content-Type"] == media_type


async def test_a_lone_surrogate_in_plain_text_arrives_as_a_question_mark(sink, bench):
    bench.messages["short"] = Template("txt", "{{ headline }}")
    await bench.webhook(url=sink.url, template="short").send(delivery(headline="a\ud800b"))
    assert sink.ledger[0].body == b"a?b"


async def test_the_signature_is_one_that_the_receiver_can_check(sink, bench):
    bench.environ["SIGNING"] = "canary-secret"
    await bench.webhook(url=sink.url, secret=FromEnv(from_env="SIGNING")).send(delivery())
    [got] = sink.ledger
    fields = dict(part.split("=") for part in got.headers["X-Responder-Signature"].split(","))
    assert int(fields["t"]) == int(NOON.timestamp())
    signed = fields["t"].encode() + b"." + got.body
    assert fields["v1"] == hmac.new(b"canary-secret", signed, hashlib.sha256).hexdigest()


async def test_further_headers_come_from_the_policy_and_the_environment(sink, bench):
    bench.environ["GATEWAY_KEY"] = "Bearer canary-key"
    headers = {"Authorization": FromEnv(from_env="GATEWAY_KEY"), "X-Team": "sre"}
    await bench.webhook(url=sink.url, headers=headers).send(delivery())
    assert sink.ledger[0].headers["Authorization"] == "Bearer canary-key"
    assert sink.ledger[0].headers["X-Team"] == "sre"


async def test_the_url_may_come_from_the_environment(sink, bench):
    bench.environ["URL"] = f"{sink.url}from-env"
    await bench.webhook(url={"from_env": "URL"}).send(delivery(address=None))
    assert sink.ledger[0].path == "/from-env"
    assert sink.ledger[0].json()["to"] == ""


async def test_the_receipt_is_the_receivers_name_for_it(sink, bench):
    sink.script(Answer(status=202, headers={"X-Request-Id": "r-17"}))
    assert (await bench.webhook(url=sink.url).send(delivery())).reference == "r-17"


@pytest.mark.parametrize("folds, on_repeat", [(True, OnRepeat.FOLDS), (False, OnRepeat.DOUBLES)])
async def test_a_receiver_folds_only_where_the_policy_says_so(bench, folds, on_repeat):
    assert bench.webhook(url="http://gateway.example/", folds=folds).on_repeat is on_repeat


# What becomes of the answers


@pytest.mark.parametrize(
    "answer, failure, said, retry_after",
    [
        pytest.param(FAIL, Transient, "answered 500", None, id="500"),
        pytest.param(throttle("7"), Transient, "answered 429", timedelta(seconds=7), id="429"),
        pytest.param(refuse(400), Permanent, "answered 400: .*template", None, id="400"),
        pytest.param(refuse(401), Permanent, "answered 401: .*credentials", None, id="401"),
        pytest.param(RESET, Transient, "may have arrived", None, id="reset"),
    ],
)
async def test_an_answer_becomes_a_failure_of_its_kind(sink, bench, answer, failure, said, retry_after):
    sink.script(answer)
    with pytest.raises(failure, match=f"^sms: 127.0.0.1:? .*{said}") as raised:
        await bench.webhook(url=sink.url).send(delivery())
    assert len(sink.ledger) == 1
    assert getattr(raised.value, "retry_after", None) == retry_after


async def test_a_redirect_is_not_followed(sink, bench):
    sink.script(Answer(status=307, headers={"Location": f"{sink.url}elsewhere"}))
    with pytest.raises(Permanent, match="redirects are not followed"):
        await bench.webhook(url=sink.url).send(delivery())
    assert [got.path for got in sink.ledger] == ["/"]


async def test_a_status_that_came_counts_although_its_body_breaks_off(sink, bench):
    sink.script(RESET_MID_ANSWER)
    await bench.webhook(url=sink.url).send(delivery())
    assert len(sink.ledger) == 1


async def test_a_slow_answer_within_the_deadline_is_taken(sink, bench):
    sink.script(SLOW)
    sending = asyncio.ensure_future(bench.webhook(url=sink.url).send(delivery()))
    await sink.until_received()
    bench.clock.advance(seconds=9)
    sink.release()
    assert (await sending).reference == ""


async def test_an_answer_that_does_not_come_is_given_up_at_the_deadline(sink, bench):
    sink.script(HANG)
    sending = asyncio.ensure_future(bench.webhook(url=sink.url).send(delivery()))
    await sink.until_received()
    bench.clock.advance(seconds=9)
    assert not sending.done()
    bench.clock.advance(seconds=1)
    with pytest.raises(Transient, match=r"^sms: 127\.0\.0\.1 did not answer in time; it may have arrived$"):
        await sending


async def test_after_the_deadline_nothing_is_sent(sink, bench):
    with pytest.raises(Transient):
        await bench.webhook(url=sink.url).send(delivery(deadline=NOON))
    assert sink.ledger == []


async def test_a_send_that_is_cancelled_leaves_nothing_behind(sink, bench):
    sink.script(HANG)
    sending = asyncio.ensure_future(bench.webhook(url=sink.url).send(delivery()))
    await sink.until_received()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert bench.clock.waited_for() == []


async def test_what_cannot_have_arrived_is_tried_a_second_time_at_once(bench):
    webhook = bench.webhook(url=f"http://127.0.0.1:{refused_port()}/")
    sending = asyncio.ensure_future(webhook.send(delivery()))
    await bench.clock.until_sleeping(2)  # the deadline, and the pause before the second attempt
    pause = bench.clock.waited_for()[0] - NOON
    assert timedelta(seconds=0.1) <= pause <= timedelta(seconds=0.5)
    bench.clock.advance(seconds=0.5)
    with pytest.raises(Transient, match=r"^sms: 127\.0\.0\.1 cannot be reached: "):
        await sending


async def test_a_certificate_that_is_not_trusted_is_named(tls_port, bench):
    sending = asyncio.ensure_future(bench.webhook(url=f"https://localhost:{tls_port}/").send(delivery()))
    await bench.clock.until_sleeping(2)
    bench.clock.advance(seconds=0.5)
    with pytest.raises(
        Transient, match=r"^sms: localhost cannot be reached: .*not trusted \(self.signed certificate\)"
    ):
        await sending


async def test_the_second_attempt_can_succeed(bench):
    port = refused_port()
    sending = asyncio.ensure_future(bench.webhook(url=f"http://127.0.0.1:{port}/").send(delivery()))
    await bench.clock.until_sleeping(2)
    async with Sink(port=port) as sink:
        bench.clock.advance(seconds=0.5)
        await sending
        assert len(sink.ledger) == 1


async def test_what_may_have_arrived_is_sent_again_only_where_repeats_fold(sink, bench):
    sink.script(RESET)
    sending = asyncio.ensure_future(bench.webhook(url=sink.url, folds=True).send(delivery()))
    await bench.clock.until_sleeping(2)
    bench.clock.advance(seconds=0.5)
    await sending
    first, second = sink.ledger
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


async def test_a_template_that_fails_when_it_is_needed_is_for_a_person_to_mend(sink, bench):
    bench.messages["short"] = Template(
        "txt", "{{ headline }}\n{% if level == 4 %}{{ facts.nothing }}{% endif %}"
    )
    with pytest.raises(Permanent, match=r"^sms: template short\.txt, line 2: "):
        await bench.webhook(url=sink.url, template="short").send(delivery(level=4))
    assert sink.ledger == []


async def test_a_url_that_nothing_can_call_is_for_a_person_to_mend(bench):
    webhook = bench.webhook(url="http://canary..url/")
    with pytest.raises(Permanent, match=r"^sms: its URL cannot be called") as raised:
        await webhook.send(delivery())
    assert "canary" not in f"{raised.value}{raised.value.__cause__}"


# The way there


async def test_a_proxy_of_the_environment_is_used_and_no_connection_is_kept(sink, bench, monkeypatch):
    monkeypatch.setenv("http_proxy", sink.url)
    monkeypatch.delenv("no_proxy", raising=False)
    bench.sessions = Sessions()
    await bench.webhook(url="http://gateway.example/hook").send(delivery())
    await bench.webhook(url="http://gateway.example/hook").send(delivery())
    assert [got.headers["Host"] for got in sink.ledger] == ["gateway.example"] * 2
    assert len({got.peer for got in sink.ledger}) == 2


async def test_cookies_are_not_kept(sink, bench):
    sink.script(Answer(headers={"Set-Cookie": "session=1"}))
    webhook = bench.webhook(url=sink.url.replace("127.0.0.1", "localhost"))
    await webhook.send(delivery())
    await webhook.send(delivery())
    assert "Cookie" not in sink.ledger[1].headers


async def test_a_client_that_was_closed_is_opened_again(sink, bench):
    await bench.webhook(url=sink.url).send(delivery())
    await bench.sessions.close()
    await bench.webhook(url=sink.url).send(delivery())
    assert len(sink.ledger) == 2


# How it is configured


@pytest.mark.parametrize(
    "config, said",
    [
        ({"url": {"from_env": "URL"}}, "url is read from URL"),
        ({"url": "http://a/", "secret": {"from_env": "SIGNING"}}, "secret is read from SIGNING"),
        ({"url": "http://a/", "headers": {"A": {"from_env": "KEY"}}}, r"headers\.A is read from KEY"),
    ],
    ids=["url", "secret", "a header"],
)
async def test_a_variable_that_is_not_set_is_named(bench, config, said):
    with pytest.raises(Unconfigured, match=f"^channel sms: {said}, which is not set$"):
        bench.webhook(**config)
    assert bench.faults(**config) == {}


@pytest.mark.parametrize(
    "config, place, what",
    [
        pytest.param({}, "url", "Field required", id="no URL"),
        pytest.param({"url": "ftp://canary-url/"}, "url", "no http or https URL", id="another scheme"),
        pytest.param({"url": "canary-url"}, "url", "no http or https URL", id="no scheme"),
        pytest.param({"url": ""}, "url", "no http or https URL", id="an empty URL"),
        pytest.param({"url": "http:///canary-url"}, "url", "no http or https URL", id="no host"),
        pytest.param({"url": "http://a:canary-url/"}, "url", "no http or https URL", id="no port"),
        pytest.param({"url": "http://a/\r\ncanary-url"}, "url", "an end of line", id="a URL in two lines"),
        pytest.param({"url": {"from_env": "BAD_URL"}}, "url", "(from BAD_URL)", id="a bad URL in a variable"),
        pytest.param({"url": "http://a/\udc80"}, "url", "an end of line", id="what no header holds"),
        pytest.param({"url": "http://a/", "uri": "canary-url"}, "uri", "Extra inputs", id="an unknown field"),
        pytest.param(
            {"url": "http://a/", "secret": "canary-secret"}, "secret", "", id="a secret in the file"
        ),
        pytest.param(
            {"url": "http://a/", "template": "sms"}, "template", "there are: none", id="no such template"
        ),
        pytest.param(
            {"url": "http://a/", "template": "bad"},
            "template",
            "bad.txt, line 1: a message has no",
            id="a bad one",
        ),
        pytest.param(
            {"url": "http://a/", "headers": {"a b": "x"}}, "headers.'a b'", "no header", id="a header name"
        ),
        pytest.param(
            {"url": "http://a/", "headers": {"Host": "x"}},
            "headers.'Host'",
            "no header",
            id="a header of ours",
        ),
        pytest.param(
            {"url": "http://a/", "headers": {"A": "canary-key\r\nB: c"}},
            "headers.A",
            "an end of line",
            id="two in one",
        ),
        pytest.param(
            {"url": "http://a/", "headers": {"A": {"from_env": "TWO_LINES"}}},
            "headers.A",
            "(from TWO_LINES)",
            id="two in one, from a variable",
        ),
    ],
)
async def test_a_wrong_entry_is_refused_without_repeating_it(bench, config, place, what):
    if config.get("template") == "bad":
        bench.messages["bad"] = Template("txt", "{{ nothing }}")
    bench.environ |= {"BAD_URL": "canary-url", "TWO_LINES": "canary-key\nB: c"}
    found = bench.faults(**config)
    [known] = [where for where in found if where.startswith(place)]
    assert what in found[known]
    with pytest.raises(Misconfigured) as raised:
        bench.webhook(**config)
    assert "canary" not in str(raised.value)
    assert isinstance(raised.value, ValueError)


async def test_every_fault_is_told_at_once(bench):
    found = bench.faults(url="nowhere", template="missing", headers={"Host": "x", "A": "b\n"})
    assert set(found) == {"url", "template", "headers.'Host'", "headers.A"}


async def test_a_kind_that_there_is_not_is_a_fault(bench):
    with pytest.raises(
        Misconfigured, match="no channel is of kind 'pager'; write one of console, slack, webhook"
    ):
        make(SMS, ChannelEntry(kind="pager", config={}), {}, tools=bench.tools)
    with pytest.raises(KeyError):
        load("pager")


def test_each_kind_has_a_model_for_editors():
    assert {kind: model.__name__ for kind, model in models().items()} == {
        "console": "Config",
        "slack": "Config",
        "webhook": "Config",
    }


async def test_no_secret_is_in_anything_that_can_be_printed(sink, bench):
    bench.environ |= {
        "GATEWAY_KEY": "canary-key",
        "SIGNING": "canary-secret",
        "URL": f"{sink.url}canary-url?k=canary-q",
    }
    webhook = bench.webhook(
        url=FromEnv(from_env="URL"),
        secret=FromEnv(from_env="SIGNING"),
        headers={"Authorization": FromEnv(from_env="GATEWAY_KEY")},
    )
    sink.script(FAIL, refuse(), RESET, refuse(302))
    said = [repr(webhook), str(webhook), repr(bench.tools)]
    for _ in range(4):
        with pytest.raises((Transient, Permanent)) as raised:
            await webhook.send(delivery(address="+82-canary"))
        cause: BaseException | None = raised.value
        while cause is not None:
            said.append(f"{cause} {cause!r}")
            cause = cause.__cause__ or cause.__context__
    assert "canary" not in " ".join(said)
